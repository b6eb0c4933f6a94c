package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The figures of the README, on real daemons in two or three namespaces of one
// machine: go test -run '^$' -bench . -benchtime 1x ./cmd/internal/e2e

const (
	figureSize    = 256     // bytes of a message
	figurePipe    = 400_000 // messages of a pipe
	figureSingle  = 20_000  // messages of a history written one by one
	figureLatency = 3_000   // messages of the latency run
	figureWithin  = 3 * time.Minute
)

// A follower is a `parley tail -f` whose output is counted, not kept, so that
// the reader is not what is measured.
type follower struct {
	*Process
	out *os.File
	buf []byte
}

// follow starts `parley tail -f` on a host, and returns once a message that is
// sent shows there.
func follow(b *testing.B, h *Host, probe func()) *follower {
	b.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { out.Close() })
	p := h.SpawnParley([]string{"tail", "figures", "-f", "-n", "0"}, func(c *exec.Cmd) { c.Stdout = in })
	in.Close()
	f := &follower{Process: p, out: out, buf: make([]byte, 1<<20)}
	Eventually(b, figureWithin, "the tail follows", func() error {
		probe()
		f.within(b, time.Second)
		_, err := f.read()
		return err
	})
	// Probes from before the tail was live are not shown, and none is under way.
	f.within(b, 200*time.Millisecond)
	for {
		if _, err := f.read(); err != nil {
			break
		}
	}
	f.within(b, figureWithin)
	return f
}

func (f *follower) within(b *testing.B, d time.Duration) {
	b.Helper()
	if err := f.out.SetReadDeadline(time.Now().Add(d)); err != nil {
		b.Fatal(err)
	}
}

// read waits for lines and returns how many ended.
func (f *follower) read() (lines int, err error) {
	n, err := f.out.Read(f.buf)
	return bytes.Count(f.buf[:n], []byte{'\n'}), err
}

// count waits for a number of lines. More than those is an error: none was sent.
func (f *follower) count(b *testing.B, want int) {
	b.Helper()
	for got := 0; got < want; {
		n, err := f.read()
		if err != nil {
			b.Fatalf("%d of %d lines: %v", got, want, err)
		}
		if got += n; got > want {
			b.Fatalf("%d lines of %d", got, want)
		}
	}
}

// figures is two hosts, and a room of both if shared.
func figures(b *testing.B, shared bool) (s *site, link string) {
	b.Helper()
	return figuresAt(b, &site{t: b, lab: New(b)}, shared)
}

// figuresAt is figures in a lab that may have other hosts, with flags for both daemons.
func figuresAt(b *testing.B, s *site, shared bool, flags ...string) (_ *site, link string) {
	b.Helper()
	s.add("writer", flags...)
	s.add("reader", flags...)
	Eventually(b, findWithin, "the two connected", func() error { return connected(s.daemons...) })
	s.host(0).MustParley("room", "create", "figures")
	link = s.invite("figures", 1)
	if shared {
		s.host(1).MustParley("room", "join", link)
	}
	return s, link
}

// messagesFile is a file of n lines of figureSize bytes.
func messagesFile(b *testing.B, n int) string {
	b.Helper()
	f, err := os.CreateTemp(b.TempDir(), "messages")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var buf bytes.Buffer
	for i := range n {
		fmt.Fprintf(&buf, "%0*d\n", figureSize, i)
	}
	if _, err := f.Write(buf.Bytes()); err != nil {
		b.Fatal(err)
	}
	return f.Name()
}

func sendFile(b *testing.B, h *Host, file string) *Process {
	b.Helper()
	in, err := os.Open(file)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	p := h.SpawnParley([]string{"send", "figures"}, func(c *exec.Cmd) { c.Stdin = in })
	if code := p.Wait(figureWithin); code != 0 {
		b.Fatalf("send: exit code %d: %s", code, p.Err.Tail(2<<10))
	}
	return p
}

// spent is the processors' time of processes together.
func spent(all ...*Process) (sum time.Duration) {
	for _, p := range all {
		sum += p.CPU()
	}
	return sum
}

func rate(n int, d time.Duration) float64 { return float64(n) / d.Seconds() }

// BenchmarkPipe: one writer → its peer → a second peer → a reader, every
// message encrypted, fsync before each acknowledgement. Beside the rate: the
// processors' time that a message takes in all four processes together.
func BenchmarkPipe(b *testing.B) {
	for range b.N {
		s, _ := figures(b, true)
		pipe(b, s, figurePipe)
	}
}

// pipe measures a pipe of n messages.
func pipe(b *testing.B, s *site, n int) {
	b.Helper()
	file := messagesFile(b, n)
	reader := follow(b, s.host(1), func() { s.host(0).MustParley("send", "figures", "are you there?") })
	before := spent(s.daemons[0].Process, s.daemons[1].Process, reader.Process)
	start := time.Now()
	took := make(chan time.Duration, 1)
	go func() {
		reader.count(b, n)
		took <- time.Since(start)
	}()
	sender := sendFile(b, s.host(0), file)
	durable := time.Since(start)
	b.ReportMetric(rate(n, durable), "durable-msgs/s")
	b.ReportMetric(rate(n, <-took), "read-msgs/s")
	cpu := spent(s.daemons[0].Process, s.daemons[1].Process, reader.Process, sender) - before
	b.ReportMetric(float64(cpu.Microseconds())/float64(n), "cpu-µs/msg")
}

// BenchmarkLatency: one message at a time from a sender's pipe to a reader of
// another host, through two daemons and the first one's fsync. What an fsync
// alone costs on this disk is measured beside it.
func BenchmarkLatency(b *testing.B) {
	for range b.N {
		s, _ := figures(b, true)
		latency(b, s, figureLatency)
	}
}

// latency measures n messages, one at a time.
func latency(b *testing.B, s *site, n int) {
	b.Helper()
	in, out, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	s.host(0).SpawnParley([]string{"send", "figures"}, func(c *exec.Cmd) { c.Stdin = in })
	in.Close()
	defer out.Close()
	text := []byte(strings.Repeat("x", figureSize) + "\n")
	write := func() {
		if _, err := out.Write(text); err != nil {
			b.Fatal(err)
		}
	}
	reader := follow(b, s.host(1), write)
	disk := syncer(b, s.host(0))
	var took, syncs []time.Duration
	for i := range n {
		start := time.Now()
		write()
		reader.count(b, 1)
		message := time.Since(start)
		start = time.Now()
		if i%10 == 0 {
			disk()
		}
		if i >= n/10 { // the first warm up
			took = append(took, message)
			if i%10 == 0 {
				syncs = append(syncs, time.Since(start))
			}
		}
	}
	slices.Sort(took)
	slices.Sort(syncs)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(syncs[len(syncs)/2].Microseconds()), "fsync-p50-µs")
}

// syncer returns a function that appends a message's bytes to a file on the
// disk of the host's store, and syncs it.
func syncer(b *testing.B, h *Host) func() {
	b.Helper()
	f, err := os.CreateTemp(h.Home, "fsync")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	block := make([]byte, 2*figureSize)
	return func() {
		if _, err := f.Write(block); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCatchUp: a host joins a room that has a history, from the start of
// the command to the last message in its store. The history was written as a
// pipe, or message by message: each in a run of its own, with its own signature.
func BenchmarkCatchUp(b *testing.B) {
	b.Run("pipe", func(b *testing.B) {
		for range b.N {
			s, link := figures(b, false)
			sendFile(b, s.host(0), messagesFile(b, figurePipe))
			catchUp(b, s, link, figurePipe)
		}
	})
	b.Run("single", func(b *testing.B) {
		for range b.N {
			s, link := figures(b, false)
			writeSingly(b, s.host(0), figureSingle)
			catchUp(b, s, link, figureSingle)
		}
	})
}

func catchUp(b *testing.B, s *site, link string, n uint64) {
	b.Helper()
	h := s.host(1)
	before := spent(s.daemons[0].Process, s.daemons[1].Process)
	start := time.Now()
	h.MustParley("room", "join", link)
	took := time.Since(start)
	if err := held(h, "figures", n); err != nil {
		b.Fatal(err)
	}
	cpu := spent(s.daemons[0].Process, s.daemons[1].Process) - before
	b.ReportMetric(float64(n)/took.Seconds(), "caught-up-msgs/s")
	b.ReportMetric(float64(cpu.Nanoseconds())/1e3/float64(n), "cpu-µs/msg")
}

// writeSingly sends n messages, each once the one before it is durable.
func writeSingly(b *testing.B, h *Host, n int) {
	b.Helper()
	in, out, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	acks, sent, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	defer acks.Close()
	p := h.SpawnParley([]string{"send", "figures", "--json"}, func(c *exec.Cmd) { c.Stdin, c.Stdout = in, sent })
	in.Close()
	sent.Close()
	lines := bufio.NewReader(acks)
	text := []byte(strings.Repeat("x", figureSize) + "\n")
	for i := range n {
		if _, err := out.Write(text); err != nil {
			b.Fatalf("message %d: %v", i, err)
		}
		if _, err := lines.ReadSlice('\n'); err != nil {
			b.Fatalf("message %d: %v", i, err)
		}
	}
	out.Close()
	if code := p.Wait(figureWithin); code != 0 {
		b.Fatalf("send: exit code %d: %s", code, p.Err.Tail(2<<10))
	}
}

// held is nil when the host's peer holds n messages of the room.
func held(h *Host, room string, n uint64) error {
	rooms, err := Lines[struct {
		Messages uint64 `json:"messages"`
	}](h.Parley("room", "info", room, "--json").Out)
	if err != nil {
		return err
	}
	if len(rooms) != 1 || rooms[0].Messages != n {
		return fmt.Errorf("%+v held, want %d messages", rooms, n)
	}
	return nil
}

// BenchmarkIdleDaemon: resident memory of a daemon with one room and one session,
// after a history was written through it.
func BenchmarkIdleDaemon(b *testing.B) {
	for range b.N {
		s, _ := figures(b, true)
		b.ReportMetric(float64(s.daemons[0].Resident())/(1<<20), "fresh-MiB")
		sendFile(b, s.host(0), messagesFile(b, figurePipe/4))
		b.ReportMetric(float64(s.daemons[0].Resident())/(1<<20), "after-"+strconv.Itoa(figurePipe/4)+"-msgs-MiB")
	}
}
