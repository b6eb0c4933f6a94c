//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// agentOf starts the agent of a home whose daemon runs.
func agentOf(t testing.TB, home string) *process {
	t.Helper()
	p := start(t, command(t, home, append([]string{"up"}, quiet...)...))
	for line := p.line(); !strings.HasPrefix(line, "try "); line = p.line() {
		continue
	}
	return p
}

func TestTwoPeopleTalkAloneAndNobodyElseReadsIt(t *testing.T) {
	t.Parallel()
	_, all := shared(t, 2)
	a, b, c := all[0].home, all[1].home, all[2].home
	ann, _ := whoami(t, a)
	bob, _ := whoami(t, b)
	cy, _ := whoami(t, c)
	for _, home := range []string{a, b, c} {
		must(t, home, "room", "members", "ops") // each learns who there is
	}
	agentOf(t, b)
	must(t, a, "petname", bob, "bob")
	must(t, b, "petname", ann, "ann")
	if r := must(t, a, "send", "@bob", "between us"); r.out != "" || !strings.Contains(r.err, "stored here") {
		t.Errorf("%q, %q", r.out, r.err)
	}
	eventually(t, func() error { // by b's agent, without anything typed there
		if r := must(t, b, "room", "ls"); !strings.Contains(r.out, "@ann") {
			return fmt.Errorf("%s", r.out)
		}
		return nil
	})
	eventually(t, func() error {
		got := texts(decode[message](t, must(t, b, "tail", "@ann", "--json")))
		if !slices.Equal(got, []string{"between us"}) {
			return fmt.Errorf("%q", got)
		}
		return nil
	})
	must(t, b, "send", "@ann", "--replicas", "1", "heard")
	if got := texts(decode[message](t, must(t, a, "tail", "@bob", "--json", "--sorted"))); !slices.Equal(got, []string{"between us", "heard"}) {
		t.Errorf("%q", got)
	}
	if r := must(t, a, "room", "info", "@bob"); !strings.Contains(r.out, "a room of two, of you and bob") {
		t.Errorf("%s", r.out)
	}
	for _, pair := range [][2]string{{a, c}, {c, a}} { // both begin at once
		other := cy
		if pair[0] == c {
			other = ann
		}
		must(t, pair[0], "send", "@"+other, "hello")
	}
	eventually(t, func() error {
		for home, other := range map[string]string{a: cy, c: ann} {
			if got := texts(decode[message](t, must(t, home, "tail", "@"+other, "--json"))); !slices.Equal(got, []string{"hello", "hello"}) {
				return fmt.Errorf("%q", got)
			}
		}
		return nil
	})
	refused(t, a, []string{"room", "kick", "@bob", bob}, "a room of two has no members to manage")
	refused(t, a, []string{"room", "leave", "@bob"}, "a room of two")
	if r := parley(t, a, "send", "@"+ann, "to myself"); r.code != exitFailed || !strings.Contains(r.err, "that is you") {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	stranger, _ := whoami(t, newHome(t))
	if r := parley(t, a, "send", "@"+stranger, "who are you"); r.code != exitFailed || !strings.Contains(r.err, "be in a room together first") {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	if r := parley(t, c, "tail", "@bob"); r.code != exitFailed {
		t.Errorf("a petname of somebody else's: exit code %d: %s", r.code, r.err)
	}
}

func TestARenewedKeyAndNameAreToldToTheRooms(t *testing.T) {
	t.Parallel()
	_, all := shared(t, 1)
	a, b := all[0].home, all[1].home
	must(t, b, "send", "ops", "before", "--replicas", "1")
	key := filepath.Join(b, "user", "key")
	size := func() int64 {
		info, err := os.Stat(key)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	one := size()
	if r := must(t, b, "id", "--renew", "--name", "robert"); r.err != "" || !strings.Contains(r.out, "robert·") {
		t.Errorf("%q, %q", r.out, r.err)
	}
	two := size()
	if two <= one {
		t.Errorf("the key file had %d bytes, and has %d with an older key", one, two)
	}
	eventually(t, func() error {
		if r := must(t, a, "room", "members", "ops"); !strings.Contains(r.out, "robert·") {
			return fmt.Errorf("%s", r.out)
		}
		return nil
	})
	must(t, a, "room", "rotate", "ops")
	must(t, a, "send", "ops", "after", "--replicas", "1")
	read := func() error {
		got := decode[message](t, must(t, b, "tail", "ops", "--json"))
		if !slices.Equal(texts(got), []string{"before", "after"}) {
			return fmt.Errorf("%+v", got)
		}
		return nil
	}
	eventually(t, read)
	if err := os.Remove(filepath.Join(b, "user", "rooms", roomID(t, b, "ops"), "epochs")); err != nil {
		t.Fatal(err)
	}
	eventually(t, read) // from the boxes
	must(t, b, "send", "ops", "and on", "--replicas", "1")
}

// roomID is the ID of a room of a home.
func roomID(t testing.TB, home, room string) string {
	t.Helper()
	var v struct{ ID string }
	if err := json.Unmarshal([]byte(must(t, home, "room", "info", room, "--json").out), &v); err != nil {
		t.Fatal(err)
	}
	return v.ID
}

func TestATrimIsForgottenByEveryPeer(t *testing.T) {
	t.Parallel()
	_, all := shared(t, 1)
	a, b := all[0].home, all[1].home
	must(t, a, "send", "ops", "old")
	must(t, b, "send", "ops", "old too", "--replicas", "1")
	refused(t, b, []string{"room", "trim", "ops", "--older", "1ms"}, "only the master may trim the room: ask ")
	if r := must(t, a, "room", "trim", "ops", "--older", "1h"); r.err != "parley: 0 messages of ops forgotten\n" {
		t.Errorf("%s", r.err)
	}
	if r := must(t, a, "room", "trim", "ops", "--older", "1ms", "--json"); !strings.Contains(r.out, `"messages":2`) {
		t.Errorf("%s", r.out)
	}
	must(t, b, "send", "ops", "new", "--replicas", "1")
	for _, home := range []string{a, b} {
		eventually(t, func() error {
			if got := texts(decode[message](t, must(t, home, "tail", "ops", "--json"))); !slices.Equal(got, []string{"new"}) {
				return fmt.Errorf("%q", got)
			}
			return nil
		})
	}
}

func TestAnAuthorIsToldOnceWhichMessagesStoppedCounting(t *testing.T) {
	t.Parallel()
	_, all := shared(t, 1)
	a, b := all[0], all[1]
	bob, _ := whoami(t, b.home)
	must(t, b.home, "send", "ops", "counts", "--replicas", "1")
	b.stop()
	alone := daemon(t, b.home) // apart from the others
	must(t, b.home, "send", "ops", "late")
	must(t, a.home, "room", "role", "ops", bob, "reader")
	alone.stop()
	daemon(t, b.home, "--peer", a.addr)
	eventually(t, func() error {
		r := parley(t, b.home, "tail", "ops")
		if !strings.Contains(r.err, "your message 2 of log ") || !strings.Contains(r.err, "not seen by the others any more: ") {
			return fmt.Errorf("%s", r.err)
		}
		return nil
	})
	if r := parley(t, b.home, "tail", "ops"); strings.Contains(r.err, "not seen by the others") {
		t.Errorf("told again: %s", r.err)
	}
}

func TestTheAgentOfAnAdminMergesKeysAndSealsWhatACrashLeftOut(t *testing.T) {
	t.Parallel()
	_, all := shared(t, 1)
	a, b := all[0], all[1]
	bob, _ := whoami(t, b.home)
	must(t, a.home, "room", "role", "ops", bob, "admin")
	awaitRole(t, b.home, "ops", bob, "admin")
	b.stop()
	alone := daemon(t, b.home) // two admins act at once, apart from each other
	must(t, a.home, "room", "rotate", "ops")
	must(t, b.home, "room", "rotate", "ops")
	must(t, b.home, "send", "ops", "from bob")
	must(t, a.home, "send", "ops", "from ann")
	alone.stop()
	agentOf(t, a.home)
	daemon(t, b.home, "--peer", a.addr)
	for _, home := range []string{a.home, b.home} {
		eventually(t, func() error {
			r := must(t, home, "room", "info", "ops")
			if strings.Contains(r.out, "pending") || !strings.Contains(r.out, "of 4 of 4 epochs") {
				return fmt.Errorf("%s", r.out)
			}
			return nil
		})
		must(t, home, "send", "ops", "together", "--replicas", "1")
	}
	for _, home := range []string{a.home, b.home} {
		eventually(t, func() error {
			got := texts(decode[message](t, must(t, home, "tail", "ops", "--json", "--all")))
			slices.Sort(got)
			if !slices.Equal(got, []string{"from ann", "from bob", "together", "together"}) {
				return fmt.Errorf("%q", got)
			}
			return nil
		})
	}
}

func TestARenewedKeyKeepsItsPassphrase(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	secret := write(t, "correct horse battery")
	if err := os.Chmod(secret, 0o600); err != nil {
		t.Fatal(err)
	}
	first := must(t, home, "id", "--passphrase-file", secret)
	if r := must(t, home, "id", "--renew", "--passphrase-file", secret); !strings.Contains(r.err, "your rooms learn of it when parley up runs") || r.out != first.out {
		t.Errorf("%q, %q, first %q", r.out, r.err, first.out)
	}
	if r := parley(t, home, "id"); r.code != exitFailed || !strings.Contains(r.err, "passphrase") {
		t.Errorf("without it: exit code %d: %s", r.code, r.err)
	}
}
