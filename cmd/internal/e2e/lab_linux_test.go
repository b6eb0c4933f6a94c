package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	way "parley/cmd/internal/proxy"
)

// The group and port the lab's own tests use: not Parley's.
var (
	group4 = netip.MustParseAddrPort("239.192.77.77:7777")
	group6 = netip.MustParseAddrPort("[ff12::7777]:7777")
)

// member joins a group on the host's eth0.
func member(t *testing.T, h *Host, group netip.AddrPort) *net.UDPConn {
	t.Helper()
	var conn *net.UDPConn
	err := h.Do(func() error {
		eth, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		conn, err = net.ListenMulticastUDP("udp", eth, net.UDPAddrFromAddrPort(group))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// speak sends one datagram to a group from the host's eth0.
func speak(t *testing.T, h *Host, group netip.AddrPort, text string) {
	t.Helper()
	err := h.Do(func() error {
		eth, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		family, option, level := unix.AF_INET6, unix.IPV6_MULTICAST_IF, unix.IPPROTO_IPV6
		var to unix.Sockaddr = &unix.SockaddrInet6{Port: int(group.Port()), Addr: group.Addr().As16(), ZoneId: uint32(eth.Index)}
		if group.Addr().Is4() {
			family, option, level = unix.AF_INET, unix.IP_MULTICAST_IF, unix.IPPROTO_IP
			to = &unix.SockaddrInet4{Port: int(group.Port()), Addr: group.Addr().As4()}
		}
		fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if family == unix.AF_INET {
			err = unix.SetsockoptIPMreqn(fd, level, option, &unix.IPMreqn{Ifindex: int32(eth.Index)})
		} else {
			err = unix.SetsockoptInt(fd, level, option, eth.Index)
		}
		if err != nil {
			return err
		}
		return unix.Sendto(fd, []byte(text), 0, to)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// hears tells whether the text arrives.
func hears(t *testing.T, conn *net.UDPConn, text string, within time.Duration) bool {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 2048)
	for {
		n, err := conn.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		if string(buf[:n]) == text {
			return true
		}
	}
}

func TestHostsOnTheBridgeHearEachOthersMulticast(t *testing.T) {
	for _, group := range []netip.AddrPort{group4, group6} {
		t.Run(group.String(), func(t *testing.T) {
			lab := New(t)
			a, b := lab.Host("a", HostOpts{IPv6Only: group.Addr().Is6()}), lab.Host("b", HostOpts{IPv6Only: group.Addr().Is6()})
			ear := member(t, b, group)
			speak(t, a, group, "hello")
			if !hears(t, ear, "hello", 5*time.Second) {
				t.Fatal("b did not hear a")
			}
		})
	}
}

func TestADetachedHostHearsNothingUntilItIsAttached(t *testing.T) {
	lab := New(t)
	a, b := lab.Host("a", HostOpts{}), lab.Host("b", HostOpts{})
	ear := member(t, b, group4)
	b.Detach()
	speak(t, a, group4, "lost")
	b.Attach()
	speak(t, a, group4, "found")
	if !hears(t, ear, "found", 5*time.Second) {
		t.Fatal("b did not hear a after it was attached")
	}
	b.Detach()
	speak(t, a, group4, "lost")
	if hears(t, ear, "lost", 300*time.Millisecond) {
		t.Fatal("b heard a while detached")
	}
}

func TestASplitNetworkIsTwoUntilItIsOneAgain(t *testing.T) {
	lab := New(t)
	a, b, c := lab.Host("a", HostOpts{}), lab.Host("b", HostOpts{}), lab.Host("c", HostOpts{})
	near, far := member(t, a, group4), member(t, c, group4)
	lab.Split(b, c)
	speak(t, b, group4, "on the far side")
	if !hears(t, far, "on the far side", 5*time.Second) {
		t.Fatal("c did not hear b, which went with it")
	}
	if hears(t, near, "on the far side", 300*time.Millisecond) {
		t.Fatal("a heard b, which is on the other side")
	}
	b.Attach()
	speak(t, b, group4, "back")
	if !hears(t, near, "back", 5*time.Second) {
		t.Fatal("a did not hear b after it was attached")
	}
}

func TestTwoLabsDoNotHearEachOther(t *testing.T) {
	one, other := New(t).Host("a", HostOpts{}), New(t).Host("b", HostOpts{})
	ear := member(t, other, group4)
	speak(t, one, group4, "private")
	if hears(t, ear, "private", 300*time.Millisecond) {
		t.Fatal("a packet left its lab")
	}
}

func TestAnAddressMayComeLater(t *testing.T) {
	lab := New(t)
	a, b := lab.Host("a", HostOpts{NoAddress: true}), lab.Host("b", HostOpts{})
	l, err := b.Listen(t.Context(), "tcp", b.IPv4.String()+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := a.Dial(t.Context(), "tcp", l.Addr().String()); err == nil {
		t.Fatal("a host without an address connected")
	}
	a.AddAddress(a.IPv4)
	conn, err := a.Dial(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// serve answers every connection with what it sent, until the test ends.
func serve(t *testing.T, h *Host) string {
	t.Helper()
	l, err := h.Listen(t.Context(), "tcp", h.IPv4.String()+":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return l.Addr().String()
}

// echo sends text through a connection and reads it back.
func echo(conn net.Conn, text string) error {
	if _, err := conn.Write([]byte(text)); err != nil {
		return err
	}
	buf := make([]byte, len(text))
	_, err := io.ReadFull(conn, buf)
	return err
}

func TestACaptureSeesTheBytesOnTheWireAndNoOthers(t *testing.T) {
	lab := New(t)
	a, b := lab.Host("a", HostOpts{}), lab.Host("b", HostOpts{})
	wire, local := lab.Capture(), a.Capture()
	conn, err := a.Dial(t.Context(), "tcp", serve(t, b))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := echo(conn, "crossed the wire"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Capture{wire, local} {
		if err := c.Stop(); err != nil {
			t.Fatal(err)
		}
		if !c.Contains([]byte("crossed the wire")) {
			frames, size := c.Size()
			t.Errorf("the capture of %d frames, %d bytes has not got what was sent", frames, size)
		}
		if c.Contains([]byte("never sent")) {
			t.Error("the capture contains what was never sent")
		}
	}
}

func TestProcessesRunInTheirHostAndDieWithTheTest(t *testing.T) {
	var pid int
	t.Run("running", func(t *testing.T) {
		h := New(t).Host("a", HostOpts{})
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		p := h.Spawn([]string{programEnv + "=addresses"}, []string{self})
		line, err := p.Out.FirstLine(10 * time.Second)
		if err != nil {
			t.Fatalf("%v\n%s", err, p.Err.String())
		}
		if want := h.IPv4.String(); !strings.Contains(line, want) {
			t.Errorf("the process has the addresses %s, want %s among them", line, want)
		}
		if p.Resident() == 0 || p.ResidentPeak() < p.Resident() {
			t.Errorf("resident %d, peak %d", p.Resident(), p.ResidentPeak())
		}
		pid = p.Pid()
	})
	if err := unix.Kill(pid, 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("the process is still there after its test: %v", err)
	}
}

func TestNothingOfALabStaysBehind(t *testing.T) {
	before := threads(t)
	t.Run("lab", func(t *testing.T) {
		lab := New(t)
		for i := range 3 {
			lab.Host(fmt.Sprintf("h%d", i), HostOpts{})
		}
		lab.Capture()
	})
	// The kernel ends a thread shortly after its goroutine.
	Eventually(t, 5*time.Second, "threads and descriptors of namespaces are gone", func() error {
		if now := threads(t); now > before {
			return fmt.Errorf("%d namespaces of threads and descriptors, %d before", now, before)
		}
		return nil
	})
}

// threads counts the threads that are in another network namespace than the
// process, and the open descriptors of namespaces and sockets.
func threads(t *testing.T) (n int) {
	t.Helper()
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		if ns, err := os.Readlink("/proc/self/task/" + task.Name() + "/ns/net"); err == nil && ns != own {
			n++
		}
	}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		to, err := os.Readlink("/proc/self/fd/" + f.Name())
		if err == nil && (strings.HasPrefix(to, "net:") || strings.HasPrefix(to, "socket:")) {
			n++
		}
	}
	return n
}

func TestAProxyDelaysStallsAndCuts(t *testing.T) {
	lab := New(t)
	a, b := lab.Host("a", HostOpts{}), lab.Host("b", HostOpts{})
	proxy := a.Proxy(serve(t, b))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	conn, err := a.Dial(ctx, "tcp", proxy.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := echo(conn, "through"); err != nil {
		t.Fatal(err)
	}

	proxy.Delay(50 * time.Millisecond)
	start := time.Now()
	if err := echo(conn, "slowly"); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 100*time.Millisecond {
		t.Errorf("a round trip over twice 50 ms took %v", took)
	}
	proxy.Delay(0)

	proxy.Bandwidth(100 << 10)
	start = time.Now()
	if err := echo(conn, strings.Repeat("x", 20<<10)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 200*time.Millisecond {
		t.Errorf("20 KiB at 100 KiB/s took %v", took)
	}
	proxy.Bandwidth(0)

	proxy.Stall(way.Both, true)
	done := make(chan error, 1)
	go func() { done <- echo(conn, "held") }()
	select {
	case err := <-done:
		t.Fatalf("a stalled way let bytes through: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	proxy.Stall(way.Both, false)
	if err := <-done; err != nil {
		t.Fatal(err)
	}

	proxy.Cut()
	if err := echo(conn, "cut"); err == nil {
		t.Fatal("a connection that was cut still works")
	}
}

// multicastFrom makes a socket's multicast leave by an interface.
func multicastFrom(conn *net.UDPConn, eth *net.Interface) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptIPMreqn(int(fd), unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(eth.Index)})
	})
	return errors.Join(err, failed)
}
