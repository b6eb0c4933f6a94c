package rooms

import (
	"time"

	"parley/handshake/identity"
	"parley/wire"
)

// What the protocol fixes. Every peer enforces these on what it receives; a
// record beyond one of them is refused for good.
const (
	// MaxRunMessages is how many messages one run holds: enough that a
	// signature's cost is spread thin, few enough that a run is verified,
	// stored and shown in about a millisecond.
	MaxRunMessages = 512

	// MaxMessage is the largest message in bytes, before encryption: with its
	// padding, tag and the run's own fields it fits in wire.MaxRun.
	MaxMessage = 960 << 10

	// MaxHeads is how many authority heads a run or an entry names. A head is
	// needed for each branch of the chains that nobody has joined yet and for
	// the writer's own join: honest rooms have a handful.
	MaxHeads = 64

	// MaxPins is how many logs a leave, a stop or an epoch names. An author
	// starts a log for each home, and for each time that a home was restored or
	// moved; of one with more, a stop names those with the most messages, and an
	// epoch names those last written to.
	MaxPins = 512

	// MaxJoins is how many joins one entry confirms: with MaxPins and MaxHeads
	// they fit in MaxEntry. More are confirmed by revocations before it.
	MaxJoins = 1024

	// MaxRevoked is how many invites one entry revokes: all that a room has.
	MaxRevoked = 1024

	// MaxFloors is how many logs one trim names, as far as they fit in MaxEntry:
	// a floor with a head or two takes 250 bytes.
	MaxFloors = 256

	// MaxEntry is the largest encoded entry in bytes: a stop with MaxPins pins,
	// MaxJoins joins and MaxHeads heads takes 77 KiB.
	MaxEntry = 96 << 10

	// MaxBox is the largest encoded box in bytes: an HPKE encapsulation of
	// 1,120 bytes, 48 bytes sealed, and the box's own fields.
	MaxBox = 1536

	// MaxDelegation is the largest encoded delegation in bytes.
	MaxDelegation = 256

	// MaxRoomName and MaxTopic bound a room's texts in bytes: one line of a terminal, and three.
	MaxRoomName = 64
	MaxTopic    = 256

	// MaxProof is the largest encoded proof of a fork in bytes: two runs of
	// MaxRunMessages leaves and MaxHeads heads, without their messages.
	MaxProof = 48 << 10

	// MaxEntries is how many entries a room's authority holds, and
	// MaxEntriesBytes how many bytes of them. Both are far beyond an honest
	// room (a join of 3 KiB for each of 10,000 members) and keep a hostile
	// master from filling the memory of its members' peers.
	MaxEntries      = 16 << 10
	MaxEntriesBytes = 64 << 20
)

// What this implementation chose.
const (
	// maxParked is how many entries wait for others that they name, and
	// maxParkedBytes how many bytes of them: what a few frames bring before
	// the dependencies that were asked for. The oldest leaves first and is
	// asked for again by the next comparison of digests.
	maxParked      = 1024
	maxParkedBytes = 4 << 20

	// maxViews is how many views by heads are remembered: writers share their
	// heads, so a room has about as many as it has writers that are behind.
	maxViews = 256

	// maxMissing is how many missing dependencies one call reports: what is
	// asked for in one request.
	maxMissing = 256

	// maxClockAhead is how far beyond the own clock a clock seen in the room
	// may lie and still move ours: time zones set wrong by a day do, liars do not.
	maxClockAhead = 26 * time.Hour

	// maxLinkText is the longest text read as an invite link, in characters:
	// eight addresses and the rest, in base32.
	maxLinkText = 2048

	// maxLinkAddresses and maxLinkAddress bound the addresses in a link: a
	// host's interfaces, and the longest name that DNS allows with a port.
	maxLinkAddresses = 8
	maxLinkAddress   = 262

	// maxScratch is the largest hashing buffer that goes back to the pool.
	maxScratch = 128 << 10
)

// maxPolicySeconds is the longest time in a policy: a hundred years, which
// fits in a duration.
const maxPolicySeconds = 100 * 365 * 24 * 60 * 60

// DefaultEpochAge is how long a key is used where no policy says otherwise.
const DefaultEpochAge = 7 * 24 * time.Hour

// The sizes of fixed parts, in bytes.
const (
	saltSize      = 16
	nonceSize     = 16
	ivSize        = 16
	tagSize       = 32
	blockSize     = 16
	signatureSize = identity.SignatureSize
	keySize       = identity.PublicKeySize
	sealingSize   = identity.SealingKeySize
	sealedKeySize = EpochKeySize + identity.SealOverhead
	minMessageBin = ivSize + blockSize + tagSize
	maxMessageBin = wire.MaxRun
)
