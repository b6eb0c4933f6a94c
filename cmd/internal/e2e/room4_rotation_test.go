//go:build linux

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/handshake/identity"
	"parley/rooms"
	"parley/wire"
)

func TestRoom4ARoomOfFiveHundredChangesItsKeyAndEverybodyWhoAsksGetsIt(t *testing.T) {
	const (
		members = 500
		asking  = 4 // sessions at a time
		// Between two peers: a box for each member and an entry, and as much again.
		mostBytes = 2 * members * rooms.MaxBox
	)
	s := &site{t: t, lab: New(t)}
	for _, name := range []string{"a", "b"} {
		h := s.lab.Host(name, HostOpts{})
		if s.secret == "" {
			s.secret = h.NetworkSecret()
		}
		s.daemons = append(s.daemons, h.Daemon("--network-secret-file", s.secret, "--users", "any"))
	}
	Eventually(t, findWithin, "the hosts are connected", func() error { return connected(s.daemons...) })
	s.room("ops")
	a, b := s.daemons[0], s.daemons[1]
	state, err := a.Host.info("ops")
	if err != nil {
		t.Fatal(err)
	}
	room, err := wire.ParseID(state.ID)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	crowd := &enrolled{t: t, from: s.lab.Host("crowd", HostOpts{}), network: network(t, s.secret), room: room}
	start := time.Now()
	crowd.add(ctx, a, members-state.Members)
	has := func(d *Daemon, members int) func() error {
		return func() error {
			state, err := d.Host.info("ops")
			if err == nil && state.Members != members {
				err = fmt.Errorf("%v: %d members", d, state.Members)
			}
			return err
		}
	}
	Eventually(t, findWithin, "all members on b", has(b, members))
	t.Logf("%d members were added within %v", len(crowd.members), time.Since(start))
	a.Host.MustParley("send", "ops", "before", "--replicas", "1")

	before := traffic(t, b)
	start = time.Now()
	a.Host.MustParley("room", "rotate", "ops")
	took := time.Since(start)
	a.Host.MustParley("send", "ops", "after", "--replicas", "1")
	Eventually(t, findWithin, "b reads what was written under the new key", func() error {
		all, err := b.Host.History("ops")
		if err == nil && len(texts(all, "after")) != 1 {
			err = fmt.Errorf("%d messages", len(all))
		}
		return err
	})
	all, err := b.Host.History("ops")
	if err != nil {
		t.Fatal(err)
	}
	last := all[len(all)-1]
	if last.Text != "after" || last.Epoch == all[0].Epoch {
		t.Fatalf("%+v, and before it %+v", last, all[0])
	}
	epoch, err := wire.ParseID(last.Epoch)
	if err != nil {
		t.Fatal(err)
	}
	key := epochKeys(t, b.Host)[last.Epoch]
	Eventually(t, findWithin, "b's peer has a box for everybody", func() error { return crowd.boxes(ctx, b, epoch, members) })
	reached := time.Since(start)
	cost := traffic(t, b) - before
	t.Logf("room rotate took %v; all %d boxes were on the other peer after %v, for %d bytes", took, members, reached, cost)
	if cost > mostBytes {
		t.Errorf("%d bytes between the peers, the bound is %d", cost, mostBytes)
	}

	entries, _, err := crowd.fetch(ctx, b, crowd.members[0])
	if err != nil {
		t.Fatal(err)
	}
	crowd.take(entries)
	newest := crowd.auth.Entry(epoch)
	if newest == nil {
		t.Fatalf("b's peer does not give the entry of the epoch %v", epoch)
	}
	start = time.Now()
	var wg sync.WaitGroup
	failed := make(chan error, asking)
	for part := range asking {
		wg.Go(func() {
			for i := part; i < len(crowd.members); i += asking {
				got, err := crowd.key(ctx, b, crowd.members[i], newest)
				if err == nil && got != key {
					err = fmt.Errorf("another key than b's")
				}
				if err != nil {
					failed <- fmt.Errorf("member %d: %w", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	t.Logf("%d members asked the other peer and opened their boxes within %v", len(crowd.members), time.Since(start))
}

// Enrolled are members of a room whose keys the test has: each would have a home and
// a program of its own.
type enrolled struct {
	t       *testing.T
	from    *Host
	network identity.Network
	room    wire.ID
	members []*identity.Private
	auth    *rooms.Authority // the room's entries
}

// add makes so many new users members, by entries of the room's master, whose home
// is the daemon's.
func (c *enrolled) add(ctx context.Context, d *Daemon, count int) {
	c.t.Helper()
	master, err := identity.Load(filepath.Join(d.Host.Folder("user"), "key"), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	in, err := dialAs(ctx, c.from, d, c.network, wire.RoleUser, master)
	if err != nil {
		c.t.Fatal(err)
	}
	defer in.close()
	c.auth = rooms.NewAuthority(c.room)
	err = in.ask(ctx, &wire.AuthorityGet{Room: c.room}, func(m wire.Message) bool {
		answer := m.(*wire.Authority)
		for _, raw := range answer.Entries {
			c.take([][]byte{raw})
		}
		return answer.More
	})
	if err != nil {
		c.t.Fatal(err)
	}
	var entries wire.List[wire.Bytes]
	size := 0
	submit := func() {
		if err := in.ask(ctx, &wire.Submit{Room: c.room, Entries: entries}, func(wire.Message) bool { return false }); err != nil {
			c.t.Fatal(err)
		}
		entries, size = nil, 0
	}
	for i := range count {
		user, err := identity.Generate(identity.Ed25519, fmt.Sprintf("member %d", i))
		if err != nil {
			c.t.Fatal(err)
		}
		at, err := c.auth.NextOnChain(master.ID(), time.Now())
		if err != nil {
			c.t.Fatal(err)
		}
		entry, err := rooms.NewAdd(master, at, user.Bundle(), rooms.RoleMember)
		if err != nil {
			c.t.Fatal(err)
		}
		c.take([][]byte{entry.Raw})
		c.members = append(c.members, user)
		if entries, size = append(entries, entry.Raw), size+len(entry.Raw); size > 512<<10 {
			submit()
		}
	}
	submit()
}

// take holds entries.
func (c *enrolled) take(raws [][]byte) {
	c.t.Helper()
	for _, raw := range raws {
		entry, err := rooms.ParseEntry(raw)
		if err != nil {
			c.t.Fatal(err)
		}
		if _, _, err := c.auth.Add(entry); err != nil {
			c.t.Fatal(err)
		}
	}
}

// enter connects as a member that has its peer at the daemon.
func (c *enrolled) enter(ctx context.Context, d *Daemon, member *identity.Private) (*insider, error) {
	peer, err := wire.ParseID(d.ID)
	if err != nil {
		return nil, err
	}
	in, err := dialAs(ctx, c.from, d, c.network, wire.RoleUser, member)
	if err != nil {
		return nil, err
	}
	delegation, err := rooms.NewDelegation(member, c.room, peer, 1)
	if err == nil {
		err = in.ask(ctx, &wire.Submit{Room: c.room, Delegation: delegation.Raw}, func(wire.Message) bool { return false })
	}
	if err != nil {
		in.close()
		return nil, err
	}
	return in, nil
}

// boxes is nil when the daemon's peer holds a box of the epoch for every member.
func (c *enrolled) boxes(ctx context.Context, d *Daemon, epoch wire.ID, members int) error {
	in, err := c.enter(ctx, d, c.members[0])
	if err != nil {
		return err
	}
	defer in.close()
	var to []wire.ID
	err = in.ask(ctx, &wire.SealedGet{Room: c.room, Epoch: epoch}, func(m wire.Message) bool {
		answer := m.(*wire.Sealed)
		to = append(to, answer.Recipients...)
		return answer.More
	})
	if err != nil {
		return err
	}
	for i, m := range c.members {
		if !slices.Contains(to, m.ID()) {
			return fmt.Errorf("of %d boxes none is for member %d", len(to), i)
		}
	}
	if len(to) < members {
		return fmt.Errorf("%d boxes for %d members", len(to), members)
	}
	return nil
}

// fetch gets the room's entries from the daemon's peer as a member's program that
// has none of them, and the boxes sealed to the member.
func (c *enrolled) fetch(ctx context.Context, d *Daemon, member *identity.Private) (entries, boxes [][]byte, err error) {
	in, err := c.enter(ctx, d, member)
	if err != nil {
		return nil, nil, err
	}
	defer in.close()
	err = in.ask(ctx, &wire.AuthorityGet{Room: c.room}, func(m wire.Message) bool {
		answer := m.(*wire.Authority)
		for _, raw := range answer.Entries {
			entries = append(entries, raw)
		}
		for _, raw := range answer.Boxes {
			boxes = append(boxes, raw)
		}
		return answer.More
	})
	return entries, boxes, err
}

// key is an epoch's key as a member gets it from the daemon's peer.
func (c *enrolled) key(ctx context.Context, d *Daemon, member *identity.Private, epoch *rooms.Entry) (key [32]byte, err error) {
	entries, boxes, err := c.fetch(ctx, d, member)
	if err != nil {
		return key, err
	}
	if !slices.ContainsFunc(entries, func(raw []byte) bool { return bytes.Equal(raw, epoch.Raw) }) {
		return key, fmt.Errorf("the epoch's entry is not among the %d that came", len(entries))
	}
	for _, raw := range boxes {
		box, err := rooms.ParseBox(raw)
		if err != nil {
			return key, err
		}
		if box.Epoch == epoch.ID && box.Recipient == member.ID() {
			return box.Open(epoch, member.Bundle().Sealing, member.OpenSealed)
		}
	}
	return key, fmt.Errorf("no box of the epoch is among the %d that came", len(boxes))
}
