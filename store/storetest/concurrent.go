package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"parley/store"
	"parley/wire"
)

var concurrentCases = []testCase{
	{"many writers in many rooms lose nothing", func(h *harness) {
		writers, each := 16, h.many(40)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				room := ID(fmt.Sprint("room ", w%4))
				for i := range uint64(each) {
					run := NewRun(fmt.Sprint("w", w), i+1, i+1, 100)
					run.Room = room
					b := &store.Batch{
						Runs:    []store.Run{run},
						Records: []store.Record{{Room: room, Kind: 1, ID: ID(fmt.Sprint(w, i)), Bytes: []byte{1}}},
						Values:  []store.Value{{Key: fmt.Sprint(w), Value: []byte(fmt.Sprint(i))}},
					}
					if err := h.Store.Apply(h.ctx(), b); err != nil {
						h.Errorf("Apply: %v", err)
						return
					}
					head, err := h.Store.Head(h.ctx(), room, run.Log)
					if err != nil || head.Last != run.Last || head.LastArrival != b.Runs[0].Arrival {
						h.Errorf("head %+v, %v after Apply of run %d", head, err, run.Last)
						return
					}
				}
			})
		}
		wg.Wait()
		for w := range writers {
			room := ID(fmt.Sprint("room ", w%4))
			if n := len(collect(h, h.Store.Runs(h.ctx(), room, ID(fmt.Sprint("log w", w)), 1))); n != each {
				h.Errorf("writer %d: %d runs, want %d", w, n, each)
			}
		}
	}},
	{"of many that append the same runs, one does and all succeed", func(h *harness) {
		// Each answer releases all of them at once, so that the next run comes many times in one group.
		writers, count := 16, uint64(h.many(60))
		var wg sync.WaitGroup
		arrivals := make([]atomic.Uint64, count+1)
		for range writers {
			wg.Go(func() {
				for i := uint64(1); i <= count; i++ {
					runs := []store.Run{NewRun("a", i, i, 10)}
					if err := h.Store.Apply(h.ctx(), &store.Batch{Runs: runs}); err != nil {
						h.Errorf("Apply of run %d: %v", i, err)
						return
					}
					if old := arrivals[i].Swap(runs[0].Arrival); old != 0 && old != runs[0].Arrival {
						h.Errorf("one run has the arrivals %d and %d", old, runs[0].Arrival)
					}
				}
			})
		}
		wg.Wait()
		h.same(h.runs("a", 1), h.arrivals(0))
		if n := uint64(len(h.arrivals(0))); n != count {
			h.Errorf("%d runs, want %d", n, count)
		}
	}},
	{"of many that append different runs in one place, exactly one does", func(h *harness) {
		for i := range uint64(h.many(20)) {
			var wg sync.WaitGroup
			var won, lost atomic.Int32
			for w := range 8 {
				wg.Go(func() {
					run := NewRun("a", i+1, i+1, 10)
					run.Link = ID(fmt.Sprint("branch ", w))
					switch err := h.Store.Apply(h.ctx(), &store.Batch{Runs: []store.Run{run}}); {
					case err == nil:
						won.Add(1)
					case errors.Is(err, store.ErrConflict):
						lost.Add(1)
					default:
						h.Errorf("Apply: %v", err)
					}
				})
			}
			wg.Wait()
			if won.Load() != 1 || lost.Load() != 7 {
				h.Fatalf("%d won and %d lost, want 1 and 7", won.Load(), lost.Load())
			}
		}
	}},
	{"readers see logs without holes while they grow and are trimmed", func(h *harness) {
		h.append(NewRun("a", 1, 1, 50))
		ctx, stop := context.WithCancel(h.ctx())
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for ctx.Err() == nil {
					next := uint64(0)
					for run, err := range h.Store.Runs(h.ctx(), ID("room"), ID("log a"), 0) {
						if err != nil {
							h.Errorf("Runs: %v", err)
							return
						}
						// A trim between two pages may take the front away, never the middle.
						if next != 0 && run.First < next {
							h.Errorf("message %d comes again", run.First)
						}
						next = run.Last + 1
					}
					if _, err := h.Store.Heads(h.ctx(), ID("room")); err != nil {
						h.Errorf("Heads: %v", err)
					}
					_ = h.Store.Stats()
				}
			})
		}
		for i := range uint64(max(70, h.many(150))) {
			h.append(NewRun("a", i+2, i+2, 50))
			if i > 50 && i%10 == 0 {
				h.apply(trim("a", i-40))
			}
		}
		stop()
		wg.Wait()
	}},
	{"rooms that come and go beside writers leave nothing of theirs", func(h *harness) {
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				room := ID(fmt.Sprint("comes and goes ", w))
				for range h.many(16) {
					run := NewRun("a", 1, 1, 10)
					run.Room = room
					if err := h.Store.Apply(h.ctx(), &store.Batch{Runs: []store.Run{run}}); err != nil {
						h.Errorf("Apply: %v", err)
					}
					if err := h.Store.Apply(h.ctx(), &store.Batch{DropRooms: []wire.ID{room}}); err != nil {
						h.Errorf("Apply: %v", err)
					}
				}
			})
		}
		runs := chain("a", 1, h.many(100), 1)
		for _, run := range runs {
			h.append(run)
		}
		wg.Wait()
		if rooms, err := h.Store.Rooms(h.ctx()); err != nil || len(rooms) != 1 {
			h.Errorf("%d rooms, %v; want 1", len(rooms), err)
		}
		h.same(h.runs("a", 1), runs)
	}},
}
