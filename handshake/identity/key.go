package identity

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"

	"parley/wire"
)

// The numbers of signature algorithms. Only Ed25519 is in use; the others are
// reserved, and refused.
const (
	Ed25519   byte = 1
	ECDSAP256 byte = 2 // reserved
	RSAPSS    byte = 3 // reserved
)

// The sizes in bytes of an encoded Ed25519 key (algorithm byte and key) and of
// a signature.
const (
	PublicKeySize = 1 + ed25519.PublicKeySize
	SignatureSize = ed25519.SignatureSize
)

// ErrAlgorithm is returned for a key of another algorithm than Ed25519, or of a
// wrong length.
var ErrAlgorithm = errors.New("identity: not a key of a known signature algorithm")

// A PublicKey is an algorithm byte followed by the key in that algorithm's form:
// 33 bytes for Ed25519 (RFC 8032).
type PublicKey []byte

// Check returns ErrAlgorithm unless the key has a known algorithm and its length.
func (k PublicKey) Check() error {
	if len(k) == 0 || k[0] != Ed25519 || len(k) != PublicKeySize {
		return ErrAlgorithm
	}
	return nil
}

// ID returns KeyID(k).
func (k PublicKey) ID() wire.ID { return KeyID(k) }

// KeyID returns the ID of the identity with this key: SHA-256 over the
// algorithm byte and the key, without length prefixes.
func KeyID(k PublicKey) wire.ID { return sha256.Sum256(k) }

// digest is SHA-256 over the fields, each preceded by its length as 4 bytes big-endian.
func digest(fields [][]byte) [sha256.Size]byte {
	n := 0
	for _, f := range fields {
		n += 4 + len(f)
	}
	var small [512]byte
	b := small[:0]
	if n > len(small) {
		b = make([]byte, 0, n)
	}
	for _, f := range fields {
		b = binary.BigEndian.AppendUint32(b, uint32(len(f)))
		b = append(b, f...)
	}
	return sha256.Sum256(b)
}

// signedBytes appends what a signature is made over: "parley/1/", the context,
// a zero byte, and the digest of the fields.
func signedBytes(dst []byte, context string, fields [][]byte) []byte {
	dst = append(dst, "parley/1/"...)
	dst = append(dst, context...)
	dst = append(dst, 0)
	d := digest(fields)
	return append(dst, d[:]...)
}

// Verify reports whether sig is k's signature over the fields in this context.
// Each use of a signature has a context of its own, so that a signature made
// for one use never passes for another. It may be called from any goroutine.
func Verify(k PublicKey, context string, sig []byte, fields ...[]byte) bool {
	if k.Check() != nil || len(sig) != SignatureSize {
		return false
	}
	var buf [128]byte
	return ed25519.Verify(ed25519.PublicKey(k[1:]), signedBytes(buf[:0], context, fields), sig)
}

// A Signer is a signing key alone, without name or sealing key, as the one that
// an invite link carries. It shows nothing of itself when printed or logged.
type Signer struct {
	key ed25519.PrivateKey
	pub PublicKey
	id  wire.ID
}

// SigningFromSeed returns the Ed25519 key with this seed (RFC 8032 section 5.1.5).
func SigningFromSeed(seed [32]byte) *Signer {
	key := ed25519.NewKeyFromSeed(seed[:])
	pub := append(PublicKey{Ed25519}, key[ed25519.SeedSize:]...)
	return &Signer{key: key, pub: pub, id: KeyID(pub)}
}

// Public returns the public key. The caller must not change it.
func (s *Signer) Public() PublicKey { return s.pub }

// ID returns the key's ID.
func (s *Signer) ID() wire.ID { return s.id }

// Sign returns the signature over the fields in this context; Verify checks it.
func (s *Signer) Sign(context string, fields ...[]byte) []byte {
	var buf [128]byte
	return ed25519.Sign(s.key, signedBytes(buf[:0], context, fields))
}

// String returns the ID alone.
func (s *Signer) String() string { return s.id.String() }

// Format keeps the key out of every fmt verb.
func (s *Signer) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue keeps the key out of logs.
func (s *Signer) LogValue() slog.Value { return slog.StringValue(s.String()) }
