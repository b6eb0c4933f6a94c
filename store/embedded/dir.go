package embedded

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"parley/store"
)

// The files of a store's folder (see the package documentation).
const (
	formatFile = "FORMAT"
	lockFile   = "LOCK"
	pidFile    = "PID"
	dataFolder = "db"

	formatPrefix  = "parley store embedded "
	formatVersion = 1
)

// folder is a locked store folder.
type folder struct {
	fs    vfs.FS
	path  string
	lock  io.Closer
	isNew bool // FORMAT is not there yet
}

// openFolder makes or checks a store's folder and locks it. On the real file
// system its path is resolved first, so that two names of one folder are one lock.
func openFolder(fsys vfs.FS, real bool, path string) (*folder, error) {
	if real {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, describe(path, err)
		}
		resolved, err := filepath.EvalSymlinks(path)
		if err == nil {
			resolved, err = filepath.Abs(resolved)
		}
		if err != nil {
			return nil, describe(path, err)
		}
		path = resolved
	} else if err := fsys.MkdirAll(path, 0o700); err != nil {
		return nil, describe(path, err)
	}
	f := &folder{fs: fsys, path: path}
	// Look before locking: LOCK must not be left in somebody else's folder.
	if err := f.check(); err != nil {
		return nil, err
	}
	if err := f.acquire(); err != nil {
		return nil, err
	}
	if err := f.check(); err != nil {
		f.release()
		return nil, err
	}
	f.dropSnapshots()
	return f, nil
}

func (f *folder) name(file string) string { return f.fs.PathJoin(f.path, file) }

// check reads FORMAT, or makes sure that a folder without it is empty or a store whose making
// was interrupted (FORMAT comes last).
func (f *folder) check() error {
	names, err := f.fs.List(f.path)
	if err != nil {
		return describe(f.path, err)
	}
	if slices.Contains(names, formatFile) {
		if err := f.checkFormat(); err != nil {
			return err
		}
		if !slices.Contains(names, dataFolder) {
			return fmt.Errorf("%w: %s has no folder %s: restore it from a backup", store.ErrCorrupt, f.path, dataFolder)
		}
		return nil
	}
	f.isNew = true
	foreign := slices.DeleteFunc(names, func(name string) bool {
		// lost+found: the folder may be a file system of its own.
		return name == lockFile || name == pidFile || name == snapshotsFolder || strings.HasPrefix(name, closedFile) || name == dataFolder || name == "lost+found" ||
			strings.HasPrefix(name, formatFile+".")
	})
	if len(foreign) == 0 {
		return nil
	}
	slices.Sort(foreign)
	more := ""
	if len(foreign) > foreignShown {
		more = fmt.Sprintf(" and %d more", len(foreign)-foreignShown)
		foreign = foreign[:foreignShown]
	}
	return fmt.Errorf("%w: %s is not a store and not empty (it holds %s%s): give an empty folder",
		store.ErrFormat, f.path, strings.Join(foreign, ", "), more)
}

func (f *folder) checkFormat() error {
	text, err := readFile(f.fs, f.name(formatFile))
	if err != nil {
		return describe(f.path, err)
	}
	version, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(text, formatPrefix), "\n"))
	switch {
	case err != nil || !strings.HasPrefix(text, formatPrefix) || version < 1:
		return fmt.Errorf("%w: %s is not a store's: restore the store from a backup, or give another folder", store.ErrFormat, f.name(formatFile))
	case version > formatVersion:
		return fmt.Errorf("%w: %s has format %d, this program knows formats up to %d: use a newer parley",
			store.ErrFormat, f.path, version, formatVersion)
	}
	return nil
}

// acquire takes the lock and leaves this process's ID for whoever comes second.
func (f *folder) acquire() error {
	lock, err := f.fs.Lock(f.name(lockFile))
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) || errors.Is(err, fs.ErrPermission) || isReadOnly(err) {
			return describe(f.path, err)
		}
		text, _ := readFile(f.fs, f.name(pidFile))
		pid, _ := strconv.Atoi(strings.TrimSpace(text))
		return &store.LockedError{Path: f.path, PID: pid}
	}
	f.lock = lock
	if err := writeFile(f.fs, f.name(pidFile), strconv.Itoa(os.Getpid())+"\n"); err != nil {
		f.release()
		return describe(f.path, err)
	}
	return nil
}

// finish writes FORMAT: from now on the folder is a store.
func (f *folder) finish() error {
	if !f.isNew {
		return nil
	}
	temporary := f.name(formatFile + ".new")
	if err := writeFile(f.fs, temporary, formatPrefix+strconv.Itoa(formatVersion)+"\n"); err != nil {
		return describe(f.path, err)
	}
	if err := f.fs.Rename(temporary, f.name(formatFile)); err != nil {
		return describe(f.path, err)
	}
	if err := syncFolder(f.fs, f.path); err != nil {
		return err
	}
	// The folder's own name must last as well, and those of the folders above it that were made with it.
	// One that cannot be opened was not made here.
	for path := f.path; ; {
		parent := f.fs.PathDir(path)
		if parent == path {
			return nil
		}
		if dir, err := f.fs.OpenDir(parent); err == nil {
			if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
				return describe(parent, err)
			}
		}
		path = parent
	}
}

// release gives up the lock. PID stays: removing it could take the next holder's.
func (f *folder) release() {
	if f.lock != nil {
		_ = f.lock.Close()
		f.lock = nil
	}
}

// describe makes an error of the folder into one that says what to do.
func describe(path string, err error) error {
	switch {
	case isNoSpace(err):
		return fmt.Errorf("%w: %s: %w", store.ErrFull, path, err)
	case isReadOnly(err):
		return fmt.Errorf("store: %s is on a read-only file system: %w", path, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("store: no permission to write in %s: %w", path, err)
	default:
		return fmt.Errorf("store: %s: %w", path, err)
	}
}

func readFile(fsys vfs.FS, name string) (string, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 256))
	return string(text), err
}

// writeFile makes a file of mode 0600 and syncs it.
func writeFile(fsys vfs.FS, name, text string) error {
	file, err := fsys.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = file.Write([]byte(text))
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

func syncFolder(fsys vfs.FS, path string) error {
	dir, err := fsys.OpenDir(path)
	if err != nil {
		return describe(path, err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}
