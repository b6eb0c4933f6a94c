package client

import (
	"context"
	"errors"
	"io"
	"sync"

	"parley/wire"
)

type fakeSession struct {
	peer *fakePeer
	once sync.Once
	done chan struct{}
}

func (s *fakeSession) end()                    { s.once.Do(func() { close(s.done) }) }
func (s *fakeSession) Done() <-chan struct{}   { return s.done }
func (s *fakeSession) Close(wire.Code, string) { s.end() }

func (s *fakeSession) open(priority) (stream, error) {
	up, down := make(chan frame, 64), make(chan frame, 64)
	ended := make(chan struct{})
	var once sync.Once
	end := func() { once.Do(func() { close(ended) }) }
	near := &fakeStream{session: s, in: down, out: up, ended: ended, end: end}
	far := &fakeStream{session: s, in: up, out: down, ended: ended, end: end, alter: s.peer.alter}
	go func() {
		defer end()
		if err := s.peer.serve(far); err != nil && !errors.Is(err, errCut) {
			var we *wire.Error
			if !errors.As(err, &we) {
				we = wire.Errorf(wire.CodeInternal, "%v", err)
			}
			far.fail(&wire.Error{Code: we.Code, Text: we.Text, Remote: true})
		}
	}()
	return near, nil
}

type frame struct {
	typ  wire.Type
	body []byte
	err  error
}

var errCut = errors.New("session cut")

type fakeStream struct {
	session *fakeSession
	in, out chan frame
	ended   chan struct{}
	end     func()
	alter   func(frame) []frame // of the peer's side: what is sent in the place of a frame; nil: that itself
}

func (s *fakeStream) Send(ctx context.Context, m wire.Message) error {
	body, err := wire.AppendBody(nil, m)
	if err != nil {
		return err
	}
	f := frame{typ: m.MessageType(), body: body}
	if s.alter == nil {
		return s.put(ctx, f)
	}
	for _, f := range s.alter(f) {
		if err := s.put(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (s *fakeStream) put(ctx context.Context, f frame) error {
	select {
	case <-s.session.done:
		return errCut
	default:
	}
	select {
	case s.out <- f:
		return nil
	case <-s.session.done:
		return errCut
	case <-s.ended:
		return errCut
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *fakeStream) fail(err error) {
	select {
	case s.out <- frame{err: err}:
	case <-s.session.done:
	}
}

func (s *fakeStream) Recv(ctx context.Context) (wire.Message, error) {
	take := func(f frame) (wire.Message, error) {
		if f.err != nil {
			return nil, f.err
		}
		return wire.DecodeBody(f.typ, f.body)
	}
	select {
	case f := <-s.in:
		return take(f)
	default:
	}
	select {
	case f := <-s.in:
		return take(f)
	case <-s.session.done:
		return nil, errCut
	case <-s.ended:
		select {
		case f := <-s.in:
			return take(f)
		default:
			return nil, io.EOF
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *fakeStream) CloseSend() error        { return nil }
func (s *fakeStream) Reset(wire.Code, string) { s.end() }
