package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// migratedWithin bounds one pass over a store that is migrated, see below.
func migratedWithin() time.Duration { return scaled(storesWithin, 6*time.Hour) }

// A Copied is what `store migrate --json` prints.
type Copied struct {
	Messages uint64  `json:"messages"`
	Runs     uint64  `json:"runs"`
	Copied   uint64  `json:"copied"`
	Digest   string  `json:"digest"`
	Seconds  float64 `json:"seconds"`
}

// In full size: 1,000,000 messages, some 180 MB, of which the test server reads all for each page of 16 MiB.
func TestStoresMigrateBothWaysThroughKillsAndEndWithEqualDigests(t *testing.T) {
	messages := scaled(60_000, 1_000_000)
	const (
		lineSize = 120
		small    = 300 // of the messages are in runs of one or a few
		kills    = 2   // of each migration
	)
	sized(t, "%d messages", messages)
	s := &site{t: t, lab: New(t)}
	host := s.lab.Host("database", HostOpts{})
	server := host.Database()
	d := s.add("a")
	h := d.Host
	s.room("ops")
	f := h.feed("ops", "--timeout", storesWithin.String())
	for _, line := range longLines(small, lineSize) {
		if err := f.write(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.pour(longLines(messages-small, lineSize)); err != nil {
		t.Fatal(err)
	}
	f.close()
	if code := f.Wait(storesWithin); code != 0 {
		t.Fatalf("%s: exit code %d: %s", f.name, code, f.Err.Tail(2<<10))
	}
	d.Quit()

	uri, back := server.URI("parley")+scaled("", patient), "embedded:"+h.Folder("back")
	bytes := size(t, filepath.Join(h.Folder("peer"), "store"))
	there := migrate(h, "embedded", uri, host.Folder("database"), bytes, kills)
	if there.Messages != uint64(messages) {
		t.Errorf("%d messages were migrated, want %d", there.Messages, messages)
	}
	again := migrate(h, uri, back, h.Folder("back"), bytes, kills)
	if there.Digest != again.Digest || again.Messages != there.Messages || again.Runs != there.Runs {
		t.Errorf("there %+v, back %+v", there, again)
	}
	for _, place := range []string{"embedded", uri, back} {
		r := h.runWithin(migratedWithin(), "store", "check", place)
		if want := fmt.Sprintf("checked %d messages", messages); r.Code != 0 || !strings.HasPrefix(r.Out, want) || !strings.Contains(r.Out, "all as it should be") {
			t.Errorf("store check %s: exit code %d: %s%s", place, r.Code, tail(r.Out), tail(r.Err))
		}
		t.Logf("store check %s: %s", place, tail(r.Out))
	}
	// Each is a store to work with.
	for i, place := range []string{uri, back} {
		d := h.Daemon("--network-secret-file", s.secret, "--store", place)
		if err := held(h, "ops", uint64(messages)); err != nil {
			t.Errorf("%s: %v", place, err)
		}
		text := fmt.Sprintf("sent after migration %d", i+1)
		h.MustParley("send", "ops", text)
		if out := h.MustParley("tail", "ops", "-n", "1", "--print0"); out != text+"\x00" {
			t.Errorf("%s: the last message is %q", place, out)
		}
		d.Quit()
	}
}

// migrate runs `store migrate`, kills it each time that the destination, a folder or a database's, has grown by a further
// part of what the source takes, and lets the last come to its end.
func migrate(h *Host, from, to, folder string, bytes int64, kills int64) Copied {
	h.t.Helper()
	args := []string{"store", "migrate", from, to, "--json"}
	before := size(h.t, folder)
	for n := range kills {
		p := h.SpawnParley(args)
		enough := before + bytes*(n+1)/(kills+1)
		Eventually(h.t, migratedWithin(), "the migration is under way", func() error {
			if !p.Running() {
				h.t.Fatalf("%q ended before it was killed: %s%s", args, p.Out, p.Err.Tail(2<<10))
			}
			if now := size(h.t, folder); now < enough {
				return fmt.Errorf("%d bytes of %d", now, enough)
			}
			return nil
		})
		if p.Kill(); p.cmd.ProcessState.ExitCode() >= 0 {
			h.t.Fatalf("%q came to its end: %s", args, p.Out)
		}
	}
	r := h.runWithin(migratedWithin(), args...)
	all, err := Lines[Copied](r.Out)
	if err != nil || len(all) != 1 || r.Code != 0 {
		h.t.Fatalf("%q: exit code %d, %v: %s%s", args, r.Code, err, tail(r.Out), tail(r.Err))
	}
	c := all[0]
	h.t.Logf("%s to %s: after %d kills the rest, %d of %d messages, in %v; digest %.12s…", from, to, kills, c.Copied, c.Messages,
		time.Duration(c.Seconds*float64(time.Second)).Round(time.Millisecond), c.Digest)
	// A database's files grow before a commit is made: in small size, of few commits, both kills may come before the first.
	if c.Copied >= c.Messages && (*storesFull || strings.HasPrefix(to, "embedded")) {
		h.t.Errorf("%d messages of %d were copied after the kills: it began again", c.Copied, c.Messages)
	}
	return c
}

// runWithin runs a command of the binary that may take longer than others.
func (h *Host) runWithin(within time.Duration, args ...string) Result {
	h.t.Helper()
	p := h.SpawnParley(args)
	code := p.Wait(within)
	return Result{Out: p.Out.String(), Err: p.Err.String(), Code: code}
}
