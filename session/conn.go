package session

import (
	"net"
	"os"
	"sync/atomic"
	"time"

	"parley/handshake"
	"parley/wire/seal"
)

// A Conn is a connection of sealed records, as a byte stream: a net.Conn whose
// bytes nobody between can read or alter. A Session is frames over one.
//
// Its end is not authenticated: io.EOF may be the work of a third party, which
// is why a Session ends with a Close frame.
type Conn struct {
	raw   net.Conn
	send  sendHalf
	recv  recvHalf
	plain []byte // opened and not yet read; recv.mu guards it

	writeBy atomic.Pointer[time.Time] // the deadline of writing
}

// NewConn returns the connection of records over raw under the keys of a
// completed handshake. The caller reads and writes raw no longer; its deadlines
// may be set through the Conn only.
func NewConn(raw net.Conn, hs *handshake.Result) *Conn {
	c := &Conn{raw: raw}
	c.send.sealer, c.send.chain = seal.NewSealer(&hs.Send), hs.SendNext
	c.recv.opener, c.recv.chain = seal.NewOpener(&hs.Recv), hs.RecvNext
	c.send.maxRecords, c.send.maxBytes = MaxGenerationRecords, MaxGenerationBytes
	return c
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c.recv.mu.Lock()
	defer c.recv.mu.Unlock()
	if len(c.plain) == 0 {
		plain, err := c.recv.next(c.raw)
		if err != nil {
			return 0, err
		}
		c.plain = plain
	}
	n := copy(p, c.plain)
	c.plain = c.plain[n:]
	return n, nil
}

// Write implements net.Conn. A record that a deadline cuts off on the wire
// counts as written: the rest of it goes first when writing goes on.
func (c *Conn) Write(p []byte) (n int, err error) {
	c.send.mu.Lock()
	defer c.send.mu.Unlock()
	if by := c.writeBy.Load(); by != nil && !by.IsZero() && !time.Now().Before(*by) {
		return 0, os.ErrDeadlineExceeded
	}
	if err := c.send.flush(c.raw); err != nil || len(p) == 0 {
		return 0, err
	}
	buf := recordBufs.Get().(*recordBuf)
	defer recordBufs.Put(buf)
	for len(p) > 0 {
		size := copy(buf[headerSize:headerSize+MaxPlaintext], p)
		err := c.send.send(c.raw, buf, size)
		if err != nil && !isTimeout(err) {
			return n, err
		}
		n += size
		p = p[size:]
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// Close closes the connection under the records. It may be called at any time.
func (c *Conn) Close() error { return c.raw.Close() }

// closeWrite tells the other side that nothing more comes, where the transport can.
func (c *Conn) closeWrite() {
	if half, ok := c.raw.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // the connection is ending one way or the other
	}
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.raw.LocalAddr() }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return c.raw.RemoteAddr() }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	c.writeBy.Store(&t)
	return c.raw.SetDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.raw.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.writeBy.Store(&t)
	return c.raw.SetWriteDeadline(t)
}
