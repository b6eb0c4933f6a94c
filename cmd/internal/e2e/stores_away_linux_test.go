package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	// buffered is what a daemon may hold for a store that is away: the 16 MiB past which its readers pause, and what one
	// sender's session had in flight by then.
	buffered = 20 << 20

	// residentWhileAway is what it may take of memory then, in bytes: the buffer, what the driver makes of it, and what
	// the collector has not come to.
	residentWhileAway = 256 << 20
)

// In full size the database is away for 60 s; in small size for as long as two pings that are missed would take to end a
// session, and more.
func TestStoresADatabaseThatIsAwayEndsNoSessionAndLosesNothing(t *testing.T) {
	for name, away := range map[string]func(*database) (back func()){
		"its server killed": func(d *database) func() {
			d.Kill()
			return d.Restart
		},
		"its host off the network": func(d *database) func() {
			d.host.Detach()
			return d.host.Attach
		},
	} {
		t.Run(name, func(t *testing.T) { databaseAway(t, scaled(10*time.Second, time.Minute), away) })
	}
}

func databaseAway(t *testing.T, absence time.Duration, away func(*database) (back func())) {
	const backlog, lineSize = 3200, 8 << 10 // more than is buffered
	sized(t, "the database is away for %v", absence)
	s, server := twoEngines(t, "", "embedded", "shared")
	s.room("ops")
	d, other := s.daemons[1], s.daemons[0]
	d.Host.MustParley("send", "ops", "--replicas", "1", "before")
	session, err := d.Host.Session(other.ID)
	if err != nil {
		t.Fatal(err)
	}

	back := away(server)
	left := time.Now()
	waits := d.Host.SpawnParley([]string{"send", "--timeout", storesWithin.String(), "ops", "told to wait"})
	// Another host's messages come in all the while, more than the daemon may hold.
	pour := other.Host.feed("ops")
	if err := pour.pour(longLines(backlog, lineSize)); err != nil {
		t.Fatal(err)
	}
	pour.finish()
	timedOut := 0
	Eventually(t, databaseWithin, "send says that the store cannot be written to", func() error {
		timedOut++
		began := time.Now()
		r := d.Host.Parley("send", "--timeout", "2s", "ops", fmt.Sprintf("no answer %d", timedOut))
		if r.Code != 5 {
			t.Fatalf("send without the database: exit code %d after %v, want 5: %s", r.Code, time.Since(began), tail(r.Err))
		}
		if !strings.HasPrefix(r.Err, "parley: ") || !strings.Contains(r.Err, "the daemon's store cannot be written to at the moment; it goes on by itself") {
			return fmt.Errorf("it says %q", r.Err)
		}
		return nil
	})
	Eventually(t, databaseWithin, "the buffer is full", func() error {
		if n, err := storeQueue(d.Host); err != nil || n < buffered/2 {
			return fmt.Errorf("%d bytes wait for the store, %v", n, err)
		}
		return nil
	})
	held := uint64(0)
	for ok := true; ok; ok = time.Since(left) < absence {
		n, err := storeQueue(d.Host)
		if err != nil {
			t.Fatal(err)
		}
		if held = max(held, n); held > buffered {
			t.Fatalf("%d bytes wait for the store, the bound is %d", held, buffered)
		}
		if now, err := d.Host.Session(other.ID); err != nil || now.Since != session.Since {
			t.Fatalf("the session of %s: now %+v, %v", session.Since, now, err)
		}
		if !waits.Running() {
			t.Fatalf("send that was told to wait has ended: %s", waits.Err.Tail(2<<10))
		}
	}
	resident := d.Resident()
	t.Logf("away for %v: at most %d bytes waited for the store, %d MiB resident, %d sends timed out",
		time.Since(left).Round(time.Millisecond), held, resident>>20, timedOut)
	if resident > residentWhileAway {
		t.Errorf("%d bytes are resident, the bound is %d", resident, residentWhileAway)
	}

	back()
	returned := time.Now()
	if code := waits.Wait(storesWithin); code != 0 {
		t.Errorf("send that waits: exit code %d: %s", code, waits.Err.Tail(2<<10))
	}
	d.Host.MustParley("send", "ops", "--timeout", storesWithin.String(), "after")
	Eventually(t, storesWithin, "all on both hosts", func() error { return verified("ops", 1, s.daemons...) })
	t.Logf("all on both hosts %v after it was back", time.Since(returned).Round(time.Millisecond))
	if now, err := d.Host.Session(other.ID); err != nil || now.Since != session.Since {
		t.Errorf("the session of %s: now %+v, %v", session.Since, now, err)
	}
	said, err := pour.acknowledged()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"before", "told to wait", "after"}
	for line := range said {
		want = append(want, line)
	}
	for _, d := range s.daemons {
		showsOnce(d.Host, "ops", want, timedOut)
	}
}

// showsOnce fails the test when a host does not show each of some texts once, or something else than those and what timed out.
func showsOnce(h *Host, room string, want []string, timedOut int) {
	h.t.Helper()
	times := make(map[string]int)
	if err := h.each(room, func(m *Message) { times[m.Text]++ }); err != nil {
		h.t.Fatal(err)
	}
	for _, text := range want {
		if times[text] != 1 {
			h.t.Errorf("%s shows %.40q %d times", h.Name, text, times[text])
		}
	}
	// What timed out was not known to be stored: a send that waits before it holds the turn to write, and signs nothing.
	unknown := 0
	for i := range timedOut {
		n := times[fmt.Sprintf("no answer %d", i+1)]
		if unknown += n; n > 1 {
			h.t.Errorf("%s shows what timed out %d times", h.Name, n)
		}
	}
	if len(times) != len(want)+unknown {
		h.t.Errorf("%s shows %d different messages, want %d", h.Name, len(times), len(want)+unknown)
	}
}

// longLines are so many lines of a size in bytes, each another.
func longLines(n, size int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf("%0*d", size, i)
	}
	return lines
}

// storeQueue is how many bytes wait for a daemon's store.
func storeQueue(h *Host) (uint64, error) {
	r := h.Parley("status", "--json")
	status, err := Lines[struct {
		Queues map[string]uint64 `json:"queues"`
	}](r.Out)
	if err != nil || len(status) != 1 {
		return 0, fmt.Errorf("%s: parley status: exit code %d, %v: %s", h.Name, r.Code, err, tail(r.Err))
	}
	return status[0].Queues["store_bytes"], nil
}
