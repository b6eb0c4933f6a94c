package client

import (
	"bytes"
	"testing"

	"parley/handshake/identity"
	"parley/wire"
)

func fuzzKey(f *testing.F) *identity.Private {
	key, err := identity.Generate(identity.Ed25519, "")
	if err != nil {
		f.Fatal(err)
	}
	return key
}

func FuzzOutboxFile(f *testing.F) {
	run := chainOf(f, fuzzKey(f), 1, 16)[0]
	file := &memFile{left: -1}
	o, _ := readOutbox(file)
	o.begin(place{machine: "m", boot: "b"}, run.Room, run.Author, run.Salt, run.Incarnation)
	if err := o.add(pending{run: run, names: []named{{0, wire.Hash("n")}}}); err != nil {
		f.Fatal(err)
	}
	f.Add(file.b)
	f.Fuzz(func(_ *testing.T, b []byte) {
		if o, err := readOutbox(&memFile{b: b, left: -1}); err == nil {
			_ = o.settle()
		}
	})
}

func FuzzOutboxState(f *testing.F) {
	b, err := encodeSlot(3, &writerState{place: place{machine: "m"}, signed: 5, acked: 4}, []extent{{outboxBase, 100}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[4 : len(b)-32])
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeState(b)
		if err != nil {
			return
		}
		again, err := encodeSlot(s.serial, &s.state, s.extents)
		if err == nil && !bytes.Equal(again[4:len(again)-32], b) {
			t.Errorf("%x comes out as %x", b, again)
		}
	})
}

func FuzzOutboxRecord(f *testing.F) {
	f.Add(appendRecord(nil, []named{{1, wire.Hash("n")}}, chainOf(f, fuzzKey(f), 1, 16)[0].Raw))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, size, err := decodeRecord(b)
		if err == nil && !bytes.Equal(appendRecord(nil, p.names, p.run.Raw), b[:size]) {
			t.Error("a record comes out otherwise")
		}
	})
}

func FuzzCursor(f *testing.F) {
	c := newCursor(wire.Hash("room"))
	c.arrival = 7
	c.gave(wire.Hash("log"), 3)
	c.gave(wire.Hash("another"), 1)
	f.Add(c.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeCursor(b)
		if err == nil && !bytes.Equal(c.encode(), b) {
			t.Errorf("%x comes out as %x", b, c.encode())
		}
	})
}

func FuzzAuthorityFile(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 0, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		parts, whole := splitAuthority(b)
		n := 0
		for _, p := range parts {
			n += authorityHeader + len(p)
		}
		if n > len(b) || whole && n != len(b) {
			t.Errorf("%d bytes of %d", n, len(b))
		}
		parseEntries(parts)
	})
}

func FuzzEpochKeys(f *testing.F) {
	f.Add(encodeEpochKeys(map[wire.ID]epochKey{wire.Hash("a"): {1}, wire.Hash("b"): {2}}))
	f.Fuzz(func(_ *testing.T, b []byte) {
		if keys, err := decodeEpochKeys(b); err == nil && len(keys) > maxEpochKeys {
			panic("over the bound")
		}
	})
}

func FuzzToken(f *testing.F) {
	f.Add([]byte{0x94, 1})
	f.Fuzz(func(_ *testing.T, b []byte) { _, _, _ = decodeToken(b) })
}

func FuzzNames(f *testing.F) {
	f.Add([]byte(wire.Hash("x").String() + " ops\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		names := parseNames(b)
		again := parseNames(formatNames(names))
		if len(again) != len(names) {
			t.Errorf("%v comes out as %v", names, again)
		}
	})
}

func FuzzKeyRecord(f *testing.F) {
	f.Add(appendKey(nil, wire.Hash("n"), Result{Seq: 1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if name, res, ok := decodeKey(b); ok && !bytes.Equal(appendKey(nil, name, res), b) {
			t.Error("a record comes out otherwise")
		}
	})
}
