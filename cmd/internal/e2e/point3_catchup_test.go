//go:build linux

package e2e

import (
	"fmt"
	"testing"
	"time"
)

func TestPoint3ALateJoinerGetsEverythingAndAReturningHostGetsTheDifference(t *testing.T) {
	const history, missed = 20_000, 1_000
	s := newSite(t, "a", "b")
	s.room("ops")
	s.host(0).MustParleyInput(numbers("", 1, history), "send", "ops", "--replicas", "1")

	late := s.add("late")
	Eventually(t, findWithin, "the late host connected", func() error { return connected(s.daemons...) })
	if got := late.Host.MustParley("room", "join", s.invite("ops", 1)); got != "ops" {
		t.Fatalf("room join prints %q", got)
	}
	// The join waited for the first sync.
	if err := has(late.Host, "ops", "", history); err != nil {
		t.Fatal(err)
	}
	full := traffic(t, late)
	t.Logf("a late joiner received %d bytes for %d messages", full, history)

	late.Quit()
	s.host(0).MustParleyInput(numbers("", history+1, history+missed), "send", "ops", "--replicas", "1")
	late = late.Again()
	s.daemons[2] = late
	took := Eventually(t, findWithin, "what was missed is there", func() error { return has(late.Host, "ops", "", history+missed) })
	diff := traffic(t, late)
	t.Logf("a returning host received %d bytes for %d messages after %v", diff, missed, took)
	// In proportion, with as much again and 16 KiB for both sessions' greetings
	// and pings.
	if most := 2*full*missed/history + 16<<10; diff > most {
		t.Errorf("%d bytes for %d missed messages, where %d bytes brought %d: more than %d", diff, missed, full, history, most)
	}
	if err := identical("ops", s.daemons...); err != nil {
		t.Error(err)
	}
}

// traffic is what a daemon has received over its sessions.
func traffic(t *testing.T, d *Daemon) (received uint64) {
	t.Helper()
	peers, err := d.Host.Peers()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range peers {
		received += p.Received
	}
	return received
}

func TestPoint3AReconnectWithNothingNewIsCheap(t *testing.T) {
	const (
		further      = 10
		oneRoom      = 1 << 10 // bytes, both ways together
		eachFurther  = 64
		settledAfter = time.Second // of the session; pings are in it, and paid for
	)
	s := newSite(t, "a", "b")
	s.room("ops")
	s.host(0).MustParleyInput(numbers("", 1, 100), "send", "ops", "--replicas", "1")

	// reconnect ends b and starts it again, and returns the bytes that the new
	// session cost once both know that all rooms are in step.
	reconnect := func(rooms uint64) uint64 {
		t.Helper()
		s.daemons[1].Quit()
		s.daemons[1] = s.daemons[1].Again()
		var session Peer
		Eventually(t, findWithin, fmt.Sprintf("%d rooms open", rooms), func() (err error) {
			session, err = s.host(1).Session(s.daemons[0].ID)
			if err == nil && session.Rooms != rooms {
				err = fmt.Errorf("%d rooms of %d are open", session.Rooms, rooms)
			}
			return err
		})
		<-time.After(settledAfter)
		session, err := s.host(1).Session(s.daemons[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		return session.Sent + session.Received
	}

	reconnect(2) // the first may still have something to tell
	few := reconnect(2)
	if few >= oneRoom {
		t.Errorf("a reconnect with the lobby and one room in step cost %d bytes, the bound is %d", few, oneRoom)
	}
	for i := range further {
		s.room(fmt.Sprintf("further-%d", i))
	}
	reconnect(2 + further)
	many := reconnect(2 + further)
	t.Logf("a reconnect cost %d bytes with one room and the lobby, %d with %d further rooms", few, many, further)
	if each := (float64(many) - float64(few)) / further; each >= eachFurther {
		t.Errorf("each further room in step cost %.1f bytes, the bound is %d", each, eachFurther)
	}
}
