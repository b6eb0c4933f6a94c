package mongo

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"parley/store"
	"parley/wire"
)

// errAlone: the request reads what the group before it has not written yet, and must begin a group.
var errAlone = errors.New("mongo: the request needs a group of its own")

// stager turns requests into the writes of one commit. It belongs to the committer's goroutine.
type stager struct {
	s       *Store
	rooms   slots[roomState]
	heads   slots[headState]
	records slots[content]
	values  slots[content]

	number, arrivals int64 // as of the group
	based            int64 // number as of the last commit: what has a higher one is not there yet

	// Of the group.
	runs  []any                 // bson.Raw, to be inserted
	left  []any                 // those that are not known to be
	held  map[string]*stagedRun // the same by _id
	spans []span                // unreachable after the commit
	size  int
	bare  bool // nothing has been staged

	tx transaction
}

// stagedRun is what the group knows of a run that it appends.
type stagedRun struct {
	first   uint64
	link    wire.ID
	arrival uint64
}

// transaction is what one request has done so far, besides its slots.
type transaction struct {
	runs             []any
	held             map[string]*stagedRun
	spans            []span
	size             int
	number, arrivals int64
	ignored          int
}

// forget empties the caches.
func (st *stager) forget() {
	st.rooms, st.heads = newSlots[roomState](st.s.db.rooms), newSlots[headState](st.s.db.heads)
	st.records, st.values = newSlots[content](st.s.db.records), newSlots[content](st.s.db.values)
	st.clear()
}

// clear begins a new group.
func (st *stager) clear() {
	st.runs, st.spans, st.size, st.bare, st.based = nil, nil, 0, true, st.number
	st.held = make(map[string]*stagedRun)
	clear(st.records.known) // their contents are large, and seldom asked for twice
	clear(st.values.known)
	if len(st.heads.known)+len(st.rooms.known) > stateCache {
		clear(st.heads.known)
		clear(st.rooms.known)
	}
}

func (st *stager) full() bool { return st.size >= groupBytes }

// stage adds a request's changes to the group, whole or not at all.
func (st *stager) stage(ctx context.Context, r *request) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return nil
	}
	b := r.batch
	if !st.bare && len(b.DropRooms)+len(b.Trims)+len(b.Cuts)+len(b.DropRecords) > 0 {
		return errAlone
	}
	st.tx = transaction{held: make(map[string]*stagedRun), number: st.number, arrivals: st.arrivals}
	err := st.stageParts(ctx, r, b)
	if err != nil {
		clear(st.rooms.tx)
		clear(st.heads.tx)
		clear(st.records.tx)
		clear(st.values.tx)
		return err
	}
	st.rooms.keep()
	st.heads.keep()
	st.records.keep()
	st.values.keep()
	st.runs = append(st.runs, st.tx.runs...)
	st.spans = append(st.spans, st.tx.spans...)
	for id, run := range st.tx.held {
		st.held[id] = run
	}
	st.size += st.tx.size
	st.number, st.arrivals = st.tx.number, st.tx.arrivals
	r.ignored = st.tx.ignored
	st.bare = false
	return nil
}

// fetch reads at once what a batch of many items is about to look at one by one.
func (st *stager) fetch(ctx context.Context, b *store.Batch) error {
	if len(b.Runs)+len(b.Records)+len(b.DropRecords)+len(b.Values)+len(b.Trims) < 2 {
		return nil
	}
	view := st.s.view
	var rooms, heads, records, values []string
	for i := range b.Runs {
		rooms = append(rooms, roomKey(view, b.Runs[i].Room))
	}
	for i := range b.Records {
		rooms = append(rooms, roomKey(view, b.Records[i].Room))
	}
	if err := st.rooms.fetch(ctx, st, rooms); err != nil {
		return err
	}
	in := func(room wire.ID) (string, error) {
		slot, err := st.rooms.get(ctx, st, roomKey(view, room), Name{View: view, Room: room.String()})
		if err != nil || slot.now == nil {
			return "", err
		}
		return inRoom(view, slot.now.Number), nil
	}
	for i := range b.Runs {
		prefix, err := in(b.Runs[i].Room)
		if err != nil {
			return err
		}
		if prefix != "" {
			heads = append(heads, headKey(prefix, b.Runs[i].Log))
		}
	}
	for _, some := range [][]store.Record{b.DropRecords, b.Records} {
		for i := range some {
			prefix, err := in(some[i].Room)
			if err != nil {
				return err
			}
			if prefix != "" {
				records = append(records, recordKey(prefix, some[i].Kind, some[i].ID))
			}
		}
	}
	for i := range b.Values {
		values = append(values, valueKey(view, b.Values[i].Key))
	}
	return errors.Join(st.heads.fetch(ctx, st, heads), st.records.fetch(ctx, st, records), st.values.fetch(ctx, st, values))
}

func (st *stager) stageParts(ctx context.Context, r *request, b *store.Batch) error {
	if err := st.fetch(ctx, b); err != nil {
		return err
	}
	for _, room := range b.DropRooms {
		if err := st.dropRoom(ctx, room); err != nil {
			return err
		}
	}
	for i := range b.Trims {
		if err := st.trim(ctx, &b.Trims[i]); err != nil {
			return err
		}
	}
	for i := range b.Cuts {
		if err := st.cut(ctx, &b.Cuts[i]); err != nil {
			return err
		}
	}
	for i := range b.DropRecords {
		record := &b.DropRecords[i]
		room, err := st.room(ctx, record.Room, false)
		if err != nil {
			return err
		}
		if room == nil {
			continue
		}
		slot, err := st.record(ctx, room.now, record)
		if err != nil {
			return err
		}
		if slot.now != nil {
			slot.set(nil)
		}
	}
	for i := range b.Runs {
		if err := st.appendRun(ctx, r, &b.Runs[i], &r.arrivals[i]); err != nil {
			return err
		}
	}
	for i := range b.Records {
		if err := st.putRecord(ctx, &b.Records[i]); err != nil {
			return err
		}
	}
	for i := range b.Values {
		v := &b.Values[i]
		slot, err := st.values.get(ctx, st, valueKey(st.s.view, v.Key), Name{View: st.s.view, Key: valueKey("", v.Key)[1:]})
		if err != nil {
			return err
		}
		switch {
		case v.Value != nil:
			slot.set(&content{append([]byte{}, v.Value...)})
		case slot.now != nil:
			slot.set(nil)
		}
		st.tx.size += len(v.Key) + len(v.Value)
	}
	return nil
}

// room returns a room's slot, nil when it is not there and not to be made.
func (st *stager) room(ctx context.Context, room wire.ID, create bool) (*slot[roomState], error) {
	slot, err := st.rooms.get(ctx, st, roomKey(st.s.view, room), Name{View: st.s.view, Room: room.String()})
	if err != nil {
		return nil, err
	}
	if slot.now == nil {
		if !create {
			return nil, nil
		}
		// Arrivals go on above those of every room dropped: it may be this one that comes back.
		st.tx.number++
		slot.set(&roomState{Number: st.tx.number, Arrival: st.tx.arrivals})
	}
	return slot, nil
}

func (st *stager) head(ctx context.Context, room wire.ID, number int64, log wire.ID) (*slot[headState], error) {
	id := headKey(inRoom(st.s.view, number), log)
	if number > st.based {
		st.heads.absent(id)
	}
	return st.heads.get(ctx, st, id, Name{View: st.s.view, Room: room.String(), Log: log.String()})
}

func (st *stager) record(ctx context.Context, room *roomState, record *store.Record) (*slot[content], error) {
	id := recordKey(inRoom(st.s.view, room.Number), record.Kind, record.ID)
	if room.Number > st.based {
		st.records.absent(id)
	}
	return st.records.get(ctx, st, id, Name{View: st.s.view, Room: record.Room.String(), Kind: int32(record.Kind)})
}

// appendRun adds a run, or finds that it is held.
func (st *stager) appendRun(ctx context.Context, r *request, run *store.Run, arrival *uint64) error {
	room, err := st.room(ctx, run.Room, true)
	if err != nil {
		return err
	}
	in := inRoom(st.s.view, room.now.Number)
	head, err := st.head(ctx, run.Room, room.now.Number, run.Log)
	if err != nil {
		return err
	}
	if h := head.now; h != nil && run.First <= uint64(h.Last) {
		return st.sameRun(ctx, in, h, run, arrival)
	}
	var next headState
	switch h := head.now; {
	case h == nil:
		st.tx.number++
		next = headState{Number: st.tx.number, Author: run.Author.String(), Floor: int64(run.First - 1)}
	case run.First != uint64(h.Last)+1:
		return fmt.Errorf("%w: run %d-%d does not follow message %d", store.ErrConflict, run.First, run.Last, uint64(h.Last))
	case run.Author.String() != h.Author:
		return fmt.Errorf("%w: run %d-%d is of another author than its log", store.ErrConflict, run.First, run.Last)
	default:
		next = *h
	}
	given := run.Arrival
	if given == 0 {
		given = uint64(room.now.Arrival) + 1
	}
	if given <= uint64(room.now.Arrival) {
		return fmt.Errorf("%w: arrival %d was given before", store.ErrConflict, given)
	}
	if given > mostArrival {
		return fmt.Errorf("%w: arrival %d", store.ErrTooLarge, given)
	}
	*arrival = given
	changed := *room.now
	changed.Arrival = int64(given)
	room.set(&changed)
	next.Last, next.Link, next.Arrival = int64(run.Last), run.Link.String(), int64(given)
	next.Bytes += int64(len(run.Bytes))
	next.Received, next.Nanos = split(run.Received)
	next.Note = []byte(run.Note)
	head.set(&next)

	d := newRunDoc(in, &next, st.s.commit+1, run, given)
	raw, err := bson.Marshal(d) // a copy: the run is the caller's again when Apply returns
	if err != nil {
		return err
	}
	st.tx.runs = append(st.tx.runs, bson.Raw(raw))
	st.tx.held[d.ID] = &stagedRun{run.First, run.Link, given}
	st.tx.size += len(raw) + len(run.Note)
	return nil
}

// sameRun finds out whether a run that starts at or below its log's head is held already.
func (st *stager) sameRun(ctx context.Context, in string, h *headState, run *store.Run, arrival *uint64) error {
	id := branchKey(in, h.Number, run.Last, h.Since)
	held := st.tx.held[id]
	if held == nil {
		held = st.held[id]
	}
	if held == nil {
		d, err := st.ending(ctx, in, h, run.Last)
		if err != nil {
			return err
		}
		if d == nil {
			return notSame(run)
		}
		held = &stagedRun{first: uint64(d.First), arrival: uint64(d.Arrival)}
		if err := parseIDs(d.Link, &held.link); err != nil {
			return fmt.Errorf("%w: run %s: %w", store.ErrCorrupt, d.ID, err)
		}
	}
	if held.first != run.First || held.link != run.Link {
		return notSame(run)
	}
	*arrival = held.arrival
	st.tx.ignored++
	return nil
}

func notSame(run *store.Run) error {
	return fmt.Errorf("%w: run %d-%d is neither held nor next", store.ErrConflict, run.First, run.Last)
}

func (st *stager) putRecord(ctx context.Context, record *store.Record) error {
	room, err := st.room(ctx, record.Room, true)
	if err != nil {
		return err
	}
	slot, err := st.record(ctx, room.now, record)
	if err != nil {
		return err
	}
	if slot.now != nil {
		if bytes.Equal(slot.now.Bytes, record.Bytes) {
			return nil
		}
		return fmt.Errorf("%w: record %v is held with other bytes", store.ErrConflict, record.ID)
	}
	slot.set(&content{append([]byte{}, record.Bytes...)})
	changed := *room.now
	changed.Records++
	room.set(&changed)
	st.tx.size += len(record.Bytes)
	return nil
}
