package peer

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"parley/handshake"
	"parley/session"
	"parley/wire"
)

// accept takes connections until the listener closes.
func (p *Peer) accept(ctx context.Context, ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			// Out of descriptors, most likely: wait for some to come back.
			p.log.Warn("a connection cannot be accepted", "error", err)
			select {
			case <-time.After(dialDelay):
			case <-ctx.Done():
				return
			}
			continue
		}
		release, ok := p.gate.Acquire(hostAddr(conn.RemoteAddr()))
		if !ok || p.open.Load() >= maxSessions {
			if ok {
				release()
			}
			p.offend(conn.RemoteAddr().String(), errors.New("too many connections that have not completed the handshake"))
			conn.Close()
			continue
		}
		p.wg.Go(func() { p.inbound(ctx, conn, release) })
	}
}

// inbound answers one connection: the handshake, then, on a goroutine whose
// stack the handshake has not grown, what the other side is.
func (p *Peer) inbound(ctx context.Context, conn net.Conn, release func()) {
	p.open.Add(1)
	s, err := p.respond(ctx, conn)
	release()
	if err == nil {
		p.wg.Go(func() { p.inboundSession(ctx, conn, s) })
		return
	}
	conn.Close()
	p.open.Add(-1)
	p.counters.refusedHandshakes.Add(1)
	source := conn.RemoteAddr().String()
	if ctx.Err() == nil && p.offenders.first(hostOf(source), time.Now()) {
		p.log.Info("a handshake failed", "source", source, "error", err)
	}
}

func (p *Peer) respond(ctx context.Context, conn net.Conn) (*session.Session, error) {
	result, err := handshake.Respond(ctx, conn, &handshake.Config{
		Identity: p.cfg.Identity, Network: p.cfg.Network, Tokens: p.tokens, Known: p.known,
	})
	if err != nil {
		return nil, err
	}
	return session.Establish(ctx, conn, result, p.sessionConfig())
}

func (p *Peer) inboundSession(ctx context.Context, conn net.Conn, s *session.Session) {
	defer p.open.Add(-1)
	defer conn.Close()
	var err error
	switch s.RemoteHello().Role {
	case wire.RolePeer:
		_, err = p.link(ctx, s, conn, false)
	case wire.RoleUser:
		err = p.serveUser(ctx, s)
	}
	if err != nil && ctx.Err() == nil {
		p.log.Debug("a session ended", "source", conn.RemoteAddr().String(), "error", err)
	}
}

// outbound begins a session with whoever listens: handshake, then the link
// until it ends. up is called when it stands; lost says that it did.
func (p *Peer) outbound(ctx context.Context, conn net.Conn, up func(wire.ID)) (id wire.ID, lost bool, err error) {
	defer conn.Close()
	p.open.Add(1)
	defer p.open.Add(-1)
	result, err := handshake.Initiate(ctx, conn, &handshake.Config{Identity: p.cfg.Identity, Network: p.cfg.Network, Known: p.known})
	if err != nil {
		if errors.Is(err, handshake.ErrSelf) {
			return p.id, false, err
		}
		return id, false, err
	}
	id = result.Remote.ID()
	s, err := session.Establish(ctx, conn, result, p.sessionConfig())
	if err != nil {
		return id, false, err
	}
	if s.RemoteHello().Role != wire.RolePeer {
		return id, false, errors.New("it is no peer")
	}
	up(id)
	lost, err = p.link(ctx, s, conn, true)
	return id, lost, err
}

func (p *Peer) sessionConfig() session.Config {
	return session.Config{
		Hello:  wire.Hello{Role: wire.RolePeer, Software: p.cfg.Software, Instance: p.instance, Port: p.port},
		Logger: p.log,
	}
}

// link runs a session with another peer until it ends. It reports whether the
// link was kept for use.
func (p *Peer) link(ctx context.Context, s *session.Session, conn net.Conn, outbound bool) (kept bool, err error) {
	remote := s.Remote()
	l := &link{
		session: s, id: remote.ID(), name: remote.Name, instance: s.RemoteHello().Instance,
		addr: conn.RemoteAddr().String(), outbound: outbound, since: time.Now(),
		wake: make(chan struct{}, 1),
	}
	l.lower = (p.id.Compare(l.id) < 0) == outbound

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.ctx = ctx
	ended := make(chan error, 1)
	p.wg.Go(func() {
		ended <- s.Run(ctx)
		cancel()
	})
	if loser := p.sessions.admit(l); loser != nil {
		loser.session.Close(wire.CodeDuplicate, "another session between the two is kept")
		if loser == l {
			return false, <-ended
		}
	}
	p.log.Info("connected", "peer", l.id, "name", l.name, "address", l.addr, "outbound", outbound)
	p.notePeers()
	if port := s.RemoteHello().Port; !outbound && port != 0 {
		if at, perr := netip.ParseAddrPort(l.addr); perr == nil {
			p.dialer.suggest(netip.AddrPortFrom(at.Addr(), port), l.instance)
		}
	}
	if rerr := p.runLink(ctx, l); rerr != nil && ctx.Err() == nil {
		s.Close(wire.CodeInternal, "")
	}
	cancel()
	err = <-ended
	p.sessions.remove(l)
	p.counters.keep(s.Stats())
	p.notePeers()
	if errors.Is(err, session.ErrCut) || err == nil {
		p.log.Info("disconnected", "peer", l.id, "address", l.addr)
	} else {
		p.log.Info("disconnected", "peer", l.id, "address", l.addr, "reason", err)
	}
	return true, err
}

// dialNames looks up the addresses of an invite and dials them.
func (p *Peer) dialNames(ctx context.Context, names []string) {
	for _, name := range names {
		host, port, err := net.SplitHostPort(name)
		if err != nil {
			continue
		}
		number, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
		if err != nil {
			continue
		}
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			p.log.Info("the address of an invite does not resolve", "address", name, "error", err)
			continue
		}
		for _, a := range addrs {
			p.dialer.suggest(netip.AddrPortFrom(a.Unmap(), uint16(number)), [8]byte{})
		}
	}
}

func hostAddr(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

func hostOf(source string) string {
	if host, _, err := net.SplitHostPort(source); err == nil {
		return host
	}
	return source
}

// reasonOf is what a person is told of a failed attempt to connect.
func reasonOf(err error) string {
	var werr *wire.Error
	var op *net.OpError
	switch {
	case errors.As(err, &werr):
		return werr.Error()
	case errors.As(err, &op):
		return op.Err.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer"
	default:
		return err.Error()
	}
}
