package rooms

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"parley/handshake/identity"
	"parley/wire"
	"parley/wire/seal"
)

// MessageText is the kind of an ordinary message. Readers skip kinds that they
// do not know.
const MessageText = 0

// A Message is what a writer says in one message, before encryption.
type Message struct {
	Kind uint64
	Data []byte // at most MaxMessage bytes
	Name string // the author's display name; in open rooms only, else empty
}

// A MessageCipher encrypts and decrypts the messages of one author's one log
// in one epoch (package documentation, "Messages"). It keeps its keyed state
// between messages and is not safe for concurrent use.
type MessageCipher struct {
	state *seal.State
	ad    []byte // room, epoch, author, incarnation, number, prev
	open  bool
}

// The places of the last two fields in MessageCipher.ad.
const (
	adNumber = 4*(4+wire.IDSize) + 4
	adPrev   = adNumber + 8 + 4
	adSize   = adPrev + wire.IDSize
)

// NewMessageCipher derives the keys from the epoch's key. epoch is zero in open
// rooms, whose key OpenRoomKey gives.
func NewMessageCipher(epochKey [EpochKeySize]byte, room, epoch, author, incarnation wire.ID) *MessageCipher {
	info := fieldBuffer(nil).text("msg").id(&room).id(&epoch).id(&author).id(&incarnation)
	derived, err := hkdf.Key(sha256.New, epochKey[:], nil, string(info), 2*seal.KeySize)
	if err != nil {
		panic(err) // only for lengths that HKDF cannot give
	}
	defer clear(derived)
	var keys seal.Keys
	copy(keys.Enc[:], derived)
	copy(keys.Mac[:], derived[seal.KeySize:])
	ad := fieldBuffer(make([]byte, 0, adSize)).id(&room).id(&epoch).id(&author).id(&incarnation)
	ad = ad.uint(0).id(new(wire.ID))
	return &MessageCipher{state: seal.NewState(&keys), ad: ad, open: epoch.IsZero()}
}

// place sets the associated data to message number of a run whose previous
// link is prev.
func (c *MessageCipher) place(number uint64, prev *wire.ID) {
	binary.BigEndian.PutUint64(c.ad[adNumber:], number)
	copy(c.ad[adPrev:], prev[:])
}

// check applies the rules of a message's plaintext.
func (c *MessageCipher) check(m *Message) error {
	switch {
	case len(m.Data) > MaxMessage:
		return refuse(ReasonBounds, "message of %d bytes", len(m.Data))
	case m.Name != "" && !c.open:
		return refuse(ReasonEncoding, "a name outside an open room")
	case identity.CheckName(m.Name) != nil:
		return refuse(ReasonEncoding, "a name that cannot be shown")
	}
	return nil
}

// Seal appends the message, encrypted for its place, to dst: iv ‖ ciphertext ‖
// tag. iv is 16 random bytes, fresh for each message.
func (c *MessageCipher) Seal(dst, iv []byte, number uint64, prev wire.ID, m *Message) ([]byte, error) {
	if err := c.check(m); err != nil {
		return nil, err
	}
	c.place(number, &prev)
	dst = slices.Grow(dst, sealedBound(m))
	dst = append(dst, iv[:ivSize]...)
	at := len(dst)
	plain := wire.AppendArray(dst, 3)
	plain = wire.AppendUint(plain, m.Kind)
	plain = wire.AppendBin(plain, m.Data)
	plain = wire.AppendStr(plain, m.Name)
	return c.state.Seal(plain[:at], iv, c.ad, plain[at:]), nil
}

// sealedBound is at least the size of a message with its encryption.
func sealedBound(m *Message) int {
	const headers = 1 + 9 + 5 + 5 // array, kind, data, name
	return ivSize + headers + len(m.Data) + len(m.Name) + seal.Overhead
}

// SealRun encrypts the messages of a run that begins with number first and
// whose previous link is prev, as RunDraft wants them, under random IVs.
func (c *MessageCipher) SealRun(first uint64, prev wire.ID, messages []Message) ([][]byte, error) {
	ivs := make([]byte, ivSize*len(messages))
	if _, err := rand.Read(ivs); err != nil {
		return nil, err
	}
	size := 0
	for i := range messages {
		size += sealedBound(&messages[i])
	}
	buf := make([]byte, 0, size)
	out := make([][]byte, len(messages))
	for i := range messages {
		at := len(buf)
		var err error
		buf, err = c.Seal(buf, ivs[i*ivSize:(i+1)*ivSize], first+uint64(i), prev, &messages[i])
		if err != nil {
			return nil, err
		}
		out[i] = buf[at:len(buf):len(buf)]
	}
	return out, nil
}

// Open decrypts message i, from 0, of a run of this log and epoch, appending
// to dst; Data aliases the result's memory. An error wraps ReasonCipher (not
// encrypted under this key for this place) or ReasonEncoding.
func (c *MessageCipher) Open(dst []byte, r *Run, i int) (Message, error) {
	c.place(r.First+uint64(i), &r.Prev)
	sealed := r.Messages[i]
	at := len(dst)
	plain, err := c.state.Open(dst, sealed[:ivSize], c.ad, sealed[ivSize:])
	if err != nil {
		return Message{}, refuse(ReasonCipher, "message %d", r.First+uint64(i))
	}
	m, err := parseMessage(plain[at:])
	if err != nil {
		return Message{}, err
	}
	if err := c.check(&m); err != nil {
		return Message{}, err
	}
	return m, nil
}

// parseMessage decodes a message's plaintext. Data aliases it.
func parseMessage(plain []byte) (Message, error) {
	in := wire.NewReader(plain)
	in.Array(3)
	m := Message{Kind: in.Uint(), Data: in.Bin(MaxMessage), Name: in.Str(identity.MaxName)}
	if err := in.Done(); err != nil {
		return Message{}, refuseBytes("message", err)
	}
	return m, nil
}
