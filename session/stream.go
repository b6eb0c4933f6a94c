package session

import (
	"context"
	"io"

	"parley/wire"
)

// A Stream carries messages in order in both directions, beside other streams
// and with credit of its own. Its methods may be called from any goroutine.
type Stream struct {
	s     *Session
	class Class
	local bool // opened by this side

	readable chan struct{} // signals that Recv may go on
	writable chan struct{} // signals that Send may go on

	// The session's mu guards the rest.
	number uint32 // 0: not yet on the wire

	queue     fifo[outgoing]
	queued    int    // bytes that queue holds
	sent      uint64 // credit used
	limit     uint64 // credit given by the other side
	ready     bool   // in its class's list
	finish    bool   // an end follows the queue
	finishAs  wire.StreamEnd
	endQueued bool  // an end of ours waits to be sent, or is sent
	ended     bool  // an end of ours is sent
	sendErr   error // why Send is refused

	inbox     fifo[incoming]
	received  uint64 // credit used by the other side
	consumed  uint64 // of it, what the application has taken
	granted   uint64 // credit given to the other side
	creditDue bool   // in the list of credits to be sent
	abandoned bool   // what arrives is dropped
	remoteEnd bool   // nothing more arrives
	recvErr   error  // what Recv returns behind the inbox
	forgotten bool   // the session no longer knows it
}

// An outgoing frame, encoded.
type outgoing struct {
	typ  wire.Type
	body *[]byte // see newBody
	off  int     // of it, what is sent
}

// An incoming frame, whole.
type incoming struct {
	typ  wire.Type
	body []byte
}

// Open returns a new stream. The other side learns of it with the first message.
// The error wraps ErrBusy when MaxStreams of ours are open.
func (s *Session) Open(class Class) (*Stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !class.valid():
		return nil, ErrFrame
	case s.err != nil:
		return nil, s.err
	case s.ours.open >= MaxStreams:
		return nil, &wire.Error{Code: wire.CodeBusy, Cause: ErrBusy}
	}
	s.ours.open++
	return s.newStream(class, true), nil
}

func (s *Session) newStream(class Class, local bool) *Stream {
	return &Stream{
		s: s, class: class, local: local, limit: class.window(), granted: class.window(),
		readable: make(chan struct{}, 1), writable: make(chan struct{}, 1),
	}
}

// Accept returns the next stream that the other side has opened. One that it
// gave up again before is not seen.
func (s *Session) Accept(ctx context.Context) (*Stream, error) {
	for {
		s.mu.Lock()
		if s.accepts.len() > 0 {
			st := s.accepts.pop()
			if s.accepts.len() > 0 {
				signal(s.accept)
			}
			s.mu.Unlock()
			return st, nil
		}
		err := s.err
		s.mu.Unlock()
		if err != nil {
			return nil, err
		}
		select {
		case <-s.accept:
		case <-s.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Class is the stream's rank.
func (st *Stream) Class() Class { return st.class }

// Local reports whether this side opened the stream.
func (st *Stream) Local() bool { return st.local }

// ID is the stream's number, 0 until the first message of a stream of ours is sent.
func (st *Stream) ID() uint32 {
	st.s.mu.Lock()
	defer st.s.mu.Unlock()
	return st.number
}

// Send queues a message and returns when it is queued, not when it has arrived.
// It blocks while the queue is full, which is how a slow receiver slows its
// sender. After the other side gave up the stream the error is a *wire.Error
// with Remote set.
func (st *Stream) Send(ctx context.Context, m wire.Message) error {
	_, err := st.send(ctx, m, true)
	return err
}

// TrySend is Send that reports false where Send would block.
func (st *Stream) TrySend(m wire.Message) (ok bool, err error) {
	return st.send(context.Background(), m, false)
}

func (st *Stream) send(ctx context.Context, m wire.Message, wait bool) (bool, error) {
	body, err := st.s.encode(m)
	if err != nil {
		return false, err
	}
	for {
		ok, err := st.enqueue(m.MessageType(), body)
		switch {
		case ok:
			return true, nil
		case err != nil || !wait:
			freeBody(body)
			return false, err
		}
		select {
		case <-st.writable:
		case <-st.s.done:
		case <-ctx.Done():
			freeBody(body)
			return false, ctx.Err()
		}
	}
}

// encode makes the body of a message that the other side may be sent.
func (s *Session) encode(m wire.Message) (*[]byte, error) {
	row, ok := wire.Lookup(m.MessageType())
	if !ok || row.Type < wire.FirstStreamType || row.Legal&s.sends == 0 {
		return nil, broken(wire.CodeInternal, ErrPhase, "sending type %d", m.MessageType())
	}
	scratch := newScratch()
	body, err := wire.AppendBody((*scratch)[:0], m)
	if err != nil {
		freeBody(scratch)
		return nil, &wire.Error{Code: wire.CodeInternal, Cause: err}
	}
	*scratch = body
	if len(body) > row.Bound {
		freeBody(scratch)
		return nil, broken(wire.CodeTooLarge, ErrSize, "sending %s of %d bytes", row.Name, len(body))
	}
	return newBody(scratch), nil
}

// enqueue reports whether the frame was queued; with no error, it would not fit.
func (st *Stream) enqueue(typ wire.Type, body *[]byte) (bool, error) {
	s := st.s
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case st.sendErr != nil:
		signal(st.writable) // for others that wait
		return false, st.sendErr
	case s.err != nil:
		return false, s.err
	}
	f := outgoing{typ: typ, body: body}
	if st.queued > 0 && st.queued+f.size() > sendQueue {
		return false, nil
	}
	st.queue.push(f)
	if st.queued += f.size(); st.queued < sendQueue {
		signal(st.writable)
	}
	s.arm(st)
	return true, nil
}

// Recv returns the next message. It returns io.EOF after the other side has
// ended its direction in good order, a *wire.Error with Remote set after it gave
// up the stream, and the session's error after the session has ended; each of
// these behind the messages that came before. What a message's byte strings
// refer to is the caller's.
func (st *Stream) Recv(ctx context.Context) (wire.Message, error) {
	for {
		f, ok, err := st.take()
		switch {
		case ok:
			m, err := wire.DecodeBody(f.typ, f.body)
			if err != nil {
				werr := broken(wire.CodeProtocol, ErrFrame, "%w", err)
				st.s.fail(werr)
				return nil, werr
			}
			return m, nil
		case err != nil:
			return nil, err
		}
		select {
		case <-st.readable:
		case <-st.s.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take returns the next frame, if there is one, and its credit to the sender.
func (st *Stream) take() (f incoming, ok bool, err error) {
	s := st.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.inbox.len() == 0 {
		if err = st.recvErr; err == nil {
			err = s.err
		} else {
			signal(st.readable) // for others that wait
		}
		return f, false, err
	}
	f = st.inbox.pop()
	st.consumed += FrameCost + uint64(len(f.body))
	s.grant(st)
	if st.inbox.len() > 0 || st.recvErr != nil {
		signal(st.readable)
	}
	return f, true, nil
}

// CloseSend ends this side's direction in good order, behind what is queued.
// The other side's direction goes on. A second call has no effect.
func (st *Stream) CloseSend() error {
	s := st.s
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case st.sendErr == ErrStreamClosed:
		return nil
	case st.sendErr != nil:
		return st.sendErr
	case s.err != nil:
		return s.err
	}
	st.sendErr = ErrStreamClosed
	s.finish(st, wire.CodeOK, "")
	if st.number == 0 && st.queue.len() == 0 { // never on the wire: no answer will come
		st.recvErr = io.EOF
		signal(st.readable)
	}
	signal(st.writable)
	return nil
}

// Reset gives up both directions with a code other than CodeOK, which is sent
// as CodeShutdown: no interest any more. Queued messages for which there is
// credit still go out first; what arrives is dropped. On a stream that has
// ended in both directions it has no effect.
func (st *Stream) Reset(code wire.Code, text string) {
	if code == wire.CodeOK {
		code = wire.CodeShutdown
	}
	s := st.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.abandoned || st.forgotten || s.err != nil {
		return
	}
	st.abandoned = true
	if st.recvErr == nil || !st.remoteEnd || st.inbox.len() > 0 { // a good end stands behind all messages
		st.recvErr = ErrStreamClosed
	}
	st.inbox = fifo[incoming]{}
	if st.sendErr == nil {
		st.sendErr = ErrStreamClosed
	}
	signal(st.readable)
	signal(st.writable)
	if st.remoteEnd && (st.endQueued || st.finish && st.finishAs.Code == wire.CodeOK) {
		return // both directions end in good order
	}
	s.dropUncovered(st)
	s.finish(st, code, line(text))
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
