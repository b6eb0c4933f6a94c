package peer

import (
	"context"
	"errors"

	"parley/store"
	"parley/wire"
)

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

// storeValues lets the tokens live among the store's values. It implements
// session.KV.
type storeValues struct{ store store.Store }

func (v storeValues) Get(key string) ([]byte, error) {
	value, err := v.store.Value(context.Background(), key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return value, err
}

func (v storeValues) Put(key string, value []byte) error {
	return v.store.Apply(context.Background(), &store.Batch{Values: []store.Value{{Key: key, Value: value}}})
}

func (v storeValues) Delete(key string) error { return v.Put(key, nil) }

func (v storeValues) List(prefix string, each func(key string, value []byte)) error {
	for value, err := range v.store.Values(context.Background(), prefix) {
		if err != nil {
			return err
		}
		each(value.Key, value.Value)
	}
	return nil
}
