package handshake

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

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

// expand is HKDF-SHA-256 Expand (RFC 5869 section 2.3) of 32 bytes, with
// length-prefixed fields as the info.
func expand(prk *secret, use, direction string, th *secret) secret {
	var buf [64]byte
	info := fields(buf[:0], []byte(use), []byte(direction), th[:])
	out, err := hkdf.Expand(sha256.New, prk[:], string(info), 32)
	if err != nil {
		panic(err) // only for lengths that Expand cannot give
	}
	defer clear(out)
	return secret(out)
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

func newPartKeys(es *secret, direction string, th2 *secret) *partKeys {
	k := new(partKeys)
	k.seal.Enc = expand(es, "enc", direction, th2)
	k.seal.Mac = expand(es, "mac", direction, th2)
	k.iv = expand(es, "iv", direction, th2)
	k.fin = expand(es, "fin", direction, th2)
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
	prk, err := hkdf.Expand(sha256.New, key[:], string(fields(nil, []byte("bind"))), 32)
	if err != nil {
		panic(err) // only for lengths that Expand cannot give
	}
	defer clear(prk)
	bind := secret(prk)
	defer clear(bind[:])
	return authenticate(&bind, th3[:], initiator[:], responder[:], token)
}

// traffic fills in the keys of the session: from es, the token's key or zeros,
// and the whole transcript.
func (r *Result) traffic(es, token, th4 *secret) {
	ms := extract(es[:], token[:])
	defer clear(ms[:])
	direction := func(d string) (k seal.Keys, next secret) {
		k.Enc = expand(&ms, "enc", d, th4)
		k.Mac = expand(&ms, "mac", d, th4)
		k.IV = expand(&ms, "iv", d, th4)
		return k, expand(&ms, "next", d, th4)
	}
	send, recv := byInitiator, byResponder
	if !r.Initiator {
		send, recv = recv, send
	}
	r.Send, r.SendNext = direction(send)
	r.Recv, r.RecvNext = direction(recv)
	r.Exporter = expand(&ms, "exporter", "", th4)
	r.Transcript = *th4
}
