package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"parley/store/mongo/mongotest"
)

const (
	// binaryEnv names the parley binary to test. Set from outside it saves the
	// build; the lab sets it for the run inside its namespaces, where there is
	// no network for the Go tool to fetch a module with.
	binaryEnv = "PARLEY_LAB_BINARY"

	// raceEnv asks for a binary built with the race detector.
	raceEnv = "PARLEY_LAB_RACE"

	// scratchEnv names a folder for what is built later, which is removed behind the tests.
	scratchEnv = "PARLEY_LAB_SCRATCH"

	// buildErrorEnv says why there is no binary.
	buildErrorEnv = "PARLEY_LAB_BUILD_ERROR"
)

// buildForTests builds the binary unless it was given, and leaves its path, or
// why there is none, in the environment. The lab's own tests run without it.
func buildForTests() (cleanup func()) {
	buildServer()
	dir, err := os.MkdirTemp("", "parley-lab-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
	os.Setenv(scratchEnv, dir)
	cleanup = func() { os.RemoveAll(dir) }
	if os.Getenv(binaryEnv) != "" {
		return cleanup
	}
	name := filepath.Join(dir, "parley")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	args := []string{"build", "-o", name}
	cgo := "CGO_ENABLED=0"
	if os.Getenv(raceEnv) != "" {
		args = append(args, "-race")
		cgo = "CGO_ENABLED=1"
	}
	cmd := exec.Command("go", append(args, "parley/cmd/parley")...)
	cmd.Env = append(os.Environ(), cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		os.Setenv(buildErrorEnv, fmt.Sprintf("go build parley/cmd/parley: %v: %s", err, strings.TrimSpace(string(out))))
	} else {
		os.Setenv(binaryEnv, name)
	}
	return cleanup
}

// Harness builds parley-harness when a test first needs it, and returns its path. What it is made of
// beyond the standard library is there already, for parley is made of the same.
func Harness(t testing.TB) string {
	t.Helper()
	path, err := buildHarness()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var buildHarness = sync.OnceValues(func() (string, error) {
	name := filepath.Join(os.Getenv(scratchEnv), "parley-harness")
	cmd := exec.Command("go", "build", "-o", name, "parley/cmd/parley-harness")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("lab: go build parley/cmd/parley-harness: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return name, nil
})

// buildServer builds the database server, where there is still a network to fetch its modules with. When that fails, the
// tests that start one fail with the reason.
func buildServer() {
	if path, err := mongotest.Build(); err == nil {
		os.Setenv(mongotest.BinaryEnv, path)
	} else {
		fmt.Fprintln(os.Stderr, "lab:", err)
	}
}

// Binary returns the path of the parley binary under test.
func Binary(t testing.TB) string {
	t.Helper()
	path := os.Getenv(binaryEnv)
	if path == "" {
		t.Fatal("lab: there is no parley binary: " + os.Getenv(buildErrorEnv))
	}
	return path
}
