package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"

	sdnotify "github.com/coreos/go-systemd/v22/daemon"

	"parley/cmd/internal/home"
	"parley/cmd/internal/peer"
	"parley/handshake/identity"
	"parley/store"
	"parley/wire"
)

// peerFlags are the flags of every command that runs a peer.
type peerFlags struct {
	Listen      string   `help:"TCP address to listen on (default: port 19946 on all addresses, or a free one)." placeholder:"[HOST]:PORT"`
	Interface   []string `help:"Network interface for discovery; repeat for several (default: all that multicast)." placeholder:"IF" sep:"none"`
	Peer        []string `help:"A peer to dial, found by discovery or not; repeat for several. The file peer/peers of the home adds to them, one a line." placeholder:"HOST:PORT" sep:"none"`
	NoDiscovery bool     `help:"Neither send nor hear beacons."`
	Store       string   `help:"Where messages are kept: embedded, the store in the home; embedded:DIR, another folder; mongodb://HOST/DATABASE; @FILE, a file of mode 0600 with such a URI, which may have user and password in it." default:"embedded" env:"PARLEY_STORE" placeholder:"embedded[:DIR]|mongodb://…|@FILE"`
	Users       string   `help:"Whom to serve: local (users of this home), any (of the network), or a file with an ID on each line (default: local)." default:"local" placeholder:"local|any|FILE"`
	LogFormat   string   `help:"Form of the log on standard error: text or json (default: text)." enum:"text,json" default:"text" placeholder:"text|json"`
	LogLevel    string   `help:"Least level that is logged: debug, info, warn or error (default: ${log_level})." enum:"debug,info,warn,error" default:"${log_level}" placeholder:"LEVEL"`
	MetricsFile string   `help:"Write counters there every 15 s, in the text format that Prometheus's node exporter collects." placeholder:"FILE" type:"path"`
}

type daemonCmd struct {
	peerFlags `set:"log_level=info"`
}

// Help is the rest of the command's help.
func (*daemonCmd) Help() string {
	return `The peer stores, verifies and forwards; it holds no room key. When it is ready it
prints one line, "ready ADDR ID", and commands of the same home find it. SIGHUP
makes it read the network's secret, the users and the file peer/peers again.

  parley daemon --network-secret-file net.secret --interface eth0
  parley daemon --listen :19946 --users any      # a server for users who run none`
}

func (c *daemonCmd) Run(a *app) error {
	h, err := a.openHome()
	if err != nil {
		return err
	}
	hup := make(chan os.Signal, 1)
	notifyReload(hup)
	defer signal.Stop(hup)
	var once sync.Once
	return c.runPeer(a, h, hup, c.logger(a.out.stderr), func(p *peer.Peer) {
		once.Do(func() { a.out.printf("ready %s %s\n", p.Addr(), p.ID()) })
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
	if _, err := parseStore(f.Store); err != nil {
		return usagef("--store %v", err)
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

// A service is a peer that runs in this process, with what it was started from.
type service struct {
	*peerFlags
	app    *app
	home   *home.Home
	log    *slog.Logger
	key    *identity.Private
	users  *users
	store  store.Store
	engine string // where it keeps things, as it may be shown
	reload <-chan os.Signal
	ready  func(*peer.Peer)
}

// runPeer runs a peer in this process until the command is told to end. A
// changed network secret starts the peer anew, with the store kept open. ready
// is called at each start.
func (f *peerFlags) runPeer(a *app, h *home.Home, reload <-chan os.Signal, logger *slog.Logger, ready func(*peer.Peer)) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	lock, err := h.LockPeer()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	s := &service{peerFlags: f, app: a, home: h, log: logger, reload: reload}
	if s.key, err = h.LoadOrCreatePeer(a.ctx, a.keyOptions("")); err != nil {
		return err
	}
	network, err := a.network(h)
	if err != nil {
		return err
	}
	if s.users, err = newUsers(h, f.Users); err != nil {
		return err
	}
	place, err := parseStore(f.Store)
	if err != nil {
		return err
	}
	place.view = s.key.ID().String()
	db, err := place.openServed(a.ctx, h, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	s.store, s.engine = db, place.engine()
	s.ready = func(p *peer.Peer) {
		ready(p)
		_, _ = sdnotify.SdNotify(false, sdnotify.SdNotifyReady)
	}
	unhook := context.AfterFunc(a.ctx, func() { _, _ = sdnotify.SdNotify(false, sdnotify.SdNotifyStopping) })
	defer unhook()
	for {
		next, err := s.serve(network)
		if next == nil || a.ctx.Err() != nil {
			return err
		}
		if err != nil {
			logger.Warn("the old network's sessions did not end in good order", "error", err)
		}
		network = *next
		logger.Info("the network's secret changed; starting anew", "network", network.Name)
	}
}

// serve runs one peer until the end of the command, or until a reload finds
// another network, which it then returns.
func (s *service) serve(network identity.Network) (next *identity.Network, err error) {
	if err := s.home.SetNetwork(network); err != nil {
		return nil, err
	}
	static, err := s.static(s.home)
	if err != nil {
		return nil, err
	}
	p, err := peer.New(peer.Config{
		Identity: s.key, Network: network, Store: s.store, StoreName: s.engine, Users: s.users, Software: software(),
		Listen: s.Listen, Static: static, Interfaces: s.Interface, Discovery: !s.NoDiscovery, Logger: s.log,
		Snapshot: s.snapshot,
	})
	var op *net.OpError
	if errors.As(err, &op) {
		return nil, advise(err, "choose another with --listen [HOST]:PORT")
	}
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(s.app.ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	if s.MetricsFile != "" {
		wg.Go(func() { writeMetrics(ctx, s.MetricsFile, p, s.log) })
	}
	wg.Go(func() {
		if next = s.follow(ctx, network, p); next != nil {
			stop()
		}
	})
	err = p.Run(ctx, func() {
		if err := s.home.WriteAddress(dialable(p.Addr()), p.ID()); err != nil {
			s.log.Error("commands will not find this daemon", "error", err)
		}
		s.log.Info("ready", "address", p.Addr(), "peer", p.ID(), "network", network.Name, "secret", network.HasSecret(), "software", software())
		s.ready(p)
	})
	stop()
	wg.Wait()
	return next, errors.Join(err, s.home.RemoveAddress())
}

// snapshot makes a copy of the store for a user of this home: whoever may read its files anyway.
func (s *service) snapshot(ctx context.Context, user wire.ID) (string, error) {
	if !s.home.IsLocalUser(user) {
		return "", wire.Errorf(wire.CodeRefused, "a copy of the store is for the users of the daemon's own home")
	}
	db, ok := s.store.(interface {
		Snapshot(ctx context.Context) (string, error)
	})
	if !ok {
		return "", wire.Errorf(wire.CodeRefused, "this daemon's store makes no snapshots")
	}
	return db.Snapshot(ctx)
}

// follow reads secret, users and peers again at each SIGHUP. It returns another
// network as soon as it finds one, nil when ctx ends.
func (s *service) follow(ctx context.Context, network identity.Network, p *peer.Peer) *identity.Network {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.reload:
		}
		_, _ = sdnotify.SdNotify(false, sdnotify.SdNotifyReloading+"\n"+sdnotify.SdNotifyMonotonicUsec())
		now, err := s.app.network(s.home)
		if err == nil && (now.Name != network.Name || now.PSK() != network.PSK()) {
			return &now
		}
		err = errors.Join(err, s.users.reload())
		static, serr := s.static(s.home)
		if serr == nil {
			serr = p.SetStatic(static)
		}
		if err = errors.Join(err, serr); err != nil {
			s.log.Error("not all could be read again; what could not stays as it was", "error", err)
		} else {
			s.log.Info("secret, users and peers were read again")
		}
		_, _ = sdnotify.SdNotify(false, sdnotify.SdNotifyReady)
	}
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
