package rooms

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/cryptotest"
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

// What follows from a set of entries, for comparison.
type facts struct {
	digest  [16]byte
	members []string
	invites []wire.ID
	epochs  []wire.ID
	heads   [][]wire.ID
	judged  []string
}

func factsOf(a *Authority, users []*identity.Private, runs []*Run) facts {
	f := facts{digest: a.Digest()}
	now := a.Now()
	for _, m := range now.Members() {
		f.members = append(f.members, m.ID.Short()+m.Role.String()+m.Entry.ID.Short())
	}
	for _, i := range now.Invites() {
		f.invites = append(append(f.invites, i.Entry.ID), i.Joiners...)
	}
	for _, e := range now.Epochs() {
		f.epochs = append(append(f.epochs, e.ID), now.Outsiders(e)...)
	}
	for _, u := range users {
		f.heads = append(f.heads, a.Heads(u.ID(), nil))
	}
	for _, r := range runs {
		v, why, missing := a.Judge(r, nil)
		slices.SortFunc(missing, wire.ID.Compare)
		line := v.String() + why.String()
		for _, id := range missing {
			line += id.Short()
		}
		f.judged = append(f.judged, line)
	}
	return f
}

// A history is entries and runs by people who each know a part of what there
// is, and now and then lie.
type history struct {
	room    wire.ID
	entries []*Entry
	users   []*identity.Private
	runs    []*Run
}

func randomHistory(t *testing.T, steps int) *history {
	tr := newTestRoom(t)
	h := &history{room: tr.Room(), entries: tr.All(), users: []*identity.Private{tr.master}}
	for _, name := range []string{"bob", "eve", "kim"} {
		h.users = append(h.users, newUser(t, name))
	}
	// Each user's part of the entries; the master has two homes.
	parts := make([]*Authority, len(h.users)+1)
	for i := range parts {
		parts[i] = NewAuthority(h.room)
		for _, e := range h.entries {
			parts[i].Add(e)
		}
	}
	var invites []*Entry
	for range steps {
		i := smallNumber(len(parts))
		part, user := parts[i], h.users[i%len(h.users)]
		for _, e := range h.entries { // learns some of what there is
			if smallNumber(3) > 0 {
				part.Add(e)
			}
		}
		known := &testRoom{TB: t, Authority: part, master: tr.master, epochKey: tr.epochKey}
		e, err := randomEntry(known, tr.links, invites, user)
		if err != nil || e == nil {
			continue
		}
		if e.Invite() != nil {
			invites = append(invites, e)
		}
		h.entries = append(h.entries, e)
		part.Add(e)
		h.runs = append(h.runs, known.write(user, nil))
	}
	return h
}

func randomEntry(known *testRoom, links map[wire.ID]*Link, invites []*Entry, user *identity.Private) (*Entry, error) {
	beside := known.NextBeside(user.ID(), testTime())
	chained, err := known.NextOnChain(known.master.ID(), testTime())
	if err != nil {
		return nil, err
	}
	pick := func() *Entry {
		if len(invites) == 0 {
			return nil
		}
		return invites[smallNumber(len(invites))]
	}
	switch smallNumber(8) {
	case 0: // an epoch, by whoever it is: a lie if not by the master
		return NewEpoch(user, chained, randomBytes(nonceSize), known.epochKey)
	case 1, 2:
		l := known.link()
		e, err := NewInvite(known.master, chained, l, 0, time.Time{}, RoleRelay+Role(smallNumber(3)))
		if err == nil {
			links[e.ID] = l
		}
		return e, err
	case 3, 4:
		if inv := pick(); inv != nil {
			return NewJoin(user, beside, links[inv.ID], inv.ID, randomBytes(nonceSize))
		}
	case 5: // by a link of another invite
		if inv := pick(); inv != nil {
			return NewJoin(user, beside, known.link(), inv.ID, randomBytes(nonceSize))
		}
	default: // a lie if not a member
		return NewLeave(user, beside, nil)
	}
	return nil, nil
}

func TestTheOrderOfArrivalNeverMatters(t *testing.T) {
	histories, orders := 300, 12
	counts := map[string]int{}
	for n := range histories {
		t.Run(fmt.Sprint("seed ", n), func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, uint64(n))
			rng := rand.New(rand.NewPCG(uint64(n), 0))
			h := randomHistory(t, 14)
			var want facts
			for k := range orders {
				a := NewAuthority(h.room)
				for _, i := range rng.Perm(len(h.entries)) {
					a.Add(h.entries[i])
					if k%2 == 1 && len(h.runs) > 0 { // fill the caches on the way
						a.Judge(h.runs[rng.IntN(len(h.runs))], nil)
						a.Now().Members()
					}
				}
				got := factsOf(a, h.users, h.runs)
				if k == 0 {
					want = got
					for _, line := range got.judged {
						counts[line]++
					}
					counts["members"] += len(got.members) - 1
					continue
				}
				if !equalFacts(got, want) {
					t.Fatalf("order %d:\n%+v\nnot\n%+v", k, got, want)
				}
			}
		})
	}
	for _, must := range []Reason{ReasonNone, ReasonLeft, ReasonNotMember, ReasonReader, ReasonRelay} {
		line := Void.String() + must.String()
		if must == ReasonNone {
			line = Valid.String() + must.String()
		}
		if counts[line] == 0 {
			t.Errorf("no history had %q: the test shows nothing about it", line)
		}
	}
	if counts["members"] == 0 {
		t.Error("nobody ever joined")
	}
}

func equalFacts(x, y facts) bool {
	return x.digest == y.digest && slices.Equal(x.members, y.members) && slices.Equal(x.invites, y.invites) &&
		slices.Equal(x.epochs, y.epochs) && slices.Equal(x.judged, y.judged) &&
		slices.EqualFunc(x.heads, y.heads, slices.Equal[[]wire.ID])
}

func TestEveryOrderOfASmallRoomGivesOneState(t *testing.T) {
	tr := newTestRoom(t)
	bob := newUser(t, "bob")
	inv := tr.invite(RoleMember)
	tr.join(bob, inv)
	run := tr.write(bob, nil)
	tr.leave(bob, run)
	late := tr.write(bob, nil)
	tr.newEpoch()
	users, runs := []*identity.Private{tr.master, bob}, []*Run{run, late}
	want := factsOf(tr.Authority, users, runs)
	entries := tr.All()
	orders := 0
	permute(len(entries), func(order []int) {
		orders++
		a := NewAuthority(tr.Room())
		for _, i := range order {
			a.Add(entries[i])
		}
		if got := factsOf(a, users, runs); !equalFacts(got, want) {
			t.Fatalf("order %v:\n%+v\nnot\n%+v", order, got, want)
		}
	})
	if orders != 720 {
		t.Fatalf("%d orders", orders)
	}
}

// permute calls f with every order of 0 to n-1 (Heap's algorithm).
func permute(n int, f func([]int)) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	var rec func(k int)
	rec = func(k int) {
		if k == 1 {
			f(order)
			return
		}
		for i := range k {
			rec(k - 1)
			if k%2 == 0 {
				order[i], order[k-1] = order[k-1], order[i]
			} else {
				order[0], order[k-1] = order[k-1], order[0]
			}
		}
	}
	rec(n)
}
