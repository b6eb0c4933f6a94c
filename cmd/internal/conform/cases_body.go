package conform

import (
	"bytes"
	"slices"
	"strings"

	"parley/cmd/internal/script"
	"parley/wire"
)

// bodyCases are the rules of what an entry says, by kind.
func bodyCases() []Case {
	all := slices.Concat(epochBodies(), inviteBodies(), stopBodies(), otherBodies())
	for _, k := range []struct {
		name string
		kind uint64
		body func(d *den, pins []script.Pin) []byte
	}{
		{"an epoch", script.KindEpoch, func(d *den, pins []script.Pin) []byte {
			return script.Epoch(d.t.random(16), wire.ID(d.t.random(32)), pins...)
		}},
		{"a removal", script.KindStop, func(d *den, pins []script.Pin) []byte { return d.removal(d.member, pins...) }},
		{"a leave", script.KindLeave, func(_ *den, pins []script.Pin) []byte { return script.Leave(pins...) }},
	} {
		all = append(all, pinCases(k.name, k.kind, k.body)...)
	}
	return all
}

// pinCases are the rules of pins, in each kind that has them.
func pinCases(name string, kind uint64, body func(d *den, pins []script.Pin) []byte) []Case {
	pins := func(with string, f func(pins []script.Pin) []script.Pin) Case {
		return refused(name+" with "+with, sectionEntries, func(d *den) []byte {
			var all []script.Pin
			for _, log := range script.Sorted(d.ids(513)...) {
				all = append(all, script.Pin{Log: log, Number: 1, Link: log})
			}
			b := body(d, f(all))
			if kind == script.KindLeave {
				return d.beside(kind, d.member, b).Bytes(d.member.Signer)
			}
			return d.draft(kind, b).Bytes(d.master.Signer)
		})
	}
	return []Case{
		pins("513 pins", func(p []script.Pin) []script.Pin { return p }),
		pins("pins out of order", func(p []script.Pin) []script.Pin { return []script.Pin{p[1], p[0]} }),
		pins("one log pinned twice", func(p []script.Pin) []script.Pin { return []script.Pin{p[0], p[0]} }),
		pins("a pin at the number 0", func(p []script.Pin) []script.Pin { p[0].Number = 0; return p[:1] }),
		pins("a pin to no run", func(p []script.Pin) []script.Pin { p[0].Link = wire.ID{}; return p[:1] }),
	}
}

// of is refused of the next entry on the master's chain with a body.
func of(name string, kind uint64, body func(d *den) []byte) Case {
	return refused(name, sectionEntries, func(d *den) []byte { return d.draft(kind, body(d)).Bytes(d.master.Signer) })
}

func epochBodies() []Case {
	return []Case{
		of("an epoch with a nonce of 15 bytes", script.KindEpoch, func(d *den) []byte { return script.Epoch(d.t.random(15), d.room) }),
		of("an epoch with a nonce of 17 bytes", script.KindEpoch, func(d *den) []byte { return script.Epoch(d.t.random(17), d.room) }),
	}
}

func inviteBodies() []Case {
	// invite is an invite by a link whose body f makes wrong.
	invite := func(name string, body func(l *script.Identity) []byte) Case {
		return of(name, script.KindInvite, func(d *den) []byte { return body(d.t.identity()) })
	}
	// join is a join that f makes wrong before it is signed by both.
	join := func(name, section string, f func(d *den, l *invitation, by *script.Identity) []byte) Case {
		return refused(name, section, func(d *den) []byte {
			return f(d, d.invite(0, 0, script.RoleMember), d.t.identity())
		})
	}
	return []Case{
		invite("an invite by a link's key of a reserved algorithm", func(l *script.Identity) []byte {
			return script.Invite(append([]byte{3}, l.Public()[1:]...), l.Sealing.Public(), 0, 0, 3)
		}),
		invite("an invite with a sealing key of 1,215 bytes", func(l *script.Identity) []byte {
			return script.Invite(l.Public(), l.Sealing.Public()[1:], 0, 0, 3)
		}),
		invite("an invite that gives no role", func(l *script.Identity) []byte { return script.Invite(l.Public(), l.Sealing.Public(), 0, 0, 0) }),
		invite("an invite that makes an admin", func(l *script.Identity) []byte { return script.Invite(l.Public(), l.Sealing.Public(), 0, 0, 4) }),
		join("a join with a nonce of 15 bytes", sectionEntries, func(d *den, l *invitation, by *script.Identity) []byte {
			e := d.join(by, l)
			e.Body = script.Join(l.invite, l.Public(), by.Bundle, d.t.random(15))
			return e.Both(by.Signer, l.Signer)
		}),
		join("a join with another's bundle", sectionEntries, func(d *den, l *invitation, by *script.Identity) []byte {
			e := d.join(by, l)
			e.Body = script.Join(l.invite, l.Public(), d.t.identity().Bundle, d.t.random(16))
			return e.Both(by.Signer, l.Signer)
		}),
		join("a join for another, which only the newcomer did not sign", sectionRefused, func(d *den, l *invitation, by *script.Identity) []byte {
			return d.join(by, l).Both(d.member.Signer, l.Signer)
		}),
		join("a join with a bundle that its owner did not sign", sectionEntries, func(d *den, l *invitation, by *script.Identity) []byte {
			e := d.join(by, l)
			e.Body = script.Join(l.invite, l.Public(), bytes.Replace(by.Bundle, []byte("harness"), []byte("hornets"), 1), d.t.random(16))
			return e.Both(by.Signer, l.Signer)
		}),
		join("a join whose heads leave out the invite", sectionEntries, func(d *den, l *invitation, by *script.Identity) []byte {
			e := d.join(by, l)
			e.Heads = []wire.ID{d.room}
			return e.Both(by.Signer, l.Signer)
		}),
		join("a join that the link did not sign", sectionRefused, func(d *den, l *invitation, by *script.Identity) []byte {
			return d.join(by, l).Both(by.Signer, by.Signer)
		}),
		join("a join with one signature", sectionEntries, func(d *den, l *invitation, by *script.Identity) []byte {
			return d.join(by, l).In("join", by.Signer)
		}),
		join("a join signed in the context of other entries", sectionEntries, func(d *den, l *invitation, by *script.Identity) []byte {
			return d.join(by, l).BothIn("entry", by.Signer, "join-link", l.Signer)
		}),
		join("a join that the link signed in the newcomer's context", sectionEntries, func(d *den, l *invitation, by *script.Identity) []byte {
			return d.join(by, l).BothIn("join", by.Signer, "join", l.Signer)
		}),
		join("a join by the key of another link", sectionRefused, func(d *den, l *invitation, by *script.Identity) []byte {
			other := d.invite(0, 0, script.RoleMember)
			return d.join(by, &invitation{other.Identity, l.invite}).Both(by.Signer, other.Signer)
		}),
		join("a join by a link of its writer's own", sectionRefused, func(d *den, l *invitation, by *script.Identity) []byte {
			return d.join(by, &invitation{by, l.invite}).Both(by.Signer, by.Signer)
		}),
		join("a join by an add in the place of an invite", sectionRefused, func(d *den, l *invitation, by *script.Identity) []byte {
			return d.join(by, &invitation{l.Identity, d.last.Prev}).Both(by.Signer, l.Signer)
		}),
		join("a join of another room's, its invite unknown here", sectionRefused, func(d *den, _ *invitation, by *script.Identity) []byte {
			there := d.t.den()
			l := there.invite(0, 0, script.RoleMember)
			return there.join(by, l).Both(by.Signer, l.Signer)
		}),
	}
}

func stopBodies() []Case {
	// stop is a removal of the member that f makes wrong.
	stop := func(name string, f func(d *den, s *script.Stop)) Case {
		return of(name, script.KindStop, func(d *den) []byte {
			nonce, commitment := d.newKey()
			s := script.Stop{Subject: d.member.ID(), Nonce: nonce, Commitment: commitment}
			f(d, &s)
			return s.Bytes()
		})
	}
	noEpoch := func(s *script.Stop) { s.Nonce, s.Commitment = nil, wire.ID{} }
	return []Case{
		stop("a stop on its own writer", func(d *den, s *script.Stop) { s.Subject = d.master.ID() }),
		stop("a stop that makes a member", func(_ *den, s *script.Stop) { s.Role = script.RoleMember; noEpoch(s) }),
		stop("a stop with a ban of 2", func(_ *den, s *script.Stop) { s.Ban = 2 }),
		stop("a ban of somebody who stays as a relay", func(_ *den, s *script.Stop) { s.Role, s.Ban = script.RoleRelay, 1 }),
		stop("a ban of somebody who stays as a reader", func(_ *den, s *script.Stop) { s.Role, s.Ban = script.RoleReader, 1; noEpoch(s) }),
		stop("a removal that begins no epoch", func(_ *den, s *script.Stop) { noEpoch(s) }),
		stop("a change to relay that begins no epoch", func(_ *den, s *script.Stop) { s.Role = script.RoleRelay; noEpoch(s) }),
		stop("a change to reader that begins an epoch", func(_ *den, s *script.Stop) { s.Role = script.RoleReader }),
		stop("a removal with a nonce of 15 bytes", func(_ *den, s *script.Stop) { s.Nonce = s.Nonce[:15] }),
		stop("a removal with an empty nonce and a commitment", func(_ *den, s *script.Stop) { s.Nonce = nil }),
		stop("a removal with 1,025 joins", func(d *den, s *script.Stop) { s.Joins = script.Sorted(d.ids(1025)...) }),
		stop("a removal with joins out of order", func(d *den, s *script.Stop) {
			s.Joins = d.twoJoins()
			slices.Reverse(s.Joins)
		}),
		stop("a removal with an add among its joins", func(d *den, s *script.Stop) { s.Joins = []wire.ID{d.last.ID()} }),
		of("a demotion of no appointment", script.KindDemote, func(d *den) []byte {
			return script.Demote(d.last.ID(), d.last.ID(), nil, d.t.random(16), d.room)
		}),
		of("a demotion whose cut is of another chain", script.KindDemote, func(d *den) []byte {
			return script.Demote(d.admin().chain, d.room, nil, d.t.random(16), d.room)
		}),
		of("a demotion whose cut is another appointment", script.KindDemote, func(d *den) []byte {
			return script.Demote(d.admin().chain, d.admin().chain, nil, d.t.random(16), d.room)
		}),
		of("a demotion with a nonce of 15 bytes", script.KindDemote, func(d *den) []byte {
			a := d.admin()
			return script.Demote(a.chain, a.chain, nil, d.t.random(15), d.room)
		}),
		of("a demotion that begins no epoch", script.KindDemote, func(d *den) []byte {
			a := d.admin()
			return script.Demote(a.chain, a.chain, nil, nil, wire.ID{})
		}),
		of("a demotion with joins out of order", script.KindDemote, func(d *den) []byte {
			a, joins := d.admin(), d.twoJoins()
			slices.Reverse(joins)
			return script.Demote(a.chain, a.chain, joins, d.t.random(16), d.room)
		}),
		of("a demotion with an add among its joins", script.KindDemote, func(d *den) []byte {
			add := d.last.ID()
			a := d.admin()
			return script.Demote(a.chain, a.chain, []wire.ID{add}, d.t.random(16), d.room)
		}),
	}
}

// twoJoins are two joins that are held, in ascending order.
func (d *den) twoJoins() []wire.ID {
	l := d.invite(0, 0, script.RoleMember)
	return script.Sorted(d.joined(d.t.identity(), l), d.joined(d.t.identity(), l))
}

func otherBodies() []Case {
	policy := func(name string, f func(p *script.Policy)) Case {
		return of(name, script.KindPolicy, func(*den) []byte {
			p := script.Policy{Name: "den"}
			f(&p)
			return p.Bytes()
		})
	}
	trim := func(name string, f func(d *den, floors []script.Floor) []script.Floor) Case {
		return of(name, script.KindTrim, func(d *den) []byte {
			var floors []script.Floor
			for _, log := range script.Sorted(d.ids(257)...) {
				f := d.floor()
				f.Log = log
				floors = append(floors, f)
			}
			return script.Trim(f(d, floors)...)
		})
	}
	const century = 3_153_600_000
	return []Case{
		of("an add of a role 0", script.KindAdd, func(d *den) []byte { return script.Add(d.t.identity().Bundle, 0) }),
		of("an add of an admin", script.KindAdd, func(d *den) []byte { return script.Add(d.t.identity().Bundle, 4) }),
		of("an add of its own writer", script.KindAdd, func(d *den) []byte { return script.Add(d.master.Bundle, script.RoleMember) }),
		of("an add of a bundle that its owner did not sign", script.KindAdd, func(d *den) []byte {
			return script.Add(bytes.Replace(d.t.identity().Bundle, []byte("harness"), []byte("hornets"), 1), script.RoleMember)
		}),
		of("a lift of its own writer", script.KindLift, func(d *den) []byte { return script.Subject(d.master.ID()) }),
		of("an appointment of its own writer", script.KindAppoint, func(d *den) []byte { return script.Subject(d.master.ID()) }),
		policy("a policy without a name", func(p *script.Policy) { p.Name = "" }),
		policy("a policy with a name of 65 bytes", func(p *script.Policy) { p.Name = strings.Repeat("x", 65) }),
		policy("a policy with a name that holds a line end", func(p *script.Policy) { p.Name = "a\nb" }),
		policy("a policy with a topic of 257 bytes", func(p *script.Policy) { p.Topic = strings.Repeat("x", 257) }),
		policy("a policy with a topic that turns the direction of text", func(p *script.Policy) { p.Topic = "a\u202eb" }),
		policy("a policy with a history of 2", func(p *script.Policy) { p.History = 2 }),
		policy("a policy that keeps messages for over a hundred years", func(p *script.Policy) { p.Retention = century + 1 }),
		policy("a policy that keeps a key for over a hundred years", func(p *script.Policy) { p.EpochAge = century + 1 }),
		refused("a handover to its own writer", sectionEntries, func(d *den) []byte {
			return d.draft(script.KindHandover, script.OneBundle(d.master.Bundle)).Both(d.master.Signer, d.master.Signer)
		}),
		refused("a handover that the successor did not sign", sectionRefused, func(d *den) []byte {
			return d.draft(script.KindHandover, script.OneBundle(d.member.Bundle)).Both(d.master.Signer, d.master.Signer)
		}),
		refused("a handover that the master did not sign", sectionRefused, func(d *den) []byte {
			return d.draft(script.KindHandover, script.OneBundle(d.member.Bundle)).Both(d.member.Signer, d.member.Signer)
		}),
		refused("a handover with one signature", sectionEntries, func(d *den) []byte {
			return d.draft(script.KindHandover, script.OneBundle(d.member.Bundle)).Bytes(d.master.Signer)
		}),
		refused("a handover that the successor signed in the context of other entries", sectionEntries, func(d *den) []byte {
			return d.draft(script.KindHandover, script.OneBundle(d.member.Bundle)).BothIn("entry", d.master.Signer, "entry", d.member.Signer)
		}),
		of("a revocation of nothing", script.KindRevoke, func(*den) []byte { return script.Revoke(nil, nil) }),
		of("a revocation of an add", script.KindRevoke, func(d *den) []byte { return script.Revoke([]wire.ID{d.last.ID()}, nil) }),
		of("a revocation that confirms an invite as a join", script.KindRevoke, func(d *den) []byte {
			return script.Revoke(nil, []wire.ID{d.invite(0, 0, script.RoleMember).invite})
		}),
		of("a revocation of one invite twice", script.KindRevoke, func(d *den) []byte {
			l := d.invite(0, 0, script.RoleMember)
			return script.Revoke([]wire.ID{l.invite, l.invite}, nil)
		}),
		of("a revocation of 1,025 invites", script.KindRevoke, func(d *den) []byte { return script.Revoke(script.Sorted(d.ids(1025)...), nil) }),
		of("a revocation with joins out of order", script.KindRevoke, func(d *den) []byte {
			joins := d.twoJoins()
			slices.Reverse(joins)
			return script.Revoke(nil, joins)
		}),
		of("a revocation of 1,025 joins", script.KindRevoke, func(d *den) []byte { return script.Revoke(nil, script.Sorted(d.ids(1025)...)) }),
		trim("a trim of no log", func(*den, []script.Floor) []script.Floor { return nil }),
		trim("a trim of 257 logs", func(_ *den, f []script.Floor) []script.Floor { return f }),
		trim("a trim of logs out of order", func(_ *den, f []script.Floor) []script.Floor { return []script.Floor{f[1], f[0]} }),
		trim("a trim at the number 0", func(_ *den, f []script.Floor) []script.Floor { f[0].Number = 0; return f[:1] }),
		trim("a trim to no run", func(_ *den, f []script.Floor) []script.Floor { f[0].Link = wire.ID{}; return f[:1] }),
		trim("a trim without the heads of the first run", func(_ *den, f []script.Floor) []script.Floor { f[0].FirstHeads = nil; return f[:1] }),
		trim("a trim without the heads of the run it names", func(_ *den, f []script.Floor) []script.Floor { f[0].Heads = nil; return f[:1] }),
		trim("a trim with 65 heads", func(d *den, f []script.Floor) []script.Floor { f[0].Heads = script.Sorted(d.ids(65)...); return f[:1] }),
		trim("a trim with heads out of order", func(d *den, f []script.Floor) []script.Floor {
			f[0].Heads = script.Sorted(d.ids(2)...)
			slices.Reverse(f[0].Heads)
			return f[:1]
		}),
		refused("a leave by somebody whom the room has not known", sectionRefused, func(d *den) []byte {
			eve := d.t.identity()
			return d.beside(script.KindLeave, eve, script.Leave()).Bytes(eve.Signer)
		}),
		refused("a leave by a member that has not seen what made it one", sectionRefused, func(d *den) []byte {
			return d.beside(script.KindLeave, d.member, script.Leave(), d.room).Bytes(d.member.Signer)
		}),
		refused("a leave by the master", sectionRefused, func(d *den) []byte {
			return d.beside(script.KindLeave, d.master, script.Leave()).Bytes(d.master.Signer)
		}),
		refused("a renewal by somebody whom the room has not known", sectionRefused, func(d *den) []byte {
			eve := d.t.identity()
			return d.beside(script.KindRenew, eve, script.OneBundle(renewed(eve, 2))).Bytes(eve.Signer)
		}),
		refused("a renewal with another's bundle", sectionEntries, func(d *den) []byte {
			return d.beside(script.KindRenew, d.member, script.OneBundle(renewed(d.reader, 2))).Bytes(d.member.Signer)
		}),
		refused("a renewal with the number that the room knows", sectionEntries, func(d *den) []byte {
			return d.beside(script.KindRenew, d.member, script.OneBundle(renewed(d.member, 1))).Bytes(d.member.Signer)
		}),
		refused("a renewal with a number below that of an earlier one", sectionEntries, func(d *den) []byte {
			e := d.beside(script.KindRenew, d.member, script.OneBundle(renewed(d.member, 9)))
			d.submit(d.user, nil, e.Bytes(d.member.Signer))
			return d.beside(script.KindRenew, d.member, script.OneBundle(renewed(d.member, 8)), d.last.ID(), e.ID()).Bytes(d.member.Signer)
		}),
	}
}
