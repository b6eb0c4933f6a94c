package main

import (
	"context"
	"fmt"
	"strings"

	"parley/rooms/client"
	"parley/wire"
)

type roomRevokeCmd struct {
	waits
	Room    roomName `arg:"" help:"Name of a room, or at least 8 characters of its ID."`
	Invites []string `arg:"" optional:"" name:"invite" placeholder:"INVITE" help:"Invites as parley room members lists them, or at least 4 characters of their ID."`
	All     bool     `help:"All live invites."`
	JSON    bool     `name:"json" help:"Print JSON."`
}

// Help is the rest of the command's help.
func (*roomRevokeCmd) Help() string {
	return `Ends live invites. Who has joined by them, as far as is known here, stays; a join by
them that arrives later does not count. The master and admins may do it.

  parley room members ops        # lists the live invites
  parley room revoke ops a3fk
  parley room revoke ops --all`
}

func (c *roomRevokeCmd) Run(a *app) error {
	if c.All == (len(c.Invites) > 0) {
		return usagef("give the invites to revoke, or --all")
	}
	return a.askRoom(c.waits, c.Room, func(ctx context.Context, cl *client.Client, room client.Room) error {
		if room.Open {
			return usagef("%s is open to its whole network: there are no invites", room.Name)
		}
		_, live, err := cl.Members(ctx, room.ID)
		if err != nil {
			return err
		}
		ids, err := c.choose(live)
		if err != nil {
			return err
		}
		if len(ids) > 0 {
			if err := cl.Revoke(ctx, room.ID, ids); err != nil {
				return err
			}
		}
		if c.JSON {
			for _, id := range ids {
				if err := a.out.json(struct {
					Revoked string `json:"revoked"`
				}{id.String()}); err != nil {
					return err
				}
			}
			return nil
		}
		a.out.notice("%s of %s revoked", count(uint64(len(ids)), "invite"), room.Name)
		return nil
	})
}

// choose finds the invites that the arguments name.
func (c *roomRevokeCmd) choose(live []client.LiveInvite) (ids []wire.ID, err error) {
	if c.All {
		for _, i := range live {
			ids = append(ids, i.Entry)
		}
		return ids, nil
	}
	for _, text := range c.Invites {
		var found []wire.ID
		for _, i := range live {
			if len(text) >= 4 && strings.HasPrefix(i.Entry.String(), strings.ToLower(text)) {
				found = append(found, i.Entry)
			}
		}
		switch len(found) {
		case 0:
			return nil, fmt.Errorf("no live invite begins with %q; parley room members lists them", text)
		case 1:
			ids = append(ids, found[0])
		default:
			return nil, fmt.Errorf("%q begins %d invites; give more of it", text, len(found))
		}
	}
	return ids, nil
}
