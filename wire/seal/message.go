package seal

import (
	"crypto/cipher"
	"encoding/binary"
	"hash"
	"slices"
)

// A State seals and opens messages with explicit IV and associated data under
// one pair of keys. Beyond growing dst it allocates nothing after NewState, so
// it is worth keeping for more than one message. It is not safe for concurrent use.
type State struct {
	mac      hash.Hash
	enc, dec chain
	iv       [IVSize]byte
	bits     [8]byte
	sum      [TagSize]byte
}

// NewState returns a State under k.Enc and k.Mac, which it copies; k.IV is not used.
func NewState(k *Keys) *State {
	block := mustAES(&k.Enc)
	return &State{
		mac: newMAC(&k.Mac),
		enc: newChain(block, cipher.NewCBCEncrypter),
		dec: newChain(block, cipher.NewCBCDecrypter),
	}
}

// tag appends to dst the tag of ad, the IV and the ciphertext.
func (s *State) tag(dst, ad, ct []byte) []byte {
	binary.BigEndian.PutUint64(s.bits[:], uint64(len(ad))*8)
	s.mac.Reset()
	s.mac.Write(ad)
	s.mac.Write(s.iv[:])
	s.mac.Write(ct)
	s.mac.Write(s.bits[:])
	return s.mac.Sum(dst)
}

// Seal appends ciphertext ‖ tag, SealedSize(len(plaintext)) bytes, to dst and
// returns the extended slice. The iv of 16 bytes must be unpredictable. To seal
// in place, give plaintext[:0] as dst with capacity enough; any other overlap
// is not allowed.
func (s *State) Seal(dst, iv, ad, plaintext []byte) []byte {
	copy(s.iv[:], iv[:IVSize])
	n := SealedSize(len(plaintext))
	dst = slices.Grow(dst, n)
	ct := dst[len(dst) : len(dst)+n-TagSize]
	copy(ct, plaintext)
	pad(ct, len(plaintext))
	s.enc.run(ct, ct, s.iv[:])
	return s.tag(dst[:len(dst)+len(ct)], ad, ct)
}

// Open appends the plaintext of sealed = ciphertext ‖ tag to dst and returns
// the extended slice, or ErrOpen with dst's bytes beyond its length undefined.
// To open in place, give sealed[:0] as dst; any other overlap is not allowed.
func (s *State) Open(dst, iv, ad, sealed []byte) ([]byte, error) {
	ct, tag, err := split(sealed)
	if err != nil || len(iv) != IVSize {
		return nil, ErrOpen
	}
	copy(s.iv[:], iv)
	if !equal(s.tag(s.sum[:0], ad, ct), tag) {
		return nil, ErrOpen
	}
	dst = slices.Grow(dst, len(ct))
	out := dst[len(dst) : len(dst)+len(ct)]
	s.dec.run(out, ct, s.iv[:])
	plain, err := unpad(out)
	if err != nil {
		return nil, err
	}
	return dst[:len(dst)+len(plain)], nil
}
