package session

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"

	"parley/handshake"
	"parley/wire"
)

// FuzzSides lets two sessions use their streams as the input says, two bytes a step: they open, send, read, end and give up
// streams, while records wait on their way. No step of theirs may break the protocol; messages come once, in order and
// whole; and when all is read nothing is left. A step may also alter a record: then the reader may end, and still must
// keep its bounds.
func FuzzSides(f *testing.F) {
	f.Add([]byte("\x00\x00\x01\x40\x06\x00\x07\x00\x02\x00\x03\x00"))
	f.Add([]byte("\x00\x02\x01\xff\x01\xff\x01\xff\x06\x00\x07\x00\x02\x01\x04\x00\x05\x00\x06\x00\x07\x00"))
	f.Add([]byte("\x00\x01\x01\x20\x06\x00\x09\x33\x07\x00\x02\x00"))
	hi, hr := results(f)
	f.Fuzz(func(t *testing.T, steps []byte) { newSides(t, hi, hr).play(steps) })
}

func TestAStreamThatWasGivenUpUnreadHasNoGoodEnd(t *testing.T) {
	hi, hr := results(t)
	w := newSides(t, hi, hr)
	w.step(0, 0, 0)  // opens a stream
	w.step(0, 14, 9) // sends on it
	w.step(0, 4, 0)  // and ends it
	for range 2 {
		w.fill(0)
		w.deliver(0)
	}
	w.accept(1)
	st := w.streams[1][0].st
	st.Reset(wire.CodeBusy, "")
	if _, err := st.Recv(t.Context()); !errors.Is(err, ErrStreamClosed) {
		t.Errorf("read after it was given up: %v", err)
	}
}

// sides are two sessions without a connection: what the one writes waits until a step hands it to the other.
type sides struct {
	t       *testing.T
	s       [2]*Session
	wires   [2][][]byte // records on their way to the other side
	streams [2][]*used  // of each side, in the order in which it got them
	lanes   []*lanes
	altered bool // a record was: the model says nothing any more
	over    bool // a side has ended
	buf     []byte
}

// lanes are both directions of one stream: what was sent on it, and how it ended.
type lanes struct {
	opener int
	sent   [2][]int // sizes, by the side that sends
	got    [2]int   // messages, by the side that reads
	closed [2]bool  // by the side that sends
	reset  [2]bool  // by the side that gave up
}

type used struct {
	st   *Stream
	lane *lanes
}

func newSides(t *testing.T, hi, hr *handshake.Result) *sides {
	w := &sides{t: t, buf: make([]byte, 0, MaxPlaintext)}
	for n, h := range []*handshake.Result{hi, hr} {
		a, b := net.Pipe()
		t.Cleanup(func() { a.Close(); b.Close() })
		s := newSession(a, h, Config{Hello: wire.Hello{Role: wire.RolePeer}})
		s.over = true // nothing is written but by fill
		s.established, s.receives, s.sends = true, wire.LegalPeerToPeer, wire.LegalPeerToPeer
		w.s[n] = s
	}
	return w
}

func (w *sides) play(steps []byte) {
	for n := 0; n < 200 && len(steps) >= 2 && !w.over; n++ {
		w.step(int(steps[0]>>4&1), steps[0]&15, steps[1])
		w.check()
		steps = steps[2:]
	}
	if w.altered {
		return
	}
	for moved := true; moved; { // what is on its way arrives, and all is read
		moved = false
		for side := range 2 {
			moved = w.fill(side) || moved
			moved = w.deliver(side) || moved
			w.accept(side)
			for _, u := range w.streams[side] {
				for w.read(side, u) {
					moved = true
				}
			}
		}
		w.check()
	}
	for side := range 2 {
		for _, u := range w.streams[side] {
			l := u.lane
			if l.reset[0] || l.reset[1] {
				if u.st.number > 0 && !u.st.forgotten {
					w.t.Errorf("stream %d was given up, and is not forgotten", u.st.number)
				}
				continue
			}
			if l.got[side] != len(l.sent[1-side]) {
				w.t.Errorf("%d of %d messages arrive on stream %d", l.got[side], len(l.sent[1-side]), u.st.number)
			}
			if l.closed[0] && l.closed[1] && !u.st.forgotten {
				w.t.Errorf("stream %d has ended in both directions, and is not forgotten", u.st.number)
			}
		}
	}
}

// step does one thing on a side, with the stream or the size that arg says.
func (w *sides) step(side int, what, arg byte) {
	s := w.s[side]
	var u *used
	if n := len(w.streams[side]); n > 0 {
		u = w.streams[side][int(arg)%n]
	}
	switch {
	case what == 0:
		if st, err := s.Open(Class(1 + arg%3)); err == nil {
			l := &lanes{opener: side}
			w.lanes = append(w.lanes, l)
			w.streams[side] = append(w.streams[side], &used{st, l})
		}
	case what == 6 || what == 10:
		w.fill(side)
	case what == 7 || what == 11:
		w.deliver(side)
	case what == 8:
		s.mu.Lock()
		s.ping()
		s.mu.Unlock()
	case what == 9:
		w.alter(side, arg)
	case what == 12:
		w.accept(side)
	case u == nil:
	case what == 1 || what == 13:
		w.send(side, u, int(arg)*int(arg)*8) // up to 520 KB
	case what == 14:
		w.send(side, u, int(arg))
	case what == 2 || what == 3 || what == 15:
		w.read(side, u)
	case what == 4:
		if u.st.CloseSend() == nil {
			u.lane.closed[side] = true
		}
	case what == 5:
		u.st.Reset(wire.CodeBusy, "enough")
		u.lane.reset[side] = true
	}
}

func (w *sides) send(side int, u *used, size int) {
	l := u.lane
	ok, err := u.st.TrySend(push(uint64(len(l.sent[side])), size))
	if ok {
		l.sent[side] = append(l.sent[side], size)
	}
	if ended := l.closed[side] || l.reset[0] || l.reset[1]; err != nil && !ended && !w.altered {
		w.t.Errorf("sending on stream %d: %v", u.st.number, err)
	}
}

// fill lets a side write a record, if it has anything to write.
func (w *sides) fill(side int) bool {
	s := w.s[side]
	s.mu.Lock()
	defer s.mu.Unlock()
	plain := s.fill(w.buf[:0])
	if len(plain) > MaxPlaintext {
		w.t.Errorf("a record of %d bytes", len(plain))
	}
	if len(plain) > 0 {
		w.wires[side] = append(w.wires[side], bytes.Clone(plain))
	}
	return len(plain) > 0
}

// deliver hands a side's oldest record to the other.
func (w *sides) deliver(side int) bool {
	if len(w.wires[side]) == 0 || w.over {
		return false
	}
	plain := w.wires[side][0]
	w.wires[side] = w.wires[side][1:]
	to := w.s[1-side]
	to.mu.Lock()
	err := to.receive(plain)
	to.mu.Unlock()
	var werr *wire.Error
	if err != nil && (!errors.As(err, &werr) || !w.altered) {
		w.t.Fatalf("what side %d has sent ends side %d: %v", side, 1-side, err)
	}
	w.over = err != nil
	return true
}

// alter changes a record on its way.
func (w *sides) alter(side int, arg byte) {
	if len(w.wires[side]) > 0 {
		w.altered = true
		b := w.wires[side][0]
		b[int(arg)%min(len(b), 64)] ^= 1 << (arg % 8)
	}
}

func (w *sides) accept(side int) {
	s := w.s[side]
	for s.accepts.len() > 0 {
		st, err := s.Accept(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		u := &used{st, &lanes{opener: 1 - side}}
		for _, o := range w.streams[1-side] {
			if o.st.number == st.number {
				u.lane = o.lane
			}
		}
		w.streams[side] = append(w.streams[side], u)
	}
}

// read takes the next message of a stream, if there is one.
func (w *sides) read(side int, u *used) bool {
	f, ok, err := u.st.take()
	if !ok && err == nil || w.altered {
		return false
	}
	l := u.lane
	if !ok {
		var werr *wire.Error
		switch {
		case err == io.EOF && l.closed[1-side] && l.got[side] == len(l.sent[1-side]):
		case err == io.EOF && l.closed[side] && u.st.number == 0: // it was never on the wire
		case errors.As(err, &werr) && werr.Remote && werr.Code == wire.CodeBusy && werr.Text == "enough" && l.reset[1-side]:
		case errors.Is(err, ErrStreamClosed) && l.reset[side]:
		default:
			w.t.Errorf("reading stream %d: %v, behind %d of %d messages", u.st.number, err, l.got[side], len(l.sent[1-side]))
		}
		return false
	}
	m, err := wire.DecodeBody(f.typ, f.body)
	if err != nil {
		w.t.Fatal(err)
	}
	n := l.got[side]
	if got := m.(*wire.Push); n >= len(l.sent[1-side]) || got.Ref != uint64(n) || len(got.Runs[0]) != l.sent[1-side][n] {
		w.t.Fatalf("message %d of %d bytes in the place of %d", got.Ref, len(got.Runs[0]), n)
	}
	l.got[side]++
	return true
}

// check looks at what the two sides count and hold.
func (w *sides) check() {
	for side, s := range w.s {
		local, remote, held := 0, 0, uint64(0)
		for _, st := range s.streams {
			if st.local {
				local++
			} else {
				remote++
			}
			if st.received > st.granted || st.consumed > st.received || !w.altered && st.sent > st.limit {
				w.t.Errorf("stream %d: received %d, consumed %d, granted %d; sent %d of %d", st.number, st.received, st.consumed, st.granted, st.sent, st.limit)
			}
			held += st.received - st.consumed
			if most := uint64(sendQueue + 2*wire.MaxFrame); uint64(st.queued) > most {
				w.t.Errorf("%d bytes are queued on stream %d", st.queued, st.number)
			}
		}
		if s.theirs.open != remote || s.ours.open < local || s.ours.open > MaxStreams || s.theirs.open > MaxStreams || s.accepts.len() > remote {
			w.t.Errorf("side %d has %d streams of its own and %d of the other's, and counts %d and %d, %d to be accepted",
				side, local, remote, s.ours.open, s.theirs.open, s.accepts.len())
		}
		if most := uint64(len(s.streams)+1) * (windowBulk + wire.MaxFrame + FrameCost); held > most {
			w.t.Errorf("side %d holds %d bytes", side, held)
		}
	}
	if w.t.Failed() {
		w.t.FailNow()
	}
}
