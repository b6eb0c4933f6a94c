package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// visible is foreign text as part of one line: what others wrote, in a name, a
// topic or an error, must neither drive the terminal nor begin a line.
func visible(s string) string {
	clean := true
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' {
			return ' '
		}
		return visibleRune(r)
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

// visibleRune replaces what moves the cursor, ends a line, turns the direction
// of writing, or shows nothing at all.
func visibleRune(r rune) rune {
	switch {
	case r >= ' ' && r < 0x7f: // the tables below cost more than the rest of a tail
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r),
		unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r),
		r == 0xfeff, r >= 0xfff9 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe007f:
		return unicode.ReplacementChar
	}
	return r
}

// printable is a message for people. Its further lines are indented, so that no
// message looks like two.
func printable(data []byte) string {
	if isPlain(data) {
		return string(data)
	}
	if !utf8.Valid(data) {
		return fmt.Sprintf("(%d bytes that are no text; --json shows them)", len(data))
	}
	s := strings.TrimRight(string(data), "\n")
	s = strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' {
			return r
		}
		return visibleRune(r)
	}, s)
	return strings.ReplaceAll(s, "\n", "\n    ")
}

// isPlain reports whether a message is one line of printable ASCII, as most are.
func isPlain(data []byte) bool {
	for _, c := range data {
		if (c < ' ' || c >= 0x7f) && c != '\t' {
			return false
		}
	}
	return true
}

// appendJSONString quotes s. Control characters of every kind are escaped: what
// prints JSON on a terminal must not be driven by it either.
func appendJSONString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			switch {
			case c == '"' || c == '\\':
				b = append(b, '\\', c)
			case c == '\n':
				b = append(b, '\\', 'n')
			case c == '\t':
				b = append(b, '\\', 't')
			case c == '\r':
				b = append(b, '\\', 'r')
			case c < ' ' || c == 0x7f:
				b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			default:
				b = append(b, c)
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(b, `\ufffd`...)
		case r < 0xa0 || visibleRune(r) != r && r <= 0xffff:
			b = append(b, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		default:
			b = append(b, s[i:i+size]...)
		}
		i += size
	}
	return append(b, '"')
}

// marshal is json.Marshal for lines of output: nothing is escaped for HTML's
// sake, and control characters that JSON allows are.
func marshal(v any) ([]byte, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	line := make([]byte, 0, b.Len())
	for _, r := range b.String() { // outside strings all is ASCII
		if r == 0x7f || r > 0x7f && r <= 0xffff && visibleRune(r) != r && r != unicode.ReplacementChar {
			line = fmt.Appendf(line, `\u%04x`, r)
			continue
		}
		line = utf8.AppendRune(line, r)
	}
	return line, nil
}

// jsonTime is the contract's form of a time: RFC 3339 with nanoseconds, of UTC.
const jsonTime = "2006-01-02T15:04:05.000000000Z"

// timestamp is t in that form; "" for the zero time.
func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(jsonTime)
}

func unixNano(ns uint64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(min(ns, 1<<63-1)))
}

func unixSeconds(s uint64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(int64(min(s, 1<<62)), 0)
}

// clock is a time for people: local, to the second.
func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}

// bytesText is a size for people, in powers of 1024.
func bytesText(n uint64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	div, exp := uint64(unit), 0
	for m := n / unit; m >= unit; m /= unit {
		div *= unit
		exp++
	}
	return fmt.Sprintf("%.1f %ciB", float64(n)/float64(div), "KMGTPE"[exp])
}

// count is a number of things.
func count(n uint64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// ordinal is 1st, 2nd, 3rd, 4th …
func ordinal(n int) string {
	suffix := "th"
	switch {
	case n%100 >= 11 && n%100 <= 13:
	case n%10 == 1:
		suffix = "st"
	case n%10 == 2:
		suffix = "nd"
	case n%10 == 3:
		suffix = "rd"
	}
	return fmt.Sprint(n, suffix)
}
