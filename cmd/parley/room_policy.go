package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"parley/rooms"
	"parley/rooms/client"
)

type roomPolicyCmd struct {
	waits
	Room      roomName `arg:"" help:"Name of a room, or at least 8 characters of its ID."`
	Name      *string  `help:"What newcomers find it called." placeholder:"NAME"`
	Topic     *string  `help:"What the room is for." placeholder:"TEXT"`
	History   *string  `help:"What a newcomer can read: all, or from when it joined." placeholder:"all|joined" enum:"all,joined"`
	Capacity  *uint64  `help:"Most members; 0: no bound." placeholder:"N"`
	Retention *spans   `help:"Forget what is older than this: 90d, 52w; never: keep all." placeholder:"D"`
	EpochAge  *spans   `help:"Change the key when it is older than this: 12h, 7d; never: only on demand and after removals." placeholder:"D"`
	JSON      bool     `name:"json" help:"Print JSON."`
}

// Help is the rest of the command's help.
func (*roomPolicyCmd) Help() string {
	return `Without flags it shows the room's policy. Only the master sets it. Retention is done by
the master's agent (parley up), epoch age by an admin's.

  parley room policy ops
  parley room policy ops --topic "who is on duty" --retention 90d
  parley room policy ops --epoch-age 1d`
}

// spans is a duration or "never".
type spans time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *spans) UnmarshalText(text []byte) error {
	if string(text) == "never" {
		*s = 0
		return nil
	}
	d, err := parseDuration(string(text))
	if err == nil && d < time.Second {
		err = errors.New("less than a second; to end it, give never")
	}
	*s = spans(d)
	return err
}

type policyJSON struct {
	Room      string  `json:"room"`
	ID        string  `json:"id"`
	Name      string  `json:"name"`
	Topic     string  `json:"topic"`
	History   string  `json:"history"`
	Capacity  uint64  `json:"capacity"`
	Retention float64 `json:"retention"` // seconds; 0: never
	EpochAge  float64 `json:"epoch_age"` // seconds; 0: never
}

func (c *roomPolicyCmd) Run(a *app) error {
	return a.askRoom(c.waits, c.Room, func(ctx context.Context, cl *client.Client, room client.Room) error {
		if room.Open {
			return usagef("%s is open to its whole network: each peer keeps of it what it likes", room.Name)
		}
		p, err := cl.Policy(ctx, room.ID)
		if err == nil && c.changes() {
			p, err = cl.SetPolicy(ctx, room.ID, c.apply)
		}
		if err != nil {
			return err
		}
		if c.JSON {
			return a.out.json(policyJSON{
				room.Name, room.ID.String(), p.Name, p.Topic, historyText(p.History), p.Capacity,
				p.Retention.Seconds(), p.EpochAge.Seconds(),
			})
		}
		if c.changes() {
			a.out.notice("%s has a new policy", room.Name)
		}
		return printPolicy(a.out.stdout, p)
	})
}

func (c *roomPolicyCmd) changes() bool {
	return c.Name != nil || c.Topic != nil || c.History != nil || c.Capacity != nil || c.Retention != nil || c.EpochAge != nil
}

func (c *roomPolicyCmd) apply(p *rooms.Policy) {
	set(&p.Name, c.Name)
	set(&p.Topic, c.Topic)
	set(&p.Capacity, c.Capacity)
	if c.History != nil {
		p.History = rooms.HistoryAll
		if *c.History == "joined" {
			p.History = rooms.HistoryJoined
		}
	}
	if c.Retention != nil {
		p.Retention = time.Duration(*c.Retention)
	}
	if c.EpochAge != nil {
		p.EpochAge = time.Duration(*c.EpochAge)
	}
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func historyText(h rooms.History) string {
	if h == rooms.HistoryJoined {
		return "joined"
	}
	return "all"
}

func printPolicy(out io.Writer, p rooms.Policy) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "name\t%s\n", visible(p.Name))
	fmt.Fprintf(w, "topic\t%s\n", visible(p.Topic))
	fmt.Fprintf(w, "history\t%s\n", historyText(p.History))
	fmt.Fprintf(w, "capacity\t%s\n", capacityText(p.Capacity))
	fmt.Fprintf(w, "retention\t%s\n", spanText(p.Retention, "keeps all"))
	fmt.Fprintf(w, "epoch age\t%s\n", spanText(p.EpochAge, "the key changes on demand and after removals only"))
	return w.Flush()
}

func capacityText(n uint64) string {
	if n == 0 {
		return "no bound"
	}
	return count(n, "member")
}

// spanText is a duration in days where it is whole days.
func spanText(d time.Duration, never string) string {
	const day = 24 * time.Hour
	switch {
	case d == 0:
		return never
	case d%day == 0:
		return count(uint64(d/day), "day")
	}
	return d.String()
}
