package embedded

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"parley/store"
	"parley/wire"
)

// errAlone: the request reads what the group before it has not applied yet, and must begin a group.
var errAlone = errors.New("embedded: the request needs a group of its own")

// stager turns requests into changes of the database. It is the only writer, so what it
// has cached of rooms and logs is what they are. It belongs to one life and one goroutine.
type stager struct {
	life  *life
	rooms cache[wire.ID, *roomState]
	logs  cache[logKey, *logState]
	space space
	counters

	// Of the group: how many logs and rooms it has changed, which must not leave the caches before
	// the group is applied, and whether the group holds more than the database.
	touched int
	pending bool
	deleted []span

	// Of the request, kept for its memory.
	tx  transaction
	key []byte
}

// counters are the engine's own numbers.
type counters struct {
	nextRoom uint64 // the next room's number
	arrivals uint64 // the highest arrival number of any room dropped
}

// transaction is what one request has read and changed so far, on copies: nothing of
// it stays if the request fails.
type transaction struct {
	rooms map[wire.ID]*roomState
	logs  map[logKey]*logState // a nil: the log is not there
	gone  map[wire.ID]bool     // rooms dropped
	batch *pebble.Batch
	spans []span // of runs deleted
	counters
}

func newStager(l *life, space space) (*stager, error) {
	st := &stager{
		life:  l,
		rooms: newCache[wire.ID, *roomState](stateCache),
		logs:  newCache[logKey, *logState](stateCache),
		space: space,
		tx: transaction{
			rooms: make(map[wire.ID]*roomState),
			logs:  make(map[logKey]*logState),
			gone:  make(map[wire.ID]bool),
		},
	}
	var err error
	if st.nextRoom, err = getCounter(l.db, keyNextRoom); err != nil {
		return nil, err
	}
	st.arrivals, err = getCounter(l.db, keyArrivals)
	return st, err
}

// crowded reports whether the group has changed as many logs as the cache is sure to hold.
func (st *stager) crowded() bool { return st.touched >= stateCache/2 }

// applied tells the stager that the group is in the database. It returns the spans of runs that the
// group deleted.
func (st *stager) applied() (deleted []span) {
	deleted, st.deleted = st.deleted, nil
	st.touched, st.pending = 0, false
	return deleted
}

// stage adds a request's changes to the group, whole or not at all. alone says that the group
// is empty so far.
func (st *stager) stage(into *pebble.Batch, r *request, alone bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return nil
	}
	b := r.batch
	if !alone && (len(b.DropRooms)+len(b.Trims)+len(b.Cuts) > 0 || len(b.Runs)+len(b.Records) > stateCache/2) {
		return errAlone
	}
	if r.adds && st.space.low() {
		return fmt.Errorf("%w: what is left is kept for deletions", store.ErrFull)
	}
	tx := &st.tx
	clear(tx.rooms)
	clear(tx.logs)
	clear(tx.gone)
	tx.counters = st.counters
	tx.spans = nil
	r.ignored = 0
	// The first of a group goes straight into it, most are alone in theirs; of
	// the others nothing must stay in the group when they fail.
	direct := into.Empty()
	if tx.batch = into; !direct {
		tx.batch = st.life.db.NewBatch()
		defer func() { _ = tx.batch.Close() }()
	}
	if err := st.stageParts(tx, r, b); err != nil {
		if direct {
			into.Reset()
		}
		return err
	}
	if tx.batch.Empty() && len(tx.gone) == 0 {
		return nil
	}
	if !direct {
		if err := into.Apply(tx.batch, nil); err != nil {
			return translate(err)
		}
	}
	st.space.used += tx.batch.Len()
	st.keep(tx)
	return nil
}

func (st *stager) stageParts(tx *transaction, r *request, b *store.Batch) error {
	for _, room := range b.DropRooms {
		if err := st.dropRoom(tx, room); err != nil {
			return err
		}
	}
	for i := range b.Trims {
		if err := st.trim(tx, &b.Trims[i]); err != nil {
			return err
		}
	}
	for i := range b.Cuts {
		if err := st.cut(tx, &b.Cuts[i]); err != nil {
			return err
		}
	}
	for i := range b.DropRecords {
		if err := st.dropRecord(tx, &b.DropRecords[i]); err != nil {
			return err
		}
	}
	for i := range b.Runs {
		if err := st.appendRun(tx, r, i); err != nil {
			return err
		}
	}
	for i := range b.Records {
		if err := st.putRecord(tx, &b.Records[i]); err != nil {
			return err
		}
	}
	for i := range b.Values {
		st.key = appendValueKey(st.key[:0], b.Values[i].Key)
		if b.Values[i].Value == nil {
			_ = tx.batch.Delete(st.key, nil)
		} else {
			_ = tx.batch.Set(st.key, b.Values[i].Value, nil)
		}
	}
	return st.writeStates(tx)
}

// keep makes the request's copies the truth.
func (st *stager) keep(tx *transaction) {
	for room := range tx.gone {
		st.rooms.put(room, nil) // its logs' keys have its number, which is not used again
	}
	for room, state := range tx.rooms {
		state.changed = false
		st.rooms.put(room, state)
	}
	for name, state := range tx.logs {
		if state != nil {
			state.changed = false
		}
		st.logs.put(name, state)
	}
	st.counters = tx.counters
	st.deleted = append(st.deleted, tx.spans...)
	st.touched += len(tx.rooms) + len(tx.logs) + len(tx.gone)
	st.pending = true
}

// appendRun adds run i of the request's batch, or finds that it is held.
func (st *stager) appendRun(tx *transaction, r *request, i int) error {
	run := &r.batch.Runs[i]
	room, err := st.room(tx, run.Room, true)
	if err != nil {
		return err
	}
	log, err := st.log(tx, room, run.Log)
	if err != nil {
		return err
	}
	if log != nil && run.First <= log.Last {
		return st.sameRun(r, i, room, log)
	}
	switch {
	case log == nil:
		log = &logState{number: room.nextLog, Head: store.Head{Log: run.Log, Author: run.Author, Floor: run.First - 1}}
		room.nextLog++
		tx.logs[logKey{room.number, run.Log}] = log
		st.key = appendLogKey(st.key[:0], room.number, log.number)
		_ = tx.batch.Set(st.key, append(run.Log[:], run.Author[:]...), nil)
	case run.First != log.Last+1:
		return fmt.Errorf("%w: run %d-%d does not follow message %d", store.ErrConflict, run.First, run.Last, log.Last)
	case run.Author != log.Author:
		return fmt.Errorf("%w: run %d-%d is of another author than its log", store.ErrConflict, run.First, run.Last)
	}
	arrival := run.Arrival
	if arrival == 0 {
		arrival = room.lastArrival + 1
	}
	if arrival <= room.lastArrival {
		return fmt.Errorf("%w: arrival %d was given before", store.ErrConflict, arrival)
	}
	room.lastArrival, room.changed = arrival, true
	r.arrivals[i] = arrival
	log.changed = true
	log.Last, log.Link = run.Last, run.Link
	log.Bytes += uint64(len(run.Bytes))
	log.LastArrival, log.LastReceived, log.Note = arrival, run.Received, run.Note

	op := tx.batch.SetDeferred(runKeySize, runValueSize(run, arrival))
	appendRunKey(op.Key[:0], room.number, log.number, run.First)
	putRunValue(op.Value, run, arrival)
	if err := op.Finish(); err != nil {
		return translate(err)
	}
	size := uint64(len(run.Bytes))
	op = tx.batch.SetDeferred(arrivalKeySize, 16+uvarintSize(size))
	appendArrivalKey(op.Key[:0], room.number, arrival)
	binary.BigEndian.PutUint64(op.Value, log.number)
	binary.BigEndian.PutUint64(op.Value[8:], run.First)
	binary.PutUvarint(op.Value[16:], size)
	return translate(op.Finish())
}

// sameRun finds out whether run i, which starts at or below its log's head, is held already.
func (st *stager) sameRun(r *request, i int, room *roomState, log *logState) error {
	run := &r.batch.Runs[i]
	for j := range i {
		earlier := &r.batch.Runs[j]
		if earlier.Log == run.Log && earlier.First == run.First && earlier.Room == run.Room && r.arrivals[j] != 0 {
			if earlier.Last != run.Last || earlier.Link != run.Link {
				return notSame(run)
			}
			r.arrivals[i] = r.arrivals[j]
			r.ignored++
			return nil
		}
	}
	if st.pending {
		return errAlone
	}
	st.key = appendRunKey(st.key[:0], room.number, log.number, run.First)
	value, closer, err := st.life.db.Get(st.key)
	if errors.Is(err, pebble.ErrNotFound) {
		return notSame(run)
	}
	if err != nil {
		return translate(err)
	}
	defer closer.Close()
	var held store.Run
	if _, err := decodeRun(st.key, value, &held); err != nil {
		return corrupt(err)
	}
	if held.Last != run.Last || held.Link != run.Link {
		return notSame(run)
	}
	r.arrivals[i] = held.Arrival
	r.ignored++
	return nil
}

func notSame(run *store.Run) error {
	return fmt.Errorf("%w: run %d-%d is neither held nor next", store.ErrConflict, run.First, run.Last)
}

func (st *stager) putRecord(tx *transaction, record *store.Record) error {
	room, err := st.room(tx, record.Room, true)
	if err != nil {
		return err
	}
	st.key = appendRecordKey(st.key[:0], room.number, record.Kind, record.ID)
	held, err := get(st.life.db, st.key)
	if err != nil {
		return err
	}
	if held != nil {
		if bytes.Equal(held, record.Bytes) {
			return nil
		}
		return fmt.Errorf("%w: record %v is held with other bytes", store.ErrConflict, record.ID)
	}
	return translate(tx.batch.Set(st.key, record.Bytes, nil))
}

func (st *stager) dropRecord(tx *transaction, record *store.Record) error {
	room, err := st.room(tx, record.Room, false)
	if err != nil || room == nil {
		return err
	}
	st.key = appendRecordKey(st.key[:0], room.number, record.Kind, record.ID)
	return translate(tx.batch.Delete(st.key, nil))
}
