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
	waits
	JSON  bool `name:"json" help:"Print one JSON object a line."`
	Watch bool `short:"w" help:"Print again at every change, until interrupted."`
}

// Help is the rest of the command's help.
func (*peersCmd) Help() string {
	return `States: connected (a session), dialing, waiting (between two tries), refused (the
last try failed; the reason is told). SENT and RECEIVED count bytes since the
handshake, without it. In JSON the fields are id, name, address, rtt (seconds),
state, reason, since, outbound, rooms (shared), sent and received (bytes).`
}

type peerJSON struct {
	ID       string  `json:"id"` // empty before a handshake
	Name     string  `json:"name"`
	Address  string  `json:"address"`
	RTT      float64 `json:"rtt"` // seconds; 0: not measured
	State    string  `json:"state"`
	Reason   string  `json:"reason,omitempty"`
	Since    string  `json:"since"`
	Outbound bool    `json:"outbound"`
	Rooms    uint64  `json:"rooms"`
	Sent     uint64  `json:"sent"`
	Received uint64  `json:"received"`
}

func (c *peersCmd) Run(a *app) error {
	if c.Watch {
		return a.withClient(c.waits, func(cl *client.Client) error { return c.show(a.ctx, a.out, cl) })
	}
	return a.ask(c.waits, func(ctx context.Context, cl *client.Client) error { return c.show(ctx, a.out, cl) })
}

func (c *peersCmd) show(ctx context.Context, out *output, cl *client.Client) error {
	clear := c.Watch && !c.JSON && isTerminal(out.stdout)
	for peers, err := range cl.Peers(ctx, c.Watch) {
		if err != nil {
			return err
		}
		if clear {
			out.printf("\x1b[H\x1b[2J")
		}
		if err := c.print(out, peers); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (c *peersCmd) print(out *output, peers []wire.PeerInfo) error {
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
				row.RTT = time.Duration(p.RTT).Seconds()
			}
			if err := out.json(row); err != nil {
				return err
			}
		}
		return nil
	}
	if len(peers) == 0 {
		out.notice("no peer is connected or heard; parley doctor says why")
		return nil
	}
	w := tabwriter.NewWriter(out.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PEER\tADDRESS\tSTATE\tRTT\tROOMS\tSENT\tRECEIVED\t")
	for _, p := range peers {
		name, rtt := "-", "-"
		if !p.Peer.IsZero() {
			name = identity.Claim(p.Name, p.Peer)
		}
		if p.RTT > 0 {
			rtt = time.Duration(p.RTT).Round(10 * time.Microsecond).String()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", name, visible(p.Address), visible(p.State), rtt, p.Rooms,
			bytesText(p.Sent), bytesText(p.Received), visible(p.Reason))
	}
	return w.Flush()
}
