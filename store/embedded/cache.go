package embedded

// cache remembers at least the last limit entries put or found, and at most twice as many: when the younger
// half is full, the older half is forgotten.
type cache[K comparable, V any] struct {
	limit      int
	young, old map[K]V
}

func newCache[K comparable, V any](limit int) cache[K, V] {
	return cache[K, V]{limit: limit, young: make(map[K]V)}
}

func (c *cache[K, V]) get(key K) (V, bool) {
	if value, ok := c.young[key]; ok {
		return value, true
	}
	value, ok := c.old[key]
	if ok {
		c.put(key, value)
	}
	return value, ok
}

func (c *cache[K, V]) put(key K, value V) {
	if len(c.young) >= c.limit {
		c.old, c.young = c.young, make(map[K]V)
	}
	c.young[key] = value
}
