//go:build linux

package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestPoint9TwoShellsSendToOneRoomAtOnce(t *testing.T) {
	const lines = 5000
	s := newSite(t, "a", "b")
	s.room("ops")
	stdin := func(prefix string) *Process {
		return s.host(0).Spawn(nil, []string{Binary(t), "send", "ops", "--json"}, input(numbers(prefix, 1, lines)))
	}
	for _, p := range []*Process{stdin("one "), stdin("other ")} {
		if code := p.Wait(CommandWithin); code != 0 {
			t.Fatalf("%s: exit code %d: %s", p.name, code, p.Err.Tail(4<<10))
		}
		if got := p.Out.Lines(); got != lines {
			t.Errorf("%s: %d lines out for %d in", p.name, got, lines)
		}
	}
	Eventually(t, findWithin, "both on both hosts", func() error {
		for _, d := range s.daemons {
			for _, prefix := range []string{"one ", "other "} {
				if err := has(d.Host, "ops", prefix, lines); err != nil {
					return err
				}
			}
		}
		return identical("ops", s.daemons...)
	})
}

func TestPoint9AnEndlessPipeBlocksNobody(t *testing.T) {
	const within = 5 * time.Second // for a command's start, its turn and its end
	s := newSite(t, "a", "b")
	s.room("ops")
	stop, ended := make(chan struct{}), make(chan error, 1)
	f := s.host(0).feed("ops")
	go func() {
		_, err := f.steadily("endless ", time.Millisecond, stop)
		ended <- err
	}()
	Eventually(t, findWithin, "the pipe flows", func() error {
		if f.Out.Lines() == 0 {
			return fmt.Errorf("nothing acknowledged: %s", f.Err.Tail(1<<10))
		}
		return nil
	})
	for i := range 10 {
		start := time.Now()
		s.host(0).MustParley("send", "ops", fmt.Sprintf("beside %d", i+1))
		if took := time.Since(start); took > within {
			t.Errorf("a one-line send beside an endless pipe took %v", took)
		}
	}
	before := f.Out.Lines()
	Eventually(t, findWithin, "the pipe flows on", func() error {
		if f.Out.Lines() <= before {
			return fmt.Errorf("%d lines acknowledged, as before", before)
		}
		return nil
	})
	close(stop)
	if err := <-ended; err != nil {
		t.Fatalf("%v: %s", err, f.Err.Tail(4<<10))
	}
	f.finish()
	Eventually(t, findWithin, "all of both", func() error {
		for _, d := range s.daemons {
			if err := has(d.Host, "ops", "beside ", 10); err != nil {
				return err
			}
			if err := has(d.Host, "ops", "endless ", f.given()); err != nil {
				return err
			}
		}
		return identical("ops", s.daemons...)
	})
}

func TestPoint9WhatAKilledSendHadSignedIsSentOnceByTheNextOne(t *testing.T) {
	const (
		rounds = 5
		ahead  = 500 // lines given to a command whose daemon does not answer
	)
	s := newSite(t, "a", "b")
	s.room("ops")
	left := 0
	for round := range rounds {
		prefix, again := fmt.Sprintf("round %d line ", round), fmt.Sprintf("run again %d", round)
		f := killedUnanswered(t, s.daemons[0], prefix, ahead)
		said, err := f.acknowledged()
		if err != nil {
			t.Fatal(err)
		}
		// First what was left goes out, as it was signed, and then this.
		s.host(0).MustParley("send", "ops", "--replicas", "1", again)
		for _, d := range s.daemons {
			all, err := d.Host.History("ops")
			if err != nil {
				t.Fatal(err)
			}
			lines := texts(all, prefix)
			if len(lines) < len(said) || len(lines) > f.given() {
				t.Errorf("%v has %d lines, where %d were acknowledged and %d given", d, len(lines), len(said), f.given())
			}
			if err := isSequence(lines, prefix, len(lines)); err != nil {
				t.Errorf("%v: %v", d, err)
			}
			copies(t, d, again, 1)
			left += len(lines) - len(said)
		}
	}
	if left == 0 {
		t.Errorf("in none of %d rounds was anything signed and not acknowledged", rounds)
	}
	sound(s)
}

// killedUnanswered sends a stream of lines to a daemon that stops to answer in
// the midst of it, kills the command, and lets the daemon go on.
func killedUnanswered(t *testing.T, d *Daemon, prefix string, ahead int) *feed {
	t.Helper()
	stop, ended := make(chan struct{}), make(chan struct{})
	f := d.Host.feed("ops")
	go func() {
		defer close(ended)
		_, _ = f.steadily(prefix, 50*time.Microsecond, stop) // the error is that it was killed
	}()
	more := func(than int, of func() int) {
		t.Helper()
		Eventually(t, findWithin, "lines go on", func() error {
			if n := of(); n <= than {
				return fmt.Errorf("%d lines, not more than %d: %s", n, than, f.Err.Tail(1<<10))
			}
			return nil
		})
	}
	more(ahead, f.Out.Lines)
	d.Signal(syscall.SIGSTOP)
	more(f.given()+ahead, f.given)
	f.Kill()
	d.Signal(syscall.SIGCONT)
	close(stop)
	<-ended
	return f
}

func TestPoint9ASendWithAKeyKilledAtAnyMomentAndRunAgainIsOneMessage(t *testing.T) {
	const rounds = 30
	s := newSite(t, "a", "b")
	s.room("ops")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 9))
	start := time.Now()
	s.host(0).MustParley("send", "ops", "--key", "warm", "how long it takes")
	took := time.Since(start)
	killed := 0
	for i := range rounds {
		key, text := fmt.Sprintf("key-%d", i), fmt.Sprintf("message %d", i)
		p := s.host(0).SpawnParley([]string{"send", "ops", "--key", key, text})
		select {
		case <-p.Ended():
		case <-time.After(time.Duration(random.Int64N(int64(took)))):
			killed++
			p.Kill()
		}
		s.host(0).MustParley("send", "ops", "--key", key, text)
	}
	t.Logf("%d of %d were killed before they ended", killed, rounds)
	if killed == 0 {
		t.Error("no command was killed")
	}
	s.host(0).MustParley("send", "ops", "--replicas", "1", "the end")
	for _, d := range s.daemons {
		for i := range rounds {
			copies(t, d, fmt.Sprintf("message %d", i), 1)
		}
	}
	sound(s)
}

// copies fails the test unless a host has a message of this text so many times.
func copies(t *testing.T, d *Daemon, text string, want int) {
	t.Helper()
	all, err := d.Host.History("ops")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, m := range all {
		if m.Text == text {
			n++
		}
	}
	if n != want {
		t.Errorf("%v has %q %d times, want %d", d, text, n, want)
	}
}

// sound fails the test unless all hosts are identical and none knows of a fork.
func sound(s *site) {
	s.t.Helper()
	Eventually(s.t, findWithin, "all identical", func() error { return identical("ops", s.daemons...) })
	for _, d := range s.daemons {
		if out := d.Host.MustParley("room", "verify", "ops"); strings.Contains(out, "fork") {
			s.t.Errorf("%v: room verify: %s", d, out)
		}
	}
}
