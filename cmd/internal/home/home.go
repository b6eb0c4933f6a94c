// Package home is the folder in which a user and a peer keep their state: its
// place, file names, permissions, locks and key files.
//
//	network              name and secret of the network, 0600 (identity.Network's file)
//	user/key             the user's key
//	user/…               what rooms/client keeps (its package documentation)
//	user/agent.lock      held by the agent
//	peer/key             the peer's key
//	peer/lock            held by the daemon
//	peer/address         "ADDR ID" of the daemon while it runs, 0600
//	peer/store           the daemon's store
//	peer/users.d/ID      users registered through this home, for the policy `local`
//
// Folders are 0700 and files 0600: whoever can write here is the user.
package home

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/adrg/xdg"
)

// The environment variables that the package reads.
const (
	EnvHome       = "PARLEY_HOME"
	EnvPassphrase = "PARLEY_PASSPHRASE"
)

// Errors of this package. What they are wrapped in says what to do.
var (
	// ErrPermissions says that a folder is open to other users.
	ErrPermissions = errors.New("home: others may read or write the folder")
	// ErrNoAddress says that no daemon of this home has written its address.
	ErrNoAddress = errors.New("home: no daemon runs here")
	// ErrPassphrase says that a key is protected and that no passphrase was given.
	ErrPassphrase = errors.New("home: the key is protected by a passphrase")
)

// A Home is an opened home folder.
type Home struct{ dir string }

// Default is the home folder to use when none is named: $PARLEY_HOME, else
// `parley` in the XDG data folder.
func Default() string {
	if dir := os.Getenv(EnvHome); dir != "" {
		return dir
	}
	return filepath.Join(xdg.DataHome, "parley")
}

// Open opens the home in dir ("": Default), making it and its two folders
// where they are missing. It refuses folders that other users can enter.
func Open(dir string) (*Home, error) {
	if dir == "" {
		dir = Default()
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("home: %w", err)
	}
	h := &Home{dir: dir}
	for _, d := range []string{dir, h.UserDir(), h.PeerDir()} {
		if err := makePrivateDir(d); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// Dir is the home folder itself.
func (h *Home) Dir() string { return h.dir }

// UserDir is the user's folder: client.Config.Dir.
func (h *Home) UserDir() string { return filepath.Join(h.dir, "user") }

// PeerDir is the peer's folder.
func (h *Home) PeerDir() string { return filepath.Join(h.dir, "peer") }

// StoreDir is where the daemon keeps its store.
func (h *Home) StoreDir() string { return filepath.Join(h.PeerDir(), "store") }

// UserKeyPath is the user's key file.
func (h *Home) UserKeyPath() string { return filepath.Join(h.UserDir(), "key") }

// PeerKeyPath is the peer's key file.
func (h *Home) PeerKeyPath() string { return filepath.Join(h.PeerDir(), "key") }

// NetworkPath is the network's file.
func (h *Home) NetworkPath() string { return filepath.Join(h.dir, "network") }

// AddressPath is the file by which commands find the daemon.
func (h *Home) AddressPath() string { return filepath.Join(h.PeerDir(), "address") }

func makePrivateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("home: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("home: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%w: %s has mode %04o; chmod 700 %s", ErrPermissions, dir, info.Mode().Perm(), dir)
	}
	return nil
}

// WriteFile replaces a file of the home: 0600, whole or not at all, durable
// when it returns.
func WriteFile(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*") // 0600
	if err != nil {
		return fmt.Errorf("home: %w", err)
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("home: write %s: %w", filepath.Base(path), err)
	}
	return nil
}

// readPrivate reads a file of at most maxFile bytes; a missing one is fs.ErrNotExist.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("home: %s has %d bytes, more than such a file holds", path, info.Size())
	}
	return os.ReadFile(path)
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
