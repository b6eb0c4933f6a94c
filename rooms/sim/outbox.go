package sim

import (
	"crypto/rand"
	"slices"
	"time"

	"parley/rooms"
	"parley/wire"
)

// An outbox is a writer's state in its home, as package client keeps it: how
// its log goes on, and the runs that the peer has not acknowledged.
type outbox struct {
	place       int
	peer        *Peer
	incarnation wire.ID // zero: no log was started
	salt        []byte
	signed      uint64
	link        wire.ID
	acked       uint64
	ackedLink   wire.ID
	heads       []wire.ID
	clock       uint64
	renew       bool // a new incarnation begins with the next run
	pending     []outgoing
}

// An outgoing run is signed and not acknowledged. plain says that the process which
// has its texts still lives.
type outgoing struct {
	*signed
	plain bool
}

func (s *seat) log() wire.ID {
	if s.out.incarnation.IsZero() {
		return wire.ID{}
	}
	return rooms.LogID(s.room, s.me(), s.out.incarnation)
}

// pump writes what there is to be written, as far as it can be by now.
func (s *seat) pump() {
	if !s.u.peer.up() || s.left || s.auth.Len() == 0 {
		return
	}
	if len(s.queue) == 0 && len(s.out.pending) == 0 {
		if s.leaves {
			s.leave()
		}
		return
	}
	if !s.met {
		s.meet()
		return
	}
	if len(s.out.pending) == 0 {
		s.behind = false
	}
	if s.behind || s.out.renew && len(s.out.pending) > 0 {
		return
	}
	for len(s.queue) > 0 && len(s.out.pending) < 4 {
		if !s.write() {
			return
		}
	}
}

// meet asks the peer for the head of the log, compares, and sends again what is pending.
func (s *seat) meet() {
	if s.meeting {
		return
	}
	s.meeting = true
	s.u.ask(&wire.WriterGet{Room: s.room, Log: s.log()}, func(r *rooms.Reply) {
		s.meeting = false
		head, ok := r.Msg.(*wire.Writer)
		if !ok {
			s.u.inSession(time.Second, func() { s.attach(s.pump) })
			return
		}
		s.met = true
		s.compare(head)
		for _, p := range s.out.pending {
			if s.u.w.plant == nil || !s.u.w.plant.silent {
				s.send(p.signed)
			}
		}
		s.pump()
	})
}

// compare decides from the peer's head how the log goes on.
func (s *seat) compare(head *wire.Writer) {
	o := &s.out
	s.behind = len(o.pending) > 0 && !o.pending[0].plain
	stale := slices.ContainsFunc(o.heads, func(id wire.ID) bool { return !s.auth.Has(id) })
	if o.signed == 0 || o.place != s.u.place || o.peer != s.u.peer || !s.follows(head) || stale {
		o.renew = true
	}
}

// follows reports whether the peer's head is one that this log has had since
// its last acknowledgement.
func (s *seat) follows(head *wire.Writer) bool {
	o := &s.out
	if head.Last == o.acked && (o.acked == 0 || head.Link == o.ackedLink) {
		return true
	}
	for _, p := range o.pending {
		if p.run.Last() == head.Last {
			return p.run.Hash == head.Link
		}
	}
	return false
}

// epochToWrite is the epoch for the next run: of several the one that the fewest
// outsiders can read.
func (s *seat) epochToWrite(heads []wire.ID) (*rooms.Entry, bool) {
	v := s.auth.Now()
	if !v.Role(s.me()).MayWrite() {
		return nil, false
	}
	var best *rooms.Entry
	least := 0
	for _, e := range s.auth.View(heads).Epochs() {
		if _, ok := s.keys[e.ID]; !ok {
			continue
		}
		if n := len(v.Outsiders(e)); best == nil || n < least {
			best, least = e, n
		}
	}
	return best, best != nil
}

// write signs and sends the next run. It reports whether it could.
func (s *seat) write() bool {
	o := &s.out
	if _, ok := s.epochToWrite(s.auth.Heads(s.me(), nil)); !ok {
		return false
	}
	if o.renew || o.signed == 0 {
		salt := make([]byte, 16)
		_, _ = rand.Read(salt)
		*o = outbox{place: s.u.place, peer: s.u.peer, salt: salt, clock: o.clock}
	}
	for _, id := range o.heads {
		if !s.auth.Has(id) {
			o.renew = true
			return len(o.pending) == 0 && s.write()
		}
	}
	heads := s.auth.Heads(s.me(), o.heads)
	epoch, ok := s.epochToWrite(heads)
	if !ok { // the log has seen an epoch that does not count any more
		o.renew = true
		return len(o.pending) == 0 && s.write()
	}
	n := min(len(s.queue), 3)
	texts := s.queue[:n:n]
	d := &rooms.RunDraft{
		Room: s.room, First: o.signed + 1, Prev: o.link, Epoch: epoch.ID, Heads: heads,
		Clock: rooms.NextClock(s.u.now(), o.clock, 0), Messages: messages(texts),
	}
	if d.First == 1 {
		d.Salt = o.salt
		o.incarnation = rooms.NewIncarnation(s.room, s.me(), o.salt, heads)
	}
	d.Incarnation = o.incarnation
	if w := s.u.w; w.plant != nil && w.plant.writer != nil {
		w.plant.writer(s, d)
	}
	run, err := rooms.SignRun(s.u.key, d)
	if err != nil {
		s.u.w.fail("BoundsHold", "%s cannot sign: %v", s.u.name, err)
		return false
	}
	s.queue = s.queue[n:]
	p := outgoing{s.u.w.history.wrote(s.u, run, texts), true}
	o.pending = append(o.pending, p)
	o.signed, o.link, o.heads, o.clock = run.Last(), run.Hash, run.Heads, run.Clock
	s.send(p.signed)
	return true
}

// messages are bodies that stand for texts: what is in them nobody here reads.
func messages(texts []int) (list [][]byte) {
	for range texts {
		m := make([]byte, 16+16+32)
		_, _ = rand.Read(m)
		list = append(list, m)
	}
	return list
}

func (s *seat) send(p *signed) {
	m := &wire.Append{Room: s.room, Runs: [][]byte{p.run.Raw}}
	if s.append == 0 || s.u.peer.waiting[s.append] == nil {
		s.append, s.refusal = s.u.ask(m, s.answered), nil
		return
	}
	s.u.tell(s.append, m)
}

// answered takes what the peer answers on the stream of appends.
func (s *seat) answered(r *rooms.Reply) {
	if r.Err != nil {
		s.append, s.met = 0, false
		s.u.inSession(time.Second, func() {
			if s.belongs() {
				s.attach(s.pump)
			}
		})
		return
	}
	switch m := r.Msg.(type) {
	case *wire.Appended:
		if m.Log == s.log() {
			s.durable(m.Last)
		}
	case *wire.AppendRefused:
		if s.refusal == nil || m.First < s.refusal.First {
			s.refusal = m
		}
	}
	if m := s.refusal; m != nil && m.Log == s.log() && len(s.out.pending) > 0 {
		if s.out.pending[0].run.First >= m.First {
			s.refused(m) // goes on later
			return
		}
		s.behind = true // what came before it may still be acknowledged
	}
	s.pump()
}

// durable takes note of runs that the peer has made durable.
func (s *seat) durable(last uint64) {
	o := &s.out
	for len(o.pending) > 0 && o.pending[0].run.Last() <= last {
		p := o.pending[0]
		o.pending = o.pending[1:]
		o.acked, o.ackedLink = p.run.Last(), p.run.Hash
		s.attempts = 0
		if !p.acked {
			p.acked, p.at = true, s.u.peer
			s.u.w.totals.Acked += p.run.Count()
			if w := s.u.w; w.plant != nil && w.plant.repeats {
				s.queue = append(s.queue, p.texts...)
			}
		}
	}
}

// refused decides what becomes of runs that the peer did not take.
func (s *seat) refused(m *wire.AppendRefused) {
	w := s.u.w
	w.say("%s is refused %d of %s: %s", s.u.name, m.First, m.Log.Short(), m.Text)
	w.history.refused = append(w.history.refused, refusal{s.u, s.out.pending[0].signed, m.Code, m.Text})
	s.u.gone(s.append)
	s.append, s.met = 0, false
	switch m.Code {
	case wire.CodeBusy, wire.CodeRateLimited, wire.CodeStorage:
		s.u.inSession(2*time.Second, s.pump)
	case wire.CodePending, wire.CodeNotFound:
		s.attempts++
		switch {
		case s.attempts <= 3:
		case s.out.renew: // another peer's log, which this one cannot go on with
			s.giveUpLog(m)
		default: // told as an error; what is pending goes out before what is written next
			s.attempts = 0
		}
		s.u.inSession(time.Second, func() { s.attach(s.pump) })
	default:
		s.attempts++
		s.giveUpLog(m)
		s.u.inSession(10*time.Millisecond, s.pump)
	}
}

// giveUpLog drops what was refused for good. What this process has the texts of is
// written again in a new log, unless a new log was refused as well.
func (s *seat) giveUpLog(m *wire.AppendRefused) {
	var again []int
	for _, p := range s.out.pending {
		if p.plain {
			again = append(again, p.texts...)
		}
	}
	s.out = outbox{clock: s.out.clock}
	if m.Code != wire.CodeConflict && s.attempts >= 2 || s.attempts > 3 {
		s.gave = append(s.gave, again...)
		s.attempts = 0
		return
	}
	s.queue = append(again, s.queue...)
}
