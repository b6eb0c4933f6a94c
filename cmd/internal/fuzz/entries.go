package fuzz

import (
	"slices"

	"parley/cmd/internal/script"
	"parley/rooms"
	"parley/wire"
)

func appointBody(subject wire.ID) []byte { return wire.AppendID(wire.AppendArray(nil, 1), subject) }

func policyBody(name, topic string, history, capacity, retention, age uint64) []byte {
	b := wire.AppendStr(wire.AppendStr(wire.AppendArray(nil, 6), name), topic)
	b = wire.AppendUint(wire.AppendUint(b, history), capacity)
	return wire.AppendUint(wire.AppendUint(b, retention), age)
}

// linkKeys are the keys of a link whose secret follows from a label.
func (w *world) linkKeys(label string) *rooms.LinkKeys {
	keys, err := (&rooms.Link{Room: w.room, Secret: [32]byte(w.bytes("link "+label, 32))}).Keys()
	if err != nil {
		panic(err) // every secret makes keys
	}
	return keys
}

func (w *world) inviteBody(label string, uses, role uint64) []byte {
	keys := w.linkKeys(label)
	b := wire.AppendBin(wire.AppendBin(wire.AppendArray(nil, 5), keys.Sign.Public()), keys.Seal.Public())
	return wire.AppendUint(wire.AppendUint(wire.AppendUint(b, uses), 0), role)
}

func appendIDs(b []byte, ids []wire.ID) []byte {
	b = wire.AppendArray(b, len(ids))
	for _, id := range ids {
		b = wire.AppendID(b, id)
	}
	return b
}

// body is a body of a kind that keeps the rules, made from what the one who
// plays the role knows. It names neither the honest member nor its log.
func (g *gen) body(kind uint64, by *script.Identity) []byte {
	w := g.w
	nonce := g.random(16)
	array := func(n int) []byte { return wire.AppendArray(nil, n) }
	switch kind {
	case script.KindGenesis:
		return script.Genesis(nonce, "another", by.Bundle)
	case script.KindEpoch:
		return script.Epoch(nonce, w.room, [32]byte(g.random(32)))
	case script.KindInvite:
		return w.inviteBody(g.pick("link", "other"), uint64(g.n(3)), uint64(1+g.n(3)))
	case script.KindJoin:
		b := wire.AppendBin(wire.AppendID(array(4), w.invite), w.linkKeys(g.invitation()).Sign.Public())
		return wire.AppendBin(wire.AppendBin(b, by.Bundle), nonce)
	case script.KindLeave:
		return wire.AppendArray(array(1), 0)
	case script.KindAdd:
		return script.Add(w.who(g.scratch()).Bundle, uint64(1+g.n(3)))
	case script.KindStop:
		pins := []script.Pin{}
		if len(g.own) > 0 {
			r := g.own[g.n(len(g.own))]
			pins = append(pins, script.Pin{Log: r.Log(), Number: r.First, Link: r.Hash()})
		}
		return script.Removal(w.who(g.scratch()).ID(), pins, nonce, w.room, [32]byte(g.random(32)))
	case script.KindLift, script.KindAppoint:
		return appointBody(w.who(g.scratch()).ID())
	case script.KindDemote:
		b := appendIDs(wire.AppendID(wire.AppendID(array(5), g.appointment()), g.appointment()), nil)
		return wire.AppendID(wire.AppendBin(b, nonce), wire.ID(g.random(32)))
	case script.KindPolicy:
		return policyBody(g.pick("den", "x"), g.pick("", "topic"), uint64(g.n(2)), uint64(g.n(3)), uint64(g.n(1000)), uint64(g.n(1000)))
	case script.KindHandover:
		return wire.AppendBin(array(1), w.who("admin").Bundle)
	case script.KindRevoke:
		return appendIDs(appendIDs(array(2), []wire.ID{w.invite}), nil)
	case script.KindTrim:
		b := wire.AppendArray(wire.AppendArray(array(1), 1), 5)
		log, number, link := wire.ID(g.random(32)), uint64(1), wire.ID(g.random(32))
		if len(g.own) > 0 {
			r := g.own[g.n(len(g.own))]
			log, number, link = r.Log(), r.First, r.Hash()
		}
		b = wire.AppendID(wire.AppendUint(wire.AppendID(b, log), number), link)
		return appendIDs(appendIDs(b, w.tips), w.tips)
	case script.KindRenew:
		return wire.AppendBin(array(1), g.bundle(by))
	default: // a pair
		return wire.AppendBin(array(1), w.who("stranger").Public())
	}
}

// invitation is the label of a link: the den's, or of one who was never given it another.
func (g *gen) invitation() string {
	if g.w.script.Role == roleOutsider {
		return "other"
	}
	return "link"
}

// bundle is a newer bundle of an identity.
func (g *gen) bundle(by *script.Identity) []byte {
	b := wire.AppendUint(wire.AppendArray(nil, 6), 1)
	b = wire.AppendUint(wire.AppendBin(b, by.Public()), uint64(2+g.n(3)))
	b = wire.AppendStr(wire.AppendBin(b, by.Sealing.Public()), g.pick("fuzz", "renewed"))
	return wire.AppendBin(b, by.Sign("bundle", b))
}

// appointment is the entry that appointed the den's admin.
func (g *gen) appointment() wire.ID {
	for _, e := range g.w.seen {
		if e.Kind == script.KindAppoint {
			return e.ID()
		}
	}
	return wire.ID(g.random(32))
}

// entry is a signed entry by somebody whom the role plays: one that may count, or
// one of which something was changed before it was signed.
func (g *gen) entry() (raw []byte, id wire.ID) {
	w, who := g.w, g.signer()
	by := w.who(who)
	kind := uint64(1 + g.n(script.KindPair))
	if kind == script.KindLeave && w.honest == nil {
		kind = script.KindRenew // or it would be no member from here on
	}
	e := &script.Entry{Room: w.room, Kind: kind, Key: by.Public(), Time: w.nanos(), Body: g.body(kind, by)}
	switch kind {
	case script.KindJoin, script.KindLeave, script.KindRenew:
		e.Heads = slices.Clone(w.tips)
		if kind == script.KindJoin {
			e.Heads = sorted(append(e.Heads, w.invite)...)
		}
	case script.KindGenesis:
		e.Room, e.Number = wire.ID{}, 1
	case script.KindPair:
		e.Room, e.Number, e.Time = wire.ID{}, 1, 0
	default:
		e.Number, e.Prev = uint64(len(w.seen)+1), w.tips[0]
		e.Heads = slices.Clone(w.tips)
		if last := g.tip; who == "master" && last != nil && kind != script.KindHandover {
			e.Number, e.Prev, e.Heads = last.Number+1, last.ID(), []wire.ID{last.ID()}
		}
		if who == "admin" {
			e.Chain, e.Number, e.Prev = g.appointment(), 1, wire.ID{}
			e.Heads = sorted(append(slices.Clone(w.tips), e.Chain)...)
		}
	}
	if kind != script.KindHandover && g.chance(50) {
		g.spoilEntry(e)
	} else if who == "master" && e.Number > 1 {
		g.tip = e
	}
	switch {
	case e.Kind == script.KindJoin:
		raw = e.Cosigned(by.Signer, "join", w.linkKeys(g.invitation()).Sign, "join-link")
	case e.Kind == script.KindHandover:
		raw = e.Cosigned(by.Signer, "entry", w.who("admin").Signer, "handover")
	case e.Kind == script.KindPair:
		raw = e.Unsigned()
	default:
		raw = e.Bytes(by.Signer)
	}
	return raw, e.ID()
}

// spoilEntry changes something of an entry: for the most part so that it is still
// one, of which only its room's rules can tell what is wrong.
func (g *gen) spoilEntry(e *script.Entry) {
	if g.chance(30) {
		g.breakEntry(e)
		return
	}
	switch g.n(5) {
	case 0: // elsewhere in the chain
		if n := len(g.w.seen); n > 1 && e.Number > 1 {
			before := g.w.seen[g.n(n)]
			e.Number, e.Prev, e.Heads = before.Number+1, before.ID(), sorted(append(e.Heads, before.ID())...)
		}
	case 1: // behind what is not there
		if e.Number > 1 {
			e.Prev = wire.ID(g.random(32))
			e.Heads = sorted(e.Prev)
		}
	case 2:
		e.Heads = sorted(append(e.Heads, g.entryID())...)
	case 3:
		e.Time = g.bound(e.Time)
	default:
		if len(e.Heads) > 0 && e.Number == 0 {
			e.Heads = sorted(g.entryID())
		}
	}
}

// breakEntry makes an entry that is refused, or that ends the session.
func (g *gen) breakEntry(e *script.Entry) {
	switch g.n(9) {
	case 0:
		e.Number = g.bound(e.Number)
	case 1:
		e.Prev = g.id()
	case 2:
		e.Heads = g.heads(e.Heads)
	case 3:
		e.Chain = g.id()
	case 4:
		e.Kind = g.bound(e.Kind)
	case 5:
		e.Key = g.w.who(g.scratch()).Public() // and so not its signature
	case 6:
		e.Room = g.id()
	default:
		e.Body = g.spoil(e.Body)
	}
}

// heads are other heads than these.
func (g *gen) heads(now []wire.ID) []wire.ID {
	switch g.n(6) {
	case 0:
		return nil
	case 1:
		return append(append([]wire.ID{}, now...), now...)
	case 2:
		return sorted(append([]wire.ID{g.id()}, now...)...)
	case 3:
		return append([]wire.ID{g.id(), g.id()}, now...) // in any order
	case 4:
		var many []wire.ID
		for range []int{63, 64, 65}[g.n(3)] {
			many = append(many, wire.ID(g.random(32)))
		}
		return sorted(many...)
	default:
		return []wire.ID{g.w.room}
	}
}
