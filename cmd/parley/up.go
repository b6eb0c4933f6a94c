package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"time"

	"parley/cmd/internal/home"
	"parley/cmd/internal/peer"
	"parley/handshake/identity"
	"parley/rooms/client"
	"parley/rooms/client/agent"
	"parley/wire"
)

// settle is how long after the start the network's troubles are reported: own
// beacons have come back by then, and neighbours have answered them.
const settle = 3 * time.Second

// attachWithin is how long a daemon that holds the home may take to be ready:
// the opening of a large store.
const attachWithin = 30 * time.Second

type upCmd struct {
	peerFlags `set:"log_level=warn"`
}

// Help is the rest of the command's help.
func (*upCmd) Help() string {
	return `Makes your keys at first use, runs the peer and your agent in this process until
Ctrl-C, and says who comes and goes. Where the daemon of this home runs already,
or --daemon names one, only the agent is started.

  parley up                                      # on each machine
  parley up --network-secret-file net.secret     # a network of your own`
}

// Run starts the peer and the user's agent. They know each other through a
// session only.
func (c *upCmd) Run(a *app) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	h, err := a.openHome()
	if err != nil {
		return err
	}
	key, err := h.LoadOrCreateUser(a.ctx, a.keyOptions(""))
	if err != nil {
		return err
	}
	lock, err := h.LockAgent()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	inner := *a
	inner.ctx = ctx
	p := c.startPeer(&inner, h)
	err = p.await(ctx, &inner, h)
	for again := true; again && err == nil; {
		again, err = c.attach(&inner, h, key, p)
	}
	cancel()
	<-p.done
	if a.ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil
	}
	if p.err != nil && !errors.Is(err, p.err) {
		err = errors.Join(err, p.err)
	}
	return err
}

// An ownPeer is the peer in this process, if it is there that it runs.
type ownPeer struct {
	ready chan *peer.Peer // at each start: also when the network's secret changed
	done  chan struct{}   // closed at its end, or at once if another process runs the peer
	err   error           // set before done is closed
	away  bool            // likewise: another process runs the peer
}

// startPeer runs a peer in this process until the context of a ends.
func (c *upCmd) startPeer(a *app, h *home.Home) *ownPeer {
	p := &ownPeer{ready: make(chan *peer.Peer, 1), done: make(chan struct{})}
	if a.globals.DaemonAddr != "" {
		a.out.printf("peer     at %s; starting the agent only\n", a.globals.DaemonAddr)
		p.away = true
		close(p.done)
		return p
	}
	hup := make(chan os.Signal, 1)
	if !isTerminal(a.out.stdin) { // there it means that the terminal was closed
		notifyReload(hup)
	}
	go func() {
		defer close(p.done)
		defer signal.Stop(hup)
		p.err = c.runPeer(a, h, hup, c.logger(a.out.stderr), func(started *peer.Peer) {
			a.out.printf("peer     %s, listening on %s\n", identity.Claim(started.Name(), started.ID()), started.Addr())
			p.ready <- started
		})
		var held *home.HeldError
		if errors.As(p.err, &held) {
			a.out.printf("peer     runs already as process %d; starting the agent only\n", held.PID)
			p.err, p.away = nil, true
		}
	}()
	return p
}

// await waits until the peer, here or in the process that holds the home, is ready.
func (p *ownPeer) await(ctx context.Context, a *app, h *home.Home) error {
	select {
	case <-p.ready:
		return nil
	case <-p.done:
		if !p.away {
			return p.err
		}
	}
	if a.globals.DaemonAddr != "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, attachWithin)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, _, err := h.ReadAddress(); !errors.Is(err, home.ErrNoAddress) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return timedOut(ctx, ctx.Err(), "the daemon of this home does not get ready")
		}
	}
}

// attach connects the agent and says what there is, until the context of a or
// the peer of this process ends. It is done again when that peer started anew.
func (c *upCmd) attach(a *app, h *home.Home, key *identity.Private, p *ownPeer) (again bool, err error) {
	cfg, err := a.clientConfig(h, waits{defaultPatience})
	if err != nil {
		return false, err
	}
	logger := c.logger(a.out.stderr)
	cfg.Logger = logger.With("part", "agent")
	cl, err := client.Dial(a.ctx, cfg)
	if err != nil {
		return false, err
	}
	follower, err := agent.New(agent.Config{Client: cl, Logger: cfg.Logger})
	if err != nil {
		return false, errors.Join(err, cl.Close())
	}
	ctx, cancel := context.WithCancel(a.ctx)
	var wg sync.WaitGroup
	defer func() {
		cancel()
		cl.Close()
		wg.Wait()
	}()
	c.welcome(a, cfg.Network, key)
	wg.Go(func() { watchPeers(ctx, a.out, cl, logger) })
	wg.Go(func() { reportTroubles(ctx, a.out, cl) })
	failed := make(chan error, 1)
	wg.Go(func() { failed <- follower.Run(ctx) })
	own := p.done
	if p.away {
		own = nil
	}
	select {
	case err := <-failed:
		if ctx.Err() == nil {
			return false, fmt.Errorf("the agent ended: %w", cmp.Or(err, errors.New("without a reason")))
		}
	case <-p.ready:
		return true, nil
	case <-own: // its error is reported by Run
	case <-ctx.Done():
	}
	return false, nil
}

func (c *upCmd) welcome(a *app, network identity.Network, key *identity.Private) {
	a.out.printf("you      %s\n", identity.Claim(key.Bundle().Name, key.ID()))
	if network.HasSecret() {
		a.out.printf("network  %q, with a secret\n", network.Name)
		a.out.printf("lobby    open to every host that has the secret\n")
	} else {
		a.out.printf("network  %q, without a secret\n", network.Name)
		a.out.printf("lobby    public: every host on this link can read and write it; parley network new makes a secret\n")
	}
	a.out.printf("try      parley send lobby \"hello\"   and on another host: parley tail lobby -f\n")
	a.out.printf("         parley room create ops && parley room invite ops\n")
}

// reportTroubles says what of the network does not work, once that can be known.
func reportTroubles(ctx context.Context, out *output, cl *client.Client) {
	timer := time.NewTimer(settle)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return
	}
	findings, err := cl.Doctor(ctx)
	if err != nil {
		return
	}
	for _, f := range findings {
		if !f.OK && f.Layer != "neighbours" && f.Layer != "peers" { // being the first is no trouble
			out.printf("warning  %s %s: %s; %s\n", visible(f.Layer), visible(f.Subject), visible(f.Detail), visible(f.Advice))
		}
	}
}

// watchPeers says who comes and goes.
func watchPeers(ctx context.Context, out *output, cl *client.Client, logger *slog.Logger) {
	here := make(map[wire.ID]string)
	for ctx.Err() == nil {
		for peers, err := range cl.Peers(ctx, true) {
			if err != nil {
				logger.Debug("the peers cannot be watched", "error", err)
				break
			}
			here = announce(out, here, peers)
		}
		select { // the session ended; the daemon may come back
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

// announce prints the difference between two lists, and returns the new one.
func announce(out *output, before map[wire.ID]string, peers []wire.PeerInfo) map[wire.ID]string {
	now := make(map[wire.ID]string)
	for _, p := range peers {
		if p.State == "connected" {
			now[p.Peer] = fmt.Sprintf("%s at %s", identity.Claim(p.Name, p.Peer), visible(p.Address))
		}
	}
	for id, text := range now {
		if _, ok := before[id]; !ok {
			out.printf("heard    %s\n", text)
		}
	}
	for id, text := range before {
		if _, ok := now[id]; !ok {
			out.printf("gone     %s\n", text)
		}
	}
	return now
}
