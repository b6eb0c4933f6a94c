package identity

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/wire"
)

// ErrName is returned for a display name that the protocol refuses.
var ErrName = errors.New("identity: a name is at most 64 bytes of UTF-8 without control or direction characters")

// CheckName returns ErrName unless the name may stand in a bundle: at most
// MaxName bytes of valid UTF-8, without the code points listed in the package
// documentation. The empty name is allowed: its owner claims none.
//
// The list is closed and does not follow the Unicode tables: whether a bundle
// is valid must not depend on the age of the program that looks at it.
func CheckName(name string) error {
	if len(name) > MaxName || !utf8.ValidString(name) {
		return ErrName
	}
	for _, r := range name {
		if forbidden(r) {
			return ErrName
		}
	}
	return nil
}

// forbidden reports whether r is one of the code points that no name may have:
// controls, line ends, and those that turn the direction of what follows.
func forbidden(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0: // C0, DEL, C1
		return true
	case r == 0x2028, r == 0x2029: // line and paragraph separator
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // direction
		return true
	case r == 0xfeff, r >= 0xfff9 && r <= 0xfffb: // byte order mark, interlinear annotation
		return true
	}
	return false
}

// Claim returns how a name that somebody chose for themselves is shown:
// name·fp4x, with the first four characters of the ID. What does not print is
// left out of the name, spaces are made single, and a name of which nothing is
// left is shown as "unnamed". The result never holds a control or direction
// character, whatever name is.
func Claim(name string, id wire.ID) string {
	var b strings.Builder
	for _, field := range strings.FieldsFunc(name, unicode.IsSpace) {
		word := strings.Map(func(r rune) rune {
			if r == utf8.RuneError || forbidden(r) || !unicode.IsPrint(r) {
				return -1
			}
			return r
		}, field)
		if word == "" || b.Len()+1+len(word) > MaxName {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word)
	}
	if b.Len() == 0 {
		b.WriteString("unnamed")
	}
	return b.String() + "·" + id.Short()
}
