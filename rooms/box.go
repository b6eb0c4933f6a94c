package rooms

import (
	"crypto/subtle"

	"parley/handshake/identity"
	"parley/wire"
)

// contextBox is the context of a box's signature.
const contextBox = "box"

// A Box is an epoch's key sealed to one member or to one live invite's link
// (package documentation, "Boxes"). Its fields are read only.
type Box struct {
	ID        wire.ID // H("box", signed bytes)
	Room      wire.ID
	Epoch     wire.ID // the entry that begins the epoch
	Recipient wire.ID // an identity, or Invite.LinkID
	Key       identity.PublicKey
	Sealer    wire.ID // SHA-256 of Key
	Sealed    []byte  // HPKE of the epoch's key, 1,168 bytes
	Raw       []byte
}

// ParseBox decodes a box and checks its signature. It aliases raw. Errors wrap
// a Reason.
func ParseBox(raw []byte) (*Box, error) {
	if len(raw) > MaxBox {
		return nil, refuse(ReasonBounds, "box of %d bytes", len(raw))
	}
	b := &Box{Raw: raw}
	in := wire.NewReader(raw)
	in.Array(7)
	if v := in.Uint(); in.Err() == nil && v != version {
		return nil, refuse(ReasonVersion, "box of version %d", v)
	}
	b.Room = in.ID()
	b.Epoch = in.ID()
	b.Recipient = in.ID()
	b.Key = in.BinSize(keySize)
	b.Sealed = in.BinSize(sealedKeySize)
	signed := raw[:in.Offset()]
	sig := in.BinSize(signatureSize)
	if err := in.Done(); err != nil {
		return nil, refuseBytes("box", err)
	}
	if err := b.Key.Check(); err != nil {
		return nil, refuse(ReasonKey, "box")
	}
	b.Sealer = identity.KeyID(b.Key)
	b.ID = wire.Hash("box", signed)
	if !identity.Verify(b.Key, contextBox, sig, signed) {
		return nil, refuse(ReasonSignature, "box %s", b.ID.Short())
	}
	return b, nil
}

// SealBox seals an epoch's key to recipient, whose sealing key is sealing, and
// signs the box. epoch is the entry that begins the epoch.
func SealBox(key *identity.Private, epoch *Entry, recipient wire.ID, sealing []byte, epochKey [EpochKeySize]byte) (*Box, error) {
	body := epoch.Epoch()
	if body == nil {
		return nil, refuse(ReasonEpoch, "entry %s begins no epoch", epoch.ID.Short())
	}
	sealed, err := identity.SealTo(sealing, boxInfo(epoch.Room, body.Nonce, recipient, sealing), epochKey[:])
	if err != nil {
		return nil, err
	}
	raw := wire.AppendArray(make([]byte, 0, MaxBox), 7)
	raw = wire.AppendUint(raw, version)
	raw = wire.AppendID(raw, epoch.Room)
	raw = wire.AppendID(raw, epoch.ID)
	raw = wire.AppendID(raw, recipient)
	raw = wire.AppendBin(raw, key.Public())
	raw = wire.AppendBin(raw, sealed)
	raw = wire.AppendBin(raw, key.Sign(contextBox, raw))
	return ParseBox(raw)
}

// OpenBy opens what was sealed with an HPKE info: an identity's OpenSealed, or
// the Open of a link's sealing key.
type OpenBy func(info, ciphertext []byte) ([]byte, error)

// Open takes the epoch's key out of a box. sealing is the recipient's public
// sealing key, open uses the private one. The key is checked against the
// commitment in the epoch's entry.
func (b *Box) Open(epoch *Entry, sealing []byte, open OpenBy) (epochKey [EpochKeySize]byte, err error) {
	body := epoch.Epoch()
	if body == nil || epoch.ID != b.Epoch || epoch.Room != b.Room {
		return epochKey, refuse(ReasonEpoch, "box %s of another epoch", b.ID.Short())
	}
	plain, err := open(boxInfo(b.Room, body.Nonce, b.Recipient, sealing), b.Sealed)
	if err != nil {
		return epochKey, refuse(ReasonCipher, "box %s: %v", b.ID.Short(), err)
	}
	copy(epochKey[:], plain)
	want := Commitment(epochKey, b.Room, body.Nonce)
	if len(plain) != EpochKeySize || subtle.ConstantTimeCompare(want[:], body.Commitment[:]) != 1 {
		return [EpochKeySize]byte{}, refuse(ReasonCommitment, "box %s", b.ID.Short())
	}
	return epochKey, nil
}

// boxInfo is the HPKE info of a box: the length-prefixed fields "epoch", room,
// entry nonce, recipient, SHA-256-based hash of the recipient's sealing key.
func boxInfo(room wire.ID, nonce []byte, recipient wire.ID, sealing []byte) []byte {
	key := wire.Hash("sealing", sealing)
	return fieldBuffer(nil).text("epoch").id(&room).field(nonce).id(&recipient).id(&key)
}

// linkID is H("link", link sealing key): what stands for a link as the
// recipient of a box.
func linkID(sealing []byte) wire.ID { return wire.Hash("link", sealing) }
