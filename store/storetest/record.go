package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"parley/store"
)

func record(kind store.Kind, name string) store.Record {
	return store.Record{Room: ID("room"), Kind: kind, ID: ID(name), Bytes: []byte("bytes of " + name)}
}

func (h *harness) records(kind store.Kind) []store.Record {
	h.Helper()
	return collect(h, h.Store.Records(h.ctx(), ID("room"), kind))
}

var recordCases = []testCase{
	{"records are kept by kind, and listed in order", func(h *harness) {
		var entries []store.Record
		for i := range h.many(1200) {
			entries = append(entries, record(store.KindEntry, fmt.Sprint(i)))
		}
		h.apply(&store.Batch{Records: entries})
		h.apply(&store.Batch{Records: []store.Record{record(store.KindBox, "box"), record(store.KindProof, "7")}})
		slices.SortFunc(entries, func(a, b store.Record) int { return a.ID.Compare(b.ID) })
		got := h.records(store.KindEntry)
		if len(got) != len(entries) {
			h.Fatalf("%d entries, want %d", len(got), len(entries))
		}
		for i := range got {
			if got[i].ID != entries[i].ID || !bytes.Equal(got[i].Bytes, entries[i].Bytes) || got[i].Room != ID("room") || got[i].Kind != store.KindEntry {
				h.Fatalf("entry %d is %+v, want %+v", i, got[i], entries[i])
			}
		}
		if n := len(h.records(store.KindBox)); n != 1 {
			h.Errorf("%d boxes, want 1", n)
		}
		one, err := h.Store.Record(h.ctx(), ID("room"), store.KindProof, ID("7"))
		if err != nil || string(one.Bytes) != "bytes of 7" {
			h.Errorf("Record: %q, %v", one.Bytes, err)
		}
		if _, err := h.Store.Record(h.ctx(), ID("room"), store.KindBox, ID("7")); !errors.Is(err, store.ErrNotFound) {
			h.Errorf("the record of another kind: %v, want ErrNotFound", err)
		}
	}},
	{"a record may come again, but not with other bytes", func(h *harness) {
		h.apply(&store.Batch{Records: []store.Record{record(1, "r")}})
		h.apply(&store.Batch{Records: []store.Record{record(1, "r"), record(1, "r")}})
		forged := record(1, "r")
		forged.Bytes = []byte("forged")
		h.refuse(store.ErrConflict, &store.Batch{Records: []store.Record{forged}})
	}},
	{"a dropped record is gone and may come back", func(h *harness) {
		h.apply(&store.Batch{Records: []store.Record{record(1, "a"), record(1, "b")}})
		drop := &store.Batch{DropRecords: []store.Record{{Room: ID("room"), Kind: 1, ID: ID("a")}, {Room: ID("nowhere"), Kind: 1, ID: ID("a")}}}
		h.apply(drop)
		h.apply(drop)
		if got := h.records(1); len(got) != 1 || got[0].ID != ID("b") {
			h.Errorf("%d records left, want b alone", len(got))
		}
		h.apply(&store.Batch{Records: []store.Record{record(1, "a")}})
		if got := h.records(1); len(got) != 2 {
			h.Errorf("%d records, want 2", len(got))
		}
	}},
	{"a record of 1 MiB and one of nothing are kept", func(h *harness) {
		large, empty := record(1, "large"), record(1, "empty")
		large.Bytes = NewRun("a", 1, 1, store.MaxRecord).Bytes
		empty.Bytes = nil
		h.apply(&store.Batch{Records: []store.Record{large, empty}})
		got, err := h.Store.Record(h.ctx(), ID("room"), 1, ID("large"))
		if err != nil || !bytes.Equal(got.Bytes, large.Bytes) {
			h.Errorf("%d bytes of the large record, %v", len(got.Bytes), err)
		}
		if got, err := h.Store.Record(h.ctx(), ID("room"), 1, ID("empty")); err != nil || len(got.Bytes) != 0 {
			h.Errorf("the empty record: %q, %v", got.Bytes, err)
		}
		large.Bytes = append(large.Bytes, 0)
		h.refuse(store.ErrTooLarge, &store.Batch{Records: []store.Record{large}})
	}},
	{"a room with records alone is a room", func(h *harness) {
		h.apply(&store.Batch{Records: []store.Record{record(1, "genesis")}})
		if rooms, err := h.Store.Rooms(h.ctx()); err != nil || len(rooms) != 1 || rooms[0] != ID("room") {
			h.Errorf("rooms %v, %v", rooms, err)
		}
	}},
	{"records and runs follow the same drops in concurrent order", func(h *harness) {
		// Dropping and writing again in turn must end with what came last.
		for range 20 {
			h.apply(&store.Batch{Records: []store.Record{record(1, "r")}})
			h.apply(&store.Batch{DropRecords: []store.Record{record(1, "r")}})
		}
		if got := h.records(1); len(got) != 0 {
			h.Errorf("%d records left", len(got))
		}
	}},
}

var valueCases = []testCase{
	{"a value is set, replaced and deleted", func(h *harness) {
		set := func(value []byte) { h.apply(&store.Batch{Values: []store.Value{{Key: "k", Value: value}}}) }
		get := func() (string, error) { value, err := h.Store.Value(h.ctx(), "k"); return string(value), err }
		set([]byte("one"))
		set([]byte("two"))
		if value, err := get(); value != "two" || err != nil {
			h.Errorf("%q, %v", value, err)
		}
		set(nil)
		if _, err := get(); !errors.Is(err, store.ErrNotFound) {
			h.Errorf("after deletion: %v, want ErrNotFound", err)
		}
		set(nil)
		set([]byte{})
		if value, err := get(); value != "" || err != nil {
			h.Errorf("an empty value: %q, %v", value, err)
		}
	}},
	{"in one batch the later value of a key wins", func(h *harness) {
		h.apply(&store.Batch{Values: []store.Value{
			{Key: "a", Value: []byte("1")},
			{Key: "a", Value: []byte("2")},
			{Key: "b", Value: []byte("1")},
			{Key: "b", Value: nil},
			{Key: "c", Value: nil},
			{Key: "c", Value: []byte("3")},
		}})
		var got []string
		for _, value := range collect(h, h.Store.Values(h.ctx(), "")) {
			got = append(got, value.Key+string(value.Value))
		}
		if fmt.Sprint(got) != "[a2 c3]" {
			h.Errorf("values %v, want [a2 c3]", got)
		}
	}},
	{"values are listed by prefix, in order", func(h *harness) {
		var batch store.Batch
		count := h.many(1500)
		for i := range count {
			batch.Values = append(batch.Values, store.Value{Key: fmt.Sprintf("token/%04d", i), Value: []byte{byte(i)}})
		}
		for _, key := range []string{"token", "tokens", "token0", "tokem/1", "\xff", "\xff\xff", "\xff\xffa"} {
			batch.Values = append(batch.Values, store.Value{Key: key, Value: []byte("x")})
		}
		h.apply(&batch)
		for prefix, want := range map[string]int{"token/": count, "token/00": 100, "token": count + 3, "": count + 7, "\xff": 3, "\xff\xff": 2, "z": 0} {
			got := collect(h, h.Store.Values(h.ctx(), prefix))
			if len(got) != want {
				h.Errorf("%d values under %q, want %d", len(got), prefix, want)
			}
			if !slices.IsSortedFunc(got, func(a, b store.Value) int { return bytes.Compare([]byte(a.Key), []byte(b.Key)) }) {
				h.Errorf("values under %q out of order", prefix)
			}
		}
	}},
	{"a value of 1 MiB under a long key is kept, a larger one refused", func(h *harness) {
		key := string(bytes.Repeat([]byte("k"), store.MaxKey))
		value := NewRun("a", 1, 1, store.MaxValue).Bytes
		h.apply(&store.Batch{Values: []store.Value{{Key: key, Value: value}}})
		if got, err := h.Store.Value(h.ctx(), key); err != nil || !bytes.Equal(got, value) {
			h.Errorf("%d bytes, %v", len(got), err)
		}
		h.refuse(store.ErrTooLarge, &store.Batch{Values: []store.Value{{Key: key, Value: append(value, 0)}}})
		h.refuse(store.ErrTooLarge, &store.Batch{Values: []store.Value{{Key: key + "k", Value: nil}}})
	}},
}
