package discovery

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// lanTest runs a test in a bubble of modelled time with two hosts on one segment.
func lanTest(t *testing.T, f func(t *testing.T, l *lan, a, b *lanHost)) {
	synctest.Test(t, func(t *testing.T) {
		l := &lan{}
		a, b := l.host(), l.host()
		a.plug(2, "lan", "office", "192.0.2.1/24", "fe80::1/64")
		b.plug(7, "eth", "office", "192.0.2.2/24", "fe80::2/64")
		f(t, l, a, b)
	})
}

// wait lets modelled time pass and everything settle.
func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestTwoHostsFindEachOtherAtOnce(t *testing.T) {
	lanTest(t, func(t *testing.T, l *lan, a, b *lanHost) {
		ra := start(t, a.service(t, Config{Port: 1001, Instance: [8]byte{1}}))
		wait(10 * time.Second)
		rb := start(t, b.service(t, Config{Port: 1002, Instance: [8]byte{2}}))
		wait(answerDelay)
		for _, addr := range []string{"192.0.2.2:1002", "[fe80::2%lan]:1002"} {
			if !ra.sees(addr, epoch.AddDate(-100, 0, 0)) {
				t.Errorf("the first does not see %s: %v", addr, ra.sightingsSoFar())
			}
		}
		for _, addr := range []string{"192.0.2.1:1001", "[fe80::1%eth]:1001"} {
			if !rb.sees(addr, epoch.AddDate(-100, 0, 0)) {
				t.Errorf("the newcomer has no answer from %s: %v", addr, rb.sightingsSoFar())
			}
		}
		for _, s := range ra.sightingsSoFar() {
			if s.Instance != [8]byte{2} || s.Interface != "lan" || s.Static || s.Goodbye {
				t.Errorf("the first sighted %+v", s)
			}
		}
		if own := ra.link(t, "lan", IPv4).Own; own == 0 {
			t.Error("own beacons do not come back")
		}
		ra.stop(t)
		rb.stop(t)
	})
}

func TestTwoUsersOnOneHostHearEachOther(t *testing.T) {
	lanTest(t, func(t *testing.T, l *lan, a, _ *lanHost) {
		one := start(t, a.service(t, Config{Port: 1001}))
		two := start(t, a.service(t, Config{Port: 1002}))
		wait(time.Second)
		if !one.sees("192.0.2.1:1002", time.Time{}) || !two.sees("192.0.2.1:1001", time.Time{}) {
			t.Error("they do not")
		}
		one.stop(t)
		two.stop(t)
	})
}

func TestHalfOfTheBeaconsLostDelaysByLittle(t *testing.T) {
	found := 0
	const rounds = 50
	for seed := range rounds {
		lanTest(t, func(t *testing.T, l *lan, a, b *lanHost) {
			chance := rand.New(rand.NewPCG(uint64(seed), 1))
			l.lose = func() bool { return chance.IntN(2) == 0 }
			ra := start(t, a.service(t, Config{Port: 1001, Interfaces: []string{"lan"}}))
			rb := start(t, b.service(t, Config{Port: 1002}))
			wait(2 * time.Second)
			// One of the two dials.
			if len(ra.sightingsSoFar())+len(rb.sightingsSoFar()) > 0 {
				found++
			}
			ra.stop(t)
			rb.stop(t)
		})
	}
	if found < rounds-1 { // each has 8 chances and more
		t.Errorf("found within 2 s in %d of %d rounds", found, rounds)
	}
}

func TestASendThatFailsIsTriedAgainWithinASecond(t *testing.T) {
	lanTest(t, func(t *testing.T, l *lan, a, b *lanHost) {
		ra := start(t, a.service(t, Config{Port: 1001}))
		b.sendErr = errors.New("address not available")
		rb := start(t, b.service(t, Config{Port: 1002}))
		wait(2 * time.Second)
		if got := rb.link(t, "eth", IPv6); got.SendErr == "" || got.SendErrors == 0 {
			t.Errorf("the report hides that sending fails: %+v", got)
		}
		b.change(func() { b.sendErr = nil })
		wait(2 * time.Second)
		if !ra.sees("[fe80::2%lan]:1002", time.Time{}) {
			t.Error("not announced after the failure passed")
		}
		if got := rb.link(t, "eth", IPv6); got.SendErr != "" {
			t.Errorf("the failure that passed is still reported: %s", got.SendErr)
		}
		ra.stop(t)
		rb.stop(t)
	})
}

func TestASocketThatFailsIsOpenedAgain(t *testing.T) {
	lanTest(t, func(t *testing.T, l *lan, a, b *lanHost) {
		ra := start(t, a.service(t, Config{Port: 1001}))
		rb := start(t, b.service(t, Config{Port: 1002}))
		wait(time.Minute)
		failed := time.Now()
		b.change(func() { b.openErr = errors.New("port taken") })
		b.failSockets()
		wait(30 * time.Second)
		if got := rb.link(t, "eth", IPv4); got.SocketErr != "port taken" {
			t.Errorf("the report hides that the socket is closed: %+v", got)
		}
		b.change(func() { b.openErr = nil })
		reopened := time.Now()
		wait(reopenLast + time.Second)
		if !ra.sees("192.0.2.2:1002", reopened) || !rb.sees("192.0.2.1:1001", failed) {
			t.Error("the socket was not opened and used again")
		}
		if got := rb.Report(); got.Reopened != 2 || got.Links[0].SocketErr != "" {
			t.Errorf("after reopening the report says %+v", got)
		}
		ra.stop(t)
		rb.stop(t)
	})
}

func TestAJoinThatFailsIsReportedAndTriedAgain(t *testing.T) {
	lanTest(t, func(t *testing.T, l *lan, a, b *lanHost) {
		b.joinErr = errors.New("too many memberships")
		ra := start(t, a.service(t, Config{Port: 1001}))
		rb := start(t, b.service(t, Config{Port: 1002}))
		wait(5 * time.Second)
		got := rb.link(t, "eth", IPv4)
		if layer, _ := got.Diagnosis(DefaultUDPPort); layer != LayerJoin {
			t.Errorf("diagnosed as %s: %+v", layer, got)
		}
		if !ra.sees("192.0.2.2:1002", time.Time{}) {
			t.Error("a host that cannot join is not even heard")
		}
		b.change(func() { b.joinErr = nil })
		wait(retryLast)
		if got := rb.link(t, "eth", IPv4); !got.Joined || got.JoinErr != "" {
			t.Errorf("not joined after the failure passed: %+v", got)
		}
		ra.stop(t)
		rb.stop(t)
	})
}

func TestMembershipsAreRenewed(t *testing.T) {
	lanTest(t, func(t *testing.T, l *lan, a, _ *lanHost) {
		ra := start(t, a.service(t, Config{Port: 1001}))
		wait(10*rejoinInterval + time.Second)
		for _, s := range l.sockets {
			if s.joins != 11 {
				t.Errorf("%s joined %d times in %v, not 11", s.family, s.joins, 10*rejoinInterval)
			}
		}
		if sent := ra.link(t, "lan", IPv4).Sent; sent > 3+10*110/24+2 {
			t.Errorf("%d beacons: a renewal makes announces", sent)
		}
		ra.stop(t)
	})
}

func TestAQuietLinkIsAnnouncedAboutEvery30s(t *testing.T) {
	lanTest(t, func(t *testing.T, l *lan, a, b *lanHost) {
		ra, rb := start(t, a.service(t, Config{Port: 1001})), start(t, b.service(t, Config{Port: 1002}))
		wait(10 * time.Second)
		before := ra.link(t, "lan", IPv4)
		wait(time.Hour)
		after := ra.link(t, "lan", IPv4)
		if n := after.Sent - before.Sent; n < 110 || n > 130 {
			t.Errorf("%d beacons an hour", n)
		}
		if n := after.Heard - before.Heard; n < 110 || n > 130 {
			t.Errorf("%d beacons heard an hour", n)
		}
		ra.stop(t)
		rb.stop(t)
	})
}

func TestAManyHomedHostWithDockerBridgesMakesNoStorm(t *testing.T) {
	lanTest(t, func(t *testing.T, l *lan, a, b *lanHost) {
		// Both hosts on two bridged segments, with private bridges of the same
		// address, and ports of these.
		for n, h := range []*lanHost{a, b} {
			h.plug(20, "wifi", "office", fmt.Sprintf("192.0.2.%d/24", 100+n), fmt.Sprintf("fe80::%d/64", 100+n))
			h.plug(21, "docker0", fmt.Sprintf("docker%d", n), "172.17.0.1/16", "fe80::17/64")
			for port := range 10 {
				h.plug(30+port, fmt.Sprintf("veth%d", port), fmt.Sprintf("docker%d", n), "fe80::31/64")
				h.list[len(h.list)-1].enslaved = true
			}
		}
		ra, rb := start(t, a.service(t, Config{Port: 1001})), start(t, b.service(t, Config{Port: 1002}))
		wait(5 * time.Second)
		l.mu.Lock()
		first := l.sent
		l.mu.Unlock()
		// 2 hosts, 3 links in 2 families: 4 each, and answers.
		if first > 2*3*2*6 {
			t.Errorf("%d beacons in 5 s", first)
		}
		wait(10 * time.Minute)
		l.mu.Lock()
		defer l.mu.Unlock()
		if later := l.sent - first; later > 2*3*2*26 {
			t.Errorf("%d beacons in 10 min", later)
		}
		for _, s := range ra.sightingsSoFar() {
			if s.Interface == "docker0" || s.Addr.Port() != 1002 {
				t.Errorf("sighted %+v", s)
			}
		}
		ra.cancel()
		rb.cancel()
	})
}

func TestGoodbyeIsHeardAndFollowedByNothing(t *testing.T) {
	lanTest(t, func(t *testing.T, l *lan, a, b *lanHost) {
		ra, rb := start(t, a.service(t, Config{Port: 1001})), start(t, b.service(t, Config{Port: 1002, Instance: [8]byte{2}}))
		wait(5 * time.Second)
		rb.stop(t)
		wait(time.Second)
		byes := map[string]bool{}
		for _, s := range ra.sightingsSoFar() {
			if s.Goodbye {
				byes[s.Addr.String()] = s.Instance == [8]byte{2}
			}
		}
		if !byes["192.0.2.2:1002"] || !byes["[fe80::2%lan]:1002"] || len(byes) != 2 {
			t.Errorf("goodbyes %v", byes)
		}
		if left := ra.Report().Neighbours; len(left) != 0 {
			t.Errorf("still neighbours: %v", left)
		}
		ra.stop(t)
	})
}

func TestAPlatformThatTellsLittleOfPacketsStillWorks(t *testing.T) {
	lanTest(t, func(t *testing.T, l *lan, a, b *lanHost) {
		a.noDetail = true
		ra, rb := start(t, a.service(t, Config{Port: 1001})), start(t, b.service(t, Config{Port: 1002}))
		wait(time.Second)
		if !ra.sees("192.0.2.2:1002", time.Time{}) || !ra.sees("[fe80::2%lan]:1002", time.Time{}) {
			t.Errorf("sighted %v", ra.sightingsSoFar())
		}
		l.inject("office", IPv4, netip.MustParseAddrPort("203.0.113.1:1"), []byte("x"), 1)
		wait(time.Second)
		if stray := ra.Report().Stray; stray != 1 {
			t.Errorf("%d stray packets", stray)
		}
		ra.stop(t)
		rb.stop(t)
	})
}

func TestTheNetworkMayChangeWhileRunning(t *testing.T) {
	lanTest(t, func(t *testing.T, l *lan, a, b *lanHost) {
		ra, rb := start(t, a.service(t, Config{Port: 1001})), start(t, b.service(t, Config{Port: 1002, Network: testNetwork(2)}))
		wait(time.Minute)
		if len(ra.sightingsSoFar()) != 0 || ra.link(t, "lan", IPv4).Foreign == 0 {
			t.Error("another network is not told apart")
		}
		got := ra.link(t, "lan", IPv4)
		if layer, _ := got.Diagnosis(DefaultUDPPort); layer != LayerNetwork {
			t.Errorf("diagnosed as %s", layer)
		}
		rb.SetNetwork(testNetwork(1))
		wait(time.Second)
		if !ra.sees("192.0.2.2:1002", time.Time{}) || !rb.sees("192.0.2.1:1001", time.Time{}) {
			t.Error("they do not find each other in the same network")
		}
		ra.stop(t)
		rb.stop(t)
	})
}

func TestAProbeHearsItselfAndThoseWhoRun(t *testing.T) {
	lanTest(t, func(t *testing.T, l *lan, a, b *lanHost) {
		rb := start(t, b.service(t, Config{Port: 1002}))
		wait(time.Minute)
		heardBefore := len(rb.sightingsSoFar())
		r, err := a.service(t, Config{}).probe(t.Context(), 2*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range r.Links {
			if layer, text := link.Diagnosis(r.UDPPort); layer != LayerNone || link.Own == 0 {
				t.Errorf("%s %s: %s, %s", link.Interface, link.Family, layer, text)
			}
		}
		wait(time.Second)
		if len(r.Links) != 2 || len(rb.sightingsSoFar()) != heardBefore {
			t.Errorf("%d links; the peer sighted the probe: %v", len(r.Links), rb.sightingsSoFar()[heardBefore:])
		}
		rb.stop(t)
	})
}

func TestASecondRunIsRefused(t *testing.T) {
	lanTest(t, func(t *testing.T, l *lan, a, _ *lanHost) {
		ra := start(t, a.service(t, Config{Port: 1001}))
		wait(time.Second)
		if err := ra.Run(t.Context()); !errors.Is(err, ErrRunning) {
			t.Errorf("a second Run: %v", err)
		}
		ra.stop(t)
	})
}
