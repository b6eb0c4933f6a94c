package mongo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"parley/store"
)

// codeDuplicate is the server's code for a document whose _id is there already, and codeFull what it
// says when its disk is full.
const (
	codeDuplicate = 11000
	codeFull      = 14031
)

// A SlowError says that the server did not answer in time, and what may be done about it. It comes with
// store.ErrUnavailable.
type SlowError struct {
	What   string        // that the server was "asked for …" or "told to …"
	Within time.Duration // and had for it
}

func (e *SlowError) Error() string {
	return fmt.Sprintf("the database did not answer within %v when %s; timeoutMS=%d or more in its URI gives it longer", e.Within, e.What, (4 * e.Within).Milliseconds())
}

// translate turns an error of the driver into one of the store's.
func (s *Store) translate(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrClosed), errors.Is(err, store.ErrCorrupt), errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrLocked), errors.Is(err, store.ErrFormat):
		return err
	case isFull(err):
		return s.wrap(store.ErrFull, err)
	}
	return s.unavailable(err)
}

func isFull(err error) bool {
	var server mongo.ServerError
	if !errors.As(err, &server) {
		return false
	}
	text := err.Error()
	return server.HasErrorCode(codeFull) || strings.Contains(text, "disk is full") || strings.Contains(text, "No space left")
}

// final reports whether trying again cannot help.
func final(err error) bool {
	return errors.Is(err, store.ErrLocked) || errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrClosed) || errors.Is(err, context.Canceled)
}

// onlyDuplicates reports whether every failed write of an unordered insert failed for its _id being there.
func onlyDuplicates(err error) bool {
	var bulk mongo.BulkWriteException
	if !errors.As(err, &bulk) || bulk.WriteConcernError != nil || len(bulk.WriteErrors) == 0 {
		return false
	}
	for _, w := range bulk.WriteErrors {
		if w.Code != codeDuplicate {
			return false
		}
	}
	return true
}
