package fuzz

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"parley/wire"
)

// A process is a target that the fuzzer has started, in a home of its own.
type process struct {
	cmd   *exec.Cmd
	home  string
	addr  string
	id    wire.ID
	ended chan struct{}
	log   *logTail
}

const (
	// startWithin bounds the start of a target until its line `ready ADDR ID`.
	startWithin = 30 * time.Second

	// stopWithin bounds its end after SIGTERM.
	stopWithin = 15 * time.Second

	// diesWithin is how much later than the first line of its crash, or the end of its connections, a process may end:
	// it writes down all its goroutines first.
	diesWithin = 10 * time.Second

	// maxLog is how much of its log is kept, in bytes.
	maxLog = 64 << 10
)

// start runs a command that prints `ready ADDR ID`, as parley daemon does.
func start(ctx context.Context, command []string) (*process, error) {
	home, err := os.MkdirTemp("", "parley-fuzz-")
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(command[0], command[1:]...), home: home, ended: make(chan struct{}), log: &logTail{}}
	p.cmd.Env = append(os.Environ(), "PARLEY_HOME="+home)
	p.cmd.Stderr = p.log
	dieWithFuzzer(p.cmd)
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		os.RemoveAll(home)
		return nil, fmt.Errorf("the target cannot be started: %w", err)
	}
	line := make(chan string, 1)
	go func() {
		r := bufio.NewReader(out)
		first, _ := r.ReadString('\n') // what is no line is no ready line
		line <- first
		_, _ = io.Copy(io.Discard, r)
		_ = p.cmd.Wait() // the state says how it ended
		close(p.ended)
	}()
	select {
	case first := <-line:
		f := strings.Fields(first)
		if len(f) == 3 && f[0] == "ready" {
			if p.id, err = wire.ParseID(f[2]); err == nil {
				p.addr = f[1]
				return p, nil
			}
		}
		err = fmt.Errorf("its first line is %q, not `ready ADDR ID`", strings.TrimSpace(first))
	case <-time.After(startWithin):
		err = fmt.Errorf("it is not ready after %v", startWithin)
	case <-ctx.Done():
		err = ctx.Err()
	}
	p.kill()
	return nil, errors.Join(fmt.Errorf("the target cannot be started: %w", err), p.log.err())
}

// alive tells whether the process has not ended.
func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// kill ends the process at once and removes its home.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
	os.RemoveAll(p.home)
}

// stop asks the process to end, and tells what is wrong with how it does.
func (p *process) stop() *Problem {
	defer p.kill()
	if !p.alive() {
		return p.problem()
	}
	if p.cmd.Process.Signal(syscall.SIGTERM) != nil {
		return nil // a system without it
	}
	if !p.ends(stopWithin) {
		return &Problem{KindSilent, fmt.Sprintf("the target does not end within %v of being asked to", stopWithin)}
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return &Problem{KindEnded, fmt.Sprintf("the target ends with exit code %d when it is asked to end\n%s", code, p.log.tail())}
	}
	return nil
}

// ends waits for the end of the process, and tells whether it came.
func (p *process) ends(within time.Duration) bool {
	select {
	case <-p.ended:
		return true
	case <-time.After(within):
		return false
	}
}

// problem is what the process itself shows to be wrong. One that writes of its crash has not ended yet, and soon will.
func (p *process) problem() *Problem {
	line := p.log.bad()
	switch {
	case !p.alive(), crashLine.MatchString(line) && p.ends(diesWithin):
		return &Problem{KindEnded, fmt.Sprintf("the target's process has ended: %v\n%s", p.cmd.ProcessState, p.log.tail())}
	case line != "":
		return &Problem{KindLog, "the target's log: " + p.log.tail()}
	}
	return nil
}

// resident returns the resident memory of the process and the most it ever
// was, in bytes, where the system tells it.
func (p *process) resident() (now, most uint64, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0, false
	}
	read := func(name string) uint64 {
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == name {
				kb, _ := strconv.ParseUint(f[1], 10, 64) // the kernel writes numbers
				return kb << 10
			}
		}
		return 0
	}
	now, most = read("VmRSS:"), read("VmHWM:")
	return now, most, now > 0
}

var (
	// badLine matches lines of a log that no input may cause.
	badLine = regexp.MustCompile(`^(panic:|fatal error:|WARNING: DATA RACE)|"level":"ERROR"|level=ERROR|\bpanicked\b`)

	// crashLine matches those of them that Go's runtime writes before it ends the process.
	crashLine = regexp.MustCompile(`^(panic|fatal error):`)
)

// A logTail keeps the end of a log, and the first line that tells of an error.
type logTail struct {
	mu    sync.Mutex
	kept  []byte
	line  []byte // not whole yet
	found string
}

// Write implements io.Writer.
func (l *logTail) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, b...)
	if len(l.kept) > 2*maxLog {
		l.kept = append([]byte{}, l.kept[len(l.kept)-maxLog:]...)
	}
	l.line = append(l.line, b...)
	for {
		line, rest, whole := bytes.Cut(l.line, []byte{'\n'})
		if !whole {
			break
		}
		if l.found == "" && badLine.Match(line) {
			l.found = string(line)
		}
		l.line = rest
	}
	if len(l.line) > maxLog {
		l.line = nil
	}
	return len(b), nil
}

func (l *logTail) bad() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.found
}

// tail is the end of the log, from the line that tells of an error if it is there.
func (l *logTail) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := string(l.kept)
	if i := strings.Index(text, l.found); l.found != "" && i >= 0 {
		return text[i:min(len(text), i+4<<10)]
	}
	return text[max(0, len(text)-4<<10):]
}

func (l *logTail) err() error {
	if text := l.tail(); text != "" {
		return errors.New(strings.TrimSpace(text))
	}
	return nil
}
