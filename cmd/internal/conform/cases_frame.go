package conform

import (
	"bytes"
	"slices"

	"parley/cmd/internal/script"
	"parley/wire"
)

const (
	sectionFrames  = "session, Frames"
	sectionHello   = "session, Hello"
	sectionStreams = "session, Streams"
	sectionTypes   = "wire, Message types; session, Frames"
	sectionCanon   = "wire, Canonical encoding"
)

// dropped is a type that nobody knows and that is skipped: what frames that
// are to be legal in themselves are made of.
const dropped = wire.FirstOptional + 0x0fff

// frameCases are the rules of frames, of Hello and of streams.
func frameCases() []Case {
	cases := append(hellos(), fragmentsOf()...)
	cases = append(cases, streamsOf()...)
	cases = append(cases, bodies()...)
	return append(cases, everyType()...)
}

// frames sends plaintexts in a session between peers, a record each.
func frames(name, section string, code wire.Code, plains ...[]byte) Case {
	c := Case{Name: name, Section: section}
	switch code {
	case wire.CodeOK:
		c.Expect = livesOn
	case wire.CodeTooLarge:
		c.Expect = tooLarge
	default:
		c.Expect = protocolError
	}
	c.run = func(t *T) {
		s := t.peer()
		s.send(plains...)
		if code == wire.CodeOK {
			s.alive()
		} else {
			s.ends(code)
		}
	}
	return c
}

// before sends a plaintext in place of Hello.
func before(name, section string, code wire.Code, plain []byte) Case {
	c := frames(name, section, code)
	c.run = func(t *T) {
		s := t.open(t.identity(), false)
		s.send(plain)
		s.ends(code)
	}
	return c
}

func hellos() []Case {
	hello := func(change func(*wire.Hello)) []byte {
		h := &wire.Hello{Role: wire.RolePeer, Software: "parley-harness", Instance: [8]byte{1, 2, 3}}
		change(h)
		return script.Frame(0, h)
	}
	good := hello(func(*wire.Hello) {})
	body := script.Body(&wire.Hello{Role: wire.RolePeer, Software: "xyz"})
	return []Case{
		before("a Ping before Hello", sectionHello, wire.CodeProtocol, script.Frame(0, &wire.Ping{Seq: 1})),
		before("an Offer before Hello", sectionHello, wire.CodeProtocol, script.Frame(1, &wire.Offer{})),
		before("a frame of an optional type before Hello", sectionHello, wire.CodeProtocol, script.Whole(dropped, 0, []byte{1})),
		before("a Hello of no role", "wire, Hello", wire.CodeProtocol, hello(func(h *wire.Hello) { h.Role = 0 })),
		before("a Hello of a role that does not exist", "wire, Hello", wire.CodeProtocol, hello(func(h *wire.Hello) { h.Role = 3 })),
		before("a Hello with a software name of 65 bytes", "wire, Hello", wire.CodeProtocol, hello(func(h *wire.Hello) { h.Software = string(bytes.Repeat([]byte("x"), 65)) })),
		before("a Hello with a text that is not UTF-8", sectionCanon, wire.CodeProtocol, script.Whole(wire.TypeHello, 0, bytes.Replace(body, []byte("xyz"), []byte("x\xff\xfe"), 1))),
		before("a Hello with a sixth element", sectionCanon, wire.CodeProtocol, script.Whole(wire.TypeHello, 0, append([]byte{0x96}, append(body[1:], 0)...))),
		before("a Hello over its bound", sectionTypes, wire.CodeTooLarge, hello(func(h *wire.Hello) { h.Features = slices.Repeat(wire.List[uint64]{1 << 60}, 60) })),
		before("a Hello on a stream", sectionTypes, wire.CodeProtocol, script.Frame(1, &wire.Hello{Role: wire.RolePeer})),
		before("a Hello in two parts", sectionFrames, wire.CodeProtocol, append(script.First(wire.TypeHello, 0, body[:3], uint64(len(body))), script.Later(0, body[3:])...)),
		frames("a second Hello", sectionHello, wire.CodeProtocol, good),
		{Name: "the peer's Hello does not wait for this side's", Section: sectionHello, Expect: "Hello", run: func(t *T) { t.open(t.identity(), false).theirHello() }},
		{Name: "a Close in place of Hello", Section: sectionHello, Expect: "the end of the connection", run: func(t *T) {
			s := t.open(t.identity(), false)
			s.send(script.Frame(0, &wire.Close{}))
			s.gone()
		}},
		{Name: "no Hello within 5 s", Section: sectionHello, Expect: "the end of the connection", run: func(t *T) {
			s := t.open(t.identity(), false)
			s.theirHello()
			s.gone()
		}},
		{Name: "Close is answered by the end of the connection", Section: "session, The end", Expect: "the end of the connection", run: func(t *T) {
			s := t.peer()
			s.send(script.Frame(0, &wire.Close{}))
			s.gone()
		}},
		{Name: "a Ping is answered with its number", Section: "session, Pings", Expect: "Pong", run: func(t *T) {
			s := t.peer()
			s.send(script.Frame(0, &wire.Ping{Seq: 1<<64 - 1}))
			s.await("the Pong", func(in script.Incoming) bool {
				p, ok := in.Message.(*wire.Pong)
				return ok && p.Seq == 1<<64-1
			})
		}},
		{Name: "of a hundred Pings the newest is answered", Section: "session, Pings", Expect: "Pong 100", run: func(t *T) {
			s := t.peer()
			var all []byte
			for n := range uint64(100) {
				all = append(all, script.Frame(0, &wire.Ping{Seq: n + 1})...)
			}
			s.send(all)
			s.await("Pong 100", func(in script.Incoming) bool {
				p, ok := in.Message.(*wire.Pong)
				return ok && p.Seq == 100
			})
		}},
	}
}

// gone wants the connection closed; what is under way may come before.
func (s *session) gone() {
	for by := soon(); ; {
		in, err := s.Next(by)
		if script.Ended(err) {
			return
		}
		if err != nil {
			s.t.fail(describe(in, err), "the connection is not closed")
		}
	}
}

func fragmentsOf() []Case {
	chunk := make([]byte, 1000)
	bulk, bulk2 := script.Stream(script.Bulk, 0), script.Stream(script.Bulk, 1)
	small := script.Whole(dropped, bulk, []byte{1})
	first := script.First(dropped, bulk, chunk, 1500)
	bad := func(name string, plains ...[]byte) Case {
		return frames(name, sectionFrames, wire.CodeProtocol, plains...)
	}
	fine := func(name string, plains ...[]byte) Case { return frames(name, sectionFrames, wire.CodeOK, plains...) }
	return []Case{
		bad("a plaintext that is no array", []byte{1}),
		bad("an array of one", []byte{0x91, 1}),
		bad("an array of five", []byte{0x95, 1, 1, 1, 1, 1}),
		bad("a map with one key twice, in place of a fragment", []byte{0x82, 1, 1, 1, 1}),
		bad("nil in place of a fragment", []byte{0xc0}),
		bad("a fragment cut by the end of its record", small[:len(small)-1], small[len(small)-1:]),
		bad("a chunk of 4 GiB", []byte{0x92, 3, 0xc6, 0xff, 0xff, 0xff, 0xff}),
		bad("a stream number in a longer form", []byte{0x93, 0xcd, 0x4f, 0xff, 0xcc, 3, 0xc4, 1, 0}),
		bad("a type in a longer form", []byte{0x93, 0xcc, 2, 0, 0xc4, 2, 0x91, 1}),
		bad("a chunk with its length in a longer form", []byte{0x93, 0xcd, 0x4f, 0xff, 3, 0xc5, 0, 1, 0}),
		bad("an array header in a longer form", []byte{0xdc, 0, 3, 0xcd, 0x4f, 0xff, 3, 0xc4, 1, 0}),
		bad("a type of 2^16", []byte{0x93, 0xce, 0, 1, 0, 0, 3, 0xc4, 1, 0}),
		bad("a stream of 2^32", []byte{0x93, 0xcd, 0x4f, 0xff, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0, 0xc4, 1, 0}),
		bad("a negative stream number", []byte{0x93, 0xcd, 0x4f, 0xff, 0xff, 0xc4, 1, 0}),
		bad("a body that is a text", []byte{0x93, 0xcd, 0x4f, 0xff, 3, 0xa1, 'x'}),
		bad("an empty body", script.Whole(dropped, bulk, nil)),
		bad("an empty later chunk", first, script.Later(bulk, nil)),
		bad("a total that is not over its chunk", script.First(dropped, bulk, chunk, 1000)),
		bad("a total of 0", script.First(dropped, bulk, chunk, 0)),
		bad("a later part without a first", script.Later(bulk, chunk)),
		bad("more parts than the total", first, script.Later(bulk, chunk)),
		bad("a later part of another stream", small, script.Whole(dropped, bulk2, []byte{1}), first, script.Later(bulk2, chunk)),
		bad("a frame inside another of its stream", first, small),
		bad("a frame inside another of its class", first, script.Whole(dropped, bulk2, []byte{1})),
		bad("a control frame in parts", script.First(wire.TypePing, 0, []byte{0x91}, 2)),
		bad("a later part on stream 0", script.Later(0, []byte{1})),
		bad("an unknown type that is not optional", script.Whole(9999, bulk, chunk)),
		bad("an unknown type that is not optional, on stream 0", script.Whole(15, 0, chunk)),
		{Name: "a control type on a stream", Section: sectionFrames, Expect: protocolError, run: func(t *T) {
			s := t.user(t.identity())
			n := s.ask(script.Interactive, &wire.PeersGet{Watch: true}) // behind it nothing is read
			s.answer(n)
			s.send(script.Frame(n, &wire.Ping{}))
			s.ends(wire.CodeProtocol)
		}},
		bad("a stream's type on stream 0", script.Frame(0, &wire.Push{})),
		frames("a body of 1 MiB and a byte", sectionFrames, wire.CodeTooLarge, script.First(wire.TypePull, bulk, chunk, wire.MaxFrame+1)),
		frames("a body of 2^64-1 bytes", sectionFrames, wire.CodeTooLarge, script.First(wire.TypePull, bulk, chunk, 1<<64-1)),
		frames("a frame of an optional type over 1 MiB", sectionFrames, wire.CodeTooLarge, script.First(dropped, bulk, chunk, wire.MaxFrame+1)),
		fine("a frame of an optional type on stream 0", script.Whole(dropped, 0, []byte{0xc1})),
		fine("a frame of an optional type, which is no msgpack", script.Whole(dropped, bulk, []byte("\xc1\xc1"))),
		fine("a frame in parts of a byte", append([][]byte{script.First(dropped, bulk, []byte{1}, 300)}, slices.Repeat([][]byte{script.Later(bulk, []byte{1})}, 299)...)...),
		fine("frames of three classes in turns",
			script.First(dropped, bulk, []byte{1}, 3), script.First(dropped, script.Stream(script.Live, 0), []byte{1}, 2), script.First(dropped, script.Stream(script.Interactive, 0), []byte{1}, 2),
			script.Later(script.Stream(script.Live, 0), []byte{1}), script.Later(bulk, []byte{1}), script.Later(script.Stream(script.Interactive, 0), []byte{1}), script.Later(bulk, []byte{1})),
		fine("a control frame between the parts of another", first, script.Frame(0, &wire.Ping{Seq: 5}), script.Later(bulk, chunk[:500])),
		fine("many frames in one record", bytes.Repeat(small, 500)),
		fine("a Pong that answers nothing", script.Frame(0, &wire.Pong{Seq: 99})),
	}
}

func streamsOf() []Case {
	live := func(n uint32) uint32 { return script.Stream(script.Live, n) }
	one := func(stream uint32) []byte { return script.Whole(dropped, stream, []byte{1}) }
	end := func(stream uint32, code wire.Code) []byte {
		return script.Frame(0, &wire.StreamEnd{Stream: stream, Code: code})
	}
	bad := func(name string, plains ...[]byte) Case {
		return frames(name, sectionStreams, wire.CodeProtocol, plains...)
	}
	fine := func(name string, plains ...[]byte) Case { return frames(name, sectionStreams, wire.CodeOK, plains...) }
	var most []byte
	for n := range uint32(128) {
		most = append(most, one(live(n))...)
	}
	const text257 = 257
	return []Case{
		bad("a stream whose index leaves one out", one(live(1))),
		bad("a stream of class 0", one(8)),
		bad("a stream of the other side's", one(live(0)|4)),
		bad("a number of a stream that is over", one(live(0)), end(live(0), wire.CodeInternal), one(live(0))),
		bad("a frame behind the end", one(live(0)), end(live(0), wire.CodeOK), one(live(0))),
		bad("two ends", one(live(0)), end(live(0), wire.CodeOK), end(live(0), wire.CodeOK)),
		bad("an end inside a frame", script.First(dropped, live(0), []byte{1}, 3), end(live(0), wire.CodeOK)),
		bad("the end of a stream that was never opened", end(live(0), wire.CodeOK)),
		bad("the end of the other side's stream that was never opened", end(live(999)|4, wire.CodeOK)),
		bad("the end of stream 0", end(0, wire.CodeOK)),
		bad("129 open streams", most, one(live(128))),
		fine("128 open streams", most),
		{Name: "a 129th stream when one of 128 is over", Section: sectionStreams, Expect: livesOn, run: func(t *T) {
			s := t.peer()
			s.send(most, end(live(5), wire.CodeShutdown))
			s.streamEnds(live(5), wire.CodeShutdown)
			s.send(one(live(128)))
			s.alive()
		}},
		fine("an end of a stream that is over", one(live(0)), end(live(0), wire.CodeInternal), end(live(0), wire.CodeInternal)),
		fine("credit for a stream that is over", one(live(0)), end(live(0), wire.CodeInternal), script.Frame(0, &wire.Credit{Stream: live(0), Limit: 1 << 30})),
		fine("a stream given up inside a frame", script.First(dropped, live(0), []byte{1}, 3), end(live(0), wire.CodeInternal), one(live(1))),
		frames("an end with a text of 257 bytes", "wire, Error codes", wire.CodeTooLarge, one(live(0)),
			script.Frame(0, &wire.StreamEnd{Stream: live(0), Code: wire.CodeInternal, Text: string(bytes.Repeat([]byte("x"), text257))})),
		frames("a Close with a text of 257 bytes", "wire, Error codes", wire.CodeTooLarge,
			script.Frame(0, &wire.Close{Text: string(bytes.Repeat([]byte("x"), text257))})),
		{Name: "a live stream that is ended ends nothing else", Section: sectionStreams, Expect: livesOn, run: func(t *T) {
			for _, code := range []wire.Code{wire.CodeOK, wire.CodeShutdown} {
				s := t.peer()
				n := s.stream(script.Live)
				s.send(one(n), end(n, code))
				if code != wire.CodeOK {
					s.streamEnds(n, code)
				}
				s.quietly()
			}
		}},
		{Name: "a stream that is given up is ended by the other side as well", Section: sectionStreams, Expect: "StreamEnd with the same code", run: func(t *T) {
			s := t.peer()
			n := s.stream(script.Live)
			s.send(one(n), end(n, wire.CodeStorage))
			s.streamEnds(n, wire.CodeStorage)
		}},
	}
}

// bodies are encodings that are refused in a body, on the stream on which it is legal.
func bodies() []Case {
	bad := func(name string, typ wire.Type, stream uint32, body string) Case {
		return frames(name, sectionCanon, wire.CodeProtocol, script.Whole(typ, stream, []byte(body)))
	}
	const room = script.Interactive
	return []Case{
		bad("a Ping with nil for its number", wire.TypePing, 0, "\x91\xc0"),
		bad("a Ping with a number in a longer form", wire.TypePing, 0, "\x91\xcc\x01"),
		bad("a Ping with its number as a float", wire.TypePing, 0, "\x91\xca\x3f\x80\x00\x00"),
		bad("a Ping with a negative number", wire.TypePing, 0, "\x91\xff"),
		bad("a Ping with an extension", wire.TypePing, 0, "\x91\xd4\x01\x00"),
		bad("a Ping with two numbers", wire.TypePing, 0, "\x92\x01\x01"),
		bad("a Ping without a number", wire.TypePing, 0, "\x90"),
		bad("a Ping that is a map", wire.TypePing, 0, "\x81\x01\x01"),
		bad("a Ping with a byte behind it", wire.TypePing, 0, "\x91\x01\x00"),
		bad("a Ping in an array of a longer form", wire.TypePing, 0, "\xdc\x00\x01\x01"),
		bad("a Credit for a stream of 2^32", wire.TypeCredit, 0, "\x92\xcf\x00\x00\x00\x01\x00\x00\x00\x00\x01"),
		bad("an Offer with a text for bytes", wire.TypeOffer, room, "\x92\x00\xb0sixteen letters."),
		bad("an Offer with nil for bytes", wire.TypeOffer, room, "\x92\x00\xc0"),
		bad("an Offer with bytes in a longer form", wire.TypeOffer, room, "\x92\x00\xc5\x00\x00"),
		bad("an Offer whose bytes go beyond the body", wire.TypeOffer, room, "\x92\x00\xc6\x7f\xff\xff\xff"),
		bad("an Offer cut in a length", wire.TypeOffer, room, "\x92\x00\xc5\x01"),
		bad("an InStep with an array of four billion", wire.TypeInStep, room, "\x91\xdd\xff\xff\xff\xff"),
		bad("an InStep with arrays nested seven deep", wire.TypeInStep, room, "\x91\x91\x91\x91\x91\x91\x91\x91\x00"),
		bad("an InStep nested to the end of its body", wire.TypeInStep, room, string(bytes.Repeat([]byte{0x91}, 60000))),
		bad("a RoomClose with a text that is not UTF-8", wire.TypeRoomClose, room, "\x93\x00\x00\xa2\xff\xfe"),
		bad("a RoomClose with a text cut inside a character", wire.TypeRoomClose, room, "\x93\x00\x00\xa1\xc3"),
		bad("a Push with an array of four billion runs", wire.TypePush, script.Live, "\x92\x00\xdd\xff\xff\xff\xff"),
		bad("an Ack with an ID of 31 bytes", wire.TypeAck, room, "\x92\x00\x91\x92\xc4\x1f"+string(make([]byte, 31))+"\x01"),
	}
}

// everyType are rules that hold for each row of the registry; each is tried on
// a session of its own.
func everyType() []Case {
	// each runs f for every row in a session of the given role.
	each := func(name, section, expect string, user bool, want func(wire.Row) bool, code wire.Code, plain func(wire.Row) []byte) Case {
		return Case{Name: name, Section: section, Expect: expect, run: func(t *T) {
			for _, row := range wire.Rows() {
				if !want(row) {
					continue
				}
				t.note(true, "the type "+row.Name, nil)
				s := t.open(t.identity(), user).established()
				s.send(plain(row))
				s.endsFor(row, code)
			}
		}}
	}
	stream := func(row wire.Row) uint32 {
		switch {
		case row.Type < wire.FirstStreamType:
			return 0
		case row.Type == wire.TypePush:
			return script.Live
		case row.Type == wire.TypePull:
			return script.Bulk
		}
		return script.Interactive
	}
	zero := func(row wire.Row) []byte { return script.Frame(stream(row), row.New()) }
	illegal := func(legal wire.Legal) func(wire.Row) bool {
		return func(row wire.Row) bool { return row.Legal&legal == 0 }
	}
	legal := func(legal wire.Legal) func(wire.Row) bool {
		return func(row wire.Row) bool { return row.Legal&legal != 0 }
	}
	over := func(row wire.Row) []byte {
		if row.Type < wire.FirstStreamType {
			return script.Whole(row.Type, 0, make([]byte, row.Bound+1))
		}
		return script.First(row.Type, stream(row), make([]byte, 100), uint64(row.Bound)+1)
	}
	garbage := func(row wire.Row) []byte { return script.Whole(row.Type, stream(row), []byte{0xc1}) }
	return []Case{
		each("every type that is not legal from a peer", sectionTypes, protocolError, false, illegal(wire.LegalPeerToPeer), wire.CodeProtocol, zero),
		each("every type that is not legal from a user", sectionTypes, protocolError, true, illegal(wire.LegalUserToPeer), wire.CodeProtocol, zero),
		each("every type from a peer, a byte over its bound", sectionTypes, tooLarge, false, legal(wire.LegalPeerToPeer), wire.CodeTooLarge, over),
		each("every type from a user, a byte over its bound", sectionTypes, tooLarge, true, legal(wire.LegalUserToPeer), wire.CodeTooLarge, over),
		each("every type from a peer, with a body that is no message", sectionCanon, protocolError, false, func(row wire.Row) bool {
			// What a peer's streams answer goes the other way on them.
			return row.Legal&wire.LegalPeerToPeer != 0 && row.Type != wire.TypeRuns
		}, wire.CodeProtocol, garbage),
		each("every type from a user, with a body that is no message", sectionCanon, protocolError, true, legal(wire.LegalUserToPeer), wire.CodeProtocol, garbage),
		each("every type that is not legal from a peer, a byte over its bound: the type is looked at first", sectionFrames, protocolError, false, illegal(wire.LegalPeerToPeer), wire.CodeProtocol, over),
		each("every type that is not legal from a user, a byte over its bound: the type is looked at first", sectionFrames, protocolError, true, illegal(wire.LegalUserToPeer), wire.CodeProtocol, over),
	}
}

// endsFor is ends, and names the type in a failure.
func (s *session) endsFor(row wire.Row, code wire.Code) {
	if f := s.t.protect(func(*T) { s.ends(code) }); f != nil {
		s.t.fail(f.got, "%s: %s", row.Name, f.problem)
	}
	if len(s.t.conns) > 0 {
		_ = s.Raw.Close() // closed by the peer already
	}
	s.t.forget()
}

// forget drops the trace of what was found in order.
func (t *T) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trace, t.kept = nil, 0
}
