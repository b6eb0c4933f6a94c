package discovery

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// A packet is one datagram as received, with what the platform tells of it.
type packet struct {
	data    []byte
	src     netip.AddrPort
	dst     netip.Addr // invalid: not told
	ifIndex int        // 0: not told
	ttl     int        // TTL or hop limit; 0: not told
}

// A socket sends and receives beacons of one family on all its links.
type socket interface {
	join(on *netInterface) error
	leave(on *netInterface) error
	send(on *netInterface, data []byte) error
	receive(buf []byte) (packet, error) // packet.data aliases buf
	close()
}

// openSocket opens the family's socket on the UDP port, shared with other processes.
func openSocket(ctx context.Context, f Family, port uint16) (socket, error) {
	network, host := "udp4", "0.0.0.0"
	if f == IPv6 {
		network, host = "udp6", "::"
	}
	lc := net.ListenConfig{Control: shareAddress}
	conn, err := lc.ListenPacket(ctx, network, net.JoinHostPort(host, strconv.Itoa(int(port))))
	if err != nil {
		return nil, fmt.Errorf("discovery: open the %s socket: %w", f, err)
	}
	group := net.UDPAddrFromAddrPort(netip.AddrPortFrom(f.Group(), port))
	var s socket
	if f == IPv6 {
		s, err = newSocket6(conn, group)
	} else {
		s, err = newSocket4(conn, group)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("discovery: prepare the %s socket: %w", f, err)
	}
	return s, nil
}

type socket4 struct {
	*ipv4.PacketConn
	group   *net.UDPAddr
	control bool // the platform tells and takes details of single datagrams
}

func newSocket4(conn net.PacketConn, group *net.UDPAddr) (*socket4, error) {
	p := ipv4.NewPacketConn(conn)
	if err := p.SetMulticastTTL(multicastTTL); err != nil {
		return nil, err
	}
	if err := p.SetMulticastLoopback(true); err != nil {
		return nil, err
	}
	// Windows has none of these; the receiver then goes without.
	err := p.SetControlMessage(ipv4.FlagDst|ipv4.FlagInterface|ipv4.FlagTTL, true)
	return &socket4{p, group, err == nil}, nil
}

func (s *socket4) join(on *netInterface) error  { return s.JoinGroup(on.std(), s.group) }
func (s *socket4) leave(on *netInterface) error { return s.LeaveGroup(on.std(), s.group) }
func (s *socket4) close()                       { s.Close() }

// send sends from one address of each subnet of the interface: left alone, the system
// takes the first address, which hosts of another subnet do not accept, and on
// Linux's loopback even that of another interface. The copies are the same datagram,
// so who accepts one drops the next as a replay. Where the platform cannot choose
// (Windows), one is sent from the address it takes.
//
// It is not safe for concurrent use: the interface is an option of the socket.
func (s *socket4) send(on *netInterface, data []byte) error {
	if err := s.SetMulticastInterface(on.std()); err != nil {
		return err
	}
	if err := s.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return err
	}
	sources := on.sources4()
	if !s.control {
		sources = sources[:min(1, len(sources))]
	}
	var failed error
	sent := false
	for _, src := range sources {
		var cm *ipv4.ControlMessage
		if s.control {
			cm = &ipv4.ControlMessage{Src: src.AsSlice(), IfIndex: on.index}
		}
		if _, err := s.WriteTo(data, cm, s.group); err != nil {
			failed = err
		} else {
			sent = true
		}
	}
	if sent {
		return nil
	}
	return failed
}

func (s *socket4) receive(buf []byte) (packet, error) {
	n, cm, src, err := s.ReadFrom(buf)
	if err != nil {
		return packet{}, err
	}
	p := packet{data: buf[:n], src: addrPort(src)}
	if cm != nil {
		p.ifIndex, p.ttl = cm.IfIndex, cm.TTL
		p.dst, _ = netip.AddrFromSlice(cm.Dst.To4())
	}
	return p, nil
}

type socket6 struct {
	*ipv6.PacketConn
	group *net.UDPAddr
}

func newSocket6(conn net.PacketConn, group *net.UDPAddr) (*socket6, error) {
	p := ipv6.NewPacketConn(conn)
	if err := p.SetMulticastHopLimit(multicastTTL); err != nil {
		return nil, err
	}
	if err := p.SetMulticastLoopback(true); err != nil {
		return nil, err
	}
	// Windows has none of these; the receiver then goes without.
	_ = p.SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface|ipv6.FlagHopLimit, true)
	return &socket6{p, group}, nil
}

func (s *socket6) join(on *netInterface) error  { return s.JoinGroup(on.std(), s.group) }
func (s *socket6) leave(on *netInterface) error { return s.LeaveGroup(on.std(), s.group) }
func (s *socket6) close()                       { s.Close() }

// send is not safe for concurrent use: the interface is an option of the socket.
func (s *socket6) send(on *netInterface, data []byte) error {
	if err := s.SetMulticastInterface(on.std()); err != nil {
		return err
	}
	if err := s.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return err
	}
	_, err := s.WriteTo(data, nil, s.group)
	return err
}

func (s *socket6) receive(buf []byte) (packet, error) {
	n, cm, src, err := s.ReadFrom(buf)
	if err != nil {
		return packet{}, err
	}
	p := packet{data: buf[:n], src: addrPort(src)}
	if cm != nil {
		p.ifIndex, p.ttl = cm.IfIndex, cm.HopLimit
		p.dst, _ = netip.AddrFromSlice(cm.Dst)
	}
	return p, nil
}

// addrPort returns a UDP source, IPv4 in its short form, with its zone.
func addrPort(a net.Addr) netip.AddrPort {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := u.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
