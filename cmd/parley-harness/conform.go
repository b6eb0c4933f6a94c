package main

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"parley/cmd/internal/conform"
	"parley/cmd/internal/report"
	"parley/handshake/identity"
	"parley/wire"
)

// target names the peer that a command tries.
type target struct {
	Network           string `help:"Name of an open network, without a secret." placeholder:"NAME" xor:"network"`
	NetworkSecretFile string `help:"File with the network's name and secret, as parley network new writes it." placeholder:"FILE" type:"path" xor:"network"`
	PeerID            string `name:"peer-id" help:"The ID that the peer must prove (default: whatever it proves)." placeholder:"ID"`
}

// network reads the network of the flags.
func (t *target) network() (identity.Network, error) {
	if t.NetworkSecretFile == "" {
		n := identity.Network{Name: t.Network}
		if t.Network == "" {
			n.Name = defaultNetwork
		}
		return n, n.Check()
	}
	content, err := os.ReadFile(t.NetworkSecretFile)
	if err != nil {
		return identity.Network{}, fmt.Errorf("the network's secret cannot be read: %w", err)
	}
	n, err := identity.ParseNetworkFile(content)
	if err != nil {
		return n, fmt.Errorf("%s: %w; make one with: parley network new FILE", t.NetworkSecretFile, err)
	}
	return n, nil
}

// defaultNetwork is the network of a peer that was told none.
const defaultNetwork = "parley"

func (t *target) peer() (id wire.ID, err error) {
	if t.PeerID == "" {
		return id, nil
	}
	if id, err = wire.ParseID(t.PeerID); err != nil {
		err = fmt.Errorf("--peer-id: %w; parley status shows it there", err)
	}
	return id, err
}

// conformCmd runs the specification's rules against a peer.
type conformCmd struct {
	target
	Addr      string   `arg:"" optional:"" help:"Where the peer listens." placeholder:"HOST:PORT"`
	List      bool     `help:"List the cases, with the section that each cites and what it expects."`
	Only      []string `help:"Only cases whose number and name match this expression; may be repeated." placeholder:"REGEXP" sep:"none"`
	Seed      uint64   `help:"Of everything random in the cases (default: another each time, printed)."`
	Interface string   `help:"The interface on the peer's link, for the cases of discovery (B); without it they are left out." placeholder:"IF"`
	Listen    string   `help:"Where the peer can reach this program, for the cases in which the peer dials (D); without it they are left out. With a PORT, tell the peer to dial it beforehand, again and again." placeholder:"HOST[:PORT]"`
	Parallel  int      `help:"How many cases run at once; with 1, what ends the peer is known for sure." default:"8"`
	Format    string   `help:"How to print: ${enum}." enum:"text,json,tap,junit" default:"text"`
	JSON      bool     `name:"json" help:"The same as --format json."`
	Verbose   bool     `short:"v" help:"Show the bytes of cases that passed, too."`
}

// Help is the long help.
func (c *conformCmd) Help() string {
	return `The peer must let anyone of its network be a user (parley daemon --users any), else leave those cases out with --only.
It is left with a few megabytes of messages in its network's lobby, so try a peer whose lobby nobody needs.

With --listen HOST, each case in which the peer dials listens on a port of that address, and asks the peer, as a
user who hands it a room with that address, to dial it. A peer that serves no users is told to dial one address
(parley daemon --peer HOST:PORT) and that is given here: --listen HOST:PORT. It must dial again when a connection ends.`
}

// Run implements the command.
func (c *conformCmd) Run(a *app) error {
	cases, err := conform.Select(conform.Cases(), c.Only)
	if err != nil {
		return err
	}
	if c.List {
		for _, x := range cases {
			if _, err := fmt.Fprintf(a.stdout, "%-4s %s [%s]: %s\n", x.ID, x.Name, x.Section, x.Expect); err != nil {
				return err
			}
		}
		return nil
	}
	if c.Addr == "" {
		return fmt.Errorf("no peer is named: parley-harness conform HOST:PORT")
	}
	if c.JSON {
		c.Format = "json"
	}
	t := conform.Target{Addr: c.Addr, Seed: c.Seed, Interface: c.Interface, Listen: withPort(c.Listen)}
	if len(c.Only) == 0 {
		cases = conform.Without(cases, t)
		if c.Interface == "" {
			fmt.Fprintln(a.stderr, "parley-harness: the cases of discovery (B) are left out; --interface IF, on the peer's link, brings them in")
		}
		if c.Listen == "" {
			fmt.Fprintln(a.stderr, "parley-harness: the cases in which the peer dials (D) are left out; --listen HOST, an address where it reaches this program, brings them in")
		}
	}
	if _, port, err := net.SplitHostPort(t.Listen); err == nil && port != "0" {
		fmt.Fprintf(a.stderr, "parley-harness: tell the peer to dial %s, and to try again when a connection ends (parley daemon --peer %[1]s)\n", t.Listen)
	}
	if t.Network, err = c.network(); err != nil {
		return err
	}
	if t.PeerID, err = c.peer(); err != nil {
		return err
	}
	if t.Seed == 0 {
		if t.Seed, err = freshSeed(); err != nil {
			return err
		}
	}
	fmt.Fprintf(a.stderr, "parley-harness: %d cases against %s, seed %d\n", len(cases), c.Addr, t.Seed)
	printer, err := report.New(c.Format, "conform", a.stdout, len(cases), c.Verbose)
	if err != nil {
		return err
	}
	failed, start := 0, time.Now()
	err = conform.Run(a.ctx, t, cases, c.Parallel, func(r report.Result) error {
		if !r.Passed() {
			failed++
		}
		return printer.Result(r)
	})
	if err == nil {
		err = printer.End()
	}
	switch {
	case err != nil:
		return err
	case failed > 0:
		fmt.Fprintf(a.stderr, "parley-harness: %d of %d cases failed; repeat one with --only ID --seed %d -v\n", failed, len(cases), t.Seed)
		return errFailed
	}
	fmt.Fprintf(a.stderr, "parley-harness: all of %d cases passed in %.1f s\n", len(cases), time.Since(start).Seconds())
	return nil
}

// withPort is where to listen, with the port 0 if none is given.
func withPort(listen string) string {
	if listen == "" {
		return ""
	}
	if _, _, err := net.SplitHostPort(listen); err == nil {
		return listen
	}
	return net.JoinHostPort(strings.Trim(listen, "[]"), "0")
}

// freshSeed is a seed that fits on a line.
func freshSeed() (uint64, error) {
	var b [4]byte
	if _, err := rand.Read(b[:]); err != nil {
		return 0, err
	}
	return uint64(binary.BigEndian.Uint32(b[:])) + 1, nil
}
