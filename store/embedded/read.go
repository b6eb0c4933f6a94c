package embedded

import (
	"context"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"parley/store"
	"parley/wire"
)

// current returns the view to read from; the caller releases it.
func (s *Store) current(ctx context.Context) (*view, error) {
	_, v, err := s.alive(ctx, true)
	return v, err
}

// room returns a room's state in a view, or nil.
func (v *view) room(id wire.ID) (*roomState, error) {
	value, err := get(v.snap, appendRoomKey(make([]byte, 0, 1+wire.IDSize), id))
	if err != nil || value == nil {
		return nil, err
	}
	state, err := decodeRoomState(value)
	if err != nil {
		return nil, corrupt(err)
	}
	return &state, nil
}

// log returns a log's state in a view with the room's number, or nil.
func (v *view) log(room, log wire.ID) (*logState, uint32, error) {
	state, err := v.room(room)
	if err != nil || state == nil {
		return nil, 0, err
	}
	value, err := get(v.snap, appendHeadKey(nil, state.number, log))
	if err != nil || value == nil {
		return nil, 0, err
	}
	head, err := decodeLogState(log, value)
	if err != nil {
		return nil, 0, corrupt(err)
	}
	return &head, state.number, nil
}

// iterate returns an iterator over the keys with a prefix; the caller closes it.
func (v *view) iterate(ctx context.Context, prefix []byte) (*pebble.Iterator, error) {
	upper := successor(append([]byte(nil), prefix...))
	it, err := v.snap.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: prefix, UpperBound: upper})
	return it, translate(err)
}

// scan calls f for each key with a prefix; f must copy what it keeps.
func (v *view) scan(ctx context.Context, prefix []byte, f func(key, value []byte) error) (err error) {
	it, err := v.iterate(ctx, prefix)
	if err != nil {
		return err
	}
	defer it.Close()
	for valid := it.First(); valid; valid = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return translate(err)
		}
		if err := f(it.Key(), value); err != nil {
			return err
		}
	}
	return translate(it.Error())
}

// Rooms implements store.Store.
func (s *Store) Rooms(ctx context.Context) ([]wire.ID, error) {
	v, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	defer v.release()
	var rooms []wire.ID
	err = v.scan(ctx, []byte{tableRoom}, func(key, _ []byte) error {
		rooms = append(rooms, wire.ID(key[1:]))
		return ctx.Err()
	})
	return rooms, err
}

// Heads implements store.Store.
func (s *Store) Heads(ctx context.Context, room wire.ID) ([]store.Head, error) {
	v, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	defer v.release()
	state, err := v.room(room)
	if err != nil || state == nil {
		return nil, err
	}
	var heads []store.Head
	prefix := appendRoomTable(nil, tableHead, state.number)
	err = v.scan(ctx, prefix, func(key, value []byte) error {
		head, err := decodeLogState(wire.ID(key[len(prefix):]), value)
		if err != nil {
			return corrupt(err)
		}
		heads = append(heads, head.Head)
		return ctx.Err()
	})
	return heads, err
}

// Head implements store.Store.
func (s *Store) Head(ctx context.Context, room, log wire.ID) (store.Head, error) {
	v, err := s.current(ctx)
	if err != nil {
		return store.Head{}, err
	}
	defer v.release()
	head, _, err := v.log(room, log)
	if err != nil {
		return store.Head{}, err
	}
	if head == nil {
		return store.Head{}, store.ErrNotFound
	}
	return head.Head, nil
}

// LastArrival implements store.Store.
func (s *Store) LastArrival(ctx context.Context, room wire.ID) (uint64, error) {
	v, err := s.current(ctx)
	if err != nil {
		return 0, err
	}
	defer v.release()
	state, err := v.room(room)
	if err != nil || state == nil {
		return 0, err
	}
	return state.lastArrival, nil
}

// NextArrival implements store.Store.
func (s *Store) NextArrival(ctx context.Context, room wire.ID) (uint64, error) {
	v, err := s.current(ctx)
	if err != nil {
		return 0, err
	}
	defer v.release()
	state, err := v.room(room)
	if err != nil {
		return 0, err
	}
	if state != nil {
		return state.lastArrival + 1, nil
	}
	dropped, err := getCounter(v.snap, keyArrivals)
	return dropped + 1, err
}

// Record implements store.Store.
func (s *Store) Record(ctx context.Context, room wire.ID, kind store.Kind, id wire.ID) (store.Record, error) {
	v, err := s.current(ctx)
	if err != nil {
		return store.Record{}, err
	}
	defer v.release()
	state, err := v.room(room)
	if err != nil {
		return store.Record{}, err
	}
	if state == nil {
		return store.Record{}, store.ErrNotFound
	}
	value, err := get(v.snap, appendRecordKey(nil, state.number, kind, id))
	if err != nil {
		return store.Record{}, err
	}
	if value == nil {
		return store.Record{}, store.ErrNotFound
	}
	return store.Record{Room: room, Kind: kind, ID: id, Bytes: value}, nil
}

// Value implements store.Store.
func (s *Store) Value(ctx context.Context, key string) ([]byte, error) {
	v, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	defer v.release()
	value, err := get(v.snap, appendValueKey(nil, key))
	if err == nil && value == nil {
		err = store.ErrNotFound
	}
	return value, err
}

// Records implements store.Store.
func (s *Store) Records(ctx context.Context, room wire.ID, kind store.Kind) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		var after *wire.ID
		s.paged(ctx, func(v *view) (more bool, deliver func() bool, err error) {
			state, err := v.room(room)
			if err != nil || state == nil {
				return false, nil, err
			}
			prefix := append(appendRoomTable(nil, tableRecord, state.number), byte(kind))
			var from []byte
			if after != nil {
				from = append(append(prefix[:len(prefix):len(prefix)], after[:]...), 0)
			}
			var records []store.Record
			more, err = v.page(ctx, prefix, from, func(key, value []byte) error {
				if len(key) != len(prefix)+wire.IDSize {
					return corrupt(errShort)
				}
				records = append(records, store.Record{Room: room, Kind: kind, ID: wire.ID(key[len(prefix):]), Bytes: value})
				return nil
			})
			if n := len(records); n > 0 {
				after = &records[n-1].ID
			}
			return more, func() bool { return each(ctx, records, yield) }, err
		}, func(err error) { yield(store.Record{}, err) })
	}
}

// Values implements store.Store.
func (s *Store) Values(ctx context.Context, prefix string) iter.Seq2[store.Value, error] {
	return func(yield func(store.Value, error) bool) {
		var from []byte
		s.paged(ctx, func(v *view) (more bool, deliver func() bool, err error) {
			var values []store.Value
			more, err = v.page(ctx, appendValueKey(nil, prefix), from, func(key, value []byte) error {
				values = append(values, store.Value{Key: string(key[1:]), Value: value})
				return nil
			})
			if n := len(values); n > 0 {
				from = append(appendValueKey(nil, values[n-1].Key), 0)
			}
			return more, func() bool { return each(ctx, values, yield) }, err
		}, func(err error) { yield(store.Value{}, err) })
	}
}
