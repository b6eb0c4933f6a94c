package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Capture keeps every frame that crosses a network, as it was on the wire.
type Capture struct {
	fd    int
	ask   chan struct{} // closed: end when nothing is waiting
	ended chan struct{}
	once  sync.Once

	mu     sync.Mutex
	frames [][]byte
	size   int
	err    error
}

// Capture records what crosses the bridge, at every port: a frame is kept once
// for the port it comes in by and once for each it goes out by.
func (l *Lab) Capture() *Capture {
	l.t.Helper()
	return capture(l.t, l.bridge)
}

// Capture records what crosses the host's interfaces, loopback included.
func (h *Host) Capture() *Capture {
	h.t.Helper()
	return capture(h.t, h.ns)
}

// captureBuffer is the kernel's buffer in bytes that is asked for; a normal user
// is granted what net.core.rmem_max allows. Stop reports what did not fit.
const captureBuffer = 32 << 20

// captureLook is how often a quiet capture looks whether it is to end.
const captureLook = 50 * time.Millisecond

func capture(t testing.TB, in *namespace) *Capture {
	t.Helper()
	c := &Capture{ask: make(chan struct{}), ended: make(chan struct{})}
	err := in.do(func() (err error) {
		all := int(unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8) // in network byte order
		if c.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, all); err != nil {
			return fmt.Errorf("packet socket: %w", err)
		}
		if unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, captureBuffer) != nil {
			_ = unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, captureBuffer)
		}
		look := unix.NsecToTimeval(captureLook.Nanoseconds())
		return unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &look)
	})
	if err != nil {
		t.Fatalf("lab: capture: %v", err)
	}
	go c.run()
	t.Cleanup(func() { _ = c.Stop() })
	return c
}

func (c *Capture) run() {
	defer close(c.ended)
	buf := make([]byte, 128<<10) // a frame of an offloading interface is up to 64 KiB
	for {
		n, _, err := unix.Recvfrom(c.fd, buf, 0)
		switch {
		case errors.Is(err, unix.EAGAIN):
			select {
			case <-c.ask:
				return
			default:
			}
		case errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENETDOWN): // an interface went down: the others go on
		case err != nil:
			c.fail(err)
			return
		default:
			c.keep(buf[:n])
		}
	}
}

func (c *Capture) keep(frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size += len(frame); c.size > MaxCapture {
		c.err = fmt.Errorf("more than %d bytes", MaxCapture)
		return
	}
	c.frames = append(c.frames, bytes.Clone(frame))
}

func (c *Capture) fail(err error) {
	c.mu.Lock()
	c.err = err
	c.mu.Unlock()
}

// Stop ends the capture after what is already in the kernel was read. The error
// says that something is missing from it.
func (c *Capture) Stop() error {
	c.once.Do(func() {
		close(c.ask)
		<-c.ended
		stats, err := unix.GetsockoptTpacketStats(c.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
		if err == nil && stats.Drops > 0 {
			err = fmt.Errorf("the kernel dropped %d frames of %d", stats.Drops, stats.Packets)
		}
		if err != nil {
			c.fail(err)
		}
		_ = unix.Close(c.fd)
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Contains tells whether any frame captured so far has these bytes in it.
func (c *Capture) Contains(b []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.frames {
		if bytes.Contains(f, b) {
			return true
		}
	}
	return false
}

// Bytes returns every frame captured so far, one after the other.
func (c *Capture) Bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Join(c.frames, nil)
}

// Size returns the number of frames and of bytes captured so far.
func (c *Capture) Size() (frames, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.frames), c.size
}
