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
	histories, orders := 150, 8
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
