package rooms

import (
	"strings"
	"testing"

	"parley/handshake/identity"
	"parley/wire"
)

func TestALinkIsReadInEitherCaseAndHidesItsSecret(t *testing.T) {
	tr := newTestRoom(t)
	l := tr.link()
	for _, text := range []string{l.Text(), strings.ToUpper(l.Text()), "  " + l.Text() + "\n"} {
		back, err := ParseLink(text)
		if err != nil || back.Text() != l.Text() {
			t.Fatalf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", "parley:", "parley", l.Text()[7:], "http://" + l.Text(), l.Text() + "=", strings.Replace(l.Text(), "parley", "Parley", 1)} {
		if _, err := ParseLink(text); reasonOf(err) != ReasonLink {
			t.Errorf("%q: %v", text, err)
		}
	}
	if s := l.String(); strings.Contains(l.Text(), s) || len(s) > 30 {
		t.Errorf("shown as %q", s)
	}
	for range maxLinkAddresses {
		l.Addresses = append(l.Addresses, "10.0.0.1:1")
	}
	if l.check() == nil {
		t.Error("ten addresses are accepted")
	}
	long := strings.Repeat("a", maxLinkAddress-3) + ":80"
	l.Addresses = []string{long, long, long, long}
	if err := l.check(); err != nil {
		t.Error(err)
	}
	if _, err := ParseLink(l.Text()); err != nil {
		t.Error(err)
	}
	l.Addresses = append(l.Addresses, long)
	if l.check() == nil {
		t.Error("a link of more characters than are read is made")
	}
}

func TestALinkHasOneTextInEitherCase(t *testing.T) {
	l := newTestRoom(t).link()
	for n := range 5 { // every number of bits that base32 leaves over
		l.Addresses = []string{strings.Repeat("a", n+1)}
		text := l.Text()
		for _, c := range "abcdefghijklmnopqrstuvwxyz234567" {
			other := text[:len(text)-1] + string(c)
			if _, err := ParseLink(other); (err == nil) != (other == text) {
				t.Errorf("last letter %c for %c: %v", c, text[len(text)-1], err)
			}
		}
	}
}

func TestOpenRoomsDifferByNetworkSecretAndName(t *testing.T) {
	home, err := identity.NewNetwork("home")
	fatal(t, err)
	other, err := identity.NewNetwork("home")
	fatal(t, err)
	seen := map[wire.ID]bool{}
	keys := map[[32]byte]bool{}
	for _, n := range []identity.Network{home, other, {Name: "home"}, {Name: "home2"}} {
		for _, name := range []string{Lobby, "ops"} {
			id := OpenRoomID(n, name)
			seen[id] = true
			keys[OpenRoomKey(n, id)] = true
		}
	}
	if len(seen) != 8 || len(keys) != 8 {
		t.Fatalf("%d rooms, %d keys", len(seen), len(keys))
	}
	if again := OpenRoomID(home, Lobby); again != OpenRoomID(home, Lobby) {
		t.Fatal("not the same twice")
	}
}
