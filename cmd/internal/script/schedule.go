package script

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"parley/wire"
	"parley/wire/seal"
)

// Suite is the text whose hash salts the first extraction (package handshake, "Message 2").
const Suite = "parley/1 X25519 ML-KEM-768 HKDF-SHA-256 AES-256-CBC HMAC-SHA-256"

// The directions of the key schedule: who sends.
const (
	ByInitiator = "I"
	ByResponder = "R"
)

// Fields are the fields one after another, each behind its length as 4 bytes
// big-endian: the notation of package handshake.
func Fields(fields ...[]byte) (out []byte) {
	for _, f := range fields {
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(f))), f...)
	}
	return out
}

// T is SHA-256 over fields.
func T(fields ...[]byte) [32]byte { return sha256.Sum256(Fields(fields...)) }

// MAC is HMAC-SHA-256 over fields.
func MAC(key []byte, fields ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(Fields(fields...))
	return mac.Sum(nil)
}

// RawMAC is HMAC-SHA-256 over the parts one after another, without lengths.
func RawMAC(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, p := range parts {
		mac.Write(p)
	}
	return mac.Sum(nil)
}

// Expand is HKDF-SHA-256 Expand to 32 bytes, with fields as the info.
func Expand(key []byte, fields ...[]byte) (out [32]byte) {
	b, err := hkdf.Expand(sha256.New, key, string(Fields(fields...)), len(out))
	if err != nil {
		panic(err) // only for lengths that Expand cannot give
	}
	return [32]byte(b)
}

// Extract is HKDF-SHA-256 Extract.
func Extract(salt, secret []byte) (out [32]byte) {
	b, err := hkdf.Extract(sha256.New, secret, salt)
	if err != nil {
		panic(err) // only where FIPS mode forbids the hash
	}
	return [32]byte(b)
}

// HandshakeSecret is es.
func HandshakeSecret(kem, x25519, psk []byte) [32]byte {
	salt := wire.Hash(Suite)
	secret := append(append(append([]byte{}, kem...), x25519...), psk...)
	return Extract(salt[:], secret)
}

// PartKeys seal one direction's part of the handshake and confirm its sender.
type PartKeys struct {
	Enc, Mac, Fin [32]byte
	IV            [16]byte
}

// NewPartKeys derives the keys of a direction from es and th2.
func NewPartKeys(es [32]byte, direction string, th2 [32]byte) *PartKeys {
	key := func(use string) [32]byte { return Expand(es[:], []byte(use), []byte(direction), th2[:]) }
	iv := key("iv")
	return &PartKeys{Enc: key("enc"), Mac: key("mac"), Fin: key("fin"), IV: [16]byte(iv[:16])}
}

func (k *PartKeys) state() *seal.State { return seal.NewState(&seal.Keys{Enc: k.Enc, Mac: k.Mac}) }

// Seal seals the plaintext of a part, whatever it is.
func (k *PartKeys) Seal(th [32]byte, plain []byte) []byte {
	return k.state().Seal(nil, k.IV[:], th[:], plain)
}

// Open opens a sealed part.
func (k *PartKeys) Open(th [32]byte, sealed []byte) ([]byte, error) {
	return k.state().Open(nil, k.IV[:], th[:], sealed)
}

// Traffic are the keys of one direction of a session.
type Traffic struct {
	Keys seal.Keys
	Next [32]byte
}

// NewTraffic derives a direction's keys from ms and th4.
func NewTraffic(ms [32]byte, direction string, th4 [32]byte) Traffic {
	key := func(use string) [32]byte { return Expand(ms[:], []byte(use), []byte(direction), th4[:]) }
	return Traffic{Keys: seal.Keys{Enc: key("enc"), Mac: key("mac"), IV: key("iv")}, Next: key("next")}
}

// Advance are the keys of the next generation (package session, "Rekeying").
func (t Traffic) Advance() Traffic {
	key := func(use string) [32]byte { return Expand(t.Next[:], []byte(use)) }
	return Traffic{Keys: seal.Keys{Enc: key("enc"), Mac: key("mac"), IV: key("iv")}, Next: key("next")}
}

// Exporter is the exporter secret.
func Exporter(ms, th4 [32]byte) [32]byte {
	return Expand(ms[:], []byte("exporter"), nil, th4[:])
}
