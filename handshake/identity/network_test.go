package identity

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"parley/wire"
)

func TestANetworkFileBringsTheSameNetworkBack(t *testing.T) {
	closed, err := NewNetwork("Main Office")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []Network{closed, {Name: "open air"}} {
		back, err := ParseNetworkFile(n.Marshal())
		if err != nil || back.Name != n.Name || !bytes.Equal(back.Secret, n.Secret) || back.PSK() != n.PSK() {
			t.Errorf("%s: %v, %v", n.Name, back, err)
		}
		if strings.Count(string(n.Marshal()), "\n") != 2 {
			t.Errorf("not two lines: %q", n.Marshal())
		}
	}
}

func TestAPassphraseGivesOneSecretPerNetworkNameHoweverItIsTyped(t *testing.T) {
	parse := func(content string) Network {
		t.Helper()
		n, err := ParseNetworkFile([]byte(content))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	composed := parse("ship\npassphrase: caf\u00e9 at sea\n")
	decomposed := parse("\ufeffship\r\n\r\n  passphrase:cafe\u0301 at sea  \r\n")
	if !bytes.Equal(composed.Secret, decomposed.Secret) {
		t.Error("composed and decomposed forms differ")
	}
	if other := parse("boat\npassphrase: caf\u00e9 at sea\n"); bytes.Equal(other.Secret, composed.Secret) {
		t.Error("the name is no salt")
	}
	if again := parse(string(composed.Marshal())); again.PSK() != composed.PSK() {
		t.Error("the secret's own file gives another network")
	}
}

func TestMalformedNetworkFilesAreRefused(t *testing.T) {
	secret := wire.Hash("x").String()
	for name, content := range map[string]string{
		"empty":               "",
		"one line":            "name\n",
		"three lines":         "name\n" + secret + "\nmore\n",
		"upper case":          "name\n" + strings.ToUpper(secret) + "\n",
		"short secret":        "name\n" + secret[1:] + "\n",
		"long name":           strings.Repeat("n", MaxNetworkName+1) + "\n" + secret + "\n",
		"control in the name": "na\x07me\n" + secret + "\n",
		"short passphrase":    "name\npassphrase: 123456789\n",
		"too long":            "name\n" + strings.Repeat(" ", maxNetworkFile) + secret + "\n",
	} {
		if n, err := ParseNetworkFile([]byte(content)); !errors.Is(err, ErrNetwork) {
			t.Errorf("%s: %v, %v", name, n, err)
		}
	}
	if _, err := NewNetwork(" x"); !errors.Is(err, ErrNetwork) {
		t.Error("a name with an outer space is accepted")
	}
	if err := (Network{Name: "x", Secret: []byte("short")}).Check(); !errors.Is(err, ErrNetwork) {
		t.Error("a short secret is accepted")
	}
}

func TestNetworkKeysDifferByUseNameAndSecret(t *testing.T) {
	seen := map[[32]byte]string{}
	add := func(what string, key [32]byte) {
		t.Helper()
		if other, ok := seen[key]; ok {
			t.Errorf("%s equals %s", what, other)
		}
		seen[key] = what
	}
	for _, n := range []Network{{Name: "a"}, {Name: "b"}, {Name: "a", Secret: make([]byte, 32)}} {
		add(n.Name+" psk", n.PSK())
		for _, use := range []string{"hello", "beacon", "open"} {
			add(n.Name+" "+use, n.Key(use))
		}
	}
	if want := wire.Hash("network", []byte("a"), nil); (Network{Name: "a"}).PSK() != want {
		t.Error("the open network's PSK is not H(network, name, nothing)")
	}
}

func FuzzParseNetworkFile(f *testing.F) {
	f.Add([]byte("name\n" + wire.Hash("x").String() + "\n"))
	f.Add([]byte("name\nopen\n"))
	f.Add([]byte("\ufeffname\r\nopen"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if bytes.Contains(content, []byte(passphraseLine)) {
			return // scrypt would be all that is measured
		}
		n, err := ParseNetworkFile(content)
		if err != nil {
			return
		}
		back, err := ParseNetworkFile(n.Marshal())
		if err != nil || back.PSK() != n.PSK() || n.Check() != nil {
			t.Fatalf("%q gives %v, which gives %v (%v)", content, n, back, err)
		}
	})
}

func FuzzParseBundle(f *testing.F) {
	p := generate(f, "ada")
	f.Add(p.Bundle().Raw)
	f.Add([]byte{0x96, 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := ParseBundle(raw)
		if read, rerr := ReadBundle(raw); err == nil && (rerr != nil || read.ID() != b.ID()) {
			t.Fatalf("verified, and not read: %v", rerr)
		}
		if err != nil {
			return
		}
		if prefix := b.appendUnsigned(nil); !bytes.HasPrefix(raw, prefix) {
			t.Fatalf("accepted %x, encodes to %x", raw, prefix)
		}
	})
}
