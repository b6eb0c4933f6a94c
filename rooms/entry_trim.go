package rooms

import (
	"slices"

	"parley/handshake/identity"
	"parley/wire"
)

// A Floor is where a log begins after a trim: everything up to and including
// the run that it names is forgotten. It carries what judging the run after it needs.
type Floor struct {
	Log        wire.ID
	Number     uint64    // of the last message that is forgotten
	Link       wire.ID   // hash of its run
	FirstHeads []wire.ID // authority heads of the log's first run
	Heads      []wire.ID // of the run that is named
}

// State is the log's state at the floor, from which the next run is judged.
func (f *Floor) State() *LogState {
	return &LogState{Last: f.Number, Link: f.Link, Heads: f.Heads, FirstHeads: f.FirstHeads}
}

// Trim is the body by which the beginnings of logs are forgotten.
type Trim struct{ Floors []Floor } // ascending by log, at most MaxFloors

// NewTrim forgets logs up to their floors.
func NewTrim(key *identity.Private, at Place, floors []Floor) (*Entry, error) {
	floors = slices.Clone(floors)
	slices.SortFunc(floors, func(a, b Floor) int { return a.Log.Compare(b.Log) })
	return newEntry(key, KindTrim, at, &Trim{Floors: floors}, nil)
}

func (b *Trim) appendBody(dst []byte) []byte {
	dst = wire.AppendArray(dst, 1)
	dst = wire.AppendArray(dst, len(b.Floors))
	for _, f := range b.Floors {
		dst = wire.AppendArray(dst, 5)
		dst = wire.AppendID(dst, f.Log)
		dst = wire.AppendUint(dst, f.Number)
		dst = wire.AppendID(dst, f.Link)
		dst = appendIDs(dst, f.FirstHeads)
		dst = appendIDs(dst, f.Heads)
	}
	return dst
}

func readTrim(in *wire.Reader, _ *Entry) Body {
	in.Array(1)
	b := &Trim{}
	for range in.ArrayLen(MaxFloors) {
		if in.Err() != nil {
			break
		}
		in.Array(5)
		b.Floors = append(b.Floors, Floor{
			Log: in.ID(), Number: in.Uint(), Link: in.ID(),
			FirstHeads: readIDs(in, nil, MaxHeads), Heads: readIDs(in, nil, MaxHeads),
		})
	}
	return b
}

func (b *Trim) check(*Entry) error {
	if len(b.Floors) == 0 {
		return refuse(ReasonBounds, "a trim of nothing")
	}
	for i, f := range b.Floors {
		if f.Number == 0 || f.Link.IsZero() || i > 0 && b.Floors[i-1].Log.Compare(f.Log) >= 0 {
			return refuse(ReasonBounds, "floors out of order")
		}
		if len(f.FirstHeads) == 0 || len(f.Heads) == 0 || !ascending(f.FirstHeads) || !ascending(f.Heads) {
			return refuse(ReasonHeads, "heads of a floor")
		}
	}
	return nil
}

// admissible: a trim stands on the master's chain, which its kind says.
func (b *Trim) admissible(*Authority, *Entry, bitset) error { return nil }
