package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A Process is a running program on a host. It is killed with the test.
type Process struct {
	t     testing.TB
	name  string
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // of Wait, once ended

	Out, Err *Output
}

// Spawn starts a program on the host with both outputs kept. Stdin is empty
// unless the given function sets it.
func (h *Host) Spawn(env, argv []string, change ...func(*exec.Cmd)) *Process {
	h.t.Helper()
	p := &Process{t: h.t, name: h.Name + ": " + strings.Join(argv, " "), ended: make(chan struct{}), Out: newOutput(), Err: newOutput()}
	p.cmd = h.Command(context.Background(), env, argv...)
	p.cmd.Stdout, p.cmd.Stderr = p.Out, p.Err
	// Grandchildren must not keep the outputs open for ever.
	p.cmd.WaitDelay = StopWithin
	for _, f := range change {
		f(p.cmd)
	}
	if err := h.Start(p.cmd); err != nil {
		h.t.Fatalf("lab: %s: %v", p.name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		p.Out.close()
		p.Err.close()
		close(p.ended)
	}()
	h.t.Cleanup(p.Kill)
	return p
}

// Pid is the process's ID.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Ended is closed when the process has.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Running tells whether the process has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Kill ends the process with SIGKILL and waits for it.
func (p *Process) Kill() {
	if p.Running() {
		_ = p.cmd.Process.Kill()
	}
	<-p.ended
}

// Signal sends a signal; the process may already have ended.
func (p *Process) Signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatalf("lab: %s: signal %v: %v", p.name, s, err)
	}
}

// Terminate asks the process to end with SIGTERM and returns how long that took.
// It fails the test when the process does not end.
func (p *Process) Terminate() time.Duration {
	p.t.Helper()
	start := time.Now()
	p.Signal(syscall.SIGTERM)
	p.Wait(StopWithin)
	return time.Since(start)
}

// Wait waits for the end and returns the exit code, -1 for an end by a signal.
// Past the given time it fails the test.
func (p *Process) Wait(within time.Duration) int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(within):
	}
	// What every goroutine was at is the evidence that helps.
	_ = p.cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case <-p.ended:
	case <-time.After(StopWithin):
	}
	p.t.Fatalf("%s: still running after %v\n%s", p.name, within, p.Err.Tail(16<<10))
	return -1
}

// A Result is what a command left behind.
type Result struct {
	Out, Err string
	Code     int
}

// Run runs a program on the host to its end, with the text as stdin.
func (h *Host) Run(stdin string, argv ...string) Result {
	h.t.Helper()
	p := h.Spawn(nil, argv, input(stdin))
	code := p.Wait(CommandWithin)
	return Result{Out: p.Out.String(), Err: p.Err.String(), Code: code}
}

// input gives a command its stdin.
func input(text string) func(*exec.Cmd) {
	return func(c *exec.Cmd) { c.Stdin = strings.NewReader(text) }
}

// Output keeps what a process writes, and lets tests wait for more of it.
type Output struct {
	mu     sync.Mutex
	buf    bytes.Buffer
	closed bool
	more   chan struct{} // closed and replaced at every change
}

func newOutput() *Output { return &Output{more: make(chan struct{})} }

// Write implements io.Writer.
func (o *Output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.change()
	return o.buf.Write(b)
}

func (o *Output) change() {
	close(o.more)
	o.more = make(chan struct{})
}

func (o *Output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.change()
}

// String returns all of it so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Contains tells whether it has the text in it so far.
func (o *Output) Contains(text string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Contains(o.buf.Bytes(), []byte(text))
}

// Tail returns at most the last n bytes.
func (o *Output) Tail(n int) string {
	s := o.String()
	if len(s) > n {
		s = "…" + s[len(s)-n:]
	}
	return s
}

// Lines returns the number of whole lines so far.
func (o *Output) Lines() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Count(o.buf.Bytes(), []byte{'\n'})
}

// FirstLine waits for a whole first line. The error says what came instead.
func (o *Output) FirstLine(within time.Duration) (string, error) {
	timeout := time.After(within)
	for {
		o.mu.Lock()
		line, _, whole := bytes.Cut(o.buf.Bytes(), []byte{'\n'})
		text, closed, more := string(line), o.closed, o.more
		o.mu.Unlock()
		if whole {
			return text, nil
		}
		if closed {
			return "", fmt.Errorf("it ended, having written %q", text)
		}
		select {
		case <-more:
		case <-timeout:
			return "", fmt.Errorf("no line within %v, only %q", within, text)
		}
	}
}
