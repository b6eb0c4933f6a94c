package rooms

import (
	"encoding/binary"
	"slices"

	"parley/store"
)

// A fault is where a log stops counting because its author might not write what follows.
type fault struct {
	at  Pin // the end of the run before
	why Reason
}

// A rechecking searches a log for the first run that its author might not write by the entries that
// count now. What its author might do when it wrote a run follows from the run's heads, and a log's heads only
// grow: where two runs name the same ones, so do all between. So the search halves, and reads a
// few runs for each change of heads.
type rechecking struct {
	r     *room
	lg    *logState
	todo  [][2]*Run // stretches between two runs, the earliest last; the first run of each may be written
	again bool      // the authority changed meanwhile
}

// recheck judges the authors' right to what is held of a log again.
func (c *Core) recheck(r *room, lg *logState) {
	switch {
	case lg.state == nil || r.openRoom:
		return
	case lg.rechecking != nil:
		lg.rechecking.again = true
		return
	case len(lg.staged) > 0:
		lg.recheckDue = true // when they are durable
		return
	}
	lg.recheckDue = false
	q := &rechecking{r: r, lg: lg}
	if lg.floor == 0 && slices.Equal(lg.state.FirstHeads, lg.state.Heads) {
		q.end(c, nil, ReasonNone, r.mayHaveWritten(lg, lg.state))
		return
	}
	if lg.floor == lg.durable {
		q.end(c, nil, ReasonNone, ReasonNone)
		return
	}
	lg.rechecking = q
	c.find(r, lg.id, lg.floor+1, func(first *Run) {
		c.find(r, lg.id, lg.durable, func(last *Run) {
			if first == nil || last == nil || !q.live() {
				q.end(c, nil, ReasonNone, ReasonNone)
				return
			}
			if why := q.judge(first); why != ReasonNone {
				q.end(c, first, why, ReasonNone)
				return
			}
			q.todo = append(q.todo, [2]*Run{first, last})
			q.step(c)
		})
	})
}

// mayHaveWritten is the rule about an author's role, for a log all of whose runs have the same heads.
func (r *room) mayHaveWritten(lg *logState, s *LogState) Reason {
	view := r.auth.View(s.Heads)
	if view == nil {
		return ReasonNone
	}
	return r.auth.mayWrite(&Run{Author: lg.author}, nil, view)
}

func (q *rechecking) live() bool { return q.r.logs[q.lg.id] == q.lg && !q.r.failed && !q.again }

// judge applies the rule to one run.
func (q *rechecking) judge(run *Run) Reason {
	view := q.r.auth.View(run.Heads)
	if view == nil {
		return ReasonNone
	}
	return q.r.auth.mayWrite(run, nil, view)
}

// step takes the earliest stretch.
func (q *rechecking) step(c *Core) {
	if len(q.todo) == 0 || !q.live() {
		q.end(c, nil, ReasonNone, ReasonNone)
		return
	}
	lo, hi := q.todo[len(q.todo)-1][0], q.todo[len(q.todo)-1][1]
	q.todo = q.todo[:len(q.todo)-1]
	if lo.Hash == hi.Hash || slices.Equal(lo.Heads, hi.Heads) {
		q.step(c)
		return
	}
	if lo.Last()+1 >= hi.First {
		if why := q.judge(hi); why != ReasonNone {
			q.end(c, hi, why, ReasonNone)
			return
		}
		q.step(c)
		return
	}
	c.find(q.r, q.lg.id, lo.Last()+(hi.First-lo.Last())/2, func(mid *Run) {
		if mid == nil || !q.live() {
			q.end(c, nil, ReasonNone, ReasonNone)
			return
		}
		if q.judge(mid) != ReasonNone { // the first fault is not behind it
			q.todo = q.todo[:0]
		} else {
			q.todo = append(q.todo, [2]*Run{mid, hi})
		}
		q.todo = append(q.todo, [2]*Run{lo, mid})
		q.step(c)
	})
}

// end notes the first run that does not count, if there is one: bad, or with whole all that is held.
func (q *rechecking) end(c *Core, bad *Run, why, whole Reason) {
	r, lg := q.r, q.lg
	lg.rechecking = nil
	if r.logs[lg.id] != lg || r.failed {
		return
	}
	if q.again {
		c.recheck(r, lg)
		return
	}
	lg.fault = nil
	switch {
	case lg.state == nil: // all of it was hidden meanwhile
	case bad != nil:
		lg.fault = &fault{Pin{Log: lg.id, Number: bad.First - 1, Link: bad.Prev}, why}
	case whole != ReasonNone:
		lg.fault = &fault{Pin{Log: lg.id}, whole}
	}
	c.limitLog(r, lg)
	c.revive(r, lg)
	c.markJudged(r)
}

// judgedValue says by how many entries the room's logs were last judged to the end: entries are never let
// go, so a store that has more of them was stopped in between, and its logs are judged again.
func judgedValue(r *room, entries int) store.Value {
	return store.Value{Key: RoomValues(r.id) + "judged", Value: binary.AppendUvarint(nil, uint64(entries))}
}

// markJudged notes on disk that nothing is left to be found out or hidden by the entries held.
func (c *Core) markJudged(r *room) {
	if r.openRoom || r.failed || r.judging || r.judgedOn == r.auth.Len() || !r.judgedAny {
		return
	}
	for _, lg := range r.logs {
		if lg.rechecking != nil || lg.recheckDue || lg.fault != nil && (lg.end != nil || lg.moving || lg.cutting) {
			return
		}
	}
	r.judgedOn = r.auth.Len()
	f := c.fly(r)
	f.data.Values = append(f.data.Values, judgedValue(r, r.judgedOn))
	f.size += 128
}
