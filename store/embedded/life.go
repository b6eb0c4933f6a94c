package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"parley/store"
)

// A life is one opened Pebble database: from the opening of the files to a fault or the
// store's closing.
type life struct {
	db      *pebble.DB
	disk    *diskFS
	readers sync.WaitGroup // views and reads that use db
}

// openLife opens the database in path. The disk is live when it returns.
func openLife(disk *diskFS, path string, mustExist bool, log *slog.Logger) (*life, error) {
	options := &pebble.Options{
		FS:                          disk,
		CacheSize:                   cacheBytes,
		MemTableSize:                memTableBytes,
		MemTableStopWritesThreshold: memTableStop,
		MaxOpenFiles:                maxOpenFiles,
		WALBytesPerSync:             walBytesPerSync,
		FlushDelayDeleteRange:       trimFlushDelay,
		FormatMajorVersion:          pebble.FormatValueSeparation,
		ErrorIfNotExists:            mustExist,
		Logger:                      pebbleLogger{log, disk},
		EventListener:               listener(log),
	}
	options.TargetFileSizes[0] = tableFileBytes
	options.Experimental.FileCacheShards = 2
	options.Experimental.SpanPolicyFunc = func(start []byte) (policy pebble.SpanPolicy, end []byte, err error) {
		for _, border := range [...]byte{tableArrival, tableRun} {
			if start[0] < border {
				return policy, []byte{border}, nil
			}
		}
		return policy, nil, nil
	}
	// Runs and boxes are ciphertext and hashes: compressing them costs time and saves nothing.
	options.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
	disk.state.Store(opening)
	db, err := pebble.Open(path, options)
	if cause := disk.failed(); cause != nil {
		// The fault of the disk is the reason, whatever came of it.
		if err == nil {
			_ = db.Close()
		}
		return nil, translate(describe(path, cause))
	}
	if err != nil {
		return nil, translate(describe(path, err))
	}
	disk.state.Store(live)
	return &life{db: db, disk: disk}, nil
}

// end closes the database. Nothing may use it any more but views, which it waits for.
func (l *life) end() error {
	l.readers.Wait()
	return l.db.Close()
}

// A view is the database as of one completed sync. It is closed when the last user lets go.
type view struct {
	life *life
	snap *pebble.Snapshot
	refs atomic.Int32
}

// newView takes the database as it is now; the caller holds one reference.
func (l *life) newView() *view {
	v := &view{life: l, snap: l.db.NewSnapshot()}
	v.refs.Store(1)
	l.readers.Add(1)
	return v
}

func (v *view) release() {
	if v.refs.Add(-1) == 0 {
		_ = v.snap.Close()
		v.life.readers.Done()
	}
}

// get returns a copy of the value of a key, or nil.
func get(from pebble.Reader, key []byte) ([]byte, error) {
	value, closer, err := from.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, translate(err)
	}
	value = append(make([]byte, 0, len(value)), value...)
	return value, closer.Close()
}

// translate wraps an error of Pebble or the disk in one of package store.
func translate(err error) error {
	switch {
	case err == nil, errors.Is(err, store.ErrFull), errors.Is(err, store.ErrCorrupt),
		errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrClosed):
		return err
	case isNoSpace(err):
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	case pebble.IsCorruptionError(err), errors.Is(err, pebble.ErrDBDoesNotExist):
		line, _, _ := strings.Cut(err.Error(), "\n") // the rest is for Pebble's developers
		return fmt.Errorf("%w: %s: check the disk, and restore the store from a backup", store.ErrCorrupt, line)
	default: // that nothing may be written included: a disk that was made read-only may be made writable again
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
}

// corrupt wraps what a decoder found.
func corrupt(err error) error { return fmt.Errorf("%w: %w", store.ErrCorrupt, err) }

var _ vfs.FS = (*diskFS)(nil)
