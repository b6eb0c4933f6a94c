package main

import (
	"context"

	"parley/rooms/client"
)

type roomRotateCmd struct {
	waits
	Room roomName `arg:"" help:"Name of a room, or at least 8 characters of its ID."`
	JSON bool     `name:"json" help:"Print JSON."`
}

// Help is the rest of the command's help.
func (*roomRotateCmd) Help() string {
	return `Begins a new epoch: a fresh key, sealed to every member and live invite. A stolen key
opens nothing that is written afterwards. It happens by itself when somebody is
removed or leaves, and by age, while an admin's agent runs (parley up). The master and
admins may do it.

  parley room rotate ops`
}

func (c *roomRotateCmd) Run(a *app) error {
	return a.askRoom(c.waits, c.Room, func(ctx context.Context, cl *client.Client, room client.Room) error {
		if room.Open {
			return usagef("the key of %s follows from the network's secret; make another with: parley network new", room.Name)
		}
		if err := cl.Rotate(ctx, room.ID); err != nil {
			return err
		}
		info, err := cl.Info(ctx, room.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			return a.out.json(struct {
				Room   string `json:"room"`
				ID     string `json:"id"`
				Epochs int    `json:"epochs"`
			}{info.Name, info.ID.String(), info.Epochs})
		}
		a.out.notice("%s has a new key, its %s", room.Name, ordinal(info.Epochs))
		return nil
	})
}
