package fuzz

import (
	"slices"
	"time"

	"parley/cmd/internal/script"
	"parley/wire"
)

// disturb applies mutations to the steps of a conversation: a few, since most
// end the connection that they are on.
func (g *gen) disturb(steps []Step) []Step {
	if g.chance(20) {
		return steps // what is signed was mutated already
	}
	for range 1 + g.n(4) {
		// Late in the conversation for the most part, when there is more of it to disturb.
		at := max(g.n(len(steps)), g.n(len(steps)))
		switch g.n(10) {
		case 0, 1, 2, 3:
			g.changeValues(steps, at)
		case 4, 5:
			steps = g.changeOrder(steps, at)
		case 6, 7:
			steps = g.changeFrame(steps, at)
		case 8:
			steps = g.changeTiming(steps, at)
		default:
			steps = g.changeRecords(steps, at)
		}
	}
	if len(steps) > maxSteps {
		steps = steps[:maxSteps]
	}
	return steps
}

// from is the next step at or behind a place that sends a frame; -1: none does.
func from(steps []Step, at int) int {
	i := slices.IndexFunc(steps[at:], func(s Step) bool { return s.Op == opSend })
	if i < 0 {
		return slices.IndexFunc(steps, func(s Step) bool { return s.Op == opSend })
	}
	return at + i
}

// changeValues edits the body of a frame.
func (g *gen) changeValues(steps []Step, at int) {
	i := from(steps, at)
	if i < 0 {
		return
	}
	s := &steps[i]
	body := s.Body
	for _, e := range s.Edits {
		body = e.apply(body)
	}
	for range 1 + g.n(2) {
		if len(s.Edits) == maxEdits {
			return
		}
		e := g.edit(body)
		body = e.apply(body)
		s.Edits = append(slices.Clone(s.Edits), e)
	}
}

// changeOrder drops, doubles, swaps or repeats steps, or brings one from another connection.
func (g *gen) changeOrder(steps []Step, at int) []Step {
	switch g.n(6) {
	case 0:
		return slices.Delete(slices.Clone(steps), at, min(at+1+g.n(3), len(steps)))
	case 1:
		return slices.Insert(slices.Clone(steps), at, steps[at])
	case 2:
		other := g.n(len(steps))
		steps = slices.Clone(steps)
		steps[at], steps[other] = steps[other], steps[at]
		return steps
	case 3: // an earlier one again, or a later one already
		return slices.Insert(slices.Clone(steps), at, steps[g.n(len(steps))])
	case 4: // of another connection, which may be of another kind
		s := steps[g.n(len(steps))]
		s.Conn = steps[at].Conn
		return slices.Insert(slices.Clone(steps), at, s)
	default: // many times
		n := min(2+g.n(40), maxSteps-len(steps))
		if n <= 0 || steps[at].Op != opSend {
			return steps
		}
		burst := slices.Repeat([]Step{steps[at]}, n)
		for i := range burst[:n-1] {
			burst[i].Hold = len(burst[i].Body)*n < maxPart
		}
		return slices.Insert(slices.Clone(steps), at, burst...)
	}
}

// changeFrame changes what is around a body: type, stream, fragments.
func (g *gen) changeFrame(steps []Step, at int) []Step {
	i := from(steps, at)
	if i < 0 {
		return steps
	}
	steps = slices.Clone(steps)
	s := &steps[i]
	switch g.n(8) {
	case 0: // another type, which may be legal there
		rows := wire.Rows()
		s.Type = rows[g.n(len(rows))].Type
	case 1:
		s.Type = wire.Type([]uint16{0, 7, 15, 63, 100, 0x3fff, 0x4000, 0x4001, 0xffff}[g.n(9)])
	case 2:
		s.Answer, s.Stream = false, uint32(g.bound(uint64(s.Stream)))
	case 3:
		s.Answer, s.Stream = false, script.Stream(uint32(g.n(4)), uint32(g.n(4)))|uint32(4*g.n(2))
	case 4:
		s.Parts = 2 + g.n(20)
	case 5:
		s.Parts, s.Total = 2+g.n(3), g.bound(uint64(len(s.Body)))
	case 6: // a later fragment, which continues nothing or what is under way
		return slices.Insert(steps, i, Step{Conn: s.Conn, Op: opLater, Stream: s.Stream, Body: g.random(1 + g.n(100))})
	default: // into one record with the next
		for j := i; j < min(i+1+g.n(8), len(steps)); j++ {
			steps[j].Hold = steps[j].Op == opSend && len(steps[j].Body) < maxPart/8
		}
	}
	return steps
}

// changeTiming stalls, waits, hangs up, and connects anew.
func (g *gen) changeTiming(steps []Step, at int) []Step {
	conn := steps[at].Conn
	one := func(all ...Step) []Step { return slices.Insert(slices.Clone(steps), at, all...) }
	switch g.n(8) {
	case 0, 1: // a slow reader
		steps = one(Step{Conn: conn, Op: opStall})
		if g.chance(60) {
			later := at + 1 + g.n(len(steps)-at)
			steps = slices.Insert(steps, later, Step{Conn: conn, Op: opResume})
		}
		return steps
	case 2:
		return one(Step{Conn: conn, Op: opWait, Wait: time.Duration(g.n(200)) * time.Millisecond})
	case 3:
		return one(Step{Conn: conn, Op: opMute})
	case 4:
		return one(Step{Conn: conn, Op: opHalf})
	case 5: // and nothing more
		return one(Step{Conn: conn, Op: opCut})
	case 6:
		return one(Step{Conn: conn, Op: opClose, N: uint64(g.n(20))})
	default: // the connection is cut, and all of it begins again on a new one
		var again []Step
		for _, s := range steps {
			if s.Conn == conn {
				s.Conn = g.conns + 1
				again = append(again, s)
			}
		}
		g.conns++
		return slices.Concat(steps[:at:at], []Step{{Conn: conn, Op: opCut}}, again, steps[at:])
	}
}

// changeRecords does something to the records themselves.
func (g *gen) changeRecords(steps []Step, at int) []Step {
	s := Step{Conn: steps[at].Conn, Op: opRecord, Kind: recordKinds[g.n(len(recordKinds))]}
	switch s.Kind {
	case "length":
		s.N = []uint64{0, 1, 47, 48, 49, 64, 65520, 65532, 65533, 65536, 1 << 20, 1<<32 - 1}[g.n(12)]
	case "split":
		s.N = uint64(1 + g.n(50))
	case "generation", "counter":
		s.N = g.bound(1)
	default:
		s.N = uint64(g.n(400))
	}
	return slices.Insert(slices.Clone(steps), at, s)
}
