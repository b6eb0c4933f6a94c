// Package peer is one running peer: listener, dialer, discovery, rooms and
// store joined. It parses no flags and reads no files of the home.
//
// One goroutine drives the pure core of package rooms (loop.go). Everything
// else brings it events or carries out its effects: a persister makes batches
// durable (persist.go), each link to another peer reads, verifies and sends
// (sessions.go, serve.go), each user's request has a stream (users.go), tails
// are fed from the store and from a hub of runs not yet in it (tail.go).
package peer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"parley/discovery"
	"parley/handshake"
	"parley/handshake/identity"
	"parley/rooms"
	"parley/session"
	"parley/store"
	"parley/wire"
)

// Users says whose sessions a peer serves.
type Users interface {
	Allowed(user wire.ID) bool
	String() string // for the refused: "the users of its own home"
}

// Config is what a peer needs to run.
type Config struct {
	Identity  *identity.Private
	Network   identity.Network
	Store     store.Store
	StoreName string // "embedded"; for status
	Users     Users
	Software  string // name and version, told in Hello

	Listen     string   // host:port; empty: DefaultPort on all addresses, or any free port
	Static     []string // host:port of peers to dial
	Interfaces []string // names; empty: all that multicast
	Discovery  bool
	Open       rooms.OpenLimits

	// Snapshot makes a copy of the store for a user who may have one, and returns its
	// folder; nil: nobody gets one. Its errors are those of package store, or a *wire.Error.
	Snapshot func(ctx context.Context, user wire.ID) (path string, err error)

	Logger *slog.Logger // nil: silent
}

// A Peer is made by New and lives in Run.
type Peer struct {
	cfg      Config
	id       wire.ID
	instance [8]byte
	log      *slog.Logger
	store    store.Store
	started  time.Time

	listener net.Listener
	port     uint16

	core     *rooms.Core
	events   chan rooms.Event
	asks     chan func()
	coreDone chan struct{}
	wake     *time.Timer // of the core; its goroutine's own

	persist   *persister
	finds     finder
	hub       *hub
	sessions  *sessions
	dialer    *dialer
	discovery *discovery.Service
	gate      *handshake.Gate
	tokens    *session.Tokens
	known     *identity.Known // bundles verified before: most sessions are with them
	live      liveTokens
	open      atomic.Int64
	counters  counters
	offenders offenders
	wg        sync.WaitGroup

	mu       sync.Mutex
	pulls    map[rooms.PullKey]context.CancelFunc
	requests map[rooms.ReqKey]*request
	lastReq  rooms.ReqKey
	book     []address
	changed  chan struct{} // closed and replaced when the links change
}

// New opens the listener, so that the address is known, and reads nothing yet.
func New(cfg Config) (*Peer, error) {
	p := &Peer{
		cfg: cfg, id: cfg.Identity.ID(), log: cfg.Logger, store: cfg.Store, started: time.Now(),
		events: make(chan rooms.Event, maxEvents), asks: make(chan func()), coreDone: make(chan struct{}),
		hub: newHub(), sessions: newSessions(), gate: new(handshake.Gate), known: new(identity.Known),
		pulls: make(map[rooms.PullKey]context.CancelFunc), requests: make(map[rooms.ReqKey]*request),
		changed: make(chan struct{}),
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	rand.Read(p.instance[:])
	p.finds.wake = make(chan struct{}, 1)
	p.persist = newPersister(cfg.Store, p.persisted)
	p.dialer = newDialer(p)
	p.tokens = session.NewTokens(&storeValues{store: cfg.Store, wg: &p.wg}, nil)
	p.core = rooms.New(rooms.Config{Self: p.id, Network: cfg.Network, Open: cfg.Open})
	ln, err := listen(cfg.Listen)
	if err != nil {
		return nil, err
	}
	p.listener = ln
	p.port = uint16(ln.Addr().(*net.TCPAddr).Port)
	p.discovery, err = discovery.New(discovery.Config{
		Network: cfg.Network, Port: p.port, Instance: p.instance, Interfaces: cfg.Interfaces,
		NoMulticast: !cfg.Discovery, Static: cfg.Static, Logger: p.log,
	})
	if err != nil {
		ln.Close()
		return nil, err
	}
	return p, nil
}

func listen(addr string) (net.Listener, error) {
	if addr != "" {
		return net.Listen("tcp", addr)
	}
	ln, err := net.Listen("tcp", ":"+strconv.Itoa(DefaultPort))
	if err != nil {
		ln, err = net.Listen("tcp", ":0")
	}
	return ln, err
}

// Addr is where the peer listens, host:port.
func (p *Peer) Addr() string { return p.listener.Addr().String() }

// Name is the name that the peer claims.
func (p *Peer) Name() string { return p.cfg.Identity.Bundle().Name }

// ID is the peer's identity.
func (p *Peer) ID() wire.ID { return p.id }

// SetStatic replaces the peers to dial.
func (p *Peer) SetStatic(addrs []string) error { return p.discovery.SetStatic(addrs) }

// Run serves until ctx ends, then finishes what was acknowledged and returns.
// ready is called once everything is loaded and connections are taken.
func (p *Peer) Run(ctx context.Context, ready func()) error {
	defer p.listener.Close()
	// The core and the persister outlive the sessions, so that what those took
	// in is written before the end.
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	outer, quit := context.WithCancel(ctx)
	defer quit()

	var core, disk sync.WaitGroup
	core.Go(func() { p.runCore(inner) })
	core.Go(func() { p.runFinds(inner) })
	disk.Go(func() { p.persist.run(inner) })
	var err error
	if err = p.load(outer); err != nil {
		stop()
		p.persist.close()
		core.Wait()
		disk.Wait()
		if ctx.Err() != nil {
			return nil // it was told to end
		}
		return fmt.Errorf("the store cannot be read: %w", err)
	}

	var service sync.WaitGroup
	service.Go(func() {
		if err := p.discovery.Run(outer); err != nil && outer.Err() == nil {
			p.log.Error("discovery ended", "error", err)
		}
	})
	service.Go(func() { p.dialer.run(outer, p.discovery.Sightings()) })
	service.Go(func() { p.accept(outer, p.listener) })
	service.Go(func() { p.tendMemory(outer) })
	if s, ok := p.store.(store.Shared); ok {
		service.Go(func() { p.followShared(outer, s) })
	}
	ready()

	<-ctx.Done()
	p.listener.Close()
	quit()
	service.Wait()
	ended := make(chan struct{})
	go func() {
		p.wg.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(goodbye):
		err = errors.New("some sessions did not end in time")
	}
	p.persist.close()
	disk.Wait()
	stop()
	core.Wait()
	return err
}

// persisted tells everyone who waits that a batch is in the store, or is not.
func (p *Peer) persisted(e rooms.Persisted, b *store.Batch) {
	p.hub.stored(b)
	if e.Err == nil {
		for i := range b.Runs {
			p.counters.messages.Add(b.Runs[i].Last - b.Runs[i].First + 1)
		}
	} else {
		p.log.Error("records could not be stored", "error", e.Err)
	}
	p.post(e)
}

func (p *Peer) notePeers() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *Peer) peersChanged() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changed
}

func (p *Peer) setBook(b []address) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.book = b
}

func (p *Peer) bookNow() []address {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.book
}
