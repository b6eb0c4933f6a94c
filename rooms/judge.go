package rooms

import (
	"slices"

	"parley/wire"
)

// A Verdict says what becomes of a run.
type Verdict uint8

// The verdicts.
const (
	Valid   Verdict = iota // stored, shown, forwarded, in the frontier
	Pending                // something it depends on is missing
	Void                   // does not count; judged again when authority changes
	Reject                 // breaks a rule whatever else is held
)

// String returns the verdict's name.
func (v Verdict) String() string {
	return [...]string{"valid", "pending", "void", "reject"}[v]
}

// A LogState is what a judge must know of the log that a run continues: the
// runs up to and including Last are held and valid.
type LogState struct {
	Last       uint64    // number of the last message; 0: nothing is held
	Link       wire.ID   // hash of the last run
	Heads      []wire.ID // authority heads of the last run
	FirstHeads []wire.ID // authority heads of the log's first run
	Epoch      wire.ID   // of the last run
	Clock      uint64    // of the last run
	Fork       uint64    // least first number of two siblings that a proof names; 0: none
}

// Extend is the state of a log after r, which continues prev (nil: starts the log).
func (r *Run) Extend(prev *LogState) *LogState {
	s := &LogState{
		Last: r.Last(), Link: r.Hash, Heads: r.Heads, FirstHeads: r.Heads,
		Epoch: r.Epoch, Clock: r.Clock,
	}
	if prev != nil {
		s.Fork = prev.Fork
		if prev.Last > 0 {
			s.FirstHeads = prev.FirstHeads
		}
	}
	return s
}

// Judge says what becomes of a run whose signature was verified, given what is
// held of its log (nil or with Last 0: nothing), and why. For Pending, missing lists the
// entries that it waits for; none are listed when it waits for the run before
// it. A caller has told apart before that the run is one it holds already, by
// its hash, or a sibling of one (Siblings).
func (a *Authority) Judge(r *Run, prev *LogState) (v Verdict, why Reason, missing []wire.ID) {
	if r.Room != a.room || r.Open() {
		return Reject, ReasonRoom, nil
	}
	v, why = judgeStart(r, prev)
	if v != Valid {
		return v, why, nil
	}
	view := a.View(r.Heads)
	if view == nil {
		_, missing, _ = a.closure(r.Heads)
		return Pending, ReasonDependency, missing
	}
	for _, rule := range [...]func(*Run, *LogState, *View) Reason{
		a.headsOnly, a.mayWrite, a.inEpoch, a.notStopped, notForked,
	} {
		if why = rule(r, prev, view); why != ReasonNone {
			return Void, why, nil
		}
	}
	return Valid, ReasonNone, nil
}

// judgeStart: r starts its log, or continues what is held of it.
func judgeStart(r *Run, prev *LogState) (Verdict, Reason) {
	if prev != nil && prev.Last > 0 {
		return judgeLink(r, prev)
	}
	if r.First != 1 {
		return Pending, ReasonPrevious
	}
	return Valid, ReasonNone
}

// judgeLink: the run follows the last one held, by link and by number.
func judgeLink(r *Run, prev *LogState) (Verdict, Reason) {
	linked, numbered := r.Prev == prev.Link, r.First == prev.Last+1
	switch {
	case linked && numbered:
		return Valid, ReasonNone
	case linked:
		return Reject, ReasonNumber
	case r.First <= prev.Last+1:
		return Pending, ReasonOtherBranch
	default:
		return Pending, ReasonPrevious
	}
}

// headsOnly: closure(r.prev.heads) is within closure(r.heads): nothing seen is forgotten.
func (a *Authority) headsOnly(r *Run, prev *LogState, view *View) Reason {
	if prev == nil || slices.Equal(prev.Heads, r.Heads) {
		return ReasonNone
	}
	for _, id := range prev.Heads {
		if i, held := a.place[id]; !held || !view.seen.has(i) {
			return ReasonHeadsBack
		}
	}
	return ReasonNone
}

// mayWrite: role(author, closure(r.heads) ∩ E(S)) may write.
func (a *Authority) mayWrite(r *Run, _ *LogState, view *View) Reason {
	switch role := view.Role(r.Author); {
	case role.MayWrite():
		return ReasonNone
	case role == RoleReader:
		return ReasonReader
	case role == RoleRelay:
		return ReasonRelay
	case len(a.stops[r.Author]) > 0:
		return ReasonLeft
	default:
		return ReasonNotMember
	}
}

// inEpoch: r.epoch is a causally maximal epoch in closure(r.heads).
func (a *Authority) inEpoch(r *Run, _ *LogState, view *View) Reason {
	for _, i := range view.maximalEpochs() {
		if a.nodes[i].entry.ID == r.Epoch {
			return ReasonNone
		}
	}
	return ReasonEpoch
}

// notStopped: every stop of the author that counts and that the log's first
// run had not seen names the log, and the run is within what it names.
func (a *Authority) notStopped(r *Run, prev *LogState, view *View) Reason {
	stops := a.stops[r.Author]
	if len(stops) == 0 {
		return ReasonNone
	}
	start := view
	if prev != nil && prev.Last > 0 {
		if start = a.View(prev.FirstHeads); start == nil {
			return ReasonHeadsBack
		}
	}
	for _, i := range stops {
		if start.seen.has(i) {
			continue
		}
		pin, named := a.nodes[i].entry.Body.(*Leave).Pin(r.Log)
		within := named && (r.Last() < pin.Number || r.Last() == pin.Number && r.Hash == pin.Link)
		if within {
			continue
		}
		if view.seen.has(i) {
			return ReasonAfterLeave
		}
		return ReasonLeft
	}
	return ReasonNone
}

// notForked: the run ends before the first fork of its log.
func notForked(r *Run, prev *LogState, _ *View) Reason {
	if prev != nil && prev.Fork != 0 && r.Last() >= prev.Fork {
		return ReasonFork
	}
	return ReasonNone
}
