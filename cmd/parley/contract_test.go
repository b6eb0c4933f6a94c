//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// decode reads NDJSON, refusing fields that T lacks.
func decode[T any](t testing.TB, r result) []T {
	t.Helper()
	var all []T
	for _, line := range r.lines() {
		var v T
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, v)
	}
	return all
}

type sent struct {
	ID, Log string
	Seq     uint64
}

type message struct {
	Room, ID, Log         string
	Seq                   uint64
	Author, Name          string
	Time, Received, Epoch string
	Text                  *string
	Data                  []byte
	Problem               string
}

func texts(messages []message) (all []string) {
	for _, m := range messages {
		if m.Text == nil {
			all = append(all, fmt.Sprintf("%x", m.Data))
			continue
		}
		all = append(all, *m.Text)
	}
	return all
}

var (
	idText   = regexp.MustCompile(`^[a-z2-7]{52}$`)
	timeText = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$`)
	peerText = regexp.MustCompile(`^.+·[a-z2-7]{4}$`)
)

// two starts two daemons that are connected, each of a home of its own.
func two(t testing.TB) (a, b *process) {
	t.Helper()
	a = daemon(t, newHome(t))
	b = daemon(t, newHome(t), "--peer", a.addr)
	eventually(t, func() error {
		if r := must(t, a.home, "peers", "--json"); !strings.Contains(r.out, `"state":"connected"`) {
			return fmt.Errorf("not connected: %s", r.out)
		}
		return nil
	})
	return a, b
}

func TestEachLineOfStdinIsAMessageAndTailShowsEach(t *testing.T) {
	t.Parallel()
	d := daemon(t, newHome(t))
	r := parleyInput(t, d.home, strings.NewReader("one\n\ntwo\r\n  three  \nlast"), "send", "lobby", "--json")
	if r.code != exitDone || !strings.HasSuffix(r.err, "parley: 4 messages stored here; no other peer that has the room is connected\n") {
		t.Fatalf("exit code %d: %s", r.code, r.err)
	}
	results := decode[sent](t, r)
	messages := decode[message](t, must(t, d.home, "tail", "lobby", "--json"))
	if got := texts(messages); !slices.Equal(got, []string{"one", "two\r", "  three  ", "last"}) {
		t.Fatalf("%q", got)
	}
	for i, m := range messages {
		s := results[i]
		if m.ID != s.ID || m.Log != s.Log || m.Seq != s.Seq || m.Seq != uint64(i+1) {
			t.Errorf("message %d is %+v, sent as %+v", i, m, s)
		}
		if !idText.MatchString(m.ID) || !idText.MatchString(m.Log) || !idText.MatchString(m.Room) || !idText.MatchString(m.Author) ||
			!timeText.MatchString(m.Time) || !timeText.MatchString(m.Received) || !peerText.MatchString(m.Name) || m.Epoch != "" || m.Problem != "" {
			t.Errorf("%+v", m)
		}
		if !strings.HasSuffix(m.Name, "·"+m.Author[:4]) {
			t.Errorf("%s is not of %s", m.Name, m.Author)
		}
	}
	human := must(t, d.home, "tail", "lobby", "-n", "1").out
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d .+·[a-z2-7]{4}: last\n$`).MatchString(human) {
		t.Errorf("%q", human)
	}
}

func TestNULWholeAndBytesArriveAsTheyAre(t *testing.T) {
	t.Parallel()
	d := daemon(t, newHome(t))
	send := func(stdin string, args ...string) {
		t.Helper()
		if r := parleyInput(t, d.home, strings.NewReader(stdin), append([]string{"send", "lobby"}, args...)...); r.code != exitDone {
			t.Fatalf("%q: exit code %d: %s", args, r.code, r.err)
		}
	}
	send("a\nb\x00c\x00", "-0")
	send("whole\n\n\x00end\n", "--whole")
	send("\xff\xfe\n")
	send("", "two", "words")
	want := []string{"a\nb", "c", "whole\n\n\x00end\n", "\xff\xfe", "two words"}
	if got := must(t, d.home, "tail", "lobby", "--print0").out; got != strings.Join(want, "\x00")+"\x00" {
		t.Errorf("%q", got)
	}
	messages := decode[message](t, must(t, d.home, "tail", "lobby", "--json"))
	if m := messages[3]; m.Text != nil || string(m.Data) != "\xff\xfe" {
		t.Errorf("bytes that are no text: %+v", m)
	}
	if r := parley(t, d.home, "send", "lobby", "--whole"); r.code != exitDone || r.err != "parley: standard input was empty: nothing was sent\n" {
		t.Errorf("nothing: exit code %d: %s", r.code, r.err)
	}
	if r := parleyInput(t, d.home, strings.NewReader(strings.Repeat("x", 2<<20)), "send", "lobby", "--whole"); r.code != exitFailed || !strings.HasPrefix(r.err, "parley: message too large: ") {
		t.Errorf("too much: exit code %d: %s", r.code, r.err)
	}
}

func TestTailReadsWhatItIsTold(t *testing.T) {
	t.Parallel()
	d := daemon(t, newHome(t))
	var lines []string
	for i := range 30 {
		lines = append(lines, fmt.Sprint(i))
	}
	parleyInput(t, d.home, strings.NewReader(strings.Join(lines, "\n")), "send", "lobby")
	for args, want := range map[string][]string{
		"":                   lines[20:],
		"-n 3":               lines[27:],
		"-n 0":               nil,
		"--all":              lines,
		"--all --sorted":     lines,
		"--all --count 4":    lines[:4],
		"-n 100":             lines,
		"--since 1h":         lines,
		"--since 1h -n 2":    lines[28:],
		"--since 2040-01-01": nil,
		"-n 2 -f --count 2":  lines[28:],
		"--sorted -n 2":      lines[28:],
	} {
		r := must(t, d.home, append([]string{"tail", "lobby", "--json"}, strings.Fields(args)...)...)
		if got := texts(decode[message](t, r)); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
	}
	if r := parley(t, d.home, "tail", "lobby", "-n", "1", "-f", "--timeout", "300ms", "--print0"); r.code != exitTimeout || r.out != "29\x00" {
		t.Errorf("-f --timeout: exit code %d, %q: %s", r.code, r.out, r.err)
	}
	if r := parley(t, d.home, "tail", "nowhere"); r.code != exitFailed || r.err != "parley: no room of that name: \"nowhere\"; parley room ls lists yours\n" {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
}

func TestACursorGivesEachMessageOnceAcrossRuns(t *testing.T) {
	t.Parallel()
	d := daemon(t, newHome(t))
	cursor := filepath.Join(t.TempDir(), "cursor")
	tail := func(want string, args ...string) {
		t.Helper()
		r := must(t, d.home, append([]string{"tail", "lobby", "--cursor", cursor, "--print0"}, args...)...)
		if got := strings.ReplaceAll(r.out, "\x00", " "); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	tail("")
	parleyInput(t, d.home, strings.NewReader("1\n2\n3\n4\n5\n"), "send", "lobby")
	tail("1 2 ", "--count", "2")
	tail("3 ", "--count", "1")
	tail("4 5 ")
	tail("")
	must(t, d.home, "send", "lobby", "6")
	tail("6 ", "-f", "--count", "1")
	d.stop()
	d = daemon(t, d.home)
	must(t, d.home, "send", "lobby", "7")
	tail("7 ")
	if r := parley(t, d.home, "tail", "lobby", "--cursor", write(t, "no cursor")); r.code != exitFailed || !strings.Contains(r.err, "; give another file with --cursor") {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
}

func TestAFollowingTailShowsWhatArrives(t *testing.T) {
	t.Parallel()
	a, b := two(t)
	tail := start(t, command(t, b.home, "tail", "lobby", "-f", "-n", "0", "--json"))
	eventually(t, func() error { // it is not told when the tail has begun
		must(t, a.home, "send", "lobby", "are you there?")
		select {
		case <-tail.lines:
			return nil
		case <-time.After(100 * time.Millisecond):
			return fmt.Errorf("nothing arrives: %s", tail.stderr)
		}
	})
	must(t, a.home, "send", "lobby", "the end")
	for line := tail.line(); !strings.Contains(line, `"text":"the end"`); line = tail.line() {
		continue
	}
}

func TestAMessageWithAKeyIsSentOnce(t *testing.T) {
	t.Parallel()
	d := daemon(t, newHome(t))
	first := must(t, d.home, "send", "lobby", "--key", "k", "--json", "text")
	again := must(t, d.home, "send", "lobby", "--key", "k", "--json", "another text")
	other := must(t, d.home, "send", "lobby", "--key", "l", "--json", "text")
	if first.out != again.out || first.out == other.out {
		t.Errorf("%s%s%s", first.out, again.out, other.out)
	}
	if got := texts(decode[message](t, must(t, d.home, "tail", "lobby", "--json"))); !slices.Equal(got, []string{"text", "text"}) {
		t.Errorf("%q", got)
	}
}

func TestReplicasAreOtherPeersDisks(t *testing.T) {
	t.Parallel()
	a, b := two(t)
	r := must(t, a.home, "send", "lobby", "--replicas", "1", "hello")
	if !strings.HasSuffix(r.err, "parley: stored here; on 1 of 1 peer\n") {
		t.Errorf("%s", r.err)
	}
	if r := must(t, b.home, "tail", "lobby", "--print0"); r.out != "hello\x00" {
		t.Errorf("it is on the other's disk, but is not shown: %q", r.out)
	}
	r = parley(t, a.home, "send", "lobby", "--replicas", "2", "--timeout", "300ms", "--json", "more")
	want := "parley: stored here, but on 1 of the 2 other peers asked for: no progress in time; 1 peer that has the room is connected; the message is not lost and will reach them\n"
	if r.code != exitTimeout || r.err != want || len(decode[sent](t, r)) != 1 {
		t.Errorf("exit code %d, stdout %q\n got %swant %s", r.code, r.out, r.err, want)
	}
}
