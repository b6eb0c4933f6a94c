package discovery

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// A lan is a modelled network of hosts whose interfaces lie on named segments.
// It behaves as the system does: only members hear, senders hear themselves, a
// membership dies with the interface.
type lan struct {
	mu      sync.Mutex
	sockets []*lanSocket
	lose    func() bool // nil: nothing is lost
	sent    int
}

type lanHost struct {
	lan *lan

	mu       sync.Mutex
	list     []netInterface
	segment  map[int]string // by interface index
	sendErr  error
	openErr  error
	joinErr  error
	noDetail bool // the platform does not tell interface, destination and TTL
	watch    *lanWatcher
}

type lanSocket struct {
	host   *lanHost
	family Family
	in     chan packet
	closed chan struct{}
	once   sync.Once
	joined map[int]bool // under lan.mu
	joins  int
}

type lanWatcher struct {
	c      chan struct{}
	closed chan struct{}
	once   sync.Once
}

func (w *lanWatcher) wait() error {
	select {
	case <-w.c:
		return nil
	case <-w.closed:
		return net.ErrClosed
	}
}

func (w *lanWatcher) close() { w.once.Do(func() { close(w.closed) }) }

func (l *lan) host() *lanHost { return &lanHost{lan: l, segment: make(map[int]string)} }

const upMulticast = net.FlagUp | net.FlagRunning | net.FlagMulticast

// plug adds an interface with addresses on a segment.
func (h *lanHost) plug(index int, name, segment string, addrs ...string) {
	i := netInterface{index: index, name: name, flags: upMulticast}
	for _, a := range addrs {
		i.prefixes = append(i.prefixes, netip.MustParsePrefix(a))
	}
	h.change(func() {
		h.list = append(h.list, i)
		h.segment[index] = segment
	})
}

// unplug removes an interface, and the memberships on it.
func (h *lanHost) unplug(name string) {
	h.change(func() {
		for n, i := range h.list {
			if i.name == name {
				h.list = append(h.list[:n:n], h.list[n+1:]...)
				delete(h.segment, i.index)
				h.lan.mu.Lock()
				for _, s := range h.lan.sockets {
					if s.host == h {
						delete(s.joined, i.index)
					}
				}
				h.lan.mu.Unlock()
				return
			}
		}
	})
}

func (h *lanHost) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	if h.watch != nil {
		poke(h.watch.c)
	}
}

func (h *lanHost) interfaces() ([]netInterface, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]netInterface(nil), h.list...), nil
}

func (h *lanHost) openSocket(_ context.Context, f Family, _ uint16) (socket, error) {
	h.mu.Lock()
	err := h.openErr
	h.mu.Unlock()
	if err != nil {
		return nil, err
	}
	s := &lanSocket{host: h, family: f, in: make(chan packet, 10_000), closed: make(chan struct{}), joined: make(map[int]bool)}
	h.lan.mu.Lock()
	h.lan.sockets = append(h.lan.sockets, s)
	h.lan.mu.Unlock()
	return s, nil
}

func (s *lanSocket) join(on *netInterface) error {
	s.host.mu.Lock()
	_, there := s.host.segment[on.index]
	err := s.host.joinErr
	s.host.mu.Unlock()
	if err != nil || !there {
		return errors.Join(err, errors.New("cannot join"))
	}
	s.host.lan.mu.Lock()
	defer s.host.lan.mu.Unlock()
	if s.joined[on.index] {
		return errors.New("joined twice")
	}
	s.joined[on.index] = true
	s.joins++
	return nil
}

func (s *lanSocket) leave(on *netInterface) error {
	s.host.lan.mu.Lock()
	defer s.host.lan.mu.Unlock()
	delete(s.joined, on.index)
	return nil
}

func (s *lanSocket) send(on *netInterface, data []byte) error {
	select {
	case <-s.closed:
		return net.ErrClosed
	default:
	}
	h := s.host
	h.mu.Lock()
	segment, err := h.segment[on.index], h.sendErr
	h.mu.Unlock()
	if err != nil {
		return err
	}
	if segment == "" {
		return errors.New("no such device")
	}
	src := on.addrs(s.family)[0].Addr()
	h.lan.inject(segment, s.family, netip.AddrPortFrom(src, DefaultUDPPort), data, 1)
	return nil
}

// inject puts a datagram on a segment.
func (l *lan) inject(segment string, f Family, src netip.AddrPort, data []byte, ttl int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
	for _, to := range l.sockets {
		if to.family != f || l.lose != nil && l.lose() {
			continue
		}
		to.host.mu.Lock()
		for _, i := range to.host.list {
			if to.host.segment[i.index] != segment || !to.joined[i.index] {
				continue
			}
			p := packet{data: append([]byte(nil), data...), src: src, dst: f.Group(), ifIndex: i.index, ttl: ttl}
			if to.host.noDetail {
				p.dst, p.ifIndex, p.ttl = netip.Addr{}, 0, 0
				if f == IPv6 {
					p.src = netip.AddrPortFrom(src.Addr().WithZone(i.name), src.Port())
				}
			}
			select {
			case to.in <- p:
			default:
			}
		}
		to.host.mu.Unlock()
	}
}

func (s *lanSocket) receive([]byte) (packet, error) {
	select {
	case p := <-s.in:
		return p, nil
	case <-s.closed:
		return packet{}, net.ErrClosed
	}
}

func (s *lanSocket) close() {
	s.once.Do(func() {
		close(s.closed)
		s.host.lan.mu.Lock()
		defer s.host.lan.mu.Unlock()
		clear(s.joined)
	})
}

// failSockets closes a host's sockets under it.
func (h *lanHost) failSockets() {
	h.lan.mu.Lock()
	list := append([]*lanSocket(nil), h.lan.sockets...)
	h.lan.mu.Unlock()
	for _, s := range list {
		if s.host == h {
			s.close()
		}
	}
}

// A testNetwork is a network by its key alone.
type testNetwork byte

func (n testNetwork) Key(use string) (key [32]byte) {
	copy(key[:], use)
	key[31] = byte(n)
	return key
}

// A running is a Service that runs until stop.
type running struct {
	*Service
	cancel context.CancelFunc
	done   chan error

	mu   sync.Mutex
	seen []Sighting
}

// service makes a Service on a host, not yet running.
func (h *lanHost) service(t testing.TB, cfg Config) *Service {
	t.Helper()
	if cfg.Network == nil {
		cfg.Network = testNetwork(1)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.interfaces, s.openSocket = h.interfaces, h.openSocket
	s.openWatcher = func() (watcher, error) {
		w := &lanWatcher{c: make(chan struct{}, 1), closed: make(chan struct{})}
		h.mu.Lock()
		h.watch = w
		h.mu.Unlock()
		return w, nil
	}
	return s
}

// start runs a Service until the test ends or stop is called.
func start(t *testing.T, s *Service) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{Service: s, cancel: cancel, done: make(chan error, 1)}
	go func() {
		for x := range s.Sightings() {
			r.mu.Lock()
			r.seen = append(r.seen, x)
			r.mu.Unlock()
		}
	}()
	go func() { r.done <- s.Run(ctx) }()
	t.Cleanup(cancel)
	return r
}

func (r *running) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	if err := <-r.done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// sightings returns what was sighted so far.
func (r *running) sightingsSoFar() []Sighting {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Sighting(nil), r.seen...)
}

// sees reports whether an address was sighted at or after a time, and says goodbye or not.
func (r *running) sees(addr string, since time.Time) bool {
	for _, s := range r.sightingsSoFar() {
		if s.Addr == netip.MustParseAddrPort(addr) && !s.At.Before(since) && !s.Goodbye {
			return true
		}
	}
	return false
}

func (r *running) link(t *testing.T, name string, f Family) LinkReport {
	t.Helper()
	for _, l := range r.Report().Links {
		if l.Interface == name && l.Family == f {
			return l
		}
	}
	t.Fatalf("no link %s %s in the report", name, f)
	return LinkReport{}
}
