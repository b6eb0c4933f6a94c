package wire

import (
	"bytes"
	"encoding/base32"
	"fmt"
)

// IDSize is the size in bytes of every ID: the output of SHA-256.
const IDSize = 32

// An ID names an identity, a room, a log, an entry, a run or a message: always
// a SHA-256 hash, as the package documentation lays out ("IDs").
type ID [IDSize]byte

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// IDTextSize is the length in characters of an ID's text form.
const IDTextSize = 52

// String returns the ID in lower-case base32 (RFC 4648 section 6) without
// padding, 52 characters.
func (id ID) String() string { return idEncoding.EncodeToString(id[:]) }

// Short returns the first four characters of the text form, as shown behind a
// claimed name (name·fp4x). It tells apart, it does not authenticate.
func (id ID) Short() string { return id.String()[:4] }

// IsZero reports whether id is all zeros, which is no hash's value and stands for "none".
func (id ID) IsZero() bool { return id == ID{} }

// Compare orders IDs as byte strings: -1, 0 or +1.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// MarshalText implements encoding.TextMarshaler; it never fails.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; it accepts what ParseID does.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// ParseID reads an ID's text form. The only form accepted is the one String writes.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != IDTextSize {
		return id, fmt.Errorf("wire: an ID has %d characters, not %d", IDTextSize, len(s))
	}
	raw, err := idEncoding.DecodeString(s)
	if err != nil {
		return id, fmt.Errorf("wire: an ID is lower-case base32: %w", err)
	}
	copy(id[:], raw)
	if id.String() != s {
		return ID{}, fmt.Errorf("wire: %q is not the canonical form of an ID", s)
	}
	return id, nil
}
