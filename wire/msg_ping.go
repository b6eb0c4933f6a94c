package wire

import "github.com/vmihailenco/msgpack/v5"

// TypePing is the number of Ping.
const TypePing Type = 2

// Ping asks for a Pong with the same number.
type Ping struct {
	Seq uint64 // counts the sender's pings from 1
}

// MessageType implements Message.
func (*Ping) MessageType() Type { return TypePing }

// EncodeMsgpack implements msgpack.CustomEncoder.
func (m *Ping) EncodeMsgpack(enc *msgpack.Encoder) error { return encodeUints(enc, m.Seq) }

// DecodeMsgpack implements msgpack.CustomDecoder.
func (m *Ping) DecodeMsgpack(dec *msgpack.Decoder) error { return decodeHot(dec, m) }

func (m *Ping) readBody(r *Reader) error {
	r.Array(1)
	m.Seq = r.Uint()
	return r.Done()
}
