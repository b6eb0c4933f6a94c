package discovery

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// Attributes of rtnetlink (linux/if_link.h, linux/if_addr.h) that package syscall does not name.
const (
	iflaInfoSlaveKind = 4
	iflaLinkInfo      = 18
	ifaFlags          = 8
	nlaTypeMask       = 0x3fff // without NLA_F_NESTED and NLA_F_NET_BYTEORDER
)

// systemInterfaces lists links and addresses by rtnetlink, which tells what package
// net hides: which addresses are tentative, and which links are ports of others.
func systemInterfaces() ([]netInterface, error) {
	links, err := dump(syscall.RTM_GETLINK)
	if err != nil {
		return portableInterfaces()
	}
	addrs, err := dump(syscall.RTM_GETADDR)
	if err != nil {
		return portableInterfaces()
	}
	var list []netInterface
	at := make(map[int]int)
	for _, m := range links {
		if i, ok := readLink(m); ok {
			at[i.index] = len(list)
			list = append(list, i)
		}
	}
	for _, m := range addrs {
		if index, prefix, ok := readAddr(m); ok {
			if n, ok := at[index]; ok {
				list[n].prefixes = append(list[n].prefixes, prefix)
			}
		}
	}
	return list, nil
}

func dump(request int) ([]syscall.NetlinkMessage, error) {
	rib, err := syscall.NetlinkRIB(request, syscall.AF_UNSPEC)
	if err != nil {
		return nil, fmt.Errorf("discovery: list interfaces: %w", err)
	}
	return syscall.ParseNetlinkMessage(rib)
}

// readLink reads RTM_NEWLINK: struct ifinfomsg, then attributes.
func readLink(m syscall.NetlinkMessage) (i netInterface, ok bool) {
	if m.Header.Type != syscall.RTM_NEWLINK || len(m.Data) < syscall.SizeofIfInfomsg {
		return i, false
	}
	attrs, err := syscall.ParseNetlinkRouteAttr(&m)
	if err != nil {
		return i, false
	}
	i.index = int(int32(binary.NativeEndian.Uint32(m.Data[4:])))
	i.flags = linkFlags(binary.NativeEndian.Uint32(m.Data[8:]))
	for _, a := range attrs {
		switch a.Attr.Type & nlaTypeMask {
		case syscall.IFLA_IFNAME:
			i.name = cString(a.Value)
		case iflaLinkInfo:
			switch slaveKind(a.Value) {
			case "bridge", "bond", "team":
				i.enslaved = true
			}
		}
	}
	return i, i.name != ""
}

func linkFlags(raw uint32) (flags net.Flags) {
	for _, f := range []struct {
		raw uint32
		std net.Flags
	}{
		{syscall.IFF_UP, net.FlagUp},
		{syscall.IFF_RUNNING, net.FlagRunning},
		{syscall.IFF_LOOPBACK, net.FlagLoopback},
		{syscall.IFF_MULTICAST, net.FlagMulticast},
		{syscall.IFF_POINTOPOINT, net.FlagPointToPoint},
		{syscall.IFF_BROADCAST, net.FlagBroadcast},
	} {
		if raw&f.raw != 0 {
			flags |= f.std
		}
	}
	return flags
}

// slaveKind finds IFLA_INFO_SLAVE_KIND among the attributes nested in IFLA_LINKINFO.
func slaveKind(nested []byte) string {
	for len(nested) >= syscall.SizeofRtAttr {
		size := int(binary.NativeEndian.Uint16(nested))
		if size < syscall.SizeofRtAttr || size > len(nested) {
			return ""
		}
		if binary.NativeEndian.Uint16(nested[2:])&nlaTypeMask == iflaInfoSlaveKind {
			return cString(nested[syscall.SizeofRtAttr:size])
		}
		nested = nested[min((size+3)&^3, len(nested)):]
	}
	return ""
}

// readAddr reads RTM_NEWADDR: struct ifaddrmsg, then attributes. Addresses that
// cannot be sent from yet, or never, are left out.
func readAddr(m syscall.NetlinkMessage) (index int, prefix netip.Prefix, ok bool) {
	if m.Header.Type != syscall.RTM_NEWADDR || len(m.Data) < syscall.SizeofIfAddrmsg {
		return 0, prefix, false
	}
	attrs, err := syscall.ParseNetlinkRouteAttr(&m)
	if err != nil {
		return 0, prefix, false
	}
	bits, flags := int(m.Data[1]), uint32(m.Data[2])
	index = int(binary.NativeEndian.Uint32(m.Data[4:]))
	var local, address netip.Addr
	for _, a := range attrs {
		switch a.Attr.Type & nlaTypeMask {
		case syscall.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(a.Value)
		case syscall.IFA_ADDRESS: // on a point-to-point link the other end
			address, _ = netip.AddrFromSlice(a.Value)
		case ifaFlags:
			if len(a.Value) >= 4 {
				flags = binary.NativeEndian.Uint32(a.Value)
			}
		}
	}
	const optimistic = 0x04 // IFA_F_OPTIMISTIC: may be used while tentative (RFC 4429)
	tentative := flags&syscall.IFA_F_TENTATIVE != 0 && flags&optimistic == 0
	if tentative || flags&syscall.IFA_F_DADFAILED != 0 {
		return 0, prefix, false
	}
	if !local.IsValid() {
		local = address
	}
	prefix = netip.PrefixFrom(local, bits)
	return index, prefix, prefix.IsValid()
}

func cString(b []byte) string {
	for n, c := range b {
		if c == 0 {
			return string(b[:n])
		}
	}
	return string(b)
}

// A netlinkWatcher hears of changes to links and addresses.
type netlinkWatcher struct {
	file *os.File
	buf  []byte
}

func openWatcher() (watcher, error) {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, syscall.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("discovery: watch interfaces: %w", err)
	}
	// RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR (linux/rtnetlink.h).
	addr := &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK, Groups: 0x1 | 0x10 | 0x100}
	if err := syscall.Bind(fd, addr); err != nil {
		syscall.Close(fd)
		return nil, fmt.Errorf("discovery: watch interfaces: %w", err)
	}
	// What changed does not matter, so a message may be cut short.
	return &netlinkWatcher{file: os.NewFile(uintptr(fd), "rtnetlink"), buf: make([]byte, 4096)}, nil
}

func (w *netlinkWatcher) wait() error {
	_, err := w.file.Read(w.buf)
	if pe, ok := err.(*os.PathError); ok && pe.Err == syscall.ENOBUFS {
		return nil // more changes than the socket could hold: changes all the same
	}
	return err
}

func (w *netlinkWatcher) close() { w.file.Close() }
