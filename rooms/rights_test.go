package rooms

import (
	"testing"
	"time"

	"parley/handshake/identity"
	"parley/wire"
)

func TestWhoMaySync(t *testing.T) {
	tr := newTestRoom(t)
	peer := wire.ID{5}
	l := tr.link()
	tr.add(NewInvite(tr.master, tr.next(), l, 1, testTime().Add(time.Hour), RoleMember))
	rex, bob := tr.member("rex", RoleRelay), tr.member("bob", RoleMember)
	gone := tr.member("gone", RoleMember)
	tr.leave(gone)
	want := func(d *Delegation, err error, now time.Time, want Sync, why Reason) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if s, reason := tr.MaySync(d, now); s != want || reason != why {
			t.Fatalf("%v (%v), not %v (%v)", s, reason, want, why)
		}
	}
	for _, c := range []struct {
		user *identity.Private
		want Sync
		why  Reason
	}{
		{tr.master, SyncAll, ReasonNone},
		{bob, SyncAll, ReasonNone},
		{rex, SyncAll, ReasonNone},
		{gone, SyncNone, ReasonDelegation},
		{newUser(t, "eve"), SyncNone, ReasonDelegation},
	} {
		d, err := NewDelegation(c.user, tr.Room(), peer, 1)
		want(d, err, testTime(), c.want, c.why)
	}
	d, err := NewLinkDelegation(l, peer, 1)
	want(d, err, testTime(), SyncAuthority, ReasonNone)
	want(d, err, testTime().Add(2*time.Hour), SyncNone, ReasonExpired)
	d, err = NewLinkDelegation(tr.link(), peer, 1)
	want(d, err, testTime(), SyncNone, ReasonDelegation)
	d, err = NewDelegation(bob, wire.ID{7}, peer, 1)
	want(d, err, testTime(), SyncNone, ReasonRoom)
}

func TestAHigherSerialReplacesADelegation(t *testing.T) {
	bob := newUser(t, "bob")
	make := func(room, peer byte, serial uint64) *Delegation {
		d, err := NewDelegation(bob, wire.ID{room}, wire.ID{peer}, serial)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	old := make(1, 1, 5)
	for _, c := range []struct {
		d    *Delegation
		want bool
	}{{make(1, 1, 6), true}, {make(1, 1, 5), false}, {make(1, 1, 4), false}, {make(2, 1, 6), false}, {make(1, 2, 6), false}} {
		if c.d.Replaces(old) != c.want {
			t.Errorf("room %d peer %d serial %d", c.d.Room[0], c.d.Peer[0], c.d.Serial)
		}
	}
	link := *make(1, 1, 6)
	link.Link = true
	if link.Replaces(old) {
		t.Error("a link's delegation takes the place of a member's")
	}
}

func TestTheDigestFollowsTheEntriesHeld(t *testing.T) {
	tr := newTestRoom(t)
	seen := map[[16]byte]bool{tr.Digest(): true}
	for range 3 {
		tr.newEpoch()
		seen[tr.Digest()] = true
	}
	if len(seen) != 4 {
		t.Fatalf("%d digests of four sets", len(seen))
	}
}

func TestThePeerThatFirstStoresAJoinKeepsToTheInvite(t *testing.T) {
	tr := newTestRoom(t)
	now := testTime()
	l := tr.link()
	inv := tr.add(NewInvite(tr.master, tr.next(), l, 1, now.Add(time.Hour), RoleMember))
	tr.links[inv.ID] = l
	bob, eve := newUser(t, "bob"), newUser(t, "eve")
	joinOf := func(u *identity.Private) *Entry {
		e, err := NewJoin(u, tr.NextBeside(u.ID(), now), l, inv.ID, randomBytes(nonceSize))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	if why := tr.Admit(joinOf(bob), now); why != ReasonNone {
		t.Fatal(why)
	}
	if why := tr.Admit(joinOf(bob), now.Add(time.Hour)); why != ReasonExpired {
		t.Fatal(why)
	}
	tr.join(bob, inv)
	if why := tr.Admit(joinOf(eve), now); why != ReasonExhausted {
		t.Fatal(why)
	}
	if why := tr.Admit(joinOf(bob), now); why != ReasonNone {
		t.Fatalf("joining again: %v", why)
	}
}

func TestARoomTakesNoMoreMembersThanItsCapacity(t *testing.T) {
	ada := newUser(t, "ada")
	g, err := NewGenesis(ada, Genesis{Nonce: randomBytes(nonceSize), Name: "small", Capacity: 2}, Place{Time: testTime()})
	if err != nil {
		t.Fatal(err)
	}
	tr := &testRoom{TB: t, Authority: NewAuthority(g.ID), master: ada, genesis: g, links: map[wire.ID]*Link{}}
	tr.add(g, nil)
	inv, relay := tr.invite(RoleMember), tr.invite(RoleRelay)
	admit := func(inv *Entry) Reason {
		u := newUser(t, "u")
		e, err := NewJoin(u, tr.NextBeside(u.ID(), testTime()), tr.links[inv.ID], inv.ID, randomBytes(nonceSize))
		if err != nil {
			t.Fatal(err)
		}
		why := tr.Admit(e, testTime())
		if why == ReasonNone {
			tr.add(e, nil)
		}
		return why
	}
	for i, want := range []Reason{ReasonNone, ReasonCapacity} {
		if why := admit(inv); why != want {
			t.Fatalf("joiner %d: %v", i, why)
		}
	}
	if why := admit(relay); why != ReasonNone {
		t.Fatalf("a relay: %v", why)
	}
}
