package session

import (
	"math"
	"slices"

	"parley/wire"
)

// A Class is a stream's rank. What is queued in a lower one goes first, frame
// fragment by fragment.
type Class uint8

// The classes. Class 0 is stream 0 alone: the session's own frames.
const (
	Interactive Class = 1 // requests and answers, room state: somebody waits for it
	Live        Class = 2 // new messages as they are written
	Bulk        Class = 3 // history

	classes = 4
)

func (c Class) valid() bool { return c >= Interactive && c <= Bulk }

// window is the credit with which a stream of the class begins.
func (c Class) window() uint64 {
	switch c {
	case Interactive:
		return windowInteractive
	case Live:
		return windowLive
	default:
		return windowBulk
	}
}

// A stream's number is index<<3 | opener<<2 | class.
const (
	classBits    = 3
	responderBit = 1 << 2
	indexShift   = 3
)

// A fragment is one item of a record's plaintext: a whole frame, or the first
// or a later part of one.
type fragment struct {
	later  bool // [stream, chunk]; else typ and total are there
	typ    wire.Type
	stream uint32
	chunk  []byte // aliases the record
	total  uint64 // of the body
}

// readFragment takes the next fragment of a record. It checks the encoding only.
func readFragment(r *wire.Reader) (f fragment, err error) {
	n := r.ArrayLen(4)
	switch n {
	case 2:
		f.later = true
	case 3, 4:
		f.typ = wire.Type(r.UintMax(math.MaxUint16))
	default:
		if r.Err() == nil {
			return f, broken(wire.CodeProtocol, ErrFrame, "an array of %d", n)
		}
	}
	f.stream = uint32(r.UintMax(math.MaxUint32))
	f.chunk = r.Bin(MaxPlaintext)
	f.total = uint64(len(f.chunk))
	if n == 4 {
		f.total = r.Uint()
	}
	switch {
	case r.Err() != nil:
		return f, broken(wire.CodeProtocol, ErrFrame, "%w", r.Err())
	case len(f.chunk) == 0:
		return f, broken(wire.CodeProtocol, ErrFrame, "an empty chunk")
	case n == 4 && f.total <= uint64(len(f.chunk)):
		return f, broken(wire.CodeProtocol, ErrFrame, "a total of %d behind a chunk of %d bytes", f.total, len(f.chunk))
	}
	return f, nil
}

// appendFragment appends the part of a frame's body from off on, n bytes, that
// has the given place in it.
func appendFragment(dst []byte, typ wire.Type, stream uint32, body []byte, off, n int) []byte {
	fields := 2
	if off == 0 {
		if fields = 3; n < len(body) {
			fields = 4
		}
	}
	dst = wire.AppendArray(dst, fields)
	if off == 0 {
		dst = wire.AppendUint(dst, uint64(typ))
	}
	dst = wire.AppendUint(dst, uint64(stream))
	dst = wire.AppendBin(dst, body[off:off+n])
	if fields == 4 {
		dst = wire.AppendUint(dst, uint64(len(body)))
	}
	return dst
}

// A fifo is a queue that keeps no memory of what has passed through it.
type fifo[T any] struct {
	items []T
	head  int
}

func (q *fifo[T]) len() int { return len(q.items) - q.head }

func (q *fifo[T]) front() *T { return &q.items[q.head] }

func (q *fifo[T]) push(v T) {
	if q.head > 0 && len(q.items) == cap(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, v)
}

func (q *fifo[T]) pop() T {
	var zero T
	v := q.items[q.head]
	q.items[q.head] = zero
	if q.head++; q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
		if cap(q.items) > keepQueue {
			q.items = nil
		}
	}
	return v
}

// remove takes out the elements for which gone is true.
func (q *fifo[T]) remove(gone func(T) bool) {
	if q.len() > 0 {
		q.items = append(q.items[:q.head], slices.DeleteFunc(q.items[q.head:], gone)...)
	}
}
