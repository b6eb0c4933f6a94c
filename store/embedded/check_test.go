package embedded_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"parley/store"
	"parley/store/embedded"
	"parley/store/storetest"
)

// edit changes a closed store's database behind its back.
func edit(t *testing.T, path string, change func(db *pebble.DB)) {
	t.Helper()
	if err := os.Remove(filepath.Join(path, "CLOSED")); err != nil { // it would tell
		t.Fatal(err)
	}
	db, err := pebble.Open(filepath.Join(path, "db"), &pebble.Options{FormatMajorVersion: pebble.FormatValueSeparation, Logger: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	change(db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(string, ...any) {}

// firstKey is the first key of a table, and its value.
func firstKey(t *testing.T, db *pebble.DB, table byte) (key, value []byte) {
	t.Helper()
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{table}, UpperBound: []byte{table + 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	if !it.First() {
		t.Fatalf("table %c is empty", table)
	}
	return append([]byte(nil), it.Key()...), append([]byte(nil), it.Value()...)
}

func tableFindings(t *testing.T, path string) (found []string) {
	t.Helper()
	s, err := embedded.Open(path, embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Check(t.Context(), func(what string) bool {
		found = append(found, what)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestTheDatabasesOwnTablesAreCompared(t *testing.T) {
	drop := func(table byte) func(*testing.T, *pebble.DB) {
		return func(t *testing.T, db *pebble.DB) {
			key, _ := firstKey(t, db, table)
			if err := db.Delete(key, pebble.Sync); err != nil {
				t.Fatal(err)
			}
		}
	}
	rewrite := func(table byte, change func(key, value []byte) ([]byte, []byte)) func(*testing.T, *pebble.DB) {
		return func(t *testing.T, db *pebble.DB) {
			key, value := firstKey(t, db, table)
			key, value = change(key, value)
			if err := db.Set(key, value, pebble.Sync); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, test := range []struct {
		name   string
		change func(*testing.T, *pebble.DB)
		says   string
	}{
		{"nothing", func(*testing.T, *pebble.DB) {}, ""},
		{"an arrival is gone", drop('a'), "is not listed"},
		{"a run is gone", drop('r'), "which is not held"},
		{"a log's name is gone", drop('N'), "is the name of another or of none"},
		{"a head is gone", drop('H'), "its head says otherwise"},
		{"a room is gone", drop('R'), "which is none"},
		{"an arrival leads elsewhere", rewrite('a', func(k, v []byte) ([]byte, []byte) { v[15]++; return k, v }), "arrival 1"},
		{"a run has another arrival", rewrite('r', func(k, v []byte) ([]byte, []byte) { v[41] += 5; return k, v }), "arrived as"},
		{"a run is cut", rewrite('r', func(k, v []byte) ([]byte, []byte) { return k, v[:20] }), "cut short"},
		{"a record of no room", rewrite('C', func(k, v []byte) ([]byte, []byte) { k[4]++; return k, v }), "room number"},
		{"a key of no table", rewrite('V', func(k, v []byte) ([]byte, []byte) { k[0] = 'z'; return k, v }), "of no table"},
		{"a counter goes back", rewrite('M', func(_, v []byte) ([]byte, []byte) { return []byte("Mnextroom"), make([]byte, 8) }), "the next one is 0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := t.TempDir()
			s := onDisk(path).Open(t)
			storetest.Fill(t, s, 2, 20, 1)
			b := &store.Batch{
				Records: []store.Record{{Room: storetest.ID("room"), Kind: store.KindEntry, ID: storetest.ID("r")}},
				Values:  []store.Value{{Key: "k", Value: []byte("v")}},
			}
			if err := s.Apply(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			s.Close()
			edit(t, path, func(db *pebble.DB) { test.change(t, db) })
			found := tableFindings(t, path)
			if test.says == "" && len(found) > 0 || test.says != "" && !strings.Contains(strings.Join(found, "\n"), test.says) {
				t.Errorf("found %q, want %q", found, test.says)
			}
		})
	}
}
