package peer

import (
	"context"
	"errors"
	"sync"

	"parley/store"
	"parley/wire"
)

// storeValues lets the tokens live among the store's values. It implements
// session.KV. Nobody else writes them, so what was read or written is remembered: a user's
// session can be opened while a database is away.
type storeValues struct {
	store store.Store
	wg    *sync.WaitGroup // of what goes on behind

	mu    sync.Mutex
	known map[string][]byte
}

func (v *storeValues) Get(key string) ([]byte, error) {
	v.mu.Lock()
	value, ok := v.known[key]
	v.mu.Unlock()
	if ok {
		return value, nil
	}
	value, err := v.store.Value(context.Background(), key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err == nil {
		v.remember(key, value)
	}
	return value, err
}

func (v *storeValues) remember(key string, value []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.known == nil || len(v.known) >= maxValues {
		v.known = make(map[string][]byte)
	}
	v.known[key] = value
}

// Put writes a value. It is called while a session is being opened, so it waits for storeWait at most, and not at all for
// a new value of a key that is known: that a token was used need not survive. A deletion counts at once, for it may become
// durable later.
func (v *storeValues) Put(key string, value []byte) error {
	v.mu.Lock()
	known := v.known[key] != nil
	v.mu.Unlock()
	if value == nil || known {
		v.remember(key, value)
	}
	if value != nil && known {
		v.wg.Go(func() { _ = v.put(key, value) })
		return nil
	}
	err := v.put(key, value)
	if err == nil {
		v.remember(key, value)
	}
	return err
}

func (v *storeValues) put(key string, value []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), storeWait)
	defer cancel()
	return v.store.Apply(ctx, &store.Batch{Values: []store.Value{{Key: key, Value: value}}})
}

func (v *storeValues) Delete(key string) error { return v.Put(key, nil) }

func (v *storeValues) List(prefix string, each func(key string, value []byte)) error {
	for value, err := range v.store.Values(context.Background(), prefix) {
		if err != nil {
			return err
		}
		each(value.Key, value.Value)
	}
	return nil
}

// snapshot answers a SnapshotGet.
func (p *Peer) snapshot(ctx context.Context, user wire.ID) (wire.Message, error) {
	if p.cfg.Snapshot == nil {
		return nil, wire.Errorf(wire.CodeRefused, "this peer's store cannot be copied while it runs")
	}
	path, err := p.cfg.Snapshot(ctx, user)
	if errors.Is(err, store.ErrFull) {
		return nil, wire.Errorf(wire.CodeStorage, "the peer's disk is full")
	}
	return &wire.Snapshot{Path: path}, err
}
