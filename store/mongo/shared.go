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

// foreign remembers of each room of another view what it was like when it was looked at, so that a room that has not changed
// costs nothing, and one in which the sessions bring what is new costs no run.
type foreign struct {
	mu   sync.Mutex
	seen map[string]glance // by the _id of the other's room
}

// glance is what a room of another view was like at the last look.
type glance struct {
	state  roomState
	told   bool // all records that were lacking then were returned
	whole  bool // and all runs
	passed int  // looks since that were spared, in whole or but for the runs

	lacked map[wire.ID]lack // of logs that ended before here
}

// lack is where a log ended in another view. What is behind it is read if it is lacking still at the next look, or if it follows just on what
// was returned at this one: no session brings it.
type lack struct {
	end   uint64
	taken bool // it was returned
}

func (l lack) lasts(own uint64) bool { return own < l.end || l.taken && own == l.end }

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
	err = s.read(ctx, "asked for what other peers have", func(ctx context.Context, _ int64) error {
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
			if state == nil {
				continue
			}
			was := s.foreign.look(c.ID, state)
			if was.whole {
				continue
			}
			now, err := s.compare(ctx, inRoom(c.View, state.Number), room, v, &was, &runs, &records)
			if err != nil {
				return err
			}
			now.state, now.passed = *state, was.passed
			s.foreign.note(c.ID, now)
			more = more || !now.whole
		}
		return nil
	})
	return runs, records, more, err
}

// look returns what a room was like at the last look, with told and whole as they are now: nothing has changed since. Now and then it is
// looked at all the same: what was returned may not have been stored.
func (f *foreign) look(id string, state *roomState) glance {
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.seen[id]
	if g.state.Number != state.Number || g.passed >= lookAgain {
		return glance{}
	}
	g.told = g.told && g.state.Records == state.Records
	g.whole = g.whole && g.state == *state
	if g.told {
		g.passed++
		if g.whole {
			f.seen[id] = g
		}
	}
	return g
}

func (f *foreign) note(id string, g glance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen == nil {
		f.seen = make(map[string]glance)
	}
	f.seen[id] = g
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

// compare collects what another view has of a room beyond ours, as far as was, the look before, does not say that it need not.
func (s *Store) compare(ctx context.Context, in string, room wire.ID, v *otherView, was *glance, runs *[]store.Run, records *[]store.Record) (now glance, err error) {
	mine, err := s.room(ctx, room)
	if err != nil {
		return now, err
	}
	own := ""
	last := make(map[wire.ID]uint64)
	if mine != nil {
		own = inRoom(s.view, mine.Number)
		heads, err := s.headsIn(ctx, own, s)
		if err != nil {
			return now, err
		}
		for i := range heads {
			last[heads[i].Log] = heads[i].Last
		}
	}
	size := 0
	if !was.told {
		if err := s.compareRecords(ctx, in, own, room, v, &size, records); err != nil || size >= maxShared {
			return now, err
		}
	}
	now.told = true
	heads, err := all[cell[headState]](ctx, s.db.heads, prefixed(in+"/"))
	if err != nil {
		return now, err
	}
	now.whole, now.lacked = true, make(map[wire.ID]lack)
	for i := range heads {
		h := heads[i].Was
		if v.sees(heads[i].Commit) {
			h = heads[i].Now
		}
		var log wire.ID
		if h == nil || parseIDs(heads[i].Log, &log) != nil || uint64(h.Last) <= last[log] {
			continue
		}
		lasts := was.lacked[log].lasts(last[log])
		now.lacked[log] = lack{uint64(h.Last), lasts}
		if !lasts {
			now.whole = false // it came meanwhile, or is new: the sessions bring it
			continue
		}
		if size >= maxShared {
			now.whole = false
			continue
		}
		if err := s.compareLog(ctx, in, h, last[log], v, &size, runs); err != nil {
			return now, err
		}
		now.whole = now.whole && size < maxShared
	}
	return now, nil
}

// compareRecords collects the records that another view has beyond ours, whose prefix is own, up to maxShared bytes.
func (s *Store) compareRecords(ctx context.Context, in, own string, room wire.ID, v *otherView, size *int, records *[]store.Record) error {
	for _, kind := range kinds() {
		missing, err := s.recordIDs(ctx, in, kind)
		if err != nil {
			return err
		}
		if own != "" && len(missing) > 0 {
			held, err := s.recordIDs(ctx, own, kind)
			if err != nil {
				return err
			}
			missing = slices.DeleteFunc(missing, func(id wire.ID) bool {
				_, ok := slices.BinarySearchFunc(held, id, wire.ID.Compare)
				return ok
			})
		}
		for part := range slices.Chunk(missing, mostFetch) {
			if *size >= maxShared {
				return nil
			}
			found, err := s.recordsOf(ctx, in, room, kind, part, v)
			if err != nil {
				return err
			}
			for i := range found {
				*size += len(found[i].Bytes)
			}
			*records = append(*records, found...)
		}
	}
	return nil
}

// compareLog collects the runs of a log of another view behind a message, up to maxShared bytes in all.
func (s *Store) compareLog(ctx context.Context, in string, h *headState, last uint64, v *otherView, size *int, runs *[]store.Run) error {
	cur, err := s.db.runs.Find(ctx, spanFilter(in, h.Number, max(last, uint64(h.Floor)), uint64(h.Last)), options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return err
	}
	defer cur.Close(ctx)
	for *size < maxShared && cur.Next(ctx) {
		var d runDoc
		if err := cur.Decode(&d); err != nil || !v.sees(d.Commit) {
			return err
		}
		if h.cutAway(&d) {
			continue
		}
		run, err := d.run()
		if err != nil {
			return nil // the other's trouble, which its own check names
		}
		run.Arrival = 0
		*runs = append(*runs, run)
		*size += len(run.Bytes)
	}
	return cur.Err()
}
