package handshake

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"parley/wire"
	"parley/wire/seal"
)

// Suite names the one set of algorithms; its hash is the salt of the first extraction.
const Suite = "parley/1 X25519 ML-KEM-768 HKDF-SHA-256 AES-256-CBC HMAC-SHA-256"

// NetworkUse is the use of the network's key (identity.Network.Key) that
// authenticates message 1.
const NetworkUse = "hello"

// The two directions in the key schedule: who sends.
const (
	byInitiator = "I"
	byResponder = "R"
)

type secret = [32]byte

// fields appends each field after its length as 4 bytes big-endian.
func fields(dst []byte, fs ...[]byte) []byte {
	for _, f := range fs {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(f)))
		dst = append(dst, f...)
	}
	return dst
}

// transcript is SHA-256 over length-prefixed fields.
func transcript(fs ...[]byte) secret { return wire.Hash(string(fs[0]), fs[1:]...) }

// authenticate is HMAC-SHA-256 over length-prefixed fields.
func authenticate(key *secret, fs ...[]byte) secret {
	mac := hmac.New(sha256.New, key[:])
	var n [4]byte
	for _, f := range fs {
		binary.BigEndian.PutUint32(n[:], uint32(len(f)))
		mac.Write(n[:])
		mac.Write(f)
	}
	var sum secret
	mac.Sum(sum[:0])
	return sum
}

func equal(a secret, b []byte) bool { return hmac.Equal(a[:], b) }

// extract is HKDF-SHA-256 Extract (RFC 5869 section 2.2).
func extract(salt, ikm []byte) secret {
	prk, err := hkdf.Extract(sha256.New, ikm, salt)
	if err != nil {
		panic(err) // only where FIPS mode forbids the hash
	}
	defer clear(prk)
	return secret(prk)
}

// An expander is HKDF-SHA-256 Expand (RFC 5869 section 2.3) under one key. All
// outputs here are of 32 bytes, one block: HMAC(key, info ‖ 0x01), so that the
// key's HMAC state is computed once and kept, which makes it four times as fast.
type expander struct {
	mac  hash.Hash
	info []byte
}

func newExpander(prk *secret) *expander {
	mac := hmac.New(sha256.New, prk[:])
	mac.Reset() // makes crypto/hmac keep its inner and outer state
	return &expander{mac: mac}
}

// expand returns 32 bytes; the info is the fields, length-prefixed.
func (e *expander) expand(fs ...[]byte) (out secret) {
	e.info = append(fields(e.info[:0], fs...), 1)
	e.mac.Reset()
	e.mac.Write(e.info)
	e.mac.Sum(out[:0])
	return out
}

// key is expand of a use, a direction and a transcript hash.
func (e *expander) key(use, direction string, th *secret) secret {
	return e.expand([]byte(use), []byte(direction), th[:])
}

// handshakeSecret is es: both shared secrets and the network's, extracted under
// the suite's name.
func handshakeSecret(kem, dh []byte, psk *secret) secret {
	suite := wire.Hash(Suite)
	ikm := make([]byte, 0, 96)
	ikm = append(ikm, kem...)
	ikm = append(ikm, dh...)
	ikm = append(ikm, psk[:]...)
	defer clear(ikm)
	return extract(suite[:], ikm)
}

// partKeys seal one direction's part of the handshake and confirm its sender.
type partKeys struct {
	seal seal.Keys
	iv   secret // its first seal.IVSize bytes are the IV
	fin  secret
}

func (e *expander) partKeys(direction string, th2 *secret) *partKeys {
	k := new(partKeys)
	k.seal.Enc = e.key("enc", direction, th2)
	k.seal.Mac = e.key("mac", direction, th2)
	k.iv = e.key("iv", direction, th2)
	k.fin = e.key("fin", direction, th2)
	return k
}

func (k *partKeys) close(ad *secret, plain []byte) []byte {
	return seal.NewState(&k.seal).Seal(nil, k.iv[:seal.IVSize], ad[:], plain)
}

// open returns a new slice, which the caller wipes.
func (k *partKeys) open(ad *secret, sealed []byte) ([]byte, error) {
	return seal.NewState(&k.seal).Open(nil, k.iv[:seal.IVSize], ad[:], sealed)
}

func (k *partKeys) wipe() {
	if k != nil {
		*k = partKeys{}
	}
}

// tokenProof is the HMAC by which a user proves that it has a token's key, to
// this responder and in this handshake only.
func tokenProof(key, th3 *secret, initiator, responder wire.ID, token []byte) secret {
	bind := newExpander(key).expand([]byte("bind"))
	defer clear(bind[:])
	return authenticate(&bind, th3[:], initiator[:], responder[:], token)
}

// traffic fills in the keys of the session: from es, the token's key or zeros,
// and the whole transcript.
func (r *Result) traffic(es, token, th4 *secret) {
	ms := extract(es[:], token[:])
	defer clear(ms[:])
	e := newExpander(&ms)
	direction := func(d string) (k seal.Keys, next secret) {
		k.Enc = e.key("enc", d, th4)
		k.Mac = e.key("mac", d, th4)
		k.IV = e.key("iv", d, th4)
		return k, e.key("next", d, th4)
	}
	send, recv := byInitiator, byResponder
	if !r.Initiator {
		send, recv = recv, send
	}
	r.Send, r.SendNext = direction(send)
	r.Recv, r.RecvNext = direction(recv)
	r.Exporter = e.key("exporter", "", th4)
	r.Transcript = *th4
}
