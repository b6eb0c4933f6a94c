package client

import (
	"context"

	"parley/rooms"
	"parley/wire"
)

// Follow keeps a room's entries and keys up to date with the peer's, and calls
// changed at first and after each change, until ctx or the session ends. It
// returns an error in any case; cut off ones may be tried again (CutOff).
func (c *Client) Follow(ctx context.Context, id wire.ID, changed func(ctx context.Context) error) error {
	r, err := c.room(id)
	if err != nil {
		return err
	}
	if err := c.refreshRoom(ctx, id); err != nil {
		return err
	}
	known := r.digest()
	if r.lacksKey() {
		known = nil // its box may have come since
	}
	s, err := c.request(ctx, interactive, &wire.AuthorityGet{Room: id, Known: known, Follow: true})
	if err != nil {
		return err
	}
	defer s.Reset(wire.CodeOK, "")
	for {
		a, err := recv[*wire.Authority](ctx, s)
		if err != nil {
			return err
		}
		if err := r.add(raws(a.Entries), raws(a.Boxes)); err != nil {
			return err
		}
		if a.More {
			continue
		}
		if err := changed(ctx); err != nil {
			return err
		}
	}
}

// CutOff reports whether an error means that the session ended under a
// request, or that no daemon answers: the same may succeed later.
func CutOff(err error) bool {
	return cutOff(err) || codeOf(err) == wire.CodeShutdown
}

// Rotation reports whether the user, as one who may begin epochs, should begin
// one: somebody who is no member any more could still read, several epochs stand
// beside each other, or the newest is older than the room's policy allows. rank is the user's place
// among those who may, from 0: the master's, then the admins' by ID; who does it first.
func (c *Client) Rotation(id wire.ID) (due bool, rank int, err error) {
	r, err := c.room(id)
	if err != nil || r.open {
		return false, 0, err
	}
	if !r.mayRotate() {
		return false, 0, nil
	}
	r.view(func(_ *rooms.Authority, v *rooms.View) {
		for _, m := range v.Members() {
			own := v.Role(c.me)
			if m.ID != c.me && (m.Role > own || m.Role == own && m.ID.Compare(c.me) < 0) {
				rank++
			}
		}
		due = c.rotationDue(v)
	})
	return due, rank, nil
}

func (c *Client) rotationDue(v *rooms.View) bool {
	age := v.Policy().EpochAge
	epochs := v.Epochs()
	due := len(epochs) != 1
	for _, e := range epochs {
		due = due || len(v.Outsiders(e)) > 0 || age > 0 && c.cfg.Now().Sub(e.When()) > age
	}
	return due
}

// RotateDue begins a new epoch if, with what the peer has by now, one is due.
func (c *Client) RotateDue(ctx context.Context, id wire.ID) (rotated bool, err error) {
	r, err := c.room(id)
	if err != nil {
		return false, err
	}
	if err := c.refreshRoom(ctx, id); err != nil {
		return false, err
	}
	err = r.exclusive(ctx, func() error {
		due := false
		r.view(func(_ *rooms.Authority, v *rooms.View) { due = c.rotationDue(v) })
		if !due {
			return nil
		}
		rotated = true
		return c.beginEpoch(ctx, r)
	})
	return rotated && err == nil, err
}

// Attach renews the delegation by which the peer keeps a room for the user.
func (c *Client) Attach(ctx context.Context, id wire.ID) error {
	r, err := c.room(id)
	if err != nil {
		return err
	}
	return c.attach(ctx, r)
}
