package discovery

import "time"

// A schedule decides when one link sends which beacon. It holds no clock and no
// timer; its owner asks wake, waits, takes what is due and reports how it went.
// Chances are numbers in [0, 1) given by the owner.
type schedule struct {
	next       time.Time // of the next announce; zero: the link is not in use
	burst      int       // repeats of the first announce that are done
	answerAt   time.Time // of the answer owed; zero: none
	lastAnswer time.Time
	retry      time.Duration // the last wait after a failure; 0: the last send went well
	budget     bucket
}

// restart begins a burst: the link is new, or has a new address or socket.
func (s *schedule) restart(now time.Time) {
	s.next, s.burst, s.retry = now, 0, 0
}

// stop ends all sending until restart.
func (s *schedule) stop() {
	s.next, s.answerAt, s.retry = time.Time{}, time.Time{}, 0
}

// owe notes that a newcomer is to be answered.
func (s *schedule) owe(now time.Time, chance float64) {
	if s.next.IsZero() || !s.answerAt.IsZero() {
		return
	}
	s.answerAt = now.Add(time.Duration(chance * float64(answerDelay)))
	if !s.lastAnswer.IsZero() {
		s.answerAt = later(s.answerAt, s.lastAnswer.Add(answerGap))
	}
}

// wake returns when due is to be asked next; zero: not before restart.
func (s *schedule) wake() time.Time {
	if s.answerAt.IsZero() || s.next.Before(s.answerAt) {
		return s.next
	}
	return s.answerAt
}

// due returns the kind of beacon to send now, if any, and counts it against the
// link's allowance. Each true is followed by sent or failed.
func (s *schedule) due(now time.Time) (Kind, bool) {
	if wake := s.wake(); wake.IsZero() || wake.After(now) {
		return 0, false
	}
	kind := KindAnnounce
	if s.next.After(now) {
		kind = KindAnswer
	}
	if !s.budget.take(now, sendRate()) {
		ready := s.budget.ready(now, sendRate())
		s.next = later(s.next, ready)
		if !s.answerAt.IsZero() {
			s.answerAt = later(s.answerAt, ready)
		}
		return 0, false
	}
	return kind, true
}

// sent plans what comes after a beacon that went out.
func (s *schedule) sent(now time.Time, kind Kind, chance float64) {
	s.retry = 0
	s.answerAt = time.Time{} // a newcomer learns as much from an announce
	if kind == KindAnswer {
		s.lastAnswer = now
		return
	}
	if gaps := burstGaps(); s.burst < len(gaps) {
		s.next = now.Add(gaps[s.burst])
		s.burst++
		return
	}
	spread := 1 - announceJitter + 2*announceJitter*chance
	s.next = now.Add(time.Duration(spread * float64(announceInterval)))
}

// failed plans another try. An answer owed stays owed, by that announce.
func (s *schedule) failed(now time.Time) {
	s.retry = backOff(s.retry, retryFirst, retryLast)
	s.next = now.Add(s.retry)
	s.answerAt = time.Time{}
}

// backOff doubles a wait within its bounds.
func backOff(last, first, most time.Duration) time.Duration {
	return min(max(2*last, first), most)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
