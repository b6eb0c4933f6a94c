package conform

import (
	"fmt"
	"time"

	"parley/cmd/internal/script"
	"parley/wire"
)

// admitCases are the rules of invites, of joins as users hand them over, and of delegations.
func admitCases() []Case {
	// join hands over a join, and wants it answered with a code, and held only if that is none.
	join := func(name string, code wire.Code, f func(d *den) (by *script.Identity, l *invitation, seen []wire.ID)) Case {
		c := Case{Name: name, Section: sectionUsers, Expect: fmt.Sprintf("the stream ended with code %d (%v), and the join not held", code, code)}
		if code == wire.CodeOK {
			c.Expect = "Done, and the join held"
		}
		c.run = func(t *T) {
			d := t.den()
			by, l, seen := f(d)
			before := d.entries()
			raw := d.join(by, l, seen...).Both(by.Signer, l.Signer)
			n := d.user.ask(script.Interactive, &wire.Submit{Room: d.room, Entries: wire.List[wire.Bytes]{raw}})
			d.user.streamEnds(n, code)
			want := before
			if code == wire.CodeOK {
				want++
			}
			if n := d.entries(); n != want {
				t.fail(fmt.Sprintf("%d entries", n), "the peer does not hold %d entries", want)
			}
		}
		return c
	}
	newcomer := func(l func(d *den) *invitation) func(d *den) (*script.Identity, *invitation, []wire.ID) {
		return func(d *den) (*script.Identity, *invitation, []wire.ID) { return d.t.identity(), l(d), nil }
	}
	future := func() uint64 { return uint64(time.Now().Add(time.Hour).Unix()) }
	return append([]Case{
		join("a join by an invite that is not past its time is taken", wire.CodeOK, newcomer(func(d *den) *invitation {
			return d.invite(1, future(), script.RoleMember)
		})),
		join("a join by an invite past its time", wire.CodeExpired, newcomer(func(d *den) *invitation { return d.invite(0, 1, script.RoleMember) })),
		join("a join by an invite whose uses are spent", wire.CodeExhausted, newcomer(func(d *den) *invitation {
			l := d.invite(1, 0, script.RoleMember)
			d.joined(d.t.identity(), l)
			return l
		})),
		join("a second join by whoever used an invite for one", wire.CodeOK, func(d *den) (*script.Identity, *invitation, []wire.ID) {
			u, l := d.t.identity(), d.invite(1, 0, script.RoleMember)
			return u, l, []wire.ID{d.joined(u, l)}
		}),
		join("a join by a revoked invite", wire.CodeRevoked, newcomer(func(d *den) *invitation {
			l := d.invite(0, 0, script.RoleMember)
			d.put(script.KindRevoke, script.Revoke([]wire.ID{l.invite}, nil))
			return l
		})),
		join("a join by an invite that a removal revoked", wire.CodeRevoked, newcomer(func(d *den) *invitation {
			l := d.invite(0, 0, script.RoleMember)
			d.submit(d.user, nil, d.remove(d.reader))
			return l
		})),
		join("a join by an invite that does not count", wire.CodeRevoked, newcomer(func(d *den) *invitation {
			a := d.admin()
			l := &invitation{Identity: d.t.identity()}
			l.invite = a.put(script.KindInvite, inviteBody(l, 0, 0, script.RoleMember))
			d.demote(a, a.chain)
			return l
		})),
		join("a join of whoever was removed", wire.CodeRefused, func(d *den) (*script.Identity, *invitation, []wire.ID) {
			d.submit(d.user, nil, d.remove(d.member))
			return d.member, d.invite(0, 0, script.RoleMember), []wire.ID{d.last.ID()}
		}),
		join("a join of whoever was banned", wire.CodeRefused, func(d *den) (*script.Identity, *invitation, []wire.ID) {
			d.ban(d.member)
			return d.member, d.invite(0, 0, script.RoleMember), []wire.ID{d.last.ID()}
		}),
		join("a join of whoever was banned, and lifted", wire.CodeOK, func(d *den) (*script.Identity, *invitation, []wire.ID) {
			d.ban(d.member)
			d.put(script.KindLift, script.Subject(d.member.ID()))
			return d.member, d.invite(0, 0, script.RoleMember), []wire.ID{d.last.ID()}
		}),
		join("a join to a room that is full", wire.CodeRefused, newcomer(func(d *den) *invitation {
			d.put(script.KindPolicy, script.Policy{Name: "den", Capacity: 3}.Bytes())
			return d.invite(0, 0, script.RoleMember)
		})),
		join("a relay's join to a room that is full of those who hold its key", wire.CodeOK, newcomer(func(d *den) *invitation {
			d.put(script.KindPolicy, script.Policy{Name: "den", Capacity: 3}.Bytes())
			return d.invite(0, 0, script.RoleRelay)
		})),
		join("a join that breaks a rule by an invite past its time", wire.CodeInvalid, func(d *den) (*script.Identity, *invitation, []wire.ID) {
			return d.t.identity(), &invitation{d.t.identity(), d.invite(0, 1, script.RoleMember).invite}, nil
		}),
		{Name: "a join from a peer by an invite whose uses are spent is taken by validity alone", Section: sectionUsers, Expect: "the join held", run: func(t *T) {
			d := t.den()
			l := d.invite(1, 1, script.RoleMember)
			d.peerJoin(t.identity(), l)
			d.peerJoin(t.identity(), l)
		}},
		{Name: "a join that is not admitted in the place of a delegation's is no failure", Section: sectionUsers, Expect: "Done, for who has a role anyway, and the join not held", run: func(t *T) {
			d := t.den()
			l := d.invite(0, 1, script.RoleMember)
			before := d.entries()
			s := t.user(d.member)
			n := s.ask(script.Interactive, &wire.Submit{
				Room: d.room, Delegation: d.delegation(d.member, d.target),
				Join: d.join(d.member, l, d.last.ID()).Both(d.member.Signer, l.Signer),
			})
			s.streamEnds(n, wire.CodeOK)
			if n := d.entries(); n != before {
				t.fail(fmt.Sprintf("%d entries", n), "a join past its time is held")
			}
		}},
		{Name: "a join in the place of a delegation's takes a newcomer in", Section: sectionUsers, Expect: "Done, and the room kept", run: func(t *T) {
			d := t.den()
			u, l := t.identity(), d.invite(0, 0, script.RoleMember)
			s := t.user(u)
			s.streamEnds(s.ask(script.Interactive, &wire.Submit{
				Room: d.room, Delegation: d.delegation(u, d.target), Join: d.join(u, l).Both(u.Signer, l.Signer),
			}), wire.CodeOK)
			if _, ok := s.answer(s.ask(script.Interactive, &wire.AuthorityGet{Room: d.room})).(*wire.Authority); !ok {
				t.fail("no Authority", "a newcomer is not served")
			}
		}},
		{Name: "another entry in the place of a delegation's join", Section: sectionUsers, Expect: "the stream ended with code 17 (invalid)", run: func(t *T) {
			d := t.den()
			s := t.user(d.member)
			s.streamEnds(s.ask(script.Interactive, &wire.Submit{
				Room: d.room, Delegation: d.delegation(d.member, d.target), Join: d.draft(script.KindAdd, addOfOne(d)).Bytes(d.master.Signer),
			}), wire.CodeInvalid)
		}},
		{Name: "an entry that names one which is not held waits for it", Section: sectionRefused, Expect: "the stream ended with code 16 (not yet), and both held when the other comes", run: func(t *T) {
			d := t.den()
			before := d.entries()
			first, second := d.add(t.identity(), script.RoleMember), d.add(t.identity(), script.RoleMember)
			n := d.user.ask(script.Interactive, &wire.Submit{Room: d.room, Entries: wire.List[wire.Bytes]{second}})
			d.user.streamEnds(n, wire.CodePending)
			if n := d.entries(); n != before {
				t.fail(fmt.Sprintf("%d entries", n), "an entry is held before what it names")
			}
			d.submit(d.user, nil, first)
			if n := d.entries(); n != before+2 {
				t.fail(fmt.Sprintf("%d entries", n), "an entry that waited is not held when what it names has come")
			}
		}},
	}, rightCases()...)
}

// rightCases are the rules of delegations, by a link and by each role.
func rightCases() []Case {
	// signed shows a delegation that is signed as f says, and wants the session ended.
	signed := func(name string, f func(d *den, l *lobby) []byte) Case {
		return Case{Name: name, Section: sectionDelegations, Expect: protocolError, run: func(t *T) {
			d := t.den()
			l := d.offered()
			l.say(&wire.OpenRoom{Delegation: f(d, l)})
			l.ends(wire.CodeProtocol)
		}}
	}
	// dead shows a link's delegation that gives nothing.
	dead := func(name string, f func(d *den) *invitation) Case {
		return Case{Name: name, Section: sectionDelegations, Expect: "no digest, no entry, no run", run: func(t *T) {
			d := t.den()
			link := f(d)
			r := d.first(d.master, "secret")
			d.writes(r, d.master)
			l := d.offered()
			l.say(&wire.OpenRoom{Delegation: script.LinkDelegation(link.Signer, d.room, l.self.ID(), 1)})
			l.nothing(d, r)
		}}
	}
	all := []Case{
		{Name: "a link's delegation gives the authority and no runs", Section: sectionRights, Expect: "the digest without runs, entries and a box, no run", run: linkGives},
		dead("the delegation of a link whose invite is past its time", func(d *den) *invitation { return d.invite(0, 1, script.RoleMember) }),
		dead("the delegation of a link whose invite is revoked", func(d *den) *invitation {
			l := d.invite(0, 0, script.RoleMember)
			d.put(script.KindRevoke, script.Revoke([]wire.ID{l.invite}, nil))
			return l
		}),
		dead("the delegation of a link of no invite", func(d *den) *invitation { return &invitation{Identity: d.t.identity()} }),
		signed("a link's delegation in the context of a user's", func(d *den, l *lobby) []byte {
			link := d.invite(0, 0, script.RoleMember)
			return script.DelegationOf(link.Signer, d.room, l.self.ID(), 1, 1, "delegate")
		}),
		signed("a user's delegation in the context of a link's", func(d *den, l *lobby) []byte {
			return script.DelegationOf(d.member.Signer, d.room, l.self.ID(), 0, 1, "delegate-link")
		}),
		signed("a delegation of kind 2", func(d *den, l *lobby) []byte {
			return script.DelegationOf(d.member.Signer, d.room, l.self.ID(), 2, 1, "delegate")
		}),
		{Name: "the delegation of somebody who has left", Section: sectionRights, Expect: "no digest, no run", run: func(t *T) {
			d := t.den()
			d.submit(d.user, nil, d.beside(script.KindLeave, d.member, script.Leave()).Bytes(d.member.Signer))
			r := d.first(d.master, "after")
			d.writes(r, d.master)
			l := d.offered()
			l.say(&wire.OpenRoom{Delegation: d.delegation(d.member, l.self.ID())})
			l.withoutRuns(r)
		}},
		{Name: "the delegation of somebody whose join a revocation has not seen", Section: sectionRights, Expect: "no digest, no run", run: func(t *T) {
			d := t.den()
			u, link := t.identity(), d.invite(0, 0, script.RoleMember)
			d.joined(u, link)
			d.put(script.KindRevoke, script.Revoke([]wire.ID{link.invite}, nil))
			r := d.first(d.master, "after")
			d.writes(r, d.master)
			l := d.offered()
			l.say(&wire.OpenRoom{Delegation: d.delegation(u, l.self.ID())})
			l.withoutRuns(r)
		}},
		{Name: "an OpenRoom whose join takes its member in", Section: sectionRights, Expect: "the digest", run: func(t *T) {
			d := t.den()
			u, link := t.identity(), d.invite(0, 0, script.RoleMember)
			l := d.offered()
			l.say(&wire.OpenRoom{Delegation: d.delegation(u, l.self.ID()), Join: d.join(u, link).Both(u.Signer, link.Signer)})
			if o := l.opening(); len(o.State) != 16 {
				t.fail(describe(script.Incoming{Message: o}, nil), "the join in an OpenRoom is not taken before its delegation is judged")
			}
		}},
		{Name: "an OpenRoom whose join is of a version that the peer does not know", Section: sectionComparing, Expect: "no digest, and the session goes on", run: func(t *T) {
			d := t.den()
			u, link := t.identity(), d.invite(0, 0, script.RoleMember)
			e := d.join(u, link)
			e.Version = 2
			l := d.offered()
			l.say(&wire.OpenRoom{Delegation: d.delegation(u, l.self.ID()), Join: e.Both(u.Signer, link.Signer)})
			if o := l.opening(); len(o.State) != 0 {
				t.fail(describe(script.Incoming{Message: o}, nil), "a join of version 2 takes its writer in")
			}
			l.alive()
		}},
		{Name: "entries of a version or kind that the peer does not know are left out of what a peer sends", Section: sectionComparing, Expect: "the one that it knows held, and the session goes on", run: func(t *T) {
			d := t.den()
			before := d.entries()
			l, _ := d.opened(d.master)
			m := &wire.Records{Set: wire.SetEntries}
			for _, f := range []func(e *script.Entry){func(e *script.Entry) { e.Version = 2 }, func(e *script.Entry) { e.Kind = 99 }, func(*script.Entry) {}} {
				e := d.draft(script.KindAdd, addOfOne(d))
				f(e)
				m.Records = append(m.Records, e.Bytes(d.master.Signer))
			}
			l.say(m)
			l.through()
			if n := d.entries(); n != before+1 {
				t.fail(fmt.Sprintf("%d entries", n), "not the one entry that is known is held beside the %d before", before)
			}
		}},
		{Name: "a link's delegation handed over by a user who is to be served by it", Section: sectionUsers, Expect: "Done for a live one, code 5 (refused) for a dead one", run: func(t *T) {
			d := t.den()
			live, dead := d.invite(0, 0, script.RoleMember), d.invite(0, 1, script.RoleMember)
			s := t.user(t.identity())
			s.streamEnds(s.ask(script.Interactive, &wire.Submit{Room: d.room, Delegation: script.LinkDelegation(dead.Signer, d.room, d.target, 1)}), wire.CodeRefused)
			s.streamEnds(s.ask(script.Interactive, &wire.Submit{Room: d.room, Delegation: script.LinkDelegation(live.Signer, d.room, d.target, 1)}), wire.CodeOK)
		}},
	}
	for _, k := range []struct {
		name string
		who  func(d *den) *script.Identity
	}{
		{"a reader", func(d *den) *script.Identity { return d.reader }},
		{"a relay", func(d *den) *script.Identity {
			relay := d.t.identity()
			d.submit(d.user, nil, d.add(relay, script.RoleRelay))
			return relay
		}},
		{"an admin", func(d *den) *script.Identity { return d.admin().by }},
	} {
		all = append(all, Case{Name: "the delegation of " + k.name + " gives all of a room", Section: sectionRights, Expect: "the digest, and the run", run: func(t *T) {
			d := t.den()
			who := k.who(d)
			r := d.first(d.master, "for all")
			d.writes(r, d.master)
			l, o := d.opened(who)
			if len(o.State) != 16 || len(l.pull(r.Log(), 1, 1)) != 1 {
				t.fail(describe(script.Incoming{Message: o}, nil), "%s's peer is not given all", k.name)
			}
		}})
	}
	return all
}

// linkGives asks for all of a room by a link's delegation.
func linkGives(t *T) {
	d := t.den()
	link := d.invite(0, 0, script.RoleMember)
	box := d.box(d.master, script.LinkID(link.Sealing.Public()))
	d.submitBox(box.Bytes(d.master.Signer))
	r := d.first(d.master, "not for the link")
	d.writes(r, d.master)
	l := d.offered()
	l.say(&wire.OpenRoom{Delegation: script.LinkDelegation(link.Signer, d.room, l.self.ID(), 1)})
	if o := l.opening(); len(o.State) != 16 {
		t.fail(describe(script.Incoming{Message: o}, nil), "the holder of a live link is not told the digest")
	}
	for _, f := range []struct {
		set uint64
		id  wire.ID
	}{{wire.SetEntries, link.invite}, {wire.SetBoxes, box.ID()}} {
		l.say(&wire.Fetch{Set: f.set, IDs: wire.List[wire.ID]{f.id}})
		l.await("Records", func(in script.Incoming) bool {
			m, ok := in.Message.(*wire.Records)
			return ok && m.Asked && m.Set == f.set && len(m.Records) == 1
		})
	}
	other := make([]byte, 16)
	other[0] = 1
	l.say(&wire.Ranges{Set: wire.SetLogs, Nodes: wire.List[wire.RangeNode]{{Prefix: []byte{}, Hash: other}}})
	if m := l.rangesReply(); len(m.Children)+len(m.Leaves)+len(m.Heads) > 0 {
		t.fail(fmt.Sprintf("%+v", m), "the holder of a link is told of logs")
	}
	n := l.ask(script.Bulk, &wire.Pull{Wants: wire.List[wire.Want]{{Log: r.Log(), First: 1, Last: 1}}})
	l.await("the end of the pull", func(in script.Incoming) bool {
		if m, ok := in.Message.(*wire.Runs); ok && len(m.Runs) > 0 {
			t.fail(describe(in, nil), "the holder of a link is given a run")
		}
		end, ok := in.Message.(*wire.StreamEnd)
		return ok && end.Stream == n
	})
}
