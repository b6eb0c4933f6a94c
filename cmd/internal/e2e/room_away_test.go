//go:build linux

package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"parley/handshake/identity"
	"parley/rooms"
	"parley/rooms/client"
)

func TestRoomAMemberAwayForAHundredEpochsReadsThemAllInOneExchange(t *testing.T) {
	const epochs = 100
	s := newSite(t, "a", "b")
	s.room("ops")
	a, b := s.daemons[0], s.daemons[1]
	b.Quit()
	rotateAndSend(t, s, a, "ops", epochs)
	b = b.Again()
	s.daemons[1] = b
	Eventually(t, findWithin, "the sides are connected", func() error { return connected(s.daemons...) })
	took := Eventually(t, findWithin, "all messages are there", func() error { return has(b.Host, "ops", "epoch ", epochs) })
	received := traffic(t, b)
	t.Logf("%d epochs came within %v, in %d bytes", epochs, took, received)
	if keys := epochKeys(t, b.Host); len(keys) != epochs+1 {
		t.Errorf("b has %d keys, want %d", len(keys), epochs+1)
	}
	// An entry, a box for each of the two members and a run, each as large as it may
	// be here, and as much again.
	if most := uint64(2 * epochs * (3*rooms.MaxBox + 1<<10)); received > most {
		t.Errorf("%d bytes for %d epochs, the bound is %d", received, epochs, most)
	}
	if err := verified("ops", 1, a, b); err != nil {
		t.Error(err)
	}
}

// rotateAndSend begins epochs in a room of the daemon's user and writes a message
// in each, as a program of the user's that stays.
func rotateAndSend(t *testing.T, s *site, d *Daemon, name string, epochs int) {
	t.Helper()
	key, err := identity.Load(filepath.Join(d.Host.Folder("user"), "key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c, err := client.Dial(ctx, client.Config{
		Identity: key, Network: network(t, s.secret), Dir: d.Host.Folder("user"),
		Addr: d.Endpoint(), Dialer: d.Host.dialTCP,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	room, err := c.Resolve(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := range epochs {
		if err := c.Rotate(ctx, room.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Send(ctx, room.ID, fmt.Appendf(nil, "epoch %d", i+1), client.SendOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}
