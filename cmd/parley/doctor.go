package main

import (
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
var errUnwell = errors.New("something keeps peers from finding each other; see the lines above")

func (c *doctorCmd) Run(a *app) error {
	findings, err := c.examine(a)
	if err != nil {
		return err
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
		a.out.printf("%s  %-10s %s: %s\n", mark, f.Layer, f.Subject, f.Detail)
		if f.Advice != "" {
			a.out.printf("                 do: %s\n", f.Advice)
		}
	}
	if unwell {
		return errUnwell
	}
	return nil
}

// examine asks the daemon, or probes the network itself when none runs.
func (c *doctorCmd) examine(a *app) ([]wire.Finding, error) {
	var findings []wire.Finding
	err := a.withClient(func(cl *client.Client) (err error) {
		findings, err = cl.Doctor(a.ctx)
		return err
	})
	if !errors.Is(err, client.ErrNoDaemon) && !errors.Is(err, home.ErrNoAddress) {
		return findings, err
	}
	h, err := a.openHome()
	if err != nil {
		return nil, err
	}
	network, err := a.network(h)
	if err != nil {
		return nil, err
	}
	a.out.notice("no daemon runs for %s: probing the network for %v", h.Dir(), probeFor)
	report, err := discovery.Probe(a.ctx, discovery.Config{Network: network, Interfaces: c.Interface}, probeFor)
	if err != nil {
		return nil, err
	}
	return append([]wire.Finding{{
		Layer: "daemon", Subject: h.Dir(), Detail: "not running", Advice: "start it with: parley up",
	}}, peer.Findings(report)...), nil
}
