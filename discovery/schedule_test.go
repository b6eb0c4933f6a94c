package discovery

import (
	"testing"
	"time"
)

var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// play runs a schedule until a time and returns when it sent what.
func play(s *schedule, until time.Time, fails func(time.Time) bool) (times []time.Duration, kinds []Kind) {
	now := epoch
	for range 10_000 {
		if wake := s.wake(); wake.IsZero() || wake.After(until) {
			break
		} else if wake.After(now) {
			now = wake
		}
		kind, ok := s.due(now)
		if !ok {
			continue
		}
		if fails != nil && fails(now) {
			s.failed(now)
			continue
		}
		s.sent(now, kind, 0.5)
		times, kinds = append(times, now.Sub(epoch)), append(kinds, kind)
	}
	return times, kinds
}

func TestANewLinkIsAnnouncedAtOnceThenRepeatedThenEvery30s(t *testing.T) {
	var s schedule
	s.restart(epoch)
	times, _ := play(&s, epoch.Add(70*time.Second), nil)
	want := []time.Duration{0, 250 * time.Millisecond, 750 * time.Millisecond, 1750 * time.Millisecond, 31750 * time.Millisecond, 61750 * time.Millisecond}
	if len(times) != len(want) {
		t.Fatalf("sent at %v, not %v", times, want)
	}
	for i := range want {
		if times[i] != want[i] {
			t.Errorf("sent at %v, not %v", times, want)
		}
	}
}

func TestAnnouncesVaryByAFifth(t *testing.T) {
	for _, c := range []struct {
		chance float64
		want   time.Duration
	}{{0, 24 * time.Second}, {0.5, 30 * time.Second}, {1, 36 * time.Second}} {
		s := schedule{burst: burstRepeats}
		s.sent(epoch, KindAnnounce, c.chance)
		if got := s.next.Sub(epoch).Round(time.Millisecond); got != c.want {
			t.Errorf("at chance %v the next announce is after %v, not %v", c.chance, got, c.want)
		}
	}
}

func TestAFailedSendIsTriedAgainSoonAndTheBurstIsNotSpent(t *testing.T) {
	var s schedule
	s.restart(epoch)
	ready := epoch.Add(1600 * time.Millisecond) // about what duplicate address detection takes
	times, _ := play(&s, epoch.Add(10*time.Second), func(now time.Time) bool { return now.Before(ready) })
	if len(times) != 4 || times[0] > 2*time.Second {
		t.Errorf("sent at %v: want a burst of 4 that begins within 2 s", times)
	}
}

func TestANewcomerIsAnsweredOnceASecondAtMost(t *testing.T) {
	s := schedule{burst: burstRepeats}
	s.restart(epoch)
	s.burst = burstRepeats
	play(&s, epoch, nil) // the announce
	var answers []time.Duration
	for ms := range 10_000 { // a newcomer each millisecond for 10 s
		now := epoch.Add(time.Duration(ms) * time.Millisecond)
		s.owe(now, 0.999)
		if kind, ok := s.due(now); ok {
			if kind != KindAnswer {
				t.Fatalf("kind %d at %v", kind, now.Sub(epoch))
			}
			s.sent(now, kind, 0.5)
			answers = append(answers, now.Sub(epoch))
		}
	}
	if len(answers) < 8 || len(answers) > 10 {
		t.Fatalf("%d answers in 10 s: %v", len(answers), answers)
	}
	if answers[0] > answerDelay {
		t.Errorf("the first answer came after %v", answers[0])
	}
	for i := 1; i < len(answers); i++ {
		if gap := answers[i] - answers[i-1]; gap < answerGap {
			t.Errorf("two answers within %v", gap)
		}
	}
}

func TestAnAnnounceServesAsTheAnswer(t *testing.T) {
	var s schedule
	s.restart(epoch)
	s.owe(epoch, 0.5)
	_, kinds := play(&s, epoch.Add(5*time.Second), nil)
	for _, k := range kinds {
		if k == KindAnswer {
			t.Errorf("sent %v: an answer beside the announces", kinds)
		}
	}
}

func TestAFlappingLinkStaysWithinItsAllowance(t *testing.T) {
	var s schedule
	sent := 0
	const seconds = 60
	for ms := range seconds * 1000 {
		now := epoch.Add(time.Duration(ms) * time.Millisecond)
		if ms%50 == 0 {
			s.stop()
			s.restart(now)
		}
		if kind, ok := s.due(now); ok {
			s.sent(now, kind, 0.5)
			sent++
		}
	}
	r := sendRate()
	if most := int(r.burst + r.perSecond*seconds); sent > most || sent < seconds/2 {
		t.Errorf("%d beacons in %d s, allowed %d", sent, seconds, most)
	}
}

func TestAStoppedScheduleSendsNothing(t *testing.T) {
	var s schedule
	s.owe(epoch, 0)
	s.restart(epoch)
	s.owe(epoch, 0)
	s.stop()
	if _, ok := s.due(epoch.Add(time.Hour)); ok || !s.wake().IsZero() {
		t.Error("it still sends")
	}
}

func TestABucketGivesItsBurstThenItsRate(t *testing.T) {
	var b bucket
	r := rate{burst: 3, perSecond: 2}
	taken := func(now time.Time) (n int) {
		for b.take(now, r) {
			n++
		}
		return n
	}
	if n := taken(epoch); n != 3 {
		t.Errorf("%d at once, not 3", n)
	}
	ready := b.ready(epoch, r)
	if wait := ready.Sub(epoch); wait < 500*time.Millisecond || wait > 501*time.Millisecond {
		t.Errorf("the next after %v, not 500 ms", wait)
	}
	if n := taken(ready); n != 1 {
		t.Errorf("%d when ready, not 1", n)
	}
	if n := taken(epoch.Add(time.Hour)); n != 3 {
		t.Errorf("%d after an hour, not 3", n)
	}
	if n := taken(epoch); n != 0 {
		t.Errorf("%d when the clock steps back", n)
	}
}

func TestAFullTableForgetsTheLongestUnused(t *testing.T) {
	l := newLRU[int, string](3)
	for i := range 3 {
		l.put(i, "x")
	}
	l.get(0)
	l.put(3, "y")
	if l.get(1) != nil || l.get(0) == nil || l.get(3) == nil || len(l.items) != 3 || l.order.Len() != 3 {
		t.Errorf("after the fourth entry the table holds %v", l.items)
	}
	l.put(3, "z")
	if *l.get(3) != "z" || len(l.items) != 3 {
		t.Error("an entry put again is not replaced in place")
	}
	l.drop(3)
	if l.get(3) != nil || l.order.Len() != 2 {
		t.Error("a dropped entry is still there")
	}
}
