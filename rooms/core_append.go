package rooms

import (
	"cmp"

	"parley/wire"
)

// onAppend takes runs that a user wrote. What extends its log is staged and
// answered when it is durable; what is held already is answered likewise; anything else is refused.
func (c *Core) onAppend(q *request, m *wire.Append, runs []*Run) {
	r := c.rooms[m.Room]
	if r != nil && r.loading {
		q.pending++
		r.afterLoad = append(r.afterLoad, func() {
			q.pending--
			if !q.gone {
				c.onAppend(q, m, runs)
				c.maybeEnd(q)
			}
		})
		return
	}
	if r == nil || !r.openRoom && !r.users[q.user] {
		c.fail(q, wire.CodeNotFound, "this peer does not keep that room for you")
		return
	}
	var refused []wire.ID
	for _, run := range runs {
		if run.Room != r.id || run.Author != q.user {
			c.fail(q, wire.CodeRefused, "a run of another room or author")
			return
		}
		skip := false
		for _, id := range refused {
			skip = skip || id == run.Log
		}
		if !skip && !c.appendRun(q, r, run) {
			refused = append(refused, run.Log)
		}
	}
}

// appendRun takes one run. It reports false when it was refused.
func (c *Core) appendRun(q *request, r *room, run *Run) bool {
	lg := r.logs[run.Log]
	refuse := func(code wire.Code, text string) bool {
		c.refuseAppend(q, run.Log, lg, code, text, run.First)
		return false
	}
	if r.failed {
		return refuse(wire.CodeStorage, storageText(r.failure))
	}
	if lg != nil && (lg.end != nil || lg.moving) && !r.openRoom {
		return refuse(wire.CodeInvalid, lg.why.String())
	}
	if lg != nil && lg.state != nil && run.Last() <= lg.state.Last {
		c.appendAgain(q, r, lg, run)
		return true
	}
	next := uint64(1)
	if lg != nil && lg.state != nil {
		next = lg.state.Last + 1
	} else if r.openRoom && run.First > 1 {
		next = r.open.startOf(run.Log) // the messages before were let go
	}
	if run.First != next {
		return refuse(wire.CodeConflict, "does not continue what this peer holds of the log")
	}
	fresh := lg == nil
	if fresh {
		lg = c.beginLog(r, run)
	}
	v, why, _ := r.judgeRun(run, lg, nil)
	if v != Valid {
		r.forgetEmpty(lg)
		switch {
		case why == ReasonOtherBranch:
			return refuse(wire.CodeConflict, "does not continue what this peer holds of the log")
		case v == Pending:
			return refuse(wire.CodePending, why.String())
		}
		return refuse(wire.CodeInvalid, why.String())
	}
	q.pending++
	delete(q.told, run.Log)
	c.stats.Appended += uint64(run.Count())
	c.stage(r, lg, run, nil, q, false)
	if lg.open != nil {
		lg.open.local = true
	}
	c.drain(r, lg)
	return true
}

// appendAgain answers for a run that should be held already.
func (c *Core) appendAgain(q *request, r *room, lg *logState, run *Run) {
	done := func(same bool) {
		q.pending--
		switch {
		case q.gone:
		case same:
			c.answer(q, &wire.Appended{Log: run.Log, Last: run.Last(), Link: run.Hash})
		default:
			c.refuseAppend(q, run.Log, lg, wire.CodeConflict, "other messages stand in the place of these", run.First)
		}
		c.maybeEnd(q)
	}
	q.pending++
	last := run.Last()
	if last > lg.durable {
		same := false
		for _, s := range lg.staged {
			same = same || s.last == last && s.link == run.Hash
		}
		if !same {
			done(false)
			return
		}
		c.whenDurable(func(err error) {
			if err == nil && !r.failed && r.logs[lg.id] == lg && lg.durable >= last {
				done(true)
				return
			}
			q.pending--
			c.refuseAppend(q, run.Log, lg, wire.CodeStorage, storageText(cmp.Or(err, r.failure)), run.First)
			c.maybeEnd(q)
		})
		return
	}
	switch {
	case last == lg.durable:
		done(run.Hash == lg.durLink)
	case last <= lg.floor:
		done(true) // it was held, and let go
	default:
		c.find(r, lg.id, last, func(held *Run) { done(held != nil && held.Hash == run.Hash) })
	}
}

// refuseAppend tells with what head the log is held.
func (c *Core) refuseAppend(q *request, log wire.ID, lg *logState, code wire.Code, text string, first uint64) {
	m := &wire.AppendRefused{Log: log, Code: code, Text: text, First: first}
	if lg != nil {
		switch {
		case code == wire.CodeStorage:
			m.Last, m.Link = lg.durable, lg.durLink
		case lg.state != nil:
			m.Last, m.Link = lg.state.Last, lg.state.Link
		}
	}
	c.answer(q, m)
}

// answerAppends tells users how far their logs are durable.
func (c *Core) answerAppends(done []*flight) {
	type answer struct {
		q  *request
		fr *flightRun
	}
	var answers []answer
	for _, f := range done {
		for i := range f.runs {
			fr := &f.runs[i]
			if fr.req == nil {
				continue
			}
			fr.req.pending--
			if n := len(answers); n > 0 && answers[n-1].q == fr.req && answers[n-1].fr.lg == fr.lg {
				answers[n-1].fr = fr
			} else {
				answers = append(answers, answer{fr.req, fr})
			}
		}
	}
	for _, a := range answers {
		c.answer(a.q, &wire.Appended{Log: a.fr.lg.id, Last: a.fr.last, Link: a.fr.link})
	}
	for _, a := range answers {
		c.maybeEnd(a.q)
	}
}

// failAppends tells users once for each log that the store did not take it.
func (c *Core) failAppends(f *flight, err error) {
	for i := range f.runs {
		fr := &f.runs[i]
		q := fr.req
		if q == nil {
			continue
		}
		q.pending--
		if _, told := q.told[fr.lg.id]; told {
			continue
		}
		if q.told == nil {
			q.told = make(map[wire.ID]struct{})
		}
		q.told[fr.lg.id] = struct{}{}
		c.refuseAppend(q, fr.lg.id, fr.lg, wire.CodeStorage, storageText(err), fr.last-fr.msgs+1)
	}
	for i := range f.runs {
		if q := f.runs[i].req; q != nil {
			c.maybeEnd(q)
		}
	}
}
