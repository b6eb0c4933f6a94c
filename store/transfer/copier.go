package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"parley/store"
	"parley/wire"
)

// A copier is one copy under way.
type copier struct {
	from, to store.Store
	report   func(phase string, done, total uint64)
	total    uint64
	done     uint64
	result   Result

	batch store.Batch
	size  int
}

func (c *copier) tell(phase string, done uint64) {
	if c.report != nil {
		c.report(phase, done, c.total)
	}
}

// store copies rooms, then values. Rooms that the source does not have are dropped last: arrivals of a
// room that is made later would have to be above those of the dropped one.
func (c *copier) store(ctx context.Context) error {
	rooms, err := c.from.Rooms(ctx)
	if err != nil {
		return fmt.Errorf("reading the source: %w", err)
	}
	held, err := c.to.Rooms(ctx)
	if err != nil {
		return fmt.Errorf("reading the destination: %w", err)
	}
	for _, room := range rooms {
		if err := c.room(ctx, room); err != nil {
			if errors.Is(err, store.ErrConflict) {
				err = fmt.Errorf("%w: what the source holds now does not continue what was copied before (%w); empty the destination and begin again", ErrDiffers, err)
			}
			return fmt.Errorf("room %s: %w", room, err)
		}
	}
	if err := c.values(ctx); err != nil {
		return err
	}
	for _, room := range held {
		if _, found := slices.BinarySearchFunc(rooms, room, wire.ID.Compare); !found {
			c.result.Dropped++
			c.batch.DropRooms = append(c.batch.DropRooms, room)
		}
	}
	return c.flush(ctx)
}

// flush applies what was gathered.
func (c *copier) flush(ctx context.Context) error {
	if c.batch.Empty() {
		return nil
	}
	if err := c.to.Apply(ctx, &c.batch); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	c.batch, c.size = store.Batch{}, 0
	c.tell("copying", c.done)
	return nil
}

// grew counts an item of the batch, and applies the batch when it is large.
func (c *copier) grew(ctx context.Context, size int) error {
	c.size += size + itemBytes
	b := &c.batch
	items := len(b.Runs) + len(b.Records) + len(b.Values) + len(b.Trims) + len(b.Cuts) + len(b.DropRecords)
	if c.size < batchBytes && items < batchItems {
		return nil
	}
	return c.flush(ctx)
}

// room copies a room: what is gone goes first, then records, then runs by arrival.
func (c *copier) room(ctx context.Context, room wire.ID) error {
	r := &roomCopy{copier: c, room: room}
	if err := r.read(ctx); err != nil {
		return err
	}
	for i := range r.heads {
		if err := r.prune(ctx, &r.heads[i]); err != nil {
			return err
		}
	}
	for log := range r.held {
		c.result.Dropped++
		c.batch.Trims = append(c.batch.Trims, store.Trim{Room: room, Log: log, Floor: store.TrimAll})
		if err := c.grew(ctx, 0); err != nil {
			return err
		}
	}
	if err := c.flush(ctx); err != nil {
		return err
	}
	for _, kind := range kinds() {
		if err := c.records(ctx, room, kind); err != nil {
			return err
		}
	}
	return r.runs(ctx)
}

// both walks two sequences that ascend by key, and calls f for each key with the item of each
// side, or nil.
func both[T any](from, to iter.Seq2[T, error], compare func(a, b *T) int, f func(ours, theirs *T) error) error {
	next, stop := iter.Pull2(to)
	defer stop()
	held, err, more := next()
	advance := func() {
		held, err, more = next()
	}
	for item, ferr := range from {
		if ferr != nil {
			return fmt.Errorf("reading the source: %w", ferr)
		}
		for more && err == nil && compare(&held, &item) < 0 {
			gone := held
			if err := f(nil, &gone); err != nil {
				return err
			}
			advance()
		}
		if more && err != nil {
			break
		}
		if more && compare(&held, &item) == 0 {
			same := held
			if err := f(&item, &same); err != nil {
				return err
			}
			advance()
			continue
		}
		if err := f(&item, nil); err != nil {
			return err
		}
	}
	for more && err == nil {
		gone := held
		if err := f(nil, &gone); err != nil {
			return err
		}
		advance()
	}
	if more && err != nil {
		return fmt.Errorf("reading the destination: %w", err)
	}
	return nil
}

// records makes the records of one kind equal.
func (c *copier) records(ctx context.Context, room wire.ID, kind store.Kind) error {
	compare := func(a, b *store.Record) int { return a.ID.Compare(b.ID) }
	err := both(c.from.Records(ctx, room, kind), c.to.Records(ctx, room, kind), compare, func(ours, theirs *store.Record) error {
		size := 0
		if ours != nil && theirs != nil && bytes.Equal(ours.Bytes, theirs.Bytes) {
			return nil
		}
		if theirs != nil {
			c.result.Dropped++
			c.batch.DropRecords = append(c.batch.DropRecords, store.Record{Room: room, Kind: kind, ID: theirs.ID})
		}
		if ours != nil {
			c.batch.Records = append(c.batch.Records, *ours)
			size = len(ours.Bytes)
		}
		return c.grew(ctx, size)
	})
	if err != nil {
		return err
	}
	return c.flush(ctx)
}

// values makes the values equal, but for the mark.
func (c *copier) values(ctx context.Context) error {
	compare := func(a, b *store.Value) int { return strings.Compare(a.Key, b.Key) }
	err := both(c.from.Values(ctx, ""), c.to.Values(ctx, ""), compare, func(ours, theirs *store.Value) error {
		v := store.Value{}
		switch {
		case ours != nil && theirs != nil && bytes.Equal(ours.Value, theirs.Value):
			return nil
		case ours != nil:
			v = *ours
		default:
			v.Key = theirs.Key
			c.result.Dropped++
		}
		if strings.HasPrefix(v.Key, keyPrefix) {
			return nil
		}
		c.batch.Values = append(c.batch.Values, v)
		return c.grew(ctx, len(v.Key)+len(v.Value))
	})
	if err != nil {
		return err
	}
	return c.flush(ctx)
}
