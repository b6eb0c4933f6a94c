package fuzz

import (
	"encoding/binary"
	"math"

	"parley/wire"
)

// The kinds of values in a body.
type valueKind byte

const (
	aNumber valueKind = iota
	aBin
	aText
	anArray
	aBool
)

// A value is where one value stands in an encoding: a header of head bytes, then the content.
type value struct {
	kind         valueKind
	offset, head int
	size         int // of header and content; of arrays: with all elements
	n            uint64
}

// values finds the values of a canonical encoding, an array before its
// elements, as far as it can be read.
func values(b []byte) (all []value) {
	var read func(at, depth int) (next int, ok bool)
	read = func(at, depth int) (int, bool) {
		v, ok := header(b, at)
		if !ok || depth == 0 {
			return at, false
		}
		all = append(all, v)
		mine := len(all) - 1
		next := at + v.size
		if v.kind == anArray {
			for range v.n {
				if next, ok = read(next, depth-1); !ok {
					break
				}
			}
			all[mine].size = next - at
		}
		return next, ok
	}
	for at := 0; at < len(b); {
		next, ok := read(at, wire.MaxDepth+2)
		if !ok || next == at {
			break
		}
		at = next
	}
	return all
}

// header reads the header at an offset. Of an array size is that of the header alone.
func header(b []byte, at int) (v value, ok bool) {
	if at >= len(b) {
		return v, false
	}
	v = value{offset: at, head: 1}
	wide := func(kind valueKind, width int) {
		v.kind = kind
		if at+1+width > len(b) {
			return
		}
		var buf [8]byte
		copy(buf[8-width:], b[at+1:at+1+width])
		v.head, v.n, ok = 1+width, binary.BigEndian.Uint64(buf[:]), true
	}
	switch t := b[at]; {
	case t < 128:
		v.kind, v.n, ok = aNumber, uint64(t), true
	case t >= 0xcc && t <= 0xcf:
		wide(aNumber, 1<<(t-0xcc))
	case t >= 0xc4 && t <= 0xc6:
		wide(aBin, 1<<(t-0xc4))
	case t&0xe0 == 0xa0:
		v.kind, v.n, ok = aText, uint64(t&0x1f), true
	case t >= 0xd9 && t <= 0xdb:
		wide(aText, 1<<(t-0xd9))
	case t&0xf0 == 0x90:
		v.kind, v.n, ok = anArray, uint64(t&15), true
	case t == 0xdc, t == 0xdd:
		wide(anArray, 2<<(t-0xdc))
	case t == 0xc2, t == 0xc3:
		v.kind, ok = aBool, true
	}
	v.size = v.head
	if ok && (v.kind == aBin || v.kind == aText) {
		if v.n > uint64(len(b)-at-v.head) {
			return v, false
		}
		v.size += int(v.n)
	}
	return v, ok
}

// edit chooses a change of a body by its grammar.
func (g *gen) edit(b []byte) Edit {
	all := values(b)
	if len(all) == 0 || g.chance(8) {
		return g.blindEdit(b)
	}
	v := all[g.n(len(all))]
	replace := func(with []byte) Edit { return Edit{v.offset, v.size, with} }
	rewrite := func(with []byte) Edit { return Edit{v.offset, v.head, with} }
	if g.chance(12) {
		return replace(g.alien(b, v))
	}
	switch v.kind {
	case aNumber:
		return replace(wire.AppendUint(nil, g.bound(v.n)))
	case aBool:
		return replace(wire.AppendBool(nil, b[v.offset] == 0xc2))
	case aText:
		return replace(wire.AppendStr(nil, []string{"", "\xff\xfe", "\x00", long(300), long(70), "\u202ex", "a\nb"}[g.n(7)]))
	case aBin:
		return replace(wire.AppendBin(nil, g.otherBytes(b[v.offset+v.head:v.offset+v.size])))
	default:
		elements := b[v.offset+v.head : v.offset+v.size]
		switch g.n(6) {
		case 0: // a count that is not what follows
			return rewrite(wire.AppendArray(nil, int(v.n)+1-2*g.n(2)))
		case 1:
			return rewrite(wire.AppendArray(nil, math.MaxInt32))
		case 2: // no elements
			return replace(wire.AppendArray(nil, 0))
		case 3: // all of them twice
			if len(elements) > maxGrowth {
				return rewrite(wire.AppendArray(nil, 0))
			}
			return replace(append(append(wire.AppendArray(nil, 2*int(v.n)), elements...), elements...))
		case 4: // many, as far as they are small
			n := 1 + min(2000/(1+int(v.n)), maxGrowth/(1+len(elements)))
			out := wire.AppendArray(nil, n*int(v.n))
			for range n {
				out = append(out, elements...)
			}
			return replace(out)
		default: // one level deeper
			return rewrite(append(wire.AppendArray(nil, 1), b[v.offset:v.offset+v.head]...))
		}
	}
}

// alien is what must not stand in the place of a value.
func (g *gen) alien(b []byte, v value) []byte {
	whole := b[v.offset : v.offset+v.size]
	switch g.n(9) {
	case 0:
		return []byte{0xc0} // nil
	case 1:
		return []byte{0x81, 0x01, 0x02} // a map
	case 2:
		return []byte{0xd4, 0x01, 0x00} // an extension
	case 3:
		return binary.BigEndian.AppendUint64([]byte{0xcb}, math.Float64bits(1)) // a float
	case 4:
		return []byte{0xff} // -1
	case 5: // a longer form than the value needs
		if v.kind == aNumber {
			return binary.BigEndian.AppendUint64([]byte{0xcf}, v.n)
		}
		return binary.BigEndian.AppendUint32([]byte{0xc6}, 1<<31)
	case 6: // deep
		out := []byte{}
		for range 5 + g.n(200) {
			out = append(out, 0x91)
		}
		return append(out, 0x00)
	case 7:
		return append(append([]byte{}, whole...), whole...)
	default:
		return nil
	}
}

// blindEdit knows nothing of the grammar.
func (g *gen) blindEdit(b []byte) Edit {
	at := g.n(len(b) + 1)
	switch g.n(4) {
	case 0:
		return Edit{at, len(b) - at, nil} // cut short
	case 1:
		return Edit{len(b), 0, g.random(1 + g.n(8))} // something behind it
	case 2:
		return Edit{at, g.n(4), g.random(g.n(4))}
	default:
		if at == len(b) {
			return Edit{at, 0, []byte{0}}
		}
		return Edit{at, 1, []byte{b[at] ^ 1<<g.n(8)}}
	}
}

// otherBytes are other bytes than these, of the same length for the most part.
func (g *gen) otherBytes(now []byte) []byte {
	switch k := g.n(10); {
	case k == 0:
		return nil
	case k == 1:
		return now[:g.n(len(now)+1)]
	case k == 2:
		return append(append([]byte{}, now...), g.random(1+g.n(4))...)
	case k == 3:
		return make([]byte, len(now))
	case k == 4:
		return g.random(len(now))
	case k == 5 && g.chance(20):
		return g.random(g.n(70000))
	case len(now) == wire.IDSize:
		id := g.id()
		return id[:]
	case len(now) > 0:
		out := append([]byte{}, now...)
		out[g.n(len(out))] ^= 1 << g.n(8)
		return out
	}
	return g.random(16)
}

// spoil is an encoding with a change or two.
func (g *gen) spoil(b []byte) []byte {
	for range 1 + g.n(2) {
		b = g.edit(b).apply(b)
	}
	return b
}

// bound is another number: a neighbour, or one at the bounds of an encoding or of a type.
func (g *gen) bound(now uint64) uint64 {
	bounds := []uint64{0, 1, 2, 127, 128, 255, 256, 511, 512, 513, 1024, 1025, 1<<16 - 1, 1 << 16, 1<<32 - 1, 1 << 32, 1<<63 - 1, 1 << 63, math.MaxUint64}
	switch n := g.n(len(bounds) + 3); n {
	case len(bounds):
		return now + 1
	case len(bounds) + 1:
		return now - 1
	case len(bounds) + 2:
		return now << 1
	default:
		return bounds[n]
	}
}

func long(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a' + byte(i%26)
	}
	return string(b)
}
