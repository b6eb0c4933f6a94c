//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"parley/store"
	"parley/store/embedded"
	"parley/store/transfer"
)

// filled starts a daemon whose store has something of everything: two rooms, an invite, messages in one's and in many's runs.
func filled(t *testing.T, messages int) *process {
	t.Helper()
	d := daemon(t, newHome(t))
	must(t, d.home, "room", "create", "ops")
	must(t, d.home, "room", "invite", "ops")
	must(t, d.home, "send", "lobby", "hello")
	must(t, d.home, "send", "ops", "first")
	pour(t, d.home, messages)
	return d
}

// pour sends so many messages more to ops, with a kilobyte in each.
func pour(t *testing.T, home string, messages int) {
	t.Helper()
	var lines strings.Builder
	for i := range messages {
		fmt.Fprintf(&lines, "%d %s\n", i, strings.Repeat("x", 1000))
	}
	if r := parleyInput(t, home, strings.NewReader(lines.String()), "send", "ops"); r.code != exitDone {
		t.Fatalf("exit code %d: %s", r.code, r.err)
	}
}

func storeDir(home string) string { return filepath.Join(home, "peer", "store") }

type summary struct {
	Type                       string
	Rooms, Logs                int
	Runs, Messages             uint64
	Records, Values, Bytes     uint64
	Void, Findings             uint64
	Seconds                    float64
	Where, What, Do, Room, Log string
	First, Last                uint64
	Copied                     uint64
	Digest                     string
}

func TestAStoreIsCheckedWithTheDaemonAndWithoutIt(t *testing.T) {
	t.Parallel()
	d := filled(t, 200)
	human := regexp.MustCompile(`^checked 202 messages in 2 logs of 2 rooms, \d+ records and \d+ values? in .*: all as it should be\n$`)
	if r := must(t, d.home, "store", "check"); !human.MatchString(r.out) || r.err != "" {
		t.Errorf("with the daemon: %q, %s", r.out, r.err)
	}
	with := decode[summary](t, must(t, d.home, "store", "check", "--json"))
	if _, err := os.Stat(filepath.Join(storeDir(d.home), "snapshots")); err == nil {
		t.Error("the daemon's snapshot is left")
	}
	must(t, d.home, "send", "lobby", "the daemon goes on")
	d.stop()
	if r := must(t, d.home, "store", "check"); !strings.HasPrefix(r.out, "checked 203 messages in 2 logs of 2 rooms") {
		t.Errorf("without the daemon: %q", r.out)
	}
	without := decode[summary](t, must(t, d.home, "store", "check", "--json", "embedded:"+storeDir(d.home)))
	if len(with) != 1 || len(without) != 1 || with[0].Type != "summary" || with[0].Messages+1 != without[0].Messages || with[0].Findings != 0 {
		t.Errorf("%+v, %+v", with, without)
	}
	if r := parley(t, newHome(t), "store", "check"); r.code != exitFailed || !strings.Contains(r.err, "there is no store in ") {
		t.Errorf("nothing to check: exit code %d: %s", r.code, r.err)
	}
}

// corruptRun replaces a run of the home's store by one whose last byte is another.
func corruptRun(t *testing.T, home string) (run store.Run) {
	t.Helper()
	from, err := embedded.Open(storeDir(home), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "changed")
	to, err := embedded.Open(dir, embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	change := &changing{Store: to, change: func(r *store.Run) {
		if r.First == 2 {
			run = *r
			r.Bytes = bytes.Clone(r.Bytes)
			r.Bytes[len(r.Bytes)-1] ^= 1
		}
	}}
	if _, err := transfer.Copy(t.Context(), from, change, transfer.Options{Purpose: "migrate"}); !errors.Is(err, transfer.ErrDiffers) {
		t.Fatal(err)
	}
	if err := errors.Join(transfer.Unmark(t.Context(), to), from.Close(), to.Close()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Rename(storeDir(home), storeDir(home)+".good"), os.Rename(dir, storeDir(home))); err != nil {
		t.Fatal(err)
	}
	return run
}

func TestADamagedRunIsNamedWithItsPlaceAndWhatToDo(t *testing.T) {
	t.Parallel()
	d := filled(t, 30)
	d.stop()
	run := corruptRun(t, d.home)
	r := parley(t, d.home, "store", "check", "--json")
	lines := decode[summary](t, r)
	if r.code != exitFailed || r.err != "parley: the store is damaged; the lines above say where, and what to do\n" || len(lines) != 2 {
		t.Fatalf("exit code %d, %s%s", r.code, r.out, r.err)
	}
	if f := lines[0]; f.Type != "finding" || f.Room != run.Room.String() || f.Log != run.Log.String() || f.First != run.First || f.Last != run.Last ||
		!strings.Contains(f.What, "signature") || !strings.Contains(f.Do, "other peers") {
		t.Errorf("%+v", f)
	}
	if s := lines[1]; s.Type != "summary" || s.Findings != 1 || s.Messages != 32 {
		t.Errorf("%+v", s)
	}
	if r := parley(t, d.home, "store", "check"); r.code != exitFailed || len(r.lines()) != 2 || !strings.HasPrefix(r.out, "room "+run.Room.String()) {
		t.Errorf("exit code %d: %s%s", r.code, r.out, r.err)
	}
}

func TestABackupIsMadeWhileTheDaemonRunsAndTheNextTakesWhatIsNew(t *testing.T) {
	t.Parallel()
	d := filled(t, 100)
	dir := filepath.Join(t.TempDir(), "backup")
	first := decode[summary](t, must(t, d.home, "store", "backup", dir, "--json"))[0]
	if first.Messages != 102 || first.Copied != 102 || len(first.Digest) != 64 {
		t.Errorf("%+v", first)
	}
	pour(t, d.home, 7)
	second := decode[summary](t, must(t, d.home, "store", "backup", dir, "--json"))[0]
	if second.Messages != 109 || second.Copied != 7 {
		t.Errorf("%+v", second)
	}
	for _, left := range []string{filepath.Join(dir, "previous"), filepath.Join(storeDir(d.home), "snapshots")} {
		if _, err := os.Stat(left); err == nil {
			t.Errorf("%s is left", left)
		}
	}
	if r := must(t, d.home, "store", "check", "embedded:"+dir); !strings.Contains(r.out, "all as it should be") {
		t.Errorf("the backup: %s", r.out)
	}
	if r := parley(t, newHome(t), "daemon", "--store", "embedded:"+dir); r.code != exitFailed || !strings.Contains(r.err, "holds a backup; bring it back with: parley store restore ") {
		t.Errorf("a daemon on a backup: exit code %d: %s", r.code, r.err)
	}
	other := filled(t, 1)
	if r := parley(t, other.home, "store", "backup", dir); r.code != exitFailed || !strings.Contains(r.err, "a copy of another store; give an empty one") {
		t.Errorf("another store's backup: exit code %d: %s", r.code, r.err)
	}
	if r := parley(t, d.home, "store", "backup", other.home); r.code != exitFailed || !strings.Contains(r.err, "is not a store and not empty") {
		t.Errorf("into a folder of other things: exit code %d: %s", r.code, r.err)
	}
}

func TestABackupIsForTheUsersOfTheDaemonsOwnHome(t *testing.T) {
	t.Parallel()
	d := daemon(t, newHome(t), "--users", "any")
	must(t, d.home, "send", "lobby", "x")
	// A stranger whose own store is held by somebody else would ask the daemon that it names.
	stranger := newHome(t)
	must(t, stranger, "send", "lobby", "x", "--daemon", d.addr, "--daemon-id", d.id)
	held, err := embedded.Open(storeDir(stranger), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	r := parley(t, stranger, "store", "check", "--daemon", d.addr, "--daemon-id", d.id)
	if r.code != exitRefused || !strings.Contains(r.err, "for the users of the daemon's own home") {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	if r := parley(t, stranger, "store", "check"); r.code != exitFailed || !strings.Contains(r.err, fmt.Sprintf("is in use by process %d; ", os.Getpid())) {
		t.Errorf("held by something that is no daemon: exit code %d: %s", r.code, r.err)
	}
}

// killed runs a command again and again, and kills it as soon as a file is there. The last run is whole.
func killed(t *testing.T, home, file string, args ...string) {
	t.Helper()
	kills := 0
	for range 6 {
		p := start(t, command(t, home, args...))
		for ended := false; !ended; {
			select {
			case <-p.done:
				ended = true
			default:
				if _, err := os.Stat(file); err == nil {
					ended = true
				}
			}
		}
		if p.signal(syscall.SIGKILL); p.cmd.ProcessState.ExitCode() < 0 {
			kills++
		}
	}
	if kills == 0 {
		t.Errorf("%q was never killed", args)
	}
}

func TestABackupThatIsKilledIsCompletedByTheNextAndTheLastWholeOneIsNotLost(t *testing.T) {
	t.Parallel()
	d := filled(t, 2000)
	dir := filepath.Join(t.TempDir(), "backup")
	killed(t, d.home, filepath.Join(dir, "FORMAT"), "store", "backup", dir)
	must(t, d.home, "store", "backup", dir)
	pour(t, d.home, 3000)
	killed(t, d.home, filepath.Join(dir, "previous"), "store", "backup", dir)
	// Whichever backup the folder holds as whole, it can be restored.
	r := must(t, newHome(t), "store", "restore", dir, "--json")
	if got := decode[summary](t, r)[0].Messages; got != 2002 && got != 5002 {
		t.Errorf("%d messages were restored", got)
	}
	if got := decode[summary](t, must(t, d.home, "store", "backup", dir, "--json"))[0]; got.Messages != 5002 {
		t.Errorf("%+v", got)
	}
	must(t, d.home, "store", "check", "embedded:"+dir)
	if r := must(t, d.home, "status", "--json"); !strings.Contains(r.out, `"store":"embedded"`) {
		t.Errorf("%s", r.out)
	}
}

// cutShort is a store whose Nth Apply and those behind it fail, as if the process had been killed there.
type cutShort struct {
	store.Store
	left int
}

func (c *cutShort) Apply(ctx context.Context, b *store.Batch) error {
	if c.left--; c.left < 0 {
		return errors.New("killed")
	}
	return c.Store.Apply(ctx, b)
}

// changing is a store that takes other runs than it is given.
type changing struct {
	store.Store
	change func(*store.Run)
}

func (c *changing) Apply(ctx context.Context, b *store.Batch) error {
	for i := range b.Runs {
		c.change(&b.Runs[i])
	}
	return c.Store.Apply(ctx, b)
}

// interrupted leaves a copy of a home's store that was cut after a few batches.
func interrupted(t *testing.T, home, dir, purpose string, batches int) {
	t.Helper()
	from, err := embedded.Open(storeDir(home), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := embedded.Open(dir, embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if _, err := transfer.Copy(t.Context(), from, &cutShort{to, batches}, transfer.Options{Purpose: purpose}); err == nil {
		t.Fatalf("the copy takes no more than %d batches", batches)
	}
}

func TestABackupThatWasNeverWholeIsNotRestored(t *testing.T) {
	t.Parallel()
	d := filled(t, 10)
	d.stop()
	dir := filepath.Join(t.TempDir(), "backup")
	interrupted(t, d.home, dir, "backup", 2)
	want := "parley: the backup in " + dir + " was interrupted before it was whole; run parley store backup " + dir + " again where its source is\n"
	if r := parley(t, newHome(t), "store", "restore", dir); r.code != exitFailed || r.err != want {
		t.Errorf("exit code %d\n got %swant %s", r.code, r.err, want)
	}
	if r := parley(t, d.home, "store", "check", "embedded:"+dir); r.code != exitFailed || !strings.Contains(r.out, "interrupted (backup)") {
		t.Errorf("exit code %d: %s%s", r.code, r.out, r.err)
	}
	must(t, d.home, "store", "backup", dir)
	must(t, newHome(t), "store", "restore", dir)
}

func TestARestoreLosesNothingThatIsThereAndWorkGoesOn(t *testing.T) {
	t.Parallel()
	d := filled(t, 3)
	home := d.home
	cursor := filepath.Join(t.TempDir(), "cursor")
	tail := func() []string {
		t.Helper()
		out := must(t, home, "tail", "ops", "--cursor", cursor, "--print0", "--all").out
		var short []string
		for _, text := range strings.Split(strings.TrimSuffix(out, "\x00"), "\x00") {
			short = append(short, text[:min(len(text), 5)])
		}
		return short
	}
	dir := filepath.Join(t.TempDir(), "backup")
	must(t, home, "store", "backup", dir)
	must(t, home, "send", "ops", "later")
	if got := tail(); !slices.Equal(got, []string{"first", "0 xxx", "1 xxx", "2 xxx", "later"}) {
		t.Errorf("%q", got)
	}
	if r := parley(t, home, "store", "restore", dir); r.code != exitFailed || !strings.Contains(r.err, fmt.Sprintf("process %d", d.cmd.Process.Pid)) {
		t.Errorf("under the daemon: exit code %d: %s", r.code, r.err)
	}
	d.stop()
	want := "parley: the store of this home holds 6 messages already; give --replace to move it aside\n"
	if r := parley(t, home, "store", "restore", dir); r.code != exitFailed || r.err != want {
		t.Errorf("over a store: exit code %d: %s", r.code, r.err)
	}
	r := must(t, home, "store", "restore", dir, "--replace")
	kept, err := filepath.Glob(storeDir(home) + ".replaced-*")
	if err != nil || len(kept) != 1 || !strings.Contains(r.err, "is kept as "+kept[0]) {
		t.Errorf("kept are %v, %v: %s", kept, err, r.err)
	}
	if got := decode[summary](t, must(t, home, "store", "check", "--json", "embedded:"+kept[0]))[0].Messages; got != 6 {
		t.Errorf("the store that was there holds %d messages", got)
	}
	d = daemon(t, home)
	if r := must(t, home, "send", "ops", "and on"); !strings.Contains(r.err, "stored here") {
		t.Errorf("%s", r.err)
	}
	// The writer had "later" acknowledged; it may send it again. The cursor shows nothing twice.
	got := tail()
	if slices.Contains(got, "first") || slices.Contains(got, "2 xxx") || !slices.Contains(got, "and o") {
		t.Errorf("after the restore, the cursor gives %q", got)
	}
	d.stop()
	must(t, home, "store", "check")
}

func TestAnInterruptedRestoreIsFinishedAndOneOfADamagedBackupRefused(t *testing.T) {
	t.Parallel()
	d := filled(t, 2000)
	dir := filepath.Join(t.TempDir(), "backup")
	must(t, d.home, "store", "backup", dir)
	d.stop()
	home := newHome(t)
	killed(t, home, storeDir(home)+".restoring", "store", "restore", dir, "--replace")
	must(t, home, "store", "restore", dir, "--replace")
	if r := must(t, home, "store", "check"); !strings.HasPrefix(r.out, "checked 2002 messages") {
		t.Errorf("%s", r.out)
	}
	// Interrupted between the last two steps, the store has only its other name; whoever opens it next finishes.
	if err := os.Rename(storeDir(home), storeDir(home)+".restored"); err != nil {
		t.Fatal(err)
	}
	if r := must(t, home, "store", "check"); !strings.HasPrefix(r.out, "checked 2002 messages") {
		t.Errorf("%s", r.out)
	}
	// Somebody wrote into the backup.
	b, err := embedded.Open(dir, embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = b.Apply(t.Context(), &store.Batch{Values: []store.Value{{Key: "x", Value: []byte("y")}}})
	if err := errors.Join(err, b.Close()); err != nil {
		t.Fatal(err)
	}
	fresh := newHome(t)
	if r := parley(t, fresh, "store", "restore", dir); r.code != exitFailed || !strings.Contains(r.err, "is not what was written") {
		t.Errorf("a changed backup: exit code %d: %s", r.code, r.err)
	}
	if _, err := os.Stat(storeDir(fresh)); err == nil {
		t.Error("a store was made of a changed backup")
	}
	if r := parley(t, fresh, "store", "check", "embedded:"+dir); r.code != exitFailed || !strings.Contains(r.out, "its digest is") {
		t.Errorf("exit code %d: %s", r.code, r.out)
	}
}

func TestAMigrationGoesOnAfterAnyKillAndEndsWithEqualDigests(t *testing.T) {
	t.Parallel()
	d := filled(t, 2000)
	order := must(t, d.home, "tail", "ops", "--all", "--print0").out
	to := filepath.Join(t.TempDir(), "to")
	want := fmt.Sprintf("parley: %s is in use by process %d; ", storeDir(d.home), d.cmd.Process.Pid)
	if r := parley(t, d.home, "store", "migrate", "embedded", "embedded:"+to); r.code != exitFailed || !strings.HasPrefix(r.err, want) {
		t.Errorf("from a store in use: exit code %d: %s", r.code, r.err)
	}
	d.stop()
	home := d.home
	interrupted(t, home, to, "migrate", 3)
	if r := parley(t, home, append([]string{"daemon", "--store", "embedded:" + to}, quiet...)...); r.code != exitFailed || !strings.Contains(r.err, "was interrupted; run the same parley store migrate again") {
		t.Errorf("a daemon on half a migration: exit code %d: %s", r.code, r.err)
	}
	if r := parley(t, home, "store", "migrate", "embedded:"+to, "embedded:"+t.TempDir()); r.code != exitFailed || !strings.Contains(r.err, "was interrupted") {
		t.Errorf("from half a migration: exit code %d: %s", r.code, r.err)
	}
	there := decode[summary](t, must(t, home, "store", "migrate", "embedded", "embedded:"+to, "--json"))[0]
	if r := parley(t, home, "store", "migrate", "embedded", "embedded:"+to); r.code != exitFailed || !strings.Contains(r.err, "the destination holds something else than a copy; give an empty one") {
		t.Errorf("into a store: exit code %d: %s", r.code, r.err)
	}
	back := filepath.Join(t.TempDir(), "back")
	killed(t, home, filepath.Join(back, "FORMAT"), "store", "migrate", "embedded:"+to, "embedded:"+back)
	again := parley(t, home, "store", "migrate", "embedded:"+to, "embedded:"+back, "--json")
	if again.code == exitDone { // else one of those to be killed came to its end
		if got := decode[summary](t, again)[0]; got.Digest != there.Digest || got.Messages != 2002 {
			t.Errorf("there %+v, back %+v", there, got)
		}
	}
	moved := daemon(t, home, "--store", "embedded:"+back)
	if got := must(t, home, "tail", "ops", "--all", "--print0").out; got != order {
		t.Error("messages are in another order after the migration")
	}
	must(t, home, "send", "ops", "and on")
	// parley store check looks at the home's own store, which is not in use.
	must(t, home, "store", "check")
	if r := must(t, home, "store", "check", "embedded:"+back); !strings.HasPrefix(r.out, "checked 2003 messages") {
		t.Errorf("%s", r.out)
	}
	moved.stop()
}

func TestPlacesThatAreNoneAreWrongUsage(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	for args, want := range map[string]string{
		"store check disk":                "disk: give embedded (the home's store) or embedded:DIR, or mongodb://HOST/DATABASE or @FILE with such a URI",
		"store check embedded:":           "embedded:: give embedded (the home's store) or embedded:DIR, or mongodb://HOST/DATABASE or @FILE with such a URI",
		"store migrate embedded embedded": "FROM and TO are one store, " + storeDir(home),
		"daemon --store disk":             "--store disk: give embedded (the home's store) or embedded:DIR, or mongodb://HOST/DATABASE or @FILE with such a URI",
	} {
		if r := parley(t, home, strings.Fields(args)...); r.code != exitUsage || r.err != "parley: "+want+"; see parley --help\n" {
			t.Errorf("%s: exit code %d: %s", args, r.code, r.err)
		}
	}
}
