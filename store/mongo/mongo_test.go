package mongo_test

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/store"
	"parley/store/mongo"
	"parley/store/mongo/mongotest"
	"parley/store/storetest"
)

// onServer is a view of a database.
type onServer struct{ uri, view string }

func (e onServer) Open(t *testing.T) store.Store {
	t.Helper()
	return open(t, e.uri, mongo.Options{View: e.view})
}

// modest is a view of a database of FerretDB, which reads a collection whole to find a document by anything
// but its _id, at about 4,000 documents a second.
type modest struct{ onServer }

func (modest) LongLog() int { return 300 }

func open(t testing.TB, uri string, opt mongo.Options) *mongo.Store {
	t.Helper()
	s, err := mongo.Open(t.Context(), uri, opt)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s
}

// databases returns a function that names a new database each time, on a server of the test's own or on the one
// that the environment names, where it is dropped at the end.
func databases(t testing.TB) func(testing.TB) string {
	t.Helper()
	var n atomic.Int64
	base := os.Getenv(mongotest.URIEnv)
	run := fmt.Sprintf("parley_test_%d_%d", os.Getpid(), time.Now().UnixNano())
	if base == "" {
		server := mongotest.Start(t)
		return func(testing.TB) string { return server.URI(fmt.Sprintf("%s_%d", run, n.Add(1))) }
	}
	scheme, rest, _ := strings.Cut(base, "://")
	rest, query, _ := strings.Cut(rest, "?")
	hosts, _, _ := strings.Cut(rest, "/")
	return func(t testing.TB) string {
		uri := fmt.Sprintf("%s://%s/%s_%d?%s", scheme, hosts, run, n.Add(1), query)
		t.Cleanup(func() { mongo.DropForTest(t, uri) })
		return uri
	}
}

func TestTheMongoStoreConforms(t *testing.T) {
	database := databases(t)
	storetest.Run(t, func(t *testing.T) storetest.Engine {
		e := onServer{database(t), "view"}
		if os.Getenv(mongotest.URIEnv) == "" {
			return modest{e}
		}
		return e
	})
}

// Against FerretDB the scans of 200,000 runs take hours, and its figures are those of a server that does not wait for the disk. Both engines
// side by side, in seconds:
//
//	go test ./store/embedded ./store/mongo -run '^$' -bench Store/append -benchtime 100x
func BenchmarkStore(b *testing.B) {
	database := databases(b)
	storetest.Benchmark(b, func(b *testing.B) store.Store { return open(b, database(b), mongo.Options{}) })
}
