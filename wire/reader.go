package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// ErrCanonical is what every decoding error of this package wraps: the bytes
// are not the one canonical encoding of a value of the expected shape.
var ErrCanonical = errors.New("wire: not canonical msgpack")

// A Reader takes canonical values one after another from a byte slice. Errors
// stick: after the first one every call returns a zero value, so that a record
// is read straight down and checked once, with Done or Err.
type Reader struct {
	buf []byte
	off int
	err error
}

// NewReader returns a Reader over b. Byte strings it returns alias b.
func NewReader(b []byte) *Reader { return &Reader{buf: b} }

// Offset is the number of bytes taken so far.
func (r *Reader) Offset() int { return r.off }

// Err is the first error, which wraps ErrCanonical, or nil.
func (r *Reader) Err() error { return r.err }

// Done returns the first error, or an error if bytes are left.
func (r *Reader) Done() error {
	if r.err == nil && r.off != len(r.buf) {
		r.fail("%d bytes after the value", len(r.buf)-r.off)
	}
	return r.err
}

func (r *Reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: at byte %d: %s", ErrCanonical, r.off, fmt.Sprintf(format, args...))
	}
}

// take returns the next n bytes, or nil after recording a failure.
func (r *Reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n > len(r.buf)-r.off {
		r.fail("cut short")
		return nil
	}
	b := r.buf[r.off : r.off+n : r.off+n]
	r.off += n
	return b
}

// header takes a tag byte and, for the tags that have one, the big-endian
// number of width bytes behind it, refusing a number that a shorter header holds.
func (r *Reader) number(width int, least uint64) uint64 {
	b := r.take(width)
	if b == nil {
		return 0
	}
	var v uint64
	switch width {
	case 1:
		v = uint64(b[0])
	case 2:
		v = uint64(binary.BigEndian.Uint16(b))
	case 4:
		v = uint64(binary.BigEndian.Uint32(b))
	default:
		v = binary.BigEndian.Uint64(b)
	}
	if v < least {
		r.fail("a longer form than the value needs")
		return 0
	}
	return v
}

func (r *Reader) tag() byte {
	b := r.take(1)
	if b == nil {
		return 0
	}
	return b[0]
}

// Uint takes a natural number.
func (r *Reader) Uint() uint64 {
	switch t := r.tag(); {
	case r.err != nil:
		return 0
	case t < 128:
		return uint64(t)
	case t == 0xcc:
		return r.number(1, 128)
	case t == 0xcd:
		return r.number(2, math.MaxUint8+1)
	case t == 0xce:
		return r.number(4, math.MaxUint16+1)
	case t == 0xcf:
		return r.number(8, math.MaxUint32+1)
	default:
		r.fail("tag %#x where a natural number belongs", t)
		return 0
	}
}

// UintMax takes a natural number of at most max.
func (r *Reader) UintMax(max uint64) uint64 {
	v := r.Uint()
	if r.err == nil && v > max {
		r.fail("number %d over the bound %d", v, max)
		return 0
	}
	return v
}

// ArrayLen takes an array's header and returns its length, at most max.
func (r *Reader) ArrayLen(max int) int {
	var n uint64
	switch t := r.tag(); {
	case r.err != nil:
		return 0
	case t&0xf0 == 0x90:
		n = uint64(t & 0x0f)
	case t == 0xdc:
		n = r.number(2, 16)
	case t == 0xdd:
		n = r.number(4, math.MaxUint16+1)
	default:
		r.fail("tag %#x where an array belongs", t)
	}
	if r.err == nil && n > uint64(max) {
		r.fail("array of %d elements over the bound %d", n, max)
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

// Array takes the header of an array of exactly n elements.
func (r *Reader) Array(n int) {
	if got := r.ArrayLen(math.MaxInt32); r.err == nil && got != n {
		r.fail("array of %d elements where %d belong", got, n)
	}
}

// Bin takes a byte string of at most max bytes. It aliases the input.
func (r *Reader) Bin(max int) []byte {
	var n uint64
	switch t := r.tag(); {
	case r.err != nil:
		return nil
	case t == 0xc4:
		n = r.number(1, 0)
	case t == 0xc5:
		n = r.number(2, math.MaxUint8+1)
	case t == 0xc6:
		n = r.number(4, math.MaxUint16+1)
	default:
		r.fail("tag %#x where a byte string belongs", t)
	}
	return r.body(n, max)
}

// BinSize takes a byte string of exactly n bytes. It aliases the input.
func (r *Reader) BinSize(n int) []byte {
	b := r.Bin(n)
	if r.err == nil && len(b) != n {
		r.fail("byte string of %d bytes where %d belong", len(b), n)
		return nil
	}
	return b
}

// ID takes a byte string of 32 bytes.
func (r *Reader) ID() ID {
	var id ID
	copy(id[:], r.BinSize(IDSize))
	return id
}

// Str takes a text of at most max bytes of valid UTF-8.
func (r *Reader) Str(max int) string {
	var n uint64
	switch t := r.tag(); {
	case r.err != nil:
		return ""
	case t&0xe0 == 0xa0:
		n = uint64(t & 0x1f)
	case t == 0xd9:
		n = r.number(1, 32)
	case t == 0xda:
		n = r.number(2, math.MaxUint8+1)
	case t == 0xdb:
		n = r.number(4, math.MaxUint16+1)
	default:
		r.fail("tag %#x where a text belongs", t)
	}
	b := r.body(n, max)
	if r.err == nil && !utf8.Valid(b) {
		r.fail("text that is not UTF-8")
	}
	if r.err != nil {
		return ""
	}
	return string(b)
}

func (r *Reader) body(n uint64, max int) []byte {
	if r.err == nil && n > uint64(max) {
		r.fail("%d bytes over the bound %d", n, max)
	}
	if r.err != nil {
		return nil
	}
	return r.take(int(n))
}

// Bool takes a truth value.
func (r *Reader) Bool() bool {
	switch t := r.tag(); {
	case r.err != nil:
		return false
	case t == 0xc2:
		return false
	case t == 0xc3:
		return true
	default:
		r.fail("tag %#x where a truth value belongs", t)
		return false
	}
}

// skip takes one value of any allowed kind, arrays at most depth deep.
func (r *Reader) skip(depth int) {
	if r.err != nil {
		return
	}
	if r.off == len(r.buf) {
		r.fail("cut short")
		return
	}
	switch t := r.buf[r.off]; {
	case t < 128 || t >= 0xcc && t <= 0xcf:
		r.Uint()
	case t&0xe0 == 0xa0 || t >= 0xd9 && t <= 0xdb:
		r.Str(math.MaxInt32)
	case t >= 0xc4 && t <= 0xc6:
		r.Bin(math.MaxInt32)
	case t == 0xc2 || t == 0xc3:
		r.off++
	case t&0xf0 == 0x90 || t == 0xdc || t == 0xdd:
		if depth == 0 {
			r.fail("arrays nested too deep")
			return
		}
		n := r.ArrayLen(math.MaxInt32)
		if n > len(r.buf)-r.off { // every element takes at least one byte
			r.fail("array longer than its bytes")
			return
		}
		for range n {
			if r.skip(depth - 1); r.err != nil {
				return
			}
		}
	default:
		r.fail("tag %#x is outside the canonical subset", t)
	}
}

// CheckCanonical reports, by an error that wraps ErrCanonical, whether b is
// anything but one canonical value with arrays at most maxDepth deep. It
// allocates nothing for good input, whatever lengths b claims.
func CheckCanonical(b []byte, maxDepth int) error {
	r := Reader{buf: b}
	r.skip(maxDepth)
	return r.Done()
}
