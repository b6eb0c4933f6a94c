package sim

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"parley/rooms"
	"parley/store"
	"parley/wire"
)

// A disk is a modelled store: what is applied is durable, what was handed to it
// and not applied is lost at a crash.
type disk struct {
	rooms   map[wire.ID]*diskRoom
	values  map[string][]byte
	waiting []rooms.Persist
	failing int    // batches that will fail
	dropped uint64 // the highest arrival number of a room that was dropped

	tamper func(*store.Batch) *store.Batch // a planted fault; nil: none
}

type diskRoom struct {
	heads   map[wire.ID]store.Head
	runs    map[wire.ID][]store.Run
	records map[recordKey]store.Record
	arrival uint64
}

type recordKey struct {
	kind store.Kind
	id   wire.ID
}

func newDisk() *disk { return &disk{rooms: map[wire.ID]*diskRoom{}, values: map[string][]byte{}} }

// backup is a copy of what is durable.
func (d *disk) backup() *disk {
	c := newDisk()
	c.tamper, c.dropped = d.tamper, d.dropped
	maps.Copy(c.values, d.values)
	for id, r := range d.rooms {
		n := c.room(id)
		n.arrival = r.arrival
		maps.Copy(n.heads, r.heads)
		maps.Copy(n.records, r.records)
		for log, runs := range r.runs {
			n.runs[log] = slices.Clone(runs)
		}
	}
	return c
}

func (d *disk) room(id wire.ID) *diskRoom {
	r := d.rooms[id]
	if r == nil {
		r = &diskRoom{heads: map[wire.ID]store.Head{}, runs: map[wire.ID][]store.Run{}, records: map[recordKey]store.Record{}, arrival: d.dropped}
		d.rooms[id] = r
	}
	return r
}

// apply applies a batch in the order of its fields, as package store lays down.
func (d *disk) apply(b *store.Batch) error {
	if err := b.Check(); err != nil {
		return err
	}
	if d.tamper != nil {
		b = d.tamper(b)
	}
	for _, id := range b.DropRooms {
		if r := d.rooms[id]; r != nil {
			d.dropped = max(d.dropped, r.arrival)
		}
		delete(d.rooms, id)
	}
	for _, t := range b.Trims {
		if err := d.room(t.Room).trim(t); err != nil {
			return err
		}
	}
	for i := range b.Cuts {
		if err := d.room(b.Cuts[i].Room).cut(&b.Cuts[i]); err != nil {
			return err
		}
	}
	for _, rec := range b.DropRecords {
		delete(d.room(rec.Room).records, recordKey{rec.Kind, rec.ID})
	}
	for i := range b.Runs {
		if err := d.room(b.Runs[i].Room).append(&b.Runs[i]); err != nil {
			return err
		}
	}
	for _, rec := range b.Records {
		d.room(rec.Room).records[recordKey{rec.Kind, rec.ID}] = rec
	}
	for _, v := range b.Values {
		if v.Value == nil {
			delete(d.values, v.Key)
		} else {
			d.values[v.Key] = v.Value
		}
	}
	return nil
}

func (r *diskRoom) trim(t store.Trim) error {
	h, ok := r.heads[t.Log]
	if !ok {
		return nil
	}
	if t.Floor == store.TrimAll {
		delete(r.heads, t.Log)
		delete(r.runs, t.Log)
		return nil
	}
	if t.Floor <= h.Floor {
		return nil
	}
	runs := r.runs[t.Log]
	for len(runs) > 0 && runs[0].Last <= t.Floor {
		h.Bytes -= uint64(len(runs[0].Bytes))
		h.Floor = runs[0].Last
		runs = runs[1:]
	}
	if h.Floor != t.Floor {
		return fmt.Errorf("a floor of %d that is no run's end", t.Floor)
	}
	r.runs[t.Log], r.heads[t.Log] = runs, h
	return nil
}

func (r *diskRoom) cut(cut *store.Cut) error {
	h, held := r.heads[cut.Log]
	if !held || h.Link != cut.Head || cut.Last == h.Last {
		return nil
	}
	runs := slices.Clone(r.runs[cut.Log])
	for len(runs) > 0 && runs[len(runs)-1].First > cut.Last {
		h.Bytes -= uint64(len(runs[len(runs)-1].Bytes))
		runs = runs[:len(runs)-1]
	}
	switch n := len(runs); {
	case n == 0 && h.Floor == cut.Last:
		h.LastArrival, h.LastReceived = 0, 0
	case n == 0 || runs[n-1].Last != cut.Last || runs[n-1].Link != cut.Link:
		return store.ErrConflict
	default:
		h.LastArrival, h.LastReceived = runs[n-1].Arrival, runs[n-1].Received
	}
	h.Last, h.Link, h.Note = cut.Last, cut.Link, cut.Note
	r.runs[cut.Log], r.heads[cut.Log] = runs, h
	return nil
}

func (r *diskRoom) append(run *store.Run) error {
	h, held := r.heads[run.Log]
	switch {
	case held && run.Last <= h.Last:
		for _, o := range r.runs[run.Log] {
			if o.First == run.First && o.Link == run.Link {
				return nil
			}
		}
		return store.ErrConflict
	case held && run.First != h.Last+1:
		return store.ErrConflict
	case !held:
		h = store.Head{Log: run.Log, Author: run.Author, Floor: run.First - 1}
	}
	if run.Arrival == 0 {
		run.Arrival = r.arrival + 1
	}
	if run.Arrival <= r.arrival {
		return fmt.Errorf("arrival %d after %d", run.Arrival, r.arrival)
	}
	r.arrival = run.Arrival
	h.Last, h.Link, h.Note = run.Last, run.Link, run.Note
	h.Bytes += uint64(len(run.Bytes))
	h.LastArrival, h.LastReceived = run.Arrival, run.Received
	r.heads[run.Log] = h
	r.runs[run.Log] = append(r.runs[run.Log], *run)
	return nil
}

// sync applies the first n batches that wait, or fails them all.
func (d *disk) sync(n int) (from, to uint64, err error) {
	if n == 0 {
		return 0, 0, nil
	}
	from, to = d.waiting[0].Batch, d.waiting[n-1].Batch
	if d.failing > 0 {
		d.failing--
		d.waiting = slices.Clone(d.waiting[n:])
		return from, to, store.ErrFull
	}
	for i, p := range d.waiting[:n] {
		if err = d.apply(p.Data); err != nil {
			if i > 0 { // those before are durable; this one and the rest are answered next
				d.waiting = slices.Clone(d.waiting[i:])
				return from, p.Batch - 1, nil
			}
			d.waiting = slices.Clone(d.waiting[1:])
			return from, from, err
		}
	}
	d.waiting = slices.Clone(d.waiting[n:])
	return from, to, nil
}

// crash loses what was not applied; the last sync may have got some of it to the disk.
func (d *disk) crash(rng *rand.Rand) (lost int) {
	if len(d.waiting) > 0 {
		_, _, _ = d.sync(rng.IntN(len(d.waiting) + 1))
	}
	lost = len(d.waiting)
	d.waiting, d.failing = nil, 0
	return lost
}

// data is what is read of a room when a peer starts.
func (d *disk) data(id wire.ID) *rooms.RoomData {
	data := &rooms.RoomData{Room: id, LastArrival: d.dropped}
	for _, k := range slices.Sorted(maps.Keys(d.values)) {
		if strings.HasPrefix(k, rooms.RoomValues(id)) {
			data.Values = append(data.Values, store.Value{Key: k, Value: d.values[k]})
		}
	}
	r := d.rooms[id]
	if r == nil {
		return data
	}
	data.Records = append(data.Records, r.sorted()...)
	for _, log := range sortedIDs(r.heads) {
		data.Heads = append(data.Heads, r.heads[log])
	}
	if h := d.rooms[rooms.HiddenRoom(id)]; h != nil {
		for _, log := range sortedIDs(h.heads) {
			data.Hidden = append(data.Hidden, h.heads[log])
		}
	}
	data.LastArrival = r.arrival
	return data
}

func (r *diskRoom) sorted() []store.Record {
	list := slices.Collect(maps.Values(r.records))
	slices.SortFunc(list, func(a, b store.Record) int {
		if a.Kind != b.Kind {
			return int(a.Kind) - int(b.Kind)
		}
		return a.ID.Compare(b.ID)
	})
	return list
}

// runsOf returns the runs of a log that contain messages first to last.
func (d *disk) runsOf(room, log wire.ID, first, last uint64) (out []store.Run) {
	r := d.rooms[room]
	if r == nil {
		return nil
	}
	for _, run := range r.runs[log] {
		if run.Last >= first && run.First <= last {
			out = append(out, run)
		}
	}
	return out
}

func sortedIDs[V any](m map[wire.ID]V) []wire.ID {
	return slices.SortedFunc(maps.Keys(m), wire.ID.Compare)
}
