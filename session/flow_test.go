package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"parley/wire"
)

// A lane is one stream of the property test: what its sender does and what its
// reader must see.
type lane struct {
	class     Class
	sizes     []int
	senderEnd int // messages after which the sender gives the stream up; -1: it ends in good order
	readerEnd int // messages after which the reader gives it up; -1: never

	accepted chan struct{} // closed when the reader has the stream
}

func randomLane(rnd *rand.Rand) lane {
	l := lane{class: Class(1 + rnd.IntN(3)), sizes: make([]int, rnd.IntN(60)+1), senderEnd: -1, readerEnd: -1, accepted: make(chan struct{})}
	for i := range l.sizes {
		switch rnd.IntN(12) {
		case 0:
			l.sizes[i] = rnd.IntN(wire.MaxFrame - 5000)
		case 1, 2:
			l.sizes[i] = rnd.IntN(windowInteractive)
		default:
			l.sizes[i] = rnd.IntN(2000)
		}
	}
	switch rnd.IntN(5) {
	case 0:
		l.senderEnd = 1 + rnd.IntN(len(l.sizes))
	case 1:
		l.readerEnd = rnd.IntN(len(l.sizes))
	}
	return l
}

func (l *lane) send(ctx context.Context, st *Stream) error {
	for i, size := range l.sizes {
		if i == l.senderEnd {
			return l.giveUp(ctx, st)
		}
		switch err := st.Send(ctx, push(uint64(i), size)); {
		case l.givenUp(err):
			return nil
		case err != nil:
			return fmt.Errorf("message %d: %w", i, err)
		}
	}
	if l.senderEnd == len(l.sizes) {
		return l.giveUp(ctx, st)
	}
	if err := st.CloseSend(); err != nil && !l.givenUp(err) {
		return fmt.Errorf("the end: %w", err)
	}
	return nil
}

// givenUp reports whether an error says that the reader gave the stream up, as this one does.
func (l *lane) givenUp(err error) bool {
	var werr *wire.Error
	return l.readerEnd >= 0 && errors.As(err, &werr) && werr.Remote && werr.Code == wire.CodeBusy
}

// giveUp waits until the stream is accepted: one that is not is never seen.
func (l *lane) giveUp(ctx context.Context, st *Stream) error {
	select {
	case <-l.accepted:
	case <-ctx.Done():
		return ctx.Err()
	}
	st.Reset(wire.CodeStorage, "given up")
	return nil
}

func (l *lane) read(ctx context.Context, st *Stream, rnd *rand.Rand) error {
	for i := 0; ; i++ {
		if i == l.readerEnd {
			st.Reset(wire.CodeBusy, "")
			return nil
		}
		if rnd.IntN(8) == 0 {
			<-time.After(time.Duration(rnd.IntN(500)) * time.Microsecond) // a reader of uneven pace
		}
		m, err := st.Recv(ctx)
		var werr *wire.Error
		switch {
		case err == io.EOF && i == len(l.sizes) && l.senderEnd < 0:
			return st.CloseSend()
		case l.senderEnd >= 0 && errors.As(err, &werr) && werr.Remote && werr.Code == wire.CodeStorage:
			return nil // behind a part of the messages, in order
		case err != nil:
			return fmt.Errorf("in place of message %d of %d: %w", i, len(l.sizes), err)
		}
		got := m.(*wire.Push)
		if got.Ref != uint64(i) || len(got.Runs[0]) != l.sizes[i] {
			return fmt.Errorf("message %d of %d bytes in place of %d of %d", got.Ref, len(got.Runs[0]), i, l.sizes[i])
		}
	}
}

func TestFlowControlHoldsUnderRandomUse(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			ca, cb := tcpPair(t)
			if seed%3 == 0 {
				ca, cb = net.Pipe()
			}
			p := connect(t, ca, cb)
			p.a.conn.send.mu.Lock()
			p.a.conn.send.maxRecords = 10 // rekeyed all the time
			p.a.conn.send.mu.Unlock()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			var wg sync.WaitGroup
			for _, dir := range []struct{ from, to *Session }{{p.a, p.b}, {p.b, p.a}} {
				lanes := make([]lane, 1+rnd.IntN(20))
				for i := range lanes {
					lanes[i] = randomLane(rnd)
				}
				// The first message names the lane: streams are accepted in the order of their first frames.
				for i := range lanes {
					st := open(t, dir.from, lanes[i].class)
					send(t, st, push(uint64(i), 0))
					wg.Go(func() {
						if err := lanes[i].send(ctx, st); err != nil {
							t.Errorf("lane %d, sending: %v", i, err)
						}
					})
				}
				for range lanes {
					st, err := dir.to.Accept(ctx)
					if err != nil {
						t.Fatal(err)
					}
					pace := rand.New(rand.NewPCG(seed, uint64(st.ID())))
					wg.Go(func() {
						m, err := st.Recv(ctx)
						if err != nil {
							t.Errorf("the first message: %v", err)
							return
						}
						i := m.(*wire.Push).Ref
						close(lanes[i].accepted)
						if err := lanes[i].read(ctx, st, pace); err != nil {
							t.Errorf("lane %d, reading: %v", i, err)
						}
					})
				}
			}
			stop := make(chan struct{})
			var watch sync.WaitGroup
			watch.Go(func() { watchBounds(t, stop, p) })
			wg.Wait()
			close(stop)
			watch.Wait()
			if t.Failed() {
				return
			}
			waitNoStreams(t, p)
			if p.a.Err() != nil || p.b.Err() != nil {
				t.Errorf("the session ended: %v, %v", p.a.Err(), p.b.Err())
			}
		})
	}
}

// watchBounds looks all the time whether what a session holds keeps its bounds.
func watchBounds(t *testing.T, stop chan struct{}, p *pair) {
	for {
		for _, s := range []*Session{p.a, p.b} {
			s.mu.Lock()
			for _, st := range s.streams {
				if unread := st.received - st.consumed; unread > st.class.window()+wire.MaxFrame+FrameCost {
					t.Errorf("stream %d holds %d bytes unread", st.number, unread)
				}
				if st.sent > st.limit || st.received > st.granted {
					t.Errorf("stream %d: sent %d of %d, received %d of %d", st.number, st.sent, st.limit, st.received, st.granted)
				}
				if st.queued > sendQueue+wire.MaxFrame {
					t.Errorf("stream %d holds %d bytes unsent", st.number, st.queued)
				}
			}
			s.mu.Unlock()
		}
		select {
		case <-stop:
			return
		case <-time.After(100 * time.Microsecond):
		}
	}
}

func TestALiveMessageWaitsForAtMostOneRecordOfBulk(t *testing.T) {
	hi, hr := results(t)
	ca, cb := net.Pipe() // holds no bytes: a record is written when it is read
	reader := NewConn(cb, hr)
	defer cb.Close()
	helloSent := make(chan error, 1)
	go func() {
		_, err := reader.Write(frame(t, 0, &wire.Hello{Role: wire.RolePeer}))
		helloSent <- err
	}()
	buf := make([]byte, wire.MaxRecord)
	next := func() (first fragment, n int) { // the first fragment of the next record
		n, err := reader.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		if first, err = readFragment(wire.NewReader(buf[:n])); err != nil {
			t.Fatal(err)
		}
		return first, n
	}
	established := make(chan *Session, 1)
	go func() {
		s, err := Establish(context.Background(), ca, hi, Config{Hello: wire.Hello{Role: wire.RolePeer}})
		if err != nil {
			t.Error(err)
		}
		established <- s
	}()
	if f, _ := next(); f.typ != wire.TypeHello || <-helloSent != nil {
		t.Fatalf("begins with %+v", f)
	}
	s := <-established
	if s == nil {
		return
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(context.Background()) }()
	defer func() { ca.Close(); <-ended }()

	bulk, live := open(t, s, Bulk), open(t, s, Live)
	go func() { // all the bulk that it will take
		for bulk.Send(context.Background(), push(0, 200000)) == nil {
		}
	}()
	for begun := false; !begun; { // the first ping goes out before it or behind
		f, _ := next()
		if begun = f.stream == uint32(Bulk); !begun && f.typ != wire.TypePing {
			t.Fatalf("goes on with %+v", f)
		}
	}
	credited := make(chan error, 1)
	go func() {
		_, err := reader.Write(frame(t, 0, &wire.Credit{Stream: uint32(Bulk), Limit: math.MaxInt64}))
		credited <- err
	}()
	if err := <-credited; err != nil {
		t.Fatal(err)
	}
	full := 0
	for i := range 100 {
		sent := i%5 == 4
		if sent {
			if ok, err := live.TrySend(push(uint64(i), 300)); !ok || err != nil {
				t.Fatalf("the live queue is full: %v", err)
			}
		}
		waited := 0
		for {
			f, n := next()
			if n > MaxPlaintext-minFragment-maxFragmentHeader {
				full++
			}
			if !sent || f.typ == wire.TypePush && Class(f.stream%classes) == Live {
				break
			}
			if waited++; waited > 1 && f.typ >= wire.FirstStreamType {
				t.Fatalf("a live message waits for record %d of bulk", waited)
			}
		}
	}
	if full < 60 {
		t.Errorf("%d of the records of a bulk transfer are full", full)
	}
}
