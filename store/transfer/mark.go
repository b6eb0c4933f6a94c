package transfer

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"parley/store"
)

// keyPrefix is that of this package's values in a store; they are not copied.
const (
	keyPrefix = "transfer/"
	keyMark   = keyPrefix + "mark"
)

// A Mark says of a store that it is a copy: whole, or not yet.
type Mark struct {
	Purpose string    `json:"purpose"` // "backup", "migrate", "restore"
	Source  string    `json:"source"`  // the source's instance, in hexadecimal
	Whole   bool      `json:"whole"`   // false: the copy was cut, or is being made
	Time    time.Time `json:"time"`    // when it became so
	Digest  string    `json:"digest"`  // of a whole copy
}

// ReadMark returns a store's mark, or nil: it is no copy.
func ReadMark(ctx context.Context, s store.Store) (*Mark, error) {
	value, err := s.Value(ctx, keyMark)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var m Mark
	if err := json.Unmarshal(value, &m); err != nil {
		return nil, fmt.Errorf("%w: the mark of a copy: %w", store.ErrCorrupt, err)
	}
	return &m, nil
}

// Unmark makes a copy a store like any other.
func Unmark(ctx context.Context, s store.Store) error {
	return s.Apply(ctx, &store.Batch{Values: []store.Value{{Key: keyMark}}})
}

func writeMark(ctx context.Context, s store.Store, m *Mark) error {
	value, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return s.Apply(ctx, &store.Batch{Values: []store.Value{{Key: keyMark, Value: value}}})
}

func instance(s store.Store) string {
	id := s.Instance()
	return hex.EncodeToString(id[:])
}

// Empty reports whether a store holds nothing, or nothing but a mark.
func Empty(ctx context.Context, s store.Store) (bool, error) {
	rooms, err := s.Rooms(ctx)
	if err != nil || len(rooms) > 0 {
		return false, err
	}
	for v, err := range s.Values(ctx, "") {
		if err != nil {
			return false, err
		}
		if v.Key != keyMark {
			return false, nil
		}
	}
	return true, nil
}
