package identity

import (
	"crypto/hpke"
	"errors"
	"fmt"
	"log/slog"
)

// ErrSealing is returned for a sealing key or a sealed text that is malformed,
// for another key, or for another info.
var ErrSealing = errors.New("identity: cannot be opened with this sealing key")

// The one HPKE suite (RFC 9180, base mode): MLKEM768-X25519, HKDF-SHA-256, AES-256-GCM.
func sealingKEM() hpke.KEM   { return hpke.MLKEM768X25519() }
func sealingKDF() hpke.KDF   { return hpke.HKDFSHA256() }
func sealingAEAD() hpke.AEAD { return hpke.AES256GCM() }

// SealTo encrypts plaintext to the holder of a sealing key. info names the use
// and the place, and must be the same for opening. The result is the
// encapsulated key (1,120 bytes) followed by the ciphertext, SealOverhead bytes
// more than plaintext.
func SealTo(sealing, info, plaintext []byte) ([]byte, error) {
	if len(sealing) != SealingKeySize {
		return nil, ErrSealing
	}
	pub, err := sealingKEM().NewPublicKey(sealing)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSealing, err)
	}
	return hpke.Seal(pub, sealingKDF(), sealingAEAD(), info, plaintext)
}

// A SealingKey opens what was sealed to its public half. It shows nothing of
// itself when printed or logged. It may be used from any goroutine.
type SealingKey struct {
	key hpke.PrivateKey
	pub []byte
}

// SealingFromSeed derives the key from a seed (RFC 9180's DeriveKeyPair), as
// invite links do. The seed must be at least 32 bytes of secret.
func SealingFromSeed(seed []byte) (*SealingKey, error) {
	if len(seed) < 32 {
		return nil, errors.New("identity: the seed of a sealing key has 32 bytes or more")
	}
	key, err := sealingKEM().DeriveKeyPair(seed)
	if err != nil {
		return nil, err
	}
	return newSealingKey(key), nil
}

func generateSealing() (*SealingKey, error) {
	key, err := sealingKEM().GenerateKey()
	if err != nil {
		return nil, err
	}
	return newSealingKey(key), nil
}

func parseSealing(private []byte) (*SealingKey, error) {
	key, err := sealingKEM().NewPrivateKey(private)
	if err != nil {
		return nil, err
	}
	return newSealingKey(key), nil
}

func newSealingKey(key hpke.PrivateKey) *SealingKey {
	return &SealingKey{key: key, pub: key.PublicKey().Bytes()}
}

// Public returns the public half, SealingKeySize bytes. The caller must not change it.
func (k *SealingKey) Public() []byte { return k.pub }

// Open decrypts what SealTo made for this key with the same info, or returns ErrSealing.
func (k *SealingKey) Open(info, ciphertext []byte) ([]byte, error) {
	if len(ciphertext) < SealOverhead {
		return nil, ErrSealing
	}
	plaintext, err := hpke.Open(k.key, sealingKDF(), sealingAEAD(), info, ciphertext)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSealing, err)
	}
	return plaintext, nil
}

// String says what this is, and nothing of the key.
func (k *SealingKey) String() string { return "sealing key" }

// Format keeps the key out of every fmt verb.
func (k *SealingKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue keeps the key out of logs.
func (k *SealingKey) LogValue() slog.Value { return slog.StringValue(k.String()) }
