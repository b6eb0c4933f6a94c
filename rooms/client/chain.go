package client

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"parley/rooms"
	"parley/wire"
)

// A Denied error says that the rules of a room do not let the user do something,
// and who may.
type Denied struct {
	Why rooms.Reason
	Who string   // who may, and what
	Ask []string // who may, as they are shown; a few of them

	is error // the sentinel that it is, or nil
}

// Error implements error.
func (d *Denied) Error() string {
	text := d.Who
	if text == "" {
		text = d.Why.String()
	}
	if len(d.Ask) > 0 {
		text += ": ask " + strings.Join(d.Ask, ", ")
	}
	return text
}

// Unwrap gives the reason, and ErrNotMember or ErrReadOnly where it is one.
func (d *Denied) Unwrap() []error {
	if d.is == nil {
		return []error{d.Why}
	}
	return []error{d.Why, d.is}
}

// mayNotWrite says why the user of this role does not write, and who can change
// that. The caller holds mu.
func (r *room) mayNotWrite(role rooms.Role) error {
	d := &Denied{Why: rooms.ReasonNotMember, Who: "you are not a member of this room", is: ErrNotMember}
	switch role {
	case rooms.RoleNone:
		for _, x := range r.auth.Now().Removed() {
			switch {
			case x.ID == r.c.me && x.Ban:
				d.Why, d.Who = rooms.ReasonBanned, "you are banned from this room"
			case x.ID == r.c.me:
				d.Why, d.Who = rooms.ReasonWasRemoved, "you were removed from this room"
			}
		}
	case rooms.RoleReader:
		d.Why, d.is = rooms.ReasonReader, ErrReadOnly
		d.Who = "you are a reader: you may read this room, not write"
	default:
		d.Why, d.is = rooms.ReasonRelay, ErrReadOnly
		d.Who = "you are a relay: your peer stores this room, which you neither read nor write"
	}
	d.Ask = r.holders(rooms.RoleAdmin)
	return d
}

// outside returns why the user does not belong to the room, or nil if it does,
// or if that is not known.
func (r *room) outside() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v := r.auth.Now(); r.auth.Len() == 0 || v.Role(r.c.me) != rooms.RoleNone {
		return nil
	}
	return r.mayNotWrite(rooms.RoleNone)
}

// ousted asks the peer, which refused something, whether the user does not belong to the room any more. It returns why, or nil.
func (r *room) ousted(ctx context.Context) (why, err error) {
	if err := r.refresh(ctx, r.digest()); err != nil {
		return nil, err
	}
	return r.outside(), nil
}

// verb is what an entry of a kind does, after "may".
func verb(kind rooms.Kind) string {
	switch kind {
	case rooms.KindEpoch:
		return "change the room's key"
	case rooms.KindInvite:
		return "invite"
	case rooms.KindAdd:
		return "take somebody in or raise a role"
	case rooms.KindStop:
		return "remove members and lower their roles"
	case rooms.KindLift:
		return "lift a removal"
	case rooms.KindAppoint:
		return "appoint admins"
	case rooms.KindDemote:
		return "demote admins"
	case rooms.KindPolicy:
		return "set the room's policy"
	case rooms.KindHandover:
		return "hand the room over"
	case rooms.KindRevoke:
		return "revoke invites"
	case rooms.KindTrim:
		return "trim the room"
	}
	return "do that"
}

// mayAsk is how many are named of those who may do something.
const mayAsk = 3

// may returns nil if the user may write an entry of a kind about subject (zero:
// nobody), else a *Denied. The caller holds mu.
func (r *room) may(kind rooms.Kind, subject wire.ID) error {
	why := r.auth.MayWrite(r.c.me, kind, subject)
	if why == rooms.ReasonNone {
		return nil
	}
	d := &Denied{Why: why}
	switch why {
	case rooms.ReasonMasterOnly:
		d.Who = "only the master may " + verb(kind)
		d.Ask = r.holders(rooms.RoleMaster)
	case rooms.ReasonAdminsOnly:
		d.Who = "only admins and the master may " + verb(kind)
		d.Ask = r.holders(rooms.RoleAdmin)
	case rooms.ReasonIsAdmin:
		d.Ask = r.holders(rooms.RoleMaster)
	}
	return d
}

// holders lists who has at least a role, the highest first. The caller holds mu.
func (r *room) holders(least rooms.Role) (names []string) {
	members := slices.DeleteFunc(r.auth.Now().Members(), func(m rooms.Member) bool { return m.Role < least || m.ID == r.c.me })
	slices.SortStableFunc(members, func(x, y rooms.Member) int { return int(y.Role) - int(x.Role) })
	for _, m := range members[:min(len(members), mayAsk)] {
		names = append(names, r.c.NameOf(m.ID, r.claimed()[m.ID]))
	}
	return names
}

// manage brings a room up to date and runs f while no other process of this
// home writes on the room's chains.
func (c *Client) manage(ctx context.Context, id wire.ID, f func(r *room) error) error {
	r, err := c.room(id)
	if err != nil {
		return err
	}
	if r.open {
		return fmt.Errorf("%w: an open room belongs to its whole network", ErrOpenRoom)
	}
	if err := c.refreshRoom(ctx, id); err != nil {
		return err
	}
	return r.exclusive(ctx, func() error { return f(r) })
}

// A secret is what an entry that begins an epoch is made with.
type secret struct {
	nonce []byte
	key   epochKey
}

// write makes a chained entry of a kind about subject, and submits it; one that
// begins an epoch with the new key sealed to everybody who is to have it. It is
// called within exclusive.
func (c *Client) write(ctx context.Context, r *room, kind rooms.Kind, subject wire.ID, build func(at rooms.Place, fresh secret) (*rooms.Entry, error)) error {
	if err := c.confirmJoins(ctx, r, kind); err != nil {
		return err
	}
	entry, boxes, err := c.sign(r, kind, subject, build)
	if err != nil {
		return err
	}
	return c.submit(ctx, &wire.Submit{Room: r.id}, [][]byte{entry.Raw}, boxes)
}

// sign makes a chained entry and takes it into the room, with the boxes of the
// epoch that it begins.
func (c *Client) sign(r *room, kind rooms.Kind, subject wire.ID, build func(at rooms.Place, fresh secret) (*rooms.Entry, error)) (entry *rooms.Entry, boxes [][]byte, err error) {
	fresh := secret{nonce: nonce()}
	rand.Read(fresh.key[:]) // never fails
	r.view(func(a *rooms.Authority, _ *rooms.View) {
		if err = r.may(kind, subject); err != nil {
			return
		}
		var at rooms.Place
		if at, err = a.NextOnChain(c.me, c.cfg.Now()); err == nil {
			entry, err = build(at, fresh)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	if entry.Epoch() == nil {
		return entry, nil, r.add([][]byte{entry.Raw}, nil)
	}
	// The key first: an entry whose key is lost would lock everybody out.
	r.mu.Lock()
	err = r.keep(map[wire.ID]epochKey{entry.ID: fresh.key})
	r.mu.Unlock()
	if err == nil {
		err = r.add([][]byte{entry.Raw}, nil)
	}
	if err != nil {
		return nil, nil, err
	}
	boxes, err = c.sealAll(r, entry, fresh.key)
	return entry, boxes, err
}

// confirmJoins writes, before an entry that revokes invites, as many entries as
// it takes to confirm the joins that do not fit into it; and before an
// appointment, which is of somebody whom the entry has seen, all of them.
func (c *Client) confirmJoins(ctx context.Context, r *room, kind rooms.Kind) error {
	switch kind {
	case rooms.KindStop, rooms.KindDemote, rooms.KindRevoke, rooms.KindAppoint:
	default:
		return nil
	}
	for {
		left := 0
		r.view(func(a *rooms.Authority, _ *rooms.View) {
			if at, err := a.NextOnChain(c.me, c.cfg.Now()); err == nil {
				if left = at.Unlisted; kind == rooms.KindAppoint {
					left += len(at.Joins)
				}
			}
		})
		if left == 0 {
			return nil
		}
		entry, _, err := c.sign(r, rooms.KindRevoke, wire.ID{}, func(at rooms.Place, _ secret) (*rooms.Entry, error) {
			return rooms.NewRevoke(c.cfg.Identity, at, nil)
		})
		if err != nil {
			return err
		}
		if err := c.submit(ctx, &wire.Submit{Room: r.id}, [][]byte{entry.Raw}, nil); err != nil {
			return err
		}
	}
}
