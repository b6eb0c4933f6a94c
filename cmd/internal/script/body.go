package script

import (
	"slices"

	"parley/handshake/identity"
	"parley/wire"
)

// The bodies of entries, by kind. Lists stand as they are given.

// GenesisBody is what a genesis entry says.
type GenesisBody struct {
	Nonce             []byte
	Name, Topic       string
	History, Capacity uint64
	Bundle            []byte
}

// Bytes are the body's encoding.
func (g GenesisBody) Bytes() []byte {
	b := wire.AppendBin(wire.AppendArray(nil, 6), g.Nonce)
	b = wire.AppendStr(wire.AppendStr(b, g.Name), g.Topic)
	return wire.AppendBin(wire.AppendUint(wire.AppendUint(b, g.History), g.Capacity), g.Bundle)
}

// A Pin is the end of what counts of a log.
type Pin struct {
	Log    wire.ID
	Number uint64
	Link   wire.ID
}

func appendPins(b []byte, pins []Pin) []byte {
	b = wire.AppendArray(b, len(pins))
	for _, p := range pins {
		b = wire.AppendUint(wire.AppendID(wire.AppendArray(b, 3), p.Log), p.Number)
		b = wire.AppendID(b, p.Link)
	}
	return b
}

// Commitment is HMAC under an epoch's key over "commit", room and nonce.
func Commitment(nonce []byte, room wire.ID, key [32]byte) wire.ID {
	return wire.ID(MAC(key[:], []byte("commit"), room[:], nonce))
}

// Epoch is the body of an entry that begins an epoch.
func Epoch(nonce []byte, commitment wire.ID, pins ...Pin) []byte {
	b := wire.AppendBin(wire.AppendArray(nil, 3), nonce)
	return appendPins(wire.AppendID(b, commitment), pins)
}

// Invite is the body of an invite by the link that has these keys.
func Invite(linkKey, linkSealing []byte, uses, expiry, role uint64) []byte {
	b := wire.AppendBin(wire.AppendBin(wire.AppendArray(nil, 5), linkKey), linkSealing)
	return wire.AppendUint(wire.AppendUint(wire.AppendUint(b, uses), expiry), role)
}

// LinkID stands for the holders of a link as the recipient of a box.
func LinkID(linkSealing []byte) wire.ID { return wire.Hash("link", linkSealing) }

// Join is the body of a join.
func Join(invite wire.ID, linkKey, bundle, nonce []byte) []byte {
	b := wire.AppendBin(wire.AppendID(wire.AppendArray(nil, 4), invite), linkKey)
	return wire.AppendBin(wire.AppendBin(b, bundle), nonce)
}

// Leave is the body of a leave.
func Leave(pins ...Pin) []byte { return appendPins(wire.AppendArray(nil, 1), pins) }

// Add is the body of an entry that gives a role.
func Add(bundle []byte, role uint64) []byte {
	return wire.AppendUint(wire.AppendBin(wire.AppendArray(nil, 2), bundle), role)
}

// A Stop is what a stop says.
type Stop struct {
	Subject    wire.ID
	Role, Ban  uint64
	Pins       []Pin
	Joins      []wire.ID
	Nonce      []byte // empty, and the commitment zero, where none is begun
	Commitment wire.ID
}

// Bytes are the body's encoding.
func (s Stop) Bytes() []byte {
	b := wire.AppendID(wire.AppendArray(nil, 7), s.Subject)
	b = wire.AppendUint(wire.AppendUint(b, s.Role), s.Ban)
	b = AppendIDs(appendPins(b, s.Pins), s.Joins)
	return wire.AppendID(wire.AppendBin(b, s.Nonce), s.Commitment)
}

// Subject is the body of a lift or an appointment.
func Subject(subject wire.ID) []byte { return wire.AppendID(wire.AppendArray(nil, 1), subject) }

// Demote is the body of a demotion.
func Demote(appointment, cut wire.ID, joins []wire.ID, nonce []byte, commitment wire.ID) []byte {
	b := wire.AppendID(wire.AppendID(wire.AppendArray(nil, 5), appointment), cut)
	return wire.AppendID(wire.AppendBin(AppendIDs(b, joins), nonce), commitment)
}

// A Policy is what a policy says.
type Policy struct {
	Name, Topic                            string
	History, Capacity, Retention, EpochAge uint64
}

// Bytes are the body's encoding.
func (p Policy) Bytes() []byte {
	b := wire.AppendStr(wire.AppendStr(wire.AppendArray(nil, 6), p.Name), p.Topic)
	b = wire.AppendUint(wire.AppendUint(b, p.History), p.Capacity)
	return wire.AppendUint(wire.AppendUint(b, p.Retention), p.EpochAge)
}

// OneBundle is the body of a handover or a renewal.
func OneBundle(bundle []byte) []byte { return wire.AppendBin(wire.AppendArray(nil, 1), bundle) }

// Revoke is the body of a revocation.
func Revoke(invites, joins []wire.ID) []byte {
	return AppendIDs(AppendIDs(wire.AppendArray(nil, 2), invites), joins)
}

// A Floor is where a log begins behind a trim.
type Floor struct {
	Log               wire.ID
	Number            uint64
	Link              wire.ID
	FirstHeads, Heads []wire.ID
}

// Trim is the body of a trim.
func Trim(floors ...Floor) []byte {
	b := wire.AppendArray(wire.AppendArray(nil, 1), len(floors))
	for _, f := range floors {
		b = wire.AppendUint(wire.AppendID(wire.AppendArray(b, 5), f.Log), f.Number)
		b = AppendIDs(AppendIDs(wire.AppendID(b, f.Link), f.FirstHeads), f.Heads)
	}
	return b
}

// Pair is the first entry of the room of two users, whose keys stand as given.
func Pair(lower, higher []byte) *Entry {
	return &Entry{Kind: KindPair, Key: lower, Number: 1, Body: wire.AppendBin(wire.AppendArray(nil, 1), higher)}
}

// PairOf is Pair with the keys in their order.
func PairOf(one, two []byte) *Entry {
	keys := [][]byte{one, two}
	slices.SortFunc(keys, func(a, b []byte) int { return identity.KeyID(a).Compare(identity.KeyID(b)) })
	return Pair(keys[0], keys[1])
}

// A Box is any box that can be written down, right or wrong (package rooms, "Boxes").
type Box struct {
	Room, Epoch, Recipient wire.ID
	Key, Sealed            []byte // the sealer's key; 1,168 bytes
}

func (x *Box) unsigned() []byte {
	b := wire.AppendUint(wire.AppendArray(nil, 7), 1)
	b = wire.AppendID(wire.AppendID(wire.AppendID(b, x.Room), x.Epoch), x.Recipient)
	return wire.AppendBin(wire.AppendBin(b, x.Key), x.Sealed)
}

// ID is the box's ID.
func (x *Box) ID() wire.ID { return wire.Hash("box", x.unsigned()) }

// Bytes are the box's encoding, signed.
func (x *Box) Bytes(s *identity.Signer) []byte { return x.In("box", s) }

// In is Bytes with a signature in any context.
func (x *Box) In(context string, s *identity.Signer) []byte {
	b := x.unsigned()
	return wire.AppendBin(b, s.Sign(context, b))
}

// Delegation lets a peer sync a room for the signer.
func Delegation(s *identity.Signer, room, peer wire.ID, serial uint64) []byte {
	return DelegationOf(s, room, peer, 0, serial, "delegate")
}

// LinkDelegation lets a peer sync the authority of a room for the holder of a link.
func LinkDelegation(link *identity.Signer, room, peer wire.ID, serial uint64) []byte {
	return DelegationOf(link, room, peer, 1, serial, "delegate-link")
}

// DelegationOf is a delegation of any kind, signed in any context.
func DelegationOf(s *identity.Signer, room, peer wire.ID, kind, serial uint64, context string) []byte {
	b := wire.AppendUint(wire.AppendArray(nil, 7), 1)
	b = wire.AppendBin(wire.AppendID(wire.AppendID(b, room), peer), s.Public())
	b = wire.AppendUint(wire.AppendUint(b, kind), serial)
	return wire.AppendBin(b, s.Sign(context, b))
}
