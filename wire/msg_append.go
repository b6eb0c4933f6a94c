package wire

import "github.com/vmihailenco/msgpack/v5"

// TypeAppend is the number of Append.
const TypeAppend Type = 38

// Append hands the peer runs of the user's own logs, in order. Answers: Appended as they become durable, or AppendRefused.
type Append struct {
	Room ID
	Runs [][]byte
}

// MessageType implements Message.
func (*Append) MessageType() Type { return TypeAppend }

// EncodeMsgpack implements msgpack.CustomEncoder.
func (m *Append) EncodeMsgpack(enc *msgpack.Encoder) error {
	if err := enc.EncodeArrayLen(2); err != nil {
		return err
	}
	if err := enc.EncodeBytes(m.Room[:]); err != nil {
		return err
	}
	return encodeRuns(enc, m.Runs)
}

// DecodeMsgpack implements msgpack.CustomDecoder.
func (m *Append) DecodeMsgpack(dec *msgpack.Decoder) error { return decodeHot(dec, m) }

func (m *Append) readBody(r *Reader) error {
	r.Array(2)
	m.Room = r.ID()
	m.Runs = readRuns(r)
	return r.Done()
}
