// Package embedded is the default engine of store.Store: one folder on the local disk, held by
// one process, on Pebble (a log-structured merge tree with a write-ahead log).
//
// # Folder
//
//	FORMAT   "parley store embedded 1\n": what this folder is; written last when a store is
//	         made, checked first when one is opened
//	LOCK     locked while a process has the store open
//	PID      the holder's process ID in decimal, for the message to the second one
//	db/      Pebble's files
//
// Files are made 0600 and folders 0700.
//
// # Keys
//
// Rooms and logs get small numbers of their own when they first appear, which keeps the keys of a
// run of one message short; numbers are never given twice. Numbers are big-endian, so that keys
// sort; uv is an unsigned varint (encoding/binary).
//
//	'M' name                              engine's own: instance, counters
//	'R' room[32]                        → room u32 ‖ uv last arrival ‖ uv next log
//	'H' room u32 ‖ log[32]              → log u64 ‖ author[32] ‖ link[32] ‖ received u64 ‖ uv floor ‖ uv last ‖ uv bytes ‖ uv last arrival
//	'N' room u32 ‖ log u64              → log[32] ‖ author[32]
//	'C' room u32 ‖ kind u8 ‖ id[32]     → bytes
//	'V' key                             → value
//	'a' room u32 ‖ arrival u64          → log u64 ‖ first u64 ‖ uv length of the run's bytes
//	'r' room u32 ‖ log u64 ‖ first u64  → received u64 ‖ link[32] ‖ uv count-1 ‖ uv arrival ‖ bytes
//
// A run is one value; heads are values of their own, so that opening a room with many logs is
// one scan of small values, with no run read. Sorted files never reach over the borders between the
// small tables (upper case), the arrivals and the runs: new runs of a log come after all old ones, so most of
// their files move down the tree as they are, and are not merged with the small values that change all the time.
//
// # Commits
//
// One goroutine stages batches in order against the heads (cached), and hands each group to the
// write-ahead log without waiting; another waits for the log's syncs and answers the
// callers. What arrives while the disk syncs shares the next sync. Readers see
// the store as of the last completed sync, by a snapshot that moves on with each, so nothing that is
// read can be lost.
//
// # Faults
//
// Pebble stops the process when its write-ahead log or manifest cannot be written. Between Pebble and
// the disk stands a file system (diskFS) that keeps such errors from it. While the disk is full,
// a write waits inside it and is tried again; callers of Apply get store.ErrFull meanwhile, and reading goes on.
// Any other fault of writing (an error of a sync above all, after which the kernel may have
// dropped what was not written) ends this life of the database: every caller that waits gets an error, what
// Pebble still does to its files has no effect, and the database is opened again from what is on the disk.
package embedded
