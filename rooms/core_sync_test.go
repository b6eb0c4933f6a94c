package rooms

import (
	"testing"
	"time"
)

func (n *simNet) wantEqual(room [32]byte, msgs uint64, nodes ...*simNode) {
	n.t.Helper()
	first := nodes[0].stateOf(room)
	for _, nd := range nodes {
		r := nd.core.rooms[room]
		if r == nil {
			n.t.Fatalf("%s does not have the room", nd.name)
		}
		if r.messages != msgs {
			n.t.Errorf("%s has %d messages, not %d", nd.name, r.messages, msgs)
		}
		if nd.stateOf(room) != first {
			n.t.Errorf("%s and %s hold different messages", nodes[0].name, nd.name)
		}
		for _, l := range r.links {
			if !l.inStep() {
				n.t.Errorf("%s does not know that it is in step with %s (base %v, marks %d, records %v, syncing %v, usable %v)",
					nd.name, l.p.name, l.base, len(l.marks), l.records, l.syncing, l.usable())
			}
		}
	}
}

func TestTwoPeersOfANetworkShareTheLobby(t *testing.T) {
	n := newSim(t, 1, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	u, v := n.user(a, n.lobby()), n.user(b, n.lobby())
	u.write(1)
	n.run(time.Second)
	n.mesh()
	n.run(time.Second)
	n.wantEqual(n.lobby(), 1, a, b)
	for range 50 {
		u.write(1)
		v.write(3)
		n.run(5 * time.Millisecond)
	}
	n.run(3 * time.Second)
	n.wantEqual(n.lobby(), 1+50+150, a, b)
	if u.acknowledged() != 51 || v.acknowledged() != 150 {
		t.Errorf("acknowledged %d and %d", u.acked, v.acked)
	}
	if p := a.stats.pulls + b.stats.pulls; p > 2 {
		t.Errorf("%d pulls for messages that were pushed", p)
	}
}

func TestALateJoinerOfAPrivateRoomGetsAllOfIt(t *testing.T) {
	n := newSim(t, 2, "a", "b", "c")
	a, b, c := n.nodes[0], n.nodes[1], n.nodes[2]
	n.mesh()
	kit := n.privateRoom(a, 0)
	for range 30 {
		kit.master.write(7)
	}
	n.run(time.Second)
	u := kit.join(b)
	n.run(3 * time.Second)
	n.wantEqual(kit.link.Room, 210, a, b)
	u.write(2)
	n.run(3 * time.Second)
	if u.acknowledged() != 2 {
		t.Errorf("acknowledged %d of the newcomer's messages", u.acked)
	}
	n.wantEqual(kit.link.Room, 212, a, b)
	v := kit.join(c)
	n.run(3 * time.Second)
	v.write(1)
	n.run(3 * time.Second)
	n.wantEqual(kit.link.Room, 213, a, b, c)
}
