package identity

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/cryptotest"

	"parley/wire"
)

var update = flag.Bool("update", false, "write the vectors anew")

// vectorDir holds the families of this package.
const vectorDir = "../../testdata/identity"

// vectorSeed makes the vectors the same each time they are written.
const vectorSeed = 19946

// hexBytes is a byte string in a vector.
type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

type keyVector struct {
	Name        string     `json:"name"`
	Seed        hexBytes   `json:"seed"` // RFC 8032
	Public      hexBytes   `json:"public"`
	ID          wire.ID    `json:"id"`
	Fingerprint string     `json:"fingerprint"`
	Context     string     `json:"context"`
	Fields      []hexBytes `json:"fields"`
	Signed      hexBytes   `json:"signed"` // what Ed25519 signs
	Signature   hexBytes   `json:"signature"`
}

type bundleVector struct {
	Name        string   `json:"name"`
	Bundle      hexBytes `json:"bundle"`
	ID          wire.ID  `json:"id"`
	Number      uint64   `json:"number"`
	DisplayName string   `json:"display_name"`
	Error       bool     `json:"error"` // refused; ID, number and name are empty
}

type sealingVector struct {
	Name    string   `json:"name"`
	Seed    hexBytes `json:"seed"` // of DeriveKeyPair
	Public  hexBytes `json:"public"`
	Info    hexBytes `json:"info"`
	Sealed  hexBytes `json:"sealed"`
	Opened  hexBytes `json:"opened"`
	Refused bool     `json:"refused"`
}

type networkVector struct {
	Name        string   `json:"name"`
	File        string   `json:"file"`
	NetworkName string   `json:"network_name"`
	Secret      hexBytes `json:"secret"`
	PSK         hexBytes `json:"psk"`
	Hello       hexBytes `json:"hello"`
	Beacon      hexBytes `json:"beacon"`
	Open        hexBytes `json:"open"`
	Error       bool     `json:"error"`
}

// family writes a family under -update, reads it, and fails when it is empty
// or lacks either accepted or refused vectors where it must have both.
func family[T any](t *testing.T, file string, make func() []T, refused func(T) bool) []T {
	t.Helper()
	path := filepath.Join(vectorDir, file)
	if *update && make != nil {
		cryptotest.SetGlobalRandom(t, vectorSeed)
		out, err := json.MarshalIndent(make(), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(vectorDir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(out, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []T
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	count := map[bool]int{}
	for _, v := range vectors {
		count[refused != nil && refused(v)]++
	}
	if count[false] == 0 || refused != nil && count[true] == 0 {
		t.Fatalf("%s has %d accepted and %d refused vectors; go test ./handshake/identity -update", path, count[false], count[true])
	}
	return vectors
}

func plain(fields []hexBytes) [][]byte {
	out := make([][]byte, len(fields))
	for i, f := range fields {
		out[i] = f
	}
	return out
}

func TestVectorsOfKeysAndSignatures(t *testing.T) {
	fill := func(v keyVector) keyVector {
		s := SigningFromSeed([32]byte(v.Seed))
		v.Public, v.ID = hexBytes(s.Public()), s.ID()
		v.Fingerprint = strings.Join(Fingerprint(s.ID()), " ")
		v.Signed = signedBytes(nil, v.Context, plain(v.Fields))
		v.Signature = s.Sign(v.Context, plain(v.Fields)...)
		return v
	}
	for _, v := range family(t, "keys.json", func() []keyVector {
		return []keyVector{
			fill(keyVector{Name: "no-field", Seed: make(hexBytes, 32), Context: "bundle"}),
			fill(keyVector{Name: "one-field", Seed: bytes.Repeat([]byte{1}, 32), Context: "run", Fields: []hexBytes{[]byte("parley")}}),
			fill(keyVector{Name: "three-fields", Seed: bytes.Repeat([]byte{2}, 32), Context: "hs-R", Fields: []hexBytes{{}, []byte("a"), bytes.Repeat([]byte{3}, 600)}}),
		}
	}, nil) {
		t.Run(v.Name, func(t *testing.T) {
			if got := fill(v); fmt.Sprint(got) != fmt.Sprint(v) {
				t.Errorf("got %+v\nwant %+v", got, v)
			}
			if !Verify(PublicKey(v.Public), v.Context, v.Signature, plain(v.Fields)...) {
				t.Error("the signature is refused")
			}
		})
	}
}

func TestVectorsOfBundles(t *testing.T) {
	generateAll := func() []bundleVector {
		p := generate(t, "ada")
		good := p.Bundle()
		var all []bundleVector
		add := func(name string, raw []byte, b *Bundle) {
			v := bundleVector{Name: name, Bundle: bytes.Clone(raw), Error: b == nil}
			if b != nil {
				v.ID, v.Number, v.DisplayName = b.ID(), b.Number, b.Name
			}
			all = append(all, v)
		}
		accept := func(name string, b *Bundle) { add(name, b.Raw, b) }
		refuse := func(name string, raw []byte) { add(name, raw, nil) }
		sealing := p.now.Load().sealing[0].Public()
		accept("first", good)
		accept("without-a-name", signBundle(p.signer, 2, sealing, ""))
		accept("longest-name-largest-number", signBundle(p.signer, 1<<64-1, sealing, strings.Repeat("é", MaxName/2)))
		refuse("empty", nil)
		refuse("cut", good.Raw[:len(good.Raw)-1])
		refuse("a-byte-more", append(bytes.Clone(good.Raw), 0))
		refuse("version-2", append([]byte{0x96, 2}, good.Raw[2:]...))
		refuse("five-elements", append([]byte{0x95}, good.Raw[1:]...))
		refuse("number-0", signBundle(p.signer, 0, sealing, "ada").Raw)
		refuse("name-too-long", signBundle(p.signer, 1, sealing, strings.Repeat("x", MaxName+1)).Raw)
		refuse("name-with-a-newline", signBundle(p.signer, 1, sealing, "a\nda").Raw)
		refuse("name-that-turns-direction", signBundle(p.signer, 1, sealing, "\u202eada").Raw)
		refuse("name-that-is-not-utf8", signBundle(p.signer, 1, sealing, "\xff").Raw)
		refuse("short-sealing-key", signBundle(p.signer, 1, sealing[1:], "ada").Raw)
		refuse("another-name-than-signed", bytes.Replace(good.Raw, []byte("\xa3ada"), []byte("\xa3eve"), 1))
		wrong := bytes.Clone(good.Raw)
		wrong[len(wrong)-1] ^= 1
		refuse("wrong-signature", wrong)
		prefix := good.appendUnsigned(nil)
		refuse("signed-for-another-use", wire.AppendBin(prefix, p.Sign("run", prefix)))
		for _, algorithm := range []byte{ECDSAP256, 0} {
			b := *good
			b.Key = append(PublicKey{algorithm}, good.Key[1:]...)
			prefix := b.appendUnsigned(nil)
			refuse(fmt.Sprintf("algorithm-%d", algorithm), wire.AppendBin(prefix, p.Sign(ContextBundle, prefix)))
		}
		return all
	}
	for _, v := range family(t, "bundles.json", generateAll, func(v bundleVector) bool { return v.Error }) {
		t.Run(v.Name, func(t *testing.T) {
			b, err := ParseBundle(v.Bundle)
			if v.Error {
				if err == nil {
					t.Errorf("accepted as %v", b)
				}
				return
			}
			if err != nil || b.ID() != v.ID || b.Number != v.Number || b.Name != v.DisplayName {
				t.Errorf("%+v, %v", b, err)
			}
		})
	}
}

func TestVectorsOfSealing(t *testing.T) {
	generateAll := func() []sealingVector {
		seed := bytes.Repeat([]byte{7}, 32)
		k, err := SealingFromSeed(seed)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := SealTo(k.Public(), []byte("info"), []byte("epoch key"))
		if err != nil {
			t.Fatal(err)
		}
		v := sealingVector{Name: "opens", Seed: seed, Public: k.Public(), Info: []byte("info"), Sealed: sealed, Opened: []byte("epoch key")}
		refused := func(name string, f func(*sealingVector)) sealingVector {
			r := v
			r.Sealed = bytes.Clone(v.Sealed)
			r.Name, r.Opened, r.Refused = name, nil, true
			f(&r)
			return r
		}
		return []sealingVector{
			v,
			refused("other-info", func(r *sealingVector) { r.Info = []byte("other") }),
			refused("altered-encapsulation", func(r *sealingVector) { r.Sealed[5] ^= 1 }),
			refused("altered-share", func(r *sealingVector) { r.Sealed[1100] ^= 1 }),
			refused("altered-tag", func(r *sealingVector) { r.Sealed[len(r.Sealed)-1] ^= 1 }),
			refused("cut", func(r *sealingVector) { r.Sealed = r.Sealed[:len(r.Sealed)-1] }),
			refused("shorter-than-any", func(r *sealingVector) { r.Sealed = r.Sealed[:SealOverhead-1] }),
		}
	}
	for _, v := range family(t, "sealing.json", generateAll, func(v sealingVector) bool { return v.Refused }) {
		t.Run(v.Name, func(t *testing.T) {
			k, err := SealingFromSeed(v.Seed)
			if err != nil || !bytes.Equal(k.Public(), v.Public) {
				t.Fatalf("another public key (%v)", err)
			}
			got, err := k.Open(v.Info, v.Sealed)
			if (err != nil) != v.Refused || !bytes.Equal(got, v.Opened) {
				t.Errorf("%x, %v", got, err)
			}
		})
	}
}

func TestVectorsOfNetworks(t *testing.T) {
	fill := func(v networkVector) networkVector {
		n, err := ParseNetworkFile([]byte(v.File))
		v.NetworkName, v.Secret, v.PSK, v.Hello, v.Beacon, v.Open = "", hexBytes{}, hexBytes{}, hexBytes{}, hexBytes{}, hexBytes{}
		if v.Error = err != nil; v.Error {
			return v
		}
		psk, hello, beacon, open := n.PSK(), n.Key("hello"), n.Key("beacon"), n.Key("open")
		v.NetworkName, v.Secret, v.PSK = n.Name, append(hexBytes{}, n.Secret...), psk[:]
		v.Hello, v.Beacon, v.Open = hello[:], beacon[:], open[:]
		return v
	}
	secret := wire.Hash("x").String()
	generateAll := func() []networkVector {
		return []networkVector{
			fill(networkVector{Name: "secret", File: "office\n" + secret + "\n"}),
			fill(networkVector{Name: "open", File: "picnic\nopen\n"}),
			fill(networkVector{Name: "passphrase", File: "ship\npassphrase: café at sea\n"}),
			fill(networkVector{Name: "upper-case-secret", File: "office\n" + strings.ToUpper(secret) + "\n"}),
			fill(networkVector{Name: "short-passphrase", File: "ship\npassphrase: sea\n"}),
			fill(networkVector{Name: "no-secret-line", File: "office\n"}),
		}
	}
	for _, v := range family(t, "networks.json", generateAll, func(v networkVector) bool { return v.Error }) {
		t.Run(v.Name, func(t *testing.T) {
			if got := fill(v); fmt.Sprint(got) != fmt.Sprint(v) {
				t.Errorf("got %+v\nwant %+v", got, v)
			}
		})
	}
}

func TestEveryFuzzTargetHasItsSeeds(t *testing.T) {
	seeds := map[string]map[string][]byte{"FuzzParseBundle": {}, "FuzzParseNetworkFile": {}, "FuzzParseKey": {}}
	for _, v := range family[bundleVector](t, "bundles.json", nil, nil) {
		seeds["FuzzParseBundle"][v.Name] = v.Bundle
	}
	for _, v := range family[networkVector](t, "networks.json", nil, nil) {
		seeds["FuzzParseNetworkFile"][v.Name] = []byte(v.File)
	}
	file := wire.AppendUint(wire.AppendStr(wire.AppendArray(nil, 7), keyMagic), uint64(Ed25519))
	file = wire.AppendBin(wire.AppendBin(file, make([]byte, 32)), bytes.Repeat([]byte{1}, 32))
	file = wire.AppendArray(wire.AppendStr(wire.AppendUint(file, 1), "ada"), 1)
	file = wire.AppendBin(file, bytes.Repeat([]byte{2}, 32))
	if _, err := parseKey(file); err != nil {
		t.Fatal(err)
	}
	seeds["FuzzParseKey"]["whole"], seeds["FuzzParseKey"]["cut"] = file, file[:len(file)-3]
	for target, inputs := range seeds {
		dir := filepath.Join("testdata", "fuzz", target)
		for name, b := range inputs {
			want := fmt.Appendf(nil, "go test fuzz v1\n[]byte(%q)\n", b)
			if *update {
				if err := os.MkdirAll(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), want, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s of %s is not the seed that the vectors give (%v); go test ./handshake/identity -update", name, target, err)
			}
		}
	}
}
