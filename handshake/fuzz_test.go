package handshake

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"parley/wire"
)

// The seeds lie in testdata/fuzz, where go test runs them as tests each time.

func FuzzMessage1(f *testing.F) {
	i, r := pair(f, false)
	key := i.Network.Key(NetworkUse)
	f.Fuzz(func(t *testing.T, b []byte) {
		h := must[*Responder](t)(NewResponder(r))
		if err := h.ReadMessage1(b); err == nil {
			t.Fatal("accepted without the network's secret")
		}
		m, err := parseHello(b)
		if err != nil {
			return
		}
		if again := wire.AppendBin(bytes.Clone(m.signed), m.mac); !bytes.Equal(again, b) {
			t.Fatalf("accepted %x, encodes to %x", b, again)
		}
		// The same with the right MAC, so that keys are parsed and used.
		h = must[*Responder](t)(NewResponder(r))
		if h.ReadMessage1(m.append(&key)) == nil {
			_, _ = h.WriteMessage2()
		}
	})
}

func FuzzMessage2(f *testing.F) {
	i, r := pair(f, false)
	x := upTo(f, i, r, 2)
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := x.deliver(2, b); err == nil && !bytes.Equal(b, x.m2) {
			t.Fatalf("accepted: %x", b)
		}
		if m, err := parseReply(b); err == nil && !bytes.Equal(replyBytes(m), b) {
			t.Fatalf("accepted %x, encodes to %x", b, replyBytes(m))
		}
	})
}

func FuzzMessage3(f *testing.F) {
	i, r := pair(f, true)
	x := upTo(f, i, r, 3)
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := x.deliver(3, b); err == nil && !bytes.Equal(b, x.m3) {
			t.Fatalf("accepted: %x", b)
		}
		if sealed, err := parseFinal(b); err == nil && !bytes.Equal(appendFinal(sealed), b) {
			t.Fatalf("accepted %x, encodes to %x", b, appendFinal(sealed))
		}
	})
}

func FuzzProof(f *testing.F) {
	i, r := pair(f, true)
	x := upTo(f, i, r, 2)
	if _, err := x.i.ReadMessage2(x.m2); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, plain []byte) {
		for _, tokenLegal := range []bool{false, true} {
			p, err := parseProof(plain, tokenLegal)
			if err == nil && !bytes.Equal(p.append(nil), plain) {
				t.Fatalf("accepted %x, encodes to %x", plain, p.append(nil))
			}
		}
		// Sealed by somebody who took part in the exchange.
		if x.deliver(3, appendFinal(x.i.keys.close(&x.i.th3, plain))) == nil {
			t.Fatalf("accepted: %x", plain)
		}
	})
}

// seeds are the inputs that fuzzing starts from: the vectors' messages and proofs.
func seeds(t *testing.T) map[string]map[string][]byte {
	t.Helper()
	all := map[string]map[string][]byte{"FuzzMessage1": {}, "FuzzMessage2": {}, "FuzzMessage3": {}, "FuzzProof": {}, "FuzzOrder": orderSeeds()}
	for _, v := range readVectors[completeVector](t, completeFile) {
		all["FuzzMessage1"][v.Name] = v.Message1
		all["FuzzMessage2"][v.Name] = v.Message2
		all["FuzzMessage3"][v.Name] = v.Message3
		all["FuzzProof"][v.Name] = v.ProofI
		all["FuzzProof"][v.Name+"-r"] = v.ProofR
	}
	for _, v := range readVectors[refusedVector](t, refusedFile) {
		if v.Error == "message" || v.Error == "version" || v.Error == "refused" {
			all[fmt.Sprintf("FuzzMessage%d", v.Message)][v.Name] = v.Bytes
		}
	}
	return all
}

func TestEveryFuzzTargetHasItsSeeds(t *testing.T) {
	for target, inputs := range seeds(t) {
		dir := filepath.Join("testdata", "fuzz", target)
		for name, b := range inputs {
			file := filepath.Join(dir, name)
			want := fmt.Appendf(nil, "go test fuzz v1\n[]byte(%q)\n", b)
			if *update {
				if err := os.MkdirAll(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, want, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s is not the seed that the vectors give (%v); go test ./handshake -update", file, err)
			}
		}
		if len(inputs) == 0 {
			t.Errorf("%s has no seed", target)
		}
	}
}
