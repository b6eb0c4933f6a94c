package discovery

import (
	"math"
	"net/netip"
	"testing"
	"time"
)

// FuzzHeard lets a service hear, at the times that its input says, beacons of a few neighbours and strangers: good ones,
// replayed, forged, from elsewhere. A model says which of them are news. The tables are made small, so that they overflow.
func FuzzHeard(f *testing.F) {
	f.Fuzz(func(t *testing.T, acts []byte) {
		h := &hearing{t: t, s: receiver(t), now: epoch, known: map[neighbourKey]neighbour{}, sent: map[linkKey]int{}}
		h.s.neighbours.limit, h.s.sources.limit = 6, 3
		for n := 0; n < 300 && len(acts) >= 4; n++ {
			h.act(acts[0], acts[1], acts[2], acts[3])
			acts = acts[4:]
		}
	})
}

// A hearing is a service with what a model knows of it.
type hearing struct {
	t     *testing.T
	s     *Service
	now   time.Time
	known map[neighbourKey]neighbour
	sent  map[linkKey]int
}

func (h *hearing) act(what, who, how, number byte) {
	switch what % 8 {
	case 0:
		h.now = h.now.Add(time.Duration(who) * time.Duration(how) * 2 * time.Millisecond)
	case 1:
		h.send(how)
	default:
		h.hear(who, how, number)
	}
	for _, table := range [][2]int{
		{len(h.s.neighbours.items), h.s.neighbours.limit},
		{h.s.neighbours.order.Len(), len(h.s.neighbours.items)},
		{len(h.s.sources.items), h.s.sources.limit},
		{h.s.sources.order.Len(), len(h.s.sources.items)},
	} {
		if table[0] > table[1] {
			h.t.Fatalf("%d entries in a table of %d", table[0], table[1])
		}
	}
	if got := len(h.s.neighbourReports(h.now)); got > len(h.s.neighbours.items) {
		h.t.Fatalf("%d neighbours are reported, of %d", got, len(h.s.neighbours.items))
	}
}

// hear gives the service a datagram. The bits of how spoil it in one way or another.
func (h *hearing) hear(who, how, number byte) {
	b := Beacon{
		Kind: KindAnnounce + Kind(how&3)%3, Port: uint16(who>>5) * 1000, Counter: 1 + uint64(number&15),
		Instance: [8]byte{1 + who&3, 9}, Salt: [8]byte{number >> 6},
	}
	key := testNetwork(1 + uint64(how>>7)).Key(keyUse)
	own := who&31 == 4
	if own {
		b.Instance = h.s.cfg.Instance
	}
	data := AppendBeacon(nil, &key, b)
	good := how>>7 == 0 && !own
	p := from([]string{"192.0.2.9", "192.0.2.10", "192.0.2.11", "192.0.2.12", "203.0.113.9"}[int(who>>2)%5], data)
	good = good && int(who>>2)%5 != 4
	switch how >> 2 & 31 {
	case 1:
		data[int(number)%len(data)] ^= 1 << (who & 7)
		good = false
	case 2:
		p.data, good = data[:int(number)%len(data)], false
	case 3:
		p.ttl, good = 2, false
	case 4:
		p.dst, good = netip.MustParseAddr("192.0.2.1"), false
	case 5:
		p.ifIndex, good = 3, false
	}
	l := h.s.links[linkKey{"lan", IPv4}]
	before := l.count
	strays := h.s.stray
	h.s.heard(h.now, IPv4, p)
	after := l.count
	if total(after)-total(before)+h.s.stray-strays != 1 {
		h.t.Fatalf("one datagram, and the counts go from %+v to %+v", before, after)
	}
	var sighted []Sighting
	for len(h.s.sightings) > 0 {
		sighted = append(sighted, <-h.s.sightings)
	}
	k := neighbourKey{l.key, b.Instance, b.Salt}
	for key := range h.known { // what is forgotten for want of place is news again
		if h.s.neighbours.items[key] == nil {
			delete(h.known, key)
		}
	}
	was, known := h.known[k]
	fresh := !known || h.now.Sub(was.heard) > neighbourLife || b.Counter > was.counter
	heard := after.Heard > before.Heard
	switch {
	case heard && !good, good && !heard && after.Limited == before.Limited && after.Replayed == before.Replayed:
		h.t.Fatalf("%+v, good %v: taken %v", b, good, heard)
	case after.Replayed > before.Replayed && (!good || fresh), heard && known && !fresh:
		h.t.Fatalf("%+v after %d: taken %v", b, was.counter, heard)
	case len(sighted) > 1 || len(sighted) == 1 && (!heard || sighted[0].Addr != netip.AddrPortFrom(p.src.Addr(), b.Port) || sighted[0].Goodbye != (b.Kind == KindGoodbye)):
		h.t.Fatalf("%+v is sighted as %+v", b, sighted)
	case heard && b.Port > 0 && (b.Kind == KindGoodbye || !known) && len(sighted) == 0:
		h.t.Fatalf("%+v is not sighted", b)
	}
	if heard {
		h.known[k] = neighbour{counter: b.Counter, heard: h.now}
	}
}

func total(c Counts) uint64 {
	return c.Heard + c.Own + c.Foreign + c.Malformed + c.OtherVersion + c.OffLink + c.Replayed + c.Limited
}

// send lets each link send what is due, well or not, and holds it against the allowance.
func (h *hearing) send(how byte) {
	for key, l := range h.s.links {
		kind, ok := l.schedule.due(h.now)
		if !ok {
			continue
		}
		if h.sent[key]++; float64(h.sent[key]) > sendRate().burst+sendRate().perSecond*h.now.Sub(epoch).Seconds()+1 {
			h.t.Fatalf("%d beacons in %v", h.sent[key], h.now.Sub(epoch))
		}
		if how&1 == 0 {
			l.schedule.sent(h.now, kind, float64(how)/256)
		} else {
			l.schedule.failed(h.now)
		}
		if wake := l.schedule.wake(); wake.IsZero() || wake.Before(h.now) || wake.Sub(h.now).Seconds() > math.Max(announceInterval.Seconds()*2, retryLast.Seconds()) {
			h.t.Fatalf("at %v, the next beacon is due at %v", h.now, wake)
		}
	}
}
