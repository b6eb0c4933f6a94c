package script

import "parley/wire"

// An Incoming is a whole frame that the peer sent.
type Incoming struct {
	Type    wire.Type
	Stream  uint32
	Body    []byte
	Message wire.Message // nil: of an optional type that is not known
}

// A Receiver checks what a peer sends, frame by frame, against every rule of
// package session that its sender must keep.
type Receiver struct {
	User     bool // this side is a user, else a peer
	Accepted bool // the peer dialled

	hello, closed bool
	partial       [4]*partial
	streams       map[uint32]*inbound
	next          [4]uint32 // index of the next stream that the peer opens
}

type partial struct {
	fragment
	body []byte
}

// An inbound is a stream in the peer's direction.
type inbound struct {
	used, limit uint64
	ended       bool
}

// Opened notes a stream that this side has opened, so that answers on it are
// in order.
func (r *Receiver) Opened(stream uint32) *inbound {
	if r.streams == nil {
		r.streams = map[uint32]*inbound{}
	}
	s := r.streams[stream]
	if s == nil {
		s = &inbound{limit: Window(stream)}
		r.streams[stream] = s
	}
	return s
}

// Granted notes a Credit that was sent.
func (r *Receiver) Granted(stream uint32, limit uint64) {
	s := r.Opened(stream)
	s.limit = max(s.limit, limit)
}

// Used is what the peer has sent on a stream, counted as credit is.
func (r *Receiver) Used(stream uint32) uint64 { return r.Opened(stream).used }

// Take checks a record's plaintext and returns the frames that it completes.
func (r *Receiver) Take(plain []byte) (frames []Incoming, err error) {
	all, err := fragments(plain)
	if err != nil {
		return nil, err
	}
	for _, f := range all {
		in, err := r.fragment(f)
		if err != nil {
			return frames, err
		}
		if in != nil {
			frames = append(frames, *in)
		}
	}
	return frames, nil
}

func (r *Receiver) fragment(f fragment) (*Incoming, error) {
	class := f.stream & 3
	if r.closed {
		return nil, violated("a fragment behind Close")
	}
	if f.later {
		p := r.partial[class]
		if p == nil || p.stream != f.stream || uint64(len(p.body)+len(f.chunk)) > p.total {
			return nil, violated("a later fragment on stream %d that continues no frame, or more than its total", f.stream)
		}
		p.body = append(p.body, f.chunk...)
		r.Opened(f.stream).used += uint64(len(f.chunk))
		if uint64(len(p.body)) < p.total {
			return nil, r.inCredit(f.stream)
		}
		r.partial[class] = nil
		if err := r.inCredit(f.stream); err != nil {
			return nil, err
		}
		return r.whole(p.typ, p.stream, p.body)
	}
	if err := r.begin(f); err != nil {
		return nil, err
	}
	if uint64(len(f.chunk)) < f.total {
		if f.stream == 0 {
			return nil, violated("a fragmented frame on stream 0")
		}
		r.partial[class] = &partial{f, append([]byte{}, f.chunk...)}
		return nil, nil
	}
	return r.whole(f.typ, f.stream, f.chunk)
}

// begin checks what is to be checked before a body is looked at.
func (r *Receiver) begin(f fragment) error {
	row, known := wire.Lookup(f.typ)
	legal := wire.LegalPeerToPeer
	if r.User {
		legal = wire.LegalPeerToUser
	}
	if !r.hello {
		legal = wire.LegalHello
	}
	switch {
	case !known && !wire.Optional(f.typ):
		return violated("type %d, which does not exist", f.typ)
	case !known:
		row.Legal, row.Bound = wire.LegalSession, wire.MaxFrame
	case (f.typ < wire.FirstStreamType) != (f.stream == 0):
		return violated("%s on stream %d", row.Name, f.stream)
	}
	if row.Legal&legal == 0 {
		return violated("type %d where it is not legal", f.typ)
	}
	if f.total > uint64(row.Bound) {
		return violated("type %d with a body of %d bytes", f.typ, f.total)
	}
	if f.stream == 0 {
		return nil
	}
	class, theirs := f.stream&3, (f.stream&Responders != 0) != r.Accepted
	if r.partial[class] != nil {
		return violated("a frame on stream %d inside another of its class", f.stream)
	}
	if s := r.streams[f.stream]; s == nil {
		if !theirs || class == 0 || f.stream>>3 != r.next[class] {
			return violated("a frame on stream %d, which is not open", f.stream)
		}
		r.next[class]++
	} else if s.ended {
		return violated("a frame behind the end of stream %d", f.stream)
	}
	r.Opened(f.stream).used += FrameCost + uint64(len(f.chunk))
	return r.inCredit(f.stream)
}

func (r *Receiver) inCredit(stream uint32) error {
	if s := r.streams[stream]; stream != 0 && s.used > s.limit {
		return violated("%d bytes sent on stream %d with credit for %d", s.used, stream, s.limit)
	}
	return nil
}

// whole decodes a frame and follows what it changes.
func (r *Receiver) whole(typ wire.Type, stream uint32, body []byte) (*Incoming, error) {
	in := &Incoming{Type: typ, Stream: stream, Body: append([]byte{}, body...)}
	if _, known := wire.Lookup(typ); !known {
		return in, nil
	}
	m, err := wire.DecodeBody(typ, in.Body)
	if err != nil {
		return nil, violated("%v", err)
	}
	in.Message = m
	switch m := m.(type) {
	case *wire.Hello:
		if m.Role != wire.RolePeer && m.Role != wire.RoleUser || len(m.Software) > wire.MaxSoftware {
			return nil, violated("a Hello of role %d with %d bytes of software", m.Role, len(m.Software))
		}
		r.hello = true
	case *wire.Close:
		if len(m.Text) > wire.MaxText {
			return nil, violated("a text of %d bytes", len(m.Text))
		}
		r.closed = true
	case *wire.StreamEnd:
		s := r.streams[m.Stream]
		if s == nil {
			return nil, violated("an end of stream %d, which was never opened", m.Stream)
		}
		if p := r.partial[m.Stream&3]; p != nil && p.stream == m.Stream {
			if m.Code == wire.CodeOK {
				return nil, violated("an end of stream %d inside a frame", m.Stream)
			}
			r.partial[m.Stream&3] = nil
		}
		s.ended = true
	}
	return in, nil
}
