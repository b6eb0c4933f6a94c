package rooms

import (
	"slices"
	"time"

	"parley/wire"
)

// Heads returns what user names as authority heads in its next run or entry
// beside the chains, ascending: the heads of the chained entries that count, its
// own joins, leaves and renewals, and what its previous run named (nil: nothing), without what another
// of them has seen. Of others' joins and leaves none are named. They are at
// most MaxHeads; should there be more, the newest of others are left out.
func (a *Authority) Heads(user wire.ID, previous []wire.ID) []wire.ID {
	return a.heads(previous, func(e *Entry) bool { return e.Writer == user })
}

// heads collects chained entries, those beside the chains that keep names, and previous.
func (a *Authority) heads(previous []wire.ID, keep func(*Entry) bool) []wire.ID {
	a.current()
	var must, all []int
	a.counts.each(func(i int) bool {
		switch e := a.nodes[i].entry; {
		case e.chained():
			all = append(all, i)
		case keep(e):
			all, must = append(all, i), append(must, i)
		}
		return true
	})
	for _, id := range previous {
		if i, held := a.place[id]; held {
			all, must = append(all, i), append(must, i)
		}
	}
	slices.Sort(all)
	heads := a.latest(slices.Compact(all))
	if len(heads) > MaxHeads {
		slices.Sort(must)
		heads = boundHeads(a.latest(slices.Compact(must)), heads)
	}
	ids := make([]wire.ID, len(heads))
	for k, i := range heads {
		ids[k] = a.nodes[i].entry.ID
	}
	slices.SortFunc(ids, wire.ID.Compare)
	return ids
}

// boundHeads is must, and the oldest others, up to MaxHeads.
func boundHeads(must, others []int) []int {
	heads := must[:min(len(must), MaxHeads)]
	for _, i := range others {
		if len(heads) == MaxHeads {
			break
		}
		if !slices.Contains(heads, i) {
			heads = append(heads, i)
		}
	}
	return heads
}

// NextOnChain is where user writes its next chained entry: on the master's chain
// if it reigns or the room is one of two, on its own if it is an admin. Unlike runs it also
// names others' leaves, so that an epoch tells whom it still includes; of more
// than fit the oldest, and the rest in the entries after it. An error
// wraps ReasonAdminsOnly when the user holds no chain.
func (a *Authority) NextOnChain(user wire.ID, now time.Time) (Place, error) {
	a.current()
	at := Place{Room: a.room, Number: 1, Time: now}
	must := wire.ID{}
	switch role := a.now.Role(user); {
	case role == RoleMaster, role != RoleNone && a.isPair():
		prev := a.lastOfReign(a.lastReign(a.counts))
		at.Number, at.Prev, must = prev.Number+1, prev.ID, prev.ID
	case role == RoleAdmin:
		appointment := a.appointment(user, a.counts)
		at.Chain = a.nodes[appointment].entry.ID
		prev := a.lastOf(appointment, a.counts)
		if must = prev.ID; must != at.Chain {
			at.Number, at.Prev = prev.Number+1, prev.ID
		}
	default:
		return Place{}, refuse(ReasonAdminsOnly, "%s is a %s", user.Short(), role)
	}
	at.Heads = a.heads([]wire.ID{must}, func(e *Entry) bool { return e.Writer == user || e.Kind == KindLeave })
	if !contains(at.Heads, must) { // another of them has seen it
		if len(at.Heads) == MaxHeads {
			at.Heads = a.withoutOne(at.Heads, must)
		}
		at.Heads = union(at.Heads, []wire.ID{must})
	}
	at.Joins, at.Unlisted = a.unconfirmed(at.Heads)
	return at, nil
}

// withoutOne leaves out of heads, which are as many as may be, one that must is
// not seen by: the place is needed for must.
func (a *Authority) withoutOne(heads []wire.ID, must wire.ID) []wire.ID {
	for k, id := range slices.Backward(heads) {
		if !a.saw(a.place[id], a.place[must]) {
			return slices.Delete(slices.Clone(heads), k, k+1)
		}
	}
	return heads[:len(heads)-1]
}

// lastOfReign is the last entry that counts of the reign that an entry begins:
// the highest number, of several the lowest ID.
func (a *Authority) lastOfReign(begin int) *Entry {
	last := a.nodes[begin].entry
	for _, i := range a.reigns[begin] {
		e := a.nodes[i].entry
		if a.counts.has(i) && (e.Number > last.Number || e.Number == last.Number && e.ID.Compare(last.ID) < 0) {
			last = e
		}
	}
	return last
}

// unconfirmed are the joins that count and that nothing with these heads has
// seen, the oldest first up to MaxJoins, in ascending order; left is how many more there are.
func (a *Authority) unconfirmed(heads []wire.ID) (joins []wire.ID, left int) {
	seen, _, _ := a.closure(heads)
	a.counts.each(func(i int) bool {
		e := a.nodes[i].entry
		switch {
		case e.Kind != KindJoin || seen.has(i):
		case len(joins) < MaxJoins:
			joins = append(joins, e.ID)
		default:
			left++
		}
		return true
	})
	slices.SortFunc(joins, wire.ID.Compare)
	return joins, left
}

// NextBeside is where user writes a join, a leave or a renewal. Whom the room
// knows by an entry alone that does not count, as an appointed one may be whose
// join was revoked, names that entry: leaves and renewals are of somebody who is known.
func (a *Authority) NextBeside(user wire.ID, now time.Time) Place {
	heads := a.Heads(user, nil)
	if seen, _, _ := a.closure(heads); !a.known(user, seen) {
		for _, i := range a.named[user] {
			if e := a.nodes[i].entry; bundleOf(e, user) != nil {
				heads = a.Heads(user, []wire.ID{e.ID})
				break
			}
		}
	}
	return Place{Room: a.room, Heads: heads, Time: now}
}

// union merges two lists of IDs into one in ascending order without doubles.
func union(x, y []wire.ID) []wire.ID {
	all := slices.Concat(x, y)
	slices.SortFunc(all, wire.ID.Compare)
	return slices.Compact(all)
}
