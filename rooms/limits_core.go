package rooms

import (
	"time"

	"parley/store"
	"parley/wire"
)

// What the protocol of sync fixes (document "Sync").
const (
	// rangeLeafMax is the most elements a node lists instead of its children's
	// hashes: 64 heads take about 5 KiB, as little as is worth a round trip.
	rangeLeafMax = 64

	// maxRangeNodes is the most nodes in one Ranges: their answer of full leaves stays below MaxFrame.
	maxRangeNodes = 128

	// maxFetch is the most records asked for in one Fetch.
	maxFetch = 1024

	// maxWantsPerPull is the most parts of logs in one Pull: enough that a room of
	// many short logs is not paced by round trips.
	maxWantsPerPull = 1024

	// maxHeadsPerFrame is the most heads or marks in an Announce or an Ack: about 80 bytes each.
	maxHeadsPerFrame = 8192

	// maxTagsPerOffer is the most rooms offered in one Offer, 16 bytes each, and answered in one Match.
	maxTagsPerOffer = 16384

	// maxOffered is the most rooms that one side offers in a session: ten times
	// the largest peer that is planned for. It bounds what an endless offer costs.
	maxOffered = 1 << 17
)

// What this implementation chose: memory.
const (
	// maxWants is how many logs of a room are remembered as incomplete; the next
	// comparison finds the others. About 200 bytes each.
	maxWants = 16384

	// maxSources is how many sessions a missing part of a log is remembered to be had from.
	maxSources = 4

	// maxMarks is how many logs a session is remembered to lag in, for one room.
	// Beyond it the whole room counts as unknown on that session and is compared again.
	maxMarks = 8192

	// maxParkedRuns and maxParkedRunBytes bound the runs of a room that wait for an
	// entry or for the runs before them. What finds no place is asked for again later.
	maxParkedRuns     = 2048
	maxParkedRunBytes = 8 << 20

	// maxParkedPerLog keeps one log from taking all of that.
	maxParkedPerLog = 512

	// maxDelegationsPerPeer is how many members' delegations are remembered of one
	// peer for one room (a family on one server), and maxDelegations of all peers.
	maxDelegationsPerPeer = 8
	maxDelegations        = 4096

	// maxDelegationsPerMember is how many peers' delegations are remembered that one member signed: its homes. A
	// link is many newcomers'.
	maxDelegationsPerMember = 32
	maxDelegationsPerLink   = 512

	// maxRecordsRefused is how many records that break a rule a peer may send before
	// its session is ended: a newer version of the program may have kinds we refuse.
	maxRecordsRefused = 64

	// maxPeerRequests is how many Ranges and Fetch of one session are answered per
	// second, and burst at once: each costs up to a frame of answer.
	maxPeerRequests      = 2000
	maxPeerRequestsBurst = 4000

	// maxWalkAnswers bounds one comparison, against a peer that finds ever more
	// differences: a set of ten million elements takes 1,500.
	maxWalkAnswers = 4096

	// maxUserRequests is how many requests of users are open at once.
	maxUserRequests = 65536

	// maxRoomsPerUser is how many rooms one user keeps at a peer.
	maxRoomsPerUser = 20000

	// maxRoomsPerReply is how many rooms are listed in one answer, about 100 bytes each.
	maxRoomsPerReply = 8192

	// maxSealedPerFrame is how many recipients of an epoch's boxes are listed in one frame, 34 bytes each.
	maxSealedPerFrame = 16384

	// maxDialAddresses is how many addresses of one link are dialled.
	maxDialAddresses = maxLinkAddresses

	// maxVerifies is how many comparisons (VerifyGet) run at once.
	maxVerifies = 16

	// maxNoticesSeen is how many notices one NoticesGet takes note of, and maxNoticesPerFrame
	// how many go into one answer, of about 250 bytes each.
	maxNoticesSeen     = 256
	maxNoticesPerFrame = 1024

	// maxLastWords is how many entries are sent to tell a former member why it is one: usually one.
	maxLastWords = 64

	// maxHoles is how many holes one comparison reports for one peer.
	maxHoles = 512

	// maxRecent is how many logs are remembered as newest, for references: wire.MaxRefs and the asker's own.
	maxRecent = wire.MaxRefs + 1

	// maxBoxes is how many boxes a room holds, of which 300 bytes each are in
	// memory: 500 members and their links through 250 epochs.
	maxBoxes = 128 << 10

	// maxBoxesPerPlace is how many boxes of one sealer for one recipient in one epoch a peer keeps: one for each sealing
	// key that a recipient has within an epoch, which is days, and some more.
	maxBoxesPerPlace = 8

	// maxGraves is how many logs of an open room are remembered as let go, 50 bytes
	// each: four times those that are held. A forgotten one may come back once.
	maxGraves = 40000

	// maxInterned is how many different lists of heads are shared by a room's logs.
	maxInterned = 8

	// maxProofs is how many forked logs a room remembers the proofs of, usually 1 KiB each, and maxProofBytes how
	// much these may take. An author who forks more than maxProofsPerAuthor has shown what it is, and does not
	// keep others' from being remembered.
	maxProofs          = 4096
	maxProofBytes      = 16 << 20
	maxProofsPerAuthor = 64

	// maxHunts is how many forks are searched for at once in a room.
	maxHunts = 4

	// pushBytes is how many bytes of runs go into one Push: a quarter of a frame
	// lets others pass soon.
	pushBytes = 256 << 10

	// maxAliases is how many refs one room may have on a session: one by each side's
	// offer, and some for rooms that were closed and offered again.
	maxAliases = 16

	// recordsFrame is how many bytes of records go into one Records.
	recordsFrame = 256 << 10

	// batchBytes is when a batch is handed out and another begun: half of what a store takes.
	batchBytes = store.MaxBatchBytes / 2
)

// What this implementation chose: time.
const (
	// announceDelay is how long heads gather before they are announced to sessions
	// that are not known to have them: by then the author's own peer has reached them.
	announceDelay = 250 * time.Millisecond

	// stateDelay is how long a room is quiet before digests are compared again.
	stateDelay = 250 * time.Millisecond

	// stateDelayMax is how much longer a room that does not get quiet is waited for.
	stateDelayMax = 5 * time.Second

	// compareDelay and compareDelayMax are the first and the longest wait before a
	// room whose digests stay unequal is compared once more, doubling in between.
	compareDelay    = 50 * time.Millisecond
	compareDelayMax = 30 * time.Second

	// pullTimeout is how long a pull may bring nothing before it is given to another session.
	pullTimeout = 15 * time.Second

	// walkTimeout is how long a comparison waits for one answer.
	walkTimeout = 15 * time.Second

	// sourceHold is how long a session that failed to deliver is left alone.
	sourceHold = 2 * time.Second

	// storageHold and storageHoldMax are how long a room rests after its store failed.
	storageHold    = 500 * time.Millisecond
	storageHoldMax = 10 * time.Second

	// tagCacheTime is how long the tags of all rooms under a session are kept after an Offer.
	tagCacheTime = 10 * time.Second

	// progressDelay is how often a RoomWatch is told about changes, at most.
	progressDelay = 100 * time.Millisecond

	// limitedHold is how long nothing is asked for of an author of an open room who was too fast.
	limitedHold = time.Second

	// openNewcomer is how long a log of an open room has to be there until it is not one of the newcomers, which
	// may fill half of the room: longer than it is worth waiting for in order to flood a notice board.
	openNewcomer = time.Hour

	// maxPlacedWait is the longest wait of a PlacedGet.
	maxPlacedWait = time.Hour

	// verifyTimeout is how long a VerifyGet waits for a peer's answers.
	verifyTimeout = 20 * time.Second

	// arrivalSkip is what a peer's arrival numbers jump by when it starts: numbers
	// of runs that were shown and then lost before their fsync are not given again.
	arrivalSkip = 1 << 20
)

const (
	// pullsPerPeer is how many pulls of one room run on one session at once.
	pullsPerPeer = 2

	// pullsPerSession is how many pulls of all rooms do: every peer serves as many.
	pullsPerSession = 8
)
