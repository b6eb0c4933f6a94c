package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"parley/handshake"
	"parley/handshake/identity"
	"parley/wire"
)

// A Config says how this side presents itself.
type Config struct {
	Hello  wire.Hello
	Logger *slog.Logger // nil: silent
}

// A Session is one authenticated connection: streams of messages in both
// directions. Establish returns one; Run pumps it. All methods may be called
// from any goroutine.
type Session struct {
	conn   *Conn
	log    *slog.Logger
	result handshake.Result // without its keys
	mine   wire.Hello
	remote wire.Hello // set before Establish returns

	receives, sends wire.Legal // which types are legal in each direction

	done    chan struct{}
	accept  chan struct{}  // signals that accepts is not empty
	writers sync.WaitGroup // the goroutine that writes, while there is something

	mu      sync.Mutex
	writing bool // a writer runs
	over    bool // the connection is closed: no writer starts
	err     error

	helloDue, established bool
	closing, closeNow     bool // a Close frame is to be sent; it waits for nothing queued
	closed                bool // it is sent: nothing follows
	closeFrame            wire.Close
	timers                []*time.Timer // of closing

	pings   pings
	streams map[uint32]*Stream
	out     [classes]outClass
	in      [classes]assembly
	ends    fifo[endItem]
	credits fifo[*Stream]
	accepts fifo[*Stream]
	ours    side
	theirs  side
	scratch []byte // bodies of control frames
}

// A side counts the streams that one side opened.
type side struct {
	open int
	next [classes]uint32 // index of the next one
}

// Stats counts what a session has moved since the handshake, in bytes on the
// wire and in records, the session's own frames included.
type Stats struct {
	Sent, Received               uint64
	RecordsSent, RecordsReceived uint64
}

// Establish exchanges Hello frames over conn under the keys of the handshake's
// result. It takes at most 5 s, less if ctx says so, and closes conn when it
// fails. The session does nothing more until Run is called.
func Establish(ctx context.Context, conn net.Conn, hs *handshake.Result, cfg Config) (*Session, error) {
	s := newSession(conn, hs, cfg)
	if len(s.mine.Software) > wire.MaxSoftware || !utf8.ValidString(s.mine.Software) {
		return nil, ErrHello
	}
	ctx, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	s.mu.Lock()
	s.helloDue = true
	s.kick()
	s.mu.Unlock()
	err := s.readHello()
	if err != nil {
		var werr *wire.Error
		if errors.As(err, &werr) && !werr.Remote {
			s.fail(werr)
		}
		s.stopWriting()
	} else {
		s.writers.Wait() // our own Hello is out
	}
	if !stop() {
		err = &wire.Error{Code: wire.CodeTimeout, Cause: context.Cause(ctx)}
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

func newSession(conn net.Conn, hs *handshake.Result, cfg Config) *Session {
	s := &Session{
		conn: NewConn(conn, hs), log: cfg.Logger, result: *hs, mine: cfg.Hello,
		done: make(chan struct{}), accept: make(chan struct{}, 1), streams: make(map[uint32]*Stream),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	exporter := s.result.Exporter
	s.result.Wipe()
	s.result.Exporter = exporter
	return s
}

// readHello reads records until the other side's Hello has come.
func (s *Session) readHello() error {
	s.conn.recv.mu.Lock()
	defer s.conn.recv.mu.Unlock()
	for {
		plain, err := s.conn.recv.next(s.conn.raw)
		if err != nil {
			return cut(err)
		}
		s.mu.Lock()
		err = s.receive(plain)
		ready := s.established
		s.mu.Unlock()
		if err != nil || ready {
			return err
		}
	}
}

// hello takes the other side's Hello. mu is held.
func (s *Session) hello(m *wire.Hello) error {
	switch {
	case s.established:
		return broken(wire.CodeProtocol, ErrPhase, "a second Hello")
	case m.Role != wire.RolePeer && m.Role != wire.RoleUser, len(m.Software) > wire.MaxSoftware:
		return broken(wire.CodeProtocol, ErrHello, "role %d, %d bytes of software name", m.Role, len(m.Software))
	}
	switch {
	case s.mine.Role == wire.RolePeer && m.Role == wire.RolePeer:
		s.receives, s.sends = wire.LegalPeerToPeer, wire.LegalPeerToPeer
	case s.mine.Role == wire.RolePeer:
		s.receives, s.sends = wire.LegalUserToPeer, wire.LegalPeerToUser
	case m.Role == wire.RolePeer:
		s.receives, s.sends = wire.LegalPeerToUser, wire.LegalUserToPeer
	default:
		return broken(wire.CodeProtocol, ErrHello, "two users")
	}
	s.remote, s.established = *m, true
	return nil
}

// Run carries the session's frames until it ends, by Close on either side, by
// ctx (which closes with CodeShutdown) or by failure; the connection is closed
// when it returns. It returns nil after a close in good order (CodeOK or
// CodeShutdown), an error that wraps ErrCut when the connection ended without a
// close, and a *wire.Error otherwise. It is called once.
func (s *Session) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.Close(wire.CodeShutdown, "") })
	defer stop()
	s.startPings()
	if s.read() {
		s.discard()
	}
	s.stopWriting()
	err := s.Err()
	var werr *wire.Error
	switch {
	case errors.Is(err, ErrClosed), errors.As(err, &werr) && werr.Remote && inGoodOrder(werr.Code):
		err = nil
	}
	s.log.Debug("session ended", "remote", s.result.Remote, "error", err)
	return err
}

// read takes records until the session ends. It reports whether our Close
// frame may still be on its way to a side that has not closed.
func (s *Session) read() (linger bool) {
	recv := &s.conn.recv
	recv.mu.Lock()
	defer recv.mu.Unlock()
	defer recv.release()
	for {
		plain, err := recv.next(s.conn.raw)
		var werr *wire.Error
		if err != nil && !errors.As(err, &werr) {
			s.mu.Lock()
			s.end(cut(err))
			s.mu.Unlock()
			return false
		}
		if err == nil {
			s.mu.Lock()
			err = s.receive(plain)
			s.mu.Unlock()
		}
		if errors.As(err, &werr) {
			if werr.Remote {
				return false
			}
			s.fail(werr)
			return true
		}
	}
}

// discard reads on without looking, until the other side has closed or the
// linger timer closes: bytes left unread would make TCP reset the connection,
// and our Close frame be lost on the way.
func (s *Session) discard() {
	buf := recordBufs.Get().(*recordBuf)
	defer recordBufs.Put(buf)
	for {
		if _, err := s.conn.raw.Read(buf[:]); err != nil {
			return
		}
	}
}

// stopWriting closes the connection and waits for the writer.
func (s *Session) stopWriting() {
	s.mu.Lock()
	linger := s.closing && s.writing
	s.mu.Unlock()
	if linger {
		s.writers.Wait() // the linger timer closes the connection under a stuck one
	}
	s.mu.Lock()
	s.over = true
	s.end(ErrClosed)
	for _, t := range s.timers {
		t.Stop()
	}
	s.pings.stop()
	s.mu.Unlock()
	s.conn.Close()
	s.writers.Wait()
}

// end records how the session ended, the first time. mu is held.
func (s *Session) end(err error) {
	if s.err == nil {
		s.err = err
		close(s.done)
	}
}

// Close ends the session with a code and at most a line of text, which the
// other side is told. It does not wait: Run returns when it is done. With
// CodeOK what was already sent on streams goes out first, for up to half a second.
func (s *Session) Close(code wire.Code, text string) {
	err := error(ErrClosed)
	if !inGoodOrder(code) {
		err = &wire.Error{Code: code, Text: text}
	}
	s.close(err, code, text)
}

// fail ends the session with an error of this side.
func (s *Session) fail(err *wire.Error) { s.close(err, err.Code, err.Text) }

func (s *Session) close(err error, code wire.Code, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	s.end(err)
	s.closing, s.closeNow = true, code != wire.CodeOK
	s.closeFrame = wire.Close{Code: code, Text: line(text)}
	s.linger()
	if !s.closeNow {
		s.timers = append(s.timers, time.AfterFunc(drainTime, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.closeNow = true
			s.kick()
		}))
	}
	s.kick()
}

// linger closes the connection in a while, if the other side does not. mu is held.
func (s *Session) linger() {
	s.timers = append(s.timers, time.AfterFunc(lingerTime, func() { s.conn.Close() }))
}

// Done is closed when the session has ended or begun to close.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err is nil while the session lives. Then it is ErrClosed after a close by this
// side in good order, a *wire.Error with Remote set after one by the other side,
// another *wire.Error after a failure, and wraps ErrCut when neither closed.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Remote is who the other side is, proved by the handshake.
func (s *Session) Remote() *identity.Bundle { return s.result.Remote }

// RemoteHello is the other side's Hello.
func (s *Session) RemoteHello() wire.Hello { return s.remote }

// Result is the handshake's result without the keys of the records.
func (s *Session) Result() *handshake.Result { return &s.result }

// Stats returns the counts so far.
func (s *Session) Stats() Stats {
	return Stats{
		Sent: s.conn.send.bytes.Load(), Received: s.conn.recv.bytes.Load(),
		RecordsSent: s.conn.send.records.Load(), RecordsReceived: s.conn.recv.records.Load(),
	}
}

func inGoodOrder(code wire.Code) bool { return code == wire.CodeOK || code == wire.CodeShutdown }

// cut is the error of a connection that ended under us. What the record layer
// found wrong stays what it is.
func cut(err error) error {
	var werr *wire.Error
	if errors.As(err, &werr) {
		return err
	}
	if err == io.EOF {
		return ErrCut
	}
	return fmt.Errorf("%w: %w", ErrCut, err)
}

// line makes a text fit to stand beside a code.
func line(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), wire.MaxText)], "")
}
