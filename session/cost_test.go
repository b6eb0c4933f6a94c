package session

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"testing"

	"parley/wire"
)

// idleBound is what an idle session may take in heap and stacks, in bytes, the
// net.Pipe under it included.
const idleBound = 32 << 10

func TestAnIdleSessionIsSmall(t *testing.T) {
	const pairs = 500
	measure := func() uint64 {
		var m runtime.MemStats
		for range 3 { // pools are emptied in two steps
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	before, goroutines := measure(), runtime.NumGoroutine()
	all := make([]*pair, pairs)
	for i := range all {
		ca, cb := net.Pipe()
		all[i] = connect(t, ca, cb)
		st := open(t, all[i].a, Live)
		send(t, st, push(1, 40000)) // it has been in use
		recvRef(t, accept(t, all[i].b))
	}
	each := (measure() - before) / (2 * pairs)
	t.Logf("%d bytes and %.1f goroutines for each idle session", each, float64(runtime.NumGoroutine()-goroutines)/(2*pairs))
	if each > idleBound {
		t.Errorf("an idle session takes %d bytes", each)
	}
	if n := runtime.NumGoroutine() - goroutines; n > 2*pairs+50 {
		t.Errorf("%d goroutines for %d idle sessions", n, 2*pairs)
	}
	runtime.KeepAlive(all)
}

func BenchmarkTransfer(b *testing.B) {
	for _, size := range []int{256, 4 << 10, 56 << 10, 1000 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			ca, cb := tcpPair(b)
			p := connect(b, ca, cb)
			st := open(b, p.a, Bulk)
			m := push(1, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.ResetTimer()
			go func() {
				for range b.N {
					if err := st.Send(context.Background(), m); err != nil {
						b.Error(err)
						return
					}
				}
			}()
			in := accept(b, p.b)
			for range b.N {
				recvRef(b, in)
			}
			b.StopTimer()
			s := p.a.Stats()
			b.ReportMetric(float64(b.N)/float64(s.RecordsSent), "frames/record")
		})
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	ca, cb := tcpPair(b)
	p := connect(b, ca, cb)
	st := open(b, p.a, Interactive)
	m := push(1, 256)
	send(b, st, m)
	in := accept(b, p.b)
	recvRef(b, in)
	b.ReportAllocs()
	b.ResetTimer()
	go func() {
		for range b.N {
			if _, err := in.Recv(context.Background()); err != nil {
				return
			}
			if err := in.Send(context.Background(), m); err != nil {
				b.Error(err)
				return
			}
		}
	}()
	for range b.N {
		send(b, st, m)
		recvRef(b, st)
	}
}

func BenchmarkRecordConn(b *testing.B) {
	i, r := results(b)
	ca, cb := tcpPair(b)
	w, rd := NewConn(ca, i), NewConn(cb, r)
	buf := make([]byte, MaxPlaintext)
	b.SetBytes(int64(len(buf)))
	go func() {
		for range b.N {
			_, _ = w.Write(buf)
		}
	}()
	in := make([]byte, wire.MaxRecord)
	for got := 0; got < b.N*len(buf); {
		n, err := rd.Read(in)
		if err != nil {
			b.Fatal(err)
		}
		got += n
	}
}
