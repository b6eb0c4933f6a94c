package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"parley/handshake/identity"
)

type networkCmd struct {
	New  networkNewCmd  `cmd:"" help:"Make a fresh network secret, to be copied to every host of the network."`
	Show networkShowCmd `cmd:"" help:"Say which network this home belongs to."`
}

type networkNewCmd struct {
	File string `arg:"" optional:"" help:"Where to write it, 0600; default: standard output." placeholder:"FILE" type:"path"`
}

// Help is the rest of the command's help.
func (*networkNewCmd) Help() string {
	return `Hosts with the same secret form a network: they find each other, share its lobby,
and neither hear nor answer others. --network gives it a name other than parley.

  parley network new net.secret
  parley up --network-secret-file net.secret     # on each host`
}

func (c *networkNewCmd) Run(a *app) error {
	name := a.globals.NetworkName
	if name == "" {
		name = "parley"
	}
	if a.globals.NetworkFile != "" {
		return usagef("network new makes a secret, it does not read --network-secret-file")
	}
	n, err := identity.NewNetwork(name)
	if err != nil {
		return usagef("--network %q: %v", name, err)
	}
	if c.File == "" {
		_, err := a.out.stdout.Write(n.Marshal())
		return err
	}
	f, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return advise(fmt.Errorf("%s is there already", c.File), "a secret in use is not overwritten: name another file, or remove it first")
	}
	if err != nil {
		return err
	}
	_, err = f.Write(n.Marshal())
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	a.out.notice("the secret of network %q is in %s; copy it to each host and start them with: parley up --network-secret-file %s", n.Name, c.File, c.File)
	return nil
}

type networkShowCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *networkShowCmd) Run(a *app) error {
	h, err := a.openHome()
	if err != nil {
		return err
	}
	n, err := a.network(h)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.out.json(struct {
			Name   string `json:"name"`
			Secret bool   `json:"secret"`
		}{n.Name, n.HasSecret()})
	}
	if n.HasSecret() {
		a.out.printf("network %q, with a secret\n", n.Name)
	} else {
		a.out.printf("network %q, open: everybody on the link can join it and read its lobby\n", n.Name)
	}
	return nil
}
