package main

import (
	"context"

	"parley/rooms/client"
)

type roomHandoverCmd struct {
	waits
	Room roomName `arg:"" help:"Name of a room, or at least 8 characters of its ID."`
	To   string   `arg:"" name:"person" placeholder:"PERSON|OFFER" help:"The successor, or the offer that the master gave you."`
	JSON bool     `name:"json" help:"Print JSON."`
}

// Help is the rest of the command's help.
func (*roomHandoverCmd) Help() string {
	return `A handover bears two signatures. The master's command prints an offer, alone on standard
output; the successor gives it to the same command, and is the master from then on. The
former master becomes a member. An offer is no secret, only the successor can use it; it
is void once the master changes the room in another way.

  host1$ parley room handover ops bob
  parley-offer:tyaaz…
  host2$ parley room handover ops parley-offer:tyaaz…

Admins who were appointed before are its witnesses. Where there are none, a dishonest former
master could contest it later by a second handover: appoint an admin first.`
}

func (c *roomHandoverCmd) Run(a *app) error {
	return a.askRoom(c.waits, c.Room, func(ctx context.Context, cl *client.Client, room client.Room) error {
		if room.Open {
			return usagef("%s is open to its whole network: it has no master", room.Name)
		}
		if client.IsOffer(c.To) {
			return c.accept(ctx, a, cl, room)
		}
		person, err := cl.FindMember(room.ID, c.To)
		if err != nil {
			return err
		}
		offer, err := cl.OfferHandover(ctx, room.ID, person)
		if err != nil {
			return err
		}
		if c.JSON {
			err = a.out.json(struct {
				Offer       string `json:"offer"`
				Person      string `json:"person"`
				Name        string `json:"name"`
				Contestable bool   `json:"contestable"`
			}{offer.Text, person.String(), offer.Name, offer.Contestable})
		} else {
			a.out.printf("%s\n", offer.Text)
		}
		a.out.notice("%s becomes the master of %s by: parley room handover ROOM OFFER", offer.Name, room.Name)
		c.warn(a, offer.Contestable)
		return err
	})
}

func (c *roomHandoverCmd) accept(ctx context.Context, a *app, cl *client.Client, room client.Room) error {
	contestable, err := cl.AcceptHandover(ctx, room.ID, c.To)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.out.json(struct {
			Room        string `json:"room"`
			Role        string `json:"role"`
			Contestable bool   `json:"contestable"`
		}{room.Name, "master", contestable})
	}
	a.out.notice("you are now the master of %s", room.Name)
	c.warn(a, contestable)
	return nil
}

func (c *roomHandoverCmd) warn(a *app, contestable bool) {
	if contestable {
		a.out.notice("no admin witnesses this handover: a dishonest former master could contest it")
	}
}
