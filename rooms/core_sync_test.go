package rooms

import (
	"testing"
	"time"

	"parley/wire"
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

func TestAReconnectWithNothingNewCostsLittlePerRoom(t *testing.T) {
	n := newSim(t, 3, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	conn := n.connect(a, b)
	const rooms = 40
	var kits []*simRoomKit
	for range rooms {
		kit := n.privateRoom(a, 0)
		kit.master.write(1)
		kit.join(b).write(1)
		kits = append(kits, kit)
	}
	n.run(5 * time.Second)
	for _, k := range kits {
		n.wantEqual(k.link.Room, 2, a, b)
	}
	bytes := func() int { return a.stats.sent + b.stats.sent }
	n.cut(conn)
	n.run(time.Second)
	before := bytes()
	conn = n.connect(a, b)
	n.run(5 * time.Second)
	cost := bytes() - before
	if cost > 64*rooms+64 {
		t.Errorf("a reconnect with %d rooms and nothing new costs %d bytes", rooms, cost)
	}
	t.Logf("reconnect of %d rooms: %d bytes, %.1f a room", rooms, cost, float64(cost)/(rooms+1))
	for _, k := range kits {
		n.wantEqual(k.link.Room, 2, a, b)
	}
	// One message written while apart: only that crosses, and what finds it.
	n.cut(conn)
	n.run(time.Second)
	r := kits[7].master.write(1)
	n.run(time.Second)
	before = bytes()
	n.connect(a, b)
	n.run(5 * time.Second)
	cost = bytes() - before
	t.Logf("with one new message of %d bytes: %d bytes", len(r.Raw), cost)
	if cost > 64*(rooms+1)+len(r.Raw)+1600 {
		t.Errorf("a reconnect with one new message costs %d bytes", cost)
	}
	n.wantEqual(kits[7].link.Room, 3, a, b)
}

func TestAMessageCrossesEachLinkAboutOnce(t *testing.T) {
	n := newSim(t, 4, "a", "b", "c")
	n.mesh()
	kit := n.privateRoom(n.nodes[0], 0)
	kit.join(n.nodes[1])
	kit.join(n.nodes[2])
	n.run(3 * time.Second)
	total := func() (s int) {
		for _, nd := range n.nodes {
			s += nd.stats.sent
		}
		return s
	}
	before, size := total(), 0
	for range 200 {
		size += len(kit.master.write(1).Raw)
		n.run(2 * time.Millisecond)
	}
	n.run(3 * time.Second)
	n.wantEqual(kit.link.Room, 200, n.nodes...)
	if cost := total() - before; cost > 2*size*5/4+8000 {
		t.Errorf("%d bytes on two links of which the messages are %d", cost, 2*size)
	}
}

func TestAReturningPeerGetsWhatItMissedAndSendsWhatItHas(t *testing.T) {
	n := newSim(t, 5, "a", "b", "c")
	n.mesh()
	kit := n.privateRoom(n.nodes[0], 0)
	u := kit.join(n.nodes[1])
	kit.join(n.nodes[2])
	n.run(3 * time.Second)
	n.nodes[1].crash()
	for range 100 {
		kit.master.write(10)
	}
	n.run(time.Second)
	n.nodes[1].start()
	u.req = 0
	u.write(5)
	n.run(time.Second)
	n.mesh()
	n.run(3 * time.Second)
	n.wantEqual(kit.link.Room, 1005, n.nodes...)
}

func TestDroppedLivePushesAreMadeUpFor(t *testing.T) {
	n := newSim(t, 6, "a", "b", "c")
	n.dropLive = 0.5
	n.mesh()
	us := []*simUser{n.user(n.nodes[0], n.lobby()), n.user(n.nodes[1], n.lobby()), n.user(n.nodes[2], n.lobby())}
	for range 100 {
		for _, u := range us {
			u.write(1)
		}
		n.run(5 * time.Millisecond)
	}
	n.run(10 * time.Second)
	n.wantEqual(n.lobby(), 300, n.nodes...)
}

func TestAChainOfPeersForwards(t *testing.T) {
	n := newSim(t, 7, "a", "b", "c", "d")
	for i := range 3 {
		n.connect(n.nodes[i], n.nodes[i+1])
	}
	kit := n.privateRoom(n.nodes[0], 0)
	us := []*simUser{kit.master}
	for _, nd := range n.nodes[1:] {
		us = append(us, kit.join(nd))
	}
	for range 20 {
		for _, u := range us {
			u.write(2)
		}
		n.run(100 * time.Millisecond)
	}
	n.run(10 * time.Second)
	n.wantEqual(kit.link.Room, 160, n.nodes...)
}

func TestAFailedStoreRefusesHonestlyAndRecovers(t *testing.T) {
	n := newSim(t, 8, "a", "b")
	n.mesh()
	a, b := n.nodes[0], n.nodes[1]
	kit := n.privateRoom(a, 0)
	u := kit.join(b)
	kit.master.write(3)
	u.write(3)
	n.run(3 * time.Second)
	a.store.fail, b.store.fail = 2, 3
	first := kit.master.write(1)
	n.run(20 * time.Millisecond)
	if kit.master.acknowledged() >= first.Last() {
		t.Fatal("a message was acknowledged that the store did not take")
	}
	refused := false
	for _, r := range a.replies[kit.master.req] {
		m, ok := r.Msg.(*wire.AppendRefused)
		refused = refused || ok && m.Code == wire.CodeStorage && m.First == first.First
	}
	if !refused {
		t.Error("the sender was not told that the store failed")
	}
	u.write(2)
	for range 20 {
		n.run(time.Second)
		kit.master.resend()
		u.resend()
	}
	n.run(5 * time.Second)
	if kit.master.acknowledged() != 4 || u.acknowledged() != 5 {
		t.Errorf("acknowledged %d and %d", kit.master.acked, u.acked)
	}
	n.wantEqual(kit.link.Room, 9, a, b)
}

func TestManyRoomsShareTheirSessionsPulls(t *testing.T) {
	n := newSim(t, 9, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	conn := n.connect(a, b)
	var kits []*simRoomKit
	for range 40 {
		kit := n.privateRoom(a, 0)
		kit.join(b)
		kits = append(kits, kit)
	}
	n.run(time.Second)
	n.cut(conn)
	for _, k := range kits {
		k.master.write(5)
	}
	n.run(time.Second)
	conn = n.connect(a, b)
	for range 4000 {
		n.run(time.Millisecond)
		if p := b.core.peers[conn.b.key]; p.pulls > pullsPerSession {
			t.Fatalf("%d pulls at once", p.pulls)
		}
	}
	for _, k := range kits {
		n.wantEqual(k.link.Room, 5, a, b)
	}
}

func TestWhatAPeerHasIsFoundAlsoWhenItsStoreFailsWhileItIsAsked(t *testing.T) {
	n := newSim(t, 17, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	for i := range 60 { // at another moment each time
		u := n.user(a, n.lobby())
		u.write(1)
		n.run(time.Second)
		n.mesh()
		n.run(time.Duration(i) * 200 * time.Microsecond)
		a.store.fail = 1
		n.user(a, n.lobby()).write(1)
		n.run(time.Minute) // nothing else happens: the digests stay as they are
		n.inStep(t, n.lobby())
		if got := b.headOf(n.lobby(), u.prev.Log); got != 1 {
			t.Fatalf("%d: the message does not arrive", i)
		}
		n.cut(n.between(a, b))
	}
}

func TestAComparisonWithAPeerWhoseEntriesWereLostIsDoneAgain(t *testing.T) {
	n := newSim(t, 18, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	u := kit.join(b)
	n.run(2 * time.Second)
	for i := range 40 { // at another moment each time
		n.cut(n.between(a, b))
		u.write(1)
		n.run(time.Second)
		n.mesh()
		n.run(time.Duration(i) * 200 * time.Microsecond)
		b.store.fail = 1
		leave, err := NewLeave(u.key, u.auth.NextBeside(u.key.ID(), n.now), nil) // ends the log, until it is lost
		if err != nil {
			t.Fatal(err)
		}
		u.request(&wire.Submit{Room: u.room, Entries: wire.List[wire.Bytes]{leave.Raw}})
		n.run(time.Minute)
		n.inStep(t, u.room)
		if got := a.headOf(u.room, u.prev.Log); got != u.prev.Last() {
			t.Fatalf("%d: %d of %d messages arrive", i, got, u.prev.Last())
		}
	}
}

func TestADigestThatIsToldDuringAComparisonIsComparedAgain(t *testing.T) {
	again, other := make([]byte, 16), make([]byte, 16)
	again[0], other[0] = 1, 2
	for what, news := range map[string][]wire.Message{
		"nothing":                                nil,
		"the same":                               {&wire.State{Digest: again}},
		"another":                                {&wire.State{Digest: other}},
		"the same, with OpenRoom":                {&wire.OpenRoom{State: again}},
		"the same, after a right was taken away": {&wire.OpenRoom{}, &wire.State{Digest: again}},
	} {
		n := newSim(t, 19, "a")
		a := n.nodes[0]
		a.step(PeerUp{Peer: 9, ID: wire.ID{9}})
		tag := a.core.peers[9].tag(false, n.lobby())
		a.hostileAs(&wire.Offer{Tags: tag[:]})
		a.hostileAs(&wire.OpenRoom{State: again})
		for i := range 10 {
			if i == 1 {
				for _, m := range news {
					a.hostileAs(m)
				}
			}
			if l := a.core.peers[9].links[0]; len(l.asks) > 0 {
				a.hostileAs(&wire.RangesReply{Set: l.asks[0].set}) // all is equal
			}
			n.run(time.Second)
			a.hostileAs(&wire.Ack{}) // lets the core see what time it is
		}
		if walks := a.core.Stats().Walks; (walks > 1) != (news != nil) {
			t.Errorf("%d comparisons when it is told %s", walks, what)
		}
	}
}
