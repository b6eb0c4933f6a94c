package client

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"

	"parley/handshake/identity"
	"parley/wire"
)

// The files `names` (rooms) and `petnames` (people) hold one line each: an ID,
// a space, and the name that the user gave it.

// readNames reads such a file. Lines that are none are left out: the user may
// edit it.
func readNames(path string) (map[wire.ID]string, error) {
	b, err := readFile(path, maxFileSize*16)
	if err != nil {
		return nil, err
	}
	return parseNames(b), nil
}

func parseNames(b []byte) map[wire.ID]string {
	names := make(map[wire.ID]string)
	for line := range bytes.Lines(b) {
		text, name, ok := strings.Cut(strings.TrimRight(string(line), "\r\n"), " ")
		id, err := wire.ParseID(text)
		if !ok || err != nil || checkName(name) != nil || len(names) >= maxNames {
			continue
		}
		names[id] = name
	}
	return names
}

func formatNames(names map[wire.ID]string) []byte {
	lines := make([]string, 0, len(names))
	for id, name := range names {
		lines = append(lines, id.String()+" "+name+"\n")
	}
	slices.Sort(lines)
	return []byte(strings.Join(lines, ""))
}

// changeNames edits such a file under its lock.
func changeNames(ctx context.Context, path string, change func(map[wire.ID]string) error) error {
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	if err := waitLock(ctx, lock); err != nil {
		return err
	}
	defer lock.Close()
	names, err := readNames(path)
	if err != nil {
		return err
	}
	if err := change(names); err != nil {
		return err
	}
	return writeFile(path, formatNames(names), true)
}

// checkName refuses names that could be taken for something else.
func checkName(name string) error {
	switch {
	case name == "" || strings.TrimSpace(name) != name || identity.CheckName(name) != nil:
		return fmt.Errorf("%w: %q: 1 to %d bytes of printable text without outer spaces", ErrBadName, name, identity.MaxName)
	case strings.ContainsAny(name, "@·"):
		return fmt.Errorf("%w: %q holds @ or ·, which mark people and networks", ErrBadName, name)
	case strings.EqualFold(name, LobbyName):
		return fmt.Errorf("%w: lobby is the network's open room", ErrBadName)
	case looksLikeID(name):
		return fmt.Errorf("%w: %q looks like an ID", ErrBadName, name)
	}
	return nil
}

// looksLikeID reports whether a name could be meant as the beginning of an ID:
// 16 or more of its characters with a digit among them.
func looksLikeID(name string) bool {
	return len(name) >= 2*minIDPrefix && idCharacters(name) && strings.ContainsAny(name, "234567")
}

func idCharacters(s string) bool {
	return len(s) <= wire.IDTextSize && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// freeName returns name, or name-2, name-3, … if another room has it.
func freeName(names map[wire.ID]string, room wire.ID, name string) string {
	taken := make(map[string]bool, len(names))
	for id, n := range names {
		if id != room {
			taken[n] = true
		}
	}
	free := name
	for i := 2; taken[free]; i++ {
		free = fmt.Sprintf("%s-%d", name, i)
	}
	return free
}

func (c *Client) namesPath() string { return filepath.Join(c.cfg.Dir, "names") }

// Lobby is the open room of the client's network.
func (c *Client) Lobby() Room { return Room{ID: c.lobby.id, Name: LobbyName, Open: true} }

// LocalRooms lists the rooms this home knows, the lobby first, then by name; of
// rooms of two those in which anything was begun.
func (c *Client) LocalRooms() ([]Room, error) {
	names, err := readNames(c.namesPath())
	if err != nil {
		return nil, err
	}
	list := make([]Room, 0, len(names)+1)
	for id, name := range names {
		list = append(list, Room{ID: id, Name: name})
	}
	pairs, err := c.pairs()
	if err != nil {
		return nil, err
	}
	for id, other := range pairs {
		list = append(list, c.pairNamed(id, other))
	}
	slices.SortFunc(list, func(a, b Room) int { return strings.Compare(a.Name, b.Name) })
	return append([]Room{c.Lobby()}, list...), nil
}

// Resolve finds a room by what a user types: a local name, lobby, lobby@NETWORK
// of the client's network, @PERSON for a room of two that was begun (Pair begins
// one), or at least 8 characters of an ID. It needs no daemon. Errors wrap
// ErrNoRoom, ErrNoPerson or ErrAmbiguous.
func (c *Client) Resolve(name string) (Room, error) {
	if network, ok := strings.CutPrefix(name, LobbyName+"@"); ok {
		if network != c.cfg.Network.Name {
			return Room{}, fmt.Errorf("%w: this home belongs to the network %q", ErrNoRoom, c.cfg.Network.Name)
		}
		return c.Lobby(), nil
	}
	if strings.HasPrefix(name, "@") {
		return c.resolvePair(name)
	}
	list, err := c.LocalRooms()
	if err != nil {
		return Room{}, err
	}
	var found []Room
	for _, r := range list {
		if r.Name == name {
			return r, nil
		}
		if len(name) >= minIDPrefix && strings.HasPrefix(r.ID.String(), name) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 0:
		return Room{}, fmt.Errorf("%w: %q", ErrNoRoom, name)
	case 1:
		return found[0], nil
	}
	return Room{}, fmt.Errorf("%w: %q begins the IDs of %d rooms", ErrAmbiguous, name, len(found))
}

// nameRoom gives a room its local name, or name-2 if another room has that.
func (c *Client) nameRoom(ctx context.Context, room wire.ID, name string) (Room, error) {
	if checkName(name) != nil {
		name = "room-" + room.Short() // a founder's name that could be taken for something else
	}
	var given string
	err := changeNames(ctx, c.namesPath(), func(names map[wire.ID]string) error {
		if given = names[room]; given != "" {
			return nil
		}
		given = freeName(names, room, name)
		names[room] = given
		return nil
	})
	if err == nil && given != name {
		c.notice("the room is called %s here: another room has the name %s", given, name)
	}
	return Room{ID: room, Name: given}, err
}
