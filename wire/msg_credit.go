package wire

import (
	"math"

	"github.com/vmihailenco/msgpack/v5"
)

// TypeCredit is the number of Credit.
const TypeCredit Type = 4

// Credit says how much the receiver of it may have sent on a stream, in all,
// since the stream was opened. A smaller limit than an earlier one has no effect.
type Credit struct {
	Stream uint32
	Limit  uint64 // bytes, counted as package session says
}

// MessageType implements Message.
func (*Credit) MessageType() Type { return TypeCredit }

// EncodeMsgpack implements msgpack.CustomEncoder.
func (m *Credit) EncodeMsgpack(enc *msgpack.Encoder) error {
	return encodeUints(enc, uint64(m.Stream), m.Limit)
}

// DecodeMsgpack implements msgpack.CustomDecoder.
func (m *Credit) DecodeMsgpack(dec *msgpack.Decoder) error { return decodeHot(dec, m) }

func (m *Credit) readBody(r *Reader) error {
	r.Array(2)
	m.Stream = uint32(r.UintMax(math.MaxUint32))
	m.Limit = r.Uint()
	return r.Done()
}
