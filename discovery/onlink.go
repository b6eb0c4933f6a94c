package discovery

import (
	"net"
	"net/netip"
)

// onLink reports whether src, the source of a packet that came in on the
// interface, is an address on that link and can be dialled: it is inside one of the
// interface's prefixes, or link-local (routers forward neither, RFC 3927 section 2.7
// and RFC 4291 section 2.5.6). src has no zone.
func onLink(src netip.Addr, on *netInterface) bool {
	if !src.IsValid() || src.IsUnspecified() || src.IsMulticast() || src.Is4In6() {
		return false
	}
	if src.IsLoopback() {
		return on.flags&net.FlagLoopback != 0
	}
	if src.IsLinkLocalUnicast() {
		return true
	}
	for _, p := range on.prefixes {
		if p.Contains(src) && src != broadcast(p) {
			return true
		}
	}
	return false
}

// broadcast returns the IPv4 broadcast address of a prefix; the zero Addr where
// there is none (IPv6; RFC 3021 for /31; a host route).
func broadcast(p netip.Prefix) netip.Addr {
	if !p.Addr().Is4() || p.Bits() >= 31 {
		return netip.Addr{}
	}
	a := p.Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(a)
}
