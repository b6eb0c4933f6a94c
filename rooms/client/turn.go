package client

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Writers of one room and home take turns under two locks. Who wants to write
// takes `turn`, then `lock`, then gives `turn` back: at most one waits for
// `lock` itself, and the holder, who must queue for `turn` like everybody when
// it wants to go on, cannot overtake it. The operating system frees the locks
// of a process that ends.

// A turn is the right to write in a room, held for one window of sending.
type turn struct {
	dir  string
	lock *flock.Flock
	next time.Time // when contended looks again
}

// takeTurn waits for the right to write in the room whose folder is dir.
func takeTurn(ctx context.Context, dir string) (*turn, error) {
	queue := newLock(dir, "turn")
	if err := waitLock(ctx, queue); err != nil {
		return nil, err
	}
	t := &turn{dir: dir, lock: newLock(dir, "lock")}
	err := errors.Join(waitLock(ctx, t.lock), queue.Close())
	if err != nil {
		return nil, errors.Join(err, t.lock.Close())
	}
	return t, nil
}

// contended reports whether another writer waits. It looks at most every
// turnProbe and is cheap otherwise.
func (t *turn) contended(now time.Time) bool {
	if now.Before(t.next) {
		return false
	}
	t.next = now.Add(turnProbe)
	queue := newLock(t.dir, "turn")
	free, err := queue.TryLock()
	queue.Close()
	return err == nil && !free
}

func (t *turn) release() error { return t.lock.Close() }

func newLock(dir, name string) *flock.Flock {
	return flock.New(filepath.Join(dir, name), flock.SetPermissions(0o600))
}

func waitLock(ctx context.Context, l *flock.Flock) error {
	ok, err := l.TryLockContext(ctx, turnRetry)
	if err == nil && ok {
		return nil
	}
	if err == nil {
		err = ctx.Err()
	}
	return errors.Join(fmt.Errorf("client: wait for the turn to write: %w", err), l.Close())
}
