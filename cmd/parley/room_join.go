package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rsc.io/qr"

	"parley/rooms"
	"parley/rooms/client"
)

type roomInviteCmd struct {
	waits
	Room    roomName `arg:"" help:"Name of a room, or at least 8 characters of its ID."`
	Uses    int      `help:"How many may join by the link (default: 1)." default:"1" placeholder:"N"`
	Expires duration `help:"How long the link is good: 90m, 24h, 7d (default: 24h)." default:"24h" placeholder:"D"`
	Role    string   `help:"What they become: member, reader or relay (default: member)." placeholder:"ROLE" enum:"member,reader,relay" default:"member"`
	QR      bool     `name:"qr" help:"Print the link as a QR code too, on standard error."`
	JSON    bool     `name:"json" help:"Print JSON."`
}

// Help is the rest of the command's help.
func (*roomInviteCmd) Help() string {
	return `The link alone goes to standard output. Whoever has it can read the room: send it
where only the invited see it.

  parley room invite ops --uses 2 --expires 7d
  parley room invite ops --qr`
}

func (c *roomInviteCmd) Run(a *app) error {
	if c.Uses < 1 {
		return usagef("--uses %d invites nobody; give 1 or more", c.Uses)
	}
	if c.Expires == 0 {
		return usagef("--expires 0 is over at once; give a duration such as 24h or 7d")
	}
	return a.askRoom(c.waits, c.Room, func(ctx context.Context, cl *client.Client, room client.Room) error {
		if room.Open {
			return usagef("%s is open to its whole network; make a room of your own with: parley room create NAME", room.Name)
		}
		inv, err := cl.Invite(ctx, room.ID, client.InviteOptions{Uses: c.Uses, Expires: time.Duration(c.Expires), Role: c.Role})
		if err != nil {
			return err
		}
		if c.JSON {
			err = a.out.json(struct {
				Link    string `json:"link"`
				Role    string `json:"role"`
				Uses    int    `json:"uses"`
				Expires string `json:"expires"`
			}{inv.Link, inv.Role, inv.Uses, timestamp(inv.Expires)})
		} else {
			a.out.printf("%s\n", inv.Link)
		}
		if err == nil && c.QR {
			err = a.printQR(inv.Link)
		}
		if c.Role != "relay" {
			a.out.notice("anyone who has this link can read %s until %s; send it where only the invited see it",
				room.Name, clock(inv.Expires))
		}
		return err
	})
}

// printQR draws two rows of modules to a line of half blocks.
func (a *app) printQR(text string) error {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return fmt.Errorf("the link does not fit a QR code: %w", err)
	}
	const quiet = 2
	var b strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		for x := -quiet; x < code.Size+quiet; x++ {
			b.WriteRune([]rune{'█', '▄', '▀', ' '}[bit(code.Black(x, y))*2+bit(code.Black(x, y+1))])
		}
		b.WriteByte('\n')
	}
	_, err = a.out.stderr.WriteString(b.String())
	return err
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

type roomJoinCmd struct {
	waits
	Link   string `arg:"" help:"The link: parley:…"`
	Name   string `help:"Your name for the room (default: its own)." placeholder:"NAME"`
	NoWait bool   `help:"Return once joined, without waiting for the first sync."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Help is the rest of the command's help.
func (*roomJoinCmd) Help() string {
	return `Prints the room's name here once its first sync is done. Joining again by the same
link is harmless.`
}

func (c *roomJoinCmd) Run(a *app) error {
	switch _, err := rooms.ParseLink(c.Link); {
	case errors.Is(err, rooms.ReasonVersion):
		return usagef("LINK was made by a newer version of parley; bring this one up to date")
	case err != nil:
		return usagef("LINK is no invite link, or not all of one; give all of parley:… as it was printed")
	}
	return a.withClient(c.waits, func(cl *client.Client) error {
		bar := newProgress(a.out, "synced", true)
		room, err := cl.Join(a.ctx, c.Link, client.JoinOptions{
			Name: c.Name, NoWait: c.NoWait, Timeout: time.Duration(c.Timeout),
			Progress: func(p client.Progress) { bar.set(p.Messages, p.Messages+p.Missing) },
		})
		bar.end()
		if err != nil {
			return err
		}
		return a.printRoom(room, c.JSON)
	})
}

type roomLeaveCmd struct {
	waits
	Room roomName `arg:"" help:"Name of a room, or at least 8 characters of its ID."`
}

func (c *roomLeaveCmd) Run(a *app) error {
	return a.askRoom(c.waits, c.Room, func(ctx context.Context, cl *client.Client, room client.Room) error {
		if room.Open {
			return usagef("%s has no members; there is nothing to leave", room.Name)
		}
		if err := cl.Leave(ctx, room.ID); err != nil {
			return err
		}
		a.out.notice("you left %s; its messages are no longer kept here", room.Name)
		return nil
	})
}
