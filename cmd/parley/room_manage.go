package main

import (
	"context"

	"parley/rooms/client"
	"parley/wire"
)

// whom are the arguments of a command about somebody in a room.
type whom struct {
	waits
	Room   roomName   `arg:"" help:"Name of a room, or at least 8 characters of its ID."`
	Person personName `arg:"" help:"${person}"`
	JSON   bool       `name:"json" help:"Print JSON."`
}

type changedJSON struct {
	Room    string `json:"room"`
	Person  string `json:"person"`
	Name    string `json:"name"`
	Role    string `json:"role"`
	Before  string `json:"before"`
	Revoked int    `json:"revoked_invites"`
}

// change runs f on the person and prints what became of it.
func (c *whom) change(a *app, f func(ctx context.Context, cl *client.Client, room client.Room, person wire.ID) (client.Changed, error)) error {
	return a.askRoom(c.waits, c.Room, func(ctx context.Context, cl *client.Client, room client.Room) error {
		if room.Open {
			return usagef("%s is open to its whole network: it has no members to manage", room.Name)
		}
		person, err := cl.FindMember(room.ID, string(c.Person))
		if err != nil {
			return err
		}
		was, err := f(ctx, cl, room, person)
		if err != nil {
			return err
		}
		if c.JSON {
			return a.out.json(changedJSON{room.Name, was.Person.String(), was.Name, was.Role, was.Before, was.Revoked})
		}
		if was.Same() {
			a.out.notice("%s is %s already; nothing was changed", was.Name, rolePhrase(was.Role))
			return nil
		}
		a.out.notice("%s is now %s in %s", was.Name, rolePhrase(was.Role), room.Name)
		if was.Revoked > 0 {
			a.out.notice("%s ended with it; make a new one with: parley room invite %s", count(uint64(was.Revoked), "live invite"), room.Name)
		}
		return nil
	})
}

// rolePhrase is what somebody is, in a sentence.
func rolePhrase(role string) string {
	switch role {
	case "none":
		return "no member"
	case "removed", "banned":
		return role
	case "admin":
		return "an admin"
	case "master":
		return "the master"
	}
	return "a " + role
}

type roomKickCmd struct{ whom }

// Help is the rest of the command's help.
func (*roomKickCmd) Help() string {
	return `Removes a member. What it writes from here on does not count, the room's key changes
at once, and all live invites end. What it wrote before stays, as far as this peer
has it. It comes back when it is given a role again, or by an invite after unban. The
master and admins may do it; an admin is demoted with it, which only the master may.

  parley room kick ops bob
  parley room kick ops bob·3fkq --json`
}

func (c *roomKickCmd) Run(a *app) error {
	return c.change(a, func(ctx context.Context, cl *client.Client, room client.Room, person wire.ID) (client.Changed, error) {
		return cl.Kick(ctx, room.ID, person, false)
	})
}

type roomBanCmd struct{ whom }

// Help is the rest of the command's help.
func (*roomBanCmd) Help() string {
	return `Like kick, and nobody takes the person in again until the ban is lifted, not even an
admin who has not heard of it yet. Who was never in the room is kept out by the whole ID.

  parley room ban ops eve
  parley room ban ops 3fkq7…   (a whole ID)`
}

func (c *roomBanCmd) Run(a *app) error {
	return c.change(a, func(ctx context.Context, cl *client.Client, room client.Room, person wire.ID) (client.Changed, error) {
		return cl.Kick(ctx, room.ID, person, true)
	})
}

type roomUnbanCmd struct{ whom }

// Help is the rest of the command's help.
func (*roomUnbanCmd) Help() string {
	return `Lifts a ban or a removal: the person may join again by an invite that is made after it.
To take it in without an invite: parley room role ROOM PERSON member.

  parley room unban ops eve`
}

func (c *roomUnbanCmd) Run(a *app) error {
	return c.change(a, func(ctx context.Context, cl *client.Client, room client.Room, person wire.ID) (client.Changed, error) {
		return cl.Unban(ctx, room.ID, person)
	})
}

type roomRoleCmd struct {
	whom
	Role string `arg:"" help:"What the person becomes: admin, member, reader or relay." enum:"admin,member,reader,relay"`
}

// Help is the rest of the command's help.
func (*roomRoleCmd) Help() string {
	return `Admins manage members, invites and keys; members read and write; readers only read; a
relay's peer stores the room, and has no key. The master alone appoints and demotes admins;
admins raise and lower the others. Who was removed is taken in again by it. Who loses
the key, or is an admin no more, loses it at once: the room's key changes.

  parley room role ops bob admin
  parley room role ops bob reader`
}

func (c *roomRoleCmd) Run(a *app) error {
	return c.change(a, func(ctx context.Context, cl *client.Client, room client.Room, person wire.ID) (client.Changed, error) {
		return cl.SetRole(ctx, room.ID, person, c.Role)
	})
}
