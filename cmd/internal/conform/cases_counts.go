package conform

import (
	"parley/cmd/internal/script"
	"parley/wire"
)

const sectionCounts = "rooms, What counts"

// countCases are the rules of what counts, as they show in who may write.
func countCases() []Case {
	all := append(roleCases(), adminCases()...)
	all = append(all, joinCases()...)
	return append(all, handoverCases()...)
}

// may has somebody write, by what the case has made, and wants the run held.
func may(name string, f func(d *den) (by *script.Identity, seen []wire.ID)) Case {
	return Case{Name: name, Section: sectionCounts, Expect: "Ack, and the run served", run: func(t *T) {
		d := t.den()
		by, seen := f(d)
		d.writes(d.written(by, seen...), by)
	}}
}

// mayNot has somebody write, by what the case has made, and wants the run not held.
func mayNot(name string, f func(d *den) (by *script.Identity, seen []wire.ID)) Case {
	return Case{Name: name, Section: sectionCounts, Expect: "no Ack, and the run not served", run: func(t *T) {
		d := t.den()
		by, seen := f(d)
		d.unwritten(d.written(by, seen...), by)
	}}
}

// written is the run that a case writes, in the epoch that it says.
func (d *den) written(by *script.Identity, seen ...wire.ID) *script.Run {
	r := d.first(by, "written", seen...)
	if !d.in.IsZero() {
		r.Epoch = d.in
	}
	return r
}

// put hands over the next entry of the master's chain.
func (d *den) put(kind uint64, body []byte, seen ...wire.ID) wire.ID {
	d.submit(d.user, nil, d.chain(kind, body, seen...))
	return d.last.ID()
}

// put hands over the next entry of the admin's chain.
func (a *admin) put(kind uint64, body []byte, seen ...wire.ID) wire.ID {
	a.d.submit(a.d.user, nil, a.entry(kind, body, seen...))
	return a.head()
}

// lower makes somebody a reader or a relay, who goes on with that epoch.
func (d *den) lower(who *script.Identity, role uint64) {
	s := script.Stop{Subject: who.ID(), Role: role}
	if role != script.RoleReader {
		s.Nonce, s.Commitment = d.newKey()
	}
	id := d.put(script.KindStop, s.Bytes())
	if role != script.RoleReader {
		d.epoch = id
	}
}

// ban removes somebody until it is lifted.
func (d *den) ban(who *script.Identity) {
	s := script.Stop{Subject: who.ID(), Ban: 1}
	s.Nonce, s.Commitment = d.newKey()
	d.epoch = d.put(script.KindStop, s.Bytes())
}

// demote ends an admin's chain at a cut, having seen what is given.
func (d *den) demote(a *admin, cut wire.ID, seen ...wire.ID) {
	nonce, commitment := d.newKey()
	d.epoch = d.put(script.KindDemote, script.Demote(a.chain, cut, nil, nonce, commitment), append(seen, cut)...)
}

func roleCases() []Case {
	return []Case{
		mayNot("a run by a relay", func(d *den) (*script.Identity, []wire.ID) {
			relay := d.t.identity()
			d.submit(d.user, nil, d.add(relay, script.RoleRelay))
			return relay, nil
		}),
		mayNot("a run by a member that was made a reader", func(d *den) (*script.Identity, []wire.ID) {
			d.lower(d.member, script.RoleReader)
			return d.member, nil
		}),
		mayNot("a run by a member that was made a relay", func(d *den) (*script.Identity, []wire.ID) {
			d.lower(d.member, script.RoleRelay)
			return d.member, nil
		}),
		mayNot("a run by a removed member that knows of it", func(d *den) (*script.Identity, []wire.ID) {
			d.submit(d.user, nil, d.remove(d.member))
			return d.member, nil
		}),
		mayNot("a run by a removed member that has not seen it", func(d *den) (*script.Identity, []wire.ID) {
			before := d.last.ID()
			d.in = d.epoch
			d.submit(d.user, nil, d.remove(d.member))
			return d.member, []wire.ID{before}
		}),
		may("a run by a removed member that was added again", func(d *den) (*script.Identity, []wire.ID) {
			d.submit(d.user, nil, d.remove(d.member), d.add(d.member, script.RoleMember))
			return d.member, nil
		}),
		mayNot("a run by a banned member that was added again", func(d *den) (*script.Identity, []wire.ID) {
			d.ban(d.member)
			d.submit(d.user, nil, d.add(d.member, script.RoleMember))
			return d.member, nil
		}),
		may("a run by a banned member that was lifted, and added again", func(d *den) (*script.Identity, []wire.ID) {
			d.ban(d.member)
			d.put(script.KindLift, script.Subject(d.member.ID()))
			d.submit(d.user, nil, d.add(d.member, script.RoleMember))
			return d.member, nil
		}),
		mayNot("a run by a removed member that was lifted, and did not join", func(d *den) (*script.Identity, []wire.ID) {
			d.submit(d.user, nil, d.remove(d.member))
			d.put(script.KindLift, script.Subject(d.member.ID()))
			return d.member, nil
		}),
		mayNot("a run by a reader whom one makes a member and another leaves a reader", func(d *den) (*script.Identity, []wire.ID) {
			a, b := d.admin(), d.admin()
			up := a.put(script.KindAdd, script.Add(d.reader.Bundle, script.RoleMember), d.last.ID())
			same := b.put(script.KindAdd, script.Add(d.reader.Bundle, script.RoleReader), d.last.ID())
			return d.reader, []wire.ID{up, same}
		}),
		mayNot("a run by a member whom one removes and another adds, neither seeing the other", func(d *den) (*script.Identity, []wire.ID) {
			a := d.admin()
			add := a.put(script.KindAdd, script.Add(d.member.Bundle, script.RoleMember), d.last.ID())
			d.submit(d.user, nil, d.remove(d.member))
			return d.member, []wire.ID{add, d.last.ID()}
		}),
		may("a run by a reader that the master made a member", func(d *den) (*script.Identity, []wire.ID) {
			d.submit(d.user, nil, d.add(d.reader, script.RoleMember))
			return d.reader, nil
		}),
		mayNot("a run by a member that has left", func(d *den) (*script.Identity, []wire.ID) {
			e := d.beside(script.KindLeave, d.member, script.Leave())
			d.submit(d.user, nil, e.Bytes(d.member.Signer))
			return d.member, []wire.ID{d.last.ID(), e.ID()}
		}),
		mayNot("a run by a member that has left, in a log begun before", func(d *den) (*script.Identity, []wire.ID) {
			d.submit(d.user, nil, d.beside(script.KindLeave, d.member, script.Leave()).Bytes(d.member.Signer))
			return d.member, nil
		}),
		may("a leave that was not seen by an add takes nothing from it", func(d *den) (*script.Identity, []wire.ID) {
			e := d.beside(script.KindLeave, d.member, script.Leave())
			d.submit(d.user, nil, e.Bytes(d.member.Signer))
			d.submit(d.user, nil, d.chain(script.KindAdd, script.Add(d.member.Bundle, script.RoleMember), e.ID()))
			return d.member, nil
		}),
		may("a policy of a room for one takes no role from anybody", func(d *den) (*script.Identity, []wire.ID) {
			d.put(script.KindPolicy, script.Policy{Name: "den", Capacity: 1}.Bytes())
			return d.member, nil
		}),
	}
}

func adminCases() []Case {
	return []Case{
		may("a run by an admin", func(d *den) (*script.Identity, []wire.ID) { return d.admin().by, nil }),
		may("a run by a demoted admin, who is a member", func(d *den) (*script.Identity, []wire.ID) {
			a := d.admin()
			d.demote(a, a.chain)
			return a.by, nil
		}),
		mayNot("a demoted admin that is then removed", func(d *den) (*script.Identity, []wire.ID) {
			a := d.admin()
			d.demote(a, a.chain)
			d.submit(d.user, nil, d.remove(a.by))
			return a.by, nil
		}),
		may("an add by an admin", func(d *den) (*script.Identity, []wire.ID) {
			u, a := d.t.identity(), d.admin()
			return u, []wire.ID{a.put(script.KindAdd, script.Add(u.Bundle, script.RoleMember), d.last.ID())}
		}),
		mayNot("an add by an admin behind the cut of its demotion", func(d *den) (*script.Identity, []wire.ID) {
			u, a := d.t.identity(), d.admin()
			d.demote(a, a.chain)
			late := a.put(script.KindAdd, script.Add(u.Bundle, script.RoleMember))
			return u, []wire.ID{late, d.last.ID()}
		}),
		may("an add by an admin that is the cut of its demotion", func(d *den) (*script.Identity, []wire.ID) {
			u, a := d.t.identity(), d.admin()
			d.demote(a, a.put(script.KindAdd, script.Add(u.Bundle, script.RoleMember)))
			return u, nil
		}),
		mayNot("an add that a former admin writes having seen its demotion", func(d *den) (*script.Identity, []wire.ID) {
			u, a := d.t.identity(), d.admin()
			d.demote(a, a.chain)
			late := a.put(script.KindAdd, script.Add(u.Bundle, script.RoleMember), d.last.ID())
			return u, []wire.ID{late}
		}),
		mayNot("an add by an admin behind its own leave", func(d *den) (*script.Identity, []wire.ID) {
			u, a := d.t.identity(), d.t.identity()
			chain, raw := d.appoint(a)
			d.submit(d.user, nil, raw, d.add(a, script.RoleMember))
			leave := d.beside(script.KindLeave, a, script.Leave())
			d.submit(d.user, nil, leave.Bytes(a.Signer))
			late := chain.put(script.KindAdd, script.Add(u.Bundle, script.RoleMember), d.last.ID(), leave.ID())
			return u, []wire.ID{late}
		}),
		may("an admin that another admin removes", func(d *den) (*script.Identity, []wire.ID) {
			a, b := d.admin(), d.admin()
			a.put(script.KindStop, d.removal(b.by), d.last.ID())
			return b.by, nil
		}),
		may("the master, whom an admin removes", func(d *den) (*script.Identity, []wire.ID) {
			a := d.admin()
			a.put(script.KindStop, d.removal(d.master), d.last.ID())
			return d.master, nil
		}),
		mayNot("a member whom an admin removes", func(d *den) (*script.Identity, []wire.ID) {
			a := d.admin()
			d.in = a.put(script.KindStop, d.removal(d.member), d.last.ID())
			return d.member, []wire.ID{d.in}
		}),
	}
}

func joinCases() []Case {
	return []Case{
		may("a newcomer that joined by an invite", func(d *den) (*script.Identity, []wire.ID) {
			u := d.t.identity()
			return u, []wire.ID{d.joined(u, d.invite(0, 0, script.RoleMember))}
		}),
		mayNot("a newcomer that has not seen its own join", func(d *den) (*script.Identity, []wire.ID) {
			u := d.t.identity()
			d.joined(u, d.invite(0, 0, script.RoleMember))
			return u, nil
		}),
		mayNot("a newcomer by an invite for readers", func(d *den) (*script.Identity, []wire.ID) {
			u := d.t.identity()
			return u, []wire.ID{d.joined(u, d.invite(0, 0, script.RoleReader))}
		}),
		mayNot("a newcomer by an invite for relays", func(d *den) (*script.Identity, []wire.ID) {
			u := d.t.identity()
			return u, []wire.ID{d.joined(u, d.invite(0, 0, script.RoleRelay))}
		}),
		mayNot("a join by a revoked invite that the revocation has not seen", func(d *den) (*script.Identity, []wire.ID) {
			u, l := d.t.identity(), d.invite(0, 0, script.RoleMember)
			join := d.joined(u, l)
			d.put(script.KindRevoke, script.Revoke([]wire.ID{l.invite}, nil))
			return u, []wire.ID{join, d.last.ID()}
		}),
		may("a join by a revoked invite that the revocation names", func(d *den) (*script.Identity, []wire.ID) {
			u, l := d.t.identity(), d.invite(0, 0, script.RoleMember)
			join := d.joined(u, l)
			d.put(script.KindRevoke, script.Revoke([]wire.ID{l.invite}, []wire.ID{join}))
			return u, []wire.ID{join, d.last.ID()}
		}),
		may("a join that a revocation of nothing confirmed before another revoked its invite", func(d *den) (*script.Identity, []wire.ID) {
			u, l := d.t.identity(), d.invite(0, 0, script.RoleMember)
			join := d.joined(u, l)
			d.put(script.KindRevoke, script.Revoke(nil, []wire.ID{join}))
			d.put(script.KindRevoke, script.Revoke([]wire.ID{l.invite}, nil))
			return u, []wire.ID{join, d.last.ID()}
		}),
		mayNot("a join that a removal of somebody else has not seen", func(d *den) (*script.Identity, []wire.ID) {
			u := d.t.identity()
			join := d.joined(u, d.invite(0, 0, script.RoleMember))
			d.submit(d.user, nil, d.remove(d.reader))
			return u, []wire.ID{join, d.last.ID()}
		}),
		may("a join by an invite made behind a removal", func(d *den) (*script.Identity, []wire.ID) {
			u := d.t.identity()
			d.submit(d.user, nil, d.remove(d.reader))
			return u, []wire.ID{d.joined(u, d.invite(0, 0, script.RoleMember))}
		}),
		mayNot("a join that a demotion has not seen", func(d *den) (*script.Identity, []wire.ID) {
			u, a := d.t.identity(), d.admin()
			join := d.joined(u, d.invite(0, 0, script.RoleMember))
			d.demote(a, a.chain)
			return u, []wire.ID{join, d.last.ID()}
		}),
		mayNot("a join by the invite of an admin behind the cut of its demotion, which confirms it", func(d *den) (*script.Identity, []wire.ID) {
			a, u := d.admin(), d.t.identity()
			l := &invitation{Identity: d.t.identity()}
			l.invite = a.put(script.KindInvite, inviteBody(l, 0, 0, script.RoleMember))
			join := d.joined(u, l)
			nonce, commitment := d.newKey()
			d.epoch = d.put(script.KindDemote, script.Demote(a.chain, a.chain, []wire.ID{join}, nonce, commitment))
			return u, []wire.ID{join, d.last.ID()}
		}),
		mayNot("a removed member's join that has not seen a lift", func(d *den) (*script.Identity, []wire.ID) {
			d.submit(d.user, nil, d.remove(d.member))
			l := d.invite(0, 0, script.RoleMember)
			join := d.peerJoin(d.member, l, d.last.ID())
			d.put(script.KindLift, script.Subject(d.member.ID()))
			return d.member, []wire.ID{join, d.last.ID()}
		}),
		may("a removed member's join that has seen the lift", func(d *den) (*script.Identity, []wire.ID) {
			d.submit(d.user, nil, d.remove(d.member))
			l := d.invite(0, 0, script.RoleMember)
			d.put(script.KindLift, script.Subject(d.member.ID()))
			return d.member, []wire.ID{d.joined(d.member, l, d.last.ID())}
		}),
		may("a member that comes back by a join that names its leave", func(d *den) (*script.Identity, []wire.ID) {
			e := d.beside(script.KindLeave, d.member, script.Leave())
			d.submit(d.user, nil, e.Bytes(d.member.Signer))
			return d.member, []wire.ID{d.joined(d.member, d.invite(0, 0, script.RoleMember), e.ID())}
		}),
		mayNot("a member that comes back with more than the role to which a stop had lowered it", func(d *den) (*script.Identity, []wire.ID) {
			d.lower(d.member, script.RoleReader)
			e := d.beside(script.KindLeave, d.member, script.Leave())
			d.submit(d.user, nil, e.Bytes(d.member.Signer))
			return d.member, []wire.ID{d.joined(d.member, d.invite(0, 0, script.RoleMember), d.last.ID(), e.ID())}
		}),
	}
}

// peerJoin hands over a join as a peer does, whose word no policy of the peer
// under test is asked for.
func (d *den) peerJoin(by *script.Identity, l *invitation, seen ...wire.ID) wire.ID {
	before := d.entries()
	e := d.join(by, l, seen...)
	s, _ := d.opened(d.master)
	s.say(&wire.Records{Set: wire.SetEntries, Records: wire.List[wire.Bytes]{e.Both(by.Signer, l.Signer)}})
	s.through()
	if n := d.entries(); n != before+1 {
		d.t.fail("not held", "a join from a peer is not taken by validity alone")
	}
	return e.ID()
}
