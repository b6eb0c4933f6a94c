package e2e

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"parley/store/mongo/mongotest"
)

// Tests of the two engines, on real daemons and a real database server on a host of its own. They run
// in a small size by default; in the size that Parley promises, they take a quarter of an hour on two cores:
//
//	go test ./cmd/internal/e2e -run TestStores -stores.full -timeout 3h -v
var storesFull = flag.Bool("stores.full", false, "run the tests of stores in full size, which takes a quarter of an hour or more")

// storesWithin bounds what a test waits for where a database is killed or away, or a store is large: the test server
// reads a collection whole for most questions.
const storesWithin = 10 * time.Minute

// scaled chooses between a number for every run of the tests and that of -stores.full.
func scaled[T any](small, full T) T {
	if *storesFull {
		return full
	}
	return small
}

// sized logs the size of a test in its output.
func sized(t *testing.T, format string, args ...any) {
	t.Helper()
	how := "small size; -stores.full runs the full one"
	if *storesFull {
		how = "full size"
	}
	t.Logf("%s (%s)", fmt.Sprintf(format, args...), how)
}

// A database is a database's server on a host of its own.
type database struct {
	*mongotest.Server
	host *Host
}

// patient is an option of a URI: in full size, on a busy machine, the test server takes longer than 15 s to read a collection, and one
// exchange with it waits for those of the others.
const patient = "?timeoutMS=120000"

// twoEngines is a site of a host on the embedded engine and one for each of the names on a database that they share, with
// the database's server on a host of its own. options are those of the database's URI.
func twoEngines(t testing.TB, options, embedded string, shared ...string) (*site, *database) {
	t.Helper()
	s := &site{t: t, lab: New(t)}
	h := s.lab.Host("database", HostOpts{})
	server := &database{h.Database(), h}
	s.add(embedded)
	for _, name := range shared {
		s.add(name, "--store", server.URI("parley")+options)
	}
	Eventually(t, databaseWithin, "all hosts connected", func() error { return connected(s.daemons...) })
	return s, server
}

// A Verified is one line of `room verify --json`.
type Verified struct {
	Peer      string            `json:"peer"`
	Identical bool              `json:"identical"`
	Messages  uint64            `json:"messages"`
	Problem   string            `json:"problem"`
	Holes     []json.RawMessage `json:"holes"`
	Forks     []string          `json:"forks"`
}

// verifiedWith is nil when `room verify` on every host finds it identical with every other, with so many messages.
func verifiedWith(room string, messages int, daemons ...*Daemon) error {
	for _, d := range daemons {
		r := d.Host.Parley("room", "verify", room, "--timeout", "60s", "--json")
		rows, err := Lines[Verified](r.Out)
		if err != nil {
			return err
		}
		if r.Code != 0 || len(rows) != len(daemons)-1 {
			return fmt.Errorf("%v: room verify: exit code %d: %s%s", d, r.Code, tail(r.Out), tail(r.Err))
		}
		for _, v := range rows {
			if !v.Identical || v.Messages != uint64(messages) || v.Problem != "" || len(v.Holes) > 0 || len(v.Forks) > 0 {
				return fmt.Errorf("%v: room verify: %+v, want %d messages", d, v, messages)
			}
		}
	}
	return nil
}

// each reads all of a room as the host has it, without holding it in memory.
func (h *Host) each(room string, f func(*Message)) error {
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	p := h.SpawnParley([]string{"tail", room, "--all", "--json", "--timeout", "5m"}, func(c *exec.Cmd) { c.Stdout = in })
	in.Close()
	for d := json.NewDecoder(out); ; {
		var m Message
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("%s: parley tail %s: %w", h.Name, room, err)
		}
		f(&m)
	}
	if code := p.Wait(StopWithin); code != 0 {
		return fmt.Errorf("%s: parley tail %s: exit code %d: %s", h.Name, room, code, p.Err.Tail(2<<10))
	}
	return nil
}

// holdsOnce is nil when a host has exactly what was acknowledged, each once and as it was acknowledged.
func holdsOnce(h *Host, room string, said map[string]Sent) error {
	seen := make(map[string]bool, len(said))
	var wrong error
	err := h.each(room, func(m *Message) {
		sent, known := said[m.Text]
		switch {
		case wrong != nil:
		case !known:
			wrong = fmt.Errorf("%s shows %q, which nobody sent", h.Name, m.Text)
		case seen[m.Text]:
			wrong = fmt.Errorf("%s shows %q twice", h.Name, m.Text)
		case m.ID != sent.ID || m.Log != sent.Log || m.Seq != sent.Seq:
			wrong = fmt.Errorf("%s shows %q as %+v, it was acknowledged as %+v", h.Name, m.Text, m, sent)
		}
		seen[m.Text] = true
	})
	if err := errors.Join(err, wrong); err != nil {
		return err
	}
	if len(seen) != len(said) {
		return fmt.Errorf("%s shows %d of %d messages that were acknowledged", h.Name, len(seen), len(said))
	}
	return nil
}
