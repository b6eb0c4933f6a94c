package embedded

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"parley/store"
	"parley/wire"
)

// Arrivals implements store.Store.
func (s *Store) Arrivals(ctx context.Context, room wire.ID, after uint64) iter.Seq2[store.Run, error] {
	return s.roomRuns(ctx, room, after, false)
}

// ArrivalsBack implements store.Store.
func (s *Store) ArrivalsBack(ctx context.Context, room wire.ID, before uint64) iter.Seq2[store.Run, error] {
	if before == 0 {
		before = ^uint64(0)
	}
	return s.roomRuns(ctx, room, before, true)
}

func (s *Store) roomRuns(ctx context.Context, room wire.ID, at uint64, back bool) iter.Seq2[store.Run, error] {
	return func(yield func(store.Run, error) bool) {
		scan := arrivalScan{back: back, at: at, limit: firstPageRuns}
		s.paged(ctx, func(v *view) (more bool, deliver func() bool, err error) {
			state, err := v.room(room)
			if err != nil || state == nil {
				return false, nil, err
			}
			runs, more, err := scan.page(ctx, v, state.number)
			for i := range runs {
				runs[i].Room = room
			}
			return more, func() bool { return each(ctx, runs, yield) }, err
		}, func(err error) { yield(store.Run{}, err) })
	}
}

// arrivalScan reads runs in the order of their arrival. For each page it reads the
// index first, and then the page's runs in the order in which they are stored, log by log, so that
// a room with many writers costs few searches.
type arrivalScan struct {
	back  bool
	at    uint64 // the last arrival seen, or where to start; exclusive
	limit int    // runs in the next page
	room  uint32 // whose logs are known
	known map[uint64]logName

	entries []arrivalEntry
}

// arrivalEntry is one key and value of table a.
type arrivalEntry struct {
	arrival, log, first, size uint64
	place                     int // in the page
}

// logName is a value of table N.
type logName struct{ log, author wire.ID }

// page reads the next page, without its runs' Room.
func (a *arrivalScan) page(ctx context.Context, v *view, room uint32) (out []store.Run, more bool, err error) {
	if a.known == nil || a.room != room {
		a.known, a.room = make(map[uint64]logName), room
	}
	if more, err = a.index(ctx, v); err != nil || len(a.entries) == 0 {
		return nil, false, err
	}
	// The same scan goes on larger when the caller wants more.
	a.limit = min(4*a.limit, pageRuns)
	a.at = a.entries[len(a.entries)-1].arrival
	slices.SortFunc(a.entries, func(x, y arrivalEntry) int {
		return cmp.Or(cmp.Compare(x.log, y.log), cmp.Compare(x.first, y.first))
	})
	runs, err := v.iterate(ctx, appendRoomTable(nil, tableRun, room))
	if err != nil {
		return nil, false, err
	}
	defer runs.Close()
	out = make([]store.Run, len(a.entries))
	var buffer pageBuffer
	var key [runKeySize]byte
	for i := range a.entries {
		entry := &a.entries[i]
		run := &out[entry.place]
		value, err := findRun(runs, appendRunKey(key[:0], room, entry.log, entry.first))
		if err != nil {
			return nil, false, err
		}
		if value == nil {
			return nil, false, corrupt(fmt.Errorf("arrival %d has no run", entry.arrival))
		}
		if _, err := decodeRun(key[:], value, run); err != nil {
			return nil, false, corrupt(err)
		}
		name, err := a.name(v, entry.log)
		if err != nil {
			return nil, false, err
		}
		run.Log, run.Author = name.log, name.author
		run.Bytes = buffer.keep(run.Bytes)
	}
	return out, more, nil
}

// index reads the entries of the next page, and reports whether there are more.
func (a *arrivalScan) index(ctx context.Context, v *view) (more bool, err error) {
	a.entries = a.entries[:0]
	index, err := v.iterate(ctx, appendRoomTable(nil, tableArrival, a.room))
	if err != nil {
		return false, err
	}
	defer index.Close()
	valid := false
	switch {
	case a.back:
		valid = index.SeekLT(appendArrivalKey(nil, a.room, a.at))
	case a.at != ^uint64(0):
		valid = index.SeekGE(appendArrivalKey(nil, a.room, a.at+1))
	}
	for size := uint64(0); valid; valid = step(index, a.back) {
		if len(a.entries) >= a.limit || size >= pageBytes {
			return true, nil
		}
		value, err := index.ValueAndErr()
		if err != nil {
			return false, translate(err)
		}
		r := reader{b: value}
		entry := arrivalEntry{
			arrival: binary.BigEndian.Uint64(index.Key()[arrivalKeySize-8:]),
			log:     r.fixed(8), first: r.fixed(8), size: r.uvarint(),
			place: len(a.entries),
		}
		if err := r.end(); err != nil {
			return false, corrupt(err)
		}
		a.entries = append(a.entries, entry)
		size += entry.size
	}
	return false, translate(index.Error())
}

// name returns the IDs of a log by its number.
func (a *arrivalScan) name(v *view, log uint64) (logName, error) {
	if name, ok := a.known[log]; ok {
		return name, nil
	}
	value, err := get(v.snap, appendLogKey(nil, a.room, log))
	if err != nil {
		return logName{}, err
	}
	r := reader{b: value}
	name := logName{log: r.id(), author: r.id()}
	if err := r.end(); err != nil {
		return logName{}, corrupt(err)
	}
	if len(a.known) >= authorCache {
		clear(a.known)
	}
	a.known[log] = name
	return name, nil
}

// findRun moves to the run with a key, by one step when that leads there. It returns the run's value, valid
// until the next move, or nil.
func findRun(runs *pebble.Iterator, key []byte) ([]byte, error) {
	if !(runs.Valid() && runs.Next() && string(runs.Key()) == string(key)) {
		if !runs.SeekGE(key) || string(runs.Key()) != string(key) {
			return nil, translate(runs.Error())
		}
	}
	value, err := runs.ValueAndErr()
	return value, translate(err)
}
