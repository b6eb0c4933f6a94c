package mongo

import (
	"context"
	"iter"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"parley/store"
	"parley/wire"
)

// Runs implements store.Store.
func (s *Store) Runs(ctx context.Context, room, log wire.ID, from uint64) iter.Seq2[store.Run, error] {
	at := max(from, 1)
	var seen branch
	return pages(ctx, s, "asked for runs", func(ctx context.Context, commit int64, p pace) ([]store.Run, bool, error) {
		in, h, err := s.headOf(ctx, room, log)
		if err != nil || h == nil || at > uint64(h.Last) {
			return nil, false, err
		}
		if on, err := seen.goesOn(ctx, s, in, h, commit); err != nil || !on {
			return nil, false, err
		}
		// What is below the floor may be half deleted.
		filter := spanFilter(in, h.Number, max(at-1, uint64(h.Floor)), uint64(h.Last))
		page, more, err := s.page(ctx, filter, bson.D{{Key: "_id", Value: 1}}, commit, p)
		if n := len(page); err == nil && n > 0 {
			at, seen.end = page[n-1].Last+1, page[n-1]
		}
		return page, more, err
	}, runSize, func() { at, seen = max(from, 1), branch{} })
}

// RunsBack implements store.Store.
func (s *Store) RunsBack(ctx context.Context, room, log wire.ID, from uint64) iter.Seq2[store.Run, error] {
	at := from // the highest number that is still wanted
	var seen branch
	return pages(ctx, s, "asked for runs", func(ctx context.Context, commit int64, p pace) ([]store.Run, bool, error) {
		in, h, err := s.headOf(ctx, room, log)
		if err != nil || h == nil || at <= uint64(h.Floor) {
			return nil, false, err
		}
		if on, err := seen.goesOn(ctx, s, in, h, commit); err != nil || !on {
			return nil, false, err
		}
		if seen.end.Last == 0 && at < uint64(h.Last) {
			// The run that contains a number is the first that ends at or above it.
			upto := uint64(h.Last)
			first, _, err := s.page(ctx, spanFilter(in, h.Number, at-1, upto), bson.D{{Key: "_id", Value: 1}}, commit, single())
			if err != nil {
				return nil, false, err
			}
			if len(first) == 1 && first[0].First <= at {
				at = first[0].Last
			}
		}
		filter := spanFilter(in, h.Number, uint64(h.Floor), min(at, uint64(h.Last)))
		page, more, err := s.page(ctx, filter, bson.D{{Key: "_id", Value: -1}}, commit, p)
		if n := len(page); err == nil && n > 0 {
			at, seen.end = page[n-1].First-1, page[n-1]
		}
		return page, more && at > 0, err
	}, runSize, func() { at, seen = from, branch{} })
}

// A branch is what a sequence has read of a log so far: after a cut it goes on only from a run that is still there.
type branch struct {
	number, since int64
	end           store.Run
}

// goesOn reports whether the log is the one that was read before.
func (b *branch) goesOn(ctx context.Context, s *Store, in string, h *headState, commit int64) (bool, error) {
	first := b.number == 0
	if !first && b.number != h.Number {
		return false, nil
	}
	cut := b.since != h.Since
	b.number, b.since = h.Number, h.Since
	if first || !cut || b.end.Last == 0 {
		return true, nil
	}
	page, _, err := s.page(ctx, spanFilter(in, h.Number, b.end.Last-1, b.end.Last), bson.D{{Key: "_id", Value: 1}}, commit, single())
	return err == nil && len(page) == 1 && page[0].Link == b.end.Link, err
}

// single is the pace of a page of which one run is wanted.
func single() pace { return pace{items: 1, bytes: pageBytes} }

func runSize(run *store.Run) int { return len(run.Bytes) }

// RunAt implements store.Store.
func (s *Store) RunAt(ctx context.Context, room, log wire.ID, number uint64) (store.Run, error) {
	if run, err := s.lastRun(ctx, room, log, number); err != nil || run.Last != 0 {
		return run, err
	}
	for run, err := range s.Runs(ctx, room, log, number) {
		if err != nil {
			return store.Run{}, err
		}
		if number == 0 || run.First > number {
			break
		}
		return run, nil
	}
	return store.Run{}, store.ErrNotFound
}

// lastRun returns the run that ends with a number if the log does: that is asked for most, and its _id is known. Else it
// returns one without numbers.
func (s *Store) lastRun(ctx context.Context, room, log wire.ID, number uint64) (run store.Run, err error) {
	err = s.read(ctx, "asked for a run", func(ctx context.Context, commit int64) error {
		run = store.Run{}
		in, h, err := s.headOf(ctx, room, log)
		if err != nil || h == nil || number != uint64(h.Last) || h.Last == h.Floor {
			return err
		}
		page, _, err := s.page(ctx, byID(branchKey(in, h.Number, number, h.Since)), bson.D{}, commit, pace{items: 2, bytes: pageBytes}) // so that the server keeps no cursor
		if err == nil && len(page) == 1 {
			run = page[0]
		}
		return err
	})
	return run, err
}

// Arrivals implements store.Store.
func (s *Store) Arrivals(ctx context.Context, room wire.ID, after uint64) iter.Seq2[store.Run, error] {
	return s.byArrival(ctx, room, after, "$gt", 1)
}

// ArrivalsBack implements store.Store.
func (s *Store) ArrivalsBack(ctx context.Context, room wire.ID, before uint64) iter.Seq2[store.Run, error] {
	if before == 0 {
		before = mostArrival
	}
	return s.byArrival(ctx, room, before, "$lt", -1)
}

func (s *Store) byArrival(ctx context.Context, room wire.ID, from uint64, beyond string, order int) iter.Seq2[store.Run, error] {
	at := min(from, mostArrival)
	return pages(ctx, s, "asked for runs", func(ctx context.Context, commit int64, p pace) ([]store.Run, bool, error) {
		state, err := s.room(ctx, room)
		if err != nil || state == nil || order > 0 && at >= uint64(state.Arrival) {
			return nil, false, err
		}
		filter := bson.D{
			{Key: "in", Value: inRoom(s.view, state.Number)},
			{Key: "arrival", Value: bson.D{{Key: beyond, Value: int64(at)}}},
		}
		page, more, err := s.page(ctx, filter, bson.D{{Key: "arrival", Value: order}}, commit, p)
		if n := len(page); err == nil && n > 0 {
			at = page[n-1].Arrival
		}
		return page, more, err
	}, runSize, func() { at = min(from, mostArrival) })
}

// page reads up to p.items of the runs that a filter selects, as of commit. Runs of later commits are left out,
// of which some of a commit might be read and others not; so are those that are being deleted.
func (s *Store) page(ctx context.Context, filter, order bson.D, commit int64, p pace) (page []store.Run, more bool, err error) {
	o := options.Find().SetSort(order).SetBatchSize(int32(p.items))
	cur, err := s.db.runs.Find(ctx, filter, o)
	if err != nil {
		return nil, false, err
	}
	defer cur.Close(ctx)
	total := 0
	for cur.Next(ctx) {
		d := new(runDoc)
		if err := cur.Decode(d); err != nil {
			return nil, false, corrupt("a run", err)
		}
		if !s.visible(d.Commit, commit) || s.isDead(d) {
			continue
		}
		run, err := d.run()
		if err != nil {
			return nil, false, corrupt("a run", err)
		}
		page = append(page, run)
		// What the server has sent already costs less to return than to ask for again.
		if total += len(run.Bytes); len(page) == p.items || total >= p.bytes && cur.RemainingBatchLength() == 0 {
			return page, true, nil
		}
	}
	return page, false, cur.Err()
}

// isDead reports whether a run is unreachable and about to be deleted.
func (s *Store) isDead(d *runDoc) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return covered(s.dead, d)
}
