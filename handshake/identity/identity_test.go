package identity

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"parley/wire"
)

func generate(t testing.TB, name string) *Private {
	t.Helper()
	p, err := Generate(Ed25519, name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAnIDIsTheHashOfAlgorithmAndKey(t *testing.T) {
	p := generate(t, "ada")
	if want := wire.ID(sha256.Sum256(p.Public())); p.ID() != want || p.Bundle().ID() != want || p.Public()[0] != Ed25519 {
		t.Fatalf("ID %s, bundle's %s, want %s", p.ID(), p.Bundle().ID(), want)
	}
}

func TestReservedAlgorithmsAreRefused(t *testing.T) {
	for _, algorithm := range []byte{0, ECDSAP256, RSAPSS, 255} {
		if _, err := Generate(algorithm, "x"); !errors.Is(err, ErrAlgorithm) {
			t.Errorf("algorithm %d: %v", algorithm, err)
		}
	}
	p := generate(t, "")
	sig := p.Sign("c", []byte("x"))
	for _, key := range []PublicKey{nil, {}, {Ed25519}, p.Public()[:32], append(bytes.Clone(p.Public()), 0), append(PublicKey{ECDSAP256}, p.Public()[1:]...)} {
		if key.Check() == nil || Verify(key, "c", sig, []byte("x")) {
			t.Errorf("key %x accepted", key)
		}
	}
}

func TestASignatureHoldsForItsContextAndFieldsOnly(t *testing.T) {
	p := generate(t, "ada")
	sig := p.Sign("run", []byte("ab"), []byte("c"))
	if !Verify(p.Public(), "run", sig, []byte("ab"), []byte("c")) {
		t.Fatal("own signature refused")
	}
	if Verify(p.Public(), "entry", sig, []byte("ab"), []byte("c")) {
		t.Error("accepted in another context")
	}
	if Verify(p.Public(), "run", sig, []byte("a"), []byte("bc")) {
		t.Error("accepted with the fields cut elsewhere")
	}
	if Verify(generate(t, "").Public(), "run", sig, []byte("ab"), []byte("c")) {
		t.Error("accepted for another key")
	}
	for i := range sig {
		bad := bytes.Clone(sig)
		bad[i] ^= 1
		if Verify(p.Public(), "run", bad, []byte("ab"), []byte("c")) {
			t.Fatalf("accepted with byte %d altered", i)
		}
	}
	long := bytes.Repeat([]byte{7}, 4096)
	if !Verify(p.Public(), "run", p.Sign("run", long), long) {
		t.Error("long field refused")
	}
}

func TestABundleIsRefusedWithAnyByteAlteredOrMissing(t *testing.T) {
	raw := generate(t, "Ada Lovelace").Bundle().Raw
	b, err := ParseBundle(raw)
	if err != nil || b.Name != "Ada Lovelace" || b.Number != 1 || len(b.Sealing) != SealingKeySize {
		t.Fatalf("%v, %v", b, err)
	}
	for i := range raw {
		bad := bytes.Clone(raw)
		bad[i] ^= 0x20
		if _, err := ParseBundle(bad); !errors.Is(err, ErrBundle) {
			t.Fatalf("byte %d altered: %v", i, err)
		}
		if _, err := ParseBundle(raw[:i]); !errors.Is(err, ErrBundle) {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
	if _, err := ParseBundle(append(bytes.Clone(raw), 0)); !errors.Is(err, ErrBundle) {
		t.Fatalf("a byte too many: %v", err)
	}
}

func TestABundleBreakingARuleIsRefusedThoughSigned(t *testing.T) {
	p := generate(t, "ada")
	cases := map[string]*Bundle{
		"number zero":       signBundle(p.signer, 0, p.now.Load().sealing[0].Public(), "ada"),
		"short sealing key": signBundle(p.signer, 1, p.now.Load().sealing[0].Public()[1:], "ada"),
		"direction in name": signBundle(p.signer, 1, p.now.Load().sealing[0].Public(), "ada\u202e"),
		"newline in name":   signBundle(p.signer, 1, p.now.Load().sealing[0].Public(), "a\nb"),
		"name too long":     signBundle(p.signer, 1, p.now.Load().sealing[0].Public(), strings.Repeat("x", MaxName+1)),
	}
	for name, b := range cases {
		if _, err := ParseBundle(b.Raw); !errors.Is(err, ErrBundle) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestANewNameIsABundleWithTheNextNumberAndTheSameID(t *testing.T) {
	p := generate(t, "ada")
	id := p.ID()
	if err := p.SetName("countess"); err != nil {
		t.Fatal(err)
	}
	b, err := ParseBundle(p.Bundle().Raw)
	if err != nil || b.Number != 2 || b.Name != "countess" || b.ID() != id {
		t.Fatalf("%+v, %v", b, err)
	}
	if err := p.SetName("a\x00b"); !errors.Is(err, ErrName) || p.Bundle().Number != 2 {
		t.Fatalf("bad name: %v, number %d", err, p.Bundle().Number)
	}
}

func TestSealedTextOpensForItsRecipientAndInfoOnly(t *testing.T) {
	p, other := generate(t, "ada"), generate(t, "eve")
	sealed, err := SealTo(p.Bundle().Sealing, []byte("here"), []byte("secret"))
	if err != nil || len(sealed) != len("secret")+SealOverhead {
		t.Fatalf("%d bytes, %v", len(sealed), err)
	}
	if got, err := p.OpenSealed([]byte("here"), sealed); err != nil || string(got) != "secret" {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := p.OpenSealed([]byte("there"), sealed); !errors.Is(err, ErrSealing) {
		t.Errorf("other info: %v", err)
	}
	if _, err := other.OpenSealed([]byte("here"), sealed); !errors.Is(err, ErrSealing) {
		t.Errorf("other key: %v", err)
	}
	for _, n := range []int{0, SealOverhead - 1, len(sealed) - 1} {
		if _, err := p.OpenSealed([]byte("here"), sealed[:n]); !errors.Is(err, ErrSealing) {
			t.Errorf("cut to %d: %v", n, err)
		}
	}
	if _, err := SealTo(p.Bundle().Sealing[:100], nil, nil); !errors.Is(err, ErrSealing) {
		t.Errorf("short key: %v", err)
	}
}

func TestKeysFromASeedAreTheSameEachTime(t *testing.T) {
	seed := [32]byte{1, 2, 3}
	a, b := SigningFromSeed(seed), SigningFromSeed(seed)
	if !bytes.Equal(a.Public(), b.Public()) || !Verify(a.Public(), "x", b.Sign("x")) {
		t.Error("signing keys differ")
	}
	s1, err1 := SealingFromSeed(seed[:])
	s2, err2 := SealingFromSeed(seed[:])
	if err1 != nil || err2 != nil || !bytes.Equal(s1.Public(), s2.Public()) {
		t.Error("sealing keys differ", err1, err2)
	}
	sealed, err := SealTo(s1.Public(), nil, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s2.Open(nil, sealed); err != nil || string(got) != "x" {
		t.Fatal(got, err)
	}
	if _, err := SealingFromSeed(seed[:31]); err == nil {
		t.Error("a short seed is accepted")
	}
}

func TestPrivateKeysDoNotShowWhenPrintedOrLogged(t *testing.T) {
	p := generate(t, "ada")
	n, err := NewNetwork("home")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("m", "p", p, "s", p.signer, "k", p.now.Load().sealing[0], "n", n)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb+verb+verb, p, p.signer, p.now.Load().sealing[0], n, &n)
	}
	sealing, err := p.now.Load().sealing[0].key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string][]byte{"signing key": p.signer.key.Seed(), "sealing key": sealing, "network secret": n.Secret} {
		for _, form := range []string{string(secret), fmt.Sprintf("%x", secret), fmt.Sprint(secret), wire.ID(secret).String(), fmt.Sprintf("%#v", secret)} {
			if strings.Contains(out.String(), form) {
				t.Errorf("the %s shows as %q", name, form)
			}
		}
	}
}

func TestAFingerprintIsTwelveWordsOfTheIDsFirstBits(t *testing.T) {
	if n := len(strings.Fields(wordList)); n != 2048 {
		t.Fatalf("%d words", n)
	}
	var id wire.ID
	if got := strings.Join(Fingerprint(id), " "); got != strings.TrimSpace(strings.Repeat("abandon ", 12)) {
		t.Errorf("zeros: %s", got)
	}
	for i := range id {
		id[i] = 0xff
	}
	if got := Fingerprint(id); len(got) != FingerprintWords || got[0] != "zoo" || got[11] != "zoo" {
		t.Errorf("ones: %s", got)
	}
	// 00000000001 00000000010 00000000011: words 1, 2, 3.
	id = wire.ID{0x00, 0x20, 0x08, 0x01, 0x80}
	if got := Fingerprint(id); got[0] != "ability" || got[1] != "able" || got[2] != "about" {
		t.Errorf("counting: %s", got)
	}
}

func TestClaimsNeverTurnTextAroundOrHoldControls(t *testing.T) {
	id := wire.ID{0xff, 0xff, 0xff}
	for name, want := range map[string]string{
		"Ada":                               "Ada·7777",
		"":                                  "unnamed·7777",
		"\u202eevil\u202c":                  "evil·7777",
		"a\x1b[31mb":                        "a[31mb·7777",
		"two  words\n\t here":               "two words here·7777",
		"\u200b\u2066\u2069":                "unnamed·7777",
		"bad\xffutf8":                       "badutf8·7777",
		"Ünïcode 名前":                        "Ünïcode 名前·7777",
		strings.Repeat("a", 1000):           "unnamed·7777",
		"x " + strings.Repeat("b", MaxName): "x·7777",
	} {
		if got := Claim(name, id); got != want {
			t.Errorf("Claim(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestNamesAreCheckedAgainstAClosedList(t *testing.T) {
	for _, name := range []string{"", "Ada", "名前", "👩‍💻", strings.Repeat("x", MaxName)} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"\x00", "\x7f", "\u0085", "\u061c", "\u200e", "\u202a", "\u2067", "\u2028", "\ufeff", "\ufff9", "\xff", strings.Repeat("x", MaxName+1)} {
		if err := CheckName(name); !errors.Is(err, ErrName) {
			t.Errorf("%q is accepted", name)
		}
	}
}
