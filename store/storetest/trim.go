package storetest

import (
	"errors"
	"fmt"

	"parley/store"
	"parley/wire"
)

func trim(log string, floor uint64) *store.Batch {
	return &store.Batch{Trims: []store.Trim{{Room: ID("room"), Log: ID("log " + log), Floor: floor}}}
}

var trimCases = []testCase{
	{"a trim drops the runs up to the floor, the log goes on", func(h *harness) {
		runs := chain("a", 1, 10, 5)
		other := chain("b", 1, 3, 1)
		h.append(runs...)
		h.append(other...)
		h.apply(trim("a", 20))
		h.same(h.runs("a", 1), runs[4:])
		h.same(h.arrivals(0), append(append([]store.Run(nil), runs[4:]...), other...))
		if head := h.head("a"); head.Floor != 20 || head.Last != 50 || head.Bytes != 600 || head.Link != runs[9].Link {
			h.Errorf("head %+v after a trim at 20", head)
		}
		more := chain("a", 51, 2, 5)
		h.append(more...)
		h.same(h.runs("a", 1), append(append([]store.Run(nil), runs[4:]...), more...))
	}},
	{"trims may follow each other, in one batch too, and come again", func(h *harness) {
		runs := chain("a", 1, 10, 5)
		h.append(runs...)
		b := trim("a", 10)
		b.Trims = append(b.Trims, trim("a", 15).Trims[0], trim("a", 5).Trims[0])
		h.apply(b)
		h.apply(b)
		h.apply(trim("a", 3)) // below the floor: nothing, a run's end or not
		h.same(h.runs("a", 1), runs[3:])
	}},
	{"a floor inside a run, or above the head, is refused", func(h *harness) {
		h.append(chain("a", 1, 10, 5)...)
		h.refuse(store.ErrConflict, trim("a", 12))
		h.refuse(store.ErrConflict, trim("a", 51))
	}},
	{"a trim of every run keeps the head, so the log goes on", func(h *harness) {
		runs := chain("a", 1, 4, 5)
		h.append(runs...)
		h.apply(trim("a", 20))
		h.same(h.runs("a", 1), nil)
		h.reopen()
		if head := h.head("a"); head.Floor != 20 || head.Last != 20 || head.Bytes != 0 || head.Link != runs[3].Link {
			h.Errorf("head %+v after a trim of everything", head)
		}
		h.refuse(store.ErrConflict, &store.Batch{Runs: []store.Run{NewRun("a", 30, 30, 1)}})
		h.refuse(store.ErrConflict, &store.Batch{Runs: runs[3:]}) // held no more
		more := chain("a", 21, 2, 5)
		h.append(more...)
		h.same(h.runs("a", 1), more)
	}},
	{"a log trimmed whole is gone and may start anywhere", func(h *harness) {
		h.append(chain("a", 1, 4, 5)...)
		h.append(chain("b", 1, 4, 5)...)
		h.apply(trim("a", store.TrimAll))
		h.apply(trim("a", store.TrimAll))
		if _, err := h.Store.Head(h.ctx(), ID("room"), ID("log a")); !errors.Is(err, store.ErrNotFound) {
			h.Errorf("the head of a dropped log: %v, want ErrNotFound", err)
		}
		anew := chain("a", 7, 3, 1)
		h.append(anew...)
		h.same(h.runs("a", 1), anew)
		h.same(h.runs("b", 1), chain("b", 1, 4, 5))
		h.apply(trim("b", 20))
		h.apply(trim("b", store.TrimAll)) // a log without runs
		if heads := h.heads(); len(heads) != 1 {
			h.Errorf("%d heads, want 1", len(heads))
		}
	}},
	{"a trim of what is not there is nothing", func(h *harness) {
		h.apply(trim("a", 20))
		h.apply(trim("a", store.TrimAll))
		if dump := h.dump(); dump != "" {
			h.Errorf("the store holds %s", dump)
		}
	}},
	{"logs that arrived interleaved are trimmed apart", func(h *harness) {
		var runs []store.Run
		for i := range uint64(300) {
			runs = append(runs, NewRun(fmt.Sprint("log", i%3), i/3+1, i/3+1, 20))
		}
		h.append(runs...)
		h.apply(trim("log1", 60))
		var want []store.Run
		for i, run := range runs {
			if i%3 != 1 || run.First > 60 {
				want = append(want, run)
			}
		}
		h.same(h.arrivals(0), want)
	}},
	{"appending and trimming at once keeps the tail", func(h *harness) {
		next := uint64(1)
		for range 40 {
			h.append(chain("a", next, 5, 2)...)
			next += 10
			if next > 41 {
				h.apply(trim("a", next-41))
			}
		}
		if head := h.head("a"); head.Last-head.Floor != 40 || len(h.runs("a", 1)) != 20 {
			h.Errorf("floor %d, last %d", head.Floor, head.Last)
		}
	}},
}

var dropCases = []testCase{
	{"a dropped room is gone, the others stay", func(h *harness) {
		stays := NewRun("a", 1, 1, 10)
		stays.Room = ID("stays")
		h.append(append(chain("a", 1, 30, 2), stays)...)
		h.apply(&store.Batch{
			Records: []store.Record{record(1, "r"), record(2, "r")},
			Values:  []store.Value{{Key: "k", Value: []byte("v")}},
		})
		h.apply(&store.Batch{DropRooms: []wire.ID{ID("room")}})
		h.same(h.runs("a", 1), nil)
		h.same(h.arrivals(0), nil)
		if len(h.heads()) != 0 || len(h.records(1)) != 0 || len(h.records(2)) != 0 {
			h.Error("something of the room is left")
		}
		if rooms, err := h.Store.Rooms(h.ctx()); err != nil || len(rooms) != 1 || rooms[0] != ID("stays") {
			h.Errorf("rooms %v, %v", rooms, err)
		}
		if _, err := h.Store.Value(h.ctx(), "k"); err != nil {
			h.Errorf("Value: %v", err)
		}
		h.apply(&store.Batch{DropRooms: []wire.ID{ID("room"), ID("room"), ID("never was")}})
	}},
	{"a dropped room may come back, from the start or from a floor", func(h *harness) {
		h.append(chain("a", 1, 30, 2)...)
		h.apply(&store.Batch{DropRooms: []wire.ID{ID("room")}})
		again := chain("a", 1, 10, 2)
		h.append(again...)
		h.same(h.runs("a", 1), again)
		h.apply(&store.Batch{DropRooms: []wire.ID{ID("room")}, Runs: chain("a", 500, 2, 2), Records: []store.Record{record(1, "r")}})
		h.same(h.runs("a", 1), chain("a", 500, 2, 2))
		if len(h.records(1)) != 1 {
			h.Error("the record of the new room is not there")
		}
	}},
}
