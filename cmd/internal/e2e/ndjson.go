package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// A Message is one line of `tail --json`.
type Message struct {
	Room     string `json:"room"`
	ID       string `json:"id"`
	Log      string `json:"log"`
	Seq      uint64 `json:"seq"`
	Author   string `json:"author"`
	Name     string `json:"name"`
	Time     string `json:"time"`
	Received string `json:"received"`
	Epoch    string `json:"epoch"`
	Text     string `json:"text"`
	Data     []byte `json:"data"`
}

// A Sent is one line of `send --json`.
type Sent struct {
	ID  string `json:"id"`
	Log string `json:"log"`
	Seq uint64 `json:"seq"`
}

// A Peer is one line of `peers --json`.
type Peer struct {
	ID       string `json:"id"`
	Address  string `json:"address"`
	State    string `json:"state"`
	Reason   string `json:"reason"`
	Since    string `json:"since"`
	Rooms    uint64 `json:"rooms"`
	Sent     uint64 `json:"sent"`
	Received uint64 `json:"received"`
}

// Connected tells whether the line is of a session.
func (p Peer) Connected() bool { return p.State == "connected" }

// Lines decodes whole lines of JSON; what follows the last newline, which a
// killed process may leave, is not one.
func Lines[T any](text string) ([]T, error) {
	var all []T
	for n := 1; ; n++ {
		line, rest, whole := strings.Cut(text, "\n")
		if !whole {
			return all, nil
		}
		var v T
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			return nil, fmt.Errorf("line %d: %q: %w", n, line, err)
		}
		all = append(all, v)
		text = rest
	}
}

// MustLines is Lines for output that has to be right.
func MustLines[T any](t testing.TB, text string) []T {
	t.Helper()
	all, err := Lines[T](text)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Peers asks the host's daemon for its sessions and sightings.
func (h *Host) Peers() ([]Peer, error) {
	h.t.Helper()
	r := h.Parley("peers", "--json")
	if r.Code != 0 {
		return nil, fmt.Errorf("%s: parley peers: exit code %d: %s", h.Name, r.Code, tail(r.Err))
	}
	return Lines[Peer](r.Out)
}

// Session returns the line of the session with a peer.
func (h *Host) Session(id string) (Peer, error) {
	h.t.Helper()
	peers, err := h.Peers()
	if err != nil {
		return Peer{}, err
	}
	for _, p := range peers {
		if p.ID == id && p.Connected() {
			return p, nil
		}
	}
	return Peer{}, fmt.Errorf("%s has no session with %s, only %+v", h.Name, id, peers)
}

// History returns all of a room as the host has it.
func (h *Host) History(room string) ([]Message, error) {
	h.t.Helper()
	r := h.Parley("tail", room, "--all", "--json")
	if r.Code != 0 {
		return nil, fmt.Errorf("%s: parley tail %s: exit code %d: %s", h.Name, room, r.Code, tail(r.Err))
	}
	return Lines[Message](r.Out)
}
