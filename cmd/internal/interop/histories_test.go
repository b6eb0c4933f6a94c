//go:build interop

package interop

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"parley/cmd/internal/e2e"
	"parley/rooms"
	"parley/wire"
)

// Each of seeds makes histories many histories of rooms that both implementations decide.
const (
	seeds     = 2
	histories = 100
)

// A history is a line of testdata/nodeclient/histories.mjs: a room's entries in an
// order in which each stands behind those that it names, and what follows. IDs
// and records are in hex, lists of IDs in ascending order.
type history struct {
	Room    string              `json:"room"`
	Entries []entryLine         `json:"entries"`
	Roles   map[string]string   `json:"roles"`     // by user, with all entries held
	Epochs  []string            `json:"epochs"`    // the causally maximal that count
	Invites []string            `json:"invites"`   // live
	Removed []string            `json:"removed"`   // users
	Outside map[string][]string `json:"outsiders"` // by epoch that counts
	Writers map[string]writer   `json:"writers"`   // by user
	Runs    []runLine           `json:"runs"`      // all held, each behind the one before it
}

// A writer is how a user would write.
type writer struct {
	Heads  []string `json:"heads"`
	Epochs []string `json:"epochs"` // in which it may
}

type entryLine struct {
	Input   string `json:"input"`
	Refused bool   `json:"refused"`
}

type runLine struct {
	Input   string `json:"input"`
	Verdict string `json:"verdict"`
}

func TestBothImplementationsJudgeRandomHistoriesAlike(t *testing.T) {
	seen := map[string]int{}
	for seed := range seeds {
		compareHistories(t, strconv.Itoa(seed), seen)
	}
	for _, what := range []string{
		"held", "refused", "valid", "void", "pending", "reject", "forked", "removed", "live invite", "several epochs",
		"master", "admin", "member", "reader", "relay", "none",
	} {
		if seen[what] < histories/10 {
			t.Errorf("%s: %d times in %d histories: this compares too little (%v)", what, seen[what], seeds*histories, seen)
		}
	}
}

// compareHistories compares what both decide of a seed's histories, and counts in seen what occurred.
func compareHistories(t *testing.T, seed string, seen map[string]int) {
	t.Helper()
	r := e2e.Loopback(t, "node").Run("", "node", filepath.Join(client(t), "histories.mjs"), seed, strconv.Itoa(histories))
	if r.Code != 0 {
		t.Fatalf("histories.mjs: exit code %d: %s", r.Code, r.Err)
	}
	lines := bufio.NewScanner(strings.NewReader(r.Out))
	lines.Buffer(nil, 8<<20)
	n := 0
	for ; lines.Scan(); n++ {
		var h history
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
			t.Fatal(err)
		}
		if err := h.compare(seen); err != nil {
			t.Errorf("seed %s, history %d: %v", seed, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if n != histories {
		t.Errorf("%d histories of seed %s, want %d", n, seed, histories)
	}
}

// compare returns what Go decides otherwise than Node, and counts in seen what occurred.
func (h *history) compare(seen map[string]int) error {
	room, err := parseID(h.Room)
	if err != nil {
		return err
	}
	a := rooms.NewAuthority(room)
	differ := []error{h.addAll(a, seen)}
	is := func(what string, got, want any) {
		if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
			differ = append(differ, fmt.Errorf("%s: Go says %s, Node %s", what, g, w))
		}
	}
	now := a.Now()
	for user, role := range h.Roles {
		id, err := parseID(user)
		if err != nil {
			return err
		}
		is("role of "+user[:8], now.Role(id), role)
		heads := a.Heads(id, nil)
		is("heads of "+user[:8], hexes(heads, func(id wire.ID) wire.ID { return id }), h.Writers[user].Heads)
		is("epochs of "+user[:8], hexes(a.View(heads).Epochs(), entryID), h.Writers[user].Epochs)
		seen[role]++
	}
	is("epochs", hexes(now.Epochs(), entryID), h.Epochs)
	is("live invites", hexes(now.Invites(), func(i rooms.InviteView) wire.ID { return i.Entry.ID }), h.Invites)
	is("removed", hexes(now.Removed(), func(r rooms.Removal) wire.ID { return r.ID }), h.Removed)
	outside := map[string][]string{}
	for _, e := range now.AllEpochs() {
		outside[hex.EncodeToString(e.ID[:])] = hexes(now.Outsiders(e), func(id wire.ID) wire.ID { return id })
	}
	is("outsiders", outside, h.Outside)
	seen["live invite"] += len(h.Invites)
	seen["removed"] += len(h.Removed)
	if len(h.Epochs) > 1 {
		seen["several epochs"]++
	}
	logs := newLogs(a)
	for i, line := range h.Runs {
		r, err := parseRun(line.Input)
		if err != nil {
			return fmt.Errorf("run %d: %w", i, err)
		}
		logs.hold(r)
	}
	for i, r := range logs.order {
		verdict, why := logs.judge(r)
		is(fmt.Sprintf("run %d (%s, %d to %d, Go: %v)", i, hex.EncodeToString(r.Hash[:4]), r.First, r.Last(), why), verdict, h.Runs[i].Verdict)
		seen[h.Runs[i].Verdict]++
		if why == rooms.ReasonFork {
			seen["forked"]++
		}
	}
	return errors.Join(differ...)
}

func (h *history) addAll(a *rooms.Authority, seen map[string]int) error {
	var differ []error
	for i, line := range h.Entries {
		raw, err := hex.DecodeString(line.Input)
		if err != nil {
			return err
		}
		e, err := rooms.ParseEntry(raw)
		if err == nil {
			_, _, err = a.Add(e)
		}
		switch {
		case (err != nil) != line.Refused:
			differ = append(differ, fmt.Errorf("entry %d, %v: Go says %w, Node refused is %t", i, e, err, line.Refused))
		case err != nil:
			seen["refused"]++
		default:
			seen["held"]++
		}
	}
	return errors.Join(differ...)
}

func parseID(text string) (id wire.ID, err error) {
	raw, err := hex.DecodeString(text)
	if err == nil && len(raw) != len(id) {
		err = fmt.Errorf("an ID of %d bytes", len(raw))
	}
	copy(id[:], raw)
	return id, err
}

func hexes[T any](list []T, of func(T) wire.ID) []string {
	out := []string{}
	for _, v := range list {
		id := of(v)
		out = append(out, hex.EncodeToString(id[:]))
	}
	slices.Sort(out)
	return out
}

func entryID(e *rooms.Entry) wire.ID { return e.ID }
