package mongo

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"parley/store"
	"parley/store/mongo/mongotest"
	"parley/store/storetest"
	"parley/wire"
)

// The history of the test has longLogs logs of mongo.runs runs together. The full size is
//
//	go test ./store/mongo -run OpeningALongHistory -mongo.runs 1000000 -timeout 1h -v
var longRuns = flag.Int("mongo.runs", 5000, "runs of the long history that is opened")

const longLogs = 100

// Opening is what a peer does at its start before it can serve a room: take over the view, list rooms and heads. It costs the same however many
// runs there are. The newest run of a log and the newest page by arrival have indexes of a MongoDB server, and the test server, which
// reads the whole collection for them, has none that it uses: they are part of the measure with PARLEY_MONGO_URI only.
func TestOpeningALongHistoryAsksNoMoreThanAShortOne(t *testing.T) {
	base := os.Getenv(mongotest.URIEnv)
	own := base == ""
	uri := func(name string) string { return base + name }
	if own {
		server := mongotest.Start(t)
		uri = server.URI
	}
	run := fmt.Sprintf("parley_test_long_%d_%d_", os.Getpid(), time.Now().UnixNano())
	short, long, some := uri(run+"short"), uri(run+"long"), uri(run+"some")
	if !own {
		t.Cleanup(func() { DropForTest(t, short); DropForTest(t, long); DropForTest(t, some) })
	}
	lengthen(t, short, 1)
	each := *longRuns / longLogs
	lengthen(t, long, each)

	const tries = 5
	least := func(uri string) (took time.Duration, asked uint64) {
		for i := range tries {
			d, n := openLong(t, uri, !own)
			if i == 0 || d < took {
				took = d
			}
			asked = n
		}
		return took, asked
	}
	shortTook, shortAsked := least(short)
	longTook, longAsked := least(long)
	t.Logf("%d runs: %v, %d questions; %d runs: %v, %d questions", longLogs, shortTook, shortAsked, each*longLogs, longTook, longAsked)
	if longAsked > shortAsked+1 { // the question for the database's size may come in between on a busy machine
		t.Errorf("%d questions for %d runs, %d for %d", longAsked, each*longLogs, shortAsked, longLogs)
	}
	// Times of some milliseconds say nothing beside other tests: they are looked at in full size, which runs alone.
	if *longRuns >= 1_000_000 && (longTook >= time.Second || longTook > 5*shortTook) {
		t.Errorf("%d runs took %v to open, want less than a second; %d took %v", each*longLogs, longTook, longLogs, shortTook)
	}
	// Such a history is as the engine makes them.
	lengthen(t, some, 3)
	s, err := Open(t.Context(), some, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	storetest.CheckConsistent(t, s)
	head, err := s.Head(t.Context(), storetest.ID("room"), storetest.ID("log 0"))
	if err != nil {
		t.Fatal(err)
	}
	readNewest(t, s, storetest.ID("room"), &head)
}

func openLong(t *testing.T, uri string, page bool) (time.Duration, uint64) {
	t.Helper()
	ctx := t.Context()
	began := time.Now()
	s, err := Open(ctx, uri, Options{})
	if err != nil {
		t.Fatal(err)
	}
	rooms, err := s.Rooms(ctx)
	if err != nil || len(rooms) != 1 {
		t.Fatalf("%d rooms, %v", len(rooms), err)
	}
	heads, err := s.Heads(ctx, rooms[0])
	if err != nil || len(heads) != longLogs {
		t.Fatalf("%d heads, %v", len(heads), err)
	}
	if page {
		readNewest(t, s, rooms[0], &heads[0])
	}
	took, asked := time.Since(began), s.answers.Load()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return took, asked
}

func readNewest(t *testing.T, s *Store, room wire.ID, head *store.Head) {
	t.Helper()
	if last, err := s.RunAt(t.Context(), room, head.Log, head.Last); err != nil || last.Last != head.Last {
		t.Fatalf("the newest run of a log: %d, %v; want %d", last.Last, err, head.Last)
	}
	n := 0
	for _, err := range s.ArrivalsBack(t.Context(), room, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 100 {
			break
		}
	}
}

// lengthen makes longLogs logs of so many runs, past the engine: by its own documents, in bulk.
func lengthen(t *testing.T, uri string, each int) {
	t.Helper()
	ctx := t.Context()
	s, err := Open(ctx, uri, Options{})
	if err != nil {
		t.Fatal(err)
	}
	first := storetest.NewRun("0", 1, 1, storetest.BenchRunSize)
	if err := s.Apply(ctx, &store.Batch{Runs: []store.Run{first}}); err != nil {
		t.Fatal(err)
	}
	room, err := s.room(ctx, first.Room)
	if err != nil {
		t.Fatal(err)
	}
	in, commit, arrival, number := inRoom(s.view, room.Number), s.last(), room.Arrival, room.Number+1
	var runs, heads []any
	flush := func(docs *[]any, into *mongo.Collection) {
		if len(*docs) == 0 {
			return
		}
		if _, err := into.InsertMany(ctx, *docs, unorderedInsert()); err != nil {
			t.Fatal(err)
		}
		*docs = (*docs)[:0]
	}
	for l := range longLogs {
		h := &headState{Number: number, Floor: 0, Note: []byte{}}
		if l > 0 {
			number++
			h.Number = number
		}
		for n := 1; n <= each; n++ {
			run := storetest.NewRun(fmt.Sprint(l), uint64(n), uint64(n), storetest.BenchRunSize)
			h.Author, h.Last, h.Link, h.Bytes = run.Author.String(), int64(n), run.Link.String(), h.Bytes+int64(len(run.Bytes))
			h.Received, h.Nanos = split(run.Received)
			if h.Arrival = 1; l > 0 || n > 1 {
				arrival++
				h.Arrival = arrival
				runs = append(runs, newRunDoc(in, h, commit, &run, uint64(arrival)))
			}
			if len(runs) == 5000 {
				flush(&runs, s.db.runs)
			}
		}
		if l > 0 {
			log := storetest.ID(fmt.Sprint("log ", l))
			heads = append(heads, &cell[headState]{
				ID: headKey(in, log), Name: Name{View: s.view, Room: first.Room.String(), Log: log.String()}, Commit: commit, Now: h,
			})
		} else if _, err := s.db.heads.UpdateOne(ctx, byID(headKey(in, first.Log)), bson.D{{Key: "$set", Value: bson.D{{Key: "now", Value: h}}}}); err != nil {
			t.Fatal(err)
		}
	}
	flush(&runs, s.db.runs)
	flush(&heads, s.db.heads)
	if _, err := s.db.rooms.UpdateOne(ctx, byID(roomKey(s.view, first.Room)), bson.D{{Key: "$set", Value: bson.D{{Key: "now.arrival", Value: arrival}}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.views.UpdateOne(ctx, byID(s.opt.View), bson.D{{Key: "$set", Value: bson.D{{Key: "number", Value: number}}}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
