package proxy

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// echoes listens and answers each connection with what it sends.
func echoes(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	return l.Addr().String()
}

func through(t *testing.T, target string, set func(*Proxy)) (*Proxy, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := New(l, func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", target)
	})
	t.Cleanup(func() { _ = p.Close() })
	set(p)
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return p, conn
}

func exchange(conn net.Conn, text string) (string, error) {
	if _, err := conn.Write([]byte(text)); err != nil {
		return "", err
	}
	back := make([]byte, len(text))
	_, err := io.ReadFull(conn, back)
	return string(back), err
}

func TestBytesPassAsTheyAreAndAreCounted(t *testing.T) {
	p, conn := through(t, echoes(t), func(*Proxy) {})
	text := strings.Repeat("parley", 50000)
	if got, err := exchange(conn, text); err != nil || got != text {
		t.Fatalf("%d bytes come back, %v", len(got), err)
	}
	if s := p.Stats(); s.Forwarded != int64(2*len(text)) || s.Open != 1 || s.Cuts != 0 {
		t.Errorf("%+v", s)
	}
}

func TestADelayDoesNotNarrow(t *testing.T) {
	const delay = 50 * time.Millisecond
	_, conn := through(t, echoes(t), func(p *Proxy) { p.Delay(delay) })
	start := time.Now()
	// Were each chunk to wait for the one before, this would take 20 times as long.
	text := strings.Repeat("x", 20*chunkSize)
	if _, err := exchange(conn, text); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 2*delay || took > 20*2*delay {
		t.Errorf("there and back took %v", took)
	}
}

func TestAHalfOpenWayPassesTheOtherDirectionOnly(t *testing.T) {
	p, conn := through(t, echoes(t), func(*Proxy) {})
	if _, err := exchange(conn, "first"); err != nil {
		t.Fatal(err)
	}
	p.Stall(Down, true)
	before := p.Stats().Forwarded
	if _, err := conn.Write([]byte("lost?")); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); p.Stats().Forwarded < before+5; {
		if time.Now().After(deadline) {
			t.Fatal("nothing passes upward either")
		}
		<-time.After(time.Millisecond)
	}
	if err := conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 5)); err == nil {
		t.Fatalf("%d bytes pass a stalled way", n)
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	p.Stall(Down, false)
	back := make([]byte, 5)
	if _, err := io.ReadFull(conn, back); err != nil || string(back) != "lost?" {
		t.Errorf("%q, %v", back, err)
	}
}

func TestACutComesAfterTheBytesThatWereAllowed(t *testing.T) {
	p, conn := through(t, echoes(t), func(p *Proxy) { p.CutAfter(1000) })
	if _, err := exchange(conn, strings.Repeat("x", 5000)); err == nil {
		t.Fatal("more than 1,000 bytes pass there and back")
	}
	for deadline := time.Now().Add(30 * time.Second); p.Stats().Open > 0; {
		if time.Now().After(deadline) {
			t.Fatal("the connection stays")
		}
		<-time.After(time.Millisecond)
	}
	if s := p.Stats(); s.Forwarded != 1000 || s.Cuts == 0 {
		t.Errorf("%+v", s)
	}
}

func unit(text string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)
}

func TestEachNthRecordGoesBehindTheNextHoweverTheBytesAreCut(t *testing.T) {
	var in, want []byte
	for _, s := range []string{"handshake", "1", "2", "3", "4", "5", "6", "7"} {
		in = append(in, unit(s)...)
	}
	for _, s := range []string{"handshake", "1", "2", "4", "3", "5", "7", "6"} {
		want = append(want, unit(s)...)
	}
	for size := 1; size <= len(in); size++ {
		o := newOrder(3)
		var got []byte
		for rest := in; len(rest) > 0; {
			n := min(size, len(rest))
			got = append(got, o.take(rest[:n])...)
			rest = rest[n:]
		}
		if got = append(got, o.rest()...); !bytes.Equal(got, want) {
			t.Fatalf("in pieces of %d: %q, not %q", size, got, want)
		}
	}
}

func TestWhatIsNotTheProtocolPassesUnordered(t *testing.T) {
	o := newOrder(1)
	text := []byte("GET / HTTP/1.1\r\n\r\n")
	if got := o.take(text); !bytes.Equal(got, text) {
		t.Errorf("%q", got)
	}
}

func TestALastRecordThatIsHeldIsSentAtTheEnd(t *testing.T) {
	_, conn := through(t, echoes(t), func(p *Proxy) { p.Reorder(Up, 1) })
	in := append(unit("handshake"), unit("held")...)
	if _, err := conn.Write(in); err != nil {
		t.Fatal(err)
	}
	if tcp, ok := conn.(*net.TCPConn); !ok || tcp.CloseWrite() != nil {
		t.Fatal("the connection cannot be closed in one direction")
	}
	if got, err := io.ReadAll(conn); err != nil || !bytes.Equal(got, in) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestOrdersAreTakenAndWhatIsNoneIsExplained(t *testing.T) {
	p, _ := through(t, echoes(t), func(*Proxy) {})
	for _, line := range []string{"delay 20ms", "bandwidth 1000", "stall", "stall up", "pass", "pass down", "reorder 2", "reorder 3 up", "cut", "cut 500", "order", ""} {
		if err := p.Do(line); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	}
	for _, line := range []string{"delay", "delay soon", "bandwidth -1", "stall sideways", "reorder", "cut many", "dance"} {
		if err := p.Do(line); err == nil {
			t.Errorf("%q is taken", line)
		}
	}
}
