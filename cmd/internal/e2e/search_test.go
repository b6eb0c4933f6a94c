package e2e

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// search returns the name of a file below a folder, or of the folder's own
// entries, that contains the bytes; empty if none does.
func search(folder string, what []byte) (where string, err error) {
	err = filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || where != "" {
			return err
		}
		if strings.Contains(d.Name(), string(what)) {
			where = name
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			return nil // a running store removes files
		}
		if bytes.Contains(content, what) {
			where = name
		}
		return err
	})
	return where, err
}

// idBytes decodes an ID as it is printed.
func idBytes(id string) ([]byte, error) {
	return base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(id))
}

// encodings are the forms in which a secret of so many bytes might stand in a
// file or on the wire: raw, in hexadecimal, and in base32 and base64 at every
// offset that it may have within a longer text.
func encodings(secret []byte) (forms [][]byte) {
	forms = append(forms, secret)
	text := func(s string) { forms = append(forms, []byte(s)) }
	text(hex.EncodeToString(secret))
	text(strings.ToUpper(hex.EncodeToString(secret)))
	for offset := range 3 {
		b := append(make([]byte, offset), secret...)
		// Whole groups only: the first and the last depend on the neighbours.
		first, last := (offset+2)/3*4, len(b)/3*4
		text(base64.RawStdEncoding.EncodeToString(b)[first:last])
		text(base64.RawURLEncoding.EncodeToString(b)[first:last])
	}
	for offset := range 5 {
		b := append(make([]byte, offset), secret...)
		s := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)[(offset+4)/5*8 : len(b)/5*8]
		text(s)
		text(strings.ToLower(s))
	}
	return forms
}

func TestASecretIsFoundInEveryEncodingAndPlace(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789ABCDEF")
	inside := func(text string) bool {
		for _, form := range encodings(secret) {
			if strings.Contains(text, string(form)) {
				return true
			}
		}
		return false
	}
	for before := range 8 {
		longer := append(append(bytes.Repeat([]byte{0xa5}, before), secret...), "after"...)
		for _, text := range []string{
			string(longer), hex.EncodeToString(longer), base64.StdEncoding.EncodeToString(longer),
			base64.RawURLEncoding.EncodeToString(longer), base32.StdEncoding.EncodeToString(longer),
			strings.ToLower(base32.StdEncoding.EncodeToString(longer)),
		} {
			if !inside(text) {
				t.Errorf("not found in %q", text)
			}
		}
	}
	if inside(strings.Repeat("0123456789abcde ", 20)) {
		t.Error("found where it is not")
	}
}

func TestASearchFindsBytesInFilesAndTheirNames(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "deep", "named-secret"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "deep", "file"), []byte("a needle in it"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]string{"needle": "deep/file", "secret": "deep/named-secret", "absent": ""} {
		where, err := search(dir, []byte(what))
		if err != nil {
			t.Fatal(err)
		}
		if want != "" {
			want = filepath.Join(dir, want)
		}
		if where != want {
			t.Errorf("%q is in %q, want %q", what, where, want)
		}
	}
}
