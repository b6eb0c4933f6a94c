package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strings"

	"parley/store"
	"parley/wire"
)

// A Digest stands for what a store holds (package documentation).
type Digest [sha256.Size]byte

// String returns the digest in lower-case hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Contents is what a store holds: its digest, and counts.
type Contents struct {
	Digest   Digest
	Rooms    int
	Logs     int
	Runs     uint64
	Messages uint64
	Records  uint64
	Values   uint64
	Bytes    uint64 // of runs, records and values
}

// Sum reads everything that a store holds. progress, which may be nil, is told after each few hundred runs how
// many messages have been read; it is called from this goroutine.
func Sum(ctx context.Context, s store.Store, progress func(messages uint64)) (Contents, error) {
	d := digester{h: sha256.New(), s: s, progress: progress}
	err := d.store(ctx)
	d.h.Sum(d.c.Digest[:0])
	return d.c, err
}

// Messages is how many messages a store holds, by its heads.
func Messages(ctx context.Context, s store.Store) (uint64, error) {
	rooms, err := s.Rooms(ctx)
	if err != nil {
		return 0, err
	}
	n := uint64(0)
	for _, room := range rooms {
		heads, err := s.Heads(ctx, room)
		if err != nil {
			return 0, err
		}
		for i := range heads {
			n += heads[i].Last - heads[i].Floor
		}
	}
	return n, nil
}

// kinds are the kinds of records that rooms keep.
func kinds() []store.Kind {
	return []store.Kind{store.KindEntry, store.KindBox, store.KindDelegation, store.KindProof}
}

type digester struct {
	h        hash.Hash
	s        store.Store
	c        Contents
	buf      []byte
	progress func(uint64)
}

func (d *digester) label(label string) {
	d.buf = append(binary.BigEndian.AppendUint64(d.buf[:0], uint64(len(label))), label...)
}
func (d *digester) id(id wire.ID)  { d.buf = append(d.buf, id[:]...) }
func (d *digester) uint(n uint64)  { d.buf = binary.BigEndian.AppendUint64(d.buf, n) }
func (d *digester) bytes(b []byte) { d.uint(uint64(len(b))); d.buf = append(d.buf, b...) }
func (d *digester) end()           { d.h.Write(d.buf) }
func (d *digester) size(b []byte)  { d.c.Bytes += uint64(len(b)) }
func (d *digester) text(s string)  { d.bytes([]byte(s)) }
func (d *digester) signed(n int64) { d.uint(uint64(n)) }

func (d *digester) store(ctx context.Context) error {
	rooms, err := d.s.Rooms(ctx)
	if err != nil {
		return err
	}
	for _, room := range rooms {
		if err := d.room(ctx, room); err != nil {
			return err
		}
	}
	for v, err := range d.s.Values(ctx, "") {
		if err != nil {
			return err
		}
		if strings.HasPrefix(v.Key, keyPrefix) {
			continue
		}
		d.label("value")
		d.text(v.Key)
		d.bytes(v.Value)
		d.end()
		d.c.Values++
		d.size(v.Value)
	}
	return nil
}

func (d *digester) room(ctx context.Context, room wire.ID) error {
	last, err := d.s.LastArrival(ctx, room)
	if err != nil {
		return err
	}
	heads, err := d.s.Heads(ctx, room)
	if err != nil {
		return err
	}
	d.c.Rooms++
	d.label("room")
	d.id(room)
	d.uint(last)
	d.end()
	for i := range heads {
		d.head(&heads[i])
	}
	for run, err := range d.s.Arrivals(ctx, room, 0) {
		if err != nil {
			return err
		}
		d.run(&run)
	}
	for _, kind := range kinds() {
		for rec, err := range d.s.Records(ctx, room, kind) {
			if err != nil {
				return err
			}
			d.label("record")
			d.uint(uint64(kind))
			d.id(rec.ID)
			d.bytes(rec.Bytes)
			d.end()
			d.c.Records++
			d.size(rec.Bytes)
		}
	}
	d.tell()
	return nil
}

func (d *digester) head(h *store.Head) {
	d.label("head")
	d.id(h.Log)
	d.id(h.Author)
	d.uint(h.Floor)
	d.uint(h.Last)
	d.id(h.Link)
	d.uint(h.Bytes)
	if h.Floor == h.Last {
		d.uint(0)
		d.uint(0)
	} else {
		d.uint(h.LastArrival)
		d.signed(h.LastReceived)
	}
	d.text(h.Note)
	d.end()
	d.c.Logs++
}

func (d *digester) run(run *store.Run) {
	d.label("run")
	d.id(run.Log)
	d.uint(run.First)
	d.uint(run.Last)
	d.id(run.Link)
	d.uint(run.Arrival)
	d.signed(run.Received)
	d.bytes(run.Bytes)
	d.end()
	d.c.Runs++
	d.c.Messages += run.Last - run.First + 1
	d.size(run.Bytes)
	if d.c.Runs%progressRuns == 0 {
		d.tell()
	}
}

func (d *digester) tell() {
	if d.progress != nil {
		d.progress(d.c.Messages)
	}
}
