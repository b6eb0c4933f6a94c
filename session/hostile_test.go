package session

import (
	"bytes"
	"context"
	"errors"
	"math"
	"net"
	"testing"

	"parley/wire"
)

// frame is a whole frame, as a fragment.
func frame(tb testing.TB, stream uint32, m wire.Message) []byte {
	tb.Helper()
	body, err := wire.AppendBody(nil, m)
	if err != nil {
		tb.Fatal(err)
	}
	return appendFragment(nil, m.MessageType(), stream, body, 0, len(body))
}

// raw is a fragment of arbitrary content.
func raw(typ wire.Type, stream uint32, chunk []byte, total uint64) []byte {
	b := wire.AppendArray(nil, 4)
	b = wire.AppendUint(b, uint64(typ))
	b = wire.AppendUint(b, uint64(stream))
	b = wire.AppendBin(b, chunk)
	return wire.AppendUint(b, total)
}

func whole(typ wire.Type, stream uint32, body []byte) []byte {
	return appendFragment(nil, typ, stream, body, 0, len(body))
}

func later(stream uint32, chunk []byte) []byte {
	b := wire.AppendArray(nil, 2)
	b = wire.AppendUint(b, uint64(stream))
	return wire.AppendBin(b, chunk)
}

// The responder's streams, as an attacker that dialled opens them.
func theirs(class Class, index uint32) uint32 { return index<<indexShift | uint32(class) }

// attack runs a session of the responder with an attacker that sends records of
// the given fragments, a Hello first and at last, if it lives to and no record
// is nil, a Close. It returns how the session ended and the code that the
// attacker was told.
func attack(t *testing.T, hello []byte, records ...[]byte) (told wire.Code, end error) {
	t.Helper()
	hi, hr := results(t)
	ca, cb := net.Pipe()
	attacker := NewConn(ca, hi)
	go func() {
		records := append([][]byte{hello}, records...)
		for _, rec := range append(records, frame(t, 0, &wire.Close{})) {
			if rec == nil {
				return
			}
			if _, err := attacker.Write(rec); err != nil {
				return // the victim has had enough
			}
		}
	}()
	code := make(chan wire.Code, 1)
	go func() {
		defer ca.Close()
		code <- readClose(attacker)
	}()
	victim, err := Establish(context.Background(), cb, hr, Config{Hello: wire.Hello{Role: wire.RolePeer}})
	if err == nil {
		go readEverything(victim)
		err = victim.Run(context.Background())
	}
	return <-code, err
}

// notTold stands for the absence of a Close frame.
const notTold wire.Code = math.MaxUint16

// readClose returns the code of the Close frame that a connection ends with.
func readClose(conn *Conn) wire.Code {
	buf := make([]byte, wire.MaxRecord)
	for {
		n, err := conn.Read(buf) // a record each time
		if err != nil {
			return notTold
		}
		r := wire.NewReader(buf[:n])
		for r.Offset() < n {
			f, err := readFragment(r)
			if err != nil {
				return notTold
			}
			if f.typ == wire.TypeClose {
				m, err := wire.DecodeBody(f.typ, f.chunk)
				if err != nil {
					return notTold
				}
				return m.(*wire.Close).Code
			}
		}
	}
}

// readEverything is an application that takes all that comes.
func readEverything(s *Session) {
	for {
		st, err := s.Accept(context.Background())
		if err != nil {
			return
		}
		go func() {
			for err == nil {
				_, err = st.Recv(context.Background())
			}
		}()
	}
}

// A hostileCase is what an attacker sends, the rule that it breaks and the code
// that it is told.
type hostileCase struct {
	hello   []byte
	records [][]byte
	code    wire.Code
	rule    error
}

func hostileFrames(t *testing.T) map[string]hostileCase {
	hello := frame(t, 0, &wire.Hello{Role: wire.RolePeer})
	small := frame(t, theirs(Bulk, 0), push(1, 10))
	chunk := make([]byte, 1000)
	pushes := func(stream uint32, n int) []byte { return bytes.Repeat(frame(t, stream, push(1, 1)), n) }
	var many []byte
	for i := range uint32(MaxStreams + 1) {
		many = append(many, frame(t, theirs(Live, i), push(1, 1))...)
	}
	return map[string]hostileCase{
		"a message before Hello":           {small, nil, wire.CodeProtocol, ErrPhase},
		"a Ping before Hello":              {frame(t, 0, &wire.Ping{}), nil, wire.CodeProtocol, ErrPhase},
		"a second Hello":                   {hello, [][]byte{hello}, wire.CodeProtocol, ErrPhase},
		"a Hello of no role":               {frame(t, 0, &wire.Hello{Role: 3}), nil, wire.CodeProtocol, ErrHello},
		"a type of another direction":      {hello, [][]byte{frame(t, theirs(Bulk, 0), &wire.StatusGet{})}, wire.CodeProtocol, ErrPhase},
		"an unknown type":                  {hello, [][]byte{whole(9999, theirs(Bulk, 0), chunk)}, wire.CodeProtocol, ErrType},
		"a control type on a stream":       {hello, [][]byte{frame(t, theirs(Bulk, 0), &wire.Ping{})}, wire.CodeProtocol, ErrPhase},
		"a stream's type on stream 0":      {hello, [][]byte{frame(t, 0, push(1, 1))}, wire.CodeProtocol, ErrPhase},
		"a body over its bound":            {hello, [][]byte{raw(wire.TypePush, theirs(Bulk, 0), chunk, wire.MaxFrame+1)}, wire.CodeTooLarge, ErrSize},
		"a body of 2^64 bytes":             {hello, [][]byte{raw(wire.TypePush, theirs(Bulk, 0), chunk, math.MaxUint64)}, wire.CodeTooLarge, ErrSize},
		"an optional type over MaxFrame":   {hello, [][]byte{raw(wire.FirstOptional, theirs(Bulk, 0), chunk, wire.MaxFrame+1)}, wire.CodeTooLarge, ErrSize},
		"a small type's body over its own": {hello, [][]byte{raw(wire.TypeState, theirs(Bulk, 0), chunk, 2000)}, wire.CodeTooLarge, ErrSize},
		"a total not over its chunk":       {hello, [][]byte{raw(wire.TypePush, theirs(Bulk, 0), chunk, 1000)}, wire.CodeProtocol, ErrFrame},
		"an empty body":                    {hello, [][]byte{whole(wire.TypePush, theirs(Bulk, 0), nil)}, wire.CodeProtocol, ErrFrame},
		"no array":                         {hello, [][]byte{{0x01}}, wire.CodeProtocol, ErrFrame},
		"an array of five":                 {hello, [][]byte{{0x95, 1, 1, 1, 1, 1}}, wire.CodeProtocol, ErrFrame},
		"a map":                            {hello, [][]byte{{0x82, 1, 1, 1, 1}}, wire.CodeProtocol, ErrFrame},
		"a fragment cut by its record":     {hello, [][]byte{small[:len(small)-1], small[len(small)-1:]}, wire.CodeProtocol, ErrFrame},
		"a chunk of 4 GiB":                 {hello, [][]byte{{0x92, 3, 0xc6, 0xff, 0xff, 0xff, 0xff}}, wire.CodeProtocol, ErrFrame},
		"a number in a longer form":        {hello, [][]byte{{0x92, 0xcc, 3, 0xc4, 1, 0}}, wire.CodeProtocol, ErrFrame},
		"a later part without a first":     {hello, [][]byte{later(theirs(Bulk, 0), chunk)}, wire.CodeProtocol, ErrFrame},
		"a later part of another stream": {hello, [][]byte{
			small, frame(t, theirs(Bulk, 1), push(1, 1)), raw(wire.TypePush, theirs(Bulk, 0), chunk, 5000), later(theirs(Bulk, 1), chunk),
		}, wire.CodeProtocol, ErrFrame},
		"a frame inside another of its stream": {hello, [][]byte{raw(wire.TypePush, theirs(Bulk, 0), chunk, 5000), small}, wire.CodeProtocol, ErrFrame},
		"a frame inside another of its class":  {hello, [][]byte{raw(wire.TypePush, theirs(Bulk, 0), chunk, 5000), frame(t, theirs(Bulk, 1), push(1, 1))}, wire.CodeProtocol, ErrFrame},
		"more parts than the total":            {hello, [][]byte{raw(wire.TypePush, theirs(Bulk, 0), chunk, 1500), later(theirs(Bulk, 0), chunk)}, wire.CodeProtocol, ErrFrame},
		"an end inside a frame":                {hello, [][]byte{raw(wire.TypePush, theirs(Bulk, 0), chunk, 1500), frame(t, 0, &wire.StreamEnd{Stream: theirs(Bulk, 0)})}, wire.CodeProtocol, ErrFrame},
		"a frame behind the end":               {hello, [][]byte{small, frame(t, 0, &wire.StreamEnd{Stream: theirs(Bulk, 0)}), small}, wire.CodeProtocol, ErrFrame},
		"two ends":                             {hello, [][]byte{small, frame(t, 0, &wire.StreamEnd{Stream: theirs(Bulk, 0)}), frame(t, 0, &wire.StreamEnd{Stream: theirs(Bulk, 0)})}, wire.CodeProtocol, ErrFrame},
		"the end of a stream never opened":     {hello, [][]byte{frame(t, 0, &wire.StreamEnd{Stream: theirs(Bulk, 0)})}, wire.CodeProtocol, ErrStreams},
		"credit for a stream never opened":     {hello, [][]byte{frame(t, 0, &wire.Credit{Stream: theirs(Bulk, 3) | responderBit})}, wire.CodeProtocol, ErrStreams},
		"an index left out":                    {hello, [][]byte{frame(t, theirs(Bulk, 1), push(1, 1))}, wire.CodeProtocol, ErrStreams},
		"a stream of class 0":                  {hello, [][]byte{frame(t, 8, push(1, 1))}, wire.CodeProtocol, ErrStreams},
		"a stream of ours":                     {hello, [][]byte{frame(t, theirs(Bulk, 0)|responderBit, push(1, 1))}, wire.CodeProtocol, ErrStreams},
		"too many streams":                     {hello, [][]byte{many}, wire.CodeProtocol, ErrStreams},
		"a fragmented control frame":           {hello, [][]byte{raw(wire.TypePing, 0, []byte{0x91}, 2)}, wire.CodeProtocol, ErrFrame},
		"a later part on stream 0":             {hello, [][]byte{later(0, []byte{1})}, wire.CodeProtocol, ErrFrame},
		"a control frame that does not decode": {hello, [][]byte{whole(wire.TypePing, 0, []byte{0xc0})}, wire.CodeProtocol, ErrFrame},
		"a body that does not decode":          {hello, [][]byte{whole(wire.TypePush, theirs(Bulk, 0), []byte{0xc0}), nil}, wire.CodeProtocol, ErrFrame},
		"a text over its bound":                {hello, [][]byte{small, frame(t, 0, &wire.StreamEnd{Stream: theirs(Bulk, 0), Code: 1, Text: string(make([]byte, wire.MaxText+1))})}, wire.CodeTooLarge, ErrSize},
		"small frames beyond the credit":       {hello, [][]byte{pushes(theirs(Live, 0), windowLive/60)}, wire.CodeProtocol, ErrCredit},
	}
}

func TestAHostileFrameEndsTheSession(t *testing.T) {
	for name, c := range hostileFrames(t) {
		t.Run(name, func(t *testing.T) {
			told, end := attack(t, c.hello, c.records...)
			var werr *wire.Error
			if !errors.As(end, &werr) || werr.Remote || werr.Code != c.code || !errors.Is(end, c.rule) {
				t.Errorf("the session ends with %v", end)
			}
			if told != c.code {
				t.Errorf("the other side is told %v", told)
			}
		})
	}
}

func legalFrames(t *testing.T) map[string][][]byte {
	body, _ := wire.AppendBody(nil, push(1, 200))
	first := func(class Class) []byte { return raw(wire.TypePush, theirs(class, 0), body[:1], uint64(len(body))) }
	end := frame(t, 0, &wire.StreamEnd{Stream: theirs(Bulk, 0), Code: wire.CodeInternal})
	return map[string][][]byte{
		"frames of three classes in turns": {
			first(Bulk), first(Live), first(Interactive),
			later(theirs(Live, 0), body[1:]), later(theirs(Bulk, 0), body[1:]), later(theirs(Interactive, 0), body[1:]),
		},
		"a frame byte by byte": func() (all [][]byte) {
			all = append(all, first(Bulk))
			for i := range body[1:] {
				all = append(all, later(theirs(Bulk, 0), body[i+1:i+2]))
			}
			return all
		}(),
		"a stream given up inside a frame":        {first(Bulk), end, frame(t, theirs(Bulk, 1), push(1, 1))},
		"an end and credit for what is over":      {first(Bulk), end, end, frame(t, 0, &wire.Credit{Stream: theirs(Bulk, 0), Limit: 1})},
		"an unknown optional type":                {whole(wire.FirstOptional+9, theirs(Bulk, 0), []byte("no msgpack")), frame(t, theirs(Bulk, 0), push(1, 1))},
		"an unknown optional type in parts":       {raw(wire.FirstOptional+9, theirs(Bulk, 0), []byte("x"), 3), later(theirs(Bulk, 0), []byte("yz"))},
		"an unknown optional type on stream 0":    {whole(wire.FirstOptional+9, 0, []byte{1})},
		"a Pong that answers nothing":             {frame(t, 0, &wire.Pong{Seq: 99})},
		"credit that goes down, and all there is": {first(Bulk), frame(t, 0, &wire.Credit{Stream: theirs(Bulk, 0), Limit: math.MaxUint64}), frame(t, 0, &wire.Credit{Stream: theirs(Bulk, 0)})},
	}
}

func TestWhatIsUnusualButLegalIsAccepted(t *testing.T) {
	hello := frame(t, 0, &wire.Hello{Role: wire.RolePeer})
	for name, records := range legalFrames(t) {
		t.Run(name, func(t *testing.T) {
			if told, end := attack(t, hello, records...); end != nil {
				t.Errorf("the session ends with %v, the other side is told %v", end, told)
			}
		})
	}
}

// A record behind which the victim's own reader stops is the record layer's
// matter (TestAHostileRecordEndsTheConnection); this is that it is told.
func TestAForgedRecordEndsTheSessionWithACode(t *testing.T) {
	for name, c := range map[string]struct {
		bytes []byte
		code  wire.Code
	}{
		"a bad tag":         {append([]byte{0, 0, 0, 48}, make([]byte, 48)...), wire.CodeProtocol},
		"garbage":           {bytes.Repeat([]byte("garbage!"), 20), wire.CodeTooLarge},
		"a length of 4 GiB": {bytes.Repeat([]byte{0xff}, 100), wire.CodeTooLarge},
		"a flood":           {bytes.Repeat([]byte{0xff}, 3<<20), wire.CodeTooLarge}, // what is unread must not reset the connection
	} {
		t.Run(name, func(t *testing.T) {
			hi, hr := results(t)
			ca, cb := tcpPair(t)
			attacker := NewConn(ca, hi)
			if _, err := attacker.Write(frame(t, 0, &wire.Hello{Role: wire.RoleUser})); err != nil {
				t.Fatal(err)
			}
			victim, err := Establish(t.Context(), cb, hr, Config{Hello: wire.Hello{Role: wire.RolePeer}})
			if err != nil {
				t.Fatal(err)
			}
			flooded := make(chan struct{})
			go func() {
				defer close(flooded)
				_, _ = ca.Write(c.bytes)
			}()
			code := make(chan wire.Code, 1)
			go func() {
				defer ca.Close()
				<-flooded
				code <- readClose(attacker)
			}()
			var werr *wire.Error
			if err := victim.Run(t.Context()); !errors.As(err, &werr) || !errors.Is(err, ErrRecord) || werr.Code != c.code {
				t.Errorf("ends with %v", err)
			}
			if told := <-code; told != c.code {
				t.Errorf("the other side is told %v", told)
			}
		})
	}
}

func FuzzFrames(f *testing.F) {
	small := frame(f, theirs(Bulk, 0), push(1, 10))
	f.Add(small)
	f.Add(append(bytes.Clone(small), frame(f, 0, &wire.StreamEnd{Stream: theirs(Bulk, 0)})...))
	f.Add(append(raw(wire.TypePush, theirs(Live, 0), []byte{1}, 3), later(theirs(Live, 0), []byte{2, 3})...))
	f.Add(frame(f, 0, &wire.Credit{Stream: 3, Limit: 7}))
	f.Add(frame(f, 0, &wire.Ping{Seq: 1}))
	f.Add(frame(f, 0, &wire.Close{Code: 3, Text: "x"}))
	f.Add(whole(wire.FirstOptional, theirs(Interactive, 0), []byte{0}))
	_, hr := results(f)
	f.Fuzz(func(t *testing.T, plain []byte) {
		a, b := net.Pipe()
		defer a.Close()
		defer b.Close()
		s := newSession(b, hr, Config{Hello: wire.Hello{Role: wire.RolePeer}})
		s.over = true // nothing is written
		s.established, s.receives, s.sends = true, wire.LegalPeerToPeer, wire.LegalPeerToPeer
		s.mu.Lock()
		defer s.mu.Unlock()
		for range 3 {
			if err := s.receive(plain); err != nil {
				var werr *wire.Error
				if !errors.As(err, &werr) {
					t.Fatalf("%T: %v", err, err)
				}
				break
			}
		}
		held := 0
		for c := range s.in {
			held += cap(s.in[c].body)
		}
		for _, st := range s.streams {
			if st.received > st.granted || st.consumed > st.received {
				t.Fatalf("stream %d: received %d, consumed %d, granted %d", st.number, st.received, st.consumed, st.granted)
			}
			for i := range st.inbox.items {
				held += cap(st.inbox.items[i].body)
			}
		}
		if most := 2 * assembleGrowth * 3 * len(plain); held > most {
			t.Fatalf("%d bytes are held for records of %d", held, len(plain))
		}
		if s.accepts.len() > MaxStreams || s.theirs.open > MaxStreams || s.theirs.open != len(s.streams) {
			t.Fatalf("%d streams, %d counted", len(s.streams), s.theirs.open)
		}
	})
}
