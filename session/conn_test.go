package session

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"parley/handshake"
	"parley/handshake/identity"
	"parley/wire"
	"parley/wire/seal"
)

func named(name string) (b [32]byte) { return sha256.Sum256([]byte(name)) }

func keysOf(direction string) (seal.Keys, [32]byte) {
	return seal.Keys{
		Enc: named(direction + "enc"), Mac: named(direction + "mac"), IV: named(direction + "iv"),
	}, named(direction + "next")
}

// results are what the two sides of a handshake would have got.
func results(tb testing.TB) (initiator, responder *handshake.Result) {
	tb.Helper()
	bundle := func(name string) *identity.Bundle {
		p, err := identity.Generate(1, name)
		if err != nil {
			tb.Fatal(err)
		}
		return p.Bundle()
	}
	initiator = &handshake.Result{Remote: bundle("responder"), Initiator: true}
	responder = &handshake.Result{Remote: bundle("initiator")}
	initiator.Send, initiator.SendNext = keysOf("I")
	initiator.Recv, initiator.RecvNext = keysOf("R")
	responder.Send, responder.SendNext = keysOf("R")
	responder.Recv, responder.RecvNext = keysOf("I")
	return initiator, responder
}

// tcpPair is two ends of a TCP connection over loopback.
func tcpPair(tb testing.TB) (a, b net.Conn) {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer ln.Close()
	a, err = net.Dial("tcp", ln.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	b, err = ln.Accept()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func TestTheRecordConnectionIsAConn(t *testing.T) {
	i, r := results(t)
	for name, pipe := range map[string]func() (net.Conn, net.Conn){
		"pipe": net.Pipe,
		"tcp":  func() (net.Conn, net.Conn) { return tcpPair(t) },
	} {
		t.Run(name, func(t *testing.T) {
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				a, b := pipe()
				ca, cb := NewConn(a, i), NewConn(b, r)
				// Keys change often, so that each test passes over many changes.
				ca.send.maxRecords, cb.send.maxBytes = 7, 2*wire.MaxRecord
				return ca, cb, func() { a.Close(); b.Close() }, nil
			})
		})
	}
}

func TestRecordsAreFilledAndCutAtTheirBound(t *testing.T) {
	i, r := results(t)
	a, b := tcpPair(t)
	ca, cb := NewConn(a, i), NewConn(b, r)
	want := bytes.Repeat([]byte("0123456789abcdef"), 3*wire.MaxRecord/16)
	sent := make(chan error, 1)
	go func() {
		_, err := ca.Write(want)
		sent <- err
	}()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(cb, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("not what was sent (%v)", err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if n := ca.send.records.Load(); n != uint64(len(want)/MaxPlaintext+1) {
		t.Errorf("%d records for %d bytes", n, len(want))
	}
	if seal.SealedSize(MaxPlaintext)+headerSize > wire.MaxRecord || seal.SealedSize(MaxPlaintext+1)+headerSize <= wire.MaxRecord {
		t.Errorf("MaxPlaintext is %d", MaxPlaintext)
	}
}

func TestABufferIsHeldOnlyWhileARecordNeedsIt(t *testing.T) {
	i, r := results(t)
	a, b := tcpPair(t)
	ca, cb := NewConn(a, i), NewConn(b, r)
	if _, err := ca.Write(make([]byte, 50000)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(cb, make([]byte, 50000)); err != nil {
		t.Fatal(err)
	}
	if cb.recv.big == nil {
		t.Error("a record of 50 kB did not need the large buffer")
	}
	_ = cb.SetReadDeadline(time.Now())
	if _, err := cb.Read(make([]byte, 1)); !isTimeout(err) {
		t.Fatal(err)
	}
	if cb.recv.big != nil {
		t.Error("an idle connection holds a large buffer")
	}
}

// sealedRecords returns the wire form of the given plaintexts as the first
// records under the responder-bound keys of results.
func sealedRecords(plaintexts ...string) []byte { return sealedFor("I", plaintexts...) }

func sealedFor(direction string, plaintexts ...string) []byte {
	keys, _ := keysOf(direction)
	h := sendHalf{sealer: seal.NewSealer(&keys)}
	var out []byte
	for _, p := range plaintexts {
		buf := make([]byte, headerSize+seal.SealedSize(len(p)))
		copy(buf[headerSize:], p)
		out = append(out, h.seal(buf, len(p))...)
	}
	return out
}

// readAll feeds bytes to a record connection and returns what comes out.
func readAll(t *testing.T, in []byte) ([]byte, error) {
	t.Helper()
	_, r := results(t)
	a, b := net.Pipe()
	go func() {
		_, _ = a.Write(in)
		a.Close()
	}()
	defer b.Close()
	return io.ReadAll(NewConn(b, r))
}

func TestAHostileRecordEndsTheConnection(t *testing.T) {
	good := sealedRecords("one", "two")
	first := len(sealedRecords("one"))
	alter := func(at int) []byte {
		bad := bytes.Clone(good)
		bad[at] ^= 1
		return bad
	}
	length := func(n uint32) []byte {
		return append(binary.BigEndian.AppendUint32(nil, n), make([]byte, 100)...)
	}
	for name, c := range map[string]struct {
		in   []byte
		code wire.Code
		rule error
		got  string
	}{
		"altered ciphertext":           {alter(first + 5), wire.CodeProtocol, ErrRecord, "one"},
		"altered tag":                  {alter(len(good) - 1), wire.CodeProtocol, ErrRecord, "one"},
		"replayed":                     {append(bytes.Clone(good), good...), wire.CodeProtocol, ErrRecord, "onetwo"},
		"in another order":             {append(bytes.Clone(good[first:]), good[:first]...), wire.CodeProtocol, ErrRecord, ""},
		"garbage":                      {bytes.Repeat([]byte{0x5a}, 200), wire.CodeTooLarge, ErrRecord, ""},
		"a length of 4 GiB":            {length(1<<32 - 1), wire.CodeTooLarge, ErrRecord, ""},
		"one block over the bound":     {length(wire.MaxRecord), wire.CodeTooLarge, ErrRecord, ""},
		"a length of zero":             {length(0), wire.CodeProtocol, ErrRecord, ""},
		"no whole blocks":              {length(49), wire.CodeProtocol, ErrRecord, ""},
		"rekeyed with nothing sealed":  {sealedRecords(""), wire.CodeProtocol, ErrRekey, ""},
		"old keys behind a rekeying":   {sealedRecords("one", "", "two"), wire.CodeProtocol, ErrRecord, "one"},
		"a record longer than allowed": {length(wire.MaxRecord - headerSize + 16), wire.CodeTooLarge, ErrRecord, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readAll(t, c.in)
			var werr *wire.Error
			if !errors.As(err, &werr) || werr.Code != c.code || !errors.Is(err, c.rule) {
				t.Errorf("ends with %v", err)
			}
			if string(got) != c.got {
				t.Errorf("read %q first, not %q", got, c.got)
			}
		})
	}
	for cut := 1; cut < len(good); cut++ {
		_, err := readAll(t, good[:cut])
		if cut == first {
			if err != nil {
				t.Errorf("an end between records: %v", err)
			}
		} else if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at byte %d of a record: %v", cut, err)
		}
	}
}

func TestKeysMustChangeBeforeTheirBound(t *testing.T) {
	_, r := results(t)
	keys, _ := keysOf("I")
	for name, used := range map[string]usage{
		"records": {counter: MaxGenerationRecords},
		"bytes":   {counter: 5, bytes: MaxGenerationBytes},
	} {
		t.Run(name, func(t *testing.T) {
			h := sendHalf{sealer: seal.NewSealer(&keys), used: used}
			c := NewConn(nil, r)
			c.recv.used = used
			buf := make([]byte, 200)
			if _, err := c.recv.open(h.seal(buf, 3)[headerSize:]); !errors.Is(err, ErrRekey) {
				t.Errorf("accepted beyond the bound: %v", err)
			}
		})
	}
	// The sender keeps the bounds, the marking record included.
	i, _ := results(t)
	a, b := net.Pipe()
	defer a.Close()
	go func() { _, _ = io.Copy(io.Discard, b) }()
	c := NewConn(a, i)
	c.send.used = usage{counter: MaxGenerationRecords - 2}
	for n := range 2 {
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if c.send.used.generation != uint64(n) {
			t.Errorf("generation %d behind record %d", c.send.used.generation, n)
		}
	}
	c.send.used.bytes = MaxGenerationBytes - wire.MaxRecord - uint64(len(c.send.mark)) + 1
	if _, err := c.Write([]byte("x")); err != nil || c.send.used.generation != 2 {
		t.Errorf("generation %d at the bound of bytes (%v)", c.send.used.generation, err)
	}
}

func FuzzRecords(f *testing.F) {
	// The seeds of the vectors are honest records but for a bit, and the fuzzer has put one right: under keys of its
	// own, nothing but what is added here is honest.
	const direction = "F"
	f.Add(sealedFor(direction, "one", "two"))
	f.Add(sealedFor(direction, "one", "", "x"))
	f.Add([]byte{0, 0, 0, 48})
	f.Add([]byte{255, 255, 255, 255})
	_, r := results(f)
	r.Recv, r.RecvNext = keysOf(direction)
	honest := sealedFor(direction, "one")
	f.Fuzz(func(t *testing.T, in []byte) {
		a, b := net.Pipe()
		go func() {
			_, _ = a.Write(in)
			a.Close()
		}()
		defer b.Close()
		got, err := io.ReadAll(NewConn(b, r))
		if (len(got) > 0) != bytes.HasPrefix(in, honest) {
			t.Fatalf("%q came out of %x (%v)", got, in, err)
		}
	})
}
