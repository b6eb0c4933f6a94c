package discovery

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"parley/handshake/identity"
)

// identity.Network is what the Service is given.
var _ Network = identity.Network{}

var update = flag.Bool("update", false, "write the vectors anew")

const vectorFile = "../testdata/beacons/beacons.json"

// A vector is one datagram and what a receiver with the key makes of it.
type vector struct {
	Name     string `json:"name"`
	Key      string `json:"key"` // hexadecimal, as all bytes here
	Datagram string `json:"datagram"`
	Error    string `json:"error,omitempty"` // malformed, version or foreign; the rest is then absent

	Kind     Kind   `json:"kind,omitempty"`
	Port     uint16 `json:"port,omitempty"`
	Instance string `json:"instance,omitempty"`
	Salt     string `json:"salt,omitempty"`
	Counter  uint64 `json:"counter,omitempty"`
}

func testKey(first byte) (key [32]byte) {
	for i := range key {
		key[i] = first + byte(i)
	}
	return key
}

func sampleBeacon(kind Kind) Beacon {
	return Beacon{
		Kind: kind, Port: 19946, Counter: 7,
		Instance: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, Salt: [8]byte{0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7},
	}
}

// altered returns the sample announce with bytes put at an offset; remade says
// whether tag and mac are computed for what it then says.
func altered(key [32]byte, offset int, put []byte, remade bool) []byte {
	data := AppendBeacon(nil, &key, sampleBeacon(KindAnnounce))
	copy(data[offset:], put)
	if remade {
		tag := beaconHMAC(&key, tagLabel, data[offSalt:offTag])
		copy(data[offTag:offMAC], tag[:])
		mac := beaconHMAC(&key, macLabel, data[:offMAC])
		copy(data[offMAC:], mac[:])
	}
	return data
}

func makeVectors() []vector {
	key, other := testKey(0), testKey(0x80)
	var list []vector
	good := func(name string, b Beacon) {
		list = append(list, vector{
			Name: name, Key: hex.EncodeToString(key[:]), Datagram: hex.EncodeToString(AppendBeacon(nil, &key, b)),
			Kind: b.Kind, Port: b.Port, Instance: hex.EncodeToString(b.Instance[:]), Salt: hex.EncodeToString(b.Salt[:]), Counter: b.Counter,
		})
	}
	bad := func(name, why string, data []byte) {
		list = append(list, vector{Name: name, Key: hex.EncodeToString(key[:]), Datagram: hex.EncodeToString(data), Error: why})
	}
	good("announce", sampleBeacon(KindAnnounce))
	good("answer", sampleBeacon(KindAnswer))
	good("goodbye", sampleBeacon(KindGoodbye))
	noPort := sampleBeacon(KindAnnounce)
	noPort.Port = 0
	good("no-port", noPort)
	last := sampleBeacon(KindAnnounce)
	last.Counter, last.Port = 1<<64-1, 1<<16-1
	good("largest-numbers", last)

	sample := altered(key, 0, nil, false)
	bad("empty", "malformed", nil)
	bad("wrong-magic", "malformed", altered(key, 0, []byte("PLYC"), true))
	bad("truncated", "malformed", sample[:BeaconSize-1])
	bad("trailing-byte", "malformed", append(bytes.Clone(sample), 0))
	bad("later-version", "version", altered(key, offVersion, []byte{2}, true))
	bad("later-version-longer", "version", append(altered(key, offVersion, []byte{2}, true), 0, 0))
	bad("kind-zero", "malformed", altered(key, offKind, []byte{0}, true))
	bad("kind-unknown", "malformed", altered(key, offKind, []byte{4}, true))
	bad("instance-zero", "malformed", altered(key, offInstance, make([]byte, 8), true))
	bad("counter-zero", "malformed", altered(key, offCounter, make([]byte, 8), true))
	bad("other-network", "foreign", AppendBeacon(nil, &other, sampleBeacon(KindAnnounce)))
	bad("altered-tag", "foreign", altered(key, offTag, []byte{0}, false))
	bad("altered-port", "malformed", altered(key, offPort, []byte{0, 22}, false))
	bad("wrong-mac", "malformed", altered(key, BeaconSize-1, []byte{sample[BeaconSize-1] ^ 1}, false))
	return list
}

func TestBeaconVectors(t *testing.T) {
	if *update {
		text, err := json.MarshalIndent(makeVectors(), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(vectorFile), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorFile, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	list := readVectors(t)
	kinds, errs := make(map[Kind]bool), make(map[string]bool)
	for _, v := range list {
		t.Run(v.Name, func(t *testing.T) {
			key := [32]byte(unhex(t, v.Key))
			data := unhex(t, v.Datagram)
			b, err := ParseBeacon(&key, data)
			errs[v.Error], kinds[b.Kind] = true, true
			if want := map[string]error{"malformed": ErrMalformed, "version": ErrVersion, "foreign": ErrForeign, "": nil}[v.Error]; !errors.Is(err, want) {
				t.Fatalf("error %v, not %v", err, want)
			}
			if v.Error != "" {
				return
			}
			want := Beacon{Kind: v.Kind, Port: v.Port, Instance: [8]byte(unhex(t, v.Instance)), Salt: [8]byte(unhex(t, v.Salt)), Counter: v.Counter}
			if b != want {
				t.Errorf("read %+v, not %+v", b, want)
			}
			if got := AppendBeacon(nil, &key, want); !bytes.Equal(got, data) {
				t.Errorf("written %x, not %x", got, data)
			}
		})
	}
	for _, k := range []Kind{KindAnnounce, KindAnswer, KindGoodbye} {
		if !kinds[k] {
			t.Errorf("no vector of kind %d", k)
		}
	}
	for _, e := range []string{"malformed", "version", "foreign"} {
		if !errs[e] {
			t.Errorf("no vector of error %q", e)
		}
	}
}

func readVectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestABeaconWithAnyBitAlteredOrCutShortIsRefused(t *testing.T) {
	key := testKey(0)
	data := AppendBeacon(nil, &key, sampleBeacon(KindAnnounce))
	if len(data) != BeaconSize {
		t.Fatalf("a beacon has %d bytes, not %d", len(data), BeaconSize)
	}
	for bit := range len(data) * 8 {
		data[bit/8] ^= 1 << (bit % 8)
		if _, err := ParseBeacon(&key, data); err == nil {
			t.Errorf("accepted with bit %d altered", bit)
		}
		data[bit/8] ^= 1 << (bit % 8)
	}
	for n := range len(data) {
		if _, err := ParseBeacon(&key, data[:n]); err == nil {
			t.Errorf("accepted when cut to %d bytes", n)
		}
	}
	if _, err := ParseBeacon(&key, data); err != nil {
		t.Errorf("refused unaltered: %v", err)
	}
}

func TestTheTagDiffersInEveryBeacon(t *testing.T) {
	key := testKey(0)
	b := sampleBeacon(KindAnnounce)
	first := AppendBeacon(nil, &key, b)
	b.Counter++
	second := AppendBeacon(nil, &key, b)
	if bytes.Equal(first[offTag:offMAC], second[offTag:offMAC]) {
		t.Error("two beacons of one sender bear the same tag, which shows their network")
	}
}

func FuzzParseBeacon(f *testing.F) {
	for _, v := range readVectors(f) {
		f.Add(unhex(f, v.Datagram))
	}
	key := testKey(0)
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ReadBeacon(data)
		if err != nil {
			return
		}
		// What is read and signed by a holder of the key is read the same again, and
		// what is accepted has one encoding only.
		again := AppendBeacon(nil, &key, b)
		if !bytes.Equal(again[:offTag], data[:offTag]) {
			t.Fatalf("%x is written again as %x", data, again)
		}
		_, perr := ParseBeacon(&key, data)
		cerr := CheckBeacon(&key, data)
		if (perr == nil) != (cerr == nil) {
			t.Fatalf("%x: read with %v, checked with %v", data, perr, cerr)
		}
		if cerr == nil && !bytes.Equal(again, data) {
			t.Fatalf("%x is accepted beside %x", data, again)
		}
	})
}
