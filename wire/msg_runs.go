package wire

import "github.com/vmihailenco/msgpack/v5"

// TypeRuns is the number of Runs.
const TypeRuns Type = 77

// Runs carries stored runs, as asked.
type Runs struct {
	Runs [][]byte
}

// MessageType implements Message.
func (*Runs) MessageType() Type { return TypeRuns }

// EncodeMsgpack implements msgpack.CustomEncoder.
func (m *Runs) EncodeMsgpack(enc *msgpack.Encoder) error {
	if err := enc.EncodeArrayLen(1); err != nil {
		return err
	}
	return encodeRuns(enc, m.Runs)
}

// DecodeMsgpack implements msgpack.CustomDecoder.
func (m *Runs) DecodeMsgpack(dec *msgpack.Decoder) error { return decodeHot(dec, m) }

func (m *Runs) readBody(r *Reader) error {
	r.Array(1)
	m.Runs = readRuns(r)
	return r.Done()
}
