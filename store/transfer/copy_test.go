package transfer_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"parley/store"
	"parley/store/embedded"
	"parley/store/storetest"
	"parley/store/transfer"
	"parley/wire"
)

var seeds = flag.Int("transfer.seeds", 6, "how many random histories are copied")

func open(t *testing.T) store.Store {
	t.Helper()
	s, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func apply(t *testing.T, s store.Store, b *store.Batch) {
	t.Helper()
	if err := s.Apply(t.Context(), b); err != nil {
		t.Fatalf("Apply: %v", err)
	}
}

func sum(t *testing.T, s store.Store) transfer.Contents {
	t.Helper()
	c, err := transfer.Sum(t.Context(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// cut fails the Nth Apply, before or after it takes place: the process was killed there.
type cut struct {
	store.Store
	left  int
	after bool
}

var errCut = errors.New("killed")

func (c *cut) Apply(ctx context.Context, b *store.Batch) error {
	if c.left--; c.left > 0 {
		return c.Store.Apply(ctx, b)
	}
	if c.left == 0 && c.after {
		if err := c.Store.Apply(ctx, b); err != nil {
			return err
		}
	}
	return errCut
}

// history is a store whose rooms live: logs grow, are trimmed, end and begin anew.
type history struct {
	t    *testing.T
	s    store.Store
	rng  *rand.Rand
	n    int
	ends map[string]wire.ID // by room, log and number: the link of the run that ends there
}

func (h *history) step() {
	h.n++
	room := storetest.ID(fmt.Sprint("room ", h.rng.IntN(4)))
	b := &store.Batch{}
	switch h.rng.IntN(12) {
	case 0:
		if h.rng.IntN(6) == 0 {
			b.DropRooms = []wire.ID{room}
		}
	case 1, 2:
		heads, err := h.s.Heads(h.t.Context(), room)
		if err != nil {
			h.t.Fatal(err)
		}
		if len(heads) > 0 {
			head := heads[h.rng.IntN(len(heads))]
			trim := store.Trim{Room: room, Log: head.Log, Floor: store.TrimAll}
			if h.rng.IntN(3) > 0 {
				trim.Floor = head.Floor + h.rng.Uint64N(head.Last-head.Floor+1)
				if run, err := h.s.RunAt(h.t.Context(), room, head.Log, trim.Floor); err == nil {
					trim.Floor = run.Last
				}
			}
			b.Trims = []store.Trim{trim}
		}
	case 3:
		h.cut(b, room)
	case 4:
		bytes := fmt.Appendf(nil, "record %d", h.n)
		b.Records = []store.Record{{Room: room, Kind: store.Kind(1 + h.rng.IntN(4)), ID: wire.Hash("r", bytes), Bytes: bytes}}
	case 5:
		for rec, err := range h.s.Records(h.t.Context(), room, store.KindBox) {
			if err != nil {
				h.t.Fatal(err)
			}
			b.DropRecords = []store.Record{rec}
			break
		}
	case 6:
		v := store.Value{Key: fmt.Sprint("value/", h.rng.IntN(20))}
		if h.rng.IntN(3) > 0 {
			v.Value = fmt.Appendf(nil, "%d", h.n)
		}
		b.Values = []store.Value{v}
	default:
		h.runs(b, room)
	}
	apply(h.t, h.s, b)
}

func end(room, log wire.ID, last uint64) string { return fmt.Sprint(room, log, last) }

// note is of a log that ends with a message.
func note(last uint64) string { return fmt.Sprint("note ", last) }

// cut ends a log at an earlier run, or at its floor; it goes on along another branch.
func (h *history) cut(b *store.Batch, room wire.ID) {
	heads, err := h.s.Heads(h.t.Context(), room)
	if err != nil {
		h.t.Fatal(err)
	}
	if len(heads) == 0 {
		return
	}
	head := heads[h.rng.IntN(len(heads))]
	last := store.Run{Last: head.Floor, Link: h.ends[end(room, head.Log, head.Floor)]}
	if n := head.Last - head.Floor; n > 0 && h.rng.IntN(4) > 0 {
		if last, err = h.s.RunAt(h.t.Context(), room, head.Log, head.Floor+1+h.rng.Uint64N(n)); err != nil {
			h.t.Fatal(err)
		}
	}
	b.Cuts = []store.Cut{{Room: room, Log: head.Log, Head: head.Link, Last: last.Last, Link: last.Link, Note: note(last.Last)}}
}

// runs appends to a log of the room; a log that is not there may begin anywhere.
func (h *history) runs(b *store.Batch, room wire.ID) {
	name := fmt.Sprint(h.rng.IntN(5))
	head, err := h.s.Head(h.t.Context(), room, storetest.ID("log "+name))
	if errors.Is(err, store.ErrNotFound) {
		head.Last = h.rng.Uint64N(50)
	} else if err != nil {
		h.t.Fatal(err)
	}
	for range 1 + h.rng.IntN(20) {
		length := 1 + h.rng.Uint64N(3)
		run := storetest.NewRun(name, head.Last+1, head.Last+length, h.rng.IntN(2000))
		run.Room, run.Link, run.Note = room, wire.Hash("run", fmt.Appendf(nil, "%d %d", h.n, head.Last)), note(head.Last+length)
		h.ends[end(room, run.Log, run.Last)] = run.Link
		b.Runs = append(b.Runs, run)
		head.Last += length
	}
}

func TestACopyThatIsCutAnywhereAndTakenUpAgainEndsEqual(t *testing.T) {
	for seed := range uint64(*seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			h := &history{t: t, s: open(t), rng: rand.New(rand.NewPCG(seed, 5)), ends: map[string]wire.ID{}}
			to := open(t)
			cuts, anew := 0, 0
			for range 6 {
				for range 60 {
					h.step()
				}
				o := transfer.Options{Purpose: "backup"}
				for {
					left := 1 + h.rng.IntN(12)
					_, err := transfer.Copy(t.Context(), h.s, &cut{to, left, h.rng.IntN(2) == 0}, o)
					if err == nil {
						break
					}
					if errors.Is(err, transfer.ErrDiffers) { // a log began anew at a place where nothing tells
						to = open(t)
						anew++
						continue
					}
					if !errors.Is(err, errCut) {
						t.Fatalf("Copy: %v", err)
					}
					cuts++
					storetest.CheckConsistent(t, to)
					if mark, err := transfer.ReadMark(t.Context(), to); err != nil || mark != nil && mark.Whole && mark.Digest != sum(t, to).Digest.String() {
						t.Errorf("a copy that is not what it says is marked as whole: %+v, %v", mark, err)
					}
				}
				mark, err := transfer.ReadMark(t.Context(), to)
				if err != nil || mark == nil || !mark.Whole || mark.Digest != sum(t, to).Digest.String() {
					t.Fatalf("the mark of a whole copy is %+v, %v", mark, err)
				}
				if a, b := sum(t, h.s), sum(t, to); a != b {
					t.Fatalf("the source is %+v, its copy %+v", a, b)
				}
				storetest.CheckConsistent(t, to)
			}
			if anew > 1 {
				t.Errorf("%d of 6 copies had to begin anew", anew)
			}
			if cuts < 3 {
				t.Errorf("only %d copies were cut", cuts)
			}
			if err := transfer.Unmark(t.Context(), to); err != nil {
				t.Fatal(err)
			}
			if mark, err := transfer.ReadMark(t.Context(), to); mark != nil || err != nil {
				t.Errorf("a store of its own has the mark %+v, %v", mark, err)
			}
		})
	}
}

func TestAnArrivalNumberOfTheSourceIsNotGivenAgainByTheCopy(t *testing.T) {
	from, to := open(t), open(t)
	room := storetest.ID("room")
	apply(t, from, &store.Batch{Runs: []store.Run{storetest.NewRun("a", 1, 1, 10), storetest.NewRun("b", 1, 1, 10)}})
	apply(t, from, &store.Batch{Trims: []store.Trim{{Room: room, Log: storetest.ID("log b"), Floor: store.TrimAll}}})
	if _, err := transfer.Copy(t.Context(), from, to, transfer.Options{Purpose: "migrate"}); err != nil {
		t.Fatal(err)
	}
	next := &store.Batch{Runs: []store.Run{storetest.NewRun("c", 1, 1, 10)}}
	apply(t, to, next)
	if got := next.Runs[0].Arrival; got != 3 {
		t.Errorf("the next run arrives as %d, want 3", got)
	}
	if to.Instance() == from.Instance() {
		t.Error("the copy is the same instance: a cursor of the source would be taken for its own")
	}
}

func TestWhatIsInTheDestinationAlreadyIsNotOverwritten(t *testing.T) {
	from, to := open(t), open(t)
	apply(t, from, &store.Batch{Runs: []store.Run{storetest.NewRun("a", 1, 1, 10)}})
	apply(t, to, &store.Batch{Runs: []store.Run{storetest.NewRun("b", 1, 1, 10)}})
	before := sum(t, to)
	if _, err := transfer.Copy(t.Context(), from, to, transfer.Options{Purpose: "migrate"}); !errors.Is(err, transfer.ErrOccupied) {
		t.Errorf("Copy over another store: %v, want ErrOccupied", err)
	}
	other := open(t)
	if _, err := transfer.Copy(t.Context(), to, other, transfer.Options{Purpose: "backup"}); err != nil {
		t.Fatal(err)
	}
	if _, err := transfer.Copy(t.Context(), from, other, transfer.Options{Purpose: "backup"}); !errors.Is(err, transfer.ErrOccupied) {
		t.Errorf("Copy over the copy of another store: %v, want ErrOccupied", err)
	}
	if after := sum(t, to); after != before {
		t.Errorf("a refused copy changed the destination from %+v to %+v", before, after)
	}
}

func TestASecondCopyTakesOnlyWhatIsNew(t *testing.T) {
	from, to := open(t), open(t)
	o := transfer.Options{Purpose: "backup"}
	storetest.Fill(t, from, 3, 2000, 1)
	first, err := transfer.Copy(t.Context(), from, to, o)
	if err != nil || first.Copied != first.Messages || first.Messages == 0 {
		t.Fatalf("the first copy: %+v, %v", first, err)
	}
	apply(t, from, &store.Batch{Runs: []store.Run{storetest.NewRun("new", 1, 7, 10)}})
	var phases []string
	o.Progress = func(phase string, done, total uint64) {
		if len(phases) == 0 || phases[len(phases)-1] != phase {
			phases = append(phases, phase)
		}
		if done > total {
			t.Errorf("%s: %d of %d", phase, done, total)
		}
	}
	second, err := transfer.Copy(t.Context(), from, to, o)
	if err != nil || second.Copied != 7 || second.Messages != first.Messages+7 {
		t.Errorf("the second copy: %+v, %v; want 7 messages more", second, err)
	}
	if fmt.Sprint(phases) != "[copying comparing]" {
		t.Errorf("phases %v", phases)
	}
}

func TestACopyThatDiffersIsNotCalledWhole(t *testing.T) {
	from, to := open(t), open(t)
	apply(t, from, &store.Batch{Runs: []store.Run{storetest.NewRun("a", 1, 1, 10)}})
	o := transfer.Options{Purpose: "backup"}
	if _, err := transfer.Copy(t.Context(), from, to, o); err != nil {
		t.Fatal(err)
	}
	// Somebody wrote into the backup.
	apply(t, to, &store.Batch{Runs: []store.Run{storetest.NewRun("z", 1, 1, 10)}})
	apply(t, from, &store.Batch{Runs: []store.Run{storetest.NewRun("b", 1, 1, 10)}})
	if _, err := transfer.Copy(t.Context(), from, to, o); !errors.Is(err, transfer.ErrDiffers) {
		t.Errorf("Copy: %v, want ErrDiffers", err)
	}
	if mark, err := transfer.ReadMark(t.Context(), to); err != nil || mark.Whole {
		t.Errorf("the mark is %+v, %v", mark, err)
	}
}
