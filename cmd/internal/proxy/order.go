package proxy

import "encoding/binary"

// handshakeMessages is how many messages of a direction are the handshake's at
// most; the first record of the responder is its second unit, which may be held
// back as well as any, so only what every direction has is passed over.
const handshakeMessages = 1

// maxUnit is more than any record or handshake message has. A direction with a
// longer length field is not the protocol, and is passed on as it is.
const maxUnit = 64 << 10

// An order cuts a direction into its units, handshake messages and records,
// each behind its length as 4 bytes big-endian, and exchanges some.
type order struct {
	every int // 0: passes everything on
	buf   []byte
	held  []byte
	seen  int // units
}

func newOrder(every int) *order { return &order{every: every} }

// take takes bytes that were read and returns those to be sent.
func (o *order) take(data []byte) (out []byte) {
	if o.every == 0 {
		return data
	}
	o.buf = append(o.buf, data...)
	for len(o.buf) >= 4 {
		n := int64(binary.BigEndian.Uint32(o.buf))
		if n > maxUnit {
			o.every = 0
			return append(out, o.rest()...)
		}
		size := 4 + int(n)
		if len(o.buf) < size {
			break
		}
		unit := o.buf[:size:size]
		o.buf = o.buf[size:]
		o.seen++
		switch {
		case o.held != nil: // what was held goes behind this one
			out = append(append(out, unit...), o.held...)
			o.held = nil
		case o.seen > handshakeMessages && (o.seen-handshakeMessages)%o.every == 0:
			o.held = unit
		default:
			out = append(out, unit...)
		}
	}
	return out
}

// rest is what is left at the end.
func (o *order) rest() []byte {
	out := append(o.held, o.buf...)
	o.held, o.buf = nil, nil
	return out
}
