package rooms

import (
	"parley/handshake/identity"
	"parley/wire"
)

// The contexts of a delegation's signature, by who signs it.
const (
	contextDelegate     = "delegate"
	contextDelegateLink = "delegate-link"
)

// A Delegation lets a peer sync a room for a member, or, signed by an invite's
// link, the authority of a room for somebody who is about to join (package
// documentation, "Delegations").
type Delegation struct {
	Room   wire.ID
	Peer   wire.ID
	Key    identity.PublicKey // the member's, or the link's signing key
	Member wire.ID            // SHA-256 of Key
	Link   bool               // signed by a link
	Serial uint64             // of two for one room, peer and key the higher counts
	Hash   wire.ID            // H("delegation", all bytes), by which it is remembered
	Raw    []byte
}

// ParseDelegation decodes a delegation and checks its signature. It aliases
// raw. Errors wrap a Reason.
func ParseDelegation(raw []byte) (*Delegation, error) { return parseDelegation(raw, false) }

// parseDelegation is ParseDelegation; of one that is verified, since it was when it was stored, it leaves out the signature.
func parseDelegation(raw []byte, verified bool) (*Delegation, error) {
	if len(raw) > MaxDelegation {
		return nil, refuse(ReasonBounds, "delegation of %d bytes", len(raw))
	}
	d := &Delegation{Raw: raw}
	in := wire.NewReader(raw)
	in.Array(7)
	if v := in.Uint(); in.Err() == nil && v != version {
		return nil, refuse(ReasonVersion, "delegation of version %d", v)
	}
	d.Room = in.ID()
	d.Peer = in.ID()
	d.Key = in.BinSize(keySize)
	d.Link = in.UintMax(1) == 1
	d.Serial = in.Uint()
	signed := raw[:in.Offset()]
	sig := in.BinSize(signatureSize)
	if err := in.Done(); err != nil {
		return nil, refuseBytes("delegation", err)
	}
	if err := d.Key.Check(); err != nil {
		return nil, refuse(ReasonKey, "delegation")
	}
	if !verified && !identity.Verify(d.Key, d.context(), sig, signed) {
		return nil, refuse(ReasonSignature, "delegation")
	}
	d.Member = identity.KeyID(d.Key)
	d.Hash = wire.Hash("delegation", raw)
	return d, nil
}

// NewDelegation lets peer sync room for the member whose key this is. A later
// one must have a higher serial.
func NewDelegation(key *identity.Private, room, peer wire.ID, serial uint64) (*Delegation, error) {
	d := &Delegation{Room: room, Peer: peer, Key: key.Public(), Serial: serial}
	return d.sign(key.Sign)
}

// NewLinkDelegation lets peer sync the authority of link's room.
func NewLinkDelegation(link *Link, peer wire.ID, serial uint64) (*Delegation, error) {
	keys, err := link.Keys()
	if err != nil {
		return nil, err
	}
	d := &Delegation{Room: link.Room, Peer: peer, Key: keys.Sign.Public(), Link: true, Serial: serial}
	return d.sign(keys.Sign.Sign)
}

// Replaces reports whether d takes the place of old: the same room, peer, key
// and kind, and a higher serial.
func (d *Delegation) Replaces(old *Delegation) bool {
	return d.Room == old.Room && d.Peer == old.Peer && d.Member == old.Member && d.Link == old.Link && d.Serial > old.Serial
}

func (d *Delegation) context() string {
	if d.Link {
		return contextDelegateLink
	}
	return contextDelegate
}

func (d *Delegation) sign(sign func(context string, fields ...[]byte) []byte) (*Delegation, error) {
	raw := wire.AppendArray(nil, 7)
	raw = wire.AppendUint(raw, version)
	raw = wire.AppendID(raw, d.Room)
	raw = wire.AppendID(raw, d.Peer)
	raw = wire.AppendBin(raw, d.Key)
	kind := uint64(0)
	if d.Link {
		kind = 1
	}
	raw = wire.AppendUint(raw, kind)
	raw = wire.AppendUint(raw, d.Serial)
	raw = wire.AppendBin(raw, sign(d.context(), raw))
	return ParseDelegation(raw)
}
