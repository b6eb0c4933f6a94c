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
// key, which boxes carry. Stops that take the key away and demotions have one too.
type EpochBody struct {
	Nonce      []byte  // 16 random bytes
	Commitment wire.ID // Commitment(key, room, nonce)
	Pins       []Pin   // heads of logs that the writer had seen, ascending by log
}

// NewEpoch begins an epoch under key epochKey. nonce is 16 random bytes. pins
// are heads of logs as the writer had verified them, at most MaxPins: should
// their authors fork them, the branches named here stay.
func NewEpoch(key *identity.Private, at Place, nonce []byte, epochKey [EpochKeySize]byte, pins ...Pin) (*Entry, error) {
	body := newEpochBody(at.Room, nonce, epochKey)
	body.Pins = sortPins(pins)
	return newEntry(key, KindEpoch, at, body, nil)
}

func newEpochBody(room wire.ID, nonce []byte, epochKey [EpochKeySize]byte) *EpochBody {
	return &EpochBody{Nonce: nonce, Commitment: Commitment(epochKey, room, nonce)}
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
	switch body := e.Body.(type) {
	case *EpochBody:
		return body
	case *Stop:
		return body.Epoch
	case *Demote:
		return body.Epoch
	}
	return nil
}

func (b *EpochBody) appendBody(dst []byte) []byte {
	dst = wire.AppendArray(dst, 3)
	dst = b.appendKey(dst)
	return appendPins(dst, b.Pins)
}

// appendKey encodes the two elements nonce and commitment; none: an empty and a zero one.
func (b *EpochBody) appendKey(dst []byte) []byte {
	if b == nil {
		return wire.AppendID(wire.AppendBin(dst, nil), wire.ID{})
	}
	return wire.AppendID(wire.AppendBin(dst, b.Nonce), b.Commitment)
}

// readKey takes the two elements of appendKey.
func readKey(in *wire.Reader) *EpochBody {
	b := &EpochBody{Nonce: in.Bin(nonceSize), Commitment: in.ID()}
	if len(b.Nonce) == 0 && b.Commitment.IsZero() {
		return nil
	}
	return b
}

func readEpoch(in *wire.Reader, _ *Entry) Body {
	in.Array(3)
	return &EpochBody{Nonce: in.BinSize(nonceSize), Commitment: in.ID(), Pins: readPins(in)}
}

func (b *EpochBody) check(*Entry) error { return checkPins(b.Pins) }

// admissible: an epoch may stand on any chain.
func (b *EpochBody) admissible(*Authority, *Entry, bitset) error { return nil }
