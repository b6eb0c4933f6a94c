package identity

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log/slog"
	"sync/atomic"

	"parley/wire"
)

// A Private is an identity with its private keys. It shows nothing of them when
// printed or logged. It may be used from any goroutine.
type Private struct {
	signer *Signer
	now    atomic.Pointer[current]
}

// What an identity has beside its signing key, replaced as a whole.
type current struct {
	bundle  *Bundle
	sealing []*SealingKey // the bundle's first, then older ones, newest first
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

func newPrivate(signer *Signer, sealing *SealingKey, number uint64, name string, older ...*SealingKey) *Private {
	p := &Private{signer: signer}
	p.now.Store(&current{
		bundle:  signBundle(signer, number, sealing.Public(), name),
		sealing: append([]*SealingKey{sealing}, older...),
	})
	return p
}

// change replaces what the identity has by what f makes of it; nil: by nothing.
func (p *Private) change(f func(old *current) *current) {
	for {
		old := p.now.Load()
		fresh := f(old)
		if fresh == nil || p.now.CompareAndSwap(old, fresh) {
			return
		}
	}
}

// SetName claims another name, in a bundle with the next number. The change is
// lasting only when the identity is saved afterwards.
func (p *Private) SetName(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	p.change(func(old *current) *current {
		if old.bundle.Name == name {
			return nil
		}
		return &current{signBundle(p.signer, old.bundle.Number+1, old.bundle.Sealing, name), old.sealing}
	})
	return nil
}

// Renew makes a new sealing key, in a bundle with the next number. The older
// keys still open what was sealed to them, until Retire. The change is lasting
// only when the identity is saved afterwards.
func (p *Private) Renew() error {
	fresh, err := generateSealing()
	if err != nil {
		return err
	}
	p.change(func(old *current) *current {
		keys := append([]*SealingKey{fresh}, old.sealing...)
		return &current{
			signBundle(p.signer, old.bundle.Number+1, fresh.Public(), old.bundle.Name),
			keys[:min(len(keys), 1+maxOlderKeys)],
		}
	})
	return nil
}

// Retire forgets the sealing keys older than the bundle's and reports whether
// there were any. What is sealed to them can then be opened by nobody. The
// change is lasting only when the identity is saved afterwards.
func (p *Private) Retire() (retired bool) {
	p.change(func(old *current) *current {
		if retired = len(old.sealing) > 1; !retired {
			return nil
		}
		return &current{old.bundle, old.sealing[:1:1]}
	})
	return retired
}

// Adopt takes over the bundle and the sealing keys of fresh, the same identity
// as it was saved by another process, and reports whether they are other ones.
func (p *Private) Adopt(fresh *Private) (changed bool, err error) {
	if fresh.ID() != p.ID() {
		return false, fmt.Errorf("%w: of another identity", ErrKeyFile)
	}
	theirs := fresh.now.Load()
	p.change(func(old *current) *current {
		if old.bundle.Number > theirs.bundle.Number {
			return nil
		}
		changed = old.bundle.Number < theirs.bundle.Number || len(old.sealing) != len(theirs.sealing)
		return theirs
	})
	return changed, nil
}

// Sign returns the identity's signature over the fields in this context.
func (p *Private) Sign(context string, fields ...[]byte) []byte {
	return p.signer.Sign(context, fields...)
}

// OpenSealed opens what was sealed to this identity's sealing key, or to one of
// its older ones, with the same info.
func (p *Private) OpenSealed(info, ciphertext []byte) (plaintext []byte, err error) {
	for _, k := range p.now.Load().sealing {
		if plaintext, err = k.Open(info, ciphertext); err == nil {
			return plaintext, nil
		}
	}
	return nil, err
}

// Sealings are the public sealing keys to which something may have been sealed:
// the bundle's, then older ones, newest first.
func (p *Private) Sealings() [][]byte {
	keys := p.now.Load().sealing
	public := make([][]byte, len(keys))
	for i, k := range keys {
		public[i] = k.Public()
	}
	return public
}

// FileKey derives a secret of n bytes for the use of this identity's own files:
// HKDF-SHA-256(seed of the signing key, no salt, "file" ‖ use), each field of the
// info preceded by its length as 4 bytes big-endian. Whoever may not read the key
// file, or lacks its passphrase, cannot make it.
func (p *Private) FileKey(use string, n int) []byte {
	info := binary.BigEndian.AppendUint32(nil, 4)
	info = binary.BigEndian.AppendUint32(append(info, "file"...), uint32(len(use)))
	key, err := hkdf.Key(sha256.New, p.signer.key.Seed(), nil, string(info)+use, n)
	if err != nil {
		panic(err) // n is a constant of the caller's, within HKDF's bound
	}
	return key
}

// Public returns the public signing key.
func (p *Private) Public() PublicKey { return p.signer.Public() }

// ID returns the identity's ID.
func (p *Private) ID() wire.ID { return p.signer.ID() }

// Bundle returns the current bundle.
func (p *Private) Bundle() *Bundle { return p.now.Load().bundle }

// String returns the claim of name and ID alone.
func (p *Private) String() string { return p.Bundle().String() }

// Format keeps the keys out of every fmt verb.
func (p *Private) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(p.String())) }

// LogValue keeps the keys out of logs.
func (p *Private) LogValue() slog.Value { return slog.StringValue(p.String()) }
