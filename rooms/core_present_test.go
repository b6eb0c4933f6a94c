package rooms

import (
	"testing"
	"time"

	"parley/wire"
)

func TestAPeerPresentsItsOtherUsersWhenOneIsBanned(t *testing.T) {
	for _, dialledBy := range []int{0, 1} {
		n := newSim(t, 75, "a", "b")
		a, b := n.nodes[0], n.nodes[1]
		kit := n.privateRoom(a, 0)
		n.mesh()
		first := kit.join(b)
		n.run(time.Second)
		second := n.user(b, kit.link.Room)
		for second.key.ID().Compare(first.key.ID()) < 0 { // with nothing to choose between them, the first is presented
			second = n.user(b, kit.link.Room)
		}
		kit.admit(second)
		n.run(time.Second)
		n.cut(n.between(a, b))

		// What the ban has seen, which is what b is told of it, leaves neither of them in the room.
		kit.master.remove(second, nil)
		kit.master.enter(func(at Place) (*Entry, error) {
			return NewStop(kit.master.key, at, Stop{Subject: first.key.ID(), Ban: true}, make([]byte, 16), [EpochKeySize]byte{4})
		})
		kit.master.add(second, RoleMember)
		kit.master.write(1)
		n.run(time.Second)
		n.connect(n.nodes[dialledBy], n.nodes[1-dialledBy])
		n.run(20 * time.Second)
		ra, rb := a.core.rooms[kit.link.Room], b.core.rooms[kit.link.Room]
		if ra.digest(SyncAll) != rb.digest(SyncAll) {
			t.Errorf("dialled by %d: b has %d of %d entries, %d of %d logs", dialledBy, rb.auth.Len(), ra.auth.Len(), rb.logTree.len(), ra.logTree.len())
		}

		// Over the same session: who is left goes, and comes back by what b is not told.
		kit.master.remove(second, nil)
		n.run(5 * time.Second)
		kit.master.add(second, RoleMember)
		n.run(20 * time.Second)
		if ra.digest(SyncAll) != rb.digest(SyncAll) {
			t.Errorf("dialled by %d: b does not hear that its user is back: %d of %d entries", dialledBy, rb.auth.Len(), ra.auth.Len())
		}
	}
}

func TestAnAnswerUnderWayWhenARightEndsDoesNotCloseTheRoom(t *testing.T) {
	n := newSim(t, 76, "a")
	a := n.nodes[0]
	kit := n.privateRoom(a, 0)
	u := n.user(a, kit.link.Room)
	kit.master.add(u, RoleMember)
	s := n.stranger(a, wire.ID{77}, true)
	d, err := NewDelegation(u.key, kit.link.Room, wire.ID{77}, 1)
	if err != nil {
		t.Fatal(err)
	}
	tag := s.p.tag(false, kit.link.Room)
	s.say(&wire.Match{Unknown: wire.List[uint64]{2}, Tags: tag[:]})
	s.say(&wire.OpenRoom{Ref: 2, Delegation: d.Raw, State: make([]byte, 16)}) // answered
	l := a.core.rooms[kit.link.Room].linkOf(s.p)
	if l == nil || l.right != SyncAll {
		t.Fatal("the delegation gives nothing")
	}
	kit.master.remove(u, nil)
	s.got = nil
	s.say(&wire.OpenRoom{Ref: 2, Answer: true, State: make([]byte, 16)}) // to what a sent first, before it asked for another
	if l.gone {
		t.Error("the room is closed before the other side could present another delegation")
	}
	if s.say(&wire.OpenRoom{Ref: 2, Answer: true}); l.gone != true {
		t.Error("the room stays open though no delegation is left")
	}
}
