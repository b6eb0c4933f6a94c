package client

import (
	"context"
	"errors"
	"time"

	"parley/handshake/identity"
	"parley/rooms"
	"parley/wire"
)

// PublishBundle tells a room the user's name and sealing key if it knows older
// ones, and seals the epoch keys that the user holds to the new key. It reports
// whether there was anything to tell.
func (c *Client) PublishBundle(ctx context.Context, id wire.ID) (told bool, err error) {
	r, err := c.room(id)
	if err != nil || r.open {
		return false, err
	}
	if !r.bundleIsOld() {
		return false, nil
	}
	err = c.manage(ctx, id, func(r *room) error {
		if !r.bundleIsOld() {
			return nil
		}
		var renew *rooms.Entry
		var boxes [][]byte
		r.view(func(a *rooms.Authority, v *rooms.View) {
			if renew, err = rooms.NewRenew(c.cfg.Identity, a.NextBeside(c.me, c.cfg.Now())); err != nil {
				return
			}
			boxes, err = r.ownBoxes(v)
		})
		if err != nil {
			return err
		}
		if err := r.add([][]byte{renew.Raw}, nil); err != nil {
			return err
		}
		told = true
		return c.submit(ctx, &wire.Submit{Room: id}, [][]byte{renew.Raw}, boxes)
	})
	return told, err
}

// bundleIsOld reports whether the user belongs to the room and the room knows an
// older bundle of it.
func (r *room) bundleIsOld() (old bool) {
	number := r.c.cfg.Identity.Bundle().Number
	r.view(func(_ *rooms.Authority, v *rooms.View) {
		m, ok := v.Member(r.c.me)
		old = ok && (m.Bundle == nil || m.Bundle.Number < number)
	})
	return old
}

// ownBoxes seals the epoch keys that are held to the user. The caller holds mu.
func (r *room) ownBoxes(v *rooms.View) (boxes [][]byte, err error) {
	if !v.Role(r.c.me).HoldsKey() {
		return nil, nil
	}
	user := r.c.cfg.Identity
	for _, e := range v.AllEpochs() {
		key, ok := r.keys[e.ID]
		if !ok {
			continue
		}
		b, err := rooms.SealBox(user, e, r.c.me, user.Bundle().Sealing, key)
		if err != nil {
			return nil, err
		}
		boxes = append(boxes, b.Raw)
	}
	return boxes, nil
}

// RetireSealing forgets the user's older sealing keys once nothing needs them,
// and reports whether it did.
func (c *Client) RetireSealing(ctx context.Context) (retired bool, err error) {
	if c.cfg.Key == nil || len(c.cfg.Identity.Sealings()) < 2 {
		return false, nil
	}
	if needed, err := c.oldSealing(); needed || err != nil {
		return false, err
	}
	number := c.cfg.Identity.Bundle().Number
	saved, err := c.cfg.Key.Change(ctx, func(key *identity.Private) error {
		if key.Bundle().Number == number { // else renewed again meanwhile
			retired = key.Retire()
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	_, err = c.cfg.Identity.Adopt(saved)
	return retired, err
}

// oldSealing reports whether the user's older sealing keys are needed: not if
// every room has been told the present bundle for longer than oldSealingKeep, so
// that who still seals to an older one has heard of it, and the user holds all
// keys that it should. What it holds it has sealed to the present key.
func (c *Client) oldSealing() (needed bool, err error) {
	list, err := c.LocalRooms()
	if err != nil {
		return true, err
	}
	for _, local := range list {
		if local.Open {
			continue
		}
		r, err := c.room(local.ID)
		if err != nil {
			return true, err
		}
		if r.lacksKey() || r.bundleIsOld() || c.cfg.Now().Sub(r.toldAt()) < oldSealingKeep {
			return true, nil
		}
	}
	return false, nil
}

// toldAt is when, by the user's own clock, the room was told the present bundle;
// zero in a room to which the user does not belong.
func (r *room) toldAt() (at time.Time) {
	number := r.c.cfg.Identity.Bundle().Number
	r.view(func(a *rooms.Authority, v *rooms.View) {
		if v.Role(r.c.me) == rooms.RoleNone {
			return
		}
		for _, e := range a.All() {
			if b := bundleOf(e); b != nil && e.Writer == r.c.me && b.ID() == r.c.me && b.Number == number {
				at = e.When()
			}
		}
	})
	return at
}

// Reload takes over the user's key file as another process of the user has
// saved it, and reports whether it changed.
func (c *Client) Reload() (changed bool, err error) {
	if c.cfg.Key == nil {
		return false, nil
	}
	fresh, err := c.cfg.Key.Load()
	if err != nil {
		return false, err
	}
	return c.cfg.Identity.Adopt(fresh)
}

// renewed takes over the user's key file when a room shows that another process
// of the user renewed the key. It reports whether that helped.
func (r *room) renewed(newest uint64) bool {
	if newest <= r.c.cfg.Identity.Bundle().Number {
		return false
	}
	changed, err := r.c.Reload()
	if err != nil && !errors.Is(err, context.Canceled) {
		r.c.notice("your key was renewed elsewhere, and cannot be read again: %v", err)
	}
	return changed
}
