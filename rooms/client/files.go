package client

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// writeFile replaces a file of the user's folder: 0600, whole or not at all.
// durable says whether it must survive the machine's sudden end as well as the
// process's.
func writeFile(path string, data []byte, durable bool) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*") // 0600
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	if _, err = f.Write(data); err == nil && durable {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("client: write %s: %w", filepath.Base(path), err)
	}
	return nil
}

// readFile reads a file of at most limit bytes. A missing one is nil, nil.
func readFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("client: %s has %d bytes, more than the %d it may have", path, info.Size(), limit)
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return b, nil
}
