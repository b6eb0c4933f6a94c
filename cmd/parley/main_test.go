package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// asParley in the environment makes the test binary the real program.
const asParley = "PARLEY_TEST_AS_PARLEY"

// patience bounds every wait of these tests; on a loaded machine all of it may
// be needed once.
const patience = 60 * time.Second

func TestMain(m *testing.M) {
	if os.Getenv(asParley) != "" {
		main()
	}
	os.Exit(m.Run())
}

// result is what a command left.
type result struct {
	out, err string
	code     int
}

// lines are the lines of standard output.
func (r result) lines() []string {
	if r.out == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(r.out, "\n"), "\n")
}

// command is the program with a home, not started.
func command(t testing.TB, home string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(environment(), "PARLEY_HOME="+home)
	return cmd
}

// newHome is the path of a home that is not there yet.
func newHome(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "home")
}

// environment is this process's without what would change a command.
func environment() []string {
	// Under the race detector a process would sleep for a second at its end.
	env := []string{asParley + "=1", "GORACE=atexit_sleep_ms=0 " + os.Getenv("GORACE")}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case "PARLEY_HOME", "PARLEY_PASSPHRASE", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "COMP_LINE", "COMP_POINT", "GORACE", asParley:
			continue
		}
		env = append(env, v)
	}
	return env
}

// parley runs a command to its end, with nothing on standard input.
func parley(t testing.TB, home string, args ...string) result {
	t.Helper()
	return parleyInput(t, home, strings.NewReader(""), args...)
}

func parleyInput(t testing.TB, home string, stdin io.Reader, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := command(t, home, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("parley %q: %v", args, err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// must runs a command that has to succeed and returns its result.
func must(t testing.TB, home string, args ...string) result {
	t.Helper()
	r := parley(t, home, args...)
	if r.code != exitDone {
		t.Fatalf("parley %q: exit code %d: %s", args, r.code, r.err)
	}
	return r
}
