package session

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"parley/wire"
)

// A wall is a connection whose wire can be cut: then what is written is gone,
// and the other side's closing is not seen.
type wall struct {
	net.Conn
	up     *atomic.Bool
	closed chan struct{}
	once   *sync.Once
}

func newWall(c net.Conn) wall {
	return wall{c, new(atomic.Bool), make(chan struct{}), new(sync.Once)}
}

func (w wall) Write(p []byte) (int, error) {
	if w.up.Load() {
		return len(p), nil
	}
	return w.Conn.Write(p)
}

func (w wall) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if err == io.EOF && w.up.Load() {
		<-w.closed
	}
	return n, err
}

func (w wall) Close() error {
	w.once.Do(func() { close(w.closed) })
	return w.Conn.Close()
}

func TestADeadSessionIsNoticedWithinFiveSeconds(t *testing.T) {
	for name, oneWay := range map[string]bool{"nothing passes": false, "nothing comes back": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ca, cb := net.Pipe()
				here, there := newWall(ca), newWall(cb)
				p := connect(t, here, there)
				time.Sleep(1234567 * time.Millisecond)
				if p.a.Err() != nil || p.b.Err() != nil {
					t.Fatalf("an idle session ends: %v, %v", p.a.Err(), p.b.Err())
				}
				there.up.Store(true)
				here.up.Store(!oneWay)
				since := time.Now()
				var werr *wire.Error
				if err := <-p.enda; !errors.Is(err, ErrTimeout) || !errors.As(err, &werr) || werr.Code != wire.CodeTimeout {
					t.Errorf("ends with %v", err)
				}
				if took := time.Since(since); took >= 5*time.Second || took < 2*time.Second {
					t.Errorf("noticed after %v", took)
				}
				<-p.endb // if it still heard us, up to 4 s after we fell silent
				if took := time.Since(since); took >= 9*time.Second {
					t.Errorf("noticed there after %v", took)
				}
			})
		})
	}
}

func TestAnIdleSessionCostsAHundredBytesASecondAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, cb := net.Pipe()
		p := connect(t, ca, cb)
		time.Sleep(time.Second)
		before := p.a.Stats()
		time.Sleep(time.Hour)
		after := p.a.Stats()
		if n := after.Sent - before.Sent + after.Received - before.Received; n > 3600*110 {
			t.Errorf("%d bytes in an idle hour", n)
		}
		if n := after.RecordsSent - before.RecordsSent; n < 1700 || n > 3700 {
			t.Errorf("%d records in an idle hour", n)
		}
	})
}

func TestTheRoundTripIsMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, cb := net.Pipe()
		p := connect(t, slow{ca}, cb)
		time.Sleep(10 * time.Second)
		if rtt := p.a.RTT(); rtt < 30*time.Millisecond || rtt > 100*time.Millisecond {
			t.Errorf("RTT %v", rtt)
		}
	})
}

// slow is a connection that takes 30 ms for each write.
type slow struct{ net.Conn }

func (s slow) Write(p []byte) (int, error) {
	time.Sleep(30 * time.Millisecond)
	return s.Conn.Write(p)
}
