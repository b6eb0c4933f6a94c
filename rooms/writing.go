package rooms

import (
	"slices"
	"time"

	"parley/wire"
)

// Heads returns what user names as authority heads in its next run or join,
// ascending: the heads of the chained entries that count, its own joins and
// leaves, and what its previous run named (nil: nothing), without what another
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

// NextOnChain is where user writes its next chained entry. Unlike runs it also
// names others' leaves, so that an epoch tells whom it still includes. An error
// wraps ReasonWriter when the user holds no chain.
func (a *Authority) NextOnChain(user wire.ID, now time.Time) (Place, error) {
	a.current()
	if a.Now().Role(user) != RoleMaster {
		return Place{}, refuse(ReasonWriter, "only the master may do that")
	}
	prev := a.nodes[0].entry
	a.counts.each(func(i int) bool {
		e := a.nodes[i].entry
		if e.chained() && e.Chain.IsZero() && (e.Number > prev.Number || e.Number == prev.Number && e.ID.Compare(prev.ID) < 0) {
			prev = e
		}
		return true
	})
	heads := a.heads(nil, func(e *Entry) bool { return e.Writer == user || e.Kind == KindLeave })
	if len(heads) == MaxHeads && !slices.Contains(heads, prev.ID) {
		heads = heads[:MaxHeads-1]
	}
	return Place{
		Room: a.room, Number: prev.Number + 1, Prev: prev.ID,
		Heads: union(heads, []wire.ID{prev.ID}), Time: now,
	}, nil
}

// NextBeside is where user writes a join or a leave.
func (a *Authority) NextBeside(user wire.ID, now time.Time) Place {
	return Place{Room: a.room, Heads: a.Heads(user, nil), Time: now}
}

// union merges two lists of IDs into one in ascending order without doubles.
func union(x, y []wire.ID) []wire.ID {
	all := slices.Concat(x, y)
	slices.SortFunc(all, wire.ID.Compare)
	return slices.Compact(all)
}
