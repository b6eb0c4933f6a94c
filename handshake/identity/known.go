package identity

import (
	"bytes"
	"crypto/sha256"
	"sync"
)

// Known remembers bundles whose signatures have been verified, so that a
// bundle that comes again, byte for byte, costs a hash in place of a
// signature, and is held in memory once. It is bounded: what has not been
// asked for among the last maxKnown to 2·maxKnown others is forgotten. The zero
// value is ready; a nil *Known remembers nothing. It is safe for concurrent use.
type Known struct {
	mu       sync.Mutex
	new, old map[[sha256.Size]byte]*Bundle // two generations: old is dropped when new is full
}

// Parse is ParseBundle of a copy of raw.
func (k *Known) Parse(raw []byte) (*Bundle, error) {
	if k == nil {
		return ParseBundle(bytes.Clone(raw))
	}
	if len(raw) > MaxBundle { // before hashing it
		return nil, ErrBundle
	}
	key := sha256.Sum256(raw)
	if b := k.find(key); b != nil {
		return b, nil
	}
	b, err := ParseBundle(bytes.Clone(raw))
	if err == nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.add(key, b)
	}
	return b, err
}

// find returns the bundle with this hash, or nil, and keeps it from being forgotten.
func (k *Known) find(key [sha256.Size]byte) *Bundle {
	k.mu.Lock()
	defer k.mu.Unlock()
	if b := k.new[key]; b != nil {
		return b
	}
	b := k.old[key]
	if b != nil {
		k.add(key, b)
	}
	return b
}

func (k *Known) add(key [sha256.Size]byte, b *Bundle) {
	if k.new == nil || len(k.new) >= maxKnown {
		k.new, k.old = make(map[[sha256.Size]byte]*Bundle), k.new
	}
	k.new[key] = b
}
