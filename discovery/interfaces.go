package discovery

import (
	"net"
	"net/netip"
	"slices"
)

// Family is IPv4 or IPv6.
type Family uint8

// The families; a link is a pair of interface and family.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// String returns "ipv4" or "ipv6".
func (f Family) String() string {
	if f == IPv6 {
		return "ipv6"
	}
	return "ipv4"
}

// MarshalText implements encoding.TextMarshaler.
func (f Family) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// Group returns the family's multicast group.
func (f Family) Group() netip.Addr {
	if f == IPv6 {
		return netip.AddrFrom16([16]byte{0xff, 0x12, 12: 0x70, 0x61, 0x72, 0x6c})
	}
	return netip.AddrFrom4([4]byte{239, 192, 112, 108})
}

// A netInterface is what the system says of one interface at one moment.
type netInterface struct {
	index    int
	name     string
	flags    net.Flags
	enslaved bool           // port of a bridge, bond or team, where the system tells
	prefixes []netip.Prefix // usable addresses with their prefix lengths, without zones
}

// unusable says why the interface makes no link of this family; "" if it does.
// named: the user asked for this interface, so it need not call itself multicast.
func (i *netInterface) unusable(f Family, named bool) string {
	loopback := i.flags&net.FlagLoopback != 0
	switch {
	case i.flags&net.FlagUp == 0:
		return "the interface is down"
	case i.flags&net.FlagRunning == 0:
		return "the interface has no carrier"
	case loopback && f == IPv6:
		return "IPv6 multicast is not used on loopback"
	case i.flags&net.FlagMulticast == 0 && !loopback && !named:
		return "the interface does no multicast"
	case i.enslaved && !named:
		return "the interface is a port of a bridge or bond, which is used instead"
	}
	for _, p := range i.prefixes {
		if f == IPv4 && p.Addr().Is4() || f == IPv6 && p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
			return ""
		}
	}
	if f == IPv6 {
		return "the interface has no usable IPv6 link-local address"
	}
	return "the interface has no IPv4 address"
}

// addrs returns the addresses of one family.
func (i *netInterface) addrs(f Family) []netip.Prefix {
	var list []netip.Prefix
	for _, p := range i.prefixes {
		if p.Addr().Is4() == (f == IPv4) {
			list = append(list, p)
		}
	}
	return list
}

// sources4 returns an IPv4 address of each subnet, at most maxSubnets.
func (i *netInterface) sources4() []netip.Addr {
	var list []netip.Addr
	var subnets []netip.Prefix
	for _, p := range i.addrs(IPv4) {
		if subnet := p.Masked(); !slices.Contains(subnets, subnet) && len(list) < maxSubnets {
			subnets = append(subnets, subnet)
			list = append(list, p.Addr())
		}
	}
	return list
}

// gained reports whether now has something that makes the link worth announcing
// again, compared with before: another interface under the name, or a new address.
func (i *netInterface) gained(before *netInterface, f Family) bool {
	if i.index != before.index {
		return true
	}
	old := before.addrs(f)
	return slices.ContainsFunc(i.addrs(f), func(p netip.Prefix) bool { return !slices.Contains(old, p) })
}

// std returns the form that golang.org/x/net wants.
func (i *netInterface) std() *net.Interface {
	return &net.Interface{Index: i.index, Name: i.name, Flags: i.flags}
}

// portableInterfaces lists the interfaces by package net, which tells nothing of
// bridge ports and tentative addresses.
func portableInterfaces() ([]netInterface, error) {
	std, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	list := make([]netInterface, 0, len(std))
	for _, s := range std {
		i := netInterface{index: s.Index, name: s.Name, flags: s.Flags}
		addrs, err := s.Addrs()
		if err != nil {
			continue // gone since it was listed
		}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok {
				if addr, ok := netip.AddrFromSlice(n.IP); ok {
					ones, _ := n.Mask.Size()
					i.prefixes = append(i.prefixes, netip.PrefixFrom(addr.Unmap(), ones))
				}
			}
		}
		list = append(list, i)
	}
	return list, nil
}

// A watcher tells of changes to interfaces and addresses.
type watcher interface {
	wait() error // blocks until something changed; fails once closed
	close()
}
