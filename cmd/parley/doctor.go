package main

import (
	"context"
	"errors"
	"time"

	"parley/cmd/internal/home"
	"parley/cmd/internal/peer"
	"parley/discovery"
	"parley/rooms/client"
	"parley/wire"
)

// probeFor is how long the doctor listens when no daemon runs: long enough for
// its own beacons to come back and for neighbours to answer them.
const probeFor = 3 * time.Second

type doctorCmd struct {
	waits
	JSON      bool     `name:"json" help:"Print one JSON object a line."`
	Interface []string `help:"Without a daemon: network interface to probe; repeat for several (default: all that multicast)." placeholder:"IF"`
}

type findingJSON struct {
	Layer   string `json:"layer"`
	Subject string `json:"subject"`
	OK      bool   `json:"ok"`
	Detail  string `json:"detail"`
	Advice  string `json:"advice,omitempty"`
}

// errUnwell is the outcome of a doctor that found something: it is printed already.
var errUnwell = errors.New("something keeps peers from finding each other; do what the lines above say")

// Help is the rest of the command's help.
func (*doctorCmd) Help() string {
	return `Looks at each layer by which peers find each other, on each interface: addresses,
multicast, what is heard and from which network, TCP, handshakes. Ends with code 0
when nothing is in the way. Without a daemon it probes the network itself, for three
seconds, and ends with code 3.`
}

func (c *doctorCmd) Run(a *app) error {
	findings, outcome := c.examine(a)
	if findings == nil && outcome != nil {
		return outcome
	}
	unwell := false
	for _, f := range findings {
		unwell = unwell || !f.OK
		if c.JSON {
			if err := a.out.json(findingJSON{f.Layer, f.Subject, f.OK, f.Detail, f.Advice}); err != nil {
				return err
			}
			continue
		}
		mark := "ok  "
		if !f.OK {
			mark = "FAIL"
		}
		a.out.printf("%s  %-10s %s: %s\n", mark, visible(f.Layer), visible(f.Subject), visible(f.Detail))
		if f.Advice != "" {
			a.out.printf("                 do: %s\n", visible(f.Advice))
		}
	}
	if unwell && outcome == nil {
		return errUnwell
	}
	return outcome
}

// examine asks the daemon, or probes the network itself when none runs; the
// findings then come with the error that says so.
func (c *doctorCmd) examine(a *app) ([]wire.Finding, error) {
	var findings []wire.Finding
	err := a.ask(c.waits, func(ctx context.Context, cl *client.Client) (err error) {
		findings, err = cl.Doctor(ctx)
		return err
	})
	gone := errors.Is(err, client.ErrNoDaemon) || errors.Is(err, home.ErrNoAddress)
	if !gone || a.globals.DaemonAddr != "" {
		return findings, err
	}
	h, herr := a.openHome()
	if herr != nil {
		return nil, herr
	}
	network, nerr := a.network(h)
	if nerr != nil {
		return nil, nerr
	}
	a.out.notice("no daemon runs for %s: probing the network for %v", h.Dir(), probeFor)
	report, perr := discovery.Probe(a.ctx, discovery.Config{Network: network, Interfaces: c.Interface}, probeFor)
	if perr != nil {
		return nil, perr
	}
	return append([]wire.Finding{{
		Layer: "daemon", Subject: h.Dir(), Detail: "not running", Advice: "start it with: parley up",
	}}, peer.Findings(report)...), err
}
