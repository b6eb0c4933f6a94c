package conform

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"parley/cmd/internal/script"
	"parley/handshake/identity"
	"parley/wire"
)

const (
	section1  = "handshake, Message 1"
	section2  = "handshake, Message 2"
	sectionM  = "handshake, Messages"
	sectionHS = "handshake, States"

	closedSilently = "the connection closed without a byte"
	refusedClosed  = "the refusal [0], then the end"
)

// helloCases are the rules of the handshake up to message 2.
func helloCases() []Case {
	cases := []Case{
		{Name: "a whole handshake by signature begins a session", Section: sectionHS, Expect: "Hello under the session's keys", run: func(t *T) {
			t.peer().alive()
		}},
		{Name: "message 2 has exactly its size", Section: sectionM, Expect: "2,972 bytes", run: func(t *T) {
			w, i := t.dial(), t.initiator(t.identity().Party())
			if m2 := t.message2(w, i); len(m2) != 2972 {
				t.fail(fmt.Sprintf("%d bytes", len(m2)), "the length of message 2 tells something of the peer")
			}
		}},
		{Name: "the responder's ephemeral keys are fresh in each handshake", Section: section2, Expect: "other shares, ciphertexts and randoms", run: freshKeys},
		{Name: "nothing follows message 2 before message 3 has come", Section: section2, Expect: "silence", run: func(t *T) {
			w, i := t.upTo2()
			if b, err := w.ReadEnd(time.Now().Add(quiet)); len(b) > 0 || !script.TimedOut(err) {
				t.fail(fmt.Sprintf("%x, %v", b, err), "the peer sends before the initiator is proved, or closes")
			}
			t.send(w, "message 3", script.Framed(i.Message3(i.Proof())))
			s := &session{Conn: script.NewConn(w, i, false), t: t}
			s.established()
		}},
		{Name: "messages that arrive byte by byte are put together", Section: sectionM, Expect: "a session", run: byteByByte},
		{Name: "message 3 and the first records may come in one piece", Section: sectionHS, Expect: "a session", run: func(t *T) {
			w, i := t.upTo2()
			m3 := script.Framed(i.Message3(i.Proof()))
			s := &session{Conn: script.NewConn(w, i, false), t: t}
			t.send(w, "message 3 and Hello", append(m3, s.Out.Record(script.Frame(0, s.hello()))...))
			s.theirHello()
			s.alive()
		}},
		{Name: "a share with its top bit set is taken as without it, and hashed as it is", Section: "handshake, Suite (RFC 7748 section 5)", Expect: "a session", run: func(t *T) {
			w, i := t.dial(), t.initiator(t.identity().Party())
			share := i.X.PublicKey().Bytes()
			share[31] |= 0x80
			i.Msg1 = script.Hello(t.target.Network.Key("hello"), 1, share, i.KEM.EncapsulationKey().Bytes(), i.Random[:])
			i.TH1 = script.T([]byte("th"), i.Msg1)
			t.send(w, "message 1", script.Framed(i.Msg1))
			m2, err := w.ReadMessage(soon())
			if err != nil || i.ReadMessage2(m2) != nil {
				t.fail(fmt.Sprint(err), "no message 2 that fits")
			}
		}},
	}
	cases = append(cases, badLengths()...)
	cases = append(cases, strangers()...)
	return append(cases, badShares()...)
}

func freshKeys(t *T) {
	seen := map[string]bool{}
	i := t.initiator(t.identity().Party())
	for range 3 { // the very same message 1 each time
		w := t.dial()
		r := wire.NewReader(t.message2(w, i))
		r.Array(5)
		r.Uint()
		for _, part := range [][]byte{r.BinSize(32), r.BinSize(1088), r.BinSize(32)} {
			if seen[string(part)] {
				t.fail(fmt.Sprintf("%x again", part), "the peer uses an ephemeral value twice")
			}
			seen[string(part)] = true
		}
	}
}

func byteByByte(t *T) {
	w, i := t.dial(), t.initiator(t.identity().Party())
	m1 := script.Framed(i.Message1())
	t.note(true, "message 1, in pieces", m1)
	for n, b := range m1 {
		if _, err := w.Raw.Write([]byte{b}); err != nil {
			t.fail(fmt.Sprint(err), "the peer closes behind byte %d", n)
		}
	}
	m2, err := w.ReadMessage(soon())
	if err != nil || i.ReadMessage2(m2) != nil {
		t.fail(fmt.Sprint(err), "no message 2 that fits")
	}
	t.send(w, "message 3", script.Framed(i.Message3(i.Proof())))
	s := &session{Conn: script.NewConn(w, i, false), t: t}
	hello := s.Out.Record(script.Frame(0, s.hello()))
	for n := range hello {
		if _, err := w.Raw.Write(hello[n : n+1]); err != nil {
			t.fail(fmt.Sprint(err), "the peer closes behind byte %d of a record", n)
		}
	}
	s.theirHello()
	s.alive()
}

// silent is a case in which the first bytes are sent, and nothing may come back.
func silent(name, section string, first func(*T) []byte) Case {
	return Case{Name: name, Section: section, Expect: closedSilently, run: func(t *T) {
		w := t.dial()
		t.send(w, "first bytes", first(t))
		t.silentEnd(w, atOnce)
	}}
}

func badLengths() []Case {
	late := func(name string, first func(*T) []byte) Case {
		return Case{Name: name, Section: sectionHS, Expect: closedSilently + ", within 5 s", run: func(t *T) {
			w := t.dial()
			if b := first(t); len(b) > 0 {
				t.send(w, "first bytes", b)
			}
			t.silentEnd(w, handshakeLimit)
		}}
	}
	m1 := func(t *T) []byte { return script.Framed(t.initiator(t.identity().Party()).Message1()) }
	return []Case{
		silent("a first message of length 0", sectionM, func(*T) []byte { return make([]byte, 4) }),
		silent("a first message of 8,193 bytes", sectionM, func(*T) []byte { return []byte{0, 0, 0x20, 1} }),
		silent("a first message of 4 GiB", sectionM, func(*T) []byte { return []byte{0xff, 0xff, 0xff, 0xff} }),
		silent("a first message of another protocol", sectionM, func(*T) []byte { return []byte("GET / HTTP/1.1\r\n\r\n") }),
		silent("a first message of 8,192 bytes that is none", sectionM, func(t *T) []byte { return script.Framed(t.random(8192)) }),
		late("a connection on which nothing is said", func(*T) []byte { return nil }),
		late("a half of message 1, and nothing more", func(t *T) []byte { return m1(t)[:700] }),
		{Name: "message 3 that does not come", Section: sectionHS, Expect: "the end within 5 s", run: func(t *T) {
			w, _ := t.upTo2()
			rest, err := w.ReadEnd(time.Now().Add(handshakeLimit))
			if err != nil || len(rest) > 0 && !bytes.Equal(rest, script.Framed(script.Refusal())) {
				t.fail(fmt.Sprintf("%x, %v", rest, err), "the peer does not give up the handshake, or says something else than the refusal")
			}
		}},
	}
}

// strangers are first messages whose mac is not right, or that are malformed.
func strangers() []Case {
	// hello makes message 1 of other parts than its own, under the right key.
	hello := func(change func(t *T, share, kem, random *[]byte)) func(*T) []byte {
		return func(t *T) []byte {
			i := t.initiator(t.identity().Party())
			share, kem, random := i.X.PublicKey().Bytes(), i.KEM.EncapsulationKey().Bytes(), i.Random[:]
			change(t, &share, &kem, &random)
			return script.Framed(script.Hello(t.target.Network.Key("hello"), 1, share, kem, random))
		}
	}
	// altered changes the bytes of a good message 1.
	altered := func(change func(b []byte) []byte) func(*T) []byte {
		return func(t *T) []byte {
			return script.Framed(change(bytes.Clone(t.initiator(t.identity().Party()).Message1())))
		}
	}
	// maced changes the part of message 1 that the mac covers, and makes the mac anew.
	maced := func(change func(covered []byte) []byte) func(*T) []byte {
		return func(t *T) []byte {
			m1 := t.initiator(t.identity().Party()).Message1()
			covered := change(bytes.Clone(m1[:len(m1)-34]))
			key := t.target.Network.Key("hello")
			return script.Framed(wire.AppendBin(covered, script.MAC(key[:], covered)))
		}
	}
	of := func(change func(n *identity.Network)) func(*T) []byte {
		return func(t *T) []byte {
			i := t.initiator(t.identity().Party())
			change(&i.Network)
			return script.Framed(i.Message1())
		}
	}
	flip := func(at int) func(b []byte) []byte {
		return func(b []byte) []byte {
			if at < 0 {
				at += len(b)
			}
			b[at] ^= 1
			return b
		}
	}
	return []Case{
		silent("message 1 under another secret of the network", section1, of(func(n *identity.Network) {
			secret := sha256.Sum256(n.Secret)
			n.Secret = secret[:]
		})),
		silent("message 1 for a network of another name", section1, of(func(n *identity.Network) { n.Name += "x" })),
		silent("message 1 with a bit of the mac altered", section1, altered(flip(-1))),
		silent("message 1 with a bit of the share altered", section1, altered(flip(10))),
		silent("message 1 with a bit of the encapsulation key altered", section1, altered(flip(200))),
		silent("message 1 with a bit of the random altered", section1, altered(flip(-40))),
		silent("message 1 with a mac of zeros", section1, altered(func(b []byte) []byte { return append(b[:len(b)-32], make([]byte, 32)...) })),
		silent("message 1 cut by a byte", sectionM, altered(func(b []byte) []byte { return b[:len(b)-1] })),
		silent("message 1 with a byte behind it", sectionM, altered(func(b []byte) []byte { return append(b, 0) })),
		silent("message 1 of version 2", sectionM, func(t *T) []byte {
			i := t.initiator(t.identity().Party())
			return script.Framed(script.Hello(t.target.Network.Key("hello"), 2, i.X.PublicKey().Bytes(), i.KEM.EncapsulationKey().Bytes(), i.Random[:]))
		}),
		silent("message 1 of version 1 in a longer form, its mac right", "wire, Canonical encoding", maced(func(b []byte) []byte {
			return append([]byte{b[0], 0xcc, 1}, b[2:]...)
		})),
		silent("message 1 with an array header in a longer form, its mac right", "wire, Canonical encoding", maced(func(b []byte) []byte {
			return append([]byte{0xdc, 0, 5}, b[1:]...)
		})),
		silent("message 1 with six elements, its mac right", sectionM, maced(func(b []byte) []byte {
			b[0] = 0x96
			return wire.AppendUint(b, 0)
		})),
		silent("message 1 with a share that is a text, its mac right", "wire, Canonical encoding", maced(func(b []byte) []byte {
			b[2] = 0xd9
			return b
		})),
		silent("message 1 with a share of 31 bytes", sectionM, hello(func(_ *T, share, _, _ *[]byte) { *share = (*share)[:31] })),
		silent("message 1 with a share of 33 bytes", sectionM, hello(func(_ *T, share, _, _ *[]byte) { *share = append(*share, 0) })),
		silent("message 1 with an encapsulation key of 1,183 bytes", sectionM, hello(func(_ *T, _, kem, _ *[]byte) { *kem = (*kem)[:1183] })),
		silent("message 1 with an encapsulation key of 1,185 bytes", sectionM, hello(func(_ *T, _, kem, _ *[]byte) { *kem = append(*kem, 0) })),
		silent("message 1 with the encapsulation key of ML-KEM-512", sectionM, hello(func(_ *T, _, kem, _ *[]byte) { *kem = (*kem)[:800] })),
		silent("message 1 without an encapsulation key", sectionM, hello(func(_ *T, _, kem, _ *[]byte) { *kem = nil })),
		silent("message 1 with a random of 31 bytes", sectionM, hello(func(_ *T, _, _, random *[]byte) { *random = (*random)[:31] })),
		silent("the refusal as the first message", sectionHS, func(*T) []byte { return script.Framed(script.Refusal()) }),
		silent("a message 3 as the first message", sectionHS, func(t *T) []byte {
			_, i := t.upTo2()
			return script.Framed(i.Message3(i.Proof()))
		}),
		silent("the peer's own message 2 as a first message", sectionHS, func(t *T) []byte {
			w, i := t.dial(), t.initiator(t.identity().Party())
			return script.Framed(t.message2(w, i))
		}),
	}
}

// badShares are key shares that are refused behind a mac that is right.
func badShares() (all []Case) {
	refusal := func(name, section string, change func(t *T, share, kem *[]byte)) Case {
		return Case{Name: name, Section: section, Expect: refusedClosed, run: func(t *T) {
			i := t.initiator(t.identity().Party())
			share, kem := i.X.PublicKey().Bytes(), i.KEM.EncapsulationKey().Bytes()
			change(t, &share, &kem)
			w := t.dial()
			t.send(w, "message 1", script.Framed(script.Hello(t.target.Network.Key("hello"), 1, share, kem, i.Random[:])))
			t.refusal(w)
		}}
	}
	for _, p := range lowOrder() {
		all = append(all, refusal("a share of low order: "+p.name, section1+" (X25519 result of all zeros)", func(_ *T, share, _ *[]byte) { *share = p.point }))
	}
	return append(all,
		refusal("an encapsulation key whose first coefficient is over the modulus", section1+" (FIPS 203 section 7.2)", func(_ *T, _, kem *[]byte) {
			(*kem)[0], (*kem)[1] = 0xff, (*kem)[1]|0x0f
		}),
		refusal("an encapsulation key whose first coefficient is the modulus", section1+" (FIPS 203 section 7.2)", func(_ *T, _, kem *[]byte) {
			const modulus = 3329
			(*kem)[0], (*kem)[1] = byte(modulus&0xff), (*kem)[1]&0xf0|modulus>>8
		}),
		refusal("an encapsulation key whose last coefficient is over the modulus", section1+" (FIPS 203 section 7.2)", func(_ *T, _, kem *[]byte) {
			(*kem)[1151], (*kem)[1150] = 0xff, (*kem)[1150]|0xf0
		}),
	)
}

type lowOrderPoint struct {
	name  string
	point []byte
}

// lowOrder are the values of u whose X25519 is zero for every private key:
// the points of small order, and what is congruent to them in 32 bytes.
func lowOrder() []lowOrderPoint {
	little := func(first byte, rest byte, last byte) []byte {
		b := bytes.Repeat([]byte{rest}, 32)
		b[0], b[31] = first, last
		return b
	}
	order8 := func(words ...uint64) (b []byte) {
		for _, w := range words {
			b = binary.BigEndian.AppendUint64(b, w)
		}
		return b
	}
	return []lowOrderPoint{
		{"0", make([]byte, 32)},
		{"1", little(1, 0, 0)},
		{"the first of order 8", order8(0xe0eb7a7c3b41b8ae, 0x1656e3faf19fc46a, 0xda098deb9c32b1fd, 0x866205165f49b800)},
		{"the second of order 8", order8(0x5f9c95bca3508c24, 0xb1d0b1559c83ef5b, 0x04445cc4581c8e86, 0xd8224eddd09f1157)},
		{"p-1", little(0xec, 0xff, 0x7f)},
		{"p", little(0xed, 0xff, 0x7f)},
		{"p+1", little(0xee, 0xff, 0x7f)},
		{"p with the top bit set", little(0xed, 0xff, 0xff)},
	}
}
