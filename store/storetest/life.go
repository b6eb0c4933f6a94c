package storetest

import (
	"errors"
	"sync"

	"parley/store"
)

var lifeCases = []testCase{
	{"what Apply returned for is there after closing and opening", func(h *harness) {
		runs := chain("a", 1, 20, 3)
		for i, run := range runs {
			h.append(run)
			if i%5 == 4 {
				h.reopen()
			}
		}
		h.same(h.runs("a", 1), runs)
	}},
	{"the instance stays with the store", func(h *harness) {
		instance := h.Store.Instance()
		if instance == [16]byte{} {
			h.Error("the instance is all zeros")
		}
		h.reopen()
		if h.Store.Instance() != instance {
			h.Error("the instance changed")
		}
	}},
	{"a closed store says so, and closing again is nothing", func(h *harness) {
		h.append(chain("a", 1, 2, 1)...)
		s := h.Store
		h.reopen()
		if err := s.Close(); err != nil {
			h.Errorf("Close: %v", err)
		}
		for what, err := range map[string]error{
			"Apply":       s.Apply(h.ctx(), &store.Batch{Runs: chain("a", 3, 1, 1)}),
			"Apply empty": s.Apply(h.ctx(), &store.Batch{}),
			"Heads":       second(s.Heads(h.ctx(), ID("room"))),
			"Value":       second(s.Value(h.ctx(), "k")),
			"RunAt":       second(s.RunAt(h.ctx(), ID("room"), ID("log a"), 1)),
		} {
			if !errors.Is(err, store.ErrClosed) {
				h.Errorf("%s: %v, want ErrClosed", what, err)
			}
		}
		for _, err := range s.Values(h.ctx(), "") {
			if !errors.Is(err, store.ErrClosed) {
				h.Errorf("Values: %v, want ErrClosed", err)
			}
		}
		_ = s.Stats()
	}},
	{"closing under load answers everyone, and keeps what it said it kept", func(h *harness) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		kept := map[string]uint64{}
		started := make(chan struct{}, 8)
		for _, log := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
			wg.Go(func() {
				for i := uint64(1); ; i++ {
					err := h.Store.Apply(h.ctx(), &store.Batch{Runs: []store.Run{NewRun(log, i, i, 50)}})
					if errors.Is(err, store.ErrClosed) {
						return
					}
					if err != nil {
						h.Errorf("Apply: %v", err)
						return
					}
					mu.Lock()
					kept[log] = i
					mu.Unlock()
					if i == 3 {
						started <- struct{}{}
					}
				}
			})
		}
		for range 8 {
			<-started
		}
		s := h.Store
		if err := s.Close(); err != nil {
			h.Errorf("Close: %v", err)
		}
		wg.Wait()
		h.reopen()
		for log, last := range kept {
			if head := h.head(log); head.Last < last {
				h.Errorf("log %s ends at %d, and %d was acknowledged", log, head.Last, last)
			}
		}
	}},
	{"counters count", func(h *harness) {
		h.append(chain("a", 1, 10, 1)...)
		h.append(chain("a", 1, 12, 1)...)
		stats := h.Store.Stats()
		if stats.Runs != 12 || stats.Ignored != 10 || stats.Batches != 2 || stats.Commits == 0 || stats.Full {
			h.Errorf("stats %+v", stats)
		}
	}},
}
