package home

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

// A HeldError says that another process holds a lock of the home.
type HeldError struct {
	What string // "daemon", "agent"
	PID  int    // 0: not known
}

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("home: another %s runs in this home", e.What)
	}
	return fmt.Sprintf("home: another %s runs in this home, with process ID %d", e.What, e.PID)
}

// A Lock of the home. The operating system gives it back when the process
// ends, however it ends.
type Lock struct {
	flock *flock.Flock
	pid   string
}

// LockPeer takes the lock of the daemon; *HeldError if another one runs.
func (h *Home) LockPeer() (*Lock, error) {
	return lock(filepath.Join(h.PeerDir(), "lock"), "daemon")
}

// LockAgent takes the lock of the agent; *HeldError if another one runs.
func (h *Home) LockAgent() (*Lock, error) {
	return lock(filepath.Join(h.UserDir(), "agent.lock"), "agent")
}

// lock takes the lock at path. The process ID is kept in a file beside it: on
// Windows a locked file cannot be read.
func lock(path, what string) (*Lock, error) {
	l := &Lock{flock: flock.New(path, flock.SetPermissions(0o600)), pid: path + ".pid"}
	ok, err := l.flock.TryLock()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("home: lock %s: %w", path, err), l.flock.Close())
	}
	if !ok {
		held := &HeldError{What: what}
		if b, err := readPrivate(l.pid); err == nil {
			held.PID, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		}
		l.flock.Close()
		return nil, held
	}
	if err := WriteFile(l.pid, []byte(strconv.Itoa(os.Getpid())+"\n")); err != nil {
		l.flock.Close()
		return nil, err
	}
	return l, nil
}

// Unlock gives the lock back. It is idempotent.
func (l *Lock) Unlock() error {
	if !l.flock.Locked() {
		return nil
	}
	os.Remove(l.pid)
	return l.flock.Close()
}

// withLock runs f while holding the short lock at path, waiting for it.
func withLock(ctx context.Context, path string, f func() error) error {
	l := flock.New(path, flock.SetPermissions(0o600))
	ok, err := l.TryLockContext(ctx, lockRetry)
	if err != nil || !ok {
		return errors.Join(fmt.Errorf("home: lock %s: %w", path, err), l.Close())
	}
	defer l.Close()
	return f()
}
