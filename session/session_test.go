package session

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/wire"
)

// A pair is two sessions with each other: a dialled, b answered.
type pair struct {
	a, b       *Session
	enda, endb chan error // what Run returned
}

func establish(tb testing.TB, ca, cb net.Conn, ra, rb wire.Role) (a, b *Session, err error) {
	tb.Helper()
	hi, hr := results(tb)
	var wg sync.WaitGroup
	var erra, errb error
	wg.Go(func() {
		a, erra = Establish(tb.Context(), ca, hi, Config{Hello: wire.Hello{Role: ra, Software: "test/a", Instance: [8]byte{1}}})
	})
	wg.Go(func() {
		b, errb = Establish(tb.Context(), cb, hr, Config{Hello: wire.Hello{Role: rb, Software: "test/b", Port: 77}})
	})
	wg.Wait()
	return a, b, errors.Join(erra, errb)
}

// connect makes a running pair of peers over the two ends of a connection. The
// end of the test closes it and fails if anything stays behind.
func connect(tb testing.TB, ca, cb net.Conn) *pair {
	tb.Helper()
	return run(tb, ca, cb, wire.RolePeer, wire.RolePeer)
}

func run(tb testing.TB, ca, cb net.Conn, ra, rb wire.Role) *pair {
	tb.Helper()
	a, b, err := establish(tb, ca, cb, ra, rb)
	if err != nil {
		tb.Fatal(err)
	}
	p := &pair{a, b, make(chan error, 1), make(chan error, 1)}
	var wg sync.WaitGroup
	wg.Go(func() { p.enda <- a.Run(context.Background()) })
	wg.Go(func() { p.endb <- b.Run(context.Background()) })
	tb.Cleanup(func() {
		a.Close(wire.CodeOK, "")
		b.Close(wire.CodeOK, "")
		wg.Wait()
	})
	return p
}

func push(ref uint64, size int) *wire.Push {
	return &wire.Push{Ref: ref, Runs: [][]byte{make([]byte, size)}}
}

func open(tb testing.TB, s *Session, class Class) *Stream {
	tb.Helper()
	st, err := s.Open(class)
	if err != nil {
		tb.Fatal(err)
	}
	return st
}

func send(tb testing.TB, st *Stream, m wire.Message) {
	tb.Helper()
	if err := st.Send(tb.Context(), m); err != nil {
		tb.Fatal(err)
	}
}

func accept(tb testing.TB, s *Session) *Stream {
	tb.Helper()
	st, err := s.Accept(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return st
}

// recvRef takes the next message, which must be a Push.
func recvRef(tb testing.TB, st *Stream) uint64 {
	tb.Helper()
	m, err := st.Recv(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return m.(*wire.Push).Ref
}

func TestBothSidesLearnWhoTheOtherIs(t *testing.T) {
	ca, cb := net.Pipe()
	p := connect(t, ca, cb)
	if h := p.a.RemoteHello(); h.Role != wire.RolePeer || h.Software != "test/b" || h.Port != 77 {
		t.Errorf("a sees %+v", h)
	}
	if h := p.b.RemoteHello(); h.Software != "test/a" || h.Instance != [8]byte{1} {
		t.Errorf("b sees %+v", h)
	}
	if p.a.Remote().Name != "responder" || !p.a.Result().Initiator || p.a.Result().Send.Enc != [32]byte{} {
		t.Error("the handshake's result is not there, or still has its keys")
	}
}

func TestTwoUsersDoNotTalk(t *testing.T) {
	ca, cb := net.Pipe()
	_, _, err := establish(t, ca, cb, wire.RoleUser, wire.RoleUser)
	if !errors.Is(err, ErrHello) {
		t.Errorf("established with %v", err)
	}
}

// waitNoStreams waits until neither side remembers a stream.
func waitNoStreams(t *testing.T, p *pair) {
	t.Helper()
	for _, s := range []*Session{p.a, p.b} {
		for deadline := time.Now().Add(5 * time.Second); ; <-time.After(time.Millisecond) {
			s.mu.Lock()
			n, ours, theirs := len(s.streams), s.ours.open, s.theirs.open
			s.mu.Unlock()
			if n == 0 && ours == 0 && theirs == 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d streams are remembered, %d and %d counted", n, ours, theirs)
			}
		}
	}
}

func TestACloseIsToldWithCodeAndText(t *testing.T) {
	for _, c := range []struct {
		code  wire.Code
		clean bool
	}{{wire.CodeOK, true}, {wire.CodeShutdown, true}, {wire.CodeRevoked, false}, {wire.CodeRefused, false}} {
		t.Run(c.code.String(), func(t *testing.T) {
			ca, cb := tcpPair(t)
			p := connect(t, ca, cb)
			st := open(t, p.b, Interactive)
			send(t, st, push(1, 10))
			in := accept(t, p.a)
			p.a.Close(c.code, "because "+strings.Repeat("é", 200))
			enda, endb := <-p.enda, <-p.endb
			if c.clean != (enda == nil) || c.clean != (endb == nil) {
				t.Errorf("Run returns %v here and %v there", enda, endb)
			}
			var werr *wire.Error
			if err := p.b.Err(); !errors.As(err, &werr) || !werr.Remote || werr.Code != c.code || !strings.HasPrefix(werr.Text, "because é") {
				t.Errorf("there it is %v", err)
			}
			if _, err := st.Recv(t.Context()); !errors.As(err, &werr) || !werr.Remote {
				t.Errorf("a stream there: %v", err)
			}
			if recvRef(t, in) != 1 {
				t.Error("what had arrived is lost")
			}
			if _, err := p.a.Accept(t.Context()); err == nil {
				t.Error("Accept goes on")
			}
			if _, err := p.a.Open(Live); err == nil {
				t.Error("Open goes on")
			}
		})
	}
}

func TestACloseInGoodOrderLosesNothingThatWasSent(t *testing.T) {
	ca, cb := tcpPair(t)
	p := connect(t, ca, cb)
	const messages = 40
	st := open(t, p.a, Bulk)
	go func() {
		for i := range uint64(messages) {
			if err := st.Send(context.Background(), push(i, 60000)); err != nil {
				t.Error(err)
			}
		}
		_ = st.CloseSend()
		p.a.Close(wire.CodeOK, "")
	}()
	in := accept(t, p.b)
	for i := range uint64(messages) {
		if recvRef(t, in) != i {
			t.Fatal("out of order")
		}
	}
	if _, err := in.Recv(t.Context()); err != io.EOF {
		t.Error(err)
	}
	if err := <-p.endb; err != nil {
		t.Error(err)
	}
}

func TestAnEndWithoutACloseIsACut(t *testing.T) {
	ca, cb := tcpPair(t)
	p := connect(t, ca, cb)
	st := open(t, p.a, Interactive)
	ca.Close()
	if err := <-p.endb; !errors.Is(err, ErrCut) {
		t.Errorf("there: %v", err)
	}
	if err := <-p.enda; !errors.Is(err, ErrCut) {
		t.Errorf("here: %v", err)
	}
	if _, err := st.Recv(t.Context()); !errors.Is(err, ErrCut) {
		t.Errorf("a stream: %v", err)
	}
}

func TestTheContextClosesTheSession(t *testing.T) {
	ca, cb := tcpPair(t)
	a, b, err := establish(t, ca, cb, wire.RoleUser, wire.RolePeer)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ends := make(chan error, 2)
	go func() { ends <- a.Run(ctx) }()
	go func() { ends <- b.Run(t.Context()) }()
	cancel()
	if err := errors.Join(<-ends, <-ends); err != nil {
		t.Error(err)
	}
	var werr *wire.Error
	if !errors.As(b.Err(), &werr) || werr.Code != wire.CodeShutdown {
		t.Errorf("the other side hears %v", b.Err())
	}
}

func TestEstablishGivesUp(t *testing.T) {
	hi, _ := results(t)
	ca, cb := net.Pipe()
	defer cb.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := Establish(ctx, ca, hi, Config{Hello: wire.Hello{Role: wire.RolePeer}})
	var werr *wire.Error
	if !errors.As(err, &werr) || werr.Code != wire.CodeTimeout {
		t.Errorf("a silent other side: %v", err)
	}
	if _, err := ca.Write([]byte{0}); err == nil {
		t.Error("the connection is still open")
	}
}

func TestStatsCountTheWire(t *testing.T) {
	ca, cb := tcpPair(t)
	p := connect(t, ca, cb)
	st := open(t, p.a, Interactive)
	send(t, st, push(1, 100000))
	in := accept(t, p.b)
	recvRef(t, in)
	a, b := p.a.Stats(), p.b.Stats()
	for deadline := time.Now().Add(5 * time.Second); b.Received != a.Sent && time.Now().Before(deadline); {
		<-time.After(time.Millisecond) // what is written is counted when the write has returned
		a, b = p.a.Stats(), p.b.Stats()
	}
	if a.Sent < 100000 || a.Sent > 102000 || b.Received != a.Sent || b.RecordsReceived != a.RecordsSent {
		t.Errorf("sent %+v, received %+v", a, b)
	}
	for p.a.RTT() == 0 || p.b.RTT() == 0 {
		<-time.After(time.Millisecond) // bounded by the test's own time limit
	}
}
