package rooms

import (
	"errors"

	"parley/store"
)

// StoredState is what a log's head in the store says of its last run: the note that the core wrote with
// it. It is for whoever checks a store; the core reads it by itself.
func StoredState(h *store.Head) (*LogState, error) { return readNote([]byte(h.Note), h.Last, h.Link) }

// storageText tells a user why the store did not take something (nil: a room's earlier failure).
func storageText(err error) string {
	switch {
	case err == nil:
		return "the peer's store failed a moment ago"
	case errors.Is(err, store.ErrFull):
		return "the peer's disk is full"
	}
	return "the peer's store cannot write: " + err.Error()
}

// StoredNote is the note that the core writes with a run after which a log is in state s.
func StoredNote(s *LogState) string { return string(s.note()) }
