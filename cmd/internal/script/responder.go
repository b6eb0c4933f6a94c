package script

import (
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/mlkem"

	"parley/handshake/identity"
	"parley/wire"
)

// A TokenUser is what a responder knows of a token that it issued.
type TokenUser struct {
	Token
	User wire.ID
}

// A Responder is the side that accepts, as a list of steps: ReadMessage1,
// Message2, ReadMessage3.
type Responder struct {
	Network identity.Network
	Self    Party
	Tokens  []TokenUser

	X                     *ecdh.PrivateKey
	Random                [32]byte
	Ciphertext, KEMShared []byte // encapsulated to the key of message 1; Encapsulate makes them

	KEM                *mlkem.EncapsulationKey768
	Clear              []byte // message 2 before its sealed part
	TH1, TH2, TH3, TH4 [32]byte
	ES, MS             [32]byte
	KeysR, KeysI       *PartKeys
	Remote             wire.ID
	Shared             []byte
	Send, Recv         Traffic
	Exporter           [32]byte

	share *ecdh.PublicKey
}

// ReadMessage1 checks message 1: its mac before anything is parsed.
func (s *Responder) ReadMessage1(b []byte) error {
	r, err := begin(b, 5)
	if err != nil {
		return err
	}
	share, kem := r.BinSize(32), r.BinSize(1184)
	r.BinSize(32)
	covered := b[:r.Offset()]
	mac := r.BinSize(32)
	if r.Done() != nil {
		return RefusedMessage
	}
	key := s.Network.Key("hello")
	if !hmac.Equal(MAC(key[:], covered), mac) {
		return RefusedNetwork
	}
	if s.share, err = ecdh.X25519().NewPublicKey(share); err != nil {
		return RefusedKeyShare
	}
	if _, err := s.X.ECDH(s.share); err != nil {
		return RefusedKeyShare
	}
	if s.KEM, err = mlkem.NewEncapsulationKey768(kem); err != nil {
		return RefusedKeyShare
	}
	s.TH1 = T([]byte("th"), b)
	return nil
}

// Encapsulate makes the ML-KEM ciphertext and secret of this handshake.
func (s *Responder) Encapsulate() { s.KEMShared, s.Ciphertext = s.KEM.Encapsulate() }

// Message2 is message 2 as the specification wants it.
func (s *Responder) Message2() ([]byte, error) {
	if err := s.Derive(s.X.PublicKey().Bytes(), s.Ciphertext, s.Random[:]); err != nil {
		return nil, err
	}
	return s.Message2Proof(s.Proof()), nil
}

// Derive begins message 2 with these parts, and derives the keys that seal its last.
func (s *Responder) Derive(share, ciphertext, random []byte) (err error) {
	if s.Shared, err = s.X.ECDH(s.share); err != nil {
		return RefusedKeyShare
	}
	b := wire.AppendUint(wire.AppendArray(nil, 5), 1)
	s.Clear = wire.AppendBin(wire.AppendBin(wire.AppendBin(b, share), ciphertext), random)
	psk := s.Network.PSK()
	s.TH2 = T(s.TH1[:], s.Clear)
	s.ES = HandshakeSecret(s.KEMShared, s.Shared, psk[:])
	s.KeysR, s.KeysI = NewPartKeys(s.ES, ByResponder, s.TH2), NewPartKeys(s.ES, ByInitiator, s.TH2)
	return nil
}

// Proof is the proof that the specification wants in message 2.
func (s *Responder) Proof() Proof {
	return Proof{Kind: BySignature, Who: s.Self.Bundle, Evidence: s.Self.Sign("hs-R", s.TH2[:], s.Self.Bundle)}
}

// Message2Proof is message 2 with a proof.
func (s *Responder) Message2Proof(p Proof) []byte { return s.Message2Plain(p.Bytes(s.KeysR, s.TH2)) }

// Message2Plain is message 2 with any plaintext in its sealed part.
func (s *Responder) Message2Plain(plain []byte) []byte {
	return s.Message2Sealed(s.KeysR.Seal(s.TH2, plain))
}

// Message2Sealed is message 2 with any bytes for its sealed part.
func (s *Responder) Message2Sealed(sealed []byte) []byte {
	s.TH3 = T(s.TH2[:], sealed)
	return wire.AppendBin(append([]byte{}, s.Clear...), sealed)
}

// ReadMessage3 checks message 3 and derives the keys of the session.
func (s *Responder) ReadMessage3(b []byte) error {
	r, err := begin(b, 2)
	if err != nil {
		return err
	}
	sealed := r.Bin(maxMessage)
	if r.Done() != nil {
		return RefusedMessage
	}
	p, _, err := openProof(s.KeysI, s.TH3, sealed, true)
	if err != nil {
		return err
	}
	var key [32]byte
	if p.Kind == ByToken {
		if key, err = s.byToken(p); err != nil {
			return err
		}
	} else {
		bundle, err := checkSignature(p, "hs-I", s.TH3, s.Self.ID)
		if err != nil {
			return err
		}
		s.Remote = bundle.ID()
	}
	s.TH4 = T(s.TH3[:], sealed)
	s.MS = Extract(s.ES[:], key[:])
	s.Send, s.Recv = NewTraffic(s.MS, ByResponder, s.TH4), NewTraffic(s.MS, ByInitiator, s.TH4)
	s.Exporter = Exporter(s.MS, s.TH4)
	return nil
}

func (s *Responder) byToken(p Proof) (key [32]byte, err error) {
	for _, t := range s.Tokens {
		if string(t.ID[:]) == string(p.Who) && hmac.Equal(TokenEvidence(t.Key[:], s.TH3, t.User, s.Self.ID, p.Who), p.Evidence) {
			s.Remote = t.User
			if t.User == s.Self.ID {
				return key, RefusedSelf
			}
			return t.Key, nil
		}
	}
	return key, RefusedToken
}
