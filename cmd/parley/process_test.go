//go:build unix

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// quiet keeps a peer of these tests on loopback.
var quiet = []string{"--no-discovery", "--listen", "127.0.0.1:0"}

// A process is a command that goes on.
type process struct {
	t        testing.TB
	cmd      *exec.Cmd
	lines    chan string // of standard output
	stderr   *syncBuffer
	done     chan struct{}
	addr, id string // of a daemon
	home     string
}

// syncBuffer is a bytes.Buffer that is read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// start starts a command; change may alter it before.
func start(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, lines: make(chan string, 1<<16), stderr: &syncBuffer{}, done: make(chan struct{})}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = p.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		defer close(p.lines)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			p.lines <- s.Text()
		}
		_ = cmd.Wait() // its code is looked at
	}()
	t.Cleanup(func() { p.stop() })
	return p
}

// line waits for the next line of standard output.
func (p *process) line() string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			p.t.Fatalf("%q ended: %s", p.cmd.Args[1:], p.stderr)
		}
		return line
	case <-time.After(patience):
		p.t.Fatalf("%q prints nothing: %s", p.cmd.Args[1:], p.stderr)
	}
	return ""
}

// stop ends the process by SIGTERM and returns its exit code.
func (p *process) stop() int { return p.signal(syscall.SIGTERM) }

func (p *process) signal(sig os.Signal) int {
	p.t.Helper()
	_ = p.cmd.Process.Signal(sig) // it may have ended
	return p.wait()
}

// wait waits for the end of the process and returns its exit code.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		p.t.Errorf("%q does not end: %s", p.cmd.Args[1:], p.stderr)
		<-p.done
	}
	return p.cmd.ProcessState.ExitCode()
}

// daemon starts `parley daemon` and waits until it is ready.
func daemon(t testing.TB, home string, flags ...string) *process {
	t.Helper()
	return ready(t, home, command(t, home, append(append([]string{"daemon"}, quiet...), flags...)...))
}

func ready(t testing.TB, home string, cmd *exec.Cmd) *process {
	t.Helper()
	p := start(t, cmd)
	p.home = home
	if _, err := fmt.Sscanf(p.line(), "ready %s %s", &p.addr, &p.id); err != nil {
		t.Fatal(err)
	}
	return p
}

// eventually waits until f succeeds.
func eventually(t testing.TB, f func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(20 * time.Millisecond) // what is looked at is in other processes
	}
}
