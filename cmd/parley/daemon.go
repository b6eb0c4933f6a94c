package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"

	sdnotify "github.com/coreos/go-systemd/v22/daemon"

	"parley/cmd/internal/home"
	"parley/cmd/internal/peer"
	"parley/handshake/identity"
	"parley/store"
	"parley/store/embedded"
	"parley/wire"
)

// peerFlags are the flags of every command that runs a peer.
type peerFlags struct {
	Listen      string   `help:"TCP address to listen on (default: port 19946 on all addresses, or a free one)." placeholder:"[HOST]:PORT"`
	Interface   []string `help:"Network interface for discovery; repeat for several (default: all that multicast)." placeholder:"IF"`
	Peer        []string `help:"A peer to dial, found by discovery or not; repeat for several. The file peer/peers of the home, a line each, adds to them." placeholder:"HOST:PORT"`
	NoDiscovery bool     `help:"Neither send nor hear beacons."`
	Store       string   `help:"Where messages are kept: embedded." default:"embedded" placeholder:"embedded"`
	Users       string   `help:"Whom to serve: local (users of this home), any (of the network), or a file of IDs." default:"local" placeholder:"local|any|FILE"`
	LogFormat   string   `help:"Form of the log on standard error." enum:"text,json" default:"text"`
	LogLevel    string   `help:"Least level that is logged." enum:"debug,info,warn,error" default:"info"`
	MetricsFile string   `help:"Write counters there every 15 s, in the text format that Prometheus's node exporter collects." placeholder:"FILE" type:"path"`
}

type daemonCmd struct {
	peerFlags
}

func (c *daemonCmd) Run(a *app) error {
	h, err := a.openHome()
	if err != nil {
		return err
	}
	logger := c.logger(a.out.stderr)
	return c.runPeer(a, h, logger, func(p *peer.Peer) {
		a.out.printf("ready %s %s\n", p.Addr(), p.ID())
	})
}

func (f *peerFlags) logger(w *os.File) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(f.LogLevel)) // kong allows only levels
	opts := &slog.HandlerOptions{Level: level}
	if f.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// check refuses flags that cannot work before anything is opened.
func (f *peerFlags) check() error {
	if f.Store != "embedded" {
		return usagef("--store %s: this build keeps messages in its embedded store only", f.Store)
	}
	for _, addr := range f.Peer {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return usagef("--peer %s: give HOST:PORT", addr)
		}
	}
	if f.Listen != "" {
		if _, _, err := net.SplitHostPort(f.Listen); err != nil {
			return usagef("--listen %s: give [HOST]:PORT", f.Listen)
		}
	}
	return nil
}

// runPeer runs a peer in this process until the command is told to end. A
// changed network secret starts it anew, with the store kept open.
func (f *peerFlags) runPeer(a *app, h *home.Home, logger *slog.Logger, ready func(*peer.Peer)) error {
	if err := f.check(); err != nil {
		return err
	}
	lock, err := h.LockPeer()
	if err != nil {
		return err
	}
	defer lock.Unlock()
	key, err := h.LoadOrCreatePeer(a.ctx, a.keyOptions(""))
	if err != nil {
		return err
	}
	network, err := a.network(h)
	if err != nil {
		return err
	}
	users, err := newUsers(h, f.Users)
	if err != nil {
		return err
	}
	db, err := embedded.Open(h.StoreDir(), embedded.Options{Logger: logger})
	if err != nil {
		return fmt.Errorf("the store in %s cannot be opened: %w", h.StoreDir(), err)
	}
	defer db.Close()
	for {
		again, err := f.serve(a, h, logger, key, network, users, db, ready)
		if err != nil || !again {
			return errors.Join(err, db.Close())
		}
		if network, err = a.network(h); err != nil {
			return err
		}
		logger.Info("the network's secret changed; starting anew", "network", network.Name)
	}
}

// serve runs one peer until the end of the command, or until a SIGHUP finds
// another network secret (again).
func (f *peerFlags) serve(a *app, h *home.Home, logger *slog.Logger, key *identity.Private, network identity.Network,
	users *users, db store.Store, ready func(*peer.Peer),
) (again bool, err error) {
	if err := h.SetNetwork(network); err != nil {
		return false, err
	}
	static, err := f.static(h)
	if err != nil {
		return false, err
	}
	p, err := peer.New(peer.Config{
		Identity: key, Network: network, Store: db, StoreName: f.Store, Users: users, Software: software(),
		Listen: f.Listen, Static: static, Interfaces: f.Interface, Discovery: !f.NoDiscovery, Logger: logger,
	})
	if err != nil {
		return false, advise(err, "choose another with --listen [HOST]:PORT")
	}
	ctx, stop := context.WithCancel(a.ctx)
	defer stop()
	if f.MetricsFile != "" {
		go writeMetrics(ctx, f.MetricsFile, p, logger)
	}
	var restart atomic.Bool
	hup := make(chan os.Signal, 1)
	notifyReload(hup)
	defer signal.Stop(hup)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hup:
			}
			if now, err := a.network(h); err != nil {
				logger.Error("the network's secret cannot be read again", "error", err)
			} else if now.PSK() != network.PSK() {
				restart.Store(true)
				stop()
				return
			}
			if err := users.reload(); err != nil {
				logger.Error("the users cannot be read again", "error", err)
			}
			if static, err := f.static(h); err != nil {
				logger.Error("the peers cannot be read again", "error", err)
			} else if err := p.SetStatic(static); err != nil {
				logger.Error("the peers cannot be read again", "error", err)
			}
			logger.Info("secret, users and peers were read again")
		}
	}()
	err = p.Run(ctx, func() {
		if err := h.WriteAddress(dialable(p.Addr()), p.ID()); err != nil {
			logger.Error("commands will not find this daemon", "error", err)
		}
		if !restart.Load() {
			ready(p)
		}
		_, _ = sdnotify.SdNotify(false, sdnotify.SdNotifyReady)
	})
	_, _ = sdnotify.SdNotify(false, sdnotify.SdNotifyStopping)
	if rerr := h.RemoveAddress(); err == nil {
		err = rerr
	}
	return restart.Load() && a.ctx.Err() == nil, err
}

// dialable is the listening address as this host's own commands dial it.
func dialable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// static gathers the peers of the flags and of the file peer/peers.
func (f *peerFlags) static(h *home.Home) ([]string, error) {
	path := filepath.Join(h.PeerDir(), "peers")
	lines, err := readLines(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f.Peer, nil
	}
	if err != nil {
		return nil, err
	}
	all := append([]string(nil), f.Peer...)
	for i, line := range lines {
		if _, _, err := net.SplitHostPort(line); err != nil {
			return nil, fmt.Errorf("%s, entry %d: %q is not HOST:PORT", path, i+1, line)
		}
		all = append(all, line)
	}
	return all, nil
}

// readLines reads the lines of a file that are neither empty nor comments.
func readLines(path string) ([]string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var lines []string
	for s := bufio.NewScanner(bytes.NewReader(raw)); s.Scan(); {
		if line := strings.TrimSpace(s.Text()); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// users is the policy of --users.
type users struct {
	home   *home.Home
	policy string // "local", "any" or a file
	listed atomic.Pointer[map[wire.ID]bool]
}

func newUsers(h *home.Home, policy string) (*users, error) {
	u := &users{home: h, policy: policy}
	return u, u.reload()
}

func (u *users) reload() error {
	if u.policy == "local" || u.policy == "any" {
		return nil
	}
	lines, err := readLines(u.policy)
	if err != nil {
		return advise(fmt.Errorf("--users: %w", err), "give local, any, or a file with an ID on each line")
	}
	listed := make(map[wire.ID]bool)
	for _, line := range lines {
		text, _, _ := strings.Cut(line, " ")
		id, err := wire.ParseID(text)
		if err != nil {
			return fmt.Errorf("--users %s: %q: %w", u.policy, text, err)
		}
		listed[id] = true
	}
	u.listed.Store(&listed)
	return nil
}

// Allowed implements peer.Users.
func (u *users) Allowed(id wire.ID) bool {
	switch u.policy {
	case "any":
		return true
	case "local":
		return u.home.IsLocalUser(id)
	}
	return (*u.listed.Load())[id]
}

// String implements peer.Users.
func (u *users) String() string {
	switch u.policy {
	case "any":
		return "any user of its network"
	case "local":
		return "the users of its own home"
	}
	return "the users on its list"
}
