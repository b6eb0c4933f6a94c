package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// A Hasher computes H of the protocol: SHA-256 over fields, each preceded by
// its length as 4 bytes big-endian, so that no two lists of fields collide.
// The zero value is not usable; NewHasher returns one.
type Hasher struct{ h hash.Hash }

// NewHasher starts a hash whose first field is label, the name of its use.
func NewHasher(label string) *Hasher {
	h := &Hasher{h: sha256.New()}
	h.Field([]byte(label))
	return h
}

// Reset starts again with another label, reusing the state.
func (h *Hasher) Reset(label string) {
	h.h.Reset()
	h.Field([]byte(label))
}

// Field adds one length-prefixed field.
func (h *Hasher) Field(b []byte) {
	var n [4]byte
	binary.BigEndian.PutUint32(n[:], uint32(len(b)))
	h.h.Write(n[:])
	h.h.Write(b)
}

// ID adds an ID as a field of 32 bytes.
func (h *Hasher) ID(id ID) { h.Field(id[:]) }

// Uint adds a number as a field of 8 bytes, big-endian.
func (h *Hasher) Uint(v uint64) {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], v)
	h.Field(n[:])
}

// IDs adds a list: its length by Uint, then each ID.
func (h *Hasher) IDs(ids []ID) {
	h.Uint(uint64(len(ids)))
	for _, id := range ids {
		h.ID(id)
	}
}

// Sum returns the hash of the fields so far.
func (h *Hasher) Sum() ID {
	var id ID
	h.h.Sum(id[:0])
	return id
}

// Hash is H(label, fields...) in one call.
func Hash(label string, fields ...[]byte) ID {
	h := NewHasher(label)
	for _, f := range fields {
		h.Field(f)
	}
	return h.Sum()
}
