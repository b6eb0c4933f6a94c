package handshake

import (
	"bytes"
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/rand"
	"fmt"
	"time"

	"parley/handshake/identity"
	"parley/wire"
)

// answer is what a responder makes afresh for each handshake.
type answer struct {
	x           *ecdh.PrivateKey
	random      [randomSize]byte
	encapsulate func(*mlkem.EncapsulationKey768) (shared, ciphertext []byte, err error)
}

func newAnswer() (*answer, error) {
	x, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	a := &answer{x: x, encapsulate: func(k *mlkem.EncapsulationKey768) ([]byte, []byte, error) {
		shared, ciphertext := k.Encapsulate()
		return shared, ciphertext, nil
	}}
	_, err = rand.Read(a.random[:])
	return a, err
}

// A Responder is the listening side's state machine: ReadMessage1,
// WriteMessage2, ReadMessage3, in this order and each once. It does no input or
// output. After an error it is spent. It is not safe for concurrent use.
type Responder struct {
	cfg   *Config
	own   wire.ID
	step  int
	fresh func() (*answer, error)

	th1   secret
	share *ecdh.PublicKey
	kem   *mlkem.EncapsulationKey768
	es    secret
	th3   secret
	keys  *partKeys // of message 3
}

// NewResponder returns a Responder in its first state.
func NewResponder(cfg *Config) (*Responder, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return &Responder{cfg: cfg, own: cfg.Identity.ID(), fresh: newAnswer}, nil
}

func (h *Responder) advance(from int) error {
	if h.step != from {
		return fmt.Errorf("%w: step %d at %d", ErrState, from, h.step)
	}
	h.step = spent
	return nil
}

// Wipe clears every secret and ends the handshake. Calling it again is harmless.
func (h *Responder) Wipe() {
	h.step = spent
	clear(h.es[:])
	h.keys.wipe()
}

// ReadMessage1 checks message 1. Until its MAC has been found right, no key is
// computed or even parsed: a stranger to the network costs a hash of what it
// sent, and must not be answered, whatever the error is.
func (h *Responder) ReadMessage1(b []byte) error {
	if err := h.advance(0); err != nil {
		return err
	}
	if err := h.readMessage1(b); err != nil {
		return fmt.Errorf("message 1: %w", err)
	}
	h.step = 1
	return nil
}

func (h *Responder) readMessage1(b []byte) error {
	m, err := parseHello(b)
	if err != nil {
		return err
	}
	key := h.cfg.Network.Key(NetworkUse)
	defer clear(key[:])
	if !equal(authenticate(&key, m.signed), m.mac) {
		return ErrNetworkSecret
	}
	if h.share, err = ecdh.X25519().NewPublicKey(m.share); err != nil {
		return fmt.Errorf("%w: %w", ErrKeyShare, err)
	}
	if h.kem, err = mlkem.NewEncapsulationKey768(m.kem); err != nil { // refuses coefficients out of range
		return fmt.Errorf("%w: %w", ErrKeyShare, err)
	}
	h.th1 = transcript([]byte("th"), b)
	return nil
}

// WriteMessage2 returns message 2. It fails if message 1 had a share of low order.
func (h *Responder) WriteMessage2() ([]byte, error) {
	if err := h.advance(1); err != nil {
		return nil, err
	}
	b, err := h.writeMessage2()
	if err != nil {
		h.Wipe()
		return nil, fmt.Errorf("message 1: %w", err)
	}
	h.step = 2
	return b, nil
}

func (h *Responder) writeMessage2() ([]byte, error) {
	// Both shared secrets; the ephemeral key does not outlive this call.
	a, err := h.fresh()
	if err != nil {
		return nil, err
	}
	dh, err := a.x.ECDH(h.share) // refuses points of low order
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeyShare, err)
	}
	defer clear(dh)
	kem, ciphertext, err := a.encapsulate(h.kem)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeyShare, err)
	}
	defer clear(kem)
	h.share, h.kem = nil, nil

	// The key schedule.
	m := reply{share: a.x.PublicKey().Bytes(), ciphertext: ciphertext, random: a.random[:]}
	b := m.appendClear(make([]byte, 0, 3200))
	th2 := transcript(h.th1[:], b)
	psk := h.cfg.Network.PSK()
	defer clear(psk[:])
	h.es = handshakeSecret(kem, dh, &psk)
	e := newExpander(&h.es)
	mine := e.partKeys(byResponder, &th2)
	defer mine.wipe()
	h.keys = e.partKeys(byInitiator, &th2)

	// The responder's proof, always by signature.
	bundle := h.cfg.Identity.Bundle().Raw
	sealed := closeProof(mine, &th2, &proof{
		kind: bySignature, who: bundle, evidence: h.cfg.Identity.Sign(ContextResponder, th2[:], bundle),
	})
	h.th3 = transcript(th2[:], sealed)
	return wire.AppendBin(b, sealed), nil
}

// ReadMessage3 checks message 3 and returns the handshake's result: who the
// initiator has proved to be, and the keys. now is the time at which a token
// must be valid.
func (h *Responder) ReadMessage3(b []byte, now time.Time) (*Result, error) {
	if err := h.advance(2); err != nil {
		return nil, err
	}
	defer h.Wipe()
	r, err := h.readMessage3(b, now)
	if err != nil {
		return nil, fmt.Errorf("message 3: %w", err)
	}
	return r, nil
}

func (h *Responder) readMessage3(b []byte, now time.Time) (*Result, error) {
	sealed, err := parseFinal(b)
	if err != nil {
		return nil, err
	}
	p, plain, err := openProof(h.keys, &h.th3, sealed, true)
	defer clear(plain)
	if err != nil {
		return nil, err
	}
	r := new(Result)
	var tokenKey secret // zeros without a token
	defer clear(tokenKey[:])
	if p.kind == byToken {
		if tokenKey, r.Remote, err = h.checkToken(p, now); err != nil {
			return nil, err
		}
		id := [TokenIDSize]byte(p.who)
		r.Token = &id
	} else if r.Remote, err = checkSignature(h.cfg.Known, p, ContextInitiator, &h.th3); err != nil {
		return nil, err
	}
	if r.Remote.ID() == h.own {
		return nil, ErrSelf
	}
	th4 := transcript(h.th3[:], sealed)
	r.traffic(&h.es, &tokenKey, &th4)
	return r, nil
}

func (h *Responder) checkToken(p *proof, now time.Time) (key secret, user *identity.Bundle, err error) {
	if h.cfg.Tokens == nil {
		return key, nil, ErrToken
	}
	key, user, ok := h.cfg.Tokens.LookupToken([TokenIDSize]byte(bytes.Clone(p.who)), now)
	if !ok {
		return secret{}, nil, ErrToken
	}
	if !equal(tokenProof(&key, &h.th3, user.ID(), h.own, p.who), p.evidence) {
		return secret{}, nil, fmt.Errorf("%w: %x", ErrToken, p.who)
	}
	return key, user, nil
}
