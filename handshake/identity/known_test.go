package identity

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

func TestAKnownBundleIsTheSameOneAndAnAlteredOneIsNotKnown(t *testing.T) {
	raw := generate(t, "ada").Bundle().Raw
	known := new(Known)
	first, err := known.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	again, err := known.Parse(bytes.Clone(raw))
	if err != nil || again != first {
		t.Errorf("another bundle, %v", err)
	}
	bad := bytes.Clone(raw)
	for i := range bad {
		bad[i] ^= 1
		if _, err := known.Parse(bad); !errors.Is(err, ErrBundle) {
			t.Fatalf("byte %d altered: %v", i, err)
		}
		bad[i] ^= 1
	}
	if _, err := known.Parse(make([]byte, MaxBundle+1)); !errors.Is(err, ErrBundle) {
		t.Error("too long a bundle is accepted")
	}
	if b, err := (*Known)(nil).Parse(raw); err != nil || b == first || &b.Raw[0] == &raw[0] {
		t.Errorf("without memory: %v", err)
	}
}

func TestKnownBundlesAreBoundedAndTheAskedForStay(t *testing.T) {
	p := generate(t, "ada")
	known := new(Known)
	stays, err := known.Parse(p.Bundle().Raw)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 * maxKnown {
		if _, err := known.Parse(signBundle(p.signer, 2, p.now.Load().sealing[0].Public(), fmt.Sprint(n)).Raw); err != nil {
			t.Fatal(err)
		}
		if len(known.new) > maxKnown || len(known.old) > maxKnown {
			t.Fatalf("%d and %d are held", len(known.new), len(known.old))
		}
		if n%(maxKnown/2) == 0 {
			if b, err := known.Parse(p.Bundle().Raw); err != nil || b != stays {
				t.Fatalf("forgotten after %d others (%v)", n, err)
			}
		}
	}
}
