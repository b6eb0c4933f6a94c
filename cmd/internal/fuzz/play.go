package fuzz

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"time"

	"parley/cmd/internal/script"
	"parley/wire"
)

// A player plays steps against the target and watches what it answers.
type player struct {
	ctx      context.Context
	w        *world
	count    *Counts
	lines    map[int]*wireline
	observed []string
	problem  *Problem // the first
}

// A wireline is one connection of a script.
type wireline struct {
	conn   *script.Conn
	number int
	peerID wire.ID // for whom delegations on it are

	pieces  int    // records are written in pieces of so many bytes; 0: whole
	held    []byte // fragments for the next record
	awaited *script.Incoming
	newest  uint32 // stream on which something was sent
	user    bool
	greeted bool                 // a Hello was sent
	ended   map[uint32]wire.Code // streams that this side gave up

	stalled, lazy bool // lazy: it was stalled once
	mute          bool // what was sent is not whole: the peer waits for more, and may go on doing so
	damaged       bool // the peer must end the session
	leaving       bool // this side has ended it
	over          bool // it is ended
}

// play plays the steps of a script that are no episodes, and looks whether each
// connection is answered or ended in the end.
func (w *world) play(ctx context.Context, count *Counts, steps []Step) *player {
	p := &player{ctx: ctx, w: w, count: count, lines: map[int]*wireline{}}
	defer func() {
		for _, l := range p.lines {
			l.conn.Raw.Close()
		}
	}()
	for i := range steps {
		if p.problem != nil || ctx.Err() != nil {
			return p
		}
		p.step(&steps[i])
	}
	for _, n := range slices.Sorted(maps.Keys(p.lines)) {
		if p.problem == nil && ctx.Err() == nil {
			p.finish(p.lines[n])
		}
	}
	return p
}

// found notes what is wrong, once.
func (p *player) found(kind, format string, args ...any) {
	if p.problem == nil && p.ctx.Err() == nil {
		p.problem = &Problem{Kind: kind, Text: fmt.Sprintf(format, args...)}
	}
}

func (p *player) note(format string, args ...any) {
	if len(p.observed) == maxObserved {
		p.observed = p.observed[1:]
	}
	p.observed = append(p.observed, fmt.Sprintf(format, args...))
}

func (p *player) step(s *Step) {
	if s.Op == opDial {
		p.dial(s)
		return
	}
	l := p.lines[s.Conn]
	if l == nil || l.over {
		return // the peer has had enough, which is its right
	}
	var err error
	switch s.Op {
	case opSend:
		err = p.send(l, s)
	case opLater:
		err = l.send(script.Later(s.Stream, s.Body))
	case opAwait:
		p.await(l, s.Type)
		return
	case opRecord:
		if err = l.flush(); err == nil {
			err = recordOps[s.Kind](l, s.N)
		}
	case opStall:
		l.stalled, l.lazy, l.conn.NoCredit = true, true, true
	case opResume:
		l.stalled, l.conn.NoCredit = false, false
	case opMute:
		l.conn.NoPong = true
	case opHalf:
		if tcp, ok := l.conn.Raw.(*net.TCPConn); ok {
			l.leaving, err = true, tcp.CloseWrite()
		}
	case opCut:
		l.over = true
		l.conn.Raw.Close()
		return
	case opClose:
		err = l.send(script.Frame(0, &wire.Close{Code: wire.Code(s.N)}))
		l.leaving = true
	case opWait:
		select {
		case <-time.After(s.Wait):
		case <-p.ctx.Done():
		}
	}
	p.failed(l, err)
	if !l.stalled && !l.over {
		p.read(l, time.Now().Add(drainFor), nil)
	}
}

// failed takes the error of a write: the peer may end the session whenever it likes.
func (p *player) failed(l *wireline, err error) {
	switch {
	case err == nil:
	case errors.Is(err, os.ErrDeadlineExceeded) && !l.lazy:
		p.found(KindSilent, "connection %d: the peer takes no bytes", l.number)
	case script.Ended(err) && !l.stalled: // it may have said why
		p.read(l, p.w.target.soon(), nil)
		l.over = true
	default:
		l.over = true
	}
}

func (p *player) dial(s *Step) {
	if old := p.lines[s.Conn]; old != nil {
		old.conn.Raw.Close()
	}
	self := p.w.who(s.Who)
	w, i, err := p.w.target.connect(p.ctx, self)
	if err != nil {
		p.found(KindSilent, "connection %d: the peer takes none: %v", s.Conn, err)
		return
	}
	p.count.Sessions.Add(1)
	l := &wireline{conn: script.NewConn(w, i, s.Kind == asUser), number: s.Conn, peerID: i.Remote.ID(), user: s.Kind == asUser, ended: map[uint32]wire.Code{}}
	if s.Kind == asPeer {
		l.peerID = self.ID()
	}
	p.lines[s.Conn] = l
}

// send sends a frame with its edits, in as many fragments as it says or needs.
func (p *player) send(l *wireline, s *Step) error {
	stream, body := s.Stream, s.Body
	if s.Answer {
		if l.awaited == nil {
			return nil
		}
		if stream, body = p.w.fit(l, s); body == nil {
			return nil
		}
	}
	body = p.w.resolve(body, l.conn, l.peerID)
	for _, e := range s.Edits {
		body = e.apply(body)
	}
	if p.count.Frames.Add(1); stream != 0 {
		l.newest = stream
	}
	if m, err := wire.DecodeBody(s.Type, body); err == nil {
		switch m := m.(type) {
		case *wire.StreamEnd:
			l.ended[m.Stream] = m.Code
		case *wire.Hello: // the first, which may say otherwise than the dial
			if !l.greeted {
				l.greeted, l.user = true, m.Role == wire.RoleUser
				l.conn.Receiver.User = l.user
			}
		}
	}
	p.note("%d > %s on %d, %d bytes", l.number, typeName(s.Type), stream, len(body))
	parts := max(s.Parts, 1)
	size := min((len(body)+parts-1)/parts, maxPart)
	if size == len(body) && s.Total == 0 {
		f := script.Whole(s.Type, stream, body)
		if s.Hold && len(l.held)+len(f) < maxPart {
			l.held = append(l.held, f...)
			return nil
		}
		return l.send(f)
	}
	total := uint64(len(body))
	if s.Total > 0 {
		total = s.Total
	}
	size = max(size, 1)
	first := min(size, len(body))
	if err := l.send(script.First(s.Type, stream, body[:first], total)); err != nil {
		return err
	}
	for body = body[first:]; len(body) > 0; body = body[min(size, len(body)):] {
		if err := l.send(script.Later(stream, body[:min(size, len(body))])); err != nil {
			return err
		}
	}
	return nil
}

// send sends fragments in one record, behind what was held back.
func (l *wireline) send(f []byte) error {
	if len(l.held)+len(f) > script.MaxPlaintext {
		if err := l.flush(); err != nil {
			return err
		}
	}
	l.held = append(l.held, f...)
	return l.flush()
}

func (l *wireline) flush() error {
	if len(l.held) == 0 {
		return nil
	}
	plain := l.held
	l.held = nil
	l.conn.Opens(plain)
	return l.write(l.conn.Out.Record(plain))
}

// write writes bytes, in pieces if it was told to.
func (l *wireline) write(b []byte) error {
	for l.pieces > 0 && len(b) > l.pieces && len(b) < 200*l.pieces {
		if err := l.conn.Write("record", b[:l.pieces]); err != nil {
			return err
		}
		b = b[l.pieces:]
	}
	return l.conn.Write("record", b)
}
