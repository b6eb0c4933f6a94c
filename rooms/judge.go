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
// runs up to and including Last are held and valid, or Last is a trim floor.
type LogState struct {
	Last       uint64    // number of the last message; 0: nothing is held
	Link       wire.ID   // hash of the last run
	Heads      []wire.ID // authority heads of the last run
	FirstHeads []wire.ID // authority heads of the log's first run
	Epoch      wire.ID   // of the last run
	Clock      uint64    // of the last run
	Fork       uint64    // fork(L, S): least first number of two siblings held, both base valid; 0: none
	Held       HeldRuns  // of a log with a fork; nil: nothing at or beyond the fork is held
}

// HeldRuns answers, for a log with a fork, which runs at and beyond the fork are
// held, whatever their verdict: siblings, and the chains back from the runs that
// Authority.Pins names. Those are kept and served for as long as the log is.
// Who calls Judge loads them first; Judge asks for nothing else.
type HeldRuns interface {
	// HeldRun returns where a run with this hash stands, or false.
	HeldRun(hash wire.ID) (HeldRun, bool)
}

// A HeldRun is what a judge must know of a run beyond a fork.
type HeldRun struct {
	First, Last uint64
	Prev        wire.ID
}

// Extend is the state of a log after r, which continues prev (nil: starts the log).
func (r *Run) Extend(prev *LogState) *LogState {
	s := &LogState{
		Last: r.Last(), Link: r.Hash, Heads: r.Heads, FirstHeads: r.Heads,
		Epoch: r.Epoch, Clock: r.Clock,
	}
	if prev != nil {
		s.Fork, s.Held = prev.Fork, prev.Held
		if prev.Last > 0 {
			s.FirstHeads = prev.FirstHeads
		}
	}
	return s
}

// Judge says what becomes of a run whose signature was verified, given what is
// held of its log (nil or with Last 0: nothing), and why. For Pending, missing lists the
// entries that it waits for; none are listed when it waits for runs. A caller
// has told apart before that the run is one it holds already, by its hash, or a
// sibling of one (Siblings). A state with Fork 0 gives base(r, S), the verdict without the fork line.
func (a *Authority) Judge(r *Run, prev *LogState) (v Verdict, why Reason, missing []wire.ID) {
	if r.Room != a.room || r.Open() {
		return Reject, ReasonRoom, nil
	}
	if a.trimmed(r) {
		return Void, ReasonTrimmed, nil
	}
	prev = a.fromFloor(r, prev)
	if v, why = judgeStart(r, prev); v != Valid {
		return v, why, nil
	}
	view := a.View(r.Heads)
	start := view
	if prev != nil && prev.Last > 0 {
		start = a.View(prev.FirstHeads)
	}
	if view == nil || start == nil {
		return Pending, ReasonDependency, a.lacking(r, prev)
	}
	for _, rule := range [...]func(*Run, *LogState, *View) Reason{a.headsOnly, a.mayWrite, a.inEpoch} {
		if why = rule(r, prev, view); why != ReasonNone {
			return Void, why, nil
		}
	}
	if why = a.notStopped(r, view, start); why != ReasonNone {
		return Void, why, nil
	}
	v, why = a.judgeFork(r, prev)
	return v, why, nil
}

// lacking lists the entries that a run waits for.
func (a *Authority) lacking(r *Run, prev *LogState) []wire.ID {
	_, missing, _ := a.closure(r.Heads)
	if prev != nil && prev.Last > 0 {
		_, first, _ := a.closure(prev.FirstHeads) // of a trimmed log
		missing = union(missing, first)
	}
	return missing
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
	if prev == nil || slices.Equal(prev.Heads, r.Heads) || !a.applies(ruleHeadsOnly) {
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
	role := view.Role(r.Author)
	if role.MayWrite() || !a.applies(ruleMayWrite) {
		return ReasonNone
	}
	switch role {
	case RoleReader:
		return ReasonReader
	case RoleRelay:
		return ReasonRelay
	}
	if stops := a.stops[r.Author]; len(stops) > 0 {
		return stopReason(a.nodes[stops[0]].entry, false)
	}
	if a.voidJoin(r.Author) {
		return ReasonRevoked
	}
	return ReasonNotMember
}

// stopReason is why a run does not count after a stop; told: its log was begun
// before, and its author knew of the stop.
func stopReason(e *Entry, told bool) Reason {
	left := e.Kind == KindLeave
	switch {
	case left && told:
		return ReasonAfterLeave
	case left:
		return ReasonLeft
	case told:
		return ReasonAfterStop
	case e.Body.(*Stop).Role == RoleNone:
		return ReasonRemoved
	}
	return ReasonLowered
}

// voidJoin reports whether the user has a join that does not count.
func (a *Authority) voidJoin(user wire.ID) bool {
	return slices.ContainsFunc(a.named[user], func(i int) bool {
		return a.nodes[i].entry.Kind == KindJoin && !a.counts.has(i)
	})
}

// inEpoch: r.epoch is a causally maximal epoch in closure(r.heads).
func (a *Authority) inEpoch(r *Run, _ *LogState, view *View) Reason {
	if !a.applies(ruleMaximalEpoch) {
		return ReasonNone
	}
	for _, i := range view.maximalEpochs() {
		if a.nodes[i].entry.ID == r.Epoch {
			return ReasonNone
		}
	}
	return ReasonEpoch
}

// notStopped: every stop of the author that counts and that the log's first
// run (start is what it had seen) had not seen names the log, and the run is
// within what it names.
func (a *Authority) notStopped(r *Run, view, start *View) Reason {
	if !a.applies(ruleStopped) {
		return ReasonNone
	}
	for _, i := range a.stops[r.Author] {
		if start.seen.has(i) && a.applies(ruleStopsUnseenOnly) {
			continue
		}
		e := a.nodes[i].entry
		pin, named := pinOf(e.pins(), r.Log)
		if a.within(r, pin, named) {
			continue
		}
		return stopReason(e, view.seen.has(i))
	}
	return ReasonNone
}

// within: the log is named, and the run ends before the pin's number, or with it
// and has its link.
func (a *Authority) within(r *Run, pin Pin, named bool) bool {
	switch {
	case !named:
		return !a.applies(ruleStopNamesLog)
	case r.Last() < pin.Number:
		return true
	case r.Last() == pin.Number:
		return r.Hash == pin.Link || !a.applies(ruleStopLink)
	}
	return !a.applies(ruleStopNumber)
}

// fromFloor is the state from which a run is judged of whose log nothing is
// held: that of a trim floor which counts and which it follows.
func (a *Authority) fromFloor(r *Run, prev *LogState) *LogState {
	if prev != nil && prev.Last > 0 || r.First == 1 || !a.applies(ruleFloor) {
		return prev
	}
	a.current()
	var floor *Floor
	for _, i := range a.floors[r.Log] {
		if f := a.floorIn(i, r.Log); f.Link == r.Prev && (floor == nil || f.before(floor)) {
			floor = f
		}
	}
	if floor == nil {
		return prev
	}
	s := floor.State()
	if prev != nil {
		s.Fork, s.Held = prev.Fork, prev.Held
	}
	return s
}

// trimmed: a run that begins at or below a floor of its log that counts is forgotten.
func (a *Authority) trimmed(r *Run) bool {
	a.current()
	return a.applies(ruleTrimmed) && slices.ContainsFunc(a.floors[r.Log], func(i int) bool {
		return r.First <= a.floorIn(i, r.Log).Number
	})
}

// Floor is the number of the last message of a log that is forgotten, by the
// trims that count; 0: none is.
func (a *Authority) Floor(log wire.ID) (number uint64) {
	a.current()
	for _, i := range a.floors[log] {
		number = max(number, a.floorIn(i, log).Number)
	}
	return number
}

// floorIn is what a trim that names a log says about it.
func (a *Authority) floorIn(trim int, log wire.ID) *Floor {
	floors := a.nodes[trim].entry.Body.(*Trim).Floors
	k, _ := slices.BinarySearchFunc(floors, log, func(f Floor, log wire.ID) int { return f.Log.Compare(log) })
	return &floors[k]
}
