package rooms

import (
	"slices"
	"testing"

	"parley/wire"
)

// A check is a property of the rules, by the name that it has in the
// documentation of rooms: run plays a history with dishonest people in it and
// returns what broke. It builds its worlds with omits, so that a mutation can
// leave a rule out and see which check misses it.
type check struct {
	name string
	run  func(p *people, omits rule) error
}

func checks() []check {
	return slices.Concat(runChecks(), memberChecks(), adminChecks(), handoverChecks(), forkChecks(), refusalChecks())
}

func TestEveryCheckHoldsByAllTheRules(t *testing.T) {
	p := newPeople(t)
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			if err := c.run(p, 0); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func runChecks() []check {
	return []check{
		{"NoBackdatingAfterStop", checkBackdating},
		{"ReaderCannotSend", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			old := w.run("eve", nil)
			w.stop("bob", "eve", RoleReader, old)
			w.role("eve", RoleReader)
			w.judged("what was written before", Valid, old)
			w.judged("a reader's new log", Void, w.run("eve", nil))
			w.join("moe", w.invite("bob", RoleRelay))
			w.judged("a relay's run", Void, w.run("moe", nil))
			w.judged("a stranger's run", Void, w.run("lux", nil))
			return w.err
		}},
		{"NoForgetting", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			old := w.draft("eve", nil)
			w.epoch("ada")
			first := w.run("eve", nil)
			w.judged("honest", Valid, first)
			back := w.draft("eve", first)
			back.Heads, back.Epoch = old.Heads, old.Epoch
			w.judged("a run that forgets an epoch", Void, sealRun(back), first)
			return w.err
		}},
		{"NoRunInAReplacedEpoch", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			old := w.run("eve", nil)
			w.epoch("kim")
			stale := w.draft("eve", nil)
			stale.Epoch = old.Epoch
			w.judged("in an epoch known to be replaced", Void, sealRun(stale))
			w.judged("EpochVerdictNeverChanges: in the old one by who knew no newer", Valid, old)
			return w.err
		}},
		{"RemovedCannotOpenLater", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			before := w.draft("eve", nil)
			w.stop("bob", "rex", RoleNone)
			r := w.run("eve", nil)
			w.judged("in the removal's epoch", Valid, r)
			stale := w.draft("eve", nil)
			stale.Epoch = before.Epoch
			w.judged("in the epoch that the removed one can open", Void, sealRun(stale))
			w.want(len(w.Now().Outsiders(w.Entry(before.Epoch))) == 1, "the removed one is no outsider of the old epoch")
			w.want(len(w.Now().Outsiders(w.Entry(r.Epoch))) == 0, "the removal's epoch has outsiders")
			return w.err
		}},
		{"DemotionChangesTheKey", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			before := w.draft("eve", nil)
			demotion := w.demote("ada", "bob")
			r := w.draft("eve", nil)
			w.want(r.Epoch == demotion.ID, "an honest writer stays in the old epoch")
			r.Epoch = demotion.ID
			w.judged("in the demotion's epoch", Valid, sealRun(r))
			r = w.draft("eve", nil)
			r.Epoch = before.Epoch
			w.judged("in the epoch that the demoted one made", Void, sealRun(r))
			return w.err
		}},
		{"TrimmedNeverComesBack", checkTrim},
	}
}

func checkBackdating(p *people, omits rule) error {
	w := newWorld(p, omits)
	first := w.run("eve", nil)
	pinned := w.run("eve", first)
	sibling := w.run("eve", first)
	after := w.run("eve", pinned)
	unnamed := w.run("eve", nil)
	w.stop("bob", "eve", RoleNone, pinned)
	w.role("eve", RoleNone)
	w.judged("AckedLossIsExplained: what the stop names", Valid, first)
	w.judged("the last that the stop names", Valid, pinned, first)
	w.judged("the next after it", Void, after, first, pinned)
	w.judged("with the number of the pin and another link", Void, sibling, first)
	w.judged("a log that the stop does not name, with old heads", Void, unnamed)
	w.addUser("kim", "eve", RoleMember)
	w.judged("an old log, of one who was added again", Void, w.run("eve", pinned), first, pinned)
	w.judged("a new log, of one who was added again", Valid, w.run("eve", nil))
	return w.err
}

func checkTrim(p *people, omits rule) error {
	w := newWorld(p, omits)
	r1 := w.run("eve", nil)
	r2 := w.run("eve", r1)
	r3 := w.run("eve", r2)
	w.must("ada", KindTrim, &Trim{Floors: []Floor{{Log: r2.Log, Number: r2.Last(), Link: r2.Hash, FirstHeads: r1.Heads, Heads: r2.Heads}}})
	w.judged("below the floor", Void, r1)
	w.judged("at the floor", Void, r2, r1)
	w.judged("the first above the floor, with nothing held below", Valid, r3)
	w.judged("after that", Valid, w.run("eve", r3), r3)
	skips := w.draft("eve", r2)
	skips.First++
	w.judged("one that follows the floor by link and not by number", Reject, sealRun(skips))
	w.judged("one that follows another run than the floor's", Pending, w.run("eve", r3))
	w.judged("another branch below the floor", Void, w.run("eve", r1), r1)
	w.refuses(ReasonWriter, "bob", w.place("ada"), KindTrim, w.All()[w.Len()-1].Body)
	return w.err
}

func memberChecks() []check {
	return []check{
		{"JoinNeedsCountedInvite", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			w.addUser("ada", "lux", RoleReader)
			old := w.split()
			w.handover("ada", "zoe") // has not seen what ada does in the other half
			old.appoint("ada", "lux")
			inv := old.invite("lux", RoleMember)
			join := old.join("moe", inv)
			old.role("moe", RoleMember)
			old.role("lux", RoleAdmin)
			w.merge(old)
			w.want(w.Has(join.ID), "the join is not held")
			w.role("lux", RoleReader)
			w.role("moe", RoleNone)
			w.judged("who joined by it", Void, w.run("moe", nil))
			return w.err
		}},
		{"NoJoinAfterRevocation", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			inv := w.invite("bob", RoleMember)
			w.join("moe", inv)
			late := w.split()
			w.revoke("bob", inv)
			w.role("moe", RoleMember)
			w.merge(late.then(func() { late.join("lux", inv) }))
			w.role("lux", RoleNone)
			w.want(w.Admit(late.All()[late.Len()-1], testTime()) == ReasonInviteRevoked, "a peer takes joins by a revoked invite")
			w.want(!slices.ContainsFunc(w.Now().Invites(), func(i InviteView) bool { return i.Entry == inv }), "a revoked invite is shown as live")
			return w.err
		}},
		{"JoinsSeenByARevokerStay", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			inv := w.invite("bob", RoleMember)
			w.join("moe", inv)
			w.stop("kim", "eve", RoleNone)
			w.demote("ada", "bob")
			w.revoke("ada", inv)
			w.role("moe", RoleMember)
			return w.err
		}},
		{"RemovalRevokesUnseenInvites", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			inv := w.invite("bob", RoleMember)
			other := w.split()
			unseen := other.invite("bob", RoleMember)
			w.stop("kim", "eve", RoleNone)
			w.merge(other)
			w.join("moe", inv)
			w.join("lux", unseen)
			w.role("moe", RoleNone)
			w.role("lux", RoleNone)
			w.want(len(w.Now().Invites()) == 0, "%d invites are live", len(w.Now().Invites()))
			fresh := w.invite("bob", RoleMember)
			w.join("moe", fresh)
			w.role("moe", RoleMember)
			return w.err
		}},
		{"DemotionRevokesUnseenInvites", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			inv := w.invite("kim", RoleMember)
			w.demote("ada", "bob")
			w.join("moe", inv)
			w.role("moe", RoleNone)
			return w.err
		}},
		{"NoReadmissionByJoin", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			w.stop("bob", "eve", RoleNone)
			fresh := w.invite("kim", RoleMember)
			w.leave("eve") // ends admissions, not the removal
			w.join("eve", fresh)
			w.role("eve", RoleNone)
			w.judged("whoever rejoined", Void, w.run("eve", nil))
			w.want(w.Admit(w.All()[w.Len()-1], testTime()) == ReasonWasRemoved, "a peer takes the join of one who was removed")
			w.lift("bob", "eve")
			w.role("eve", RoleNone)
			w.join("eve", fresh)
			w.role("eve", RoleMember)
			w.judged("after a lift and a join that has seen it", Valid, w.run("eve", nil))
			return w.err
		}},
		{"BannedStayOut", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			w.ban("bob", "eve")
			w.ban("kim", "lux") // no member yet
			w.addUser("kim", "eve", RoleMember)
			w.join("lux", w.invite("bob", RoleMember))
			w.role("eve", RoleNone)
			w.role("lux", RoleNone)
			bans := slices.DeleteFunc(w.Now().Removed(), func(r Removal) bool { return !r.Ban })
			w.want(len(bans) == 2, "%d are banned", len(bans))
			w.lift("kim", "eve")
			w.addUser("kim", "eve", RoleMember)
			w.role("eve", RoleMember)
			return w.err
		}},
		{"LaterEntryDecides", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			w.stop("bob", "rex", RoleReader)
			w.addUser("kim", "rex", RoleMember)
			w.role("rex", RoleMember)
			w.stop("bob", "rex", RoleNone)
			w.addUser("kim", "rex", RoleMember)
			w.role("rex", RoleMember)
			return w.err
		}},
		{"ConcurrentLowerRoleDecides", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			other := w.split()
			w.addUser("kim", "lux", RoleReader)
			other.addUser("bob", "lux", RoleMember)
			w.merge(other)
			w.role("lux", RoleReader)
			third := w.split()
			w.addUser("kim", "lux", RoleMember)
			third.stop("bob", "lux", RoleNone)
			w.merge(third)
			w.role("lux", RoleNone)
			return w.err
		}},
		{"ChainedBeforeJoins", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			w.addUser("bob", "lux", RoleReader)
			inv := w.invite("kim", RoleMember)
			w.join("lux", inv)
			w.role("lux", RoleReader)
			w.stop("bob", "eve", RoleReader)
			w.join("eve", inv)
			w.role("eve", RoleReader)
			return w.err
		}},
		{"WhoLeftIsOut", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			r := w.run("eve", nil)
			inv := w.invite("bob", RoleMember)
			w.leave("eve", r)
			w.leave("rex")
			w.role("eve", RoleNone)
			w.role("rex", RoleNone)
			w.judged("goes on after leaving", Void, w.run("eve", r), r)
			w.join("rex", inv)
			w.role("rex", RoleMember)
			return w.err
		}},
		{"NoHigherRoleByLeavingAndJoining", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			inv := w.invite("bob", RoleMember)
			w.stop("bob", "eve", RoleReader)
			w.leave("eve")
			w.role("eve", RoleNone)
			w.join("eve", inv)
			w.role("eve", RoleReader)
			return w.err
		}},
	}
}

// then does something in a world and returns it.
func (w *world) then(f func()) *world {
	f()
	return w
}

func adminChecks() []check {
	return []check{
		{"NoEntryAfterDemotion", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			w.invite("bob", RoleMember)
			behind := w.split()
			w.demote("ada", "bob")
			w.role("bob", RoleMember)
			late := behind.addUser("bob", "lux", RoleMember)
			w.merge(behind)
			w.want(w.Has(late.ID), "the late entry is not held")
			w.role("lux", RoleNone)
			_, err := w.NextOnChain(w.id("bob"), testTime())
			w.want(reasonOf(err) == ReasonAdminsOnly, "whoever was demoted has a place on a chain: %v", err)
			return w.err
		}},
		{"NoEntryAfterAnAdminLeft", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			behind := w.split()
			w.leave("bob")
			w.role("bob", RoleNone)
			behind.addUser("bob", "lux", RoleMember)
			w.merge(behind)
			w.role("lux", RoleNone)
			return w.err
		}},
		{"NoEntryOfAnAdminWhoWasNotAppointed", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			w.addUser("ada", "lux", RoleReader)
			old := w.split()
			w.handover("ada", "zoe")
			old.appoint("ada", "lux")
			old.addUser("lux", "moe", RoleMember)
			w.merge(old)
			w.role("moe", RoleNone)
			return w.err
		}},
		{"AdminNotUnseatedByAdmin", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			r := w.run("kim", nil)
			w.stop("bob", "kim", RoleNone)
			w.role("kim", RoleAdmin)
			w.judged("an admin's run", Valid, r)
			w.judged("an admin's next run", Valid, w.run("kim", r), r)
			w.addUser("bob", "kim", RoleRelay)
			w.role("kim", RoleAdmin)
			w.demote("ada", "kim")
			w.role("kim", RoleMember)
			w.stop("bob", "kim", RoleNone) // has seen the demotion
			w.role("kim", RoleNone)
			return w.err
		}},
		{"MasterNotUnseated", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			r := w.run("ada", nil)
			w.stop("bob", "ada", RoleNone)
			w.role("ada", RoleMaster)
			w.judged("the master's run", Valid, r)
			w.handover("ada", "zoe")
			w.role("ada", RoleMember)
			w.role("zoe", RoleMaster)
			w.judged("the former master's run", Valid, r)
			w.stop("bob", "ada", RoleNone)
			w.role("ada", RoleNone)
			return w.err
		}},
	}
}

func refusalChecks() []check {
	return []check{
		{"OnlyTheHolderWritesOnAChain", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			w.refuses(ReasonWriter, "eve", w.place("ada"), KindEpoch, w.newKey())
			w.refuses(ReasonWriter, "kim", w.place("bob"), KindEpoch, w.newKey())
			w.handover("ada", "zoe")
			w.refuses(ReasonWriter, "ada", w.place("zoe"), KindEpoch, w.newKey())
			return w.err
		}},
		{"AChainHasNoGaps", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			at := w.place("ada")
			at.Number++
			w.refuses(ReasonNumber, "ada", at, KindEpoch, w.newKey())
			return w.err
		}},
		{"JoinNeedsTheLink", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			inv := w.invite("bob", RoleMember)
			body := w.joinBody("lux", inv)
			body.LinkKey = w.keys["lux"].Public()
			w.refuses(ReasonLinkKey, "lux", Place{Room: w.room, Heads: []wire.ID{inv.ID}}, KindJoin, body)
			return w.err
		}},
		{"StrangersLeaveNothing", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			w.refuses(ReasonLeaver, "lux", w.NextBeside(w.id("lux"), testTime()), KindLeave, &Leave{})
			return w.err
		}},
		{"MasterStays", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			w.refuses(ReasonMasterLeaves, "ada", w.NextBeside(w.id("ada"), testTime()), KindLeave, &Leave{})
			w.handover("ada", "zoe")
			w.refuses(ReasonMasterLeaves, "zoe", w.NextBeside(w.id("zoe"), testTime()), KindLeave, &Leave{})
			w.leave("ada")
			w.role("ada", RoleNone)
			return w.err
		}},
		{"NothingToManageInARoomOfTwo", func(p *people, omits rule) error {
			w := newPair(p, omits)
			w.role("eve", RoleMember)
			w.role("zoe", RoleMember)
			w.role("ada", RoleNone)
			w.epoch("eve")
			w.epoch("zoe")
			r := w.run("zoe", nil)
			w.judged("one of the two", Valid, r)
			w.judged("a stranger", Void, w.run("ada", nil))
			w.refuses(ReasonPair, "eve", w.place("eve"), KindAdd, &Add{Bundle: w.keys["ada"].Bundle(), Role: RoleMember})
			w.refuses(ReasonPair, "eve", w.NextBeside(w.id("eve"), testTime()), KindLeave, &Leave{})
			w.refuses(ReasonWriter, "ada", w.place("eve"), KindEpoch, w.newKey())
			return w.err
		}},
	}
}

// newPair is the room of eve and zoe.
func newPair(p *people, omits rule) *world {
	e, err := NewPair(p.keys["zoe"].Public(), p.keys["eve"].Public())
	w := &world{people: p, err: err}
	if err == nil {
		w.Authority = NewAuthority(e.ID)
		w.omits = omits
		w.take(e)
		p.tellOf(w)
	}
	return w
}
