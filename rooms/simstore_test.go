package rooms

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"parley/store"
	"parley/wire"
)

// A simStore is a modelled store: what is applied is durable; what was handed
// to it and not applied is lost at a crash.
type simStore struct {
	rooms   map[wire.ID]*simRoom
	values  map[string]map[string][]byte // by room's prefix and key
	waiting []Persist
	fail    int    // batches that will fail
	dropped uint64 // the highest arrival number of a room that was dropped
}

type simRoom struct {
	heads   map[wire.ID]store.Head
	runs    map[wire.ID][]store.Run
	records map[string]store.Record
	arrival uint64
}

func newSimStore() *simStore {
	return &simStore{rooms: map[wire.ID]*simRoom{}, values: map[string]map[string][]byte{}}
}

func (s *simStore) room(id wire.ID) *simRoom {
	r := s.rooms[id]
	if r == nil {
		r = &simRoom{heads: map[wire.ID]store.Head{}, runs: map[wire.ID][]store.Run{}, records: map[string]store.Record{}, arrival: s.dropped}
		s.rooms[id] = r
	}
	return r
}

func recordKey(kind store.Kind, id wire.ID) string { return string(rune('a'+kind)) + string(id[:]) }

// apply applies a batch in the order of its fields, as package store lays down.
func (s *simStore) apply(b *store.Batch) error {
	if err := b.Check(); err != nil {
		return err
	}
	for _, id := range b.DropRooms {
		if r := s.rooms[id]; r != nil {
			s.dropped = max(s.dropped, r.arrival)
		}
		delete(s.rooms, id)
	}
	for _, t := range b.Trims {
		r := s.room(t.Room)
		h, ok := r.heads[t.Log]
		if !ok {
			continue
		}
		if t.Floor == store.TrimAll {
			delete(r.heads, t.Log)
			delete(r.runs, t.Log)
			continue
		}
		if t.Floor <= h.Floor {
			continue
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
	}
	for _, cut := range b.Cuts {
		if err := s.room(cut.Room).cut(&cut); err != nil {
			return err
		}
	}
	for _, rec := range b.DropRecords {
		delete(s.room(rec.Room).records, recordKey(rec.Kind, rec.ID))
	}
	for i := range b.Runs {
		if err := s.room(b.Runs[i].Room).append(&b.Runs[i]); err != nil {
			return err
		}
	}
	for _, rec := range b.Records {
		s.room(rec.Room).records[recordKey(rec.Kind, rec.ID)] = rec
	}
	for _, v := range b.Values {
		s.set(v)
	}
	return nil
}

// set writes a value of a room, or deletes it.
func (s *simStore) set(v store.Value) {
	prefix := v.Key[:len(RoomValues(wire.ID{}))]
	if v.Value == nil {
		delete(s.values[prefix], v.Key)
		return
	}
	if s.values[prefix] == nil {
		s.values[prefix] = map[string][]byte{}
	}
	s.values[prefix][v.Key] = v.Value
}

func (r *simRoom) append(run *store.Run) error {
	h, held := r.heads[run.Log]
	switch {
	case held && run.Last <= h.Last:
		for _, o := range r.runs[run.Log] {
			if o.First == run.First && o.Link == run.Link {
				return nil
			}
		}
		return fmt.Errorf("%w: another run %d to %d of log %s", store.ErrConflict, run.First, run.Last, run.Log.Short())
	case held && run.First != h.Last+1:
		return fmt.Errorf("%w: run %d to %d of log %s, which ends at %d", store.ErrConflict, run.First, run.Last, run.Log.Short(), h.Last)
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

func (r *simRoom) cut(cut *store.Cut) error {
	h, held := r.heads[cut.Log]
	if !held || h.Link != cut.Head || cut.Last == h.Last {
		return nil
	}
	runs := r.runs[cut.Log]
	for len(runs) > 0 && runs[len(runs)-1].First > cut.Last {
		h.Bytes -= uint64(len(runs[len(runs)-1].Bytes))
		runs = runs[:len(runs)-1]
	}
	switch n := len(runs); {
	case n == 0 && h.Floor == cut.Last:
		h.LastArrival, h.LastReceived = 0, 0
	case n == 0 || runs[n-1].Last != cut.Last || runs[n-1].Link != cut.Link:
		return fmt.Errorf("%w: a cut of log %s to %d, which is no run's end", store.ErrConflict, cut.Log.Short(), cut.Last)
	default:
		h.LastArrival, h.LastReceived = runs[n-1].Arrival, runs[n-1].Received
	}
	h.Last, h.Link, h.Note = cut.Last, cut.Link, cut.Note
	r.runs[cut.Log], r.heads[cut.Log] = slices.Clone(runs), h
	return nil
}

// sync applies what waits: all of it, or on a crash a random part from the front.
func (s *simStore) sync(n int) (from, to uint64, err error) {
	if n == 0 {
		return 0, 0, nil
	}
	from, to = s.waiting[0].Batch, s.waiting[n-1].Batch
	if s.fail > 0 {
		s.fail--
		s.waiting = slices.Clone(s.waiting[n:])
		return from, to, store.ErrFull
	}
	for i, p := range s.waiting[:n] {
		if err = s.apply(p.Data); err != nil {
			if i > 0 { // those before are durable; this one and the rest are answered next
				s.waiting = slices.Clone(s.waiting[i:])
				return from, p.Batch - 1, nil
			}
			s.waiting = slices.Clone(s.waiting[1:])
			return from, from, err
		}
	}
	s.waiting = slices.Clone(s.waiting[n:])
	return from, to, nil
}

// crash loses what was not applied; the last sync may have got some of it to the disk.
func (s *simStore) crash(rng *rand.Rand) {
	if len(s.waiting) > 0 {
		_, _, _ = s.sync(rng.IntN(len(s.waiting) + 1))
	}
	s.waiting = nil
}

func (s *simStore) data(id wire.ID, open bool) *RoomData {
	d := &RoomData{Room: id, LastArrival: s.dropped}
	values := s.values[RoomValues(id)]
	for _, k := range sortedStrings(values) {
		d.Values = append(d.Values, store.Value{Key: k, Value: values[k]})
	}
	r := s.rooms[id]
	if r == nil {
		return d
	}
	for _, k := range sortedStrings(r.records) {
		d.Records = append(d.Records, r.records[k])
	}
	var index []store.Run
	for _, log := range sortedIDs(r.heads) {
		d.Heads = append(d.Heads, r.heads[log])
		index = append(index, r.runs[log]...)
	}
	if open {
		slices.SortFunc(index, func(a, b store.Run) int { return int(int64(a.Arrival) - int64(b.Arrival)) })
		for _, run := range index {
			d.Index = append(d.Index, RunMeta{Log: run.Log, Last: run.Last, Size: uint64(len(run.Bytes)), Received: run.Received})
		}
	}
	if h := s.rooms[HiddenRoom(id)]; h != nil {
		for _, log := range sortedIDs(h.heads) {
			d.Hidden = append(d.Hidden, h.heads[log])
		}
	}
	d.LastArrival = r.arrival
	return d
}

func sortedStrings[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// runsOf returns the runs of a log that contain messages first to last.
func (s *simStore) runsOf(room, log wire.ID, first, last uint64) (out []store.Run) {
	r := s.rooms[room]
	if r == nil {
		return nil
	}
	runs := r.runs[log]
	i, _ := slices.BinarySearchFunc(runs, first, func(run store.Run, n uint64) int {
		if run.Last < n {
			return -1
		}
		return 1
	})
	for ; i < len(runs) && runs[i].First <= last; i++ {
		out = append(out, runs[i])
	}
	return out
}
