// Package sim runs whole rooms in one goroutine: peers with their stores, the
// people who write at them, and whoever misbehaves, over one event queue and
// one seed. The peers are the real core (rooms.Core), the signatures, boxes and
// keys are real; sockets, disks and clocks are modelled.
//
// A run has three parts. A script, generated from the seed, says what happens:
// who joins and writes, which disks fail, who lies (action.go, adversary.go). The world carries it
// out and then heals: partitions end, everybody starts. At last every check (checks.go) is
// applied to what the peers hold. A script that fails a check is cut down to the shortest one
// that still fails it (shrink.go) and printed; it is text, and can be run again.
//
// What counts is decided a second time here, by oracle.go: the rules of the design's appendix
// evaluated slowly and literally over the sets of all entries and runs.
//
// Only tests import this package.
package sim
