package rooms

import (
	"errors"
	"testing"
	"time"

	"parley/wire"
)

func wrapsReason(err error, r Reason) bool { return errors.Is(err, r) }

func TestMembersAndTheMasterWriteAndNobodyElse(t *testing.T) {
	tr := newTestRoom(t)
	for _, c := range []struct {
		name string
		role Role
		want Verdict
		why  Reason
	}{
		{"bob", RoleMember, Valid, ReasonNone},
		{"rae", RoleReader, Void, ReasonReader},
		{"rex", RoleRelay, Void, ReasonRelay},
	} {
		user := tr.member(c.name, c.role)
		tr.judged(c.want, c.why, tr.write(user, nil))
	}
	tr.judged(Valid, ReasonNone, tr.write(tr.master, nil))
	tr.judged(Void, ReasonNotMember, tr.write(newUser(t, "eve"), nil))
}

func TestAMemberWhoHidesItsOwnJoinIsNoMember(t *testing.T) {
	tr := newTestRoom(t)
	bob := tr.member("bob", RoleMember)
	d := tr.draft(bob, nil)
	d.Heads = tr.Heads(newUser(t, "nobody").ID(), nil)
	tr.judged(Void, ReasonNotMember, tr.sign(bob, d.restart(bob.ID())))
}

func TestARunNamesTheNewestEpochItsWriterKnows(t *testing.T) {
	tr := newTestRoom(t)
	bob := tr.member("bob", RoleMember)
	before := tr.write(bob, nil)
	old := tr.epoch
	tr.newEpoch()
	tr.judged(Valid, ReasonNone, before) // what its writer knew does not change
	d := tr.draft(bob, nil)
	d.Epoch = old.ID
	tr.judged(Void, ReasonEpoch, tr.sign(bob, d))
	d.Epoch = tr.genesis.ID
	tr.judged(Void, ReasonEpoch, tr.sign(bob, d))
	d.Epoch = wire.ID{9}
	tr.judged(Void, ReasonEpoch, tr.sign(bob, d))
	tr.judged(Valid, ReasonNone, tr.write(bob, before), before)
}

func TestOfTwoConcurrentEpochsEitherMayBeWrittenIn(t *testing.T) {
	tr := newTestRoom(t)
	at := tr.next()
	one := tr.add(NewEpoch(tr.master, at, randomBytes(nonceSize), tr.epochKey))
	two := tr.add(NewEpoch(tr.master, at, randomBytes(nonceSize), tr.epochKey))
	if n := len(tr.Now().Epochs()); n != 2 {
		t.Fatalf("%d maximal epochs", n)
	}
	for _, e := range []*Entry{one, two} {
		d := tr.draft(tr.master, nil)
		d.Epoch = e.ID
		tr.judged(Valid, ReasonNone, tr.sign(tr.master, d))
	}
	merged := tr.newEpoch()
	if list := tr.Now().Epochs(); len(list) != 1 || list[0] != merged {
		t.Fatal("a later epoch does not merge concurrent ones")
	}
}

func TestARunMayNotForgetWhatTheRunBeforeItHadSeen(t *testing.T) {
	tr := newTestRoom(t)
	bob := tr.member("bob", RoleMember)
	old := tr.Heads(bob.ID(), nil)
	first := tr.sign(bob, tr.draft(bob, nil))
	tr.newEpoch()
	second := tr.write(bob, first)
	tr.judged(Valid, ReasonNone, second, first)
	d := tr.draft(bob, second)
	d.Heads, d.Epoch = old, tr.epoch.ID
	third := tr.sign(bob, d)
	tr.judged(Void, ReasonHeadsBack, third, first, second)
}

func TestARunFollowsTheOneBeforeItByLinkAndByNumber(t *testing.T) {
	tr := newTestRoom(t)
	first := tr.write(tr.master, nil)
	second := tr.write(tr.master, first)
	third := tr.write(tr.master, second)
	tr.judged(Valid, ReasonNone, second, first)
	tr.judged(Pending, ReasonPrevious, second)
	tr.judged(Pending, ReasonPrevious, third, first)
	sibling := tr.write(tr.master, first)
	tr.judged(Pending, ReasonOtherBranch, third, first, sibling)
	d := tr.draft(tr.master, first)
	d.First++
	tr.judged(Reject, ReasonNumber, tr.sign(tr.master, d), first)
}

func TestARunWaitsForTheEntriesThatItNames(t *testing.T) {
	tr := newTestRoom(t)
	bob := tr.member("bob", RoleMember)
	r := tr.write(bob, nil)
	other := NewAuthority(tr.Room())
	entries := tr.All()
	for i, e := range entries {
		v, why, missing := other.Judge(r, nil)
		if v != Pending || why != ReasonDependency || len(missing) == 0 {
			t.Fatalf("with %d of %d entries: %v (%v), missing %v", i, len(entries), v, why, missing)
		}
		if _, _, err := other.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if v, why, _ := other.Judge(r, nil); v != Valid {
		t.Fatal(v, why)
	}
}

func TestARunOfAnotherRoomIsRefused(t *testing.T) {
	tr, other := newTestRoom(t), newTestRoom(t)
	tr.judged(Reject, ReasonRoom, other.write(other.master, nil))
	open, err := SignRun(tr.master, openDraft(tr.master.ID(), tr.Room(), nil))
	if err != nil {
		t.Fatal(err)
	}
	tr.judged(Reject, ReasonRoom, open)
}

func TestALeaveStopsLogsWhereItSays(t *testing.T) {
	tr := newTestRoom(t)
	bob := tr.member("bob", RoleMember)
	first := tr.write(bob, nil)
	second := tr.write(bob, first)
	third := tr.write(bob, second)
	otherLog := tr.write(bob, nil)
	sibling := tr.write(bob, first)
	unseen := tr.draft(bob, nil)
	leave := tr.leave(bob, second)

	tr.judged(Valid, ReasonNone, first)
	tr.judged(Valid, ReasonNone, second, first)
	tr.judged(Void, ReasonLeft, sibling, first) // the number of the pin, not its run
	tr.judged(Void, ReasonLeft, third, first, second)
	tr.judged(Void, ReasonLeft, otherLog)
	tr.judged(Void, ReasonLeft, tr.sign(bob, unseen)) // backdated: a new log with old heads
	tr.judged(Void, ReasonLeft, tr.write(bob, nil))
	if role := tr.Now().Role(bob.ID()); role != RoleNone {
		t.Fatalf("after leaving %v", role)
	}

	again := tr.join(bob, tr.invite(RoleMember))
	if !tr.nodes[tr.place[again.ID]].closure.has(tr.place[leave.ID]) {
		t.Fatal("the new join has not seen the leave")
	}
	tr.judged(Void, ReasonAfterLeave, tr.write(bob, second), first, second)
	fresh := tr.write(bob, nil)
	tr.judged(Valid, ReasonNone, fresh)
	tr.judged(Valid, ReasonNone, tr.write(bob, fresh), fresh)
	tr.judged(Void, ReasonLeft, tr.sign(bob, unseen))
}

func TestALeaveEndsOnlyTheAdmissionsThatItHasSeen(t *testing.T) {
	tr := newTestRoom(t)
	bob := newUser(t, "bob")
	one, two := tr.invite(RoleMember), tr.invite(RoleReader)
	tr.join(bob, one)
	at := tr.NextBeside(bob.ID(), testTime()) // before the second join
	tr.join(bob, two)
	tr.add(NewLeave(bob, at, nil))
	if role := tr.Now().Role(bob.ID()); role != RoleReader {
		t.Fatalf("%v, not the reader of the join that the leave had not seen", role)
	}
}

func TestOfConcurrentJoinsTheLowerRoleDecidesAndOfLaterOnesTheLatest(t *testing.T) {
	tr := newTestRoom(t)
	bob := newUser(t, "bob")
	member, reader := tr.invite(RoleMember), tr.invite(RoleReader)
	at := tr.NextBeside(bob.ID(), testTime())
	for _, inv := range []*Entry{member, reader} {
		tr.add(NewJoin(bob, at, tr.links[inv.ID], inv.ID, randomBytes(nonceSize)))
	}
	if role := tr.Now().Role(bob.ID()); role != RoleReader {
		t.Fatal(role)
	}
	tr.join(bob, tr.invite(RoleMember))
	if role := tr.Now().Role(bob.ID()); role != RoleMember {
		t.Fatal(role)
	}
	if m, ok := tr.Now().Member(bob.ID()); !ok || m.Role != RoleMember || m.Bundle.Name != "bob" {
		t.Fatalf("%+v", m)
	}
}

func TestAForkStopsItsLogAndNoOther(t *testing.T) {
	tr := newTestRoom(t)
	first := tr.write(tr.master, nil)
	a, b := tr.write(tr.master, first), tr.write(tr.master, first)
	proof, err := NewProof(a, b)
	if err != nil {
		t.Fatal(err)
	}
	for i, side := range proof.Sides() {
		run := a
		if b.Hash == proof.Runs[i] {
			run = b
		}
		if side.Last() != run.Last() || side.Log != run.Log || side.Author != run.Author {
			t.Fatalf("side %d is %+v", i, side)
		}
		tr.judged(Valid, ReasonNone, side, first) // base
	}
	state := first.Extend(&LogState{Fork: proof.First})
	if v, why, _ := tr.Judge(a, state); v != Void || why != ReasonFork {
		t.Fatal(v, why)
	}
	if v, why, _ := tr.Judge(first, &LogState{Fork: proof.First}); v != Valid {
		t.Fatal(v, why)
	}
	tr.judged(Valid, ReasonNone, tr.write(tr.master, nil))
	if _, err := NewProof(first, a); reasonOf(err) != ReasonFork {
		t.Fatal("a run and its successor taken for siblings")
	}
}

func openDraft(author, room wire.ID, prev *Run) *RunDraft {
	d := &RunDraft{Room: room, Messages: [][]byte{randomBytes(minMessageBin)}}
	if prev == nil {
		return d.restart(author)
	}
	d.First, d.Prev, d.Incarnation = prev.Last()+1, prev.Hash, prev.Incarnation
	return d
}

func TestAnOpenRoomTakesAnyStartAndThenNoGap(t *testing.T) {
	tr := &testRoom{TB: t}
	user, room := newUser(t, "zoe"), wire.ID{1}
	var runs []*Run
	for i := range 3 {
		var prev *Run
		if i > 0 {
			prev = runs[i-1]
		}
		runs = append(runs, tr.sign(user, openDraft(user.ID(), room, prev)))
	}
	open := func(want Verdict, r *Run, prev *LogState) {
		t.Helper()
		if v, why := JudgeOpen(r, prev); v != want {
			t.Fatalf("judged %v (%v), not %v", v, why, want)
		}
	}
	open(Valid, runs[0], nil)
	open(Valid, runs[1], nil) // a floor
	open(Valid, runs[1], runs[0].Extend(nil))
	open(Pending, runs[2], runs[0].Extend(nil))
	wrong := openDraft(user.ID(), room, runs[0])
	wrong.First = 9
	open(Reject, tr.sign(user, wrong), runs[0].Extend(nil))
	private := newTestRoom(t)
	open(Reject, private.write(private.master, nil), nil)
}

func TestEveryReasonHasAText(t *testing.T) {
	seen := map[string]Reason{}
	for r := range reasonCount {
		text := r.String()
		if other, double := seen[text]; double || text == "unknown reason" {
			t.Errorf("reason %d has the text %q of %d", r, text, other)
		}
		seen[text] = r
	}
}

func TestTheClockNeverGoesBackAndIgnoresLiars(t *testing.T) {
	now := testTime()
	wall := NextClock(now, 0, 0)
	if !ClockTime(wall).Equal(now) {
		t.Fatalf("clock of %v is %v", now, ClockTime(wall))
	}
	ahead := NextClock(now.Add(time.Hour), 0, 0)
	for _, c := range []struct{ own, seen, want uint64 }{
		{0, wall, wall + 1},
		{wall, 0, wall + 1},
		{wall - 5, wall - 9, wall},
		{wall, ahead, ahead + 1},
		{wall, ^uint64(0), wall + 1}, // a liar
		{NextClock(now.Add(48*time.Hour), 0, 0), 0, NextClock(now.Add(48*time.Hour), 0, 0) + 1}, // our own clock was wrong
		{^uint64(0), 0, ^uint64(0)},
	} {
		if got := NextClock(now, c.own, c.seen); got != c.want {
			t.Errorf("after own %x and seen %x: %x, not %x", c.own, c.seen, got, c.want)
		}
	}
}
