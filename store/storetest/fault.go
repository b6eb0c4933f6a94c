package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/store"
)

// A Faulty engine has a disk or server that can be made to fail under an open store.
type Faulty interface {
	Engine
	Faults() []Fault
}

// An engine that is Apart has each fault by itself, so that they are tried at the same time.
type Apart interface{ Apart() }

// A FaultKind is a sort of fault that every engine must outlive, or say why it has none.
type FaultKind string

// The sorts of faults.
const (
	NthFails  FaultKind = "each Nth operation fails"
	CutBefore FaultKind = "an operation is cut off before it is carried out"
	CutAfter  FaultKind = "an operation is carried out and reported as failed"
	Away      FaultKind = "nothing can be reached"
	Full      FaultKind = "the disk is full"
	ReadOnly  FaultKind = "nothing may be written"
	Damaged   FaultKind = "a stored block is not what was written"
)

func faultKinds() []FaultKind {
	return []FaultKind{NthFails, CutBefore, CutAfter, Away, Full, ReadOnly, Damaged}
}

// A Fault is one way in which what is under a store fails.
type Fault struct {
	Kind       FaultKind
	Name       string // ends "…, and nothing acknowledged is lost"
	Begin, End func()

	// Elsewhere, of a fault that has no Begin, is the reason why this engine has none of its kind, or the name of
	// the test that has it.
	Elsewhere string

	// Want is the error with which every Apply ends while the fault lasts. Nil: only some operations fail, which
	// an engine may hide by trying again; then Hits says how many failed.
	Want error
	Hits func() int

	// Runs is how many runs each writer appends while only some operations fail, 0 for faultRuns: fewer where each takes long.
	Runs int
}

const (
	faultWriters = 3
	faultRuns    = 6 // of each writer, while only some operations fail
	faultEnd     = time.Minute
)

// RunFaults checks, for each fault of an engine, that its error is an honest one, that nothing acknowledged is lost or doubled, and
// that work goes on without the store being opened again once the fault ends.
func RunFaults(t *testing.T, fresh func(t *testing.T) Faulty) {
	engine := fresh(t)
	faults := engine.Faults()
	for _, kind := range faultKinds() {
		if !slices.ContainsFunc(faults, func(f Fault) bool { return f.Kind == kind && (f.Begin == nil) == (f.Elsewhere != "") }) {
			t.Errorf("the engine neither has the fault %q nor says why not", kind)
		}
	}
	_, apart := engine.(Apart)
	first := !apart
	for i := range faults {
		if faults[i].Begin == nil {
			t.Logf("not here: %s: %s", faults[i].Kind, faults[i].Elsewhere)
			continue
		}
		t.Run(faults[i].Name, func(t *testing.T) {
			own := engine
			if apart {
				t.Parallel()
			}
			if first {
				first = false
			} else {
				own = fresh(t)
			}
			runFault(t, own, own.Faults()[i])
		})
	}
}

// faultBatch is what a writer applies as its nth: a run, a record and a value.
func faultBatch(writer int, n uint64) *store.Batch {
	log := fmt.Sprint("writer ", writer)
	return &store.Batch{
		Runs:    []store.Run{NewRun(log, n, n, 300)},
		Records: []store.Record{{Room: ID("room"), Kind: store.KindEntry, ID: ID(fmt.Sprint(log, n)), Bytes: []byte(log)}},
		Values:  []store.Value{{Key: log, Value: fmt.Append(nil, n)}},
	}
}

func runFault(t *testing.T, engine Faulty, f Fault) {
	h := &harness{T: t, engine: engine}
	h.open()
	defer h.close()
	ended := false
	end := func() {
		if !ended {
			ended = true
			f.End()
		}
	}
	defer end()
	for w := range faultWriters {
		h.apply(faultBatch(w, 1))
	}
	f.Begin()
	last := uint64(1 + cmp.Or(f.Runs, faultRuns))
	var wg sync.WaitGroup
	for w := range faultWriters {
		wg.Go(func() {
			if f.Want != nil {
				h.mustFail(f.Want, faultBatch(w, 2))
				return
			}
			for n := uint64(2); n <= last; n++ {
				h.insist(faultBatch(w, n))
			}
		})
	}
	wg.Wait()
	if f.Want == nil && !t.Failed() && f.Hits() == 0 {
		t.Error("no operation failed, so nothing was tested")
	}
	end()
	if f.Want != nil {
		last = 3
		for w := range faultWriters {
			h.insist(faultBatch(w, 2))
			h.insist(faultBatch(w, 3))
		}
	}
	if t.Failed() {
		return
	}
	h.holds(last)
	CheckConsistent(t, h.Store)
	before := h.dump()
	h.reopen()
	CheckConsistent(t, h.Store)
	if after := h.dump(); after != before {
		t.Errorf("after closing and opening, the store holds\n%s\nand held before\n%s", after, before)
	}
}

// honest are the errors that a failing disk or server may cause.
func honest(err error) bool {
	return errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrFull)
}

// mustFail applies a batch until the fault shows, which must be as want says.
func (h *harness) mustFail(want error, b *store.Batch) {
	err := h.Store.Apply(h.ctx(), b)
	for range 100 { // what was under way when the fault began may have come through
		if err != nil {
			break
		}
		b.Runs[0].Arrival = 0
		b.Values[0].Value = append(b.Values[0].Value, ' ')
		err = h.Store.Apply(h.ctx(), b)
	}
	if !errors.Is(err, want) {
		h.Errorf("Apply during the fault: %v, want %v", err, want)
	}
}

// insist applies a batch until it succeeds, as whoever is unsure whether it did does.
func (h *harness) insist(b *store.Batch) {
	ctx, cancel := context.WithTimeout(h.ctx(), faultEnd)
	defer cancel()
	for {
		b.Runs[0].Arrival = 0
		err := h.Store.Apply(ctx, b)
		if err == nil {
			return
		}
		if !honest(err) {
			h.Errorf("Apply: %v, want success, ErrUnavailable or ErrFull", err)
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			h.Errorf("%v after the first attempt Apply still fails: %v", faultEnd, err)
			return
		}
	}
}

// holds checks that every batch of every writer up to the nth is there, once.
func (h *harness) holds(last uint64) {
	if n := uint64(len(h.arrivals(0))); n != faultWriters*last {
		h.Errorf("%d runs by arrival, want %d", n, faultWriters*last)
	}
	if n := uint64(len(h.records(store.KindEntry))); n != faultWriters*last {
		h.Errorf("%d records, want %d", n, faultWriters*last)
	}
	for w := range faultWriters {
		log := fmt.Sprint("writer ", w)
		var want []store.Run
		for n := uint64(1); n <= last; n++ {
			want = append(want, NewRun(log, n, n, 300))
		}
		h.same(h.runs(log, 1), want)
		if value, err := h.Store.Value(h.ctx(), log); err != nil || string(value) != fmt.Sprint(last) {
			h.Errorf("the value of writer %d is %q, %v; want %d", w, value, err, last)
		}
	}
}
