package e2e

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A site is hosts of one network on a bridge, each running `parley daemon`, for most
// tests with no flag but the network's secret.
type site struct {
	t       testing.TB
	lab     *Lab
	secret  string
	daemons []*Daemon
}

// findWithin is for tests whose subject is not discovery.
const findWithin = 20 * time.Second

// newSite starts a daemon on a host of each name and waits until every one has a
// session with every other.
func newSite(t testing.TB, names ...string) *site {
	t.Helper()
	s := &site{t: t, lab: New(t)}
	for _, name := range names {
		s.add(name)
	}
	Eventually(t, findWithin, "all hosts connected", func() error { return connected(s.daemons...) })
	return s
}

// add starts a daemon on one more host, with these flags besides the network's secret.
func (s *site) add(name string, flags ...string) *Daemon {
	s.t.Helper()
	h := s.lab.Host(name, HostOpts{})
	if s.secret == "" {
		s.secret = h.NetworkSecret()
	}
	d := h.Daemon(append([]string{"--network-secret-file", s.secret}, flags...)...)
	s.daemons = append(s.daemons, d)
	return d
}

func (s *site) host(i int) *Host { return s.daemons[i].Host }

// room makes a room on the first host and joins it on all others.
func (s *site) room(name string) {
	s.t.Helper()
	s.host(0).MustParley("room", "create", name)
	if len(s.daemons) == 1 {
		return
	}
	link := s.invite(name, len(s.daemons)-1)
	for _, d := range s.daemons[1:] {
		if got := d.Host.MustParley("room", "join", link); got != name {
			s.t.Fatalf("%v: room join prints %q, want the room's name %q alone", d, got, name)
		}
	}
}

// invite makes a link on the first host.
func (s *site) invite(room string, uses int) string {
	s.t.Helper()
	link := s.host(0).MustParley("room", "invite", room, "--uses", strconv.Itoa(uses))
	if !strings.HasPrefix(link, "parley:") || strings.ContainsAny(link, " \n") {
		s.t.Fatalf("room invite prints %q, want a link alone", link)
	}
	return link
}

// connected is nil when every daemon has a session with every other.
func connected(daemons ...*Daemon) error {
	for _, d := range daemons {
		peers, err := d.Host.Peers()
		if err != nil {
			return err
		}
		for _, other := range daemons {
			if other == d {
				continue
			}
			if !slices.ContainsFunc(peers, func(p Peer) bool { return p.ID == other.ID && p.Connected() }) {
				return fmt.Errorf("%v has no session with %v, only %+v", d, other, peers)
			}
		}
	}
	return nil
}

// disconnected is nil when a daemon has no session with any of these.
func disconnected(d *Daemon, others ...*Daemon) error {
	peers, err := d.Host.Peers()
	if err != nil {
		return err
	}
	for _, other := range others {
		if slices.ContainsFunc(peers, func(p Peer) bool { return p.ID == other.ID && p.Connected() }) {
			return fmt.Errorf("%v still has a session with %v", d, other)
		}
	}
	return nil
}

// numbers is the text of the lines from..to.
func numbers(prefix string, from, to int) string {
	var b strings.Builder
	for i := from; i <= to; i++ {
		fmt.Fprintf(&b, "%s%d\n", prefix, i)
	}
	return b.String()
}

// texts returns the texts that begin with a prefix, in the order given.
func texts(messages []Message, prefix string) (found []string) {
	for _, m := range messages {
		if strings.HasPrefix(m.Text, prefix) {
			found = append(found, m.Text)
		}
	}
	return found
}

// isSequence is nil when the texts are prefix1, prefix2, … to the last, each once
// and in order.
func isSequence(found []string, prefix string, last int) error {
	for i, text := range found {
		if want := prefix + strconv.Itoa(i+1); text != want {
			return fmt.Errorf("at place %d of %d there is %q, want %q", i+1, len(found), text, want)
		}
	}
	if len(found) != last {
		return fmt.Errorf("%d lines of %d", len(found), last)
	}
	return nil
}

// has is nil when the room's history on the host has the sequence.
func has(h *Host, room, prefix string, last int) error {
	all, err := h.History(room)
	if err != nil {
		return err
	}
	if err := isSequence(texts(all, prefix), prefix, last); err != nil {
		return fmt.Errorf("%s: %w", h.Name, err)
	}
	return nil
}

// identical is nil when every host has the same messages of a room: as many, with
// the same IDs in the same places of the same logs, each place of a log once and
// none left out. Two messages in one place would be a fork.
func identical(room string, daemons ...*Daemon) error {
	var first map[string]string
	for _, d := range daemons {
		all, err := d.Host.History(room)
		if err != nil {
			return err
		}
		places := make(map[string]string, len(all))
		last := make(map[string]uint64)
		count := make(map[string]uint64)
		for _, m := range all {
			place := m.Log + "/" + strconv.FormatUint(m.Seq, 10)
			if other, double := places[place]; double {
				return fmt.Errorf("%v shows %s twice, as %s and %s", d, place, other, m.ID)
			}
			places[place] = m.ID
			last[m.Log] = max(last[m.Log], m.Seq)
			count[m.Log]++
		}
		for log, n := range count {
			if last[log] != n {
				return fmt.Errorf("%v shows %d messages of log %s, whose last is number %d", d, n, log, last[log])
			}
		}
		if first == nil {
			first = places
			continue
		}
		if len(places) != len(first) {
			return fmt.Errorf("%v has %d messages, %v has %d", daemons[0], len(first), d, len(places))
		}
		for place, id := range first {
			if places[place] != id {
				return fmt.Errorf("at %s %v has %q, %v has %q", place, daemons[0], id, d, places[place])
			}
		}
	}
	return nil
}

// A feed is a `parley send` that reads lines from the test.
type feed struct {
	*Process
	in io.WriteCloser

	mu    sync.Mutex
	lines []string
}

// feed starts `parley send ROOM --json` with a pipe as stdin.
func (h *Host) feed(room string, flags ...string) *feed {
	h.t.Helper()
	f := &feed{}
	f.Process = h.SpawnParley(append([]string{"send", room, "--json"}, flags...), func(c *exec.Cmd) {
		in, err := c.StdinPipe()
		if err != nil {
			h.t.Fatal(err)
		}
		f.in = in
	})
	return f
}

// write gives one more line. The error says that the command has ended.
func (f *feed) write(line string) error {
	f.mu.Lock()
	f.lines = append(f.lines, line)
	f.mu.Unlock()
	_, err := io.WriteString(f.in, line+"\n")
	return err
}

// pour gives many more lines at once, so that they become runs as large as those of any pipe.
func (f *feed) pour(lines []string) error {
	f.mu.Lock()
	f.lines = append(f.lines, lines...)
	f.mu.Unlock()
	_, err := io.WriteString(f.in, strings.Join(lines, "\n")+"\n")
	return err
}

// given is how many lines it was given.
func (f *feed) given() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.lines)
}

// close ends stdin.
func (f *feed) close() { _ = f.in.Close() }

// finish ends stdin, and the command has to succeed, with a line for each line.
func (f *feed) finish() {
	f.t.Helper()
	f.close()
	if code := f.Wait(CommandWithin); code != 0 {
		f.t.Fatalf("%s: exit code %d: %s", f.name, code, f.Err.Tail(4<<10))
	}
	if got := f.Out.Lines(); got != f.given() {
		f.t.Fatalf("%s: %d lines in, %d lines out", f.name, f.given(), got)
	}
}

// acknowledged pairs what the command printed with the lines it was given: both
// are in the same order.
func (f *feed) acknowledged() (map[string]Sent, error) {
	sent, err := Lines[Sent](f.Out.String())
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(sent) > len(f.lines) {
		return nil, fmt.Errorf("%d lines out for %d lines in", len(sent), len(f.lines))
	}
	by := make(map[string]Sent, len(sent))
	for i, s := range sent {
		by[f.lines[i]] = s
	}
	return by, nil
}

// steadily writes numbered lines until stopped, and returns how many, with the
// error of the write that ended it.
func (f *feed) steadily(prefix string, every time.Duration, stop <-chan struct{}) (n int, err error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return n, nil
		case <-f.Ended():
			return n, errors.New("the command ended")
		case <-tick.C:
		}
		if err := f.write(prefix + strconv.Itoa(n+1)); err != nil {
			return n, err
		}
		n++
	}
}

// follow starts `parley tail ROOM -f --json` with all of the history.
func (h *Host) follow(room string) *Process {
	h.t.Helper()
	return h.SpawnParley([]string{"tail", room, "--all", "-f", "--json"})
}

// shown decodes what a tail has printed so far.
func shown(p *Process) ([]Message, error) { return Lines[Message](p.Out.String()) }

// showsText is nil when a tail has printed a message of this text.
func showsText(p *Process, text string) error {
	if p.Out.Contains(strconv.Quote(text)) {
		return nil
	}
	return fmt.Errorf("%s has not shown %q yet (%d lines)", p.name, text, p.Out.Lines())
}
