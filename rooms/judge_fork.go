package rooms

import (
	"slices"

	"parley/wire"
)

// Pins returns what decides about a log with a fork, in this order: the first
// pin, then the later ones by the IDs of their entries. They are of the epochs
// and stops that count and name the log at a number not below fork; the first is
// the one of the causally minimal entries with the lowest ID. The runs that they
// name, and the chains back from them to the fork, are to be held and served
// whatever their verdict.
func (a *Authority) Pins(log wire.ID, fork uint64) []Pin {
	a.current()
	var at []int
	for _, i := range a.pinned[log] {
		if pin, _ := pinOf(a.nodes[i].entry.pins(), log); pin.Number >= fork {
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		return nil
	}
	minimal := at
	if a.applies(ruleFirstPin) {
		minimal = slices.DeleteFunc(slices.Clone(at), func(i int) bool {
			return slices.ContainsFunc(at, func(o int) bool { return o != i && a.saw(i, o) })
		})
	}
	byID := func(x, y int) int {
		if !a.applies(ruleLowestPin) {
			return y - x
		}
		return a.nodes[x].entry.ID.Compare(a.nodes[y].entry.ID)
	}
	first := slices.MinFunc(minimal, byID)
	slices.SortFunc(at, func(x, y int) int {
		switch first {
		case x:
			return -1
		case y:
			return 1
		}
		return a.nodes[x].entry.ID.Compare(a.nodes[y].entry.ID)
	})
	pins := make([]Pin, 0, len(at))
	for _, i := range at {
		if pin, _ := pinOf(a.nodes[i].entry.pins(), log); !slices.Contains(pins, pin) {
			pins = append(pins, pin)
		}
	}
	return pins
}

// judgeFork: r ends before the fork, or is on the chain ending in the first pin,
// or in a pin whose chain contains that. A deciding pin whose run is not held
// back to the fork leaves it open. A fork below a trim floor is forgotten.
func (a *Authority) judgeFork(r *Run, prev *LogState) (Verdict, Reason) {
	if prev == nil || prev.Fork <= a.Floor(r.Log) || r.Last() < prev.Fork || !a.applies(ruleFork) {
		return Valid, ReasonNone
	}
	pins := a.Pins(r.Log, prev.Fork)
	if len(pins) == 0 || !a.applies(rulePinnedBranch) {
		return Void, ReasonFork
	}
	first := a.pinChain(pins[0], r, prev)
	switch {
	case first.on:
		return Valid, ReasonNone
	case !first.whole && a.applies(ruleForkPending):
		return Pending, ReasonPinned
	}
	if !a.applies(ruleLaterPins) {
		pins = pins[:1]
	}
	v, why := Void, ReasonFork
	for _, pin := range pins[1:] {
		switch later := a.pinChain(pin, r, prev); {
		case later.on && slices.Contains(later.hashes, pins[0].Link):
			return Valid, ReasonNone
		case !later.whole && a.applies(ruleForkPending):
			v, why = Pending, ReasonPinned
		}
	}
	return v, why
}

// A chain is the runs from a pinned one back to the fork.
type chain struct {
	hashes []wire.ID
	whole  bool // all of them are held, and the pinned one ends where the pin says
	on     bool // the run that is judged is among them
}

// pinChain follows the chain that ends in a pinned run back to the fork. The run
// that is judged is held.
func (a *Authority) pinChain(pin Pin, r *Run, s *LogState) (c chain) {
	for hash, last := pin.Link, pin.Number; ; {
		run, held := HeldRun{First: r.First, Last: r.Last(), Prev: r.Prev}, hash == r.Hash
		if !held && s.Held != nil {
			run, held = s.Held.HeldRun(hash)
		}
		if !held {
			return c
		}
		if run.Last != last || run.First > run.Last {
			return chain{whole: true} // the pin names no run, whatever else comes
		}
		c.hashes = append(c.hashes, hash)
		c.on = c.on || hash == r.Hash
		if run.First <= s.Fork {
			c.whole = true
			return c
		}
		hash, last = run.Prev, run.First-1
	}
}
