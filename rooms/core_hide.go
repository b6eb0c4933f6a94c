package rooms

import (
	"slices"

	"parley/store"
	"parley/wire"
)

// Runs that counted once and do not any more are kept, since they may count again; but no reader and no
// peer is to meet them. They are moved, in the store, out of their log into a log of another room, where
// nothing else looks: HiddenRoom. When they count again they come back as if they had just arrived.

// HiddenRoom is the room under which a store keeps the runs of a room that counted once and do not now.
func HiddenRoom(room wire.ID) wire.ID { return wire.Hash("hidden", room[:]) }

// A hiddenBranch is consecutive runs of a log that do not count, under a log of HiddenRoom.
type hiddenBranch struct {
	id          wire.ID
	floor, last uint64 // it has the messages floor+1 to last
	link        wire.ID
	side        bool // what counts has another run in its place
}

// hiddenNote is the note of a hidden branch: the array [log].
func hiddenNote(log wire.ID) string {
	return string(wire.AppendID(wire.AppendArray(nil, 1), log))
}

func readHiddenNote(note string) (log wire.ID, err error) {
	in := wire.NewReader([]byte(note))
	in.Array(1)
	log = in.ID()
	return log, in.Done()
}

// hiddenID is the log of HiddenRoom for a branch; number is one of the room's arrival numbers, given to nothing else.
func hiddenID(log wire.ID, number uint64) wire.ID {
	return wire.Hash("hidden-log", log[:], wire.AppendUint(nil, number))
}

// A hiding moves what a log has beyond its end: it is copied, run by run, and cut off when all is there.
type hiding struct {
	r        *room
	lg       *logState
	end      Pin
	state    *LogState // at the end; nil: nothing of the log counts
	branch   *hiddenBranch
	size     uint64 // bytes moved
	unsynced int    // of these, since the store was last waited for
}

// hide begins to move what a log has beyond its end, when all of it is durable.
func (c *Core) hide(r *room, lg *logState) {
	switch {
	case lg.end == nil || lg.moving || r.openRoom || r.failed || len(lg.staged) > 0:
		return
	case lg.end.Number >= lg.durable:
		lg.end = nil
		return
	}
	lg.moving = true
	r.arrival++ // no branch before has had this number
	h := &hiding{r: r, lg: lg, end: *lg.end, branch: &hiddenBranch{floor: max(lg.end.Number, lg.floor)}}
	h.branch.id = hiddenID(lg.id, r.arrival)
	h.branch.last = h.branch.floor
	if h.end.Number <= lg.floor {
		if h.end.Number > 0 && lg.floorState != nil {
			h.state = lg.floorState
		}
		h.next(c)
		return
	}
	c.find(r, lg.id, h.end.Number, func(run *Run) {
		if run == nil || run.Hash != h.end.Link || !h.live() {
			h.stop(c)
			return
		}
		h.state = run.Extend(&LogState{Last: run.First - 1, FirstHeads: lg.state.FirstHeads, Fork: lg.state.Fork})
		if run.First == 1 {
			h.state.FirstHeads = h.state.Heads
		}
		h.next(c)
	})
}

func (h *hiding) live() bool {
	return h.r.logs[h.lg.id] == h.lg && !h.r.failed && h.lg.end != nil && *h.lg.end == h.end
}

// stop gives up, because the end is another by now; what was copied is dropped again.
func (h *hiding) stop(c *Core) {
	c.whenDurable(func(error) {
		r, lg := h.r, h.lg
		if r.logs[lg.id] != lg || r.failed {
			return // the room is read anew
		}
		lg.moving = false
		if h.branch.last > h.branch.floor {
			c.trimHidden(r, h.branch, store.TrimAll)
		}
		c.decideDue(r, lg)
		c.hide(r, lg)
		c.revive(r, lg)
	})
}

// next copies the next run.
func (h *hiding) next(c *Core) {
	r, lg := h.r, h.lg
	if h.branch.last >= lg.durable {
		h.cut(c)
		return
	}
	c.find(r, lg.id, h.branch.last+1, func(run *Run) {
		if run == nil || !h.live() {
			h.stop(c)
			return
		}
		f := c.fly(r)
		f.data.Runs = append(f.data.Runs, store.Run{
			Room: HiddenRoom(r.id), Log: h.branch.id, Author: lg.author, First: run.First, Last: run.Last(),
			Link: run.Hash, Received: unix(c.now), Bytes: run.Raw, Note: hiddenNote(lg.id),
		})
		f.size += len(run.Raw) + 256
		h.branch.last, h.branch.link = run.Last(), run.Hash
		h.size += uint64(len(run.Raw))
		if h.unsynced += len(run.Raw); h.unsynced < batchBytes {
			h.next(c)
			return
		}
		h.unsynced = 0
		c.whenDurable(func(error) {
			if h.live() {
				h.next(c)
				return
			}
			h.stop(c)
		})
	})
}

// cut lets the log end where what counts of it ends.
func (h *hiding) cut(c *Core) {
	r, lg := h.r, h.lg
	f := c.fly(r)
	if h.state == nil {
		c.trim(r, lg, store.TrimAll)
	} else {
		f.data.Cuts = append(f.data.Cuts, store.Cut{
			Room: r.id, Log: lg.id, Head: lg.durLink, Last: h.state.Last, Link: h.state.Link, Note: string(h.state.note()),
		})
		f.size += 512
	}
	first, last := h.branch.floor+1, lg.durable
	r.messages -= last - h.branch.floor
	r.bytes -= h.size
	lg.bytes -= h.size
	lg.end, lg.state = nil, h.state
	lg.durable, lg.durLink = 0, wire.ID{}
	if h.state == nil {
		lg.floor, lg.floorState, lg.fault = 0, nil, nil // what is hidden is judged as it comes back
	} else {
		lg.durable, lg.durLink = h.state.Last, h.state.Link
	}
	if h.branch.last > h.branch.floor {
		lg.hidden = append(lg.hidden, h.branch)
		c.stopped(r, lg, first, last, lg.why)
	}
	if fs := lg.fork; fs != nil && len(fs.pins) > 0 {
		fs.due = true // a pinned run may be hidden now
	}
	r.setHead(lg)
	for _, l := range r.links {
		if l.marks[lg.id] >= lg.durable {
			delete(l.marks, lg.id)
		}
		delete(l.ahead, lg.id)
		delete(l.announce, lg.id)
	}
	r.unwrote(lg.id, lg.durable)
	c.stats.Hidden += last - h.branch.floor
	c.whenDurable(func(error) {
		if r.logs[lg.id] != lg || r.failed {
			return
		}
		lg.moving = false
		c.decideDue(r, lg)
		c.hide(r, lg)
		if lg.state == nil { // what comes now begins it anew
			c.limitLog(r, lg)
		}
		if lg.floorDue || lg.state == nil {
			c.applyFloor(r, lg)
		}
		c.revive(r, lg)
		c.markJudged(r)
		for _, l := range r.links {
			c.stateSoon(l, stateDelay)
		}
	})
}

// unwrote takes back a log's newest messages as what others may refer to.
func (r *room) unwrote(log wire.ID, last uint64) {
	for i := range r.recent {
		if r.recent[i].Log == log {
			if r.recent[i].Number = min(r.recent[i].Number, last); last == 0 {
				r.recent = slices.Delete(r.recent, i, i+1)
			}
			return
		}
	}
}

// trimHidden lets go of a hidden branch up to floor.
func (c *Core) trimHidden(r *room, b *hiddenBranch, floor uint64) {
	if floor >= b.last {
		floor = store.TrimAll
	}
	f := c.fly(r)
	f.data.Trims = append(f.data.Trims, store.Trim{Room: HiddenRoom(r.id), Log: b.id, Floor: floor})
	f.size += 128
	b.floor = min(floor, b.last)
}

// revive brings back what is hidden of a log and counts now: a run at a time, each judged as if it had just come.
func (c *Core) revive(r *room, lg *logState) {
	if len(lg.hidden) == 0 || lg.moving || lg.reviving || lg.end != nil || r.failed || lg.rechecking != nil || lg.recheckDue {
		return
	}
	c.reviveNext(r, lg, slices.Clone(lg.hidden))
}

// reviveNext tries one branch after another. What counts already, since it came from a peer too, is let go.
func (c *Core) reviveNext(r *room, lg *logState, branches []*hiddenBranch) {
	for len(branches) > 0 && (branches[0].side || branches[0].floor > lg.lastStaged() || branches[0].floor >= min(branches[0].last, lg.limit)) {
		branches = branches[1:]
	}
	if len(branches) == 0 {
		c.drain(r, lg)
		r.forgetEmpty(lg)
		return
	}
	b := branches[0]
	lg.reviving = true
	again := func() {
		lg.reviving = false
		lg.dropHidden()
		switch {
		case r.logs[lg.id] != lg || r.failed || lg.moving || lg.end != nil:
		case lg.rechecking != nil || lg.recheckDue: // its end goes on with this
		default:
			c.reviveNext(r, lg, branches)
		}
	}
	c.findIn(HiddenRoom(r.id), b.id, b.floor+1, func(run *Run) {
		switch {
		case r.logs[lg.id] != lg || r.failed || run == nil:
			branches = branches[1:]
		case run.First <= lg.lastStaged():
			if run.Last() <= lg.durable && run.First > lg.floor {
				c.compareHidden(r, lg, b, run, again)
				return
			}
			branches = branches[1:] // looked at again when it is durable
		case !c.reviveRun(r, lg, b, run):
			branches = branches[1:]
		}
		again()
	})
}

// dropHidden forgets the branches of which nothing is left.
func (lg *logState) dropHidden() {
	lg.hidden = slices.DeleteFunc(lg.hidden, func(b *hiddenBranch) bool { return b.floor >= b.last })
}

// lastStaged is the last message that counts of a log, durable or not.
func (lg *logState) lastStaged() uint64 {
	if lg.state == nil {
		return 0
	}
	return lg.state.Last
}

// reviveRun judges a hidden run that would continue its log, and takes it back if it is valid.
func (c *Core) reviveRun(r *room, lg *logState, b *hiddenBranch, run *Run) bool {
	if lg.end != nil || lg.moving || run.First != lg.lastStaged()+1 || lg.state != nil && run.Prev != lg.state.Link {
		return false
	}
	if v, _, _ := r.judgeRun(run, lg, b); v != Valid {
		return false
	}
	c.stage(r, lg, run, nil, nil, true)
	c.trimHidden(r, b, run.Last())
	c.stats.Revived += uint64(run.Count())
	c.countsAgain(r, lg, run.First, run.Last())
	return true
}

// compareHidden lets go of a hidden run that counts by now, or finds that another one is in its place.
func (c *Core) compareHidden(r *room, lg *logState, b *hiddenBranch, hidden *Run, done func()) {
	c.find(r, lg.id, hidden.First, func(run *Run) {
		if r.logs[lg.id] == lg && !r.failed {
			if run != nil && run.Hash == hidden.Hash {
				c.trimHidden(r, b, hidden.Last())
				c.countsAgain(r, lg, hidden.First, hidden.Last())
			} else {
				b.side = true
			}
		}
		done()
	})
}
