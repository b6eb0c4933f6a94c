package rooms

import (
	"parley/handshake/identity"
	"parley/wire"
)

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
	return newEntry(key, KindLeave, at, &Leave{Pins: sortPins(pins)}, nil)
}

func (b *Leave) appendBody(dst []byte) []byte {
	return appendPins(wire.AppendArray(dst, 1), b.Pins)
}

func readLeave(in *wire.Reader, _ *Entry) Body {
	in.Array(1)
	return &Leave{Pins: readPins(in)}
}

func (b *Leave) check(*Entry) error { return checkPins(b.Pins) }

// admissible: a leave is by somebody whom the room has known by what the leave
// has seen, and who does not reign by it.
func (b *Leave) admissible(a *Authority, e *Entry, seen bitset) error {
	if !a.known(e.Writer, seen) && a.applies(ruleLeaverKnown) {
		return refuse(ReasonLeaver, "leave by %s", e.Writer.Short())
	}
	if a.everReigned(e.Writer, seen) && a.applies(ruleMasterStays) {
		if _, terms := a.reign(seen); len(terms) > 0 && terms[len(terms)-1].holder == e.Writer {
			return refuse(ReasonMasterLeaves, "leave by %s", e.Writer.Short())
		}
	}
	return nil
}
