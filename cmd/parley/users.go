package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"parley/cmd/internal/home"
	"parley/wire"
)

// users is the policy of --users.
type users struct {
	home   *home.Home
	policy string // "local", "any" or a file
	listed atomic.Pointer[map[wire.ID]bool]
}

func newUsers(h *home.Home, policy string) (*users, error) {
	u := &users{home: h, policy: policy}
	return u, u.reload()
}

// reload reads the list again. On failure the one read before stays.
func (u *users) reload() error {
	if u.policy == "local" || u.policy == "any" {
		return nil
	}
	lines, err := readLines(u.policy)
	if err != nil {
		return advise(fmt.Errorf("--users: %w", err), "give local, any, or a file with an ID on each line")
	}
	listed := make(map[wire.ID]bool)
	for _, line := range lines {
		text, _, _ := strings.Cut(line, " ")
		id, err := wire.ParseID(text)
		if err != nil {
			return advise(fmt.Errorf("--users %s: %q is not an ID", u.policy, text), "parley id prints a user's")
		}
		listed[id] = true
	}
	u.listed.Store(&listed)
	return nil
}

// Allowed implements peer.Users.
func (u *users) Allowed(id wire.ID) bool {
	switch u.policy {
	case "any":
		return true
	case "local":
		return u.home.IsLocalUser(id)
	}
	return (*u.listed.Load())[id]
}

// String implements peer.Users.
func (u *users) String() string {
	switch u.policy {
	case "any":
		return "any user of its network"
	case "local":
		return "the users of its own home"
	}
	return "the users on its list"
}

// static gathers the peers of the flags and of the file peer/peers.
func (f *peerFlags) static(h *home.Home) ([]string, error) {
	path := filepath.Join(h.PeerDir(), "peers")
	lines, err := readLines(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f.Peer, nil
	}
	if err != nil {
		return nil, err
	}
	all := append([]string(nil), f.Peer...)
	for _, line := range lines {
		if _, _, err := net.SplitHostPort(line); err != nil {
			return nil, advise(fmt.Errorf("%s: %q is not HOST:PORT", path, line), "give one peer a line")
		}
		all = append(all, line)
	}
	return all, nil
}

// readLines reads the lines of a file that are neither empty nor comments.
func readLines(path string) ([]string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var lines []string
	s := bufio.NewScanner(bytes.NewReader(raw))
	for s.Scan() {
		if line := strings.TrimSpace(s.Text()); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return lines, nil
}
