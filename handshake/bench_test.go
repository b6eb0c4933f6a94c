package handshake

import (
	"errors"
	"fmt"
	"testing"

	"parley/handshake/identity"
)

// BenchmarkHandshake measures both ends' work together: of a first contact, and
// where each end has seen the other's bundle before.
func BenchmarkHandshake(b *testing.B) {
	for _, known := range []bool{false, true} {
		for _, byToken := range []bool{false, true} {
			b.Run(fmt.Sprintf("known=%t/token=%t", known, byToken), func(b *testing.B) {
				i, r := pair(b, byToken)
				if known {
					i.Known, r.Known = new(identity.Known), new(identity.Known)
				}
				b.ReportAllocs()
				for b.Loop() {
					complete(b, i, r)
				}
			})
		}
	}
}

func BenchmarkBlindDial(b *testing.B) {
	i, r := pair(b, false)
	i.Network = newNetwork(b)
	x := upTo(b, i, r, 1)
	b.ReportAllocs()
	for b.Loop() {
		h, err := NewResponder(r)
		if err != nil {
			b.Fatal(err)
		}
		if err := h.ReadMessage1(x.m1); !errors.Is(err, ErrNetworkSecret) {
			b.Fatal(err)
		}
	}
}
