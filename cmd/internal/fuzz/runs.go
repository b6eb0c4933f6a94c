package fuzz

import (
	"bytes"
	"slices"

	"parley/cmd/internal/script"
	"parley/wire"
)

// run is a signed run by somebody whom the role plays, in the room or in the
// lobby: one that may count, one of which something was changed before it was
// signed, or one that forks its log.
func (g *gen) run(lobby bool) (raw []byte, r *script.Run) {
	who := g.signer()
	if lobby {
		who = g.pick("stranger", "loud")
	}
	by := g.w.who(who)
	r = g.nextRun(who, lobby)
	for range g.n(3) {
		g.message(r)
	}
	if g.chance(45) {
		g.spoilRun(r)
	} else if !lobby {
		g.own = append(g.own, r)
	}
	return r.Bytes(by.Signer), r
}

// nextRun is the first run of a new log, or one that follows an earlier one of
// this episode, or stands beside it.
func (g *gen) nextRun(who string, lobby bool) *script.Run {
	w := g.w
	room, epoch, heads := w.room, wire.ID{}, []wire.ID(nil)
	if lobby {
		room = w.lobby
	} else {
		e := w.epochs[len(w.epochs)-1]
		if w.script.Role == roleRemoved {
			e = w.epochs[0] // the one whose key it has
		}
		epoch, heads = e.entry, g.newestHeads()
		if n := len(w.seen); w.script.Role == roleRemoved && g.chance(60) {
			heads = []wire.ID{w.seen[n-2].ID()} // as if it did not know of its removal
		}
	}
	for _, before := range g.own {
		if !lobby && bytes.Equal(before.Key, w.who(who).Public()) && g.chance(60) {
			r := before.Next()
			if g.chance(15) { // a sibling
				sibling := *before
				sibling.Messages = nil
				r = &sibling
			}
			g.message(r)
			return r
		}
	}
	r := &script.Run{Room: room, Key: w.who(who).Public(), Salt: g.random(16), First: 1, Epoch: epoch, Heads: heads, Clock: w.hlc()}
	r.Incarnate()
	g.message(r)
	return r
}

// newestHeads are the newest entries that the one in the role knows.
func (g *gen) newestHeads() []wire.ID {
	if g.tip != nil && g.chance(50) {
		return []wire.ID{g.tip.ID()}
	}
	return slices.Clone(g.w.tips)
}

// message adds a message that looks like a sealed one; only readers could tell.
func (g *gen) message(r *script.Run) {
	size := 64 + 16*g.n(8)
	if g.chance(3) {
		size = 64 + 16*g.n(2000)
	}
	r.Messages = append(r.Messages, g.random(size))
}

// spoilRun changes something of a run: for the most part so that it is still a
// run, of which only its room's rules can tell what is wrong.
func (g *gen) spoilRun(r *script.Run) {
	if g.chance(20) {
		g.breakRun(r)
		return
	}
	switch g.n(8) {
	case 0, 1: // a gap, or something else before it
		if r.First == 1 {
			r.First, r.Salt = 1+uint64(1+g.n(3)), nil
		} else {
			r.First += uint64(1 + g.n(3))
		}
		r.Prev = g.link()
	case 2:
		if r.First > 1 {
			r.Prev = g.link()
		} else {
			r.Epoch = g.id()
		}
	case 3:
		r.Epoch = g.id()
	case 4, 5:
		r.Heads = script.Sorted(g.entryID(), g.entryID())
	case 6:
		r.Clock = g.bound(r.Clock)
	default:
		logs := script.Sorted(g.id(), g.id(), g.id())
		for _, log := range logs[:1+g.n(len(logs))] {
			r.Refs = append(r.Refs, wire.Ref{Log: log, Number: 1 + uint64(g.n(9))})
		}
	}
	if r.First == 1 {
		r.Incarnate()
	}
}

// entryID is an entry of the room's for the most part.
func (g *gen) entryID() wire.ID {
	if k := g.w.known.entryIDs; len(k) > 0 && g.chance(80) {
		return k[g.n(len(k))]
	}
	return wire.ID(g.random(32))
}

// link is a run's hash, or nothing's.
func (g *gen) link() wire.ID {
	switch k := g.w.known.heads; {
	case len(g.own) > 0 && g.chance(60):
		return g.own[g.n(len(g.own))].Hash()
	case len(k) > 0 && g.chance(60):
		return k[g.n(len(k))].Link
	}
	return wire.ID(g.random(32))
}

// breakRun makes a run that no honest peer stores or forwards.
func (g *gen) breakRun(r *script.Run) {
	switch g.n(11) {
	case 0:
		r.First = g.bound(r.First)
	case 1:
		r.Prev = g.id()
	case 2:
		r.Heads = g.heads(r.Heads)
	case 3:
		for range 1 + g.n(5) {
			r.Refs = append(r.Refs, wire.Ref{Log: g.id(), Number: g.bound(1)})
		}
	case 4:
		r.Messages = nil
	case 5:
		for range 513 - len(r.Messages) {
			r.Messages = append(r.Messages, g.random(64))
		}
	case 6:
		r.Messages[0] = g.random(g.n(80))
	case 7:
		r.Salt = g.random(g.n(40))
	case 8:
		r.Version = g.bound(2)
	case 9:
		r.Room = g.id()
	default:
		r.Key = g.w.who(g.scratch()).Public() // and so not its signature
	}
}

// proof is a proof that two runs are siblings, which they may not be.
func (g *gen) proof() []byte {
	_, a := g.run(false)
	b := *a
	b.Messages = nil
	g.message(&b)
	if g.chance(30) {
		g.spoilRun(&b)
	}
	x, y := a, &b
	if h, k := x.Hash(), y.Hash(); h.Compare(k) > 0 && !g.chance(10) {
		x, y = y, x
	}
	by := g.w.who(g.signer())
	for _, who := range []string{"master", "member", "admin", "removed", "relay", "stranger"} {
		if bytes.Equal(g.w.who(who).Public(), a.Key) {
			by = g.w.who(who)
		}
	}
	raw := wire.AppendID(wire.AppendUint(wire.AppendArray(nil, 8), 1), a.Room)
	raw = wire.AppendID(wire.AppendBin(raw, a.Key), a.Incarnation)
	raw = wire.AppendID(wire.AppendUint(raw, a.First), a.Prev)
	for _, r := range []*script.Run{x, y} {
		raw = wire.AppendID(wire.AppendArray(raw, 6), r.Epoch)
		raw = wire.AppendArray(wire.AppendUint(script.AppendIDs(raw, r.Heads), r.Clock), len(r.Refs))
		for _, ref := range r.Refs {
			raw = wire.AppendUint(wire.AppendID(wire.AppendArray(raw, 2), ref.Log), ref.Number)
		}
		raw = wire.AppendArray(raw, len(r.Messages))
		for _, m := range r.Messages {
			raw = wire.AppendID(raw, leaf(m))
		}
		hash := r.Hash()
		raw = wire.AppendBin(raw, by.Sign("run", hash[:]))
	}
	return raw
}

func leaf(m []byte) wire.ID {
	if len(m) < 48 {
		return wire.Hash("msg", m, nil, nil)
	}
	return wire.Hash("msg", m[:16], m[16:len(m)-32], m[len(m)-32:])
}
