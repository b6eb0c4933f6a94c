package rooms

import (
	"parley/handshake/identity"
	"parley/wire"
)

// Add is the body by which an admin or the master admits a user without a link,
// takes one back who was removed, or gives a member another role.
type Add struct {
	Bundle *identity.Bundle // the user's
	Role   Role             // relay, reader or member
}

// NewAdd gives the user whose bundle this is a role.
func NewAdd(key *identity.Private, at Place, bundle *identity.Bundle, role Role) (*Entry, error) {
	return newEntry(key, KindAdd, at, &Add{Bundle: bundle, Role: role}, nil)
}

func (b *Add) appendBody(dst []byte) []byte {
	dst = wire.AppendArray(dst, 2)
	dst = wire.AppendBin(dst, b.Bundle.Raw)
	return wire.AppendUint(dst, uint64(b.Role))
}

func readAdd(in *wire.Reader, _ *Entry) Body {
	in.Array(2)
	return &Add{
		Bundle: &identity.Bundle{Raw: in.Bin(identity.MaxBundle)}, // parsed by check
		Role:   Role(in.UintMax(uint64(RoleMaster))),
	}
}

func (b *Add) check(e *Entry) error {
	bundle, err := othersBundle(e, b.Bundle.Raw)
	if err != nil {
		return err
	}
	if b.Bundle = bundle; b.Role < RoleRelay || b.Role > RoleMember {
		return refuse(ReasonRole, "add of a %s", b.Role)
	}
	return nil
}

// othersBundle parses a bundle inside an entry and checks that it is not the writer's.
func othersBundle(e *Entry, raw []byte) (*identity.Bundle, error) {
	b, err := e.bundle(raw)
	if err != nil {
		return nil, refuse(ReasonSignature, "bundle: %v", err)
	}
	if b.ID() == e.Writer {
		return nil, refuse(ReasonSelf, "%s", e.Kind)
	}
	return b, nil
}

// admissible: an add may stand on any chain.
func (b *Add) admissible(*Authority, *Entry, bitset) error { return nil }
