package rooms

import (
	"testing"
	"time"

	"parley/wire"
)

// pairUser is one of the users of a room of two, at a peer that keeps the room for it.
func (n *simNet) pairUser(nd *simNode, u, other *simUser) {
	n.t.Helper()
	root, err := NewPair(u.key.Public(), other.key.Public())
	if err != nil {
		n.t.Fatal(err)
	}
	u.node, u.room, u.auth = nd, root.ID, NewAuthority(root.ID)
	if _, _, err := u.auth.Add(root); err != nil {
		n.t.Fatal(err)
	}
	d, err := NewDelegation(u.key, u.room, nd.id, 1)
	if err != nil {
		n.t.Fatal(err)
	}
	u.done(u.ask(&wire.Submit{Room: u.room, Delegation: d.Raw, Entries: wire.List[wire.Bytes]{root.Raw}}))
}

func TestARoomOfTwoIsFoundAndKeptInStepByTheirPeers(t *testing.T) {
	n := newSim(t, 90, "a", "b", "c")
	a, b, c := n.nodes[0], n.nodes[1], n.nodes[2]
	u, v, stranger := n.user(a, wire.ID{}), n.user(b, wire.ID{}), n.user(c, wire.ID{})
	n.mesh()
	n.pairUser(a, u, v)
	n.pairUser(b, v, u) // neither has told the other anything: each computes the room's ID
	n.run(time.Second)
	if u.room != v.room {
		t.Fatal("they compute two rooms")
	}
	// A third, who knows both keys, computes it too and gets nothing.
	s := *stranger
	s.room = u.room
	d, err := NewDelegation(s.key, s.room, c.id, 1)
	if err != nil {
		t.Fatal(err)
	}
	s.ask(&wire.Submit{Room: s.room, Delegation: d.Raw})
	key := [EpochKeySize]byte{5}
	epoch := u.enter(func(at Place) (*Entry, error) { return NewEpoch(u.key, at, make([]byte, 16), key) })
	for _, w := range []*simUser{u, v} {
		box, err := SealBox(u.key, epoch, w.key.ID(), w.key.Bundle().Sealing, key)
		if err != nil {
			t.Fatal(err)
		}
		u.done(u.ask(&wire.Submit{Room: u.room, Boxes: wire.List[wire.Bytes]{box.Raw}}))
	}
	n.run(2 * time.Second)
	v.refresh()
	u.write(2)
	v.write(3)
	n.run(5 * time.Second)
	for _, nd := range []*simNode{a, b} {
		if nd.headOf(u.room, u.prev.Log) != 2 || nd.headOf(u.room, v.prev.Log) != 3 {
			t.Errorf("%s has %d and %d messages", nd.name, nd.headOf(u.room, u.prev.Log), nd.headOf(u.room, v.prev.Log))
		}
		if l := nd.core.rooms[u.room].linkOf(nd.core.peers[n.between(a, b).key(nd)]); l == nil || !l.inStep() {
			t.Errorf("%s is not in step", nd.name)
		}
	}
	if r := c.core.rooms[u.room]; r != nil && (len(r.logs) > 0 || r.auth.Len() > 1) {
		t.Error("a stranger's peer got something of a room of two")
	}
	// Both peers start anew, and it goes on.
	a.crash()
	b.crash()
	a.start()
	b.start()
	n.mesh()
	u.req = 0
	u.write(1)
	n.run(5 * time.Second)
	if b.headOf(u.room, u.prev.Log) != 3 {
		t.Error("the room does not go on after a restart")
	}
}

// key is a node's name for a session.
func (c *simConn) key(nd *simNode) PeerKey {
	if c.a.node == nd {
		return c.a.key
	}
	return c.b.key
}
