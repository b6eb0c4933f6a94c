package handshake

import (
	"net/netip"
	"sync"
)

// A Gate bounds the handshakes in progress on a listener, in all and per source
// address. The zero value has the bounds MaxHalfOpen and MaxHalfOpenPerSource.
// It is safe for concurrent use; its fields must not change once it is in use.
type Gate struct {
	Total     int // 0 means MaxHalfOpen
	PerSource int // 0 means MaxHalfOpenPerSource

	mu      sync.Mutex
	open    int
	sources map[netip.Addr]int
	refused uint64
}

// Acquire takes a place for a connection from addr, before a byte of it is
// read. If ok is false there is none: close the connection. Else call release
// when the handshake has ended, however; calling it again does nothing.
func (g *Gate) Acquire(addr netip.Addr) (release func(), ok bool) {
	addr = addr.Unmap()
	total, perSource := g.Total, g.PerSource
	if total == 0 {
		total = MaxHalfOpen
	}
	if perSource == 0 {
		perSource = MaxHalfOpenPerSource
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open >= total || g.sources[addr] >= perSource {
		g.refused++
		return func() {}, false
	}
	if g.sources == nil {
		g.sources = make(map[netip.Addr]int)
	}
	g.open++
	g.sources[addr]++
	return sync.OnceFunc(func() { g.release(addr) }), true
}

func (g *Gate) release(addr netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
	if g.sources[addr]--; g.sources[addr] == 0 {
		delete(g.sources, addr)
	}
}

// GateStats counts what went through a Gate.
type GateStats struct {
	Open    int    // handshakes in progress
	Sources int    // addresses they come from
	Refused uint64 // connections for which there was no place
}

// Stats returns the counts so far.
func (g *Gate) Stats() GateStats {
	g.mu.Lock()
	defer g.mu.Unlock()
	return GateStats{Open: g.open, Sources: len(g.sources), Refused: g.refused}
}
