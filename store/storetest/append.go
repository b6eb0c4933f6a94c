package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"parley/store"
	"parley/wire"
)

var appendCases = []testCase{
	{"a run is returned as it was given", func(h *harness) {
		run := NewRun("a", 1, 3, 550)
		h.append(run)
		h.same(h.runs("a", 1), []store.Run{run})
	}},
	{"runs that follow each other are kept in order, over many batches", func(h *harness) {
		runs := chain("a", 1, 50, 7)
		for i := 0; i < len(runs); i += 5 {
			h.append(runs[i : i+5]...)
		}
		h.same(h.runs("a", 1), runs)
	}},
	{"the head is the last run", func(h *harness) {
		runs := chain("a", 1, 4, 2)
		runs[2].Note, runs[3].Note = "of the third", "of the last"
		h.append(runs...)
		last := runs[3]
		want := store.Head{
			Log: last.Log, Author: last.Author, Floor: 0, Last: 8, Link: last.Link,
			Bytes: 400, LastArrival: last.Arrival, LastReceived: last.Received,
			Note: "of the last",
		}
		if got := h.head("a"); got != want || last.Arrival == 0 {
			h.Errorf("head %+v, want %+v", got, want)
		}
	}},
	{"a run that leaves a hole is refused", func(h *harness) {
		h.append(NewRun("a", 1, 2, 10))
		h.refuse(store.ErrConflict, &store.Batch{Runs: []store.Run{NewRun("a", 4, 5, 10)}})
	}},
	{"a run that overlaps the head is refused", func(h *harness) {
		h.append(NewRun("a", 1, 2, 10))
		h.refuse(store.ErrConflict, &store.Batch{Runs: []store.Run{NewRun("a", 2, 3, 10)}})
		h.refuse(store.ErrConflict, &store.Batch{Runs: []store.Run{NewRun("a", 1, 3, 10)}})
	}},
	{"another run in the place of a held one is refused", func(h *harness) {
		h.append(chain("a", 1, 3, 2)...)
		fork := NewRun("a", 3, 4, 10)
		fork.Link = ID("another history")
		h.refuse(store.ErrConflict, &store.Batch{Runs: []store.Run{fork}})
	}},
	{"a run by another author than its log's is refused", func(h *harness) {
		h.append(NewRun("a", 1, 1, 10))
		stolen := NewRun("a", 2, 2, 10)
		stolen.Author = ID("somebody")
		h.refuse(store.ErrConflict, &store.Batch{Runs: []store.Run{stolen}})
	}},
	{"a run that is held already is ignored, and told its arrival", func(h *harness) {
		runs := chain("a", 1, 5, 3)
		h.append(runs...)
		again := chain("a", 1, 5, 3)
		h.append(again...)
		h.append(again[2])
		h.same(again, runs)
		h.same(h.runs("a", 1), runs)
		h.same(h.arrivals(0), runs)
	}},
	{"a batch may hold the same run twice", func(h *harness) {
		run := NewRun("a", 1, 2, 10)
		batch := []store.Run{run, run, NewRun("a", 3, 3, 10), run}
		h.append(batch...)
		if batch[0].Arrival == 0 || batch[1].Arrival != batch[0].Arrival || batch[3].Arrival != batch[0].Arrival {
			h.Errorf("arrivals %d, %d and %d of one run", batch[0].Arrival, batch[1].Arrival, batch[3].Arrival)
		}
		h.same(h.runs("a", 1), []store.Run{run, batch[2]})
	}},
	{"a batch of held and new runs appends the new ones", func(h *harness) {
		runs := chain("a", 1, 6, 2)
		h.append(runs[:4]...)
		h.append(runs[2:]...)
		h.same(h.runs("a", 1), runs)
	}},
	{"a log may start above message 1, and its floor is just below", func(h *harness) {
		runs := chain("a", 1001, 3, 10)
		h.append(runs...)
		if head := h.head("a"); head.Floor != 1000 || head.Last != 1030 {
			h.Errorf("floor %d and last %d, want 1000 and 1030", head.Floor, head.Last)
		}
		h.same(h.runs("a", 1), runs)
		h.refuse(store.ErrConflict, &store.Batch{Runs: []store.Run{NewRun("a", 1000, 1000, 10)}})
	}},
	{"logs and rooms do not mix", func(h *harness) {
		a, b := chain("a", 1, 3, 2), chain("b", 1, 4, 1)
		other := NewRun("a", 1, 9, 20)
		other.Room = ID("other room")
		h.append(append(append(a, b...), other)...)
		h.same(h.runs("a", 1), a)
		h.same(h.runs("b", 1), b)
		h.same(collect(h, h.Store.Runs(h.ctx(), other.Room, other.Log, 1)), []store.Run{other})
		if heads := h.heads(); len(heads) != 2 {
			h.Errorf("%d heads, want 2", len(heads))
		}
	}},
	{"what breaks a bound or contradicts itself is refused", func(h *harness) {
		h.append(NewRun("a", 1, 1, 10))
		for _, run := range []store.Run{NewRun("b", 0, 3, 10), NewRun("b", 4, 3, 10), NewRun("b", 1, ^uint64(0), 10)} {
			h.refuse(store.ErrInvalid, &store.Batch{Runs: []store.Run{run}})
		}
		h.refuse(store.ErrTooLarge, &store.Batch{Runs: []store.Run{NewRun("b", 1, 1, store.MaxRun+1)}})
		h.refuse(store.ErrTooLarge, &store.Batch{Runs: chain("b", 1, store.MaxBatchItems+1, 1)})
		h.refuse(store.ErrInvalid, &store.Batch{Values: []store.Value{{Key: "", Value: []byte("x")}}})
	}},
	{"the highest message numbers work", func(h *harness) {
		runs := []store.Run{NewRun("a", 1<<63, ^uint64(0)-2, 10), NewRun("a", ^uint64(0)-1, ^uint64(0)-1, 10)}
		h.append(runs...)
		h.same(h.runs("a", ^uint64(0)-1), runs[1:])
		h.same(h.runsBack("a", store.TrimAll), []store.Run{runs[1], runs[0]})
		h.same(h.runs("a", ^uint64(0)), nil)
	}},
	{"a run of 1 MiB is kept whole, and eight in a batch", func(h *harness) {
		var runs []store.Run
		for i := range uint64(8) {
			run := NewRun("a", 1+i, 1+i, store.MaxRun)
			run.Bytes[rand.IntN(store.MaxRun)] ^= 0xff
			runs = append(runs, run)
		}
		h.append(runs...)
		h.same(h.runs("a", 1), runs)
		h.same(h.arrivals(0), runs)
	}},
	{"a run without bytes and a link of zeros are kept", func(h *harness) {
		run := NewRun("a", 1, 1, 0)
		run.Link, run.Received = wire.ID{}, -1
		h.append(run)
		h.same(h.runs("a", 1), []store.Run{run})
	}},
	{"an empty batch is nothing", func(h *harness) {
		h.apply(&store.Batch{})
		if dump := h.dump(); dump != "" {
			h.Errorf("an empty store holds %s", dump)
		}
	}},
	{"the caller's bytes may change after Apply", func(h *harness) {
		run := NewRun("a", 1, 1, 100)
		want := NewRun("a", 1, 1, 100)
		h.append(run)
		clear(run.Bytes)
		h.same(h.runs("a", 1), []store.Run{want})
	}},
	{"a cancelled context applies nothing", func(h *harness) {
		ctx, cancel := context.WithCancel(h.ctx())
		cancel()
		if err := h.Store.Apply(ctx, &store.Batch{Runs: chain("a", 1, 1, 1)}); !errors.Is(err, context.Canceled) {
			h.Errorf("Apply: %v, want context.Canceled", err)
		}
		h.same(h.runs("a", 1), nil)
	}},
}

var atomicCases = []testCase{
	{"one bad run refuses the whole batch", func(h *harness) {
		h.append(chain("a", 1, 2, 1)...)
		h.refuse(store.ErrConflict, &store.Batch{
			Runs:    append(chain("b", 1, 3, 1), NewRun("a", 9, 9, 10)),
			Records: []store.Record{{Room: ID("room"), Kind: 1, ID: ID("r"), Bytes: []byte("r")}},
			Values:  []store.Value{{Key: "k", Value: []byte("v")}},
		})
		h.append(chain("b", 1, 3, 1)...) // it left nothing behind that would be in the way
	}},
	{"a bad trim or record refuses the whole batch", func(h *harness) {
		h.append(chain("a", 1, 3, 2)...)
		h.apply(&store.Batch{Records: []store.Record{{Room: ID("room"), Kind: 1, ID: ID("r"), Bytes: []byte("r")}}})
		h.refuse(store.ErrConflict, &store.Batch{
			DropRooms: []wire.ID{ID("elsewhere")},
			Trims:     []store.Trim{{Room: ID("room"), Log: ID("log a"), Floor: 2}, {Room: ID("room"), Log: ID("log a"), Floor: 3}},
		})
		h.refuse(store.ErrConflict, &store.Batch{
			Runs:    []store.Run{NewRun("b", 1, 1, 10)},
			Records: []store.Record{{Room: ID("room"), Kind: 1, ID: ID("r"), Bytes: []byte("other")}},
		})
	}},
	{"drops and trims come before what the same batch appends", func(h *harness) {
		h.append(chain("a", 1, 3, 2)...)
		h.apply(&store.Batch{
			Runs:  chain("a", 100, 2, 1),
			Trims: []store.Trim{{Room: ID("room"), Log: ID("log a"), Floor: store.TrimAll}},
		})
		if head := h.head("a"); head.Floor != 99 || head.Last != 101 {
			h.Errorf("floor %d and last %d, want 99 and 101", head.Floor, head.Last)
		}
		h.apply(&store.Batch{
			Records:   []store.Record{{Room: ID("room"), Kind: 1, ID: ID("r"), Bytes: []byte("r")}},
			Runs:      chain("b", 1, 1, 1),
			DropRooms: []wire.ID{ID("room")},
		})
		h.same(h.runs("a", 1), nil)
		h.same(h.runs("b", 1), chain("b", 1, 1, 1))
	}},
	{"everything in one batch", func(h *harness) {
		var batch store.Batch
		logs := h.many(20)
		for i := range logs {
			log := fmt.Sprint("log", i)
			batch.Runs = append(batch.Runs, chain(log, 1, 20, 3)...)
			batch.Records = append(batch.Records, store.Record{Room: ID("room"), Kind: store.KindBox, ID: ID(log), Bytes: []byte(log)})
			batch.Values = append(batch.Values, store.Value{Key: log, Value: []byte(log)})
		}
		h.apply(&batch)
		h.apply(&batch)
		if got := len(h.arrivals(0)); got != 20*logs {
			h.Errorf("%d runs, want %d", got, 20*logs)
		}
	}},
}
