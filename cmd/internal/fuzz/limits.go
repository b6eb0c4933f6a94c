package fuzz

import "time"

const (
	// seriesLength is how many episodes share a den: enough that what one leaves behind meets the next,
	// few enough that a finding that needs several is played again soon.
	seriesLength = 12

	// maxSteps bounds the steps of one episode, so that a script can be read.
	maxSteps = 120

	// maxEdits is how many places of one step are changed at most.
	maxEdits = 3

	// maxGrowth is by how many bytes a change makes a list longer.
	maxGrowth = 64 << 10

	// maxPart is the most of a body that goes into one record.
	maxPart = 60000

	// awaitWithin is how long a step waits for a frame that the peer may well not send.
	awaitWithin = 60 * time.Millisecond

	// delayedWithin is awaitWithin for what a peer waits with on purpose: comparisons, and what follows from them.
	delayedWithin = 400 * time.Millisecond

	// drainFor is how long a step looks for what has arrived.
	drainFor = 300 * time.Microsecond

	// maxWait is the longest wait of a step.
	maxWait = 500 * time.Millisecond

	// leaveWithin is how long it may take to leave a den when all is over.
	leaveWithin = 5 * time.Second

	// maxObserved is how many frames of the peer are kept to be shown in a finding.
	maxObserved = 200

	// maxKinds is how many different findings are kept and cut down: beyond it something is wrong
	// with all, and more files do not help.
	maxKinds = 16

	// maxScript bounds a script's text, in bytes.
	maxScript = 64 << 20
)

// shrinkPlays bounds how often a script is played while it is cut down.
const shrinkPlays = 200
