package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"parley/rooms"
	"parley/wire"
)

// A Client is a user at a peer. It may be used from any goroutine.
type Client struct {
	cfg   Config
	me    wire.ID
	lobby *room

	ctx    context.Context // ended by Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup // sessions' pumps and the request for a token

	dial    func(ctx context.Context) (*connection, error)
	dialing chan struct{} // held by who dials; capacity 1
	mu      sync.Mutex
	live    *connection
	rooms   map[wire.ID]*room
	closed  bool

	step stepHook // tests only

	petnamesOnce sync.Once
	petnamesRead map[wire.ID]string
}

// Open returns a Client that connects when it first needs its peer. It makes
// the user's folder ready.
func Open(cfg Config) (*Client, error) {
	if cfg.Identity == nil || cfg.Dir == "" {
		return nil, errors.New("client: a Client needs an identity and a folder")
	}
	if err := cfg.Network.Check(); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Patience == 0 {
		cfg.Patience = reconnectFor
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	c := &Client{
		cfg: cfg, me: cfg.Identity.ID(),
		dialing: make(chan struct{}, 1), rooms: make(map[wire.ID]*room),
	}
	c.dial = c.dialPeer
	c.ctx, c.cancel = context.WithCancel(context.Background())
	lobby := rooms.OpenRoomID(cfg.Network, rooms.Lobby)
	c.lobby = newOpenRoom(c, lobby)
	c.rooms[lobby] = c.lobby
	return c, nil
}

// Dial returns a Client that is connected to its peer. Errors wrap ErrNoDaemon
// or ErrWrongPeer where that is the reason.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	c, err := Open(cfg)
	if err != nil {
		return nil, err
	}
	if _, err := c.connect(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Me is the user's ID.
func (c *Client) Me() wire.ID { return c.me }

// Peer is the ID of the peer that the Client is, or was last, connected to;
// zero before the first connection.
func (c *Client) Peer() wire.ID {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live == nil {
		return wire.ID{}
	}
	return c.live.peer
}

// Close ends the session. It is idempotent.
func (c *Client) Close() error {
	c.mu.Lock()
	live, closed := c.live, c.closed
	c.closed = true
	c.mu.Unlock()
	if closed {
		return nil
	}
	if live != nil {
		live.finish()
	}
	c.cancel()
	c.tasks.Wait()
	return nil
}

// finish ends the session in good order, once the token that was asked for has
// come, if that does not take long.
func (c *connection) finish() {
	timer := time.NewTimer(closeWait)
	defer timer.Stop()
	select {
	case <-c.token:
	case <-c.transport.Done():
	case <-timer.C:
	}
	c.transport.Close(wire.CodeOK, "")
}

func (c *Client) notice(format string, args ...any) {
	if c.cfg.Notice != nil {
		c.cfg.Notice(fmt.Sprintf(format, args...))
	}
}

// A stream is what the client needs of a session's stream.
type stream interface {
	Send(ctx context.Context, m wire.Message) error
	Recv(ctx context.Context) (wire.Message, error)
	CloseSend() error
	Reset(code wire.Code, text string)
}

// A transport is what the client needs of a session.
type transport interface {
	open(p priority) (stream, error)
	Done() <-chan struct{}
	Close(code wire.Code, text string)
}

// A priority is the class of stream that a request is made on.
type priority uint8

const (
	interactive priority = iota
	live
	bulk
)

// A connection is one session with a peer.
type connection struct {
	transport transport
	peer      wire.ID
	name      string
	token     <-chan struct{} // closed when no token is awaited any more
}

func (c *connection) ended() bool {
	select {
	case <-c.transport.Done():
		return true
	default:
		return false
	}
}

// connect returns the live session, or makes one.
func (c *Client) connect(ctx context.Context) (*connection, error) {
	select {
	case c.dialing <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-c.dialing }()
	c.mu.Lock()
	now, closed := c.live, c.closed
	c.mu.Unlock()
	if closed {
		return nil, errClosed
	}
	if now != nil && !now.ended() {
		return now, nil
	}
	fresh, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		fresh.transport.Close(wire.CodeOK, "")
		return nil, errClosed
	}
	c.live = fresh
	return fresh, nil
}

var errClosed = errors.New("client: closed")

func (c *Client) wasConnected() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.live != nil
}

// reconnect is connect, tried for as long as patience lasts.
func (c *Client) reconnect(ctx context.Context, patience time.Duration) (*connection, error) {
	began := time.Now()
	for pause := reconnectMin; ; pause = min(2*pause, reconnectMax) {
		conn, err := c.connect(ctx)
		left := patience - time.Since(began)
		if err == nil || errors.Is(err, errClosed) || ctx.Err() != nil || left <= 0 {
			return conn, err
		}
		// Of many that were cut off at once each waits for another time, so that they do not all come at once again.
		if err := sleep(ctx, min(pause/2+rand.N(pause), left)); err != nil {
			return nil, err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// open opens a stream for one request.
func (c *Client) open(ctx context.Context, p priority) (stream, *connection, error) {
	conn, err := c.connect(ctx)
	if err != nil && c.wasConnected() && ctx.Err() == nil && !errors.Is(err, errClosed) && !errors.Is(err, ErrWrongPeer) {
		// It was there before and may be restarting, or have been killed again in the middle of a handshake: the
		// caller may wait for it.
		err = fmt.Errorf("%w: %w", errLost, err)
	}
	if err != nil {
		return nil, nil, err
	}
	s, err := conn.transport.open(p)
	if err != nil {
		return nil, conn, lost(ctx, err)
	}
	return guarded{s}, conn, nil
}

// request sends m on a stream of its own and returns the stream, for answers
// that are more than one message. Who takes it ends it with Reset.
func (c *Client) request(ctx context.Context, p priority, m wire.Message) (stream, error) {
	s, _, err := c.open(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := s.Send(ctx, m); err != nil {
		s.Reset(wire.CodeOK, "")
		return nil, err
	}
	return s, nil
}

// ask sends m and returns the one message that answers it. Every request of
// the client may be made twice, so that one cut off by the end of its session
// is made again on a new one.
func ask[T wire.Message](ctx context.Context, c *Client, m wire.Message) (T, error) {
	answer, err := askOnce[T](ctx, c, m)
	if err != nil && cutOff(err) && ctx.Err() == nil {
		if _, err := c.reconnect(ctx, c.cfg.Patience); err != nil {
			return answer, err
		}
		return askOnce[T](ctx, c, m)
	}
	return answer, err
}

func askOnce[T wire.Message](ctx context.Context, c *Client, m wire.Message) (T, error) {
	var none T
	s, err := c.request(ctx, interactive, m)
	if err != nil {
		return none, err
	}
	defer s.Reset(wire.CodeOK, "")
	return recv[T](ctx, s)
}

// recv takes the next message of a stream, which must be a T.
func recv[T wire.Message](ctx context.Context, s stream) (T, error) {
	var none T
	m, err := s.Recv(ctx)
	if err != nil {
		return none, err
	}
	answer, ok := m.(T)
	if !ok {
		return none, wire.Errorf(wire.CodeProtocol, "the peer answers %T where %T belongs", m, none)
	}
	return answer, nil
}

// errLost says that a session ended under a request.
var errLost = errors.New("client: the session with the daemon ended")

// cutOff reports whether a request ended for a reason that another session, or
// another try, may help against; not so the peer's answer or the caller's doing.
func cutOff(err error) bool { return errors.Is(err, errLost) || errors.Is(err, errAgain) }

// A guarded stream tells the session's end from what the peer answers.
type guarded struct{ stream }

func (g guarded) Send(ctx context.Context, m wire.Message) error {
	return lost(ctx, g.stream.Send(ctx, m))
}

func (g guarded) Recv(ctx context.Context) (wire.Message, error) {
	m, err := g.stream.Recv(ctx)
	return m, lost(ctx, err)
}

func lost(ctx context.Context, err error) error {
	var we *wire.Error
	if err == nil || ctx.Err() != nil || errors.As(err, &we) && we.Remote && we.Code != wire.CodeShutdown {
		return err
	}
	return fmt.Errorf("%w: %w", errLost, err)
}

// codeOf is the code that the peer gave with an error, or CodeOK.
func codeOf(err error) wire.Code {
	var we *wire.Error
	if errors.As(err, &we) && we.Remote {
		return we.Code
	}
	return wire.CodeOK
}
