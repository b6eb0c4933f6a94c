//go:build linux

package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestASmallDiskIsFullWhenItIsAndLargerWhenItIsMadeSo(t *testing.T) {
	h := New(t).Host("a", HostOpts{})
	h.SmallDisk("peer", 1<<20)
	file := filepath.Join(h.Folder("peer"), "file")
	if err := os.WriteFile(file, make([]byte, 2<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("2 MiB on a disk of 1 MiB: %v", err)
	}
	h.ResizeDisk("peer", 4<<20)
	if err := os.WriteFile(file, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatalf("2 MiB on a disk of 4 MiB: %v", err)
	}
}

func TestAFullDiskIsAnHonestErrorLosesNothingAcknowledgedAndIsOverByItself(t *testing.T) {
	const (
		disk     = 192 << 20
		lineSize = 8 << 10
		most     = 2 * disk / lineSize // lines: twice what fits
	)
	h := New(t).Host("a", HostOpts{})
	h.SmallDisk("peer", disk)
	d := h.Daemon()
	h.MustParley("room", "create", "ops")
	f := h.feed("ops")
	random := make([]byte, lineSize*3/4)
	for n := 0; n < most; n++ {
		_, _ = rand.Read(random)
		if f.write(fmt.Sprintf("%d ", n)+base64.StdEncoding.EncodeToString(random)) != nil {
			break
		}
	}
	f.close()
	if code := f.Wait(CommandWithin); code != 1 {
		t.Fatalf("a pipe into a full disk: exit code %d, want 1: %s", code, f.Err.Tail(2<<10))
	}
	complaint := strings.Split(strings.TrimSpace(f.Err.String()), "\n")
	if last := complaint[len(complaint)-1]; !strings.HasPrefix(last, "parley: ") || !strings.Contains(last, "the peer's disk is full; make room on the daemon's disk") {
		t.Errorf("a pipe into a full disk ends with %q, want one line that names the disk and says what to do", last)
	}
	for _, command := range [][]string{{"send", "ops", "one more"}, {"room", "create", "another"}, {"store", "check"}} {
		if r := h.Parley(command...); r.Code != 1 || strings.Count(r.Err, "\n") != 1 || !strings.Contains(r.Err, "disk is full") {
			t.Errorf("%q on a full disk: exit code %d: %s", command, r.Code, tail(r.Err))
		}
	}
	if r := h.Parley("tail", "ops", "-n", "1"); r.Code != 0 || r.Out == "" {
		t.Errorf("reading from a full disk: exit code %d: %s", r.Code, tail(r.Err))
	}
	said, err := f.acknowledged()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d lines of %d bytes were acknowledged on a disk of %d", len(said), lineSize, disk)
	if !d.Running() {
		t.Fatalf("the daemon has ended: %s", d.Err.Tail(4<<10))
	}

	h.ResizeDisk("peer", 4*disk)
	Eventually(t, findWithin, "it goes on by itself", func() error {
		if r := h.Parley("send", "ops", "there is room again"); r.Code != 0 {
			return fmt.Errorf("exit code %d: %s", r.Code, tail(r.Err))
		}
		return nil
	})
	all, err := h.History("ops")
	if err != nil {
		t.Fatal(err)
	}
	held := make(map[string]int, len(all))
	for _, m := range all {
		held[m.ID]++
	}
	for line, sent := range said {
		if held[sent.ID] != 1 {
			t.Errorf("%.20s… was acknowledged and is there %d times", line, held[sent.ID])
		}
	}
	if n := len(texts(all, "there is room again")); n != 1 {
		t.Errorf("what was sent afterwards is there %d times", n)
	}
	if err := identical("ops", d); err != nil {
		t.Error(err)
	}
	if !d.Running() {
		t.Error("the daemon has ended")
	}
	if r := h.Parley("store", "check"); r.Code != 0 || !strings.Contains(r.Out, "all as it should be") {
		t.Errorf("the store afterwards: exit code %d: %s%s", r.Code, tail(r.Out), tail(r.Err))
	}
}
