package main

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"rsc.io/qr"

	"parley/rooms/client"
	"parley/wire"
)

type roomCmd struct {
	Create  roomCreateCmd  `cmd:"" help:"Found a room."`
	Ls      roomLsCmd      `cmd:"" help:"List your rooms."`
	Info    roomInfoCmd    `cmd:"" help:"Tell about a room."`
	Members roomMembersCmd `cmd:"" help:"List a room's members and live invites."`
	Invite  roomInviteCmd  `cmd:"" help:"Print a link by which others join."`
	Join    roomJoinCmd    `cmd:"" help:"Join a room by its link."`
	Leave   roomLeaveCmd   `cmd:"" help:"End your membership of a room."`
	Verify  roomVerifyCmd  `cmd:"" help:"Compare a room with other peers: identical, or the exact holes and forks."`
}

type roomCreateCmd struct {
	Name     string `arg:"" help:"Your name for it, and the one its members see first."`
	History  string `help:"What a newcomer can read: all, or from when it joined." enum:"all,joined" default:"all"`
	Topic    string `help:"What the room is for."`
	Capacity uint64 `help:"Most members." placeholder:"N"`
	JSON     bool   `name:"json" help:"Print JSON."`
}

func (c *roomCreateCmd) Run(a *app) error {
	return a.withClient(func(cl *client.Client) error {
		room, err := cl.CreateRoom(a.ctx, client.CreateOptions{
			Name: c.Name, Topic: c.Topic, JoinedOnly: c.History == "joined", Capacity: c.Capacity,
		})
		if err != nil {
			return err
		}
		return a.printRoom(room, c.JSON)
	})
}

type roomNameJSON struct {
	Room string `json:"room"`
	ID   string `json:"id"`
}

func (a *app) printRoom(room client.Room, asJSON bool) error {
	if asJSON {
		return a.out.json(roomNameJSON{room.Name, room.ID.String()})
	}
	a.out.printf("%s\n", room.Name)
	return nil
}

type roomLsCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

type roomJSON struct {
	Room     string `json:"room"`
	ID       string `json:"id"`
	Open     bool   `json:"open"`
	Title    string `json:"title,omitempty"`
	Topic    string `json:"topic,omitempty"`
	History  string `json:"history,omitempty"`
	Role     string `json:"role,omitempty"`
	Members  int    `json:"members"`
	Capacity uint64 `json:"capacity,omitempty"`
	Created  string `json:"created,omitempty"`
	Epochs   int    `json:"epochs"`
	Keys     int    `json:"keys"`
	Messages uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"`
	Logs     uint64 `json:"logs"`
	Peers    uint64 `json:"peers"`
	InStep   uint64 `json:"in_step"`
	Received string `json:"received,omitempty"`
}

func toRoomJSON(r client.RoomInfo) roomJSON {
	return roomJSON{
		Room: r.Name, ID: r.ID.String(), Open: r.Open, Title: r.Title, Topic: r.Topic, History: r.History, Role: r.Role,
		Members: r.Members, Capacity: r.Capacity, Created: timestamp(r.Created), Epochs: r.Epochs, Keys: r.Keys,
		Messages: r.Held.Messages, Bytes: r.Held.Bytes, Logs: r.Held.Logs, Peers: r.Held.Peers, InStep: r.Held.InStep,
		Received: timestamp(unixNano(r.Held.LastReceived)),
	}
}

func (c *roomLsCmd) Run(a *app) error {
	return a.withClient(func(cl *client.Client) error {
		rooms, err := cl.Rooms(a.ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			for _, r := range rooms {
				if err := a.out.json(toRoomJSON(r)); err != nil {
					return err
				}
			}
			return nil
		}
		w := tabwriter.NewWriter(a.out.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ROOM\tROLE\tMEMBERS\tMESSAGES\tSIZE\tIN STEP WITH\tTOPIC")
		for _, r := range rooms {
			role, members := r.Role, fmt.Sprint(r.Members)
			if r.Open {
				role, members = "open", "-"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%d of %d peers\t%s\n", r.Name, role, members,
				r.Held.Messages, bytesText(r.Held.Bytes), r.Held.InStep, r.Held.Peers, r.Topic)
		}
		return w.Flush()
	})
}

type roomInfoCmd struct {
	Room string `arg:"" help:"Name of a room, or at least 8 characters of its ID."`
	JSON bool   `name:"json" help:"Print JSON."`
}

func (c *roomInfoCmd) Run(a *app) error {
	return a.withRoom(c.Room, func(cl *client.Client, room client.Room) error {
		r, err := cl.Info(a.ctx, room.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			return a.out.json(toRoomJSON(r))
		}
		w := tabwriter.NewWriter(a.out.stdout, 0, 0, 2, ' ', 0)
		row := func(name, format string, args ...any) {
			fmt.Fprintf(w, "%s\t"+format+"\n", append([]any{name}, args...)...)
		}
		row("room", "%s", r.Name)
		row("id", "%s", r.ID)
		if r.Open {
			row("kind", "open: everybody of the network reads and writes it")
		} else {
			row("title", "%s", r.Title)
			row("topic", "%s", r.Topic)
			row("created", "%s", r.Created.Local().Format(time.DateTime))
			row("you are", "%s", r.Role)
			row("members", "%d", r.Members)
			row("history", "%s", r.History)
			row("keys", "of %d of %d epochs", r.Keys, r.Epochs)
		}
		row("messages", "%d in %d logs, %s", r.Held.Messages, r.Held.Logs, bytesText(r.Held.Bytes))
		row("peers", "%d connected, in step with %d", r.Held.Peers, r.Held.InStep)
		return w.Flush()
	})
}

type roomMembersCmd struct {
	Room string `arg:"" help:"Name of a room, or at least 8 characters of its ID."`
	JSON bool   `name:"json" help:"Print JSON."`
}

type memberJSON struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Role  string `json:"role"`
	Since string `json:"since,omitempty"`
	Self  bool   `json:"self"`
}

type inviteJSON struct {
	Invite  string `json:"invite"`
	By      string `json:"by"`
	Role    string `json:"role"`
	Uses    int    `json:"uses"`
	Used    int    `json:"used"`
	Expires string `json:"expires"`
}

func (c *roomMembersCmd) Run(a *app) error {
	return a.withRoom(c.Room, func(cl *client.Client, room client.Room) error {
		members, invites, err := cl.Members(a.ctx, room.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			for _, m := range members {
				if err := a.out.json(memberJSON{m.ID.String(), m.Shown, m.Role, timestamp(m.Since), m.Self}); err != nil {
					return err
				}
			}
			for _, i := range invites {
				if err := a.out.json(inviteJSON{i.Entry.String(), i.By.String(), i.Role, i.Uses, i.Used, timestamp(i.Expires)}); err != nil {
					return err
				}
			}
			return nil
		}
		w := tabwriter.NewWriter(a.out.stdout, 0, 0, 2, ' ', 0)
		for _, m := range members {
			self := ""
			if m.Self {
				self = "(you)"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\n", m.Shown, m.Role, self)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		for _, i := range invites {
			reads := "anyone with this link can read"
			if i.Role == "relay" {
				reads = "who joins by it stores, and cannot read"
			}
			a.out.printf("live invite %s: %s, %d of %d uses, until %s: %s\n",
				i.Entry.Short(), i.Role, i.Used, i.Uses, i.Expires.Local().Format(time.DateTime), reads)
		}
		return nil
	})
}

type roomInviteCmd struct {
	Room    string        `arg:"" help:"Name of a room, or at least 8 characters of its ID."`
	Uses    int           `help:"How many may join by the link." default:"1" placeholder:"N"`
	Expires time.Duration `help:"How long the link is good." default:"24h" placeholder:"D"`
	Role    string        `help:"What they become." enum:"member,reader,relay" default:"member"`
	QR      bool          `name:"qr" help:"Print the link as a QR code too, on standard error."`
	JSON    bool          `name:"json" help:"Print JSON."`
}

func (c *roomInviteCmd) Run(a *app) error {
	if c.Uses < 1 || c.Expires <= 0 {
		return usagef("--uses and --expires must be positive")
	}
	return a.withRoom(c.Room, func(cl *client.Client, room client.Room) error {
		inv, err := cl.Invite(a.ctx, room.ID, client.InviteOptions{Uses: c.Uses, Expires: c.Expires, Role: c.Role})
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
				room.Name, inv.Expires.Local().Format(time.DateTime))
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
	Link    string        `arg:"" help:"The link: parley:…"`
	Name    string        `help:"Your name for the room (default: its own)." placeholder:"NAME"`
	NoWait  bool          `help:"Return once joined, without waiting for the first sync."`
	Timeout time.Duration `help:"Longest time without progress." default:"30s"`
	JSON    bool          `name:"json" help:"Print JSON."`
}

func (c *roomJoinCmd) Run(a *app) error {
	return a.withClient(func(cl *client.Client) error {
		bar := newProgress(a.out, "synced", -1)
		room, err := cl.Join(a.ctx, c.Link, client.JoinOptions{
			Name: c.Name, NoWait: c.NoWait, Timeout: c.Timeout,
			Progress: func(p client.Progress) {
				bar.max(p.Messages + p.Missing)
				bar.set(p.Messages)
			},
		})
		bar.end()
		if err != nil {
			return err
		}
		return a.printRoom(room, c.JSON)
	})
}

type roomLeaveCmd struct {
	Room string `arg:"" help:"Name of a room, or at least 8 characters of its ID."`
}

func (c *roomLeaveCmd) Run(a *app) error {
	return a.withRoom(c.Room, func(cl *client.Client, room client.Room) error {
		if err := cl.Leave(a.ctx, room.ID); err != nil {
			return err
		}
		a.out.notice("you left %s; its messages are no longer kept here", room.Name)
		return nil
	})
}

type roomVerifyCmd struct {
	Room    string        `arg:"" help:"Name of a room, or at least 8 characters of its ID."`
	Peer    string        `arg:"" optional:"" help:"ID of a peer, or its first 8 or more characters (default: all that are connected)."`
	JSON    bool          `name:"json" help:"Print JSON."`
	Timeout time.Duration `help:"Longest time to wait." default:"30s"`
}

// errDiffers is the outcome of a verification that found a difference: it has
// been printed already.
var errDiffers = errors.New("the room is not identical everywhere; connected peers repair it by themselves, run this again in a moment")

func (c *roomVerifyCmd) Run(a *app) error {
	return a.withRoom(c.Room, func(cl *client.Client, room client.Room) error {
		id, err := c.peer(a, cl)
		if err != nil {
			return err
		}
		ctx, cancel := withTimeout(a.ctx, c.Timeout)
		defer cancel()
		v, err := cl.Verify(ctx, room.ID, id)
		if err != nil {
			return timedOut(ctx, err, "the comparison did not end")
		}
		return c.print(a, room, v)
	})
}

// peer finds the peer that the user named among those that are connected.
func (c *roomVerifyCmd) peer(a *app, cl *client.Client) (wire.ID, error) {
	if c.Peer == "" {
		return wire.ID{}, nil
	}
	if len(c.Peer) < 8 {
		return wire.ID{}, usagef("PEER: give at least 8 characters of its ID; parley peers lists them")
	}
	for peers, err := range cl.Peers(a.ctx, false) {
		if err != nil {
			return wire.ID{}, err
		}
		for _, p := range peers {
			if p.State == "connected" && strings.HasPrefix(p.Peer.String(), c.Peer) {
				return p.Peer, nil
			}
		}
	}
	return wire.ID{}, fmt.Errorf("no connected peer has an ID that begins with %s; parley peers lists them", c.Peer)
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
	differs := len(v.Forks) > 0
	forks := make([]string, 0, len(v.Forks))
	for _, log := range v.Forks {
		forks = append(forks, log.String())
	}
	for _, p := range v.Peers {
		differs = differs || !p.Identical
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
		name := fmt.Sprintf("%s·%s", p.Name, p.Peer.Short())
		switch {
		case p.Problem != "":
			a.out.printf("%s: not compared: %s\n", name, p.Problem)
		case p.Identical:
			a.out.printf("%s: identical, %d messages\n", name, v.Messages)
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
			a.out.printf("%s: %d messages here; no other peer of it is connected\n", room.Name, v.Messages)
		}
	}
	if differs {
		return errDiffers
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
