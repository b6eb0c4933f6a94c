package rooms

import "parley/store"

// StoredState is what a log's head in the store says of its last run: the note that the core wrote with
// it. It is for whoever checks a store; the core reads it by itself.
func StoredState(h *store.Head) (*LogState, error) { return readNote([]byte(h.Note), h.Last, h.Link) }

// StoredNote is the note that the core writes with a run after which a log is in state s.
func StoredNote(s *LogState) string { return string(s.note()) }
