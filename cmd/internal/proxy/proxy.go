// Package proxy stands between two ends of TCP connections and makes the way
// bad: slow, narrow, cut, open in one direction only, or with records of the
// protocol in another order.
package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// A Direction is one of the two ways of a connection.
type Direction int

// The directions. Both stands for either.
const (
	Up   Direction = iota // from who dialled the proxy to the target
	Down                  // back
	Both
)

// dialWithin bounds the dial to the target.
const dialWithin = 10 * time.Second

// maxChunks bounds what is under way in one direction, so that a narrow way
// pushes back on the writer as a real one does.
const maxChunks = 256

// cutting stands in cutAfter while the connections are being cut: what is under
// way then is not forwarded.
const cutting = -1

// chunkSize is how many bytes are read at once.
const chunkSize = 16 << 10

// A Proxy forwards each connection of a listener to a target. What it does to
// them can be changed at any time, and holds for connections that stand too.
type Proxy struct {
	listener net.Listener
	dial     func(ctx context.Context) (net.Conn, error)
	ctx      context.Context
	stop     context.CancelFunc
	group    sync.WaitGroup

	mu        sync.Mutex
	conns     map[net.Conn]struct{}
	delay     time.Duration
	perSecond int
	stalled   [Both]chan struct{} // non-nil: nothing passes; closed when it ends
	reorder   [Both]int           // every how many records one is sent behind the next; 0: none
	cutAfter  int64               // bytes forwarded until the next cut; 0: none, cutting: it is under way
	forwarded int64
	cuts      int64
}

// New forwards the connections of a listener, which it owns from then on, to
// what dial reaches, until Close.
func New(l net.Listener, dial func(ctx context.Context) (net.Conn, error)) *Proxy {
	p := &Proxy{listener: l, dial: dial, conns: make(map[net.Conn]struct{})}
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.group.Go(p.accept)
	return p
}

// Close ends every connection and the listener, and waits for all of it.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.stop()
	p.Stall(Both, false)
	p.Cut()
	p.group.Wait()
	return err
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

// each calls f for the directions that d stands for.
func (d Direction) each(f func(Direction)) {
	if d == Both {
		f(Up)
		f(Down)
		return
	}
	f(d)
}

// Stall makes connections half-open: they stay, and nothing more gets through
// in the direction until it is called with false.
func (p *Proxy) Stall(way Direction, on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	way.each(func(d Direction) {
		switch {
		case on && p.stalled[d] == nil:
			p.stalled[d] = make(chan struct{})
		case !on && p.stalled[d] != nil:
			close(p.stalled[d])
			p.stalled[d] = nil
		}
	})
}

// Reorder sends, of the records of a direction behind the handshake, each nth
// behind the one that follows it; 0 keeps their order. It holds for connections
// that are made from then on.
func (p *Proxy) Reorder(way Direction, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	way.each(func(d Direction) { p.reorder[d] = max(n, 0) })
}

// CutAfter cuts every connection when so many more bytes have gone through, in
// the middle of a record or wherever that is; 0 takes it back.
func (p *Proxy) CutAfter(bytes int64) {
	p.mu.Lock()
	p.cutAfter = bytes
	p.mu.Unlock()
}

// Cut closes every connection at once, as a reset.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut()
}

// cut is Cut; mu is held.
func (p *Proxy) cut() {
	if len(p.conns) > 0 {
		p.cuts++
	}
	p.cutAfter = max(p.cutAfter, 0)
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
}

// Stats counts what a proxy has done.
type Stats struct {
	Open      int   // connections now
	Forwarded int64 // bytes in both directions
	Cuts      int64 // times that there was something to cut
}

// Stats returns the counts so far.
func (p *Proxy) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{Open: len(p.conns) / 2, Forwarded: p.forwarded, Cuts: p.cuts}
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
	ctx, cancel := context.WithTimeout(p.ctx, dialWithin)
	far, err := p.dial(ctx)
	cancel()
	if err != nil {
		return
	}
	defer far.Close()
	if !p.keep(near, far) {
		return
	}
	defer p.forget(near, far)
	var both sync.WaitGroup
	both.Go(func() { p.copy(Up, far, near) })
	both.Go(func() { p.copy(Down, near, far) })
	both.Wait()
}

// keep notes a pair of connections, unless the proxy has ended.
func (p *Proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return false
	}
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
	return true
}

func (p *Proxy) forget(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
	}
}

// A chunk is bytes that were read, and when they may be written.
type chunk struct {
	data []byte
	due  time.Time
}

// copy reads and writes in two goroutines, so that a delay does not narrow.
func (p *Proxy) copy(way Direction, to, from net.Conn) {
	chunks := make(chan chunk, maxChunks)
	var writer sync.WaitGroup
	writer.Go(func() { p.write(way, to, from, chunks) })
	p.mu.Lock()
	order := newOrder(p.reorder[way])
	p.mu.Unlock()
	for {
		buf := make([]byte, chunkSize)
		n, err := from.Read(buf)
		if out := order.take(buf[:n]); len(out) > 0 {
			p.mu.Lock()
			delay, perSecond := p.delay, p.perSecond
			p.mu.Unlock()
			if perSecond > 0 {
				p.sleep(time.Duration(len(out)) * time.Second / time.Duration(perSecond))
			}
			chunks <- chunk{data: out, due: time.Now().Add(delay)}
		}
		if err != nil {
			if rest := order.rest(); len(rest) > 0 {
				chunks <- chunk{data: rest, due: time.Now()}
			}
			if !errors.Is(err, io.EOF) {
				_ = to.Close()
			}
			break
		}
	}
	close(chunks)
	writer.Wait()
}

func (p *Proxy) write(way Direction, to, from net.Conn, chunks <-chan chunk) {
	for c := range chunks {
		p.sleep(time.Until(c.due))
		p.pass(way)
		data, cut := p.count(c.data)
		_, err := to.Write(data)
		if cut {
			p.Cut()
		}
		if err != nil || cut {
			_ = from.Close()
			for range chunks { // until the reader has seen that
			}
			return
		}
	}
	if tcp, ok := to.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
}

// count notes bytes that are forwarded, and says how many of them are when a
// cut is due among them.
func (p *Proxy) count(data []byte) (pass []byte, cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.cutAfter == cutting:
		return nil, true
	case p.cutAfter > int64(len(data)):
		p.cutAfter -= int64(len(data))
	case p.cutAfter > 0:
		data, cut, p.cutAfter = data[:p.cutAfter], true, cutting
	}
	p.forwarded += int64(len(data))
	return data, cut
}

// sleep waits, but not for longer than the proxy lives.
func (p *Proxy) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.ctx.Done():
	}
}

// pass returns when the way is not stalled.
func (p *Proxy) pass(way Direction) {
	for {
		p.mu.Lock()
		stalled := p.stalled[way]
		p.mu.Unlock()
		if stalled == nil {
			return
		}
		<-stalled
	}
}
