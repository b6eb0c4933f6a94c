package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"parley/handshake/identity"
	"parley/rooms/client"
	"parley/wire"
)

type statusCmd struct {
	waits
	JSON bool `name:"json" help:"Print JSON."`
}

type statusJSON struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Network    string            `json:"network"`
	Secret     bool              `json:"secret"` // the network has one
	Software   string            `json:"software"`
	Address    string            `json:"address"`
	Addresses  []string          `json:"addresses"` // at which others may reach it
	Started    string            `json:"started"`
	Uptime     float64           `json:"uptime"` // seconds
	Store      string            `json:"store"`
	StoreBytes uint64            `json:"store_bytes"`
	Rooms      uint64            `json:"rooms"`
	Sessions   uint64            `json:"sessions"`
	Users      uint64            `json:"users"` // sessions of users among them
	Queues     map[string]uint64 `json:"queues"`
	Counters   map[string]uint64 `json:"counters"` // since the start
	Sent       uint64            `json:"sent"`
	Received   uint64            `json:"received"`
	Memory     uint64            `json:"memory_bytes"`
	Goroutines uint64            `json:"goroutines"`
}

func (c *statusCmd) Run(a *app) error {
	return a.ask(c.waits, func(ctx context.Context, cl *client.Client) error {
		s, err := cl.Status(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return a.out.json(toStatusJSON(s, time.Now()))
		}
		return printStatus(a.out.stdout, s)
	})
}

func toStatusJSON(s *wire.Status, now time.Time) statusJSON {
	started := unixNano(s.Started)
	j := statusJSON{
		ID: s.Peer.String(), Name: s.Name, Network: s.Network, Secret: s.Secret, Software: s.Software,
		Address: s.Address, Addresses: append([]string{}, s.Addresses...), Started: timestamp(started),
		Uptime: now.Sub(started).Seconds(), Store: s.Store, StoreBytes: s.DiskBytes,
		Rooms: s.Rooms, Sessions: s.Sessions, Users: s.Users, Queues: map[string]uint64{"store_bytes": s.QueuedBytes},
		Counters: map[string]uint64{"messages_stored": s.Messages, "store_commits": s.Commits, "store_syncs": s.Syncs},
		Sent:     s.Sent, Received: s.Received, Memory: s.MemoryBytes, Goroutines: s.Goroutines,
	}
	for _, n := range s.Counters {
		j.Counters[n.Name] = n.Value
	}
	return j
}

func printStatus(out io.Writer, s *wire.Status) error {
	started := unixNano(s.Started)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t"+format+"\n", append([]any{name}, args...)...)
	}
	secret := "without a secret"
	if s.Secret {
		secret = "with a secret"
	}
	row("peer", "%s", identity.Claim(s.Name, s.Peer))
	row("id", "%s", s.Peer)
	row("address", "%s", visible(s.Address))
	row("network", "%s, %s", visible(s.Network), secret)
	row("running", "%s since %s (%s)", visible(s.Software), clock(started), time.Since(started).Round(time.Second))
	row("store", "%s, %s", visible(s.Store), bytesText(s.DiskBytes))
	row("rooms", "%d", s.Rooms)
	row("sessions", "%d, %d of them users'", s.Sessions, s.Users)
	row("queues", "%s wait for the store", bytesText(s.QueuedBytes))
	row("stored", "%s in %s since the start", count(s.Messages, "message"), count(s.Commits, "commit"))
	row("traffic", "%s sent, %s received", bytesText(s.Sent), bytesText(s.Received))
	row("memory", "%s, %s", bytesText(s.MemoryBytes), count(s.Goroutines, "goroutine"))
	for _, n := range s.Counters {
		if n.Value > 0 {
			row(visible(n.Name), "%d", n.Value)
		}
	}
	return w.Flush()
}
