package rooms

import (
	"parley/store"
	"parley/wire"
)

// onRunsIn takes runs of a Push or of the answer to a pull.
func (c *Core) onRunsIn(ev *RunsIn) {
	p := c.peers[ev.Peer]
	if p == nil {
		return
	}
	var l *link
	var q *pull
	if ev.Pull != 0 {
		if q = c.pulls[ev.Pull]; q == nil || q.l.p != p {
			return
		}
		l = q.l
		q.progress = c.now
		q.got += len(ev.Runs)
	} else {
		var known bool
		if l, known = p.link(ev.Ref); !known {
			c.offend(p, "a room that was not offered")
			return
		}
	}
	if l == nil || l.r.failed || q == nil && l.right != SyncAll {
		return // whoever has no right to the room has nothing to bring
	}
	r := l.r
	for _, run := range ev.Runs {
		if run.Room != r.id {
			c.offend(p, "a run of another room")
			return
		}
		if q != nil && q.hunt != nil {
			c.hunted(q.hunt, run)
			continue
		}
		c.receive(r, l, run, q)
		if l.gone || r.failed {
			return
		}
	}
}

// receive takes one run of another peer: what continues its log is judged, what
// lies behind a gap waits for what is between.
func (c *Core) receive(r *room, l *link, run *Run, q *pull) {
	l.know(run.Log, run.Last())
	lg := r.logs[run.Log]
	next := uint64(1)
	if lg != nil && lg.state != nil {
		next = lg.state.Last + 1
	}
	if lg.stagesNext(run) {
		c.stagePinned(r, lg, run)
		if w := r.wants[run.Log]; w != nil && q != nil && w.pull == q {
			w.came, w.grew = true, true
		}
		return
	}
	if run.Last() < next {
		c.stats.Duplicates++
		if run.Last() == lg.state.Last && run.Hash != lg.state.Link {
			c.hunt(r, lg, l, run.Last())
		} else if lg.durable >= run.Last() && q == nil {
			l.acks = append(l.acks, lg)
			c.sendAcks(r)
		}
		return
	}
	if lg != nil && (lg.end != nil || lg.moving) {
		return // its log has ended before it
	}
	if r.openRoom && !c.admitOpen(r, lg, l, run, q) {
		return
	}
	w := r.wants[run.Log]
	first := q != nil && w != nil && w.pull == q && !w.came // of what was asked for of this log
	if run.First != next && !(r.openRoom && first && r.open.mayStart(lg, run)) && !r.continuesGrave(lg, run) {
		if run.First < next { // overlaps what is held: another cut of it, hence another branch
			c.hunt(r, lg, l, min(run.Last(), next-1))
			return
		}
		c.stats.Gaps++
		if lg == nil {
			if !c.plausible(r, run) {
				return
			}
			lg = c.beginLog(r, run)
		}
		switch parked := c.park(r, lg, run); {
		case !parked:
			c.want(r, run.Log, run.Last(), l)
		case !r.openRoom:
			c.want(r, run.Log, run.First-1, l)
		case r.wants[run.Log] == nil: // what lies between may be below the other's floor
			c.want(r, run.Log, run.Last(), l)
		}
		return
	}
	if lg == nil {
		lg = c.beginLog(r, run)
	}
	v := c.judge(r, lg, l, run, q != nil)
	if w := r.wants[run.Log]; w != nil {
		if q != nil && w.pull == q {
			w.came = true
			w.grew = w.grew || v == Valid // what does not fit would be asked for again at once
		}
		if lg.state != nil && lg.state.Last >= w.target {
			c.dropWant(r, run.Log)
		}
	}
	c.drain(r, lg)
	r.forgetEmpty(lg)
}

// continuesGrave reports whether a run continues a log of an open room exactly
// where it was let go.
func (r *room) continuesGrave(lg *logState, run *Run) bool {
	return r.openRoom && (lg == nil || lg.state == nil) && run.First > 1 && run.First == r.open.startOf(run.Log)
}

// plausible reports whether a run of a log that is not held may be parked: its
// author may write by what is known now, or the run knows more than is held here.
func (c *Core) plausible(r *room, run *Run) bool {
	if r.openRoom || r.auth.Now().Role(run.Author).MayWrite() {
		return true
	}
	for _, h := range run.Heads {
		if !r.auth.Has(h) {
			return true
		}
	}
	return false
}

// beginLog is newLog for a run that came. Where a fork ends the log is looked for.
func (c *Core) beginLog(r *room, run *Run) *logState {
	lg := r.newLog(run.Log, run.Author)
	if lg.fork != nil {
		c.limitLog(r, lg)
	}
	return lg
}

func (r *room) newLog(id, author wire.ID) *logState {
	lg := &logState{id: id, author: author, limit: noLimit}
	if p := r.proofByLog[id]; p != nil {
		lg.limit, lg.limitLink, lg.why = p.First-1, p.Prev, ReasonFork
		if !r.openRoom {
			lg.fork = &forkState{first: p.First}
		}
	}
	r.logs[id] = lg
	return lg
}

// forgetEmpty drops a log of which nothing is held, staged or waiting.
func (r *room) forgetEmpty(lg *logState) {
	if lg.state == nil && len(lg.parked)+len(lg.hidden) == 0 && !lg.moving && r.logs[lg.id] == lg {
		delete(r.logs, lg.id)
	}
}

// judge decides about the next run of a log, and stages it if it is valid.
func (c *Core) judge(r *room, lg *logState, from *link, run *Run, pulled bool) Verdict {
	v, why, missing := r.judgeRun(run, lg, nil)
	switch v {
	case Valid:
		c.stage(r, lg, run, from, nil, pulled)
		c.stats.Received += uint64(run.Count())
	case Pending:
		switch why {
		case ReasonOtherBranch:
			c.hunt(r, lg, from, lg.state.Last)
			return v
		case ReasonPinned:
			return v // not the chain that is waited for, or while it is looked for
		}
		if c.park(r, lg, run) && !lg.blocked {
			lg.blocked = true
			r.blocked = append(r.blocked, lg)
		}
		if from != nil {
			c.fetchDependencies(from, missing)
		}
	case Void:
		c.stats.Void++
		c.dropWant(r, lg.id)
		c.dropParked(r, lg)
	case Reject:
		if from != nil {
			c.offend(from.p, "a run that breaks a rule: "+why.String())
		}
	}
	return v
}

// judgeRun judges a run that would continue its log; b is the hidden branch that it comes from, if it does.
func (r *room) judgeRun(run *Run, lg *logState, b *hiddenBranch) (Verdict, Reason, []wire.ID) {
	if r.openRoom {
		prev := lg.state
		if prev != nil && run.First > prev.Last+1 {
			prev = nil // begins again at the floor of who serves it
		}
		v, why := JudgeOpen(run, prev)
		if v == Valid && run.Last() > lg.limit {
			return Void, ReasonFork, nil
		}
		return v, why, nil
	}
	if r.auth.Genesis() == nil {
		return Pending, ReasonDependency, []wire.ID{r.id}
	}
	if run.Last() > lg.limit && (lg.state == nil && lg.fork == nil || lg.fault != nil) {
		return Void, lg.why, nil
	}
	v, why, missing := r.auth.Judge(run, lg.state)
	if v == Valid {
		v, why = lg.judgeFork(run, b)
	}
	return v, why, missing
}

// stage makes a valid run part of its log: it is shown, and made durable.
func (c *Core) stage(r *room, lg *logState, run *Run, from *link, req *request, pulled bool) {
	f := c.fly(r)
	if lg.author.IsZero() { // of a log that a trim names it is not known before
		lg.author = run.Author
		defer c.limitLog(r, lg)
	}
	waits := false
	for _, ref := range run.Refs {
		if o := r.logs[ref.Log]; o == nil || o.state == nil || o.state.Last < ref.Number {
			waits = true
		}
	}
	if r.openRoom {
		c.openStaged(r, lg, run)
	}
	r.arrival++
	received := unix(c.now)
	prev := lg.state
	if r.openRoom && prev != nil && run.First > prev.Last+1 {
		prev = nil
	}
	lg.state = run.Extend(prev)
	lg.state.Heads = r.internHeads(lg.state.Heads)
	if prev == nil {
		lg.state.FirstHeads = lg.state.Heads
		if r.openRoom && lg.limit != noLimit {
			lg.state.Fork = lg.limit + 1
		}
	}
	lg.staged = append(lg.staged, stagedRun{run.Last(), run.Hash})
	f.data.Runs = append(f.data.Runs, store.Run{
		Room: r.id, Log: lg.id, Author: lg.author, First: run.First, Last: run.Last(),
		Link: run.Hash, Arrival: r.arrival, Received: received, Bytes: run.Raw, Note: string(lg.state.note()),
	})
	f.size += len(run.Raw) + 256
	fr := flightRun{
		r: r, lg: lg, last: run.Last(), link: run.Hash, size: len(run.Raw),
		msgs: uint64(run.Count()), from: from, req: req, pulled: pulled,
	}
	if from == nil && req != nil {
		fr.raw = run.Raw
	}
	f.runs = append(f.runs, fr)
	if clockPlausible(run.Clock, c.now) {
		r.clock = max(r.clock, run.Clock)
	}
	r.lastReceived = received
	r.wrote(lg.id, run.Last())
	if len(r.shown) == 0 {
		c.touch(r)
	}
	r.shown = append(r.shown, wire.TailItem{Arrival: r.arrival, Received: uint64(received), Waits: waits, Run: run.Raw})
}

// clockPlausible keeps a clock set far ahead from pulling everybody's along.
func clockPlausible(clock uint64, now interface{ UnixMilli() int64 }) bool {
	return int64(clock>>clockCounterBits) <= now.UnixMilli()+maxClockAhead.Milliseconds()
}

// wrote puts a log at the head of those written to most recently.
func (r *room) wrote(log wire.ID, last uint64) {
	at := len(r.recent)
	for i := range r.recent {
		if r.recent[i].Log == log {
			at = i
			break
		}
	}
	if at == len(r.recent) {
		if at < maxRecent {
			r.recent = append(r.recent, wire.Ref{})
		} else {
			at--
		}
	}
	copy(r.recent[1:at+1], r.recent[:at])
	r.recent[0] = wire.Ref{Log: log, Number: last}
}
