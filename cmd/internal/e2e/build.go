package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
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

	// buildErrorEnv says why there is no binary.
	buildErrorEnv = "PARLEY_LAB_BUILD_ERROR"
)

// buildForTests builds the binary unless it was given, and leaves its path, or
// why there is none, in the environment. The lab's own tests run without it.
func buildForTests() (cleanup func()) {
	buildServer()
	if os.Getenv(binaryEnv) != "" {
		return func() {}
	}
	dir, err := os.MkdirTemp("", "parley-lab-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
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
	return func() { os.RemoveAll(dir) }
}

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
