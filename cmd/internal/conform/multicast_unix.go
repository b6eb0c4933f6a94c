//go:build unix

package conform

import (
	"context"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// multicast opens a socket that hears the group on an interface, and one that
// sends to it from the interface's address. TTL and loopback are left as the
// system has them: 1, and on.
func multicast(ctx context.Context, name string, group netip.AddrPort) (hear, say net.PacketConn, err error) {
	addr, err := interfaceIPv4(name)
	if err != nil {
		return nil, nil, err
	}
	control := func(set func(fd int) error) func(string, string, syscall.RawConn) error {
		return func(_, _ string, c syscall.RawConn) error {
			var failed error
			if err := c.Control(func(fd uintptr) { failed = set(int(fd)) }); err != nil {
				return err
			}
			return failed
		}
	}
	listen := net.ListenConfig{Control: control(func(fd int) error {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return err
		}
		return unix.SetsockoptIPMreq(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, &unix.IPMreq{Multiaddr: group.Addr().As4(), Interface: addr.As4()})
	})}
	if hear, err = listen.ListenPacket(ctx, "udp4", group.String()); err != nil {
		return nil, nil, err
	}
	from := net.ListenConfig{Control: control(func(fd int) error {
		return unix.SetsockoptInet4Addr(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, addr.As4())
	})}
	if say, err = from.ListenPacket(ctx, "udp4", netip.AddrPortFrom(addr, 0).String()); err != nil {
		_ = hear.Close() // the error says more
		return nil, nil, err
	}
	return hear, say, nil
}
