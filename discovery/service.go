package discovery

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mrand "math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Errors of a Service.
var (
	// ErrConfig is a Config that New refuses.
	ErrConfig = errors.New("discovery: bad configuration")
	// ErrRunning is a second call of Run.
	ErrRunning = errors.New("discovery: Run may be called once")
)

// A Sighting says that a peer of our network seems to listen at an address, or, with
// Goodbye, that it has stopped. Both are hints, not proofs: a goodbye may end
// attempts to dial, never a live session.
type Sighting struct {
	Addr      netip.AddrPort // TCP; with the interface as zone if link-local
	Instance  [8]byte        // zero for static peers
	Interface string         // "" for static peers
	Static    bool           // named in Config.Static, not heard
	Goodbye   bool           // the instance said that it stops
	At        time.Time
}

// A Network is what a Service needs of identity.Network: the key of one use,
// derived from the network's name and secret.
type Network interface {
	Key(use string) [32]byte
}

// keyUse is the use of the key that beacons are made with.
const keyUse = "beacon"

// Config configures a Service.
type Config struct {
	Network  Network
	Port     uint16  // our TCP port; 0: we accept no sessions, and are heard of without an address
	Instance [8]byte // as in the session's Hello, fresh at each start; zero: New makes one

	Interfaces  []string // names of the interfaces to use; empty: all that do multicast, and loopback
	NoMulticast bool     // static peers only
	Static      []string // HOST:PORT; names are resolved again and again
	UDPPort     uint16   // 0: DefaultUDPPort
	Logger      *slog.Logger
}

// A Service sends beacons, hears those of others and watches static peers.
type Service struct {
	cfg       Config
	log       *slog.Logger
	sightings chan Sighting
	started   atomic.Bool
	static    *staticPeers

	// What touches the system; tests put a modelled network here.
	openSocket  func(context.Context, Family, uint16) (socket, error)
	interfaces  func() ([]netInterface, error)
	openWatcher func() (watcher, error)

	changed chan struct{} // capacity 1: interfaces may have changed
	work    chan struct{} // capacity 1: the schedule may have changed

	mu         sync.Mutex
	key        [32]byte
	counter    uint64
	sockets    [2]socketState // IPv4, IPv6
	links      map[linkKey]*link
	neighbours *lru[neighbourKey, neighbour]
	sources    *lru[sourceKey, bucket]
	stray      uint64 // packets that came for no link of ours
	listErr    error  // of the last listing of interfaces
}

// A socketState is the socket of one family; sock is nil while it is closed.
type socketState struct {
	sock   socket
	err    error
	opened uint64
}

func (s *Service) socketOf(f Family) *socketState {
	if f == IPv6 {
		return &s.sockets[1]
	}
	return &s.sockets[0]
}

// New returns a Service; Run starts it. Errors: ErrConfig.
func New(cfg Config) (*Service, error) {
	if cfg.Network == nil {
		return nil, fmt.Errorf("%w: no network", ErrConfig)
	}
	if cfg.UDPPort == 0 {
		cfg.UDPPort = DefaultUDPPort
	}
	if cfg.Instance == ([8]byte{}) {
		rand.Read(cfg.Instance[:])
	}
	if len(cfg.Interfaces) > maxInterfaces {
		return nil, fmt.Errorf("%w: %d interfaces, at most %d", ErrConfig, len(cfg.Interfaces), maxInterfaces)
	}
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	static, err := newStaticPeers(cfg.Static, log)
	if err != nil {
		return nil, err
	}
	s := &Service{
		cfg:         cfg,
		log:         log,
		sightings:   make(chan Sighting, sightingsBuffer),
		static:      static,
		openSocket:  openSocket,
		interfaces:  systemInterfaces,
		openWatcher: openWatcher,
		changed:     make(chan struct{}, 1),
		work:        make(chan struct{}, 1),
		key:         cfg.Network.Key(keyUse),
		links:       make(map[linkKey]*link),
		neighbours:  newLRU[neighbourKey, neighbour](maxNeighbours),
		sources:     newLRU[sourceKey, bucket](maxSources),
	}
	return s, nil
}

// Sightings returns the stream of sightings. When the reader is slow the oldest
// are dropped. It is closed when Run returns.
func (s *Service) Sightings() <-chan Sighting { return s.sightings }

// SetStatic replaces the static peers (HOST:PORT) and resolves them at once.
// Errors: ErrConfig, and then nothing has changed.
func (s *Service) SetStatic(peers []string) error { return s.static.set(peers) }

// SetNetwork changes the network at once: our neighbours are forgotten, and we
// announce ourselves to the new network on every link. The neighbours of the old one
// forget us when they have not heard us for a while.
func (s *Service) SetNetwork(n Network) {
	key := n.Key(keyUse)
	s.mu.Lock()
	defer s.mu.Unlock()
	if key == s.key {
		return
	}
	s.key = key
	s.neighbours = newLRU[neighbourKey, neighbour](maxNeighbours)
	now := time.Now()
	for _, l := range s.links {
		if !l.schedule.next.IsZero() {
			l.begin(now)
		}
	}
	poke(s.work)
}

// Run works until ctx is done, then says goodbye and returns nil. Trouble with
// sockets and interfaces does not end it: it tries again, and Report tells.
func (s *Service) Run(ctx context.Context) error {
	if s.started.Swap(true) {
		return ErrRunning
	}
	defer close(s.sightings)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { s.static.run(ctx, s.emit) })
	if s.cfg.NoMulticast {
		<-ctx.Done()
		return nil
	}
	// The sockets outlive ctx until goodbye is said.
	readers, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	for _, f := range []Family{IPv4, IPv6} {
		wg.Go(func() { s.receiveAll(readers, f) })
	}
	var watched atomic.Bool
	if w, err := s.openWatcher(); err == nil {
		watched.Store(true)
		closed := context.AfterFunc(readers, w.close)
		wg.Go(func() {
			for w.wait() == nil {
				poke(s.changed)
			}
			watched.Store(false) // poll from now on
			if closed() {
				w.close()
			}
			poke(s.changed)
		})
	}
	s.drive(ctx, &watched)
	s.goodbye()
	return nil
}

// drive follows the interfaces and sends what is due, until ctx is done.
func (s *Service) drive(ctx context.Context, watched *atomic.Bool) {
	var refreshed time.Time
	refreshAt := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		if now := time.Now(); !now.Before(refreshAt) {
			refreshed = now
			s.refresh(now)
			refreshAt = now.Add(pollUnwatched)
			if watched.Load() {
				refreshAt = now.Add(pollWatched)
			}
		}
		s.joinAll(time.Now())
		s.sendAll()
		wake := s.nextWake(refreshAt)
		timer.Reset(time.Until(wake))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-s.work:
		case <-s.changed:
			refreshAt = refreshed.Add(refreshGap)
		}
	}
}

// nextWake returns when drive has something to do next, at most at latest.
func (s *Service) nextWake(latest time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	wake := latest
	for _, l := range s.links {
		if s.socketOf(l.key.family).sock == nil {
			continue
		}
		if l.unusable == "" && l.joinAt.Before(wake) {
			wake = l.joinAt
		}
		if at := l.schedule.wake(); !at.IsZero() && at.Before(wake) {
			wake = at
		}
	}
	return wake
}

// emit passes a sighting on, and drops the oldest when nobody reads.
func (s *Service) emit(sighting Sighting) {
	for range sightingsBuffer {
		select {
		case s.sightings <- sighting:
			return
		default:
		}
		select {
		case <-s.sightings:
		default:
		}
	}
}

// poke leaves a note on a channel of capacity 1.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func chance() float64 { return mrand.Float64() }
