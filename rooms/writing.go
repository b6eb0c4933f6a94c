package rooms

import (
	"slices"
	"time"

	"parley/wire"
)

// Heads returns what user names as authority heads in its next run or entry,
// ascending: the heads of the chained entries that count, its own joins and
// leaves, and what its previous run named (nil: nothing), without what another
// of them has seen. Of others' joins and leaves none are named. At most
// MaxHeads; the ones left out of a longer list are the newest of others.
func (a *Authority) Heads(user wire.ID, previous []wire.ID) []wire.ID {
	a.current()
	var own, all []int
	a.counts.each(func(i int) bool {
		e := a.nodes[i].entry
		if row, _ := kindOf(uint64(e.Kind)); row.chained {
			all = append(all, i)
		} else if e.Writer == user {
			all, own = append(all, i), append(own, i)
		}
		return true
	})
	for _, id := range previous {
		if i, held := a.place[id]; held {
			all, own = append(all, i), append(own, i)
		}
	}
	slices.Sort(all)
	heads := a.latest(slices.Compact(all))
	if len(heads) > MaxHeads {
		heads = boundHeads(heads, own)
	}
	ids := make([]wire.ID, len(heads))
	for k, i := range heads {
		ids[k] = a.nodes[i].entry.ID
	}
	slices.SortFunc(ids, wire.ID.Compare)
	return ids
}

// boundHeads cuts heads to MaxHeads, keeping those in own and then the oldest.
func boundHeads(heads, own []int) []int {
	slices.SortStableFunc(heads, func(x, y int) int {
		switch ox, oy := slices.Contains(own, x), slices.Contains(own, y); {
		case ox == oy:
			return x - y
		case ox:
			return -1
		default:
			return 1
		}
	})
	return heads[:MaxHeads]
}

// NextOnChain is where user writes its next chained entry. An error wraps
// ReasonWriter when the user holds no chain.
func (a *Authority) NextOnChain(user wire.ID, now time.Time) (Place, error) {
	a.current()
	if a.Now().Role(user) != RoleMaster {
		return Place{}, refuse(ReasonWriter, "only the master may do that")
	}
	last := -1
	a.counts.each(func(i int) bool {
		e := a.nodes[i].entry
		if row, _ := kindOf(uint64(e.Kind)); row.chained && e.Chain.IsZero() && (last < 0 || e.Number >= a.nodes[last].entry.Number) {
			last = i
		}
		return true
	})
	prev := a.nodes[last].entry
	heads := a.Heads(user, nil)
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
