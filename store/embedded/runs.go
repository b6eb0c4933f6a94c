package embedded

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"parley/store"
	"parley/wire"
)

// RunAt implements store.Store.
func (s *Store) RunAt(ctx context.Context, room, log wire.ID, number uint64) (store.Run, error) {
	for run, err := range s.Runs(ctx, room, log, number) {
		if err != nil {
			return store.Run{}, err
		}
		if run.First > number {
			break
		}
		return run, nil
	}
	return store.Run{}, store.ErrNotFound
}

// Runs implements store.Store.
func (s *Store) Runs(ctx context.Context, room, log wire.ID, from uint64) iter.Seq2[store.Run, error] {
	return s.logRuns(ctx, room, log, from, false)
}

// RunsBack implements store.Store.
func (s *Store) RunsBack(ctx context.Context, room, log wire.ID, from uint64) iter.Seq2[store.Run, error] {
	return s.logRuns(ctx, room, log, from, true)
}

func (s *Store) logRuns(ctx context.Context, room, log wire.ID, from uint64, back bool) iter.Seq2[store.Run, error] {
	return func(yield func(store.Run, error) bool) {
		at := from
		first := true
		s.paged(ctx, func(v *view) (more bool, deliver func() bool, err error) {
			head, number, err := v.log(room, log)
			if err != nil || head == nil {
				return false, nil, err
			}
			limit := pageRuns
			if first {
				limit = firstPageRuns // a caller that wants one run reads little
			}
			runs, more, err := v.runPage(ctx, number, head, at, back, limit)
			first = false
			for i := range runs {
				runs[i].Room = room
			}
			if n := len(runs); n > 0 && back {
				at = runs[n-1].First - 1
				more = more && at > 0
			} else if n > 0 {
				at = runs[n-1].Last + 1
			}
			return more, func() bool { return each(ctx, runs, yield) }, err
		}, func(err error) { yield(store.Run{}, err) })
	}
}

// runPage reads a page of a log's runs, from the run that contains message number at, or the nearest
// one in the direction of the scan.
func (v *view) runPage(ctx context.Context, room uint32, head *logState, at uint64, back bool, limit int) (runs []store.Run, more bool, err error) {
	prefix := binary.BigEndian.AppendUint64(appendRoomTable(nil, tableRun, room), head.number)
	it, err := v.iterate(ctx, prefix)
	if err != nil {
		return nil, false, err
	}
	defer it.Close()
	valid := seekRun(it, room, head.number, at)
	if !back {
		if valid, err = reachRun(it, valid, at); err != nil {
			return nil, false, err
		}
	}
	var buffer pageBuffer
	for ; valid; valid = step(it, back) {
		if buffer.full() || buffer.count >= limit {
			return runs, true, nil
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return runs, false, translate(err)
		}
		run := store.Run{Log: head.Log, Author: head.Author}
		if _, err := decodeRun(it.Key(), value, &run); err != nil {
			return runs, false, corrupt(err)
		}
		run.Bytes = buffer.keep(run.Bytes)
		runs = append(runs, run)
	}
	return runs, false, translate(it.Error())
}

// reachRun moves on from the last run that starts at or below a message number (valid: there is
// one) to the first that ends there or above.
func reachRun(it *pebble.Iterator, valid bool, at uint64) (bool, error) {
	if !valid {
		return it.First(), nil
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return false, translate(err)
	}
	var run store.Run
	if _, err := decodeRun(it.Key(), value, &run); err != nil {
		return false, corrupt(err)
	}
	if run.Last < at {
		return it.Next(), nil
	}
	return true, nil
}

// seekRun moves to the last run that starts at or below a message number.
func seekRun(it *pebble.Iterator, room uint32, log, at uint64) bool {
	if at == ^uint64(0) {
		return it.Last()
	}
	return it.SeekLT(appendRunKey(nil, room, log, at+1))
}

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
		scan := arrivalScan{back: back, at: at}
		s.paged(ctx, func(v *view) (more bool, deliver func() bool, err error) {
			state, err := v.room(room)
			if err != nil || state == nil {
				return false, nil, err
			}
			runs, more, err := scan.page(ctx, v, room, state.number)
			return more, func() bool { return each(ctx, runs, yield) }, err
		}, func(err error) { yield(store.Run{}, err) })
	}
}

// arrivalScan walks the arrival index and the runs side by side: in a history that one writer made, and in each
// stretch of one log, the next arrival is the next run, and no search is needed.
type arrivalScan struct {
	back  bool
	at    uint64 // the last arrival seen, or where to start; exclusive
	room  uint32 // whose logs are known
	known map[uint64]logName
}

// logName is a value of table N.
type logName struct{ log, author wire.ID }

func (a *arrivalScan) page(ctx context.Context, v *view, room wire.ID, number uint32) (out []store.Run, more bool, err error) {
	index, err := v.iterate(ctx, appendRoomTable(nil, tableArrival, number))
	if err != nil {
		return nil, false, err
	}
	defer index.Close()
	valid := false
	switch {
	case a.back:
		valid = index.SeekLT(appendArrivalKey(nil, number, a.at))
	case a.at != ^uint64(0):
		valid = index.SeekGE(appendArrivalKey(nil, number, a.at+1))
	}
	if !valid {
		return nil, false, translate(index.Error())
	}
	runs, err := v.iterate(ctx, appendRoomTable(nil, tableRun, number))
	if err != nil {
		return nil, false, err
	}
	defer runs.Close()
	if a.known == nil || a.room != number {
		a.known, a.room = make(map[uint64]logName), number
	}
	var buffer pageBuffer
	var want [runKeySize]byte
	for ; valid; valid = step(index, a.back) {
		if buffer.full() {
			return out, true, nil
		}
		entry, err := index.ValueAndErr()
		if err != nil {
			return out, false, translate(err)
		}
		log, first, err := arrivalEntry(entry)
		if err != nil {
			return out, false, err
		}
		arrival := binary.BigEndian.Uint64(index.Key()[arrivalKeySize-8:])
		value, err := findRun(runs, appendRunKey(want[:0], number, log, first), a.back)
		if err != nil {
			return out, false, err
		}
		run := store.Run{Room: room}
		if value == nil {
			return out, false, corrupt(fmt.Errorf("arrival %d has no run", arrival))
		}
		if _, err := decodeRun(want[:], value, &run); err != nil {
			return out, false, corrupt(err)
		}
		name, err := a.name(v, log)
		if err != nil {
			return out, false, err
		}
		run.Log, run.Author = name.log, name.author
		run.Bytes = buffer.keep(run.Bytes)
		out = append(out, run)
		a.at = arrival
	}
	return out, false, translate(index.Error())
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

// findRun moves to the run with a key, by one step when that leads there. It returns the run's value, valid until
// the next move, or nil.
func findRun(runs *pebble.Iterator, key []byte, back bool) ([]byte, error) {
	if !(runs.Valid() && step(runs, back) && string(runs.Key()) == string(key)) {
		if !runs.SeekGE(key) || string(runs.Key()) != string(key) {
			return nil, translate(runs.Error())
		}
	}
	value, err := runs.ValueAndErr()
	return value, translate(err)
}
