//go:build linux

package e2e

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestRoom1WhoWasKickedOnTheOtherSideOfAPartitionIsOutEverywhere(t *testing.T) {
	const far = 5 // messages that c writes on its side after it was kicked, at least
	s := newSite(t, "a", "b", "c", "d")
	a, c := s.host(0), s.host(2)
	s.room("ops")
	kicked := c.user()
	link := s.invite("ops", 5)
	Eventually(t, findWithin, "c has seen the invite", func() error {
		lines, err := c.roster("ops")
		if err == nil && !slices.ContainsFunc(lines, func(l rosterLine) bool { return l.Invite != "" }) {
			err = fmt.Errorf("%+v", lines)
		}
		return err
	})
	feed := c.feed("ops")
	more := func(n int) {
		for range n {
			_ = feed.write(fmt.Sprintf("c %d", feed.given()+1)) // an error is the command's end, which the test looks at
		}
	}
	more(far)
	Eventually(t, findWithin, "what c wrote is everywhere", func() error {
		for _, d := range s.daemons {
			if err := has(d.Host, "ops", "c ", far); err != nil {
				return err
			}
		}
		return nil
	})

	s.split(s.daemons[:2], s.daemons[2:])
	more(far)
	beyond := s.daemons[3].Host.follow("ops")
	Eventually(t, findWithin, "c goes on on its side", func() error { return showsText(beyond, fmt.Sprintf("c %d", 2*far)) })
	s.host(3).MustParley("send", "ops", "d before it has heard")
	a.MustParley("room", "kick", "ops", kicked)
	counted, err := a.History("ops")
	if err != nil {
		t.Fatal(err)
	}
	counts := len(written(counted, kicked))
	if counts != far {
		t.Fatalf("after the kick %d messages of c count on a, want the %d from before the partition", counts, far)
	}
	a.MustParley("send", "ops", "near, after the kick")
	// The kicked one has heard nothing of it, and neither has d.
	more(far)
	Eventually(t, findWithin, "c still writes on its side", func() error { return showsText(beyond, fmt.Sprintf("c %d", 3*far)) })

	for _, d := range s.daemons {
		d.Host.Attach()
	}
	in := []*Daemon{s.daemons[0], s.daemons[1], s.daemons[3]}
	Eventually(t, findWithin, "one room again", func() error {
		if err := connected(in...); err != nil {
			return err
		}
		if err := agree("ops", in...); err != nil {
			return err
		}
		return verified("ops", len(in)-1, in...)
	})
	all, err := s.host(3).History("ops")
	if err != nil {
		t.Fatal(err)
	}
	if got := written(all, kicked); !slices.Equal(got, written(counted, kicked)) {
		t.Errorf("of c counts %q, want what a had when it kicked: %q", got, written(counted, kicked))
	}
	if len(texts(all, "d before it has heard")) != 1 {
		t.Error("what d wrote on c's side does not count")
	}
	for _, text := range []string{fmt.Sprintf("c %d", 2*far), fmt.Sprintf("c %d", 3*far)} {
		if err := showsText(beyond, text); err != nil {
			t.Fatal("d never showed what was to stop counting")
		}
	}

	// c goes on writing until it is told that it may not.
	Eventually(t, findWithin, "c is told that it was removed", func() error {
		if feed.Running() {
			more(1)
			return fmt.Errorf("%s is still running: %s", feed.name, feed.Err)
		}
		return nil
	})
	feed.close()
	if code := feed.Wait(CommandWithin); code != 4 || !strings.Contains(feed.Err.String(), "removed") {
		t.Errorf("the sender that was kicked ends with code %d: %s", code, feed.Err)
	}
	acked, err := feed.acknowledged()
	if err != nil {
		t.Fatal(err)
	}
	told := feed.Err.String()
	Eventually(t, findWithin, "the author is told of each message that stopped counting", func() error {
		r := c.Parley("tail", "ops", "--all", "--json")
		told += r.Err
		return explained(told, acked, uint64(counts))
	})

	// Its own peer agrees: of the room it has what counts of its messages and d's,
	// and nothing that was written after the kick.
	if held, err := heldMessages(c); err != nil || held != uint64(counts)+1 {
		t.Errorf("c's peer counts %d messages, want %d: %v", held, counts+1, err)
	}

	// Of what is said from here on c reads nothing, whatever it tries.
	later := fmt.Sprintf("later %d", time.Now().UnixNano())
	for _, d := range in {
		d.Host.MustParley("send", "ops", later+" from "+d.Host.Name, "--replicas", strconv.Itoa(len(in)-1))
	}
	all, err = a.History("ops")
	if err != nil {
		t.Fatal(err)
	}
	epoch := all[len(all)-1].Epoch
	members, outsider := epochKeys(t, s.host(3)), epochKeys(t, c)
	key, ok := members[epoch]
	if !ok {
		t.Fatalf("d has no key of the epoch %s in which the last was written", epoch)
	}
	if _, ok := outsider[epoch]; ok || len(outsider) == 0 {
		t.Errorf("c has %d keys, that of the newest epoch among them: %v", len(outsider), ok)
	}
	for _, args := range [][]string{
		{"tail", "ops", "--all", "--json"},
		{"tail", "ops", "-f", "--json", "--timeout", "3s"},
		{"room", "info", "ops", "--json"},
		{"room", "members", "ops"},
		{"room", "verify", "ops"},
		{"send", "ops", "let me in", "--timeout", "3s"},
		{"room", "role", "ops", kicked, "member"},
		{"room", "rotate", "ops"},
		{"room", "join", link, "--timeout", "10s"},
	} {
		r := c.Parley(args...)
		if strings.Contains(r.Out+r.Err, later) {
			t.Errorf("parley %s shows c what was written later", strings.Join(args, " "))
		}
		if (args[0] == "send" || slices.Contains([]string{"role", "rotate", "join"}, args[1])) && r.Code != 4 {
			t.Errorf("parley %s: exit code %d, want 4: %s", strings.Join(args, " "), r.Code, r.Err)
		}
	}
	found := func(h *Host, forms [][]byte) (where string) {
		for _, form := range forms {
			at, err := search(h.Home, form)
			if err != nil {
				t.Fatal(err)
			}
			where = cmp.Or(where, at)
		}
		return where
	}
	for what, forms := range map[string][][]byte{"plaintext": {[]byte(later)}, "epoch key": encodings(key[:])} {
		if at := found(c, forms); at != "" {
			t.Errorf("%s of what was written later is in c's %s", what, at)
		}
	}
	if len(found(c, [][]byte{[]byte(kicked)})) == 0 {
		t.Error("the search does not even find c's own ID")
	}
	if err := verified("ops", len(in)-1, in...); err != nil {
		t.Error(err)
	}
}

// noticeLine is how the program tells an author of messages that stopped counting.
var noticeLine = regexp.MustCompile(`your messages? (\d+)(?: to (\d+))? of log (\w+) in \S+: not seen by the others any more: (.+)`)

// explained is nil when every acknowledged message beyond the number that counts
// is told of as one that stopped counting, with a reason, and no other is.
func explained(told string, acked map[string]Sent, counts uint64) error {
	lost := make(map[uint64]bool)
	for _, m := range noticeLine.FindAllStringSubmatch(told, -1) {
		first, err := strconv.ParseUint(m[1], 10, 64)
		if err != nil {
			return err
		}
		last := first
		if m[2] != "" {
			if last, err = strconv.ParseUint(m[2], 10, 64); err != nil {
				return err
			}
		}
		if !strings.Contains(m[4], "removed") {
			return fmt.Errorf("the reason is %q", m[4])
		}
		for n := first; n <= last; n++ {
			lost[n] = true
		}
	}
	for text, at := range acked {
		if lost[at.Seq] != (at.Seq > counts) {
			return fmt.Errorf("%q is number %d, of which %d count; told as lost: %v; %s", text, at.Seq, counts, lost[at.Seq], told)
		}
	}
	return nil
}
