package client

import (
	"context"
	"fmt"
	"net"
	"time"

	"parley/handshake"
	"parley/session"
	"parley/wire"
)

type sessTransport struct{ *session.Session }

func (s sessTransport) open(p priority) (stream, error) {
	return s.Session.Open([]session.Class{session.Interactive, session.Live, session.Bulk}[p])
}

func (c *Client) dialPeer(ctx context.Context) (*connection, error) {
	addr, id := c.cfg.Addr, c.cfg.PeerID
	if c.cfg.Locate != nil {
		var err error
		if addr, id, err = c.cfg.Locate(ctx); err != nil {
			return nil, err
		}
	}
	d := net.Dialer{Timeout: 3 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoDaemon, err)
	}
	res, err := handshake.Initiate(ctx, conn, &handshake.Config{Identity: c.cfg.Identity, Network: c.cfg.Network, Expect: id})
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("%w: %w", ErrNoDaemon, err)
	}
	s, err := session.Establish(ctx, conn, res, session.Config{Hello: wire.Hello{Role: wire.RoleUser, Software: "tmp"}})
	if err != nil {
		conn.Close()
		return nil, err
	}
	c.tasks.Go(func() { _ = s.Run(c.ctx) })
	return &connection{transport: sessTransport{s}, peer: s.Remote().ID(), name: s.Remote().Name}, nil
}
