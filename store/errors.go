package store

import (
	"errors"
	"fmt"
)

// The errors of every engine, to be tested with errors.Is. They say what to do:
var (
	// ErrNotFound: no such run, record or value.
	ErrNotFound = errors.New("store: not found")

	// ErrConflict: a run does not extend its log's head (and is not held already), an
	// arrival number was given before, a record's ID is held with other bytes, or a trim's floor or a
	// cut's end is not the end of a run. Nothing of the batch was applied: read the heads again.
	ErrConflict = errors.New("store: conflict with what is held")

	// ErrInvalid: the batch contradicts itself or its types' documentation. Nothing of
	// it was applied; the same batch can never succeed.
	ErrInvalid = errors.New("store: invalid batch")

	// ErrTooLarge: a bound of limits.go is exceeded. Nothing was applied.
	ErrTooLarge = errors.New("store: too large")

	// ErrFull: the disk is full (or a quota is used up). Nothing acknowledged is lost, reading
	// goes on, and Apply succeeds again once there is space; no restart is needed. Whether a
	// batch that met this error is applied later is open, as for every such error.
	ErrFull = errors.New("store: disk full")

	// ErrUnavailable: the engine's disk or server fails at the moment; the cause is
	// wrapped. Nothing acknowledged is lost; the engine tries again by itself.
	ErrUnavailable = errors.New("store: unavailable")

	// ErrCorrupt: stored bytes are not what was written. The store must be checked or restored.
	ErrCorrupt = errors.New("store: corrupt")

	// ErrLocked: another process (or another part of this one) has the store open. The
	// error's chain holds a *LockedError with its process ID.
	ErrLocked = errors.New("store: in use")

	// ErrClosed: the store was closed.
	ErrClosed = errors.New("store: closed")

	// ErrFormat: the place holds something else than a store, or a store of a newer format.
	ErrFormat = errors.New("store: unknown format")
)

// A LockedError says who holds a store. It matches ErrLocked.
type LockedError struct {
	Path string // the store's folder
	PID  int    // the holder's process ID; 0 when unknown
}

// Error names the folder and the holder.
func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("store: %s is in use by another process", e.Path)
	}
	return fmt.Sprintf("store: %s is in use by process %d", e.Path, e.PID)
}

// Is reports whether target is ErrLocked.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }
