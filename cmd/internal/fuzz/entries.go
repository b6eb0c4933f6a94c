package fuzz

import (
	"slices"

	"parley/cmd/internal/script"
	"parley/rooms"
	"parley/wire"
)

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
	return script.Invite(keys.Sign.Public(), keys.Seal.Public(), uses, 0, role)
}

// body is a body of a kind that keeps the rules, made from what the one who
// plays the role knows. It names neither the honest member nor its log.
func (g *gen) body(kind uint64, by *script.Identity) []byte {
	w := g.w
	nonce := g.random(16)
	switch kind {
	case script.KindGenesis:
		return script.GenesisBody{Nonce: nonce, Name: "another", Bundle: by.Bundle}.Bytes()
	case script.KindEpoch:
		return script.Epoch(nonce, script.Commitment(nonce, w.room, [32]byte(g.random(32))))
	case script.KindInvite:
		return w.inviteBody(g.pick("link", "other"), uint64(g.n(3)), uint64(1+g.n(3)))
	case script.KindJoin:
		return script.Join(w.invite, w.linkKeys(g.invitation()).Sign.Public(), by.Bundle, nonce)
	case script.KindLeave:
		return script.Leave()
	case script.KindAdd:
		return script.Add(w.who(g.scratch()).Bundle, uint64(1+g.n(3)))
	case script.KindStop:
		pins := []script.Pin{}
		if len(g.own) > 0 {
			r := g.own[g.n(len(g.own))]
			pins = append(pins, script.Pin{Log: r.Log(), Number: r.First, Link: r.Hash()})
		}
		return script.Stop{
			Subject: w.who(g.scratch()).ID(), Pins: pins, Nonce: nonce,
			Commitment: script.Commitment(nonce, w.room, [32]byte(g.random(32))),
		}.Bytes()
	case script.KindLift, script.KindAppoint:
		return script.Subject(w.who(g.scratch()).ID())
	case script.KindDemote:
		return script.Demote(g.appointment(), g.appointment(), nil, nonce, wire.ID(g.random(32)))
	case script.KindPolicy:
		return script.Policy{
			Name: g.pick("den", "x"), Topic: g.pick("", "topic"), History: uint64(g.n(2)),
			Capacity: uint64(g.n(3)), Retention: uint64(g.n(1000)), EpochAge: uint64(g.n(1000)),
		}.Bytes()
	case script.KindHandover:
		return script.OneBundle(w.who("admin").Bundle)
	case script.KindRevoke:
		return script.Revoke([]wire.ID{w.invite}, nil)
	case script.KindTrim:
		floor := script.Floor{Log: wire.ID(g.random(32)), Number: 1, Link: wire.ID(g.random(32)), FirstHeads: w.tips, Heads: w.tips}
		if len(g.own) > 0 {
			r := g.own[g.n(len(g.own))]
			floor.Log, floor.Number, floor.Link = r.Log(), r.First, r.Hash()
		}
		return script.Trim(floor)
	case script.KindRenew:
		return script.OneBundle(g.bundle(by))
	default: // a pair
		return script.OneBundle(w.who("stranger").Public())
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
			e.Heads = script.Sorted(append(e.Heads, w.invite)...)
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
			e.Heads = script.Sorted(append(slices.Clone(w.tips), e.Chain)...)
		}
	}
	if kind != script.KindHandover && g.chance(50) {
		g.spoilEntry(e)
	} else if who == "master" && e.Number > 1 {
		g.tip = e
	}
	switch {
	case e.Kind == script.KindJoin:
		raw = e.BothIn("join", by.Signer, "join-link", w.linkKeys(g.invitation()).Sign)
	case e.Kind == script.KindHandover:
		raw = e.BothIn("entry", by.Signer, "handover", w.who("admin").Signer)
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
			e.Number, e.Prev, e.Heads = before.Number+1, before.ID(), script.Sorted(append(e.Heads, before.ID())...)
		}
	case 1: // behind what is not there
		if e.Number > 1 {
			e.Prev = wire.ID(g.random(32))
			e.Heads = script.Sorted(e.Prev)
		}
	case 2:
		e.Heads = script.Sorted(append(e.Heads, g.entryID())...)
	case 3:
		e.Time = g.bound(e.Time)
	default:
		if len(e.Heads) > 0 && e.Number == 0 {
			e.Heads = script.Sorted(g.entryID())
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
		return script.Sorted(append([]wire.ID{g.id()}, now...)...)
	case 3:
		return append([]wire.ID{g.id(), g.id()}, now...) // in any order
	case 4:
		var many []wire.ID
		for range []int{63, 64, 65}[g.n(3)] {
			many = append(many, wire.ID(g.random(32)))
		}
		return script.Sorted(many...)
	default:
		return []wire.ID{g.w.room}
	}
}
