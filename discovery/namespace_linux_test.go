package discovery

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// insideVariable is set in the process that runs inside the namespaces.
const insideVariable = "PARLEY_DISCOVERY_NAMESPACE"

// inNamespace runs the test again in a process with network namespaces of its own,
// as root or as a normal user, and reports whether this is that process. Without
// namespaces it says so, and fails where CI is set: the loopback tests remain.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideVariable) != "" {
		return true
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	// Pdeathsig is sent when the thread ends that started the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no namespaces: %v", err)
		}
		t.Logf("NOT TESTED beyond loopback: this system gives no network namespace: %v", err)
		return false
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("inside the namespace: %v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "--- PASS: "+t.Name()) {
		t.Fatalf("the test did not run inside the namespace:\n%s", out.String())
	}
	t.Log(out.String())
	return false
}

// An nsHost is a host in a network namespace, on the bridge of the test's own.
type nsHost struct {
	n      int
	ns     netns.NsHandle
	handle *netlink.Handle
}

// must stops a test where the kernel refuses to build the network.
func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newBridge makes the bridge between the hosts.
func newBridge(t *testing.T) netlink.Link {
	t.Helper()
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "switch"}}
	try(t, netlink.LinkAdd(bridge))
	try(t, netlink.LinkSetUp(bridge))
	return bridge
}

// newHost makes a host without any interface but loopback, which is down.
func newHost(t *testing.T, n int) *nsHost {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home := must(netns.Get())(t)
	defer home.Close()
	ns := must(netns.New())(t) // and the thread is in it
	try(t, netns.Set(home))
	h := &nsHost{n: n, ns: ns, handle: must(netlink.NewHandleAt(ns))(t)}
	t.Cleanup(func() {
		h.handle.Close()
		h.ns.Close()
	})
	return h
}

// plug gives the host an interface on the bridge, up; without an address, that has
// IPv6 link-local only, once duplicate address detection is done.
func (h *nsHost) plug(t *testing.T, bridge netlink.Link, addr string) {
	t.Helper()
	port := fmt.Sprintf("port%d", h.n)
	try(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: port}, PeerName: "eth0", PeerNamespace: netlink.NsFd(int(h.ns))}))
	link := must(netlink.LinkByName(port))(t)
	try(t, netlink.LinkSetMaster(link, bridge))
	try(t, netlink.LinkSetUp(link))
	inside := must(h.handle.LinkByName("eth0"))(t)
	if addr != "" {
		try(t, h.handle.AddrAdd(inside, must(netlink.ParseAddr(addr))(t)))
	}
	try(t, h.handle.LinkSetUp(inside))
}

func (h *nsHost) unplug(t *testing.T) {
	t.Helper()
	try(t, netlink.LinkDel(must(netlink.LinkByName(fmt.Sprintf("port%d", h.n)))(t)))
}

// run calls f on a thread in the host's namespace: sockets made there stay there.
func (h *nsHost) run(f func()) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := netns.Get()
	if err != nil {
		return err
	}
	defer home.Close()
	if err := netns.Set(h.ns); err != nil {
		return err
	}
	f()
	return netns.Set(home)
}

// service starts a Service of the real system inside the host.
func (h *nsHost) service(t *testing.T, port uint16) *running {
	t.Helper()
	s := must(New(Config{Network: testNetwork(1), Port: port}))(t)
	s.interfaces = func() (list []netInterface, err error) {
		if nsErr := h.run(func() { list, err = systemInterfaces() }); nsErr != nil {
			return nil, nsErr
		}
		return list, err
	}
	s.openSocket = func(ctx context.Context, f Family, port uint16) (sock socket, err error) {
		if nsErr := h.run(func() { sock, err = openSocket(ctx, f, port) }); nsErr != nil {
			return nil, nsErr
		}
		return sock, err
	}
	s.openWatcher = func() (w watcher, err error) {
		if nsErr := h.run(func() { w, err = openWatcher() }); nsErr != nil {
			return nil, nsErr
		}
		return w, err
	}
	return start(t, s)
}

// linkLocal returns the address of eth0 that others see, once it is not tentative.
func (h *nsHost) linkLocal(t *testing.T) (addr netip.Addr) {
	t.Helper()
	eventually(t, "a link-local address", func() bool {
		link, err := h.handle.LinkByName("eth0")
		if err != nil {
			return false
		}
		for _, a := range must(h.handle.AddrList(link, netlink.FAMILY_V6))(t) {
			if a.Flags&syscall.IFA_F_TENTATIVE == 0 && a.IP.IsLinkLocalUnicast() {
				addr, _ = netip.AddrFromSlice(a.IP)
			}
		}
		return addr.IsValid()
	})
	return addr
}

func TestHostsOnABridgeFindEachOther(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	bridge := newBridge(t)
	a, b := newHost(t, 1), newHost(t, 2)
	a.plug(t, bridge, "192.0.2.1/24")
	b.plug(t, bridge, "192.0.2.2/24")
	ra := a.service(t, 1001)
	rb := b.service(t, 1002)
	t.Log("IPv4 after", eventually(t, "IPv4", func() bool {
		return ra.sees("192.0.2.2:1002", time.Time{}) && rb.sees("192.0.2.1:1001", time.Time{})
	}))
	addr := fmt.Sprintf("[%s%%eth0]:1002", b.linkLocal(t))
	t.Log("IPv6 after", eventually(t, "IPv6", func() bool { return ra.sees(addr, time.Time{}) }), "from the address being usable")

	// A second user on a host shares the port.
	second := b.service(t, 1003)
	eventually(t, "the second user is seen", func() bool {
		return ra.sees("192.0.2.2:1003", time.Time{}) && rb.sees("192.0.2.2:1003", time.Time{}) && second.sees("192.0.2.2:1002", time.Time{})
	})

	rb.stop(t)
	eventually(t, "goodbye", func() bool {
		for _, s := range ra.sightingsSoFar() {
			if s.Goodbye && s.Addr.Port() == 1002 {
				return true
			}
		}
		return false
	})
	link := ra.link(t, "eth0", IPv4)
	if layer, text := link.Diagnosis(DefaultUDPPort); layer != LayerNone || link.Own == 0 || link.OffLink+link.Malformed != 0 {
		t.Errorf("%s: %s: %+v", layer, text, link)
	}
	second.stop(t)
	ra.stop(t)
}

func TestHostsWithIPv6LinkLocalOnlyFindEachOtherThoughStartedBefore(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	bridge := newBridge(t)
	a, b := newHost(t, 1), newHost(t, 2)
	ra, rb := a.service(t, 1001), b.service(t, 1002)
	for round := range 2 { // the second with the interface made anew under the same name
		began := time.Now()
		a.plug(t, bridge, "")
		b.plug(t, bridge, "")
		addrA, addrB := a.linkLocal(t), b.linkLocal(t)
		t.Log("round", round, "found after", eventually(t, "both", func() bool {
			return ra.sees(fmt.Sprintf("[%s%%eth0]:1002", addrB), began) && rb.sees(fmt.Sprintf("[%s%%eth0]:1001", addrA), began)
		}), "from the addresses being usable,", time.Since(began), "from plugging in")
		link := ra.link(t, "eth0", IPv6)
		if link.SendErrors+link.OffLink > 0 {
			t.Errorf("a tentative address was used: %+v", link)
		}
		a.unplug(t)
		b.unplug(t)
		eventually(t, "the interface is gone", func() bool {
			for _, l := range ra.Report().Links {
				if l.Interface == "eth0" {
					return false
				}
			}
			return true
		})
	}
	ra.stop(t)
	rb.stop(t)
}

func TestHostsInTheSecondSubnetOfAnInterfaceFindEachOther(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	bridge := newBridge(t)
	a, b := newHost(t, 1), newHost(t, 2)
	a.plug(t, bridge, "198.51.100.1/24")
	try(t, a.handle.AddrAdd(must(a.handle.LinkByName("eth0"))(t), must(netlink.ParseAddr("192.0.2.1/24"))(t)))
	b.plug(t, bridge, "192.0.2.2/24")
	ra, rb := a.service(t, 1001), b.service(t, 1002)
	eventually(t, "each sees the other in the subnet they share", func() bool {
		return ra.sees("192.0.2.2:1002", time.Time{}) && rb.sees("192.0.2.1:1001", time.Time{})
	})
	if rb.sees("198.51.100.1:1001", time.Time{}) {
		t.Error("an address that is not on the link was sighted")
	}
	ra.stop(t)
	rb.stop(t)
}

func TestTwoUsersOfAHostWithoutANetworkFindEachOther(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	a := newHost(t, 1)
	one, two := a.service(t, 1001), a.service(t, 1002)
	try(t, a.handle.LinkSetUp(must(a.handle.LinkByName("lo"))(t)))
	eventually(t, "they meet on loopback", func() bool {
		return one.sees("127.0.0.1:1002", time.Time{}) && two.sees("127.0.0.1:1001", time.Time{})
	})
	one.stop(t)
	two.stop(t)
}

func TestTheSystemTellsPortsOfABridgeFromTheBridge(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	bridge := newBridge(t)
	a := newHost(t, 1)
	a.plug(t, bridge, "")
	list := must(systemInterfaces())(t)
	enslaved := make(map[string]bool)
	for _, i := range list {
		enslaved[i.name] = i.enslaved
	}
	if !enslaved["port1"] || enslaved["switch"] {
		t.Errorf("interfaces %+v", list)
	}
	byNet := must(portableInterfaces())(t)
	if len(byNet) != len(list) {
		t.Errorf("by rtnetlink %+v, by package net %+v", list, byNet)
	}
	for n := range min(len(byNet), len(list)) {
		if byNet[n].name != list[n].name || byNet[n].index != list[n].index || byNet[n].flags != list[n].flags {
			t.Errorf("by rtnetlink %+v, by package net %+v", list[n], byNet[n])
		}
	}
}
