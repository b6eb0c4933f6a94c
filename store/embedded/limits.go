package embedded

import "time"

// What this engine uses. A peer of a small machine shares its memory with everything else, so
// the caches are small: about 15 MB resident when open, under 50 MB after
// 500,000 runs of one message (measured by BenchmarkResidentMemory).
const (
	// cacheBytes is Pebble's block cache: blocks that reads share. Scans read ahead
	// and need little of it; the index blocks of a few million runs fit.
	cacheBytes = 4 << 20

	// memTableBytes is the size of one write buffer, flushed to a sorted file when
	// full. Smaller ones mean more files to merge, larger ones more memory and a longer start after a crash.
	memTableBytes = 4 << 20

	// memTableStop is how many write buffers may wait for the disk before writers do.
	memTableStop = 2

	// maxOpenFiles is the soft limit of files that Pebble keeps open: far below the usual
	// 1,024 of a process, which has sessions to hold too.
	maxOpenFiles = 128

	// tableFileBytes is the size of sorted files at the lowest level; they double per level.
	tableFileBytes = 4 << 20

	// trimFlushDelay is how long after a trim or drop the write buffer with it is flushed, which is
	// what gives the space back: long enough to gather the trims of many logs.
	trimFlushDelay = 2 * time.Second

	// sweepBytes is how much must be on disk in a span that was deleted for it to be merged at
	// once, and sweepQueue how many such spans wait; more are left to later merges.
	sweepBytes = 8 << 20
	sweepQueue = 64

	// walBytesPerSync lets the kernel start writing a long log early, so that a sync after
	// a large batch is not one long stall.
	walBytesPerSync = 512 << 10

	// stateCache is how many heads, and how many rooms, the committer keeps at least
	// (at most twice that), about 200 bytes each.
	stateCache = 2048

	// groupBytes is when a group of batches is handed to the log: below half a write buffer, above
	// which Pebble would turn the buffer over for each group.
	groupBytes = 512 << 10

	// groupRequests is the most batches in a group, to bound the wait of the first.
	groupRequests = 1024

	// queueLength is how many Apply calls may wait for the committer before more
	// of them block; each is only a pointer.
	queueLength = 1024

	// inFlight is how many groups may wait for a sync. Two keep the disk busy; more only
	// let small groups gather behind a slow one.
	inFlight = 8

	// pageRuns and pageBytes bound what a sequence reads at a time, and so what
	// a caller that keeps one run can hold on to.
	pageRuns  = 512
	pageBytes = 128 << 10

	// firstPageRuns is the first page of a sequence: many callers want one run.
	firstPageRuns = 8

	// authorCache is how many logs' IDs a scan by arrival remembers, 72 bytes each.
	authorCache = 4096

	// fullRetry is how often a write that found the disk full is tried again, and
	// reopenFirst to reopenMost how long the engine waits between attempts to
	// open its files again after a fault. Until reopenGrace after the fault, callers wait
	// for that instead of getting an error.
	fullRetry   = 100 * time.Millisecond
	reopenFirst = 100 * time.Millisecond
	reopenMost  = 5 * time.Second
	reopenGrace = 2 * time.Second

	// reserveBytes is the free space that only deletions may use. It is what giving space back
	// takes first: the write buffers and their log once more (a few times memTableBytes each way), and
	// the output of a merge before its input goes. On a small disk the reserve is one part in reserveShare.
	reserveBytes = 64 << 20
	reserveShare = 4

	// reserveEvery is how much may be written between two looks at the free space.
	reserveEvery = 1 << 20

	// fullPatience is how long Apply still waits for its answer when the disk turns out to be
	// full, and dropPatience how long when it only drops things, which may
	// be what makes space.
	fullPatience = 100 * time.Millisecond
	dropPatience = 2 * time.Second

	// rangeRun is the length from which consecutive arrival numbers are deleted as a range:
	// below it, single deletions are smaller.
	rangeRun = 3

	// maxClosed bounds what is read of CLOSED: a line of 100 bytes for each of a few dozen files.
	maxClosed = 64 << 10

	foreignShown = 3 // names of foreign files in an error
)
