//go:build linux

package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

const (
	kills      = 30
	lineEvery  = 2 * time.Millisecond
	killMoment = 400 * time.Millisecond // a kill comes at a random moment within this
)

func TestPoint4KillingAnythingAtAnyMomentLosesAndDoublesNothing(t *testing.T) {
	s := newSite(t, "a", "b", "c")
	s.room("ops")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 4))

	c := &crowd{s: s}
	for i := range kills {
		c.sendFor(time.Duration(random.Int64N(int64(killMoment))))
		switch i % 3 {
		case 0: // the sender's peer
			s.daemons[0].Kill()
			s.daemons[0] = s.daemons[0].Again()
		case 1: // a receiver's peer
			s.daemons[1].Kill()
			s.daemons[1] = s.daemons[1].Again()
		case 2: // the sending command
			c.last().Kill()
		}
	}
	c.sendFor(killMoment)
	c.end()

	s.host(0).MustParley("send", "ops", "the end") // takes along what a killed command left
	Eventually(t, time.Minute, "all hosts identical", func() error { return identical("ops", s.daemons...) })
	acknowledged, lines := 0, 0
	for _, d := range s.daemons {
		all, err := d.Host.History("ops")
		if err != nil {
			t.Fatal(err)
		}
		byText := make(map[string][]Message, len(all))
		for _, m := range all {
			byText[m.Text] = append(byText[m.Text], m)
		}
		acknowledged, lines = c.judge(t, d, byText)
		if out := d.Host.MustParley("room", "verify", "ops"); strings.Contains(out, "fork") {
			t.Errorf("%v: room verify: %s", d, out)
		}
	}
	if acknowledged < kills {
		t.Errorf("only %d lines were acknowledged in %d kills: the test did not send steadily", acknowledged, kills)
	}
	t.Logf("%d of %d lines were acknowledged, by %d commands", acknowledged, lines, len(c.feeds))
}

// A crowd is the sending commands, one after the other, that were given lines.
type crowd struct {
	s     *site
	feeds []*feed
	stops []chan struct{}
	ended []chan struct{}
}

// last is the command that is running, or was the last to run.
func (c *crowd) last() *feed { return c.feeds[len(c.feeds)-1] }

// sendFor sends for so long; a command that ended is followed by another.
func (c *crowd) sendFor(d time.Duration) {
	c.s.t.Helper()
	over := time.After(d)
	for {
		if len(c.feeds) == 0 || !c.last().Running() {
			c.start()
		}
		select {
		case <-over:
			return
		case <-c.last().Ended():
		}
	}
}

func (c *crowd) start() {
	c.s.t.Helper()
	f, stop, ended := c.s.host(0).feed("ops"), make(chan struct{}), make(chan struct{})
	prefix := fmt.Sprintf("command %d line ", len(c.feeds)+1)
	go func() {
		defer close(ended)
		_, _ = f.steadily(prefix, lineEvery, stop) // the error is that it was killed
	}()
	c.feeds, c.stops, c.ended = append(c.feeds, f), append(c.stops, stop), append(c.ended, ended)
}

// end stops the writers; the last command has to come to a good end.
func (c *crowd) end() {
	c.s.t.Helper()
	for i := range c.feeds {
		close(c.stops[i])
		<-c.ended[i]
	}
	c.last().finish()
}

// judge holds what a host shows against what the commands said.
func (c *crowd) judge(t *testing.T, d *Daemon, byText map[string][]Message) (acknowledged, lines int) {
	t.Helper()
	for _, f := range c.feeds {
		said, err := f.acknowledged()
		if err != nil {
			t.Fatal(err)
		}
		acknowledged += len(said)
		lines += f.given()
		for _, line := range f.lines {
			shown := byText[line]
			if len(shown) > 1 {
				t.Errorf("%v shows %q %d times", d, line, len(shown))
			}
			sent, ok := said[line]
			switch {
			case !ok: // not acknowledged: once or not at all
			case len(shown) == 0:
				t.Errorf("%v has lost %q, which was acknowledged as %+v", d, line, sent)
			case shown[0].ID != sent.ID || shown[0].Log != sent.Log || shown[0].Seq != sent.Seq:
				t.Errorf("%v shows %q as %+v, it was acknowledged as %+v", d, line, shown[0], sent)
			}
		}
	}
	return acknowledged, lines
}
