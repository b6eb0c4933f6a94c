package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/cmd/internal/home"
	"parley/handshake/identity"
	"parley/rooms/client"
)

type idCmd struct {
	JSON      bool   `name:"json" help:"Print JSON."`
	Name      string `help:"Set the name you claim; others see it as NAME·fp4x." placeholder:"NAME"`
	Renew     bool   `help:"Make a new sealing key, and tell your rooms. What was sealed to the old one can be read until your agent forgets it."`
	Algorithm string `help:"Algorithm of the key, at first use: ed25519." enum:"ed25519" default:"ed25519" placeholder:"ed25519"`
}

// Help is the rest of the command's help.
func (*idCmd) Help() string {
	return `The key is made at first use and stays in the home; no daemon is needed. Read the
fingerprint's words to somebody over the telephone to make sure who they talk to.
A name is a claim: anybody can take the same one, the four characters behind it
are of the ID. A name or sealing key that changed is told to your rooms.

  parley id --name bob
  parley id --renew       # after a backup of the home went astray`
}

func (c *idCmd) Run(a *app) error {
	h, err := a.openHome()
	if err != nil {
		return err
	}
	if c.Name != "" {
		if err := identity.CheckName(c.Name); err != nil {
			return usagef("--name: %v", err)
		}
	}
	key, err := h.LoadOrCreateUser(a.ctx, a.keyOptions(c.Name))
	if err != nil {
		return err
	}
	if c.Renew || c.Name != "" && key.Bundle().Name != c.Name {
		if key, err = h.ChangeUser(a.ctx, a.pass, c.change); err != nil {
			return err
		}
		a.publish(h)
	}
	id, words := key.ID(), identity.Fingerprint(key.ID())
	if c.JSON {
		return a.out.json(struct {
			ID          string   `json:"id"`
			Name        string   `json:"name"`
			Fingerprint []string `json:"fingerprint"`
			Algorithm   string   `json:"algorithm"`
		}{id.String(), key.Bundle().Name, words, "ed25519"})
	}
	a.out.printf("id           %s\nname         %s\nfingerprint  %s\nalgorithm    ed25519\n",
		id, identity.Claim(key.Bundle().Name, id), strings.Join(words, " "))
	return nil
}

func (c *idCmd) change(key *identity.Private) error {
	if c.Renew {
		if err := key.Renew(); err != nil {
			return err
		}
	}
	if c.Name == "" {
		return nil
	}
	return key.SetName(c.Name)
}

// publish tells the user's rooms the new name and key, if a daemon runs.
func (a *app) publish(h *home.Home) {
	cfg, err := a.clientConfig(h, waits{defaultPatience})
	if err == nil {
		err = tellRooms(a.ctx, cfg)
	}
	if err != nil {
		_, why := explain(err)
		a.out.notice("your rooms learn of it when parley up runs: %s", why)
	}
}

func tellRooms(ctx context.Context, cfg client.Config) error {
	ctx, cancel := context.WithTimeout(ctx, publishWithin)
	defer cancel()
	c, err := client.Dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	rooms, err := c.LocalRooms()
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range rooms {
		if _, err := c.PublishBundle(ctx, r.ID); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.Name, err))
		}
	}
	return errors.Join(errs...)
}

// publishWithin is how long id waits for the daemon to take what it tells rooms.
const publishWithin = 15 * time.Second
