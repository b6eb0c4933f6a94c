package wire

import "github.com/vmihailenco/msgpack/v5"

// TypePong is the number of Pong.
const TypePong Type = 3

// Pong answers the newest Ping; those that came before it stay unanswered.
type Pong struct {
	Seq uint64 // of the Ping
}

// MessageType implements Message.
func (*Pong) MessageType() Type { return TypePong }

// EncodeMsgpack implements msgpack.CustomEncoder.
func (m *Pong) EncodeMsgpack(enc *msgpack.Encoder) error { return encodeUints(enc, m.Seq) }

// DecodeMsgpack implements msgpack.CustomDecoder.
func (m *Pong) DecodeMsgpack(dec *msgpack.Decoder) error { return decodeHot(dec, m) }

func (m *Pong) readBody(r *Reader) error {
	r.Array(1)
	m.Seq = r.Uint()
	return r.Done()
}
