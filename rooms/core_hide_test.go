package rooms

import (
	"testing"
	"time"

	"parley/store"
	"parley/wire"
)

// hiddenOf counts the messages that a node's disk has hidden of a room.
func (nd *simNode) hiddenOf(room wire.ID) (messages uint64) {
	if r := nd.store.rooms[HiddenRoom(room)]; r != nil {
		for _, runs := range r.runs {
			for _, run := range runs {
				messages += run.Last - run.First + 1
			}
		}
	}
	return messages
}

// headOf is up to where a node's disk has a log among what counts.
func (nd *simNode) headOf(room, log wire.ID) uint64 { return nd.store.room(room).heads[log].Last }

// notices are what a user's peer tells it about its messages.
func (u *simUser) notices(seen ...wire.Ref) (all []wire.Notice) {
	u.n.t.Helper()
	for _, r := range u.ask(&wire.NoticesGet{Room: u.room, Seen: seen}) {
		if m, ok := r.Msg.(*wire.Notices); ok {
			all = append(all, m.Notices...)
		}
	}
	return all
}

// leaveAt submits, at the master's peer, a leave of u that names its log up to a run; nil: does not name it.
func (k *simRoomKit) leaveAt(u *simUser, run *Run) {
	k.n.t.Helper()
	var pins []Pin
	if run != nil {
		pins = []Pin{{Log: run.Log, Number: run.Last(), Link: run.Hash}}
	}
	leave, err := NewLeave(u.key, u.auth.NextBeside(u.key.ID(), k.n.now), pins)
	if err != nil {
		k.n.t.Fatal(err)
	}
	m := *k.master
	m.done(m.ask(&wire.Submit{Room: k.link.Room, Entries: wire.List[wire.Bytes]{leave.Raw}}))
}

func TestRunsThatStopCountingAreHiddenAndTheirAuthorIsTold(t *testing.T) {
	for _, named := range []int{6, 0} {
		n := newSim(t, 32, "a", "b", "c")
		a, b, c := n.nodes[0], n.nodes[1], n.nodes[2]
		n.mesh()
		kit := n.privateRoom(a, 0)
		u := kit.join(b)
		kit.join(c)
		for range 10 {
			u.write(3)
		}
		n.run(3 * time.Second)
		n.cut(n.between(a, b))
		n.cut(n.between(b, c))
		if named > 0 {
			kit.leaveAt(u, u.all[named-1])
		} else {
			kit.leaveAt(u, nil)
		}
		u.write(1)
		n.run(time.Second)
		room, log := kit.link.Room, u.prev.Log
		n.mesh()
		n.run(30 * time.Second)
		last := uint64(3 * named)
		for _, nd := range n.nodes {
			want := 30 - last
			if nd == b {
				want++
			}
			if nd.headOf(room, log) != last || nd.hiddenOf(room) != want {
				t.Errorf("%s: %d messages count and %d are hidden, want %d and %d", nd.name, nd.headOf(room, log), nd.hiddenOf(room), last, want)
			}
		}
		before := b.core.rooms[room].messages
		b.crash()
		b.start()
		n.mesh()
		n.run(10 * time.Second)
		if b.headOf(room, log) != last || b.hiddenOf(room) != 31-last || b.core.rooms[room].messages != before {
			t.Errorf("after a restart %d messages count and %d are hidden", b.headOf(room, log), b.hiddenOf(room))
		}
		got := u.notices()
		if len(got) != 1 || got[0].Log != log || got[0].First != last+1 || got[0].Last != 31 || got[0].Counts || got[0].Reason != uint64(ReasonLeft) || got[0].Text != ReasonLeft.String() {
			t.Fatalf("its author is told %+v", got)
		}
		if again := u.notices(wire.Ref{Log: log, Number: 31}); len(again) != 0 {
			t.Errorf("told again after it was seen: %+v", again)
		}
		n.run(time.Second)
		b.crash()
		b.start()
		if again := u.notices(); len(again) != 0 {
			t.Errorf("told again after a restart: %+v", again)
		}
		if other := kit.master.notices(); len(other) != 0 {
			t.Errorf("another is told: %+v", other)
		}
	}
}

func TestWhatIsFoundOutWhileOtherRoomsAreStillReadIsNotLost(t *testing.T) {
	n := newSim(t, 46, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	u := kit.join(b)
	n.run(3 * time.Second)
	for range 5 {
		u.write(1)
	}
	n.run(time.Second)
	b.crash()
	stop := kit.master.remove(u, u.all[1])
	// Its disk has got the entry, and it was ended before it could do anything about it.
	b.store.room(u.room).records[recordKey(storeEntry, stop.ID)] = store.Record{Room: u.room, Kind: storeEntry, ID: stop.ID, Bytes: stop.Raw}
	b.life++
	b.core = New(b.cfg)
	b.step(Loaded{Rooms: []*RoomData{b.store.data(u.room, false)}})
	n.run(time.Second)
	b.step(Loaded{All: true})
	n.run(5 * time.Second)
	if last, _ := b.core.rooms[u.room].logs[u.prev.Log].effective(); last != 2 || b.headOf(u.room, u.prev.Log) != 2 || b.hiddenOf(u.room) != 3 {
		t.Errorf("the log counts up to %d, is held up to %d, and %d messages are hidden", last, b.headOf(u.room, u.prev.Log), b.hiddenOf(u.room))
	}
}

func TestWhatAFailedStoreHadToHideIsHiddenWhenTheRoomIsReadAnew(t *testing.T) {
	n := newSim(t, 47, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	u := kit.join(b)
	kit.added(b)
	n.run(3 * time.Second)
	for range 5 {
		u.write(1)
	}
	n.run(time.Second)
	n.cut(n.between(a, b))
	stop := kit.master.remove(u, nil) // none of it counts
	n.mesh()
	for i := 0; b.store.room(u.room).records[recordKey(storeEntry, stop.ID)].Bytes == nil; i++ {
		if n.run(10 * time.Microsecond); i > 100_000 {
			t.Fatal("the entry does not arrive")
		}
	}
	b.store.fail = 1 // of hiding what the entry ends
	n.run(10 * time.Second)
	if b.core.Stats().FailedBatches == 0 {
		t.Fatal("no write failed")
	}
	if b.headOf(u.room, u.prev.Log) != 0 || b.hiddenOf(u.room) < 5 { // and perhaps again what was moved when the store failed
		t.Errorf("the log is held up to %d, and %d messages are hidden", b.headOf(u.room, u.prev.Log), b.hiddenOf(u.room))
	}
}

func TestAFormerMembersPeerWhoseStoreFailedGetsTheLastWordAgain(t *testing.T) {
	n := newSim(t, 48, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	u := kit.join(b)
	n.run(3 * time.Second)
	u.write(1)
	n.run(time.Second)
	b.store.fail = 1
	stop := kit.master.remove(u, nil)
	n.run(10 * time.Second)
	if b.core.Stats().FailedBatches != 1 {
		t.Fatal("no write failed")
	}
	if !b.core.rooms[u.room].auth.Has(stop.ID) || len(u.notices()) != 1 {
		t.Error("neither the peer nor the user knows that it was removed")
	}
}

func TestOfTwoStopsThatNameDifferentRunsOfOneNumberNeitherIsWithinBoth(t *testing.T) {
	for _, order := range []bool{false, true} {
		n := newSim(t, 51, "a", "b", "c")
		a, b, c := n.nodes[0], n.nodes[1], n.nodes[2]
		n.mesh()
		kit := n.privateRoom(a, 0)
		u := kit.join(b)
		kit.added(b)
		kit.added(c)
		n.run(3 * time.Second)
		u.write(1)
		v := u.fork(c, 1)
		u.write(2)
		other := v.sign(2) // which nobody gets
		n.run(time.Second)
		n.cut(n.between(a, c))
		n.cut(n.between(b, c))
		leave := func() { kit.leaveAt(u, u.prev) }
		stop := func() { kit.master.remove(u, other) }
		if first, second := leave, stop; order {
			second()
			first()
		} else {
			first()
			second()
		}
		n.run(5 * time.Second)
		n.mesh() // c learns of both at once
		n.run(20 * time.Second)
		n.inStep(t, u.room)
		for _, nd := range n.nodes {
			if last, _ := nd.core.rooms[u.room].logs[u.prev.Log].effective(); last != 1 {
				t.Errorf("the stop first: %v: at %s the log counts up to %d", order, nd.name, last)
			}
		}
	}
}
