package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// The fallback where there are no namespaces, tried on Linux as well.
func TestLoopbackPeersFindEachOtherByMulticastAndPassAMessageOn(t *testing.T) {
	a, b := Loopback(t, "a"), Loopback(t, "b")
	secret := a.NetworkSecret()
	flags := []string{"--network-secret-file", secret, "--listen", "127.0.0.1:0", "--interface", loopbackName(t)}
	b.Daemon(flags...)
	other := a.Daemon(flags...)
	Eventually(t, 20*time.Second, "a session", func() error {
		_, err := b.Session(other.ID)
		return err
	})
	a.MustParley("send", "lobby", "hello")
	Eventually(t, 20*time.Second, "the message on the other", func() error {
		all, err := b.History("lobby")
		if err != nil {
			return err
		}
		if len(all) != 1 || all[0].Text != "hello" {
			return fmt.Errorf("the lobby has %+v", all)
		}
		return nil
	})
}

func loopbackName(t *testing.T) string {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			return i.Name
		}
	}
	t.Fatal("there is no loopback interface")
	return ""
}

func TestLoopbackCommandsWithoutADaemonExitWithThree(t *testing.T) {
	h := Loopback(t, "alone")
	r := h.Run("never read\n", Binary(t), "send", "lobby")
	if r.Code != 3 {
		t.Errorf("send without a daemon: exit code %d, want 3", r.Code)
	}
	lines := strings.Split(strings.TrimSpace(r.Err), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "parley: ") {
		t.Errorf("send without a daemon ends with %q, want a line that begins with parley:", last)
	}
}
