package wire

import "github.com/vmihailenco/msgpack/v5"

// Bytes is a byte string inside a message. Unlike a plain slice its nil value
// is encoded as an empty byte string: nil does not occur in the protocol.
type Bytes []byte

// EncodeMsgpack implements msgpack.CustomEncoder.
func (b *Bytes) EncodeMsgpack(enc *msgpack.Encoder) error { return enc.EncodeBytes(notNil(*b)) }

// DecodeMsgpack implements msgpack.CustomDecoder.
func (b *Bytes) DecodeMsgpack(dec *msgpack.Decoder) error {
	v, err := dec.DecodeBytes()
	*b = v
	return err
}

// List is an array of any length inside a message; nil is encoded as the empty array.
type List[T any] []T

// EncodeMsgpack implements msgpack.CustomEncoder.
func (l *List[T]) EncodeMsgpack(enc *msgpack.Encoder) error {
	if err := enc.EncodeArrayLen(len(*l)); err != nil {
		return err
	}
	for i := range *l {
		if err := enc.Encode(&(*l)[i]); err != nil {
			return err
		}
	}
	return nil
}

// DecodeMsgpack implements msgpack.CustomDecoder. DecodeBody has checked that
// the input has at least a byte for each element that it claims.
func (l *List[T]) DecodeMsgpack(dec *msgpack.Decoder) error {
	n, err := dec.DecodeArrayLen()
	if err != nil {
		return err
	}
	*l = make([]T, max(n, 0))
	for i := range *l {
		if err := dec.Decode(&(*l)[i]); err != nil {
			return err
		}
	}
	return nil
}

// EncodeMsgpack implements msgpack.CustomEncoder: an ID is a byte string.
func (id ID) EncodeMsgpack(enc *msgpack.Encoder) error { return enc.EncodeBytes(id[:]) }

// DecodeMsgpack implements msgpack.CustomDecoder.
func (id *ID) DecodeMsgpack(dec *msgpack.Decoder) error {
	v, err := dec.DecodeBytes()
	if err != nil {
		return err
	}
	if len(v) != IDSize {
		return ErrCanonical
	}
	copy(id[:], v)
	return nil
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func encodeUints(enc *msgpack.Encoder, values ...uint64) error {
	if err := enc.EncodeArrayLen(len(values)); err != nil {
		return err
	}
	for _, v := range values {
		if err := enc.EncodeUint(v); err != nil {
			return err
		}
	}
	return nil
}

func encodeRuns(enc *msgpack.Encoder, runs [][]byte) error {
	if err := enc.EncodeArrayLen(len(runs)); err != nil {
		return err
	}
	for _, run := range runs {
		if err := enc.EncodeBytes(notNil(run)); err != nil {
			return err
		}
	}
	return nil
}

func readRuns(r *Reader) [][]byte {
	n := r.ArrayLen(MaxRunsPerFrame)
	runs := make([][]byte, 0, n)
	for range n {
		runs = append(runs, r.Bin(MaxRun))
		if r.Err() != nil {
			return nil
		}
	}
	return runs
}

// decodeHot lets the msgpack library decode a hot type inside another value.
func decodeHot(dec *msgpack.Decoder, m bodyReader) error {
	raw, err := dec.DecodeRaw()
	if err != nil {
		return err
	}
	return m.readBody(NewReader(raw))
}
