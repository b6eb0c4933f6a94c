package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"parley/handshake/identity"
	"parley/rooms"
	"parley/wire"
)

// memFile is an outbox's file in memory, whose writes may be cut short.
type memFile struct {
	b    []byte
	left int // writes that still happen; then one is cut to cut bytes; < 0: all happen
	cut  int
}

func (f *memFile) ReadAt(b []byte, off int64) (int, error) {
	if off >= int64(len(f.b)) {
		return 0, io.EOF
	}
	n := copy(b, f.b[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(b []byte, off int64) (int, error) {
	if f.left == 0 {
		b = b[:min(f.cut, len(b))]
		f.left, f.cut = 0, 0
		f.put(b, off)
		return len(b), errKilled
	}
	if f.left > 0 {
		f.left--
	}
	f.put(b, off)
	return len(b), nil
}

func (f *memFile) put(b []byte, off int64) {
	if end := int(off) + len(b); end > len(f.b) {
		f.b = append(f.b, make([]byte, end-len(f.b))...)
	}
	copy(f.b[off:], b)
}

func (f *memFile) Truncate(size int64) error { f.b = f.b[:min(size, int64(len(f.b)))]; return nil }
func (f *memFile) Close() error              { return nil }

// chainOf makes runs of one log, one message of size bytes each.
func chainOf(t testing.TB, key *identity.Private, n, size int) []*rooms.Run {
	t.Helper()
	room := wire.Hash("room")
	salt := make([]byte, 16)
	inc := rooms.NewIncarnation(room, key.ID(), salt, nil)
	var runs []*rooms.Run
	var prev wire.ID
	for i := range n {
		d := &rooms.RunDraft{Room: room, Incarnation: inc, First: uint64(i) + 1, Prev: prev, Clock: uint64(i) + 1}
		if i == 0 {
			d.Salt = salt
		}
		d.Messages = [][]byte{bytes.Repeat([]byte{byte(i)}, 48+size/16*16+16)}
		run, err := rooms.SignRun(key, d)
		if err != nil {
			t.Fatal(err)
		}
		runs, prev = append(runs, run), run.Hash
	}
	return runs
}

// An end within any write leaves an outbox that has everything sent and not
// acknowledged. Sent is what add returned for.
func TestAnOutboxCutInAnyWriteHasEverythingThatWasSent(t *testing.T) {
	key, err := identity.Generate(identity.Ed25519, "")
	if err != nil {
		t.Fatal(err)
	}
	small, large := chainOf(t, key, 40, 100), chainOf(t, key, 40, 900<<10)
	wraps := 0
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		chain := small
		if seed%4 == 0 {
			chain = large
		}
		f := &memFile{left: rnd.IntN(60), cut: rnd.IntN(5000)}
		o, err := readOutbox(f)
		if err != nil {
			t.Fatal(err)
		}
		o.begin(place{machine: "m"}, chain[0].Room, chain[0].Author, chain[0].Salt, chain[0].Incarnation)
		sent, acked := 0, 0
		for err == nil && sent < len(chain) {
			switch bytes := o.bytes(); {
			case bytes < maxInFlight && rnd.IntN(3) > 0:
				if err = o.add(pending{run: chain[sent], names: []named{{0, wire.Hash("n")}}}); err == nil {
					sent++
				}
			case sent > acked:
				acked += 1 + rnd.IntN(sent-acked)
				o.acked(uint64(acked))
			case rnd.IntN(2) == 0:
				err = o.settle()
			}
			if len(o.extents) > 1 {
				wraps++
			}
		}
		if err != nil && !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		f.left = -1
		back, err := readOutbox(f)
		if err != nil || back.damaged {
			t.Fatalf("seed %d: damaged %v, %v", seed, back.damaged, err)
		}
		if sent == 0 {
			continue
		}
		// Of an add that was cut the run may be there, wholly.
		if back.state.signed < uint64(sent) || back.state.signed > uint64(sent)+1 || back.state.acked > uint64(acked) {
			t.Fatalf("seed %d: %d signed, %d acknowledged; %d sent, %d acknowledged", seed, back.state.signed, back.state.acked, sent, acked)
		}
		next := back.state.acked
		for _, p := range back.pending {
			if p.run.Hash != chain[next].Hash || len(p.names) != 1 {
				t.Fatalf("seed %d: run %d is not the one that was sent", seed, next+1)
			}
			next++
		}
		if next != back.state.signed || back.state.link != chain[next-1].Hash {
			t.Fatalf("seed %d: pending up to %d of %d", seed, next, back.state.signed)
		}
	}
	if wraps == 0 {
		t.Error("the ring never wrapped")
	}
}

func (o *outbox) bytes() (n int) {
	for _, p := range o.pending {
		n += len(p.run.Raw)
	}
	return n
}

func TestAStateWithEveryListAtItsBoundFitsItsSlot(t *testing.T) {
	s := &writerState{signed: ^uint64(0), acked: ^uint64(0), clock: ^uint64(0), salt: make([]byte, 16)}
	s.place = place{machine: string(make([]byte, maxPlaceText)), boot: string(make([]byte, maxPlaceText)), device: ^uint64(0), inode: ^uint64(0)}
	s.heads = make([]wire.ID, rooms.MaxHeads)
	extents := []extent{{outboxBase + 1<<20, 1 << 20}, {outboxBase, 1 << 20}}
	b, err := encodeSlot(^uint64(0), s, extents)
	if err != nil {
		t.Fatal(err)
	}
	back, err := decodeSlot(b)
	if err != nil || back.state.clock != s.clock || len(back.state.heads) != rooms.MaxHeads || !slices.Equal(back.extents, extents) {
		t.Errorf("%+v, %v", back, err)
	}
	for i := range b {
		if _, err := decodeSlot(b[:i]); err == nil {
			t.Fatalf("a slot cut to %d bytes is taken", i)
		}
	}
}

func TestTheKeyTableKeepsTheNewestAndSkipsWhatIsDamaged(t *testing.T) {
	path := t.TempDir() + "/keys"
	name := func(i int) wire.ID { return wire.Hash("key", fmt.Append(nil, i)) }
	var all []byte
	for i := range 2 * maxKeys {
		all = appendKey(all, name(i), Result{Seq: uint64(i)})
	}
	if err := addKeys(path, all); err != nil {
		t.Fatal(err)
	}
	if err := addKeys(path, appendKey(nil, name(-1), Result{Seq: 7})); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := findKey(path, name(0)); ok {
		t.Error("the oldest is still there")
	}
	for i, want := range map[int]uint64{-1: 7, 2*maxKeys - 1: 2*maxKeys - 1, maxKeys: maxKeys} {
		if res, ok, err := findKey(path, name(i)); !ok || res.Seq != want || err != nil {
			t.Errorf("key %d: %v %v %v", i, res, ok, err)
		}
	}
	// A record that was cut short does not spoil the next ones.
	b, _ := readFile(path, 1<<30)
	if err := writeFile(path, b[:len(b)-10], false); err != nil {
		t.Fatal(err)
	}
	if err := addKeys(path, appendKey(nil, name(-2), Result{Seq: 8})); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := findKey(path, name(-1)); ok {
		t.Error("a record cut short counts")
	}
	if res, ok, _ := findKey(path, name(-2)); !ok || res.Seq != 8 {
		t.Error("the record after it is lost")
	}
}
