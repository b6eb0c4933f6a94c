package rooms

import (
	"testing"
	"time"

	"parley/wire"
)

func (n *simNet) wantRooms(check func(nd *simNode, r *room)) {
	for _, nd := range n.nodes {
		check(nd, nd.core.rooms[n.lobby()])
	}
}

// diskMessages counts the messages of a room on a node's disk, and its runs' bytes.
func (nd *simNode) diskMessages(room wire.ID) (msgs, bytes uint64) {
	for _, runs := range nd.store.room(room).runs {
		for _, r := range runs {
			msgs += r.Last - r.First + 1
			bytes += uint64(len(r.Bytes))
		}
	}
	return msgs, bytes
}

func TestAnOpenRoomKeepsTheNewestWithinItsLimits(t *testing.T) {
	n := newSim(t, 20)
	limits := OpenLimits{Bytes: 60_000, Age: time.Hour, Logs: 50, AuthorBytes: 20_000}
	for _, name := range []string{"a", "b"} {
		n.addNode(name, Config{Open: limits})
	}
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	u, v := n.user(a, n.lobby()), n.user(b, n.lobby())
	for range 300 {
		u.write(1)
		v.write(2)
		n.run(10 * time.Millisecond)
	}
	n.run(10 * time.Second)
	n.wantRooms(func(nd *simNode, r *room) {
		msgs, bytes := nd.diskMessages(r.id)
		if bytes > limits.Bytes || bytes < 30_000 || msgs != r.messages || bytes != r.bytes || bytes != r.open.bytes {
			t.Errorf("%s keeps %d messages of %d bytes; it counts %d of %d and %d", nd.name, msgs, bytes, r.messages, r.bytes, r.open.bytes)
		}
		for _, w := range []*simUser{u, v} {
			h := nd.store.room(r.id).heads[w.prev.Log]
			if h.Last != w.prev.Last() || h.Floor == 0 || h.Bytes > limits.AuthorBytes {
				t.Errorf("%s keeps %d–%d of a log that goes to %d", nd.name, h.Floor, h.Last, w.prev.Last())
			}
		}
	})
	// A newcomer starts at the floors that are offered.
	c := n.addNode("c", Config{Open: limits})
	n.mesh()
	n.run(5 * time.Second)
	if c.stateOf(n.lobby()) != a.stateOf(n.lobby()) {
		t.Error("a newcomer does not have what the others keep")
	}
	if !c.core.rooms[n.lobby()].links[0].inStep() {
		t.Error("a newcomer with the same logs is not in step")
	}
	// What a peer missed beyond the others' floor is not asked for: it starts again.
	n.cut(n.between(a, c))
	n.cut(n.between(b, c))
	for range 100 {
		u.write(1)
		n.run(20 * time.Millisecond)
	}
	n.run(time.Second)
	n.mesh()
	n.run(5 * time.Second)
	if c.stateOf(n.lobby()) != a.stateOf(n.lobby()) {
		t.Error("a peer that missed more than is kept does not start again at the floor")
	}
	n.checkBooks() // of what it forgot to start again, too
	// All of it ages away, restarts do not bring it back, and writers go on.
	for range 3 {
		n.run(40 * time.Minute)
		c.crash()
		c.start()
		n.mesh()
		n.run(time.Second)
	}
	n.run(time.Minute)
	n.wantRooms(func(nd *simNode, r *room) {
		if msgs, _ := nd.diskMessages(r.id); msgs != 0 || r.messages != 0 || len(r.logs) != 0 {
			t.Errorf("%s still has %d messages after their time", nd.name, msgs)
		}
	})
	u.req = 0
	u.write(1)
	n.run(2 * time.Second)
	n.wantRooms(func(nd *simNode, r *room) {
		if h := nd.store.room(r.id).heads[u.prev.Log]; h.Last != u.prev.Last() {
			t.Errorf("%s does not have the message that continues a log that was let go", nd.name)
		}
	})
}

func TestAnInsiderWithManyIdentitiesBloatsNobodyAndStarvesNobody(t *testing.T) {
	n := newSim(t, 21)
	n.codec = false
	limits := OpenLimits{Logs: 400, LogRate: 60, LogMax: 300, Bytes: 1 << 20}
	evil := n.addNode("evil", Config{Open: OpenLimits{Logs: 1 << 20, Bytes: 1 << 40, AuthorBytes: 1 << 40}})
	a, b := n.addNode("a", Config{Open: limits}), n.addNode("b", Config{Open: limits})
	n.mesh()
	u, v := n.user(a, n.lobby()), n.user(b, n.lobby())
	honest := 0
	for range 40 {
		for range 100 { // 4,000 identities
			n.user(evil, n.lobby()).write(1)
		}
		u.write(1)
		v.write(1)
		honest++
		n.run(250 * time.Millisecond)
		for _, nd := range []*simNode{a, b} {
			for _, w := range []*simUser{u, v} {
				if h := nd.store.room(n.lobby()).heads[w.prev.Log]; h.Last != w.prev.Last() {
					t.Fatalf("after %d messages %s lacks an honest one: %d of %d", honest, nd.name, h.Last, w.prev.Last())
				}
			}
		}
	}
	n.run(10 * time.Second)
	for _, nd := range []*simNode{a, b} {
		r := nd.core.rooms[n.lobby()]
		if len(r.logs) > limits.Logs || len(nd.store.room(r.id).heads) > limits.Logs {
			t.Errorf("%s holds %d logs, %d on disk", nd.name, len(r.logs), len(nd.store.room(r.id).heads))
		}
		if len(r.logs) < limits.Logs*9/10 {
			t.Errorf("%s lets go of too much: %d logs are left", nd.name, len(r.logs))
		}
		if len(r.open.authors) > limits.Logs || len(r.wants) > limits.Logs || r.parkedCount > 100 {
			t.Errorf("%s remembers %d authors, %d wants, %d parked runs", nd.name, len(r.open.authors), len(r.wants), r.parkedCount)
		}
		if l := r.links[0]; len(l.marks) > maxMarks || len(l.ahead) > maxMarks {
			t.Errorf("%s remembers %d and %d marks", nd.name, len(l.marks), len(l.ahead))
		}
	}
}

func TestAFastAuthorOfAnOpenRoomIsPacedAndLosesNothing(t *testing.T) {
	n := newSim(t, 22)
	limits := OpenLimits{AuthorRate: 20_000, AuthorMax: 20_000}
	a, b := n.addNode("a", Config{Open: limits}), n.addNode("b", Config{Open: limits})
	n.mesh()
	u, v := n.user(a, n.lobby()), n.user(b, n.lobby())
	n.run(time.Second)
	for range 400 {
		u.write(1) // about 130,000 bytes at once
	}
	n.run(500 * time.Millisecond)
	if got, _ := b.diskMessages(n.lobby()); got > 100 {
		t.Errorf("%d messages of a fast author are taken at once, %+v", got, b.core.Stats())
	}
	v.write(1)
	n.run(200 * time.Millisecond)
	if a.store.room(n.lobby()).heads[v.prev.Log].Last != 1 {
		t.Error("another author has to wait")
	}
	n.run(60 * time.Second)
	n.wantEqual(n.lobby(), 401, a, b)
}
