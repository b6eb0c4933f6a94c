package conform

import (
	"bytes"
	"encoding/binary"
	"net"

	"parley/cmd/internal/script"
	"parley/wire"
	"parley/wire/seal"
)

const (
	sectionRecords = "session, Records; seal, Records"
	sectionRekey   = "session, Rekeying"
	protocolError  = "Close with code 1 (protocol error), then the end"
	tooLarge       = "Close with code 9 (too large), then the end"
	livesOn        = "the session goes on"
)

// recordCases are the rules of the record layer.
func recordCases() []Case {
	// bytesOf sends bytes in a session, where a record belongs.
	bytesOf := func(name, section string, code wire.Code, f func(s *session) []byte) Case {
		expect := protocolError
		if code == wire.CodeTooLarge {
			expect = tooLarge
		}
		return Case{Name: name, Section: section, Expect: expect, run: func(t *T) {
			s := t.peer()
			t.send(s.Wire, "bytes", f(s))
			s.ends(code)
		}}
	}
	ping := func(n uint64) []byte { return script.Frame(0, &wire.Ping{Seq: n}) }
	changed := func(f func(b []byte)) func(*session) []byte {
		return func(s *session) []byte {
			b := s.Out.Record(ping(1))
			f(b)
			return b
		}
	}
	// length is a length alone. Answers to pings would be taken for what it announces.
	length := func(n uint32) func(*session) []byte {
		return func(s *session) []byte {
			s.NoPong = true
			return binary.BigEndian.AppendUint32(nil, n)
		}
	}
	// sealed is the next record, so that what is sent behind it is in its place for who accepts it.
	sealed := func(s *session, keys *seal.Keys, generation uint64, padded []byte) []byte {
		s.Out.Counter++
		return script.SealRecord(keys, generation, s.Out.Counter-1, padded)
	}
	padded := func(block string) func(*session) []byte {
		return func(s *session) []byte { return sealed(s, &s.Out.Keys, s.Out.Generation, []byte(block)) }
	}
	cases := []Case{
		bytesOf("a record with a bit of the ciphertext altered", sectionRecords, wire.CodeProtocol, changed(func(b []byte) { b[4] ^= 1 })),
		bytesOf("a record with a bit of the last block altered", sectionRecords, wire.CodeProtocol, changed(func(b []byte) { b[len(b)-33] ^= 0x80 })),
		bytesOf("a record with the first bit of the tag altered", sectionRecords, wire.CodeProtocol, changed(func(b []byte) { b[len(b)-32] ^= 0x80 })),
		bytesOf("a record with the last bit of the tag altered", sectionRecords, wire.CodeProtocol, changed(func(b []byte) { b[len(b)-1] ^= 1 })),
		bytesOf("a record whose tag is zeros", sectionRecords, wire.CodeProtocol, changed(func(b []byte) { clear(b[len(b)-32:]) })),
		bytesOf("a record of zeros", sectionRecords, wire.CodeProtocol, func(*session) []byte { return append([]byte{0, 0, 0, 48}, make([]byte, 48)...) }),
		bytesOf("a length of 0", sectionRecords, wire.CodeProtocol, length(0)),
		bytesOf("a length of 32, a tag alone", sectionRecords, wire.CodeProtocol, length(32)),
		bytesOf("a length of 47", sectionRecords, wire.CodeProtocol, length(47)),
		bytesOf("a length that is no multiple of 16", sectionRecords, wire.CodeProtocol, length(65)),
		bytesOf("a length of 65,536", sectionRecords, wire.CodeTooLarge, length(65536)),
		bytesOf("a length of 4 GiB", sectionRecords, wire.CodeTooLarge, length(1<<32-1)),
		bytesOf("a flood behind a length of 4 GiB", sectionRecords, wire.CodeTooLarge, func(*session) []byte { return bytes.Repeat([]byte{0xff}, 3<<20) }),
		bytesOf("a length that was altered to another that is legal", sectionRecords, wire.CodeProtocol, func(s *session) []byte {
			b := s.Out.Record(bytes.Repeat(ping(1), 10))
			binary.BigEndian.PutUint32(b, uint32(len(b)-4-16))
			return b
		}),
		bytesOf("a record replayed", "session, Records (replay)", wire.CodeProtocol, func(s *session) []byte { b := s.Out.Record(ping(1)); return append(b, b...) }),
		bytesOf("a record left out", "session, Records (counter)", wire.CodeProtocol, func(s *session) []byte { s.Out.Counter++; return s.Out.Record(ping(1)) }),
		bytesOf("two records in the other order", "session, Records (counter)", wire.CodeProtocol, func(s *session) []byte {
			first, second := s.Out.Record(ping(1)), s.Out.Record(ping(2))
			return append(second, first...)
		}),
		bytesOf("another record under a counter that was used", "session, Records (counter)", wire.CodeProtocol, func(s *session) []byte {
			first := s.Out.Record(ping(1))
			s.Out.Counter--
			return append(first, s.Out.Record(ping(2))...)
		}),
		bytesOf("a record of a generation that has not begun", sectionRekey, wire.CodeProtocol, func(s *session) []byte {
			return sealed(s, &s.Out.Keys, 1, script.Pad(ping(1)))
		}),
		bytesOf("a record under the keys of the other direction", sectionRecords, wire.CodeProtocol, func(s *session) []byte {
			return sealed(s, &s.In.Keys, s.Out.Generation, script.Pad(ping(1)))
		}),
		bytesOf("a record whose mac leaves out the counter", sectionRecords, wire.CodeProtocol, func(s *session) []byte {
			// The ciphertext of one place with the tag of another.
			here := s.Out.Record(ping(1))
			there := script.SealRecord(&s.Out.Keys, 0, 0, script.Pad(ping(1)))
			return append(here[:len(here)-32], there[len(there)-32:]...)
		}),
		bytesOf("padding of zeros under a good tag", "seal, Encryption", wire.CodeProtocol, padded("\x93\x02\x00\xc4\x02\x91\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00")),
		bytesOf("padding over a block under a good tag", "seal, Encryption", wire.CodeProtocol, padded("\x93\x02\x00\xc4\x02\x91\x01\x11\x11\x11\x11\x11\x11\x11\x11\x11")),
		bytesOf("padding of unlike bytes under a good tag", "seal, Encryption", wire.CodeProtocol, padded("\x93\x02\x00\xc4\x02\x91\x01\x00\x00\x00\x00\x00\x00\x00\x00\x09")),
		{Name: "the peer's own record sent back", Section: "session, Records (direction)", Expect: protocolError, run: func(t *T) {
			var theirs []byte
			w, i := t.shake(t.identity().Party(), nil)
			note := w.Trace
			w.Trace = func(out bool, what string, b []byte) {
				if !out && what == "record" && theirs == nil {
					theirs = bytes.Clone(b)
				}
				note(out, what, b)
			}
			s := (&session{Conn: script.NewConn(w, i, false), t: t}).established()
			t.send(w, "the peer's record", theirs)
			s.ends(wire.CodeProtocol)
		}},
		{Name: "a record that carries as much as one may", Section: sectionRecords, Expect: livesOn, run: func(t *T) {
			s := t.peer()
			// Of one optional frame, on stream 0, which is dropped.
			body := make([]byte, script.MaxPlaintext-len(script.Whole(wire.FirstOptional+1, 0, make([]byte, 60000)))+60000)
			plain := script.Whole(wire.FirstOptional+1, 0, body)
			if len(plain) != script.MaxPlaintext {
				t.fail("", "the harness makes a plaintext of %d bytes", len(plain))
			}
			s.send(plain)
			s.alive()
		}},
		{Name: "an end without Close in the middle of a record", Section: "session, The end", Expect: "the end of the connection", run: func(t *T) {
			s := t.peer()
			b := s.Out.Record(ping(1))
			t.send(s.Wire, "half a record", b[:len(b)/2])
			s.halfClose()
		}},
		{Name: "an end without Close between two records", Section: "session, The end", Expect: "the end of the connection", run: func(t *T) { t.peer().halfClose() }},
	}
	return append(cases, rekeyCases(ping)...)
}

func rekeyCases(ping func(uint64) []byte) []Case {
	ends := func(name string, f func(s *session) []byte) Case {
		return Case{Name: name, Section: sectionRekey, Expect: protocolError, run: func(t *T) {
			s := t.peer()
			t.send(s.Wire, "records", f(s))
			s.ends(wire.CodeProtocol)
		}}
	}
	return []Case{
		{Name: "keys may be changed after each record", Section: sectionRekey, Expect: livesOn, run: func(t *T) {
			s := t.peer()
			for range 5 {
				t.send(s.Wire, "rekeying", s.Out.Rekey())
				s.alive()
			}
		}},
		ends("a generation of nothing but the record that ends it", func(s *session) []byte {
			return append(s.Out.Rekey(), s.Out.Rekey()...)
		}),
		ends("the old keys behind a rekeying", func(s *session) []byte {
			old := s.Out
			b := s.Out.Rekey()
			return append(b, script.SealRecord(&old.Keys, old.Generation, old.Counter+1, script.Pad(ping(1)))...)
		}),
		ends("the old keys under the new generation's number", func(s *session) []byte {
			old := s.Out
			b := s.Out.Rekey()
			return append(b, script.SealRecord(&old.Keys, 1, 0, script.Pad(ping(1)))...)
		}),
		ends("a counter that goes on over a rekeying", func(s *session) []byte {
			n := s.Out.Counter + 1
			b := s.Out.Rekey()
			s.Out.Counter = n
			return append(b, s.Out.Record(ping(1))...)
		}),
		{Name: "a rekeying before anything was sealed", Section: sectionRekey, Expect: protocolError, run: func(t *T) {
			s := t.open(t.identity(), false)
			t.send(s.Wire, "rekeying", s.Out.Rekey())
			s.ends(wire.CodeProtocol)
		}},
		{Name: "2^20 records under one generation are taken, one more is not", Section: sectionRekey, Expect: "an answer, then " + protocolError, run: tooManyRecords},
	}
}

// tooManyRecords seals as many records as a generation may have, of a Pong
// that answers nothing.
func tooManyRecords(t *T) {
	const bound = 1 << 20
	s := t.peer()
	note := s.Trace
	s.Trace = func(bool, string, []byte) {} // 71 MB
	s.NoPong = true                         // each record counts
	pong := script.Frame(0, &wire.Pong{Seq: 1})
	var batch []byte
	for s.Out.Counter < bound-2 {
		batch = append(batch, s.Out.Record(pong)...)
		if len(batch) > 1<<20 {
			t.send(s.Wire, "records", batch)
			batch = batch[:0]
		}
	}
	t.send(s.Wire, "records", batch)
	s.Trace = note
	s.alive() // the last but one
	t.send(s.Wire, "record 2^20 of the generation, and one more", append(s.Out.Record(pong), s.Out.Record(pong)...))
	s.ends(wire.CodeProtocol)
}

// halfClose ends this side's direction and wants the connection closed.
func (s *session) halfClose() {
	if tcp, ok := s.Raw.(*net.TCPConn); ok {
		_ = tcp.CloseWrite() // a peer that has closed already is as good
	}
	by := soon()
	for {
		in, err := s.Next(by)
		if script.Ended(err) {
			return
		}
		if err != nil {
			s.t.fail(describe(in, err), "the peer does not close a connection whose other end is gone")
		}
	}
}
