package embedded

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"

	"parley/store"
	"parley/wire"
)

// Check reads every key and value of the database and compares its tables with each other: what store.Store
// does not show. It reports what it finds in words, until report returns false, and goes on behind a
// damaged part where it can.
func (s *Store) Check(ctx context.Context, report func(what string) bool) error {
	v, err := s.current(ctx)
	if err != nil {
		return err
	}
	defer v.release()
	c := &tableCheck{
		ctx: ctx, view: v, report: report, rooms: map[uint32]roomName{},
		seed: maphash.MakeSeed(), arrivals: map[uint32]tally{}, runs: map[uint32]tally{},
	}
	err = c.run()
	if errors.Is(err, errEnough) {
		err = nil
	}
	return err
}

var errEnough = errors.New("embedded: enough was reported")

// tableCheck is one check under way.
type tableCheck struct {
	ctx    context.Context
	view   *view
	report func(string) bool
	rooms  map[uint32]roomName
	count  int

	seed           maphash.Seed
	arrivals, runs map[uint32]tally // by room
}

type roomName struct {
	id    wire.ID
	state roomState
}

func (c *tableCheck) found(format string, args ...any) error {
	if !c.report(fmt.Sprintf(format, args...)) {
		return errEnough
	}
	return nil
}

func (c *tableCheck) run() error {
	// The merge tree's own structure: that its files lie as the manifest says.
	if err := c.view.life.db.CheckLevels(nil); err != nil {
		if err := c.found("the sorted files do not fit together: %v", err); err != nil {
			return err
		}
	}
	for _, table := range []struct {
		letter byte
		check  func(key, value []byte) error
	}{
		{tableMeta, c.meta},
		{tableRoom, c.room},
		{tableLog, c.log},
		{tableHead, c.head},
		{tableRecord, c.inRoom},
		{tableValue, nil},
		{tableArrival, c.arrival},
		{tableRun, c.runRow},
	} {
		err := c.view.scan(c.ctx, []byte{table.letter}, func(key, value []byte) error {
			if c.count++; c.count%pageRuns == 0 && c.ctx.Err() != nil {
				return c.ctx.Err()
			}
			if table.check == nil {
				return nil
			}
			return table.check(key, value)
		})
		if err != nil && errors.Is(err, store.ErrCorrupt) {
			err = c.found("table %c: %v", table.letter, err)
		}
		if err != nil {
			return err
		}
	}
	if err := c.index(); err != nil {
		return err
	}
	return c.foreign()
}

// foreign looks for keys of no table.
func (c *tableCheck) foreign() error {
	it, err := c.view.snap.NewIterWithContext(c.ctx, nil)
	if err != nil {
		return translate(err)
	}
	defer it.Close()
	for valid := it.First(); valid; {
		letter := it.Key()[:1]
		if !bytes.Contains([]byte{tableMeta, tableRoom, tableHead, tableLog, tableRecord, tableValue, tableArrival, tableRun}, letter) {
			if err := c.found("keys that begin with %q, of no table", letter); err != nil {
				return err
			}
		}
		next := successor(bytes.Clone(letter))
		if next == nil {
			break
		}
		valid = it.SeekGE(next)
	}
	return nil // an error of reading was met in its table
}

func (c *tableCheck) meta(key, value []byte) error {
	switch {
	case bytes.Equal(key, keyInstance) && len(value) == 16:
	case (bytes.Equal(key, keyNextRoom) || bytes.Equal(key, keyArrivals)) && len(value) == 8:
	default:
		return c.found("a setting %q of %d bytes", key[1:], len(value))
	}
	return nil
}

func (c *tableCheck) room(key, value []byte) error {
	state, err := decodeRoomState(value)
	if err != nil || len(key) != 1+wire.IDSize {
		return c.found("the state of a room with a key of %d bytes: %v", len(key), err)
	}
	id := wire.ID(key[1:])
	if other, taken := c.rooms[state.number]; taken {
		return c.found("rooms %s and %s have one number", id, other.id)
	}
	next, err := getCounter(c.view.snap, keyNextRoom)
	if err != nil {
		return err
	}
	c.rooms[state.number] = roomName{id, state}
	if uint64(state.number) >= next {
		return c.found("room %s has number %d, the next one is %d", id, state.number, next)
	}
	return nil
}

// of finds the room that a key belongs to, or reports that there is none.
func (c *tableCheck) of(key []byte, size int) (roomName, uint32, bool, error) {
	if len(key) < 5 || size > 0 && len(key) != size {
		return roomName{}, 0, false, c.found("table %c has a key of %d bytes", key[0], len(key))
	}
	number := binary.BigEndian.Uint32(key[1:])
	name, ok := c.rooms[number]
	if !ok {
		return name, number, false, c.found("table %c has something of room number %d, which is none", key[0], number)
	}
	return name, number, true, nil
}

func (c *tableCheck) inRoom(key, _ []byte) error {
	_, _, _, err := c.of(key, 1+4+1+wire.IDSize)
	return err
}

// log: each name of a log has a head, which has its number.
func (c *tableCheck) log(key, value []byte) error {
	name, room, ok, err := c.of(key, 1+4+8)
	if !ok || err != nil {
		return err
	}
	number := binary.BigEndian.Uint64(key[5:])
	if len(value) != 2*wire.IDSize || number >= name.state.nextLog {
		return c.found("room %s: the name of log number %d has %d bytes, the next number is %d", name.id, number, len(value), name.state.nextLog)
	}
	log := wire.ID(value[:wire.IDSize])
	head, err := c.state(room, log)
	if err != nil || head == nil || head.number != number || !bytes.Equal(value[wire.IDSize:], head.Author[:]) {
		return c.found("room %s: log %s is called number %d, and its head says otherwise", name.id, log, number)
	}
	return nil
}

// state reads a log's head; nil when it is not there or does not decode.
func (c *tableCheck) state(room uint32, log wire.ID) (*logState, error) {
	value, err := get(c.view.snap, appendHeadKey(nil, room, log))
	if err != nil || value == nil {
		return nil, err
	}
	state, err := decodeLogState(log, value)
	if err != nil {
		return nil, nil
	}
	return &state, nil
}

// head: each head decodes and has a name.
func (c *tableCheck) head(key, value []byte) error {
	name, room, ok, err := c.of(key, 1+4+wire.IDSize)
	if !ok || err != nil {
		return err
	}
	log := wire.ID(key[5:])
	state, err := decodeLogState(log, value)
	if err != nil {
		return c.found("room %s: the head of log %s: %v", name.id, log, err)
	}
	named, err := get(c.view.snap, appendLogKey(nil, room, state.number))
	if err != nil {
		return err
	}
	if len(named) != 2*wire.IDSize || wire.ID(named[:wire.IDSize]) != log {
		return c.found("room %s: log %s has number %d, which is the name of another or of none", name.id, log, state.number)
	}
	return nil
}

// A place is what an arrival says of its run, and a run of its arrival.
type place struct{ arrival, log, first, size uint64 }

// tally is a number of places and a sum over them that does not depend on their order.
type tally struct{ count, sum uint64 }

func (c *tableCheck) add(room uint32, to map[uint32]tally, p place) {
	t := to[room]
	t.count++
	t.sum += maphash.Comparable(c.seed, p)
	to[room] = t
}

func (c *tableCheck) arrival(key, value []byte) error {
	name, room, ok, err := c.of(key, arrivalKeySize)
	if !ok || err != nil {
		return err
	}
	p, err := decodeArrival(key, value)
	if err != nil {
		return c.found("room %s: arrival %d: %v", name.id, p.arrival, err)
	}
	c.add(room, c.arrivals, p)
	return nil
}

func decodeArrival(key, value []byte) (place, error) {
	r := reader{b: value}
	p := place{arrival: binary.BigEndian.Uint64(key[5:]), log: r.fixed(8), first: r.fixed(8), size: r.uvarint()}
	return p, r.end()
}

func (c *tableCheck) runRow(key, value []byte) error {
	name, room, ok, err := c.of(key, runKeySize)
	if !ok || err != nil {
		return err
	}
	var run store.Run
	log, err := decodeRun(key, value, &run)
	if err != nil {
		return c.found("room %s: message %d of log number %d: %v", name.id, run.First, log, err)
	}
	c.add(room, c.runs, place{run.Arrival, log, run.First, uint64(len(run.Bytes))})
	return nil
}

// index: the arrivals and the runs of each room name each other.
func (c *tableCheck) index() error {
	for room, name := range c.rooms {
		if c.arrivals[room] == c.runs[room] {
			continue
		}
		err := c.view.scan(c.ctx, appendRoomTable(nil, tableArrival, room), func(key, value []byte) error {
			p, err := decodeArrival(key, value)
			if err != nil {
				return nil // it was reported
			}
			return c.lead(&name, room, p)
		})
		if err == nil {
			err = c.view.scan(c.ctx, appendRoomTable(nil, tableRun, room), func(key, value []byte) error {
				var run store.Run
				log, err := decodeRun(key, value, &run)
				if err != nil {
					return nil // it was reported
				}
				return c.leadBack(&name, room, place{run.Arrival, log, run.First, uint64(len(run.Bytes))})
			})
		}
		if err != nil && !errors.Is(err, store.ErrCorrupt) {
			return err
		}
	}
	return nil
}

// lead: an arrival leads to a run that has it.
func (c *tableCheck) lead(name *roomName, room uint32, p place) error {
	key := appendRunKey(nil, room, p.log, p.first)
	value, err := get(c.view.snap, key)
	if err != nil {
		return err
	}
	var run store.Run
	if value != nil {
		if _, err := decodeRun(key, value, &run); err != nil {
			return nil // it was reported
		}
	}
	switch {
	case value == nil:
		return c.found("room %s: arrival %d leads to message %d of log number %d, which is not held", name.id, p.arrival, p.first, p.log)
	case run.Arrival != p.arrival || uint64(len(run.Bytes)) != p.size:
		return c.found("room %s: arrival %d, of %d bytes, leads to message %d of log number %d, which has %d and arrived as %d",
			name.id, p.arrival, p.size, p.first, p.log, len(run.Bytes), run.Arrival)
	}
	return nil
}

// leadBack: a run's arrival leads to it.
func (c *tableCheck) leadBack(name *roomName, room uint32, p place) error {
	key := appendArrivalKey(nil, room, p.arrival)
	value, err := get(c.view.snap, key)
	if err != nil {
		return err
	}
	if value == nil {
		return c.found("room %s: message %d of log number %d arrived as %d, which is not listed", name.id, p.first, p.log, p.arrival)
	}
	if at, err := decodeArrival(key, value); err == nil && (at.log != p.log || at.first != p.first) {
		return c.found("room %s: message %d of log number %d arrived as %d, which leads to message %d of log number %d",
			name.id, p.first, p.log, p.arrival, at.first, at.log)
	}
	return nil
}
