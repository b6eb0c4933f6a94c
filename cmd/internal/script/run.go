package script

import (
	"parley/handshake/identity"
	"parley/rooms"
	"parley/wire"
)

// A Run is any run that can be written down, right or wrong (package rooms, "Runs").
type Run struct {
	Version     uint64 // 0 stands for 1
	Room        wire.ID
	Key         []byte
	Incarnation wire.ID
	Salt        []byte
	First       uint64
	Prev, Epoch wire.ID
	Heads       []wire.ID
	Clock       uint64
	Refs        []wire.Ref
	Messages    [][]byte
}

// Author is the ID of the run's key.
func (r *Run) Author() wire.ID { return identity.KeyID(r.Key) }

// Log is the run's log.
func (r *Run) Log() wire.ID {
	author := r.Author()
	return wire.Hash("log", r.Room[:], author[:], r.Incarnation[:])
}

// Incarnate sets the incarnation that a log's first run has.
func (r *Run) Incarnate() {
	h := wire.NewHasher("inc")
	h.ID(r.Room)
	h.ID(r.Author())
	h.Field(r.Salt)
	h.IDs(r.Heads)
	r.Incarnation = h.Sum()
}

// Hash is the run's hash, which is also the link to it.
func (r *Run) Hash() wire.ID {
	h := wire.NewHasher("run")
	h.ID(r.Room)
	h.ID(r.Author())
	h.ID(r.Incarnation)
	h.Uint(r.First)
	h.Uint(uint64(len(r.Messages)))
	h.ID(r.Prev)
	h.ID(r.Epoch)
	h.IDs(r.Heads)
	h.Uint(r.Clock)
	h.Uint(uint64(len(r.Refs)))
	for _, ref := range r.Refs {
		h.ID(ref.Log)
		h.Uint(ref.Number)
	}
	for _, leaf := range r.leaves() {
		h.ID(leaf)
	}
	return h.Sum()
}

// Bytes are the run's encoding with a signature over its hash.
func (r *Run) Bytes(s *identity.Signer) []byte {
	hash := r.Hash()
	return r.Signed(s.Sign("run", hash[:]))
}

// Signed is the run's encoding with any signature.
func (r *Run) Signed(signature []byte) []byte {
	version := r.Version
	if version == 0 {
		version = 1
	}
	b := wire.AppendUint(wire.AppendArray(nil, 13), version)
	b = wire.AppendID(wire.AppendBin(wire.AppendID(b, r.Room), r.Key), r.Incarnation)
	b = wire.AppendUint(wire.AppendBin(b, r.Salt), r.First)
	b = wire.AppendID(wire.AppendID(b, r.Prev), r.Epoch)
	b = wire.AppendArray(b, len(r.Heads))
	for _, h := range r.Heads {
		b = wire.AppendID(b, h)
	}
	b = wire.AppendArray(wire.AppendUint(b, r.Clock), len(r.Refs))
	for _, ref := range r.Refs {
		b = wire.AppendUint(wire.AppendID(wire.AppendArray(b, 2), ref.Log), ref.Number)
	}
	b = wire.AppendArray(b, len(r.Messages))
	for _, m := range r.Messages {
		b = wire.AppendBin(b, m)
	}
	return wire.AppendBin(b, signature)
}

// Next is a run behind this one, with no messages yet.
func (r *Run) Next() *Run {
	return &Run{
		Room: r.Room, Key: r.Key, Incarnation: r.Incarnation, First: r.First + uint64(len(r.Messages)),
		Prev: r.Hash(), Epoch: r.Epoch, Heads: r.Heads, Clock: r.Clock + 1,
	}
}

// ProofID is the ID of a proof of a fork, from its bytes.
func ProofID(raw []byte) (wire.ID, error) {
	p, err := rooms.ParseProof(raw)
	if err != nil {
		return wire.ID{}, err
	}
	return p.ID, nil
}
