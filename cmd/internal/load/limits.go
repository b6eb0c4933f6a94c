package load

import "time"

const (
	// MinSize is the least size of a message in bytes: its stamp fits.
	MinSize = 80

	// maxBacklog bounds the messages that are due and not yet taken by their
	// writers, all together, 24 bytes each. A run that is so far behind ends.
	maxBacklog = 1 << 20

	// maxMissing bounds the messages that one reader remembers as passed over;
	// beyond it they count as lost at once.
	maxMissing = 1 << 16

	// maxSlots is how many lines a timeline has at most. Longer runs have slots of
	// several seconds.
	maxSlots = 120

	// setUpAtOnce is how many users are made at a time: it keeps below the
	// handshakes that a peer has open with one source.
	setUpAtOnce = 16

	// joinWithin bounds one join, first sync included, and contactWithin the
	// first answer of a peer.
	joinWithin    = time.Minute
	contactWithin = 15 * time.Second

	// timely is how long behind the end of a phase an acknowledgement may come, of a
	// message that was due in it, and be one that kept up: many times what one takes,
	// and little beside a phase.
	timely = 100 * time.Millisecond

	// againAfter is the pause before a writer whose pipe failed goes on.
	againAfter = time.Second

	// replicaSlice is the longest that one request for replicas waits, and askAgain
	// the pause behind one that was in vain.
	replicaSlice = 10 * time.Second
	askAgain     = 100 * time.Millisecond

	// The generator is called late when the 99th percentile of its own lateness
	// is more than lateShare of the 99th percentile to the acknowledgement, and more than lateLeast.
	lateShare = 0.25
	lateLeast = 500 * time.Microsecond

	// wakeEarly is how long before a moment the coarse sleep ends: timers of the
	// runtime are up to a millisecond late where the system's own are not.
	wakeEarly = 1500 * time.Microsecond

	// statusEvery is how often a peer is asked for its memory, and statusWithin bounds
	// the answers of all. It has settled when it was not less for settleQuiet, or after
	// settleMost: a peer that was busy gives back what it does not need within seconds.
	statusEvery  = 250 * time.Millisecond
	statusWithin = 10 * time.Second
	settleQuiet  = 3 * time.Second
	settleMost   = 20 * time.Second
)
