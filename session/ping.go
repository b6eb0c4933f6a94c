package session

import (
	"time"

	"parley/wire"
)

// pings is a session's liveness and round-trip time. The session's mu guards it.
type pings struct {
	timer *time.Timer

	owed   uint64 // sequence number of the newest Ping to be answered
	answer bool

	seq     uint64    // of our newest Ping
	due     bool      // it is to be sent
	sentAt  time.Time // when it became due; zero: it is answered
	lastAt  time.Time
	missed  int    // pings sent since anything arrived
	arrived uint64 // bytes received at the last look
	rtt     time.Duration
}

// startPings starts the timer that looks after the session.
func (s *Session) startPings() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ping()
	s.pings.timer = time.AfterFunc(pingInterval, s.look)
}

// look ends a session on which nothing has arrived through several intervals,
// not even the answers to pings, and pings one that is silent.
func (s *Session) look() {
	if s.dead() {
		s.conn.Close()
	}
}

func (s *Session) dead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.pings
	if s.over || s.closing {
		return false
	}
	arrived := s.conn.recv.bytes.Load()
	switch {
	case arrived != p.arrived:
		p.arrived, p.missed = arrived, 0
		if p.sentAt.IsZero() && time.Since(p.lastAt) >= rttInterval {
			s.ping()
		}
	case p.missed == missedPings:
		s.end(&wire.Error{Code: wire.CodeTimeout, Cause: ErrTimeout})
		s.closed = true // nothing more is sent
		return true
	default:
		p.missed++
		s.ping()
	}
	p.timer.Reset(pingInterval)
	return false
}

func (s *Session) ping() {
	p := &s.pings
	p.seq++
	p.due = true
	p.sentAt = time.Now()
	p.lastAt = p.sentAt
	s.kick()
}

func (p *pings) owe(seq uint64) { p.owed, p.answer = seq, true }

// answered takes the round-trip time from the answer to our newest ping,
// smoothed as in RFC 6298 section 2.
func (p *pings) answered(seq uint64) {
	if seq != p.seq || p.sentAt.IsZero() {
		return
	}
	sample := max(time.Since(p.sentAt), 1)
	p.sentAt = time.Time{}
	if p.rtt == 0 {
		p.rtt = sample
		return
	}
	p.rtt += (sample - p.rtt) / 8
}

func (s *Session) fillPings(dst []byte) []byte {
	p := &s.pings
	if p.answer {
		p.answer = false
		dst = s.appendControl(dst, &wire.Pong{Seq: p.owed})
	}
	if p.due {
		p.due = false
		dst = s.appendControl(dst, &wire.Ping{Seq: p.seq})
	}
	return dst
}

func (p *pings) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// RTT is the smoothed round-trip time; 0 until it is known.
func (s *Session) RTT() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pings.rtt
}
