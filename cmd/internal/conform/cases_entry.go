package conform

import (
	"fmt"
	"slices"

	"parley/cmd/internal/script"
	"parley/wire"
)

const (
	sectionEntries = "rooms, Entries"
	notHeld        = "the stream ended with code 17 (invalid), and no more entries than before"
)

// refused has the master hand over an entry, and wants it refused and not held.
func refused(name, section string, f func(d *den) []byte) Case {
	return Case{Name: name, Section: section, Expect: notHeld, run: func(t *T) {
		d := t.den()
		d.refuses(f(d))
	}}
}

// refuses hands over an entry, and wants it refused and not held.
func (d *den) refuses(raw []byte) {
	before := d.entries()
	stream := d.user.ask(script.Interactive, &wire.Submit{Room: d.room, Entries: wire.List[wire.Bytes]{raw}})
	d.user.streamEnds(stream, wire.CodeInvalid)
	if n := d.entries(); n != before {
		d.t.fail(fmt.Sprintf("%d entries", n), "the peer holds another number of entries than the %d before", before)
	}
}

// A change makes an entry wrong before it is signed.
type change func(d *den, e *script.Entry)

// changed hands over an entry of the master's that is wrong.
func changed(name, section string, kind uint64, body func(d *den) []byte, f change) Case {
	return refused(name, section, func(d *den) []byte {
		e := d.draft(kind, body(d))
		f(d, e)
		return e.Bytes(d.master.Signer)
	})
}

// addOfOne is the body of an entry that would be in order.
func addOfOne(d *den) []byte { return script.Add(d.t.identity().Bundle, script.RoleMember) }

// wrongAdd is changed of an add.
func wrongAdd(name, section string, f change) Case {
	return changed(name, section, script.KindAdd, addOfOne, f)
}

// entryCases are the rules of an entry's form, place and signatures.
func entryCases() []Case {
	// raw hands over an add whose bytes were changed.
	raw := func(name, section string, f func(b []byte) []byte) Case {
		return refused(name, section, func(d *den) []byte {
			return f(d.draft(script.KindAdd, addOfOne(d)).Bytes(d.master.Signer))
		})
	}
	cases := []Case{
		{Name: "entries of every kind that are in order are held", Section: sectionEntries, Expect: "each held", run: everyKind},
		raw("an entry cut by a byte", sectionEntries, func(b []byte) []byte { return b[:len(b)-1] }),
		raw("an entry with a byte behind it", sectionEntries, func(b []byte) []byte { return append(b, 0) }),
		raw("an entry with its array in a longer form", sectionCanon, func(b []byte) []byte { return slices.Concat([]byte{0xdc, 0, 11}, b[1:]) }),
		raw("an entry that is empty", sectionEntries, func([]byte) []byte { return nil }),
		raw("an entry with a bit of its signature altered", sectionRefused, func(b []byte) []byte { b[len(b)-1] ^= 1; return b }),
		wrongAdd("an entry of version 2", sectionRefused, func(_ *den, e *script.Entry) { e.Version = 2 }),
		wrongAdd("an entry of kind 0", sectionRefused, func(_ *den, e *script.Entry) { e.Kind = 0 }),
		wrongAdd("an entry of kind 17", sectionRefused, func(_ *den, e *script.Entry) { e.Kind = 17 }),
		refused("an entry signed by another", sectionRefused, func(d *den) []byte {
			return d.draft(script.KindAdd, addOfOne(d)).Bytes(d.member.Signer)
		}),
		refused("an entry signed in a join's context", sectionRefused, func(d *den) []byte {
			return d.draft(script.KindAdd, addOfOne(d)).In("join", d.master.Signer)
		}),
		refused("an entry of one signature that has two", sectionEntries, func(d *den) []byte {
			return d.draft(script.KindAdd, addOfOne(d)).BothIn("entry", d.master.Signer, "handover", d.member.Signer)
		}),
		wrongAdd("an entry by a key of a reserved algorithm", sectionRefused, func(_ *den, e *script.Entry) { e.Key = append([]byte{3}, e.Key[1:]...) }),
		wrongAdd("an entry with a byte behind its body", sectionEntries, func(_ *den, e *script.Entry) { e.Body = append(e.Body, 0) }),
		wrongAdd("an entry with a number in a longer form in its body", sectionCanon, func(_ *den, e *script.Entry) {
			e.Body = append(e.Body[:len(e.Body)-1], 0xcc, 3)
		}),
		wrongAdd("an entry whose body is another kind's", sectionEntries, func(d *den, e *script.Entry) { e.Body = script.Subject(d.member.ID()) }),
		wrongAdd("an entry that names no room", sectionRefused, func(_ *den, e *script.Entry) { e.Room = wire.ID{} }),
		wrongAdd("an entry with heads out of order", sectionEntries, func(d *den, e *script.Entry) {
			e.Heads = script.Sorted(e.Prev, d.room)
			slices.Reverse(e.Heads)
		}),
		wrongAdd("an entry with one head twice", sectionEntries, func(_ *den, e *script.Entry) { e.Heads = []wire.ID{e.Prev, e.Prev} }),
		refused("an entry with 65 heads", sectionEntries, func(d *den) []byte { return d.manyHeads(65).Bytes(d.master.Signer) }),
		{Name: "an entry with 64 heads is held", Section: sectionEntries, Expect: "one entry more", run: func(t *T) {
			d := t.den()
			d.submit(d.user, nil, d.manyHeads(64).Bytes(d.master.Signer))
		}},
		wrongAdd("an entry whose heads leave out the one before it", sectionEntries, func(d *den, e *script.Entry) { e.Heads = []wire.ID{d.room} }),
		wrongAdd("an entry on the master's chain of number 0", sectionEntries, func(_ *den, e *script.Entry) { e.Number, e.Prev = 0, wire.ID{} }),
		wrongAdd("an entry on the master's chain of number 1", sectionEntries, func(_ *den, e *script.Entry) { e.Number, e.Prev = 1, wire.ID{} }),
		wrongAdd("an entry of number 2 that names none before it", sectionEntries, func(_ *den, e *script.Entry) { e.Number, e.Prev = 2, wire.ID{} }),
		wrongAdd("an entry with the number of the one before it", sectionRefused, func(_ *den, e *script.Entry) { e.Number-- }),
		wrongAdd("an entry whose number is the largest", sectionRefused, func(_ *den, e *script.Entry) { e.Number = 1<<64 - 1 }),
		refused("an entry of over 98,304 bytes", sectionEntries, func(d *den) []byte {
			const most = 98304
			heads := script.Sorted(d.ids(60)...)
			var floors []script.Floor
			for _, log := range script.Sorted(d.ids(30)...) {
				floors = append(floors, script.Floor{Log: log, Number: 1, Link: log, FirstHeads: heads, Heads: heads})
			}
			// Over the bound as a whole, and not in its body alone.
			for last := 0; ; {
				raw := d.draft(script.KindTrim, script.Trim(floors...)).Bytes(d.master.Signer)
				f := &floors[last]
				switch {
				case len(raw) <= most:
					d.t.fail("", "the harness makes an entry of %d bytes", len(raw))
				case len(raw) <= most+34:
					return raw
				case len(f.Heads) == 1:
					last++
				default:
					f.Heads = f.Heads[1:]
				}
			}
		}),
	}
	cases = append(cases, Case{Name: "a room of 16,384 entries takes no more", Section: sectionRefused, Expect: "all of these held, and one more refused with code 17 (invalid)", run: fullRoom})
	cases = append(cases, besideCases()...)
	cases = append(cases, rootCases()...)
	cases = append(cases, bodyCases()...)
	return append(cases, placeCases()...)
}

// fullRoom hands over as many entries as a room may hold.
func fullRoom(t *T) {
	d := t.den()
	const most = 16384
	body := script.Subject(d.member.ID())
	for n := d.entries(); n < most; {
		var batch [][]byte
		for size := 0; n < most && size < 900<<10; n++ {
			raw := d.chain(script.KindLift, body)
			batch = append(batch, raw)
			size += len(raw) + 8
		}
		d.submit(d.user, nil, batch...)
	}
	if n := d.entries(); n != most {
		t.fail(fmt.Sprintf("%d entries", n), "a room does not hold %d entries", most)
	}
	d.refuses(d.draft(script.KindLift, body).Bytes(d.master.Signer))
}

// ids are random IDs.
func (d *den) ids(n int) (ids []wire.ID) {
	for range n {
		ids = append(ids, wire.ID(d.t.random(32)))
	}
	return ids
}

// manyHeads is an entry on the master's chain that names so many heads, all held.
func (d *den) manyHeads(n int) *script.Entry {
	var raw [][]byte
	heads := []wire.ID{d.last.ID()}
	for len(heads) < n {
		raw = append(raw, d.chain(script.KindLift, script.Subject(d.member.ID())))
		heads = append(heads, d.last.ID())
	}
	d.submit(d.user, nil, raw...)
	e := d.draft(script.KindAdd, addOfOne(d))
	e.Heads = script.Sorted(heads...)
	return e
}

// everyKind hands over one of each kind that stands in a room with members.
func everyKind(t *T) {
	d := t.den()
	put := func(raw ...[]byte) {
		before := d.entries()
		d.submit(d.user, nil, raw...)
		if n := d.entries(); n != before+len(raw) {
			t.fail(fmt.Sprintf("%d entries after %d", n, before), "an entry that is in order is not held")
		}
	}
	put(d.newEpoch())
	l := d.invite(0, 0, script.RoleMember)
	joiner := t.identity()
	join := d.join(joiner, l)
	put(join.Both(joiner.Signer, l.Signer))
	put(d.beside(script.KindLeave, joiner, script.Leave(), join.ID()).Bytes(joiner.Signer))
	put(d.remove(d.reader), d.chain(script.KindLift, script.Subject(d.reader.ID())))
	a, raw := d.appoint(t.identity())
	put(raw, a.entry(script.KindAdd, script.Add(t.identity().Bundle, script.RoleRelay)))
	nonce, commitment := d.newKey()
	put(d.chain(script.KindDemote, script.Demote(a.chain, a.head(), nil, nonce, commitment), a.head()))
	put(d.chain(script.KindPolicy, script.Policy{Name: "den", Topic: "a topic", History: 1, Capacity: 9, Retention: 3_153_600_000, EpochAge: 1}.Bytes()))
	put(d.chain(script.KindRevoke, script.Revoke([]wire.ID{l.invite}, nil)))
	put(d.chain(script.KindTrim, script.Trim(d.floor())))
	put(d.beside(script.KindRenew, d.member, script.OneBundle(renewed(d.member, 2))).Bytes(d.member.Signer))
	heir := t.identity()
	offer := d.draft(script.KindHandover, script.OneBundle(heir.Bundle))
	put(offer.Both(d.master.Signer, heir.Signer))
}

// renewed is an identity's bundle of another number.
func renewed(id *script.Identity, number uint64) []byte {
	return bundleOf(id.Signer, id.Public(), number, id.Sealing.Public(), "renewed")
}

// floor is a floor of some log that is in order.
func (d *den) floor() script.Floor {
	heads := []wire.ID{d.last.ID()}
	return script.Floor{Log: wire.ID(d.t.random(32)), Number: 1, Link: wire.ID(d.t.random(32)), FirstHeads: heads, Heads: heads}
}

// besideCases are the rules of entries beside the chains.
func besideCases() (all []Case) {
	for _, k := range []struct {
		name string
		make func(d *den) (e *script.Entry, sign func() []byte)
	}{
		{"a join", func(d *den) (*script.Entry, func() []byte) {
			l, by := d.invite(0, 0, script.RoleMember), d.t.identity()
			e := d.join(by, l)
			return e, func() []byte { return e.Both(by.Signer, l.Signer) }
		}},
		{"a leave", func(d *den) (*script.Entry, func() []byte) {
			e := d.beside(script.KindLeave, d.member, script.Leave())
			return e, func() []byte { return e.Bytes(d.member.Signer) }
		}},
		{"a renewal", func(d *den) (*script.Entry, func() []byte) {
			// By the master, who might write a chained entry in its place.
			e := d.beside(script.KindRenew, d.master, script.OneBundle(renewed(d.master, 2)))
			return e, func() []byte { return e.Bytes(d.master.Signer) }
		}},
	} {
		wrong := func(name string, f change) Case {
			return refused(k.name+" "+name, sectionEntries, func(d *den) []byte {
				e, sign := k.make(d)
				f(d, e)
				return sign()
			})
		}
		all = append(all,
			wrong("on the master's chain", func(d *den, e *script.Entry) { e.Number, e.Prev = d.last.Number+1, d.last.ID() }),
			wrong("on a chain", func(d *den, e *script.Entry) { e.Chain = d.last.ID() }),
			wrong("with a number", func(_ *den, e *script.Entry) { e.Number = 1 }),
			wrong("without heads", func(_ *den, e *script.Entry) { e.Heads = nil }))
	}
	return all
}

// placeCases are the rules of prev, chain and writer.
func placeCases() []Case {
	all := []Case{
		wrongAdd("an entry behind one beside the chains", sectionRefused, func(d *den, e *script.Entry) {
			leave := d.beside(script.KindLeave, d.member, script.Leave())
			d.submit(d.user, nil, leave.Bytes(d.member.Signer))
			e.Number, e.Prev, e.Heads = 2, leave.ID(), []wire.ID{leave.ID()}
		}),
		refused("an entry on the master's chain behind an admin's own, by that admin", sectionRefused, func(d *den) []byte {
			a := d.admin()
			d.submit(d.user, nil, a.entry(script.KindAdd, addOfOne(d)))
			e := a.draft(script.KindAdd, addOfOne(d))
			e.Chain = wire.ID{}
			return e.Bytes(a.by.Signer)
		}),
		refused("an entry on an admin's chain behind one on the master's", sectionRefused, func(d *den) []byte {
			a := d.admin()
			e := a.draft(script.KindAdd, addOfOne(d), d.last.ID())
			e.Number, e.Prev = d.last.Number+1, d.last.ID()
			return e.Bytes(a.by.Signer)
		}),
		refused("an entry on an admin's chain behind one on another's", sectionRefused, func(d *den) []byte {
			a, b := d.admin(), d.admin()
			d.submit(d.user, nil, a.entry(script.KindAdd, addOfOne(d)))
			e := b.draft(script.KindAdd, addOfOne(d), a.head())
			e.Number, e.Prev = 2, a.head()
			return e.Bytes(b.by.Signer)
		}),
		refused("an admin's first entry whose heads leave out the appointment", sectionEntries, func(d *den) []byte {
			a := d.admin()
			e := a.draft(script.KindAdd, addOfOne(d))
			e.Heads = []wire.ID{d.room}
			return e.Bytes(a.by.Signer)
		}),
		refused("an admin's first entry that names one before it", sectionEntries, func(d *den) []byte {
			a := d.admin()
			e := a.draft(script.KindAdd, addOfOne(d))
			e.Prev = a.chain
			return e.Bytes(a.by.Signer)
		}),
		refused("an admin's entry whose number leaves one out", sectionRefused, func(d *den) []byte {
			a := d.admin()
			d.submit(d.user, nil, a.entry(script.KindAdd, addOfOne(d)))
			e := a.draft(script.KindAdd, addOfOne(d))
			e.Number++
			return e.Bytes(a.by.Signer)
		}),
		refused("an entry on a chain that an add begins", sectionRefused, func(d *den) []byte {
			d.submit(d.user, nil, d.add(d.member, script.RoleMember))
			a := &admin{d: d, by: d.member, chain: d.last.ID()}
			return a.draft(script.KindAdd, addOfOne(d)).Bytes(d.member.Signer)
		}),
	}
	all = append(all, writerCases()...)
	for _, k := range []struct {
		name string
		kind uint64
		body func(d *den, a *admin) []byte
	}{
		{"a policy", script.KindPolicy, func(*den, *admin) []byte { return script.Policy{Name: "x"}.Bytes() }},
		{"an appointment", script.KindAppoint, func(d *den, _ *admin) []byte { return script.Subject(d.member.ID()) }},
		{"a demotion", script.KindDemote, func(d *den, a *admin) []byte {
			return script.Demote(a.chain, a.chain, nil, d.t.random(16), wire.ID(d.t.random(32)))
		}},
		{"a trim", script.KindTrim, func(d *den, _ *admin) []byte { return script.Trim(d.floor()) }},
	} {
		all = append(all, refused(k.name+" on an admin's chain", sectionEntries, func(d *den) []byte {
			a, other := d.admin(), d.admin()
			return a.draft(k.kind, k.body(d, other), other.chain).Bytes(a.by.Signer)
		}))
	}
	return append(all, refused("a handover on an admin's chain", sectionEntries, func(d *den) []byte {
		a := d.admin()
		heir := d.t.identity()
		return a.draft(script.KindHandover, script.OneBundle(heir.Bundle)).Both(a.by.Signer, heir.Signer)
	}))
}

// writerCases have each who may not write an entry on the chains.
func writerCases() (all []Case) {
	for _, w := range []struct {
		name string
		who  func(d *den) *script.Identity
	}{
		{"an outsider", func(d *den) *script.Identity { return d.t.identity() }},
		{"a reader", func(d *den) *script.Identity { return d.reader }},
		{"a member", func(d *den) *script.Identity { return d.member }},
		{"an admin", func(d *den) *script.Identity { return d.admin().by }},
		{"a demoted admin", func(d *den) *script.Identity {
			a := d.admin()
			nonce, commitment := d.newKey()
			d.submit(d.user, nil, d.chain(script.KindDemote, script.Demote(a.chain, a.chain, nil, nonce, commitment)))
			return a.by
		}},
		{"whoever was master", func(d *den) *script.Identity {
			was := d.master
			d.handOver(d.t.identity())
			return was
		}},
		{"the link of an invite", func(d *den) *script.Identity { return d.invite(0, 0, script.RoleMember).Identity }},
	} {
		all = append(all, refused("an entry on the master's chain by "+w.name, sectionRefused, func(d *den) []byte {
			by := w.who(d)
			e := d.draft(script.KindAdd, addOfOne(d))
			e.Key = by.Public()
			return e.Bytes(by.Signer)
		}))
		if w.name == "whoever was master" {
			continue
		}
		all = append(all, refused("an entry on an admin's chain by "+w.name+", not the one appointed", sectionRefused, func(d *den) []byte {
			by, a := w.who(d), d.admin()
			e := a.draft(script.KindAdd, addOfOne(d))
			e.Key = by.Public()
			return e.Bytes(by.Signer)
		}))
	}
	return append(all, refused("an entry on an admin's chain by the master", sectionRefused, func(d *den) []byte {
		a := d.admin()
		e := a.draft(script.KindAdd, addOfOne(d))
		e.Key = d.master.Public()
		return e.Bytes(d.master.Signer)
	}), refused("an entry by a successor beside the handover", sectionRefused, func(d *den) []byte {
		before := *d.last
		heir := d.t.identity()
		d.handOver(heir)
		d.last = &before
		e := d.draft(script.KindAdd, addOfOne(d))
		e.Key = heir.Public()
		return e.Bytes(heir.Signer)
	}))
}

// handOver makes another the master, who goes on with the chain.
func (d *den) handOver(heir *script.Identity) {
	e := d.draft(script.KindHandover, script.OneBundle(heir.Bundle))
	d.submit(d.user, nil, e.Both(d.master.Signer, heir.Signer))
	d.last, d.master = e, heir
}
