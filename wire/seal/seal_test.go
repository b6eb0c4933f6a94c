package seal

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func testKeys() *Keys {
	k := new(Keys)
	copy(k.Enc[:], stream("enc", KeySize))
	copy(k.Mac[:], stream("mac", KeySize))
	copy(k.IV[:], stream("iv", KeySize))
	return k
}

func TestRecordsOpenAsTheyWereSealed(t *testing.T) {
	s, o := NewSealer(testKeys()), NewOpener(testKeys())
	for n := range 200 {
		plain := stream("plain", n)
		buf := append(make([]byte, 0, SealedSize(n)), plain...)
		sealed := s.Seal(buf, 3, uint64(n))
		if len(sealed) != SealedSize(n) || len(sealed) > n+BlockSize+TagSize {
			t.Fatalf("%d bytes seal to %d", n, len(sealed))
		}
		got, err := o.Open(sealed, 3, uint64(n))
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes open as %x (%v)", n, got, err)
		}
	}
}

func TestARecordWithOneByteAlteredIsRefusedAndLeftAsItWas(t *testing.T) {
	sealed := NewSealer(testKeys()).Seal(append(make([]byte, 0, 200), stream("plain", 50)...), 0, 9)
	o := NewOpener(testKeys())
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 0x10
		before := bytes.Clone(bad)
		if _, err := o.Open(bad, 0, 9); !errors.Is(err, ErrOpen) {
			t.Fatalf("accepted with byte %d altered", i)
		}
		if !bytes.Equal(bad, before) {
			t.Fatalf("decrypted before the tag was checked, byte %d", i)
		}
	}
	for i := range sealed {
		if _, err := o.Open(bytes.Clone(sealed[:i]), 0, 9); !errors.Is(err, ErrOpen) {
			t.Fatalf("a prefix of %d bytes is accepted", i)
		}
	}
	if _, err := o.Open(sealed, 0, 9); err != nil {
		t.Fatalf("refused after bad ones: %v", err)
	}
}

func TestMessagesOpenInPlaceAndBesideTheSealedBytes(t *testing.T) {
	s := NewState(testKeys())
	iv, ad := stream("an iv", IVSize), stream("ad", 77)
	for n := range 100 {
		plain := stream("plain", n)
		head := []byte("head")
		sealed := s.Seal(head, iv, ad, plain)[len(head):]
		inPlace := append(make([]byte, 0, SealedSize(n)), plain...)
		if inPlace = s.Seal(inPlace[:0], iv, ad, inPlace); !bytes.Equal(inPlace, sealed) {
			t.Fatalf("%d bytes sealed in place differ", n)
		}
		got, err := s.Open(head, iv, ad, sealed)
		if err != nil || string(got) != "head"+string(plain) {
			t.Fatalf("%d bytes open as %x (%v)", n, got, err)
		}
		if !bytes.Equal(sealed, inPlace) {
			t.Fatal("opening beside the sealed bytes altered them")
		}
		got, err = s.Open(inPlace[:0], iv, ad, inPlace)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes open in place as %x (%v)", n, got, err)
		}
	}
}

func TestSealingAndOpeningAllocateNothing(t *testing.T) {
	s, o, m := NewSealer(testKeys()), NewOpener(testKeys()), NewState(testKeys())
	buf := make([]byte, 1024, SealedSize(1024))
	iv, ad, out := make([]byte, IVSize), make([]byte, 100), make([]byte, 0, SealedSize(1024))
	counter := uint64(0)
	if n := testing.AllocsPerRun(100, func() {
		sealed := s.Seal(buf, 0, counter)
		if _, err := o.Open(sealed, 0, counter); err != nil {
			t.Fatal(err)
		}
		counter++
	}); n != 0 {
		t.Errorf("%v allocations per record", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		sealed := m.Seal(out, iv, ad, buf)
		if _, err := m.Open(sealed[:0], iv, ad, sealed); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per message", n)
	}
}

func TestKeysDoNotShowInLogs(t *testing.T) {
	k := Keys{Enc: [KeySize]byte{0xab, 0xab, 0xab}}
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("keys", "value", k, "pointer", &k)
	fmt.Fprintf(&out, "%v %+v %#v %x %v", k, k, k, k, &k)
	for _, shown := range []string{"171", "ab", "AB"} {
		if strings.Contains(out.String(), shown) {
			t.Errorf("%q shows in %s", shown, out.String())
		}
	}
}

func FuzzOpenRecord(f *testing.F) {
	for _, v := range recordVectors() {
		f.Add([]byte(v.Sealed), v.Generation, v.Counter)
	}
	f.Fuzz(func(t *testing.T, sealed []byte, generation, counter uint64) {
		plain, err := NewOpener(testKeys()).Open(bytes.Clone(sealed), generation, counter)
		if err != nil {
			return
		}
		buf := append(make([]byte, 0, SealedSize(len(plain))), plain...)
		if again := NewSealer(testKeys()).Seal(buf, generation, counter); !bytes.Equal(again, sealed) {
			t.Fatalf("accepted %x, seals to %x", sealed, again)
		}
	})
}

var sizes = []int{64, 256, 1024, 16 << 10, 64 << 10}

func BenchmarkSealRecord(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, buf := NewSealer(testKeys()), make([]byte, n, SealedSize(n))
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for i := uint64(0); b.Loop(); i++ {
				s.Seal(buf, 0, i)
			}
		})
	}
}

func BenchmarkOpenRecord(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, o := NewSealer(testKeys()), NewOpener(testKeys())
			sealed := s.Seal(make([]byte, n, SealedSize(n)), 0, 0)
			buf := make([]byte, len(sealed))
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				copy(buf, sealed)
				if _, err := o.Open(buf, 0, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSealMessage(b *testing.B) {
	s, iv, ad := NewState(testKeys()), make([]byte, IVSize), make([]byte, 180)
	plain, out := make([]byte, 256), make([]byte, 0, SealedSize(256))
	b.SetBytes(256)
	b.ReportAllocs()
	for b.Loop() {
		s.Seal(out, iv, ad, plain)
	}
}

func BenchmarkOpenMessage(b *testing.B) {
	s, iv, ad := NewState(testKeys()), make([]byte, IVSize), make([]byte, 180)
	sealed, out := s.Seal(nil, iv, ad, make([]byte, 256)), make([]byte, 0, SealedSize(256))
	b.SetBytes(256)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Open(out, iv, ad, sealed); err != nil {
			b.Fatal(err)
		}
	}
}
