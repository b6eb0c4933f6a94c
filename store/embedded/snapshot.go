package embedded

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"parley/store"
)

// snapshotsFolder holds the snapshots of a store, each a store's folder of its own.
const snapshotsFolder = "snapshots"

// Snapshot makes a copy of the store as it is now in a folder inside its own, and returns the
// folder's path, where another process may Open it: sorted files, which never change, are linked
// (or copied where the file system has no links), so that it takes little time and, at first, little space.
// Everything acknowledged before the call is in it. It has the same Instance. Whoever asked for it
// removes it (RemoveSnapshot); one that is left is removed when the store is opened next and nobody has it open.
func (s *Store) Snapshot(ctx context.Context) (path string, err error) {
	_, v, err := s.alive(ctx, true)
	if err != nil {
		return "", err
	}
	defer v.release()
	disk := v.life.disk
	if disk.isFull() || s.lowSpace.Load() {
		return "", store.ErrFull
	}
	var name [8]byte
	rand.Read(name[:])
	path = s.fs.PathJoin(s.folder.path, snapshotsFolder, hex.EncodeToString(name[:]))
	defer func() {
		if err != nil {
			_ = disk.RemoveAll(path)
		}
	}()
	if err := disk.MkdirAll(path, 0o700); err != nil {
		return "", describe(path, err)
	}
	err = v.life.db.Checkpoint(s.fs.PathJoin(path, dataFolder), pebble.WithFlushedWAL())
	if cause := disk.failed(); cause != nil {
		err = cause // what was written may have reached nothing
	}
	if err != nil {
		return "", translate(err)
	}
	copied := folder{fs: disk, path: path, isNew: true}
	if err := copied.finish(); err != nil {
		return "", err
	}
	return path, translate(disk.failed())
}

// RemoveSnapshot removes a snapshot that nobody has open any more.
func RemoveSnapshot(path string) error { return removeSnapshot(vfs.Default, path) }

func removeSnapshot(fsys vfs.FS, path string) error {
	lock, err := fsys.Lock(fsys.PathJoin(path, lockFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil // it is gone already
	}
	if err != nil {
		return &store.LockedError{Path: path}
	}
	// What tells a store from a heap of files goes first.
	err = fsys.Remove(fsys.PathJoin(path, formatFile))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	// Windows removes no file that is open; the lock has served.
	err = errors.Join(err, lock.Close(), fsys.RemoveAll(path))
	_ = fsys.Remove(fsys.PathDir(path)) // unless there are others
	return err
}

// dropSnapshots removes the snapshots that somebody left.
func (f *folder) dropSnapshots() {
	root := f.name(snapshotsFolder)
	names, err := f.fs.List(root)
	if err != nil {
		return // there are none
	}
	for _, name := range names {
		_ = removeSnapshot(f.fs, f.fs.PathJoin(root, name)) // one that is being read stays
	}
	_ = f.fs.Remove(root) // unless something is left in it
}
