package rooms

import (
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

// floorOf is the highest floor of a log in the trims that count; of several the one with the lowest link.
func (a *Authority) floorOf(log wire.ID) (floor *Floor) {
	for _, i := range a.floors[log] {
		f := a.floorIn(i, log)
		if floor == nil || f.Number > floor.Number || f.Number == floor.Number && f.Link.Compare(floor.Link) < 0 {
			floor = f
		}
	}
	return floor
}

// floorGone reports whether a log was trimmed by what does not count any more. What is above then waits,
// by the rules, for what was forgotten: it is hidden, and the log fetched anew from whoever has it still.
func (r *room) floorGone(lg *logState) bool {
	if r.openRoom || lg.floor == 0 {
		return false
	}
	f := r.auth.floorOf(lg.id)
	return f == nil || f.Number < lg.floor
}

// readFloor takes up the state at the floor of a log that was read from the store. Where the log ends may depend on it.
func (lg *logState) readFloor(f *Floor) {
	if f != nil && lg.floor == f.Number && lg.floorState == nil && lg.durable > 0 {
		lg.floorState = f.State()
	}
}

// applyFloor trims a log, once nothing of it is under way.
func (c *Core) applyFloor(r *room, lg *logState) {
	f := r.auth.floorOf(lg.id)
	if f == nil {
		return
	}
	lg.readFloor(f)
	if lg.floor >= f.Number && lg.durable > 0 || lg.trimming {
		return
	}
	if len(lg.staged) > 0 || lg.moving || lg.end != nil {
		lg.floorDue = true
		return
	}
	lg.floorDue = false
	if lg.durable < f.Number {
		c.beginAt(r, lg, f)
		return
	}
	lg.trimming = true
	c.find(r, lg.id, f.Number, func(run *Run) {
		lg.trimming = false
		switch {
		case r.logs[lg.id] != lg || r.failed:
		case len(lg.staged) > 0 || lg.moving || lg.end != nil || r.auth.floorOf(lg.id) != f:
			c.applyFloor(r, lg)
		case run == nil || run.Last() != f.Number || run.Hash != f.Link:
			// Another branch, which is forgotten whole.
			c.stopped(r, lg, lg.floor+1, lg.durable, ReasonTrimmedBranch)
			c.beginAt(r, lg, f)
		default:
			c.trimTo(r, lg, f)
		}
	})
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
	lg.floor, lg.floorState = f.Number, f.State()
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
