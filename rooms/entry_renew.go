package rooms

import (
	"parley/handshake/identity"
	"parley/wire"
)

// Renew is the body by which a user of the room tells its new sealing key or
// name. It stands beside the chains.
type Renew struct{ Bundle *identity.Bundle }

// NewRenew tells the room key's bundle.
func NewRenew(key *identity.Private, at Place) (*Entry, error) {
	at.Chain, at.Prev, at.Number = wire.ID{}, wire.ID{}, 0
	return newEntry(key, KindRenew, at, &Renew{Bundle: key.Bundle()}, nil)
}

func (b *Renew) appendBody(dst []byte) []byte {
	return wire.AppendBin(wire.AppendArray(dst, 1), b.Bundle.Raw)
}

func readRenew(in *wire.Reader, _ *Entry) Body {
	in.Array(1)
	return &Renew{Bundle: &identity.Bundle{Raw: in.Bin(identity.MaxBundle)}} // parsed by check
}

func (b *Renew) check(e *Entry) error {
	bundle, err := ownBundle(e, b.Bundle.Raw)
	b.Bundle = bundle
	return err
}

// admissible: a renewal is by somebody whom the room has known by what it has
// seen, and by a bundle that it has not seen.
func (b *Renew) admissible(a *Authority, e *Entry, seen bitset) error {
	if !a.known(e.Writer, seen) {
		return refuse(ReasonNotMember, "renewal by %s", e.Writer.Short())
	}
	if old := a.bundle(e.Writer, seen); old != nil && old.Number >= b.Bundle.Number {
		return refuse(ReasonBundle, "number %d after %d", b.Bundle.Number, old.Number)
	}
	return nil
}
