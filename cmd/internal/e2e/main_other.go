//go:build !linux

package e2e

import (
	"fmt"
	"os"
	"runtime"
	"testing"
)

// Main is the body of TestMain. Without namespaces only the tests on loopback
// are compiled in.
func Main(m *testing.M) {
	fmt.Fprintf(os.Stderr, "lab: %s has no network namespaces: the tests run on IPv4 multicast over loopback only\n", runtime.GOOS)
	cleanup := buildForTests()
	code := m.Run()
	cleanup()
	os.Exit(code)
}
