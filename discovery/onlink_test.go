package discovery

import (
	"net"
	"net/netip"
	"testing"
)

func TestOnlySourcesOnTheLinkAreAccepted(t *testing.T) {
	up := net.FlagUp | net.FlagRunning | net.FlagMulticast
	lan := &netInterface{index: 2, name: "lan", flags: up, prefixes: []netip.Prefix{
		netip.MustParsePrefix("192.0.2.2/24"), netip.MustParsePrefix("198.51.100.1/31"), netip.MustParsePrefix("2001:db8::2/64"), netip.MustParsePrefix("fe80::2/64"),
	}}
	lo := &netInterface{index: 1, name: "lo", flags: up | net.FlagLoopback, prefixes: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8")}}
	for _, c := range []struct {
		src  string
		on   *netInterface
		want bool
	}{
		{"192.0.2.7", lan, true},
		{"192.0.2.2", lan, true}, // another user of this host
		{"192.0.2.255", lan, false},
		{"192.0.3.7", lan, false},
		{"198.51.100.0", lan, true},
		{"169.254.7.7", lan, true},
		{"2001:db8::7", lan, true},
		{"2001:db8:0:1::7", lan, false},
		{"fe80::7", lan, true},
		{"::ffff:192.0.2.7", lan, false},
		{"127.0.0.1", lan, false},
		{"::1", lan, false},
		{"0.0.0.0", lan, false},
		{"::", lan, false},
		{"239.192.112.108", lan, false},
		{"127.0.0.1", lo, true},
		{"192.0.2.7", lo, false},
	} {
		if got := onLink(netip.MustParseAddr(c.src), c.on); got != c.want {
			t.Errorf("%s on %s: %v", c.src, c.on.name, got)
		}
	}
	if onLink(netip.Addr{}, lan) {
		t.Error("no address at all is accepted")
	}
}

func TestAnInterfaceIsALinkOnlyWhereMulticastCanWork(t *testing.T) {
	up := net.FlagUp | net.FlagRunning | net.FlagMulticast
	four, six := netip.MustParsePrefix("192.0.2.2/24"), netip.MustParsePrefix("fe80::2/64")
	both := []netip.Prefix{four, six}
	for _, c := range []struct {
		name       string
		on         netInterface
		named      bool
		use4, use6 bool
	}{
		{"an Ethernet", netInterface{flags: up, prefixes: both}, false, true, true},
		{"one that is down", netInterface{flags: up &^ net.FlagUp, prefixes: both}, true, false, false},
		{"one without carrier", netInterface{flags: up &^ net.FlagRunning, prefixes: both}, true, false, false},
		{"one without multicast", netInterface{flags: up &^ net.FlagMulticast, prefixes: both}, false, false, false},
		{"one without multicast, named", netInterface{flags: up &^ net.FlagMulticast, prefixes: both}, true, true, true},
		{"loopback", netInterface{flags: up&^net.FlagMulticast | net.FlagLoopback, prefixes: both}, false, true, false},
		{"a port of a bridge", netInterface{flags: up, enslaved: true, prefixes: both}, false, false, false},
		{"IPv6 link-local only", netInterface{flags: up, prefixes: []netip.Prefix{six}}, false, false, true},
		{"IPv4 only", netInterface{flags: up, prefixes: []netip.Prefix{four}}, false, true, false},
		{"no link-local address", netInterface{flags: up, prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8::2/64")}}, false, false, false},
	} {
		use4, use6 := c.on.unusable(IPv4, c.named) == "", c.on.unusable(IPv6, c.named) == ""
		if use4 != c.use4 || use6 != c.use6 {
			t.Errorf("%s: used with IPv4 %v and IPv6 %v", c.name, use4, use6)
		}
	}
}

func TestTheGroupsAreTheDocumentedOnes(t *testing.T) {
	if IPv4.Group() != netip.MustParseAddr("239.192.112.108") || IPv6.Group() != netip.MustParseAddr("ff12::7061:726c") {
		t.Errorf("groups %v and %v", IPv4.Group(), IPv6.Group())
	}
}
