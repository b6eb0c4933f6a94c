package rooms

import (
	"slices"

	"parley/handshake/identity"
	"parley/wire"
)

// Pair is the body of a room of two's first entry. Everything in it follows
// from the two keys, so either side makes the same, and nobody signs it.
type Pair struct {
	Other identity.PublicKey // of the two, the one with the higher ID; the entry's key is the lower's
	other wire.ID
}

// NewPair is the first entry of the room of the users with these keys.
func NewPair(one, two identity.PublicKey) (*Entry, error) {
	if identity.KeyID(one).Compare(identity.KeyID(two)) > 0 {
		one, two = two, one
	}
	row, _ := kindOf(uint64(KindPair))
	return ParseEntry(encodeEntry(one, row, Place{Number: 1}, &Pair{Other: two}))
}

// Pair returns the two users of a room of two, or false if the entry begins no such room.
func (e *Entry) Pair() (users [2]wire.ID, ok bool) {
	body, ok := e.Body.(*Pair)
	if ok {
		users = [2]wire.ID{e.Writer, body.other}
	}
	return users, ok
}

func (b *Pair) appendBody(dst []byte) []byte {
	return wire.AppendBin(wire.AppendArray(dst, 1), b.Other)
}

func readPair(in *wire.Reader, _ *Entry) Body {
	in.Array(1)
	return &Pair{Other: in.BinSize(keySize)}
}

func (b *Pair) check(e *Entry) error {
	if b.Other.Check() != nil {
		return refuse(ReasonKey, "algorithm %d", b.Other[0])
	}
	b.other = identity.KeyID(b.Other)
	if e.Time != 0 || e.Writer.Compare(b.other) >= 0 {
		return refuse(ReasonGenesis, "not the two users in ascending order")
	}
	return nil
}

// admissible: it is the room's first entry, which its ID says.
func (b *Pair) admissible(a *Authority, e *Entry, _ bitset) error {
	if e.ID != a.room || len(a.nodes) != 0 {
		return refuse(ReasonGenesis, "a second genesis")
	}
	return nil
}

// pairKind reports whether a kind is allowed in a room of two.
func pairKind(k Kind) bool {
	return slices.Contains([]Kind{KindPair, KindEpoch, KindTrim, KindRenew}, k)
}
