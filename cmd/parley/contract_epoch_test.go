//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// shared starts daemons that are connected to the first, and makes a room of
// the first's user that those of the others join.
func shared(t testing.TB, others int, flags ...string) (room string, all []*process) {
	t.Helper()
	all = append(all, daemon(t, newHome(t)))
	room = "ops"
	must(t, all[0].home, append([]string{"room", "create", room}, flags...)...)
	for range others {
		d := daemon(t, newHome(t), "--peer", all[0].addr)
		all = append(all, d)
		link := strings.TrimSpace(must(t, all[0].home, "room", "invite", room).out)
		must(t, d.home, "room", "join", link)
	}
	return room, all
}

func TestRotateChangesTheKeyAndOnlyWhoMayDoesIt(t *testing.T) {
	t.Parallel()
	_, all := shared(t, 1)
	a, b := all[0].home, all[1].home
	must(t, a, "send", "ops", "before")
	if r := must(t, a, "room", "rotate", "ops"); r.err != "parley: ops has a new key, its 2nd\n" || r.out != "" {
		t.Errorf("%q, %q", r.out, r.err)
	}
	if r := must(t, a, "room", "rotate", "ops", "--json"); !strings.Contains(r.out, `"epochs":3`) {
		t.Errorf("%s", r.out)
	}
	must(t, a, "send", "ops", "after", "--replicas", "1")
	messages := decode[message](t, must(t, b, "tail", "ops", "--json"))
	if !slices.Equal(texts(messages), []string{"before", "after"}) || messages[0].Epoch == messages[1].Epoch {
		t.Errorf("%+v", messages)
	}
	if r := parley(t, b, "room", "rotate", "ops"); r.code != exitRefused || !strings.Contains(r.err, "master") {
		t.Errorf("a member: exit code %d: %s", r.code, r.err)
	}
	if r := parley(t, b, "room", "rotate", "lobby"); r.code != exitUsage {
		t.Errorf("the lobby: exit code %d: %s", r.code, r.err)
	}
}

func TestASenderWaitsUntilTheKeyWasChangedForWhoLeft(t *testing.T) {
	t.Parallel()
	_, all := shared(t, 2)
	a, b, c := all[0].home, all[1].home, all[2].home
	must(t, c, "id", "--name", "cy")
	must(t, c, "room", "leave", "ops")
	eventually(t, func() error {
		if m := must(t, b, "room", "members", "ops", "--json").lines(); len(m) != 2 {
			return fmt.Errorf("%s", m)
		}
		return nil
	})
	r := parley(t, b, "send", "ops", "secret", "--timeout", "1s")
	if r.code != exitTimeout || strings.Count(r.err, "somebody who is no member could read it, until an admin's agent has changed the room's key: ") != 2 || !strings.Contains(r.err, "--anyway") {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	if r := parleyInput(t, b, strings.NewReader("secret\n"), "send", "ops", "--timeout", "1s"); r.code != exitTimeout || !strings.Contains(r.err, "--anyway") {
		t.Errorf("a pipe: exit code %d: %s", r.code, r.err)
	}
	if r := must(t, b, "send", "ops", "--anyway", "no secret"); !strings.Contains(r.err, "can still read it") {
		t.Errorf("%s", r.err)
	}
	waiting := start(t, command(t, b, "send", "ops", "a secret of yours"))
	eventually(t, func() error {
		if !strings.Contains(waiting.stderr.String(), "waiting: ") {
			return fmt.Errorf("%s", waiting.stderr)
		}
		return nil
	})
	must(t, a, "send", "ops", "a secret of mine") // the master's own send changes the key first
	if code := waiting.wait(); code != exitDone {
		t.Errorf("exit code %d: %s", code, waiting.stderr)
	}
	eventually(t, func() error {
		messages := decode[message](t, must(t, b, "tail", "ops", "--json", "--sorted"))
		got := texts(messages)
		slices.Sort(got)
		if !slices.Equal(got, []string{"a secret of mine", "a secret of yours", "no secret"}) || messages[0].Epoch == messages[1].Epoch || messages[1].Epoch != messages[2].Epoch {
			return fmt.Errorf("%+v", messages)
		}
		return nil
	})
}

func TestAMemberThatWasAwayForManyEpochsReadsThemAll(t *testing.T) {
	t.Parallel()
	_, all := shared(t, 1)
	a, b := all[0], all[1]
	b.stop()
	const epochs = 12
	for i := range epochs {
		must(t, a.home, "room", "rotate", "ops")
		must(t, a.home, "send", "ops", fmt.Sprint(i))
	}
	b = daemon(t, b.home, "--peer", a.addr)
	eventually(t, func() error {
		if n := len(must(t, b.home, "tail", "ops", "--all", "--json").lines()); n != epochs {
			return fmt.Errorf("%d messages", n)
		}
		return nil
	})
	for _, m := range decode[message](t, must(t, b.home, "tail", "ops", "--all", "--json")) {
		if m.Problem != "" {
			t.Errorf("%+v", m)
		}
	}
}

func TestAHomePutBackFromABackupGoesOnInANewLogAndLosesNothing(t *testing.T) {
	t.Parallel()
	_, all := shared(t, 1)
	a, b := all[0], all[1]
	user := filepath.Join(b.home, "user")
	backup := filepath.Join(t.TempDir(), "backup")
	first := decode[sent](t, must(t, b.home, "send", "ops", "--json", "1"))[0]
	if err := os.CopyFS(backup, os.DirFS(user)); err != nil {
		t.Fatal(err)
	}
	second := decode[sent](t, must(t, b.home, "send", "ops", "--json", "2"))[0]
	must(t, a.home, "room", "rotate", "ops") // the restored home lacks this key
	third := decode[sent](t, must(t, b.home, "send", "ops", "--json", "3"))[0]
	if err := os.RemoveAll(user); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(user, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(user, os.DirFS(backup)); err != nil {
		t.Fatal(err)
	}
	err := filepath.Walk(user, func(path string, info os.FileInfo, err error) error { // CopyFS gives its own modes
		if err != nil || info.IsDir() {
			return err
		}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	fourth := decode[sent](t, must(t, b.home, "send", "ops", "--json", "4"))[0]
	fifth := decode[sent](t, must(t, b.home, "send", "ops", "--json", "--replicas", "1", "5"))[0]
	if first.Log != second.Log || second.Log != third.Log || fourth.Log == third.Log || fifth.Log != fourth.Log || fifth.Seq != 2 {
		t.Errorf("%+v %+v %+v %+v %+v", first, second, third, fourth, fifth)
	}
	for _, home := range []string{a.home, b.home} {
		if got := texts(decode[message](t, must(t, home, "tail", "ops", "--json", "--sorted"))); !slices.Equal(got, []string{"1", "2", "3", "4", "5"}) {
			t.Errorf("%q", got)
		}
	}
	if r := must(t, b.home, "room", "verify", "ops"); !strings.HasSuffix(r.out, ": identical, 5 messages\n") {
		t.Errorf("%s", r.out)
	}
}
