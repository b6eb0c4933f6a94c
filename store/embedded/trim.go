package embedded

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"parley/store"
	"parley/wire"
)

// dropRoom deletes everything of a room by a few ranges, whatever its size.
func (st *stager) dropRoom(tx *transaction, id wire.ID) error {
	room, err := st.room(tx, id, false)
	if err != nil || room == nil {
		return err
	}
	for _, table := range roomTables {
		from := appendRoomTable(nil, table, room.number)
		to := successor(appendRoomTable(nil, table, room.number))
		if err := tx.batch.DeleteRange(from, to, nil); err != nil {
			return translate(err)
		}
		if table == tableRun {
			tx.spans = append(tx.spans, span{from, to})
		}
	}
	tx.arrivals = max(tx.arrivals, room.lastArrival)
	delete(tx.rooms, id)
	tx.gone[id] = true
	return translate(tx.batch.Delete(appendRoomKey(nil, id), nil))
}

// trim deletes the oldest runs of a log, or the log. The group before it is applied (errAlone), so
// the database shows every run there is.
func (st *stager) trim(tx *transaction, t *store.Trim) error {
	room, err := st.room(tx, t.Room, false)
	if err != nil || room == nil {
		return err
	}
	log, err := st.log(tx, room, t.Log)
	if err != nil || log == nil {
		return err
	}
	whole := t.Floor == store.TrimAll
	floor := t.Floor
	if whole {
		floor = log.Last
	}
	switch {
	case floor < log.Floor || floor == log.Floor && !whole:
		return nil
	case floor > log.Last:
		return fmt.Errorf("%w: a trim up to message %d of a log that ends at %d", store.ErrConflict, floor, log.Last)
	}
	if floor > log.Floor {
		if err := st.trimRuns(tx, room, log, floor); err != nil {
			return err
		}
	}
	if !whole {
		log.Floor, log.changed = floor, true
		return nil
	}
	tx.logs[logKey{room.number, t.Log}] = nil
	if err := tx.batch.Delete(appendHeadKey(nil, room.number, t.Log), nil); err != nil {
		return translate(err)
	}
	return translate(tx.batch.Delete(appendLogKey(nil, room.number, log.number), nil))
}

// trimRuns deletes the runs from a log's floor to the new one, and their arrivals.
func (st *stager) trimRuns(tx *transaction, room *roomState, log *logState, floor uint64) error {
	from := appendRunKey(nil, room.number, log.number, log.Floor+1)
	to := appendRunKey(nil, room.number, log.number, floor+1)
	last, arrivals, err := st.dropRuns(tx, room, log, from, to)
	if err != nil {
		return err
	}
	if last != floor {
		return fmt.Errorf("%w: message %d is not the end of a run", store.ErrConflict, floor)
	}
	if err := arrivals.flush(); err != nil {
		return translate(err)
	}
	// From the log's beginning: what earlier trims left counts too.
	tx.spans = append(tx.spans, span{appendRunKey(nil, room.number, log.number, 0), to})
	return translate(tx.batch.DeleteRange(from, to, nil))
}

// dropRuns uncounts the runs of a log between two keys, which its caller deletes. It returns the last message of the last of
// them, and the arrivals of which some are still to be deleted.
func (st *stager) dropRuns(tx *transaction, room *roomState, log *logState, from, to []byte) (last uint64, arrivals *arrivalTrim, err error) {
	runs, err := st.life.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return 0, nil, translate(err)
	}
	defer runs.Close()
	arrivals = &arrivalTrim{batch: tx.batch, room: room.number}
	for valid := runs.First(); valid; valid = runs.Next() {
		value, err := runs.ValueAndErr()
		if err != nil {
			return 0, nil, translate(err)
		}
		var run store.Run
		if _, err := decodeRun(runs.Key(), value, &run); err != nil {
			return 0, nil, corrupt(err)
		}
		if err := arrivals.drop(run.Arrival); err != nil {
			return 0, nil, translate(err)
		}
		last = run.Last
		log.Bytes -= uint64(len(run.Bytes))
	}
	return last, arrivals, translate(runs.Error())
}

// arrivalTrim deletes arrival numbers, given ascending, as ranges where they are consecutive.
type arrivalTrim struct {
	batch       *pebble.Batch
	room        uint32
	first, next uint64 // the stretch not deleted yet: first to next-1
}

func (a *arrivalTrim) drop(arrival uint64) error {
	if arrival != a.next {
		if err := a.flush(); err != nil {
			return err
		}
		a.first = arrival
	}
	a.next = arrival + 1
	return nil
}

func (a *arrivalTrim) flush() error {
	if a.next-a.first >= rangeRun {
		return a.batch.DeleteRange(appendArrivalKey(nil, a.room, a.first), appendArrivalKey(nil, a.room, a.next), nil)
	}
	for ; a.first < a.next; a.first++ {
		if err := a.batch.Delete(appendArrivalKey(nil, a.room, a.first), nil); err != nil {
			return err
		}
	}
	return nil
}
