package e2e

import (
	"context"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A Host is a machine on the lab's network, or, from Loopback, a user of this
// machine with a home of its own.
type Host struct {
	Name string
	Home string     // the folder for PARLEY_HOME; made by the first command
	IPv4 netip.Addr // that it has or, with NoAddress, may be given
	IPv6 netip.Addr // link-local

	lab  *Lab
	t    testing.TB
	ns   *namespace // nil: the namespace of the tests
	port string
}

// Loopback returns a host that shares the loopback interface with every other
// host made here, and differs from them by its home.
func Loopback(t testing.TB, name string) *Host {
	t.Helper()
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	return &Host{Name: name, t: t, Home: filepath.Join(t.TempDir(), name), IPv4: loopback}
}

// At returns a host that is the same machine with another home: a second user of
// it, or a peer beside the first.
func (h *Host) At(name string) *Host {
	other := *h
	other.Name = h.Name + "/" + name
	other.Home = filepath.Join(h.Home+"-homes", name)
	return &other
}

// Folder is the part of the host's home that is kept for "peer" or "user".
func (h *Host) Folder(of string) string { return filepath.Join(h.Home, of) }

// Command is a program that will run on the host once Start is called with it.
// Its environment is the tests', with the host's home and the additions in env.
func (h *Host) Command(ctx context.Context, env []string, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "PARLEY_HOME="+h.Home, "NO_COLOR=1")
	cmd.Env = append(cmd.Env, env...)
	if h.ns != nil {
		dieWithTests(cmd)
	}
	return cmd
}

// Start starts a command on the host.
func (h *Host) Start(cmd *exec.Cmd) error { return h.ns.start(cmd.Start) }

// Do runs f in the host's network. Sockets that f makes itself, not through other
// goroutines, are the host's.
func (h *Host) Do(f func() error) error { return h.ns.do(f) }

// Dial connects from the host, to the bytes of a stranger for instance. The
// address is literal, not a name.
func (h *Host) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = h.Do(func() error {
		var d net.Dialer
		conn, err = d.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// dialTCP is Dial for a program that makes TCP connections only.
func (h *Host) dialTCP(ctx context.Context, address string) (net.Conn, error) {
	return h.Dial(ctx, "tcp", address)
}

// Listen listens on the host.
func (h *Host) Listen(ctx context.Context, network, address string) (l net.Listener, err error) {
	err = h.Do(func() error {
		var c net.ListenConfig
		l, err = c.Listen(ctx, network, address)
		return err
	})
	return l, err
}

// ListenPacket is Listen for datagrams.
func (h *Host) ListenPacket(ctx context.Context, network, address string) (c net.PacketConn, err error) {
	err = h.Do(func() error {
		var lc net.ListenConfig
		c, err = lc.ListenPacket(ctx, network, address)
		return err
	})
	return c, err
}
