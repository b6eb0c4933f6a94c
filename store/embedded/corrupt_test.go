package embedded_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"parley/store"
	"parley/store/embedded"
	"parley/store/storetest"
)

var flips = flag.Int("corrupt.flips", 6, "how many bits of each file are flipped, one at a time")

const damagedStore = "/store"

// wholeStore is a disk with a store that has files of every kind: sorted files, a write-ahead log
// with batches in it, and the small ones.
func wholeStore(t *testing.T) *vfs.MemFS {
	t.Helper()
	disk := vfs.NewCrashableMem()
	open := func() *embedded.Store {
		s, err := embedded.Open(damagedStore, embedded.Options{FS: disk})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	for i := range uint64(80) {
		if err := apply(t, s, storetest.NewRun("a", i+1, i+1, 60_000)); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	s = open()
	for i := range uint64(40) {
		b := &store.Batch{
			Runs:    []store.Run{storetest.NewRun("b", i+1, i+1, 300)},
			Records: []store.Record{{Room: storetest.ID("room"), Kind: store.KindEntry, ID: storetest.ID(fmt.Sprint(i)), Bytes: []byte("entry")}},
			Values:  []store.Value{{Key: fmt.Sprint("key ", i), Value: []byte("value")}},
		}
		if err := s.Apply(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	return disk
}

// listFiles lists the files below a folder of a disk.
func listFiles(t *testing.T, disk *vfs.MemFS, folder string) (files []string) {
	t.Helper()
	names, err := disk.List(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		name = path.Join(folder, name)
		info, err := disk.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			files = append(files, listFiles(t, disk, name)...)
		} else {
			files = append(files, name)
		}
	}
	return files
}

func readAll(t *testing.T, disk *vfs.MemFS, name string) []byte {
	t.Helper()
	file, err := disk.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// overwrite changes one byte of a file.
func overwrite(t *testing.T, disk *vfs.MemFS, name string, at int, value byte) {
	t.Helper()
	file, err := disk.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt([]byte{value}, int64(at)); err != nil {
		t.Fatal(err)
	}
}

// everything reads all that a store holds, as text, up to the first error.
func everything(t *testing.T, disk *vfs.MemFS) (text string, err error) {
	s, err := embedded.Open(damagedStore, embedded.Options{FS: disk})
	if err != nil {
		return "", err
	}
	defer s.Close()
	var b strings.Builder
	heads, err := s.Heads(t.Context(), storetest.ID("room"))
	if err != nil {
		return "", err
	}
	fmt.Fprintln(&b, heads)
	for run, err := range s.Arrivals(t.Context(), storetest.ID("room"), 0) {
		if err != nil {
			return "", err
		}
		fmt.Fprintln(&b, run.Log, run.First, run.Last, run.Link, run.Arrival, string(run.Bytes))
	}
	for record, err := range s.Records(t.Context(), storetest.ID("room"), store.KindEntry) {
		if err != nil {
			return "", err
		}
		fmt.Fprintln(&b, record)
	}
	for value, err := range s.Values(t.Context(), "") {
		if err != nil {
			return "", err
		}
		fmt.Fprintln(&b, value)
	}
	return b.String(), nil
}

// fileKind is what sort of file a name is of.
func fileKind(name string) string {
	name = path.Base(name)
	if kind, _, found := strings.Cut(name, "-"); found {
		return kind
	}
	if ext := path.Ext(name); ext != "" && !strings.HasPrefix(name, "marker") {
		return ext
	}
	return name
}

func TestAFlippedBitInAnyFileIsNoticedOrHasNoEffect(t *testing.T) {
	whole := wholeStore(t)
	want, err := everything(t, whole.CrashClone(vfs.CrashCloneCfg{}))
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	noticed, harmless := map[string]int{}, map[string]int{}
	for _, name := range listFiles(t, whole, damagedStore) {
		content := readAll(t, whole, name)
		kind := fileKind(name)
		for range min(len(content), *flips) {
			at, bit := rng.IntN(len(content)), rng.IntN(8)
			disk := whole.CrashClone(vfs.CrashCloneCfg{})
			overwrite(t, disk, name, at, content[at]^1<<bit)
			got, err := everything(t, disk)
			where := fmt.Sprintf("bit %d of byte %d of %d in %s", bit, at, len(content), name)
			switch {
			case err == nil && got == want:
				harmless[kind]++
			case err == nil:
				t.Errorf("%s: something else is read and nothing said", where)
			case !errors.Is(err, store.ErrCorrupt) && !errors.Is(err, store.ErrFormat):
				t.Errorf("%s: %v, want ErrCorrupt", where, err)
			default:
				noticed[kind]++
				if number, _, _ := strings.Cut(path.Base(name), "."); !strings.Contains(err.Error(), number) && kind != "FORMAT" || !strings.Contains(err.Error(), "backup") {
					t.Errorf("%s: %v; want the file's name and what to do", where, err)
				}
			}
		}
	}
	for _, kind := range []string{".sst", ".log", "MANIFEST", "OPTIONS", "FORMAT"} {
		if noticed[kind] == 0 || harmless[kind] > 0 && kind != ".sst" {
			t.Errorf("of %s files, %d changes were noticed and %d not", kind, noticed[kind], harmless[kind])
		}
	}
	t.Logf("noticed %v, harmless %v", noticed, harmless)
}
