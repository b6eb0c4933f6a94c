package discovery

import "container/list"

// An lru is a bounded table that forgets what was longest not used.
type lru[K comparable, V any] struct {
	limit int
	items map[K]*list.Element
	order list.List // of *lruItem[K, V], the latest used in front
}

type lruItem[K comparable, V any] struct {
	key   K
	value V
}

func newLRU[K comparable, V any](limit int) *lru[K, V] {
	return &lru[K, V]{limit: limit, items: make(map[K]*list.Element)}
}

// get returns the value under key, nil if there is none, and counts as a use.
func (l *lru[K, V]) get(key K) *V {
	e := l.items[key]
	if e == nil {
		return nil
	}
	l.order.MoveToFront(e)
	return &e.Value.(*lruItem[K, V]).value
}

// put stores a value under a key, and forgets another if the table is full.
// The pointer returned is valid until the key is dropped.
func (l *lru[K, V]) put(key K, value V) *V {
	if v := l.get(key); v != nil {
		*v = value
		return v
	}
	for len(l.items) >= l.limit {
		l.drop(l.order.Back().Value.(*lruItem[K, V]).key)
	}
	item := &lruItem[K, V]{key, value}
	l.items[key] = l.order.PushFront(item)
	return &item.value
}

func (l *lru[K, V]) drop(key K) {
	if e := l.items[key]; e != nil {
		l.order.Remove(e)
		delete(l.items, key)
	}
}

// all yields the entries, the latest used first.
func (l *lru[K, V]) all(yield func(K, *V) bool) {
	for e := l.order.Front(); e != nil; e = e.Next() {
		item := e.Value.(*lruItem[K, V])
		if !yield(item.key, &item.value) {
			return
		}
	}
}
