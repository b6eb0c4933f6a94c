package script

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"parley/wire"
)

// A Wire is a connection as bytes, of which every one is shown to Trace.
type Wire struct {
	Raw   net.Conn
	Trace func(out bool, what string, data []byte)

	buf []byte // arrived and not taken
}

// Write sends bytes as they are. What says what they are.
func (w *Wire) Write(what string, b []byte) error {
	w.Trace(true, what, b)
	if err := w.Raw.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	_, err := w.Raw.Write(b)
	return err
}

// writeWithin bounds a write: a peer that reads takes its bytes much faster.
const writeWithin = 10 * time.Second

// Framed is a handshake message behind its length.
func Framed(m []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(m))), m...)
}

// take returns the next n bytes when they have arrived by the deadline. What
// has arrived of them is kept when not.
func (w *Wire) take(n int, by time.Time) ([]byte, error) {
	if err := w.Raw.SetReadDeadline(by); err != nil {
		return nil, err
	}
	for len(w.buf) < n {
		chunk := make([]byte, max(n-len(w.buf), 4096))
		got, err := w.Raw.Read(chunk)
		w.buf = append(w.buf, chunk[:got]...)
		if err != nil && len(w.buf) < n {
			return nil, err
		}
	}
	b := w.buf[:n:n]
	w.buf = w.buf[n:]
	return b, nil
}

// Begun waits for the first byte of what comes next, which it leaves there.
func (w *Wire) Begun(by time.Time) error {
	b, err := w.take(1, by)
	w.buf = append(b, w.buf...)
	return err
}

// ReadMessage reads a handshake message.
func (w *Wire) ReadMessage(by time.Time) ([]byte, error) {
	length, err := w.take(4, by)
	if err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length)
	if n == 0 || n > maxMessage {
		w.Trace(false, "length", length)
		return nil, violated("a handshake message of %d bytes", n)
	}
	b, err := w.take(int(n), by)
	w.Trace(false, "handshake message", b)
	return b, err
}

// ReadEnd reads until the peer has closed the connection and returns the bytes
// that came before.
func (w *Wire) ReadEnd(by time.Time) ([]byte, error) {
	if err := w.Raw.SetReadDeadline(by); err != nil {
		return nil, err
	}
	for {
		chunk := make([]byte, 4096)
		n, err := w.Raw.Read(chunk)
		w.buf = append(w.buf, chunk[:n]...)
		switch {
		case Ended(err):
			rest := w.buf
			w.buf = nil
			if len(rest) > 0 {
				w.Trace(false, "bytes before the end", rest)
			}
			w.Trace(false, "end of the connection", nil)
			return rest, nil
		case err != nil:
			return w.buf, err
		case len(w.buf) > maxUnexpected:
			return w.buf, errors.New("it goes on sending")
		}
	}
}

// maxUnexpected bounds what is read of a peer that should have closed.
const maxUnexpected = 16 << 20

// Ended tells whether a read ended because the peer closed or reset the connection.
func Ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// A Conn is a session from its first record on.
type Conn struct {
	*Wire
	Out      Sealer
	In       Opener
	Receiver Receiver
	Exporter [32]byte

	NoPong   bool // leave pings unanswered
	NoCredit bool // give no credit beyond the initial one

	queue []Incoming
}

// NewConn is the session that follows a handshake.
func NewConn(w *Wire, i *Initiator, user bool) *Conn {
	return &Conn{
		Wire: w, Out: Sealer{Traffic: i.Send}, In: Opener{Traffic: i.Recv}, Exporter: i.Exporter,
		Receiver: Receiver{User: user},
	}
}

// NewAccepted is the session that follows a handshake in which the peer dialled.
func NewAccepted(w *Wire, s *Responder) *Conn {
	return &Conn{
		Wire: w, Out: Sealer{Traffic: s.Send}, In: Opener{Traffic: s.Recv}, Exporter: s.Exporter,
		Receiver: Receiver{Accepted: true},
	}
}

// Send sends each plaintext as a record of its own. The streams in it count as
// opened from then on.
func (c *Conn) Send(plains ...[]byte) error {
	for _, p := range plains {
		c.Opens(p)
		c.Trace(true, "plaintext", p)
		if err := c.Write("record", c.Out.Record(p)); err != nil {
			return err
		}
	}
	return nil
}

// Opens notes the streams in a plaintext that is sent otherwise than by Send.
func (c *Conn) Opens(plain []byte) {
	all, _ := fragments(plain) // what is no fragment opens nothing
	for _, f := range all {
		if f.stream&3 != 0 {
			c.Receiver.Opened(f.stream)
		}
	}
}

// Next returns the next frame of the peer. It answers pings and gives credit,
// unless it is told not to. An error is os.ErrDeadlineExceeded, the end of the
// connection (Ended), or a *Violation.
func (c *Conn) Next(by time.Time) (Incoming, error) {
	for {
		for len(c.queue) > 0 {
			in := c.queue[0]
			c.queue = c.queue[1:]
			if ping, ok := in.Message.(*wire.Ping); ok && !c.NoPong {
				if err := c.Send(Frame(0, &wire.Pong{Seq: ping.Seq})); err != nil {
					return in, err
				}
				continue
			}
			if err := c.credit(in.Stream); err != nil {
				return in, err
			}
			return in, nil
		}
		plain, err := c.record(by)
		if err != nil {
			return Incoming{}, err
		}
		frames, err := c.Receiver.Take(plain)
		c.queue = append(c.queue, frames...)
		if err != nil {
			return Incoming{}, err
		}
		// A frame in parts may need credit before it is whole.
		for _, p := range c.Receiver.partial {
			if p != nil && !c.NoCredit {
				if err := c.grant(p.stream, c.Receiver.Used(p.stream)+p.total); err != nil {
					return Incoming{}, err
				}
			}
		}
	}
}

func (c *Conn) credit(stream uint32) error {
	if stream == 0 || c.NoCredit {
		return nil
	}
	return c.grant(stream, c.Receiver.Used(stream)+Window(stream))
}

// grant raises the peer's credit, in steps of a quarter window at least.
func (c *Conn) grant(stream uint32, limit uint64) error {
	if s := c.Receiver.Opened(stream); s.ended || limit < s.limit+Window(stream)/4 {
		return nil
	}
	return c.Grant(stream, limit)
}

// Grant sends a Credit and notes it.
func (c *Conn) Grant(stream uint32, limit uint64) error {
	c.Receiver.Granted(stream, limit)
	return c.Send(Frame(0, &wire.Credit{Stream: stream, Limit: limit}))
}

// record reads and opens the next record.
func (c *Conn) record(by time.Time) ([]byte, error) {
	header, err := c.take(4, by)
	if err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(header)
	if string(header) == "\x00\x00\x00\x02" {
		c.Trace(false, "length", header)
		return nil, violated("a refusal of the handshake where a record belongs")
	}
	if err := CheckLength(n); err != nil {
		c.Trace(false, "length", header)
		return nil, err
	}
	rest, err := c.take(int(n), by)
	if err != nil {
		c.buf = append(header, c.buf...) // for when the rest arrives
		return nil, err
	}
	record := append(header, rest...)
	c.Trace(false, "record", record)
	plain, err := c.In.Open(record)
	if err == nil {
		c.Trace(false, "plaintext", plain)
	}
	return plain, err
}

// TimedOut tells whether nothing came by the deadline.
func TimedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
