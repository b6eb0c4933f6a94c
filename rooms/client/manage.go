package client

import (
	"context"
	"fmt"

	"parley/rooms"
	"parley/wire"
)

// A Changed tells what became of a person in a room.
type Changed struct {
	Person  wire.ID
	Name    string // as to be shown
	Role    string // now; "none" after a removal
	Before  string
	Revoked int // live invites that ended with it
}

// Same reports whether nothing had to be changed.
func (c *Changed) Same() bool { return c.Role == c.Before }

// Kick removes a member: what it writes from here on does not count, and the
// room gets a key that it does not have. All live invites end. It comes back when
// an admin gives it a role, or by an invite after Unban. With ban it stays out
// until then, whatever concurrent entries say. An admin is demoted first, which
// only the master may.
func (c *Client) Kick(ctx context.Context, id, person wire.ID, ban bool) (Changed, error) {
	return c.change(ctx, id, person, func(r *room, v standing) error {
		if v.role == rooms.RoleNone && !ban || v.banned {
			if v.removed || v.banned {
				return nil
			}
			return fmt.Errorf("%w: %s", ErrNoMember, r.shown(person))
		}
		return c.stop(ctx, r, person, v, rooms.Stop{Subject: person, Ban: ban})
	})
}

// Unban lifts a removal: the person may join again, by an invite.
func (c *Client) Unban(ctx context.Context, id, person wire.ID) (Changed, error) {
	return c.change(ctx, id, person, func(r *room, v standing) error {
		if !v.removed {
			return nil
		}
		return c.write(ctx, r, rooms.KindLift, person, func(at rooms.Place, _ secret) (*rooms.Entry, error) {
			return rooms.NewLift(c.cfg.Identity, at, person)
		})
	})
}

// SetRole makes a person an admin, a member, a reader or a relay: it appoints,
// demotes, raises, lowers, or takes back in who was removed.
func (c *Client) SetRole(ctx context.Context, id, person wire.ID, name string) (Changed, error) {
	role, err := rooms.ParseRole(name)
	if err != nil || role < rooms.RoleRelay || role > rooms.RoleAdmin {
		return Changed{}, fmt.Errorf("client: %q is no role that can be given; roles are admin, member, reader and relay", name)
	}
	return c.change(ctx, id, person, func(r *room, v standing) error {
		switch {
		case role == v.role:
			return nil
		case role == rooms.RoleAdmin:
			return c.write(ctx, r, rooms.KindAppoint, person, func(at rooms.Place, _ secret) (*rooms.Entry, error) {
				return rooms.NewAppoint(c.cfg.Identity, at, person)
			})
		case role > v.role:
			return c.raise(ctx, r, person, role)
		case role == rooms.RoleMember:
			return c.demote(ctx, r, person)
		}
		return c.stop(ctx, r, person, v, rooms.Stop{Subject: person, Role: role})
	})
}

// A standing is what somebody is in a room before a change.
type standing struct {
	role            rooms.Role
	removed, banned bool
}

func (r *room) standing(person wire.ID) (s standing) {
	r.view(func(_ *rooms.Authority, v *rooms.View) {
		s.role = v.Role(person)
		for _, x := range v.Removed() {
			if x.ID == person {
				s.removed, s.banned = true, x.Ban
			}
		}
	})
	return s
}

// shown is a person's name as it is to be shown.
func (r *room) shown(person wire.ID) string { return r.c.NameOf(person, r.claim(person)) }

// change runs f and tells what it changed.
func (c *Client) change(ctx context.Context, id, person wire.ID, f func(r *room, v standing) error) (out Changed, err error) {
	err = c.manage(ctx, id, func(r *room) error {
		before := r.standing(person)
		invites := r.liveInvites()
		if err := f(r, before); err != nil {
			return err
		}
		after := r.standing(person)
		out = Changed{
			Person: person, Name: r.shown(person), Before: before.text(), Role: after.text(),
			Revoked: max(invites-r.liveInvites(), 0),
		}
		return nil
	})
	return out, err
}

// text is the role, or how the person is kept out.
func (s standing) text() string {
	switch {
	case s.banned:
		return "banned"
	case s.removed:
		return "removed"
	}
	return s.role.String()
}

func (r *room) liveInvites() (n int) {
	now := r.c.cfg.Now()
	r.view(func(_ *rooms.Authority, v *rooms.View) {
		for _, i := range v.Invites() {
			if usable(i, now) {
				n++
			}
		}
	})
	return n
}

// stop removes a person or makes it a reader or relay. Of its logs what the peer
// holds by now counts.
func (c *Client) stop(ctx context.Context, r *room, person wire.ID, v standing, stop rooms.Stop) error {
	if v.role == rooms.RoleAdmin {
		if err := c.demote(ctx, r, person); err != nil {
			return err
		}
	}
	pins, err := c.pins(ctx, r, person)
	if err != nil {
		return err
	}
	stop.Pins = pins
	return c.write(ctx, r, rooms.KindStop, person, func(at rooms.Place, fresh secret) (*rooms.Entry, error) {
		return rooms.NewStop(c.cfg.Identity, at, stop, fresh.nonce, fresh.key)
	})
}

// demote ends all of an admin's chains, each with its last entry that counts.
func (c *Client) demote(ctx context.Context, r *room, person wire.ID) error {
	var admins []rooms.Admin
	r.view(func(_ *rooms.Authority, v *rooms.View) { admins = v.Admins() })
	for _, a := range admins {
		if a.ID != person {
			continue
		}
		err := c.write(ctx, r, rooms.KindDemote, person, func(at rooms.Place, fresh secret) (*rooms.Entry, error) {
			return rooms.NewDemote(c.cfg.Identity, at, a.Appointment.ID, a.Last.ID, fresh.nonce, fresh.key)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// raise gives a person a higher role, or a role again, and the keys that go with it.
func (c *Client) raise(ctx context.Context, r *room, person wire.ID, role rooms.Role) error {
	bundle := r.bundle(person)
	if bundle == nil {
		return fmt.Errorf("%w: %s has never been in this room; invite it with: parley room invite", ErrNoMember, r.shown(person))
	}
	err := c.write(ctx, r, rooms.KindAdd, person, func(at rooms.Place, _ secret) (*rooms.Entry, error) {
		return rooms.NewAdd(c.cfg.Identity, at, bundle, role)
	})
	if err != nil {
		return err
	}
	want, _, err := c.Sealings(r.id)
	if err != nil {
		return err
	}
	var due []Sealing
	for _, s := range want {
		if s.Recipient == person {
			due = append(due, s)
		}
	}
	_, err = c.SealMissing(ctx, r.id, due)
	return err
}

// Revoke ends live invites: of the joins by them, those that are known here count.
func (c *Client) Revoke(ctx context.Context, id wire.ID, invites []wire.ID) error {
	return c.manage(ctx, id, func(r *room) error {
		return c.write(ctx, r, rooms.KindRevoke, wire.ID{}, func(at rooms.Place, _ secret) (*rooms.Entry, error) {
			return rooms.NewRevoke(c.cfg.Identity, at, invites)
		})
	})
}

// SetPolicy changes what the master decides about a room.
func (c *Client) SetPolicy(ctx context.Context, id wire.ID, change func(p *rooms.Policy)) (p rooms.Policy, err error) {
	err = c.manage(ctx, id, func(r *room) error {
		r.view(func(_ *rooms.Authority, v *rooms.View) { p = v.Policy() })
		before := p
		if change(&p); p == before {
			return nil
		}
		return c.write(ctx, r, rooms.KindPolicy, wire.ID{}, func(at rooms.Place, _ secret) (*rooms.Entry, error) {
			return rooms.NewPolicy(c.cfg.Identity, at, p)
		})
	})
	return p, err
}

// Policy is what the master decided about a room.
func (c *Client) Policy(ctx context.Context, id wire.ID) (p rooms.Policy, err error) {
	r, err := c.room(id)
	if err != nil {
		return p, err
	}
	if r.open {
		return p, fmt.Errorf("%w: it has no policy", ErrOpenRoom)
	}
	if err := c.refreshRoom(ctx, id); err != nil {
		return p, err
	}
	r.view(func(_ *rooms.Authority, v *rooms.View) { p = v.Policy() })
	return p, nil
}
