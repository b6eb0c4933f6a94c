package rooms

import "bytes"

// park keeps a run that cannot be judged yet. It reports whether there was room.
func (c *Core) park(r *room, lg *logState, run *Run) bool {
	at := len(lg.parked)
	for at > 0 && lg.parked[at-1].First >= run.First {
		at--
	}
	if at < len(lg.parked) && lg.parked[at].First <= run.Last() || at > 0 && lg.parked[at-1].Last() >= run.First {
		return true // it, or something in its place, is there
	}
	if len(lg.parked) >= maxParkedPerLog {
		return false
	}
	for r.parkedCount >= maxParkedRuns || r.parkedBytes+len(run.Raw) > maxParkedRunBytes {
		if !c.unparkStranger(r, lg) {
			return false
		}
	}
	own, err := ParseRun(bytes.Clone(run.Raw)) // run lies in a frame that others share
	if err != nil {
		return false
	}
	c.stats.Parked++
	r.parkedCount++
	r.parkedBytes += len(own.Raw)
	lg.parked = append(lg.parked, nil)
	copy(lg.parked[at+1:], lg.parked[at:])
	lg.parked[at] = own
	return true
}

// established reports whether a log may take the place of another among what waits: something of it counts, or
// its author belongs to the room.
func (r *room) established(lg *logState) bool {
	return lg.state != nil || !r.openRoom && r.auth.Now().Role(lg.author) != RoleNone
}

// unparkStranger lets go, for the sake of a log that is established, of the runs that wait of one which is not: nobody's
// invented logs keep a member's from being waited for.
func (c *Core) unparkStranger(r *room, wanted *logState) bool {
	if !r.established(wanted) {
		return false
	}
	for _, id := range sortedIDs(r.logs) {
		if lg := r.logs[id]; len(lg.parked) > 0 && lg != wanted && !r.established(lg) {
			c.dropParked(r, lg)
			r.forgetEmpty(lg)
			return true
		}
	}
	return false
}

func (r *room) unpark(lg *logState) *Run {
	run := lg.parked[0]
	lg.parked[0] = nil
	lg.parked = lg.parked[1:]
	if len(lg.parked) == 0 {
		lg.parked = nil
	}
	r.parkedCount--
	r.parkedBytes -= len(run.Raw)
	return run
}

func (c *Core) dropParked(r *room, lg *logState) {
	for len(lg.parked) > 0 {
		r.unpark(lg)
	}
	lg.blocked = false
}

// drain judges parked runs whose turn has come.
func (c *Core) drain(r *room, lg *logState) {
	for len(lg.parked) > 0 && !lg.blocked && !r.failed {
		next := uint64(1)
		if lg.state != nil {
			next = lg.state.Last + 1
		}
		switch first := lg.parked[0].First; {
		case first > next:
			return
		case first < next:
			r.unpark(lg)
		default:
			run := r.unpark(lg)
			if v := c.judge(r, lg, nil, run, false); v != Valid {
				return
			}
		}
	}
	if len(lg.parked) == 0 {
		if w := r.wants[lg.id]; w != nil && lg.state != nil && lg.state.Last >= w.target {
			c.dropWant(r, lg.id)
		}
	}
}
