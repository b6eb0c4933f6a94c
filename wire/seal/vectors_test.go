package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write our own vectors anew")

const vectorDir = "../../testdata/seal"

// hexBytes is a byte string written in hexadecimal in a vector.
type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexBytes) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	*h = b
	return err
}

func (h hexBytes) key(t *testing.T) (k [KeySize]byte) {
	t.Helper()
	if len(h) != KeySize {
		t.Fatalf("a key of %d bytes", len(h))
	}
	return [KeySize]byte(h)
}

func load[T any](t *testing.T, file string) []T {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(vectorDir, file))
	if err != nil {
		t.Fatal(err)
	}
	var family []T
	if err := json.Unmarshal(raw, &family); err != nil {
		t.Fatal(err)
	}
	if len(family) == 0 {
		t.Fatalf("%s is empty", file)
	}
	return family
}

func save(t *testing.T, file string, family any) {
	t.Helper()
	out, err := json.MarshalIndent(family, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(vectorDir, file), append(out, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// stream returns n bytes that follow from a name: the vectors' inputs.
func stream(name string, n int) []byte {
	var out []byte
	for i := uint32(0); len(out) < n; i++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint32([]byte(name), i))
		out = append(out, sum[:]...)
	}
	return out[:n]
}

func TestPublishedVectorsOfAES256(t *testing.T) {
	type vector struct {
		Name, Source, Mode             string
		Key, IV, Plaintext, Ciphertext hexBytes
	}
	seen := map[string]bool{}
	for _, v := range load[vector](t, "published-aes256.json") {
		t.Run(v.Name, func(t *testing.T) {
			seen[v.Mode] = true
			switch v.Mode {
			case "CBC":
				s := NewState(&Keys{Enc: v.Key.key(t)})
				sealed := s.Seal(nil, v.IV, nil, v.Plaintext)
				// A block of padding and the tag follow.
				if got := sealed[:len(v.Plaintext)]; !bytes.Equal(got, v.Ciphertext) {
					t.Errorf("encrypts to %x", got)
				}
				if got, err := s.Open(nil, v.IV, nil, sealed); err != nil || !bytes.Equal(got, v.Plaintext) {
					t.Errorf("decrypts to %x (%v)", got, err)
				}
			case "ECB": // one block, as for the IV of a record
				s := NewSealer(&Keys{IV: v.Key.key(t)})
				s.begin(binary.BigEndian.Uint64(v.Plaintext), binary.BigEndian.Uint64(v.Plaintext[8:]), 0)
				if !bytes.Equal(s.iv[:], v.Ciphertext) {
					t.Errorf("IV %x", s.iv)
				}
			default:
				t.Errorf("unknown mode %q", v.Mode)
			}
		})
	}
	if !seen["CBC"] || !seen["ECB"] {
		t.Error("a mode has no vector")
	}
}

func TestPublishedVectorsOfHMAC(t *testing.T) {
	type vector struct {
		Name, Source   string
		Key, Data, Tag hexBytes
	}
	for _, v := range load[vector](t, "published-hmac-sha256.json") {
		t.Run(v.Name, func(t *testing.T) {
			// HMAC pads a short key with zeros and hashes one over 64 bytes, so
			// every published key has an equal one of 32 bytes.
			var key [KeySize]byte
			if len(v.Key) > 64 {
				key = sha256.Sum256(v.Key)
			} else {
				copy(key[:], v.Key)
			}
			mac := newMAC(&key)
			for range 2 { // the second time from the kept states
				mac.Reset()
				mac.Write(v.Data)
				if got := mac.Sum(nil); !bytes.Equal(got[:len(v.Tag)], v.Tag) {
					t.Errorf("tag %x", got)
				}
			}
		})
	}
}

// A recordVector is one record as it is on the wire behind its length field.
type recordVector struct {
	Name       string
	Enc        hexBytes
	Mac        hexBytes
	IV         hexBytes
	Generation uint64
	Counter    uint64
	Plaintext  hexBytes `json:",omitempty"`
	Sealed     hexBytes
	Refused    bool `json:",omitempty"`
}

func recordVectors() []recordVector {
	enc, mac, iv := stream("enc", KeySize), stream("mac", KeySize), stream("iv", KeySize)
	keys := &Keys{Enc: [KeySize]byte(enc), Mac: [KeySize]byte(mac), IV: [KeySize]byte(iv)}
	make1 := func(name string, g, c uint64, n int) recordVector {
		plain := stream(name, n)
		buf := append(make([]byte, 0, SealedSize(n)), plain...)
		return recordVector{name, enc, mac, iv, g, c, plain, NewSealer(keys).Seal(buf, g, c), false}
	}
	all := []recordVector{
		make1("empty", 0, 0, 0),
		make1("one-byte", 0, 1, 1),
		make1("one-byte-short-of-a-block", 0, 2, 15),
		make1("a-whole-block-gets-a-block-of-padding", 0, 3, 16),
		make1("the-counter-changes-the-iv", 0, 4, 300),
		make1("a-later-generation", 7, 0, 64),
		make1("numbers-of-64-bits", 1<<63+1, 1<<40+3, 33),
	}
	refused := func(name string, change func(*recordVector)) {
		v := make1(name, 1, 2, 40)
		v.Plaintext, v.Refused = nil, true
		change(&v)
		all = append(all, v)
	}
	refused("wrong-tag", func(v *recordVector) { v.Sealed[len(v.Sealed)-1] ^= 1 })
	refused("altered-ciphertext", func(v *recordVector) { v.Sealed[0] ^= 0x80 })
	refused("replayed-record", func(v *recordVector) { v.Counter++ })
	refused("record-of-another-generation", func(v *recordVector) { v.Generation-- })
	refused("wrong-mac-key", func(v *recordVector) { v.Mac = stream("other", KeySize) })
	refused("cut-by-a-block", func(v *recordVector) {
		v.Sealed = append(v.Sealed[:16], v.Sealed[32:]...)
	})
	refused("not-whole-blocks", func(v *recordVector) { v.Sealed = v.Sealed[1:] })
	refused("tag-only", func(v *recordVector) { v.Sealed = v.Sealed[len(v.Sealed)-TagSize:] })
	refused("nothing", func(v *recordVector) { v.Sealed = v.Sealed[:0] })
	// Under a good tag, padding that PKCS#7 does not make.
	padded := func(name string, block []byte) {
		s := NewSealer(keys)
		s.begin(1, 2, len(block)+TagSize)
		s.cbc.run(block, block, s.iv[:])
		s.mac.Write(block)
		all = append(all, recordVector{name, enc, mac, iv, 1, 2, nil, s.mac.Sum(block), true})
	}
	padded("padding-of-zero", append(stream("x", 15), 0))
	padded("padding-over-a-block", append(stream("x", 15), 17))
	padded("padding-not-of-one-value", append(stream("x", 13), 4, 3, 3))
	return all
}

func TestVectorsOfRecords(t *testing.T) {
	const file = "records.json"
	if *update {
		save(t, file, recordVectors())
	}
	refused := 0
	for _, v := range load[recordVector](t, file) {
		t.Run(v.Name, func(t *testing.T) {
			keys := &Keys{Enc: v.Enc.key(t), Mac: v.Mac.key(t), IV: v.IV.key(t)}
			got, err := NewOpener(keys).Open(bytes.Clone(v.Sealed), v.Generation, v.Counter)
			if v.Refused {
				refused++
				if !errors.Is(err, ErrOpen) {
					t.Fatalf("opened as %x (%v)", got, err)
				}
				return
			}
			if err != nil || !bytes.Equal(got, v.Plaintext) {
				t.Fatalf("opened as %x (%v)", got, err)
			}
			buf := append(make([]byte, 0, len(v.Sealed)), v.Plaintext...)
			if again := NewSealer(keys).Seal(buf, v.Generation, v.Counter); !bytes.Equal(again, v.Sealed) {
				t.Fatalf("seals to %x", again)
			}
		})
	}
	if refused == 0 {
		t.Error("the family has no refused record")
	}
}

// A messageVector is one sealed message.
type messageVector struct {
	Name      string
	Enc       hexBytes
	Mac       hexBytes
	IV        hexBytes
	AD        hexBytes
	Plaintext hexBytes `json:",omitempty"`
	Sealed    hexBytes
	Refused   bool `json:",omitempty"`
}

func messageVectors() []messageVector {
	enc, mac := stream("enc", KeySize), stream("mac", KeySize)
	keys := &Keys{Enc: [KeySize]byte(enc), Mac: [KeySize]byte(mac)}
	make1 := func(name string, ad, n int) messageVector {
		iv, data, plain := stream(name+"-iv", IVSize), stream(name+"-ad", ad), stream(name, n)
		return messageVector{name, enc, mac, iv, data, plain, NewState(keys).Seal(nil, iv, data, plain), false}
	}
	all := []messageVector{
		make1("empty", 0, 0),
		make1("associated-data-only", 20, 0),
		make1("a-short-text", 32, 5),
		make1("a-whole-block-gets-a-block-of-padding", 1, 32),
		make1("several-blocks", 200, 301),
	}
	refused := func(name string, change func(*messageVector)) {
		v := make1(name, 16, 40)
		v.Plaintext, v.Refused = nil, true
		change(&v)
		all = append(all, v)
	}
	refused("wrong-tag", func(v *messageVector) { v.Sealed[len(v.Sealed)-TagSize] ^= 1 })
	refused("altered-ciphertext", func(v *messageVector) { v.Sealed[20] ^= 1 })
	refused("altered-iv", func(v *messageVector) { v.IV[0] ^= 1 })
	refused("altered-associated-data", func(v *messageVector) { v.AD[15] ^= 1 })
	refused("associated-data-moved-into-the-iv", func(v *messageVector) {
		v.AD, v.IV = v.AD[:0], v.AD
	})
	refused("iv-and-ciphertext-moved-into-the-associated-data", func(v *messageVector) {
		v.AD = append(v.AD, v.IV...)
		v.IV, v.Sealed = v.Sealed[:IVSize], v.Sealed[IVSize:]
	})
	refused("wrong-mac-key", func(v *messageVector) { v.Mac = stream("other", KeySize) })
	refused("not-whole-blocks", func(v *messageVector) { v.Sealed = v.Sealed[1:] })
	refused("tag-only", func(v *messageVector) { v.Sealed = v.Sealed[len(v.Sealed)-TagSize:] })
	return all
}

func TestVectorsOfMessages(t *testing.T) {
	const file = "messages.json"
	if *update {
		save(t, file, messageVectors())
	}
	refused := 0
	for _, v := range load[messageVector](t, file) {
		t.Run(v.Name, func(t *testing.T) {
			s := NewState(&Keys{Enc: v.Enc.key(t), Mac: v.Mac.key(t)})
			got, err := s.Open(nil, v.IV, v.AD, v.Sealed)
			if v.Refused {
				refused++
				if !errors.Is(err, ErrOpen) {
					t.Fatalf("opened as %x (%v)", got, err)
				}
				return
			}
			if err != nil || !bytes.Equal(got, v.Plaintext) {
				t.Fatalf("opened as %x (%v)", got, err)
			}
			if again := s.Seal(nil, v.IV, v.AD, v.Plaintext); !bytes.Equal(again, v.Sealed) {
				t.Fatalf("seals to %x", again)
			}
		})
	}
	if refused == 0 {
		t.Error("the family has no refused message")
	}
}
