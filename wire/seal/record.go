package seal

import (
	"crypto/cipher"
	"encoding/binary"
	"hash"
)

// recordAD is generation, counter and length field, in front of the ciphertext
// in the input of a record's tag.
const recordAD = 8 + 8 + 4

// cachePiece is how much is encrypted before it is authenticated, in bytes:
// well inside the 32 KiB of first-level cache that every current core has.
const cachePiece = 8 << 10

// nonce is the state that sealing and opening records share.
type nonce struct {
	mac hash.Hash
	gen cipher.Block
	ad  [recordAD]byte
	iv  [IVSize]byte
	sum [TagSize]byte
}

// begin computes the record's IV and starts its tag.
func (n *nonce) begin(generation, counter uint64, length int) {
	binary.BigEndian.PutUint64(n.ad[0:], generation)
	binary.BigEndian.PutUint64(n.ad[8:], counter)
	binary.BigEndian.PutUint32(n.ad[16:], uint32(length))
	n.gen.Encrypt(n.iv[:], n.ad[:IVSize])
	n.mac.Reset()
	n.mac.Write(n.ad[:])
}

// A Sealer seals the records of one direction. It allocates nothing after
// NewSealer. It is not safe for concurrent use.
type Sealer struct {
	nonce
	cbc chain
}

// NewSealer returns a Sealer under the keys, which it copies.
func NewSealer(k *Keys) *Sealer {
	return &Sealer{
		nonce: nonce{mac: newMAC(&k.Mac), gen: mustAES(&k.IV)},
		cbc:   newChain(mustAES(&k.Enc), cipher.NewCBCEncrypter),
	}
}

// Seal seals in place the plaintext buf as the record of the given generation
// and counter, a pair that must never be used twice. The capacity of buf must
// be at least SealedSize(len(buf)); the result is that many bytes of it:
// ciphertext ‖ tag.
func (s *Sealer) Seal(buf []byte, generation, counter uint64) []byte {
	n := len(buf)
	sealed := buf[:SealedSize(n)]
	ct := sealed[:len(sealed)-TagSize]
	pad(ct, n)
	s.begin(generation, counter, len(sealed))
	s.cbc.start(s.iv[:])
	for rest := ct; len(rest) > 0; {
		// The tag's pass follows the cipher's while the piece is in the first-level cache.
		piece := rest[:min(len(rest), cachePiece)]
		s.cbc.mode.CryptBlocks(piece, piece)
		s.mac.Write(piece)
		rest = rest[len(piece):]
	}
	s.mac.Sum(ct)
	return sealed
}

// An Opener opens the records of one direction. It allocates nothing after
// NewOpener. It is not safe for concurrent use.
type Opener struct {
	nonce
	cbc chain
}

// NewOpener returns an Opener under the keys, which it copies.
func NewOpener(k *Keys) *Opener {
	return &Opener{
		nonce: nonce{mac: newMAC(&k.Mac), gen: mustAES(&k.IV)},
		cbc:   newChain(mustAES(&k.Enc), cipher.NewCBCDecrypter),
	}
}

// Open opens in place the record sealed = ciphertext ‖ tag of the given
// generation and counter and returns the plaintext, a part of sealed. When the
// tag is wrong it returns ErrOpen and leaves sealed as it was.
func (o *Opener) Open(sealed []byte, generation, counter uint64) ([]byte, error) {
	ct, tag, err := split(sealed)
	if err != nil {
		return nil, err
	}
	o.begin(generation, counter, len(sealed))
	o.mac.Write(ct)
	if !equal(o.mac.Sum(o.sum[:0]), tag) {
		return nil, ErrOpen
	}
	o.cbc.run(ct, ct, o.iv[:])
	return unpad(ct)
}
