package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"parley/store/mongo/mongotest"
)

// databaseWithin bounds what goes by way of the test server, which reads a collection whole for most questions.
const databaseWithin = time.Minute

// oneTexts checks that a room's history on a host is these texts, each once, in any order.
func oneTexts(h *Host, room string, want ...string) error {
	all, err := h.History(room)
	if err != nil {
		return err
	}
	times := make(map[string]int)
	for _, m := range all {
		times[m.Text]++
	}
	for _, text := range want {
		if times[text] != 1 {
			return fmt.Errorf("%q is there %d times", text, times[text])
		}
	}
	if len(all) != len(want) {
		return fmt.Errorf("%d messages, want %d", len(all), len(want))
	}
	return nil
}

func TestLoopbackDaemonsWithoutASessionHearOfEachOtherByTheirDatabase(t *testing.T) {
	server := mongotest.Start(t)
	a, b := Loopback(t, "a"), Loopback(t, "b")
	secret := a.NetworkSecret()
	flags := []string{"--network-secret-file", secret, "--listen", "127.0.0.1:0", "--no-discovery", "--store", server.URI("parley")}
	da, db := a.Daemon(flags...), b.Daemon(flags...)
	a.MustParley("send", "lobby", "of a")
	b.MustParley("send", "lobby", "of b")
	for _, h := range []*Host{a, b} {
		Eventually(t, databaseWithin, "both messages on both", func() error { return oneTexts(h, "lobby", "of a", "of b") })
	}
	// Killed and started again, each has what it had, and the other's new messages still come.
	da.Kill()
	b.MustParley("send", "lobby", "while a was away")
	da = da.Again()
	Eventually(t, databaseWithin, "what came meanwhile", func() error { return oneTexts(a, "lobby", "of a", "of b", "while a was away") })
	// With a session nothing comes twice.
	db.Quit()
	b.Daemon(append(flags, "--peer", da.Addr)...)
	Eventually(t, databaseWithin, "a session", func() error {
		_, err := b.Session(da.ID)
		return err
	})
	a.MustParley("send", "lobby", "over the session")
	for _, h := range []*Host{a, b} {
		Eventually(t, databaseWithin, "all messages on both", func() error {
			return oneTexts(h, "lobby", "of a", "of b", "while a was away", "over the session")
		})
	}
}

func TestLoopbackADatabaseThatIsAwayIsSaidAndWaitedFor(t *testing.T) {
	server := mongotest.Start(t)
	h := Loopback(t, "a")
	// The URI comes from a file, with a password that must not be seen anywhere.
	file := t.TempDir() + "/store"
	if err := os.WriteFile(file, []byte(server.URI("parley")+"?appName=s3cr3t\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := h.Daemon("--listen", "127.0.0.1:0", "--no-discovery", "--store", "@"+file)
	h.MustParley("send", "lobby", "before")
	status := h.MustParley("status")
	if host, _, _ := net.SplitHostPort(server.Addr()); !strings.Contains(status, "mongodb://"+host) || strings.Contains(status, "s3cr3t") {
		t.Errorf("status does not name the database, or tells too much:\n%s", status)
	}

	server.Away()
	r := h.Parley("send", "--timeout", "3s", "lobby", "meanwhile")
	if r.Code != 5 || !strings.Contains(r.Err, "the daemon's store cannot be written to") {
		t.Errorf("send without the database: exit code %d, want 5: %s", r.Code, tail(r.Err))
	}
	Eventually(t, databaseWithin, "status says so", func() error {
		if s := h.MustParley("status"); !strings.Contains(s, "store_failing") {
			return fmt.Errorf("status:\n%s", s)
		}
		return nil
	})
	if !d.Running() {
		t.Fatalf("the daemon has ended: %s", d.Err.Tail(4<<10))
	}
	waits := h.SpawnParley([]string{"send", "--timeout", "2m", "lobby", "told to wait"})
	server.Heal()
	if code := waits.Wait(2 * time.Minute); code != 0 {
		t.Errorf("send that waits: exit code %d: %s", code, waits.Err.Tail(2<<10))
	}
	Eventually(t, databaseWithin, "each message once", func() error { return oneTexts(h, "lobby", "before", "meanwhile", "told to wait") })

	// The server killed, and the daemon too: what was acknowledged is there.
	server.Kill()
	server.Restart()
	d.Kill()
	d.Again()
	h.MustParley("send", "lobby", "after")
	if err := oneTexts(h, "lobby", "before", "meanwhile", "told to wait", "after"); err != nil {
		t.Error(err)
	}
	if log := d.Err.String(); strings.Contains(log, "s3cr3t") {
		t.Error("the log tells what is not to be seen")
	}
}

func TestLoopbackADatabaseWhoseDiskIsFullIsNamedLosesNothingAndIsWaitedFor(t *testing.T) {
	server := mongotest.Start(t)
	h := Loopback(t, "a")
	d := h.Daemon("--listen", "127.0.0.1:0", "--no-discovery", "--store", server.URI("parley"))
	want := []string{"before"}
	h.MustParley("send", "lobby", "before")

	server.Full()
	Eventually(t, databaseWithin, "send says so", func() error {
		text := fmt.Sprint("meanwhile ", len(want))
		want = append(want, text)
		r := h.Parley("send", "--timeout", "2s", "lobby", text)
		if r.Code != 5 {
			t.Fatalf("send into a full database: exit code %d, want 5: %s", r.Code, tail(r.Err))
		}
		if r.Err != "parley: the disk of the daemon's store is full: make room there; it goes on by itself; the message is not known to be stored: no progress in time\n" {
			return fmt.Errorf("it says %q", r.Err)
		}
		return nil
	})
	if s := h.MustParley("status"); !strings.Contains(s, "store_full") {
		t.Errorf("status does not say so:\n%s", s)
	}
	if out := h.MustParley("tail", "lobby", "-n", "1", "--print0"); out == "" {
		t.Error("nothing is read from a full database")
	}
	const lines = 5
	var input strings.Builder
	for i := range lines {
		want = append(want, fmt.Sprint("told to wait ", i+1))
		fmt.Fprintln(&input, want[len(want)-1])
	}
	waits := h.SpawnParley([]string{"send", "lobby", "--json", "--timeout", "2m"}, func(c *exec.Cmd) { c.Stdin = strings.NewReader(input.String()) })
	if out := waits.Out.String(); out != "" {
		t.Errorf("acknowledged while nothing could be written: %s", out)
	}

	server.Heal()
	if code := waits.Wait(2 * time.Minute); code != 0 {
		t.Errorf("send that waits: exit code %d: %s", code, waits.Err.Tail(2<<10))
	}
	if n := waits.Out.Lines(); n != lines {
		t.Errorf("%d of %d lines were acknowledged", n, lines)
	}
	// A send that timed out had not had its turn, or had signed: then the next one sends it first.
	all, err := h.History("lobby")
	if err != nil {
		t.Fatal(err)
	}
	times := make(map[string]int)
	for _, m := range all {
		times[m.Text]++
	}
	for _, text := range want {
		n := times[text]
		if timedOut := strings.HasPrefix(text, "meanwhile"); n > 1 || n == 0 && !timedOut {
			t.Errorf("%q is there %d times", text, n)
		}
	}
	if !d.Running() {
		t.Errorf("the daemon has ended: %s", d.Err.Tail(4<<10))
	}
	if s := h.MustParley("status"); strings.Contains(s, "store_full") {
		t.Errorf("status still says that the disk is full:\n%s", s)
	}
}
