package rooms

import (
	"testing"
	"time"

	"parley/wire"
)

// pinning makes an epoch that pins a log's head.
func (u *simUser) pinning(key byte, last *Run) *Entry {
	return u.enter(func(at Place) (*Entry, error) {
		return NewEpoch(u.key, at, make([]byte, 16), [EpochKeySize]byte{key}, Pin{Log: last.Log, Number: last.Last(), Link: last.Hash})
	})
}

// forkedRoom is a room in which a user has written 10 runs of 2, and then, apart, a branch at a and another at b; the master at a has pinned
// the first one's runs 15 and 20, unless pins is 0.
func forkedRoom(t *testing.T, seed uint64, pins int) (n *simNet, kit *simRoomKit, u, v *simUser) {
	n = newSim(t, seed, "a", "b", "c", "d")
	a, b, c, d := n.nodes[0], n.nodes[1], n.nodes[2], n.nodes[3]
	n.mesh()
	kit = n.privateRoom(a, 0)
	u = kit.join(a)
	kit.join(b)
	kit.join(c)
	kit.join(d)
	n.run(3 * time.Second)
	u.refresh()
	for range 10 {
		u.write(2)
	}
	n.run(5 * time.Second)
	for _, x := range []*simNode{a, c} {
		for _, y := range []*simNode{b, d} {
			n.cut(n.between(x, y))
		}
	}
	v = u.fork(b, 10)
	v.auth = NewAuthority(u.room)
	v.refresh()
	delegation, err := NewDelegation(u.key, u.room, b.id, 2)
	if err != nil {
		t.Fatal(err)
	}
	v.done(v.ask(&wire.Submit{Room: u.room, Delegation: delegation.Raw}))
	for i := range 10 {
		u.write(2)
		if i < 7 {
			v.write(1)
		}
		if pins > 0 && i%5 == 4 {
			kit.master.pinning(byte(i), u.prev)
			pins--
			u.refresh()
		}
	}
	n.run(5 * time.Second)
	return n, kit, u, v
}

func TestAPinnedBranchCountsOnEveryPeerAndTheOtherIsHidden(t *testing.T) {
	for pins, last := range []uint64{20, 30, 40} {
		n, kit, u, v := forkedRoom(t, 42+uint64(pins), pins)
		b := n.nodes[1]
		room, log := kit.link.Room, u.prev.Log
		submitted := b.headOf(room, log)
		if submitted != 27 || n.nodes[0].headOf(room, log) != 40 {
			t.Fatalf("before they meet: %d and %d", submitted, n.nodes[0].headOf(room, log))
		}
		n.mesh()
		n.run(3 * time.Minute)
		check := func(when string, nodes ...*simNode) {
			t.Helper()
			for _, nd := range nodes {
				lg := nd.core.rooms[room].logs[log]
				if got, link := lg.effective(); got != last || link != u.all[last/2-1].Hash {
					t.Errorf("%d pins, %s, %s: the log counts up to %d, want %d", pins, when, nd.name, got, last)
				}
				if nd.headOf(room, log) != last {
					t.Errorf("%d pins, %s, %s: on disk up to %d, want %d", pins, when, nd.name, nd.headOf(room, log), last)
				}
				if nd.core.rooms[room].proofByLog[log] == nil {
					t.Errorf("%d pins, %s, %s has no proof", pins, when, nd.name)
				}
			}
			n.inStep(t, room)
		}
		check("when they have met", n.nodes...)
		if got := b.hiddenOf(room); got != 7 {
			t.Errorf("%d pins: %d messages of the other branch are hidden, want 7", pins, got)
		}
		v.node = b
		for _, nd := range n.nodes {
			nd.crash()
			nd.start()
		}
		e := n.addNode("e", Config{})
		n.mesh()
		kit.added(e)
		n.run(time.Minute)
		check("after a restart and with a newcomer", n.nodes...)
		kit.master.req = 0
		kit.master.identical()
	}
}

func TestAPinThatComesLateBringsItsBranchBack(t *testing.T) {
	n, kit, u, _ := forkedRoom(t, 46, 0)
	a := n.nodes[0]
	room, log := kit.link.Room, u.prev.Log
	// The master, who has seen one branch, pins it without having seen the other; its entry is held up while the peers meet.
	kit.master.refresh()
	at, err := kit.master.auth.NextOnChain(kit.master.key.ID(), n.now)
	if err != nil {
		t.Fatal(err)
	}
	pin := Pin{Log: log, Number: u.all[17].Last(), Link: u.all[17].Hash}
	epoch, err := NewEpoch(kit.master.key, at, make([]byte, 16), [EpochKeySize]byte{9}, pin)
	if err != nil {
		t.Fatal(err)
	}
	n.mesh()
	n.run(time.Minute)
	for _, nd := range n.nodes {
		if nd.headOf(room, log) != 20 {
			t.Errorf("%s: the log counts up to %d, want the fork", nd.name, nd.headOf(room, log))
		}
	}
	if got := a.hiddenOf(room); got != 20 {
		t.Errorf("%d messages are hidden, want 20", got)
	}
	m := kit.master
	m.done(m.ask(&wire.Submit{Room: room, Entries: wire.List[wire.Bytes]{epoch.Raw}}))
	n.run(2 * time.Minute)
	for _, nd := range n.nodes {
		if nd.headOf(room, log) != 36 {
			t.Errorf("%s: the log counts up to %d, want the pin", nd.name, nd.headOf(room, log))
		}
	}
	n.inStep(t, room)
	m.identical()
}

func TestAPinThatComesWhileABranchIsBeingHiddenBringsItBack(t *testing.T) {
	// Nobody else has the branch. The entry comes at each step of its move: before it, while the copies or the
	// end of the log are not durable, behind it.
	moved := 0
	for after := range 60 {
		n, kit, u, _ := forkedRoom(t, 47, 0)
		a, b, m := n.nodes[0], n.nodes[1], kit.master
		room, log := kit.link.Room, u.prev.Log
		m.refresh()
		at, err := m.auth.NextOnChain(m.key.ID(), n.now)
		if err != nil {
			t.Fatal(err)
		}
		epoch, err := NewEpoch(m.key, at, make([]byte, 16), [EpochKeySize]byte{9}, Pin{Log: log, Number: u.all[17].Last(), Link: u.all[17].Hash})
		if err != nil {
			t.Fatal(err)
		}
		n.cut(n.between(a, n.nodes[2]))
		n.cut(n.between(b, n.nodes[3]))
		n.connect(a, b)
		a.slow = 20 * time.Millisecond // an fsync, beside which a read is nothing
		for a.core.rooms[room].proofByLog[log] == nil {
			n.run(n.queue[0].at.Sub(n.now)) // what happens next; the simulation bounds its steps
		}
		for range after {
			n.run(n.queue[0].at.Sub(n.now))
		}
		moving := a.core.rooms[room].logs[log].moving
		if moving {
			moved++
		}
		m.done(m.ask(&wire.Submit{Room: room, Entries: wire.List[wire.Bytes]{epoch.Raw}}))
		n.run(time.Minute)
		for _, nd := range n.nodes[:2] {
			if nd.headOf(room, log) != 36 {
				t.Errorf("after %d steps (being moved: %v), %s: the log counts up to %d, want the pin", after, moving, nd.name, nd.headOf(room, log))
			}
		}
	}
	if moved < 10 {
		t.Errorf("the entry came %d times while the branch was being moved", moved)
	}
}
