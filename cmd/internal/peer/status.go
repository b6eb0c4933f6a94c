package peer

import (
	"context"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley/rooms"
	"parley/session"
	"parley/wire"
)

// counters are the peer's own counts since its start.
type counters struct {
	users             atomic.Int64 // sessions of users, now
	refusedHandshakes atomic.Uint64
	offences          atomic.Uint64
	sent, received    atomic.Uint64 // bytes of sessions that ended
	messages          atomic.Uint64 // stored
}

func (c *counters) keep(s session.Stats) {
	c.sent.Add(s.Sent)
	c.received.Add(s.Received)
}

// Status describes the peer.
func (p *Peer) Status(ctx context.Context) *wire.Status {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	st := p.store.Stats()
	m := &wire.Status{
		Peer: p.id, Name: p.Name(), Network: p.cfg.Network.Name, Secret: p.cfg.Network.HasSecret(),
		Software: p.cfg.Software, Address: p.Addr(), Addresses: p.addresses(), Store: p.cfg.StoreName,
		Started: uint64(p.started.UnixNano()), Sessions: uint64(p.open.Load()), Users: uint64(p.counters.users.Load()),
		Messages: p.counters.messages.Load(), DiskBytes: st.DiskBytes, MemoryBytes: mem.Sys - mem.HeapReleased,
		Commits: st.Commits, Syncs: st.Syncs, QueuedBytes: uint64(p.persist.queued()),
		Sent: p.counters.sent.Load(), Received: p.counters.received.Load(), Goroutines: uint64(runtime.NumGoroutine()),
		Counters: []wire.Counter{
			{Name: "refused_handshakes", Value: p.counters.refusedHandshakes.Load()},
			{Name: "offences", Value: p.counters.offences.Load()},
		},
	}
	if s, ok := p.store.(interface{ Health() error }); ok && s.Health() != nil {
		m.Counters = append(m.Counters, wire.Counter{Name: "store_failing", Value: 1})
	}
	if st.Full {
		m.Counters = append(m.Counters, wire.Counter{Name: "store_full", Value: 1})
	}
	for _, l := range p.sessions.all() {
		s := l.session.Stats()
		m.Sent += s.Sent
		m.Received += s.Received
	}
	p.ask(func(c *rooms.Core) {
		n := c.Stats()
		m.Rooms = uint64(n.Rooms)
		m.Counters = append(m.Counters,
			wire.Counter{Name: "messages_held", Value: n.Messages},
			wire.Counter{Name: "logs_held", Value: n.Logs},
			wire.Counter{Name: "messages_appended", Value: n.Appended},
			wire.Counter{Name: "messages_received", Value: n.Received},
			wire.Counter{Name: "runs_duplicate", Value: n.Duplicates},
			wire.Counter{Name: "runs_parked", Value: n.Parked},
			wire.Counter{Name: "runs_void", Value: n.Void},
			wire.Counter{Name: "runs_limited", Value: n.Limited},
			wire.Counter{Name: "gaps", Value: n.Gaps},
			wire.Counter{Name: "pulls", Value: n.Pulls},
			wire.Counter{Name: "walks", Value: n.Walks},
			wire.Counter{Name: "forks", Value: n.Forks},
			wire.Counter{Name: "batches_failed", Value: n.FailedBatches},
		)
	})
	return m
}

// addresses are the places at which others may reach this peer.
func (p *Peer) addresses() []string {
	host, port, err := net.SplitHostPort(p.Addr())
	if err != nil {
		return nil
	}
	if ip := net.ParseIP(host); ip != nil && !ip.IsUnspecified() {
		return []string{p.Addr()}
	}
	ifaces, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var all []string
	for _, a := range ifaces {
		ipnet, ok := a.(*net.IPNet)
		if !ok || ipnet.IP.IsLoopback() || ipnet.IP.IsLinkLocalUnicast() {
			continue
		}
		all = append(all, net.JoinHostPort(ipnet.IP.String(), port))
	}
	slices.Sort(all)
	return all
}

// peers lists links, and addresses without one.
func (p *Peer) peers() *wire.Peers {
	links := p.sessions.all()
	shared := make(map[rooms.PeerKey]int)
	p.ask(func(c *rooms.Core) {
		for _, l := range links {
			shared[l.key] = c.PeerRooms(l.key)
		}
	})
	m := &wire.Peers{}
	for _, l := range links {
		s := l.session.Stats()
		m.Peers = append(m.Peers, wire.PeerInfo{
			Peer: l.id, Name: l.name, Address: l.addr, State: "connected", RTT: uint64(l.session.RTT()),
			Since: uint64(l.since.UnixNano()), Rooms: uint64(shared[l.key]),
			Sent: s.Sent, Received: s.Received, Outbound: l.outbound,
		})
	}
	now := time.Now()
	for _, a := range p.bookNow() {
		if a.self || p.sessions.connected(a.peer, a.instance) {
			continue
		}
		info := wire.PeerInfo{Peer: a.peer, Address: a.addr.String(), State: "waiting", Reason: a.reason, Since: uint64(a.seen.UnixNano())}
		switch {
		case a.dialing:
			info.State = "dialing"
		case a.failures > 0 && now.Before(a.next):
			info.State = "refused"
		}
		m.Peers = append(m.Peers, info)
	}
	slices.SortFunc(m.Peers, func(a, b wire.PeerInfo) int {
		if c := a.Peer.Compare(b.Peer); c != 0 {
			return c
		}
		return strings.Compare(a.Address, b.Address)
	})
	return m
}

// servePeers answers a PeersGet, and again at every change of the links.
func (p *Peer) servePeers(ctx context.Context, st *session.Stream, watch bool) error {
	ctx, cancel := p.whileWanted(ctx, st, watch)
	defer cancel()
	for {
		changed := p.peersChanged()
		if err := st.Send(ctx, p.peers()); err != nil || !watch {
			return err
		}
		select {
		case <-changed:
		case <-time.After(time.Second): // bytes and round trips change without an event
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// offenders remembers for which sources an offence was logged lately.
type offenders struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

// first reports whether this source's offence is to be logged.
func (o *offenders) first(source string, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen == nil {
		o.seen = make(map[string]time.Time)
	}
	if at, ok := o.seen[source]; ok && now.Sub(at) < offenderEvery {
		return false
	}
	if len(o.seen) >= maxOffenders {
		for s, at := range o.seen {
			if now.Sub(at) >= offenderEvery {
				delete(o.seen, s)
			}
		}
		if len(o.seen) >= maxOffenders {
			return false // a flood from many sources: they are counted, not listed
		}
	}
	o.seen[source] = now
	return true
}
