package transfer_test

import (
	"testing"

	"parley/store"
	"parley/store/storetest"
	"parley/store/transfer"
	"parley/wire"
)

// content is a batch with one of everything, changed in one place.
func content(change func(b *store.Batch)) *store.Batch {
	b := &store.Batch{
		Runs:    []store.Run{storetest.NewRun("a", 5, 6, 10), storetest.NewRun("a", 7, 7, 10)},
		Records: []store.Record{{Room: storetest.ID("room"), Kind: store.KindBox, ID: storetest.ID("box"), Bytes: []byte("box")}},
		Values:  []store.Value{{Key: "key", Value: []byte("value")}},
	}
	b.Runs[1].Note = "note"
	change(b)
	return b
}

func TestEveryPartOfTheContentCountsInTheDigest(t *testing.T) {
	digest := func(change func(b *store.Batch)) transfer.Digest {
		s := open(t)
		apply(t, s, content(change))
		return sum(t, s).Digest
	}
	same := digest(func(*store.Batch) {})
	if digest(func(*store.Batch) {}) != same {
		t.Fatal("equal content has two digests")
	}
	if digest(func(b *store.Batch) { b.Values = append(b.Values, store.Value{Key: "transfer/x", Value: []byte{1}}) }) != same {
		t.Error("a copy's own value counts")
	}
	for name, change := range map[string]func(b *store.Batch){
		"a room": func(b *store.Batch) {
			b.Records = append(b.Records, store.Record{Room: storetest.ID("other"), Kind: store.KindBox})
		},
		"a log":           func(b *store.Batch) { b.Runs[0].Log, b.Runs[1].Log = wire.ID{1}, wire.ID{1} },
		"an author":       func(b *store.Batch) { b.Runs[0].Author, b.Runs[1].Author = wire.ID{1}, wire.ID{1} },
		"a first number":  func(b *store.Batch) { b.Runs[0].First = 4 },
		"a boundary":      func(b *store.Batch) { b.Runs[0].Last, b.Runs[1].First = 5, 6 },
		"a last number":   func(b *store.Batch) { b.Runs[1].Last = 8 },
		"an inner link":   func(b *store.Batch) { b.Runs[0].Link = wire.ID{1} },
		"a head's link":   func(b *store.Batch) { b.Runs[1].Link = wire.ID{1} },
		"an arrival":      func(b *store.Batch) { b.Runs[0].Arrival, b.Runs[1].Arrival = 1, 3 },
		"a time":          func(b *store.Batch) { b.Runs[0].Received++ },
		"a run's bytes":   func(b *store.Batch) { b.Runs[0].Bytes[3]++ },
		"a note":          func(b *store.Batch) { b.Runs[1].Note = "other" },
		"a record's kind": func(b *store.Batch) { b.Records[0].Kind = store.KindEntry },
		"a record's ID":   func(b *store.Batch) { b.Records[0].ID[0]++ },
		"a record":        func(b *store.Batch) { b.Records[0].Bytes[0]++ },
		"a key":           func(b *store.Batch) { b.Values[0].Key = "kez" },
		"a value":         func(b *store.Batch) { b.Values[0].Value[0]++ },
		"an empty value":  func(b *store.Batch) { b.Values = append(b.Values, store.Value{Key: "empty", Value: []byte{}}) },
	} {
		if digest(change) == same {
			t.Errorf("%s does not count", name)
		}
	}
}
