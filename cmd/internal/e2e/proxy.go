package e2e

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// A Proxy stands between two ends of TCP connections and makes the way bad:
// slow, narrow, cut, or open with nothing getting through.
type Proxy struct {
	t        testing.TB
	from     *Host
	target   string
	listener net.Listener
	group    sync.WaitGroup

	mu        sync.Mutex
	conns     map[net.Conn]struct{}
	delay     time.Duration
	perSecond int
	stalled   chan struct{} // non-nil: half-open; closed when it ends
	forwarded int64
}

// Proxy listens on a free port of the host and forwards to an address that the
// host reaches. It ends with the test.
func (h *Host) Proxy(target string) *Proxy {
	h.t.Helper()
	l, err := h.Listen(context.Background(), "tcp", net.JoinHostPort(h.IPv4.String(), "0"))
	if err != nil {
		h.t.Fatalf("lab: proxy: %v", err)
	}
	p := &Proxy{t: h.t, from: h, target: target, listener: l, conns: make(map[net.Conn]struct{})}
	p.group.Go(p.accept)
	h.t.Cleanup(func() {
		_ = l.Close()
		p.Stall(false)
		p.Cut()
		p.group.Wait()
	})
	return p
}

// Addr is where the proxy listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Delay makes every byte arrive later by d.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	p.delay = d
	p.mu.Unlock()
}

// Bandwidth lets through about so many bytes a second in each direction of each
// connection; 0 is no limit.
func (p *Proxy) Bandwidth(perSecond int) {
	p.mu.Lock()
	p.perSecond = perSecond
	p.mu.Unlock()
}

// Stall makes connections half-open: they stay, nothing more gets through until
// it is called with false.
func (p *Proxy) Stall(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case on && p.stalled == nil:
		p.stalled = make(chan struct{})
	case !on && p.stalled != nil:
		close(p.stalled)
		p.stalled = nil
	}
}

// Cut closes every connection at once, as a reset.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
}

// Forwarded returns the bytes that have gone through in both directions.
func (p *Proxy) Forwarded() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.forwarded
}

func (p *Proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.group.Go(func() { p.join(near) })
	}
}

// join connects onward and copies both ways until either end closes.
func (p *Proxy) join(near net.Conn) {
	defer near.Close()
	ctx, cancel := context.WithTimeout(context.Background(), StopWithin)
	defer cancel()
	far, err := p.from.Dial(ctx, "tcp", p.target)
	if err != nil {
		return
	}
	defer far.Close()
	p.keep(near, true)
	p.keep(far, true)
	defer p.keep(near, false)
	defer p.keep(far, false)
	var both sync.WaitGroup
	both.Go(func() { p.copy(far, near) })
	both.Go(func() { p.copy(near, far) })
	both.Wait()
}

func (p *Proxy) keep(c net.Conn, on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if on {
		p.conns[c] = struct{}{}
	} else {
		delete(p.conns, c)
	}
}

// A chunk is bytes that were read, and when they may be written.
type chunk struct {
	data []byte
	due  time.Time
}

// maxChunks bounds what is under way in one direction, so that a narrow way
// pushes back on the writer as a real one does.
const maxChunks = 256

// copy reads and writes in two goroutines, so that a delay does not narrow.
func (p *Proxy) copy(to, from net.Conn) {
	chunks := make(chan chunk, maxChunks)
	var writer sync.WaitGroup
	writer.Go(func() {
		for c := range chunks {
			time.Sleep(time.Until(c.due))
			p.pass()
			if _, err := to.Write(c.data); err != nil {
				_ = from.Close()
				for range chunks { // until the reader has seen that
				}
				return
			}
			p.mu.Lock()
			p.forwarded += int64(len(c.data))
			p.mu.Unlock()
		}
		if tcp, ok := to.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	})
	for {
		buf := make([]byte, 16<<10)
		n, err := from.Read(buf)
		if n > 0 {
			p.mu.Lock()
			delay, perSecond := p.delay, p.perSecond
			p.mu.Unlock()
			if perSecond > 0 {
				time.Sleep(time.Duration(n) * time.Second / time.Duration(perSecond))
			}
			chunks <- chunk{data: buf[:n], due: time.Now().Add(delay)}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				_ = to.Close()
			}
			break
		}
	}
	close(chunks)
	writer.Wait()
}

// pass returns when the way is not stalled.
func (p *Proxy) pass() {
	for {
		p.mu.Lock()
		stalled := p.stalled
		p.mu.Unlock()
		if stalled == nil {
			return
		}
		<-stalled
	}
}
