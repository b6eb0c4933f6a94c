package mongo

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"parley/store"
	"parley/wire"
)

// read runs f, which reads something as of commit at or a later one, trying again while the server is away. what is
// what the server is asked, for an error.
func (s *Store) read(ctx context.Context, what string, f func(ctx context.Context, at int64) error) error {
	if err := s.alive(); err != nil {
		return err
	}
	err := s.retry(ctx, s.opt.ReadPatience, what, func(op context.Context) error {
		if err := s.alive(); err != nil {
			return err
		}
		s.pages.RLock()
		defer s.pages.RUnlock()
		return f(op, s.last())
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case s.alive() != nil:
		return s.alive()
	}
	return s.translate(err)
}

func (s *Store) last() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.commit
}

// current returns what a cell held at the last commit. It must be called after the cell was read.
func current[T any](s *Store, d *cell[T]) *T {
	if s.visible(d.Commit, s.last()) {
		return d.Now
	}
	return d.Was
}

// one reads one cell; nil when there is nothing.
func one[T any](ctx context.Context, s *Store, of *mongo.Collection, id string) (*T, error) {
	var d cell[T]
	err := of.FindOne(ctx, byID(id)).Decode(&d)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return current(s, &d), nil
}

func (s *Store) room(ctx context.Context, room wire.ID) (*roomState, error) {
	return one[roomState](ctx, s, s.db.rooms, roomKey(s.view, room))
}

func corrupt(what string, err error) error {
	return fmt.Errorf("%w: %s: %w", store.ErrCorrupt, what, err)
}

// Rooms implements store.Store.
func (s *Store) Rooms(ctx context.Context) (rooms []wire.ID, err error) {
	err = s.read(ctx, "asked for the rooms", func(ctx context.Context, _ int64) error {
		rooms = nil
		cells, err := all[cell[roomState]](ctx, s.db.rooms, prefixed(s.view+"/"))
		if err != nil {
			return err
		}
		for i := range cells {
			if current(s, &cells[i]) == nil {
				continue
			}
			var id wire.ID
			if err := parseIDs(cells[i].Room, &id); err != nil {
				return corrupt("a room", err)
			}
			rooms = append(rooms, id)
		}
		return nil
	})
	slices.SortFunc(rooms, wire.ID.Compare)
	return rooms, err
}

// all reads every document that a filter selects.
func all[T any](ctx context.Context, of *mongo.Collection, filter any, opts ...options.Lister[options.FindOptions]) ([]T, error) {
	cur, err := of.Find(ctx, filter, opts...)
	if err != nil {
		return nil, err
	}
	var docs []T
	return docs, cur.All(ctx, &docs)
}

// Heads implements store.Store.
func (s *Store) Heads(ctx context.Context, room wire.ID) (heads []store.Head, err error) {
	err = s.read(ctx, "asked for a room's heads", func(ctx context.Context, _ int64) error {
		heads = nil
		state, err := s.room(ctx, room)
		if err != nil || state == nil {
			return err
		}
		heads, err = s.headsIn(ctx, inRoom(s.view, state.Number), s)
		return err
	})
	return heads, err
}

// headsIn reads the heads of a room by its prefix, ascending.
func (s *Store) headsIn(ctx context.Context, in string, as viewer) (heads []store.Head, err error) {
	cells, err := all[cell[headState]](ctx, s.db.heads, prefixed(in+"/"))
	if err != nil {
		return nil, err
	}
	for i := range cells {
		h := cells[i].Was
		if as.sees(cells[i].Commit) {
			h = cells[i].Now
		}
		if h == nil {
			continue
		}
		head, err := h.head(cells[i].Log)
		if err != nil {
			return nil, corrupt("a head", err)
		}
		heads = append(heads, head)
	}
	slices.SortFunc(heads, func(a, b store.Head) int { return a.Log.Compare(b.Log) })
	return heads, nil
}

// A viewer knows which commits of a view were made.
type viewer interface{ sees(commit int64) bool }

func (s *Store) sees(commit int64) bool { return s.visible(commit, s.last()) }

// headOf reads one log's head, nil when it is not there.
func (s *Store) headOf(ctx context.Context, room, log wire.ID) (in string, h *headState, err error) {
	state, err := s.room(ctx, room)
	if err != nil || state == nil {
		return "", nil, err
	}
	in = inRoom(s.view, state.Number)
	h, err = one[headState](ctx, s, s.db.heads, headKey(in, log))
	return in, h, err
}

// Head implements store.Store.
func (s *Store) Head(ctx context.Context, room, log wire.ID) (head store.Head, err error) {
	err = s.read(ctx, "asked for a log's head", func(ctx context.Context, _ int64) error {
		_, h, err := s.headOf(ctx, room, log)
		if err != nil {
			return err
		}
		if h == nil {
			return store.ErrNotFound
		}
		if head, err = h.head(log.String()); err != nil {
			return corrupt("a head", err)
		}
		return nil
	})
	return head, err
}

// LastArrival implements store.Store.
func (s *Store) LastArrival(ctx context.Context, room wire.ID) (last uint64, err error) {
	err = s.read(ctx, "asked for a room", func(ctx context.Context, _ int64) error {
		state, err := s.room(ctx, room)
		if err == nil && state != nil {
			last = uint64(state.Arrival)
		}
		return err
	})
	return last, err
}

// NextArrival implements store.Store.
func (s *Store) NextArrival(ctx context.Context, room wire.ID) (next uint64, err error) {
	err = s.read(ctx, "asked for a room", func(ctx context.Context, _ int64) error {
		state, err := s.room(ctx, room)
		if err != nil {
			return err
		}
		if state != nil {
			next = uint64(state.Arrival) + 1
			return nil
		}
		var v viewDoc
		if err := s.db.views.FindOne(ctx, byID(s.opt.View)).Decode(&v); err != nil {
			return err
		}
		next = uint64(v.Arrivals) + 1
		return nil
	})
	return next, err
}

// Record implements store.Store.
func (s *Store) Record(ctx context.Context, room wire.ID, kind store.Kind, id wire.ID) (record store.Record, err error) {
	err = s.read(ctx, "asked for a record", func(ctx context.Context, _ int64) error {
		state, err := s.room(ctx, room)
		if err != nil {
			return err
		}
		if state == nil {
			return store.ErrNotFound
		}
		c, err := one[content](ctx, s, s.db.records, recordKey(inRoom(s.view, state.Number), kind, id))
		if err != nil {
			return err
		}
		if c == nil {
			return store.ErrNotFound
		}
		record = store.Record{Room: room, Kind: kind, ID: id, Bytes: c.Bytes}
		return nil
	})
	return record, err
}

// Value implements store.Store.
func (s *Store) Value(ctx context.Context, key string) (value []byte, err error) {
	err = s.read(ctx, "asked for a value", func(ctx context.Context, _ int64) error {
		c, err := one[content](ctx, s, s.db.values, valueKey(s.view, key))
		if err != nil {
			return err
		}
		if c == nil {
			return store.ErrNotFound
		}
		value = c.Bytes
		return nil
	})
	return value, err
}

// Records implements store.Store. The order of IDs is not that of their text, so they are read all at once where they are few,
// else listed first.
func (s *Store) Records(ctx context.Context, room wire.ID, kind store.Kind) iter.Seq2[store.Record, error] {
	var in string
	var ids []wire.ID // what is left, once they are listed
	listed := false
	return pages(ctx, s, "asked for records", func(ctx context.Context, _ int64, p pace) (page []store.Record, more bool, err error) {
		if !listed {
			state, err := s.room(ctx, room)
			if err != nil || state == nil {
				return nil, false, err
			}
			in = inRoom(s.view, state.Number)
			page, whole, err := s.fewRecords(ctx, in, room, kind)
			if err != nil || whole {
				return page, false, err
			}
			if ids, err = s.recordIDs(ctx, in, kind); err != nil {
				return nil, false, err
			}
			listed = true
		}
		n := min(p.items, mostFetch, len(ids))
		if n == 0 {
			return nil, false, nil
		}
		page, err = s.recordsOf(ctx, in, room, kind, ids[:n], s)
		if err == nil {
			ids = ids[n:]
		}
		return page, len(ids) > 0, err
	}, func(r *store.Record) int { return len(r.Bytes) }, func() { listed, ids = false, nil })
}

// fewRecords reads the records of a kind, ascending, if they are few; whole says that they are.
func (s *Store) fewRecords(ctx context.Context, in string, room wire.ID, kind store.Kind) (records []store.Record, whole bool, err error) {
	cur, err := s.db.records.Find(ctx, prefixed(recordPrefix(in, kind)), options.Find().SetBatchSize(fewRecords+1))
	if err != nil {
		return nil, false, err
	}
	defer cur.Close(ctx)
	var cells []cell[content]
	for size := 0; cur.Next(ctx); size += len(cur.Current) {
		if len(cells) == fewRecords || size >= pageBytes {
			return nil, false, nil
		}
		var c cell[content]
		if err := cur.Decode(&c); err != nil {
			return nil, false, err
		}
		cells = append(cells, c)
	}
	if err := cur.Err(); err != nil {
		return nil, false, err
	}
	records, err = recordsIn(cells, len(recordPrefix(in, kind)), room, kind, s)
	return records, err == nil, err
}

// recordIDs lists the records of a kind, ascending, those that are just coming or going included.
func (s *Store) recordIDs(ctx context.Context, in string, kind store.Kind) (ids []wire.ID, err error) {
	prefix := recordPrefix(in, kind)
	docs, err := all[struct {
		ID string `bson:"_id"`
	}](ctx, s.db.records, prefixed(prefix), options.Find().SetProjection(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return nil, err
	}
	for _, d := range docs {
		var id wire.ID
		if err := parseIDs(d.ID[len(prefix):], &id); err != nil {
			return nil, corrupt("a record", err)
		}
		ids = append(ids, id)
	}
	slices.SortFunc(ids, wire.ID.Compare)
	return ids, nil
}

// recordsOf reads records by their IDs, ascending.
func (s *Store) recordsOf(ctx context.Context, in string, room wire.ID, kind store.Kind, ids []wire.ID, as viewer) ([]store.Record, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = recordKey(in, kind, id)
	}
	cells, err := all[cell[content]](ctx, s.db.records, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: keys}}}})
	if err != nil {
		return nil, err
	}
	return recordsIn(cells, len(recordPrefix(in, kind)), room, kind, as)
}

// recordsIn takes the records that count out of documents, ascending. prefix is the length of what is before the ID in an _id.
func recordsIn(cells []cell[content], prefix int, room wire.ID, kind store.Kind, as viewer) (records []store.Record, err error) {
	for i := range cells {
		c := cells[i].Was
		if as.sees(cells[i].Commit) {
			c = cells[i].Now
		}
		if c == nil {
			continue
		}
		record := store.Record{Room: room, Kind: kind, Bytes: c.Bytes}
		if err := parseIDs(cells[i].ID[prefix:], &record.ID); err != nil {
			return nil, corrupt("a record", err)
		}
		records = append(records, record)
	}
	slices.SortFunc(records, func(a, b store.Record) int { return a.ID.Compare(b.ID) })
	return records, nil
}

// Values implements store.Store.
func (s *Store) Values(ctx context.Context, prefix string) iter.Seq2[store.Value, error] {
	low := valueKey(s.view, prefix)
	after := ""
	return pages(ctx, s, "asked for values", func(ctx context.Context, _ int64, p pace) (page []store.Value, more bool, err error) {
		filter := prefixed(low)
		if after != "" {
			filter = bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: after}, {Key: "$lt", Value: low + "\x7f"}}}}
		}
		cells, err := all[cell[content]](ctx, s.db.values, filter, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(int64(p.items)))
		if err != nil {
			return nil, false, err
		}
		for i := range cells {
			c := current(s, &cells[i])
			if c == nil {
				continue
			}
			key, err := unescape(cells[i].ID[len(s.view)+1:])
			if err != nil {
				return nil, false, corrupt("a value", err)
			}
			page = append(page, store.Value{Key: key, Value: c.Bytes})
		}
		if n := len(cells); n > 0 {
			after = cells[n-1].ID
		}
		return page, len(cells) == p.items, nil
	}, func(v *store.Value) int { return len(v.Value) }, func() { after = "" })
}
