package rooms

import (
	"slices"

	"parley/handshake/identity"
	"parley/wire"
)

// Revoke is the body that ends invites and confirms joins: of the joins by the
// invites named, those that the entry has seen are the ones that count. One that
// names no invite confirms joins alone, so that a later revocation by others
// keeps them.
type Revoke struct {
	Invites []wire.ID // ascending, at most MaxRevoked
	Joins   []wire.ID // by any invites, ascending, at most MaxJoins
}

// NewRevoke ends invites (none: confirms only) and confirms at.Joins.
func NewRevoke(key *identity.Private, at Place, invites []wire.ID) (*Entry, error) {
	joins := at.Joins
	if len(invites) > 0 {
		var err error
		if joins, err = at.listed(); err != nil {
			return nil, err
		}
	}
	invites = slices.Clone(invites)
	slices.SortFunc(invites, wire.ID.Compare)
	return newEntry(key, KindRevoke, at, &Revoke{Invites: slices.Compact(invites), Joins: joins}, nil)
}

func (b *Revoke) appendBody(dst []byte) []byte {
	dst = wire.AppendArray(dst, 2)
	dst = appendIDs(dst, b.Invites)
	return appendIDs(dst, b.Joins)
}

func readRevoke(in *wire.Reader, _ *Entry) Body {
	in.Array(2)
	return &Revoke{Invites: readIDs(in, nil, MaxRevoked), Joins: readIDs(in, nil, MaxJoins)}
}

func (b *Revoke) check(*Entry) error {
	if len(b.Invites)+len(b.Joins) == 0 {
		return refuse(ReasonInvite, "a revocation of nothing")
	}
	if !ascending(b.Invites) || !ascending(b.Joins) {
		return refuse(ReasonHeads, "invites or joins out of order")
	}
	return nil
}

func (b *Revoke) names() []wire.ID { return append(slices.Clone(b.Invites), b.Joins...) }

// admissible: what a revocation names are invites and joins.
func (b *Revoke) admissible(a *Authority, _ *Entry, _ bitset) error {
	if err := a.areOf(b.Invites, KindInvite); err != nil {
		return err
	}
	return a.areOf(b.Joins, KindJoin)
}
