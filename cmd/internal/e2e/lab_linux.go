package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A Lab is a bridge and the hosts plugged into it.
type Lab struct {
	t      testing.TB
	dir    string
	bridge *namespace
	net    *netlink.Handle // in the bridge's namespace

	mu    sync.Mutex
	hosts int
}

// New makes a lab without hosts. It is torn down with the test.
func New(t testing.TB) *Lab {
	t.Helper()
	l := &Lab{t: t, dir: t.TempDir()}
	if err := l.open(); err != nil {
		t.Fatalf("lab: %v", err)
	}
	t.Cleanup(func() {
		l.net.Close()
		l.bridge.close()
	})
	return l
}

func (l *Lab) open() (err error) {
	if l.bridge, err = newNamespace(); err != nil {
		return err
	}
	if l.net, err = netlink.NewHandleAt(l.bridge.handle, unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	return l.addBridge(mainBridge)
}

// addBridge makes a bridge, without a port yet.
func (l *Lab) addBridge(name string) error {
	// Multicast goes to every port, as through a switch that does no snooping.
	snooping := false
	br := &netlink.Bridge{LinkAttrs: netlink.NewLinkAttrs(), MulticastSnooping: &snooping}
	br.Name = name
	if err := l.net.LinkAdd(br); err != nil {
		return fmt.Errorf("make the bridge %s: %w", name, err)
	}
	// The bridge only forwards: it has no address of its own.
	if err := l.net.LinkSetIP6AddrGenMode(br, genNone); err != nil {
		return fmt.Errorf("bridge without addresses: %w", err)
	}
	return l.net.LinkSetUp(br)
}

// mainBridge is what hosts are plugged into, and farBridge the one of those that
// Split takes away.
const (
	mainBridge = "bridge"
	farBridge  = "far"
)

// genNone is IN6_ADDR_GEN_MODE_NONE of linux/if_link.h: no link-local address is
// made by the kernel. The lab adds its own, without duplicate address detection,
// so that an address is usable at once when it is there.
const genNone = 1

// HostOpts says what addresses a new host has. By default it has an IPv4 address
// of 10.77.0.0/16 and an IPv6 link-local one.
type HostOpts struct {
	IPv6Only  bool // only the link-local address
	NoAddress bool // none, until AddAddress
}

// Host plugs a new host into the bridge.
func (l *Lab) Host(name string, o HostOpts) *Host {
	l.t.Helper()
	l.mu.Lock()
	l.hosts++
	number := l.hosts
	l.mu.Unlock()
	h := &Host{lab: l, t: l.t, Name: name, Home: filepath.Join(l.dir, fmt.Sprintf("%s-%d", name, number))}
	h.IPv4 = netip.AddrFrom4([4]byte{10, 77, byte(number >> 8), byte(number)})
	h.IPv6 = netip.MustParseAddr(fmt.Sprintf("fe80::77:%x", number))
	h.port = fmt.Sprintf("port%d", number)
	if err := h.plug(); err != nil {
		l.t.Fatalf("lab: host %s: %v", name, err)
	}
	if !o.NoAddress {
		h.AddAddress(h.IPv6)
		if !o.IPv6Only {
			h.AddAddress(h.IPv4)
		}
	}
	return h
}

// plug makes the host's namespace, its interface, and the bridge's port for it.
func (h *Host) plug() (err error) {
	if h.ns, err = newNamespace(); err != nil {
		return err
	}
	// A test's cleanups run last in, first out: the host's processes, which are
	// started later, have ended by then.
	h.t.Cleanup(h.ns.close)
	pair := &netlink.Veth{
		LinkAttrs:     netlink.NewLinkAttrs(),
		PeerName:      "eth0",
		PeerNamespace: netlink.NsFd(h.ns.handle),
	}
	pair.Name = h.port
	if err := h.lab.net.LinkAdd(pair); err != nil {
		return fmt.Errorf("make the interface: %w", err)
	}
	port, err := h.lab.net.LinkByName(h.port)
	if err != nil {
		return err
	}
	if err := h.lab.net.LinkSetIP6AddrGenMode(port, genNone); err != nil {
		return err
	}
	if err := h.attach(mainBridge); err != nil {
		return err
	}
	if err := h.lab.net.LinkSetUp(port); err != nil {
		return err
	}
	err = h.inside(func(nl *netlink.Handle) error {
		lo, err := nl.LinkByName("lo")
		if err != nil {
			return err
		}
		if err := nl.LinkSetUp(lo); err != nil {
			return err
		}
		eth, err := nl.LinkByName("eth0")
		if err != nil {
			return err
		}
		if err := nl.LinkSetIP6AddrGenMode(eth, genNone); err != nil {
			return err
		}
		if err := nl.LinkSetUp(eth); err != nil {
			return err
		}
		return carrier(nl, "eth0")
	})
	if err != nil {
		return err
	}
	return carrier(h.lab.net, h.port)
}

// carrier waits until the kernel has noticed that both ends of an interface are
// up, which it looks for at most once a second: before, the bridge forwards
// nothing from the port.
func carrier(nl *netlink.Handle, name string) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(StopWithin); ; <-tick.C {
		link, err := nl.LinkByName(name)
		if err != nil {
			return err
		}
		if link.Attrs().OperState == netlink.OperUp {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s is %v after %v", name, link.Attrs().OperState, StopWithin)
		}
	}
}

func (h *Host) inside(f func(*netlink.Handle) error) error {
	nl, err := netlink.NewHandleAt(h.ns.handle, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer nl.Close()
	return f(nl)
}

// attach plugs the host's port into a bridge; none if the name is empty.
func (h *Host) attach(bridge string) error {
	port, err := h.lab.net.LinkByName(h.port)
	if err != nil {
		return err
	}
	if bridge == "" {
		return h.lab.net.LinkSetNoMaster(port)
	}
	br, err := h.lab.net.LinkByName(bridge)
	if err != nil {
		return err
	}
	return h.lab.net.LinkSetMaster(port, br)
}

// Detach takes the host's port off the bridge. The host's interface stays up:
// to the host the network has gone silent.
func (h *Host) Detach() {
	h.t.Helper()
	if err := h.attach(""); err != nil {
		h.t.Fatalf("lab: detach %s: %v", h.Name, err)
	}
}

// Attach puts the port back.
func (h *Host) Attach() {
	h.t.Helper()
	if err := h.attach(mainBridge); err != nil {
		h.t.Fatalf("lab: attach %s: %v", h.Name, err)
	}
}

// Split moves hosts to a bridge of their own: they reach each other, and none of
// those that stay behind, until each is attached again.
func (l *Lab) Split(hosts ...*Host) {
	l.t.Helper()
	if _, err := l.net.LinkByName(farBridge); err != nil {
		if err := l.addBridge(farBridge); err != nil {
			l.t.Fatalf("lab: split: %v", err)
		}
	}
	for _, h := range hosts {
		if err := h.attach(farBridge); err != nil {
			l.t.Fatalf("lab: split %s: %v", h.Name, err)
		}
	}
}

// AddAddress gives eth0 an address, of the lab's network for IPv4 and link-local
// for IPv6, usable when AddAddress returns.
func (h *Host) AddAddress(addr netip.Addr) {
	h.t.Helper()
	bits, flags := 64, unix.IFA_F_NODAD
	if addr.Is4() {
		bits, flags = 16, 0
	}
	err := h.inside(func(nl *netlink.Handle) error {
		eth, err := nl.LinkByName("eth0")
		if err != nil {
			return err
		}
		return nl.AddrAdd(eth, &netlink.Addr{
			IPNet: &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(bits, addr.BitLen())},
			Flags: flags,
		})
	})
	if err != nil {
		h.t.Fatalf("lab: address %v of %s: %v", addr, h.Name, err)
	}
}
