package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/rooms"
	"parley/wire"
)

// CreateRoom founds a room: genesis, first epoch, the founder's own box and
// delegation. It returns when all of it is durable on the peer.
func (c *Client) CreateRoom(ctx context.Context, opts CreateOptions) (Room, error) {
	if err := checkName(opts.Name); err != nil {
		return Room{}, err
	}
	if len(opts.Topic) > rooms.MaxTopic {
		return Room{}, fmt.Errorf("%w: a topic has at most %d bytes", ErrTooLarge, rooms.MaxTopic)
	}
	history := rooms.HistoryAll
	if opts.JoinedOnly {
		history = rooms.HistoryJoined
	}
	if _, err := c.connect(ctx); err != nil {
		return Room{}, err
	}
	genesis, err := rooms.NewGenesis(c.cfg.Identity, rooms.Genesis{
		Nonce: nonce(), Name: opts.Name, Topic: opts.Topic, History: history, Capacity: opts.Capacity,
	}, rooms.Place{Time: c.cfg.Now()})
	if err != nil {
		return Room{}, err
	}
	r, err := c.room(genesis.ID)
	if err != nil {
		return Room{}, err
	}
	room, err := c.found(ctx, r, genesis, opts.Name)
	if err != nil {
		c.forget(r.id) // nobody has heard of it
		return Room{}, errors.Join(err, r.removeFolder())
	}
	return room, nil
}

func (c *Client) found(ctx context.Context, r *room, genesis *rooms.Entry, name string) (Room, error) {
	if err := r.add([][]byte{genesis.Raw}, nil); err != nil {
		return Room{}, err
	}
	epoch, boxes, err := c.newEpoch(ctx, r)
	if err != nil {
		return Room{}, err
	}
	d, err := c.delegate(ctx, r.id)
	if err != nil {
		return Room{}, err
	}
	sub := &wire.Submit{Room: r.id, Delegation: d}
	if err := c.submit(ctx, sub, [][]byte{genesis.Raw, epoch.Raw}, boxes); err != nil {
		return Room{}, err
	}
	return c.nameRoom(ctx, r.id, name)
}

func nonce() []byte {
	b := make([]byte, 16)
	rand.Read(b) // never fails: crypto/rand ends the program instead
	return b
}

// newEpoch begins an epoch, which the user must be master or admin for: a fresh
// key, kept here, and sealed to everybody who is to have it. It is submitted by the caller.
func (c *Client) newEpoch(ctx context.Context, r *room) (entry *rooms.Entry, boxes [][]byte, err error) {
	pins, err := c.unpinned(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	return c.sign(r, rooms.KindEpoch, wire.ID{}, func(at rooms.Place, fresh secret) (*rooms.Entry, error) {
		return rooms.NewEpoch(c.cfg.Identity, at, fresh.nonce, fresh.key, pins...)
	})
}

// sealAll seals a new epoch's key to everybody who is to have it, on all cores.
func (c *Client) sealAll(r *room, epoch *rooms.Entry, key epochKey) ([][]byte, error) {
	to := c.recipients(r)
	boxes := make([][]byte, len(to))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range to {
		g.Go(func() error {
			b, err := rooms.SealBox(c.cfg.Identity, epoch, to[i].id, to[i].sealing, key)
			if err == nil {
				boxes[i] = b.Raw
			}
			return err
		})
	}
	return boxes, g.Wait()
}

// A recipient is who an epoch's key is sealed to.
type recipient struct {
	id      wire.ID
	sealing []byte
}

// recipients are the members who hold the key, and the live invites to become one.
func (c *Client) recipients(r *room) (list []recipient) {
	now := c.cfg.Now()
	var untold []wire.ID // in a room of two: whose sealing key only other rooms know
	r.view(func(_ *rooms.Authority, v *rooms.View) {
		for _, m := range v.Members() {
			switch {
			case !m.Role.HoldsKey():
			case m.Bundle == nil:
				untold = append(untold, m.ID)
			default:
				list = append(list, recipient{m.ID, m.Bundle.Sealing})
			}
		}
		for _, i := range v.Invites() {
			if i.Role.HoldsKey() && usable(i, now) {
				list = append(list, recipient{i.LinkID(), i.LinkSealing})
			}
		}
	})
	for _, id := range untold {
		if b := c.bundle(id); b != nil {
			list = append(list, recipient{id, b.Sealing})
		}
	}
	return list
}

// Invite makes a link by which others join.
func (c *Client) Invite(ctx context.Context, id wire.ID, opts InviteOptions) (Invitation, error) {
	if opts.Uses == 0 {
		opts.Uses = 1
	}
	if opts.Expires == 0 {
		opts.Expires = 24 * time.Hour
	}
	if opts.Role == "" {
		opts.Role = rooms.RoleMember.String()
	}
	role, err := rooms.ParseRole(opts.Role)
	if err != nil || role < rooms.RoleRelay || role > rooms.RoleMember {
		return Invitation{}, fmt.Errorf("client: a link makes a member, a reader or a relay, not a %q", opts.Role)
	}
	r, err := c.room(id)
	if err != nil {
		return Invitation{}, err
	}
	if r.open {
		return Invitation{}, errors.New("client: an open room needs no invite: everybody of the network is in it")
	}
	if err := c.refreshRoom(ctx, id); err != nil {
		return Invitation{}, err
	}
	if len(opts.Addresses) == 0 {
		status, err := c.Status(ctx)
		if err != nil {
			return Invitation{}, err
		}
		opts.Addresses = status.Addresses
	}
	opts.Addresses = opts.Addresses[:min(len(opts.Addresses), maxAddresses)]
	var inv Invitation
	err = r.exclusive(ctx, func() error {
		inv, err = c.invite(ctx, r, role, opts)
		return err
	})
	return inv, err
}

func (c *Client) invite(ctx context.Context, r *room, role rooms.Role, opts InviteOptions) (Invitation, error) {
	var entries, boxes [][]byte
	var history rooms.History
	r.view(func(_ *rooms.Authority, v *rooms.View) { history = v.History() })
	if history == rooms.HistoryJoined && role.HoldsKey() {
		// The newcomer reads from here on: under a key that seals nothing older.
		epoch, sealed, err := c.newEpoch(ctx, r)
		if err != nil {
			return Invitation{}, err
		}
		entries, boxes = append(entries, epoch.Raw), sealed
	}
	link, err := rooms.NewLink(r.id, c.cfg.Network.Name, opts.Addresses)
	if err != nil {
		return Invitation{}, err
	}
	expires := c.cfg.Now().Add(opts.Expires).Truncate(time.Second)
	entry, _, err := c.sign(r, rooms.KindInvite, wire.ID{}, func(at rooms.Place, _ secret) (*rooms.Entry, error) {
		return rooms.NewInvite(c.cfg.Identity, at, link, uint64(max(opts.Uses, 0)), expires, role)
	})
	if err != nil {
		return Invitation{}, err
	}
	sealed, err := c.sealLink(r, entry, history)
	if err != nil {
		return Invitation{}, err
	}
	if err := c.submit(ctx, &wire.Submit{Room: r.id}, append(entries, entry.Raw), append(boxes, sealed...)); err != nil {
		return Invitation{}, err
	}
	return Invitation{Link: link.Text(), Entry: entry.ID, Uses: opts.Uses, Expires: expires, Role: role.String()}, nil
}

// sealLink seals to an invite's link the keys that its joiners are given: all
// that the user holds, or the newest.
func (c *Client) sealLink(r *room, invite *rooms.Entry, history rooms.History) (boxes [][]byte, err error) {
	body := invite.Invite()
	if !body.Role.HoldsKey() {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.auth.Now()
	epochs := v.AllEpochs()
	if history == rooms.HistoryJoined {
		epochs = v.Epochs()
	}
	for _, e := range epochs {
		key, ok := r.keys[e.ID]
		if !ok {
			continue
		}
		b, err := rooms.SealBox(c.cfg.Identity, e, body.LinkID(), body.LinkSealing, key)
		if err != nil {
			return nil, err
		}
		boxes = append(boxes, b.Raw)
	}
	return boxes, nil
}

// Rotate begins a new epoch, sealed to every member and live invite. The user
// must be master or admin.
func (c *Client) Rotate(ctx context.Context, id wire.ID) error {
	return c.manage(ctx, id, func(r *room) (err error) {
		if r.view(func(*rooms.Authority, *rooms.View) { err = r.may(rooms.KindEpoch, wire.ID{}) }); err != nil {
			return err // before the peer is asked for what only a member is told
		}
		return c.beginEpoch(ctx, r)
	})
}

func (c *Client) beginEpoch(ctx context.Context, r *room) error {
	epoch, boxes, err := c.newEpoch(ctx, r)
	if err != nil {
		return err
	}
	return c.submit(ctx, &wire.Submit{Room: r.id}, [][]byte{epoch.Raw}, boxes)
}

// Leave ends the user's membership and forgets the room here. The master
// cannot leave.
func (c *Client) Leave(ctx context.Context, id wire.ID) error {
	r, err := c.room(id)
	if err != nil {
		return err
	}
	if r.open {
		return errors.New("client: an open room has no members: there is nothing to leave")
	}
	if err := c.refreshRoom(ctx, id); err != nil {
		return err
	}
	var role rooms.Role
	r.view(func(_ *rooms.Authority, v *rooms.View) { role = v.Role(c.me) })
	switch role {
	case rooms.RoleMaster:
		return rooms.ReasonMasterLeaves
	case rooms.RoleNone:
		return c.drop(ctx, r) // left or never in: only this home still names it
	}
	// What is not acknowledged yet is part of what the leave names. Who may not
	// write has nothing of the kind.
	if role.MayWrite() {
		w := newWriter(c, r, interactive, nil)
		w.anyway = true // nothing new is written
		if err := w.window(ctx); err != nil {
			return err
		}
	}
	pins, err := c.pins(ctx, r, c.me)
	if err != nil {
		return err
	}
	var leave *rooms.Entry
	r.view(func(a *rooms.Authority, _ *rooms.View) {
		leave, err = rooms.NewLeave(c.cfg.Identity, a.NextBeside(c.me, c.cfg.Now()), pins)
	})
	if err != nil {
		return err
	}
	if err := c.submit(ctx, &wire.Submit{Room: id}, [][]byte{leave.Raw}, nil); err != nil {
		return err
	}
	spread := c.spread(ctx, id, leaveSpread)
	if !spread {
		c.notice("no other peer has heard yet that you left: this one keeps the room until it has told one")
	}
	_, err = ask[*wire.Done](ctx, c, &wire.RoomDetach{Room: id, Forget: spread})
	if err != nil && codeOf(err) != wire.CodeNotFound {
		return err
	}
	return c.drop(ctx, r)
}

// drop takes a room out of the user's folder.
func (c *Client) drop(ctx context.Context, r *room) error {
	err := changeNames(ctx, c.namesPath(), func(names map[wire.ID]string) error {
		delete(names, r.id)
		return nil
	})
	c.forget(r.id)
	return errors.Join(err, r.removeFolder())
}

// spread waits a little for another peer to have what this one has of a room.
func (c *Client) spread(ctx context.Context, id wire.ID, wait time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	s, err := c.request(ctx, interactive, &wire.RoomWatch{Room: id})
	if err != nil {
		return false
	}
	defer s.Reset(wire.CodeOK, "")
	for {
		p, err := recv[*wire.RoomProgress](ctx, s)
		if err != nil {
			return false
		}
		if p.InStep > 0 {
			return true
		}
	}
}

func sameNetwork(link, home string) error {
	if link == home {
		return nil
	}
	return fmt.Errorf("client: the link is of the network %q, and this home belongs to %q", link, home)
}
