package client

import (
	"context"
	"io"
	"testing"

	"parley/rooms"
	"parley/wire"
)

// ackPeer is a peer in memory that acknowledges everything at once: what is
// measured is the client's half alone.
type ackPeer struct{ done chan struct{} }

func (p *ackPeer) Done() <-chan struct{}   { return p.done }
func (p *ackPeer) Close(wire.Code, string) {}
func (p *ackPeer) open(priority) (stream, error) {
	return &ackStream{answers: make(chan wire.Message, 4096)}, nil
}

type ackStream struct{ answers chan wire.Message }

func (s *ackStream) Send(_ context.Context, m wire.Message) error {
	if a, ok := m.(*wire.Append); ok {
		body, err := wire.AppendBody(nil, m) // as a session would
		if err != nil || len(body) == 0 {
			return err
		}
		for _, raw := range a.Runs {
			n, last, err := lastOf(raw)
			if err != nil {
				return err
			}
			s.answers <- &wire.Appended{Log: n.Log, Last: last, Link: n.Hash}
		}
		return nil
	}
	s.answers <- &wire.Writer{}
	return nil
}

// lastOf reads the place of a run; parsing hashes it, which a peer does on its own time.
func lastOf(raw []byte) (*rooms.Run, uint64, error) {
	r, err := rooms.ParseRun(raw)
	if err != nil {
		return nil, 0, err
	}
	return r, r.Last(), nil
}

func (s *ackStream) Recv(ctx context.Context) (wire.Message, error) {
	select {
	case m := <-s.answers:
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
func (s *ackStream) CloseSend() error        { return nil }
func (s *ackStream) Reset(wire.Code, string) {}

func benchClient(b *testing.B) *Client {
	p := newFakePeer(b)
	c := testClient(b, p, "ann", "")
	none := make(chan struct{})
	close(none)
	peer := &ackPeer{done: make(chan struct{})}
	c.dial = func(context.Context) (*connection, error) {
		return &connection{transport: peer, peer: p.id, token: none}, nil
	}
	return c
}

// lineReader gives n lines of 256 bytes.
type lineReader struct {
	line []byte
	left int
	part []byte
}

func (r *lineReader) Read(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		if len(r.part) == 0 {
			if r.left == 0 {
				if n == 0 {
					return 0, io.EOF
				}
				return n, nil
			}
			r.left--
			r.part = r.line
		}
		c := copy(b[n:], r.part)
		n, r.part = n+c, r.part[c:]
	}
	return n, nil
}

// BenchmarkPipe is the client's half of a pipe of lines of 256 bytes: reading,
// encrypting, signing, the outbox. The peer's parsing and hashing of each run
// is included.
func BenchmarkPipe(b *testing.B) {
	c := benchClient(b)
	line := append(make([]byte, 0, 256), make([]byte, 255)...)
	for i := range line {
		line[i] = 'x'
	}
	line = append(line, '\n')
	b.SetBytes(256)
	b.ReportAllocs()
	b.ResetTimer()
	sum, err := c.Pipe(b.Context(), c.Lobby().ID, Lines(&lineReader{line: line, left: b.N}, '\n'), PipeOptions{})
	if err != nil || sum.Messages != uint64(b.N) {
		b.Fatal(sum, err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkSend is the client's half of one line at a time.
func BenchmarkSend(b *testing.B) {
	c := benchClient(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Send(b.Context(), c.Lobby().ID, []byte("hello"), SendOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTail is the reading of a history of runs of 200 messages of 256
// bytes: verification, decryption, order.
func BenchmarkTail(b *testing.B) {
	p := newFakePeer(b)
	c := testClient(b, p, "ann", "")
	lobby := c.Lobby().ID
	line := append(make([]byte, 255), '\n')
	for i := range 255 {
		line[i] = 'x'
	}
	if _, err := c.Pipe(b.Context(), lobby, Lines(&lineReader{line: line, left: b.N}, '\n'), PipeOptions{}); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(256)
	b.ReportAllocs()
	b.ResetTimer()
	n := 0
	for _, err := range c.Tail(b.Context(), lobby, TailOptions{}) {
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	if n != b.N {
		b.Fatal(n)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
