package session

import (
	"bytes"
	"testing"

	"parley/wire"
)

func FuzzTokenRecord(f *testing.F) {
	r := tokenRecord{bundle: []byte("bundle"), tokenEntry: tokenEntry{user: wire.Hash("user"), issued: 1, expires: 2, used: 3}}
	f.Add(r.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeToken(b)
		if err == nil && !bytes.Equal(r.encode(), b) {
			t.Errorf("%x comes out as %x", b, r.encode())
		}
	})
}
