package rooms

import (
	"bytes"

	"parley/handshake/identity"
	"parley/wire"
)

// Join is the body of a newcomer's certificate. It stands beside the chains,
// signed by the newcomer and by the link, and gives the invite's role.
type Join struct {
	Invite  wire.ID            // entry of the invite; among the heads
	LinkKey identity.PublicKey // the invite's, repeated so that the entry verifies alone
	Bundle  *identity.Bundle   // the newcomer's
	Nonce   []byte             // 16 random bytes
}

// NewJoin makes the certificate by which key joins. at.Heads names what the
// newcomer has seen: Authority.Heads of it; the invite is added. nonce is 16
// random bytes.
func NewJoin(key *identity.Private, at Place, link *Link, invite wire.ID, nonce []byte) (*Entry, error) {
	if link.Room != at.Room {
		return nil, refuse(ReasonLink, "a link to another room")
	}
	keys, err := link.Keys()
	if err != nil {
		return nil, err
	}
	at.Chain, at.Prev, at.Number = wire.ID{}, wire.ID{}, 0
	at.Heads = union(at.Heads, []wire.ID{invite})
	body := &Join{Invite: invite, LinkKey: keys.Sign.Public(), Bundle: key.Bundle(), Nonce: nonce}
	return newEntry(key, KindJoin, at, body, keys.Sign.Sign)
}

// Join returns the body of a join, or nil if the entry is of another kind.
func (e *Entry) Join() *Join {
	body, _ := e.Body.(*Join)
	return body
}

func (b *Join) appendBody(dst []byte) []byte {
	dst = wire.AppendArray(dst, 4)
	dst = wire.AppendID(dst, b.Invite)
	dst = wire.AppendBin(dst, b.LinkKey)
	dst = wire.AppendBin(dst, b.Bundle.Raw)
	return wire.AppendBin(dst, b.Nonce)
}

func readJoin(in *wire.Reader, e *Entry) Body {
	in.Array(4)
	body := &Join{
		Invite:  in.ID(),
		LinkKey: in.BinSize(keySize),
		Bundle:  &identity.Bundle{Raw: in.Bin(identity.MaxBundle)}, // parsed by check
		Nonce:   in.BinSize(nonceSize),
	}
	e.cosigKey = body.LinkKey
	return body
}

func (b *Join) check(e *Entry) error {
	if !e.names(b.Invite) {
		return refuse(ReasonHeads, "join whose heads omit its invite")
	}
	if b.LinkKey.Check() != nil {
		return refuse(ReasonKey, "link of algorithm %d", b.LinkKey[0])
	}
	bundle, err := ownBundle(e, b.Bundle.Raw)
	b.Bundle = bundle
	return err
}

// admissible: a join names an invite, and is signed by that invite's link.
func (b *Join) admissible(a *Authority, e *Entry, _ bitset) error {
	inv := a.Entry(b.Invite).Invite()
	if inv == nil {
		return refuse(ReasonInvite, "entry %s", b.Invite.Short())
	}
	if !bytes.Equal(inv.LinkKey, b.LinkKey) && a.applies(ruleJoinByLink) {
		return refuse(ReasonLinkKey, "join %s", e.ID.Short())
	}
	return nil
}
