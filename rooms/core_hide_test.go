package rooms

import (
	"testing"
	"time"

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
