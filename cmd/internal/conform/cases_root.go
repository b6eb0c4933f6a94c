package conform

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/cmd/internal/script"
	"parley/wire"
)

// rootCases are the rules of a room's first entry, and of rooms of two.
func rootCases() []Case {
	// root hands over a first entry as a user who wants the room kept, and wants it refused.
	root := func(name string, f func(t *T, by *script.Identity) (room wire.ID, raw []byte)) Case {
		return Case{Name: name, Section: sectionEntries, Expect: "the stream ended with code 17 (invalid), and the room not kept", run: func(t *T) {
			by := t.identity()
			room, raw := f(t, by)
			s := t.user(by)
			s.streamEnds(s.ask(script.Interactive, &wire.Submit{
				Room: room, Entries: wire.List[wire.Bytes]{raw}, Delegation: script.Delegation(by.Signer, room, t.remote(by), 1),
			}), wire.CodeInvalid)
			s.streamEnds(s.ask(script.Interactive, &wire.AuthorityGet{Room: room}), wire.CodeNotFound)
		}}
	}
	// genesis is root of a genesis entry that f makes wrong.
	genesis := func(name string, f func(t *T, e *script.Entry, g *script.GenesisBody)) Case {
		return root("a genesis "+name, func(t *T, by *script.Identity) (wire.ID, []byte) {
			e := &script.Entry{Kind: script.KindGenesis, Key: by.Public(), Number: 1}
			g := script.GenesisBody{Nonce: t.random(16), Name: "room", Bundle: by.Bundle}
			f(t, e, &g)
			e.Body = g.Bytes()
			return e.ID(), e.Bytes(by.Signer)
		})
	}
	// pair is root of the first entry of a room of two that f makes wrong.
	pair := func(name string, f func(t *T, one, two []byte) *script.Entry) Case {
		return root(name, func(t *T, by *script.Identity) (wire.ID, []byte) {
			e := f(t, by.Public(), t.identity().Public())
			return e.ID(), e.Unsigned()
		})
	}
	all := []Case{
		genesis("without a name", func(_ *T, _ *script.Entry, g *script.GenesisBody) { g.Name = "" }),
		genesis("with a name of 65 bytes", func(_ *T, _ *script.Entry, g *script.GenesisBody) { g.Name = strings.Repeat("x", 65) }),
		genesis("with a name that holds a line end", func(_ *T, _ *script.Entry, g *script.GenesisBody) { g.Name = "a\nb" }),
		genesis("with a topic of 257 bytes", func(_ *T, _ *script.Entry, g *script.GenesisBody) { g.Topic = strings.Repeat("x", 257) }),
		genesis("with a history of 2", func(_ *T, _ *script.Entry, g *script.GenesisBody) { g.History = 2 }),
		genesis("with a nonce of 15 bytes", func(_ *T, _ *script.Entry, g *script.GenesisBody) { g.Nonce = g.Nonce[:15] }),
		genesis("with another's bundle", func(t *T, _ *script.Entry, g *script.GenesisBody) { g.Bundle = t.identity().Bundle }),
		genesis("that names a room", func(t *T, e *script.Entry, _ *script.GenesisBody) { e.Room = wire.ID(t.random(32)) }),
		genesis("with heads", func(t *T, e *script.Entry, _ *script.GenesisBody) { e.Heads = []wire.ID{wire.ID(t.random(32))} }),
		genesis("that names one before it", func(t *T, e *script.Entry, _ *script.GenesisBody) { e.Prev = wire.ID(t.random(32)) }),
		genesis("of number 2", func(_ *T, e *script.Entry, _ *script.GenesisBody) { e.Number = 2 }),
		genesis("on a chain", func(t *T, e *script.Entry, _ *script.GenesisBody) { e.Chain = wire.ID(t.random(32)) }),
		root("a genesis under another room's ID", func(t *T, by *script.Identity) (wire.ID, []byte) {
			e := &script.Entry{
				Kind: script.KindGenesis, Key: by.Public(), Number: 1,
				Body: script.GenesisBody{Nonce: t.random(16), Name: "room", Bundle: by.Bundle}.Bytes(),
			}
			return wire.ID(t.random(32)), e.Bytes(by.Signer)
		}),
		refused("a second genesis in a room", sectionRefused, func(d *den) []byte {
			e := &script.Entry{
				Kind: script.KindGenesis, Key: d.master.Public(), Number: 1,
				Body: script.GenesisBody{Nonce: d.t.random(16), Name: "den", Bundle: d.master.Bundle}.Bytes(),
			}
			return e.Bytes(d.master.Signer)
		}),
		pair("a room of two whose keys are out of order", func(_ *T, one, two []byte) *script.Entry {
			e := script.PairOf(one, two)
			lower := e.Key
			higher := one
			if slices.Equal(lower, one) {
				higher = two
			}
			return script.Pair(higher, lower)
		}),
		pair("a room of one and the same", func(_ *T, one, _ []byte) *script.Entry { return script.Pair(one, one) }),
		pair("a room of two with a time", func(_ *T, one, two []byte) *script.Entry { e := script.PairOf(one, two); e.Time = 1; return e }),
		pair("a room of two with heads", func(t *T, one, two []byte) *script.Entry {
			e := script.PairOf(one, two)
			e.Heads = []wire.ID{wire.ID(t.random(32))}
			return e
		}),
		pair("a room of two with a key of a reserved algorithm", func(_ *T, one, two []byte) *script.Entry {
			return script.PairOf(one, append([]byte{3}, two[1:]...))
		}),
		root("a room of two that somebody has signed", func(t *T, by *script.Identity) (wire.ID, []byte) {
			e := script.PairOf(by.Public(), t.identity().Public())
			return e.ID(), e.Bytes(by.Signer)
		}),
		{Name: "either of two writes the chain of their room", Section: sectionEntries, Expect: "each held, and both write", run: func(t *T) {
			d := t.pairDen()
			both := []*script.Identity{d.master, d.member}
			for _, by := range both {
				d.master = by
				d.submit(d.user, nil, d.newEpoch())
			}
			for _, by := range both {
				d.writes(d.first(by, "of two"), by)
			}
		}},
		{Name: "a third is told nothing of a room of two", Section: sectionRights, Expect: "no digest, no entry, no run", run: func(t *T) {
			d := t.pairDen()
			r := d.first(d.master, "between us")
			d.writes(r, d.master)
			l := d.offered()
			l.say(&wire.OpenRoom{Delegation: d.delegation(t.identity(), l.self.ID())})
			l.nothing(d, r)
		}},
		{Name: "a third's run in a room of two", Section: sectionValidity, Expect: "no Ack, and the run not held", run: func(t *T) {
			d := t.pairDen()
			eve := t.identity()
			d.unwritten(d.first(eve, "a third"), eve)
		}},
	}
	return append(all, pairKinds()...)
}

// pairKinds are the kinds that a room of two refuses, by one of the two.
func pairKinds() (all []Case) {
	inPair := func(name string, f func(d *den) []byte) {
		all = append(all, Case{Name: "a room of two refuses " + name, Section: sectionRefused, Expect: notHeld, run: func(t *T) {
			d := t.pairDen()
			d.refuses(f(d))
		}})
	}
	for _, k := range []struct {
		name string
		kind uint64
		body func(d *den) []byte
	}{
		{"an invite", script.KindInvite, func(d *den) []byte {
			return inviteBody(&invitation{Identity: d.t.identity()}, 0, 0, script.RoleMember)
		}},
		{"an add", script.KindAdd, addOfOne},
		{"a removal", script.KindStop, func(d *den) []byte { return d.removal(d.member) }},
		{"a lift", script.KindLift, func(d *den) []byte { return script.Subject(d.member.ID()) }},
		{"an appointment", script.KindAppoint, func(d *den) []byte { return script.Subject(d.member.ID()) }},
		{"a policy", script.KindPolicy, func(*den) []byte { return script.Policy{Name: "two"}.Bytes() }},
	} {
		inPair(k.name, func(d *den) []byte { return d.draft(k.kind, k.body(d)).Bytes(d.master.Signer) })
	}
	inPair("a handover", func(d *den) []byte {
		heir := d.t.identity()
		return d.draft(script.KindHandover, script.OneBundle(heir.Bundle)).Both(d.master.Signer, heir.Signer)
	})
	inPair("a leave", func(d *den) []byte {
		return d.beside(script.KindLeave, d.member, script.Leave()).Bytes(d.member.Signer)
	})
	inPair("an entry on its chain by a third", func(d *den) []byte {
		eve := d.t.identity()
		e := d.draft(script.KindEpoch, script.Epoch(d.newKey()))
		e.Key = eve.Public()
		return e.Bytes(eve.Signer)
	})
	inPair("a renewal by a third", func(d *den) []byte {
		eve := d.t.identity()
		return d.beside(script.KindRenew, eve, script.OneBundle(renewed(eve, 2))).Bytes(eve.Signer)
	})
	return all
}

// fresh is an identity that no earlier run has made: whatever follows from
// two keys alone, and what is kept for a user, is known to the peer when it is tried again.
func (t *T) fresh() *script.Identity {
	seed := sha256.Sum256(fmt.Appendf(t.random(32), "%d", time.Now().UnixNano()))
	id, err := script.NewIdentity(seed, "harness")
	if err != nil {
		t.fail("", "the harness cannot make an identity: %v", err)
	}
	return id
}

// pairDen is a room of two, of the master and the member, with an epoch.
func (t *T) pairDen() *den {
	d := &den{t: t, master: t.fresh(), member: t.fresh()}
	d.target = t.remote(d.master)
	d.user = t.user(d.master)
	d.last = script.PairOf(d.master.Public(), d.member.Public())
	d.room = d.last.ID()
	d.submit(d.user, d.delegation(d.master, d.target), d.last.Unsigned(), d.newEpoch())
	return d
}
