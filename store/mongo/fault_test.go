package mongo_test

import (
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"parley/store"
	"parley/store/mongo"
	"parley/store/mongo/mongotest"
	"parley/store/storetest"
)

// breakable is a view of a database whose server the test can break.
type breakable struct {
	server *mongotest.Server
	uri    string
}

func (e breakable) Open(t *testing.T) store.Store {
	t.Helper()
	return open(t, e.uri, mongo.Options{View: "view", Patience: time.Second, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
}

func (e breakable) Faults() []storetest.Fault {
	broken := 0
	some := func(kind storetest.FaultKind, name string, begin func()) storetest.Fault {
		return storetest.Fault{
			Kind: kind, Name: name, Begin: begin, End: func() { broken = e.server.Heal() },
			Hits: func() int { broken = e.server.Heal(); return broken },
		}
	}
	// After each cut the driver looks at the server anew, at most twice a second.
	dense := func(f storetest.Fault) storetest.Fault { f.Runs = 2; return f }
	return []storetest.Fault{
		dense(some(storetest.CutBefore, "each second request is lost on its way", func() { e.server.CutEvery(2, false) })),
		dense(some(storetest.CutAfter, "each third answer is lost on its way", func() { e.server.CutEvery(3, true) })),
		some(storetest.NthFails, "each seventh request is lost on its way", func() { e.server.CutEvery(7, false) }),
		some(storetest.NthFails, "each seventh answer is lost on its way", func() { e.server.CutEvery(7, true) }),
		{Kind: storetest.Away, Name: "the server cannot be reached", Begin: e.server.Away, End: func() { e.server.Heal() }, Want: store.ErrUnavailable},
		{Kind: storetest.Away, Name: "the server is killed and started again", Begin: e.server.Kill, End: e.server.Restart, Want: store.ErrUnavailable},
		{Kind: storetest.Full, Name: "the server's disk is full", Begin: e.server.Full, End: func() { e.server.Heal() }, Want: store.ErrFull},
		{Kind: storetest.ReadOnly, Name: "the server is no primary", Begin: e.server.ReadOnly, End: func() { e.server.Heal() }, Want: store.ErrUnavailable},
		{Kind: storetest.Damaged, Elsewhere: "TestADocumentThatSaysOtherwiseThanItsIDIsCorrupt"},
	}
}

// Apart implements storetest.Apart: most of the time of a fault goes into waiting for the driver to look at the server again.
func (breakable) Apart() {}

// The faults are those of servers of the test's own, also where the environment names another.
func TestTheMongoStoreOutlivesFaults(t *testing.T) {
	t.Parallel()
	storetest.RunFaults(t, func(t *testing.T) storetest.Faulty {
		server := mongotest.Start(t)
		return breakable{server, server.URI("faults")}
	})
}

// What was broken once to see the next two tests fail: the term and number in the condition of decide, the number in that of a
// cell's replacement, the void commit of takeOver, and the order of writing the documents before making the commit.

// A commit is cut at each of its requests in turn, before and after: whatever the step, the batch is there whole or not at all for
// the next process, and once when applied again.
func TestACommitCutAtAnyStepIsWholeOrNothing(t *testing.T) {
	for name, after := range map[string]bool{"before it is carried out": false, "after": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			commitCut(t, after)
		})
	}
}

func commitCut(t *testing.T, after bool) {
	server := mongotest.Start(t)
	uri := server.URI("steps")
	steps := 0
	for step := 1; ; step++ {
		// Log c ends with a run that the batch cuts, and puts another in its place.
		prior := open(t, uri, mongo.Options{View: "view"})
		if err := prior.Apply(t.Context(), &store.Batch{
			Trims: []store.Trim{{Room: storetest.ID("room"), Log: storetest.ID("log c"), Floor: store.TrimAll}},
			Runs:  []store.Run{storetest.NewRun("c", 4, 4, 100), storetest.NewRun("c", 5, 7, 100)},
		}); err != nil {
			t.Fatal(err)
		}
		_ = prior.Close()
		s := open(t, uri, mongo.Options{View: "view", Patience: time.Nanosecond})
		next := uint64(1)
		if head, err := s.Head(t.Context(), storetest.ID("room"), storetest.ID("log a")); err == nil {
			next = head.Last + 1
		}
		batch := func() *store.Batch {
			return &store.Batch{
				Runs:   []store.Run{storetest.NewRun("a", next, next, 100), storetest.NewRun("b", next, next, 100), storetest.NewRun("c", 5, 6, 100)},
				Values: []store.Value{{Key: "last", Value: []byte{byte(next)}}},
				Cuts: []store.Cut{{
					Room: storetest.ID("room"), Log: storetest.ID("log c"), Head: storetest.NewRun("c", 5, 7, 100).Link,
					Last: 4, Link: storetest.NewRun("c", 4, 4, 100).Link,
				}},
			}
		}
		before := server.Heal()
		if after {
			server.CutAfter(step)
		} else {
			server.CutBefore(step)
		}
		_ = s.Apply(t.Context(), batch())
		// Another process takes over at once, as after kill -9: what the first one does from now on must not count.
		again := open(t, uri, mongo.Options{View: "view"})
		value, verr := again.Value(t.Context(), "last")
		for _, log := range []string{"a", "b"} {
			head, err := again.Head(t.Context(), storetest.ID("room"), storetest.ID("log "+log))
			there := err == nil && head.Last == next
			if whole := verr == nil && value[0] == byte(next); there != whole {
				t.Errorf("cut %v at request %d: log %s there %v, value there %v", after, step, log, there, whole)
			}
		}
		head, err := again.Head(t.Context(), storetest.ID("room"), storetest.ID("log c"))
		if whole := verr == nil && value[0] == byte(next); err != nil || (head.Last == 6) != whole || (head.Last == 7) == whole {
			t.Errorf("cut %v at request %d: log c ends at %d, %v, and the value is there: %v", after, step, head.Last, err, whole)
		}
		if err := again.Apply(t.Context(), batch()); err != nil {
			t.Errorf("cut %v at request %d: Apply again: %v", after, step, err)
		}
		cut := server.Heal() != before
		storetest.CheckConsistent(t, again)
		if err := s.Apply(t.Context(), &store.Batch{Runs: []store.Run{storetest.NewRun("a", next+1, next+1, 100)}}); err == nil {
			t.Errorf("cut %v at request %d: the store that was taken over from still writes", after, step)
		}
		_ = s.Close()
		_ = again.Close()
		if t.Failed() {
			return
		}
		if !cut { // the commit, the opening after it and the commit again have fewer requests
			break
		}
		steps++
	}
	if steps < 4 {
		t.Errorf("%d requests were cut; a commit has at least four", steps)
	}
}

func TestWhoOpensAViewFencesOffWhoHadIt(t *testing.T) {
	uri := databases(t)(t)
	first := open(t, uri, mongo.Options{View: "view"})
	defer first.Close()
	if err := first.Apply(t.Context(), &store.Batch{Runs: []store.Run{storetest.NewRun("a", 1, 1, 10)}}); err != nil {
		t.Fatal(err)
	}
	second := open(t, uri, mongo.Options{View: "view"})
	defer second.Close()
	err := first.Apply(t.Context(), &store.Batch{Runs: []store.Run{storetest.NewRun("a", 2, 2, 10)}})
	if !errors.Is(err, store.ErrLocked) {
		t.Errorf("Apply after another opened the view: %v, want ErrLocked", err)
	}
	if err := second.Apply(t.Context(), &store.Batch{Runs: []store.Run{storetest.NewRun("a", 2, 2, 10)}}); err != nil {
		t.Errorf("Apply of the second: %v", err)
	}
}

func TestAPasswordIsNowhereToBeSeen(t *testing.T) {
	const password = "s3cr3t%2Fword"
	for _, uri := range []string{
		"mongodb://me:" + password + "@127.0.0.1:1/db?serverSelectionTimeoutMS=100",
		"mongodb://me:" + password + "@127.0.0.1:1/db?noSuchOption=" + password,
		"mongodb://me:" + password + "@[::bad/db",
	} {
		_, err := mongo.Open(t.Context(), uri, mongo.Options{OpenPatience: time.Millisecond})
		if err == nil {
			t.Fatalf("a server answers at %s", uri)
		}
		for _, secret := range []string{password, "s3cr3t/word"} {
			if strings.Contains(err.Error(), secret) || strings.Contains(mongo.Redact(uri), secret) {
				t.Errorf("the password is in %q or %q", err, mongo.Redact(uri))
			}
		}
	}
}

func TestAURIFileThatOthersCanReadIsRefused(t *testing.T) {
	path := t.TempDir() + "/uri"
	if err := os.WriteFile(path, []byte("mongodb://me:pw@db/parley\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := mongo.ReadURI(path); err == nil {
		t.Error("a file that all can read was taken")
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if uri, err := mongo.ReadURI(path); err != nil || uri != "mongodb://me:pw@db/parley" {
		t.Errorf("ReadURI: %q, %v", uri, err)
	}
}
