package script

import (
	"slices"

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
	RoleNone   = 0
	RoleRelay  = 1
	RoleReader = 2
	RoleMember = 3
)

// An Entry is any entry that can be written down, right or wrong.
type Entry struct {
	Version uint64  // 0 stands for 1
	Room    wire.ID // zero in a root
	Kind    uint64
	Key     []byte
	Chain   wire.ID
	Number  uint64
	Prev    wire.ID
	Heads   []wire.ID // as they are to stand
	Time    uint64
	Body    []byte
}

// signatures is how many signatures an entry of the kind has.
func (e *Entry) signatures() int {
	switch e.Kind {
	case KindPair:
		return 0
	case KindJoin, KindHandover:
		return 2
	}
	return 1
}

// Unsigned are the bytes before the first signature.
func (e *Entry) Unsigned() []byte { return e.begin(10 + e.signatures()) }

// begin is Unsigned with an array of any number of elements.
func (e *Entry) begin(elements int) []byte {
	version := e.Version
	if version == 0 {
		version = 1
	}
	b := wire.AppendUint(wire.AppendArray(nil, elements), version)
	b = wire.AppendUint(wire.AppendID(b, e.Room), e.Kind)
	b = wire.AppendID(wire.AppendBin(b, e.Key), e.Chain)
	b = wire.AppendID(wire.AppendUint(b, e.Number), e.Prev)
	b = AppendIDs(b, e.Heads)
	return wire.AppendBin(wire.AppendUint(b, e.Time), e.Body)
}

// AppendIDs appends an array of IDs as they stand.
func AppendIDs(b []byte, ids []wire.ID) []byte {
	b = wire.AppendArray(b, len(ids))
	for _, id := range ids {
		b = wire.AppendID(b, id)
	}
	return b
}

// ID is the entry's ID.
func (e *Entry) ID() wire.ID { return wire.Hash("entry", e.Unsigned()) }

// Bytes are the entry's encoding, signed by its writer alone.
func (e *Entry) Bytes(s *identity.Signer) []byte { return e.In("entry", s) }

// In is Bytes with a signature in any context.
func (e *Entry) In(context string, s *identity.Signer) []byte {
	b := e.begin(11)
	return wire.AppendBin(b, s.Sign(context, b))
}

// Both are the encoding of an entry with two signatures, in the contexts of its kind.
func (e *Entry) Both(s, second *identity.Signer) []byte {
	if e.Kind == KindJoin {
		return e.BothIn("join", s, "join-link", second)
	}
	return e.BothIn("entry", s, "handover", second)
}

// BothIn is Both with signatures in any contexts.
func (e *Entry) BothIn(context string, s *identity.Signer, secondContext string, second *identity.Signer) []byte {
	b := e.begin(12)
	b = wire.AppendBin(b, s.Sign(context, b))
	return wire.AppendBin(b, second.Sign(secondContext, b))
}

// Sorted are IDs in ascending order, each once.
func Sorted(ids ...wire.ID) []wire.ID {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, wire.ID.Compare)
	return slices.Compact(ids)
}
