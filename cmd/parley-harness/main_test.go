package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// asHarness in the environment makes the test binary the real program.
const asHarness = "PARLEY_TEST_AS_HARNESS"

// patience bounds every run of the program in these tests.
const patience = 2 * time.Minute

func TestMain(m *testing.M) {
	if os.Getenv(asHarness) != "" {
		main()
	}
	os.Exit(m.Run())
}

type result struct {
	out, err string
	code     int
}

// harness runs the program.
func harness(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asHarness+"=1")
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

const testdata = "../../testdata"

func TestVectorsOfThisImplementationPass(t *testing.T) {
	r := harness(t, "", "vectors", "--dir", testdata)
	if r.code != 0 || strings.Contains(r.out, "FAIL") || !strings.Contains(r.out, " 0 failed") {
		t.Errorf("exit code %d, %s%s", r.code, r.out, r.err)
	}
}

func TestVectorsAsAProgramPassOverItsOwnLineProtocol(t *testing.T) {
	program := asHarness + "=1 '" + os.Args[0] + "' vectors --serve"
	r := harness(t, "", "vectors", "--dir", testdata, "--program", program, "--format", "tap")
	if r.code != 0 || !strings.HasPrefix(r.out, "TAP version 14\n1..") || strings.Contains(r.out, "not ok") {
		t.Errorf("exit code %d, %s%s", r.code, r.out, r.err)
	}
}

func TestVectorsFailForAProgramThatAcceptsEverything(t *testing.T) {
	program := `while read -r line; do id=${line#*:}; echo "{\"id\":${id%%,*},\"accepted\":true}"; done`
	r := harness(t, "", "vectors", "--dir", testdata, "--program", program, "--only", "beacons")
	if r.code != exitFailed || !strings.Contains(r.out, "FAIL") {
		t.Errorf("exit code %d, %s%s", r.code, r.out, r.err)
	}
}

func TestVectorsSayWhenAProgramEndsEarly(t *testing.T) {
	r := harness(t, "", "vectors", "--dir", testdata, "--program", "exit 0")
	if r.code != exitFailed || !strings.Contains(r.err, "the program") {
		t.Errorf("exit code %d, %s", r.code, r.err)
	}
}

func TestVectorsFailForAnAlteredVector(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(testdata)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "seal", "records.json")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Replace(raw, []byte(`"Plaintext": "58"`), []byte(`"Plaintext": "59"`), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	r := harness(t, "", "vectors", "--dir", dir, "--only", "seal/")
	if r.code != exitFailed || !strings.Contains(r.out, "2 failed") {
		t.Errorf("exit code %d, %s%s", r.code, r.out, r.err)
	}
}

func TestWrongUsageExitsWithTwo(t *testing.T) {
	for _, args := range [][]string{{"nothing"}, {"vectors", "--format", "html"}} {
		if r := harness(t, "", args...); r.code != exitUsage || !strings.HasPrefix(r.err, "parley-harness: ") {
			t.Errorf("%v: exit code %d, %q", args, r.code, r.err)
		}
	}
}

func TestConformListsEveryCaseWithItsSection(t *testing.T) {
	r := harness(t, "", "conform", "--list", "--only", "^H0")
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	if r.code != 0 || len(lines) != 9 || !strings.HasPrefix(lines[0], "H01 ") || !strings.Contains(lines[0], "[handshake, States]") {
		t.Errorf("exit code %d, %s%s", r.code, r.out, r.err)
	}
}

func TestConformAgainstNothingFailsAndNamesTheCases(t *testing.T) {
	r := harness(t, "", "conform", "127.0.0.1:1", "--network", "x", "--only", "^H0[12]", "--format", "junit")
	if r.code != exitFailed || !strings.Contains(r.out, `failures="2"`) || !strings.Contains(r.err, "2 of 2 cases failed") {
		t.Errorf("exit code %d, %s%s", r.code, r.out, r.err)
	}
}

func TestConformSaysWhereThePeerIsToDial(t *testing.T) {
	r := harness(t, "", "conform", "127.0.0.1:1", "--network", "x", "--only", "^H01", "--listen", "127.0.0.1:x")
	if r.code != exitFailed || !strings.Contains(r.err, "tell the peer to dial 127.0.0.1:x") || !strings.Contains(r.err, "where the peer is to dial: ") {
		t.Errorf("exit code %d, %s%s", r.code, r.out, r.err)
	}
	for _, listen := range []string{"127.0.0.1", "::1", "[::1]:0"} { // each case on a port of its own: nothing to be told
		if r := harness(t, "", "conform", "127.0.0.1:1", "--network", "x", "--only", "^H01", "--listen", listen); strings.Contains(r.err, "tell the peer") || !strings.Contains(r.err, "1 of 1 cases failed") {
			t.Errorf("%s: exit code %d, %s%s", listen, r.code, r.out, r.err)
		}
	}
	if r := harness(t, "", "conform", "127.0.0.1:1", "--network", "x", "--only", "^D01"); !strings.Contains(r.out, "--listen HOST") {
		t.Errorf("without a place to listen: %s%s", r.out, r.err)
	}
}

func TestConformSaysWhatIsMissing(t *testing.T) {
	for _, args := range [][]string{{}, {"127.0.0.1:1", "--network-secret-file", "/nowhere"}, {"127.0.0.1:1", "--peer-id", "x"}, {"127.0.0.1:1", "--only", "nothing at all"}} {
		if r := harness(t, "", append([]string{"conform"}, args...)...); r.code != exitFailed || !strings.HasPrefix(r.err, "parley-harness: ") {
			t.Errorf("%v: exit code %d, %q", args, r.code, r.err)
		}
	}
}
