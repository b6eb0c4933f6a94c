package identity

import (
	"errors"
	"fmt"

	"parley/wire"
)

// ErrBundle is returned for bytes that are no valid bundle.
var ErrBundle = errors.New("identity: not a valid bundle")

// BundleVersion is the first element of a bundle.
const BundleVersion = 1

// ContextBundle is the context of a bundle's signature.
const ContextBundle = "bundle"

// A Bundle is what an identity tells of itself: its key, its current sealing
// key and the name it claims, numbered and signed. Of two bundles of one
// identity the one with the higher number counts. A Bundle is never changed
// once made; its fields may alias Raw.
type Bundle struct {
	Key     PublicKey
	Number  uint64 // from 1
	Sealing []byte // HPKE public key, SealingKeySize bytes
	Name    string // a claim: show it through Claim
	Raw     []byte // the bundle as signed, at most MaxBundle bytes
}

// ID returns the identity's ID.
func (b *Bundle) ID() wire.ID { return KeyID(b.Key) }

// String returns the claim of name and ID.
func (b *Bundle) String() string { return Claim(b.Name, b.ID()) }

// appendUnsigned appends the part of a bundle that its signature covers.
func (b *Bundle) appendUnsigned(dst []byte) []byte {
	dst = wire.AppendArray(dst, 6)
	dst = wire.AppendUint(dst, BundleVersion)
	dst = wire.AppendBin(dst, b.Key)
	dst = wire.AppendUint(dst, b.Number)
	dst = wire.AppendBin(dst, b.Sealing)
	return wire.AppendStr(dst, b.Name)
}

// signBundle makes and signs a bundle.
func signBundle(s *Signer, number uint64, sealing []byte, name string) *Bundle {
	b := &Bundle{Key: s.Public(), Number: number, Sealing: sealing, Name: name}
	prefix := b.appendUnsigned(make([]byte, 0, MaxBundle))
	b.Raw = wire.AppendBin(prefix, s.Sign(ContextBundle, prefix))
	return b
}

// ParseBundle reads a bundle and verifies its signature. The result keeps raw,
// which the caller must not change afterwards.
func ParseBundle(raw []byte) (*Bundle, error) { return readBundle(raw, true) }

// ReadBundle is ParseBundle of a bundle whose signature was verified before: of what is kept on one's own
// disk, where a signature costs more than everything else of reading it.
func ReadBundle(raw []byte) (*Bundle, error) { return readBundle(raw, false) }

func readBundle(raw []byte, verify bool) (*Bundle, error) {
	if len(raw) > MaxBundle {
		return nil, fmt.Errorf("%w: %d bytes", ErrBundle, len(raw))
	}
	r := wire.NewReader(raw)
	r.Array(6)
	version := r.Uint()
	if r.Err() == nil && version != BundleVersion {
		return nil, fmt.Errorf("%w: version %d", ErrBundle, version)
	}
	b := &Bundle{Raw: raw}
	b.Key = PublicKey(r.Bin(MaxBundle))
	b.Number = r.Uint()
	b.Sealing = r.BinSize(SealingKeySize)
	b.Name = r.Str(MaxName)
	signed := raw[:r.Offset()]
	sig := r.Bin(MaxBundle)
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	if err := b.Key.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	if b.Number == 0 {
		return nil, fmt.Errorf("%w: number 0", ErrBundle)
	}
	if err := CheckName(b.Name); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	if verify && !Verify(b.Key, ContextBundle, sig, signed) {
		return nil, fmt.Errorf("%w: wrong signature", ErrBundle)
	}
	return b, nil
}
