package discovery

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"
)

// staticPeers resolves peers named by hand, again and again, into sightings.
type staticPeers struct {
	log    *slog.Logger
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	wake   chan struct{} // capacity 1

	mu    sync.Mutex
	peers []*staticPeer
}

// A staticPeer is one HOST:PORT.
type staticPeer struct {
	name string
	host string
	port uint16

	due      time.Time
	addrs    []netip.Addr
	err      error
	resolved time.Time // when the name was last resolved
}

func newStaticPeers(names []string, log *slog.Logger) (*staticPeers, error) {
	s := &staticPeers{log: log, wake: make(chan struct{}, 1), lookup: func(ctx context.Context, host string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	}}
	return s, s.set(names)
}

// set replaces the peers; those that stay keep what is known of them.
func (s *staticPeers) set(names []string) error {
	if len(names) > maxStatic {
		return fmt.Errorf("%w: %d static peers, at most %d", ErrConfig, len(names), maxStatic)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var peers []*staticPeer
	for _, name := range names {
		if slices.ContainsFunc(peers, func(p *staticPeer) bool { return p.name == name }) {
			continue
		}
		p, err := parseStatic(name)
		if err != nil {
			return err
		}
		if n := slices.IndexFunc(s.peers, func(p *staticPeer) bool { return p.name == name }); n >= 0 {
			p.addrs, p.err, p.resolved = s.peers[n].addrs, s.peers[n].err, s.peers[n].resolved
		}
		peers = append(peers, p)
	}
	s.peers = peers
	poke(s.wake)
	return nil
}

// parseStatic reads HOST:PORT; HOST is a name, an IPv4 address, or an IPv6 address
// in brackets, with a zone if link-local.
func parseStatic(name string) (*staticPeer, error) {
	host, port, err := net.SplitHostPort(name)
	if err != nil {
		return nil, fmt.Errorf("%w: a peer is HOST:PORT: %w", ErrConfig, err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || host == "" {
		return nil, fmt.Errorf("%w: a peer is HOST:PORT, not %q", ErrConfig, name)
	}
	return &staticPeer{name: name, host: host, port: uint16(n)}, nil
}

// again resolves all peers now: the network has changed.
func (s *staticPeers) again() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.peers {
		p.due = time.Time{}
	}
	poke(s.wake)
}

// run resolves what is due until ctx is done.
func (s *staticPeers) run(ctx context.Context, emit func(Sighting)) {
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, resolveParallel)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.wake:
		}
		now := time.Now()
		due, next := s.takeDue(now)
		timer.Reset(next.Sub(now))
		for _, p := range due {
			select {
			case <-ctx.Done():
				return
			case slots <- struct{}{}:
			}
			wg.Go(func() {
				s.resolve(ctx, p, emit)
				<-slots
			})
		}
	}
}

// takeDue returns the peers to resolve now, and when to ask again.
func (s *staticPeers) takeDue(now time.Time) (due []*staticPeer, next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next = now.Add(resolveInterval)
	for _, p := range s.peers {
		if p.due.After(now) {
			if p.due.Before(next) {
				next = p.due
			}
			continue
		}
		p.due = now.Add(resolveInterval) // sooner, if it fails
		due = append(due, p)
	}
	return due, next
}

// resolve looks one peer up and emits a sighting of each of its addresses.
func (s *staticPeers) resolve(ctx context.Context, p *staticPeer, emit func(Sighting)) {
	addrs, err := s.addrs(ctx, p.host)
	if ctx.Err() != nil {
		return
	}
	now := time.Now()
	s.mu.Lock()
	if !slices.Contains(s.peers, p) { // replaced meanwhile
		s.mu.Unlock()
		return
	}
	if err != nil {
		if p.err == nil {
			s.log.Warn("cannot resolve a static peer", "peer", p.name, "error", err)
		}
		p.err, p.due = err, now.Add(resolveRetry)
		addrs = p.addrs // what it last was is the best guess
	} else {
		p.addrs, p.err, p.resolved = addrs, nil, now
	}
	s.mu.Unlock()
	if err != nil {
		poke(s.wake)
	}
	for _, a := range addrs {
		emit(Sighting{Addr: netip.AddrPortFrom(a, p.port), Static: true, At: now})
	}
}

func (s *staticPeers) addrs(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	found, err := s.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, a := range found {
		if a = a.Unmap(); !slices.Contains(addrs, a) && len(addrs) < maxStaticAddrs {
			addrs = append(addrs, a)
		}
	}
	return addrs, nil
}
