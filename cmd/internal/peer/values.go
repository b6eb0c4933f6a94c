package peer

import (
	"context"
	"errors"

	"parley/store"
)

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
