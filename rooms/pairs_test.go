package rooms

import (
	"slices"
	"testing"
)

// A deed is one thing that somebody does in a world, whatever it holds.
type deed struct {
	name string
	do   func(w *world)
}

// deeds are what people of a small room do to each other.
func deeds() (list []deed) {
	add := func(name string, do func(w *world)) { list = append(list, deed{name, do}) }
	for _, by := range []string{"ada", "bob", "kim"} {
		for _, whom := range []string{"eve", "rex", "lux", "kim"} {
			if by == whom {
				continue
			}
			add(by+" removes "+whom, func(w *world) { w.stop(by, whom, RoleNone) })
			add(by+" lowers "+whom, func(w *world) { w.stop(by, whom, RoleReader) })
			add(by+" adds "+whom, func(w *world) { w.addUser(by, whom, RoleMember) })
			add(by+" lifts "+whom, func(w *world) { w.lift(by, whom) })
			add(by+" bans "+whom, func(w *world) { w.ban(by, whom) })
		}
		add(by+" makes an epoch", func(w *world) { w.epoch(by) })
		add(by+" revokes", func(w *world) { w.revoke(by, w.nodes[2].entry) })
		add(by+" invites, and lux joins", func(w *world) { w.join("lux", w.invite(by, RoleReader)) })
	}
	for _, whom := range []string{"bob", "kim"} {
		add("ada demotes "+whom, func(w *world) { w.demote("ada", whom) })
	}
	for _, whom := range []string{"eve", "rex", "bob"} {
		add(whom+" leaves", func(w *world) { w.leave(whom) })
		add("ada appoints "+whom, func(w *world) { w.appoint("ada", whom) })
		add("ada hands over to "+whom, func(w *world) { w.handover("ada", whom) })
	}
	add("lux joins by the first invite", func(w *world) { w.join("lux", w.nodes[2].entry) })
	add("ada sets a policy", func(w *world) { w.must("ada", KindPolicy, &Policy{Name: "new"}) })
	return list
}

func TestConvergeAnyOrderOfEveryTwoDeeds(t *testing.T) {
	p := newPeople(t)
	base := newWorld(p, 0)
	if base.nodes[2].entry.Kind != KindInvite {
		t.Fatal("not the invite")
	}
	all := deeds()
	pairs := 0
	for i, one := range all {
		for k, two := range all {
			if k < i {
				continue
			}
			pairs++
			x, y := base.split(), base.split()
			one.do(x)
			runs := []sagaRun{{run: x.run("eve", nil)}, {run: x.run("kim", nil)}}
			two.do(y)
			runs = append(runs, sagaRun{run: y.run("eve", nil)}, sagaRun{run: y.run("lux", nil)})
			xs, ys := x.All(), y.All()
			want := state(p, hear(base.room, xs, ys, count(len(ys)), nil), runs)
			got := state(p, hear(base.room, ys, xs, count(len(xs)), nil), runs)
			if !slices.Equal(got, want) {
				t.Fatalf("%s | %s:\n%s", one.name, two.name, firstDifference(got, want))
			}
			reverse := slices.Concat(xs, ys)
			slices.Reverse(reverse)
			got = state(p, hear(base.room, nil, reverse, count(len(reverse)), nil), runs)
			if !slices.Equal(got, want) {
				t.Fatalf("%s | %s, backwards:\n%s", one.name, two.name, firstDifference(got, want))
			}
			two.do(x)
			xs = x.All()
			slices.Reverse(xs)
			want = state(p, x.Authority, runs)
			got = state(p, hear(base.room, nil, xs, count(len(xs)), nil), runs)
			if !slices.Equal(got, want) {
				t.Fatalf("%s, then %s:\n%s", one.name, two.name, firstDifference(got, want))
			}
		}
	}
	t.Logf("%d pairs of %d deeds", pairs, len(all))
}

// count is the order 0 to n-1.
func count(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}
