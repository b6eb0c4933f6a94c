package transfer

import (
	"bytes"
	"cmp"
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
				err = fmt.Errorf("%w: what the source holds now does not continue what was copied before: empty the destination and begin again: %w", ErrDiffers, err)
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
	items := len(b.Runs) + len(b.Records) + len(b.Values) + len(b.Trims) + len(b.DropRecords)
	if c.size < batchBytes && items < batchItems {
		return nil
	}
	return c.flush(ctx)
}

// room copies a room: trims first, then records, then runs by arrival.
func (c *copier) room(ctx context.Context, room wire.ID) error {
	heads, err := c.from.Heads(ctx, room)
	if err != nil {
		return fmt.Errorf("reading the source: %w", err)
	}
	byLog := make(map[wire.ID]*store.Head, len(heads))
	for i := range heads {
		byLog[heads[i].Log] = &heads[i]
	}
	held, err := c.to.Heads(ctx, room)
	if err != nil {
		return fmt.Errorf("reading the destination: %w", err)
	}
	after, err := c.to.LastArrival(ctx, room)
	if err != nil {
		return fmt.Errorf("reading the destination: %w", err)
	}
	for i := range held {
		if err := c.trim(ctx, room, &held[i], byLog[held[i].Log], after); err != nil {
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
	return c.runs(ctx, room, heads, byLog, after)
}

// trim lets go of what the source has not any more of a log that the destination holds. after is the
// destination's last arrival number.
func (c *copier) trim(ctx context.Context, room wire.ID, held, source *store.Head, after uint64) error {
	if source != nil && *source == *held {
		return nil
	}
	t := store.Trim{Room: room, Log: held.Log, Floor: store.TrimAll}
	if source == nil {
		c.result.Dropped++
	} else {
		first, err := c.firstArrival(ctx, room, source)
		if err != nil {
			return err
		}
		if first <= after {
			if t.Floor = source.Floor; t.Floor <= held.Floor {
				return nil
			}
		} // else nothing of what is held is there any more: the log was trimmed beyond it, or began anew
	}
	c.batch.Trims = append(c.batch.Trims, t)
	return c.grew(ctx, 0)
}

// firstArrival is the arrival number of the first run that the source holds of a log, or of its last one when
// all are trimmed.
func (c *copier) firstArrival(ctx context.Context, room wire.ID, source *store.Head) (uint64, error) {
	if source.Floor == source.Last {
		return source.LastArrival, nil
	}
	run, err := c.from.RunAt(ctx, room, source.Log, source.Floor+1)
	if err != nil {
		return 0, fmt.Errorf("reading the source: %w", err)
	}
	return run.Arrival, nil
}

// runs copies the runs above the last arrival that the destination has, and what remains of logs and
// numbers whose runs are gone.
func (c *copier) runs(ctx context.Context, room wire.ID, heads []store.Head, byLog map[wire.ID]*store.Head, after uint64) error {
	last, err := c.from.LastArrival(ctx, room)
	if err != nil {
		return fmt.Errorf("reading the source: %w", err)
	}
	hollow := hollowRuns(room, heads, after)
	for i := range heads {
		if heads[i].LastArrival <= after {
			c.done += heads[i].Last - heads[i].Floor // about: it is only shown
		}
	}
	for run, err := range c.from.Arrivals(ctx, room, after) {
		if err != nil {
			return fmt.Errorf("reading the source: %w", err)
		}
		for len(hollow) > 0 && hollow[0].Arrival < run.Arrival {
			if err := c.hollow(ctx, hollow[0]); err != nil {
				return err
			}
			hollow = hollow[1:]
		}
		if h := byLog[run.Log]; h != nil && h.Last == run.Last {
			run.Note = h.Note
		}
		n := run.Last - run.First + 1
		c.done += n
		c.result.Copied += n
		c.batch.Runs = append(c.batch.Runs, run)
		if err := c.grew(ctx, len(run.Bytes)+len(run.Note)); err != nil {
			return err
		}
	}
	for _, h := range hollow {
		if err := c.hollow(ctx, h); err != nil {
			return err
		}
	}
	if err := c.flush(ctx); err != nil {
		return err
	}
	return c.reach(ctx, room, last)
}

// hollowRuns stand for the logs of which every run was trimmed: of the last one there is its place.
func hollowRuns(room wire.ID, heads []store.Head, after uint64) (runs []store.Run) {
	for i := range heads {
		h := &heads[i]
		if h.Floor == h.Last && h.LastArrival > after {
			runs = append(runs, store.Run{
				Room: room, Log: h.Log, Author: h.Author, First: h.Last, Last: h.Last, Link: h.Link,
				Arrival: h.LastArrival, Received: h.LastReceived, Note: h.Note,
			})
		}
	}
	slices.SortFunc(runs, func(a, b store.Run) int { return cmp.Compare(a.Arrival, b.Arrival) })
	return runs
}

// hollow gives a log its place and trims it away again.
func (c *copier) hollow(ctx context.Context, run store.Run) error {
	c.batch.Runs = append(c.batch.Runs, run)
	if err := c.flush(ctx); err != nil { // a batch trims before it appends
		return err
	}
	c.batch.Trims = append(c.batch.Trims, store.Trim{Room: run.Room, Log: run.Log, Floor: run.Last})
	return c.flush(ctx)
}

// reach brings the room's last arrival number to that of the source: the run that had it may be gone, and
// a number is never given twice. A room that has nothing else comes into being so.
func (c *copier) reach(ctx context.Context, room wire.ID, last uint64) error {
	now, err := c.to.LastArrival(ctx, room)
	if err != nil {
		return fmt.Errorf("reading the destination: %w", err)
	}
	if now >= last {
		return nil
	}
	log := wire.Hash("transfer", room[:])
	c.batch.Runs = []store.Run{{Room: room, Log: log, First: 1, Last: 1, Link: log, Arrival: last}}
	if err := c.flush(ctx); err != nil {
		return err
	}
	c.batch.Trims = []store.Trim{{Room: room, Log: log, Floor: store.TrimAll}}
	return c.flush(ctx)
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
