package script

import (
	"parley/handshake/identity"
	"parley/wire"
)

// A Fork is any proof of a fork that can be written down, right or wrong
// (package rooms, "Forks"). What the sides share is the first one's.
type Fork struct {
	Sides   [2]*Run // as they are to stand
	Signers [2]*identity.Signer
}

// ForkOf is the proof of two siblings, in order, by one author.
func ForkOf(a, b *Run, s *identity.Signer) *Fork {
	if ha := a.Hash(); ha.Compare(b.Hash()) > 0 {
		a, b = b, a
	}
	return &Fork{Sides: [2]*Run{a, b}, Signers: [2]*identity.Signer{s, s}}
}

// Bytes are the proof's encoding.
func (f *Fork) Bytes() []byte {
	r := f.Sides[0]
	b := wire.AppendUint(wire.AppendArray(nil, 8), 1)
	b = wire.AppendID(wire.AppendBin(wire.AppendID(b, r.Room), r.Key), r.Incarnation)
	b = wire.AppendID(wire.AppendUint(b, r.First), r.Prev)
	for i, side := range f.Sides {
		hash := side.Hash()
		b = wire.AppendID(wire.AppendArray(b, 6), side.Epoch)
		b = AppendIDs(b, side.Heads)
		b = wire.AppendArray(wire.AppendUint(b, side.Clock), len(side.Refs))
		for _, ref := range side.Refs {
			b = wire.AppendUint(wire.AppendID(wire.AppendArray(b, 2), ref.Log), ref.Number)
		}
		b = AppendIDs(b, side.leaves())
		b = wire.AppendBin(b, f.Signers[i].Sign("run", hash[:]))
	}
	return b
}

// leaves are the hashes of a run's messages.
func (r *Run) leaves() (all []wire.ID) {
	for _, m := range r.Messages {
		if n := len(m); n >= 48 {
			all = append(all, wire.Hash("msg", m[:16], m[16:n-32], m[n-32:]))
		} else {
			all = append(all, wire.Hash("msg", m, nil, nil))
		}
	}
	return all
}
