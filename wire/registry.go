package wire

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/vmihailenco/msgpack/v5"
)

// A Type is the number of a message type, the first element of a frame.
type Type uint16

// A Message is the body of a frame.
type Message interface {
	// MessageType returns the number under which the type is registered.
	MessageType() Type
}

// Legal says in which phase and direction a message type may be received.
type Legal uint8

// The phases and directions. A session is with a user or with a peer, as the
// handshake's Hello frames say; before they are exchanged only Hello is legal.
const (
	LegalHello      Legal = 1 << iota // as the first frame in each direction
	LegalUserToPeer                   // received by a peer from a user
	LegalPeerToUser                   // received by a user from a peer
	LegalPeerToPeer                   // received by a peer from a peer

	// LegalSession is every phase after Hello, in every direction.
	LegalSession = LegalUserToPeer | LegalPeerToUser | LegalPeerToPeer
)

// A Row of the registry describes one message type.
type Row struct {
	Type  Type
	Name  string
	Legal Legal
	Bound int // largest body in bytes, checked before the body is parsed or stored
	New   func() Message
}

// Lookup returns the row of a type.
func Lookup(t Type) (Row, bool) {
	row, ok := byType()[t]
	return row, ok
}

// Rows returns all rows in the order of their numbers.
func Rows() []Row { return registry() }

var byType = sync.OnceValue(func() map[Type]Row {
	m := make(map[Type]Row)
	for _, row := range registry() {
		m[row.Type] = row
	}
	return m
})

// Optional reports whether an unknown message of type t is to be skipped
// rather than to end the session: those from FirstOptional on are.
func Optional(t Type) bool { return t >= FirstOptional }

// AppendBody appends the canonical encoding of m's body to dst.
func AppendBody(dst []byte, m Message) ([]byte, error) {
	w := appendWriter{dst}
	enc := msgpack.GetEncoder()
	defer msgpack.PutEncoder(enc)
	enc.ResetDict(&w, nil)
	enc.UseCompactInts(true)
	enc.UseArrayEncodedStructs(true)
	if err := enc.Encode(m); err != nil {
		return dst, fmt.Errorf("wire: encode %T: %w", m, err)
	}
	return w.b, nil
}

// DecodeBody reads the body of a message of type t, which must be the one
// canonical encoding of it. Byte strings of the result may alias body.
// The error wraps ErrCanonical, or says that the type is unknown.
func DecodeBody(t Type, body []byte) (Message, error) {
	row, ok := Lookup(t)
	if !ok {
		return nil, fmt.Errorf("wire: message type %d is unknown", t)
	}
	if len(body) > row.Bound {
		return nil, fmt.Errorf("wire: %s of %d bytes is over its bound of %d", row.Name, len(body), row.Bound)
	}
	m := row.New()
	if hot, ok := m.(bodyReader); ok {
		if err := hot.readBody(NewReader(body)); err != nil {
			return nil, fmt.Errorf("wire: %s: %w", row.Name, err)
		}
		return m, nil
	}
	if err := CheckCanonical(body, MaxDepth); err != nil {
		return nil, fmt.Errorf("wire: %s: %w", row.Name, err)
	}
	dec := msgpack.GetDecoder()
	defer msgpack.PutDecoder(dec)
	dec.ResetDict(bytes.NewReader(body), nil)
	if err := dec.Decode(m); err != nil {
		return nil, fmt.Errorf("wire: %s: %w: %w", row.Name, ErrCanonical, err)
	}
	// The library is lenient (a text where bytes belong, a short array): what
	// does not come out again as it went in is not this type's encoding.
	again, err := AppendBody(make([]byte, 0, len(body)), m)
	if err != nil || !bytes.Equal(again, body) {
		return nil, fmt.Errorf("wire: %s: %w: not the shape of this type", row.Name, ErrCanonical)
	}
	return m, nil
}

// bodyReader is the decoder of the hot types: straight over the bytes, which it
// aliases, and as strict as a comparison with the encoder's output would be.
type bodyReader interface{ readBody(r *Reader) error }

type appendWriter struct{ b []byte }

func (w *appendWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

func (w *appendWriter) WriteByte(c byte) error {
	w.b = append(w.b, c)
	return nil
}
