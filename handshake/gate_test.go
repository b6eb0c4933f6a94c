package handshake

import (
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func TestAHalfOpenFloodLeavesRoomForOtherSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, r := pair(t, false)
		gate := new(Gate)
		flooder, honest := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
		// accept is what a listener does with a connection.
		accept := func(conn net.Conn, addr netip.Addr) <-chan outcome {
			release, ok := gate.Acquire(addr)
			if !ok {
				conn.Close()
				return nil
			}
			return start(func() (*Result, error) {
				defer release()
				return Respond(t.Context(), conn, r)
			})
		}
		var silent []<-chan outcome
		for range 500 {
			_, b := net.Pipe()
			if d := accept(b, flooder); d != nil {
				silent = append(silent, d)
			}
		}
		if len(silent) != MaxHalfOpenPerSource {
			t.Errorf("%d silent connections are held", len(silent))
		}
		a, b := net.Pipe()
		dr := accept(b, honest)
		if dr == nil {
			t.Fatal("no place for another source")
		}
		began := time.Now()
		oi, or := <-initiate(t.Context(), a, i), <-dr
		if oi.err != nil || or.err != nil || time.Since(began) != 0 {
			t.Errorf("the honest handshake took %v: %v, %v", time.Since(began), oi.err, or.err)
		}
		for _, d := range silent {
			expectError(t, "silent", (<-d).err, ErrTimeout)
		}
		if s := gate.Stats(); s.Open != 0 || s.Sources != 0 || s.Refused != 500-MaxHalfOpenPerSource {
			t.Errorf("%+v are left", s)
		}
	})
}

func TestAGateBoundsTheTotalFromManySourcesAndForgetsThem(t *testing.T) {
	gate := &Gate{Total: 10, PerSource: 3}
	var releases []func()
	for n := range 100 {
		release, ok := gate.Acquire(netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}))
		if ok != (n < 10) {
			t.Fatalf("connection %d: %t", n, ok)
		}
		release2 := release
		releases = append(releases, release, release2) // releasing twice counts once
	}
	for _, release := range releases {
		release()
	}
	if s := gate.Stats(); s != (GateStats{Refused: 90}) {
		t.Fatalf("%+v", s)
	}
	// One host is one source, whether it came over IPv4 or IPv4 mapped into IPv6.
	for n, addr := range []string{"10.1.2.3", "::ffff:10.1.2.3", "10.1.2.3", "::ffff:10.1.2.3"} {
		if _, ok := gate.Acquire(netip.MustParseAddr(addr)); ok != (n < 3) {
			t.Fatalf("%s, connection %d: %t", addr, n, ok)
		}
	}
}
