//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/cmd/internal/e2e"
)

// The kick begins an epoch and ends the link: who stays reads on and comes back
// by its own right, who was kicked gets nothing more.
func TestANodeMemberGoesOnInARoomFromWhichAnotherIsKicked(t *testing.T) {
	r := newRoom(t)
	link := r.invite("--uses", "2")
	nora, mal := filepath.Join(t.TempDir(), "nora"), filepath.Join(t.TempDir(), "mal")
	kicked := node(t, r.Host, r.args(link, "--key", mal, "--name", "mal", "--send", "from mal"))[0].Author
	reader := r.Spawn(nil, r.args(link, "--key", nora, "--name", "nora", "--count", "3", "--timeout", "60"))
	e2e.Eventually(t, within, "the reader", func() error {
		if !strings.Contains(reader.Out.String(), "from mal") {
			return fmt.Errorf("it printed %q: %s", reader.Out.String(), reader.Err.Tail(1<<10))
		}
		return nil
	})
	before := epochs(t, r)
	r.MustParley("room", "kick", "ops", kicked)
	if after := epochs(t, r); after != before+1 {
		t.Errorf("%d epochs, and %d after the kick: want one more", before, after)
	}
	r.MustParley("send", "ops", "after the kick")

	again := node(t, r.Host, r.args(link, "--key", nora, "--send", "nora goes on"))
	if want := []string{"from mal", "after the kick", "nora goes on"}; !slices.Equal(texts(again), want) {
		t.Errorf("nora, back by a link that ended, printed %q, want %q", texts(again), want)
	}
	if code := reader.Wait(within); code != 0 {
		t.Fatalf("the reader: exit code %d:\n%s", code, reader.Err.Tail(4<<10))
	}
	printed, err := e2e.Lines[e2e.Message](reader.Out.String())
	if err != nil {
		t.Fatal(err)
	}
	held, err := r.History("ops")
	if err != nil {
		t.Fatal(err)
	}
	if err := same(printed, held); err != nil {
		t.Errorf("who read through the kick, against parley tail: %v", err)
	}
	for _, c := range []struct{ name, link, says string }{
		{"by the link that ended", link, "has a right in the room"},
		{"by a new link", r.invite(), "you were removed from this room: ask an admin to add you again"},
	} {
		got := r.Run("", r.args(c.link, "--key", mal, "--send", "no")...)
		if got.Code != 1 || !strings.Contains(got.Err, c.says) || got.Out != "" {
			t.Errorf("mal %s: exit code %d, %q, printed %q, want 1 and %q", c.name, got.Code, got.Err, got.Out, c.says)
		}
	}
}

func TestANodeMemberWhoIsMadeAnAdminOrAReaderActsAsOne(t *testing.T) {
	r := newRoom(t)
	link := r.invite()
	key := filepath.Join(t.TempDir(), "nora")
	nora := node(t, r.Host, r.args(link, "--key", key, "--name", "nora", "--send", "a member's"))[0].Author
	r.MustParley("room", "role", "ops", nora, "admin")
	got := r.Run("", r.args(link, "--key", key, "--send", "an admin's")...)
	if got.Code != 0 || !strings.Contains(got.Err, "joined ops as admin") {
		t.Errorf("exit code %d: %q, want one who joined as admin", got.Code, got.Err)
	}
	r.MustParley("room", "role", "ops", nora, "reader")
	got = r.Run("", r.args(link, "--key", key, "--send", "a reader's")...)
	if got.Code != 1 || !strings.Contains(got.Err, "a reader does not write") {
		t.Errorf("exit code %d: %q, want a reader that does not write", got.Code, got.Err)
	}
	held, err := r.History("ops")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a member's", "an admin's"}; !slices.Equal(texts(held), want) {
		t.Errorf("the room has %q, want %q", texts(held), want)
	}
}

func epochs(t *testing.T, r *room) int {
	t.Helper()
	var info struct {
		Epochs int `json:"epochs"`
	}
	if err := json.Unmarshal([]byte(r.MustParley("room", "info", "ops", "--json")), &info); err != nil {
		t.Fatal(err)
	}
	return info.Epochs
}
