package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/store"
)

// Errors of a copy. What they are wrapped in says what to do.
var (
	// ErrOccupied: the destination holds something else than an earlier copy of this source.
	ErrOccupied = errors.New("transfer: the destination holds something else")

	// ErrDiffers: after the copy the two sides are not equal.
	ErrDiffers = errors.New("transfer: the copy is not equal to its source")
)

// Options direct a copy.
type Options struct {
	Purpose string // for the Mark: "backup", "migrate", "restore"

	// Progress is told how far the copy is, in messages; it may be nil. It is called
	// from one goroutine at a time. The phases are "copying" and "comparing".
	Progress func(phase string, done, total uint64)
}

// A Result is what a copy has done.
type Result struct {
	Contents        // of both sides, equal
	Copied   uint64 // messages that were copied this time
	Dropped  uint64 // logs, records and values that only the destination had
}

// Copy makes to equal to from, and compares the two. from must not change meanwhile. to must be empty, or an
// earlier copy of the same source, whole or cut; else ErrOccupied. At the end to has a Mark that says so; whoever
// makes a store of its own of it calls Unmark. After an error, or kill -9, the same call goes on where this one ended.
func Copy(ctx context.Context, from, to store.Store, o Options) (Result, error) {
	c := &copier{from: from, to: to, report: o.Progress}
	if err := c.claim(ctx, o.Purpose); err != nil {
		return c.result, err
	}
	var err error
	if c.total, err = Messages(ctx, from); err != nil {
		return c.result, fmt.Errorf("reading the source: %w", err)
	}
	if err := c.store(ctx); err != nil {
		return c.result, err
	}
	if err := c.compare(ctx); err != nil {
		return c.result, err
	}
	whole := &Mark{Purpose: o.Purpose, Source: instance(from), Whole: true, Time: time.Now().UTC(), Digest: c.result.Digest.String()}
	return c.result, writeMark(ctx, to, whole)
}

// claim marks the destination as a copy in the making.
func (c *copier) claim(ctx context.Context, purpose string) error {
	mark, err := ReadMark(ctx, c.to)
	if err != nil {
		return fmt.Errorf("reading the destination: %w", err)
	}
	empty, err := Empty(ctx, c.to)
	switch {
	case err != nil:
		return fmt.Errorf("reading the destination: %w", err)
	case empty:
	case mark == nil:
		return fmt.Errorf("%w than a copy; give an empty one", ErrOccupied)
	case mark.Source != instance(c.from):
		return fmt.Errorf("%w: a copy of another store; give an empty one", ErrOccupied)
	}
	return writeMark(ctx, c.to, &Mark{Purpose: purpose, Source: instance(c.from), Time: time.Now().UTC()})
}

// compare reads both sides and compares what they hold.
func (c *copier) compare(ctx context.Context) error {
	var ours, theirs Contents
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		if theirs, err = Sum(gctx, c.from, nil); err != nil {
			return fmt.Errorf("reading the source again: %w", err)
		}
		return nil
	})
	ours, err := Sum(gctx, c.to, func(done uint64) { c.tell("comparing", done) })
	if werr := g.Wait(); werr != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return werr
	}
	if err != nil {
		return fmt.Errorf("reading the destination again: %w", err)
	}
	if ours != theirs {
		return fmt.Errorf("%w (%d messages, digest %s; the source has %d, digest %s); empty the destination and begin again",
			ErrDiffers, ours.Messages, ours.Digest, theirs.Messages, theirs.Digest)
	}
	c.result.Contents = ours
	return nil
}
