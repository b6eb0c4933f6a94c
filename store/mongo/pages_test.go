package mongo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"parley/store"
	"parley/store/mongo/mongotest"
	"parley/wire"
)

// A page is an exchange with the server, which the test server answers by reading the whole collection.
func TestWhoReadsOnTakesMoreAtATimeWithinABound(t *testing.T) {
	const (
		count, size = 384, 8 << 10
		readers     = largePages + 2
		readOn      = 100 // past the first pages
	)
	s, err := Open(t.Context(), mongotest.Start(t).URI("pages"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	room, log := wire.ID{1}, wire.ID{2}
	for first := 1; first <= count; first += 64 {
		b := new(store.Batch)
		for n := first; n < first+64; n++ {
			b.Runs = append(b.Runs, store.Run{
				Room: room, Log: log, Author: wire.ID{3}, First: uint64(n), Last: uint64(n), Link: wire.Hash("run", fmt.Append(nil, n)), Bytes: bytes.Repeat([]byte{byte(n)}, size),
			})
		}
		if err := s.Apply(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	// Each page has two questions more: for the room, and for the log's head.
	for name, read := range map[string]func() iter.Seq2[store.Run, error]{
		"Runs":         func() iter.Seq2[store.Run, error] { return s.Runs(t.Context(), room, log, 1) },
		"RunsBack":     func() iter.Seq2[store.Run, error] { return s.RunsBack(t.Context(), room, log, store.TrimAll) },
		"Arrivals":     func() iter.Seq2[store.Run, error] { return s.Arrivals(t.Context(), room, 0) },
		"ArrivalsBack": func() iter.Seq2[store.Run, error] { return s.ArrivalsBack(t.Context(), room, 0) },
	} {
		before, n := s.answers.Load(), 0
		for _, err := range read() {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if asked := s.answers.Load() - before; n != count || asked > 20 {
			t.Errorf("%s: %d runs of 8 KiB, %d questions; want %d in at most 20", name, n, asked, count)
		}
	}

	// However many read at once, few of them hold large pages.
	var stops []func()
	for range readers {
		next, stop := iter.Pull2(s.Runs(t.Context(), room, log, 1))
		stops = append(stops, stop)
		for range readOn {
			if _, err, ok := next(); err != nil || !ok {
				t.Fatalf("a reader ended: %v", err)
			}
		}
	}
	if n := len(s.large); n != largePages {
		t.Errorf("%d of %d readers have large pages, want %d", n, readers, largePages)
	}
	for _, stop := range stops {
		stop()
	}
	if n := len(s.large); n != 0 {
		t.Errorf("%d readers have large pages after all have ended", n)
	}
}

// A line that is too slow for large pages is read over in small ones.
func TestAPageThatTakesTooLongIsAskedForInSmallOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const count, size, carries = 4096, 16 << 10, 1 << 20
		s := &Store{opt: Options{PageBytes: 16 << 20, ReadPatience: time.Second}, closing: make(chan struct{}), large: make(chan struct{}, largePages)}
		at, failed := 0, 0
		next := func(_ context.Context, _ int64, p pace) (page []int, more bool, err error) {
			if p.items*size > carries {
				failed++
				return nil, false, &SlowError{What: "asked for runs", Within: time.Second}
			}
			for ; len(page) < p.items && at < count; at++ {
				page = append(page, at)
			}
			return page, at < count, nil
		}
		want := 0
		for got, err := range pages(t.Context(), s, "asked for runs", next, func(*int) int { return size }, func() {}) {
			if err != nil || got != want {
				t.Fatalf("item %d: %d, %v", want, got, err)
			}
			want++
		}
		if want != count || failed == 0 {
			t.Errorf("%d of %d items came, and %d pages were too slow", want, count, failed)
		}
		// One that is too slow for the smallest page is an error.
		never := func(context.Context, int64, pace) ([]int, bool, error) { return nil, false, &SlowError{} }
		for _, err := range pages(t.Context(), s, "asked for runs", never, func(*int) int { return size }, func() {}) {
			if !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%v, want ErrUnavailable", err)
			}
		}
	})
}
