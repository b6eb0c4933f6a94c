package client

import (
	"context"
	"io"
	"testing"

	"parley/wire"
)

// A scripted stream answers what it was given, then ends.
type scripted struct{ answers []wire.Message }

func (s *scripted) Send(context.Context, wire.Message) error { return nil }
func (s *scripted) CloseSend() error                         { return nil }
func (s *scripted) Reset(wire.Code, string)                  {}

func (s *scripted) Recv(context.Context) (wire.Message, error) {
	if len(s.answers) == 0 {
		return nil, io.EOF
	}
	m := s.answers[0]
	s.answers = s.answers[1:]
	return m, nil
}

func TestAnAcknowledgementThatIsOvertakenTakesNothingBack(t *testing.T) {
	log := wire.Hash("log")
	a := &acks{bell: make(chan struct{}, 1)}
	a.receive(t.Context(), &scripted{answers: []wire.Message{
		&wire.Appended{Log: log, Last: 3}, &wire.Appended{Log: log, Last: 500}, &wire.Appended{Log: log, Last: 499},
	}})
	if _, last, _, fresh, _, _ := a.take(); last != 500 || !fresh {
		t.Fatalf("acknowledged up to %d, fresh %v", last, fresh)
	}
}
