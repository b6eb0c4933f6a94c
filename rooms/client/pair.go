package client

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"parley/handshake/identity"
	"parley/rooms"
	"parley/wire"
)

// A room of two follows from the keys of its users. The file `pairs` lists, one
// a line, those in which something was begun: the room's ID, a space, the other's.

func (c *Client) pairsPath() string { return filepath.Join(c.cfg.Dir, "pairs") }

// pairs returns the rooms of two in which something was begun, and with whom.
func (c *Client) pairs() (map[wire.ID]wire.ID, error) {
	b, err := readFile(c.pairsPath(), maxFileSize*16)
	if err != nil {
		return nil, err
	}
	pairs := make(map[wire.ID]wire.ID)
	for line := range bytes.Lines(b) {
		room, other, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		id, err := wire.ParseID(room)
		with, werr := wire.ParseID(other)
		if err == nil && werr == nil && len(pairs) < maxNames {
			pairs[id] = with
		}
	}
	return pairs, nil
}

func (c *Client) addPair(ctx context.Context, room, other wire.ID) error {
	lock := flock.New(c.pairsPath()+".lock", flock.SetPermissions(0o600))
	if err := waitLock(ctx, lock); err != nil {
		return err
	}
	defer lock.Close()
	pairs, err := c.pairs()
	if err != nil || pairs[room] == other {
		return err
	}
	pairs[room] = other
	var b strings.Builder
	for _, id := range sortedIDs(pairs) {
		fmt.Fprintf(&b, "%s %s\n", id, pairs[id])
	}
	return writeFile(c.pairsPath(), []byte(b.String()), true)
}

// pairNamed is a room of two as LocalRooms lists it.
func (c *Client) pairNamed(id, other wire.ID) Room {
	claim := ""
	c.mu.Lock()
	r := c.rooms[id]
	c.mu.Unlock()
	if r == nil {
		r = &room{c: c, id: id, dir: c.roomDir(id)}
		if r.load() != nil {
			r.auth = rooms.NewAuthority(id)
		}
	}
	claim = r.claim(other)
	return Room{ID: id, Name: "@" + c.NameOf(other, claim), With: other}
}

// resolvePair finds a room of two that was begun.
func (c *Client) resolvePair(name string) (Room, error) {
	person, err := c.FindPerson(name)
	if err != nil {
		return Room{}, err
	}
	pairs, err := c.pairs()
	if err != nil {
		return Room{}, err
	}
	for id, other := range pairs {
		if other == person {
			return c.pairNamed(id, other), nil
		}
	}
	return Room{}, fmt.Errorf("%w: nothing was said to %s yet", ErrNoRoom, name)
}

// Pair opens the room of two with a person: it has the peer keep it, and begins
// it with a key if neither side has. The person must be in a room of this home,
// which tells the key.
func (c *Client) Pair(ctx context.Context, person wire.ID) (Room, error) {
	if person == c.me {
		return Room{}, fmt.Errorf("%w: that is you", ErrNoPerson)
	}
	bundle := c.bundle(person)
	if bundle == nil {
		return Room{}, fmt.Errorf("%w: the key of %s is not known here; be in a room together first", ErrNoPerson, person)
	}
	root, err := rooms.NewPair(c.cfg.Identity.Public(), bundle.Key)
	if err != nil {
		return Room{}, err
	}
	r, err := c.room(root.ID)
	if err != nil {
		return Room{}, err
	}
	if err := r.add([][]byte{root.Raw}, nil); err != nil {
		return Room{}, err
	}
	fresh := r.isNew()
	if err := c.refreshRoom(ctx, r.id); err != nil {
		return Room{}, err
	}
	if fresh && r.isNew() {
		c.spread(ctx, r.id, pairWait) // the other side may have begun it
		if err := c.refreshRoom(ctx, r.id); err != nil {
			return Room{}, err
		}
	}
	if _, err := c.PublishBundle(ctx, r.id); err != nil {
		return Room{}, err
	}
	err = r.exclusive(ctx, func() error {
		if !r.isNew() {
			return nil
		}
		return c.beginEpoch(ctx, r)
	})
	if err != nil {
		return Room{}, err
	}
	if err := c.addPair(ctx, r.id, person); err != nil {
		return Room{}, err
	}
	return c.pairNamed(r.id, person), nil
}

// KeepPairs has the peer keep the rooms of two with everybody in this home's
// rooms, so that what they say arrives, and takes note of those that the other
// side has begun.
func (c *Client) KeepPairs(ctx context.Context) error {
	people, err := c.bundles()
	if err != nil {
		return err
	}
	begun, err := c.pairs()
	if err != nil {
		return err
	}
	answer, err := ask[*wire.Rooms](ctx, c, &wire.RoomsGet{})
	if err != nil {
		return err
	}
	held := make(map[wire.ID]uint64, len(answer.Rooms))
	for _, h := range answer.Rooms {
		held[h.Room] = h.Entries
	}
	for _, person := range sortedIDs(people) {
		if person == c.me {
			continue
		}
		if err := c.keepPair(ctx, people[person], begun, held); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) keepPair(ctx context.Context, other *identity.Bundle, begun map[wire.ID]wire.ID, held map[wire.ID]uint64) error {
	root, err := rooms.NewPair(c.cfg.Identity.Public(), other.Key)
	if err != nil || begun[root.ID] == other.ID() {
		return err
	}
	entries, kept := held[root.ID]
	switch {
	case !kept:
		d, err := c.delegate(ctx, root.ID)
		if err != nil {
			return err
		}
		return c.submit(ctx, &wire.Submit{Room: root.ID, Delegation: d}, [][]byte{root.Raw}, nil)
	case entries > 1:
		if err := c.refreshRoom(ctx, root.ID); err != nil {
			return err
		}
		return c.addPair(ctx, root.ID, other.ID())
	}
	return nil
}
