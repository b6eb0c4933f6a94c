package handshake

import (
	"bytes"
	"fmt"

	"parley/handshake/identity"
	"parley/wire"
)

// refusal is the message that says no more than that: [0].
var refusal = [...]byte{0x91, 0x00}

// IsRefusal reports whether a message's bytes, its length field apart, are the
// refusal. A responder that rejects message 3 sends it where the initiator
// already waits for the first record; no record is as short.
func IsRefusal(b []byte) bool { return bytes.Equal(b, refusal[:]) }

// begin takes the array's header and the version, which come before anything
// else is looked at.
func begin(r *wire.Reader, b []byte, elements int) error {
	if IsRefusal(b) {
		return ErrRefused
	}
	n := r.ArrayLen(maxElements)
	version := r.Uint()
	if r.Err() != nil {
		return fmt.Errorf("%w: %w", ErrMessage, r.Err())
	}
	if version != Version {
		return fmt.Errorf("%w: %d", ErrVersion, version)
	}
	if n != elements {
		return fmt.Errorf("%w: %d elements", ErrMessage, n)
	}
	return nil
}

// maxElements bounds the array of a message of whatever version.
const maxElements = 16

func malformed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrMessage, err)
}

// hello is message 1: [1, share, kem, random, mac].
type hello struct {
	share, kem, random, mac []byte
	signed                  []byte // what the mac covers
}

func (m *hello) append(key *secret) []byte {
	b := make([]byte, 0, 1400)
	b = wire.AppendArray(b, 5)
	b = wire.AppendUint(b, Version)
	b = wire.AppendBin(b, m.share)
	b = wire.AppendBin(b, m.kem)
	b = wire.AppendBin(b, m.random)
	mac := authenticate(key, b)
	return wire.AppendBin(b, mac[:])
}

func parseHello(b []byte) (*hello, error) {
	r := wire.NewReader(b)
	if err := begin(r, b, 5); err != nil {
		return nil, err
	}
	m := new(hello)
	m.share = r.BinSize(shareSize)
	m.kem = r.BinSize(kemKeySize)
	m.random = r.BinSize(randomSize)
	m.signed = b[:r.Offset()]
	m.mac = r.BinSize(macSize)
	return m, malformed(r.Done())
}

// reply is message 2: [1, share, ciphertext, random, sealed].
type reply struct {
	share, ciphertext, random []byte
	clear                     []byte // the bytes before the sealed element
	sealed                    []byte
}

// appendClear appends all but the sealed element.
func (m *reply) appendClear(b []byte) []byte {
	b = wire.AppendArray(b, 5)
	b = wire.AppendUint(b, Version)
	b = wire.AppendBin(b, m.share)
	b = wire.AppendBin(b, m.ciphertext)
	return wire.AppendBin(b, m.random)
}

func parseReply(b []byte) (*reply, error) {
	r := wire.NewReader(b)
	if err := begin(r, b, 5); err != nil {
		return nil, err
	}
	m := new(reply)
	m.share = r.BinSize(shareSize)
	m.ciphertext = r.BinSize(kemTextSize)
	m.random = r.BinSize(randomSize)
	m.clear = b[:r.Offset()]
	m.sealed = r.Bin(MaxMessage)
	return m, malformed(r.Done())
}

// appendFinal makes message 3: [1, sealed].
func appendFinal(sealed []byte) []byte {
	b := wire.AppendArray(make([]byte, 0, len(sealed)+8), 2)
	b = wire.AppendUint(b, Version)
	return wire.AppendBin(b, sealed)
}

func parseFinal(b []byte) ([]byte, error) {
	r := wire.NewReader(b)
	if err := begin(r, b, 2); err != nil {
		return nil, err
	}
	sealed := r.Bin(MaxMessage)
	return sealed, malformed(r.Done())
}

// The kinds of proof.
const (
	bySignature = 1
	byToken     = 2
)

// proof is the plaintext of a sealed part: [kind, who, evidence, confirmation,
// padding]. By signature: the bundle and the signature; by token: the token's ID
// and the HMAC under its key.
type proof struct {
	kind     uint64
	who      []byte
	evidence []byte
	confirm  []byte
}

func (p *proof) padding() int { return max(0, proofSize-len(p.who)-len(p.evidence)) }

func (p *proof) append(dst []byte) []byte {
	dst = wire.AppendArray(dst, 5)
	dst = wire.AppendUint(dst, p.kind)
	dst = wire.AppendBin(dst, p.who)
	dst = wire.AppendBin(dst, p.evidence)
	dst = wire.AppendBin(dst, p.confirm)
	return wire.AppendBin(dst, make([]byte, p.padding()))
}

// parseProof reads a proof of a kind that is legal in this message.
func parseProof(b []byte, tokenLegal bool) (*proof, error) {
	r := wire.NewReader(b)
	r.Array(5)
	p := &proof{kind: r.Uint()}
	switch {
	case p.kind == bySignature:
		p.who = r.Bin(identity.MaxBundle)
		p.evidence = r.Bin(identity.MaxBundle)
	case p.kind == byToken && tokenLegal:
		p.who = r.BinSize(TokenIDSize)
		p.evidence = r.BinSize(macSize)
	default:
		return nil, fmt.Errorf("%w: kind of proof %d", ErrMessage, p.kind)
	}
	p.confirm = r.BinSize(macSize)
	padding := r.Bin(proofSize)
	if err := r.Done(); err != nil {
		return nil, malformed(err)
	}
	if len(padding) != p.padding() || len(bytes.Trim(padding, "\x00")) != 0 {
		return nil, fmt.Errorf("%w: padding", ErrMessage)
	}
	return p, nil
}

// closeProof confirms the proof under the sender's fin key and seals it.
func closeProof(k *partKeys, th *secret, p *proof) []byte {
	confirm := authenticate(&k.fin, th[:], p.who, p.evidence)
	p.confirm = confirm[:]
	plain := p.append(make([]byte, 0, proofSize+64))
	defer clear(plain)
	return k.close(th, plain)
}

// openProof opens a sealed part and checks its confirmation. The plaintext, in
// which the proof lies, is the caller's to wipe.
func openProof(k *partKeys, th *secret, sealed []byte, tokenLegal bool) (*proof, []byte, error) {
	plain, err := k.open(th, sealed)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrSealed, err)
	}
	p, err := parseProof(plain, tokenLegal)
	if err != nil {
		return nil, plain, err
	}
	if !equal(authenticate(&k.fin, th[:], p.who, p.evidence), p.confirm) {
		return nil, plain, ErrConfirm
	}
	return p, plain, nil
}

// checkSignature checks a proof by signature and returns the bundle.
func checkSignature(known *identity.Known, p *proof, context string, th *secret) (*identity.Bundle, error) {
	bundle, err := known.Parse(p.who)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	if !identity.Verify(bundle.Key, context, p.evidence, th[:], bundle.Raw) {
		return nil, ErrSignature
	}
	return bundle, nil
}
