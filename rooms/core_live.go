package rooms

import (
	"slices"

	"parley/wire"
)

// know notes that the other side has a log up to a message.
func (l *link) know(log wire.ID, last uint64) {
	var durable uint64
	if lg := l.r.logs[log]; lg != nil {
		durable, _ = lg.effective()
	}
	if last > durable {
		if a := l.ahead[log]; last > a && (a > 0 || len(l.ahead) < maxMarks) {
			if l.ahead == nil {
				l.ahead = make(map[wire.ID]uint64)
			}
			l.ahead[log] = last
		}
		last = durable
	}
	if last == 0 {
		return
	}
	m, lags := l.marks[log]
	switch {
	case last < durable || !l.base:
		if lags && m < last || !lags && !l.base && len(l.marks) < maxMarks {
			l.mark(log, last)
		}
	case lags:
		delete(l.marks, log)
	}
	if last >= durable {
		delete(l.announce, log)
	}
	l.r.placedDue = true
}

func (l *link) mark(log wire.ID, last uint64) {
	if l.marks == nil {
		l.marks = make(map[wire.ID]uint64)
	}
	l.marks[log] = last
}

// has reports whether the other side is known to have a message on its disk.
func (l *link) has(lg *logState, number uint64) bool {
	if l.ahead[lg.id] >= number {
		return true
	}
	if m, lags := l.marks[lg.id]; lags {
		return m >= number
	}
	return l.base && lg.durable >= number
}

// logDurable notes that a log has grown here: who is not known to have the new end is told.
func (l *link) logDurable(c *Core, lg *logState) {
	last, _ := lg.effective()
	had := lg.before
	if a, ahead := l.ahead[lg.id]; ahead {
		if a <= last {
			delete(l.ahead, lg.id)
		}
		if a >= last {
			delete(l.announce, lg.id)
			if l.base {
				delete(l.marks, lg.id)
			} else if len(l.marks) < maxMarks {
				l.mark(lg.id, last)
			}
			return
		}
		had = max(had, a)
	}
	if _, lags := l.marks[lg.id]; !lags && (l.base || l.tentative) {
		if len(l.marks) >= maxMarks {
			l.base, l.marks, l.announce = false, nil, nil
			c.stateSoon(l, stateDelay)
			return
		}
		l.mark(lg.id, had)
	}
	if lg.from == nil && l.gives() {
		c.stateSoon(l, 4*stateDelay)
		return // it is pushed
	}
	if l.announce == nil {
		l.announce = make(map[wire.ID]bool)
	}
	if len(l.announce) < maxMarks {
		l.announce[lg.id] = true
	}
	c.announceSoon(l)
}

// announceSoon lets heads gather, and then announces those that are still not known there.
func (c *Core) announceSoon(l *link) {
	if l.annTimer || l.gone {
		return
	}
	l.annTimer = true
	c.after(announceDelay, func() {
		l.annTimer = false
		if l.gone {
			return
		}
		if l.gives() && !l.r.failed {
			c.announce(l)
			l.announce = nil
		}
		c.stateSoon(l, 4*stateDelay)
	})
}

func (c *Core) announce(l *link) {
	m := &wire.Announce{Ref: l.ref}
	for _, id := range sortedIDs(l.announce) {
		lg := l.r.logs[id]
		if lg == nil {
			continue
		}
		last, link := lg.effective()
		if last == 0 || l.has(lg, last) {
			continue
		}
		m.Heads = append(m.Heads, wire.Head{Log: id, Floor: min(lg.floor, last), Last: last, Link: link})
		if len(m.Heads) == maxHeadsPerFrame {
			c.do(Send{Peer: l.p.key, Msg: m})
			m = &wire.Announce{Ref: l.ref}
		}
	}
	if len(m.Heads) > 0 {
		c.do(Send{Peer: l.p.key, Msg: m})
	}
}

func (c *Core) onAnnounce(l *link, m *wire.Announce) {
	if len(m.Heads) > maxHeadsPerFrame || !validHeads(m.Heads) {
		c.offend(l.p, "an announcement out of bounds")
		return
	}
	r := l.r
	if r.failed || r.asks(r.own) != SyncAll || l.right != SyncAll {
		return
	}
	for _, h := range m.Heads {
		c.sawHead(l, h, false)
		if lg := r.logs[h.Log]; lg != nil && lg.durable >= h.Last {
			l.acks = append(l.acks, lg)
		}
	}
	c.sendAcks(r)
	r.planDue = true
	c.touch(r)
}

func validHeads(heads []wire.Head) bool {
	for i := range heads {
		if heads[i].Last == 0 || heads[i].Floor > heads[i].Last {
			return false
		}
	}
	return true
}

// sawHead takes note of what the other side has of a log. It reports whether
// something of it is missing here and will be asked for.
func (c *Core) sawHead(l *link, h wire.Head, walked bool) bool {
	r := l.r
	l.know(h.Log, h.Last)
	lg := r.logs[h.Log]
	if r.openRoom && !c.wantsOpen(r, lg, &h, walked, l) {
		return false
	}
	if lg == nil {
		return c.want(r, h.Log, h.Last, l)
	}
	if lg.end != nil || lg.blocked {
		return false
	}
	target := min(h.Last, lg.wantLimit())
	if lg.fork != nil {
		target = max(min(target, lg.limit), lg.fork.wants(h.Last))
	}
	if s := lg.state; s != nil {
		if h.Last == s.Last && h.Link != s.Link && walked {
			return c.hunt(r, lg, l, h.Last)
		}
		if target <= s.Last {
			return false
		}
	}
	return c.want(r, h.Log, target, l)
}

// ackLog gathers an acknowledgement for the session that brought a log's runs.
func (l *link) ackLog(lg *logState) {
	if n := len(l.acks); n == 0 || l.acks[n-1] != lg {
		l.acks = append(l.acks, lg)
	}
}

// sendAcks sends what was gathered: up to where the logs are durable here.
func (c *Core) sendAcks(r *room) {
	for _, l := range r.links {
		if len(l.acks) == 0 {
			continue
		}
		logs := l.acks
		l.acks = nil
		if !l.mayAsk && l.right == SyncNone {
			continue
		}
		slices.SortFunc(logs, func(a, b *logState) int { return a.id.Compare(b.id) })
		logs = slices.Compact(logs)
		for len(logs) > 0 {
			n := min(len(logs), maxHeadsPerFrame)
			m := &wire.Ack{Ref: l.ref, Marks: make([]wire.Ref, 0, n)}
			for _, lg := range logs[:n] {
				m.Marks = append(m.Marks, wire.Ref{Log: lg.id, Number: lg.durable})
			}
			c.do(Send{Peer: l.p.key, Msg: m})
			logs = logs[n:]
		}
	}
}

func (c *Core) onAck(l *link, m *wire.Ack) {
	if len(m.Marks) > maxHeadsPerFrame {
		c.offend(l.p, "an acknowledgement out of bounds")
		return
	}
	for _, mark := range m.Marks {
		if l.r.logs[mark.Log] != nil {
			l.know(mark.Log, mark.Number)
		}
	}
	c.touch(l.r)
}

// pushRuns sends runs that were written here, and are durable now, to every session that has the room.
func (c *Core) pushRuns(r *room) {
	raws := r.push
	r.push = nil
	for len(raws) > 0 {
		n, size := 0, 0
		for n < len(raws) && n < wire.MaxRunsPerFrame && (n == 0 || size+len(raws[n]) <= pushBytes) {
			size += len(raws[n])
			n++
		}
		for _, l := range r.links {
			if l.gives() {
				c.do(SendLive{Peer: l.p.key, Ref: l.ref, Msg: &wire.Push{Ref: l.ref, Runs: raws[:n:n]}})
			}
		}
		raws = raws[n:]
	}
}

// onLiveDropped lets what was not pushed be announced instead.
func (c *Core) onLiveDropped(ev *LiveDropped) {
	p := c.peers[ev.Peer]
	if p == nil {
		return
	}
	l := p.refs[ev.Ref]
	if l == nil {
		return
	}
	if !l.base {
		c.stateSoon(l, stateDelay)
		return
	}
	if l.announce == nil {
		l.announce = make(map[wire.ID]bool)
	}
	for log := range l.marks {
		l.announce[log] = true
	}
	c.announceSoon(l)
}
