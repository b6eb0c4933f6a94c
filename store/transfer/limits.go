package transfer

const (
	// batchBytes and batchItems are how much is copied at a time: large enough that a disk's sync, or a
	// server's answer, is paid for by many runs; far below what a batch may have.
	batchBytes = 2 << 20
	batchItems = 4096

	// itemBytes is what an item is counted for besides its content.
	itemBytes = 128

	// progressRuns is how many runs are read between two calls of a progress function.
	progressRuns = 512
)
