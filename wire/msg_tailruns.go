package wire

import "github.com/vmihailenco/msgpack/v5"

// TypeTailRuns is the number of TailRuns.
const TypeTailRuns Type = 44

// TailRuns carries runs in the order of their arrival.
type TailRuns struct {
	Items []TailItem
}

// MessageType implements Message.
func (*TailRuns) MessageType() Type { return TypeTailRuns }

// A TailItem is one run as it arrived.
type TailItem struct {
	Arrival  uint64
	Received uint64 // Unix nanoseconds
	Waits    bool   // it refers to messages not held when it arrived
	Run      []byte
}

// EncodeMsgpack implements msgpack.CustomEncoder.
func (m *TailRuns) EncodeMsgpack(enc *msgpack.Encoder) error {
	if err := enc.EncodeArrayLen(1); err != nil {
		return err
	}
	if err := enc.EncodeArrayLen(len(m.Items)); err != nil {
		return err
	}
	for i := range m.Items {
		it := &m.Items[i]
		if err := enc.EncodeArrayLen(4); err != nil {
			return err
		}
		if err := enc.EncodeUint(it.Arrival); err != nil {
			return err
		}
		if err := enc.EncodeUint(it.Received); err != nil {
			return err
		}
		if err := enc.EncodeBool(it.Waits); err != nil {
			return err
		}
		if err := enc.EncodeBytes(notNil(it.Run)); err != nil {
			return err
		}
	}
	return nil
}

// DecodeMsgpack implements msgpack.CustomDecoder.
func (m *TailRuns) DecodeMsgpack(dec *msgpack.Decoder) error { return decodeHot(dec, m) }

func (m *TailRuns) readBody(r *Reader) error {
	r.Array(1)
	n := r.ArrayLen(MaxRunsPerFrame)
	m.Items = make([]TailItem, 0, n)
	for range n {
		r.Array(4)
		m.Items = append(m.Items, TailItem{
			Arrival:  r.Uint(),
			Received: r.Uint(),
			Waits:    r.Bool(),
			Run:      r.Bin(MaxRun),
		})
		if r.Err() != nil {
			break
		}
	}
	return r.Done()
}
