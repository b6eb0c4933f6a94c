package peer

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/rooms"
	"parley/store"
	"parley/wire"
)

func timeAt(seconds int64) time.Time { return time.Unix(1_000_000+seconds, 0) }

// A gatedStore holds each Apply until it is let through, and refuses batches
// that hold a run of the bad log.
type gatedStore struct {
	store.Store
	gate    chan struct{}
	bad     wire.ID
	full    bool
	applied [][]wire.ID // logs of each batch that was written
}

func (s *gatedStore) Apply(_ context.Context, b *store.Batch) error {
	<-s.gate
	if s.full {
		return store.ErrFull
	}
	var logs []wire.ID
	for _, r := range b.Runs {
		if r.Log == s.bad {
			return store.ErrConflict
		}
		logs = append(logs, r.Log)
	}
	s.applied = append(s.applied, logs)
	return nil
}

// collect runs a persister over batches of one run each until all are answered.
func collect(t *testing.T, s *gatedStore, logs ...wire.ID) map[uint64]error {
	t.Helper()
	outcome := make(map[uint64]error)
	var order []uint64
	p := newPersister(s, func(e rooms.Persisted, _ *store.Batch) {
		for b := e.From; b <= e.To; b++ {
			outcome[b] = e.Err
			order = append(order, b)
		}
	})
	for i, log := range logs {
		p.add(rooms.Persist{Batch: uint64(i + 1), Data: &store.Batch{Runs: []store.Run{{Log: log}}}})
	}
	var wg sync.WaitGroup
	wg.Go(func() { p.run(t.Context()) })
	close(s.gate)
	p.close()
	wg.Wait()
	if !slices.IsSorted(order) || len(order) != len(logs) {
		t.Fatalf("answered in the order %v", order)
	}
	if p.queued() != 0 {
		t.Fatalf("%d bytes are counted as waiting", p.queued())
	}
	return outcome
}

func TestBatchesThatWaitShareOneCommit(t *testing.T) {
	s := &gatedStore{gate: make(chan struct{})}
	collect(t, s, wire.Hash("a"), wire.Hash("b"), wire.Hash("c"))
	if len(s.applied) != 1 || len(s.applied[0]) != 3 {
		t.Fatalf("written as %v", s.applied)
	}
}

func TestOneBadBatchDoesNotTakeTheOthersWithIt(t *testing.T) {
	s := &gatedStore{gate: make(chan struct{}), bad: wire.Hash("b")}
	outcome := collect(t, s, wire.Hash("a"), wire.Hash("b"), wire.Hash("c"))
	if outcome[1] != nil || !errors.Is(outcome[2], store.ErrConflict) || outcome[3] != nil {
		t.Fatalf("outcomes %v", outcome)
	}
}

func TestAFullDiskRefusesAllThatWaits(t *testing.T) {
	s := &gatedStore{gate: make(chan struct{}), full: true}
	for b, err := range collect(t, s, wire.Hash("a"), wire.Hash("b")) {
		if !errors.Is(err, store.ErrFull) {
			t.Errorf("batch %d: %v", b, err)
		}
	}
}
