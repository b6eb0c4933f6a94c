package e2e

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// SmallDisk puts a folder of the host's home, which it makes, on a disk of its
// own (a tmpfs) of so many bytes.
func (h *Host) SmallDisk(of string, size int) {
	h.t.Helper()
	folder := h.Folder(of)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size)); err != nil {
		h.t.Fatalf("lab: a disk of %d bytes at %s: %v", size, folder, err)
	}
	h.t.Cleanup(func() { _ = unix.Unmount(folder, unix.MNT_DETACH) })
}

// ResizeDisk makes that disk larger or smaller.
func (h *Host) ResizeDisk(of string, size int) {
	h.t.Helper()
	if err := unix.Mount("", h.Folder(of), "", unix.MS_REMOUNT, fmt.Sprintf("size=%d", size)); err != nil {
		h.t.Fatalf("lab: %d bytes for the disk of %s: %v", size, h.Name, err)
	}
}
