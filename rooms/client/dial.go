package client

import (
	"context"
	"errors"
	"fmt"
	"net"

	"parley/handshake"
	"parley/session"
	"parley/wire"
)

// dialPeer opens a session with the peer: by token if there is a good one, else,
// or if the peer does not take it, by signature, and then asks for a token.
func (c *Client) dialPeer(ctx context.Context) (*connection, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	addr, peer := c.cfg.Addr, c.cfg.PeerID
	if c.cfg.Locate != nil {
		var err error
		if addr, peer, err = c.cfg.Locate(ctx); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoDaemon, err)
		}
	}
	if !peer.IsZero() {
		if token := c.loadToken(peer); token != nil {
			conn, err := c.dialWith(ctx, addr, peer, token)
			if err == nil || errors.Is(err, ErrNoDaemon) || unseen(err) || ctx.Err() != nil {
				return conn, err
			}
			// Expired, revoked or forgotten: the signature still proves us.
			c.cfg.Logger.Info("token not taken", "error", err)
			c.dropToken(peer)
		}
	}
	conn, err := c.dialWith(ctx, addr, peer, nil)
	if err != nil {
		return nil, err
	}
	token := make(chan struct{})
	conn.token = token
	c.tasks.Go(func() {
		defer close(token)
		ctx, cancel := context.WithTimeout(c.ctx, dialTimeout)
		defer cancel()
		if err := c.takeToken(ctx, conn); err != nil && !conn.ended() {
			c.cfg.Logger.Info("no token", "error", err)
		}
	})
	return conn, nil
}

// unseen reports whether a handshake ended before the peer saw the token, as it
// does when the peer is too busy for one more: a signature would fare no better.
func unseen(err error) bool {
	return errors.Is(err, handshake.ErrNoReply) || errors.Is(err, handshake.ErrTimeout)
}

// dialWith opens a connection, shakes hands and establishes a session.
func (c *Client) dialWith(ctx context.Context, addr string, peer wire.ID, token *handshake.Token) (*connection, error) {
	raw, err := c.dialAddr(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("%w at %s: %w", ErrNoDaemon, addr, err)
	}
	hs, err := handshake.Initiate(ctx, raw, &handshake.Config{
		Identity: c.cfg.Identity, Network: c.cfg.Network, Expect: peer, Token: token,
	})
	if err != nil {
		raw.Close()
		return nil, c.handshakeError(addr, err)
	}
	remote := hs.Remote
	s, err := session.Establish(ctx, raw, hs, session.Config{
		Hello:  wire.Hello{Role: wire.RoleUser, Software: c.cfg.Software},
		Logger: c.cfg.Logger,
	})
	if err != nil {
		raw.Close()
		return nil, err
	}
	if s.RemoteHello().Role != wire.RolePeer {
		s.Close(wire.CodeProtocol, "a user was dialled")
		return nil, fmt.Errorf("%w: a user answers at %s", ErrWrongPeer, addr)
	}
	c.tasks.Go(func() {
		if err := s.Run(c.ctx); err != nil {
			c.cfg.Logger.Info("session ended", "error", err)
		}
	})
	none := make(chan struct{})
	close(none)
	return &connection{transport: &sessionTransport{s}, peer: remote.ID(), name: remote.Name, token: none}, nil
}

func (c *Client) dialAddr(ctx context.Context, addr string) (net.Conn, error) {
	if c.cfg.Dialer != nil {
		return c.cfg.Dialer(ctx, addr)
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr)
}

// handshakeError says what a failed handshake means for the user.
func (c *Client) handshakeError(addr string, err error) error {
	if errors.Is(err, handshake.ErrIdentity) {
		return fmt.Errorf("%w at %s: %w", ErrWrongPeer, addr, err)
	}
	return fmt.Errorf("client: handshake with %s: %w", addr, err)
}

// sessionTransport is a session as the client uses it.
type sessionTransport struct{ s *session.Session }

func (t *sessionTransport) Done() <-chan struct{}             { return t.s.Done() }
func (t *sessionTransport) Close(code wire.Code, text string) { t.s.Close(code, text) }

func (t *sessionTransport) open(p priority) (stream, error) {
	class := session.Interactive
	switch p {
	case live:
		class = session.Live
	case bulk:
		class = session.Bulk
	}
	s, err := t.s.Open(class)
	if err != nil {
		return nil, err
	}
	return s, nil
}
