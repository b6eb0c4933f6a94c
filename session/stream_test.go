package session

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"parley/wire"
)

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
		<-time.After(time.Millisecond) // the writer's turn
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

func TestStreamsGivenUpBeforeTheyAreAcceptedLeaveNothing(t *testing.T) {
	ca, cb := tcpPair(t)
	p := connect(t, ca, cb)
	for i := range uint64(10 * MaxStreams) {
		st := open(t, p.a, Interactive)
		send(t, st, push(i, 1))
		st.Reset(wire.CodeOK, "")
		for { // until the other side has let it go too
			p.a.mu.Lock()
			n := p.a.ours.open
			p.a.mu.Unlock()
			if n < MaxStreams {
				break
			}
			<-time.After(time.Millisecond)
		}
	}
	waitNoStreams(t, p)
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	if n := p.b.accepts.len(); n != 0 {
		t.Errorf("%d streams wait to be accepted", n)
	}
}
