package conform

import (
	"slices"

	"parley/cmd/internal/script"
	"parley/wire"
)

// proofOfForkCases are the rules of proofs of forks as peers send them.
func proofOfForkCases() []Case {
	// forged sends a proof that f has made wrong, and wants the session ended and the log as it was.
	forged := func(name string, f func(d *den, p *script.Fork) []byte) Case {
		return Case{Name: name, Section: sectionForks, Expect: protocolError + ", and the log as it was", run: func(t *T) {
			d, _, left, right := t.forkedDen()
			l, _ := d.opened(d.master)
			l.say(&wire.Records{Set: wire.SetProofs, Records: wire.List[wire.Bytes]{f(d, script.ForkOf(left, right, d.member.Signer))}})
			l.ends(wire.CodeProtocol)
			m, _ := d.opened(d.master)
			m.headIs(d, left)
		}}
	}
	// wrong is forged where a side is changed before it is signed.
	wrong := func(name string, f func(d *den, side *script.Run)) Case {
		return forged(name, func(d *den, p *script.Fork) []byte {
			side := *p.Sides[1]
			f(d, &side)
			return script.ForkOf(p.Sides[0], &side, d.member.Signer).Bytes()
		})
	}
	return []Case{
		{Name: "a proof of a fork ends a log before it", Section: sectionForks, Expect: "the head is the run before", run: func(t *T) {
			d, first, left, right := t.forkedDen()
			l, _ := d.opened(d.master)
			l.say(&wire.Records{Set: wire.SetProofs, Records: wire.List[wire.Bytes]{script.ForkOf(left, right, d.member.Signer).Bytes()}})
			l.headIs(d, first)
		}},
		{Name: "a proof against somebody whom the room does not know", Section: sectionForks, Expect: "not in the set of proofs, and the session goes on", run: func(t *T) {
			d := t.den()
			eve := t.identity()
			first := d.first(eve, "one")
			p := script.ForkOf(d.next(first, "left"), d.next(first, "right"), eve.Signer)
			l, _ := d.opened(d.master)
			l.say(&wire.Records{Set: wire.SetProofs, Records: wire.List[wire.Bytes]{p.Bytes()}})
			l.through()
			d.writes(d.first(d.master, "durable behind it"), d.master)
			other := make([]byte, 16)
			other[0] = 1
			l.say(&wire.Ranges{Set: wire.SetProofs, Nodes: wire.List[wire.RangeNode]{{Prefix: []byte{}, Hash: other}}})
			if m := l.rangesReply(); len(m.Keys)+len(m.Children) > 0 {
				t.fail("a proof", "a stranger's proof takes a place")
			}
		}},
		forged("a proof whose sides are out of order", func(_ *den, p *script.Fork) []byte {
			slices.Reverse(p.Sides[:])
			return p.Bytes()
		}),
		forged("a proof of one run twice", func(_ *den, p *script.Fork) []byte { p.Sides[1] = p.Sides[0]; return p.Bytes() }),
		forged("a proof of which another has signed a side", func(d *den, p *script.Fork) []byte { p.Signers[0] = d.reader.Signer; return p.Bytes() }),
		forged("a proof of which another has signed the second side", func(d *den, p *script.Fork) []byte { p.Signers[1] = d.reader.Signer; return p.Bytes() }),
		forged("a proof in whose side a bit is altered", func(_ *den, p *script.Fork) []byte {
			b := p.Bytes()
			b[len(b)-70] ^= 1 // in the last leaf
			return b
		}),
		forged("a proof of a fork cut by a byte", func(_ *den, p *script.Fork) []byte { b := p.Bytes(); return b[:len(b)-1] }),
		forged("a proof of a fork with a byte behind it", func(_ *den, p *script.Fork) []byte { return append(p.Bytes(), 0) }),
		forged("a proof of runs that do not continue one", func(d *den, p *script.Fork) []byte {
			for i, side := range p.Sides { // both at the number 2, of no run before
				alone := *side
				alone.Prev = wire.ID{}
				p.Sides[i] = &alone
			}
			return script.ForkOf(p.Sides[0], p.Sides[1], d.member.Signer).Bytes()
		}),
		wrong("a proof of a run without messages", func(_ *den, side *script.Run) { side.Messages = nil }),
		wrong("a proof of a run of 513 messages", func(_ *den, side *script.Run) { side.Messages = slices.Repeat(side.Messages[:1], 513) }),
		wrong("a proof of a run with heads out of order", func(d *den, side *script.Run) {
			side.Heads = script.Sorted(d.ids(2)...)
			slices.Reverse(side.Heads)
		}),
		wrong("a proof of a run with four references", func(d *den, side *script.Run) {
			for _, log := range script.Sorted(d.ids(4)...) {
				side.Refs = append(side.Refs, wire.Ref{Log: log, Number: 1})
			}
		}),
		wrong("a proof of a run with an epoch and no heads", func(_ *den, side *script.Run) { side.Heads = nil }),
	}
}

// forkedDen is a room with a log of two runs, and another second run that nobody has.
func (t *T) forkedDen() (d *den, first, left, right *script.Run) {
	d = t.den()
	first = d.first(d.member, "one")
	left, right = d.next(first, "left"), d.next(first, "right")
	d.writes(first, d.member)
	d.writes(left, d.member)
	return d, first, left, right
}
