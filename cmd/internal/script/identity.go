package script

import (
	"crypto/sha256"

	"parley/handshake/identity"
	"parley/wire"
)

// An Identity is made from a seed, so that a run can be done again.
type Identity struct {
	*identity.Signer
	Sealing *identity.SealingKey
	Bundle  []byte
}

// NewIdentity makes the identity that follows from a seed and a name.
func NewIdentity(seed [32]byte, name string) (*Identity, error) {
	second := sha256.Sum256(append([]byte("sealing"), seed[:]...))
	sealing, err := identity.SealingFromSeed(second[:])
	if err != nil {
		return nil, err
	}
	id := &Identity{Signer: identity.SigningFromSeed(seed), Sealing: sealing}
	b := wire.AppendUint(wire.AppendArray(nil, 6), identity.BundleVersion)
	b = wire.AppendUint(wire.AppendBin(b, id.Public()), 1)
	b = wire.AppendStr(wire.AppendBin(b, sealing.Public()), name)
	id.Bundle = wire.AppendBin(b, id.Sign(identity.ContextBundle, b))
	return id, nil
}

// Party is the identity as a handshake needs it.
func (i *Identity) Party() Party { return Party{Bundle: i.Bundle, ID: i.ID(), Sign: i.Sign} }
