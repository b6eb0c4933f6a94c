package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"parley/rooms/client"
	"parley/wire"
)

func TestForeignTextCannotDriveTheTerminal(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ in, message, line string }{
		{"plain", "plain", "plain"},
		{"", "", ""},
		{"größer → 😀 👩‍💻", "größer → 😀 👩‍💻", "größer → 😀 👩‍💻"},
		{"a\tb", "a\tb", "a b"},
		{"two\nlines\n", "two\n    lines", "two lines "},
		{"\x1b[31mred\x07", "�[31mred�", "�[31mred�"},
		{"\u009b31m", "�31m", "�31m"}, // the one-byte form of ESC [
		{"x\rfake", "x�fake", "x�fake"},
		{"\u202egnp.exe", "�gnp.exe", "�gnp.exe"},
		{"a\u2028b\u2029c", "a�b�c", "a�b�c"},
		{"\x7f", "�", "�"},
		{"\U000e0041", "�", "�"},
	} {
		if got := printable([]byte(test.in)); got != test.message {
			t.Errorf("message %q: %q, want %q", test.in, got, test.message)
		}
		if got := visible(test.in); got != test.line {
			t.Errorf("line %q: %q, want %q", test.in, got, test.line)
		}
	}
	if got := printable([]byte{0xff, 'x'}); got != "(2 bytes that are no text; --json shows them)" {
		t.Errorf("bytes: %q", got)
	}
	if got := visible("a\xffb"); got != "a�b" {
		t.Errorf("bytes in a line: %q", got)
	}
}

func TestNoMessageLooksLikeTwo(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	p := &printer{w: w}
	m := &client.Message{Name: "eve·abcd", Time: time.Unix(0, 0), Data: []byte("hi\n2026-01-01 00:00:00 bob·efgh: I owe you")}
	if err := errors.Join(p.print(m), w.Flush()); err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
		if i > 0 && !strings.HasPrefix(line, "    ") {
			t.Errorf("line %d begins like a message: %q", i, line)
		}
	}
}

// awkward strings, and random ones.
func awkward(r *rand.Rand) []string {
	all := []string{
		"", "plain", `"quoted" \ / <b>&amp;</b>`, "\x00\x01\x1f\x7f", "\u0080\u009b\u009f\u00a0", "\u2028\u2029", "\u202e",
		"\xff", "a\xc3", "\xed\xa0\x80", "\ufffd", "\ufeff", "\U0001f600", "\U000e0001", "tab\tnl\ncr\rbs\bff\f",
	}
	for range 300 {
		b := make([]byte, r.IntN(12))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		runes := make([]rune, r.IntN(8))
		for i := range runes {
			runes[i] = rune(r.IntN(0x3000))
		}
		all = append(all, string(b), string(runes))
	}
	return all
}

func TestJSONStringsReadLikeThoseOfEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, s := range awkward(rand.New(rand.NewPCG(1, 2))) {
		quoted := appendJSONString(nil, s)
		var got, want string
		if err := json.Unmarshal(quoted, &got); err != nil {
			t.Fatalf("%q: %s: %v", s, quoted, err)
		}
		theirs, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(theirs, &want); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%q reads %q, want %q", s, got, want)
		}
		whole, err := marshal(map[string]string{"k": s})
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]string
		if err := json.Unmarshal(whole, &m); err != nil || m["k"] != want {
			t.Errorf("%q marshals as %q, %v", s, whole, err)
		}
		for _, b := range [][]byte{quoted, bytes.TrimSuffix(whole, []byte("\n"))} {
			for _, r := range string(b) {
				if unicode.IsControl(r) {
					t.Errorf("%q: a control character in %q", s, b)
				}
			}
		}
	}
}

func TestTailJSONHasTheContractsFields(t *testing.T) {
	t.Parallel()
	type object struct {
		Room, ID, Log  string
		Seq            uint64
		Author, Name   string
		Time, Received string
		Epoch          string
		Text           *string
		Data           *[]byte
		Problem        *string
	}
	now := time.Date(2026, 7, 31, 12, 0, 0, 5, time.FixedZone("x", 3600))
	for i, s := range awkward(rand.New(rand.NewPCG(3, 4))) {
		m := &client.Message{
			Room: wire.ID{1}, ID: wire.ID{2, byte(i)}, Log: wire.ID{3}, Seq: uint64(i), Author: wire.ID{4}, Name: s,
			Time: now, Received: now.Add(time.Second), Data: []byte(s),
		}
		if i%2 == 0 {
			m.Epoch = wire.ID{5}
		}
		line := (&printer{}).appendJSON(nil, m)
		if !bytes.HasSuffix(line, []byte("}\n")) || bytes.Count(line, []byte("\n")) != 1 {
			t.Fatalf("%q is not one line", line)
		}
		var got object
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&got); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		epoch := ""
		if !m.Epoch.IsZero() {
			epoch = m.Epoch.String()
		}
		if got.Room != m.Room.String() || got.ID != m.ID.String() || got.Log != m.Log.String() || got.Seq != m.Seq ||
			got.Author != m.Author.String() || got.Name != strings.ToValidUTF8(s, "\ufffd") && utf8.ValidString(s) || got.Epoch != epoch ||
			got.Time != "2026-07-31T11:00:00.000000005Z" || got.Received != "2026-07-31T11:00:01.000000005Z" {
			t.Errorf("%s", line)
		}
		if utf8.ValidString(s) {
			if got.Text == nil || *got.Text != s || got.Data != nil {
				t.Errorf("%q: %s", s, line)
			}
		} else if got.Data == nil || string(*got.Data) != s || got.Text != nil {
			t.Errorf("%q: %s (%s)", s, line, base64.StdEncoding.EncodeToString([]byte(s)))
		}
	}
	line := (&printer{}).appendJSON(nil, &client.Message{Problem: client.ErrNoKey})
	var got object
	if err := json.Unmarshal(line, &got); err != nil || got.Problem == nil || *got.Problem != client.ErrNoKey.Error() || got.Text != nil {
		t.Errorf("%s: %v", line, err)
	}
}

func TestSendJSONIsIDLogAndSeq(t *testing.T) {
	t.Parallel()
	r := client.Result{ID: wire.ID{1}, Log: wire.ID{2}, Seq: 3}
	want := `{"id":"` + r.ID.String() + `","log":"` + r.Log.String() + `","seq":3}` + "\n"
	if got := string(appendSent(nil, r)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSizesAndNumbersForPeople(t *testing.T) {
	t.Parallel()
	for n, want := range map[uint64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 5 << 30: "5.0 GiB", 1<<64 - 1: "16.0 EiB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	if count(1, "peer") != "1 peer" || count(0, "peer") != "0 peers" {
		t.Error("numbers of things")
	}
	if timestamp(time.Time{}) != "" || clock(time.Time{}) != "-" || !unixNano(0).IsZero() || !unixSeconds(0).IsZero() {
		t.Error("a time that is not known is shown as one")
	}
}
