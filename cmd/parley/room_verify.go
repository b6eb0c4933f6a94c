package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"parley/handshake/identity"
	"parley/rooms/client"
	"parley/wire"
)

type roomVerifyCmd struct {
	waits
	Room roomName `arg:"" help:"Name of a room, or at least 8 characters of its ID."`
	Peer string   `arg:"" optional:"" help:"ID of a peer, or its first 8 or more characters (default: all that are connected)."`
	JSON bool     `name:"json" help:"Print JSON."`
}

// The outcomes of a verification that did not find a room identical; what it
// found has been printed already.
var (
	errDiffers    = errors.New("the room is not identical everywhere; connected peers repair it by themselves: run this again in a moment")
	errUncompared = errors.New("the room was not compared with every peer; the lines above say why")
)

// Help is the rest of the command's help.
func (*roomVerifyCmd) Help() string {
	return `Compares what this daemon holds with what each peer holds, run by run, and ends with
code 0 where all is identical. What differs is listed by log and numbers. A fork,
two continuations that one writer signed, is shown with its proof kept.`
}

func (c *roomVerifyCmd) Run(a *app) error {
	if c.Peer != "" && len(c.Peer) < minPeerPrefix {
		return usagef("PEER %s is too short; give at least %d characters of its ID, as parley peers lists them", c.Peer, minPeerPrefix)
	}
	return a.askRoom(c.waits, c.Room, func(ctx context.Context, cl *client.Client, room client.Room) error {
		id, err := c.peer(ctx, cl)
		if err != nil {
			return err
		}
		v, err := cl.Verify(ctx, room.ID, id)
		if err != nil {
			return err
		}
		return c.print(a, room, v)
	})
}

// minPeerPrefix is how much of a peer's ID names it, as with rooms.
const minPeerPrefix = 8

// peer finds the peer that the user named among those that are connected.
func (c *roomVerifyCmd) peer(ctx context.Context, cl *client.Client) (wire.ID, error) {
	if c.Peer == "" {
		return wire.ID{}, nil
	}
	for peers, err := range cl.Peers(ctx, false) {
		if err != nil {
			return wire.ID{}, err
		}
		for _, p := range peers {
			if p.State == "connected" && strings.HasPrefix(p.Peer.String(), c.Peer) {
				return p.Peer, nil
			}
		}
	}
	return wire.ID{}, fmt.Errorf("no connected peer has an ID that begins with %s; parley peers --json lists them", c.Peer)
}

type holeJSON struct {
	Log   string `json:"log"`
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	Side  string `json:"side"`
}

type verifyJSON struct {
	Peer      string     `json:"peer"`
	Name      string     `json:"name"`
	Identical bool       `json:"identical"`
	Messages  uint64     `json:"messages"`
	Problem   string     `json:"problem,omitempty"`
	Holes     []holeJSON `json:"holes"`
	Forks     []string   `json:"forks"`
}

func (c *roomVerifyCmd) print(a *app, room client.Room, v *wire.Verified) error {
	differs, uncompared := len(v.Forks) > 0, false
	forks := make([]string, 0, len(v.Forks))
	for _, log := range v.Forks {
		forks = append(forks, log.String())
	}
	for _, p := range v.Peers {
		differs = differs || !p.Identical && p.Problem == ""
		uncompared = uncompared || p.Problem != ""
		if c.JSON {
			row := verifyJSON{
				Peer: p.Peer.String(), Name: p.Name, Identical: p.Identical, Messages: v.Messages,
				Problem: p.Problem, Holes: []holeJSON{}, Forks: forks,
			}
			for _, h := range p.Holes {
				row.Holes = append(row.Holes, holeJSON{h.Log.String(), h.First, h.Last, h.Side})
			}
			if err := a.out.json(row); err != nil {
				return err
			}
			continue
		}
		name := identity.Claim(p.Name, p.Peer)
		switch {
		case p.Problem != "":
			a.out.printf("%s: not compared: %s\n", name, visible(p.Problem))
		case p.Identical:
			a.out.printf("%s: identical, %s\n", name, count(v.Messages, "message"))
		default:
			a.out.printf("%s: differs\n", name)
			for _, h := range p.Holes {
				a.out.printf("  log %s, messages %d to %d: %s\n", h.Log.String()[:12], h.First, h.Last, sideText(h.Side))
			}
		}
	}
	if !c.JSON {
		for _, log := range forks {
			a.out.printf("fork in log %s: its writer signed two continuations; the proof is kept\n", log[:12])
		}
	}
	if len(v.Peers) == 0 {
		if c.JSON {
			if err := a.out.json(verifyJSON{Identical: true, Messages: v.Messages, Holes: []holeJSON{}, Forks: forks}); err != nil {
				return err
			}
		} else {
			a.out.printf("%s: %s here; no other peer of it is connected\n", visible(room.Name), count(v.Messages, "message"))
		}
	}
	switch {
	case differs:
		return errDiffers
	case uncompared:
		return errUncompared
	}
	return nil
}

func sideText(side string) string {
	switch side {
	case "here":
		return "missing here; that peer has them"
	case "there":
		return "missing there; this peer has them"
	}
	return "the two hold different ones"
}
