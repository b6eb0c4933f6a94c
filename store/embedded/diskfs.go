package embedded

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// diskFS is the file system that one life of the database sees. It keeps errors of writing from Pebble,
// which would stop the process (see "Faults" in the package documentation), and
// files from other users. It has four states:
//
//   - plain: errors go to the caller; so the store's own files are made;
//   - opening: any error of a change makes it void;
//   - live: a change that finds the disk full waits and is tried again; any other error makes it void;
//   - void: every change succeeds and has no effect. Files made from now on are in memory.
//
// Once void, nothing that Pebble reports may be acknowledged; cause says why.
type diskFS struct {
	vfs.FS
	private bool // real files: restrict their modes

	state  atomic.Int32  // plain, opening or live
	voided chan struct{} // closed when void
	onFull func()        // called when the disk turns out to be full
	onVoid func(cause error)
	syncs  *atomic.Uint64 // counts the syncs of write-ahead logs, if not nil

	mu      sync.Mutex
	blocked int           // operations that wait for space
	fullC   chan struct{} // closed while blocked > 0
	cause   error         // why it is void
	ghost   *vfs.MemFS    // files made when void
}

const (
	plain int32 = iota
	opening
	live
)

func newDiskFS(fs vfs.FS, private bool, onFull func(), onVoid func(error)) *diskFS {
	return &diskFS{
		FS: fs, private: private, onFull: onFull, onVoid: onVoid,
		voided: make(chan struct{}), fullC: make(chan struct{}),
	}
}

// full returns a channel that is closed when an operation waits for space.
func (d *diskFS) full() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fullC
}

// isFull reports whether an operation waits for space.
func (d *diskFS) isFull() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.blocked > 0
}

// block counts the operations that wait for space.
func (d *diskFS) block(by int) {
	d.mu.Lock()
	was := d.blocked
	d.blocked += by
	first := was == 0 && d.blocked > 0
	switch {
	case first:
		close(d.fullC)
	case was > 0 && d.blocked == 0:
		d.fullC = make(chan struct{})
	}
	d.mu.Unlock()
	if first && d.onFull != nil {
		d.onFull()
	}
}

// fail makes the file system void; only the first cause counts.
func (d *diskFS) fail(cause error) {
	d.mu.Lock()
	first := d.cause == nil
	if first {
		d.cause = cause
		d.ghost = vfs.NewMem()
		close(d.voided)
	}
	d.mu.Unlock()
	if first && d.onVoid != nil {
		d.onVoid(cause)
	}
}

// failed returns the cause for which the file system is void, or nil.
func (d *diskFS) failed() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cause
}

func (d *diskFS) isVoid() bool {
	select {
	case <-d.voided:
		return true
	default:
		return false
	}
}

// change does one operation that changes the disk. It reports whether the operation took
// place; with a nil error and false, the file system is void.
func (d *diskFS) change(op func() error) (done bool, err error) {
	if d.isVoid() {
		return false, nil
	}
	for waiting := false; ; {
		err := op()
		state := d.state.Load()
		if err == nil || state != live || !isNoSpace(err) {
			if waiting {
				d.block(-1)
			}
			if err == nil || state == plain {
				return true, err
			}
			d.fail(err)
			return false, nil
		}
		if !waiting {
			waiting = true
			d.block(+1)
		}
		select {
		case <-time.After(fullRetry):
		case <-d.voided:
			d.block(-1)
			return false, nil
		}
	}
}

// isNoSpace reports whether an operation failed for lack of space, so that it may succeed later.
func isNoSpace(err error) bool {
	return vfs.IsNoSpaceError(err) || errors.Is(err, syscall.ENOSPC) || isQuota(err)
}

func (d *diskFS) file(name string, made vfs.File, done bool, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	if !done {
		return d.ghostFile(name)
	}
	if d.private {
		// The folder is 0700 from the start, so nobody looks in between.
		_ = os.Chmod(name, 0o600)
	}
	return &diskFile{File: made, fs: d, log: strings.HasSuffix(name, ".log")}, nil
}

func (d *diskFS) ghostFile(name string) (vfs.File, error) {
	if err := d.ghost.MkdirAll(d.ghost.PathDir(name), 0o700); err != nil {
		return nil, err
	}
	return d.ghost.Create(name, vfs.WriteCategoryUnspecified)
}

func (d *diskFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	var made vfs.File
	done, err := d.change(func() (err error) {
		// A marker's name names another file. Pebble syncs the folder only after both are made, and a file
		// system that keeps no order among names could then lose the file and keep the marker.
		if strings.HasPrefix(d.FS.PathBase(name), "marker.") {
			if err := syncFolder(d.FS, d.FS.PathDir(name)); err != nil {
				return err
			}
		}
		made, err = d.FS.Create(name, category)
		return err
	})
	return d.file(name, made, done, err)
}

func (d *diskFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	var made vfs.File
	done, err := d.change(func() (err error) { made, err = d.FS.OpenReadWrite(name, category, opts...); return err })
	return d.file(name, made, done, err)
}

func (d *diskFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	var made vfs.File
	done, err := d.change(func() (err error) { made, err = d.FS.ReuseForWrite(oldname, newname, category); return err })
	return d.file(newname, made, done, err)
}

// Open reads files made when void from memory, the others from the disk.
func (d *diskFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	if d.isVoid() {
		if ghost, err := d.ghost.Open(name); err == nil {
			return ghost, nil
		}
	}
	return d.FS.Open(name, opts...)
}

func (d *diskFS) Stat(name string) (vfs.FileInfo, error) {
	if d.isVoid() {
		if info, err := d.ghost.Stat(name); err == nil {
			return info, nil
		}
	}
	return d.FS.Stat(name)
}

func (d *diskFS) OpenDir(name string) (vfs.File, error) {
	dir, err := d.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &diskFile{File: dir, fs: d}, nil
}

// Link reports its errors even when live: only snapshots link, and copy where the file system cannot.
func (d *diskFS) Link(oldname, newname string) error {
	if d.isVoid() {
		return nil
	}
	return d.FS.Link(oldname, newname)
}

func (d *diskFS) Rename(oldname, newname string) error {
	_, err := d.change(func() error { return d.FS.Rename(oldname, newname) })
	return err
}

// Lock is for the store's folder. Pebble's own lock inside is not needed.
func (d *diskFS) Lock(name string) (io.Closer, error) {
	if d.state.Load() == plain {
		return d.FS.Lock(name)
	}
	return noLock{}, nil
}

type noLock struct{}

func (noLock) Close() error { return nil }

func (d *diskFS) MkdirAll(dir string, _ os.FileMode) error {
	_, err := d.change(func() error { return d.FS.MkdirAll(dir, 0o700) })
	return err
}

// Remove reports its errors even when live: Pebble only logs them, and tries again when it is next opened.
func (d *diskFS) Remove(name string) error {
	if d.isVoid() {
		return nil
	}
	return d.FS.Remove(name)
}

func (d *diskFS) RemoveAll(name string) error {
	if d.isVoid() {
		return nil
	}
	return d.FS.RemoveAll(name)
}

// Unwrap hides the file system below, so that nothing goes around this one.
func (d *diskFS) Unwrap() vfs.FS { return nil }

// diskFile is an open file of a diskFS.
type diskFile struct {
	vfs.File
	fs  *diskFS
	log bool // a write-ahead log
}

// Write goes on where a full disk cut it short.
func (f *diskFile) Write(p []byte) (int, error) {
	written := 0
	_, err := f.fs.change(func() error {
		n, err := f.File.Write(p[written:])
		written += n
		return err
	})
	if err != nil {
		return written, err
	}
	return len(p), nil
}

func (f *diskFile) WriteAt(p []byte, offset int64) (int, error) {
	_, err := f.fs.change(func() error {
		_, err := f.File.WriteAt(p, offset)
		return err
	})
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// sync does an operation that must not be tried again: after a failed sync the kernel may count the
// lost pages as written.
func (f *diskFile) sync(op func() error) error {
	if f.fs.isVoid() {
		return nil
	}
	if f.log && f.fs.syncs != nil {
		f.fs.syncs.Add(1)
	}
	return f.fs.fatal(op())
}

// fatal makes the file system void for an error, unless it is plain.
func (d *diskFS) fatal(err error) error {
	if err == nil || d.state.Load() == plain {
		return err
	}
	d.fail(err)
	return nil
}

func (f *diskFile) Sync() error     { return f.sync(f.File.Sync) }
func (f *diskFile) SyncData() error { return f.sync(f.File.SyncData) }

func (f *diskFile) SyncTo(length int64) (full bool, err error) {
	if f.fs.isVoid() {
		return false, nil
	}
	full, err = f.File.SyncTo(length)
	return full, f.fs.fatal(err)
}

// Preallocate is a wish; a disk too full for it may still take the write.
func (f *diskFile) Preallocate(offset, length int64) error {
	if f.fs.isVoid() {
		return nil
	}
	err := f.File.Preallocate(offset, length)
	if err != nil && isNoSpace(err) {
		return nil
	}
	return f.fs.fatal(err)
}
