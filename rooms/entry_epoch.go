package rooms

import (
	"crypto/hmac"
	"crypto/sha256"

	"parley/handshake/identity"
	"parley/wire"
)

// EpochKeySize is the size of an epoch's key in bytes. A key is random and
// used for one epoch.
const EpochKeySize = 32

// EpochBody is the body of an entry that begins an epoch: a commitment to its
// key, which boxes carry.
type EpochBody struct {
	Nonce      []byte  // 16 random bytes
	Commitment wire.ID // Commitment(key, room, nonce)
}

// NewEpoch begins an epoch under key epochKey. nonce is 16 random bytes.
func NewEpoch(key *identity.Private, at Place, nonce []byte, epochKey [EpochKeySize]byte) (*Entry, error) {
	body := &EpochBody{Nonce: nonce, Commitment: Commitment(epochKey, at.Room, nonce)}
	return newEntry(key, KindEpoch, at, body, nil)
}

// Commitment binds an epoch's entry to its key: HMAC-SHA-256 under the key over
// the length-prefixed fields "commit", room, nonce.
func Commitment(epochKey [EpochKeySize]byte, room wire.ID, nonce []byte) wire.ID {
	mac := hmac.New(sha256.New, epochKey[:])
	var buf [128]byte
	mac.Write(fieldBuffer(buf[:0]).text("commit").id(&room).field(nonce))
	var id wire.ID
	mac.Sum(id[:0])
	return id
}

// Epoch returns what an entry says about a new key, or nil if it begins no epoch.
func (e *Entry) Epoch() *EpochBody {
	body, _ := e.Body.(*EpochBody)
	return body
}

func (b *EpochBody) appendBody(dst []byte) []byte {
	dst = wire.AppendArray(dst, 2)
	dst = wire.AppendBin(dst, b.Nonce)
	return wire.AppendID(dst, b.Commitment)
}

func readEpoch(in *wire.Reader, _ *Entry) Body {
	in.Array(2)
	return &EpochBody{Nonce: in.BinSize(nonceSize), Commitment: in.ID()}
}

func (b *EpochBody) check(*Entry) error { return nil }

// admissible: an epoch may stand on any chain.
func (b *EpochBody) admissible(*Authority, *Entry, bitset) error { return nil }
