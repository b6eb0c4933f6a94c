package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"parley/handshake/identity"
	"parley/rooms/client"
	"parley/wire"
)

type peersCmd struct {
	JSON  bool `name:"json" help:"Print one JSON object a line."`
	Watch bool `short:"w" help:"Print again at every change."`
}

type peerJSON struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Address  string `json:"address"`
	RTT      string `json:"rtt"`
	State    string `json:"state"`
	Reason   string `json:"reason,omitempty"`
	Since    string `json:"since"`
	Outbound bool   `json:"outbound"`
	Rooms    uint64 `json:"rooms"`
	Sent     uint64 `json:"sent"`
	Received uint64 `json:"received"`
}

func (c *peersCmd) Run(a *app) error {
	return a.withClient(func(cl *client.Client) error {
		for peers, err := range cl.Peers(a.ctx, c.Watch) {
			if err != nil {
				return err
			}
			if err := c.print(a, peers); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *peersCmd) print(a *app, peers []wire.PeerInfo) error {
	if c.JSON {
		for _, p := range peers {
			row := peerJSON{
				Name: p.Name, Address: p.Address, State: p.State, Reason: p.Reason, Since: timestamp(unixNano(p.Since)),
				Outbound: p.Outbound, Rooms: p.Rooms, Sent: p.Sent, Received: p.Received,
			}
			if !p.Peer.IsZero() {
				row.ID = p.Peer.String()
			}
			if p.RTT > 0 {
				row.RTT = time.Duration(p.RTT).String()
			}
			if err := a.out.json(row); err != nil {
				return err
			}
		}
		return nil
	}
	if len(peers) == 0 {
		a.out.printf("no peer is connected or heard; parley doctor says why\n")
		return nil
	}
	w := tabwriter.NewWriter(a.out.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PEER\tADDRESS\tSTATE\tRTT\tROOMS\tSENT\tRECEIVED\t")
	for _, p := range peers {
		name, rtt := "-", "-"
		if !p.Peer.IsZero() {
			name = identity.Claim(p.Name, p.Peer)
		}
		if p.RTT > 0 {
			rtt = time.Duration(p.RTT).Round(10 * time.Microsecond).String()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", name, p.Address, p.State, rtt, p.Rooms,
			bytesText(p.Sent), bytesText(p.Received), p.Reason)
	}
	return w.Flush()
}

// withTimeout is context.WithTimeout where 0 means none.
func withTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}
