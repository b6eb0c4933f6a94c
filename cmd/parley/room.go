package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"parley/rooms"
	"parley/rooms/client"
)

type roomCmd struct {
	Create   roomCreateCmd   `cmd:"" help:"Found a room."`
	Ls       roomLsCmd       `cmd:"" help:"List your rooms."`
	Info     roomInfoCmd     `cmd:"" help:"Tell about a room."`
	Members  roomMembersCmd  `cmd:"" help:"List a room's members and live invites."`
	Invite   roomInviteCmd   `cmd:"" help:"Print a link by which others join."`
	Join     roomJoinCmd     `cmd:"" help:"Join a room by its link."`
	Revoke   roomRevokeCmd   `cmd:"" help:"End live invites."`
	Kick     roomKickCmd     `cmd:"" help:"Remove a member."`
	Ban      roomBanCmd      `cmd:"" help:"Remove somebody and keep it out."`
	Unban    roomUnbanCmd    `cmd:"" help:"Lift a ban or a removal."`
	Role     roomRoleCmd     `cmd:"" help:"Make somebody an admin, a member, a reader or a relay."`
	Rotate   roomRotateCmd   `cmd:"" help:"Change the room's key now."`
	Policy   roomPolicyCmd   `cmd:"" help:"Show or set a room's name, topic, history, capacity, retention and epoch age."`
	Handover roomHandoverCmd `cmd:"" help:"Make somebody the room's master, or accept to be it."`
	Trim     roomTrimCmd     `cmd:"" help:"Have every peer forget old messages."`
	Leave    roomLeaveCmd    `cmd:"" help:"End your membership of a room."`
	Verify   roomVerifyCmd   `cmd:"" help:"Compare a room with other peers: identical, or the exact holes and forks."`
}

type roomCreateCmd struct {
	waits
	Name     string `arg:"" help:"Your name for it, and the one its members see first."`
	History  string `help:"What a newcomer can read: all, or from when it joined (default: all)." placeholder:"all|joined" enum:"all,joined" default:"all"`
	Topic    string `help:"What the room is for."`
	Capacity uint64 `help:"Most members (default: no bound)." placeholder:"N"`
	JSON     bool   `name:"json" help:"Print JSON."`
}

// Help is the rest of the command's help.
func (*roomCreateCmd) Help() string {
	return `Prints the name that the room has here: with -2 behind it where you have another
room of that name. Names with an @, and those that look like an ID, are refused.

  parley room create ops --topic "who is on duty"`
}

func (c *roomCreateCmd) Run(a *app) error {
	return a.ask(c.waits, func(ctx context.Context, cl *client.Client) error {
		room, err := cl.CreateRoom(ctx, client.CreateOptions{
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
	a.out.printf("%s\n", visible(room.Name))
	return nil
}

type roomLsCmd struct {
	waits
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

	Retention float64       `json:"retention,omitempty"` // seconds
	EpochAge  float64       `json:"epoch_age,omitempty"` // seconds
	Beside    int           `json:"newest_epochs,omitempty"`
	Outsiders []string      `json:"outsiders,omitempty"`
	Contests  []contestJSON `json:"contests,omitempty"`
}

type contestJSON struct {
	Former string   `json:"former"`
	Master string   `json:"master"`
	Others []string `json:"others"`
}

func toRoomJSON(r client.RoomInfo) roomJSON {
	var contests []contestJSON
	for _, c := range r.Contests {
		contests = append(contests, contestJSON(c))
	}
	return roomJSON{
		Retention: r.Retention.Seconds(), EpochAge: r.EpochAge.Seconds(), Beside: r.Beside, Outsiders: r.Outsiders, Contests: contests,
		Room: r.Name, ID: r.ID.String(), Open: r.Open, Title: r.Title, Topic: r.Topic, History: r.History, Role: r.Role,
		Members: r.Members, Capacity: r.Capacity, Created: timestamp(r.Created), Epochs: r.Epochs, Keys: r.Keys,
		Messages: r.Held.Messages, Bytes: r.Held.Bytes, Logs: r.Held.Logs, Peers: r.Held.Peers, InStep: r.Held.InStep,
		Received: timestamp(unixNano(r.Held.LastReceived)),
	}
}

func (c *roomLsCmd) Run(a *app) error {
	return a.ask(c.waits, func(ctx context.Context, cl *client.Client) error {
		rooms, err := cl.Rooms(ctx)
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
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%d of %s\t%s\n", visible(r.Name), role, members,
				r.Held.Messages, bytesText(r.Held.Bytes), r.Held.InStep, count(r.Held.Peers, "peer"), visible(r.Topic))
		}
		return w.Flush()
	})
}

type roomInfoCmd struct {
	waits
	Room roomName `arg:"" help:"Name of a room, or at least 8 characters of its ID."`
	JSON bool     `name:"json" help:"Print JSON."`
}

func (c *roomInfoCmd) Run(a *app) error {
	return a.askRoom(c.waits, c.Room, func(ctx context.Context, cl *client.Client, room client.Room) error {
		r, err := cl.Info(ctx, room.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			return a.out.json(toRoomJSON(r))
		}
		return printRoomInfo(a.out.stdout, r)
	})
}

func printRoomInfo(out io.Writer, r client.RoomInfo) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t"+format+"\n", append([]any{name}, args...)...)
	}
	row("room", "%s", visible(r.Name))
	row("id", "%s", r.ID)
	switch {
	case r.Open:
		row("kind", "open: everybody of the network reads and writes it")
	case !r.With.IsZero():
		row("kind", "a room of two, of you and %s", visible(strings.TrimPrefix(r.Name, "@")))
		row("keys", "of %d of %s", r.Keys, count(uint64(r.Epochs), "epoch"))
	default:
		row("title", "%s", visible(r.Title))
		row("topic", "%s", visible(r.Topic))
		row("created", "%s", clock(r.Created))
		row("you are", "%s", r.Role)
		if r.Capacity > 0 {
			row("members", "%d of at most %d", r.Members, r.Capacity)
		} else {
			row("members", "%d", r.Members)
		}
		row("history", "%s", r.History)
		row("retention", "%s", spanText(r.Retention, "keeps all"))
		row("epoch age", "%s", spanText(r.EpochAge, "the key changes on demand and after removals only"))
		row("keys", "of %d of %s", r.Keys, count(uint64(r.Epochs), "epoch"))
	}
	if r.Beside > 1 {
		row("pending", "%d newest keys beside each other; an admin's agent merges them", r.Beside)
	}
	if len(r.Outsiders) > 0 {
		row("pending", "no member, and holds the newest key: %s; an admin's agent changes it", visible(strings.Join(r.Outsiders, ", ")))
	}
	for _, c := range r.Contests {
		row("contested", "%s handed the room over to %s, which counts, and also to %s", visible(c.Former), visible(c.Master), visible(strings.Join(c.Others, ", ")))
	}
	if r.Role == rooms.RoleNone.String() {
		row("messages", "no longer told to you, nor who came and went since")
		return w.Flush()
	}
	row("messages", "%d in %s, %s", r.Held.Messages, count(r.Held.Logs, "log"), bytesText(r.Held.Bytes))
	row("peers", "%d connected, in step with %d", r.Held.Peers, r.Held.InStep)
	return w.Flush()
}

type roomMembersCmd struct {
	waits
	Room roomName `arg:"" help:"Name of a room, or at least 8 characters of its ID."`
	JSON bool     `name:"json" help:"Print JSON."`
}

type memberJSON struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Role  string `json:"role"`
	Since string `json:"since,omitempty"`
	Self  bool   `json:"self"`

	Verified string `json:"verified,omitempty"` // the day
}

type removedJSON struct {
	Removed string `json:"removed"`
	Name    string `json:"name"`
	Ban     bool   `json:"ban"`
	By      string `json:"by"`
	Since   string `json:"since"`
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
	return a.askRoom(c.waits, c.Room, func(ctx context.Context, cl *client.Client, room client.Room) error {
		members, invites, err := cl.Members(ctx, room.ID)
		if err != nil {
			return err
		}
		removed, err := cl.Removed(room.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			return printMembersJSON(a.out, members, invites, removed)
		}
		return printMembers(a.out, members, invites, removed)
	})
}

func printMembersJSON(out *output, members []client.Member, invites []client.LiveInvite, removed []client.Removed) error {
	for _, m := range members {
		if err := out.json(memberJSON{m.ID.String(), m.Shown, m.Role, timestamp(m.Since), m.Self, m.Checked}); err != nil {
			return err
		}
	}
	for _, i := range invites {
		if err := out.json(inviteJSON{i.Entry.String(), i.By.String(), i.Role, i.Uses, i.Used, timestamp(i.Expires)}); err != nil {
			return err
		}
	}
	for _, r := range removed {
		if err := out.json(removedJSON{r.ID.String(), r.Shown, r.Ban, r.By.String(), timestamp(r.Since)}); err != nil {
			return err
		}
	}
	return nil
}

func printMembers(out *output, members []client.Member, invites []client.LiveInvite, removed []client.Removed) error {
	w := tabwriter.NewWriter(out.stdout, 0, 0, 2, ' ', 0)
	for _, m := range members {
		self := ""
		switch {
		case m.Self:
			self = "(you)"
		case m.Checked != "":
			self = "verified " + visible(m.Checked)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", visible(m.Shown), m.Role, self)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, i := range invites {
		reads := "anyone with this link can read"
		if i.Role == "relay" {
			reads = "who joins by it stores, and cannot read"
		}
		out.printf("live invite %s: %s, %d of %s, until %s: %s\n",
			i.Entry.String()[:8], i.Role, i.Used, count(uint64(i.Uses), "use"), clock(i.Expires), reads)
	}
	for _, r := range removed {
		kept := "removed: an invite takes it in after parley room unban"
		if r.Ban {
			kept = "banned: stays out until parley room unban"
		}
		out.printf("%s: %s\n", visible(r.Shown), kept)
	}
	return nil
}
