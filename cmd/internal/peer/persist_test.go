package peer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
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

func TestAtTheStartAStoreThatIsAwayIsReadAgainWithinABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Peer{log: slog.New(slog.DiscardHandler)}
		left := 5
		read := func() error {
			if left--; left >= 0 {
				return fmt.Errorf("%w: too slow", store.ErrUnavailable)
			}
			return nil
		}
		if err := p.insist(t.Context(), read); err != nil || left != -1 {
			t.Errorf("a store that was away five times: %v, %d more attempts", err, left)
		}
		left = 1 << 30
		began := time.Now()
		if err := p.insist(t.Context(), read); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("a store that stays away: %v, want its error", err)
		}
		if took := time.Since(began); took < loadPatience || took > 2*loadPatience {
			t.Errorf("it gave up after %v, want about %v", took, loadPatience)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(reloadEvery/2, cancel)
		if err := p.insist(ctx, read); !errors.Is(err, context.Canceled) {
			t.Errorf("a peer that is told to end meanwhile: %v", err)
		}
		tries := 0
		err := p.insist(t.Context(), func() error { tries++; return store.ErrCorrupt })
		if !errors.Is(err, store.ErrCorrupt) || tries != 1 {
			t.Errorf("a store that is damaged: %v after %d attempts, want one", err, tries)
		}
	})
}
