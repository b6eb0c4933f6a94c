package rooms

import (
	"slices"

	"parley/handshake/identity"
	"parley/wire"
)

// A Pin names the last run of a log that counts: the number of its last
// message, and its hash.
type Pin struct {
	Log    wire.ID
	Number uint64
	Link   wire.ID
}

// Leave is the body of a member's own end. It stands beside the chains. It ends
// the admissions of its writer that it has seen, and of the writer's logs that
// were begun without having seen it, only what it names counts.
type Leave struct {
	Pins []Pin // ascending by log
}

// NewLeave makes the entry by which key leaves, with the last runs of its logs
// in the room. at.Heads is Authority.Heads of it.
func NewLeave(key *identity.Private, at Place, pins []Pin) (*Entry, error) {
	at.Chain, at.Prev, at.Number = wire.ID{}, wire.ID{}, 0
	pins = slices.Clone(pins)
	slices.SortFunc(pins, func(a, b Pin) int { return a.Log.Compare(b.Log) })
	return newEntry(key, KindLeave, at, &Leave{Pins: pins}, nil)
}

// Pin returns what the leave says about a log.
func (b *Leave) Pin(log wire.ID) (Pin, bool) {
	i, ok := slices.BinarySearchFunc(b.Pins, log, func(p Pin, log wire.ID) int { return p.Log.Compare(log) })
	if !ok {
		return Pin{}, false
	}
	return b.Pins[i], true
}

func (b *Leave) appendBody(dst []byte) []byte {
	dst = wire.AppendArray(dst, 1)
	dst = wire.AppendArray(dst, len(b.Pins))
	for _, p := range b.Pins {
		dst = wire.AppendArray(dst, 3)
		dst = wire.AppendID(dst, p.Log)
		dst = wire.AppendUint(dst, p.Number)
		dst = wire.AppendID(dst, p.Link)
	}
	return dst
}

func readLeave(in *wire.Reader, _ *Entry) Body {
	in.Array(1)
	n := in.ArrayLen(MaxPins)
	b := &Leave{}
	for range n {
		if in.Err() != nil {
			break
		}
		in.Array(3)
		b.Pins = append(b.Pins, Pin{Log: in.ID(), Number: in.Uint(), Link: in.ID()})
	}
	return b
}

func (b *Leave) check(*Entry) error {
	for i, p := range b.Pins {
		if p.Number == 0 || p.Link.IsZero() || i > 0 && b.Pins[i-1].Log.Compare(p.Log) >= 0 {
			return refuse(ReasonBounds, "pins out of order")
		}
	}
	return nil
}

// admissible: a leave is by somebody who belongs to the room by what the leave
// has seen, and is not the master.
func (b *Leave) admissible(a *Authority, e *Entry, seen bitset) error {
	switch a.role(e.Writer, a.counted(seen)) {
	case RoleNone:
		return refuse(ReasonLeaver, "leave by %s", e.Writer.Short())
	case RoleMaster:
		return refuse(ReasonMasterLeaves, "leave by %s", e.Writer.Short())
	}
	return nil
}
