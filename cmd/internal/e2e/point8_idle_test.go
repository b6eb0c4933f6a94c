//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// endsWithin is the promise for SIGTERM under load.
const endsWithin = 2 * time.Second

func TestPoint8SIGTERMUnderLoadEndsCleanWithinTwoSeconds(t *testing.T) {
	s := newSite(t, "a", "b")
	s.room("ops")
	stop, ended := make(chan struct{}), make(chan struct{})
	tails := []*Process{s.host(0).follow("ops"), s.host(1).follow("ops")}
	f := s.host(0).feed("ops")
	go func() {
		defer close(ended)
		_, _ = f.steadily("", time.Millisecond, stop) // the error is that the daemon went away
	}()
	for _, tail := range tails {
		Eventually(t, findWithin, "the load is there", func() error { return showsText(tail, "200") })
	}
	took := s.daemons[0].Terminate()
	if code := s.daemons[0].cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d after SIGTERM: %s", code, s.daemons[0].Err.Tail(4<<10))
	}
	if took >= endsWithin {
		t.Errorf("SIGTERM under load took %v, the bound is %v", took, endsWithin)
	}
	t.Logf("SIGTERM under load took %v", took)
	close(stop)
	<-ended
	// What was acknowledged is there when it is started again.
	f.close()
	s.daemons[0] = s.daemons[0].Again()
	f.Wait(CommandWithin)
	said, err := f.acknowledged()
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.host(0).History("ops")
	if err != nil {
		t.Fatal(err)
	}
	held := make(map[string]int)
	for _, m := range all {
		held[m.ID]++
	}
	for line, sent := range said {
		if held[sent.ID] != 1 {
			t.Errorf("%q was acknowledged and is there %d times", line, held[sent.ID])
		}
	}
	Eventually(t, findWithin, "both identical again", func() error { return identical("ops", s.daemons...) })
}

func TestPoint8NoGoroutineStaysBehindWhatCameAndWent(t *testing.T) {
	s := newSite(t, "a", "b")
	s.room("ops")
	s.host(0).MustParley("send", "ops", "--replicas", "1", "first")
	settled := goroutines(t, s.host(0))
	for range 5 {
		tails := []*Process{s.host(0).follow("ops"), s.host(0).follow("lobby")}
		s.host(0).MustParleyInput(numbers("", 1, 2000), "send", "ops")
		s.daemons[1].Kill()
		s.daemons[1] = s.daemons[1].Again()
		Eventually(t, findWithin, "connected again", func() error { return connected(s.daemons...) })
		for _, tail := range tails {
			tail.Kill()
		}
	}
	// A goroutine that ends with its session ends a moment after it.
	Eventually(t, findWithin, "as many goroutines as before", func() error {
		if now := goroutines(t, s.host(0)); now > settled {
			return fmt.Errorf("%d goroutines, %d before", now, settled)
		}
		return nil
	})
}

// goroutines is how many the daemon has, with those of the asking session.
func goroutines(t *testing.T, h *Host) int {
	t.Helper()
	var status struct {
		Goroutines int `json:"goroutines"`
	}
	if err := json.Unmarshal([]byte(h.MustParley("status", "--json")), &status); err != nil {
		t.Fatal(err)
	}
	if status.Goroutines == 0 {
		t.Fatal("status does not tell the number of goroutines")
	}
	return status.Goroutines
}
