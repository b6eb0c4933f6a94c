//go:build linux

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestRoomAHandoverAndWordsBetweenTwoCrossTheNetwork(t *testing.T) {
	s := newSite(t, "a", "b", "c")
	s.room("ops")
	a, b, c := s.host(0), s.host(1), s.host(2)
	master, successor, witness := a.user(), b.user(), c.user()
	a.MustParley("room", "role", "ops", witness, "admin") // who makes the handover safe from being contested
	Eventually(t, findWithin, "b knows the admin", func() error { return hasRole(b, "ops", witness, "admin") })
	offer := a.MustParley("room", "handover", "ops", successor)
	b.MustParley("room", "handover", "ops", offer)
	Eventually(t, findWithin, "every host knows the new master", func() error {
		for _, d := range s.daemons {
			if err := hasRole(d.Host, "ops", successor, "master"); err != nil {
				return err
			}
			if err := hasRole(d.Host, "ops", master, "member"); err != nil {
				return err
			}
		}
		return agree("ops", s.daemons...)
	})
	b.MustParley("room", "policy", "ops", "--topic", "b decides")
	if r := a.Parley("room", "policy", "ops", "--topic", "a decides"); r.Code != 4 {
		t.Errorf("the former master sets the policy: exit code %d: %s", r.Code, r.Err)
	}

	// A room of two, with a person known from the room.
	s.daemons[1].agent()
	a.MustParley("send", "@"+successor, "between the two of us", "--replicas", "1")
	Eventually(t, findWithin, "b reads what is for b", func() error {
		return hasTexts(b, "@"+master, "between the two of us")
	})
	b.MustParley("send", "@"+master, "the same to you", "--replicas", "1")
	Eventually(t, findWithin, "a reads the answer", func() error {
		return hasTexts(a, "@"+successor, "between the two of us", "the same to you")
	})
	if r := c.Parley("tail", "@"+successor, "--all"); strings.Contains(r.Out, "between") {
		t.Errorf("c reads what is between the two: %s", r.Out)
	}
}

// hasRole is nil when a user has a role in a room by what the host knows.
func hasRole(h *Host, room, user, role string) error {
	roles, err := h.roles(room)
	if err == nil && roles[user] != role {
		err = fmt.Errorf("%s: it is %q, want %q", h.Name, roles[user], role)
	}
	return err
}

// hasTexts is nil when the room's history on the host has these texts and no others.
func hasTexts(h *Host, room string, want ...string) error {
	all, err := h.History(room)
	if err != nil {
		return err
	}
	var got []string
	for _, m := range all {
		got = append(got, m.Text)
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("%s shows %q, want %q", h.Name, got, want)
	}
	return nil
}
