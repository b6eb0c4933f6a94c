//go:build !linux

package embedded_test

import "errors"

// fillDisk needs Linux: its test stands in tmpfs_linux_test.go, and nothing asks for it elsewhere.
func fillDisk(string) error { return errors.New("no small disk here") }
