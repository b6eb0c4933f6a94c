package peer

import "time"

// What this implementation chose; none of it is visible to the protocol.
const (
	// DefaultPort is the TCP port tried first. When it is taken and no port was
	// asked for by name, any free one serves: beacons and the address file tell it.
	DefaultPort = 19946

	// maxEvents is how many events wait for the core. Each holds at most one
	// frame, so this also bounds their memory; behind it readers wait, which
	// withholds credit from the other side.
	maxEvents = 64

	// maxUnsynced is how many bytes of records wait for the store before readers
	// of new ones pause: several group commits' worth, little beside the heap.
	maxUnsynced = 16 << 20

	// maxCommit is how many bytes one group commit takes: past it the fsync is a
	// small part of the cost, and a larger batch only adds latency.
	maxCommit = 4 << 20

	// maxOutbox is how many bytes of room messages may wait for a session that
	// does not read. A slower peer is cut and syncs when it comes back.
	maxOutbox = 8 << 20

	// maxTailBuffer is how many bytes of new runs wait for a slow tail. Past it
	// the tail reads them from the store again.
	maxTailBuffer = 2 << 20

	// tailFrame is the size to which runs are gathered in one frame for a tail or
	// a pull: one record, so that live messages pass between.
	tailFrame = 56 << 10

	// maxServes is how many pulls one session is served at once.
	maxServes = 8

	// maxRequests is how many requests of one user's session are open at once.
	maxRequests = 64

	// maxSessions bounds the sessions of all kinds: at 48 KiB each they stay
	// within 256 MiB.
	maxSessions = 5000

	dialTimeout = 2 * time.Second // long enough for a retransmission of a SYN, which comes after 1 s
	dialDelay   = 100 * time.Millisecond
	dialBackoff = time.Second // cap: with one attempt under way, a returning host is found within 4 s
	dialJitter  = 0.25        // of each delay, so that two peers do not dial in step
	forgetAddr  = 10 * time.Minute
	maxAddrs    = 1024 // addresses remembered; a flood of beacons pushes out the oldest

	goodbye      = 1500 * time.Millisecond // for a clean end of everything at shutdown
	answerTime   = time.Second             // for an answer to arrive before its session is ended
	reloadEvery  = time.Second             // between attempts to read a room again
	loadPatience = 2 * time.Minute         // for one room to be read at the start: a database's failover, or several questions that take too long

	// loadPart is how many rooms are read before the core is given them at the start, and loadAtOnce how many at the same time.
	loadPart   = 64
	loadAtOnce = 16

	// A peer that allocates less than idleBytes in idleLook is idle; when it has
	// allocated more than trimBytes since the last time, its memory is trimmed,
	// which costs a collection of a small heap.
	idleLook  = 5 * time.Second
	idleBytes = 4 << 20
	trimBytes = 16 << 20

	// memoryLimit is how much memory the runtime may take before it collects
	// harder than in proportion to what lives, which raises it when it is more
	// than half of it: with the program's own pages, a peer of an ordinary site
	// stays under 128 MiB through any flood.
	memoryLimit = 88 << 20

	// storeWait is how long a token waits to be written: within the time that a handshake may take.
	storeWait = 2 * time.Second

	// maxValues is how many tokens are remembered beside the store, some 200 bytes each.
	maxValues = 4096

	// sharedPoll is how often a peer looks at what others keep in the same database, with one small query a room. What it
	// lacks still at the second look it takes: so long it takes at most until their messages come when all sessions are cut.
	sharedPoll = 2 * time.Second

	// offenderEvery is how often one source's offences are logged.
	offenderEvery = time.Minute
	maxOffenders  = 1024
)
