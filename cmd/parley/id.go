package main

import (
	"strings"

	"parley/handshake/identity"
)

type idCmd struct {
	JSON      bool   `name:"json" help:"Print JSON."`
	Name      string `help:"Set the name you claim; others see it as NAME·fp4x." placeholder:"NAME"`
	Algorithm string `help:"Algorithm of the key, at first use: ed25519." enum:"ed25519" default:"ed25519" placeholder:"ed25519"`
}

// Help is the rest of the command's help.
func (*idCmd) Help() string {
	return `The key is made at first use and stays in the home; no daemon is needed. Read the
fingerprint's words to somebody over the telephone to make sure who they talk to.
A name is a claim: anybody can take the same one, the four characters behind it
are of the ID.`
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
	opts := a.keyOptions(c.Name)
	key, err := h.LoadOrCreateUser(a.ctx, opts)
	if err != nil {
		return err
	}
	if c.Name != "" && key.Bundle().Name != c.Name {
		if err := key.SetName(c.Name); err != nil {
			return err
		}
		if err := h.SaveUser(key, opts.Passphrase); err != nil {
			return err
		}
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
