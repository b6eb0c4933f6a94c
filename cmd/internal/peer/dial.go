package peer

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"parley/discovery"
	"parley/wire"
)

// An address is one place where a peer may be reached, and what became of trying.
type address struct {
	addr     netip.AddrPort
	static   bool
	instance [8]byte // of the beacon that told it; zero when not known
	peer     wire.ID // who answered there last; zero when nobody did
	seen     time.Time
	next     time.Time // not dialled before
	failures int
	dialing  bool
	self     bool // it is our own
	stood    bool // TCP stood the last time; what failed is above it
	reason   string
}

// The dialer keeps the address book and dials what is worth dialling. Its
// methods are called from its run goroutine only; others use its channels.
type dialer struct {
	peer  *Peer
	book  map[netip.AddrPort]*address
	heard chan discovery.Sighting
	ended chan dialResult
}

type dialResult struct {
	addr netip.AddrPort
	id   wire.ID
	err  error
	tcp  bool // TCP stood
	up   bool // a session stands now; its end follows
	lost bool // a session that stood has ended, now to be dialled again
}

func newDialer(p *Peer) *dialer {
	return &dialer{
		peer:  p,
		book:  make(map[netip.AddrPort]*address),
		heard: make(chan discovery.Sighting, 64),
		ended: make(chan dialResult, 64),
	}
}

// suggest adds an address from elsewhere than a beacon; it may drop it when
// more come than can be looked at.
func (d *dialer) suggest(addr netip.AddrPort, instance [8]byte) {
	select {
	case d.heard <- discovery.Sighting{Addr: addr, Instance: instance, At: time.Now()}:
	default:
	}
}

func (d *dialer) run(ctx context.Context, sightings <-chan discovery.Sighting) {
	tick := time.NewTicker(dialDelay)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case s, ok := <-sightings:
			if !ok {
				sightings = nil
				continue
			}
			d.sighted(s)
		case s := <-d.heard:
			d.sighted(s)
		case r := <-d.ended:
			d.done(r)
		case <-tick.C:
		}
		d.dialDue(ctx, time.Now())
		d.peer.setBook(d.snapshot())
	}
}

func (d *dialer) sighted(s discovery.Sighting) {
	a := d.book[s.Addr]
	if s.Goodbye {
		if a != nil && !a.static {
			delete(d.book, s.Addr)
		}
		return
	}
	if a == nil {
		if len(d.book) >= maxAddrs {
			d.forgetOldest()
		}
		a = &address{addr: s.Addr}
		d.book[s.Addr] = a
		// A little at random, so that two peers that hear each other at once
		// seldom dial each other at once.
		a.next = s.At.Add(time.Duration(rand.Int64N(int64(dialDelay))))
	}
	a.seen, a.static = s.At, a.static || s.Static
	if s.Instance != [8]byte{} && s.Instance != a.instance {
		// A daemon that started anew deserves a fresh try.
		a.instance, a.self, a.failures = s.Instance, false, 0
		if !a.dialing && a.next.After(s.At.Add(dialDelay)) {
			a.next = s.At
		}
	}
}

func (d *dialer) forgetOldest() {
	var oldest *address
	for _, a := range d.book {
		if !a.static && !a.dialing && (oldest == nil || a.seen.Before(oldest.seen)) {
			oldest = a
		}
	}
	if oldest != nil {
		delete(d.book, oldest.addr)
	}
}

func (d *dialer) dialDue(ctx context.Context, now time.Time) {
	// A peer is heard at several addresses; one is tried at a time.
	busy := make(map[[8]byte]bool)
	for _, a := range d.book {
		if a.dialing && a.instance != [8]byte{} {
			busy[a.instance] = true
		}
	}
	for _, a := range d.book {
		switch {
		case a.dialing, a.self, now.Before(a.next), busy[a.instance]:
		case d.peer.sessions.connected(a.peer, a.instance):
			a.next, a.failures = now.Add(dialBackoff), 0
		case !a.static && now.Sub(a.seen) > forgetAddr:
			delete(d.book, a.addr)
		default:
			a.dialing = true
			busy[a.instance] = a.instance != [8]byte{}
			d.peer.wg.Go(func() { d.dial(ctx, a.addr) })
		}
	}
}

// dial opens one session and stays with it until it ends.
func (d *dialer) dial(ctx context.Context, addr netip.AddrPort) {
	var nd net.Dialer
	dctx, cancel := context.WithTimeout(ctx, dialTimeout)
	conn, err := nd.DialContext(dctx, "tcp", addr.String())
	cancel()
	if err != nil {
		d.tell(ctx, dialResult{addr: addr, err: err})
		return
	}
	id, lost, err := d.peer.outbound(ctx, conn, func(id wire.ID) {
		d.tell(ctx, dialResult{addr: addr, id: id, tcp: true, up: true})
	})
	d.tell(ctx, dialResult{addr: addr, id: id, err: err, tcp: true, lost: lost})
}

func (d *dialer) tell(ctx context.Context, r dialResult) {
	select {
	case d.ended <- r:
	case <-ctx.Done():
	}
}

func (d *dialer) done(r dialResult) {
	a := d.book[r.addr]
	if a == nil {
		return
	}
	now := time.Now()
	a.peer, a.stood = r.id, r.tcp
	if r.up {
		a.failures, a.reason = 0, ""
		return
	}
	a.dialing = false
	a.self = r.id == d.peer.id
	switch {
	case r.lost:
		// What stood a moment ago is worth an attempt soon.
		a.failures, a.reason, a.seen = 0, "", now
	case r.err != nil:
		a.failures++
		a.reason = reasonOf(r.err)
	}
	delay := min(dialDelay<<min(a.failures, 10), dialBackoff)
	delay += time.Duration((rand.Float64()*2 - 1) * dialJitter * float64(delay))
	a.next = now.Add(delay)
}

func (d *dialer) snapshot() []address {
	all := make([]address, 0, len(d.book))
	for _, a := range d.book {
		all = append(all, *a)
	}
	return all
}
