package rooms

import (
	"time"

	"parley/handshake/identity"
	"parley/wire"
)

// Invite is the body of an entry that lets holders of a link join.
type Invite struct {
	LinkKey     identity.PublicKey // signing key derived from the link's secret
	LinkSealing []byte             // HPKE key derived from it, 1,216 bytes
	Uses        uint64             // joiners that a peer admits; 0: any number
	Expiry      uint64             // Unix seconds after which a peer admits no more; 0: never
	Role        Role               // of those who join: relay, reader or member
}

// NewInvite makes an invite for link, whose Room must be at's.
func NewInvite(key *identity.Private, at Place, link *Link, uses uint64, expiry time.Time, role Role) (*Entry, error) {
	if link.Room != at.Room {
		return nil, refuse(ReasonLink, "a link to another room")
	}
	keys, err := link.Keys()
	if err != nil {
		return nil, err
	}
	body := &Invite{LinkKey: keys.Sign.Public(), LinkSealing: keys.Seal.Public(), Uses: uses, Role: role}
	if !expiry.IsZero() {
		body.Expiry = uint64(max(expiry.Unix(), 1))
	}
	return newEntry(key, KindInvite, at, body, nil)
}

// Invite returns the body of an invite, or nil if the entry is of another kind.
func (e *Entry) Invite() *Invite {
	body, _ := e.Body.(*Invite)
	return body
}

// LinkID is the ID under which boxes are sealed to the invite's link.
func (b *Invite) LinkID() wire.ID { return linkID(b.LinkSealing) }

// Expired reports whether the invite is past its time by the clock now.
func (b *Invite) Expired(now time.Time) bool {
	return b.Expiry != 0 && now.Unix() >= 0 && uint64(now.Unix()) >= b.Expiry
}

func (b *Invite) appendBody(dst []byte) []byte {
	dst = wire.AppendArray(dst, 5)
	dst = wire.AppendBin(dst, b.LinkKey)
	dst = wire.AppendBin(dst, b.LinkSealing)
	dst = wire.AppendUint(dst, b.Uses)
	dst = wire.AppendUint(dst, b.Expiry)
	return wire.AppendUint(dst, uint64(b.Role))
}

func readInvite(in *wire.Reader, _ *Entry) Body {
	in.Array(5)
	return &Invite{
		LinkKey:     in.BinSize(keySize),
		LinkSealing: in.BinSize(sealingSize),
		Uses:        in.Uint(),
		Expiry:      in.Uint(),
		Role:        Role(in.UintMax(uint64(RoleMaster))),
	}
}

func (b *Invite) check(*Entry) error {
	if b.LinkKey.Check() != nil {
		return refuse(ReasonKey, "link of algorithm %d", b.LinkKey[0])
	}
	if b.Role < RoleRelay || b.Role > RoleMember {
		return refuse(ReasonInvite, "invite of a %s", b.Role)
	}
	return nil
}

// admissible: an invite may stand on any chain.
func (b *Invite) admissible(*Authority, *Entry, bitset) error { return nil }
