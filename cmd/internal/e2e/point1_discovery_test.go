//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// foundWithin is the promise: from usable addresses to sessions of all with all.
const foundWithin = 2 * time.Second

func TestPoint1ThreeHostsFindEachOtherWithinTwoSecondsOfHavingAddresses(t *testing.T) {
	for name, opts := range map[string]HostOpts{
		"IPv4 and IPv6":        {NoAddress: true},
		"IPv6 link-local only": {NoAddress: true, IPv6Only: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &site{t: t, lab: New(t)}
			for _, host := range []string{"a", "b", "c"} {
				h := s.lab.Host(host, opts)
				if s.secret == "" {
					s.secret = h.NetworkSecret()
				}
				s.daemons = append(s.daemons, h.Daemon("--network-secret-file", s.secret))
			}
			// The daemons are up and have nothing to talk through yet.
			if err := disconnected(s.daemons[0], s.daemons[1:]...); err != nil {
				t.Fatal(err)
			}
			for _, d := range s.daemons {
				d.Host.AddAddress(d.Host.IPv6)
				if !opts.IPv6Only {
					d.Host.AddAddress(d.Host.IPv4)
				}
			}
			took := Eventually(t, foundWithin, "sessions of all with all", func() error { return connected(s.daemons...) })
			t.Logf("all with all after %v", took)
			if !opts.IPv6Only {
				return
			}
			peers, err := s.host(0).Peers()
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range peers {
				if !strings.HasPrefix(p.Address, "[fe80:") {
					t.Errorf("a session at %s on a network of link-local addresses", p.Address)
				}
			}
			s.host(0).MustParley("send", "lobby", "over link-local")
			Eventually(t, findWithin, "the message on the others", func() error {
				for _, d := range s.daemons[1:] {
					if err := hasText(d.Host, "lobby", "over link-local"); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}

// hasText is nil when the room's history on the host has the text once.
func hasText(h *Host, room, text string) error {
	all, err := h.History(room)
	if err != nil {
		return err
	}
	if n := len(texts(all, text)); n != 1 {
		return fmt.Errorf("%s has %q %d times", h.Name, text, n)
	}
	return nil
}

func TestPoint1AHostWithAnotherSecretIsNotConnectedAndLearnsNoIdentity(t *testing.T) {
	s := newSite(t, "a", "b")
	wire := s.lab.Capture()
	stranger := s.lab.Host("stranger", HostOpts{})
	other := stranger.NetworkSecret()
	// It hears the others' beacons, and is also told where they are.
	d := stranger.Daemon("--network-secret-file", other, "--log-level", "debug",
		"--peer", s.daemons[0].Endpoint(), "--peer", s.daemons[1].Endpoint())

	Eventually(t, findWithin, "the stranger tried both and was refused", func() error {
		peers, err := stranger.Peers()
		if err != nil {
			return err
		}
		for _, victim := range s.daemons {
			tried := false
			for _, p := range peers {
				tried = tried || (p.Address == victim.Endpoint() && p.Reason != "")
			}
			if !tried {
				return fmt.Errorf("no refusal by %v in %+v", victim, peers)
			}
		}
		return nil
	})
	Always(t, 3*time.Second, "a host with another secret", func() error {
		peers, err := stranger.Peers()
		if err != nil {
			return err
		}
		for _, p := range peers {
			if p.Connected() || p.ID != "" {
				return fmt.Errorf("the stranger has %+v", p)
			}
		}
		if err := disconnected(s.daemons[0], d); err != nil {
			return err
		}
		return disconnected(s.daemons[1], d)
	})

	// Nor does an identity stand in its log or its folder, or in clear on the wire.
	text := d.Err.String() + stranger.Parley("doctor", "--json").Out
	for _, victim := range append(s.daemons, d) {
		if victim != d && strings.Contains(text, victim.ID) {
			t.Errorf("the stranger knows the ID of %v", victim)
		}
		raw, err := idBytes(victim.ID)
		if err != nil {
			t.Fatal(err)
		}
		if victim != d {
			if where, err := search(d.Host.Home, raw); err != nil || where != "" {
				t.Errorf("the ID of %v is in the stranger's %s (%v)", victim, where, err)
			}
		}
		if bytes.Contains(wire.Bytes(), raw) {
			t.Errorf("the ID of %v crossed the wire in clear", victim)
		}
	}
	// The two of the network are connected all the while.
	if err := connected(s.daemons...); err != nil {
		t.Error(err)
	}
}
