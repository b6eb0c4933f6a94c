package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"parley/cmd/internal/e2e"
)

// targetCommand is the command of a daemon for --start: on the loopback interface, and heard by nobody.
func targetCommand(binary string) []string {
	return []string{"--", binary, "daemon", "--listen", "127.0.0.1:0", "--no-discovery", "--network", "lab", "--users", "any"}
}

func TestFuzzFindsWhatEndsAPeerCutsItDownAndPlaysItAgain(t *testing.T) {
	const file, was, broken = "wire/reader.go", `r.fail("text that is not UTF-8")`, `panic("planted")`
	bad := targetCommand(e2e.BuildChanged(t, "../..", file, was, broken))
	good := targetCommand(e2e.BuildChanged(t, "../..", file, was, was))
	fuzz := func(target []string, args ...string) result {
		return harness(t, "", append(append([]string{"fuzz", "--start", "--network", "lab"}, args...), target...)...)
	}
	dir := t.TempDir()
	r := fuzz(bad, "--count", "600", "--seed", "3", "--parallel", "8", "--shrink-time", "15s", "--out", dir, "--json")
	if r.code != exitFailed {
		t.Fatalf("exit code %d, %s%s", r.code, r.out, r.err)
	}
	line, rest, _ := strings.Cut(r.out, "\n")
	var found struct {
		Kind, Problem, File, Role string
		Seed                      uint64
		Steps                     int
		Shrunk                    bool
	}
	if err := json.Unmarshal([]byte(line), &found); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if found.Kind != "ended" || !strings.Contains(found.Problem, "panic: planted") || found.Seed != 3 || !found.Shrunk || found.Steps > 12 {
		t.Errorf("%+v", found)
	}
	if !strings.Contains(rest, `"findings":1`) || !strings.HasPrefix(r.err, "parley-harness: fuzzing the target that is started as outsider, member, removed, relay, seed 3\n") {
		t.Errorf("%s%s", rest, r.err)
	}
	if r := fuzz(bad, "--replay", found.File); r.code != exitFailed || !strings.Contains(r.out, ": ended: ") {
		t.Errorf("played again: exit code %d, %s%s", r.code, r.out, r.err)
	}
	if r := fuzz(good, "--replay", found.File); r.code != exitDone || !strings.HasSuffix(r.out, "and nothing is wrong\n") {
		t.Errorf("with the peer as it is: exit code %d, %s%s", r.code, r.out, r.err)
	}
	if r := fuzz(good, "--count", "24", "--role", "member"); r.code != exitDone || !strings.HasPrefix(r.out, "24 episodes, ") || !strings.Contains(r.out, ": 0 findings; ") {
		t.Errorf("with the peer as it is: exit code %d, %s%s", r.code, r.out, r.err)
	}
	interrupted(t, good)
}

// interrupted ends a long run, which then tells what it did, and leaves no daemon behind.
func interrupted(t *testing.T, target []string) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"fuzz", "--start", "--network", "lab", "--for", "1h"}, target...)...)
	cmd.Env = append(os.Environ(), asHarness+"=1")
	var out bytes.Buffer
	cmd.Stdout = &out
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(errs)
	for lines.Scan() && !strings.Contains(lines.Text(), " sessions (") { // it is at work
		continue
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		continue
	}
	_ = cmd.Wait() // the state says how it ended
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(out.String(), " episodes, ") {
		t.Errorf("interrupted: exit code %d, %s", code, &out)
	}
}

func TestFuzzSaysWhatIsMissing(t *testing.T) {
	script := t.TempDir() + "/script"
	if err := os.WriteFile(script, []byte("world\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, says string }{
		{"", "one peer is to be named"},
		{"a:1 b:1", "one peer is to be named"},
		{"--start", "--start needs the command"},
		{"--start --invite parley:x -- parley", "--invite needs a peer that runs already"},
		{"127.0.0.1:1 --role king", `there is no role "king": they are outsider, member, removed, relay, or all`},
		{"127.0.0.1:1 --invite parley:x", "--invite: rooms: "},
		{"127.0.0.1:1 --peer-id x", "--peer-id"},
		{"127.0.0.1:1 --network x", "the peer does not answer"},
		{"127.0.0.1:1 --replay " + script, "line 1 is no world"},
		{"--start -- /nowhere/parley", "the target cannot be started"},
		{"--start -- true", "not `ready ADDR ID`"},
	} {
		r := harness(t, "", append([]string{"fuzz"}, strings.Fields(c.args)...)...)
		if r.code != exitFailed || !strings.Contains(r.err, "parley-harness: ") || !strings.Contains(r.err, c.says) {
			t.Errorf("%s: exit code %d, %q, want %q", c.args, r.code, r.err, c.says)
		}
	}
}
