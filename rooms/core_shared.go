package rooms

import (
	"slices"

	"parley/wire"
)

// SharedIn brings what other peers keep of a room in a database that this one uses too: what a cut
// session would have brought. It was prepared as messages of a peer are, and nothing in it is trusted more.
type SharedIn struct {
	Parts *Parts
}

func (SharedIn) event() {}

// Kept lists the rooms that the core keeps, ascending.
func (c *Core) Kept() []wire.ID {
	var ids []wire.ID
	for _, r := range c.roomList {
		if !r.failed && !r.loading {
			ids = append(ids, r.id)
		}
	}
	slices.SortFunc(ids, wire.ID.Compare)
	return ids
}

// onSharedIn takes records and runs that came by no session. What is held already is passed over; what cannot be
// judged yet waits as what a session brings, and comes again.
func (c *Core) onSharedIn(ev *SharedIn) {
	for _, e := range ev.Parts.Entries {
		if r := c.sharedRoom(e.Room); r != nil && !r.auth.Has(e.ID) {
			_ = c.takeEntries(r, nil, []*Entry{e})
		}
	}
	for _, b := range ev.Parts.Boxes {
		if r := c.sharedRoom(b.Room); r != nil {
			_ = c.takeBoxes(r, nil, []*Box{b})
		}
	}
	for _, f := range ev.Parts.Proofs {
		if r := c.rooms[f.Room]; r != nil && !r.failed && !r.loading {
			c.takeProofs(r, nil, []*Proof{f})
		}
	}
	came := make(map[wire.ID]bool) // logs of which a run came before
	for _, run := range ev.Parts.Runs {
		if r := c.rooms[run.Room]; r != nil && !r.failed && !r.loading {
			c.takeShared(r, run, !came[run.Log])
		}
		came[run.Log] = true
	}
}

func (c *Core) sharedRoom(id wire.ID) *room {
	if r := c.rooms[id]; r != nil && !r.failed && !r.loading && !r.openRoom {
		return r
	}
	return nil
}

// takeShared judges a run that continues its log. Others are left: a later look brings them again. first: it is the first of
// its log that came now.
func (c *Core) takeShared(r *room, run *Run, first bool) {
	lg := r.logs[run.Log]
	next := uint64(1)
	if lg != nil && lg.state != nil {
		next = lg.state.Last + 1
	}
	if lg != nil && (lg.end != nil || lg.moving) || r.openRoom && run.Last() <= r.open.graves[run.Log] {
		return
	}
	// A log of an open room begins where whoever has it let go of what was before. Behind a run that was not taken none begins it:
	// that may be another branch.
	begins := r.openRoom && first && run.First > next && r.open.mayStart(lg, run)
	if run.First != next && !begins {
		return
	}
	if lg == nil {
		lg = c.beginLog(r, run)
	}
	c.judge(r, lg, nil, run, false)
	c.drain(r, lg)
	r.forgetEmpty(lg)
}
