package rooms

import (
	"slices"
	"time"

	"parley/wire"
)

// A want is a log of which more is known to exist than is held.
type want struct {
	log     wire.ID
	target  uint64 // the last message known
	sources []source
	pull    *pull // that asks for it; nil: waits in the queue
	came    bool  // the pull brought something of it
	grew    bool  // and that continued the log
}

type source struct {
	l    *link
	last uint64
}

// A pull is a request for runs under way.
type pull struct {
	key      PullKey
	l        *link
	wants    []*want
	progress time.Time
	got      int
	hunt     *hunt // instead of wants
}

// want notes that a session has messages of a log up to target that are missing here.
func (c *Core) want(r *room, log wire.ID, target uint64, l *link) bool {
	w := r.wants[log]
	if w == nil {
		if len(r.wants) >= maxWants {
			return false
		}
		w = &want{log: log}
		r.wants[log] = w
		r.wantQueue = append(r.wantQueue, w)
	}
	w.target = max(w.target, target)
	i := slices.IndexFunc(w.sources, func(s source) bool { return s.l == l })
	switch {
	case i >= 0:
		w.sources[i].last = max(w.sources[i].last, target)
	case len(w.sources) < maxSources:
		w.sources = append(w.sources, source{l, target})
	}
	if w.pull == nil {
		r.planDue = true
		c.touch(r)
	}
	return true
}

// dropWant forgets a want.
func (c *Core) dropWant(r *room, log wire.ID) {
	w := r.wants[log]
	if w == nil {
		return
	}
	delete(r.wants, log)
	w.target = 0
	if w.pull == nil {
		r.wantQueue = slices.DeleteFunc(r.wantQueue, func(o *want) bool { return o == w })
	}
}

// missing is the part of a log to ask for next; first > last: nothing.
func (r *room) missing(w *want) (first, last uint64) {
	first, last = 1, w.target
	lg := r.logs[w.log]
	if lg == nil {
		return first, last
	}
	if first = lg.next(); lg.state == nil && r.openRoom {
		first = r.open.startOf(w.log)
	}
	last = min(last, lg.wantLimit())
	if len(lg.parked) > 0 && lg.parked[0].First > first && !r.openRoom {
		last = min(last, lg.parked[0].First-1)
	}
	if lg.blocked || lg.end != nil {
		last = 0
	}
	return first, last
}

// plan asks sessions for what is wanted: each log of one session at a time, shared
// out evenly among those that have it.
func (c *Core) plan(r *room) {
	if len(r.wantQueue) == 0 || r.failed {
		return
	}
	if wait := r.holdTill.Sub(c.now); wait > 0 {
		c.planLater(r, wait)
		return
	}
	type order struct {
		l     *link
		wants []*want
		msg   *wire.Pull
	}
	var orders []*order
	for _, l := range r.links {
		if l.p.pulls >= pullsPerSession {
			if !l.waits {
				l.waits = true
				l.p.waiting = append(l.p.waiting, l)
			}
			continue
		}
		if l.mayAsk && l.pulls < pullsPerPeer && !c.now.Before(l.holdUntil) {
			orders = append(orders, &order{l: l, msg: &wire.Pull{Ref: l.ref}})
		}
	}
	retry := time.Duration(0)
	rest := r.wantQueue[:0]
	for _, w := range r.wantQueue {
		first, last := r.missing(w)
		w.sources = slices.DeleteFunc(w.sources, func(s source) bool { return s.l.gone || !s.l.mayAsk || s.last < first }) // told of again when it may be asked
		if first > last || len(w.sources) == 0 {
			delete(r.wants, w.log)
			continue
		}
		var best *order
		for _, o := range orders {
			if len(o.wants) < maxWantsPerPull && (best == nil || len(o.wants) < len(best.wants)) &&
				slices.ContainsFunc(w.sources, func(s source) bool { return s.l == o.l }) {
				best = o
			}
		}
		if best == nil {
			rest = append(rest, w)
			for _, s := range w.sources {
				if d := s.l.holdUntil.Sub(c.now); d > 0 {
					retry = max(d, retry)
				}
			}
			continue
		}
		best.wants = append(best.wants, w)
		best.msg.Wants = append(best.msg.Wants, wire.Want{Log: w.log, First: first, Last: last})
	}
	clear(r.wantQueue[len(rest):])
	r.wantQueue = rest
	for _, o := range orders {
		if len(o.wants) > 0 {
			c.startPull(o.l, o.msg, &pull{wants: o.wants})
		}
	}
	if retry > 0 {
		c.planLater(r, retry)
	}
	c.finishSync(r)
}

// planWaiting lets rooms pull that waited for others on the same session, in turn.
func (c *Core) planWaiting() {
	for _, p := range c.freed {
		for p.pulls < pullsPerSession && len(p.waiting) > 0 {
			l := p.waiting[0]
			p.waiting = p.waiting[1:]
			l.waits = false
			if !l.gone {
				c.plan(l.r)
			}
		}
	}
	c.freed = c.freed[:0]
}

func (c *Core) planLater(r *room, wait time.Duration) {
	if r.planTimer {
		return
	}
	r.planTimer = true
	c.after(wait, func() {
		r.planTimer = false
		r.planDue = true
		c.touch(r)
	})
}

func (c *Core) startPull(l *link, m *wire.Pull, q *pull) {
	c.lastPull++
	c.stats.Pulls++
	q.key, q.l, q.progress = c.lastPull, l, c.now
	for _, w := range q.wants {
		w.pull = q
	}
	c.pulls[q.key] = q
	l.pulls++
	l.p.pulls++
	l.pulling = append(l.pulling, q)
	c.do(StartPull{Peer: l.p.key, Pull: q.key, Msg: m})
	c.watchPull(q, pullTimeout)
}

// watchPull gives up on a pull that brings nothing any more.
func (c *Core) watchPull(q *pull, wait time.Duration) {
	c.after(wait, func() {
		if c.pulls[q.key] != q {
			return
		}
		if left := q.progress.Add(pullTimeout).Sub(c.now); left > 0 {
			c.watchPull(q, left)
			return
		}
		c.do(CancelPull{Peer: q.l.p.key, Pull: q.key})
		c.endPull(q, true)
	})
}

func (c *Core) onPullEnd(ev *PullEnd) {
	if q := c.pulls[ev.Pull]; q != nil {
		c.endPull(q, ev.Err != nil)
	}
}

// endPull plans anew what a pull did not bring.
func (c *Core) endPull(q *pull, failed bool) {
	l, r := q.l, q.l.r
	delete(c.pulls, q.key)
	l.pulls--
	l.p.pulls--
	if len(l.p.waiting) > 0 && !l.p.gone {
		c.freed = append(c.freed, l.p)
	}
	l.pulling = slices.DeleteFunc(l.pulling, func(o *pull) bool { return o == q })
	if q.hunt != nil {
		c.huntEnded(q.hunt)
		return
	}
	if failed {
		l.holdUntil = c.now.Add(sourceHold)
	}
	for _, w := range q.wants {
		w.pull = nil
		if r.wants[w.log] != w {
			continue
		}
		if first, last := r.missing(w); first > last && (last == 0 || first > w.target) {
			delete(r.wants, w.log)
			continue
		}
		if q.got == 0 || !failed && !w.grew { // it does not have, or does not give, what it told
			w.sources = slices.DeleteFunc(w.sources, func(s source) bool { return s.l == l })
		}
		w.came, w.grew = false, false
		r.wantQueue = append(r.wantQueue, w)
	}
	r.planDue = true
	c.touch(r)
	c.finishSync(r)
}

// dropPulls ends the pulls on a link that is gone.
func (c *Core) dropPulls(l *link) {
	for _, q := range slices.Clone(l.pulling) {
		if !l.p.gone {
			c.do(CancelPull{Peer: l.p.key, Pull: q.key})
		}
		c.endPull(q, true)
	}
}

// pullsOf returns the pulls that run on a session.
func (c *Core) pullsOf(p *peer) (all []*pull) {
	for _, l := range p.links {
		all = append(all, l.pulling...)
	}
	return all
}

// onPullIn answers a request for runs, with what is durable and counts here.
func (c *Core) onPullIn(ev *PullIn) {
	p := c.peers[ev.Peer]
	if p == nil {
		return
	}
	l, known := p.link(ev.Msg.Ref)
	if !known || len(ev.Msg.Wants) > maxWantsPerPull {
		c.offend(p, "a request for runs out of bounds")
		return
	}
	if l == nil || l.right != SyncAll || l.r.failed {
		c.do(Refuse{Peer: p.key, Stream: ev.Stream, Err: wire.Errorf(wire.CodeRefused, "no right to this room's messages")})
		return
	}
	if !c.answers(l) {
		return
	}
	serve := Serve{Peer: p.key, Stream: ev.Stream, Room: l.r.id}
	for _, w := range ev.Msg.Wants {
		lg := l.r.logs[w.Log]
		if lg == nil || w.First == 0 || w.First > w.Last {
			continue
		}
		last, _ := lg.effective()
		serve.Hidden = append(serve.Hidden, lg.pinnedBeyond(w, last)...)
		w.Last = min(w.Last, last)
		if w.First = max(w.First, lg.floor+1); w.First <= w.Last {
			serve.Wants = append(serve.Wants, w)
		}
	}
	c.do(serve)
}
