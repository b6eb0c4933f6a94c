package client

import (
	"errors"
	"strings"
	"testing"

	"parley/wire"
)

func TestPeopleAreFoundByWhatTheyAreCalled(t *testing.T) {
	p := newFakePeer(t)
	a, b, c, d := testClient(t, p, "ann", ""), testClient(t, p, "bob", ""), testClient(t, p, "sam", ""), testClient(t, p, "sam", "")
	invited(t, a, CreateOptions{Name: "ops"}, b, c, d)
	if err := a.refreshRoom(t.Context(), mustResolve(t, a, "ops")); err != nil {
		t.Fatal(err)
	}
	find := func(text string, want wire.ID) {
		t.Helper()
		if got, err := a.FindPerson(text); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	find("bob", b.Me())
	find("@bob", b.Me())
	find("sam·"+c.Me().Short(), c.Me())
	find(d.Me().String()[:10], d.Me())
	find(d.Me().String(), d.Me())
	if _, err := a.FindPerson("sam"); !errors.Is(err, ErrAmbiguous) || !strings.Contains(err.Error(), c.Me().String()) {
		t.Errorf("sam: %v", err)
	}
	if _, err := a.FindPerson("eve"); !errors.Is(err, ErrNoPerson) {
		t.Errorf("eve: %v", err)
	}
	// The user's own name wins over any claim.
	if err := a.SetPetname(d.Me(), "bob"); err != nil {
		t.Fatal(err)
	}
	find("bob", d.Me())
	if err := a.SetPetname(c.Me(), "bob"); !errors.Is(err, ErrBadName) {
		t.Errorf("two people of one petname: %v", err)
	}
	sendAll(t, d, mustResolve(t, d, "ops"), "x")
	for m, err := range a.Tail(t.Context(), mustResolve(t, a, "ops"), TailOptions{}) {
		if err != nil || m.Name != "bob" || m.Claim != "sam" {
			t.Errorf("%+v, %v", m, err)
		}
	}
	if err := a.SetPetname(d.Me(), ""); err != nil {
		t.Fatal(err)
	}
	find("bob", b.Me())
}

func mustResolve(t *testing.T, c *Client, name string) wire.ID {
	t.Helper()
	r, err := c.Resolve(name)
	if err != nil {
		t.Fatal(err)
	}
	return r.ID
}
