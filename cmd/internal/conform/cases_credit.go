package conform

import (
	"parley/cmd/internal/script"
	"parley/wire"
)

const sectionCredit = "session, Credit"

// creditCases are the rules of flow control.
func creditCases() []Case {
	return []Case{
		{Name: "what is taken from a stream is credited again", Section: sectionCredit, Expect: "Credit for 2 MiB, piece by piece", run: func(t *T) {
			s := t.peer()
			n := s.stream(script.Live)
			s.fill(n, 2<<20)
			s.alive()
		}},
		{Name: "a frame that was begun is credited to its end", Section: sectionCredit, Expect: "Credit for the whole frame", run: func(t *T) {
			s := t.peer()
			n := s.stream(script.Live)
			const total = wire.MaxFrame
			s.send(script.First(dropped, n, []byte{1}, total))
			s.credit(n, script.FrameCost+total)
			sent := 1
			for sent < total {
				size := min(60000, total-sent)
				s.send(script.Later(n, make([]byte, size)))
				sent += size
			}
			s.alive()
		}},
		{Name: "more is sent than there is credit for", Section: sectionCredit, Expect: protocolError, run: overCredit},
		{Name: "more is sent than there is credit for, in one frame's parts", Section: sectionCredit, Expect: protocolError, run: func(t *T) {
			s := t.user(t.identity())
			// On a stream behind whose first request nothing is read.
			n := s.ask(script.Interactive, &wire.StatusGet{})
			body := make([]byte, 512)
			for range 600 {
				s.send(script.First(wire.TypeStatusGet, n, body[:1], 512), script.Later(n, body[:511]))
				if s.hasEnded(wire.CodeProtocol) {
					return
				}
			}
			s.ends(wire.CodeProtocol)
		}},
		{Name: "a smaller limit than an earlier one has no effect, nor has the largest", Section: sectionCredit, Expect: livesOn, run: func(t *T) {
			s := t.user(t.identity())
			n := s.ask(script.Interactive, &wire.PeersGet{Watch: true})
			s.send(script.Frame(0, &wire.Credit{Stream: n, Limit: 1<<64 - 1}), script.Frame(0, &wire.Credit{Stream: n}))
			s.answer(n)
			s.alive()
		}},
		frames("credit for a stream that was never opened", sectionCredit, wire.CodeProtocol, script.Frame(0, &wire.Credit{Stream: script.Stream(script.Live, 7), Limit: 1 << 20})),
		frames("credit for a stream of the peer's that was never opened", sectionCredit, wire.CodeProtocol, script.Frame(0, &wire.Credit{Stream: script.Stream(script.Live, 700) | 4, Limit: 1 << 20})),
		frames("credit for stream 0", sectionCredit, wire.CodeProtocol, script.Frame(0, &wire.Credit{Limit: 1 << 20})),
		{Name: "the peer stops at the end of its credit, and goes on when there is more", Section: sectionCredit, Expect: "no more than 256 KiB, then the rest", run: starved},
		{Name: "a starved stream does not stop another, nor the session", Section: sectionCredit, Expect: "an answer on another stream", run: func(t *T) {
			s, n := t.starve()
			s.quietOn(n)
			if m, ok := s.answer(s.ask(script.Interactive, &wire.StatusGet{})).(*wire.Status); !ok {
				t.fail(describe(script.Incoming{Message: m}, nil), "no Status in answer to StatusGet")
			}
			s.alive()
		}},
	}
}

// credit wants a Credit for a stream of at least the limit, if none has come.
func (s *session) credit(stream uint32, limit uint64) {
	if s.granted[stream] >= limit {
		return
	}
	s.await("credit", func(in script.Incoming) bool {
		c, ok := in.Message.(*wire.Credit)
		return ok && c.Stream == stream && c.Limit >= limit
	})
}

// fill sends frames that are dropped, n bytes in all, as the credit allows.
func (s *session) fill(stream uint32, n uint64) {
	frame := make([]byte, 32<<10)
	var used uint64
	limit := script.Window(stream)
	for used < n {
		cost := script.FrameCost + uint64(len(frame))
		for used+cost > limit {
			in := s.await("credit", func(in script.Incoming) bool {
				c, ok := in.Message.(*wire.Credit)
				return ok && c.Stream == stream
			})
			limit = max(limit, in.Message.(*wire.Credit).Limit)
		}
		s.send(script.Whole(dropped, stream, frame))
		used += cost
	}
}

// hasEnded tells whether a Close has arrived by now, which must be of the code.
func (s *session) hasEnded(code wire.Code) bool {
	for {
		in, err := s.Next(now())
		if script.TimedOut(err) {
			return false
		}
		if c, ok := in.Message.(*wire.Close); ok && c.Code != code {
			s.t.fail(describe(in, err), "the session is ended with another code than %d (%v)", code, code)
		}
		if err != nil || in.Type == wire.TypeClose {
			if err != nil {
				s.t.fail(describe(in, err), "the session is not ended by a Close")
			}
			return true
		}
	}
}

// overCredit sends on a stream behind whose first request nothing is read,
// well beyond any credit that has come.
func overCredit(t *T) {
	s := t.user(t.identity())
	n := s.ask(script.Interactive, &wire.StatusGet{})
	request := script.Frame(n, &wire.StatusGet{})
	var many []byte
	for range 1000 {
		many = append(many, request...)
	}
	const records = 64 // of 65 KB of credit each: 4 MiB beyond the 256 KiB there are
	for range records {
		s.send(many)
		if s.hasEnded(wire.CodeProtocol) {
			return
		}
	}
	s.ends(wire.CodeProtocol)
}

// starve begins a large answer with no credit beyond the initial one.
func (t *T) starve() (*session, uint32) {
	lobby := t.lobby()
	lobby.fillLobby(6, 60<<10)
	s := t.user(t.identity())
	s.NoCredit = true
	return s, s.ask(script.Interactive, &wire.Tail{Room: lobby.room})
}

// quietOn takes what comes until nothing more does, and wants the stream not ended.
func (s *session) quietOn(stream uint32) {
	for {
		in, err := s.Next(later(quiet))
		if script.TimedOut(err) {
			return
		}
		if end, ok := in.Message.(*wire.StreamEnd); err != nil || ok && end.Stream == stream {
			s.t.fail(describe(in, err), "an answer of more than 256 KiB was sent without credit for it")
		}
	}
}

func starved(t *T) {
	s, n := t.starve()
	s.quietOn(n) // the receiver of package script refuses more than the credit
	if used := s.Receiver.Used(n); used < 128<<10 {
		t.fail(describe(script.Incoming{}, nil), "only %d bytes of an answer were sent with credit for 256 KiB", used)
	}
	s.NoCredit = false
	if err := s.Grant(n, s.Receiver.Used(n)+script.Window(n)); err != nil {
		t.fail(err.Error(), "the session is over")
	}
	s.await("the end of the answer", func(in script.Incoming) bool {
		mark, ok := in.Message.(*wire.TailMark)
		return ok && mark.Live
	})
}
