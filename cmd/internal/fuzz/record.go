package fuzz

import (
	"encoding/binary"
	"maps"
	"slices"

	"parley/cmd/internal/script"
	"parley/wire"
)

// recordOps are what a record step does with its number to a line's records. When
// what it sends is no good record, the peer must end the session: damaged.
var recordOps = map[string]func(l *wireline, n uint64) error{
	// A bit of the next record is another one.
	"flip": func(l *wireline, n uint64) error {
		b := l.conn.Out.Record(ping)
		b[4+n/8%uint64(len(b)-4)] ^= 1 << (n % 8)
		return l.damage(b)
	},
	// A counter is left out, or goes back.
	"counter": func(l *wireline, n uint64) error {
		if n == 0 {
			n = 1
		}
		l.conn.Out.Counter += n
		return l.damage(l.conn.Out.Record(ping))
	},
	"generation": func(l *wireline, n uint64) error {
		if n == 0 {
			n = 1
		}
		l.conn.Out.Generation += n
		return l.damage(l.conn.Out.Record(ping))
	},
	// The record before comes once more.
	"replay": func(l *wireline, _ uint64) error {
		b := l.conn.Out.Record(ping)
		if err := l.write(b); err != nil {
			return err
		}
		return l.damage(b)
	},
	// Keys are changed, in order.
	"rekey": func(l *wireline, _ uint64) error {
		if err := l.write(l.conn.Out.Record(ping)); err != nil {
			return err
		}
		return l.write(l.conn.Out.Rekey())
	},
	// A generation of nothing but its end.
	"rekeys": func(l *wireline, _ uint64) error {
		if err := l.write(l.conn.Out.Record(ping)); err != nil {
			return err
		}
		if err := l.write(l.conn.Out.Rekey()); err != nil {
			return err
		}
		return l.damage(l.conn.Out.Rekey())
	},
	// The beginning of a record, and nothing more.
	"cut": func(l *wireline, n uint64) error {
		b := l.conn.Out.Record(ping)
		l.mute = true
		return l.damage(b[:min(1+n, uint64(len(b)-1))])
	},
	"length": func(l *wireline, n uint64) error {
		b := binary.BigEndian.AppendUint32(nil, uint32(n))
		l.mute = l.mute || script.CheckLength(uint32(n)) == nil // the rest of it is awaited
		return l.damage(append(b, randomBytes(16)...))
	},
	"padding": func(l *wireline, n uint64) error {
		padded := script.Pad(ping)
		padded[len(padded)-1-int(n%2)] ^= byte(1 + n%255)
		b := script.SealRecord(&l.conn.Out.Keys, l.conn.Out.Generation, l.conn.Out.Counter, padded)
		l.conn.Out.Counter++
		return l.damage(b)
	},
	"garbage": func(l *wireline, n uint64) error { return l.damage(randomBytes(int(64 + n%100000))) },
	// From here on records are written in pieces of so many bytes.
	"split": func(l *wireline, n uint64) error {
		l.pieces = int(max(n, 1))
		return nil
	},
	// What is in a record is no fragment.
	"plaintext": func(l *wireline, n uint64) error {
		return l.damage(l.conn.Out.Record(append([]byte{0xc0}, randomBytes(int(n%60000))...)))
	},
}

var recordKinds = slices.Sorted(maps.Keys(recordOps))

// ping is a frame that changes nothing.
var ping = script.Frame(0, &wire.Ping{Seq: 1})

// damage writes what is no good record: the peer must end the session.
func (l *wireline) damage(b []byte) error {
	l.damaged = true
	return l.write(b)
}
