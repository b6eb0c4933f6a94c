package store

// What every engine accepts, so that a batch that one takes the other takes too.
const (
	// MaxRun is the most bytes of one run: the largest frame of the protocol
	// (1 MiB), of which a run is a part.
	MaxRun = 1 << 20

	// MaxRecord is the most bytes of one record: as a run, it travels in one frame.
	MaxRecord = 1 << 20

	// MaxNote is the most bytes of a run's note: two lists of 64 IDs and a little more.
	MaxNote = 8 << 10

	// MaxKey is the most bytes of a value's key: enough for a prefix and a few IDs as
	// text, and below what any engine's index can hold.
	MaxKey = 512

	// MaxValue is the most bytes of a value: settings and tokens are small; the
	// bound is one frame so that nothing larger is built by mistake.
	MaxValue = 1 << 20

	// MaxBatchBytes is the most bytes of content in one batch. A batch is in memory several
	// times over while it is applied (the caller's, the engine's, the log's), so this times
	// four is what one call may cost.
	MaxBatchBytes = 8 << 20

	// MaxBatchItems is the most items in one batch, for the fixed cost of each.
	MaxBatchItems = 1 << 16
)
