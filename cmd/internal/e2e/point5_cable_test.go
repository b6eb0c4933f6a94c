//go:build linux

package e2e

import (
	"fmt"
	"testing"
	"time"
)

func TestPoint5AHostOffTheBridgeForTwentySecondsGoesOnWithinFive(t *testing.T) {
	const (
		away    = 20 * time.Second
		noticed = 5 * time.Second // a dead session
		goesOn  = 5 * time.Second // both directions, by themselves
		every   = 20 * time.Millisecond
	)
	s := newSite(t, "a", "b")
	s.room("ops")
	// Both send all the while, and both read.
	stop := make(chan struct{})
	var feeds []*feed
	var tails []*Process
	written := make(chan string, len(s.daemons))
	for _, d := range s.daemons {
		f := d.Host.feed("ops")
		feeds, tails = append(feeds, f), append(tails, d.Host.follow("ops"))
		go func() {
			n, err := f.steadily(d.Host.Name+" ", every, stop)
			if err != nil {
				written <- fmt.Sprintf("%v after %d lines: %v", d, n, err)
				return
			}
			written <- ""
		}()
	}
	both := func(text func(from *Daemon) string) func() error {
		return func() error {
			for i, tail := range tails {
				if err := showsText(tail, text(s.daemons[1-i])); err != nil {
					return err
				}
			}
			return nil
		}
	}
	Eventually(t, findWithin, "the first lines on the other side", both(func(from *Daemon) string { return from.Host.Name + " 1" }))

	s.host(1).Detach()
	off := time.Now()
	took := Eventually(t, noticed, "both have noticed", func() error {
		if err := disconnected(s.daemons[0], s.daemons[1]); err != nil {
			return err
		}
		return disconnected(s.daemons[1], s.daemons[0])
	})
	t.Logf("both noticed after %v", took)
	<-time.After(away - time.Since(off))

	s.host(1).Attach()
	// What each sends from now on has to reach the other.
	marks := make(map[*Daemon]string)
	for i, d := range s.daemons {
		marks[d] = fmt.Sprintf("%s %d", d.Host.Name, feeds[i].given()+1)
	}
	took = Eventually(t, goesOn, "both directions go on", both(func(from *Daemon) string { return marks[from] }))
	t.Logf("both directions went on after %v", took)

	close(stop)
	for range feeds {
		if complaint := <-written; complaint != "" {
			t.Error(complaint)
		}
	}
	for _, f := range feeds {
		f.finish()
	}
	// Nothing of the time in between is missing, doubled or out of order.
	Eventually(t, findWithin, "all lines of both on both", func() error {
		for _, tail := range tails {
			messages, err := shown(tail)
			if err != nil {
				return err
			}
			for i, d := range s.daemons {
				prefix := d.Host.Name + " "
				if err := isSequence(texts(messages, prefix), prefix, feeds[i].given()); err != nil {
					return fmt.Errorf("%s: lines of %v: %w", tail.name, d, err)
				}
			}
		}
		return nil
	})
}
