package peer

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"parley/handshake"
	"parley/rooms"
	"parley/session"
	"parley/wire"
)

// A request is one stream of a user's session on which the core answers.
type request struct {
	key  rooms.ReqKey
	mu   sync.Mutex
	out  []rooms.Reply
	wake chan struct{}
}

// serveUser serves a user's session until it ends.
func (p *Peer) serveUser(ctx context.Context, s *session.Session) error {
	user := s.Remote()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	p.wg.Go(func() {
		ended <- s.Run(ctx)
		cancel()
	})
	if !p.cfg.Users.Allowed(user.ID()) {
		s.Close(wire.CodeRefused, "this peer does not serve you; it serves "+p.cfg.Users.String())
		return <-ended
	}
	if token := s.Result().Token; token != nil {
		forget := p.live.add(*token, s)
		defer forget()
	}
	p.counters.users.Add(1)
	defer p.counters.users.Add(-1)

	var wg sync.WaitGroup
	slots := make(chan struct{}, maxRequests)
	for {
		st, err := s.Accept(ctx)
		if err != nil {
			break
		}
		select {
		case slots <- struct{}{}:
		default:
			st.Reset(wire.CodeBusy, "too many requests at once on this session")
			continue
		}
		wg.Go(func() {
			defer func() { <-slots }()
			p.serveRequest(ctx, s, st)
		})
	}
	cancel()
	wg.Wait()
	err := <-ended
	p.counters.keep(s.Stats())
	return err
}

// serveRequest answers one stream and ends it, in order or with an error.
func (p *Peer) serveRequest(ctx context.Context, s *session.Session, st *session.Stream) {
	err := p.answer(ctx, s, st)
	var werr *wire.Error
	switch {
	case err == nil:
		st.CloseSend()
	case errors.As(err, &werr):
		if !werr.Remote {
			st.Reset(werr.Code, werr.Text)
		}
		if werr.Code == wire.CodeProtocol && !werr.Remote {
			p.offend(s.Remote().ID().String(), err)
		}
	case errors.Is(err, context.Canceled), errors.Is(err, io.EOF):
		st.Reset(wire.CodeShutdown, "")
	default:
		p.log.Warn("a request failed", "error", err)
		st.Reset(wire.CodeInternal, "the peer could not answer; its log says why")
	}
}

// answer reads the first message of a stream and does what it asks.
func (p *Peer) answer(ctx context.Context, s *session.Session, st *session.Stream) error {
	m, err := st.Recv(ctx)
	if err != nil {
		return err
	}
	user := s.Remote().ID()
	one := func(reply wire.Message, err error) error {
		if err != nil {
			return err
		}
		return st.Send(ctx, reply)
	}
	switch m := m.(type) {
	case *wire.StatusGet:
		return one(p.Status(ctx), nil)
	case *wire.DoctorGet:
		return one(p.doctor(), nil)
	case *wire.PeersGet:
		return p.servePeers(ctx, st, m.Watch)
	case *wire.SnapshotGet:
		return one(p.snapshot(ctx, user))
	case *wire.TokenRequest:
		return one(p.issueToken(s))
	case *wire.TokenList:
		return one(p.listTokens(s))
	case *wire.TokenRevoke:
		return p.revokeToken(ctx, s, st, m.ID)
	case *wire.Tail:
		ctx, cancel := p.whileWanted(ctx, st, m.Follow)
		defer cancel()
		return p.serveTail(ctx, st, user, m)
	case *wire.HeadsGet:
		if err := p.mayRead(user, m.Room); err != nil {
			return err
		}
		return p.serveHeads(ctx, st, m)
	default:
		return p.serveCore(ctx, st, user, m)
	}
}

// whileWanted returns a context that ends when the user gives up the stream;
// of an answer without end, also when the user's side of it ends in order.
func (p *Peer) whileWanted(ctx context.Context, st *session.Stream, endless bool) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	p.wg.Go(func() {
		for {
			if _, err := st.Recv(ctx); err != nil {
				if endless || !errors.Is(err, io.EOF) {
					cancel()
				}
				return
			}
		}
	})
	return ctx, cancel
}

// serveCore passes the messages of a stream to the core and its replies back.
func (p *Peer) serveCore(ctx context.Context, st *session.Stream, user wire.ID, m wire.Message) error {
	r := p.openRequest()
	defer func() {
		p.closeRequest(r)
		p.post(rooms.UserGone{Req: r.key})
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sent := make(chan error, 1)
	p.wg.Go(func() {
		sent <- p.pumpReplies(ctx, r, st)
		cancel()
	})
	for {
		parts, err := prepare(m)
		if err != nil {
			return &wire.Error{Code: wire.CodeInvalid, Text: "a record is not valid: " + err.Error(), Cause: err}
		}
		// Questions are answered however much waits for the store.
		if parts != nil && !p.persist.room() {
			return context.Canceled
		}
		p.post(rooms.UserMessage{Req: r.key, User: user, Msg: m, Parts: parts})
		if m, err = st.Recv(ctx); err == nil {
			continue
		}
		if errors.Is(err, io.EOF) {
			p.post(rooms.UserEnd{Req: r.key}) // what was asked is still answered
			return <-sent
		}
		if ctx.Err() != nil {
			return <-sent
		}
		return err
	}
}

func (p *Peer) openRequest() *request {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastReq++
	r := &request{key: p.lastReq, wake: make(chan struct{}, 1)}
	p.requests[r.key] = r
	return r
}

func (p *Peer) closeRequest(r *request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.requests, r.key)
}

func (p *Peer) reply(e rooms.Reply) {
	p.mu.Lock()
	r := p.requests[e.Req]
	p.mu.Unlock()
	if r == nil {
		return
	}
	r.mu.Lock()
	// Acknowledgements of one log are cumulative: a slow reader gets the newest.
	if now, ok := e.Msg.(*wire.Appended); ok && len(r.out) > 0 {
		if last, ok := r.out[len(r.out)-1].Msg.(*wire.Appended); ok && last.Log == now.Log && last.Last <= now.Last {
			r.out = r.out[:len(r.out)-1]
		}
	}
	r.out = append(r.out, e)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// pumpReplies sends the core's replies until the one that ends the request.
func (p *Peer) pumpReplies(ctx context.Context, r *request, st *session.Stream) error {
	for {
		r.mu.Lock()
		out := r.out
		r.out = nil
		r.mu.Unlock()
		for _, e := range out {
			if m, ok := e.Msg.(*wire.Authority); ok && len(e.Fill) > 0 {
				boxes, err := p.boxes(ctx, e.Room, e.Fill)
				if err != nil {
					return err
				}
				m.Boxes = append(m.Boxes, boxes...)
			}
			if e.Msg != nil {
				if err := st.Send(ctx, e.Msg); err != nil {
					return err
				}
			}
			if e.Err != nil {
				return e.Err
			}
			if e.End {
				return nil
			}
		}
		if len(out) > 0 {
			continue
		}
		select {
		case <-r.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// mayRead returns why a user may not read a room, or nil.
func (p *Peer) mayRead(user, room wire.ID) error {
	var ok bool
	if !p.ask(func(c *rooms.Core) { ok = c.MayRead(user, room) }) {
		return context.Canceled
	}
	if !ok {
		return wire.Errorf(wire.CodeNotFound, "this peer does not keep that room for you")
	}
	return nil
}

func (p *Peer) issueToken(s *session.Session) (wire.Message, error) {
	grant, err := p.tokens.Issue(s.Remote(), p.id, time.Now())
	if err != nil {
		return nil, &wire.Error{Code: wire.CodeStorage, Text: "the token cannot be stored", Cause: err}
	}
	return grant, nil
}

func (p *Peer) listTokens(s *session.Session) (wire.Message, error) {
	infos, err := p.tokens.List(s.Remote().ID(), time.Now())
	if err != nil {
		return nil, err
	}
	if current := s.Result().Token; current != nil {
		for i := range infos {
			infos[i].Current = string(infos[i].ID) == string(current[:])
		}
	}
	return &wire.Tokens{Tokens: infos}, nil
}

// revokeToken revokes a token of the user and ends the sessions that were
// opened with it: the one that asked last, once it has its answer.
func (p *Peer) revokeToken(ctx context.Context, s *session.Session, st *session.Stream, id []byte) error {
	if len(id) != handshake.TokenIDSize {
		return wire.Errorf(wire.CodeProtocol, "a token's ID has %d bytes", handshake.TokenIDSize)
	}
	token := [handshake.TokenIDSize]byte(id)
	if err := p.tokens.Revoke(s.Remote().ID(), token); err != nil {
		return err
	}
	err := st.Send(ctx, &wire.Done{})
	for _, opened := range p.live.sessions(token) {
		if opened == s {
			time.AfterFunc(answerTime, func() { opened.Close(wire.CodeRevoked, "the token of this session was revoked") })
			continue
		}
		opened.Close(wire.CodeRevoked, "the token of this session was revoked")
	}
	return err
}

// A liveTokens knows the sessions that were opened with a token, so that
// revoking it ends them.
type liveTokens struct {
	mu   sync.Mutex
	open map[[16]byte]map[*session.Session]struct{}
}

func (t *liveTokens) add(id [16]byte, s *session.Session) (forget func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		t.open = make(map[[16]byte]map[*session.Session]struct{})
	}
	if t.open[id] == nil {
		t.open[id] = make(map[*session.Session]struct{})
	}
	t.open[id][s] = struct{}{}
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.open[id], s)
		if len(t.open[id]) == 0 {
			delete(t.open, id)
		}
	}
}

// sessions are those that were opened with a token and live.
func (t *liveTokens) sessions(id [16]byte) (open []*session.Session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for s := range t.open[id] {
		open = append(open, s)
	}
	return open
}
