package home

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"parley/wire"
)

// WriteAddress tells the commands of this home where the daemon listens and
// who it is. The daemon calls it when it is ready.
func (h *Home) WriteAddress(addr string, peer wire.ID) error {
	return WriteFile(h.AddressPath(), []byte(addr+" "+peer.String()+"\n"))
}

// RemoveAddress takes the address back. A file that a killed daemon left is
// harmless: its readers require the peer's ID.
func (h *Home) RemoveAddress() error {
	if err := os.Remove(h.AddressPath()); err != nil && !missing(err) {
		return fmt.Errorf("home: %w", err)
	}
	return nil
}

// ReadAddress returns where this home's daemon said it listens; ErrNoAddress
// if it did not.
func (h *Home) ReadAddress() (addr string, peer wire.ID, err error) {
	b, err := readPrivate(h.AddressPath())
	if missing(err) {
		return "", peer, ErrNoAddress
	}
	if err != nil {
		return "", peer, fmt.Errorf("home: %w", err)
	}
	return parseAddress(b)
}

func parseAddress(b []byte) (addr string, peer wire.ID, err error) {
	addr, id, ok := strings.Cut(strings.TrimSuffix(string(b), "\n"), " ")
	if !ok {
		return "", peer, fmt.Errorf("home: the address file is no address and ID: %w", ErrNoAddress)
	}
	if _, _, err = net.SplitHostPort(addr); err != nil {
		return "", peer, fmt.Errorf("home: the address file: %w", err)
	}
	if peer, err = wire.ParseID(id); err != nil {
		return "", peer, fmt.Errorf("home: the address file: %w", err)
	}
	return addr, peer, nil
}

// RegisterLocalUser makes user one of this home's users, whom a daemon with the
// policy `local` serves. Registration is being able to write the home.
func (h *Home) RegisterLocalUser(user wire.ID) error {
	dir := filepath.Join(h.PeerDir(), "users.d")
	if err := makePrivateDir(dir); err != nil {
		return err
	}
	path := filepath.Join(dir, user.String())
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return WriteFile(path, nil)
}

// IsLocalUser reports whether user is registered in this home.
func (h *Home) IsLocalUser(user wire.ID) bool {
	_, err := os.Stat(filepath.Join(h.PeerDir(), "users.d", user.String()))
	return err == nil
}
