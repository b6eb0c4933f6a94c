package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"parley/store"
	"parley/store/embedded"
	"parley/store/storetest"
)

// faulty is a disk in memory with a switch for faults.
type faulty struct {
	vfs.FS
	mem *vfs.MemFS
	// fault is asked before each operation, when there is one.
	fault atomic.Pointer[func(errorfs.Op) error]
	hits  atomic.Int64
}

func newFaulty() *faulty {
	f := &faulty{mem: vfs.NewCrashableMem()}
	f.FS = errorfs.Wrap(f.mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if fault := f.fault.Load(); fault != nil {
			if err := (*fault)(op); err != nil {
				f.hits.Add(1)
				return err
			}
		}
		return nil
	}))
	return f
}

func (f *faulty) set(fault func(errorfs.Op) error) { f.fault.Store(&fault) }
func (f *faulty) heal()                            { f.fault.Store(nil) }

// noSpace is a full disk: nothing can be written or made.
func noSpace(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpCreate, errorfs.OpReuseForWrite, errorfs.OpMkdirAll, errorfs.OpFilePreallocate:
		return &pathError{op.Path, syscall.ENOSPC}
	}
	return nil
}

type pathError struct {
	path string
	err  error
}

func (e *pathError) Error() string { return "write " + e.path + ": " + e.err.Error() }
func (e *pathError) Unwrap() error { return e.err }

func (f *faulty) open(t *testing.T) *embedded.Store {
	t.Helper()
	s, err := embedded.Open("/store", embedded.Options{FS: f})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s
}

func apply(t *testing.T, s store.Store, runs ...store.Run) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return s.Apply(ctx, &store.Batch{Runs: runs})
}

// eventually applies until it succeeds: the engine needs a moment after a fault.
func eventually(t *testing.T, s store.Store, b *store.Batch) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.Apply(ctx, b)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("a minute after the fault ended: %v", err)
		}
	}
}

// writeUntil appends runs of a log from message next on until an error comes; it returns the first that was
// not acknowledged.
func writeUntil(t *testing.T, s store.Store, log string, next uint64, size int) (uint64, error) {
	t.Helper()
	for ; next < 100_000; next++ {
		if err := apply(t, s, storetest.NewRun(log, next, next, size)); err != nil {
			return next, err
		}
	}
	t.Fatal("no error came")
	return 0, nil
}

func TestAFullDiskIsReportedAndWorkGoesOnWithoutARestart(t *testing.T) {
	f := newFaulty()
	s := f.open(t)
	defer s.Close()
	for round := range uint64(3) {
		log := fmt.Sprint("log", round)
		if err := apply(t, s, storetest.NewRun(log, 1, 1, 500)); err != nil {
			t.Fatal(err)
		}
		f.set(noSpace)
		next, err := writeUntil(t, s, log, 2, 500)
		if !errors.Is(err, store.ErrFull) {
			t.Fatalf("Apply on a full disk: %v, want ErrFull", err)
		}
		if err := apply(t, s, storetest.NewRun("another", round+1, round+1, 10)); !errors.Is(err, store.ErrFull) {
			t.Errorf("the next Apply on a full disk: %v, want ErrFull", err)
		}
		if !s.Stats().Full {
			t.Error("Stats do not say that the disk is full")
		}
		// What was acknowledged can be read, and nothing else is shown.
		head, err := s.Head(t.Context(), storetest.ID("room"), storetest.ID("log "+log))
		if err != nil || head.Last != next-1 {
			t.Errorf("while full, the head is at %d, %v; want %d", head.Last, err, next-1)
		}
		storetest.CheckConsistent(t, s)
		f.heal()
		eventually(t, s, &store.Batch{Runs: []store.Run{storetest.NewRun(log, next, next, 500)}})
		eventually(t, s, &store.Batch{Runs: []store.Run{storetest.NewRun("another", round+1, round+1, 10)}})
		storetest.CheckConsistent(t, s)
	}
	if n := s.Stats().Reopened; n != 0 {
		t.Errorf("the database was opened again %d times for a full disk", n)
	}
}

func TestAStoreClosesWhileTheDiskIsFullAndKeepsWhatItAcknowledged(t *testing.T) {
	f := newFaulty()
	s := f.open(t)
	for i := range uint64(100) {
		if err := apply(t, s, storetest.NewRun("a", i+1, i+1, 500)); err != nil {
			t.Fatal(err)
		}
	}
	f.set(noSpace)
	next, _ := writeUntil(t, s, "a", 101, 500)
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := embedded.Open("/store", embedded.Options{FS: f}); !errors.Is(err, store.ErrFull) {
		t.Errorf("Open on a full disk: %v, want ErrFull", err)
	}
	f.heal()
	s = f.open(t)
	defer s.Close()
	storetest.CheckConsistent(t, s)
	head, err := s.Head(t.Context(), storetest.ID("room"), storetest.ID("log a"))
	if err != nil || head.Last < next-1 || head.Last > next {
		t.Errorf("after opening again the head is at %d, %v; acknowledged was %d", head.Last, err, next-1)
	}
}

func TestADiskThatFillsWhileFilesAreMergedLosesNothing(t *testing.T) {
	f := newFaulty()
	s := f.open(t)
	defer s.Close()
	// Only the sorted files find no space; the log goes on until the write buffers are full.
	f.set(func(op errorfs.Op) error {
		if strings.HasSuffix(op.Path, ".sst") {
			return noSpace(op)
		}
		return nil
	})
	next, err := writeUntil(t, s, "a", 1, 100_000)
	if !errors.Is(err, store.ErrFull) {
		t.Fatalf("Apply: %v, want ErrFull", err)
	}
	f.heal()
	eventually(t, s, &store.Batch{Runs: []store.Run{storetest.NewRun("a", next, next, 100_000)}})
	storetest.CheckConsistent(t, s)
}

func TestAFailedSyncIsReportedAndTheDatabaseOpensAgainByItself(t *testing.T) {
	for _, kind := range []string{".log", "MANIFEST", ".sst", "db"} {
		t.Run(kind, func(t *testing.T) {
			f := newFaulty()
			s := f.open(t)
			defer s.Close()
			var broken sync.Once
			f.set(func(op errorfs.Op) error {
				sync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
				if !sync || !strings.Contains(op.Path[strings.LastIndex(op.Path, "/"):], kind) {
					return nil
				}
				var err error
				broken.Do(func() { err = &pathError{op.Path, syscall.EIO} })
				return err
			})
			acknowledged := uint64(0)
			for i := uint64(1); i <= 300; i++ {
				run := storetest.NewRun("a", i, i, 50_000)
				if err := apply(t, s, run); err == nil {
					acknowledged = i
					continue
				} else if !errors.Is(err, store.ErrUnavailable) {
					t.Fatalf("Apply: %v, want ErrUnavailable", err)
				}
				// The disk as the power would leave it now has all that was acknowledged.
				crashed, err := embedded.Open("/store", embedded.Options{FS: f.mem.CrashClone(vfs.CrashCloneCfg{})})
				if err != nil {
					t.Fatalf("Open after a crash: %v", err)
				}
				head, err := crashed.Head(t.Context(), run.Room, run.Log)
				if acknowledged > 0 && (err != nil || head.Last < acknowledged) {
					t.Errorf("after a crash the head is at %d, %v; acknowledged was %d", head.Last, err, acknowledged)
				}
				crashed.Close()
				eventually(t, s, &store.Batch{Runs: []store.Run{run}})
				acknowledged = i
			}
			if f.hits.Load() == 0 {
				t.Fatal("the fault was never met")
			}
			storetest.CheckConsistent(t, s)
			head, err := s.Head(t.Context(), storetest.ID("room"), storetest.ID("log a"))
			if err != nil || head.Last != 300 {
				t.Errorf("the head is at %d, %v; want 300", head.Last, err)
			}
			if n := s.Stats().Reopened; n != 1 {
				t.Errorf("the database was opened again %d times, want once", n)
			}
		})
	}
}

func TestAFaultAtAnyWriteIsSurvived(t *testing.T) {
	// The Nth change of the disk fails, for N over a history that makes, fills, flushes and trims a store.
	history := func(t *testing.T, f *faulty, survive bool) int64 {
		s, err := embedded.Open("/store", embedded.Options{FS: f})
		if err != nil {
			if !survive {
				t.Fatalf("Open: %v", err)
			}
			f.heal()
			s = f.open(t)
		}
		defer func() { s.Close() }()
		for i := uint64(1); i <= 60; i++ {
			b := &store.Batch{Runs: []store.Run{storetest.NewRun("a", i, i, 200_000)}}
			if i%20 == 0 {
				b.Trims = []store.Trim{{Room: storetest.ID("room"), Log: storetest.ID("log a"), Floor: i - 10}}
			}
			err := s.Apply(t.Context(), b)
			if err == nil {
				continue
			}
			if !survive || !errors.Is(err, store.ErrUnavailable) {
				t.Fatalf("Apply: %v", err)
			}
			eventually(t, s, b)
		}
		if survive { // a fault of what the engine does by itself may come, and end the next reads, at any moment
			s.Close()
			f.heal()
			s = f.open(t)
		}
		storetest.CheckConsistent(t, s)
		head, err := s.Head(t.Context(), storetest.ID("room"), storetest.ID("log a"))
		if err != nil || head.Last != 60 || head.Floor != 50 {
			t.Errorf("the log is at %d..%d, %v; want 50..60", head.Floor, head.Last, err)
		}
		return f.hits.Load()
	}
	count := newFaulty()
	var changes atomic.Int64
	count.set(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			changes.Add(1)
		}
		return nil
	})
	history(t, count, false)
	total := changes.Load()
	if total < 100 {
		t.Fatalf("the history has only %d changes", total)
	}
	every := max(total/60, 1)
	for n := int64(1); n <= total; n += every {
		t.Run(fmt.Sprint("change ", n), func(t *testing.T) {
			t.Parallel()
			f := newFaulty()
			var seen atomic.Int64
			f.set(func(op errorfs.Op) error {
				if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && seen.Add(1) == n {
					return &pathError{op.Path, syscall.EIO}
				}
				return nil
			})
			history(t, f, true)
		})
	}
}
