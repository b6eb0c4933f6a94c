package load

import (
	"context"
	"net"
	"sync"
)

// wires are a user's connections.
type wires struct {
	mu    sync.Mutex
	open  map[*tracked]struct{}
	dials int // tried
}

// A tracked connection leaves its wires when it is closed, by either side's doing:
// a session closes it when it ends.
type tracked struct {
	*net.TCPConn
	of *wires
}

// dial is the dialer of the user's client.
func (w *wires) dial(ctx context.Context, addr string) (net.Conn, error) {
	w.mu.Lock()
	w.dials++
	w.mu.Unlock()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &tracked{conn.(*net.TCPConn), w}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == nil {
		w.open = make(map[*tracked]struct{})
	}
	w.open[c] = struct{}{}
	return c, nil
}

// Close implements net.Conn.
func (c *tracked) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.TCPConn.Close()
}

// cut closes all that are open, without a word.
func (w *wires) cut() {
	w.mu.Lock()
	all := make([]*tracked, 0, len(w.open))
	for c := range w.open {
		all = append(all, c)
	}
	w.mu.Unlock()
	for _, c := range all {
		_ = c.Close() // its session finds out
	}
}

// stand tells whether a connection is open.
func (w *wires) stand() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.open) > 0
}

// tried is how often a connection was dialled.
func (w *wires) tried() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dials
}
