package rooms

import (
	"fmt"

	"parley/handshake/identity"
	"parley/wire"
)

// version is the first element of every record of this package.
const version = 1

// contextRun is the context of a run's signature.
const contextRun = "run"

// A Run is consecutive messages of one log under one signature (package
// documentation, "Runs"). Its fields are read only; Messages, Salt and Key
// alias Raw.
type Run struct {
	Room        wire.ID
	Author      wire.ID // SHA-256 of Key
	Log         wire.ID
	Incarnation wire.ID
	Prev        wire.ID // hash of the run before this one; zero in a log's first
	Epoch       wire.ID // the entry that carries the key; zero in open rooms
	Hash        wire.ID // signed, and the link that the next run names
	Key         identity.PublicKey
	Salt        []byte    // 16 bytes in a log's first run, else empty
	First       uint64    // number of the first message, from 1
	Heads       []wire.ID // authority heads, ascending; empty in open rooms
	Clock       uint64    // hybrid logical clock, see ClockTime
	Refs        []wire.Ref
	Messages    [][]byte // iv 16 ‖ ciphertext ‖ tag 32 each
	Raw         []byte

	sig []byte

	// Room for the short lists of a run of one, which is then one allocation.
	oneMessage [1][]byte
	fewHeads   [3]wire.ID
	fewRefs    [wire.MaxRefs]wire.Ref
}

// Count is the number of messages.
func (r *Run) Count() int { return len(r.Messages) }

// Last is the number of the last message.
func (r *Run) Last() uint64 { return r.First + uint64(len(r.Messages)) - 1 }

// MessageID is the ID of the message at index i, from 0: H("message", run hash, i).
func (r *Run) MessageID(i int) wire.ID { return messageID(r.Hash, i) }

// Open reports whether the run has the form of an open room's: no epoch.
func (r *Run) Open() bool { return r.Epoch.IsZero() }

// ParseRun decodes a run, checks everything about it that needs no other
// record but the signature (see Verify), and computes its hash. The run
// aliases raw. Errors wrap a Reason.
func ParseRun(raw []byte) (*Run, error) {
	if len(raw) > wire.MaxRun {
		return nil, refuse(ReasonBounds, "run of %d bytes", len(raw))
	}
	r := &Run{Raw: raw}
	in := wire.NewReader(raw)
	in.Array(13)
	if v := in.Uint(); in.Err() == nil && v != version {
		return nil, refuse(ReasonVersion, "run of version %d", v)
	}
	r.Room = in.ID()
	r.Key = in.BinSize(keySize)
	r.Incarnation = in.ID()
	r.Salt = in.Bin(saltSize)
	r.First = in.Uint()
	r.Prev = in.ID()
	r.Epoch = in.ID()
	r.Heads = readIDs(in, r.fewHeads[:0], MaxHeads)
	r.Clock = in.Uint()
	r.Refs = readRefs(in, r.fewRefs[:0])
	r.readMessages(in)
	r.sig = in.BinSize(signatureSize)
	if err := in.Done(); err != nil {
		return nil, refuseBytes("run", err)
	}
	r.Author = identity.KeyID(r.Key)
	if err := r.check(); err != nil {
		return nil, err
	}
	r.Log = LogID(r.Room, r.Author, r.Incarnation)
	r.Hash = r.hash()
	return r, nil
}

// readRefs takes a list of references into dst.
func readRefs(in *wire.Reader, dst []wire.Ref) []wire.Ref {
	n := in.ArrayLen(wire.MaxRefs)
	for range n {
		in.Array(2)
		dst = append(dst, wire.Ref{Log: in.ID(), Number: in.Uint()})
	}
	return dst
}

func appendRefs(dst []byte, refs []wire.Ref) []byte {
	dst = wire.AppendArray(dst, len(refs))
	for _, ref := range refs {
		dst = wire.AppendArray(dst, 2)
		dst = wire.AppendID(dst, ref.Log)
		dst = wire.AppendUint(dst, ref.Number)
	}
	return dst
}

func (r *Run) readMessages(in *wire.Reader) {
	n := in.ArrayLen(MaxRunMessages)
	if n == 1 {
		r.Messages = r.oneMessage[:0]
	} else {
		r.Messages = make([][]byte, 0, n)
	}
	for range n {
		r.Messages = append(r.Messages, in.Bin(maxMessageBin))
	}
}

// readIDs takes a list of at most max IDs into dst, which is grown if it must be.
func readIDs(in *wire.Reader, dst []wire.ID, max int) []wire.ID {
	n := in.ArrayLen(max)
	if n > cap(dst) {
		dst = make([]wire.ID, 0, n)
	}
	for range n {
		dst = append(dst, in.ID())
	}
	return dst
}

// ascending reports whether ids are in strictly ascending order.
func ascending(ids []wire.ID) bool {
	for i := 1; i < len(ids); i++ {
		if ids[i-1].Compare(ids[i]) >= 0 {
			return false
		}
	}
	return true
}

// check applies the rules of a run's own fields.
func (r *Run) check() error {
	if r.Key.Check() != nil {
		return refuse(ReasonKey, "algorithm %d", r.Key[0])
	}
	if err := r.checkPlace(len(r.Messages)); err != nil {
		return err
	}
	for i, m := range r.Messages {
		if len(m) < minMessageBin || (len(m)-ivSize-tagSize)%blockSize != 0 {
			return refuse(ReasonBounds, "message %d has %d bytes", i, len(m))
		}
	}
	return r.checkStart()
}

// checkPlace applies the rules that a run of count messages and a side of a
// proof, which stands for one, have in common.
func (r *Run) checkPlace(count int) error {
	switch {
	case count == 0:
		return refuse(ReasonBounds, "run without messages")
	case r.First == 0 || r.First+uint64(count)-1 < r.First:
		return refuse(ReasonNumber, "first message %d", r.First)
	case !ascending(r.Heads):
		return refuse(ReasonHeads, "heads out of order")
	case r.Open() != (len(r.Heads) == 0):
		return refuse(ReasonHeads, "epoch and heads come together")
	}
	for i := range r.Refs {
		if r.Refs[i].Number == 0 || i > 0 && r.Refs[i-1].Log.Compare(r.Refs[i].Log) >= 0 {
			return refuse(ReasonBounds, "references out of order")
		}
	}
	return nil
}

// checkStart tells a log's first run from the others: only the first has a
// salt, which with its author and heads makes the incarnation.
func (r *Run) checkStart() error {
	if r.First > 1 {
		if len(r.Salt) != 0 || r.Prev.IsZero() {
			return refuse(ReasonIncarnation, "run %d of a log with a salt or without a link", r.First)
		}
		return nil
	}
	if len(r.Salt) != saltSize || !r.Prev.IsZero() ||
		r.Incarnation != NewIncarnation(r.Room, r.Author, r.Salt, r.Heads) {
		return refuse(ReasonIncarnation, "first run of a log")
	}
	return nil
}

// hash is H("run", room, author, incarnation, first, count, prev, epoch,
// heads, clock, refs, leaves...) with leaf = H("msg", iv, ct, tag).
func (r *Run) hash() wire.ID {
	s := getScratch()
	defer putScratch(s)
	b := runHashPrefix(s.run[:0], r, len(r.Messages))
	for _, m := range r.Messages {
		leaf := messageLeaf(s, m)
		b = b.id(&leaf)
	}
	s.run = b
	return b.sum()
}

// runHashPrefix writes the fields of a run's hash that precede the leaves.
func runHashPrefix(b fieldBuffer, r *Run, count int) fieldBuffer {
	b = b.text("run").id(&r.Room).id(&r.Author).id(&r.Incarnation)
	b = b.uint(r.First).uint(uint64(count)).id(&r.Prev).id(&r.Epoch)
	b = b.ids(r.Heads).uint(r.Clock).uint(uint64(len(r.Refs)))
	for i := range r.Refs {
		b = b.id(&r.Refs[i].Log).uint(r.Refs[i].Number)
	}
	return b
}

// messageLeaf is H("msg", iv, ct, tag) of one message as it stands in a run.
func messageLeaf(s *scratch, m []byte) wire.ID {
	iv, ct, tag := m[:ivSize], m[ivSize:len(m)-tagSize], m[len(m)-tagSize:]
	if len(m) > maxScratch/4 {
		return wire.Hash("msg", iv, ct, tag)
	}
	s.leaf = s.leaf[:0].text("msg").field(iv).field(ct).field(tag)
	return s.leaf.sum()
}

func messageID(run wire.ID, i int) wire.ID {
	var buf [64]byte
	return fieldBuffer(buf[:0]).text("message").id(&run).uint(uint64(i)).sum()
}

// Verify checks the signature. It may be called from any goroutine.
func (r *Run) Verify() error {
	if !identity.Verify(r.Key, contextRun, r.sig, r.Hash[:]) {
		return refuse(ReasonSignature, "run %s", r.Hash.Short())
	}
	return nil
}

// NewIncarnation is H("inc", room, author, salt, heads of the log's first run).
func NewIncarnation(room, author wire.ID, salt []byte, heads []wire.ID) wire.ID {
	var buf [256]byte
	return fieldBuffer(buf[:0]).text("inc").id(&room).id(&author).field(salt).ids(heads).sum()
}

// LogID is H("log", room, author, incarnation).
func LogID(room, author, incarnation wire.ID) wire.ID {
	var buf [128]byte
	return fieldBuffer(buf[:0]).text("log").id(&room).id(&author).id(&incarnation).sum()
}

// refuse makes an error that wraps reason.
func refuse(reason Reason, format string, args ...any) error {
	return fmt.Errorf("%w: %s", reason, fmt.Sprintf(format, args...))
}

// refuseBytes makes an error that wraps ReasonEncoding and the decoder's error.
func refuseBytes(what string, err error) error {
	return fmt.Errorf("%w: %s: %w", ReasonEncoding, what, err)
}
