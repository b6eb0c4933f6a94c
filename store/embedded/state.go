package embedded

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"parley/store"
	"parley/wire"
)

// room returns a room's state for reading and changing within the request. A room that
// is not there is made when asked for, else nil.
func (st *stager) room(tx *transaction, room wire.ID, create bool) (*roomState, error) {
	if state, ok := tx.rooms[room]; ok {
		return state, nil
	}
	var state *roomState
	if !tx.gone[room] {
		known, ok := st.rooms.get(room)
		if !ok {
			value, err := get(st.life.db, appendRoomKey(st.key[:0], room))
			if err != nil {
				return nil, err
			}
			if value != nil {
				decoded, err := decodeRoomState(value)
				if err != nil {
					return nil, corrupt(err)
				}
				known = &decoded
			}
			st.rooms.put(room, known)
			st.touched++
		}
		if known != nil {
			state = &roomState{}
			*state = *known
		}
	}
	if state == nil && create {
		if tx.nextRoom > 1<<32-1 {
			return nil, fmt.Errorf("%w: no room numbers left", store.ErrTooLarge)
		}
		// Arrivals go on above those of every room dropped: it may be this one that comes back.
		state = &roomState{number: uint32(tx.nextRoom), lastArrival: tx.arrivals, changed: true}
		tx.nextRoom++
	}
	if state != nil {
		tx.rooms[room] = state
	}
	return state, nil
}

// log returns a log's state, or nil.
func (st *stager) log(tx *transaction, room *roomState, log wire.ID) (*logState, error) {
	name := logKey{room.number, log}
	if state, ok := tx.logs[name]; ok {
		return state, nil
	}
	known, ok := st.logs.get(name)
	if !ok {
		value, err := get(st.life.db, appendHeadKey(st.key[:0], room.number, log))
		if err != nil {
			return nil, err
		}
		if value != nil {
			decoded, err := decodeLogState(log, value)
			if err != nil {
				return nil, corrupt(err)
			}
			known = &decoded
		}
		st.logs.put(name, known)
		st.touched++
	}
	if known == nil {
		return nil, nil
	}
	state := *known
	tx.logs[name] = &state
	return &state, nil
}

// writeStates adds the rooms and heads that the request changed, each once.
func (st *stager) writeStates(tx *transaction) error {
	var value [256]byte
	for room, state := range tx.rooms {
		if state.changed {
			_ = tx.batch.Set(appendRoomKey(st.key[:0], room), appendRoomState(value[:0], state), nil)
		}
	}
	for name, state := range tx.logs {
		if state != nil && state.changed {
			_ = tx.batch.Set(appendHeadKey(st.key[:0], name.room, name.log), appendLogState(value[:0], state), nil)
		}
	}
	if tx.nextRoom != st.nextRoom {
		_ = tx.batch.Set(keyNextRoom, binary.BigEndian.AppendUint64(value[:0], tx.nextRoom), nil)
	}
	if tx.arrivals != st.arrivals {
		_ = tx.batch.Set(keyArrivals, binary.BigEndian.AppendUint64(value[:0], tx.arrivals), nil)
	}
	return nil
}

// getCounter reads one of the engine's own numbers; 0 when it was never written.
func getCounter(from pebble.Reader, key []byte) (uint64, error) {
	value, err := get(from, key)
	if err != nil || value == nil {
		return 0, err
	}
	r := reader{b: value}
	n := r.fixed(8)
	if err := r.end(); err != nil {
		return 0, corrupt(err)
	}
	return n, nil
}
