package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

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
	pass    home.Passphrase // of the key files
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
		Passphrase: a.pass,
		Name:       name,
		Notice:     func(s string) { a.out.notice("%s", s) },
	}
}

// dial opens a session with the daemon: the one of the home, or the one the
// flags name. It fails, before anything else happens, when none answers. What is
// begun then waits for a daemon that restarts as long as w says.
func (a *app) dial(ctx context.Context, w waits) (*client.Client, error) {
	h, err := a.openHome()
	if err != nil {
		return nil, err
	}
	cfg, err := a.clientConfig(h, w)
	if err != nil {
		return nil, err
	}
	return client.Dial(ctx, cfg)
}

// clientConfig gathers what a client of the daemon needs, which waits for one that is gone as long as w says.
func (a *app) clientConfig(h *home.Home, w waits) (client.Config, error) {
	g := a.globals
	cfg := client.Config{
		Dir: h.UserDir(), Software: software(), Patience: w.patience(),
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
	cfg.Key = &userKey{a, h}
	cfg.Identity, err = h.LoadOrCreateUser(a.ctx, a.keyOptions(""))
	return cfg, err
}

// userKey is the user's key file, as the client changes it.
type userKey struct {
	a *app
	h *home.Home
}

// Load implements client.KeyFile.
func (k *userKey) Load() (*identity.Private, error) {
	return k.h.LoadOrCreateUser(k.a.ctx, k.a.keyOptions(""))
}

// Change implements client.KeyFile.
func (k *userKey) Change(ctx context.Context, change func(*identity.Private) error) (*identity.Private, error) {
	return k.h.ChangeUser(ctx, k.a.pass, change)
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
	c, err := a.dial(ctx, w)
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

// withPlace is withRoom, and opens the room of two that @PERSON names.
func (a *app) withPlace(w waits, name roomName, f func(c *client.Client, room client.Room) error) error {
	if !strings.HasPrefix(string(name), "@") {
		return a.withRoom(w, name, f)
	}
	return a.withClient(w, func(c *client.Client) error {
		person, err := c.FindPerson(string(name))
		if err != nil {
			return err
		}
		ctx, cancel := w.limit(a.ctx)
		room, err := c.Pair(ctx, person)
		err = timedOut(ctx, err, "the daemon does not answer")
		cancel()
		if err != nil {
			return err
		}
		return f(c, room)
	})
}

// noticesWait is how long a command that is done waits for what else the daemon has to tell.
const noticesWait = time.Second

// tellNotices says, once, which of the user's own messages in a room stopped
// counting, and why.
func (a *app) tellNotices(ctx context.Context, c *client.Client, room client.Room) {
	if room.Open || ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, noticesWait)
	defer cancel()
	list, err := c.Notices(ctx, room.ID, true)
	if err != nil {
		return // what is not told now is told next time
	}
	for _, n := range list {
		what := fmt.Sprintf("your messages %d to %d", n.First, n.Last)
		if n.First == n.Last {
			what = fmt.Sprintf("your message %d", n.First)
		}
		if n.Counts {
			a.out.notice("%s of log %s in %s: seen by the others again", what, n.Log.Short(), room.Name)
		} else {
			a.out.notice("%s of log %s in %s: not seen by the others any more: %s", what, n.Log.Short(), room.Name, n.Why)
		}
	}
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
