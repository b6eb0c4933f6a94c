package client

import "time"

// What this implementation chose. Nothing here is the protocol's.
const (
	// maxRunBytes is how many bytes a run of several messages gathers, and
	// sealedCost what sealing adds to each message, at most, beside its name:
	// IV, padding, tag and framing. So a run and what it is sent in stay below a
	// record, and no hop has to put it together from parts.
	maxRunBytes = 60 << 10
	sealedCost  = 80

	// maxInFlight is how many bytes of runs are sent and not yet acknowledged:
	// enough to keep a disk's group commits full, little enough to resend.
	maxInFlight = 4 << 20

	// outboxArea is how many bytes of unacknowledged runs the outbox holds. It
	// is a ring: with maxInFlight and one largest run more there is always
	// room for the next run in front of the oldest, or behind the newest.
	outboxArea = 12 << 20

	// outboxKeep is the size from which an emptied outbox is cut down.
	outboxKeep = 1 << 20

	// maxKeys is how many names given by --key a room remembers; the oldest go first.
	maxKeys = 64 << 10

	// turnRetry is how often a lock that another writer holds is tried: it
	// bounds what taking turns costs each of them.
	turnRetry = 2 * time.Millisecond

	// turnProbe is how often the holder of the lock looks whether another
	// writer waits: the longest that a line waits for an endless pipe, apart
	// from the acknowledgement of what is in flight.
	turnProbe = 10 * time.Millisecond

	// turnLinger is how long a pipe that has nothing to send keeps its turn while
	// nobody else waits: to open a window costs two locks, the outbox and a
	// round trip, as much as a message itself.
	turnLinger = 50 * time.Millisecond

	// writerRefresh is how often a long window asks the peer for the room's
	// digest, clock and newest messages: how long a pipe goes on under an old epoch.
	writerRefresh = 500 * time.Millisecond

	// reconnectFor is how long a request that was under way waits for a daemon
	// that restarts, unless Config.Patience says otherwise, and reconnectMax the longest pause between two dials.
	reconnectFor = 30 * time.Second
	reconnectMin = 50 * time.Millisecond
	reconnectMax = 2 * time.Second

	// refusedPauseMin and refusedPauseMax bound the pause before a run is sent
	// again that the peer had no room for just now.
	refusedPauseMin = 100 * time.Millisecond
	refusedPauseMax = 2 * time.Second

	// maxAttempts bounds how often a window submits records that the peer
	// lacks, attaches the room, or starts a new incarnation, before it fails.
	maxAttempts = 4

	// dialTimeout bounds the connection and handshake with a peer.
	dialTimeout = 10 * time.Second

	// closeWait is how long Close waits for a token that is on its way.
	closeWait = time.Second

	// answerWait is how long an answer waits for the message that it answers.
	answerWait = 2 * time.Second

	// maxWaiting is how many runs wait so at once; beyond it the oldest is shown.
	maxWaiting = 256

	// maxFileSize bounds the small files of the user's folder when they are read.
	maxFileSize = 1 << 20

	// maxAuthorityFile bounds the cache of a room's entries: what a room may
	// hold (rooms.MaxEntriesBytes) and the framing of the file.
	maxAuthorityFile = 80 << 20

	// maxCursorLogs is how many logs a cursor remembers: ten times what an open room keeps.
	maxCursorLogs = 100_000

	// cursorEvery is how often a cursor is saved while messages keep coming.
	cursorEvery = time.Second

	// maxEpochKeys is how many epochs of a room are kept: one a day for 40 years.
	maxEpochKeys = 16 << 10

	// maxNames bounds the local names of rooms and people.
	maxNames = 100_000

	// minIDPrefix is how many characters of an ID name it.
	minIDPrefix = 8

	// lineBuffer is how much of a pipe is read at once, and lineBatches how
	// many such reads are ahead of the writer.
	lineBuffer  = 256 << 10
	lineBatches = 4

	// tokenMargin is how long before its end a token is no longer used.
	tokenMargin = 10 * time.Minute

	// submitBytes is how much one Submit carries: below its bound on the wire.
	submitBytes = 768 << 10

	// maxCiphers is how many logs' message keys a worker keeps ready.
	maxCiphers = 128

	// maxAddresses is how many addresses go into an invite link, or are told to
	// a peer with a room: a host's interfaces; a link of them still fits a QR code.
	maxAddresses = 8

	// joinBoxes is how long a newcomer waits for the keys of older epochs after
	// it has the newest one.
	joinBoxes = 3 * time.Second

	// joinPeers is how long a newcomer's first sync waits for another peer that
	// has the room, when none is connected.
	joinPeers = 3 * time.Second

	// leaveSpread is how long a leave waits to reach another peer.
	leaveSpread = 3 * time.Second

	// oldSealingKeep is how long an older sealing key is kept after a room was told
	// the new one: an admin who is cut off over a long weekend seals to it meanwhile.
	oldSealingKeep = 4 * 24 * time.Hour

	// maxNoticesSeen is how many notices one request takes note of: the protocol's bound.
	maxNoticesSeen = 256

	// pairWait is how long who first opens a room of two waits for the other side's
	// peer, which may hold what was begun there.
	pairWait = time.Second

	// loneRun is the largest run that the receiver opens itself, in bytes: longer
	// ones are worth another core.
	loneRun = 4 << 10

	// tailAhead is how many runs are verified and decrypted ahead of the reader.
	tailAhead = 256
)
