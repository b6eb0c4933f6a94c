package main

import (
	"context"
	"errors"
	"net"
	"os"

	"golang.org/x/term"

	"parley/cmd/internal/home"
	"parley/handshake/identity"
	"parley/rooms/client"
	"parley/wire"
)

// An app is what a command runs with.
type app struct {
	ctx     context.Context // ends with SIGINT or SIGTERM
	out     *output
	globals *globals
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
		n := identity.Network{Name: g.NetworkName}
		if err := n.Check(); err != nil {
			return n, usagef("--network %q: %v", g.NetworkName, err)
		}
		return n, nil
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
func (a *app) dial(ctx context.Context) (*client.Client, error) {
	h, err := a.openHome()
	if err != nil {
		return nil, err
	}
	cfg, err := a.clientConfig(h)
	if err != nil {
		return nil, err
	}
	return client.Dial(ctx, cfg)
}

// clientConfig gathers what a client of the daemon needs.
func (a *app) clientConfig(h *home.Home) (client.Config, error) {
	g := a.globals
	cfg := client.Config{
		Dir: h.UserDir(), Software: software(),
		Notice: func(s string) { a.out.notice("%s", s) },
	}
	switch {
	case g.DaemonAddr != "":
		if _, _, err := net.SplitHostPort(g.DaemonAddr); err != nil {
			return cfg, usagef("--daemon %s: give HOST:PORT", g.DaemonAddr)
		}
		if g.DaemonID == "" {
			return cfg, usagef("--daemon needs --daemon-id, the ID that it must prove: parley status shows it there")
		}
		id, err := wire.ParseID(g.DaemonID)
		if err != nil {
			return cfg, usagef("--daemon-id is not an ID: %v", err)
		}
		cfg.Addr, cfg.PeerID = g.DaemonAddr, id
	case g.DaemonID != "":
		return cfg, usagef("--daemon-id goes with --daemon HOST:PORT")
	default:
		if _, _, err := h.ReadAddress(); errors.Is(err, home.ErrNoAddress) {
			return cfg, noDaemon(h)
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

// A noDaemonError says that the home's daemon does not run.
type noDaemonError struct{ dir string }

func noDaemon(h *home.Home) error { return &noDaemonError{h.Dir()} }

func (e *noDaemonError) Error() string { return "no daemon runs for " + e.dir }
func (e *noDaemonError) Unwrap() error { return home.ErrNoAddress }

// withClient runs f with a session to the daemon, which must answer in time.
func (a *app) withClient(w waits, f func(c *client.Client) error) error {
	ctx, cancel := w.limit(a.ctx)
	defer cancel()
	c, err := a.dial(ctx)
	if err != nil {
		return timedOut(ctx, err, "the daemon does not answer")
	}
	defer c.Close()
	return f(c)
}

// ask runs f, all of which has to happen in time.
func (a *app) ask(w waits, f func(ctx context.Context, c *client.Client) error) error {
	return a.withClient(w, func(c *client.Client) error {
		ctx, cancel := w.limit(a.ctx)
		defer cancel()
		return timedOut(ctx, f(ctx, c), "the daemon does not answer")
	})
}

// withRoom is withClient for a command about a room.
func (a *app) withRoom(w waits, name roomName, f func(c *client.Client, room client.Room) error) error {
	return a.withClient(w, func(c *client.Client) error {
		room, err := c.Resolve(string(name))
		if err != nil {
			return err
		}
		return f(c, room)
	})
}

// askRoom is ask for a command about a room.
func (a *app) askRoom(w waits, name roomName, f func(ctx context.Context, c *client.Client, room client.Room) error) error {
	return a.withRoom(w, name, func(c *client.Client, room client.Room) error {
		ctx, cancel := w.limit(a.ctx)
		defer cancel()
		return timedOut(ctx, f(ctx, c, room), "the daemon does not answer")
	})
}

// A roomName is what a user types for a room.
type roomName string

// Validate refuses what can never name a room; kong calls it.
func (n roomName) Validate() error {
	if n == "" || n == "@" {
		return errors.New("the room's name is empty")
	}
	return nil
}

// isTerminal reports whether f is a terminal.
func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
