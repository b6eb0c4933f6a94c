package rooms

import (
	"slices"
	"testing"
	"time"

	"parley/handshake/identity"
	"parley/wire"
)

func TestEntriesThatBreakARuleAreRefusedWithItsName(t *testing.T) {
	tr := newTestRoom(t)
	bob := tr.member("bob", RoleMember)
	inv := tr.invite(RoleMember)
	nonce := randomBytes(nonceSize)
	epochAt := func(key *identity.Private, at Place) (*Entry, error) {
		return NewEpoch(key, at, randomBytes(nonceSize), tr.epochKey)
	}
	t.Run("by a member on the master's chain", func(*testing.T) {
		e, err := epochAt(bob, tr.next())
		tr.refused(ReasonWriter, e, err)
	})
	t.Run("on a chain that no appointment began", func(*testing.T) {
		at := tr.next()
		at.Chain, at.Number, at.Prev = inv.ID, 1, wire.ID{}
		at.Heads = union(at.Heads, []wire.ID{inv.ID})
		e, err := epochAt(tr.master, at)
		tr.refused(ReasonChain, e, err)
	})
	t.Run("first on a chain without naming its appointment", func(*testing.T) {
		at := tr.next()
		at.Chain, at.Number, at.Prev = wire.ID{7}, 1, wire.ID{}
		e, err := epochAt(tr.master, at)
		tr.refused(ReasonHeads, e, err)
	})
	t.Run("first on a chain with something before it", func(*testing.T) {
		at := tr.next()
		at.Chain, at.Number = at.Prev, 1
		e, err := epochAt(tr.master, at)
		tr.refused(ReasonHeads, e, err)
	})
	t.Run("heads omit the entry before", func(*testing.T) {
		at := tr.next()
		at.Heads = []wire.ID{tr.genesis.ID}
		e, err := epochAt(tr.master, at)
		tr.refused(ReasonHeads, e, err)
	})
	t.Run("heads out of order", func(*testing.T) {
		at := tr.next()
		at.Heads = union(at.Heads, []wire.ID{tr.genesis.ID, tr.epoch.ID})
		slices.Reverse(at.Heads)
		e, err := epochAt(tr.master, at)
		tr.refused(ReasonHeads, e, err)
	})
	t.Run("a head twice", func(*testing.T) {
		at := tr.next()
		at.Heads = append(at.Heads, at.Heads[0])
		e, err := epochAt(tr.master, at)
		tr.refused(ReasonHeads, e, err)
	})
	t.Run("number skips", func(*testing.T) {
		at := tr.next()
		at.Number++
		e, err := epochAt(tr.master, at)
		tr.refused(ReasonNumber, e, err)
	})
	t.Run("number zero on a chain", func(*testing.T) {
		at := tr.next()
		at.Number = 0
		e, err := epochAt(tr.master, at)
		tr.refused(ReasonNumber, e, err)
	})
	t.Run("continues a join", func(*testing.T) {
		at := tr.next()
		at.Prev = tr.All()[3].ID
		if tr.All()[3].Kind != KindJoin {
			t.Fatal("not the join")
		}
		at.Heads, at.Number = union(at.Heads, []wire.ID{at.Prev}), 1+1
		e, err := epochAt(tr.master, at)
		tr.refused(ReasonChain, e, err)
	})
	t.Run("another room", func(*testing.T) {
		at := tr.next()
		at.Room = wire.ID{7}
		e, err := epochAt(tr.master, at)
		tr.refused(ReasonRoom, e, err)
	})
	t.Run("no room", func(*testing.T) {
		at := tr.next()
		at.Room = wire.ID{}
		e, err := epochAt(tr.master, at)
		tr.refused(ReasonRoom, e, err)
	})
	t.Run("a second genesis", func(*testing.T) {
		e, err := NewGenesis(tr.master, Genesis{Nonce: nonce, Name: "ops"}, Place{Time: testTime()})
		tr.refused(ReasonRoom, e, err)
	})
	t.Run("a room without a name", func(*testing.T) {
		e, err := NewGenesis(tr.master, Genesis{Nonce: nonce}, Place{Time: testTime()})
		tr.refused(ReasonGenesis, e, err)
	})
	t.Run("a name that cannot be printed", func(*testing.T) {
		e, err := NewGenesis(tr.master, Genesis{Nonce: nonce, Name: "ops\x1b[2J"}, Place{Time: testTime()})
		tr.refused(ReasonGenesis, e, err)
	})
	t.Run("an invite of an admin", func(*testing.T) {
		e, err := NewInvite(tr.master, tr.next(), tr.link(), 0, time.Time{}, RoleAdmin)
		tr.refused(ReasonInvite, e, err)
	})
	t.Run("an invite to another room", func(*testing.T) {
		l := tr.link()
		l.Room = wire.ID{7}
		e, err := NewInvite(tr.master, tr.next(), l, 0, time.Time{}, RoleMember)
		tr.refused(ReasonLink, e, err)
	})
	t.Run("a join by another link", func(*testing.T) {
		e, err := NewJoin(newUser(t, "eve"), tr.NextBeside(wire.ID{}, testTime()), tr.link(), inv.ID, nonce)
		tr.refused(ReasonLinkKey, e, err)
	})
	t.Run("a join by something that is no invite", func(*testing.T) {
		e, err := NewJoin(newUser(t, "eve"), tr.NextBeside(wire.ID{}, testTime()), tr.links[inv.ID], tr.epoch.ID, nonce)
		tr.refused(ReasonInvite, e, err)
	})
	t.Run("a leave by a stranger", func(*testing.T) {
		eve := newUser(t, "eve")
		e, err := NewLeave(eve, tr.NextBeside(eve.ID(), testTime()), nil)
		tr.refused(ReasonLeaver, e, err)
	})
	t.Run("a leave by the master", func(*testing.T) {
		e, err := NewLeave(tr.master, tr.NextBeside(tr.master.ID(), testTime()), nil)
		tr.refused(ReasonMasterLeaves, e, err)
	})
	t.Run("a leave that names a log twice", func(*testing.T) {
		pin := Pin{Log: wire.ID{1}, Number: 1, Link: wire.ID{2}}
		e, err := NewLeave(bob, tr.NextBeside(bob.ID(), testTime()), []Pin{pin, pin})
		tr.refused(ReasonBounds, e, err)
	})
	t.Run("a join with a number", func(*testing.T) {
		at := tr.NextBeside(bob.ID(), testTime())
		at.Number = 1
		e, err := newEntry(bob, KindLeave, at, &Leave{}, nil)
		tr.refused(ReasonChain, e, err)
	})
	t.Run("a leave without heads", func(*testing.T) {
		e, err := newEntry(bob, KindLeave, Place{Room: tr.Room()}, &Leave{}, nil)
		tr.refused(ReasonHeads, e, err)
	})
}

func TestJoinAndLeaveByABundleOfSomebodyElse(t *testing.T) {
	tr := newTestRoom(t)
	inv := tr.invite(RoleMember)
	eve, bob := newUser(t, "eve"), newUser(t, "bob")
	keys, err := tr.links[inv.ID].Keys()
	if err != nil {
		t.Fatal(err)
	}
	body := &Join{Invite: inv.ID, LinkKey: keys.Sign.Public(), Bundle: bob.Bundle(), Nonce: randomBytes(nonceSize)}
	at := tr.NextBeside(eve.ID(), testTime())
	at.Heads = union(at.Heads, []wire.ID{inv.ID})
	e, err := newEntry(eve, KindJoin, at, body, keys.Sign.Sign)
	tr.refused(ReasonWriter, e, err)
	body.Bundle = eve.Bundle()
	e, err = newEntry(eve, KindJoin, at, body, bob.Sign) // cosigned by another key than the link's
	tr.refused(ReasonSignature, e, err)
}

func TestTheParkingIsBoundedAndLetsTheOldestGo(t *testing.T) {
	tr := newTestRoom(t)
	other := NewAuthority(tr.Room())
	bob := newUser(t, "bob")
	var waiting []*Entry
	for i := range maxParked + 10 {
		e, err := NewLeave(bob, Place{Room: tr.Room(), Heads: []wire.ID{{byte(i), byte(i >> 8), 1}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		waiting = append(waiting, e)
		if _, missing, err := other.Add(e); err != nil || len(missing) != 1 {
			t.Fatal(missing, err)
		}
	}
	p := &other.parked
	if len(p.entries) != maxParked || len(p.waiting) != maxParked || len(p.order) > 2*maxParked {
		t.Fatalf("%d parked, %d waited for, %d in order", len(p.entries), len(p.waiting), len(p.order))
	}
	if p.entries[waiting[9].ID] != nil || p.entries[waiting[10].ID] == nil {
		t.Fatal("not the oldest have left")
	}
	if n := len(other.Missing()); n != maxMissing {
		t.Fatalf("%d missing reported", n)
	}
	for _, e := range waiting {
		p.remove(e)
	}
	if p.bytes != 0 || len(p.waiting) != 0 {
		t.Fatalf("%d bytes and %d waited for are left over", p.bytes, len(p.waiting))
	}
}

func TestWhatWaitsForARefusedEntryIsDropped(t *testing.T) {
	tr := newTestRoom(t)
	eve := newUser(t, "eve")
	bad, err := NewLeave(eve, tr.NextBeside(eve.ID(), testTime()), nil)
	if err != nil {
		t.Fatal(err)
	}
	after, err := NewLeave(eve, Place{Room: tr.Room(), Heads: []wire.ID{bad.ID}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, missing, _ := tr.Add(after); len(missing) != 1 {
		t.Fatal(missing)
	}
	tr.refused(ReasonLeaver, bad, nil)
	if len(tr.parked.entries) != 0 || len(tr.Missing()) != 0 {
		t.Fatal("it still waits")
	}
}

func TestHeadsAreFewHoweverManyJoinAndLeave(t *testing.T) {
	tr := newTestRoom(t)
	inv := tr.invite(RoleMember)
	var users []*identity.Private
	for range 20 {
		u := newUser(t, "u")
		tr.join(u, inv)
		users = append(users, u)
	}
	for _, u := range users[:5] {
		tr.leave(u)
	}
	heads := tr.Heads(users[10].ID(), nil)
	if len(heads) != 1 || tr.Entry(heads[0]).Writer != users[10].ID() {
		t.Fatalf("%d heads; the own join has seen all else", len(heads))
	}
	epoch := tr.newEpoch()
	if len(epoch.Heads) != 6 {
		t.Fatalf("the epoch names %d heads, not the invite and five leaves", len(epoch.Heads))
	}
	if got := tr.Now().Outsiders(epoch); len(got) != 0 {
		t.Fatalf("outsiders %v", got)
	}
	if got := tr.Now().Outsiders(tr.epoch); len(got) != 5 {
		t.Fatalf("%d outsiders of the first epoch", len(got))
	}
}

func TestHeadsBeyondTheBoundKeepWhatTheWriterMustName(t *testing.T) {
	tr := newTestRoom(t)
	bob := tr.member("bob", RoleMember)
	inv := tr.invite(RoleMember)
	at := tr.next()
	for range MaxHeads + 6 {
		tr.add(NewEpoch(tr.master, at, randomBytes(nonceSize), tr.epochKey))
	}
	eve := newUser(t, "eve") // joins without having seen the branches
	late := tr.add(NewJoin(eve, Place{Room: tr.Room(), Time: testTime()}, tr.links[inv.ID], inv.ID, randomBytes(nonceSize)))
	if heads := tr.Heads(eve.ID(), nil); len(heads) != MaxHeads || !contains(heads, late.ID) {
		t.Fatalf("%d heads, without the own join", len(heads))
	}
	first := tr.write(bob, nil)
	if len(first.Heads) != MaxHeads {
		t.Fatalf("%d heads", len(first.Heads))
	}
	tr.judged(Valid, ReasonNone, first)
	at.Time = at.Time.Add(time.Second)
	tr.add(NewEpoch(tr.master, at, randomBytes(nonceSize), tr.epochKey))
	tr.judged(Valid, ReasonNone, tr.write(bob, first), first)
	for range 3 { // the master's next entries bring the branches together
		tr.newEpoch()
	}
	if n := len(tr.Heads(tr.master.ID(), nil)); n > 8 {
		t.Fatalf("%d heads are left", n)
	}
}
