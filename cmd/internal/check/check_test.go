package check

import (
	"bytes"
	"context"
	"crypto/rand"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/handshake/identity"
	"parley/rooms"
	"parley/store"
	"parley/store/embedded"
	"parley/wire"
)

// A content is a real room in a real store.
type content struct {
	store.Store
	room    wire.ID
	genesis *rooms.Entry
	epoch   *rooms.Entry
	runs    []*rooms.Run // of one log
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// newContent is a room of one member with a log of 300 runs, a box, a delegation, and an open room.
func newContent(t *testing.T) *content {
	t.Helper()
	s := must[*embedded.Store](t)(embedded.Open(t.TempDir(), embedded.Options{}))
	t.Cleanup(func() { s.Close() })
	user := must[*identity.Private](t)(identity.Generate(identity.Ed25519, "ada"))
	entry := must[*rooms.Entry](t)
	c := &content{Store: s}
	c.genesis = entry(rooms.NewGenesis(user, rooms.Genesis{Nonce: random(16), Name: "ops"}, rooms.Place{Time: time.Now()}))
	c.room = c.genesis.ID
	auth := rooms.NewAuthority(c.room)
	hold := func(e *rooms.Entry) {
		if added, _, err := auth.Add(e); len(added) != 1 || err != nil {
			t.Fatal(err)
		}
	}
	hold(c.genesis)
	place := must[rooms.Place](t)(auth.NextOnChain(user.ID(), time.Now()))
	key := [rooms.EpochKeySize]byte(random(rooms.EpochKeySize))
	c.epoch = entry(rooms.NewEpoch(user, place, random(16), key))
	hold(c.epoch)
	joined := c.join(t, auth, user, 8)
	box := must[*rooms.Box](t)(rooms.SealBox(user, c.epoch, user.ID(), user.Bundle().Sealing, key))
	delegation := must[*rooms.Delegation](t)(rooms.NewDelegation(user, c.room, wire.Hash("peer"), 1))

	b := &store.Batch{
		Records: []store.Record{
			{Room: c.room, Kind: store.KindEntry, ID: c.genesis.ID, Bytes: c.genesis.Raw},
			{Room: c.room, Kind: store.KindEntry, ID: c.epoch.ID, Bytes: c.epoch.Raw},
			{Room: c.room, Kind: store.KindBox, ID: box.ID, Bytes: box.Raw},
			{Room: c.room, Kind: store.KindDelegation, ID: delegation.Hash, Bytes: delegation.Raw},
		},
		Values: []store.Value{{Key: rooms.RoomValues(c.room) + "user/" + user.ID().String(), Value: delegation.Hash[:]}},
	}
	for _, e := range joined {
		b.Records = append(b.Records, store.Record{Room: c.room, Kind: store.KindEntry, ID: e.ID, Bytes: e.Raw})
	}
	c.log(t, b, user, auth.Heads(user.ID(), nil), c.epoch.ID, c.room, 300)
	open := &content{}
	open.log(t, b, user, nil, wire.ID{}, wire.Hash("open room"), 3)
	if err := s.Apply(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return c
}

// join lets so many users join by a link that is then revoked, which names their joins in its body alone.
func (c *content) join(t *testing.T, auth *rooms.Authority, master *identity.Private, users int) (entries []*rooms.Entry) {
	t.Helper()
	hold := func(e *rooms.Entry, err error) *rooms.Entry {
		if err == nil {
			_, _, err = auth.Add(e)
		}
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
		return e
	}
	next := func() rooms.Place { return must[rooms.Place](t)(auth.NextOnChain(master.ID(), time.Now())) }
	link := &rooms.Link{Room: c.room, Secret: [32]byte(random(32)), Network: "parley"}
	invite := hold(rooms.NewInvite(master, next(), link, 0, time.Time{}, rooms.RoleMember))
	for range users {
		user := must[*identity.Private](t)(identity.Generate(identity.Ed25519, "eve"))
		hold(rooms.NewJoin(user, auth.NextBeside(user.ID(), time.Now()), link, invite.ID, random(16)))
	}
	hold(rooms.NewRevoke(master, next(), []wire.ID{invite.ID}))
	return entries
}

// log adds a log of so many runs to a batch.
func (c *content) log(t *testing.T, b *store.Batch, user *identity.Private, heads []wire.ID, epoch, room wire.ID, runs int) {
	t.Helper()
	d := &rooms.RunDraft{Room: room, First: 1, Salt: random(16), Heads: heads, Epoch: epoch, Messages: [][]byte{random(64), random(64)}}
	d.Incarnation = rooms.NewIncarnation(room, user.ID(), d.Salt, heads)
	var state *rooms.LogState
	for range runs {
		run := must[*rooms.Run](t)(rooms.SignRun(user, d))
		c.runs = append(c.runs, run)
		state = run.Extend(state)
		b.Runs = append(b.Runs, store.Run{
			Room: room, Log: run.Log, Author: run.Author, First: run.First, Last: run.Last(), Link: run.Hash,
			Received: time.Now().UnixNano(), Bytes: run.Raw, Note: rooms.StoredNote(state),
		})
		d.First, d.Prev, d.Salt = run.Last()+1, run.Hash, nil
	}
}

// A warped store shows other things than it holds.
type warped struct {
	*content
	run     func(*store.Run) (keep bool) // by log and by arrival
	arrival func(*store.Run) bool        // by arrival only
	head    func(*store.Head)
	record  func(*store.Record) bool
	value   func(*store.Value)
}

func bend[T any](seq iter.Seq2[T, error], f func(*T) bool) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for v, err := range seq {
			if err == nil && f != nil && !f(&v) {
				continue
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

func (w *warped) Runs(ctx context.Context, room, log wire.ID, from uint64) iter.Seq2[store.Run, error] {
	return bend(w.Store.Runs(ctx, room, log, from), w.run)
}

func (w *warped) RunAt(ctx context.Context, room, log wire.ID, number uint64) (store.Run, error) {
	run, err := w.Store.RunAt(ctx, room, log, number)
	if err == nil && w.run != nil && !w.run(&run) {
		return store.Run{}, store.ErrNotFound
	}
	return run, err
}

func (w *warped) Arrivals(ctx context.Context, room wire.ID, after uint64) iter.Seq2[store.Run, error] {
	return bend(bend(w.Store.Arrivals(ctx, room, after), w.run), w.arrival)
}

func (w *warped) Heads(ctx context.Context, room wire.ID) ([]store.Head, error) {
	heads, err := w.Store.Heads(ctx, room)
	for i := range heads {
		if w.head != nil {
			w.head(&heads[i])
		}
	}
	return heads, err
}

func (w *warped) Records(ctx context.Context, room wire.ID, kind store.Kind) iter.Seq2[store.Record, error] {
	return bend(w.Store.Records(ctx, room, kind), w.record)
}

func (w *warped) Values(ctx context.Context, prefix string) iter.Seq2[store.Value, error] {
	return bend(w.Store.Values(ctx, prefix), func(v *store.Value) bool {
		if w.value != nil {
			w.value(v)
		}
		return true
	})
}

func run(t *testing.T, s store.Store) (Report, []Finding) {
	t.Helper()
	var found []Finding
	report, err := Store(t.Context(), s, Options{Found: func(f Finding) { found = append(found, f) }})
	if err != nil {
		t.Fatal(err)
	}
	if uint64(len(found)) != report.Findings {
		t.Errorf("%d findings were told of %d", len(found), report.Findings)
	}
	return report, found
}

func TestAWholeStoreHasNoFinding(t *testing.T) {
	report, found := run(t, newContent(t))
	if len(found) > 0 {
		t.Fatalf("%+v", found)
	}
	report.Bytes = 0
	if want := (Report{Rooms: 2, Logs: 2, Runs: 303, Messages: 606, Records: 14, Values: 1}); report != want {
		t.Errorf("counted %+v, want %+v", report, want)
	}
}

func TestEachThingThatIsOffIsFoundInItsPlace(t *testing.T) {
	c := newContent(t)
	at := func(first uint64, f func(r *store.Run) bool) func(*store.Run) bool {
		return func(r *store.Run) bool {
			if r.Room != c.room || r.First != first {
				return true
			}
			r.Bytes = bytes.Clone(r.Bytes)
			return f(r)
		}
	}
	flip := func(i int) func(r *store.Run) bool {
		return func(r *store.Run) bool { r.Bytes[len(r.Bytes)-1-i] ^= 1; return true }
	}
	of := func(kind store.Kind, f func(r *store.Record) bool) func(*store.Record) bool {
		return func(r *store.Record) bool {
			if r.Kind != kind || r.ID == c.genesis.ID {
				return true
			}
			r.Bytes = bytes.Clone(r.Bytes)
			return f(r)
		}
	}
	flipRecord := func(r *store.Record) bool { r.Bytes[len(r.Bytes)-1] ^= 1; return true }
	rename := func(r *store.Record) bool { r.ID[0] ^= 1; return true }
	where := func(kind string) string { return c.room.String() + ", " + kind }
	for _, test := range []struct {
		name  string
		warp  warped
		where string
		what  string
	}{
		{"a signature", warped{run: at(101, flip(0))}, "messages 101 to 102", "signature"},
		{"a ciphertext", warped{run: at(101, flip(100))}, "messages 101 to 102", ""},
		{"a run's encoding", warped{run: at(101, func(r *store.Run) bool { r.Bytes = r.Bytes[:len(r.Bytes)-1]; return true })}, "messages 101 to 102", ""},
		{"a link", warped{run: at(101, func(r *store.Run) bool { r.Link[0] ^= 1; return true })}, "messages 101 to 102", "its hash is"},
		{"a number", warped{run: at(101, func(r *store.Run) bool { r.Last++; return true })}, "messages 101 to 103", "it has messages 101 to 102"},
		{"an author", warped{run: at(101, func(r *store.Run) bool { r.Author[0] ^= 1; return true })}, "messages 101 to 102", "author"},
		{"a missing run", warped{run: at(101, func(*store.Run) bool { return false })}, "messages 103 to 104", "message 100 comes before it"},
		{"a run in another's place", warped{run: at(101, func(r *store.Run) bool {
			r.Bytes, r.Link = c.runs[60].Raw, c.runs[60].Hash
			return true
		})}, "messages 101 to 102", "it has messages 121 to 122"},
		{"a missing last run", warped{run: at(599, func(*store.Run) bool { return false })}, "the head of log", "ends with message 598"},
		{"a missing arrival", warped{arrival: at(101, func(*store.Run) bool { return false })}, "messages 101 to 102", "does not lead to it"},
		{"an arrival of another number", warped{arrival: at(101, func(r *store.Run) bool { r.Arrival++; return true })}, "arrival 52", "arrived as 51"},
		{"a head's link", warped{head: func(h *store.Head) { h.Link[0] ^= 1 }}, "the head of log", "the last run is"},
		{"a head's bytes", warped{head: func(h *store.Head) { h.Bytes++ }}, "the head of log", "bytes"},
		{"a head's last message", warped{head: func(h *store.Head) { h.Last++ }}, "the head of log", "the head says"},
		{"a head's arrival", warped{head: func(h *store.Head) { h.LastArrival++ }}, "the head of log", "arrived as"},
		{"a head's note", warped{head: func(h *store.Head) { h.Note = "" }}, "the head of log", "note"},
		{"an entry", warped{record: of(store.KindEntry, flipRecord)}, where("entry"), "signature"},
		{"an entry's ID", warped{record: of(store.KindEntry, rename)}, where("entry"), "it is entry"},
		{"a missing entry", warped{record: func(r *store.Record) bool { return r.ID != c.genesis.ID }}, where("entry"), "is not held"},
		{"a missing entry of a run", warped{record: func(r *store.Record) bool { return r.ID != c.epoch.ID }}, "messages 1 to 2", "is not held"},
		{"a box", warped{record: of(store.KindBox, flipRecord)}, where("box"), "signature"},
		{"a box of another room's epoch", warped{record: func(r *store.Record) bool { return r.ID != c.epoch.ID }}, where("box"), "does not belong"},
		{"a box's ID", warped{record: of(store.KindBox, rename)}, where("box"), "it is box"},
		{"a delegation", warped{record: of(store.KindDelegation, flipRecord)}, where("delegation"), "signature"},
		{"a missing delegation", warped{record: of(store.KindDelegation, func(*store.Record) bool { return false })}, "value room/", "which it names"},
		{"a value", warped{value: func(v *store.Value) { v.Value = v.Value[:7] }}, "value room/", "7 bytes"},
		{"a token", warped{value: func(v *store.Value) { v.Key = "token/00112233445566778899aabbccddeeff" }}, "value token/", "no token"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.warp.content = c
			_, found := run(t, &test.warp)
			if !slices.ContainsFunc(found, func(f Finding) bool {
				return strings.Contains(f.Where, test.where) && strings.Contains(f.What, test.what) && f.Do != ""
			}) {
				t.Errorf("found %+v, want something in %q that says %q", found, test.where, test.what)
			}
			if len(found) > 620 {
				t.Errorf("%d findings for one thing", len(found))
			}
		})
	}
}

func TestTheRunsBehindABrokenOneAreNotAllReported(t *testing.T) {
	c := newContent(t)
	_, found := run(t, &warped{content: c, run: func(r *store.Run) bool {
		if r.First == 101 && r.Room == c.room {
			r.Bytes = bytes.Clone(r.Bytes)
			r.Bytes[len(r.Bytes)-1] ^= 1
		}
		return true
	}})
	if len(found) != 1 {
		t.Errorf("%d findings for one broken run: %+v", len(found), found)
	}
}

func TestACheckEndsWithItsContext(t *testing.T) {
	c := newContent(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Store(ctx, c, Options{Progress: func(string, uint64, uint64) { cancel() }})
	if err == nil {
		t.Error("a check that was cancelled says nothing")
	}
}
