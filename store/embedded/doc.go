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
//	CLOSED   written last when a store is closed, removed first when it is opened: "name size sha256" of
//	         each file of db/ that is no sorted file, a line each, and the SHA-256 of those lines
//	snapshots/  copies that another process reads (Store.Snapshot), each a store's folder
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
// # Memory
//
// Pebble's block cache (4 MiB), two write buffers (4 MiB each) and the heads of 2,048 to 4,096 logs (about 200
// bytes each) are all that stays in memory; at most 128 files are open. A process with a store has about 15 MB
// resident when it is open and under 50 MB after 500,000 runs (BenchmarkResidentMemory; limits.go has the reasons).
//
// # Damage
//
// A byte that changed on the disk is noticed, and store.ErrCorrupt names the file and says what to do:
//
//   - in a sorted file, by the checksum of its block: when the block is read, the rest stays readable;
//   - in any other file of a store that was closed in good order, by CLOSED: at open;
//   - in a write-ahead log after a crash, by a later block of it that says how far it was synced; in a manifest or
//     in the last block of a log, which are 32 KiB, it cannot be told from a write that the crash cut short.
//     What that loses a check finds as far as it was part of something (a head without its runs, an index entry
//     without its run), and a comparison with other peers finds whole (parley room verify).
//
// Check compares the tables with each other; package cmd/internal/check verifies what is in them.
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
