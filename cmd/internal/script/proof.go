package script

import (
	"bytes"
	"crypto/hmac"

	"parley/handshake/identity"
	"parley/wire"
)

// A Refused is why a message of the handshake is refused, in the words that the
// vectors of testdata/handshake use.
type Refused string

// The reasons.
const (
	RefusedMessage   Refused = "message"
	RefusedVersion   Refused = "version"
	RefusedNetwork   Refused = "network-secret"
	RefusedKeyShare  Refused = "key-share"
	RefusedSealed    Refused = "sealed"
	RefusedConfirm   Refused = "confirm"
	RefusedBundle    Refused = "bundle"
	RefusedSignature Refused = "signature"
	RefusedSelf      Refused = "self"
	RefusedToken     Refused = "token"
	RefusedByOther   Refused = "refused"
)

func (r Refused) Error() string { return "handshake message refused: " + string(r) }

// The kinds of proof.
const (
	BySignature = 1
	ByToken     = 2
)

// The sizes of package handshake, in bytes.
const (
	proofSize   = 1728 // of who, evidence and padding together
	tokenIDSize = 16
	maxMessage  = 8192
)

// A Proof is the plaintext of a sealed part. Confirm and Padding are made by
// Bytes when they are nil; what is set is sent as it is.
type Proof struct {
	Kind          uint64
	Who, Evidence []byte
	Confirm       []byte
	Padding       []byte
}

// Bytes are the proof's encoding, with the confirmation under keys over th.
func (p Proof) Bytes(k *PartKeys, th [32]byte) []byte {
	if p.Confirm == nil {
		p.Confirm = MAC(k.Fin[:], th[:], p.Who, p.Evidence)
	}
	if p.Padding == nil {
		p.Padding = make([]byte, padding(p.Who, p.Evidence))
	}
	b := wire.AppendUint(wire.AppendArray(nil, 5), p.Kind)
	b = wire.AppendBin(wire.AppendBin(b, p.Who), p.Evidence)
	return wire.AppendBin(wire.AppendBin(b, p.Confirm), p.Padding)
}

func padding(who, evidence []byte) int { return max(0, proofSize-len(who)-len(evidence)) }

// openProof opens a sealed part and checks all of it but the evidence.
func openProof(k *PartKeys, th [32]byte, sealed []byte, tokens bool) (p Proof, plain []byte, err error) {
	if plain, err = k.Open(th, sealed); err != nil {
		return p, nil, RefusedSealed
	}
	r := wire.NewReader(plain)
	r.Array(5)
	p.Kind = r.Uint()
	switch {
	case p.Kind == BySignature:
		p.Who, p.Evidence = r.Bin(identity.MaxBundle), r.Bin(identity.MaxBundle)
	case p.Kind == ByToken && tokens:
		p.Who, p.Evidence = r.BinSize(tokenIDSize), r.BinSize(32)
	default:
		return p, plain, RefusedMessage
	}
	p.Confirm, p.Padding = r.BinSize(32), r.Bin(proofSize)
	if r.Done() != nil || !bytes.Equal(p.Padding, make([]byte, padding(p.Who, p.Evidence))) {
		return p, plain, RefusedMessage
	}
	if !hmac.Equal(MAC(k.Fin[:], th[:], p.Who, p.Evidence), p.Confirm) {
		return p, plain, RefusedConfirm
	}
	return p, plain, nil
}

// checkSignature checks a proof by signature.
func checkSignature(p Proof, context string, th, self [32]byte) (*identity.Bundle, error) {
	b, err := identity.ParseBundle(p.Who)
	switch {
	case err != nil:
		return nil, RefusedBundle
	case !identity.Verify(b.Key, context, p.Evidence, th[:], p.Who):
		return nil, RefusedSignature
	case b.ID() == self:
		return nil, RefusedSelf
	}
	return b, nil
}

// TokenEvidence is the evidence of a proof by token.
func TokenEvidence(key []byte, th3 [32]byte, initiator, responder wire.ID, token []byte) []byte {
	bind := Expand(key, []byte("bind"))
	return MAC(bind[:], th3[:], initiator[:], responder[:], token)
}

// begin takes the header and version of a message of n elements.
func begin(b []byte, n int) (*wire.Reader, error) {
	if bytes.Equal(b, Refusal()) {
		return nil, RefusedByOther
	}
	r := wire.NewReader(b)
	got := r.ArrayLen(16)
	version := r.Uint()
	switch {
	case r.Err() != nil:
		return nil, RefusedMessage
	case version != 1:
		return nil, RefusedVersion
	case got != n:
		return nil, RefusedMessage
	}
	return r, nil
}

// Refusal is the message [0].
func Refusal() []byte { return []byte{0x91, 0x00} }
