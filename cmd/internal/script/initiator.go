package script

import (
	"crypto/ecdh"
	"crypto/mlkem"

	"parley/handshake/identity"
	"parley/wire"
)

// A Party proves an identity in a handshake.
type Party struct {
	Bundle []byte
	ID     wire.ID
	Sign   func(context string, fields ...[]byte) []byte
}

// NewParty is the party of an identity.
func NewParty(p *identity.Private) Party {
	return Party{Bundle: p.Bundle().Raw, ID: p.ID(), Sign: p.Sign}
}

// A Token is what a peer has granted to a user.
type Token struct {
	ID  [16]byte
	Key [32]byte
}

// An Initiator is the side that dials, as a list of steps in the order of the
// specification: Message1, ReadMessage2, Message3. Each value that a step
// computes can be looked at and replaced before the next.
type Initiator struct {
	Network identity.Network
	Self    Party
	Token   *Token // prove the user by it

	X      *ecdh.PrivateKey
	KEM    *mlkem.DecapsulationKey768
	Random [32]byte

	Msg1               []byte
	TH1, TH2, TH3, TH4 [32]byte
	Shared, KEMShared  []byte
	ES, MS             [32]byte
	KeysR, KeysI       *PartKeys
	ProofR, ProofI     []byte // plaintexts
	Remote             *identity.Bundle
	Send, Recv         Traffic
	Exporter           [32]byte
}

// Hello is message 1 of any content under a hello key.
func Hello(key [32]byte, version uint64, share, kem, random []byte) []byte {
	b := wire.AppendUint(wire.AppendArray(nil, 5), version)
	b = wire.AppendBin(wire.AppendBin(wire.AppendBin(b, share), kem), random)
	return wire.AppendBin(b, MAC(key[:], b))
}

// Message1 is message 1 as the specification wants it.
func (i *Initiator) Message1() []byte {
	key := i.Network.Key("hello")
	i.Msg1 = Hello(key, 1, i.X.PublicKey().Bytes(), i.KEM.EncapsulationKey().Bytes(), i.Random[:])
	i.TH1 = T([]byte("th"), i.Msg1)
	return i.Msg1
}

// ReadMessage2 checks message 2 and derives what follows from it.
func (i *Initiator) ReadMessage2(b []byte) error {
	r, err := begin(b, 5)
	if err != nil {
		return err
	}
	share, ciphertext := r.BinSize(32), r.BinSize(1088)
	r.BinSize(32)
	clear := b[:r.Offset()]
	sealed := r.Bin(maxMessage)
	if r.Done() != nil {
		return RefusedMessage
	}
	theirs, err := ecdh.X25519().NewPublicKey(share)
	if err != nil {
		return RefusedKeyShare
	}
	if i.Shared, err = i.X.ECDH(theirs); err != nil {
		return RefusedKeyShare
	}
	if i.KEMShared, err = i.KEM.Decapsulate(ciphertext); err != nil {
		return RefusedKeyShare
	}
	psk := i.Network.PSK()
	i.TH2 = T(i.TH1[:], clear)
	i.ES = HandshakeSecret(i.KEMShared, i.Shared, psk[:])
	i.KeysR, i.KeysI = NewPartKeys(i.ES, ByResponder, i.TH2), NewPartKeys(i.ES, ByInitiator, i.TH2)
	p, plain, err := openProof(i.KeysR, i.TH2, sealed, false)
	if err != nil {
		return err
	}
	i.ProofR = plain
	if i.Remote, err = checkSignature(p, "hs-R", i.TH2, i.Self.ID); err != nil {
		return err
	}
	i.TH3 = T(i.TH2[:], sealed)
	return nil
}

// Proof is the proof that the specification wants in message 3.
func (i *Initiator) Proof() Proof {
	if t := i.Token; t != nil {
		return Proof{Kind: ByToken, Who: t.ID[:], Evidence: TokenEvidence(t.Key[:], i.TH3, i.Self.ID, i.Remote.ID(), t.ID[:])}
	}
	return Proof{Kind: BySignature, Who: i.Self.Bundle, Evidence: i.Self.Sign("hs-I", i.TH3[:], i.Self.Bundle)}
}

// Message3 is message 3 with a proof, and derives the keys of the session.
func (i *Initiator) Message3(p Proof) []byte { return i.Message3Plain(p.Bytes(i.KeysI, i.TH3)) }

// Message3Plain is message 3 with any plaintext in its sealed part.
func (i *Initiator) Message3Plain(plain []byte) []byte {
	i.ProofI = plain
	return i.Message3Sealed(i.KeysI.Seal(i.TH3, plain))
}

// Message3Sealed is message 3 with any bytes for its sealed part.
func (i *Initiator) Message3Sealed(sealed []byte) []byte {
	i.TH4 = T(i.TH3[:], sealed)
	var key [32]byte
	if i.Token != nil {
		key = i.Token.Key
	}
	i.MS = Extract(i.ES[:], key[:])
	i.Send, i.Recv = NewTraffic(i.MS, ByInitiator, i.TH4), NewTraffic(i.MS, ByResponder, i.TH4)
	i.Exporter = Exporter(i.MS, i.TH4)
	return wire.AppendBin(wire.AppendUint(wire.AppendArray(nil, 2), 1), sealed)
}
