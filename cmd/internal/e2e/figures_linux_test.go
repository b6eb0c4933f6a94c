package e2e

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The figures of the README, on real daemons in two or three namespaces of one
// machine: go test -run '^$' -bench . -benchtime 1x ./cmd/internal/e2e

const (
	figureSize    = 256     // bytes of a message
	figurePipe    = 400_000 // messages of a pipe
	figureLatency = 3_000   // messages of the latency run
	figureWithin  = 3 * time.Minute
)

// lineCounter counts lines and signals when a number of them has come; it
// keeps none of them, so that the reader is not what is measured.
type lineCounter struct {
	mu    sync.Mutex
	lines int
	want  int
	done  chan struct{}
}

func (c *lineCounter) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.lines
	c.lines += bytes.Count(b, []byte{'\n'})
	if before < c.want && c.lines >= c.want {
		close(c.done)
	}
	return len(b), nil
}

func (c *lineCounter) wait(b *testing.B) {
	b.Helper()
	select {
	case <-c.done:
	case <-time.After(figureWithin):
		b.Fatalf("%d of %d lines within %v", c.lines, c.want, figureWithin)
	}
}

// figures is two hosts, and a room of both if shared.
func figures(b *testing.B, shared bool) (s *site, link string) {
	b.Helper()
	s = &site{t: b, lab: New(b)}
	s.add("writer")
	s.add("reader")
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

func sendFile(b *testing.B, h *Host, file string) {
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
}

func rate(n int, d time.Duration) float64 { return float64(n) / d.Seconds() }

// BenchmarkPipe: one writer → its peer → a second peer → a reader, every
// message encrypted, fsync before each acknowledgement.
func BenchmarkPipe(b *testing.B) {
	for range b.N {
		s, _ := figures(b, true)
		file := messagesFile(b, figurePipe)
		count := &lineCounter{want: figurePipe, done: make(chan struct{})}
		s.host(1).SpawnParley([]string{"tail", "figures", "-f", "-n", "0"}, func(c *exec.Cmd) { c.Stdout = count })
		start := time.Now()
		sendFile(b, s.host(0), file)
		durable := time.Since(start)
		count.wait(b)
		b.ReportMetric(rate(figurePipe, durable), "durable-msgs/s")
		b.ReportMetric(rate(figurePipe, time.Since(start)), "read-msgs/s")
	}
}

// BenchmarkLatency: one message at a time from a sender's pipe to a reader of
// another host, through two daemons.
func BenchmarkLatency(b *testing.B) {
	for range b.N {
		s, _ := figures(b, true)
		arrived := make(chan time.Time, 1)
		s.host(1).SpawnParley([]string{"tail", "figures", "-f", "-n", "0"}, func(c *exec.Cmd) { c.Stdout = stamper{arrived} })
		in, out := io.Pipe()
		s.host(0).SpawnParley([]string{"send", "figures"}, func(c *exec.Cmd) { c.Stdin = in })
		text := strings.Repeat("x", figureSize)
		var took []time.Duration
		for i := range figureLatency {
			start := time.Now()
			fmt.Fprintln(out, text)
			select {
			case at := <-arrived:
				if i >= figureLatency/10 { // the first warm up
					took = append(took, at.Sub(start))
				}
			case <-time.After(figureWithin):
				b.Fatalf("message %d did not arrive", i)
			}
		}
		out.Close()
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	}
}

type stamper struct{ arrived chan time.Time }

func (s stamper) Write(b []byte) (int, error) {
	s.arrived <- time.Now()
	return len(b), nil
}

// BenchmarkCatchUp: a host joins a room that has a history, from the start of
// the command to the last message in its store.
func BenchmarkCatchUp(b *testing.B) {
	for range b.N {
		s, link := figures(b, false)
		sendFile(b, s.host(0), messagesFile(b, figurePipe))
		start := time.Now()
		s.host(1).MustParley("room", "join", link)
		took := time.Since(start)
		if err := held(s.host(1), figurePipe); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(rate(figurePipe, took), "caught-up-msgs/s")
	}
}

// held is nil when the host's peer holds n messages of the room.
func held(h *Host, n uint64) error {
	rooms, err := Lines[struct {
		Messages uint64 `json:"messages"`
	}](h.Parley("room", "info", "figures", "--json").Out)
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
