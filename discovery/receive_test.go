package discovery

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// receiver returns a Service that is not running, with one link in each family, joined.
func receiver(t testing.TB) *Service {
	t.Helper()
	h := (&lan{}).host()
	h.plug(2, "lan", "office", "192.0.2.1/24", "fe80::1/64")
	s := h.service(t, Config{Port: 1001, Instance: [8]byte{1}})
	s.refresh(epoch)
	for _, f := range []Family{IPv4, IPv6} {
		s.socketOf(f).sock, _ = h.openSocket(t.Context(), f, DefaultUDPPort)
	}
	s.joinAll(epoch)
	for _, l := range s.links {
		if !l.joined {
			t.Fatal("not joined")
		}
		l.schedule.sent(epoch, KindAnnounce, 0.5)
	}
	return s
}

// from makes a packet as it comes to receiver.
func from(src string, data []byte) packet {
	return packet{data: data, src: netip.AddrPortFrom(netip.MustParseAddr(src), 19946), dst: IPv4.Group(), ifIndex: 2, ttl: 1}
}

func networkBeacon(b Beacon) []byte {
	key := testNetwork(1).Key(keyUse)
	return AppendBeacon(nil, &key, b)
}

func (s *Service) pending() (n int) {
	for {
		select {
		case <-s.sightings:
			n++
		default:
			return n
		}
	}
}

func TestEachReasonToDropIsCountedAndSightsNothing(t *testing.T) {
	other := testNetwork(2).Key(keyUse)
	good := networkBeacon(sampleBeacon(KindAnnounce))
	own := sampleBeacon(KindAnnounce)
	own.Instance = [8]byte{1}
	forged := networkBeacon(sampleBeacon(KindAnnounce))
	forged[offPort] ^= 1
	newer := networkBeacon(sampleBeacon(KindAnnounce))
	newer[offVersion] = 9
	for _, c := range []struct {
		name  string
		p     packet
		count func(*Service, Counts) uint64
	}{
		{"malformed", from("192.0.2.9", []byte("hello")), func(_ *Service, c Counts) uint64 { return c.Malformed }},
		{"empty", from("192.0.2.9", nil), func(_ *Service, c Counts) uint64 { return c.Malformed }},
		{"forged", from("192.0.2.9", forged), func(_ *Service, c Counts) uint64 { return c.Malformed }},
		{"another version", from("192.0.2.9", newer), func(_ *Service, c Counts) uint64 { return c.OtherVersion }},
		{"another network", from("192.0.2.9", AppendBeacon(nil, &other, sampleBeacon(KindAnnounce))), func(_ *Service, c Counts) uint64 { return c.Foreign }},
		{"our own", from("192.0.2.1", networkBeacon(own)), func(_ *Service, c Counts) uint64 { return c.Own }},
		{"routed", func() packet { p := from("192.0.2.9", good); p.ttl = 2; return p }(), func(_ *Service, c Counts) uint64 { return c.OffLink }},
		{"off the link", from("203.0.113.9", good), func(_ *Service, c Counts) uint64 { return c.OffLink }},
		{"unicast", func() packet { p := from("192.0.2.9", good); p.dst = netip.MustParseAddr("192.0.2.1"); return p }(), func(s *Service, _ Counts) uint64 { return s.stray }},
		{"another interface", func() packet { p := from("192.0.2.9", good); p.ifIndex = 3; return p }(), func(s *Service, _ Counts) uint64 { return s.stray }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := receiver(t)
			s.heard(epoch, IPv4, c.p)
			l := s.links[linkKey{"lan", IPv4}]
			if c.count(s, l.count) != 1 {
				t.Errorf("not counted: %+v, stray %d", l.count, s.stray)
			}
			if l.count.Heard != 0 || s.pending() != 0 || !l.schedule.answerAt.IsZero() {
				t.Error("it is heard, sighted or answered all the same")
			}
		})
	}
	s := receiver(t)
	s.heard(epoch, IPv4, from("192.0.2.9", good))
	if l := s.links[linkKey{"lan", IPv4}]; l.count.Heard != 1 || s.pending() != 1 || l.schedule.answerAt.IsZero() {
		t.Error("the same beacon, not dropped, is not heard, sighted and answered")
	}
}

func TestAReplayedBeaconHasNoEffectFromWhateverAddress(t *testing.T) {
	s := receiver(t)
	l := s.links[linkKey{"lan", IPv4}]
	hello, bye := sampleBeacon(KindAnnounce), sampleBeacon(KindGoodbye)
	bye.Counter = hello.Counter + 1
	s.heard(epoch, IPv4, from("192.0.2.9", networkBeacon(hello)))
	s.heard(epoch, IPv4, from("192.0.2.9", networkBeacon(bye)))
	if n := s.pending(); n != 2 {
		t.Fatalf("%d sightings of announce and goodbye", n)
	}
	l.schedule.answerAt = time.Time{}
	for _, src := range []string{"192.0.2.9", "192.0.2.10"} {
		s.heard(epoch.Add(time.Minute), IPv4, from(src, networkBeacon(hello)))
		s.heard(epoch.Add(time.Minute), IPv4, from(src, networkBeacon(bye)))
	}
	if s.pending() != 0 || l.count.Replayed != 4 || !l.schedule.answerAt.IsZero() {
		t.Errorf("replays are heeded: %+v", l.count)
	}
	if len(s.Report().Neighbours) != 0 {
		t.Error("one that said goodbye is still a neighbour")
	}
}

func TestAnAnswerIsNotAnsweredAndAKnownInstanceNeither(t *testing.T) {
	s := receiver(t)
	l := s.links[linkKey{"lan", IPv4}]
	b := sampleBeacon(KindAnswer)
	s.heard(epoch, IPv4, from("192.0.2.9", networkBeacon(b)))
	b.Kind, b.Counter = KindAnnounce, b.Counter+1
	s.heard(epoch.Add(time.Minute), IPv4, from("192.0.2.9", networkBeacon(b)))
	if !l.schedule.answerAt.IsZero() {
		t.Error("answered")
	}
	b.Salt[0] ^= 1
	s.heard(epoch.Add(time.Minute), IPv4, from("192.0.2.9", networkBeacon(b)))
	if l.schedule.answerAt.IsZero() {
		t.Error("an instance that begins anew is not answered")
	}
}

func TestAnInstanceNotHeardForLongIsANewcomerAgain(t *testing.T) {
	s := receiver(t)
	l := s.links[linkKey{"lan", IPv4}]
	b := sampleBeacon(KindAnnounce)
	for _, c := range []struct {
		after    time.Duration
		answered bool
	}{{0, true}, {neighbourLife, false}, {2*neighbourLife + time.Second, true}} {
		l.schedule.answerAt = time.Time{}
		b.Counter++
		s.heard(epoch.Add(c.after), IPv4, from("192.0.2.9", networkBeacon(b)))
		if answered := !l.schedule.answerAt.IsZero(); answered != c.answered {
			t.Errorf("after %v: answered %v", c.after, answered)
		}
	}
}

func TestABurstIsOneSighting(t *testing.T) {
	s := receiver(t)
	b := sampleBeacon(KindAnnounce)
	for n := range 5 {
		b.Counter++
		s.heard(epoch.Add(time.Duration(n)*100*time.Millisecond), IPv4, from("192.0.2.9", networkBeacon(b)))
	}
	if n := s.pending(); n != 1 {
		t.Errorf("%d sightings", n)
	}
}

func TestAPeerWithoutAPortIsAnsweredAndNotSighted(t *testing.T) {
	s := receiver(t)
	b := sampleBeacon(KindAnnounce)
	b.Port = 0
	s.heard(epoch, IPv4, from("192.0.2.9", networkBeacon(b)))
	if s.pending() != 0 || s.links[linkKey{"lan", IPv4}].schedule.answerAt.IsZero() {
		t.Error("it is sighted, or not answered")
	}
}

func TestAFloodFromOneSourceIsLimitedAndLeavesOthersHeard(t *testing.T) {
	s := receiver(t)
	l := s.links[linkKey{"lan", IPv4}]
	b := sampleBeacon(KindAnnounce)
	for n := range 10_000 { // within a second, each a new instance under the right key
		binary.BigEndian.PutUint64(b.Instance[:], uint64(n)+100)
		s.heard(epoch.Add(time.Duration(n)*100*time.Microsecond), IPv4, from("192.0.2.9", networkBeacon(b)))
	}
	r := sourceRate()
	if most := uint64(r.burst + r.perSecond); l.count.Heard > most || l.count.Heard < uint64(r.burst) || l.count.Limited != 10_000-l.count.Heard {
		t.Errorf("%d of 10000 heard, allowed %d; %d limited", l.count.Heard, most, l.count.Limited)
	}
	s.pending()
	s.heard(epoch.Add(time.Second), IPv4, from("192.0.2.10", networkBeacon(sampleBeacon(KindAnnounce))))
	if s.pending() != 1 {
		t.Error("another source is not heard during the flood")
	}
}

func TestAFloodFromManySourcesLeavesTheTablesBounded(t *testing.T) {
	s := receiver(t)
	b := sampleBeacon(KindAnnounce)
	src := netip.MustParseAddr("fe80::1:0").As16()
	for n := range maxNeighbours + maxSources + 1000 {
		binary.BigEndian.PutUint64(b.Instance[:], uint64(n)+100)
		binary.BigEndian.PutUint32(src[12:], uint32(n)+100)
		p := from(netip.AddrFrom16(src).String(), networkBeacon(b))
		p.dst = IPv6.Group()
		s.heard(epoch, IPv6, p)
	}
	if n := len(s.neighbours.items); n != maxNeighbours {
		t.Errorf("%d neighbours", n)
	}
	if n := len(s.sources.items); n != maxSources {
		t.Errorf("%d sources", n)
	}
	// The reader was slow: what is left are the latest.
	var last Sighting
	n := 0
	for len(s.sightings) > 0 {
		last = <-s.sightings
		n++
	}
	if n != sightingsBuffer || last.Instance != b.Instance {
		t.Errorf("%d sightings wait, the last of %x", n, last.Instance)
	}
}

// BenchmarkHeard is the cost of a beacon that is accepted: two HMACs and the tables.
func BenchmarkHeard(b *testing.B) {
	s := receiver(b)
	beacon := sampleBeacon(KindAnnounce)
	packets := make([]packet, 1000)
	for n := range packets {
		beacon.Counter++
		packets[n] = from("192.0.2.9", networkBeacon(beacon))
	}
	now := epoch
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if n%len(packets) == 0 {
			s.neighbours = newLRU[neighbourKey, neighbour](maxNeighbours)
		}
		now = now.Add(time.Second)
		s.heard(now, IPv4, packets[n%len(packets)])
	}
}

func TestTheDiagnosisNamesTheLowestLayerThatFails(t *testing.T) {
	for _, c := range []struct {
		want Layer
		link LinkReport
	}{
		{LayerInterface, LinkReport{Unusable: "down", JoinErr: "x"}},
		{LayerSocket, LinkReport{SocketErr: "in use", JoinErr: "x"}},
		{LayerJoin, LinkReport{JoinErr: "x", SendErr: "y"}},
		{LayerSend, LinkReport{Joined: true, SendErr: "y"}},
		{LayerSend, LinkReport{Joined: true}},
		{LayerReceive, LinkReport{Joined: true, Counts: Counts{Sent: 3}}},
		{LayerNeighbours, LinkReport{Joined: true, Counts: Counts{Sent: 3, Own: 3}}},
		{LayerSubnet, LinkReport{Joined: true, Counts: Counts{Sent: 3, Own: 3, OffLink: 2}}},
		{LayerVersion, LinkReport{Joined: true, Counts: Counts{Sent: 3, Own: 3, OtherVersion: 2}}},
		{LayerNetwork, LinkReport{Joined: true, Counts: Counts{Sent: 3, Own: 3, Foreign: 2}}},
		{LayerNone, LinkReport{Joined: true, Counts: Counts{Sent: 3, Own: 3, Foreign: 2, Heard: 1}}},
	} {
		if got, text := c.link.Diagnosis(DefaultUDPPort); got != c.want || text == "" {
			t.Errorf("%+v: %s (%s), not %s", c.link, got, text, c.want)
		}
	}
}
