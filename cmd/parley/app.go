package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"parley/cmd/internal/home"
	"parley/handshake/identity"
	"parley/rooms/client"
	"parley/wire"
)

// An app is what a command runs with.
type app struct {
	ctx     context.Context
	out     *output
	globals *globals
	parser  *kong.Kong
}

// openHome opens the home folder.
func (a *app) openHome() (*home.Home, error) {
	return home.Open(a.globals.Home)
}

// network is the network of the flags, else that of the home.
func (a *app) network(h *home.Home) (identity.Network, error) {
	g := a.globals
	if g.NetworkFile == "" && g.NetworkName == "" {
		return h.Network()
	}
	if g.NetworkFile == "" {
		return identity.Network{Name: g.NetworkName}, nil
	}
	n, err := home.ReadNetwork(g.NetworkFile)
	if err != nil {
		return n, advise(err, "make one with: parley network new "+g.NetworkFile)
	}
	if g.NetworkName != "" && g.NetworkName != n.Name {
		return n, usagef("the secret in %s is of network %q, not %q", g.NetworkFile, n.Name, g.NetworkName)
	}
	return n, nil
}

func (a *app) keyOptions(name string) home.KeyOptions {
	return home.KeyOptions{
		Passphrase: home.StandardPassphrase(a.globals.PassphraseFile),
		Name:       name,
		Notice:     func(s string) { a.out.notice("%s", s) },
	}
}

// dial opens a session with the daemon: the one of the home, or the one the
// flags name. It fails, before anything else happens, when none answers.
func (a *app) dial() (*client.Client, error) {
	h, err := a.openHome()
	if err != nil {
		return nil, err
	}
	cfg, err := a.clientConfig(h)
	if err != nil {
		return nil, err
	}
	return client.Dial(a.ctx, cfg)
}

// clientConfig gathers what a client of the home's daemon needs.
func (a *app) clientConfig(h *home.Home) (client.Config, error) {
	g := a.globals
	cfg := client.Config{
		Dir: h.UserDir(), Software: software(),
		Notice: func(s string) { a.out.notice("%s", s) },
	}
	switch {
	case g.DaemonAddr != "":
		if g.DaemonID == "" {
			return cfg, usagef("--daemon needs --daemon-id, the ID it must prove: parley id prints yours, parley status the daemon's")
		}
		id, err := wire.ParseID(g.DaemonID)
		if err != nil {
			return cfg, usagef("--daemon-id is not an ID: %v", err)
		}
		cfg.Addr, cfg.PeerID = g.DaemonAddr, id
	case g.DaemonID != "":
		return cfg, usagef("--daemon-id goes with --daemon")
	default:
		if _, _, err := h.ReadAddress(); errors.Is(err, home.ErrNoAddress) {
			return cfg, fmt.Errorf("no daemon runs for %s; start it with: parley up", h.Dir())
		} else if err != nil {
			return cfg, err
		}
		cfg.Locate = func(context.Context) (string, wire.ID, error) { return h.ReadAddress() }
	}
	var err error
	if cfg.Network, err = a.network(h); err != nil {
		return cfg, err
	}
	cfg.Identity, err = h.LoadOrCreateUser(a.ctx, a.keyOptions(""))
	return cfg, err
}

// withClient runs f with a session to the daemon.
func (a *app) withClient(f func(c *client.Client) error) error {
	c, err := a.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	return f(c)
}

// room resolves what the user typed and runs f with a session.
func (a *app) withRoom(name string, f func(c *client.Client, room client.Room) error) error {
	return a.withClient(func(c *client.Client) error {
		room, err := c.Resolve(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return f(c, room)
	})
}

// json prints one object as a line.
func (o *output) json(v any) error {
	enc := json.NewEncoder(o.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func (o *output) printf(format string, args ...any) {
	fmt.Fprintf(o.stdout, format, args...)
}

// isTerminal reports whether f is a terminal.
func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// timestamp is the contract's form of a time: RFC 3339 in UTC with nanoseconds.
func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000000Z")
}

func unixNano(ns uint64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(ns))
}

// bytesText is a size for people, in powers of 1024.
func bytesText(n uint64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	div, exp := uint64(unit), 0
	for m := n / unit; m >= unit; m /= unit {
		div *= unit
		exp++
	}
	return fmt.Sprintf("%.1f %ciB", float64(n)/float64(div), "KMGTPE"[exp])
}
