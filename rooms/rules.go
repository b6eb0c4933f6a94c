package rooms

import (
	"slices"

	"parley/wire"
)

// The rules of a room's authority, one function a rule, named as in the package
// documentation. S is a causally closed set of entries held.

// closure is all entries reachable from heads by heads, previous and chain. ok
// is false, and missing says which, when one of the heads is not held.
func (a *Authority) closure(heads []wire.ID) (set bitset, missing []wire.ID, ok bool) {
	for _, id := range heads {
		i, held := a.place[id]
		if !held {
			missing = append(missing, id)
			continue
		}
		set = set.union(a.nodes[i].closure)
	}
	return set, missing, len(missing) == 0
}

// admissible applies the rules by which an entry is refused for good. They
// depend on the entry and on seen, its closure, alone, so that every peer
// decides the same.
func (a *Authority) admissible(e *Entry, seen bitset) error {
	if e.chained() && e.Kind != KindGenesis {
		if err := a.onChain(e, seen); err != nil {
			return err
		}
	}
	return e.Body.admissible(a, e, seen)
}

// onChain: a chained entry is written by the chain's holder and continues an
// entry of the same chain.
func (a *Authority) onChain(e *Entry, seen bitset) error {
	holder, err := a.holder(e.Chain, seen)
	if err != nil {
		return err
	}
	if holder != e.Writer {
		return refuse(ReasonWriter, "%s by %s", e.Kind, e.Writer.Short())
	}
	if e.Number == 1 {
		return nil
	}
	prev := a.Entry(e.Prev)
	if !prev.chained() || prev.Chain != e.Chain {
		return refuse(ReasonChain, "%s continues another chain", e.Kind)
	}
	if prev.Number+1 != e.Number {
		return refuse(ReasonNumber, "%s %d after %d", e.Kind, e.Number, prev.Number)
	}
	return nil
}

// holder is who writes on a chain, as whoever has seen the entries in seen
// knows: the master's chain is its reign's, another one the appointed admin's.
func (a *Authority) holder(chain wire.ID, seen bitset) (wire.ID, error) {
	if chain.IsZero() {
		return a.master(seen), nil
	}
	return wire.ID{}, refuse(ReasonChain, "%s appoints nobody", chain.Short())
}

// master is who reigns in S.
func (a *Authority) master(bitset) wire.ID { return a.nodes[0].entry.Writer }

// counted is E(S): the entries of S that count.
func (a *Authority) counted(s bitset) bitset {
	e := a.reign(s)
	a.countJoins(s, &e)
	a.countLeaves(s, &e)
	return e
}

// reign is M(S): the entries of the master's chain, any branch, by its holder.
func (a *Authority) reign(s bitset) bitset {
	m := make(bitset, len(s))
	s.each(func(i int) bool {
		e := a.nodes[i].entry
		if e.chained() && e.Chain.IsZero() {
			m = m.with(i)
		}
		return true
	})
	return m
}

// countJoins adds the joins whose invite counts.
func (a *Authority) countJoins(s bitset, e *bitset) {
	s.each(func(i int) bool {
		if j := a.nodes[i].entry.Join(); j != nil && e.has(a.place[j.Invite]) {
			*e = e.with(i)
		}
		return true
	})
}

// countLeaves adds the leaves: each concerns its writer alone.
func (a *Authority) countLeaves(s bitset, e *bitset) {
	s.each(func(i int) bool {
		if a.nodes[i].entry.Kind == KindLeave {
			*e = e.with(i)
		}
		return true
	})
}

// role is what user may do by the entries in t, a set of entries that count.
func (a *Authority) role(user wire.ID, t bitset) Role {
	if len(a.nodes) == 0 || !t.has(0) {
		return RoleNone
	}
	if a.master(t) == user {
		return RoleMaster
	}
	role := RoleNone
	for _, i := range a.admissions(user, t) {
		if r := a.inviteOf(a.nodes[i].entry).Role; role == RoleNone || r < role {
			role = r
		}
	}
	return role
}

// admissions are the joins of user in t that no leave of it in t has ended, and
// of these the causally latest. Among several the lowest role decides.
func (a *Authority) admissions(user wire.ID, t bitset) []int {
	var standing []int
	for _, i := range a.named[user] {
		if t.has(i) && a.nodes[i].entry.Kind == KindJoin && !a.ended(i, user, t) {
			standing = append(standing, i)
		}
	}
	return a.latest(standing)
}

// ended reports whether a leave of user in t has seen its admission i.
func (a *Authority) ended(i int, user wire.ID, t bitset) bool {
	return slices.ContainsFunc(a.named[user], func(l int) bool {
		return t.has(l) && a.nodes[l].entry.Kind == KindLeave && a.nodes[l].closure.has(i)
	})
}

// latest returns those of list, which ascends, that no other of it has seen.
func (a *Authority) latest(list []int) []int {
	var covered bitset
	var out []int
	for _, i := range slices.Backward(list) {
		if !covered.has(i) {
			out = append(out, i)
			covered = covered.union(a.nodes[i].closure)
		}
	}
	slices.Reverse(out)
	return out
}

// epochs are the causally maximal entries of s that begin an epoch.
func (a *Authority) epochs(s bitset) []int {
	var all []int
	s.each(func(i int) bool {
		if a.nodes[i].entry.Epoch() != nil {
			all = append(all, i)
		}
		return true
	})
	return a.latest(all)
}

// inviteOf is the invite by which a join that is held was made.
func (a *Authority) inviteOf(join *Entry) *Invite {
	return a.Entry(join.Join().Invite).Invite()
}
