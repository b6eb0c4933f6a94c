package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"parley/store"
	"parley/wire"
)

// harness is a store under test and what the cases say to it.
type harness struct {
	*testing.T
	engine Engine
	Store  store.Store
}

func (h *harness) open() { h.Store = h.engine.Open(h.T) }

func (h *harness) close() {
	if h.Store == nil {
		return
	}
	if err := h.Store.Close(); err != nil {
		h.Errorf("Close: %v", err)
	}
	h.Store = nil
}

func (h *harness) reopen() {
	h.Helper()
	h.close()
	h.open()
}

func (h *harness) ctx() context.Context { return h.Context() }

// ID returns a fixed ID for a name.
func ID(name string) wire.ID { return sha256.Sum256([]byte(name)) }

// NewRun returns a run of a log of room "room" with contents that follow from its numbers.
func NewRun(log string, first, last uint64, size int) store.Run {
	content := fmt.Sprintf("%s %d-%d;", log, first, last)
	body := bytes.Repeat([]byte(content), size/len(content)+1)[:size]
	return store.Run{
		Room: ID("room"), Log: ID("log " + log), Author: ID("author of " + log),
		First: first, Last: last, Link: ID(content), Received: int64(1_700_000_000_000_000_000 + first), Bytes: body,
	}
}

// chain returns count runs of a log, of length messages each, from number first on.
func chain(log string, first uint64, count int, length uint64) []store.Run {
	runs := make([]store.Run, count)
	for i := range runs {
		runs[i] = NewRun(log, first, first+length-1, 100)
		first += length
	}
	return runs
}

func (h *harness) apply(b *store.Batch) {
	h.Helper()
	if err := h.Store.Apply(h.ctx(), b); err != nil {
		h.Fatalf("Apply: %v", err)
	}
}

func (h *harness) append(runs ...store.Run) {
	h.Helper()
	h.apply(&store.Batch{Runs: runs})
}

// refuse applies a batch that must fail with an error and change nothing.
func (h *harness) refuse(want error, b *store.Batch) {
	h.Helper()
	before := h.dump()
	if err := h.Store.Apply(h.ctx(), b); !errors.Is(err, want) {
		h.Errorf("Apply: %v, want %v", err, want)
	}
	if after := h.dump(); after != before {
		h.Errorf("a refused batch changed the store from\n%s\nto\n%s", before, after)
	}
}

func (h *harness) heads() []store.Head {
	h.Helper()
	heads, err := h.Store.Heads(h.ctx(), ID("room"))
	if err != nil {
		h.Fatalf("Heads: %v", err)
	}
	return heads
}

func (h *harness) head(log string) store.Head {
	h.Helper()
	head, err := h.Store.Head(h.ctx(), ID("room"), ID("log "+log))
	if err != nil {
		h.Fatalf("Head(%s): %v", log, err)
	}
	return head
}

// collect returns the items of a sequence that must not fail.
func collect[T any](t testing.TB, sequence func(func(T, error) bool)) []T {
	t.Helper()
	var items []T
	for item, err := range sequence {
		if err != nil {
			t.Fatalf("a sequence failed after %d items: %v", len(items), err)
		}
		items = append(items, item)
	}
	return items
}

func (h *harness) runs(log string, from uint64) []store.Run {
	h.Helper()
	return collect(h, h.Store.Runs(h.ctx(), ID("room"), ID("log "+log), from))
}

func (h *harness) runsBack(log string, from uint64) []store.Run {
	h.Helper()
	return collect(h, h.Store.RunsBack(h.ctx(), ID("room"), ID("log "+log), from))
}

func (h *harness) arrivals(after uint64) []store.Run {
	h.Helper()
	return collect(h, h.Store.Arrivals(h.ctx(), ID("room"), after))
}

func (h *harness) arrivalsBack(before uint64) []store.Run {
	h.Helper()
	return collect(h, h.Store.ArrivalsBack(h.ctx(), ID("room"), before))
}

// same compares runs, arrival numbers only where want has one.
func (h *harness) same(got, want []store.Run) {
	h.Helper()
	if len(got) != len(want) {
		h.Fatalf("got %d runs (%s), want %d (%s)", len(got), spans(got), len(want), spans(want))
	}
	for i := range got {
		g, w := got[i], want[i]
		if w.Arrival == 0 {
			g.Arrival = 0
		}
		if !bytes.Equal(g.Bytes, w.Bytes) {
			h.Fatalf("run %d: %d bytes differ from the %d written", i, len(g.Bytes), len(w.Bytes))
		}
		g.Bytes, w.Bytes = nil, nil
		if fmt.Sprint(g) != fmt.Sprint(w) {
			h.Fatalf("run %d is\n%+v, want\n%+v", i, g, w)
		}
	}
}

// spans is a short form of runs for messages.
func spans(runs []store.Run) string {
	var b strings.Builder
	for i, run := range runs {
		if i == 20 {
			b.WriteString("…")
			break
		}
		fmt.Fprintf(&b, "%s %d-%d@%d ", run.Log.Short(), run.First, run.Last, run.Arrival)
	}
	return strings.TrimSpace(b.String())
}

// dump lists everything that the store holds.
func (h *harness) dump() string {
	h.Helper()
	return Dump(h, h.Store)
}

// Dump lists everything that a store holds but its instance.
func Dump(t testing.TB, s store.Store) string {
	t.Helper()
	ctx := t.Context()
	var b strings.Builder
	rooms, err := s.Rooms(ctx)
	if err != nil {
		t.Fatalf("Rooms: %v", err)
	}
	for _, room := range rooms {
		last, err := s.LastArrival(ctx, room)
		if err != nil {
			t.Fatalf("LastArrival: %v", err)
		}
		fmt.Fprintf(&b, "room %s last arrival %d\n", room.Short(), last)
		heads, err := s.Heads(ctx, room)
		if err != nil {
			t.Fatalf("Heads: %v", err)
		}
		for _, head := range heads {
			fmt.Fprintf(&b, "  head %+v\n", head)
		}
		for _, run := range collect(t, s.Arrivals(ctx, room, 0)) {
			fmt.Fprintf(&b, "  run %s %d-%d @%d %d %x %x\n", run.Log.Short(), run.First, run.Last, run.Arrival, run.Received, run.Link[:4], sha256.Sum256(run.Bytes))
		}
		for kind := range store.Kind(8) {
			for _, record := range collect(t, s.Records(ctx, room, kind)) {
				fmt.Fprintf(&b, "  record %d %s %x\n", kind, record.ID.Short(), sha256.Sum256(record.Bytes))
			}
		}
	}
	for _, value := range collect(t, s.Values(ctx, "")) {
		fmt.Fprintf(&b, "value %q %x\n", value.Key, sha256.Sum256(value.Value))
	}
	return b.String()
}

// CheckConsistent checks what must hold of any store at any time: logs without holes, heads that
// are what the runs say, and the two orders showing the same runs.
func CheckConsistent(t testing.TB, s store.Store) {
	t.Helper()
	ctx := t.Context()
	rooms, err := s.Rooms(ctx)
	if err != nil {
		t.Fatalf("Rooms: %v", err)
	}
	for _, room := range rooms {
		heads, err := s.Heads(ctx, room)
		if err != nil {
			t.Fatalf("Heads: %v", err)
		}
		byLog := 0
		for _, head := range heads {
			byLog += checkLog(t, s, room, head)
		}
		last, err := s.LastArrival(ctx, room)
		if err != nil {
			t.Fatalf("LastArrival: %v", err)
		}
		at, byArrival := uint64(0), 0
		for run, err := range s.Arrivals(ctx, room, 0) {
			if err != nil {
				t.Fatalf("Arrivals: %v", err)
			}
			if run.Arrival <= at || run.Arrival > last {
				t.Errorf("arrival %d after %d, the last is %d", run.Arrival, at, last)
			}
			at = run.Arrival
			byArrival++
		}
		if byArrival != byLog {
			t.Errorf("%d runs by arrival, %d by log", byArrival, byLog)
		}
	}
}

// checkLog checks one log and returns how many runs it has.
func checkLog(t testing.TB, s store.Store, room wire.ID, head store.Head) (count int) {
	t.Helper()
	next, size := head.Floor+1, uint64(0)
	var last store.Run
	for run, err := range s.Runs(t.Context(), room, head.Log, 0) {
		if err != nil {
			t.Fatalf("Runs: %v", err)
		}
		if run.First != next || run.Log != head.Log || run.Author != head.Author || run.Room != room {
			t.Errorf("log %s has run %d-%d where message %d comes next", head.Log.Short(), run.First, run.Last, next)
		}
		next = run.Last + 1
		size += uint64(len(run.Bytes))
		last = run
		count++
	}
	if next != head.Last+1 || size != head.Bytes {
		t.Errorf("log %s ends at %d with %d bytes, its head says %d and %d", head.Log.Short(), next-1, size, head.Last, head.Bytes)
	}
	if count > 0 && (last.Link != head.Link || last.Arrival != head.LastArrival || last.Received != head.LastReceived) {
		t.Errorf("the head of log %s is not its last run", head.Log.Short())
	}
	return count
}
