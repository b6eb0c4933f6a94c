package client

import (
	"context"
	"time"

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

// A Sealing is one epoch's key that a member may lack.
type Sealing struct {
	Member, Epoch wire.ID
}

// Sealings lists the epoch keys that each other member is to be given and that
// the user could seal to them: of every epoch, or, in a room whose history
// begins at joining, of those since the member came and of the newest. rank is
// the user's place among the holders of the key, from 0, by ID: who may seal
// first.
func (c *Client) Sealings(id wire.ID) (list []Sealing, rank int, err error) {
	r, err := c.room(id)
	if err != nil || r.open {
		return nil, 0, err
	}
	r.view(func(_ *rooms.Authority, v *rooms.View) {
		if !v.Role(c.me).HoldsKey() {
			return
		}
		newest := make(map[wire.ID]bool)
		for _, e := range v.Epochs() {
			newest[e.ID] = true
		}
		for _, m := range v.Members() {
			if !m.Role.HoldsKey() || m.Bundle == nil {
				continue
			}
			if m.ID == c.me {
				continue
			}
			if m.ID.Compare(c.me) < 0 {
				rank++
			}
			for _, e := range v.AllEpochs() {
				due := v.History() == rooms.HistoryAll || newest[e.ID] || e.When().After(m.Since)
				if due && r.hasKey(e.ID) {
					list = append(list, Sealing{m.ID, e.ID})
				}
			}
		}
	})
	return list, rank, nil
}

// SealMissing seals those of want for which the peer holds no box, and submits
// the boxes. It returns how many it sealed.
func (c *Client) SealMissing(ctx context.Context, id wire.ID, want []Sealing) (sealed int, err error) {
	r, err := c.room(id)
	if err != nil {
		return 0, err
	}
	byMember := make(map[wire.ID][]wire.ID)
	for _, s := range want {
		byMember[s.Member] = append(byMember[s.Member], s.Epoch)
	}
	var boxes [][]byte
	for _, member := range sortedIDs(byMember) {
		have, err := c.boxesOf(ctx, id, member)
		if err != nil {
			return 0, err
		}
		for _, epoch := range byMember[member] {
			if have[epoch] {
				continue
			}
			raw, err := c.sealFor(r, member, epoch)
			if err != nil {
				return 0, err
			}
			if raw != nil {
				boxes = append(boxes, raw)
			}
		}
	}
	if len(boxes) == 0 {
		return 0, nil
	}
	return len(boxes), c.submit(ctx, &wire.Submit{Room: id}, nil, boxes)
}

// boxesOf returns the epochs of which the peer holds a box for member.
func (c *Client) boxesOf(ctx context.Context, id, member wire.ID) (map[wire.ID]bool, error) {
	s, err := c.request(ctx, interactive, &wire.AuthorityGet{Room: id, Recipient: member})
	if err != nil {
		return nil, err
	}
	defer s.Reset(wire.CodeOK, "")
	have := make(map[wire.ID]bool)
	for more := true; more; {
		a, err := recv[*wire.Authority](ctx, s)
		if err != nil {
			return nil, err
		}
		for _, raw := range a.Boxes {
			if b, err := rooms.ParseBox(raw); err == nil && b.Recipient == member {
				have[b.Epoch] = true
			}
		}
		more = a.More
	}
	return have, nil
}

// sealFor seals an epoch's key to a member, or returns nil if it is none any more.
func (c *Client) sealFor(r *room, member, epoch wire.ID) (raw []byte, err error) {
	r.view(func(a *rooms.Authority, v *rooms.View) {
		m, ok := v.Member(member)
		key, held := r.keys[epoch]
		e := a.Entry(epoch)
		if !ok || !m.Role.HoldsKey() || m.Bundle == nil || !held || e == nil {
			return
		}
		var b *rooms.Box
		if b, err = rooms.SealBox(c.cfg.Identity, e, member, m.Bundle.Sealing, key); err == nil {
			raw = b.Raw
		}
	})
	return raw, err
}

// Rotation reports whether the user, as one who may begin epochs, should begin
// one: somebody who is no member any more could still read, several epochs stand
// beside each other, or the newest is older than age. rank is the user's place
// among those who may, from 0: the master's, then the admins' by ID; who does it first.
func (c *Client) Rotation(id wire.ID, age time.Duration) (due bool, rank int, err error) {
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
		due = c.rotationDue(v, age)
	})
	return due, rank, nil
}

func (c *Client) rotationDue(v *rooms.View, age time.Duration) bool {
	epochs := v.Epochs()
	due := len(epochs) != 1
	for _, e := range epochs {
		due = due || len(v.Outsiders(e)) > 0 || c.cfg.Now().Sub(e.When()) > age
	}
	return due
}

// RotateDue begins a new epoch if, with what the peer has by now, one is due.
func (c *Client) RotateDue(ctx context.Context, id wire.ID, age time.Duration) (rotated bool, err error) {
	r, err := c.room(id)
	if err != nil {
		return false, err
	}
	if err := c.refreshRoom(ctx, id); err != nil {
		return false, err
	}
	err = r.exclusive(ctx, func() error {
		due := false
		r.view(func(_ *rooms.Authority, v *rooms.View) { due = c.rotationDue(v, age) })
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
