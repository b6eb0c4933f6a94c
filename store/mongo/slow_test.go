package mongo_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"parley/store"
	"parley/store/mongo"
	"parley/store/mongo/mongotest"
	"parley/store/storetest"
)

// The server takes longer for each question than the URI allows, until it does not.
func TestAServerThatIsTooSlowIsNamedAndWaitedForAndGivenLongerByItsURI(t *testing.T) {
	const (
		slow  = 300 * time.Millisecond
		short = "?timeoutMS=50"
		long  = "?timeoutMS=600000"
	)
	t.Parallel()
	server := mongotest.Start(t)
	uri := server.URI("slow")
	s := open(t, uri+short, mongo.Options{Patience: time.Second})
	defer s.Close()
	if err := s.Apply(t.Context(), &store.Batch{Runs: []store.Run{storetest.NewRun("a", 1, 1, 10)}}); err != nil {
		t.Fatal(err)
	}

	server.Slow(slow)
	named := func(what string, err error) {
		t.Helper()
		var tooSlow *mongo.SlowError
		if !errors.Is(err, store.ErrUnavailable) || !errors.As(err, &tooSlow) || tooSlow.Within != 50*time.Millisecond ||
			!strings.Contains(err.Error(), what) || !strings.Contains(err.Error(), "timeoutMS=200 or more in its URI") {
			t.Errorf("%v; want that the database did not answer within 50ms when %s, and which option to set", err, what)
		}
	}
	_, err := s.Heads(t.Context(), storetest.ID("room"))
	named("asked for a room's heads", err)
	named("told to store a commit", s.Apply(t.Context(), &store.Batch{Runs: []store.Run{storetest.NewRun("a", 2, 2, 10)}}))
	_, err = mongo.Open(t.Context(), uri+short, mongo.Options{View: "other", OpenPatience: time.Millisecond})
	named("asked for this peer's part", err)
	for _, option := range []string{long, "?socketTimeoutMS=600000"} {
		patient := open(t, uri+option, mongo.Options{View: "patient"})
		if err := patient.Close(); err != nil {
			t.Error(err)
		}
	}

	// Who opens meanwhile waits for it.
	opened := make(chan error, 1)
	go func() {
		s, err := mongo.Open(t.Context(), uri+short, mongo.Options{View: "third", OpenPatience: time.Minute})
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	before := server.Heal()
	server.Slow(slow)
	for server.Broken() < before+3 { // it was tried again
		select {
		case err := <-opened:
			t.Fatalf("it opened, or gave up, while the server was slow: %v", err)
		case <-time.After(slow):
		}
	}
	server.Heal()
	if err := <-opened; err != nil {
		t.Errorf("Open of a server that was slow at first: %v", err)
	}
	for range 60 {
		b := &store.Batch{Runs: []store.Run{storetest.NewRun("a", 2, 2, 10), storetest.NewRun("a", 3, 3, 10)}}
		if err = s.Apply(t.Context(), b); !errors.Is(err, store.ErrUnavailable) {
			break // it waits between attempts
		}
	}
	if err != nil {
		t.Errorf("Apply once the server is fast: %v", err)
	}
}
