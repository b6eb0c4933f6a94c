//go:build unix

package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// roster is what `room members --json` tells: roles by name, and who is kept out.
type rosterLine struct {
	ID, Name, Role, Since, Verified string
	Self                            bool
	Invite, By, Expires             string
	Uses, Used                      int
	Removed                         string
	Ban                             bool
}

// roles are the roles in a room by a member's whole ID.
func roles(t testing.TB, home, room string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, line := range decode[rosterLine](t, must(t, home, "room", "members", room, "--json")) {
		switch {
		case line.Removed != "" && line.Ban:
			found[line.Removed] = "banned"
		case line.Removed != "":
			found[line.Removed] = "removed"
		case line.ID != "":
			found[line.ID] = line.Role
		}
	}
	return found
}

// awaitRole waits until somebody has a role by what a home's peer knows.
func awaitRole(t testing.TB, home, room, person, role string) {
	t.Helper()
	eventually(t, func() error {
		if got := roles(t, home, room)[person]; got != role {
			return fmt.Errorf("%s is %q, not %q", person, got, role)
		}
		return nil
	})
}

// refused checks that a command ends with exit code 4 and a line with all of want.
func refused(t testing.TB, home string, args []string, want ...string) {
	t.Helper()
	r := parley(t, home, args...)
	for _, w := range want {
		if r.code != exitRefused || !strings.Contains(r.err, w) || strings.Count(r.err, "\n") != 1 {
			t.Errorf("%q: exit code %d, without %q: %s", args, r.code, w, r.err)
		}
	}
}

func TestAKickedMemberWritesAndReadsNoMoreAndSaysWhoMayChangeThat(t *testing.T) {
	t.Parallel()
	_, all := shared(t, 2)
	a, b, c := all[0].home, all[1].home, all[2].home
	ann, _ := whoami(t, a)
	bob, _ := whoami(t, b)
	must(t, b, "send", "ops", "from bob", "--replicas", "1")
	must(t, a, "petname", bob, "bob")
	link := strings.TrimSpace(must(t, a, "room", "invite", "ops").out)
	eventually(t, func() error {
		if r := must(t, b, "room", "members", "ops"); !strings.Contains(r.out, "live invite") {
			return fmt.Errorf("%s", r.out)
		}
		return nil
	})
	following := start(t, command(t, b, "tail", "ops", "-f"))
	if line := following.line(); !strings.Contains(line, "from bob") {
		t.Fatal(line)
	}
	refused(t, b, []string{"room", "kick", "ops", ann[:8]}, "only admins and the master may remove members and lower their roles: ask ", "·"+ann[:4])
	if r := must(t, a, "room", "kick", "ops", "bob"); r.out != "" || r.err != "parley: bob is now removed in ops\nparley: 1 live invite ended with it; make a new one with: parley room invite ops\n" {
		t.Errorf("%q, %q", r.out, r.err)
	}
	if r := must(t, a, "room", "kick", "ops", "bob"); r.err != "parley: bob is removed already; nothing was changed\n" {
		t.Errorf("%q", r.err)
	}
	awaitRole(t, c, "ops", bob, "removed")
	must(t, a, "send", "ops", "after", "--replicas", "1")
	must(t, c, "send", "ops", "without bob", "--replicas", "1")
	eventually(t, func() error {
		r := parley(t, b, "send", "ops", "let me in")
		if r.code != exitRefused || !strings.Contains(r.err, "you were removed from this room: ask ") || !strings.Contains(r.err, "·"+ann[:4]) {
			return fmt.Errorf("exit code %d: %s", r.code, r.err)
		}
		return nil
	})
	for _, home := range []string{a, c} {
		eventually(t, func() error {
			got := texts(decode[message](t, must(t, home, "tail", "ops", "--json", "--sorted")))
			if !slices.Equal(got, []string{"from bob", "after", "without bob"}) {
				return fmt.Errorf("%q", got)
			}
			return nil
		})
	}
	refused(t, b, []string{"tail", "ops", "--all"}, "you were removed from this room: ask ")
	refused(t, b, []string{"room", "verify", "ops"}, "you were removed from this room: ask ")
	if code := following.wait(); code != exitRefused || !strings.HasPrefix(following.stderr.String(), "parley: you were removed from this room: ask ") || len(following.lines) > 0 {
		t.Errorf("a reading that was open: exit code %d, %d lines: %s", code, len(following.lines), following.stderr)
	}
	if r := must(t, b, "room", "info", "ops"); !strings.Contains(r.out, "you are") || !strings.Contains(r.out, "none\n") || !strings.Contains(r.out, "no longer told to you") {
		t.Errorf("%s", r.out)
	}
	refused(t, b, []string{"room", "join", link}, "the invite was revoked", "ask for a new invite")

	// A plain invite does not take bob in; a role does, with all keys.
	must(t, a, "room", "role", "ops", "bob", "member")
	awaitRole(t, c, "ops", bob, "member")
	eventually(t, func() error {
		r := parley(t, b, "send", "ops", "back", "--replicas", "1", "--timeout", "10s")
		if r.code != exitDone {
			return fmt.Errorf("exit code %d: %s", r.code, r.err)
		}
		return nil
	})
	eventually(t, func() error {
		got := texts(decode[message](t, must(t, b, "tail", "ops", "--json", "--sorted")))
		if !slices.Contains(got, "without bob") || !slices.Contains(got, "back") {
			return fmt.Errorf("%q", got)
		}
		return nil
	})
}

func TestABannedOneStaysOutUntilItIsLifted(t *testing.T) {
	t.Parallel()
	_, all := shared(t, 1)
	a, b := all[0].home, all[1].home
	bob, _ := whoami(t, b)
	stranger, _ := whoami(t, newHome(t))
	if r := must(t, a, "room", "ban", "ops", stranger, "--json"); !strings.Contains(r.out, `"person":"`+stranger+`"`) || !strings.Contains(r.out, `"role":"banned","before":"none","revoked_invites":0`) {
		t.Errorf("somebody who was never there: %s", r.out)
	}
	must(t, a, "room", "ban", "ops", bob[:8])
	awaitRole(t, a, "ops", bob, "banned")
	refused(t, a, []string{"room", "role", "ops", bob, "member"}, "banned")
	link := strings.TrimSpace(must(t, a, "room", "invite", "ops").out)
	eventually(t, func() error { // until b's peer knows of it
		if r := parley(t, b, "room", "join", link, "--timeout", "5s"); r.code != exitRefused || !strings.Contains(r.err, "banned") {
			return fmt.Errorf("exit code %d: %s", r.code, r.err)
		}
		return nil
	})
	if r := must(t, a, "room", "unban", "ops", bob); !strings.Contains(r.err, "is now no member in ops") {
		t.Errorf("%s", r.err)
	}
	link = strings.TrimSpace(must(t, a, "room", "invite", "ops").out)
	must(t, b, "room", "join", link, "--timeout", "20s")
	must(t, b, "send", "ops", "thank you", "--replicas", "1")
	if got := texts(decode[message](t, must(t, a, "tail", "ops", "--json"))); !slices.Equal(got, []string{"thank you"}) {
		t.Errorf("%q", got)
	}
}

func TestRolesAreGivenAndTakenByWhoMay(t *testing.T) {
	t.Parallel()
	_, all := shared(t, 2)
	a, b, c := all[0].home, all[1].home, all[2].home
	ann, _ := whoami(t, a)
	bob, _ := whoami(t, b)
	cy, _ := whoami(t, c)
	refused(t, b, []string{"room", "role", "ops", cy, "admin"}, "only the master may appoint admins: ask ", "·"+ann[:4])
	if r := must(t, a, "room", "role", "ops", bob, "admin"); !strings.Contains(r.err, "is now an admin in ops") {
		t.Errorf("%s", r.err)
	}
	if r := must(t, a, "room", "role", "ops", bob, "admin"); !strings.Contains(r.err, "is an admin already; nothing was changed") {
		t.Errorf("%s", r.err)
	}
	awaitRole(t, b, "ops", bob, "admin")
	must(t, b, "room", "invite", "ops", "--role", "relay")
	must(t, b, "room", "rotate", "ops")
	refused(t, b, []string{"room", "kick", "ops", ann}, "the master is removed or changed by nobody")
	refused(t, b, []string{"room", "policy", "ops", "--topic", "x"}, "only the master may set the room's policy")
	awaitRole(t, c, "ops", bob, "admin")
	if r := must(t, b, "room", "role", "ops", cy, "reader"); !strings.Contains(r.err, "is now a reader in ops") {
		t.Errorf("%s", r.err)
	}
	awaitRole(t, c, "ops", cy, "reader")
	refused(t, c, []string{"send", "ops", "x"}, "you may read this room, not write", "ask ")
	must(t, b, "room", "role", "ops", cy, "member")
	awaitRole(t, c, "ops", cy, "member")
	must(t, c, "send", "ops", "I may write", "--replicas", "1")
	refused(t, c, []string{"room", "role", "ops", bob, "member"}, "only the master may demote admins")
	must(t, a, "room", "kick", "ops", bob) // demoted with it
	awaitRole(t, c, "ops", bob, "removed")
	must(t, c, "send", "ops", "without bob", "--replicas", "1")
	if r := parley(t, a, "room", "role", "ops", "nobody", "member"); r.code != exitFailed || !strings.Contains(r.err, "nobody of that name") {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	if r := parley(t, a, "room", "role", "ops", cy, "king"); r.code != exitUsage {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
}

func TestAPolicyIsShownAndSet(t *testing.T) {
	t.Parallel()
	_, all := shared(t, 1)
	a, b := all[0].home, all[1].home
	if r := must(t, a, "room", "policy", "ops"); !strings.Contains(r.out, "epoch age  7 days\n") || !strings.Contains(r.out, "retention  keeps all\n") {
		t.Errorf("%s", r.out)
	}
	r := must(t, a, "room", "policy", "ops", "--name", "bridge", "--topic", "who steers", "--history", "joined", "--capacity", "9", "--retention", "90d", "--epoch-age", "12h", "--json")
	if want := `"name":"bridge","topic":"who steers","history":"joined","capacity":9,"retention":7776000,"epoch_age":43200}`; !strings.Contains(r.out, want) {
		t.Errorf("%s", r.out)
	}
	must(t, a, "room", "policy", "ops", "--retention", "never")
	eventually(t, func() error {
		if r := must(t, b, "room", "info", "ops"); !strings.Contains(r.out, "who steers") || !strings.Contains(r.out, "joined") || !strings.Contains(r.out, "keeps all") || !strings.Contains(r.out, "12h0m0s") {
			return fmt.Errorf("%s", r.out)
		}
		return nil
	})
	for _, flag := range []string{"--history=none", "--retention=soon", "--epoch-age=1ms"} {
		if r := parley(t, a, "room", "policy", "ops", flag); r.code != exitUsage {
			t.Errorf("%s: exit code %d: %s", flag, r.code, r.err)
		}
	}
	if r := parley(t, a, "room", "policy", "lobby"); r.code != exitUsage {
		t.Errorf("the lobby: exit code %d: %s", r.code, r.err)
	}
}

func TestAHandoverNeedsBothAndWarnsWhereNobodyWitnesses(t *testing.T) {
	t.Parallel()
	_, all := shared(t, 2)
	a, b, c := all[0].home, all[1].home, all[2].home
	ann, _ := whoami(t, a)
	bob, _ := whoami(t, b)
	cy, _ := whoami(t, c)
	refused(t, b, []string{"room", "handover", "ops", cy}, "only the master may hand the room over: ask ")
	offer := must(t, a, "room", "handover", "ops", bob)
	if text := strings.TrimSuffix(offer.out, "\n"); !strings.HasPrefix(text, "parley-offer:") || strings.ContainsAny(text, " \n") || !strings.Contains(offer.err, "could contest it") {
		t.Fatalf("%q, %q", offer.out, offer.err)
	}
	text := strings.TrimSpace(offer.out)
	for wrong, want := range map[string]string{text[:len(text)-3]: "copied incompletely", "parley-offer:": "copied incompletely"} {
		if r := parley(t, b, "room", "handover", "ops", wrong); r.code != exitFailed || !strings.Contains(r.err, want) {
			t.Errorf("%q: exit code %d: %s", wrong, r.code, r.err)
		}
	}
	if r := parley(t, c, "room", "handover", "ops", text); r.code != exitFailed || !strings.Contains(r.err, "for somebody else") {
		t.Errorf("another: exit code %d: %s", r.code, r.err)
	}
	must(t, a, "room", "role", "ops", cy, "admin") // which makes the offer void
	awaitRole(t, b, "ops", cy, "admin")
	if r := parley(t, b, "room", "handover", "ops", text); r.code != exitFailed || !strings.Contains(r.err, "the master has changed the room since; ask for a new offer") {
		t.Errorf("a void offer: exit code %d: %s", r.code, r.err)
	}
	offer = must(t, a, "room", "handover", "ops", bob)
	if strings.Contains(offer.err, "contest") {
		t.Errorf("with a witness: %s", offer.err)
	}
	text = strings.TrimSpace(offer.out)
	if r := must(t, b, "room", "handover", "ops", text); r.err != "parley: you are now the master of ops\n" {
		t.Errorf("%s", r.err)
	}
	for _, home := range []string{a, b, c} {
		awaitRole(t, home, "ops", bob, "master")
		awaitRole(t, home, "ops", ann, "member")
	}
	must(t, b, "room", "policy", "ops", "--topic", "bob's")
	refused(t, a, []string{"room", "policy", "ops", "--topic", "ann's"}, "only the master may set the room's policy: ask ", "·"+bob[:4])
	must(t, a, "send", "ops", "all yours", "--replicas", "1")
	if r := parley(t, b, "room", "handover", "ops", text); r.code != exitFailed || !strings.Contains(r.err, "you are the master already") {
		t.Errorf("twice: exit code %d: %s", r.code, r.err)
	}
}

func TestARevokedInviteTakesNobodyIn(t *testing.T) {
	t.Parallel()
	_, all := shared(t, 1)
	a, b := all[0].home, all[1].home
	first := strings.TrimSpace(must(t, a, "room", "invite", "ops").out)
	second := strings.TrimSpace(must(t, a, "room", "invite", "ops").out)
	var invites []string
	for _, line := range decode[rosterLine](t, must(t, a, "room", "members", "ops", "--json")) {
		if line.Invite != "" {
			invites = append(invites, line.Invite)
		}
	}
	if len(invites) != 2 {
		t.Fatalf("%q", invites)
	}
	if r := parley(t, a, "room", "revoke", "ops"); r.code != exitUsage {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	if r := parley(t, a, "room", "revoke", "ops", "zzzz"); r.code != exitFailed || !strings.Contains(r.err, "parley room members lists them") {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	refused(t, b, []string{"room", "revoke", "ops", "--all"}, "only admins and the master may revoke invites: ask ")
	if r := must(t, a, "room", "revoke", "ops", invites[0][:8], "--json"); r.out != `{"revoked":"`+invites[0]+`"}`+"\n" {
		t.Errorf("%s", r.out)
	}
	if r := must(t, a, "room", "revoke", "ops", "--all"); r.err != "parley: 1 invite of ops revoked\n" {
		t.Errorf("%s", r.err)
	}
	c := daemon(t, newHome(t), "--peer", all[0].addr)
	for _, link := range []string{first, second} {
		if r := parley(t, c.home, "room", "join", link, "--timeout", "3s"); r.code != exitRefused && r.code != exitTimeout {
			t.Errorf("exit code %d: %s", r.code, r.err)
		}
	}
	if n := len(roles(t, a, "ops")); n != 2 {
		t.Errorf("%d members", n)
	}
}
