package client

import (
	"context"

	"parley/rooms"
	"parley/wire"
)

// A Sealing is one epoch's key that a recipient may lack: a member, or whoever
// joins by the link of a live invite.
type Sealing struct {
	Recipient, Epoch wire.ID
}

// Sealings lists the epoch keys that each recipient but the user is to be given
// and that the user could seal to them (keysOf). rank is the user's place among
// the holders of the key, from 0, by ID: who may seal first.
func (c *Client) Sealings(id wire.ID) (list []Sealing, rank int, err error) {
	r, err := c.room(id)
	if err != nil || r.open {
		return nil, 0, err
	}
	r.view(func(_ *rooms.Authority, v *rooms.View) {
		if !v.Role(c.me).HoldsKey() {
			return
		}
		for _, m := range v.Members() {
			switch {
			case !m.Role.HoldsKey() || m.ID == c.me:
				continue
			case m.ID.Compare(c.me) < 0:
				rank++
			}
			for _, e := range keysOf(v, &m) {
				if r.hasKey(e.ID) {
					list = append(list, Sealing{m.ID, e.ID})
				}
			}
		}
		for _, i := range v.Invites() {
			if !i.Role.HoldsKey() || !usable(i, c.cfg.Now()) {
				continue
			}
			for _, e := range keysOf(v, nil) {
				if r.hasKey(e.ID) {
					list = append(list, Sealing{i.LinkID(), e.ID})
				}
			}
		}
	})
	return list, rank, nil
}

// keysOf are the epochs whose keys a member is to have, or who comes next (nil):
// every one, or, in a room whose history begins at joining, the newest and those
// since it came.
func keysOf(v *rooms.View, m *rooms.Member) []*rooms.Entry {
	if v.History() == rooms.HistoryAll {
		return v.AllEpochs()
	}
	newest := v.Epochs()
	if m == nil {
		return newest
	}
	due := make(map[wire.ID]bool)
	for _, e := range newest {
		due[e.ID] = true
	}
	var list []*rooms.Entry
	for _, e := range v.AllEpochs() {
		if due[e.ID] || e.When().After(m.Since) {
			list = append(list, e)
		}
	}
	return list
}

// SealMissing seals those of want for which the peer holds no box, and submits
// the boxes. It returns how many it sealed.
func (c *Client) SealMissing(ctx context.Context, id wire.ID, want []Sealing) (sealed int, err error) {
	r, err := c.room(id)
	if err != nil {
		return 0, err
	}
	byEpoch := make(map[wire.ID][]wire.ID)
	for _, s := range want {
		byEpoch[s.Epoch] = append(byEpoch[s.Epoch], s.Recipient)
	}
	sealing := make(map[wire.ID][]byte) // of those who are recipients still
	for _, to := range c.recipients(r) {
		sealing[to.id] = to.sealing
	}
	var boxes [][]byte
	for _, epoch := range sortedIDs(byEpoch) {
		have, err := c.sealedTo(ctx, id, epoch)
		if err != nil {
			return 0, err
		}
		for _, recipient := range byEpoch[epoch] {
			if have[recipient] || sealing[recipient] == nil {
				continue
			}
			raw, err := r.sealFor(recipient, epoch, sealing[recipient])
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

// sealedTo returns for whom the peer holds a box of an epoch.
func (c *Client) sealedTo(ctx context.Context, id, epoch wire.ID) (map[wire.ID]bool, error) {
	s, err := c.request(ctx, interactive, &wire.SealedGet{Room: id, Epoch: epoch})
	if err != nil {
		return nil, err
	}
	defer s.Reset(wire.CodeOK, "")
	have := make(map[wire.ID]bool)
	for more := true; more; {
		a, err := recv[*wire.Sealed](ctx, s)
		if err != nil {
			return nil, err
		}
		for _, recipient := range a.Recipients {
			have[recipient] = true
		}
		more = a.More
	}
	return have, nil
}

// sealFor seals an epoch's key, or returns nil if it is not held.
func (r *room) sealFor(to, epoch wire.ID, sealing []byte) (raw []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key, held := r.keys[epoch]
	e := r.auth.Entry(epoch)
	if !held || e == nil {
		return nil, nil
	}
	b, err := rooms.SealBox(r.c.cfg.Identity, e, to, sealing, key)
	if err != nil {
		return nil, err
	}
	return b.Raw, nil
}
