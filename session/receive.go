package session

import (
	"bytes"
	"io"

	"parley/wire"
)

// An assembly is the one unfinished frame that each class may have.
type assembly struct {
	st    *Stream // nil: none
	typ   wire.Type
	body  []byte
	have  uint64 // of the body, bytes that have arrived
	total uint64
	end   uint64 // credit used when it is whole
	drop  bool   // the type is not known: the body is not kept
}

// receive takes the fragments of one record. An error ends the session: a
// *wire.Error, with Remote set when it is the other side's Close. mu is held.
func (s *Session) receive(plain []byte) error {
	r := wire.NewReader(plain)
	for r.Offset() < len(plain) {
		f, err := readFragment(r)
		if err != nil {
			return err
		}
		switch {
		case f.stream == 0:
			err = s.control(f)
		case f.later:
			err = s.proceed(f)
		default:
			err = s.begin(f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// check looks a type up and applies the rules that come before its body:
// known, legal in this phase and direction, on the right kind of stream, in bounds.
func (s *Session) check(f fragment) (known bool, err error) {
	row, known := wire.Lookup(f.typ)
	if !known {
		row.Bound, row.Legal = wire.MaxFrame, wire.LegalSession
	}
	legal := wire.LegalHello
	if s.established {
		legal = s.receives
	}
	switch {
	case !known && !wire.Optional(f.typ):
		return false, broken(wire.CodeProtocol, ErrType, "type %d", f.typ)
	case row.Legal&legal == 0:
		return false, broken(wire.CodeProtocol, ErrPhase, "type %d", f.typ)
	case known && (f.typ < wire.FirstStreamType) != (f.stream == 0):
		return false, broken(wire.CodeProtocol, ErrPhase, "type %d on stream %d", f.typ, f.stream)
	case f.total > uint64(row.Bound):
		return false, broken(wire.CodeTooLarge, ErrSize, "type %d with a body of %d bytes", f.typ, f.total)
	}
	return known, nil
}

// begin takes the first fragment of a frame, or a whole one.
func (s *Session) begin(f fragment) error {
	known, err := s.check(f)
	if err != nil {
		return err
	}
	st, err := s.stream(f.stream)
	if err != nil {
		return err
	}
	in := &s.in[st.class]
	if in.st != nil {
		return broken(wire.CodeProtocol, ErrFrame, "a frame on stream %d inside one of stream %d", st.number, in.st.number)
	}
	if st.remoteEnd {
		return broken(wire.CodeProtocol, ErrFrame, "a frame behind the end of stream %d", st.number)
	}
	n := uint64(len(f.chunk))
	if err := st.use(FrameCost + n); err != nil {
		return err
	}
	if n == f.total {
		if !known || st.abandoned {
			s.skipped(st, FrameCost+n)
			return nil
		}
		st.deliver(f.typ, bytes.Clone(f.chunk))
		return nil
	}
	*in = assembly{st: st, typ: f.typ, have: n, total: f.total, end: st.received - n + f.total, drop: !known}
	if !in.drop && !st.abandoned {
		in.keep(f.chunk)
	}
	s.grant(st)
	return nil
}

// proceed takes a later fragment of a frame.
func (s *Session) proceed(f fragment) error {
	in := &s.in[f.stream%classes]
	st, n := in.st, uint64(len(f.chunk))
	switch {
	case st == nil || st.number != f.stream:
		return broken(wire.CodeProtocol, ErrFrame, "a later fragment on stream %d without a first", f.stream)
	case n > in.total-in.have:
		return broken(wire.CodeProtocol, ErrFrame, "a fragment over the total of its frame")
	}
	if err := st.use(n); err != nil {
		return err
	}
	in.have += n
	keep := !in.drop && !st.abandoned
	if keep {
		in.keep(f.chunk)
	}
	if in.have < in.total {
		return nil
	}
	whole := *in
	*in = assembly{}
	if keep {
		st.deliver(whole.typ, whole.body)
	} else {
		s.skipped(st, FrameCost+whole.total)
	}
	return nil
}

// keep appends a chunk. The buffer grows by what has arrived, not by what is promised.
func (in *assembly) keep(chunk []byte) {
	if need := len(in.body) + len(chunk); need > cap(in.body) {
		size := min(in.total, uint64(max(need, assembleGrowth*cap(in.body))))
		in.body = append(make([]byte, 0, size), in.body...)
	}
	in.body = append(in.body, chunk...)
}

// use takes credit of what the other side was given.
func (st *Stream) use(n uint64) error {
	if n > st.granted-st.received {
		return broken(wire.CodeProtocol, ErrCredit, "stream %d", st.number)
	}
	st.received += n
	return nil
}

// deliver hands a whole frame to Recv.
func (st *Stream) deliver(typ wire.Type, body []byte) {
	st.inbox.push(incoming{typ, body})
	signal(st.readable)
}

// skipped gives credit back for a frame that nobody takes.
func (s *Session) skipped(st *Stream, cost uint64) {
	st.consumed += cost
	s.grant(st)
}

// grant raises the credit of the other side: to a window beyond what is
// consumed, and at least so far that the frame in assembly can be finished,
// in steps of a quarter window.
func (s *Session) grant(st *Stream) {
	if st.remoteEnd || st.abandoned {
		return
	}
	want, short := st.consumed+st.class.window(), false
	if in := &s.in[st.class]; in.st == st && in.end > st.granted {
		want, short = max(want, in.end), true
	}
	if want < st.granted+st.class.window()/4 && !short {
		return
	}
	st.granted = want
	if !st.creditDue {
		st.creditDue = true
		s.credits.push(st)
	}
	s.kick()
}

// stream finds the stream of a frame, which opens it when its number is the
// next of the other side's.
func (s *Session) stream(number uint32) (*Stream, error) {
	if st := s.streams[number]; st != nil {
		return st, nil
	}
	class, index := Class(number%classes), number>>indexShift
	if !class.valid() || s.isOurs(number) || index != s.theirs.next[class] {
		return nil, broken(wire.CodeProtocol, ErrStreams, "stream %d", number)
	}
	if s.theirs.open >= MaxStreams {
		return nil, broken(wire.CodeProtocol, ErrStreams, "more than %d at once", MaxStreams)
	}
	s.theirs.open++
	s.theirs.next[class]++
	st := s.newStream(class, false)
	st.number = number
	s.streams[number] = st
	s.accepts.push(st)
	signal(s.accept)
	return st, nil
}

func (s *Session) isOurs(number uint32) bool {
	return (number&responderBit == 0) == s.result.Initiator
}

// known returns an open stream, or nil for one that was open once.
func (s *Session) known(number uint32) (*Stream, error) {
	if st := s.streams[number]; st != nil {
		return st, nil
	}
	class, next := Class(number%classes), &s.theirs
	if s.isOurs(number) {
		next = &s.ours
	}
	if !class.valid() || number>>indexShift >= next.next[class] {
		return nil, broken(wire.CodeProtocol, ErrStreams, "stream %d was never opened", number)
	}
	return nil, nil
}

// control takes a frame of stream 0.
func (s *Session) control(f fragment) error {
	if f.later || f.total != uint64(len(f.chunk)) {
		return broken(wire.CodeProtocol, ErrFrame, "a fragmented frame on stream 0")
	}
	known, err := s.check(f)
	if err != nil || !known {
		return err
	}
	m, err := wire.DecodeBody(f.typ, f.chunk)
	if err != nil {
		return broken(wire.CodeProtocol, ErrFrame, "%w", err)
	}
	switch m := m.(type) {
	case *wire.Hello:
		return s.hello(m)
	case *wire.Ping:
		s.pings.owe(m.Seq)
		s.kick()
	case *wire.Pong:
		s.pings.answered(m.Seq)
	case *wire.Credit:
		return s.credited(m)
	case *wire.StreamEnd:
		return s.streamEnded(m)
	case *wire.Close:
		if len(m.Text) > wire.MaxText {
			return broken(wire.CodeTooLarge, ErrSize, "a text of %d bytes", len(m.Text))
		}
		err := &wire.Error{Code: m.Code, Remote: true, Text: m.Text}
		s.end(err)
		return err
	}
	return nil
}

func (s *Session) credited(m *wire.Credit) error {
	st, err := s.known(m.Stream)
	if st == nil {
		return err
	}
	if m.Limit > st.limit {
		st.limit = m.Limit
		s.arm(st)
	}
	return nil
}

func (s *Session) streamEnded(m *wire.StreamEnd) error {
	if len(m.Text) > wire.MaxText {
		return broken(wire.CodeTooLarge, ErrSize, "a text of %d bytes", len(m.Text))
	}
	st, err := s.known(m.Stream)
	if st == nil {
		return err
	}
	in := &s.in[st.class]
	if m.Code == wire.CodeOK {
		if st.remoteEnd || in.st == st {
			return broken(wire.CodeProtocol, ErrFrame, "stream %d ends twice, or inside a frame", st.number)
		}
		if st.recvErr == nil {
			st.recvErr = io.EOF
		}
	} else {
		gone := &wire.Error{Code: m.Code, Remote: true, Text: m.Text}
		if st.recvErr == nil {
			st.recvErr = gone
		}
		if st.sendErr == nil {
			st.sendErr = gone
		}
		if in.st == st {
			*in = assembly{}
		}
		s.dropAll(st)
		s.resume(st.class)
		if !st.endQueued {
			s.finish(st, m.Code, "")
		}
	}
	st.remoteEnd = true
	s.forget(st)
	signal(st.readable)
	signal(st.writable)
	return nil
}
