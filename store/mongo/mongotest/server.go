// Package mongotest gives tests a MongoDB server of their own: FerretDB with SQLite files, built from the module in
// testdata/ferretdb, behind a front that can break connections (see its documentation). Where the server
// cannot be built or started, the test fails.
package mongotest

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// URIEnv names another server to test against, as a URI without a database.
const URIEnv = "PARLEY_MONGO_URI"

// BinaryEnv names the server's binary, where it has been built already: inside a namespace without
// a network nothing can be fetched.
const BinaryEnv = "PARLEY_MONGO_SERVER"

// startTime is how long a server may take to start on a busy machine.
const startTime = time.Minute

// Build builds the server, unless this very one was built before, and returns the path of its binary.
func Build() (string, error) {
	if path := os.Getenv(BinaryEnv); path != "" {
		return path, nil
	}
	_, self, _, ok := runtime.Caller(0)
	if !ok {
		return "", fmt.Errorf("mongotest: its own source is not known")
	}
	source := filepath.Join(filepath.Dir(self), "testdata", "ferretdb")
	sum := sha256.New()
	for _, name := range []string{"go.mod", "go.sum", "main.go", "front.go"} {
		b, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return "", err
		}
		sum.Write(b)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "parley-test")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "ferretdb-"+runtime.Version()+"-"+hex.EncodeToString(sum.Sum(nil)[:8]))
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	fresh, err := os.MkdirTemp(dir, "build-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh)
	built := filepath.Join(fresh, "ferretdb")
	cmd := exec.Command("go", "build", "-C", source, "-buildvcs=false", "-o", built, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("mongotest: go build -C %s: %w: %s", source, err, strings.TrimSpace(string(out)))
	}
	return path, os.Rename(built, path)
}

// A Server is one FerretDB with its front. Its methods fail the test that it was started for.
type Server struct {
	t     testing.TB
	dir   string
	addr  string
	start func(*exec.Cmd) error

	mu    sync.Mutex
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Reader
}

// Start builds and starts a server on loopback, with files of its own, until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	return StartAt(t, "127.0.0.1:0", t.TempDir(), (*exec.Cmd).Start)
}

// StartAt starts a server that listens at an address and keeps its files in a folder. start starts its
// process, now and at each Restart: it may do so elsewhere, as in a network namespace.
func StartAt(t testing.TB, addr, dir string, start func(*exec.Cmd) error) *Server {
	t.Helper()
	s := &Server{t: t, dir: dir, addr: addr, start: start}
	t.Cleanup(s.Kill)
	s.Restart()
	return s
}

// Restart starts the server again on its files and its address.
func (s *Server) Restart() {
	s.t.Helper()
	binary, err := Build()
	if err != nil {
		s.t.Fatal(err)
	}
	s.Kill()
	cmd := exec.Command(binary, "-dir", s.dir, "-listen", s.addr)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.start(cmd); err != nil {
		s.t.Fatalf("mongotest: the server does not start: %v", err)
	}
	s.mu.Lock()
	s.cmd, s.in, s.lines = cmd, in, bufio.NewReader(out)
	s.mu.Unlock()
	late := time.AfterFunc(startTime, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	line, err := s.lines.ReadString('\n')
	if err != nil {
		s.t.Fatalf("mongotest: the server ended or did not say that it is ready: %v", err)
	}
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if !ok {
		s.t.Fatalf("mongotest: the server says %q", line)
	}
	s.addr = addr
}

// Kill ends the server as kill -9 does.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// URI returns the URI of a database of the server.
func (s *Server) URI(database string) string { return "mongodb://" + s.addr + "/" + database }

// Addr is where the server listens.
func (s *Server) Addr() string { return s.addr }

// Port is the port of Addr.
func (s *Server) Port() string {
	_, port, _ := net.SplitHostPort(s.addr)
	return port
}

// CutBefore closes the connection of the nth request from now in place of forwarding it.
func (s *Server) CutBefore(n int) { s.t.Helper(); s.say(fmt.Sprint("cut before ", n)) }

// CutAfter closes the connection of the nth request from now in place of answering it.
func (s *Server) CutAfter(n int) { s.t.Helper(); s.say(fmt.Sprint("cut after ", n)) }

// CutEvery closes the connection of each nth request, before or after it is carried out, until Heal.
func (s *Server) CutEvery(n int, after bool) {
	s.t.Helper()
	when := "before"
	if after {
		when = "after"
	}
	s.say(fmt.Sprintf("every %s %d", when, n))
}

// Away closes every connection, and new ones, until Heal.
func (s *Server) Away() { s.t.Helper(); s.say("away") }

// Slow makes each request wait before it is carried out, until Heal.
func (s *Server) Slow(d time.Duration) { s.t.Helper(); s.say(fmt.Sprint("slow ", d.Milliseconds())) }

// Full makes the server refuse every write as it does when its disk is full, until Heal.
func (s *Server) Full() { s.t.Helper(); s.say("refuse full 14031") }

// ReadOnly makes the server refuse every write as one does that is not the primary any more, until Heal.
func (s *Server) ReadOnly() { s.t.Helper(); s.say("refuse primary 10107") }

// Broken returns how many requests were broken, or made to wait, so far.
func (s *Server) Broken() int { s.t.Helper(); return s.say("count") }

// Heal ends all faults. It returns how many requests were broken so far.
func (s *Server) Heal() int { s.t.Helper(); return s.say("heal") }

func (s *Server) say(line string) int {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		s.t.Fatal("mongotest: the server is not running")
	}
	if _, err := io.WriteString(s.in, line+"\n"); err != nil {
		s.t.Fatalf("mongotest: %v", err)
	}
	answer, err := s.lines.ReadString('\n')
	if err != nil {
		s.t.Fatalf("mongotest: %q: %v", line, err)
	}
	broken := 0
	if _, err := fmt.Sscanf(answer, "ok %d", &broken); err != nil {
		s.t.Fatalf("mongotest: the front answers %q with %q", line, answer)
	}
	return broken
}
