package rooms

import (
	"testing"

	"parley/wire"
)

// Whoever was an admin can sign entries for ever: none of them that does not
// count may keep the others from writing.
func TestAnEpochThatDoesNotCountTakesNoEpochFromWhoWrites(t *testing.T) {
	w := newWorld(newPeople(t), 0)
	counted := w.epoch("ada")
	behind := w.split()
	w.leave("bob")
	void := behind.epoch("bob")
	w.merge(behind)
	if w.err != nil {
		t.Fatal(w.err)
	}
	is := func(what string, list []*Entry, want *Entry) {
		t.Helper()
		if len(list) != 1 || list[0].ID != want.ID {
			t.Errorf("%s are %v, want the one that counts, %s", what, list, want.ID.Short())
		}
	}
	is("the epochs by everything held", w.Now().Epochs(), counted)
	heads := w.Heads(w.id("eve"), nil)
	is("the epochs by the heads of a writer", w.View(heads).Epochs(), counted)
	w.judged("a run in the epoch", Valid, w.run("eve", nil))
	if w.err != nil {
		t.Error(w.err)
	}
	if seen := w.View([]wire.ID{void.ID}).Epochs(); len(seen) != 0 {
		t.Errorf("who has seen the void epoch and names it may write in %v, want none", seen)
	}
}
