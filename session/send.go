package session

import (
	"sync"

	"parley/wire"
)

// bodies are the pools of the buffers in which bodies wait to be sent, by size:
// a queue of small bodies must not hold large buffers.
var bodies [len(bodySizes)]sync.Pool

// newScratch returns a buffer to encode a body in: the largest of the pools.
func newScratch() *[]byte {
	if b, ok := bodies[len(bodies)-1].Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, bodySizes[len(bodySizes)-1])
	return &b
}

// newBody makes a body of what was encoded in a scratch, which it takes over. A
// body that would not fit a smaller buffer stays where it is.
func newBody(scratch *[]byte) *[]byte {
	const last = len(bodySizes) - 1
	if len(*scratch) > bodySizes[last-1] {
		return scratch
	}
	defer freeBody(scratch)
	return copyBody(*scratch)
}

func copyBody(encoded []byte) *[]byte {
	var b *[]byte
	size := len(encoded)
	for i, s := range bodySizes {
		if size <= s {
			b, _ = bodies[i].Get().(*[]byte)
			size = s
			break
		}
	}
	if b == nil {
		buf := make([]byte, 0, size)
		b = &buf
	}
	*b = append((*b)[:0], encoded...)
	return b
}

func freeBody(b *[]byte) {
	for i, s := range bodySizes {
		if cap(*b) == s {
			bodies[i].Put(b)
			return
		}
	}
}

// size is what an outgoing frame takes of its stream's queue, in bytes.
func (f *outgoing) size() int { return FrameCost + cap(*f.body) }

// An outClass is one class's part of the schedule.
type outClass struct {
	current *Stream       // its front frame is sent in part: only it goes on
	ready   fifo[*Stream] // streams whose front frame may begin, each a frame in turn
}

// An endItem is a StreamEnd to be sent.
type endItem struct {
	st  *Stream
	end wire.StreamEnd
}

// credit is what the other side has left us to send.
func (st *Stream) credit() uint64 { return st.limit - st.sent }

// mayStart reports whether the front frame may begin: with credit for all of
// it, or for half a window, which the receiver always gives in the end. So the
// one unfinished frame of a class seldom waits, and is never cut into crumbs.
func (st *Stream) mayStart() bool {
	if st.queue.len() == 0 {
		return false
	}
	return st.credit() >= min(FrameCost+uint64(len(*st.queue.front().body)), st.class.window()/2)
}

// arm enters a stream into the schedule if its front frame may be sent. mu is held.
func (s *Session) arm(st *Stream) {
	out := &s.out[st.class]
	switch {
	case out.current == st:
		if st.credit() == 0 {
			return
		}
	case st.ready || !st.mayStart():
		return
	default:
		st.ready = true
		out.ready.push(st)
		if out.current != nil && out.current.credit() == 0 {
			return
		}
	}
	s.kick()
}

// kick starts the writer unless it runs. It ends by itself when nothing is left
// to send, so an idle session has none. mu is held.
func (s *Session) kick() {
	if s.writing || s.over || s.closed {
		return
	}
	s.writing = true
	s.writers.Go(s.write)
}

// write sends records until there is nothing more to send. Each record is
// chosen when the one before it is with the transport, and no sooner.
func (s *Session) write() {
	buf := recordBufs.Get().(*recordBuf)
	defer recordBufs.Put(buf)
	send := &s.conn.send
	send.mu.Lock()
	defer send.mu.Unlock()
	for {
		s.mu.Lock()
		plain := s.fill(buf[headerSize : headerSize : headerSize+MaxPlaintext])
		last := s.closed
		if len(plain) == 0 || s.over {
			s.writing = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		if err := send.send(s.conn.raw, buf, len(plain)); err != nil {
			s.writeFailed()
			return
		}
		if last {
			s.conn.closeWrite()
		}
	}
}

// writeFailed leaves it to the reader to find out why: the other side's Close
// may be waiting to be read.
func (s *Session) writeFailed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true // nothing more is sent
	s.linger()
}

// fill appends to dst, whose capacity is a record's, what is to be sent next:
// the session's own frames, then those of the streams by class. mu is held.
func (s *Session) fill(dst []byte) []byte {
	if s.closed {
		return dst
	}
	if s.helloDue {
		s.helloDue = false
		dst = s.appendControl(dst, &s.mine)
	}
	if s.established && !s.closeNow {
		dst = s.fillControl(dst)
		dst = s.fillStreams(dst)
	}
	if s.closing && (s.closeNow || s.drained()) && cap(dst)-len(dst) >= maxControlFrame {
		dst = s.appendControl(dst, &s.closeFrame)
		s.closed = true
	}
	return dst
}

// drained reports whether nothing is left to be sent on any stream.
func (s *Session) drained() bool {
	for _, st := range s.streams {
		if st.queue.len() > 0 {
			return false
		}
	}
	for c := range s.out {
		if s.out[c].ready.len() > 0 { // streams that are not on the wire yet
			return false
		}
	}
	return s.ends.len() == 0
}

func (s *Session) appendControl(dst []byte, m wire.Message) []byte {
	body, err := wire.AppendBody(s.scratch[:0], m)
	if err != nil {
		panic(err) // a bug: these messages hold nothing that cannot be encoded
	}
	s.scratch = body
	return appendFragment(dst, m.MessageType(), 0, body, 0, len(body))
}

// fillControl appends the session's own frames.
func (s *Session) fillControl(dst []byte) []byte {
	dst = s.fillPings(dst)
	for s.ends.len() > 0 && cap(dst)-len(dst) >= maxControlFrame {
		item := s.ends.pop()
		item.end.Stream = item.st.number
		dst = s.appendControl(dst, &item.end)
		item.st.ended = true
		s.forget(item.st)
	}
	for s.credits.len() > 0 && cap(dst)-len(dst) >= maxControlFrame {
		st := s.credits.pop()
		st.creditDue = false
		if !st.remoteEnd {
			dst = s.appendControl(dst, &wire.Credit{Stream: st.number, Limit: st.granted})
		}
	}
	return dst
}

// fillStreams appends fragments of frames, the classes in order.
func (s *Session) fillStreams(dst []byte) []byte {
	for c := range s.out {
		for {
			room := cap(dst) - len(dst) - maxFragmentHeader
			if room < minFragment {
				return dst
			}
			st := s.out[c].next(len(dst), room)
			if st == nil {
				break
			}
			dst = s.appendFrame(dst, st, room)
		}
	}
	return dst
}

// next returns the stream whose front frame is to be sent now, or nil. filled
// is what the record holds already, in bytes, and room what it still takes.
func (o *outClass) next(filled, room int) *Stream {
	if o.current != nil {
		if o.current.credit() == 0 {
			return nil
		}
		return o.current
	}
	for o.ready.len() > 0 {
		if st := *o.ready.front(); filled >= wellFilled && st.mayStart() {
			if n := len(*st.queue.front().body); n > room && n <= MaxPlaintext-maxFragmentHeader {
				return nil // whole in the next record: the other side need not put it together
			}
		}
		st := o.ready.pop()
		st.ready = false
		if st.mayStart() { // not when its queue was dropped meanwhile
			o.current = st
			return st
		}
	}
	return nil
}

// appendFrame appends what fits into room of the front frame of its class's
// current stream.
func (s *Session) appendFrame(dst []byte, st *Stream, room int) []byte {
	f := st.queue.front()
	if f.off == 0 {
		st.sent += FrameCost
		if st.number == 0 {
			s.number(st)
		}
	}
	body := *f.body
	n := min(len(body)-f.off, room)
	if c := st.credit(); uint64(n) > c {
		n = int(c)
	}
	dst = appendFragment(dst, f.typ, st.number, body, f.off, n)
	st.sent += uint64(n)
	if f.off += n; f.off == len(body) {
		s.dropFront(st)
		s.arm(st)
		s.finished(st)
	}
	return dst
}

// number gives a stream of ours its place on the wire.
func (s *Session) number(st *Stream) {
	index := s.ours.next[st.class]
	s.ours.next[st.class]++
	st.number = index<<indexShift | uint32(st.class)
	if !s.result.Initiator {
		st.number |= responderBit
	}
	s.streams[st.number] = st
}

// dropFront takes the front frame off a stream's queue.
func (s *Session) dropFront(st *Stream) {
	f := st.queue.pop()
	if out := &s.out[st.class]; out.current == st && f.off > 0 {
		out.current = nil
	}
	if st.queued -= f.size(); st.queued < sendQueue {
		signal(st.writable)
	}
	freeBody(f.body)
}

// dropAll empties a stream's queue.
func (s *Session) dropAll(st *Stream) {
	for st.queue.len() > 0 {
		s.dropFront(st)
	}
}

// dropUncovered takes off a stream's queue the frames for which there is no
// credit, with all behind them.
func (s *Session) dropUncovered(st *Stream) {
	credit := st.credit()
	var kept fifo[outgoing]
	for st.queue.len() > 0 {
		f := *st.queue.front()
		need := uint64(len(*f.body) - f.off)
		if f.off == 0 {
			need += FrameCost
		}
		if need > credit {
			s.dropAll(st)
			break
		}
		credit -= need
		kept.push(st.queue.pop())
	}
	st.queue = kept
	s.resume(st.class)
}

// resume starts the writer when the frame that a class waited for is gone.
func (s *Session) resume(c Class) {
	if out := &s.out[c]; out.current == nil && out.ready.len() > 0 {
		s.kick()
	}
}

// finish queues a stream's end behind the frames in its queue. mu is held.
func (s *Session) finish(st *Stream, code wire.Code, text string) {
	st.finish = true
	st.finishAs = wire.StreamEnd{Code: code, Text: text}
	s.finished(st)
}

// finished sends the end of a stream whose queue is empty.
func (s *Session) finished(st *Stream) {
	if !st.finish || st.queue.len() > 0 {
		return
	}
	st.finish = false
	if st.number == 0 { // the other side has never heard of it
		st.ended, st.remoteEnd = true, true
		s.forget(st)
		return
	}
	if st.ended && st.remoteEnd {
		return
	}
	st.endQueued = true
	s.ends.push(endItem{st, st.finishAs})
	s.kick()
}

// forget drops a stream that has ended in both directions.
func (s *Session) forget(st *Stream) {
	if !st.ended || !st.remoteEnd || st.forgotten {
		return
	}
	st.forgotten = true
	delete(s.streams, st.number)
	if st.local {
		s.ours.open--
		return
	}
	s.theirs.open--
	// One that was given up before anybody accepted it need not be: else opening
	// and giving up would grow the list without end.
	s.accepts.remove(func(other *Stream) bool { return other == st })
}
