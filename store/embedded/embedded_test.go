package embedded_test

import (
	"testing"

	"parley/store"
	"parley/store/embedded"
	"parley/store/storetest"
)

// onDisk is a store in a temporary folder.
type onDisk string

func (path onDisk) Open(t *testing.T) store.Store {
	t.Helper()
	s, err := embedded.Open(string(path), embedded.Options{})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s
}

func TestTheEmbeddedStoreConforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Engine { return onDisk(t.TempDir()) })
}

func BenchmarkStore(b *testing.B) {
	storetest.Benchmark(b, func(b *testing.B) store.Store {
		s, err := embedded.Open(b.TempDir(), embedded.Options{})
		if err != nil {
			b.Fatal(err)
		}
		return s
	})
}
