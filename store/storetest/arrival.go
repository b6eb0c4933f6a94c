package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"parley/store"
	"parley/wire"
)

var arrivalCases = []testCase{
	{"arrivals follow the order of the appends, over all logs", func(h *harness) {
		var want []store.Run
		for i := range uint64(h.many(32)) {
			batch := []store.Run{NewRun("a", i+1, i+1, 10), NewRun("b", 2*i+1, 2*i+2, 10)}
			if i%2 == 1 {
				slices.Reverse(batch)
			}
			h.append(batch...)
			want = append(want, batch...)
		}
		h.same(h.arrivals(0), want)
		for i := range want {
			h.same(h.arrivals(want[i].Arrival), want[i+1:])
		}
		back := slices.Clone(want)
		slices.Reverse(back)
		h.same(h.arrivalsBack(0), back)
		for i := range back {
			h.same(h.arrivalsBack(back[i].Arrival), back[i+1:])
		}
		if last, err := h.Store.LastArrival(h.ctx(), ID("room")); err != nil || last != want[len(want)-1].Arrival {
			h.Errorf("LastArrival %d, %v; want %d", last, err, want[len(want)-1].Arrival)
		}
		h.same(h.arrivals(^uint64(0)), nil)
		h.same(h.arrivalsBack(1), nil)
	}},
	{"an arrival number that is given is kept, one that was given before is refused", func(h *harness) {
		run := NewRun("a", 1, 1, 10)
		run.Arrival = 1000
		h.append(run)
		next := NewRun("a", 2, 2, 10)
		h.append(next)
		h.same(h.arrivals(999), []store.Run{run, next})
		low := NewRun("a", 3, 3, 10)
		low.Arrival = 1000
		h.refuse(store.ErrConflict, &store.Batch{Runs: []store.Run{low}})
	}},
	{"arrival numbers are not given again after the last run is trimmed, or the room dropped", func(h *harness) {
		runs := chain("a", 1, 5, 1)
		h.append(runs...)
		h.apply(&store.Batch{Trims: []store.Trim{{Room: ID("room"), Log: ID("log a"), Floor: store.TrimAll}}})
		h.reopen()
		again := chain("a", 1, 1, 1)
		h.append(again...)
		if again[0].Arrival <= runs[4].Arrival {
			h.Errorf("arrival %d after %d was given", again[0].Arrival, runs[4].Arrival)
		}
		h.apply(&store.Batch{DropRooms: []wire.ID{ID("room")}})
		h.reopen()
		anew := chain("a", 1, 1, 1)
		h.append(anew...)
		if anew[0].Arrival <= again[0].Arrival {
			h.Errorf("arrival %d after %d was given and the room dropped", anew[0].Arrival, again[0].Arrival)
		}
		h.same(h.arrivals(runs[4].Arrival), anew)
	}},
	{"the least arrival number of a room is above what was given in it, or in any that was dropped", func(h *harness) {
		least := func(room string, want uint64) {
			h.Helper()
			if next, err := h.Store.NextArrival(h.ctx(), ID(room)); err != nil || next != want {
				h.Errorf("NextArrival of %q: %d, %v; want %d", room, next, err, want)
			}
		}
		least("room", 1)
		run := NewRun("a", 1, 1, 10)
		run.Arrival = 1000
		h.append(run)
		least("room", 1001)
		least("another", 1)
		h.apply(&store.Batch{DropRooms: []wire.ID{ID("room")}})
		least("room", 1001)
		least("another", 1001)
		h.reopen()
		least("another", 1001)
		low := NewRun("a", 1, 1, 10)
		low.Room, low.Arrival = ID("another"), 1000
		h.refuse(store.ErrConflict, &store.Batch{Runs: []store.Run{low}})
		low.Arrival = 1001
		h.apply(&store.Batch{Runs: []store.Run{low}})
		least("another", 1002)
	}},
	{"a cursor skips and repeats nothing while many write", func(h *harness) {
		writers, each := 8, h.many(60)
		var writing sync.WaitGroup
		for w := range writers {
			writing.Go(func() {
				for i := range uint64(each) {
					run := NewRun(fmt.Sprint("w", w), i+1, i+1, 50)
					if err := h.Store.Apply(h.ctx(), &store.Batch{Runs: []store.Run{run}}); err != nil {
						h.Errorf("Apply: %v", err)
						return
					}
				}
			})
		}
		ctx, stop := context.WithCancel(h.ctx())
		defer stop()
		var reading sync.WaitGroup
		for range 3 {
			reading.Go(func() { follow(h, ctx, writers*each) })
		}
		writing.Wait()
		if h.Failed() {
			stop() // the readers wait for what does not come
		}
		reading.Wait()
	}},
}

// follow reads arrivals from a cursor on until it has seen count of them, each log in order.
func follow(h *harness, ctx context.Context, count int) {
	seen := map[wire.ID]uint64{}
	cursor := uint64(0)
	for total := 0; total < count; {
		for run, err := range h.Store.Arrivals(ctx, ID("room"), cursor) {
			if errors.Is(err, context.Canceled) {
				return
			}
			if err != nil {
				h.Errorf("Arrivals: %v", err)
				return
			}
			if run.Arrival <= cursor || run.First != seen[run.Log]+1 {
				h.Errorf("arrival %d after %d is message %d, after %d", run.Arrival, cursor, run.First, seen[run.Log])
				return
			}
			cursor, seen[run.Log] = run.Arrival, run.Last
			total++
		}
	}
}
