//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/store"
	"parley/store/mongo"
	"parley/store/mongo/mongotest"
)

func TestWhatAPeerHasInADatabaseIsLeftAloneWhileItsDaemonRuns(t *testing.T) {
	t.Parallel()
	uri := mongotest.Start(t).URI("parley")
	d := filled(t, 5)
	d.stop()
	moved := daemon(t, d.home, "--store", uri)
	must(t, moved.home, "send", "lobby", "into the database")
	refused := fmt.Sprintf(" cannot be opened: another daemon runs in this home, with process ID %d; "+
		"stop it first: two cannot use one peer's part of a database, and a database makes no snapshot\n", moved.cmd.Process.Pid)
	dir := t.TempDir()
	for args, place := range map[string]string{
		"check " + uri: uri,
		"backup " + filepath.Join(dir, "backup") + " --store " + uri: uri,
		"migrate " + uri + " embedded:" + filepath.Join(dir, "to"):   uri,
		"migrate embedded " + uri:                                    uri,
		"migrate embedded " + uri + "-2":                             uri + "-2", // nor what the same peer may have in another
	} {
		r := parley(t, moved.home, append([]string{"store"}, strings.Fields(args)...)...)
		if r.code != exitFailed || r.err != "parley: "+place+refused || r.out != "" {
			t.Errorf("%s: exit code %d: %s%s", args, r.code, r.out, r.err)
		}
	}
	for _, made := range []string{"backup", "to"} {
		if _, err := os.Stat(filepath.Join(dir, made)); err == nil {
			t.Errorf("%s was made", made)
		}
	}
	must(t, moved.home, "send", "lobby", "the daemon goes on")
	// The home's own store is not in use, and is what these commands are about where nothing else is named.
	if r := must(t, moved.home, "store", "check"); !strings.HasPrefix(r.out, "checked 7 messages") {
		t.Errorf("%s", r.out)
	}
}

func TestADaemonWaitsForADatabaseThatIsTooSlowAtItsStart(t *testing.T) {
	const slow = time.Second
	server := mongotest.Start(t)
	server.Slow(slow)
	home := newHome(t)
	d := start(t, command(t, home, append(append([]string{"daemon"}, quiet...), "--store", server.URI("parley")+"?timeoutMS=250")...))
	for server.Broken() < 3 { // it has asked again
		select {
		case <-d.done:
			t.Fatalf("the daemon ended: %s", d.stderr)
		case <-time.After(slow / 10):
		}
	}
	server.Heal()
	if line := d.line(); !strings.HasPrefix(line, "ready ") {
		t.Fatalf("it says %q", line)
	}
	must(t, home, "send", "lobby", "here it is")
}

// A failover takes longer than what serves somebody waits, and a copy of hours outlives it.
func TestAMigrationOutlivesADatabaseThatIsAwayForAWhile(t *testing.T) {
	const (
		absence  = 12 * time.Second
		underWay = 20 // requests: past the opening, which waits anyhow
	)
	t.Parallel()
	server := mongotest.Start(t)
	uri := server.URI("parley")
	d := filled(t, 3000)
	d.stop()
	for _, way := range [][]string{{"embedded", uri}, {uri, "embedded:" + filepath.Join(t.TempDir(), "back")}} {
		server.CutBefore(underWay)
		m := start(t, command(t, d.home, "store", "migrate", way[0], way[1], "--json"))
		for cut := server.Broken(); server.Broken() == cut; {
			select {
			case <-m.done:
				t.Fatalf("it ended at once: %s", m.stderr)
			case <-time.After(time.Millisecond):
			}
		}
		server.Away()
		select {
		case <-m.done:
			t.Fatalf("it ended while the database was away: %s", m.stderr)
		case <-time.After(absence):
		}
		server.Heal()
		if code := m.wait(); code != exitDone {
			t.Errorf("exit code %d: %s", code, m.stderr)
		}
	}
}

func TestADatabaseThatIsTooSlowIsNamedWithTheOptionToSet(t *testing.T) {
	err := storeFailed("mongodb://db/parley", fmt.Errorf("mongodb://db/parley: %w: %w", store.ErrUnavailable, &mongo.SlowError{What: "asked for runs", Within: 15 * time.Second}))
	const want = "the database cannot be opened: mongodb://db/parley: unavailable: the database did not answer within 15s when asked for runs; timeoutMS=60000 or more in its URI gives it longer"
	if code, text := explain(err); code != exitFailed || text != want {
		t.Errorf("exit code %d: %s", code, text)
	}
}

func TestWhatAPeerHasInADatabaseIsCheckedBackedUpAndMigratedWhileOtherPeersUseIt(t *testing.T) {
	t.Parallel()
	server := mongotest.Start(t)
	uri := server.URI("parley")
	other := daemon(t, newHome(t), "--store", uri)
	d := daemon(t, newHome(t), "--store", uri)
	must(t, d.home, "room", "create", "ops")
	must(t, d.home, "send", "ops", "first")
	pour(t, d.home, 600)
	order := must(t, d.home, "tail", "ops", "--all", "--print0").out
	d.stop()

	dir := filepath.Join(t.TempDir(), "backup")
	if r := parley(t, d.home, "store", "backup", dir); r.code != exitFailed || !strings.Contains(r.err, "if the daemon was given another --store, give that") {
		t.Errorf("the home's own store, which is not there: exit code %d: %s", r.code, r.err)
	}
	if r := parley(t, d.home, "store", "check", server.URI("another")); r.code != exitFailed || !strings.Contains(r.err, "there is no store of this home's peer in "+server.URI("another")+"; ") {
		t.Errorf("a database without this peer: exit code %d: %s", r.code, r.err)
	}
	checked := decode[summary](t, must(t, d.home, "store", "check", uri, "--json"))[0]
	if checked.Type != "summary" || checked.Messages != 601 || checked.Findings != 0 {
		t.Errorf("%+v", checked)
	}
	backup := decode[summary](t, must(t, d.home, "store", "backup", dir, "--store", uri, "--json"))[0]
	if backup.Messages != 601 {
		t.Errorf("%+v", backup)
	}
	if r := parley(t, d.home, "store", "migrate", "embedded:"+dir, server.URI("another")); r.code != exitFailed || !strings.Contains(r.err, "holds a backup; bring it back with: parley store restore ") {
		t.Errorf("from a backup: exit code %d: %s", r.code, r.err)
	}
	// The backup becomes the home's store, and that goes to another database.
	restored := decode[summary](t, must(t, d.home, "store", "restore", dir, "--json"))[0]
	back := decode[summary](t, must(t, d.home, "store", "migrate", "embedded", server.URI("another"), "--json"))[0]
	if restored.Digest != backup.Digest || back.Digest != backup.Digest {
		t.Errorf("backed up %+v, restored %+v, migrated %+v", backup, restored, back)
	}
	want := "parley: the migration into " + uri + " was refused: the destination holds something else than a copy; give an empty one\n"
	if r := parley(t, d.home, "store", "migrate", "embedded", uri); r.code != exitFailed || r.err != want {
		t.Errorf("into what this peer has there: exit code %d: %s", r.code, r.err)
	}
	again := daemon(t, d.home, "--store", server.URI("another"))
	if got := must(t, d.home, "tail", "ops", "--all", "--print0").out; got != order {
		t.Error("messages are in another order than before")
	}
	must(t, d.home, "send", "ops", "and on")
	again.stop()
	must(t, other.home, "send", "lobby", "the other peer never stopped")
}
