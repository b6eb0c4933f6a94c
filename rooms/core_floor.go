package rooms

import (
	"cmp"
	"slices"

	"parley/store"
	"parley/wire"
)

// A trim that counts says where logs begin (package documentation, "What counts"): what is below is let go of
// and does not come back. The run that it names stands for all of that: a log is in the set with at least this head
// on every peer that has the trim, whether it had the messages, had others, or never had any.

// applyFloors lets go of what the trims that count forget.
func (c *Core) applyFloors(r *room) {
	r.auth.Now()
	for _, log := range sortedIDs(r.auth.floors) {
		lg := r.logs[log]
		if lg == nil {
			lg = r.newLog(log, wire.ID{}) // its author is known when a run comes
		}
		c.applyFloor(r, lg)
	}
}

// floorOf is the floor of a log that stands, of those in the trims that count. rivals says that another one has its
// number, and another link: which of them a log was trimmed to must be looked up.
func (a *Authority) floorOf(log wire.ID) (floor *Floor, rivals bool) {
	for _, i := range a.floors[log] {
		if f := a.floorIn(i, log); floor == nil || f.before(floor) {
			floor = f
		}
	}
	rivals = slices.ContainsFunc(a.floors[log], func(i int) bool {
		f := a.floorIn(i, log)
		return f.Number == floor.Number && f.Link != floor.Link
	})
	return floor, rivals
}

// before reports whether f stands where o does not: the highest does, of equal ones that with the lowest link.
func (f *Floor) before(o *Floor) bool {
	return cmp.Or(
		cmp.Compare(o.Number, f.Number), f.Link.Compare(o.Link),
		slices.CompareFunc(f.FirstHeads, o.FirstHeads, wire.ID.Compare), slices.CompareFunc(f.Heads, o.Heads, wire.ID.Compare),
	) < 0
}

// floorGone reports whether a log was trimmed by what does not count any more. What is above then waits,
// by the rules, for what was forgotten: it is hidden, and the log fetched anew from whoever has it still.
func (r *room) floorGone(lg *logState) bool {
	if r.openRoom || lg.floor == 0 {
		return false
	}
	f, _ := r.auth.floorOf(lg.id)
	return f == nil || f.Number < lg.floor
}

// onBranch reports whether what is held of a log that begins at a floor's number follows that floor, and not another of this
// number; and whether this is known.
func (lg *logState) onBranch(f *Floor, rivals bool) (follows, known bool) {
	switch {
	case lg.durable == lg.floor:
		return lg.durLink == f.Link, true
	case lg.floorState != nil:
		return lg.floorState.Link == f.Link, true
	}
	return true, !rivals
}

// isAt reports whether a state is that at a floor.
func (s *LogState) isAt(f *Floor) bool {
	return s != nil && s.Last == f.Number && s.Link == f.Link && slices.Equal(s.Heads, f.Heads) && slices.Equal(s.FirstHeads, f.FirstHeads)
}

// readFloor takes up the state at the floor of a log that was read from the store. Where the log ends may depend on it.
func (r *room) readFloor(lg *logState) {
	f, rivals := r.auth.floorOf(lg.id)
	if f == nil || lg.floor != f.Number || lg.durable == 0 {
		return
	}
	if follows, known := lg.onBranch(f, rivals); follows && known {
		lg.stand(f)
	}
}

// stand lets a floor stand for what a log had below it: the trim's word about the log's first run counts, on peers that had
// that run as on those that never did.
func (lg *logState) stand(f *Floor) {
	lg.floorState = f.State()
	if lg.state != nil {
		lg.state.FirstHeads = f.FirstHeads
	}
	if lg.durable == f.Number && len(lg.staged) == 0 {
		lg.state = f.State()
	}
}

// applyFloor trims a log, once nothing of it is under way.
func (c *Core) applyFloor(r *room, lg *logState) {
	f, rivals := r.auth.floorOf(lg.id)
	if f == nil || lg.trimming || lg.floor > f.Number && lg.durable > 0 {
		return
	}
	at := lg.floor == f.Number && lg.durable > 0
	follows, known := lg.onBranch(f, rivals)
	if at && follows && known && lg.floorState.isAt(f) {
		return
	}
	if len(lg.staged) > 0 || lg.moving || lg.end != nil {
		lg.floorDue = true
		return
	}
	lg.floorDue = false
	switch {
	case at && !known:
		c.findFloor(r, lg, f, lg.floor+1)
	case at && !follows:
		c.leaveBranch(r, lg, f)
	case at: // the same link, and other heads told of it
		lg.stand(f)
		c.limitLog(r, lg)
	case lg.durable < f.Number:
		c.beginAt(r, lg, f)
	default:
		c.findFloor(r, lg, f, f.Number)
	}
}

// findFloor reads the run that tells whether a log is on a floor's branch: the one that ends at the floor or, of a log that
// begins there, its first.
func (c *Core) findFloor(r *room, lg *logState, f *Floor, number uint64) {
	lg.trimming = true
	c.find(r, lg.id, number, func(run *Run) {
		lg.trimming = false
		stands, _ := r.auth.floorOf(lg.id)
		switch {
		case r.logs[lg.id] != lg || r.failed:
		case len(lg.staged) > 0 || lg.moving || lg.end != nil || stands != f:
			c.applyFloor(r, lg)
		case run != nil && number > f.Number && run.Prev == f.Link:
			lg.stand(f)
			c.limitLog(r, lg)
		case run == nil || run.Last() != f.Number || run.Hash != f.Link:
			c.leaveBranch(r, lg, f)
		default:
			c.trimTo(r, lg, f)
		}
	})
}

// leaveBranch forgets all that is held of a log, since it stands on another branch than the floor.
func (c *Core) leaveBranch(r *room, lg *logState, f *Floor) {
	if lg.durable > lg.floor {
		c.stopped(r, lg, lg.floor+1, lg.durable, ReasonTrimmedBranch)
	}
	c.beginAt(r, lg, f)
}

// trimTo drops a log's messages up to a floor that is the end of a run held.
func (c *Core) trimTo(r *room, lg *logState, f *Floor) {
	c.trim(r, lg, f.Number)
	part := lg.durable - lg.floor
	gone := f.Number - lg.floor
	size := lg.bytes / part * gone // about: what is left is known when the room is read anew
	if gone == part {
		size = lg.bytes
	}
	r.messages -= gone
	r.bytes -= size
	lg.bytes -= size
	lg.floor = f.Number
	lg.stand(f)
	c.trimmed(r, lg)
}

// beginAt lets a log begin at a floor: what was held of it, if anything, is forgotten.
func (c *Core) beginAt(r *room, lg *logState, f *Floor) {
	if lg.durable > 0 { // also where all of it was forgotten: the store still knows where it ended
		c.trim(r, lg, store.TrimAll)
	}
	r.messages -= lg.durable - lg.floor
	r.bytes -= lg.bytes
	lg.bytes = 0
	lg.state, lg.floorState = f.State(), f.State()
	lg.floor, lg.durable, lg.durLink = f.Number, f.Number, f.Link
	c.trimmed(r, lg)
}

// trimmed does what follows from a log's new floor.
func (c *Core) trimmed(r *room, lg *logState) {
	for _, b := range lg.hidden {
		if b.last <= lg.floor {
			c.trimHidden(r, b, store.TrimAll)
		}
	}
	lg.dropHidden()
	for len(lg.parked) > 0 && lg.parked[0].First <= lg.floor {
		r.unpark(lg)
	}
	lg.blocked = lg.blocked && len(lg.parked) > 0
	if w := r.wants[lg.id]; w != nil && w.target <= lg.durable {
		c.dropWant(r, lg.id)
	}
	r.setHead(lg)
	c.limitLog(r, lg)
	c.drain(r, lg)
	for _, l := range r.links {
		c.stateSoon(l, stateDelay)
	}
}
