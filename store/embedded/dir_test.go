package embedded_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/store"
	"parley/store/embedded"
	"parley/store/storetest"
)

// TestMain lets the test binary be another process: one that opens a store and does something
// with it, as its environment says.
func TestMain(m *testing.M) {
	if path := os.Getenv("STORE_HELD_BY_CHILD"); path != "" {
		os.Exit(child(path))
	}
	if path := os.Getenv("STORE_FILLED_BY_CHILD"); path != "" {
		if err := filled(path); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// filled is what the other process does in the test of a full disk, where there is one.
var filled func(mount string) error

// child opens a store and holds it until its standard input ends.
func child(path string) int {
	runs, _ := strconv.Atoi(os.Getenv("STORE_MEMORY"))
	if runs > 0 {
		fmt.Println("before", resident())
	}
	s, err := embedded.Open(path, embedded.Options{})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer s.Close()
	if runs > 0 {
		return memory(s, runs)
	}
	fmt.Println("open")
	_, _ = os.Stdin.Read(make([]byte, 1))
	return 0
}

func mustFail(t *testing.T, path string, want error, words ...string) {
	t.Helper()
	s, err := embedded.Open(path, embedded.Options{})
	if err == nil {
		s.Close()
		t.Fatalf("Open succeeded, want an error with %q", words)
	}
	if want != nil && !errors.Is(err, want) {
		t.Errorf("Open: %v, want %v", err, want)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error %q does not say %q", err, word)
		}
	}
}

func TestASecondOpenerIsToldWhoHoldsTheStore(t *testing.T) {
	path := t.TempDir()
	s := onDisk(path).Open(t)
	pid := fmt.Sprint("process ", os.Getpid())
	mustFail(t, path, store.ErrLocked, pid)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err == nil {
		mustFail(t, link, store.ErrLocked, pid)
	}
	if err := apply(t, s, storetest.NewRun("a", 1, 1, 10)); err != nil {
		t.Errorf("the holder's Apply after others have tried: %v", err)
	}
	s.Close()
	onDisk(path).Open(t).Close()
}

func TestAnotherProcessIsNamedWhileItHoldsTheStoreAndNotMissedAfterwards(t *testing.T) {
	path := t.TempDir()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "STORE_HELD_BY_CHILD="+path)
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 100)
	n, _ := stdout.Read(line)
	if string(line[:n]) != "open\n" {
		t.Fatalf("the other process says %q", line[:n])
	}
	mustFail(t, path, store.ErrLocked, fmt.Sprint("process ", command.Process.Pid))
	var locked *store.LockedError
	if _, err := embedded.Open(path, embedded.Options{}); !errors.As(err, &locked) || locked.PID != command.Process.Pid {
		t.Errorf("Open: %v, want a LockedError with process %d", err, command.Process.Pid)
	}
	// Killed, it leaves the lock file, and no lock.
	_ = command.Process.Kill()
	_ = stdin.Close()
	_ = command.Wait()
	onDisk(path).Open(t).Close()
}

func TestAFolderOfOtherThingsIsRefusedAndLeftAlone(t *testing.T) {
	path := t.TempDir()
	for _, name := range []string{"thesis.tex", "photo.jpg", "a", "b", "c"} {
		if err := os.WriteFile(filepath.Join(path, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustFail(t, path, store.ErrFormat, "not empty", "a, b, c", "2 more")
	if names, _ := os.ReadDir(path); len(names) != 5 {
		t.Errorf("the folder has %d files now", len(names))
	}
	file := filepath.Join(path, "a")
	mustFail(t, file, nil, file)
}

func TestAStoreOfANewerFormatOrNoneOfOursIsRefused(t *testing.T) {
	path := t.TempDir()
	onDisk(path).Open(t).Close()
	format := filepath.Join(path, "FORMAT")
	for text, words := range map[string]string{
		"parley store embedded 2\n":  "newer",
		"parley store embedded 99\n": "format 99",
		"parley store embedded x\n":  "not a store",
		"something else\n":           "not a store",
		"":                           "not a store",
	} {
		if err := os.WriteFile(format, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		mustFail(t, path, store.ErrFormat, words)
	}
	if err := os.WriteFile(format, []byte("parley store embedded 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	onDisk(path).Open(t).Close()
}

func TestAStoreWithoutItsDataIsNotTakenForAnEmptyOne(t *testing.T) {
	path := t.TempDir()
	s := onDisk(path).Open(t)
	if err := apply(t, s, storetest.NewRun("a", 1, 1, 10)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	data := filepath.Join(path, "db")
	if err := os.Rename(data, data+".away"); err != nil {
		t.Fatal(err)
	}
	mustFail(t, path, store.ErrCorrupt, "backup")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	mustFail(t, path, store.ErrCorrupt, "backup")
}

func TestAStoreWhoseMakingWasInterruptedIsMadeAgain(t *testing.T) {
	path := t.TempDir()
	onDisk(path).Open(t).Close()
	if err := os.Remove(filepath.Join(path, "FORMAT")); err != nil {
		t.Fatal(err)
	}
	onDisk(path).Open(t).Close()
	if _, err := os.Stat(filepath.Join(path, "FORMAT")); err != nil {
		t.Error(err)
	}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // modes are not kept there
	}
	path := filepath.Join(t.TempDir(), "deep", "store")
	s := onDisk(path).Open(t)
	defer s.Close()
	storetest.Fill(t, s, 3, 20_000, 7) // enough for sorted files
	count := 0
	err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // deleted meanwhile
		}
		info, err := entry.Info()
		if err != nil {
			return nil
		}
		count++
		want := os.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		// LOCK is made by the locking call, and holds nothing.
		if info.Mode().Perm() != want && entry.Name() != "LOCK" {
			t.Errorf("%s has mode %v, want %v", name, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil || count < 8 {
		t.Errorf("%d files, %v", count, err)
	}
}

func TestADamagedFileIsNamedAndNothingWrongIsReturned(t *testing.T) {
	path := t.TempDir()
	s := onDisk(path).Open(t)
	storetest.Fill(t, s, 1, 30_000, 1000)
	s.Close()
	files, err := filepath.Glob(filepath.Join(path, "db", "*.sst"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no sorted files: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := 2000; i < len(content)-8000; i += 20_000 {
			content[i] ^= 0x40
		}
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var logged bytes.Buffer
	damaged, err := embedded.Open(path, embedded.Options{Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	if err != nil {
		if !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("Open: %v, want ErrCorrupt", err)
		}
		return
	}
	next, last := uint64(1), error(nil)
	for run, err := range damaged.Runs(t.Context(), storetest.ID("room"), storetest.ID("log 0"), 1) {
		if last = err; err != nil {
			break
		}
		if run.First != next {
			t.Fatalf("message %d is returned after %d", run.First, next-1)
		}
		next++
	}
	if !errors.Is(last, store.ErrCorrupt) {
		t.Errorf("reading a damaged store ended after %d runs with %v, want ErrCorrupt", next-1, last)
	}
	damaged.Close()
}

func TestTheDatabaseSaysNothingOnItsOwn(t *testing.T) {
	stderr, stdout := os.Stderr, os.Stdout
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stderr, os.Stdout = write, write
	s, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err == nil {
		storetest.Fill(t, s, 2, 10_000, 5)
		err = s.Close()
	}
	os.Stderr, os.Stdout = stderr, stdout
	write.Close()
	if err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 1000)
	if n, _ := read.Read(said); n != 0 {
		t.Errorf("it says %q", said[:n])
	}
}

func TestClosingLeavesNoGoroutineBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 3 {
		s := onDisk(t.TempDir()).Open(t)
		storetest.Fill(t, s, 2, 20_000, 5)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	f := newFaulty()
	s := f.open(t)
	f.set(noSpace)
	_, _ = writeUntil(t, s, "a", 1, 500)
	_ = s.Close()
	// Goroutines that have been told to end may still be on their way.
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
	}
}
