//go:build linux

package e2e

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
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
			if err := has(d.Host, "ops", "endless ", len(f.lines)); err != nil {
				return err
			}
		}
		return identical("ops", s.daemons...)
	})
}

func TestPoint9ASendKilledBetweenSigningAndAcknowledgementIsSentByTheNextOne(t *testing.T) {
	s := newSite(t, "a", "b")
	s.room("ops")
	f := s.host(0).feed("ops")
	if err := f.write("before"); err != nil {
		t.Fatal(err)
	}
	Eventually(t, findWithin, "an acknowledgement", func() error {
		if f.Out.Lines() != 1 {
			return fmt.Errorf("%d lines: %s", f.Out.Lines(), f.Err.Tail(1<<10))
		}
		return nil
	})
	// The session is there, and now the daemon does not answer.
	unsigned := fingerprint(t, s.host(0).Folder("user"))
	s.daemons[0].Signal(syscall.SIGSTOP)
	if err := f.write("in the balance"); err != nil {
		t.Fatal(err)
	}
	Eventually(t, findWithin, "the outbox is written", func() error {
		if fingerprint(t, s.host(0).Folder("user")) == unsigned {
			return fmt.Errorf("nothing changed in the user's folder: %s", f.Err.Tail(1<<10))
		}
		return nil
	})
	f.Kill()
	if n := f.Out.Lines(); n != 1 {
		t.Fatalf("it was acknowledged by a daemon that was stopped: %s", f.Out.String())
	}
	s.daemons[0].Signal(syscall.SIGCONT)
	// The next command first sends what was left, once, and then its own message.
	s.host(0).MustParley("send", "ops", "--replicas", "1", "in the balance")
	for _, d := range s.daemons {
		copies(t, d, "in the balance", 2)
	}
	sound(s)
}

func TestPoint9ASendWithAKeyKilledAtAnyMomentAndRunAgainIsOneMessage(t *testing.T) {
	const rounds, moment = 15, 200 * time.Millisecond // in which such a command runs
	s := newSite(t, "a", "b")
	s.room("ops")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 9))
	killed := 0
	for i := range rounds {
		key, text := fmt.Sprintf("key-%d", i), fmt.Sprintf("message %d", i)
		p := s.host(0).SpawnParley([]string{"send", "ops", "--key", key, text})
		select {
		case <-p.Ended():
		case <-time.After(time.Duration(random.Int64N(int64(moment)))):
			killed++
			p.Kill()
		}
		s.host(0).MustParley("send", "ops", "--key", key, text)
	}
	t.Logf("%d of %d were killed before they ended", killed, rounds)
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

// fingerprint is a hash of every file in a folder.
func fingerprint(t *testing.T, folder string) [32]byte {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			return nil // replaced meanwhile
		}
		fmt.Fprintf(h, "%s %d\n%s", name, len(content), content)
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return [32]byte(h.Sum(nil))
}
