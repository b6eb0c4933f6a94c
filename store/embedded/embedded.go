package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"parley/store"
)

// Options of Open; the zero value is fine.
type Options struct {
	Logger *slog.Logger // nil: silent

	// FS replaces the operating system's file system, for tests of power loss and faults.
	FS vfs.FS
}

// Store is an open embedded store. It implements store.Store.
type Store struct {
	log      *slog.Logger
	folder   *folder
	fs       vfs.FS
	real     bool
	instance [16]byte

	queue   chan *request
	voided  chan struct{} // capacity 1: the life's disk became void
	closing chan struct{}
	done    chan struct{} // closed when the committer has ended
	once    sync.Once
	endErr  error

	mu     sync.Mutex
	closed bool
	life   *life         // nil while down
	view   *view         // the last completed sync; nil while down
	down   error         // why life and view are nil
	since  time.Time     // when they became so
	up     chan struct{} // closed when they are there again

	batches, commits, runs, ignored, reopened atomic.Uint64
	lowSpace                                  atomic.Bool
	syncs                                     atomic.Uint64 // of write-ahead logs
}

var _ store.Store = (*Store)(nil)

// Open opens the store in a folder, making both if they are not there. The errors are those of
// package store (ErrLocked, ErrFormat, ErrCorrupt, ErrFull) or name the permission that is
// missing. The store must be closed.
func Open(path string, options Options) (*Store, error) {
	s := &Store{
		log:     options.Logger,
		fs:      options.FS,
		queue:   make(chan *request, queueLength),
		voided:  make(chan struct{}, 1),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
		up:      make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.fs == nil {
		s.fs, s.real = vfs.Default, true
	}
	var err error
	if s.folder, err = openFolder(s.newDisk(), s.real, path); err != nil {
		return nil, err
	}
	err = s.folder.unseal()
	if err == nil {
		err = s.start()
	}
	if err != nil {
		s.folder.release()
		return nil, err
	}
	return s, nil
}

// start opens the first life and starts the committer.
func (s *Store) start() error {
	life, err := openLife(s.newDisk(), s.folder.name(dataFolder), !s.folder.isNew, s.log)
	if err != nil {
		return err
	}
	if err := s.loadInstance(life); err != nil {
		return errors.Join(err, life.end())
	}
	if err := s.folder.finish(); err != nil {
		return errors.Join(err, life.end())
	}
	s.setUp(life)
	go s.commitLoop(life)
	return nil
}

// newDisk returns a file system for the next life. Its callbacks must not block.
func (s *Store) newDisk() *diskFS {
	var disk *diskFS
	onFull := func() {
		s.log.Warn("disk full: writes wait for space")
		select {
		case <-s.closing:
			disk.fail(store.ErrFull)
		default:
		}
	}
	onVoid := func(cause error) {
		s.log.Error("disk fault: the database will be opened again", "error", cause)
		s.setDown(translate(cause))
		select {
		case s.voided <- struct{}{}:
		default:
		}
	}
	disk = newDiskFS(s.fs, s.real, onFull, onVoid)
	disk.syncs = &s.syncs
	return disk
}

// loadInstance reads the store's instance, or makes it when the store is new.
func (s *Store) loadInstance(l *life) error {
	value, err := get(l.db, keyInstance)
	if err != nil {
		return err
	}
	if value == nil && !s.folder.isNew {
		return fmt.Errorf("%w: %s has no instance: restore it from a backup", store.ErrCorrupt, s.folder.path)
	}
	if value == nil {
		value = make([]byte, len(s.instance))
		rand.Read(value)
		if err := l.db.Set(keyInstance, value, pebble.Sync); err != nil {
			return translate(err)
		}
	}
	if copy(s.instance[:], value) != len(s.instance) {
		return corrupt(errShort)
	}
	return nil
}

// setUp publishes a life that was just opened.
func (s *Store) setUp(l *life) {
	v := l.newView()
	s.mu.Lock()
	s.life, s.view, s.down = l, v, nil
	close(s.up)
	s.mu.Unlock()
}

// setDown takes the current life away from readers.
func (s *Store) setDown(cause error) {
	s.mu.Lock()
	v := s.view
	s.life, s.view = nil, nil
	if s.down == nil {
		s.down, s.since = cause, time.Now()
		s.up = make(chan struct{})
	}
	s.mu.Unlock()
	if v != nil {
		// Not here: releasing takes locks of the database, which may hold them around the write
		// that failed.
		go v.release()
	}
}

// publish moves readers on to a later view, whose reference it takes over.
func (s *Store) publish(v *view) {
	s.mu.Lock()
	old := v
	if s.life == v.life {
		old, s.view = s.view, v
	}
	s.mu.Unlock()
	old.release()
}

// alive returns the current life and, for a reader, its view, which the reader releases. Just
// after a fault it waits for the database to be opened again; when that takes long it says why.
func (s *Store) alive(ctx context.Context, reader bool) (*life, *view, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		s.mu.Lock()
		closed, l, v, down, up, wait := s.closed, s.life, s.view, s.down, s.up, reopenGrace-time.Since(s.since)
		if !closed && v != nil && reader {
			v.refs.Add(1)
		}
		s.mu.Unlock()
		switch {
		case closed:
			return nil, nil, store.ErrClosed
		case l != nil:
			return l, v, nil
		case wait <= 0:
			return nil, nil, down
		}
		timer := time.NewTimer(wait)
		select {
		case <-up:
		case <-ctx.Done():
		case <-s.closing:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// Instance implements store.Store.
func (s *Store) Instance() [16]byte { return s.instance }

// Stats implements store.Store.
func (s *Store) Stats() store.Stats {
	stats := store.Stats{
		Batches:  s.batches.Load(),
		Commits:  s.commits.Load(),
		Syncs:    s.syncs.Load(),
		Runs:     s.runs.Load(),
		Ignored:  s.ignored.Load(),
		Reopened: s.reopened.Load(),
	}
	s.mu.Lock()
	v := s.view
	if s.closed {
		v = nil
	}
	if v != nil {
		v.refs.Add(1)
	}
	s.mu.Unlock()
	if v == nil {
		return stats
	}
	defer v.release()
	metrics := v.life.db.Metrics()
	stats.DiskBytes = metrics.DiskSpaceUsage()
	stats.MemoryBytes = uint64(metrics.BlockCache.Size) + metrics.MemTable.Size + metrics.MemTable.ZombieSize
	stats.Full = v.life.disk.isFull() || s.lowSpace.Load()
	return stats
}

// Close implements store.Store. While the disk is full, what waits for space is given up: it was
// not acknowledged.
func (s *Store) Close() error {
	s.once.Do(func() {
		s.mu.Lock()
		s.closed = true
		l := s.life
		s.mu.Unlock()
		close(s.closing)
		if l != nil && l.disk.isFull() {
			l.disk.fail(store.ErrFull)
		}
	})
	<-s.done
	return s.endErr
}

// end closes the last life (nil when the store is down) and the folder; the committer calls it last.
func (s *Store) end(l *life) {
	s.mu.Lock()
	v := s.view
	s.life, s.view = nil, nil
	s.mu.Unlock()
	if v != nil {
		v.release()
	}
	if l != nil {
		err := l.end()
		if l.disk.failed() == nil {
			if err == nil {
				err = s.folder.seal()
			}
			s.endErr = translate(err)
		}
	}
	s.folder.release()
}

// reopen ends a life whose disk is void and opens the next. It returns nil when the store is being closed.
func (s *Store) reopen(old *life) *life {
	s.setDown(translate(old.disk.failed()))
	_ = old.end()
	for wait := time.Duration(0); ; wait = min(max(2*wait, reopenFirst), reopenMost) {
		if !s.refuse(wait) {
			return nil
		}
		next, err := openLife(s.newDisk(), s.folder.name(dataFolder), true, s.log)
		if err == nil {
			s.log.Info("database opened again")
			s.reopened.Add(1)
			s.setUp(next)
			return next
		}
		s.log.Warn("database not opened again yet", "error", err)
		s.mu.Lock()
		s.down = err
		s.mu.Unlock()
	}
}
