package sim

import (
	"fmt"

	"parley/rooms"
)

// pinnedBranchNeverFlipsByLaterPin: the branch of a forked log that the first pin names
// counts as long as that pin does: with every set of entries that has the pin's and what it has
// seen, the run that it names is not void for the fork, whatever later pins name.
func pinnedBranchNeverFlipsByLaterPin(_ *World, list []*outcome) string {
	for _, o := range list {
		for _, h := range o.all {
			for _, log := range sortedIDs(h.oracle.proved) {
				fork := h.oracle.fork(log)
				if fork == 0 {
					continue
				}
				first := h.oracle.firstPin(h.oracle.pins(log, fork))
				if first == nil {
					continue
				}
				run := h.oracle.runs[first.pin.Link]
				if run == nil || run.Last() != first.pin.Number || h.oracle.base(run).verdict != rooms.Valid {
					continue
				}
				if runs, held := h.oracle.chain(first.pin, fork); !held || len(runs) == 0 {
					continue
				}
				if h.ends[log].Number < run.Last() {
					return fmt.Sprintf("%s counts log %s up to %d, and its first pin names %d", h.peer.name, log.Short(), h.ends[log].Number, run.Last())
				}
			}
		}
	}
	return ""
}

// forkTouchesOnlyOwnLog: a fork changes nothing but what counts of the log that was forked:
// every other log counts as it would without any proof.
func forkTouchesOnlyOwnLog(_ *World, list []*outcome) string {
	for _, o := range list {
		for _, h := range o.all {
			plain := newOracle(o.room)
			for _, e := range h.entries {
				plain.add(e)
			}
			plain.runs = h.oracle.runs
			for _, log := range sortedIDs(h.runs) {
				if _, forked := h.oracle.proved[log]; forked {
					continue
				}
				if end := plain.end(h.runs[log]); end != nil && h.ends[log].Link != end.Hash {
					return fmt.Sprintf("log %s, which was not forked, ends at %d at %s", log.Short(), h.ends[log].Number, h.peer.name)
				}
			}
		}
	}
	return ""
}
