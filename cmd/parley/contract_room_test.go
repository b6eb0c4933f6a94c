//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestTokensAreListedAndRevoked(t *testing.T) {
	t.Parallel()
	d := daemon(t, newHome(t))
	type token struct {
		ID, Scope, Issued, Expires string
		LastUsed                   string `json:"last_used"`
		Current                    bool
	}
	list := func() []token { return decode[token](t, must(t, d.home, "token", "ls", "--json")) }
	must(t, d.home, "status") // the first session takes a token
	tokens := list()
	if len(tokens) != 1 || !tokens[0].Current || !timeText.MatchString(tokens[0].Expires) || !regexp.MustCompile(`^[a-z2-7]{26}$`).MatchString(tokens[0].ID) {
		t.Fatalf("%+v", tokens)
	}
	if r := must(t, d.home, "token", "ls"); !strings.Contains(r.out, tokens[0].ID) {
		t.Errorf("%s", r.out)
	}
	must(t, d.home, "send", "lobby", "before")
	tail := start(t, command(t, d.home, "tail", "lobby", "-f"))
	tail.line()
	if r := must(t, d.home, "token", "revoke", tokens[0].ID[:8]); r.err != "parley: token "+tokens[0].ID+" is revoked\n" || r.out != "" {
		t.Errorf("%q, %q", r.out, r.err)
	}
	now := list()
	if len(now) > 0 && now[0].ID == tokens[0].ID {
		t.Errorf("%+v", now)
	}
	if r := parley(t, d.home, "token", "revoke", tokens[0].ID); r.code != exitFailed || r.err != "parley: no such token: "+tokens[0].ID+"; parley token ls lists yours\n" {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	if code := tail.wait(); code != exitRefused || !strings.Contains(tail.stderr.String(), "revoked") {
		t.Errorf("a session that was opened with it: exit code %d: %s", code, tail.stderr)
	}
	must(t, d.home, "send", "lobby", "after") // by a new token
}

func TestPeersStatusAndDoctorHaveTheContractsFields(t *testing.T) {
	t.Parallel()
	a, b := two(t)
	must(t, a.home, "send", "lobby", "--replicas", "1", "hello")
	type peer struct {
		ID, Name, Address, State, Reason, Since string
		RTT                                     float64
		Outbound                                bool
		Rooms, Sent, Received                   uint64
	}
	connected := func(home string) peer {
		t.Helper()
		all := decode[peer](t, must(t, home, "peers", "--json"))
		i := slices.IndexFunc(all, func(p peer) bool { return p.State == "connected" })
		if i < 0 {
			t.Fatalf("%+v", all)
		}
		return all[i]
	}
	if p := connected(a.home); p.ID != b.id || p.State != "connected" || p.Rooms != 1 || p.Sent == 0 || p.Received == 0 || !timeText.MatchString(p.Since) || p.Address == "" {
		t.Errorf("%+v", p)
	}
	if p := connected(b.home); p.ID != a.id || p.Address == "" {
		t.Errorf("%+v", p)
	}
	if r := must(t, a.home, "peers"); !strings.Contains(r.out, "·"+b.id[:4]) || !strings.Contains(r.out, "connected") {
		t.Errorf("%s", r.out)
	}
	var status map[string]any
	if err := json.Unmarshal([]byte(must(t, a.home, "status", "--json").out), &status); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"id", "uptime", "store", "rooms", "sessions", "queues", "counters"} {
		if _, ok := status[field]; !ok {
			t.Errorf("no %q in %v", field, status)
		}
	}
	if status["id"] != a.id || status["rooms"] != 1.0 || status["store"] != "embedded" || status["counters"].(map[string]any)["messages_stored"] != 1.0 {
		t.Errorf("%v", status)
	}
	if r := must(t, a.home, "status"); !strings.Contains(r.out, a.id) {
		t.Errorf("%s", r.out)
	}
	type finding struct {
		Layer, Subject, Detail, Advice string
		OK                             bool
	}
	doctor := parley(t, a.home, "doctor", "--json")
	for _, f := range decode[finding](t, doctor) {
		if f.Layer == "" || f.Subject == "" || f.Detail == "" || !f.OK && f.Advice == "" {
			t.Errorf("%+v", f)
		}
	}
	if doctor.code != exitDone {
		t.Errorf("a connected peer is unwell: exit code %d: %s%s", doctor.code, doctor.out, doctor.err)
	}
	b.stop()
	eventually(t, func() error {
		if r := parley(t, a.home, "doctor"); r.code != exitFailed || !strings.Contains(r.out, "no other peer is connected") || !strings.Contains(r.out, "  do: ") {
			return fmt.Errorf("alone: exit code %d: %s%s", r.code, r.out, r.err)
		}
		return nil
	})
	if r := parley(t, a.home, "peers"); r.code != exitDone || strings.Contains(r.out, "connected") {
		t.Errorf("alone: exit code %d, %q, %q", r.code, r.out, r.err)
	}
}

func TestARoomFromItsCreationToTheLastLeave(t *testing.T) {
	t.Parallel()
	a, b := two(t)
	if r := must(t, a.home, "room", "create", "ops", "--topic", "on duty", "--capacity", "5"); r.out != "ops\n" {
		t.Fatalf("%q", r.out)
	}
	for name, want := range map[string]string{"lobby": "lobby is the network's open room", "a@b": "holds @", "abcdefghijkl2345": "looks like an ID", " x": "without outer spaces"} {
		if r := parley(t, a.home, "room", "create", name); r.code != exitUsage || !strings.Contains(r.err, want) || strings.Count(r.err, "\n") != 1 {
			t.Errorf("%q: exit code %d: %s", name, r.code, r.err)
		}
	}
	if r := must(t, a.home, "room", "create", "ops"); r.out != "ops-2\n" || !strings.Contains(r.err, "ops-2") {
		t.Errorf("a second ops: %q, %q", r.out, r.err)
	}
	parleyInput(t, a.home, strings.NewReader("1\n2\n3\n"), "send", "ops")
	invited := must(t, a.home, "room", "invite", "ops", "--uses", "1", "--qr")
	link := strings.TrimSuffix(invited.out, "\n")
	if !strings.HasPrefix(link, "parley:") || strings.ContainsAny(link, " \n") || !strings.Contains(invited.err, "▄") || !strings.Contains(invited.err, "anyone who has this link can read ops") {
		t.Errorf("%q, %q", invited.out, invited.err)
	}
	type member struct {
		ID, Name, Role, Since string
		Self                  bool
		Invite, By, Expires   string
		Uses, Used            int
	}
	if m := decode[member](t, must(t, a.home, "room", "members", "ops", "--json")); len(m) != 2 || m[0].Role != "master" || !m[0].Self || m[1].Invite == "" || m[1].Uses != 1 {
		t.Errorf("%+v", m)
	}
	if r := must(t, a.home, "room", "members", "ops"); !strings.Contains(r.out, "anyone with this link can read") {
		t.Errorf("%s", r.out)
	}
	joined := must(t, b.home, "room", "join", link, "--timeout", "10s")
	if joined.out != "ops\n" {
		t.Errorf("%q, %q", joined.out, joined.err)
	}
	if r := must(t, b.home, "tail", "ops", "--print0"); r.out != "1\x002\x003\x00" {
		t.Errorf("after the first sync: %q", r.out)
	}
	third := newHome(t)
	if r := parley(t, third, "room", "join", link, "--daemon", b.addr, "--daemon-id", b.id); r.code != exitRefused {
		t.Errorf("a daemon that serves others: exit code %d: %s", r.code, r.err)
	}
	c := daemon(t, third, "--peer", a.addr)
	if r := parley(t, c.home, "room", "join", link, "--timeout", "5s"); r.code != exitRefused || r.err != "parley: the invite's uses are spent; ask for a new invite\n" {
		t.Errorf("a spent link: exit code %d: %s", r.code, r.err)
	}
	must(t, b.home, "send", "ops", "--replicas", "1", "4")
	if got := texts(decode[message](t, must(t, a.home, "tail", "ops", "--json", "--sorted"))); !slices.Equal(got, []string{"1", "2", "3", "4"}) {
		t.Errorf("%q", got)
	}
	var info map[string]any
	if err := json.Unmarshal([]byte(must(t, b.home, "room", "info", "ops", "--json").out), &info); err != nil {
		t.Fatal(err)
	}
	if info["room"] != "ops" || info["topic"] != "on duty" || info["role"] != "member" || info["members"] != 2.0 || info["capacity"] != 5.0 || info["history"] != "all" || info["messages"] != 4.0 || info["open"] != false {
		t.Errorf("%v", info)
	}
	if r := must(t, b.home, "room", "info", info["id"].(string)[:8]); !strings.Contains(r.out, info["id"].(string)) {
		t.Errorf("by the beginning of its ID: %s", r.out)
	}
	if r := must(t, a.home, "room", "ls"); !regexp.MustCompile(`(?m)^ops +master +2 `).MatchString(r.out) {
		t.Errorf("the founder's list is of before the join: %s", r.out)
	}
	if r := must(t, b.home, "room", "ls"); !strings.Contains(r.out, "lobby") || !strings.Contains(r.out, "on duty") {
		t.Errorf("%s", r.out)
	}
	var names []string
	for _, line := range must(t, a.home, "room", "ls", "--json").lines() {
		var v struct{ Room string }
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		names = append(names, v.Room)
	}
	if !slices.Equal(names, []string{"lobby", "ops", "ops-2"}) {
		t.Errorf("%q", names)
	}
	type verified struct {
		Peer, Name, Problem string
		Identical           bool
		Messages            uint64
		Holes               []struct {
			Log, Side   string
			First, Last uint64
		}
		Forks []string
	}
	for _, args := range [][]string{{"ops"}, {"ops", a.id[:8]}} {
		v := decode[verified](t, must(t, b.home, append(append([]string{"room", "verify"}, args...), "--json")...))
		if len(v) != 1 || !v[0].Identical || v[0].Messages != 4 || v[0].Peer != a.id || v[0].Holes == nil || v[0].Forks == nil {
			t.Errorf("%+v", v)
		}
	}
	if r := must(t, b.home, "room", "verify", "ops"); !strings.HasSuffix(r.out, ": identical, 4 messages\n") {
		t.Errorf("%q", r.out)
	}
	if r := parley(t, a.home, "room", "leave", "ops"); r.code != exitRefused || r.err != "parley: the master cannot leave the room, only hand it over; its members can leave\n" {
		t.Errorf("the master leaves: exit code %d: %s", r.code, r.err)
	}
	if r := must(t, b.home, "room", "leave", "ops"); !strings.HasSuffix(r.err, "parley: you left ops; its messages are no longer kept here\n") {
		t.Errorf("%s", r.err)
	}
	if r := parley(t, b.home, "send", "ops", "x"); r.code != exitFailed || !strings.Contains(r.err, "no room of that name") {
		t.Errorf("after the leave: exit code %d: %s", r.code, r.err)
	}
	eventually(t, func() error {
		if m := decode[member](t, must(t, a.home, "room", "members", "ops", "--json")); len(m) != 1 {
			return fmt.Errorf("%+v", m)
		}
		return nil
	})
	for _, args := range []string{"room leave lobby", "room invite lobby"} {
		if r := parley(t, a.home, strings.Fields(args)...); r.code != exitUsage {
			t.Errorf("%s: exit code %d: %s", args, r.code, r.err)
		}
	}
}

func TestAReaderIsRefused(t *testing.T) {
	t.Parallel()
	a, b := two(t)
	must(t, a.home, "room", "create", "news")
	must(t, a.home, "send", "news", "read this")
	link := strings.TrimSpace(must(t, a.home, "room", "invite", "news", "--role", "reader", "--expires", "1h").out)
	if r := must(t, b.home, "room", "join", link, "--name", "paper", "--timeout", "10s"); r.out != "paper\n" {
		t.Errorf("%q", r.out)
	}
	if r := must(t, b.home, "tail", "paper", "--print0"); r.out != "read this\x00" {
		t.Errorf("%q", r.out)
	}
	if r := parley(t, b.home, "send", "paper", "me too"); r.code != exitRefused || !strings.HasPrefix(r.err, "parley: you are a reader: you may read this room, not write: ask ") {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	must(t, b.home, "room", "leave", "paper")
	if r := parley(t, b.home, "tail", "paper"); r.code != exitFailed {
		t.Errorf("a room that was left: exit code %d: %s", r.code, r.err)
	}
}

func TestAServerServesUsersWhoRunNoPeer(t *testing.T) {
	t.Parallel()
	server := daemon(t, newHome(t), "--users", "any")
	ada, bob := newHome(t), newHome(t)
	at := []string{"--daemon", server.addr, "--daemon-id", server.id}
	run := func(home string, args ...string) result { return must(t, home, append(args, at...)...) }
	run(ada, "room", "create", "two")
	link := strings.TrimSpace(run(ada, "room", "invite", "two").out)
	if r := run(bob, "room", "join", link); strings.Contains(r.err, "its history comes") {
		t.Errorf("the server has the room, and its history: %s", r.err)
	}
	run(ada, "send", "two", "hello Bob")
	if r := run(bob, "tail", "two", "--print0"); r.out != "hello Bob\x00" {
		t.Errorf("%q, %q", r.out, r.err)
	}
	for _, home := range []string{ada, bob} {
		if _, err := os.Stat(filepath.Join(home, "peer", "store")); err == nil {
			t.Errorf("%s has a store", home)
		}
	}
}
