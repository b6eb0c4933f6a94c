package main

import (
	"context"
	"time"

	"parley/rooms/client"
)

type roomTrimCmd struct {
	waits
	Room  roomName `arg:"" help:"Name of a room, or at least 8 characters of its ID."`
	Older duration `required:"" help:"What came to this peer longer ago than this: 90d, 52w." placeholder:"D"`
	JSON  bool     `name:"json" help:"Print JSON."`
}

// Help is the rest of the command's help.
func (*roomTrimCmd) Help() string {
	return `Has every peer of the room forget old messages, for good. Only the master may. The
master's agent does it by itself where the room's policy says so: parley room policy
ROOM --retention D.

  parley room trim ops --older 90d`
}

func (c *roomTrimCmd) Run(a *app) error {
	return a.askRoom(c.waits, c.Room, func(ctx context.Context, cl *client.Client, room client.Room) error {
		if room.Open {
			return usagef("%s is open to its whole network: each peer keeps of it what it likes", room.Name)
		}
		trimmed, err := cl.Trim(ctx, room.ID, time.Duration(c.Older))
		if err != nil {
			return err
		}
		if c.JSON {
			return a.out.json(struct {
				Room     string `json:"room"`
				Messages uint64 `json:"messages"`
			}{room.Name, trimmed})
		}
		a.out.notice("%s of %s forgotten", count(trimmed, "message"), room.Name)
		return nil
	})
}
