package peer

import (
	"testing"

	"parley/store"
	"parley/wire"
)

func items(from, to uint64, size int) []wire.TailItem {
	var all []wire.TailItem
	for a := from; a <= to; a++ {
		all = append(all, wire.TailItem{Arrival: a, Run: make([]byte, size)})
	}
	return all
}

func storedUpTo(room wire.ID, arrival uint64) *store.Batch {
	return &store.Batch{Runs: []store.Run{{Room: room, Arrival: arrival}}}
}

func TestATailThatJoinsGetsWhatIsShownButNotStoredYet(t *testing.T) {
	h, room := newHub(), wire.Hash("room")
	h.show(room, items(1, 4, 10))
	h.stored(storedUpTo(room, 2))
	tl := h.join(room)
	h.show(room, items(5, 5, 10))
	got, lost := h.take(room, tl)
	if lost || len(got) != 3 || got[0].Arrival != 3 || got[2].Arrival != 5 {
		t.Fatalf("got %d items, lost %v: %+v", len(got), lost, got)
	}
}

func TestASlowTailLosesItsBufferAndNotTheRuns(t *testing.T) {
	h, room := newHub(), wire.Hash("room")
	tl := h.join(room)
	const size = maxTailBuffer / 4
	h.show(room, items(1, 6, size))
	h.stored(storedUpTo(room, 5))
	got, lost := h.take(room, tl)
	if !lost || got != nil {
		t.Fatalf("an overflow gave %d items, lost %v", len(got), lost)
	}
	// 1 to 5 are read from the store; 6 must come from the hub.
	got, lost = h.take(room, tl)
	if lost || len(got) != 1 || got[0].Arrival != 6 {
		t.Fatalf("after an overflow: %d items, lost %v", len(got), lost)
	}
}

func TestTheHubForgetsRoomsThatNobodyFollows(t *testing.T) {
	h, room := newHub(), wire.Hash("room")
	tl := h.join(room)
	h.show(room, items(1, 1, 1))
	h.leave(room, tl)
	h.stored(storedUpTo(room, 1))
	if len(h.rooms) != 0 {
		t.Fatalf("%d rooms are remembered", len(h.rooms))
	}
}

func TestOneOffenderIsLoggedOnceAMinute(t *testing.T) {
	var o offenders
	now := timeAt(0)
	if !o.first("192.0.2.1", now) || o.first("192.0.2.1", timeAt(59)) || !o.first("192.0.2.2", now) || !o.first("192.0.2.1", timeAt(60)) {
		t.Fatal("the log gets more or fewer lines than one a minute and source")
	}
	for i := range 3 * maxOffenders {
		o.first(string(rune(i))+"x", timeAt(61))
	}
	if len(o.seen) > maxOffenders {
		t.Fatalf("%d sources are remembered", len(o.seen))
	}
}
