package embedded_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"parley/store"
	"parley/store/embedded"
	"parley/store/storetest"
)

func TestASnapshotHoldsWhatWasAcknowledgedAndOpensWhileTheStoreGoesOn(t *testing.T) {
	s := onDisk(t.TempDir()).Open(t).(*embedded.Store)
	defer s.Close()
	storetest.Fill(t, s, 3, 20_000, 5) // enough for sorted files
	var writer sync.WaitGroup
	stop := make(chan struct{})
	writer.Go(func() {
		for i := uint64(1); ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := apply(t, s, storetest.NewRun("busy", i, i, 200)); err != nil {
				t.Errorf("Apply: %v", err)
				return
			}
		}
	})
	if err := apply(t, s, storetest.NewRun("promised", 1, 1, 100)); err != nil {
		t.Fatal(err)
	}
	path, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatalf("Snapshot: %v", err)
	}
	copied := onDisk(path).Open(t)
	close(stop)
	writer.Wait()
	if copied.Instance() != s.Instance() {
		t.Error("the snapshot is another instance")
	}
	storetest.CheckConsistent(t, copied)
	if head, err := copied.Head(t.Context(), storetest.ID("room"), storetest.ID("log promised")); err != nil || head.Last != 1 {
		t.Errorf("an acknowledged run is not in the snapshot: %+v, %v", head, err)
	}
	// The two go on apart.
	if err := apply(t, copied, storetest.NewRun("promised", 2, 2, 100)); err != nil {
		t.Error(err)
	}
	if head, err := s.Head(t.Context(), storetest.ID("room"), storetest.ID("log promised")); err != nil || head.Last != 1 {
		t.Errorf("what the snapshot took is in the store: %+v, %v", head, err)
	}
	if err := embedded.RemoveSnapshot(path); !errors.Is(err, store.ErrLocked) {
		t.Errorf("removing a snapshot that is open: %v, want ErrLocked", err)
	}
	if err := copied.Close(); err != nil {
		t.Error(err)
	}
	if err := embedded.RemoveSnapshot(path); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the snapshot is still there")
	}
	storetest.CheckConsistent(t, s)
}

func TestASnapshotThatWasLeftIsRemovedAtTheNextStartUnlessItIsOpen(t *testing.T) {
	folder := t.TempDir()
	s := onDisk(folder).Open(t).(*embedded.Store)
	storetest.Fill(t, s, 1, 100, 1)
	var paths []string
	for range 2 {
		path, err := s.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	s.Close()
	open := onDisk(paths[0]).Open(t)
	onDisk(folder).Open(t).Close()
	left, err := filepath.Glob(filepath.Join(folder, "snapshots", "*"))
	if err != nil || len(left) != 1 || !strings.HasSuffix(left[0], filepath.Base(paths[0])) {
		t.Errorf("left are %v, %v; want the one that is open", left, err)
	}
	open.Close()
	onDisk(folder).Open(t).Close()
	if _, err := os.Stat(filepath.Join(folder, "snapshots")); err == nil {
		t.Error("snapshots are left though nobody has them open")
	}
}
