//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/cmd/internal/home"
	"parley/wire"
)

func TestADaemonSaysWhenItIsReadyAndEndsInGoodOrder(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		home := newHome(t)
		d := daemon(t, home)
		address := filepath.Join(home, "peer", "address")
		if b, err := os.ReadFile(address); err != nil || string(b) != d.addr+" "+d.id+"\n" {
			t.Errorf("the address file: %q, %v", b, err)
		}
		if info, err := os.Stat(address); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the address file: %v, %v", info, err)
		}
		if code := d.signal(sig); code != exitDone {
			t.Errorf("%v: exit code %d: %s", sig, code, d.stderr)
		}
		if more, ok := <-d.lines; ok {
			t.Errorf("a further line: %q", more)
		}
		if _, err := os.Stat(address); err == nil {
			t.Error("the address file is still there")
		}
		if r := parley(t, home, "status"); r.code != exitNoDaemon {
			t.Errorf("then: exit code %d: %s", r.code, r.err)
		}
	}
}

func TestASecondDaemonExits1AndNamesTheFirst(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	d := daemon(t, home)
	r := parley(t, home, append([]string{"daemon"}, quiet...)...)
	pid := d.cmd.Process.Pid
	want := fmt.Sprintf("parley: another daemon runs in this home, with process ID %d; stop process %d first, or use another --home\n", pid, pid)
	if r.code != exitFailed || r.out != "" || r.err != want {
		t.Errorf("exit code %d, stdout %q\n got %swant %s", r.code, r.out, r.err, want)
	}
}

func TestAPortThatIsTakenIsAnHonestError(t *testing.T) {
	t.Parallel()
	d := daemon(t, newHome(t))
	r := parley(t, newHome(t), "daemon", "--no-discovery", "--listen", d.addr)
	if r.code != exitFailed || !strings.HasSuffix(r.err, "address already in use; choose another with --listen [HOST]:PORT\n") {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
}

func TestAKilledDaemonsAddressFileIsHarmless(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	d := daemon(t, home)
	must(t, home, "status")
	d.signal(syscall.SIGKILL)
	if r := parley(t, home, "send", "lobby", "x"); r.code != exitNoDaemon || strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, "; start it with: parley up") {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	// Somebody else's daemon on that port is not taken for it.
	other := ready(t, home, command(t, newHome(t), "daemon", "--no-discovery", "--listen", d.addr))
	if r := parley(t, home, "status"); r.code != exitNoDaemon || strings.Contains(r.out, other.id) {
		t.Errorf("another daemon at the address: exit code %d: %s", r.code, r.err)
	}
}

func TestUpRunsPeerAndAgentAndSaysWhatToTypeNext(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	up := start(t, command(t, home, append([]string{"up"}, quiet...)...))
	var said []string
	for !strings.Contains(strings.Join(said, "\n"), "parley room create ops") {
		said = append(said, up.line())
	}
	text := strings.Join(said, "\n")
	for _, want := range []string{`(?m)^peer     .*·.{4}, listening on 127\.0\.0\.1:\d+$`, `(?m)^you      .*·.{4}$`, `(?m)^network  "parley", without a secret$`, `(?m)^lobby    public: `, `(?m)^try      parley send lobby "hello"`} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("%s is not in:\n%s", want, text)
		}
	}
	must(t, home, "send", "lobby", "hello")
	if r := parley(t, home, append([]string{"up"}, quiet...)...); r.code != exitFailed || !strings.Contains(r.err, fmt.Sprintf("stop process %d first", up.cmd.Process.Pid)) {
		t.Errorf("a second one: exit code %d: %s", r.code, r.err)
	}
	other := daemon(t, newHome(t), "--peer", dialed(t, home))
	if line := up.line(); !strings.HasPrefix(line, "heard    ") || !strings.Contains(line, "·"+other.id[:4]+" at ") {
		t.Errorf("a peer came: %q", line)
	}
	other.stop()
	for line := up.line(); !strings.HasPrefix(line, "gone     "); line = up.line() {
		if !strings.HasPrefix(line, "warning  ") {
			t.Errorf("a peer went: %q", line)
		}
	}
	if code := up.signal(syscall.SIGINT); code != exitDone {
		t.Errorf("exit code %d: %s", code, up.stderr)
	}
}

// dialed is where the daemon of a home listens.
func dialed(t testing.TB, home string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(home, "peer", "address"))
	if err != nil {
		t.Fatal(err)
	}
	addr, _, _ := strings.Cut(string(b), " ")
	return addr
}

func TestUpBesideADaemonStartsTheAgentOnly(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	d := daemon(t, home)
	up := start(t, command(t, home, append([]string{"up"}, quiet...)...))
	if line, want := up.line(), fmt.Sprintf("peer     runs already as process %d; starting the agent only", d.cmd.Process.Pid); line != want {
		t.Errorf("got %q, want %q", line, want)
	}
	if line := up.line(); !strings.HasPrefix(line, "you      ") {
		t.Errorf("%q", line)
	}
	if code := up.stop(); code != exitDone {
		t.Errorf("exit code %d: %s", code, up.stderr)
	}
	must(t, home, "status") // the daemon goes on
}

func TestUsersOfAListAreServedAndTheListIsReadAgainOnSIGHUP(t *testing.T) {
	t.Parallel()
	list := write(t, "# nobody yet\n")
	d := daemon(t, newHome(t), "--users", list)
	mine := newHome(t)
	id, _, _ := strings.Cut(strings.TrimPrefix(must(t, mine, "id").lines()[0], "id           "), " ")
	status := func() result {
		return parley(t, mine, "status", "--json", "--daemon", d.addr, "--daemon-id", d.id)
	}
	if r := status(); r.code != exitRefused || !strings.Contains(r.err, "this peer does not serve you; ") || strings.Count(r.err, "\n") != 1 {
		t.Errorf("not listed: exit code %d: %s", r.code, r.err)
	}
	if err := os.WriteFile(list, []byte(id+"  Ada\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if r := status(); r.code != exitDone {
			return fmt.Errorf("listed: exit code %d: %s", r.code, r.err)
		}
		return nil
	})
	if r := parley(t, mine, "status", "--daemon", d.addr, "--daemon-id", id); r.code != exitNoDaemon {
		t.Errorf("another ID than the daemon's: exit code %d: %s", r.code, r.err)
	}
}

func TestAChangedSecretMovesTheDaemonToTheNewNetworkOnSIGHUP(t *testing.T) {
	t.Parallel()
	home, secret := newHome(t), filepath.Join(t.TempDir(), "net")
	must(t, home, "network", "new", secret)
	d := daemon(t, home, "--network-secret-file", secret)
	must(t, home, "send", "lobby", "in the old network")
	if err := os.Remove(secret); err != nil {
		t.Fatal(err)
	}
	must(t, home, "network", "new", "--network", "ship", secret)
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if r := parley(t, home, "status", "--json"); !strings.Contains(r.out, `"network":"ship","secret":true`) {
			return fmt.Errorf("exit code %d: %s%s", r.code, r.out, r.err)
		}
		return nil
	})
	must(t, home, "send", "lobby", "in the new one")
	if r := must(t, home, "tail", "lobby", "--print0"); r.out != "in the new one\x00" {
		t.Errorf("%q", r.out)
	}
	if code := d.stop(); code != exitDone {
		t.Errorf("exit code %d: %s", code, d.stderr)
	}
	if more, ok := <-d.lines; ok {
		t.Errorf("a further line: %q", more)
	}
}

func TestMetricsAreInThePrometheusTextFormat(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "parley.prom")
	daemon(t, newHome(t), "--metrics-file", file)
	var text string
	eventually(t, func() error {
		b, err := os.ReadFile(file)
		text = string(b)
		return err
	})
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the collector is another user: %v, %v", info, err)
	}
	sample := regexp.MustCompile(`^# TYPE (parley_[a-z_]+) (gauge|counter)\n(parley_[a-z_]+) \d+$`)
	seen := make(map[string]bool)
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		m := sample.FindStringSubmatch(lines[i] + "\n" + lines[i+1])
		if m == nil || m[1] != m[3] || seen[m[1]] || (m[2] == "counter") != strings.HasSuffix(m[1], "_total") {
			t.Errorf("%q %q", lines[i], lines[i+1])
			continue
		}
		seen[m[1]] = true
	}
	for _, want := range []string{"parley_start_time_seconds", "parley_sessions", "parley_messages_stored_total"} {
		if !seen[want] {
			t.Errorf("no %s in:\n%s", want, text)
		}
	}
}

func TestSystemdIsToldWhenTheDaemonIsReadyReloadsAndStops(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "parley") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	told := func(want string) {
		t.Helper()
		buf := make([]byte, 4096)
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(buf)
		if err != nil || !strings.HasPrefix(string(buf[:n]), want) {
			t.Errorf("told %q, %v; want %s", buf[:n], err, want)
		}
	}
	home := newHome(t)
	cmd := command(t, home, append([]string{"daemon"}, quiet...)...)
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+path)
	d := ready(t, home, cmd)
	told("READY=1")
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	told("RELOADING=1\nMONOTONIC_USEC=")
	told("READY=1")
	d.stop()
	told("STOPPING=1")
}

func TestAnInterruptedCommandExits130(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	daemon(t, home)
	must(t, home, "send", "lobby", "x")
	tail := start(t, command(t, home, "tail", "lobby", "-f"))
	tail.line()
	if code := tail.signal(os.Interrupt); code != exitInterrupted {
		t.Errorf("tail -f: exit code %d: %s", code, tail.stderr)
	}
	if said := tail.stderr.String(); said != "" {
		t.Errorf("tail -f says %q", said)
	}
	stdin, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	cmd := command(t, home, "send", "lobby", "--json")
	cmd.Stdin = stdin
	send := start(t, cmd)
	if _, err := w.WriteString("one\n"); err != nil {
		t.Fatal(err)
	}
	send.line()
	if code := send.signal(os.Interrupt); code != exitInterrupted || send.stderr.String() != "parley: 1 message stored here\n" {
		t.Errorf("send: exit code %d: %s", code, send.stderr)
	}
}

func TestASendWhoseDaemonIsGoneSaysSoWhenItsTimeIsOver(t *testing.T) {
	home := newHome(t)
	d := daemon(t, home)
	stdin, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	cmd := command(t, home, "send", "lobby", "--json", "--timeout", "2s")
	cmd.Stdin = stdin
	send := start(t, cmd)
	for _, line := range []string{"one\n", "two\n"} {
		if _, err := w.WriteString(line); err != nil {
			t.Fatal(err)
		}
		if line == "one\n" {
			send.line()
			d.signal(syscall.SIGKILL)
		}
	}
	const want = "parley: 1 message stored here\nparley: the daemon does not answer: see that it runs; what was read last is not known to be stored: no progress in time\n"
	if code := send.wait(); code != exitTimeout || !strings.HasSuffix(send.stderr.String(), want) {
		t.Errorf("exit code %d: %s", code, send.stderr)
	}
	// What was signed, if it came to that, is sent first when there is a daemon again.
	daemon(t, home)
	must(t, home, "send", "lobby", "three")
	if out := must(t, home, "tail", "lobby", "--all", "--print0").out; strings.Replace(out, "two\x00", "", 1) != "one\x00three\x00" {
		t.Errorf("the lobby has %q", out)
	}
}

func TestACommandWaitsForADaemonThatIsGoneAsLongAsItsTimeoutSays(t *testing.T) {
	h, err := home.Open(newHome(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.WriteAddress("127.0.0.1:1", wire.ID{1}); err != nil {
		t.Fatal(err)
	}
	a := &app{ctx: t.Context(), out: &output{stderr: os.Stderr}, globals: new(globals)}
	for timeout, want := range map[time.Duration]time.Duration{10 * time.Minute: 10 * time.Minute, 0: 1<<63 - 1} {
		cfg, err := a.clientConfig(h, waits{duration(timeout)})
		if err != nil || cfg.Patience != want {
			t.Errorf("--timeout %v: %v, %v; want %v", timeout, cfg.Patience, err, want)
		}
	}
}

func TestAPipeThatClosesEndsATailQuietly(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	daemon(t, home)
	if r := parleyInput(t, home, strings.NewReader(strings.Repeat("line\n", 50_000)), "send", "lobby"); r.code != exitDone {
		t.Fatal(r.err)
	}
	cmd := command(t, home, "tail", "lobby", "--all")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	stdout.Close()
	err = cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGPIPE || stderr.Len() > 0 {
		t.Errorf("%v: %s", err, stderr.String())
	}
}

func TestUpAtAnothersDaemonStartsTheAgentOnly(t *testing.T) {
	t.Parallel()
	server := daemon(t, newHome(t), "--users", "any")
	home := newHome(t)
	up := start(t, command(t, home, append([]string{"up", "--daemon", server.addr, "--daemon-id", server.id}, quiet...)...))
	if line, want := up.line(), "peer     at "+server.addr+"; starting the agent only"; line != want {
		t.Errorf("got %q, want %q", line, want)
	}
	if line := up.line(); !strings.HasPrefix(line, "you      ") {
		t.Errorf("%q", line)
	}
	if code := up.signal(syscall.SIGINT); code != exitDone {
		t.Errorf("exit code %d: %s", code, up.stderr)
	}
	if _, err := os.Stat(filepath.Join(home, "peer", "store")); err == nil {
		t.Error("a store was made")
	}
}
