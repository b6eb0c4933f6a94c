package rooms

import (
	"testing"
	"time"

	"parley/wire"
)

// wantLog checks what of a log counts, and what of the room is hidden, on every node's disk.
func (n *simNet) wantLog(t *testing.T, when string, log wire.ID, room wire.ID, last uint64, hidden func(*simNode) uint64) {
	t.Helper()
	for _, nd := range n.nodes {
		if nd.headOf(room, log) != last || nd.hiddenOf(room) != hidden(nd) {
			t.Errorf("%s, %s: %d messages count and %d are hidden, want %d and %d", when, nd.name, nd.headOf(room, log), nd.hiddenOf(room), last, hidden(nd))
		}
	}
	n.inStep(t, room)
}

func nothing(*simNode) uint64 { return 0 }

func TestRunsCountAgainWhenTheStopThatEndedThemDoesNot(t *testing.T) {
	for _, told := range []bool{false, true} {
		n := newSim(t, 33, "a", "b", "c")
		a, b, c := n.nodes[0], n.nodes[1], n.nodes[2]
		n.mesh()
		kit := n.privateRoom(a, 0)
		u, x := kit.join(b), kit.join(c)
		kit.member(b) // so that the peer stays in the room when u does not
		n.run(3 * time.Second)
		appointment := kit.master.appoint(x)
		n.run(time.Second)
		u.refresh()
		for range 10 {
			u.write(2)
		}
		n.run(3 * time.Second)
		room, log := kit.link.Room, u.prev.Log
		x.remove(u, u.all[5])
		n.run(10 * time.Second)
		n.wantLog(t, "after the stop", log, room, 12, func(*simNode) uint64 { return 8 })
		if told {
			if got := u.notices(); len(got) != 1 || got[0].First != 13 || got[0].Last != 20 || got[0].Reason != uint64(ReasonRemoved) {
				t.Fatalf("told %+v", got)
			}
			u.notices(wire.Ref{Log: log, Number: 20})
		}
		// One peer is stopped while they do not count, one comes that never held them valid.
		b.crash()
		b.start()
		d := n.addNode("d", Config{})
		n.mesh()
		kit.added(d)
		n.run(5 * time.Second)
		n.wantLog(t, "with a newcomer", log, room, 12, func(nd *simNode) uint64 {
			if nd == d {
				return 0
			}
			return 8
		})
		shown := len(a.shown)
		kit.master.demote(appointment.ID, appointment.ID)
		n.run(20 * time.Second)
		n.wantLog(t, "after the demotion", log, room, 20, nothing)
		var again []uint64
		for _, it := range a.shown[shown:] {
			if run := n.parse([][]byte{it.Run})[0]; run.Log == log {
				again = append(again, run.First)
			}
		}
		if len(again) != 4 || again[0] != 13 || again[3] != 19 {
			t.Errorf("readers are shown again the runs from %v", again)
		}
		got := u.notices()
		switch {
		case !told && len(got) != 0:
			t.Errorf("the author is told %+v of what it was never told did not count", got)
		case told && (len(got) != 1 || !got[0].Counts || got[0].First != 13 || got[0].Last != 20):
			t.Errorf("the author is told %+v", got)
		}
		// And it holds after a restart, and the log goes on.
		b.crash()
		b.start()
		n.mesh()
		u.req = 0
		u.refresh()
		u.write(1)
		n.run(20 * time.Second)
		n.wantLog(t, "in the end", log, room, 21, nothing)
	}
}

func TestRunsOfAnAuthorWhoseAdmissionStopsCountingAreHiddenFromThereOn(t *testing.T) {
	n := newSim(t, 34, "a", "b", "c")
	a, b, c := n.nodes[0], n.nodes[1], n.nodes[2]
	n.mesh()
	kit := n.privateRoom(a, 0)
	w, x := kit.join(b), kit.join(c)
	kit.member(b)
	n.run(3 * time.Second)
	appointment := kit.master.appoint(x)
	n.run(time.Second)
	// The author writes before, and after the admin has made it a reader and a member again, under heads that change often.
	w.refresh()
	for i := range 40 {
		w.write(1 + i%3)
		if i%8 == 7 {
			kit.master.enter(func(at Place) (*Entry, error) {
				return NewEpoch(kit.master.key, at, make([]byte, 16), [EpochKeySize]byte{byte(i)})
			})
			n.run(time.Second)
			w.refresh()
		}
	}
	cut := x.add(w, RoleReader)
	x.add(w, RoleMember)
	n.run(time.Second)
	w.refresh()
	last := w.prev.Last()
	for i := range 40 {
		w.write(1 + i%3)
		if i%8 == 7 {
			kit.master.enter(func(at Place) (*Entry, error) {
				return NewEpoch(kit.master.key, at, make([]byte, 16), [EpochKeySize]byte{byte(i)})
			})
			n.run(time.Second)
			w.refresh()
		}
	}
	n.run(5 * time.Second)
	all := w.prev.Last()
	n.wantLog(t, "before", w.prev.Log, kit.link.Room, all, nothing)
	kit.master.demote(appointment.ID, cut.ID)
	n.run(10 * time.Second)
	n.wantLog(t, "after the demotion", w.prev.Log, kit.link.Room, last, func(*simNode) uint64 { return all - last })
	got := w.notices()
	if len(got) != 1 || got[0].First != last+1 || got[0].Last != all || got[0].Reason != uint64(ReasonReader) {
		t.Errorf("its author is told %+v", got)
	}
	for _, nd := range n.nodes {
		if r := nd.core.rooms[kit.link.Room]; r.judgedOn != r.auth.Len() {
			t.Errorf("%s has judged by %d of %d entries", nd.name, r.judgedOn, r.auth.Len())
		}
	}
}

func TestAPeerStoppedBetweenAnEntryAndItsConsequencesJudgesAtItsStart(t *testing.T) {
	n := newSim(t, 35, "a", "c")
	a, c := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	w, x := kit.join(c), kit.join(c)
	n.run(3 * time.Second)
	appointment := kit.master.appoint(x)
	n.run(time.Second)
	cut := x.add(w, RoleReader)
	x.add(w, RoleMember)
	n.run(time.Second)
	w.refresh()
	w.write(5)
	n.run(2 * time.Second)
	// The demotion gets to a's disk, and a stops before it has hidden anything.
	kit.master.refresh()
	at, err := kit.master.auth.NextOnChain(kit.master.key.ID(), n.now)
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewDemote(kit.master.key, at, appointment.ID, cut.ID, make([]byte, 16), [EpochKeySize]byte{3})
	if err != nil {
		t.Fatal(err)
	}
	n.cut(n.between(a, c))
	kit.master.request(&wire.Submit{Room: kit.link.Room, Entries: wire.List[wire.Bytes]{e.Raw}})
	if _, _, err := a.store.sync(len(a.store.waiting)); err != nil {
		t.Fatal(err)
	}
	a.crash()
	if a.headOf(kit.link.Room, w.prev.Log) != 5 {
		t.Fatal("the runs were hidden already: this tests nothing")
	}
	a.start()
	n.run(5 * time.Second)
	if got, hidden := a.headOf(kit.link.Room, w.prev.Log), a.hiddenOf(kit.link.Room); got != 0 || hidden != 5 {
		t.Errorf("%d messages count and %d are hidden, want 0 and 5", got, hidden)
	}
}

func TestAPeerStoppedTwiceBetweenAnEntryAndItsConsequencesJudgesAllLogs(t *testing.T) {
	n := newSim(t, 36, "a", "c")
	a, c := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	w, x := kit.join(c), kit.join(c)
	for range 6 { // whose logs are judged at once, since all of their runs have the same heads
		kit.join(c).write(1)
	}
	n.run(3 * time.Second)
	appointment := kit.master.appoint(x)
	n.run(time.Second)
	cut := x.add(w, RoleReader)
	x.add(w, RoleMember)
	n.run(time.Second)
	for i := range byte(2) { // under other heads each time: of these the store is asked
		w.refresh()
		w.write(5)
		kit.master.enter(func(at Place) (*Entry, error) {
			return NewEpoch(kit.master.key, at, make([]byte, 16), [EpochKeySize]byte{i})
		})
		n.run(2 * time.Second)
	}
	kit.master.refresh()
	at, err := kit.master.auth.NextOnChain(kit.master.key.ID(), n.now)
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewDemote(kit.master.key, at, appointment.ID, cut.ID, make([]byte, 16), [EpochKeySize]byte{3})
	if err != nil {
		t.Fatal(err)
	}
	n.cut(n.between(a, c))
	kit.master.request(&wire.Submit{Room: kit.link.Room, Entries: wire.List[wire.Bytes]{e.Raw}})
	for range 2 { // what was handed to the store gets there, and no more
		if _, _, err := a.store.sync(len(a.store.waiting)); err != nil {
			t.Fatal(err)
		}
		a.crash()
		a.start()
	}
	n.run(5 * time.Second)
	if got, hidden := a.headOf(kit.link.Room, w.prev.Log), a.hiddenOf(kit.link.Room); got != 0 || hidden != 10 {
		t.Errorf("%d messages count and %d are hidden, want 0 and 10", got, hidden)
	}
}
