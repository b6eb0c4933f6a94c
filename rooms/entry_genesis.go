package rooms

import (
	"parley/handshake/identity"
	"parley/wire"
)

// History says which epochs' keys a newcomer is given.
type History uint8

// The history policies. Their numbers are the protocol's.
const (
	HistoryAll    History = 0 // all of them
	HistoryJoined History = 1 // the newest and those after it
)

// Genesis is the body of a room's first entry: its writer is the room's first
// master, its ID is the room's ID.
type Genesis struct {
	Nonce    []byte // 16 random bytes: rooms of one name are told apart by it
	Name     string // at most MaxRoomName bytes of printable text
	Topic    string // at most MaxTopic bytes of printable text; may be empty
	History  History
	Capacity uint64           // members the room takes; 0: as many as come
	Bundle   *identity.Bundle // the master's
}

// NewGenesis makes a room. Nonce is 16 random bytes; Bundle is taken from key.
func NewGenesis(key *identity.Private, g Genesis, at Place) (*Entry, error) {
	g.Bundle = key.Bundle()
	at.Room, at.Chain, at.Prev, at.Heads, at.Number = wire.ID{}, wire.ID{}, wire.ID{}, nil, 1
	return newEntry(key, KindGenesis, at, &g, nil)
}

func (g *Genesis) appendBody(dst []byte) []byte {
	dst = wire.AppendArray(dst, 6)
	dst = wire.AppendBin(dst, g.Nonce)
	dst = wire.AppendStr(dst, g.Name)
	dst = wire.AppendStr(dst, g.Topic)
	dst = wire.AppendUint(dst, uint64(g.History))
	dst = wire.AppendUint(dst, g.Capacity)
	return wire.AppendBin(dst, g.Bundle.Raw)
}

func readGenesis(in *wire.Reader, _ *Entry) Body {
	in.Array(6)
	return &Genesis{
		Nonce:    in.BinSize(nonceSize),
		Name:     in.Str(MaxRoomName),
		Topic:    in.Str(MaxTopic),
		History:  History(in.UintMax(uint64(HistoryJoined))),
		Capacity: in.Uint(),
		Bundle:   &identity.Bundle{Raw: in.Bin(identity.MaxBundle)}, // parsed by check
	}
}

func (g *Genesis) check(e *Entry) error {
	if g.Name == "" || !printable(g.Name) || !printable(g.Topic) {
		return refuse(ReasonGenesis, "a name or topic that cannot be printed")
	}
	bundle, err := ownBundle(e, g.Bundle.Raw)
	g.Bundle = bundle
	return err
}

// bundle parses a bundle inside the entry.
func (e *Entry) bundle(raw []byte) (*identity.Bundle, error) {
	if e.verified {
		return identity.ReadBundle(raw)
	}
	return identity.ParseBundle(raw)
}

// ownBundle parses a bundle inside an entry and checks that it is the writer's.
func ownBundle(e *Entry, raw []byte) (*identity.Bundle, error) {
	b, err := e.bundle(raw)
	if err != nil {
		return nil, refuse(ReasonSignature, "bundle: %v", err)
	}
	if b.ID() != e.Writer {
		return nil, refuse(ReasonWriter, "a bundle of another identity")
	}
	return b, nil
}

// printable reports whether every character of s may stand in a display name:
// the one closed list that package identity gives, whatever the length.
func printable(s string) bool {
	for _, r := range s {
		if identity.CheckName(string(r)) != nil {
			return false
		}
	}
	return true
}

// admissible: a genesis entry is the room's first, which its ID says.
func (g *Genesis) admissible(a *Authority, e *Entry, _ bitset) error {
	if e.ID != a.room || len(a.nodes) != 0 {
		return refuse(ReasonGenesis, "a second genesis")
	}
	return nil
}
