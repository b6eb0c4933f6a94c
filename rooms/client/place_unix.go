//go:build unix

package client

import (
	"fmt"
	"os"
	"syscall"
)

// fileIdentity tells a file from any copy of it.
func fileIdentity(f *os.File) (device, inode uint64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, 0, fmt.Errorf("client: outbox: %w", err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, nil
	}
	return uint64(st.Dev), uint64(st.Ino), nil //nolint:unconvert // the types differ between systems
}
