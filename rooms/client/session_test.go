package client

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/handshake"
	"parley/handshake/identity"
	"parley/session"
	"parley/wire"
)

// A realPeer serves a fakePeer's answers over real sessions.
type realPeer struct {
	*fakePeer
	key    *identity.Private
	addr   string
	ln     net.Listener
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	tokensMu sync.Mutex
	tokens   map[[16]byte]grantedToken
	byToken  int // sessions opened with one
	bySig    int
}

type grantedToken struct {
	key  [32]byte
	user *identity.Bundle
}

// LookupToken implements handshake.TokenSource.
func (p *realPeer) LookupToken(id [16]byte, _ time.Time) ([32]byte, *identity.Bundle, bool) {
	p.tokensMu.Lock()
	defer p.tokensMu.Unlock()
	g, ok := p.tokens[id]
	return g.key, g.user, ok
}

// newRealPeer listens on loopback; addr "" takes any port.
func newRealPeer(t testing.TB, addr string) *realPeer {
	key, err := identity.Generate(identity.Ed25519, "peer")
	if err != nil {
		t.Fatal(err)
	}
	p := &realPeer{fakePeer: newFakePeer(t), key: key, tokens: make(map[[16]byte]grantedToken)}
	p.id = key.ID()
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	p.start(t, addr)
	return p
}

func (p *realPeer) start(t testing.TB, addr string) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	p.ln, p.addr = ln, ln.Addr().String()
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.session(conn) })
		}
	})
	t.Cleanup(p.stop)
}

func (p *realPeer) stop() {
	p.cancel()
	p.ln.Close()
	p.wg.Wait()
}

func (p *realPeer) session(conn net.Conn) {
	defer conn.Close()
	hs, err := handshake.Respond(p.ctx, conn, &handshake.Config{Identity: p.key, Network: identity.Network{Name: "test"}, Tokens: p})
	if err != nil {
		return
	}
	p.tokensMu.Lock()
	if hs.Token != nil {
		p.byToken++
	} else {
		p.bySig++
	}
	p.tokensMu.Unlock()
	s, err := session.Establish(p.ctx, conn, hs, session.Config{Hello: wire.Hello{Role: wire.RolePeer}})
	if err != nil {
		return
	}
	p.wg.Go(func() {
		for {
			st, err := s.Accept(p.ctx)
			if err != nil {
				return
			}
			p.wg.Go(func() { p.stream(s, st) })
		}
	})
	s.Run(p.ctx)
}

func (p *realPeer) stream(s *session.Session, st *session.Stream) {
	for {
		m, err := st.Recv(p.ctx)
		if err != nil {
			st.CloseSend()
			return
		}
		if _, ok := m.(*wire.TokenRequest); ok {
			err = p.grant(s, st)
		} else {
			err = p.answer(p.ctx, st, m)
		}
		var we *wire.Error
		if errors.As(err, &we) {
			st.Reset(we.Code, we.Text)
			return
		}
	}
}

func (p *realPeer) grant(s *session.Session, st *session.Stream) error {
	var id [16]byte
	var key [32]byte
	copy(id[:], nonce())
	copy(key[:], slices.Concat(nonce(), nonce()))
	user := s.Remote()
	p.tokensMu.Lock()
	p.tokens[id] = grantedToken{key, user}
	p.tokensMu.Unlock()
	sealed, err := identity.SealTo(user.Sealing, session.TokenInfo(p.id, id), key[:])
	if err != nil {
		return err
	}
	return st.Send(p.ctx, &wire.TokenGrant{ID: id[:], Expires: uint64(time.Now().Add(time.Hour).Unix()), Scope: "user", Sealed: sealed})
}

func (p *realPeer) config(key *identity.Private, dir string) Config {
	return Config{Identity: key, Network: identity.Network{Name: "test"}, Dir: dir, Addr: p.addr, PeerID: p.id}
}

func dialed(t testing.TB, cfg Config) *Client {
	t.Helper()
	c, err := Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestOverARealSessionTheSecondDialIsByToken(t *testing.T) {
	p := newRealPeer(t, "")
	key, dir := newKey(t, "ann"), t.TempDir()
	for i := range 3 {
		c := dialed(t, p.config(key, dir))
		if _, err := c.Send(t.Context(), c.Lobby().ID, []byte{'a' + byte(i)}, SendOptions{}); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	if p.bySig != 1 || p.byToken != 2 {
		t.Errorf("%d by signature, %d by token", p.bySig, p.byToken)
	}
	// A token that the peer no longer takes is no obstacle.
	clear(p.tokens)
	c := dialed(t, p.config(key, dir))
	if got := texts(t, c, c.Lobby().ID); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("read %q", got)
	}
	c.Close()
	if p.bySig != 2 || len(p.tokens) != 1 {
		t.Errorf("%d by signature, %d tokens", p.bySig, len(p.tokens))
	}
}

// A peer that is too busy for a handshake closes without a reply, and has seen no
// token. Of a thousand users whose sessions were cut at once most lost theirs so, and
// dialled twice each time.
func TestAPeerThatClosesWithoutAReplyIsDialledOnceAndTheTokenIsKept(t *testing.T) {
	p := newRealPeer(t, "")
	key, dir := newKey(t, "ann"), t.TempDir()
	dialed(t, p.config(key, dir)).Close()
	p.stop()
	busy, err := net.Listen("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan int)
	go func() {
		n := 0
		for ; ; n++ {
			conn, err := busy.Accept()
			if err != nil {
				accepted <- n
				return
			}
			conn.Close()
		}
	}()
	if _, err := Dial(t.Context(), p.config(key, dir)); !errors.Is(err, handshake.ErrNoReply) {
		t.Errorf("dialled: %v", err)
	}
	busy.Close()
	if n := <-accepted; n != 1 {
		t.Errorf("%d connections", n)
	}
	p.start(t, p.addr)
	dialed(t, p.config(key, dir)).Close()
	if p.bySig != 1 || p.byToken != 1 {
		t.Errorf("%d by signature, %d by token", p.bySig, p.byToken)
	}
}

func TestClientsThatWereCutOffAtOnceDoNotDialInStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const clients, nth = 50, 5
		dials := make(map[time.Duration]int) // the nth of each client, by its moment
		var mu sync.Mutex
		var wg sync.WaitGroup
		start := time.Now()
		for range clients {
			c, err := Open(Config{Identity: newKey(t, ""), Network: identity.Network{Name: "test"}, Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			c.dial = func(context.Context) (*connection, error) {
				if n++; n == nth {
					mu.Lock()
					dials[time.Since(start)]++
					mu.Unlock()
				}
				return nil, ErrNoDaemon
			}
			wg.Go(func() {
				if _, err := c.reconnect(t.Context(), 10*time.Second); !errors.Is(err, ErrNoDaemon) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		// Before its fifth dial each has paused for 50, 100, 200 and 400 ms, more or less.
		least, most := time.Hour, time.Duration(0)
		for at, n := range dials {
			if least, most = min(least, at), max(most, at); n > clients/10 {
				t.Errorf("%d clients dial %v after the cut", n, at)
			}
		}
		if least < 375*time.Millisecond || most > 1125*time.Millisecond || most-least < 200*time.Millisecond {
			t.Errorf("they dial %v to %v after the cut", least, most)
		}
	})
}

func TestAnotherPeerThanTheOneExpectedIsNotTalkedTo(t *testing.T) {
	p := newRealPeer(t, "")
	cfg := p.config(newKey(t, "ann"), t.TempDir())
	cfg.PeerID = wire.Hash("another")
	if _, err := Dial(t.Context(), cfg); !errors.Is(err, ErrWrongPeer) {
		t.Errorf("dialled: %v", err)
	}
	p.stop()
	if _, err := Dial(t.Context(), p.config(newKey(t, "ann"), t.TempDir())); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("dialled: %v", err)
	}
}

func TestAPipeAndAFollowerGoOnWhenTheDaemonRestarts(t *testing.T) {
	p := newRealPeer(t, "")
	w := dialed(t, p.config(newKey(t, "ann"), t.TempDir()))
	r := dialed(t, p.config(newKey(t, "bob"), t.TempDir()))
	src := make(chanSource)
	piped := make(chan error, 1)
	go func() {
		_, err := w.Pipe(t.Context(), w.Lobby().ID, src, PipeOptions{})
		piped <- err
	}()
	read := make(chan string)
	ctx, cancel := context.WithCancel(t.Context())
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		for m, err := range r.Tail(ctx, r.Lobby().ID, TailOptions{Follow: true}) {
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					t.Errorf("tail: %v", err)
				}
				return
			}
			read <- string(m.Data)
		}
	}()
	for i := range 6 {
		if i == 2 || i == 4 {
			p.stop()
			p.start(t, p.addr)
		}
		want := string([]byte{'a' + byte(i)})
		src <- []byte(want)
		if got := <-read; got != want {
			t.Fatalf("read %q, not %q", got, want)
		}
	}
	close(src)
	if err := <-piped; err != nil {
		t.Errorf("pipe: %v", err)
	}
	cancel()
	<-followed
}

// childHome makes the test binary a writer of its own, for the test of two processes.
const childHome = "PARLEY_TEST_CHILD_HOME"

func TestASendGoesOnWhenTheDaemonIsKilledAgainInTheMiddleOfAHandshake(t *testing.T) {
	p := newRealPeer(t, "")
	c := dialed(t, p.config(newKey(t, "ann"), t.TempDir()))
	if _, err := c.Send(t.Context(), c.Lobby().ID, []byte("a"), SendOptions{}); err != nil {
		t.Fatal(err)
	}
	p.stop()
	dying, err := net.Listen("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	sent := make(chan error, 1)
	go func() {
		_, err := c.Send(t.Context(), c.Lobby().ID, []byte("b"), SendOptions{})
		sent <- err
	}()
	for range 2 { // it dials again
		conn, err := dying.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	if err := dying.Close(); err != nil {
		t.Fatal(err)
	}
	p.start(t, p.addr)
	if err := <-sent; err != nil {
		t.Errorf("send: %v", err)
	}
}

func TestTwoProcessesSendingAtOnceTakeTurns(t *testing.T) {
	if dir := os.Getenv(childHome); dir != "" {
		runChild(t, dir)
		return
	}
	p := newRealPeer(t, "")
	dir := t.TempDir()
	key := newKey(t, "ann")
	if err := identity.Save(dir+"/key", key, nil); err != nil {
		t.Fatal(err)
	}
	const procs = 3
	var wg sync.WaitGroup
	for i := range procs {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run=^TestTwoProcessesSendingAtOnceTakeTurns$")
			cmd.Env = append(os.Environ(), childHome+"="+dir, "PARLEY_TEST_ADDR="+p.addr, "PARLEY_TEST_PEER="+p.id.String(), "PARLEY_TEST_NAME="+string([]byte{'a' + byte(i)}))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("child: %v\n%s", err, out)
			}
		})
	}
	wg.Wait()
	c := dialed(t, p.config(key, dir))
	got := texts(t, c, c.Lobby().ID)
	slices.Sort(got)
	if want := procs * childLines; len(got) != want || len(slices.Compact(got)) != want {
		t.Errorf("%d messages, not %d", len(got), want)
	}
	if logs := len(p.room(c.Lobby().ID).heads); logs != 1 {
		t.Errorf("%d logs from one home", logs)
	}
}

const childLines = 40

func runChild(t *testing.T, dir string) {
	key, err := identity.Load(dir+"/key", nil)
	if err != nil {
		t.Fatal(err)
	}
	peer, err := wire.ParseID(os.Getenv("PARLEY_TEST_PEER"))
	if err != nil {
		t.Fatal(err)
	}
	c := dialed(t, Config{Identity: key, Network: identity.Network{Name: "test"}, Dir: dir, Addr: os.Getenv("PARLEY_TEST_ADDR"), PeerID: peer})
	for i := range childLines {
		text := os.Getenv("PARLEY_TEST_NAME") + string(rune('A'+i))
		if _, err := c.Send(t.Context(), c.Lobby().ID, []byte(text), SendOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// A chanSource gives what is sent on it.
type chanSource chan []byte

func (s chanSource) Next(ctx context.Context, _ int) ([][]byte, error) {
	select {
	case m, ok := <-s:
		if !ok {
			return nil, io.EOF
		}
		return [][]byte{m}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
