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
	v, err := s.current(ctx)
	if err != nil {
		return store.Run{}, err
	}
	defer v.release()
	head, roomNumber, err := v.log(room, log)
	if err != nil {
		return store.Run{}, err
	}
	if head == nil || number <= head.Floor || number > head.Last {
		return store.Run{}, store.ErrNotFound
	}
	runs, _, err := v.runPage(ctx, roomNumber, head, number, false, 1)
	if err != nil {
		return store.Run{}, err
	}
	if len(runs) == 0 || runs[0].First > number {
		return store.Run{}, corrupt(fmt.Errorf("no run holds message %d", number))
	}
	runs[0].Room = room
	return runs[0], nil
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
