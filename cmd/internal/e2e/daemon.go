package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// A Daemon is a running `parley daemon` or `parley up`.
type Daemon struct {
	*Process
	Host *Host
	Addr string // as its `ready` line tells
	ID   string
	Port string // of Addr

	flags []string
}

// Daemon starts `parley daemon` with the flags and waits for its `ready` line.
// The log is the process's Err.
func (h *Host) Daemon(flags ...string) *Daemon {
	h.t.Helper()
	d := h.StartDaemon(flags...)
	d.AwaitReady()
	return d
}

// StartDaemon starts `parley daemon` with the flags. It has no address before
// AwaitReady.
func (h *Host) StartDaemon(flags ...string) *Daemon {
	h.t.Helper()
	return &Daemon{
		Host: h, flags: flags,
		Process: h.Spawn(nil, append([]string{Binary(h.t), "daemon", "--log-format", "json"}, flags...)),
	}
}

// AwaitReady waits for the daemon's `ready` line.
func (d *Daemon) AwaitReady() {
	d.t.Helper()
	line, err := d.Out.FirstLine(ReadyWithin)
	if err != nil {
		d.t.Fatalf("%s: no `ready` line: %v\n%s", d.name, err, d.Err.Tail(4<<10))
	}
	fields := strings.Fields(line)
	if len(fields) != 3 || fields[0] != "ready" {
		d.t.Fatalf("%s: the first line is %q, want `ready ADDR ID`", d.name, line)
	}
	d.Addr, d.ID = fields[1], fields[2]
	if _, d.Port, err = net.SplitHostPort(d.Addr); err != nil {
		d.t.Fatalf("%s: address %q: %v", d.name, d.Addr, err)
	}
}

// Parley runs a command of the binary to its end.
func (h *Host) Parley(args ...string) Result {
	h.t.Helper()
	return h.Run("", append([]string{Binary(h.t)}, args...)...)
}

// MustParley is Parley for a command that has to succeed. It returns the output
// without the last newline.
func (h *Host) MustParley(args ...string) string {
	h.t.Helper()
	return h.MustParleyInput("", args...)
}

// MustParleyInput is MustParley with text as stdin.
func (h *Host) MustParleyInput(stdin string, args ...string) string {
	h.t.Helper()
	r := h.Run(stdin, append([]string{Binary(h.t)}, args...)...)
	if r.Code != 0 {
		h.t.Fatalf("%s: parley %s: exit code %d: %s", h.Name, strings.Join(args, " "), r.Code, tail(r.Err))
	}
	return strings.TrimSuffix(r.Out, "\n")
}

// SpawnParley starts a command of the binary and leaves it running.
func (h *Host) SpawnParley(args []string, change ...func(*exec.Cmd)) *Process {
	h.t.Helper()
	return h.Spawn(nil, append([]string{Binary(h.t)}, args...), change...)
}

// tail shortens a program's complaint.
func tail(s string) string {
	if len(s) > 4<<10 {
		s = "…" + s[len(s)-4<<10:]
	}
	return strings.TrimSpace(s)
}

// NetworkSecret writes the network's secret, as `parley network new` makes it, to
// a file and returns its name. Every host reads the same one.
func (h *Host) NetworkSecret() string {
	h.t.Helper()
	file := filepath.Join(h.t.TempDir(), "network")
	h.MustParley("network", "new", file)
	if info, err := os.Stat(file); err != nil {
		h.t.Fatal(err)
	} else if info.Mode().Perm() != 0o600 {
		h.t.Fatalf("%s has mode %v, want 0600", file, info.Mode().Perm())
	}
	return file
}

// Again starts the daemon again, after it ended, with the same flags on the same
// home.
func (d *Daemon) Again() *Daemon {
	d.t.Helper()
	return d.Host.Daemon(d.flags...)
}

// Quit ends the daemon by SIGTERM and fails the test unless its exit code is 0.
func (d *Daemon) Quit() {
	d.t.Helper()
	d.Signal(syscall.SIGTERM)
	if code := d.Wait(StopWithin); code != 0 {
		d.t.Fatalf("%s: exit code %d after SIGTERM\n%s", d.name, code, d.Err.Tail(4<<10))
	}
}

// Endpoint is the address at which other hosts of a lab reach the daemon.
func (d *Daemon) Endpoint() string {
	return net.JoinHostPort(d.Host.IPv4.String(), d.Port)
}

// String names the daemon in a failure.
func (d *Daemon) String() string { return fmt.Sprintf("%s (%.8s…)", d.Host.Name, d.ID) }
