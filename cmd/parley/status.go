package main

import (
	"encoding/hex"
	"fmt"
	"text/tabwriter"
	"time"

	"parley/handshake/identity"
	"parley/rooms/client"
)

type statusCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

type statusJSON struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Network   string            `json:"network"`
	Secret    bool              `json:"secret"`
	Software  string            `json:"software"`
	Address   string            `json:"address"`
	Addresses []string          `json:"addresses"`
	Store     string            `json:"store"`
	Started   string            `json:"started"`
	Uptime    float64           `json:"uptime_seconds"`
	Rooms     uint64            `json:"rooms"`
	Sessions  uint64            `json:"sessions"`
	Users     uint64            `json:"users"`
	Messages  uint64            `json:"messages_stored"`
	Disk      uint64            `json:"disk_bytes"`
	Memory    uint64            `json:"memory_bytes"`
	Commits   uint64            `json:"commits"`
	Syncs     uint64            `json:"syncs"`
	Queued    uint64            `json:"queued_bytes"`
	Sent      uint64            `json:"sent"`
	Received  uint64            `json:"received"`
	Routines  uint64            `json:"goroutines"`
	Counters  map[string]uint64 `json:"counters"`
}

func (c *statusCmd) Run(a *app) error {
	return a.withClient(func(cl *client.Client) error {
		s, err := cl.Status(a.ctx)
		if err != nil {
			return err
		}
		started := unixNano(s.Started)
		if c.JSON {
			j := statusJSON{
				ID: s.Peer.String(), Name: s.Name, Network: s.Network, Secret: s.Secret, Software: s.Software,
				Address: s.Address, Addresses: append([]string{}, s.Addresses...), Store: s.Store,
				Started: timestamp(started), Uptime: time.Since(started).Seconds(),
				Rooms: s.Rooms, Sessions: s.Sessions, Users: s.Users, Messages: s.Messages,
				Disk: s.DiskBytes, Memory: s.MemoryBytes, Commits: s.Commits, Syncs: s.Syncs, Queued: s.QueuedBytes,
				Sent: s.Sent, Received: s.Received, Routines: s.Goroutines, Counters: make(map[string]uint64),
			}
			for _, n := range s.Counters {
				j.Counters[n.Name] = n.Value
			}
			return a.out.json(j)
		}
		w := tabwriter.NewWriter(a.out.stdout, 0, 0, 2, ' ', 0)
		row := func(name, format string, args ...any) {
			fmt.Fprintf(w, "%s\t"+format+"\n", append([]any{name}, args...)...)
		}
		row("peer", "%s", identity.Claim(s.Name, s.Peer))
		row("id", "%s", s.Peer)
		row("address", "%s", s.Address)
		row("network", "%s", s.Network)
		row("running", "%s since %s", s.Software, started.Local().Format(time.DateTime))
		row("store", "%s, %s on disk", s.Store, bytesText(s.DiskBytes))
		row("rooms", "%d", s.Rooms)
		row("sessions", "%d, %d of them users'", s.Sessions, s.Users)
		row("stored", "%d messages in %d commits since the start; %s waiting", s.Messages, s.Commits, bytesText(s.QueuedBytes))
		row("traffic", "%s sent, %s received", bytesText(s.Sent), bytesText(s.Received))
		row("memory", "%s", bytesText(s.MemoryBytes))
		return w.Flush()
	})
}

type tokenCmd struct {
	Ls     tokenLsCmd     `cmd:"" help:"List your live tokens at the daemon."`
	Revoke tokenRevokeCmd `cmd:"" help:"Revoke a token and end the sessions opened with it."`
}

type tokenLsCmd struct {
	JSON bool `name:"json" help:"Print one JSON object a line."`
}

type tokenJSON struct {
	ID       string `json:"id"`
	Scope    string `json:"scope"`
	Issued   string `json:"issued"`
	Expires  string `json:"expires"`
	LastUsed string `json:"last_used,omitempty"`
	Current  bool   `json:"current"`
}

func unixSeconds(s uint64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(int64(s), 0)
}

func (c *tokenLsCmd) Run(a *app) error {
	return a.withClient(func(cl *client.Client) error {
		tokens, err := cl.Tokens(a.ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			for _, t := range tokens {
				if err := a.out.json(tokenJSON{
					hex.EncodeToString(t.ID), t.Scope, timestamp(unixSeconds(t.Issued)), timestamp(unixSeconds(t.Expires)),
					timestamp(unixSeconds(t.LastUsed)), t.Current,
				}); err != nil {
					return err
				}
			}
			return nil
		}
		w := tabwriter.NewWriter(a.out.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "TOKEN\tSCOPE\tISSUED\tEXPIRES\t")
		for _, t := range tokens {
			current := ""
			if t.Current {
				current = "(this session's)"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", hex.EncodeToString(t.ID), t.Scope,
				unixSeconds(t.Issued).Local().Format(time.DateTime), unixSeconds(t.Expires).Local().Format(time.DateTime), current)
		}
		return w.Flush()
	})
}

type tokenRevokeCmd struct {
	ID string `arg:"" help:"The token's ID, or its first 8 or more characters."`
}

func (c *tokenRevokeCmd) Run(a *app) error {
	return a.withClient(func(cl *client.Client) error {
		if err := cl.RevokeToken(a.ctx, c.ID); err != nil {
			return err
		}
		a.out.notice("token %s is revoked", c.ID)
		return nil
	})
}
