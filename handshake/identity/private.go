package identity

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync/atomic"

	"parley/wire"
)

// A Private is an identity with its private keys. It shows nothing of them when
// printed or logged. It may be used from any goroutine.
type Private struct {
	signer  *Signer
	sealing *SealingKey
	bundle  atomic.Pointer[Bundle]
}

// Generate makes a new identity that claims the given name. The only algorithm
// is Ed25519; others return ErrAlgorithm.
func Generate(algorithm byte, name string) (*Private, error) {
	if algorithm != Ed25519 {
		return nil, ErrAlgorithm
	}
	if err := CheckName(name); err != nil {
		return nil, err
	}
	var seed [32]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return nil, err
	}
	defer clear(seed[:])
	sealing, err := generateSealing()
	if err != nil {
		return nil, err
	}
	return newPrivate(SigningFromSeed(seed), sealing, 1, name), nil
}

func newPrivate(signer *Signer, sealing *SealingKey, number uint64, name string) *Private {
	p := &Private{signer: signer, sealing: sealing}
	p.bundle.Store(signBundle(signer, number, sealing.Public(), name))
	return p
}

// SetName claims another name, in a bundle with the next number. The change is
// lasting only when the identity is saved afterwards.
func (p *Private) SetName(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	for {
		old := p.bundle.Load()
		if old.Name == name {
			return nil
		}
		if p.bundle.CompareAndSwap(old, signBundle(p.signer, old.Number+1, old.Sealing, name)) {
			return nil
		}
	}
}

// Sign returns the identity's signature over the fields in this context.
func (p *Private) Sign(context string, fields ...[]byte) []byte {
	return p.signer.Sign(context, fields...)
}

// OpenSealed opens what was sealed to this identity's sealing key with the same info.
func (p *Private) OpenSealed(info, ciphertext []byte) ([]byte, error) {
	return p.sealing.Open(info, ciphertext)
}

// Public returns the public signing key.
func (p *Private) Public() PublicKey { return p.signer.Public() }

// ID returns the identity's ID.
func (p *Private) ID() wire.ID { return p.signer.ID() }

// Bundle returns the current bundle.
func (p *Private) Bundle() *Bundle { return p.bundle.Load() }

// String returns the claim of name and ID alone.
func (p *Private) String() string { return p.Bundle().String() }

// Format keeps the keys out of every fmt verb.
func (p *Private) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(p.String())) }

// LogValue keeps the keys out of logs.
func (p *Private) LogValue() slog.Value { return slog.StringValue(p.String()) }
