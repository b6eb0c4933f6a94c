package embedded_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"parley/store"
	"parley/store/embedded"
	"parley/store/storetest"
)

// tmpfsBytes is the size of the disk that the test fills.
const tmpfsBytes = 64 << 20

// TestARealDiskThatFillsUpLosesNothingAndGoesOn runs TestMain's filled in a mount namespace with a small tmpfs, as root
// or as a user (in a user namespace).
func TestARealDiskThatFillsUpLosesNothingAndGoesOn(t *testing.T) {
	mount := t.TempDir()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "STORE_FILLED_BY_CHILD="+mount)
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		command.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		command.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		command.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	if err := command.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out.Bytes())
	}
	t.Logf("%s", out.Bytes())
}

func init() { filled = fillDisk }

// fillDisk mounts a small disk and fills it, with the store alone and with something else beside it.
func fillDisk(mount string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, fmt.Sprintf("size=%d", tmpfsBytes)); err != nil {
		return fmt.Errorf("mount tmpfs: %w", err)
	}
	s, err := embedded.Open(filepath.Join(mount, "store"), embedded.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	next, err := fillLog(s, 1)
	if !errors.Is(err, store.ErrFull) {
		return fmt.Errorf("the disk being full, Apply says: %v", err)
	}
	fmt.Printf("full after %d runs: %v\n", next-1, err)
	if err := sameLog(s, next-1); err != nil {
		return err
	}

	// The store makes its own space: the reserve lets a trim through.
	floor := next / 2
	trim := &store.Batch{Trims: []store.Trim{{Room: storetest.ID("room"), Log: storetest.ID("log a"), Floor: floor}}}
	if err := s.Apply(context.Background(), trim); err != nil {
		return fmt.Errorf("a trim on a full disk: %w", err)
	}
	if next, err = goOn(s, next); err != nil {
		return fmt.Errorf("after a trim: %w", err)
	}

	// Something else takes the last byte.
	ballast := filepath.Join(mount, "ballast")
	file, err := os.Create(ballast)
	if err != nil {
		return err
	}
	for chunk := make([]byte, 64<<10); len(chunk) > 0; {
		if _, err := file.Write(chunk); err != nil {
			chunk = chunk[:len(chunk)/2]
		}
	}
	next, err = fillLog(s, next)
	if !errors.Is(err, store.ErrFull) {
		return fmt.Errorf("the disk being full to the last byte, Apply says: %v", err)
	}
	if err := sameLog(s, next-1); err != nil {
		return err
	}
	if err := errors.Join(file.Close(), os.Remove(ballast)); err != nil {
		return err
	}
	if next, err = goOn(s, next); err != nil {
		return fmt.Errorf("after space was made: %w", err)
	}
	if err := s.Close(); err != nil {
		return err
	}
	s, err = embedded.Open(filepath.Join(mount, "store"), embedded.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	return sameLog(s, next-1)
}

func fillLog(s store.Store, next uint64) (uint64, error) {
	for ; next < 100_000; next++ {
		if err := applyOne(s, next); err != nil {
			return next, err
		}
	}
	return next, errors.New("the disk is never full")
}

func applyOne(s store.Store, number uint64) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return s.Apply(ctx, &store.Batch{Runs: []store.Run{storetest.NewRun("a", number, number, 20_000)}})
}

// goOn appends 100 runs, the first of them when there is space.
func goOn(s store.Store, next uint64) (uint64, error) {
	var err error
	for deadline := time.Now().Add(time.Minute); ; {
		if err = applyOne(s, next); err == nil {
			break
		}
		if !errors.Is(err, store.ErrFull) || time.Now().After(deadline) {
			return next, err
		}
		time.Sleep(20 * time.Millisecond) // between attempts of the loop above
	}
	for range 100 {
		next++
		if err := applyOne(s, next); err != nil {
			return next, err
		}
	}
	return next + 1, nil
}

// sameLog checks that the log ends with the last run acknowledged (or the one that was refused, whose fate is
// open), without holes.
func sameLog(s store.Store, last uint64) error {
	head, err := s.Head(context.Background(), storetest.ID("room"), storetest.ID("log a"))
	if err != nil {
		return err
	}
	if head.Last < last || head.Last > last+1 {
		return fmt.Errorf("the log ends at %d, acknowledged was %d", head.Last, last)
	}
	next := head.Floor + 1
	for run, err := range s.Runs(context.Background(), storetest.ID("room"), storetest.ID("log a"), 1) {
		if err != nil {
			return err
		}
		want := storetest.NewRun("a", next, next, 20_000)
		if run.First != next || !bytes.Equal(run.Bytes, want.Bytes) {
			return fmt.Errorf("run %d is not what was written", next)
		}
		next++
	}
	if next != head.Last+1 {
		return fmt.Errorf("the runs end at %d, the head at %d", next-1, head.Last)
	}
	return nil
}
