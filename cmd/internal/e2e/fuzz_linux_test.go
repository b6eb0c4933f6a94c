package e2e

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fuzzFor is how long the daemon is fuzzed; 10m is what Parley promises.
var fuzzFor = flag.Duration("fuzz.for", time.Minute, "how long the daemon is fuzzed as each role at once")

const (
	// fuzzRate is how many episodes a second are played in all: most of what two processors can do
	// beside the daemon and its honest users, whose own share is what is measured.
	fuzzRate = 20

	// fuzzQuiet is how long honest users are measured before anybody fuzzes.
	fuzzQuiet = 5 * time.Second

	// slower is how much slower the slowest hundredth of honest messages may be at the daemon that is fuzzed than at
	// one that is not, in the same time on the same machine: its other programs slow both.
	slower = 5
)

func TestFuzzingAsEachRoleNeitherEndsNorSlowsADaemonAndHonestUsersLoseNothing(t *testing.T) {
	harness := Harness(t)
	s := &site{t: t, lab: New(t)}
	server, users, link := s.serve("ada", "bob", "cem")
	// What the machine does beside it shows in a daemon that nobody fuzzes, with as many users.
	twin := &site{t: t, lab: s.lab}
	_, others, _ := twin.serve("dot", "eve", "fay")
	wait := func(d time.Duration) {
		select {
		case <-time.After(d):
		case <-server.Ended():
			t.Fatalf("the daemon has ended: %s", server.Err.Tail(8<<10))
		}
	}
	wait(time.Second) // the first messages are slower
	from := time.Now()
	wait(fuzzQuiet)
	before := latencies(users, from, time.Now())

	attacker := s.lab.Host("attacker", HostOpts{})
	out := t.TempDir()
	fuzz := func(seed int, args ...string) *Process {
		args = append([]string{
			harness, "fuzz", server.Endpoint(), "--network-secret-file", s.secret, "--peer-id", server.ID, "--for", fuzzFor.String(),
			"--seed", strconv.Itoa(seed), "--rate", strconv.Itoa(fuzzRate / 2), "--out", filepath.Join(out, strconv.Itoa(seed)), "--json",
		}, args...)
		return attacker.Spawn(nil, args)
	}
	from = time.Now()
	attacks := []*Process{fuzz(1), fuzz(2, "--role", "member", "--invite", link)}
	for _, p := range attacks {
		select {
		case <-p.Ended():
		case <-server.Ended():
			t.Fatalf("the daemon has ended: %s", server.Err.Tail(8<<10))
		case <-time.After(*fuzzFor + 2*time.Minute):
			t.Fatalf("it does not end: %s", p.Err.Tail(4<<10))
		}
	}
	fuzzed, quiet := latencies(users, from, time.Now()), latencies(others, from, time.Now())
	for _, p := range attacks {
		if code := p.Wait(StopWithin); code != 0 {
			t.Errorf("%s: exit code %d: %s%s", p.name, code, p.Out, p.Err.Tail(4<<10))
		}
		for _, r := range MustLines[struct {
			File     string
			Episodes int
		}](t, p.Out.String()) {
			if r.File != "" {
				script, _ := os.ReadFile(r.File)
				t.Errorf("%s:\n%s", r.File, script)
			}
			if r.File == "" && r.Episodes < int(fuzzFor.Seconds()) {
				t.Errorf("%d episodes in %v", r.Episodes, *fuzzFor)
			}
		}
		t.Logf("%s", strings.TrimSpace(p.Out.String()))
	}
	for _, u := range users {
		u.quit()
		u.feed.finish()
	}
	// Everybody has everything, once and in order.
	for _, reader := range users {
		for _, writer := range users {
			Eventually(t, findWithin, "all that was written is shown", func() error {
				return isSequence(reader.texts(writer.prefix()), writer.prefix(), writer.feed.given())
			})
		}
	}
	if peak := server.ResidentPeak(); peak >= maxPeak {
		t.Errorf("the daemon had %d KiB resident, the bound is %d", peak>>10, maxPeak>>10)
	}
	t.Logf("%d messages to others while it was fuzzed: p50 %v, p99 %v; beside it, at a daemon that was not: %v and %v; before: %v and %v; %d KiB resident at the most",
		len(fuzzed), percentile(fuzzed, 50), percentile(fuzzed, 99), percentile(quiet, 50), percentile(quiet, 99),
		percentile(before, 50), percentile(before, 99), server.ResidentPeak()>>10)
	if q, f := percentile(quiet, 99), percentile(fuzzed, 99); f > slower*q {
		t.Errorf("the slowest hundredth took %v or more, and %v where it was quiet", f, q)
	}
	for _, line := range strings.Split(server.Err.String(), "\n") {
		if strings.Contains(line, `"level":"ERROR"`) {
			t.Errorf("the daemon's log: %s", line)
		}
	}
	server.Quit()
}

// percentile is the value below which so many of a hundred lie.
func percentile(all []time.Duration, p int) time.Duration { return all[(len(all)-1)*p/100] }

// A remoteUser is a user that runs no daemon, but is served by one on another host.
type remoteUser struct {
	*Host
	at   []string // flags
	feed *feed
	tail *Process
	quit func() // write no more

	mu      sync.Mutex
	written map[string]time.Time // texts of its own
	shown   []shownText          // of everybody
}

type shownText struct {
	text string
	at   time.Time
}

// serve starts a daemon that serves users on hosts of their own, who talk in a room. The link admits one more.
func (s *site) serve(names ...string) (server *Daemon, users []*remoteUser, link string) {
	server = s.add("server", "--users", "any")
	for _, name := range names {
		users = append(users, s.user(name, server))
	}
	users[0].must("room", "create", "ops")
	link = users[0].must("room", "invite", "ops", "--uses", strconv.Itoa(len(names)))
	for _, u := range users[1:] {
		u.must("room", "join", link)
	}
	for _, u := range users {
		u.talk("ops")
	}
	return server, users, link
}

// user makes a user of a server on a host of its own.
func (s *site) user(name string, server *Daemon) *remoteUser {
	h := s.lab.Host(name, HostOpts{})
	return &remoteUser{
		Host: h, written: map[string]time.Time{},
		at: []string{"--daemon", server.Endpoint(), "--daemon-id", server.ID, "--network-secret-file", s.secret},
	}
}

func (u *remoteUser) must(args ...string) string { return u.MustParley(append(args, u.at...)...) }

func (u *remoteUser) prefix() string { return u.Name + " says " }

// talk writes a line each 100 ms from now on, until quit, and follows what is written.
func (u *remoteUser) talk(room string) {
	u.t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { out.Close() })
	u.tail = u.SpawnParley(append([]string{"tail", room, "--all", "-f", "--json"}, u.at...), func(c *exec.Cmd) { c.Stdout = in })
	in.Close()
	go func() {
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, MaxLine)
		for lines.Scan() {
			var m Message
			at := time.Now()
			if json.Unmarshal(lines.Bytes(), &m) == nil && m.Text != "" {
				u.mu.Lock()
				u.shown = append(u.shown, shownText{m.Text, at})
				u.mu.Unlock()
			}
		}
	}()
	u.feed = u.Host.feed(room, u.at...)
	stop := make(chan struct{})
	var writing sync.WaitGroup
	u.quit = sync.OnceFunc(func() { close(stop); writing.Wait() })
	u.t.Cleanup(u.quit)
	writing.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for n := 1; ; n++ {
			select {
			case <-tick.C:
			case <-stop:
				return
			}
			text := u.prefix() + strconv.Itoa(n)
			u.mu.Lock()
			u.written[text] = time.Now()
			u.mu.Unlock()
			if u.feed.write(text) != nil {
				return // it was told to end, or has ended, which is looked at elsewhere
			}
		}
	})
}

// texts are those that were shown and begin so.
func (u *remoteUser) texts(prefix string) (found []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, s := range u.shown {
		if strings.HasPrefix(s.text, prefix) {
			found = append(found, s.text)
		}
	}
	return found
}

// latencies are how long what was written in a time took to others, ascending.
func latencies(users []*remoteUser, from, to time.Time) (all []time.Duration) {
	written := map[string]time.Time{}
	for _, u := range users {
		u.mu.Lock()
		for text, at := range u.written {
			if at.After(from) && at.Before(to) {
				written[text] = at
			}
		}
		u.mu.Unlock()
	}
	for _, u := range users {
		u.mu.Lock()
		for _, s := range u.shown {
			if at, ok := written[s.text]; ok && !strings.HasPrefix(s.text, u.prefix()) {
				all = append(all, s.at.Sub(at))
			}
		}
		u.mu.Unlock()
	}
	if len(all) == 0 {
		panic(fmt.Sprintf("nothing was shown of %d messages", len(written)))
	}
	slices.Sort(all)
	return all
}
