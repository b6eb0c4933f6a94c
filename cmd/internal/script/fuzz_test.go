package script

import (
	"crypto/ecdh"
	"crypto/mlkem"
	"testing"

	"parley/handshake/identity"
	"parley/wire"
)

// The strict side must bear whatever the peer under test sends: it answers with
// a rule that is broken, and never with a panic.

func fuzzInitiator(f *testing.F) func() *Initiator {
	f.Helper()
	id, err := NewIdentity([32]byte{1}, "fuzz")
	if err != nil {
		f.Fatal(err)
	}
	x, err := ecdh.X25519().NewPrivateKey(make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	kem, err := mlkem.NewDecapsulationKey768(make([]byte, mlkem.SeedSize))
	if err != nil {
		f.Fatal(err)
	}
	return func() *Initiator {
		return &Initiator{Network: identity.Network{Name: "fuzz"}, Self: id.Party(), X: x, KEM: kem}
	}
}

func FuzzHandshakeMessages(f *testing.F) {
	initiator := fuzzInitiator(f)
	f.Add(initiator().Message1())
	f.Add(Refusal())
	f.Fuzz(func(t *testing.T, b []byte) {
		i := initiator()
		m1 := i.Message1()
		if i.ReadMessage2(b) == nil {
			t.Error("a message 2 is taken that nobody made for this handshake")
		}
		r := &Responder{Network: i.Network, Self: i.Self, X: i.X}
		_ = r.ReadMessage1(b) // there may be other good ones
		if err := r.ReadMessage1(m1); err != nil {
			t.Fatal(err)
		}
		r.Encapsulate()
		if _, err := r.Message2(); err != nil {
			t.Fatal(err)
		}
		if r.ReadMessage3(b) == nil {
			t.Error("a message 3 is taken that nobody made for this handshake")
		}
	})
}

func FuzzReceiver(f *testing.F) {
	f.Add(Frame(0, &wire.Hello{Role: wire.RolePeer}), Frame(0, &wire.Ping{Seq: 1}))
	f.Add(Frame(0, &wire.Hello{Role: wire.RolePeer}), Frame(Stream(Live, 0)|4, &wire.Push{}))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		for _, user := range []bool{false, true} {
			r := Receiver{User: user}
			for _, plain := range [][]byte{first, second, second} {
				frames, err := r.Take(plain)
				for _, in := range frames {
					if row, known := wire.Lookup(in.Type); known && len(in.Body) > row.Bound {
						t.Errorf("%s of %d bytes is taken", row.Name, len(in.Body))
					}
				}
				if err != nil {
					break
				}
			}
			for n, s := range r.streams {
				if s.used > s.limit && n != 0 {
					return // that is what ended it
				}
			}
		}
	})
}
