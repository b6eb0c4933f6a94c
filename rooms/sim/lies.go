package sim

import (
	"bytes"
	"slices"

	"parley/rooms"
	"parley/wire"
)

// A lie changes what a dishonest peer sends: it returns the messages that go out in
// the place of m.
type lie func(w *World, e *end, stream string, m wire.Message) []wire.Message

// lies is the table of what a dishonest peer does.
func lies() []struct {
	name string
	lie  lie
} {
	return []struct {
		name string
		lie  lie
	}{
		{"drops", drops},
		{"replays", replays},
		{"reorders", reorders},
		{"corrupts", corrupts},
		{"withholds an author", withholds},
		{"lies about digests", digests},
		{"lies about heads", heads},
		{"lies about ranges", ranges},
	}
}

// doLie makes a peer dishonest, or more so. There is one at most, and only among three or more.
func doLie(w *World, a Action) {
	var p *Peer
	for _, q := range w.peers {
		if q.evil {
			p = q
		}
	}
	if p == nil && len(w.peers) >= 3 {
		p = w.peerOf(a.A)
		if w.people[0].peer == p { // the founder is needed
			p = w.peerOf(a.A + 1)
		}
	}
	if p == nil {
		return
	}
	p.evil = true
	list := lies()
	l := list[a.B%len(list)]
	w.say("%s %s", p.name, l.name)
	p.lies = append(p.lies, func(w *World, e *end, stream string, m wire.Message) []wire.Message {
		out := l.lie(w, e, stream, m)
		if len(out) != 1 || out[0] != m {
			w.totals.fault("lies of peers", 1)
		}
		return out
	})
}

func drops(w *World, _ *end, _ string, m wire.Message) []wire.Message {
	switch m.(type) {
	case *wire.Offer, *wire.Match, *wire.OpenRoom:
	default:
		if w.rng.IntN(5) == 0 {
			return nil
		}
	}
	return []wire.Message{m}
}

func replays(w *World, e *end, stream string, m wire.Message) []wire.Message {
	out := []wire.Message{m}
	if len(e.said) < 64 {
		e.said = append(e.said, spoken{stream, m})
	}
	if s := e.said[w.rng.IntN(len(e.said))]; w.rng.IntN(8) == 0 && s.stream == stream {
		out = append(out, s.msg)
	}
	return out
}

func reorders(w *World, e *end, stream string, m wire.Message) []wire.Message {
	if e.kept != nil && e.kept.stream == stream {
		out := []wire.Message{m, e.kept.msg}
		e.kept = nil
		return out
	}
	if e.kept == nil && w.rng.IntN(6) == 0 {
		e.kept = &spoken{stream, m}
		return nil
	}
	return []wire.Message{m}
}

// corrupts changes a byte of a run or a record. The receiver ends the session, so it is rare.
func corrupts(w *World, _ *end, _ string, m wire.Message) []wire.Message {
	if w.rng.IntN(30) != 0 {
		return []wire.Message{m}
	}
	flip := func(raw []byte) []byte {
		raw = bytes.Clone(raw)
		raw[w.rng.IntN(len(raw))] ^= 1 << w.rng.IntN(8)
		return raw
	}
	switch m := m.(type) {
	case *wire.Push:
		c := &wire.Push{Ref: m.Ref, Runs: slices.Clone(m.Runs)}
		c.Runs[0] = flip(c.Runs[0])
		return []wire.Message{c}
	case *wire.Runs:
		c := &wire.Runs{Runs: slices.Clone(m.Runs)}
		c.Runs[0] = flip(c.Runs[0])
		return []wire.Message{c}
	case *wire.Records:
		if len(m.Records) > 0 {
			c := *m
			c.Records = slices.Clone(m.Records)
			c.Records[0] = flip(c.Records[0])
			return []wire.Message{&c}
		}
	}
	return []wire.Message{m}
}

// victim is whom the peer keeps quiet about.
func (w *World) victim() wire.ID { return w.people[int(w.seed)%len(w.people)].id() }

func withholds(w *World, _ *end, _ string, m wire.Message) []wire.Message {
	without := func(raws [][]byte) (out [][]byte) {
		for _, raw := range raws {
			if r, err := rooms.ParseRun(raw); err != nil || r.Author != w.victim() {
				out = append(out, raw)
			}
		}
		return out
	}
	switch m := m.(type) {
	case *wire.Push:
		if runs := without(m.Runs); len(runs) < len(m.Runs) {
			return some(len(runs), &wire.Push{Ref: m.Ref, Runs: runs})
		}
	case *wire.Runs:
		if runs := without(m.Runs); len(runs) < len(m.Runs) {
			return some(len(runs), &wire.Runs{Runs: runs})
		}
	}
	return []wire.Message{m}
}

func some(n int, m wire.Message) []wire.Message {
	if n == 0 {
		return nil
	}
	return []wire.Message{m}
}

func digests(w *World, _ *end, _ string, m wire.Message) []wire.Message {
	if s, ok := m.(*wire.State); ok && w.rng.IntN(2) == 0 {
		return []wire.Message{&wire.State{Ref: s.Ref, Digest: w.noise(16)}}
	}
	return []wire.Message{m}
}

func (w *World) noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(w.rng.Uint32())
	}
	return b
}

// heads tells of more, of less and of other runs than there are.
func heads(w *World, _ *end, _ string, m wire.Message) []wire.Message {
	twist := func(list wire.List[wire.Head]) wire.List[wire.Head] {
		list = slices.Clone(list)
		for i := range list {
			switch w.rng.IntN(4) {
			case 0:
				list[i].Last += w.rng.Uint64N(50)
			case 1:
				list[i].Link = wire.ID(w.noise(32))
			case 2:
				list[i].Last = 1 + w.rng.Uint64N(list[i].Last)
			}
		}
		return list
	}
	switch m := m.(type) {
	case *wire.Announce:
		return []wire.Message{&wire.Announce{Ref: m.Ref, Heads: twist(m.Heads)}}
	case *wire.RangesReply:
		c := *m
		c.Heads = twist(m.Heads)
		return []wire.Message{&c}
	}
	return []wire.Message{m}
}

// ranges answers comparisons with too little, or with what is not there.
func ranges(w *World, _ *end, _ string, m wire.Message) []wire.Message {
	r, ok := m.(*wire.RangesReply)
	if !ok || w.rng.IntN(2) == 0 {
		return []wire.Message{m}
	}
	c := *r
	switch w.rng.IntN(3) {
	case 0:
		c.Keys, c.Heads = nil, nil
	case 1:
		c.Children = nil
	default:
		c.Keys = append(slices.Clone(c.Keys), wire.ID(w.noise(32)))
	}
	return []wire.Message{&c}
}
