package conform

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"parley/cmd/internal/script"
	"parley/discovery"
)

const (
	sectionBeacon   = "discovery, The beacon"
	sectionSent     = "discovery, When beacons are sent"
	sectionReceiver = "discovery, What a receiver does"
	unanswered      = "no answer"
)

// beaconGroup is where beacons go on IPv4 (package discovery).
const beaconGroup = "239.192.112.108:19946"

// What the waits of these cases are bounded by.
const (
	// answerDelay is the 200 ms by which an answer is delayed at most, and some.
	answerDelay = 700 * time.Millisecond

	// answerEvery is how long the peer need not answer again after a beacon.
	answerEvery = 1200 * time.Millisecond

	// dialAgain is longer than a peer waits before it dials an address again (here 1.25 s).
	dialAgain = 1500 * time.Millisecond

	// allowance is how long the peer's allowance of beacons may need to let one pass.
	allowance = 20 * time.Second
)

// beaconCases are the rules of discovery. They are tried one after another, on
// the interface that the target names; without one they are left out.
func beaconCases() []Case {
	// silent sends a datagram, and wants no answer of the peer's.
	silent := func(name, section string, datagram func(t *T, b discovery.Beacon) []byte) Case {
		return Case{Name: name, Section: section, Expect: unanswered, run: func(t *T) {
			l := t.link()
			defer l.close()
			l.dropped(datagram(t, t.newcomer()))
		}}
	}
	// ignored sends a datagram of somebody who takes sessions, and wants neither an
	// answer nor a connection: a peer that takes it in dials.
	ignored := func(name, section string, datagram func(t *T, b discovery.Beacon) []byte) Case {
		return Case{Name: name, Section: section, Expect: unanswered + ", and no connection", run: func(t *T) {
			l := t.link()
			defer l.close()
			b := t.newcomer()
			b.Port = t.listenOnLink()
			l.dropped(datagram(t, b))
			if t.dialled(now()) {
				t.fail("a connection", "the peer dials who sent what it must drop")
			}
		}}
	}
	encoded := func(t *T, b discovery.Beacon) []byte {
		key := t.target.Network.Key("beacon")
		return discovery.AppendBeacon(nil, &key, b)
	}
	// remade changes a beacon's bytes before the mac is made.
	remade := func(change func(b []byte)) func(*T, discovery.Beacon) []byte {
		return func(t *T, b discovery.Beacon) []byte {
			raw := encoded(t, b)
			change(raw)
			key := t.target.Network.Key("beacon")
			tag := script.RawMAC(key[:], []byte("parley/1/beacon-tag\x00"), raw[16:32])
			copy(raw[32:48], tag)
			return append(raw[:48], script.RawMAC(key[:], []byte("parley/1/beacon-mac\x00"), raw[:48])...)
		}
	}
	kind := func(k discovery.Kind) func(*T, discovery.Beacon) []byte {
		return func(t *T, b discovery.Beacon) []byte {
			b.Kind = k
			return encoded(t, b)
		}
	}
	flip := func(at int) func(*T, discovery.Beacon) []byte {
		return func(t *T, b discovery.Beacon) []byte {
			raw := encoded(t, b)
			raw[at] ^= 1
			return raw
		}
	}
	return []Case{
		{Name: "a newcomer's announce is answered", Section: sectionSent, Expect: "a beacon with the peer's port", run: func(t *T) {
			l := t.link()
			defer l.close()
			l.answered()
		}},
		{Name: "the peer's counter grows and its tag differs from beacon to beacon", Section: sectionBeacon, Expect: "another counter and tag", run: func(t *T) {
			l := t.link()
			defer l.close()
			first, raw1, _ := l.answered()
			second, raw2, _ := l.answered()
			if first.Salt == second.Salt && second.Counter <= first.Counter || string(raw1[32:48]) == string(raw2[32:48]) {
				t.fail(fmt.Sprintf("%+v, then %+v", first, second), "the counter does not grow, or the tag shows the network")
			}
		}},
		{Name: "an announce replayed", Section: sectionReceiver, Expect: unanswered, run: func(t *T) {
			l := t.link()
			defer l.close()
			_, _, announce := l.answered()
			l.dropped(announce)
		}},
		silent("an answer is not answered", sectionSent, kind(discovery.KindAnswer)),
		silent("a goodbye is not answered", sectionSent, kind(discovery.KindGoodbye)),
		ignored("an announce with a bit of the mac altered", sectionReceiver, flip(79)),
		ignored("an announce with another port than was signed", sectionReceiver, flip(7)),
		ignored("an announce with a bit of the tag altered", sectionReceiver, flip(40)),
		ignored("an announce of another network", sectionReceiver, func(t *T, b discovery.Beacon) []byte {
			other := t.target.Network
			other.Name += "x"
			key := other.Key("beacon")
			return discovery.AppendBeacon(nil, &key, b)
		}),
		ignored("an announce of version 2", sectionBeacon, remade(func(b []byte) { b[4] = 2 })),
		ignored("an announce of kind 0", sectionBeacon, remade(func(b []byte) { b[5] = 0 })),
		ignored("an announce of kind 4", sectionBeacon, remade(func(b []byte) { b[5] = 4 })),
		ignored("an announce with another magic", sectionBeacon, remade(func(b []byte) { b[3] = 'C' })),
		ignored("an announce of instance 0", sectionBeacon, remade(func(b []byte) { clear(b[8:16]) })),
		ignored("an announce of counter 0", sectionBeacon, remade(func(b []byte) { clear(b[24:32]) })),
		ignored("an announce cut by a byte", sectionBeacon, func(t *T, b discovery.Beacon) []byte { return encoded(t, b)[:79] }),
		ignored("an announce with a byte behind it", sectionBeacon, func(t *T, b discovery.Beacon) []byte { return append(encoded(t, b), 0) }),
		ignored("an empty datagram", sectionBeacon, func(*T, discovery.Beacon) []byte { return nil }),
		{Name: "an announce replayed behind its sender's goodbye is not dialled", Section: sectionReceiver, Expect: "a connection for the announce and for the next, none for the replay", run: func(t *T) {
			replayedBehindGoodbye(t, encoded)
		}},
	}
}

// replayedBehindGoodbye announces a port at which it listens.
func replayedBehindGoodbye(t *T, encoded func(*T, discovery.Beacon) []byte) {
	l := t.link()
	defer l.close()
	b := t.newcomer()
	b.Port = t.listenOnLink()
	announce := encoded(t, b)
	l.send(announce)
	if !t.dialled(soon()) {
		t.fail("no connection", "the peer does not dial who announces itself")
	}
	b.Kind, b.Counter = discovery.KindGoodbye, 2
	l.send(encoded(t, b))
	for t.dialled(later(dialAgain)) { // what was under way
	}
	l.send(announce)
	if t.dialled(later(dialAgain)) {
		t.fail("a connection", "a replayed announce brings back what a goodbye took away")
	}
	b.Kind, b.Counter = discovery.KindAnnounce, 3
	l.send(encoded(t, b))
	if !t.dialled(soon()) {
		t.fail("no connection", "the peer does not dial who announces itself again")
	}
}

// listenOnLink listens on the target's interface, and returns the port.
func (t *T) listenOnLink() uint16 {
	at, err := interfaceIPv4(t.target.Interface)
	if err != nil {
		t.fail("no address", "the harness cannot listen on %s: %v", t.target.Interface, err)
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(t.ctx, "tcp4", netip.AddrPortFrom(at, 0).String())
	if err != nil {
		t.fail(err.Error(), "the harness cannot listen on %s", at)
	}
	t.ln = ln
	return netip.MustParseAddrPort(ln.Addr().String()).Port()
}

// dialled tells whether somebody connects by a time.
func (t *T) dialled(by time.Time) bool {
	if err := t.ln.(*net.TCPListener).SetDeadline(by); err != nil {
		t.fail(err.Error(), "the harness cannot wait")
	}
	conn, err := t.ln.Accept()
	if err == nil {
		_ = conn.Close() // the peer may try again
	}
	return err == nil
}

// newcomer is a beacon that the peer has not heard, of a sender that takes no sessions.
func (t *T) newcomer() discovery.Beacon {
	return discovery.Beacon{Kind: discovery.KindAnnounce, Counter: 1, Instance: [8]byte(t.random(8)), Salt: [8]byte(t.random(8))}
}

// A link is the harness's place on the peer's link.
type link struct {
	t         *T
	hear, say net.PacketConn
	port      uint16 // the peer's
}

func (t *T) link() *link {
	peer, err := netip.ParseAddrPort(t.target.Addr)
	if err != nil {
		t.fail("", "beacon cases need the peer's address as numbers, not %s", t.target.Addr)
	}
	hear, say, err := multicast(t.ctx, t.target.Interface, netip.MustParseAddrPort(beaconGroup))
	if err != nil {
		t.fail("no group", "the harness cannot join the group on %s: %v", t.target.Interface, err)
	}
	return &link{t: t, hear: hear, say: say, port: peer.Port()}
}

func (l *link) close() {
	_ = l.hear.Close() // nothing is buffered in a datagram socket that counts
	_ = l.say.Close()
}

func (l *link) send(b []byte) {
	l.t.note(true, "beacon", b)
	if _, err := l.say.WriteTo(b, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(beaconGroup))); err != nil {
		l.t.fail(err.Error(), "the beacon cannot be sent")
	}
}

// next is the peer's next beacon, which must be a good one.
func (l *link) next(by time.Time) (b discovery.Beacon, raw []byte, ok bool) {
	key := l.t.target.Network.Key("beacon")
	buf := make([]byte, 2048)
	for {
		if err := l.hear.SetReadDeadline(by); err != nil {
			l.t.fail(err.Error(), "the harness cannot wait")
		}
		n, _, err := l.hear.ReadFrom(buf)
		if script.TimedOut(err) {
			return b, nil, false
		}
		if err != nil {
			l.t.fail(err.Error(), "the harness cannot hear")
		}
		// Others share the group: only what bears the peer's port is its own.
		if n < 8 || uint16(buf[6])<<8|uint16(buf[7]) != l.port {
			continue
		}
		raw = append([]byte{}, buf[:n]...)
		l.t.note(false, "beacon", raw)
		b, err := discovery.ParseBeacon(&key, raw)
		if errors.Is(err, discovery.ErrForeign) {
			continue // of another network's peer with that port
		}
		if err != nil {
			l.t.fail(fmt.Sprintf("%x", raw), "the peer's beacon is not good: %v", err)
		}
		return b, raw, true
	}
}

// answered sends newcomers' announces until the peer has answered one, and lets
// it come to rest. It returns the answer and the announce.
func (l *link) answered() (b discovery.Beacon, raw, announce []byte) {
	key := l.t.target.Network.Key("beacon")
	for end := later(allowance); time.Now().Before(end); {
		announce = discovery.AppendBeacon(nil, &key, l.t.newcomer())
		l.send(announce)
		// A beacon that is sent anyway serves as the answer: then another newcomer comes.
		found := false
		for by := later(answerEvery); ; {
			got, bytes, ok := l.next(by)
			if !ok {
				break
			}
			if got.Kind == discovery.KindAnswer && !found {
				b, raw, found = got, bytes, true
			}
		}
		if found {
			return b, raw, announce
		}
	}
	l.t.fail("nothing", "a newcomer's announce is not answered")
	return b, nil, nil
}

// dropped sends what must not be answered, to a peer that has come to rest.
func (l *link) dropped(datagram []byte) {
	l.send(datagram)
	for by := later(answerDelay); ; {
		b, _, ok := l.next(by)
		if !ok {
			return
		}
		if b.Kind == discovery.KindAnswer {
			l.t.fail(fmt.Sprintf("%+v", b), "the peer answers what it must drop")
		}
	}
}

// interfaceIPv4 is an address of an interface, from which to send.
func interfaceIPv4(name string) (netip.Addr, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return netip.Addr{}, err
	}
	addrs, err := i.Addrs()
	if err != nil {
		return netip.Addr{}, err
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			return p.Addr(), nil
		}
	}
	return netip.Addr{}, fmt.Errorf("%s has no IPv4 address", name)
}
