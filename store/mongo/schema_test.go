package mongo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"parley/store"
	"parley/store/mongo/mongotest"
	"parley/wire"
)

// oneRun opens a database of the test's own with one run in it.
func oneRun(t *testing.T) (uri string, s *Store) {
	t.Helper()
	uri = mongotest.Start(t).URI("schema")
	s, err := Open(t.Context(), uri, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	run := store.Run{Room: wire.ID{1}, Log: wire.ID{2}, Author: wire.ID{3}, First: 1, Last: 1, Link: wire.ID{4}, Bytes: []byte("run")}
	if err := s.Apply(t.Context(), &store.Batch{Runs: []store.Run{run}}); err != nil {
		t.Fatal(err)
	}
	return uri, s
}

func TestADocumentThatSaysOtherwiseThanItsIDIsCorrupt(t *testing.T) {
	_, s := oneRun(t)
	if _, err := s.db.runs.UpdateMany(t.Context(), bson.D{}, bson.D{{Key: "$set", Value: bson.D{{Key: "bytes", Value: []byte("ru")}}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RunAt(t.Context(), wire.ID{1}, wire.ID{2}, 1); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("a run that lost a byte: %v, want ErrCorrupt", err)
	}
}

func TestADatabaseOfANewerSchemaIsRefusedAndLeftAlone(t *testing.T) {
	uri, s := oneRun(t)
	for _, version := range []int{schemaVersion + 1, 0} {
		if _, err := s.db.meta.UpdateOne(t.Context(), byID("schema"), bson.D{{Key: "$set", Value: bson.D{{Key: "version", Value: version}}}}); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), uri, Options{})
		if !errors.Is(err, store.ErrFormat) || !strings.Contains(err.Error(), "use the newer program") {
			t.Errorf("version %d: %v, want ErrFormat and what to do", version, err)
		}
	}
	var v viewDoc
	if err := s.db.views.FindOne(t.Context(), byID("default")).Decode(&v); err != nil || v.Term != s.term {
		t.Errorf("a refused database was taken over: term %d, %v; want %d", v.Term, err, s.term)
	}
}

func TestAnOlderSchemaIsMigratedStepByStepAndGoesOnWhereAStepFailed(t *testing.T) {
	_, s := oneRun(t)
	broken := errors.New("broken")
	var done []int
	fails := true
	step := func(from int) migration {
		return migration{from, func(context.Context, *collections) error {
			if from == 2 && fails {
				return broken
			}
			done = append(done, from)
			return nil
		}}
	}
	steps := []migration{step(1), step(2), step(3)}
	if err := s.db.ready(t.Context(), steps); !errors.Is(err, broken) || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("the second step fails: %v, want that it does and which", err)
	}
	fails = false
	for range 2 {
		if err := s.db.ready(t.Context(), steps); err != nil {
			t.Fatal(err)
		}
	}
	var meta struct {
		Version int `bson:"version"`
	}
	err := s.db.meta.FindOne(t.Context(), byID("schema")).Decode(&meta)
	if err != nil || meta.Version != 4 || len(done) != 3 || done[0] != 1 || done[1] != 2 || done[2] != 3 {
		t.Errorf("steps %v were done and the version is %d, %v; want 1, 2, 3 once each, and 4", done, meta.Version, err)
	}
}

// What another view holds is told until it is held here.
func TestOthersTellsWhatAnotherViewHoldsAndThisOneLacks(t *testing.T) {
	uri, s := oneRun(t)
	other, err := Open(t.Context(), uri, Options{View: "other"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	record := store.Record{Room: wire.ID{1}, Kind: store.KindEntry, ID: wire.ID{9}, Bytes: []byte("entry")}
	if err := s.Apply(t.Context(), &store.Batch{Records: []store.Record{record}}); err != nil {
		t.Fatal(err)
	}
	runs, records, more, err := other.Others(t.Context(), wire.ID{1})
	if err != nil || !more || len(runs) != 0 || len(records) != 1 || records[0].ID != record.ID {
		t.Fatalf("Others at first: runs %v, records %v, more %v, %v; want the record, and runs to come", runs, records, more, err)
	}
	runs, _, more, err = other.Others(t.Context(), wire.ID{1})
	if err != nil || more || len(runs) != 1 || runs[0].Link != (wire.ID{4}) || runs[0].Arrival != 0 {
		t.Fatalf("Others again: runs %v, more %v, %v; want the one run", runs, more, err)
	}
	if err := other.Apply(t.Context(), &store.Batch{Runs: runs, Records: records}); err != nil {
		t.Fatal(err)
	}
	for range lookAgain + 2 { // past the look that is taken all the same
		if runs, records, _, err = other.Others(t.Context(), wire.ID{1}); err != nil || len(runs)+len(records) != 0 {
			t.Fatalf("Others again: %d runs, %d records, %v; want nothing", len(runs), len(records), err)
		}
	}
	next := store.Run{Room: wire.ID{1}, Log: wire.ID{2}, Author: wire.ID{3}, First: 2, Last: 2, Link: wire.ID{5}, Bytes: []byte("next")}
	if err := s.Apply(t.Context(), &store.Batch{Runs: []store.Run{next}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{0, 1} {
		if runs, _, _, err = other.Others(t.Context(), wire.ID{1}); err != nil || len(runs) != want || want == 1 && runs[0].Link != next.Link {
			t.Errorf("Others after one more: %v, %v; want that one at the second look", runs, err)
		}
	}
}

// Runs are large and sessions bring them: another view's are read when no session does.
func TestOthersLeavesToTheSessionsWhatTheyBring(t *testing.T) {
	uri := mongotest.Start(t).URI("looks")
	var views [2]*Store // who writes, and who looks
	for i := range views {
		s, err := Open(t.Context(), uri, Options{View: fmt.Sprint("view ", i)})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		views[i] = s
	}
	run := func(n uint64) store.Run {
		return store.Run{Room: wire.ID{1}, Log: wire.ID{2}, Author: wire.ID{3}, First: n, Last: n, Link: wire.Hash("run", []byte{byte(n)})}
	}
	var has [2]uint64
	upto := func(view int, last uint64) {
		t.Helper()
		for has[view] < last {
			has[view]++
			if err := views[view].Apply(t.Context(), &store.Batch{Runs: []store.Run{run(has[view])}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, look := range []struct {
		written, brought uint64 // by then, brought by a session or from the look before
		want             int
		why              string
	}{
		{3, 0, 0, "all of it is new"},
		{3, 0, 3, "it did not come"},
		{4, 3, 1, "what was taken is there, and no session brought more"},
		{6, 5, 0, "a session brought more than was taken"},
		{7, 6, 0, "a session brought all that was lacking"},
		{7, 6, 1, "it did not come"},
		{7, 6, 0, "what was returned comes again from time to time only"},
		{7, 7, 0, "nothing is lacking"},
		{8, 7, 1, "it follows on what was taken"},
	} {
		upto(0, look.written)
		upto(1, look.brought)
		runs, _, _, err := views[1].Others(t.Context(), wire.ID{1})
		if err != nil || len(runs) != look.want || len(runs) > 0 && runs[0].Link != run(look.brought+1).Link {
			t.Errorf("look %d: %d runs, %v; want %d: %s", i+1, len(runs), err, look.want, look.why)
		}
	}
}
