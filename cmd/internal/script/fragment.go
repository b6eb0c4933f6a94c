package script

import (
	"math"

	"parley/wire"
)

// Whole is a frame in one fragment.
func Whole(typ wire.Type, stream uint32, body []byte) []byte {
	b := wire.AppendUint(wire.AppendArray(nil, 3), uint64(typ))
	return wire.AppendBin(wire.AppendUint(b, uint64(stream)), body)
}

// First is the first fragment of a frame of total bytes.
func First(typ wire.Type, stream uint32, chunk []byte, total uint64) []byte {
	b := wire.AppendUint(wire.AppendArray(nil, 4), uint64(typ))
	b = wire.AppendBin(wire.AppendUint(b, uint64(stream)), chunk)
	return wire.AppendUint(b, total)
}

// Later is a later fragment of a frame.
func Later(stream uint32, chunk []byte) []byte {
	return wire.AppendBin(wire.AppendUint(wire.AppendArray(nil, 2), uint64(stream)), chunk)
}

// Body is the canonical encoding of a message.
func Body(m wire.Message) []byte {
	b, err := wire.AppendBody(nil, m)
	if err != nil {
		panic(err) // only for a message type that does not encode at all
	}
	return b
}

// Frame is a message as one fragment.
func Frame(stream uint32, m wire.Message) []byte {
	return Whole(m.MessageType(), stream, Body(m))
}

// The classes of streams.
const (
	Interactive = 1
	Live        = 2
	Bulk        = 3
)

// Stream is the number of the initiator's stream of a class and index.
func Stream(class, index uint32) uint32 { return index<<3 | class }

// Responders is the bit of the streams that the responder opened.
const Responders = 4

// Window is the credit with which a stream begins.
func Window(stream uint32) uint64 {
	if stream&3 == Bulk {
		return 1 << 20
	}
	return 256 << 10
}

// FrameCost is what a frame takes of its stream's credit beside its body.
const FrameCost = 64

// A fragment is one item of a record.
type fragment struct {
	later  bool
	typ    wire.Type
	stream uint32
	chunk  []byte
	total  uint64
}

// fragments takes a record apart.
func fragments(plain []byte) (all []fragment, err error) {
	r := wire.NewReader(plain)
	for r.Offset() < len(plain) {
		var f fragment
		n := r.ArrayLen(4)
		f.later = n == 2
		if !f.later {
			f.typ = wire.Type(r.UintMax(math.MaxUint16))
		}
		f.stream = uint32(r.UintMax(math.MaxUint32))
		f.chunk = r.Bin(MaxPlaintext)
		f.total = uint64(len(f.chunk))
		if n == 4 {
			f.total = r.Uint()
		}
		switch {
		case r.Err() != nil:
			return all, violated("a fragment that is not canonical: %v", r.Err())
		case n < 2 || len(f.chunk) == 0 || n == 4 && f.total <= uint64(len(f.chunk)):
			return all, violated("a fragment of %d elements with a chunk of %d bytes, total %d", n, len(f.chunk), f.total)
		}
		all = append(all, f)
	}
	return all, nil
}
