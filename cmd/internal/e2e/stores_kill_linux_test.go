package e2e

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// A storm is how much is sent at each of three hosts, and what is killed meanwhile.
type storm struct {
	messages    int // at each host
	kills       int // of each host's daemon
	serverKills int // of the database's server
}

// stormMoment is within what time after all were given more lines a daemon is killed: most have not come to their end by then.
const stormMoment = 40 * time.Millisecond

// In full size: 100,000 messages at each host at once, each daemon killed twenty times, the server five times.
func TestStoresOfTwoEnginesAreIdenticalAfterAllWereKilledWhileAllSent(t *testing.T) {
	want := scaled(storm{messages: 24_000, kills: 4, serverKills: 2}, storm{messages: 100_000, kills: 20, serverKills: 5})
	sized(t, "three hosts, %+v", want)
	s, server := twoEngines(t, scaled("", patient), "embedded", "shared-1", "shared-2")
	s.room("ops")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 4))
	moment := func() { <-time.After(time.Duration(random.Int64N(int64(stormMoment)))) }

	began := time.Now()
	p := pourers(s, want.messages, want.kills*len(s.daemons))
	serverKilled, busy := 0, 0
	for round := range want.kills {
		t.Logf("round %d after %v", round+1, time.Since(began).Round(time.Millisecond))
		withServer := round*want.serverKills/want.kills >= serverKilled && serverKilled < want.serverKills
		for n, i := range random.Perm(len(s.daemons)) {
			p.going()
			p.more()
			if withServer && n == 0 {
				moment()
				server.Kill()
				serverKilled++
			}
			moment()
			if f := p.feeds[i]; f.Out.Lines() < f.given() {
				busy++
			}
			s.daemons[i].Kill()
			if withServer && n == 0 { // they are away together for a moment
				server.Restart()
			}
			s.daemons[i] = supervised(s.daemons[i])
		}
	}
	said := p.end()
	t.Logf("%d messages were acknowledged on %d hosts after %v, through %d kills of each daemon, %d of them in the middle of messages, and %d of the database's server",
		len(said), len(s.daemons), time.Since(began).Round(time.Millisecond), want.kills, busy, serverKilled)
	if all := want.kills * len(s.daemons); busy < all/2 {
		t.Errorf("%d of %d daemons were killed while messages were on their way", busy, all)
	}
	if serverKilled != want.serverKills || len(said) != want.messages*len(s.daemons) {
		t.Fatalf("%d kills of the server, %d messages: want %+v", serverKilled, len(said), want)
	}
	Eventually(t, storesWithin, "room verify finds all identical", func() error { return verifiedWith("ops", len(said), s.daemons...) })
	t.Logf("all identical after %v", time.Since(began).Round(time.Millisecond))
	for _, d := range s.daemons {
		if err := holdsOnce(d.Host, "ops", said); err != nil {
			t.Error(err)
		}
	}
	for _, d := range s.daemons {
		d.Quit()
		place := "embedded"
		if i := slices.Index(d.flags, "--store"); i >= 0 {
			place = d.flags[i+1]
		}
		r := d.Host.runWithin(storesWithin, "store", "check", place)
		if r.Code != 0 || !strings.Contains(r.Out, "all as it should be") {
			t.Errorf("%s: store check %s: exit code %d: %s%s", d.Host.Name, place, r.Code, tail(r.Out), tail(r.Err))
		}
		t.Logf("%s: %s", d.Host.Name, tail(r.Out))
	}
}

// supervised starts a daemon again until it is ready, as a supervisor does: one that cannot read its database in time,
// because the server reads for all the others, says so and ends.
func supervised(d *Daemon) *Daemon {
	d.t.Helper()
	for end := time.Now().Add(storesWithin); ; {
		again := d.Host.StartDaemon(d.flags...)
		_, err := again.Out.FirstLine(storesWithin)
		if err == nil || again.Running() || time.Now().After(end) {
			again.AwaitReady()
			return again
		}
		d.t.Logf("%s ended before it was ready: %s", d.Host.Name, again.Err.Tail(500))
	}
}

// Pours are a `parley send` on each host of a site, each of which is given its lines in parts, one part a round.
type pours struct {
	s     *site
	feeds []*feed
	parts []chan []string
	ended []chan error
	left  int // parts
	size  int // lines of each
	total int // lines at each host
	given int // of those
}

func pourers(s *site, lines, parts int) *pours {
	s.t.Helper()
	p := &pours{s: s, left: parts, size: lines / parts, total: lines, given: 1}
	for _, d := range s.daemons {
		// However often what it talks to is killed, the command goes on.
		f := d.Host.feed("ops", "--timeout", storesWithin.String())
		if err := f.write(d.Host.Name + " 1"); err != nil {
			s.t.Fatal(err)
		}
		// A command that finds no daemon at its start says so and ends.
		if _, err := f.Out.FirstLine(databaseWithin); err != nil {
			s.t.Fatalf("%s: %v: %s", f.name, err, f.Err.Tail(2<<10))
		}
		queue, ended := make(chan []string, parts), make(chan error, 1)
		go func() {
			defer f.close()
			for lines := range queue {
				if err := f.pour(lines); err != nil {
					ended <- err
					return
				}
			}
			ended <- nil
		}()
		p.feeds, p.parts, p.ended = append(p.feeds, f), append(p.parts, queue), append(p.ended, ended)
	}
	return p
}

// going fails the test when a command has ended.
func (p *pours) going() {
	p.s.t.Helper()
	for _, f := range p.feeds {
		if !f.Running() {
			p.s.t.Fatalf("%s has ended: %s", f.name, f.Err.Tail(2<<10))
		}
	}
}

// more gives every command its next part.
func (p *pours) more() {
	p.left--
	n := p.size
	if p.left == 0 || n > p.total-p.given {
		n = p.total - p.given
	}
	for i, queue := range p.parts {
		lines := make([]string, n)
		for j := range lines {
			lines[j] = fmt.Sprintf("%s %d", p.s.host(i).Name, p.given+j+1)
		}
		queue <- lines
	}
	p.given += n
}

// end waits for the commands, each of which has to have had every line acknowledged, and returns what they said.
func (p *pours) end() map[string]Sent {
	p.s.t.Helper()
	all := make(map[string]Sent)
	for i, f := range p.feeds {
		close(p.parts[i])
		var err error
		select {
		case err = <-p.ended[i]:
		case <-time.After(storesWithin):
			err = errors.New("it takes no more lines")
		}
		if err != nil {
			p.s.t.Fatalf("%s: %v: %s", f.name, err, f.Err.Tail(2<<10))
		}
		if code := f.Wait(storesWithin); code != 0 {
			p.s.t.Fatalf("%s: exit code %d: %s", f.name, code, f.Err.Tail(2<<10))
		}
		said, err := f.acknowledged()
		if err != nil || len(said) != p.total {
			p.s.t.Fatalf("%s: %d of %d lines were acknowledged, %v", f.name, len(said), p.total, err)
		}
		maps.Copy(all, said)
	}
	return all
}
