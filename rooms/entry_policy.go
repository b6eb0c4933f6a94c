package rooms

import (
	"time"

	"parley/handshake/identity"
	"parley/wire"
)

// Policy is what the master decides about a room. A room's first policy is in
// its genesis entry, with DefaultEpochAge and no retention.
type Policy struct {
	Name      string // at most MaxRoomName bytes of printable text
	Topic     string // at most MaxTopic bytes of printable text; may be empty
	History   History
	Capacity  uint64        // members the room takes; 0: as many as come
	Retention time.Duration // whole seconds after which messages are trimmed; 0: never
	EpochAge  time.Duration // whole seconds after which an agent makes a new key; 0: never
}

// NewPolicy sets a room's policy.
func NewPolicy(key *identity.Private, at Place, p Policy) (*Entry, error) {
	return newEntry(key, KindPolicy, at, &p, nil)
}

func (p *Policy) appendBody(dst []byte) []byte {
	dst = wire.AppendArray(dst, 6)
	dst = wire.AppendStr(dst, p.Name)
	dst = wire.AppendStr(dst, p.Topic)
	dst = wire.AppendUint(dst, uint64(p.History))
	dst = wire.AppendUint(dst, p.Capacity)
	dst = wire.AppendUint(dst, uint64(max(p.Retention, 0)/time.Second))
	return wire.AppendUint(dst, uint64(max(p.EpochAge, 0)/time.Second))
}

func readPolicy(in *wire.Reader, _ *Entry) Body {
	in.Array(6)
	return &Policy{
		Name:      in.Str(MaxRoomName),
		Topic:     in.Str(MaxTopic),
		History:   History(in.UintMax(uint64(HistoryJoined))),
		Capacity:  in.Uint(),
		Retention: time.Duration(in.UintMax(maxPolicySeconds)) * time.Second,
		EpochAge:  time.Duration(in.UintMax(maxPolicySeconds)) * time.Second,
	}
}

func (p *Policy) check(*Entry) error {
	if p.Name == "" || !printable(p.Name) || !printable(p.Topic) {
		return refuse(ReasonGenesis, "a name or topic that cannot be printed")
	}
	return nil
}

// admissible: a policy stands on the master's chain, which its kind says.
func (p *Policy) admissible(*Authority, *Entry, bitset) error { return nil }
