package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"parley/store"
)

var readCases = []testCase{
	{"reading forward starts with the run that contains the number", func(h *harness) {
		runs := chain("a", 1, 10, 5)
		h.append(runs...)
		for number := uint64(0); number <= 51; number++ {
			from := 0
			if number > 0 {
				from = int(number-1) / 5
			}
			h.same(h.runs("a", number), runs[min(from, 10):])
		}
	}},
	{"reading back starts with the run that contains the number", func(h *harness) {
		runs := chain("a", 1, 10, 5)
		h.append(runs...)
		back := slices.Clone(runs)
		slices.Reverse(back)
		for number := uint64(1); number <= 50; number++ {
			h.same(h.runsBack("a", number), back[9-int(number-1)/5:])
		}
		h.same(h.runsBack("a", 0), nil)
		h.same(h.runsBack("a", 51), back)
		h.same(h.runsBack("a", store.TrimAll), back)
	}},
	{"reading below a floor starts at the first run held", func(h *harness) {
		runs := chain("a", 101, 4, 5)
		h.append(runs...)
		h.same(h.runs("a", 3), runs)
		h.same(h.runsBack("a", 50), nil)
	}},
	{"long logs are read whole both ways, past any page", func(h *harness) {
		var runs []store.Run
		for i := range h.longLog() / 100 {
			more := chain("a", uint64(1+i*100), 100, 1)
			h.append(more...)
			runs = append(runs, more...)
		}
		h.same(h.runs("a", 1), runs)
		h.same(h.runs("a", 277), runs[276:])
		h.same(h.arrivals(0), runs)
		slices.Reverse(runs)
		h.same(h.runsBack("a", store.TrimAll), runs)
		h.same(h.arrivalsBack(0), runs)
	}},
	{"the run at a number is the one that contains it", func(h *harness) {
		runs := chain("a", 11, 3, 5)
		h.append(runs...)
		for number := uint64(9); number <= 27; number++ {
			run, err := h.Store.RunAt(h.ctx(), ID("room"), ID("log a"), number)
			if number < 11 || number > 25 {
				if !errors.Is(err, store.ErrNotFound) {
					h.Errorf("RunAt(%d): %v, want ErrNotFound", number, err)
				}
				continue
			}
			if err != nil || number < run.First || number > run.Last {
				h.Errorf("RunAt(%d): run %d-%d, %v", number, run.First, run.Last, err)
			}
		}
	}},
	{"what was never written is empty", func(h *harness) {
		h.same(h.runs("a", 1), nil)
		h.same(h.runsBack("a", 10), nil)
		h.same(h.arrivals(0), nil)
		h.same(h.arrivalsBack(0), nil)
		if heads := h.heads(); len(heads) != 0 {
			h.Errorf("heads %v", heads)
		}
		if last, err := h.Store.LastArrival(h.ctx(), ID("room")); last != 0 || err != nil {
			h.Errorf("LastArrival: %d, %v", last, err)
		}
		for what, err := range map[string]error{
			"RunAt":  second(h.Store.RunAt(h.ctx(), ID("room"), ID("log a"), 1)),
			"Head":   second(h.Store.Head(h.ctx(), ID("room"), ID("log a"))),
			"Record": second(h.Store.Record(h.ctx(), ID("room"), 1, ID("r"))),
			"Value":  second(h.Store.Value(h.ctx(), "k")),
		} {
			if !errors.Is(err, store.ErrNotFound) {
				h.Errorf("%s: %v, want ErrNotFound", what, err)
			}
		}
	}},
	{"rooms and heads are listed in order", func(h *harness) {
		count := h.many(40)
		for i := range count {
			run := NewRun(fmt.Sprint(i), 1, 1, 10)
			h.append(run)
			run.Room = ID(fmt.Sprint("room ", i))
			h.append(run)
		}
		rooms, err := h.Store.Rooms(h.ctx())
		if err != nil || len(rooms) != count+1 {
			h.Fatalf("%d rooms, %v; want %d", len(rooms), err, count+1)
		}
		for i := range rooms[1:] {
			if rooms[i].Compare(rooms[i+1]) >= 0 {
				h.Errorf("room %d is not below the next", i)
			}
		}
		heads := h.heads()
		for i := range heads[1:] {
			if heads[i].Log.Compare(heads[i+1].Log) >= 0 {
				h.Errorf("head %d is not below the next", i)
			}
		}
		if len(heads) != count {
			h.Errorf("%d heads, want %d", len(heads), count)
		}
	}},
	{"a sequence may be left early, and read again", func(h *harness) {
		runs := chain("a", 1, 40, 1)
		h.append(runs...)
		for range 3 {
			for run, err := range h.Store.Runs(h.ctx(), ID("room"), ID("log a"), 1) {
				if err != nil {
					h.Fatal(err)
				}
				if run.First == 20 {
					break
				}
			}
			for range h.Store.Arrivals(h.ctx(), ID("room"), 0) {
				break
			}
		}
		sequence := h.Store.Runs(h.ctx(), ID("room"), ID("log a"), 1)
		h.same(collect(h, sequence), runs)
		h.same(collect(h, sequence), runs)
	}},
	{"a sequence that ran away from its writer follows it from inside the loop", func(h *harness) {
		h.append(NewRun("a", 1, 1, 10))
		count := uint64(0)
		for run, err := range h.Store.Runs(h.ctx(), ID("room"), ID("log a"), 1) {
			if err != nil {
				h.Fatal(err)
			}
			count++
			if run.First < 30 {
				h.apply(&store.Batch{Runs: []store.Run{NewRun("a", count+1, count+1, 10)}, Values: []store.Value{{Key: "k", Value: []byte("v")}}})
			}
		}
		if count == 0 {
			h.Error("nothing was read")
		}
	}},
	{"a store may be closed from inside a sequence, which then ends", func(h *harness) {
		h.append(chain("a", 1, h.longLog(), 1)...)
		var last error
		seen := 0
		for _, err := range h.Store.Runs(h.ctx(), ID("room"), ID("log a"), 1) {
			if last = err; err != nil {
				break
			}
			if seen++; seen == 1 {
				if err := h.Store.Close(); err != nil {
					h.Fatal(err)
				}
			}
		}
		if !errors.Is(last, store.ErrClosed) || seen == h.longLog() {
			h.Errorf("the sequence ended after %d runs with %v, want ErrClosed", seen, last)
		}
		h.reopen()
	}},
	{"a cancelled context ends a sequence with its error", func(h *harness) {
		h.append(chain("a", 1, h.longLog(), 1)...)
		ctx, cancel := context.WithCancel(h.ctx())
		defer cancel()
		seen, last := 0, error(nil)
		for _, err := range h.Store.Runs(ctx, ID("room"), ID("log a"), 1) {
			if last = err; err == nil {
				seen++
			}
			if seen == 10 {
				cancel()
			}
		}
		if seen != 10 || !errors.Is(last, context.Canceled) {
			h.Errorf("%d runs and %v, want 10 and context.Canceled", seen, last)
		}
		if _, err := h.Store.Heads(ctx, ID("room")); !errors.Is(err, context.Canceled) {
			h.Errorf("Heads: %v, want context.Canceled", err)
		}
	}},
	{"what was returned is the caller's", func(h *harness) {
		want := chain("a", 1, 20, 1)
		h.append(want...)
		runs := h.runs("a", 1)
		for i := range runs {
			_ = append(runs[i].Bytes, 0xff) // must not reach the next one's
		}
		h.append(chain("b", 1, 100, 1)...)
		h.same(runs, want)
		for i := range runs {
			clear(runs[i].Bytes)
		}
		h.same(h.runs("a", 1), want)
	}},
}

func second[T any](_ T, err error) error { return err }
