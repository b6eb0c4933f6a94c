package embedded_test

import (
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"parley/store"
	"parley/store/storetest"
)

// fails is the operation that fails, writeFails of the writes and syncFails of the syncs: seldom enough for the database to be opened
// again in between.
const (
	fails      = 97
	writeFails = 23
	syncFails  = 29
)

// onFaulty is a store on a disk that the suite breaks.
type onFaulty struct{ disk *faulty }

func (e onFaulty) Open(t *testing.T) store.Store {
	t.Helper()
	return e.disk.open(t)
}

func (e onFaulty) Faults() []storetest.Fault {
	f := e.disk
	nth := func(kind storetest.FaultKind, name string, n int64, of func(errorfs.Op) bool) storetest.Fault {
		return storetest.Fault{
			Kind: kind, Name: name, End: f.heal, Hits: func() int { return int(f.hits.Load()) },
			Begin: func() {
				var seen atomic.Int64
				f.set(func(op errorfs.Op) error {
					if of(op) && seen.Add(1)%n == 0 {
						return &pathError{op.Path, syscall.EIO}
					}
					return nil
				})
			},
			Runs: 60,
		}
	}
	write := func(op errorfs.Op) bool { return op.Kind.ReadOrWrite() == errorfs.OpIsWrite }
	all := func(kind storetest.FaultKind, name string, cause error, want error) storetest.Fault {
		return storetest.Fault{
			Kind: kind, Name: name, End: f.heal, Want: want,
			Begin: func() {
				f.set(func(op errorfs.Op) error {
					if write(op) {
						return &pathError{op.Path, cause}
					}
					return nil
				})
			},
		}
	}
	full := all(storetest.Full, "the disk is full", nil, store.ErrFull)
	full.Begin = func() { f.set(noSpace) }
	return []storetest.Fault{
		nth(storetest.NthFails, "each Nth change of the disk fails", fails, write),
		nth(storetest.CutBefore, "each Nth write fails before anything is written", writeFails, func(op errorfs.Op) bool { return op.Kind == errorfs.OpFileWrite }),
		// What a failed sync was to make durable is on the disk or not.
		nth(storetest.CutAfter, "each Nth sync fails with its data written", syncFails, func(op errorfs.Op) bool {
			return op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData
		}),
		all(storetest.Away, "the disk is gone", syscall.EIO, store.ErrUnavailable),
		full,
		all(storetest.ReadOnly, "the disk becomes read-only", syscall.EROFS, store.ErrUnavailable),
		{Kind: storetest.Damaged, Elsewhere: "TestAFlippedBitInAnyFileIsNoticedOrHasNoEffect"},
	}
}

func TestTheEmbeddedStoreOutlivesFaults(t *testing.T) {
	storetest.RunFaults(t, func(*testing.T) storetest.Faulty { return onFaulty{newFaulty()} })
}
