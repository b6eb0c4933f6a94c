package discovery

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestInterfacesThatComeLaterAreUsed(t *testing.T) {
	for _, watched := range []bool{true, false} {
		t.Run(fmt.Sprintf("watched=%v", watched), func(t *testing.T) {
			lanTest(t, func(t *testing.T, l *lan, a, b *lanHost) {
				late := l.host()
				sa, sc := a.service(t, Config{Port: 1001}), late.service(t, Config{Port: 1003})
				if !watched {
					sc.openWatcher = func() (watcher, error) { return nil, errors.ErrUnsupported }
				}
				ra, rc := start(t, sa), start(t, sc)
				wait(time.Minute)
				plugged := time.Now()
				late.plug(5, "usb", "office", "192.0.2.3/24")
				wait(time.Second)
				if !ra.sees("192.0.2.3:1003", plugged) || !rc.sees("192.0.2.1:1001", plugged) {
					t.Error("an interface plugged in is not used within a second")
				}

				// The same name again, under another index.
				late.unplug("usb")
				wait(20 * time.Second)
				plugged = time.Now()
				late.plug(6, "usb", "office", "192.0.2.4/24")
				wait(time.Second)
				if !ra.sees("192.0.2.4:1003", plugged) || !rc.sees("192.0.2.1:1001", plugged) {
					t.Error("an interface made anew is not used within a second")
				}

				// An address more: IPv6 is usable once it is no longer tentative.
				plugged = time.Now()
				late.change(func() {
					i := &late.list[0]
					i.prefixes = append(i.prefixes[:1:1], netip.MustParsePrefix("fe80::4/64"))
				})
				wait(time.Second)
				if !ra.sees("[fe80::4%lan]:1003", plugged) || !rc.sees("[fe80::1%usb]:1001", plugged) {
					t.Error("an address added is not used within a second")
				}
				ra.stop(t)
				rc.stop(t)
			})
		})
	}
}

func TestAChangeOfAddressIsAnnouncedAndStaticPeersAreTriedAgain(t *testing.T) {
	lanTest(t, func(t *testing.T, l *lan, a, b *lanHost) {
		ra := start(t, a.service(t, Config{Port: 1001}))
		rb := start(t, b.service(t, Config{Port: 1002, Static: []string{"203.0.113.7:1"}}))
		wait(time.Minute + time.Second)
		moved := time.Now()
		b.change(func() {
			b.list[0].prefixes = []netip.Prefix{netip.MustParsePrefix("192.0.2.22/24"), netip.MustParsePrefix("fe80::2/64")}
		})
		wait(time.Second)
		if !ra.sees("192.0.2.22:1002", moved) {
			t.Error("the new address is not announced within a second")
		}
		if !rb.sees("203.0.113.7:1", moved) {
			t.Error("the static peer is not tried again within a second")
		}
		ra.stop(t)
		rb.stop(t)
	})
}

func TestWhenTheNoticeOfChangesFailsInterfacesArePolled(t *testing.T) {
	lanTest(t, func(t *testing.T, l *lan, a, _ *lanHost) {
		late := l.host()
		ra, rc := start(t, a.service(t, Config{Port: 1001})), start(t, late.service(t, Config{Port: 1003}))
		wait(time.Minute)
		late.mu.Lock()
		late.watch.close()
		late.watch = nil
		late.mu.Unlock()
		wait(time.Minute + 3*time.Second)
		plugged := time.Now()
		late.plug(5, "usb", "office", "192.0.2.3/24")
		wait(time.Second)
		if !ra.sees("192.0.2.3:1003", plugged) {
			t.Error("an interface plugged in is not used within a second")
		}
		ra.stop(t)
		rc.stop(t)
	})
}

func TestALinkThatGoesDownAndUpIsAnnouncedAgain(t *testing.T) {
	lanTest(t, func(t *testing.T, l *lan, a, b *lanHost) {
		ra := start(t, a.service(t, Config{Port: 1001}))
		rb := start(t, b.service(t, Config{Port: 1002}))
		wait(time.Minute)
		b.change(func() { b.list[0].flags &^= net.FlagRunning })
		wait(time.Second)
		down := rb.link(t, "eth", IPv4)
		if down.Joined || down.Unusable == "" {
			t.Errorf("without carrier the link is %+v", down)
		}
		wait(5 * time.Second)
		if still := rb.link(t, "eth", IPv4); still.Sent != down.Sent {
			t.Error("beacons are sent without carrier")
		}
		up := time.Now()
		b.change(func() { b.list[0].flags |= net.FlagRunning })
		wait(time.Second)
		if !ra.sees("192.0.2.2:1002", up) {
			t.Error("the link is up again and not announced")
		}
		ra.stop(t)
		rb.stop(t)
	})
}

func TestAnInterfaceThatIsNamedAndMissingIsReportedAndThenUsed(t *testing.T) {
	lanTest(t, func(t *testing.T, l *lan, a, b *lanHost) {
		ra := start(t, a.service(t, Config{Port: 1001, Interfaces: []string{"usb"}}))
		rb := start(t, b.service(t, Config{Port: 1002}))
		wait(10 * time.Second)
		if len(ra.Report().Links) != 2 || ra.link(t, "usb", IPv4).Unusable == "" {
			t.Errorf("links %+v", ra.Report().Links)
		}
		a.plug(9, "usb", "office", "192.0.2.9/24")
		wait(time.Second)
		if !rb.sees("192.0.2.9:1001", time.Time{}) || rb.sees("192.0.2.1:1001", time.Time{}) {
			t.Errorf("sighted %v", rb.sightingsSoFar())
		}
		ra.stop(t)
		rb.stop(t)
	})
}
