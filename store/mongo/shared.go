package mongo

import (
	"context"
	"slices"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"parley/store"
	"parley/wire"
)

// foreign remembers of each room of another view what it was like when all that we lack of it was returned, so that
// a room that has not changed costs nothing.
type foreign struct {
	mu   sync.Mutex
	seen map[string]glance // by the _id of the other's room
}

// glance is the state of another's room, and how often it has been passed over since it was looked at.
type glance struct {
	state  roomState
	passed int
}

// otherView sees another view as of when it was read.
type otherView struct {
	commit int64
	voids  map[int64]bool
}

func (v *otherView) sees(commit int64) bool { return commit <= v.commit && !v.voids[commit] }

// kinds are the kinds of records that are exchanged. Delegations are told by the peer that they name.
func kinds() []store.Kind { return []store.Kind{store.KindEntry, store.KindBox, store.KindProof} }

// Others implements store.Shared.
func (s *Store) Others(ctx context.Context, room wire.ID) (runs []store.Run, records []store.Record, more bool, err error) {
	err = s.read(ctx, func(ctx context.Context, _ int64) error {
		runs, records, more = nil, nil, false
		views, err := s.otherViews(ctx)
		if err != nil || len(views) == 0 {
			return err
		}
		cells, err := all[cell[roomState]](ctx, s.db.rooms, bson.D{{Key: "room", Value: room.String()}})
		if err != nil {
			return err
		}
		for i := range cells {
			c := &cells[i]
			v := views[c.View]
			if v == nil {
				continue
			}
			state := c.Was
			if v.sees(c.Commit) {
				state = c.Now
			}
			if state == nil || s.foreign.known(c.ID, *state) {
				continue
			}
			rest, err := s.compare(ctx, inRoom(c.View, state.Number), room, v, &runs, &records)
			if err != nil {
				return err
			}
			if more = more || rest; !rest {
				s.foreign.note(c.ID, *state)
			}
		}
		return nil
	})
	return runs, records, more, err
}

// known reports whether a room is as it was when everything in it was returned. Now and then
// it is looked at all the same: what was returned may not have been stored.
func (f *foreign) known(id string, state roomState) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	g, ok := f.seen[id]
	if !ok || g.state != state || g.passed >= lookAgain {
		return false
	}
	g.passed++
	f.seen[id] = g
	return true
}

func (f *foreign) note(id string, state roomState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen == nil {
		f.seen = make(map[string]glance)
	}
	f.seen[id] = glance{state: state}
}

// otherViews reads the views of other peers, by key. It comes before what is read of them, so that
// everything up to their commits is there.
func (s *Store) otherViews(ctx context.Context) (map[string]*otherView, error) {
	docs, err := all[viewDoc](ctx, s.db.views, bson.D{})
	if err != nil {
		return nil, err
	}
	views := make(map[string]*otherView, len(docs))
	for i := range docs {
		if docs[i].Key == s.view {
			continue
		}
		v := &otherView{commit: docs[i].Commit, voids: make(map[int64]bool)}
		for _, w := range docs[i].Void {
			v.voids[w.Commit] = true
		}
		views[docs[i].Key] = v
	}
	return views, nil
}

// compare collects what another view has of a room beyond ours. It reports whether it stopped before the end.
func (s *Store) compare(ctx context.Context, in string, room wire.ID, v *otherView, runs *[]store.Run, records *[]store.Record) (more bool, err error) {
	mine, err := s.room(ctx, room)
	if err != nil {
		return false, err
	}
	own := ""
	last := make(map[wire.ID]uint64)
	if mine != nil {
		own = inRoom(s.view, mine.Number)
		heads, err := s.headsIn(ctx, own, s)
		if err != nil {
			return false, err
		}
		for i := range heads {
			last[heads[i].Log] = heads[i].Last
		}
	}
	size := 0
	for _, kind := range kinds() {
		missing, err := s.recordIDs(ctx, in, kind)
		if err != nil {
			return false, err
		}
		if own != "" && len(missing) > 0 {
			held, err := s.recordIDs(ctx, own, kind)
			if err != nil {
				return false, err
			}
			missing = slices.DeleteFunc(missing, func(id wire.ID) bool {
				_, ok := slices.BinarySearchFunc(held, id, wire.ID.Compare)
				return ok
			})
		}
		for part := range slices.Chunk(missing, mostPage) {
			if size >= maxShared {
				return true, nil
			}
			found, err := s.recordsOf(ctx, in, room, kind, part, v)
			if err != nil {
				return false, err
			}
			for i := range found {
				size += len(found[i].Bytes)
			}
			*records = append(*records, found...)
		}
	}
	heads, err := all[cell[headState]](ctx, s.db.heads, prefixed(in+"/"))
	if err != nil {
		return false, err
	}
	for i := range heads {
		h := heads[i].Was
		if v.sees(heads[i].Commit) {
			h = heads[i].Now
		}
		var log wire.ID
		if h == nil || parseIDs(heads[i].Log, &log) != nil || uint64(h.Last) <= last[log] {
			continue
		}
		if size >= maxShared {
			return true, nil
		}
		from := max(last[log], uint64(h.Floor))
		cur, err := s.db.runs.Find(ctx, spanFilter(in, h.Number, from, uint64(h.Last)), options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
		if err != nil {
			return false, err
		}
		for cur.Next(ctx) && size < maxShared {
			var d runDoc
			if err = cur.Decode(&d); err != nil || !v.sees(d.Commit) {
				break
			}
			if h.cutAway(&d) {
				continue
			}
			run, err := d.run()
			if err != nil {
				break // the other's trouble, which its own check names
			}
			run.Arrival = 0
			*runs = append(*runs, run)
			size += len(run.Bytes)
		}
		err = cur.Err()
		_ = cur.Close(ctx)
		if err != nil {
			return false, err
		}
	}
	return size >= maxShared, nil
}
