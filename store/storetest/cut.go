package storetest

import (
	"slices"

	"parley/store"
)

// cut is a batch that drops what a log has behind a run.
func cut(log string, head, end store.Run) *store.Batch {
	return &store.Batch{Cuts: []store.Cut{{
		Room: ID("room"), Log: ID("log " + log), Head: head.Link, Last: end.Last, Link: end.Link, Note: "cut",
	}}}
}

// anew is runs as they come once more: without the arrival numbers that they had.
func anew(runs []store.Run) []store.Run {
	runs = slices.Clone(runs)
	for i := range runs {
		runs[i].Arrival = 0
	}
	return runs
}

var cutCases = []testCase{
	{"a cut drops the runs behind its end, and the log goes on from there", func(h *harness) {
		runs := chain("a", 1, 10, 5)
		other := chain("b", 1, 3, 1)
		h.append(runs...)
		h.append(other...)
		h.apply(cut("a", runs[9], runs[3]))
		h.same(h.runs("a", 1), runs[:4])
		h.same(h.arrivals(0), append(append([]store.Run(nil), runs[:4]...), other...))
		head := h.head("a")
		if head.Last != 20 || head.Link != runs[3].Link || head.Note != "cut" || head.Bytes != 400 || head.LastReceived != runs[3].Received || head.LastArrival == 0 {
			h.Errorf("head %+v after a cut to 20", head)
		}
		again := chain("a", 21, 2, 3)
		h.append(again...)
		h.same(h.runs("a", 1), append(append([]store.Run(nil), runs[:4]...), again...))
	}},
	{"a cut comes again after the log has gone on, and changes nothing", func(h *harness) {
		runs := chain("a", 1, 4, 5)
		h.append(runs...)
		b := cut("a", runs[3], runs[1])
		b.Runs = chain("a", 11, 3, 2)
		h.apply(b)
		h.apply(b)
		h.same(h.runs("a", 1), append(append([]store.Run(nil), runs[:2]...), chain("a", 11, 3, 2)...))
		h.apply(cut("a", runs[3], runs[0])) // of a head that is not there any more
		if head := h.head("a"); head.Last != 16 {
			h.Errorf("the log ends at %d, want 16", head.Last)
		}
	}},
	{"what was cut may be appended again, under a new arrival", func(h *harness) {
		runs := chain("a", 1, 4, 5)
		h.append(runs...)
		last := h.head("a").LastArrival
		h.apply(cut("a", runs[3], runs[1]))
		again := anew(runs[2:])
		h.append(again...)
		h.same(h.runs("a", 1), append(runs[:2:2], again...))
		h.same(h.arrivals(last), again)
	}},
	{"a batch may cut a run and put another of the same numbers in its place", func(h *harness) {
		runs := chain("a", 1, 4, 5)
		h.append(runs...)
		other := NewRun("a", 11, 15, 40)
		other.Link = ID("another")
		b := cut("a", runs[3], runs[1])
		b.Runs = []store.Run{other}
		h.apply(b)
		h.apply(b)
		h.same(h.runs("a", 1), append(runs[:2:2], other))
	}},
	{"a cut to the floor keeps the head, with the link it gives", func(h *harness) {
		runs := chain("a", 1, 4, 5)
		h.append(runs...)
		h.apply(trim("a", 10))
		h.apply(cut("a", runs[3], runs[1]))
		h.same(h.runs("a", 1), nil)
		if head := h.head("a"); head.Floor != 10 || head.Last != 10 || head.Link != runs[1].Link || head.Bytes != 0 {
			h.Errorf("head %+v after a cut to the floor", head)
		}
		again := anew(runs[2:])
		h.append(again...)
		h.same(h.runs("a", 1), again)
	}},
	{"a cut inside a run, to another link, below the floor or above the head is refused", func(h *harness) {
		runs := chain("a", 1, 10, 5)
		h.append(runs...)
		h.apply(trim("a", 10))
		inside, other, below, above := runs[4], runs[4], runs[0], runs[9]
		inside.Last--
		other.Link = ID("another")
		above.Last += 5
		for _, end := range []store.Run{inside, other, below, above} {
			h.refuse(store.ErrConflict, cut("a", runs[9], end))
		}
		h.same(h.runs("a", 1), runs[2:])
	}},
	{"a cut of what is not there is nothing", func(h *harness) {
		h.apply(cut("a", NewRun("a", 2, 2, 1), NewRun("a", 1, 1, 1)))
		if dump := h.dump(); dump != "" {
			h.Errorf("the store holds %s", dump)
		}
	}},
}
