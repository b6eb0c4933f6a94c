//go:build linux

package e2e

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
)

func TestRoom6ARelayStoresAndForwardsARoomAndHoldsNeitherKeyNorPlaintext(t *testing.T) {
	const lines = 50
	s := newSite(t, "a", "relay", "c")
	a, relay, c := s.daemons[0], s.daemons[1], s.daemons[2]
	// Not a word that stands in a file or in memory for another reason.
	marker := rand.Text()
	title := "about-" + strings.ToLower(rand.Text())
	a.Host.MustParley("room", "create", title)
	link := a.Host.MustParley("room", "invite", title, "--role", "relay")
	relay.Host.MustParley("room", "join", link)
	c.Host.MustParley("room", "join", s.invite(title, 1))
	agent := a.agent()

	// What a writes while c is away comes to c while a is away.
	c.Quit()
	a.Host.MustParleyInput(numbers(marker+" from a ", 1, lines), "send", title, "--replicas", "1")
	a.Host.MustParley("room", "rotate", title)
	a.Host.MustParleyInput(numbers(marker+" rotated ", 1, lines), "send", title, "--replicas", "1")
	a.Host.Detach()
	Eventually(t, findWithin, "the relay is alone", func() error { return disconnected(relay, a) })
	c = c.Again()
	s.daemons[2] = c
	Eventually(t, findWithin, "c has what a wrote, from the relay", func() error {
		if err := has(c.Host, title, marker+" from a ", lines); err != nil {
			return err
		}
		return has(c.Host, title, marker+" rotated ", lines)
	})
	reader := c.Host.follow(title)
	c.Host.MustParleyInput(numbers(marker+" from c ", 1, lines), "send", title, "--replicas", "1")
	Eventually(t, findWithin, "c's reader shows it", func() error { return showsText(reader, fmt.Sprintf("%s from c %d", marker, lines)) })
	c.Quit()
	a.Host.Attach()
	Eventually(t, findWithin, "a has what c wrote, from the relay", func() error { return has(a.Host, title, marker+" from c ", lines) })

	if r := relay.Host.Parley("tail", title, "--all"); strings.Contains(r.Out+r.Err, marker) {
		t.Errorf("the relay's own user reads the room: %s", r.Out)
	}
	if r := relay.Host.Parley("send", title, "x"); r.Code != 4 {
		t.Errorf("the relay's user writes: exit code %d: %s", r.Code, r.Err)
	}

	secrets := map[string][]byte{"a message's text": []byte(marker)}
	for epoch, key := range epochKeys(t, a.Host) {
		secrets["the key of epoch "+epoch] = key[:]
	}
	if len(secrets) < 3 {
		t.Fatalf("%d secrets: the room has two epochs", len(secrets))
	}
	if keys := epochKeys(t, relay.Host); len(keys) != 0 {
		t.Errorf("the relay's user keeps %d keys of epochs", len(keys))
	}
	memory := relay.Memory()
	size := 0
	for _, region := range memory {
		size += len(region)
	}
	t.Logf("the relay's memory: %d regions, %d bytes", len(memory), size)
	for what, secret := range secrets {
		for _, form := range encodings(secret) {
			if inMemory(memory, form) {
				t.Errorf("%s is in the relay's memory", what)
			}
			if where, err := search(relay.Host.Home, form); err != nil {
				t.Fatal(err)
			} else if where != "" {
				t.Errorf("%s is in %s", what, where)
			}
			if relay.Out.Contains(string(form)) || relay.Err.Contains(string(form)) {
				t.Errorf("%s is in the relay's log", what)
			}
		}
	}
	relay.Quit() // so that all it has to write is written
	for what, secret := range secrets {
		for _, form := range encodings(secret) {
			if where, err := search(relay.Host.Home, form); err != nil {
				t.Fatal(err)
			} else if where != "" {
				t.Errorf("%s is in %s once the relay has ended", what, where)
			}
		}
	}

	// What the same search finds where it is: a key in a member's agent, the text in
	// a reader's memory, and of the room in the relay's memory what it does have.
	state, err := a.Host.info(title)
	if err != nil {
		t.Fatal(err)
	}
	room, err := idBytes(state.ID)
	if err != nil {
		t.Fatal(err)
	}
	if !inMemory(memory, room) {
		t.Error("the search does not find the room's ID in the relay's memory")
	}
	if where, err := search(relay.Host.Home, []byte(relay.ID)); err != nil || where == "" {
		t.Errorf("the search does not find the relay's ID in its home: %v", err)
	}
	for what, secret := range secrets {
		from, of := agent, "a's agent"
		if bytes.Equal(secret, []byte(marker)) {
			from, of = reader, "c's reader"
		}
		Eventually(t, findWithin, fmt.Sprintf("%s is in the memory of %s", what, of), func() error {
			if !inMemory(from.Memory(), secret) {
				return fmt.Errorf("not found")
			}
			return nil
		})
	}
}

// inMemory tells whether a region has the bytes in it.
func inMemory(regions [][]byte, what []byte) bool {
	for _, region := range regions {
		if bytes.Contains(region, what) {
			return true
		}
	}
	return false
}
