package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"parley/cmd/internal/load"
)

// loadCmd puts honest traffic on peers.
type loadCmd struct {
	Messages loadMessagesCmd `cmd:"" default:"withargs" help:"Messages at given rates, and what each waited (the default)."`
	Idle     loadIdleCmd     `cmd:"" help:"Sessions that do nothing, and what they cost the peer."`
	Storm    loadStormCmd    `cmd:"" help:"Many sessions cut at once, which dial again at once."`
	Slow     loadSlowCmd     `cmd:"" help:"Readers that do not keep up, and what the others notice."`
}

// Help is the long help.
func (c *loadCmd) Help() string {
	return `The peers must let anyone of their network be a user (parley daemon --users any). Users with keys of their own are made,
and private rooms, which the peers keep afterwards; try peers that nobody needs.

Messages are sent at their intended moments, whatever the peers do, and every latency counts from that moment. Each
reader must be given each message once, in each writer's order. The exit code is 1 when that was not so, when a message
was not acknowledged, or when a rate was not kept.`
}

// peersUnderLoad are what every load is put on, and how the report is given.
type peersUnderLoad struct {
	target
	Addrs []string `arg:"" name:"addr" help:"Where the peers listen." placeholder:"HOST:PORT"`
	JSON  bool     `name:"json" help:"Print one JSON object."`
}

func (p *peersUnderLoad) where() (t load.Target, err error) {
	t.Addrs = p.Addrs
	if t.Network, err = p.network(); err != nil {
		return t, err
	}
	if t.PeerID, err = p.peer(); err == nil && !t.PeerID.IsZero() && len(t.Addrs) > 1 {
		err = errors.New("--peer-id: it is of one peer; name one address")
	}
	return t, err
}

// trafficFlags are of every load with messages.
type trafficFlags struct {
	peersUnderLoad
	Clients  int           `help:"Users that write, spread over the rooms and the peers." default:"8"`
	Rooms    int           `help:"Private rooms, made at the first peer." default:"4"`
	Lobby    bool          `help:"Write in the network's lobby instead. Peers take a mebibyte a second of one author there."`
	Readers  int           `help:"Users that follow each room." default:"1"`
	Arrivals string        `help:"How messages follow each other: ${enum}." enum:"poisson,even" default:"poisson"`
	Replicas int           `help:"Measure the time until a message is on the disks of so many other peers, too." placeholder:"N"`
	Warmup   time.Duration `help:"Send at the first rate for so long before anything is measured." default:"1s"`
	Drain    time.Duration `help:"How long nothing may arrive, after the last message, before what is missing counts as lost." default:"10s"`
	Seed     uint64        `help:"Of the intended moments (default: another each time, printed)."`
	Least    float64       `help:"The part of the messages due at a rate that must be acknowledged while it lasts." default:"0.95"`
	SVG      string        `name:"svg" help:"Write the timeline as a picture to this file." placeholder:"FILE" type:"path"`
}

func (f *trafficFlags) traffic(a *app, size int) (t load.Traffic, err error) {
	t = load.Traffic{
		Writers: f.Clients, Rooms: f.Rooms, Lobby: f.Lobby, Readers: f.Readers, Size: size, Even: f.Arrivals == "even",
		Replicas: f.Replicas, Warmup: f.Warmup, Drain: f.Drain, Seed: f.Seed, Notice: a.noticed,
	}
	if t.Seed == 0 {
		t.Seed, err = freshSeed()
	}
	return t, err
}

func (a *app) noticed(text string) { fmt.Fprintln(a.stderr, "parley-harness: "+text) }

// report prints what a run found. An interrupted run has a report, too.
func (p *peersUnderLoad) report(a *app, r *load.Report, err error) error {
	if r == nil {
		return err
	}
	if p.JSON {
		err = errors.Join(err, json.NewEncoder(a.stdout).Encode(r))
		for _, text := range append(r.Warnings, r.Problems...) {
			a.noticed(text)
		}
	} else {
		err = errors.Join(err, r.WriteText(a.stdout))
	}
	if err == nil && len(r.Problems) > 0 {
		err = errFailed
	}
	return err
}

// report prints what a run found, and draws it.
func (f *trafficFlags) report(a *app, r *load.Report, err error) error {
	if f.SVG != "" && r != nil {
		err = errors.Join(err, f.draw(r))
	}
	return f.peersUnderLoad.report(a, r, err)
}

func (f *trafficFlags) draw(r *load.Report) error {
	var picture bytes.Buffer
	err := r.WriteSVG(&picture)
	if err == nil {
		err = os.WriteFile(f.SVG, picture.Bytes(), 0o666)
	}
	if err != nil {
		return fmt.Errorf("--svg: %w", err)
	}
	return nil
}

// loadMessagesCmd plays one rate after another.
type loadMessagesCmd struct {
	trafficFlags
	Rate []float64     `help:"Messages per second, of all clients together; several, with commas, are a staircase." default:"100" placeholder:"N,…"`
	For  time.Duration `help:"How long each rate is kept." default:"10s"`
	Size int           `help:"Of a message, in bytes." default:"256"`
}

// Run implements the command.
func (c *loadMessagesCmd) Run(a *app) error {
	t, traffic, err := c.prepare(a, c.Size)
	if err != nil {
		return err
	}
	var steps []load.Step
	for _, rate := range c.Rate {
		steps = append(steps, load.Step{Rate: rate, For: c.For})
	}
	r, err := load.Messages(a.ctx, t, traffic, steps, c.Least)
	return c.report(a, r, err)
}

func (f *trafficFlags) prepare(a *app, size int) (t load.Target, traffic load.Traffic, err error) {
	if t, err = f.where(); err == nil {
		traffic, err = f.traffic(a, size)
	}
	if err == nil && f.SVG != "" { // what can be seen to fail behind the run fails before it
		if _, err = os.Stat(filepath.Dir(f.SVG)); err != nil {
			err = fmt.Errorf("--svg: %w", err)
		}
	}
	return t, traffic, err
}

// loadIdleCmd holds sessions.
type loadIdleCmd struct {
	peersUnderLoad
	Sessions int           `short:"n" help:"How many, each a user's own." default:"100"`
	For      time.Duration `help:"How long they are held." default:"30s"`
}

// Run implements the command.
func (c *loadIdleCmd) Run(a *app) error {
	t, err := c.where()
	if err != nil {
		return err
	}
	r, err := load.Idle(a.ctx, t, c.Sessions, c.For, a.noticed)
	return c.report(a, r, err)
}

// loadStormCmd cuts sessions.
type loadStormCmd struct {
	trafficFlags
	Sessions int           `short:"n" help:"How many are cut, each a user's own." default:"100"`
	Rate     float64       `help:"Messages per second of the clients, whose sessions are not cut." default:"100"`
	For      time.Duration `help:"How long before the storm, and after it." default:"5s"`
	Within   time.Duration `help:"The longest that the storm may last." default:"1m"`
	Size     int           `help:"Of a message, in bytes." default:"256"`
}

// Run implements the command.
func (c *loadStormCmd) Run(a *app) error {
	t, traffic, err := c.prepare(a, c.Size)
	if err != nil {
		return err
	}
	r, err := load.Storm(a.ctx, t, traffic, c.Sessions, c.Rate, c.For, c.Within, c.Least)
	return c.report(a, r, err)
}

// loadSlowCmd adds slow readers.
type loadSlowCmd struct {
	trafficFlags
	Slow int           `short:"n" help:"How many readers become slow, beside the --readers of each room." default:"4"`
	Pace int           `help:"Bytes per second that each of them reads." default:"1024"`
	Rate float64       `help:"Messages per second, of all clients together." default:"400"`
	For  time.Duration `help:"How long all read as they can, and how long some are slow." default:"10s"`
	Size int           `help:"Of a message, in bytes." default:"4096"`
}

// Run implements the command.
func (c *loadSlowCmd) Run(a *app) error {
	t, traffic, err := c.prepare(a, c.Size)
	if err != nil {
		return err
	}
	r, err := load.Slow(a.ctx, t, traffic, c.Slow, c.Pace, load.Step{Rate: c.Rate, For: c.For}, c.Least)
	return c.report(a, r, err)
}
