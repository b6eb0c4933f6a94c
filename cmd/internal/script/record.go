package script

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"parley/wire"
	"parley/wire/seal"
)

// MaxPlaintext is the most that a record carries, in bytes (package session, "Records").
const MaxPlaintext = 65487

// The bounds of a generation (package session, "Rekeying").
const (
	maxGenerationRecords = 1 << 20
	maxGenerationBytes   = 8 << 30
)

// A Violation is a rule that the other side broke.
type Violation struct{ Rule string }

func (v *Violation) Error() string { return "the peer broke a rule: " + v.Rule }

func violated(format string, args ...any) error { return &Violation{fmt.Sprintf(format, args...)} }

// SealRecord is a whole record, length field included, of a padded plaintext
// for any place. It uses the standard library alone.
func SealRecord(k *seal.Keys, generation, counter uint64, padded []byte) []byte {
	place := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, generation), counter)
	iv := make([]byte, aes.BlockSize)
	mustAES(k.IV).Encrypt(iv, place)
	ct := make([]byte, len(padded))
	cipher.NewCBCEncrypter(mustAES(k.Enc), iv).CryptBlocks(ct, padded)
	record := binary.BigEndian.AppendUint32(nil, uint32(len(ct)+sha256.Size))
	mac := hmac.New(sha256.New, k.Mac[:])
	mac.Write(place)
	mac.Write(record)
	mac.Write(ct)
	return mac.Sum(append(record, ct...))
}

func mustAES(key [32]byte) cipher.Block {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // only for a key of another size
	}
	return block
}

// Pad is PKCS#7 padding to blocks of 16 bytes.
func Pad(plain []byte) []byte {
	p := byte(16 - len(plain)%16)
	out := append([]byte{}, plain...)
	for range p {
		out = append(out, p)
	}
	return out
}

// A Sealer makes the records of one direction. Its place may be set at will.
type Sealer struct {
	Traffic
	Generation, Counter uint64
}

// Record is the next record.
func (s *Sealer) Record(plain []byte) []byte {
	b := SealRecord(&s.Keys, s.Generation, s.Counter, Pad(plain))
	s.Counter++
	return b
}

// Rekey is the empty record, behind which the next generation begins.
func (s *Sealer) Rekey() []byte {
	b := s.Record(nil)
	s.Traffic = s.Advance()
	s.Generation, s.Counter = s.Generation+1, 0
	return b
}

// An Opener opens the records of one direction, and refuses whatever a
// receiver must refuse.
type Opener struct {
	Traffic
	Generation, Counter uint64

	bytes uint64
}

// CheckLength judges a record's length field.
func CheckLength(n uint32) error {
	if n < 48 || n > wire.MaxRecord-4 || n%16 != 0 {
		return violated("a record's length is 48 to 65532 and a multiple of 16, not %d", n)
	}
	return nil
}

// Open opens the next record, length field included. The plaintext of a
// record that rekeys is empty.
func (o *Opener) Open(record []byte) ([]byte, error) {
	if len(record) < 4 || CheckLength(binary.BigEndian.Uint32(record)) != nil || len(record) != 4+int(binary.BigEndian.Uint32(record)) {
		return nil, violated("a record of %d bytes", len(record))
	}
	sealed := append([]byte{}, record[4:]...)
	plain, err := seal.NewOpener(&o.Keys).Open(sealed, o.Generation, o.Counter)
	if err != nil {
		return nil, violated("record %d of generation %d does not open", o.Counter, o.Generation)
	}
	o.Counter++
	o.bytes += uint64(len(record))
	if o.Counter > maxGenerationRecords || o.bytes > maxGenerationBytes {
		return nil, violated("more sealed under one generation than 2^20 records and 8 GiB")
	}
	if len(plain) == 0 {
		if o.Counter == 1 {
			return nil, violated("a generation of nothing but the record that ends it")
		}
		o.Traffic = o.Advance()
		o.Generation, o.Counter, o.bytes = o.Generation+1, 0, 0
	}
	return plain, nil
}
