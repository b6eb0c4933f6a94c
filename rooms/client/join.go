package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley/handshake/identity"
	"parley/rooms"
	"parley/wire"
)

// Join takes an invite link: the peer finds the room under the link's own
// delegation, the keys are taken out of the boxes sealed to the link, and the
// join entry makes the user a member. Unless opts.NoWait it then waits for the
// first sync. Joining a room again by any link only waits.
func (c *Client) Join(ctx context.Context, text string, opts JoinOptions) (Room, error) {
	link, err := rooms.ParseLink(text)
	if err != nil {
		return Room{}, err
	}
	if err := sameNetwork(link.Network, c.cfg.Network.Name); err != nil {
		return Room{}, err
	}
	if opts.Name != "" {
		if err := checkName(opts.Name); err != nil {
			return Room{}, err
		}
	}
	r, err := c.room(link.Room)
	if err != nil {
		return Room{}, err
	}
	room, err := c.localRoom(link.Room)
	if err == nil { // the user may have been put out since
		if err := c.refreshRoom(ctx, link.Room); err != nil && codeOf(err) == wire.CodeOK {
			return Room{}, err
		}
	}
	if in := r.standing(c.me).role != rooms.RoleNone; err != nil || !in {
		if err == nil { // it was in, and was put out
			if err := r.deadLink(link); err != nil {
				return Room{}, err
			}
			if err := c.forgetAtPeer(ctx, r.id); err != nil {
				return Room{}, err
			}
		}
		if room, err = c.join(ctx, r, link, &opts); err != nil {
			return Room{}, err
		}
	}
	if opts.NoWait {
		return room, nil
	}
	return room, c.firstSync(ctx, link.Room, opts)
}

func (c *Client) join(ctx context.Context, r *room, link *rooms.Link, opts *JoinOptions) (Room, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return Room{}, err
	}
	d, err := rooms.NewLinkDelegation(link, conn.peer, c.serial())
	if err != nil {
		return Room{}, err
	}
	if _, err := ask[*wire.Done](ctx, c, &wire.Submit{Room: r.id, Delegation: d.Raw, Addresses: link.Addresses}); err != nil {
		return Room{}, err
	}
	invite, held, err := c.fetchByLink(ctx, r, link, opts.Timeout)
	if err != nil {
		return Room{}, err
	}
	opts.held = held
	if err := c.becomeMember(ctx, r, link, invite); err != nil {
		return Room{}, err
	}
	name := opts.Name
	if name == "" {
		r.view(func(_ *rooms.Authority, v *rooms.View) { name = v.Name() })
	}
	if err := r.saveAddresses(link.Addresses); err != nil {
		return Room{}, err
	}
	return c.nameRoom(ctx, r.id, name)
}

// deadLink says why a link takes nobody in, by the entries that are held: the
// peers that have the room tell the holder of such a link nothing.
func (r *room) deadLink(link *rooms.Link) (err error) {
	keys, err := link.Keys()
	if err != nil {
		return err
	}
	linkKey := identity.KeyID(keys.Sign.Public())
	r.view(func(a *rooms.Authority, v *rooms.View) {
		for _, e := range a.All() {
			i := e.Invite()
			if i == nil || identity.KeyID(i.LinkKey) != linkKey {
				continue
			}
			if !slices.ContainsFunc(v.Invites(), func(live rooms.InviteView) bool { return live.Entry.ID == e.ID }) {
				err = rooms.ReasonInviteRevoked
			}
		}
	})
	return err
}

// forgetAtPeer lets the peer forget a room that the user was removed from, so
// that it is found anew by a link: all that counts of it other peers have.
func (c *Client) forgetAtPeer(ctx context.Context, id wire.ID) error {
	_, err := ask[*wire.Done](ctx, c, &wire.RoomDetach{Room: id, Forget: true})
	if codeOf(err) == wire.CodeNotFound {
		return nil
	}
	return err
}

// fetchByLink follows the room's entries and the link's boxes until it can be
// joined, and returns the invite; held says that the peer had it at once.
func (c *Client) fetchByLink(ctx context.Context, r *room, link *rooms.Link, patience time.Duration) (_ *rooms.Entry, held bool, _ error) {
	keys, err := link.Keys()
	if err != nil {
		return nil, false, err
	}
	linkKey := identity.KeyID(keys.Sign.Public())
	at := (&rooms.Invite{LinkSealing: keys.Seal.Public()}).LinkID()
	s, err := c.request(ctx, interactive, &wire.AuthorityGet{Room: r.id, Recipient: at, Follow: true})
	if err != nil {
		return nil, false, err
	}
	defer s.Reset(wire.CodeOK, "")
	frames := make(chan *wire.Authority)
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	defer func() { cancel(); <-done }()
	go func() {
		defer close(done)
		for {
			a, err := recv[*wire.Authority](ctx, s)
			if err != nil {
				ended <- err
				return
			}
			select {
			case frames <- a:
			case <-ctx.Done():
				return
			}
		}
	}()
	var boxes [][]byte // of epochs not held yet
	var last, grace <-chan time.Time
	for first := true; ; first = false {
		if patience > 0 {
			last = time.After(patience)
		}
		select {
		case a := <-frames:
			if err := r.add(raws(a.Entries), nil); err != nil {
				return nil, false, err
			}
			if boxes, err = r.openLinkBoxes(append(boxes, raws(a.Boxes)...), at, keys.Seal); err != nil {
				return nil, false, err
			}
		case err := <-ended:
			return nil, false, err
		case <-last:
			return nil, false, fmt.Errorf("%w: no peer that has the room answers", ErrNoProgress)
		case <-grace:
			return r.inviteOf(linkKey), held, nil
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
		held = held || first && r.inviteOf(linkKey) != nil
		switch invite, newest, all := r.joinable(linkKey); {
		case invite != nil && all:
			return invite, held, nil
		case invite != nil && newest && grace == nil:
			grace = time.After(joinBoxes)
		}
	}
}

// openLinkBoxes takes keys out of boxes sealed to a link. It returns the boxes
// whose epoch is not held yet.
func (r *room) openLinkBoxes(boxes [][]byte, at wire.ID, key *identity.SealingKey) (wait [][]byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := make(map[wire.ID]epochKey)
	for _, raw := range boxes {
		b, err := rooms.ParseBox(raw)
		if err != nil || b.Room != r.id || b.Recipient != at {
			continue
		}
		epoch := r.auth.Entry(b.Epoch)
		if epoch == nil {
			if len(wait) < maxEpochKeys {
				wait = append(wait, raw)
			}
			continue
		}
		k, err := b.Open(epoch, key.Public(), key.Open)
		if err != nil {
			r.c.cfg.Logger.Warn("box does not open", "room", r.id, "epoch", b.Epoch, "error", err)
			continue
		}
		found[b.Epoch] = k
	}
	return wait, r.keep(found)
}

// inviteOf returns the invite of a link's signing key, or nil.
func (r *room) inviteOf(linkKey wire.ID) (invite *rooms.Entry) {
	r.view(func(_ *rooms.Authority, v *rooms.View) {
		for _, i := range v.Invites() {
			if identity.KeyID(i.LinkKey) == linkKey {
				invite = i.Entry
			}
		}
	})
	return invite
}

// joinable returns the invite of a link's signing key, or nil while it is not
// held, and which keys are held: a newest one, and all that the invite gives.
func (r *room) joinable(linkKey wire.ID) (invite *rooms.Entry, newest, all bool) {
	invite = r.inviteOf(linkKey)
	if invite == nil {
		return nil, false, false
	}
	if !invite.Invite().Role.HoldsKey() {
		return invite, true, true
	}
	r.view(func(_ *rooms.Authority, v *rooms.View) {
		newest = slices.ContainsFunc(v.Epochs(), func(e *rooms.Entry) bool { return r.hasKey(e.ID) })
		all = newest
		for _, e := range v.AllEpochs() {
			if v.History() == rooms.HistoryAll && !r.hasKey(e.ID) {
				all = false
			}
		}
	})
	return invite, newest, all
}

// becomeMember signs and submits the join, with the user's delegation and its
// own boxes, so that the user needs the link no more.
func (c *Client) becomeMember(ctx context.Context, r *room, link *rooms.Link, invite *rooms.Entry) error {
	var join *rooms.Entry
	var boxes [][]byte
	var err error
	r.view(func(a *rooms.Authority, v *rooms.View) {
		if v.Role(c.me) != rooms.RoleNone {
			return // the entry reached the peer before, the answer did not reach us
		}
		if invite.Invite().Expired(c.cfg.Now()) {
			err = &wire.Error{Code: wire.CodeExpired, Text: "the invite is past its time; ask for a new link"}
			return
		}
		if join, err = rooms.NewJoin(c.cfg.Identity, a.NextBeside(c.me, c.cfg.Now()), link, invite.ID, nonce()); err != nil {
			return
		}
		if !invite.Invite().Role.HoldsKey() {
			return
		}
		for _, e := range v.AllEpochs() {
			key, ok := r.keys[e.ID]
			if !ok {
				continue
			}
			var b *rooms.Box
			if b, err = rooms.SealBox(c.cfg.Identity, e, c.me, c.cfg.Identity.Bundle().Sealing, key); err != nil {
				return
			}
			boxes = append(boxes, b.Raw)
		}
	})
	if err != nil {
		return err
	}
	if join == nil {
		return c.attach(ctx, r)
	}
	d, err := c.delegate(ctx, r.id)
	if err != nil {
		return err
	}
	asMember := func(entries ...[]byte) error {
		return c.submit(ctx, &wire.Submit{Room: r.id, Delegation: d, Join: join.Raw, Addresses: link.Addresses}, entries, boxes)
	}
	err = asMember(join.Raw)
	if codeOf(err) == wire.CodePending {
		// Who was in the room before knows entries that the peer, which has forgotten the room for this join, has not got again yet.
		err = asMember(append(r.entries(), join.Raw)...)
	}
	if codeOf(err) == wire.CodeRevoked {
		return rooms.ReasonInviteRevoked // in between: the code alone would be a token's
	}
	if err != nil {
		return err
	}
	return r.add([][]byte{join.Raw}, nil)
}

// firstSync waits until the peer has what the others have of a room.
func (c *Client) firstSync(ctx context.Context, id wire.ID, opts JoinOptions) error {
	s, err := c.request(ctx, interactive, &wire.RoomWatch{Room: id})
	if err != nil {
		return err
	}
	defer s.Reset(wire.CodeOK, "")
	alone := c.cfg.Now()
	if !opts.held { // else nobody else need be there
		alone = alone.Add(joinPeers)
	}
	var last wire.RoomProgress // a report that says nothing new is no progress
	moved := time.Now()
	for seen := false; ; {
		wait := opts.Timeout
		if !seen {
			wait = joinPeers
		} else if wait > 0 {
			wait = max(wait-time.Since(moved), 1)
		}
		p, err := c.progress(ctx, s, wait)
		switch {
		case errors.Is(err, ErrNoProgress) && !seen:
			c.notice("no peer that has the room is connected; its history comes when one is")
			return nil
		case err != nil:
			return err
		}
		if *p != last {
			last, moved = *p, time.Now()
		}
		seen = seen || p.Peers > 0 || c.cfg.Now().After(alone)
		now := Progress{
			Messages: p.Messages, Missing: p.Missing, Peers: p.Peers,
			Done: p.Missing == 0 && (p.InStep > 0 || opts.held && p.Peers == 0),
		}
		if opts.Progress != nil {
			opts.Progress(now)
		}
		if now.Done {
			return nil
		}
	}
}

// progress takes the next report; ErrNoProgress after wait (0: never).
func (c *Client) progress(ctx context.Context, s stream, wait time.Duration) (*wire.RoomProgress, error) {
	if wait == 0 {
		return recv[*wire.RoomProgress](ctx, s)
	}
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	p, err := recv[*wire.RoomProgress](limited, s)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		err = ErrNoProgress
	}
	return p, err
}
