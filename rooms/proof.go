package rooms

import (
	"parley/handshake/identity"
	"parley/wire"
)

// A Proof shows that an author forked a log: two runs of one log with one
// previous link and different hashes, both signed. It holds the runs' fields
// and the hashes of their messages, not the messages (package documentation,
// "Forks").
type Proof struct {
	ID          wire.ID // H("proof", log, hash of the lower run, hash of the higher)
	Room        wire.ID
	Author      wire.ID
	Incarnation wire.ID
	Log         wire.ID
	First       uint64
	Prev        wire.ID
	Runs        [2]wire.ID // the runs' hashes, ascending
	Raw         []byte
}

// Siblings reports whether two runs are one author's two continuations of one log.
func Siblings(a, b *Run) bool {
	return a.Room == b.Room && a.Log == b.Log && a.First == b.First && a.Prev == b.Prev && a.Hash != b.Hash
}

// NewProof makes the proof of a fork from two sibling runs whose signatures
// were verified.
func NewProof(a, b *Run) (*Proof, error) {
	if !Siblings(a, b) {
		return nil, refuse(ReasonFork, "runs %s and %s are no siblings", a.Hash.Short(), b.Hash.Short())
	}
	if a.Hash.Compare(b.Hash) > 0 {
		a, b = b, a
	}
	raw := wire.AppendArray(make([]byte, 0, 1024), 8)
	raw = wire.AppendUint(raw, version)
	raw = wire.AppendID(raw, a.Room)
	raw = wire.AppendBin(raw, a.Key)
	raw = wire.AppendID(raw, a.Incarnation)
	raw = wire.AppendUint(raw, a.First)
	raw = wire.AppendID(raw, a.Prev)
	raw = appendSide(raw, a)
	raw = appendSide(raw, b)
	return ParseProof(raw)
}

// appendSide writes what the two runs do not share: epoch, heads, clock, refs,
// leaves, signature.
func appendSide(dst []byte, r *Run) []byte {
	dst = wire.AppendArray(dst, 6)
	dst = wire.AppendID(dst, r.Epoch)
	dst = appendIDs(dst, r.Heads)
	dst = wire.AppendUint(dst, r.Clock)
	dst = appendRefs(dst, r.Refs)
	dst = wire.AppendArray(dst, len(r.Messages))
	s := getScratch()
	defer putScratch(s)
	for _, m := range r.Messages {
		dst = wire.AppendID(dst, messageLeaf(s, m))
	}
	return wire.AppendBin(dst, r.sig)
}

// ParseProof decodes a proof and checks everything about it, both signatures
// included. It aliases raw. Errors wrap a Reason.
func ParseProof(raw []byte) (*Proof, error) {
	if len(raw) > MaxProof {
		return nil, refuse(ReasonBounds, "proof of %d bytes", len(raw))
	}
	in := wire.NewReader(raw)
	in.Array(8)
	if v := in.Uint(); in.Err() == nil && v != version {
		return nil, refuse(ReasonVersion, "proof of version %d", v)
	}
	var shared Run
	shared.Room = in.ID()
	shared.Key = in.BinSize(keySize)
	shared.Incarnation = in.ID()
	shared.First = in.Uint()
	shared.Prev = in.ID()
	shared.Author = identity.KeyID(shared.Key)
	p := &Proof{
		Room: shared.Room, Author: shared.Author, Incarnation: shared.Incarnation,
		Log:   LogID(shared.Room, shared.Author, shared.Incarnation),
		First: shared.First, Prev: shared.Prev, Raw: raw,
	}
	var sigs [2][]byte
	var broken [2]error
	for i := range 2 {
		p.Runs[i], sigs[i], broken[i] = readSide(in, shared)
	}
	if err := in.Done(); err != nil {
		return nil, refuseBytes("proof", err)
	}
	for _, err := range broken {
		if err != nil {
			return nil, err
		}
	}
	if p.First == 0 || (p.First == 1) != p.Prev.IsZero() || p.Runs[0].Compare(p.Runs[1]) >= 0 {
		return nil, refuse(ReasonFork, "not two siblings in ascending order")
	}
	for i, sig := range sigs {
		if !identity.Verify(shared.Key, contextRun, sig, p.Runs[i][:]) {
			return nil, refuse(ReasonSignature, "proof of a fork")
		}
	}
	p.ID = wire.Hash("proof", p.Log[:], p.Runs[0][:], p.Runs[1][:])
	return p, nil
}

// Sides are the two runs as far as a proof tells: to be judged, since a fork
// counts only when both are base VALID, with the state of the log before them.
// Their messages are empty.
func (p *Proof) Sides() (sides [2]*Run) {
	in := wire.NewReader(p.Raw)
	in.Array(8)
	in.Uint()
	in.ID()
	key := identity.PublicKey(in.BinSize(keySize))
	in.ID()
	in.Uint()
	in.ID()
	for i := range sides {
		sides[i] = &Run{
			Room: p.Room, Author: p.Author, Log: p.Log, Incarnation: p.Incarnation,
			Prev: p.Prev, First: p.First, Key: key, Hash: p.Runs[i],
		}
		in.Array(6)
		sides[i].readUnshared(in)
		in.BinSize(signatureSize)
	}
	return sides
}

// readUnshared takes what the two runs of a proof do not share, but for the
// signature, and returns the hashes of the messages.
func (r *Run) readUnshared(in *wire.Reader) (leaves []wire.ID) {
	r.Epoch = in.ID()
	r.Heads = readIDs(in, nil, MaxHeads)
	r.Clock = in.Uint()
	r.Refs = readRefs(in, nil)
	leaves = readIDs(in, nil, MaxRunMessages)
	r.Messages = make([][]byte, len(leaves))
	return leaves
}

// readSide takes one side of a proof and returns the run's hash and signature,
// or which rule of runs it breaks.
func readSide(in *wire.Reader, side Run) (hash wire.ID, sig []byte, broken error) {
	in.Array(6)
	leaves := side.readUnshared(in)
	sig = in.BinSize(signatureSize)
	b := runHashPrefix(nil, &side, len(leaves))
	for i := range leaves {
		b = b.id(&leaves[i])
	}
	return b.sum(), sig, side.checkPlace(len(leaves))
}
