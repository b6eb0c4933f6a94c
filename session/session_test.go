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

func TestMessagesArriveInOrderOnTheirStream(t *testing.T) {
	ca, cb := tcpPair(t)
	p := connect(t, ca, cb)
	const streams, messages = 6, 300
	var wg sync.WaitGroup
	for n := range uint64(streams) {
		st := open(t, p.a, Class(1+n%3))
		wg.Go(func() {
			for i := range uint64(messages) {
				if err := st.Send(t.Context(), push(n<<32|i, int(i*i%70000))); err != nil {
					t.Error(err)
					return
				}
			}
			if err := st.CloseSend(); err != nil {
				t.Error(err)
			}
			if m, err := st.Recv(t.Context()); err != nil || m.(*wire.Push).Ref != n {
				t.Errorf("answer %v, %v", m, err)
			}
			if _, err := st.Recv(t.Context()); err != io.EOF {
				t.Errorf("behind the answer: %v", err)
			}
		})
	}
	for range streams {
		st := accept(t, p.b)
		wg.Go(func() {
			var n uint64
			for i := range uint64(messages) {
				m, err := st.Recv(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				got := m.(*wire.Push)
				n = got.Ref >> 32
				if got.Ref&(1<<32-1) != i || len(got.Runs[0]) != int(i*i%70000) || st.Class() != Class(1+n%3) {
					t.Errorf("stream %d class %d: message %d of %d bytes in place %d", n, st.Class(), got.Ref&(1<<32-1), len(got.Runs[0]), i)
					return
				}
			}
			if _, err := st.Recv(t.Context()); err != io.EOF {
				t.Errorf("behind the last message: %v", err)
			}
			if err := errors.Join(st.Send(t.Context(), push(n, 1)), st.CloseSend()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, s := range []*Session{p.a, p.b} {
		s.mu.Lock()
		if len(s.streams) != 0 || s.ours.open != 0 || s.theirs.open != 0 {
			t.Errorf("%d streams are remembered, %d and %d counted", len(s.streams), s.ours.open, s.theirs.open)
		}
		s.mu.Unlock()
	}
}

func TestAnUnreadStreamBlocksItsSenderAndNobodyElse(t *testing.T) {
	ca, cb := tcpPair(t)
	p := connect(t, ca, cb)
	stuck, free := open(t, p.a, Interactive), open(t, p.a, Bulk)
	sent := 0
	for {
		ok, err := stuck.TrySend(push(uint64(sent), 10000))
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			sent++
			continue
		}
		stuck.s.mu.Lock()
		full := stuck.credit() < 10000+FrameCost
		stuck.s.mu.Unlock()
		if full { // and not only the writer slower than we
			break
		}
		time.Sleep(time.Millisecond) // the writer's turn
	}
	if most := (windowInteractive + sendQueue) / 10000; sent > most+1 {
		t.Errorf("%d messages of 10 kB are on their way unread", sent)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := stuck.Send(ctx, push(0, 10000)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Send on a full stream: %v", err)
	}
	in := accept(t, p.b)
	go func() {
		for i := range uint64(200) {
			_ = free.Send(context.Background(), push(i, 50000))
		}
	}()
	other := accept(t, p.b)
	for i := range uint64(200) {
		if recvRef(t, other) != i {
			t.Fatal("out of order")
		}
	}
	for i := range sent { // and reading frees it
		if recvRef(t, in) != uint64(i) {
			t.Fatal("out of order")
		}
	}
	send(t, stuck, push(0, 10000))
}

func TestALargestFramePassesEveryClass(t *testing.T) {
	ca, cb := net.Pipe()
	p := connect(t, ca, cb)
	for c := Interactive; c <= Bulk; c++ {
		st := open(t, p.a, c)
		go func() {
			for i := range uint64(3) {
				_ = st.Send(context.Background(), push(i, wire.MaxFrame-4096))
			}
		}()
		in := accept(t, p.b)
		for i := range uint64(3) {
			if recvRef(t, in) != i {
				t.Fatal("out of order")
			}
		}
	}
	if err := open(t, p.a, Bulk).Send(t.Context(), push(0, wire.MaxFrame)); !errors.Is(err, ErrSize) {
		t.Errorf("a message over the bound: %v", err)
	}
}

func TestAResetReachesBothDirectionsBehindWhatWasSent(t *testing.T) {
	ca, cb := tcpPair(t)
	p := connect(t, ca, cb)
	st := open(t, p.a, Interactive)
	send(t, st, push(1, 10))
	in := accept(t, p.b)
	send(t, in, push(2, 10))
	in.Reset(wire.CodeNotFound, "no such room")
	if recvRef(t, st) != 2 {
		t.Error("the message before the end is lost")
	}
	var werr *wire.Error
	if _, err := st.Recv(t.Context()); !errors.As(err, &werr) || !werr.Remote || werr.Code != wire.CodeNotFound || werr.Text != "no such room" {
		t.Errorf("Recv: %v", err)
	}
	if err := st.Send(t.Context(), push(3, 10)); !errors.As(err, &werr) || werr.Code != wire.CodeNotFound {
		t.Errorf("Send: %v", err)
	}
	if _, err := in.Recv(t.Context()); err != ErrStreamClosed {
		t.Errorf("Recv after Reset: %v", err)
	}
	if err := in.Send(t.Context(), push(3, 10)); err != ErrStreamClosed {
		t.Errorf("Send after Reset: %v", err)
	}
	// Reset of what was never used, and of what is over, has no effect.
	unused := open(t, p.a, Bulk)
	unused.Reset(wire.CodeOK, "")
	st.Reset(wire.CodeInternal, "")
	waitNoStreams(t, p)
}

// waitNoStreams waits until neither side remembers a stream.
func waitNoStreams(t *testing.T, p *pair) {
	t.Helper()
	for _, s := range []*Session{p.a, p.b} {
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
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

func TestAReaderWhoLosesInterestStopsTheSender(t *testing.T) {
	ca, cb := tcpPair(t)
	p := connect(t, ca, cb)
	request := open(t, p.a, Bulk)
	send(t, request, push(0, 1))
	if err := request.CloseSend(); err != nil {
		t.Fatal(err)
	}
	serving := accept(t, p.b)
	stopped := make(chan error, 1)
	go func() {
		for {
			if err := serving.Send(context.Background(), push(1, 900<<10)); err != nil {
				stopped <- err
				return
			}
		}
	}()
	if recvRef(t, request) != 1 {
		t.Error("another answer")
	}
	request.Reset(wire.CodeOK, "")
	var werr *wire.Error
	if err := <-stopped; !errors.As(err, &werr) || !werr.Remote || werr.Code != wire.CodeShutdown {
		t.Errorf("the sender stops with %v", err)
	}
	waitNoStreams(t, p)
	again := open(t, p.a, Bulk) // the class is free for others
	send(t, again, push(5, 100))
	if recvRef(t, accept(t, p.b)) != 5 {
		t.Error("another message")
	}
}

func TestOpenStreamsAreBounded(t *testing.T) {
	ca, cb := tcpPair(t)
	p := connect(t, ca, cb)
	all := make([]*Stream, MaxStreams)
	for i := range all {
		all[i] = open(t, p.a, Interactive)
		send(t, all[i], push(uint64(i), 1))
	}
	if _, err := p.a.Open(Live); !errors.Is(err, ErrBusy) {
		t.Errorf("one more: %v", err)
	}
	for i := range all {
		in := accept(t, p.b)
		if recvRef(t, in) != uint64(i) {
			t.Fatal("out of order")
		}
		if err := errors.Join(all[i].CloseSend(), in.CloseSend()); err != nil {
			t.Fatal(err)
		}
	}
	waitNoStreams(t, p)
	send(t, open(t, p.a, Live), push(7, 1))
	if recvRef(t, accept(t, p.b)) != 7 {
		t.Error("another message")
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

func TestOnlyMessagesThatTheOtherSideMayReceiveAreSent(t *testing.T) {
	ca, cb := net.Pipe()
	p := run(t, ca, cb, wire.RoleUser, wire.RolePeer)
	st := open(t, p.a, Interactive)
	for _, m := range []wire.Message{push(1, 1), &wire.Ping{}, &wire.Done{}} {
		if err := st.Send(t.Context(), m); !errors.Is(err, ErrPhase) {
			t.Errorf("%T: %v", m, err)
		}
	}
	send(t, st, &wire.StatusGet{})
	in := accept(t, p.b)
	if _, err := in.Recv(t.Context()); err != nil {
		t.Fatal(err)
	}
	send(t, in, &wire.Done{})
	if m, err := st.Recv(t.Context()); err != nil {
		t.Errorf("%v, %v", m, err)
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
	for b.Received != a.Sent { // a write is counted when it has returned
		time.Sleep(time.Millisecond)
		a, b = p.a.Stats(), p.b.Stats()
	}
	if a.Sent < 100000 || a.Sent > 102000 || b.Received != a.Sent || b.RecordsReceived != a.RecordsSent {
		t.Errorf("sent %+v, received %+v", a, b)
	}
	for p.a.RTT() == 0 || p.b.RTT() == 0 {
		time.Sleep(time.Millisecond) // bounded by the test's own time limit
	}
}
