package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"parley/cmd/internal/home"
	"parley/cmd/internal/peer"
	"parley/handshake/identity"
	"parley/rooms/client"
	"parley/rooms/client/agent"
	"parley/wire"
)

type upCmd struct {
	peerFlags
}

// Run starts the peer and the user's agent, or only the agent when this home's
// daemon runs already. Both know each other through a session only.
func (c *upCmd) Run(a *app) error {
	h, err := a.openHome()
	if err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	key, err := h.LoadOrCreateUser(a.ctx, a.keyOptions(""))
	if err != nil {
		return err
	}
	agentLock, err := h.LockAgent()
	if err != nil {
		return err
	}
	defer agentLock.Unlock()
	logger := c.logger(a.out.stderr)

	ctx, cancel := context.WithCancelCause(a.ctx)
	defer cancel(nil)
	inner := *a
	inner.ctx = ctx
	ready := make(chan *peer.Peer, 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel(nil)
	ended := make(chan error, 1)
	go func() { ended <- c.runPeer(&inner, h, logger, func(p *peer.Peer) { ready <- p }) }()
	var held *home.HeldError
	select {
	case p := <-ready:
		a.out.printf("peer     %s, listening on %s\n", identity.Claim(p.Name(), p.ID()), p.Addr())
	case err := <-ended:
		if !errors.As(err, &held) {
			return err
		}
		ended = nil
		a.out.printf("peer     runs already as process %d; starting the agent only\n", held.PID)
	}
	cfg, err := inner.clientConfig(h)
	if err != nil {
		return err
	}
	cl, err := client.Dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer cl.Close()
	a.out.printf("you      %s\n", identity.Claim(key.Bundle().Name, key.ID()))
	if cfg.Network.HasSecret() {
		a.out.printf("network  %q, with a secret\n", cfg.Network.Name)
		a.out.printf("lobby    open to every host that has the secret\n")
	} else {
		a.out.printf("network  %q, without a secret\n", cfg.Network.Name)
		a.out.printf("lobby    public: every host on this link can read and write it; parley network new makes a secret\n")
	}
	c.report(a, cl)
	a.out.printf("try      parley send lobby \"hello\"   and on another host: parley tail lobby -f\n")
	a.out.printf("         parley room create ops && parley room invite ops\n")

	wg.Go(func() { watchPeers(ctx, a, cl) })
	wg.Go(func() {
		if err := agent.New(agent.Config{Client: cl, Logger: logger.With("part", "agent")}).Run(ctx); err != nil && ctx.Err() == nil {
			logger.Error("the agent ended", "error", err)
		}
	})
	if ended == nil {
		<-ctx.Done()
		return nil
	}
	return <-ended
}

// report says what of the network does not work.
func (c *upCmd) report(a *app, cl *client.Client) {
	findings, err := cl.Doctor(a.ctx)
	if err != nil {
		return
	}
	for _, f := range findings {
		if !f.OK && f.Layer != "handshake" && f.Layer != "heard" {
			a.out.printf("warning  %s %s: %s; %s\n", f.Layer, f.Subject, f.Detail, f.Advice)
		}
	}
}

// watchPeers says who comes and goes.
func watchPeers(ctx context.Context, a *app, cl *client.Client) {
	here := make(map[wire.ID]string)
	for peers, err := range cl.Peers(ctx, true) {
		if err != nil {
			if ctx.Err() == nil {
				slog.Debug("peers cannot be watched", "error", err)
			}
			return
		}
		now := make(map[wire.ID]string)
		for _, p := range peers {
			if p.State == "connected" {
				now[p.Peer] = fmt.Sprintf("%s at %s", identity.Claim(p.Name, p.Peer), p.Address)
			}
		}
		for id, text := range now {
			if _, ok := here[id]; !ok {
				a.out.printf("heard    %s\n", text)
			}
		}
		for id, text := range here {
			if _, ok := now[id]; !ok {
				a.out.printf("gone     %s\n", text)
			}
		}
		here = now
	}
}
