package check

const (
	// maxFindings is how many findings are told in detail: a store that has more is lost as a
	// whole, and a list of a million lines helps nobody.
	maxFindings = 1000

	// chunkRuns is how many runs a worker verifies at a time: enough that handing them over costs nothing.
	chunkRuns = 128

	// chunkBytes bounds a chunk of large runs, and chunksAhead how many chunks are read ahead of the
	// verification, so that a check of any store takes little memory.
	chunkBytes  = 1 << 20
	chunksAhead = 16
)
