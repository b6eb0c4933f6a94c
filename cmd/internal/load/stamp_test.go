package load

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestAStampIsReadFromTheMessageThatBearsIt(t *testing.T) {
	want := stamp{run: 0xfedcba9876543210, writer: 99_999, number: 9_999_999_999, due: 99 * time.Hour}
	for _, size := range []int{0, MinSize, 256, 5000} {
		text := want.text(size)
		if got, ok := parseStamp(text); !ok || got != want {
			t.Errorf("%d bytes: %+v, %v from %q", size, got, ok, text)
		}
		if len(text) != max(size, MinSize) {
			t.Errorf("%d bytes are asked for, %d come", size, len(text))
		}
	}
}

func FuzzStamp(f *testing.F) {
	f.Add(stamp{run: 7, writer: 3, number: 12, due: time.Second}.text(MinSize))
	f.Add([]byte(stampPrefix + "7 3 -1 2 ."))
	f.Add([]byte("hello"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, ok := parseStamp(b)
		if !ok {
			return
		}
		if s.writer < 0 || s.due < 0 || !strings.HasPrefix(string(b), stampPrefix) {
			t.Fatalf("%q is read as %+v", b, s)
		}
		text := s.text(MinSize)
		if again, ok := parseStamp(text); len(text) == MinSize && bytes.HasSuffix(text, []byte(" .")) && (!ok || again != s) {
			t.Errorf("%+v comes out as %+v, %v", s, again, ok)
		}
	})
}
