package handshake

import (
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/rand"
	"fmt"

	"parley/handshake/identity"
	"parley/wire"
)

// The contexts of the handshake's signatures.
const (
	ContextResponder = "hs-R"
	ContextInitiator = "hs-I"
)

// offer is what an initiator makes afresh for each handshake.
type offer struct {
	x      *ecdh.PrivateKey
	kem    *mlkem.DecapsulationKey768
	random [randomSize]byte
}

func newOffer() (*offer, error) {
	x, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	kem, err := mlkem.GenerateKey768()
	if err != nil {
		return nil, err
	}
	o := &offer{x: x, kem: kem}
	_, err = rand.Read(o.random[:])
	return o, err
}

// An Initiator is the dialling side's state machine: WriteMessage1,
// ReadMessage2, WriteMessage3, in this order and each once. It does no input or
// output. After an error it is spent. It is not safe for concurrent use.
type Initiator struct {
	cfg   *Config
	own   wire.ID
	step  int
	fresh func() (*offer, error)

	offer    *offer
	th1      secret
	es       secret
	th3      secret
	keys     *partKeys // of message 3
	psk      secret
	remote   *identity.Bundle
	remoteID wire.ID
}

// NewInitiator returns an Initiator in its first state.
func NewInitiator(cfg *Config) (*Initiator, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return &Initiator{cfg: cfg, own: cfg.Identity.ID(), fresh: newOffer}, nil
}

// advance moves from one step to the next; any other order is an error.
func (h *Initiator) advance(from int) error {
	if h.step != from {
		return fmt.Errorf("%w: step %d at %d", ErrState, from, h.step)
	}
	h.step = spent // until the step has succeeded
	return nil
}

// spent is the step of a machine that has finished or failed.
const spent = -1

// Wipe clears every secret and ends the handshake. Calling it again is harmless.
func (h *Initiator) Wipe() {
	h.step = spent
	h.offer = nil // crypto/ecdh and crypto/mlkem give no way to clear their keys
	clear(h.es[:])
	clear(h.psk[:])
	h.keys.wipe()
}

// WriteMessage1 returns message 1 (package documentation, "Message 1").
func (h *Initiator) WriteMessage1() ([]byte, error) {
	if err := h.advance(0); err != nil {
		return nil, err
	}
	var err error
	if h.offer, err = h.fresh(); err != nil {
		return nil, err
	}
	key := h.cfg.Network.Key(NetworkUse)
	defer clear(key[:])
	h.psk = h.cfg.Network.PSK()
	m := hello{share: h.offer.x.PublicKey().Bytes(), kem: h.offer.kem.EncapsulationKey().Bytes(), random: h.offer.random[:]}
	b := m.append(&key)
	h.th1 = transcript([]byte("th"), b)
	h.step = 1
	return b, nil
}

// ReadMessage2 checks message 2 (package documentation, "Message 2") and
// returns who the responder has proved to be.
func (h *Initiator) ReadMessage2(b []byte) (*identity.Bundle, error) {
	if err := h.advance(1); err != nil {
		return nil, err
	}
	if err := h.readMessage2(b); err != nil {
		h.Wipe()
		return nil, fmt.Errorf("message 2: %w", err)
	}
	h.step = 2
	return h.remote, nil
}

func (h *Initiator) readMessage2(b []byte) error {
	m, err := parseReply(b)
	if err != nil {
		return err
	}
	// Both shared secrets, from ephemeral keys that have now been used.
	share, err := ecdh.X25519().NewPublicKey(m.share)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeyShare, err)
	}
	dh, err := h.offer.x.ECDH(share) // refuses points of low order
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeyShare, err)
	}
	defer clear(dh)
	kem, err := h.offer.kem.Decapsulate(m.ciphertext)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeyShare, err)
	}
	defer clear(kem)
	h.offer = nil

	// The key schedule.
	th2 := transcript(h.th1[:], m.clear)
	h.es = handshakeSecret(kem, dh, &h.psk)
	e := newExpander(&h.es)
	theirs := e.partKeys(byResponder, &th2)
	defer theirs.wipe()
	h.keys = e.partKeys(byInitiator, &th2)

	// The responder's proof.
	p, plain, err := openProof(theirs, &th2, m.sealed, false)
	defer clear(plain)
	if err != nil {
		return err
	}
	bundle, err := checkSignature(h.cfg.Known, p, ContextResponder, &th2)
	if err != nil {
		return err
	}
	id := bundle.ID()
	if id == h.own {
		return ErrSelf
	}
	if !h.cfg.Expect.IsZero() && id != h.cfg.Expect {
		return fmt.Errorf("%w: %s", ErrIdentity, id)
	}
	h.remote, h.remoteID = bundle, id
	h.th3 = transcript(th2[:], m.sealed)
	return nil
}

// WriteMessage3 returns message 3 (package documentation, "Message 3") and the
// handshake's result. The responder may still refuse the message.
func (h *Initiator) WriteMessage3() ([]byte, *Result, error) {
	if err := h.advance(2); err != nil {
		return nil, nil, err
	}
	defer h.Wipe()
	r := &Result{Remote: h.remote, Initiator: true}
	var p *proof
	var tokenKey secret // zeros without a token
	defer clear(tokenKey[:])
	if t := h.cfg.Token; t != nil {
		tokenKey = t.Key
		evidence := tokenProof(&tokenKey, &h.th3, h.own, h.remoteID, t.ID[:])
		p = &proof{kind: byToken, who: t.ID[:], evidence: evidence[:]}
		id := t.ID
		r.Token = &id
	} else {
		bundle := h.cfg.Identity.Bundle().Raw
		p = &proof{kind: bySignature, who: bundle, evidence: h.cfg.Identity.Sign(ContextInitiator, h.th3[:], bundle)}
	}
	sealed := closeProof(h.keys, &h.th3, p)
	th4 := transcript(h.th3[:], sealed)
	r.traffic(&h.es, &tokenKey, &th4)
	return appendFinal(sealed), r, nil
}
