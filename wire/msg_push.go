package wire

import "github.com/vmihailenco/msgpack/v5"

// TypePush is the number of Push.
const TypePush Type = 75

// Push carries new runs, from the peer on which they were written.
type Push struct {
	Ref  uint64
	Runs [][]byte
}

// MessageType implements Message.
func (*Push) MessageType() Type { return TypePush }

// EncodeMsgpack implements msgpack.CustomEncoder.
func (m *Push) EncodeMsgpack(enc *msgpack.Encoder) error {
	if err := enc.EncodeArrayLen(2); err != nil {
		return err
	}
	if err := enc.EncodeUint(m.Ref); err != nil {
		return err
	}
	return encodeRuns(enc, m.Runs)
}

// DecodeMsgpack implements msgpack.CustomDecoder.
func (m *Push) DecodeMsgpack(dec *msgpack.Decoder) error { return decodeHot(dec, m) }

func (m *Push) readBody(r *Reader) error {
	r.Array(2)
	m.Ref = r.Uint()
	m.Runs = readRuns(r)
	return r.Done()
}
