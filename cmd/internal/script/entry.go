package script

import (
	"parley/handshake/identity"
	"parley/wire"
)

// The kinds of entries (package rooms, "Entries").
const (
	KindGenesis  = 1
	KindEpoch    = 2
	KindInvite   = 3
	KindJoin     = 4
	KindLeave    = 5
	KindAdd      = 6
	KindStop     = 7
	KindLift     = 8
	KindAppoint  = 9
	KindDemote   = 10
	KindPolicy   = 11
	KindHandover = 12
	KindRevoke   = 13
	KindTrim     = 14
	KindRenew    = 15
	KindPair     = 16
)

// The roles in entries.
const (
	RoleRelay  = 1
	RoleReader = 2
	RoleMember = 3
)

// An Entry is any entry that can be written down, right or wrong.
type Entry struct {
	Room   wire.ID // zero in a genesis entry
	Kind   uint64
	Key    []byte
	Chain  wire.ID
	Number uint64
	Prev   wire.ID
	Heads  []wire.ID
	Time   uint64
	Body   []byte
}

// Unsigned is the entry's encoding up to its signatures: all of a pair, which has none.
func (e *Entry) Unsigned() []byte {
	elements := 11
	switch e.Kind {
	case KindJoin, KindHandover: // a second signature
		elements = 12
	case KindPair: // none
		elements = 10
	}
	b := wire.AppendUint(wire.AppendArray(nil, elements), 1)
	b = wire.AppendUint(wire.AppendID(b, e.Room), e.Kind)
	b = wire.AppendID(wire.AppendBin(b, e.Key), e.Chain)
	b = wire.AppendID(wire.AppendUint(b, e.Number), e.Prev)
	b = wire.AppendArray(b, len(e.Heads))
	for _, h := range e.Heads {
		b = wire.AppendID(b, h)
	}
	return wire.AppendBin(wire.AppendUint(b, e.Time), e.Body)
}

// ID is the entry's ID.
func (e *Entry) ID() wire.ID { return wire.Hash("entry", e.Unsigned()) }

// Bytes are the entry's encoding, signed.
func (e *Entry) Bytes(s *identity.Signer) []byte {
	b := e.Unsigned()
	return wire.AppendBin(b, s.Sign("entry", b))
}

// Cosigned are the entry's bytes with two signatures, as a join and a handover
// have them, each under its context.
func (e *Entry) Cosigned(s *identity.Signer, context string, other *identity.Signer, second string) []byte {
	b := e.Unsigned()
	b = wire.AppendBin(b, s.Sign(context, b))
	return wire.AppendBin(b, other.Sign(second, b))
}

// Genesis is the body of a genesis entry.
func Genesis(nonce []byte, name string, bundle []byte) []byte {
	b := wire.AppendBin(wire.AppendArray(nil, 6), nonce)
	b = wire.AppendStr(wire.AppendStr(b, name), "")
	return wire.AppendBin(wire.AppendUint(wire.AppendUint(b, 0), 0), bundle)
}

// Epoch is the body of an entry that begins an epoch under a key.
func Epoch(nonce []byte, room wire.ID, key [32]byte) []byte {
	b := wire.AppendBin(wire.AppendArray(nil, 3), nonce)
	return wire.AppendArray(wire.AppendID(b, Commitment(nonce, room, key)), 0)
}

// Commitment is HMAC under an epoch's key over "commit", room and nonce.
func Commitment(nonce []byte, room wire.ID, key [32]byte) wire.ID {
	return wire.ID(MAC(key[:], []byte("commit"), room[:], nonce))
}

// Add is the body of an entry that gives a role.
func Add(bundle []byte, role uint64) []byte {
	return wire.AppendUint(wire.AppendBin(wire.AppendArray(nil, 2), bundle), role)
}

// A Pin is the end of what counts of a log.
type Pin struct {
	Log    wire.ID
	Number uint64
	Link   wire.ID
}

// Removal is the body of a stop that removes, and begins an epoch under a key.
func Removal(subject wire.ID, pins []Pin, nonce []byte, room wire.ID, key [32]byte) []byte {
	b := wire.AppendID(wire.AppendArray(nil, 7), subject)
	b = wire.AppendUint(wire.AppendUint(b, 0), 0)
	b = wire.AppendArray(b, len(pins))
	for _, p := range pins {
		b = wire.AppendUint(wire.AppendID(wire.AppendArray(b, 3), p.Log), p.Number)
		b = wire.AppendID(b, p.Link)
	}
	b = wire.AppendBin(wire.AppendArray(b, 0), nonce)
	return wire.AppendID(b, Commitment(nonce, room, key))
}

// Delegation lets a peer sync a room for the signer.
func Delegation(s *identity.Signer, room, peer wire.ID, serial uint64) []byte {
	b := wire.AppendUint(wire.AppendArray(nil, 7), 1)
	b = wire.AppendBin(wire.AppendID(wire.AppendID(b, room), peer), s.Public())
	b = wire.AppendUint(wire.AppendUint(b, 0), serial)
	return wire.AppendBin(b, s.Sign("delegate", b))
}
