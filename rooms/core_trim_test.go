package rooms

import (
	"maps"
	"slices"
	"testing"
	"time"

	"parley/store"
	"parley/wire"
)

func floorAt(first, run *Run) Floor {
	return Floor{Log: run.Log, Number: run.Last(), Link: run.Hash, FirstHeads: first.Heads, Heads: run.Heads}
}

// identical asks a user's peer to compare the room with all others.
func (u *simUser) identical() {
	u.n.t.Helper()
	v := u.ask(&wire.VerifyGet{Room: u.room})[0].Msg.(*wire.Verified)
	for _, p := range v.Peers {
		if !p.Identical {
			u.n.t.Errorf("%s is not identical with %s: %+v", u.node.name, p.Name, p)
		}
	}
	if len(v.Peers) != len(u.n.nodes)-1 {
		u.n.t.Errorf("%s compared with %d peers", u.node.name, len(v.Peers))
	}
}

func (s *simStore) backup(room wire.ID) *simRoom {
	r := s.room(room)
	return &simRoom{heads: maps.Clone(r.heads), runs: maps.Clone(r.runs), records: maps.Clone(r.records), arrival: r.arrival}
}

func TestWhatIsTrimmedIsForgottenByEveryPeerAndDoesNotComeBack(t *testing.T) {
	n := newSim(t, 40, "a", "b", "c")
	a, b, c := n.nodes[0], n.nodes[1], n.nodes[2]
	n.mesh()
	kit := n.privateRoom(a, 0)
	u, v := kit.join(b), kit.join(c)
	n.run(3 * time.Second)
	for range 10 {
		u.write(2)
	}
	for range 5 {
		v.write(1)
	}
	n.run(5 * time.Second)
	room := kit.link.Room
	old := c.store.backup(room)
	c.crash() // away while the room is trimmed
	all := []Floor{floorAt(u.all[0], u.all[5]), floorAt(v.all[0], v.all[4])}
	kit.master.enter(func(at Place) (*Entry, error) { return NewTrim(kit.master.key, at, all) })
	n.run(5 * time.Second)
	check := func(when string, more uint64, nodes ...*simNode) {
		t.Helper()
		for _, nd := range nodes {
			s := nd.store.room(room)
			for _, runs := range s.runs {
				for _, run := range runs {
					if run.Log == u.prev.Log && run.Last <= 12 || run.Log == v.prev.Log && run.Last <= 5 {
						t.Errorf("%s, %s has message %d still", when, nd.name, run.First)
					}
				}
			}
			r := nd.core.rooms[room]
			if last, _ := r.logs[u.prev.Log].effective(); last != 20+more || r.logs[u.prev.Log].floor != 12 {
				t.Errorf("%s, %s: the log counts up to %d", when, nd.name, last)
			}
			if last, _ := r.logs[v.prev.Log].effective(); last != 5+more {
				t.Errorf("%s, %s: the log that was trimmed whole counts up to %d", when, nd.name, last)
			}
			if r.messages != 8+2*more {
				t.Errorf("%s, %s has %d messages", when, nd.name, r.messages)
			}
		}
	}
	check("after the trim", 0, a, b)
	d := n.addNode("d", Config{})
	c.start()
	n.mesh()
	kit.added(d)
	n.run(20 * time.Second)
	check("when one comes back and one comes", 0, a, b, c, d)
	n.inStep(t, room)
	kit.master.identical()
	// The logs go on, at peers that have all of them and such that never had.
	v.req = 0
	u.refresh()
	v.refresh()
	u.write(1)
	v.write(1)
	n.run(10 * time.Second)
	check("when they go on", 1, a, b, c, d)
	d.crash()
	b.crash()
	// A disk from before the trim.
	c.crash()
	c.store.rooms[room] = old
	for _, nd := range []*simNode{b, c, d} {
		nd.start()
	}
	n.mesh()
	n.run(20 * time.Second)
	check("after a restart", 1, a, b, c, d)
	n.inStep(t, room)
	kit.master.identical()
}

func TestAPeerOnAnotherBranchOrBehindBeginsAtTheFloor(t *testing.T) {
	n := newSim(t, 41, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	u := kit.join(b)
	n.run(3 * time.Second)
	for range 3 {
		u.write(2)
	}
	n.run(2 * time.Second)
	n.cut(n.between(a, b))
	for range 5 {
		u.write(2)
	}
	n.run(time.Second)
	// The master has seen them elsewhere, and trims what its own peer does not have.
	f := floorAt(u.all[0], u.all[4])
	kit.master.enter(func(at Place) (*Entry, error) { return NewTrim(kit.master.key, at, []Floor{f}) })
	n.run(2 * time.Second)
	if last, _ := a.core.rooms[u.room].logs[f.Log].effective(); last != 10 {
		t.Errorf("the log counts up to %d, want the floor", last)
	}
	if h, held := a.store.room(u.room).heads[f.Log]; held && h.Last != h.Floor {
		t.Errorf("messages %d to %d are held still", h.Floor+1, h.Last)
	}
	n.mesh()
	n.run(10 * time.Second)
	n.inStep(t, u.room)
	if h := a.store.room(u.room).heads[f.Log]; h != (store.Head{}) && (h.Floor != 10 || h.Last != 16) {
		t.Errorf("the log is held from %d to %d", h.Floor, h.Last)
	}
	kit.master.identical()
}

func TestALogThatWasTrimmedWholeIsTrimmedFurtherWhereTheMessagesAreNot(t *testing.T) {
	n := newSim(t, 42, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	kit.join(b)
	n.run(3 * time.Second)
	m := kit.master
	trim := func() {
		f := floorAt(m.all[0], m.prev)
		m.enter(func(at Place) (*Entry, error) { return NewTrim(m.key, at, []Floor{f}) })
	}
	m.write(3)
	n.run(time.Second)
	trim()
	n.run(time.Second)
	n.cut(n.between(a, b))
	m.write(2)
	trim()
	m.write(1)
	n.run(time.Second)
	n.mesh()
	n.run(10 * time.Second)
	n.inStep(t, m.room)
	if h := b.store.room(m.room).heads[m.prev.Log]; h.Last != 6 || b.core.Stats().FailedBatches > 0 {
		t.Errorf("the log is held up to message %d, and %d writes failed", h.Last, b.core.Stats().FailedBatches)
	}
}

func TestTheAuthorOfABranchThatATrimForgetsIsTold(t *testing.T) {
	n := newSim(t, 43, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	u := kit.join(b)
	n.run(3 * time.Second)
	for range 3 {
		u.write(2)
	}
	v := u.fork(a, 2) // a home that was set back goes on elsewhere
	f := floorAt(v.all[0], v.sign(2))
	u.write(1)
	n.run(2 * time.Second)
	kit.master.enter(func(at Place) (*Entry, error) { return NewTrim(kit.master.key, at, []Floor{f}) })
	n.run(5 * time.Second)
	if last, _ := b.core.rooms[u.room].logs[f.Log].effective(); last != 6 {
		t.Errorf("the log counts up to %d, want the floor", last)
	}
	told := u.notices()
	if len(told) != 1 || told[0].Log != f.Log || told[0].First != 1 || told[0].Last != 7 || told[0].Counts || told[0].Reason != uint64(ReasonTrimmedBranch) {
		t.Errorf("the author is told %+v", told)
	}
	if kit.master.notices() != nil {
		t.Error("somebody else is told")
	}
}

func TestATrimmedLogThatAStopEndedBelowItsFloorIsTheSameWhenItIsReadAnew(t *testing.T) {
	n := newSim(t, 44, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	u := kit.join(b)
	kit.added(b)
	n.run(3 * time.Second)
	for range 3 {
		u.write(1)
	}
	n.run(time.Second)
	f := floorAt(u.all[0], u.all[2])
	kit.master.enter(func(at Place) (*Entry, error) { return NewTrim(kit.master.key, at, []Floor{f}) })
	kit.master.remove(u, u.all[1]) // what is forgotten counts all the same
	n.run(3 * time.Second)
	n.inStep(t, u.room)
	check := func(when string) {
		t.Helper()
		n.mesh()
		n.run(20 * time.Second)
		n.inStep(t, u.room)
		if last, _ := a.core.rooms[u.room].logs[f.Log].effective(); last != 3 {
			t.Errorf("%s the log counts up to %d, want the floor", when, last)
		}
	}
	a.store.fail = 1
	kit.master.write(1)
	check("after a failure of the store")
	a.crash()
	a.start()
	check("after a restart")
}

// rivalTrims trims a log of two branches to one number on both, the higher link first, and returns the floor that stands.
func rivalTrims(kit *simRoomKit, u, v *simUser, wait func()) (stands Floor) {
	low, high := floorAt(u.all[0], u.all[1]), floorAt(v.all[0], v.all[1])
	if low.Link.Compare(high.Link) > 0 {
		low, high = high, low
	}
	for _, f := range []Floor{high, low} {
		kit.master.enter(func(at Place) (*Entry, error) { return NewTrim(kit.master.key, at, []Floor{f}) })
		wait()
	}
	return low
}

func TestOfTwoFloorsOfOneNumberTheLowerLinkStandsOnEveryPeer(t *testing.T) {
	for _, late := range []bool{false, true} { // the second trim comes when the first has been carried out
		n := newSim(t, 45, "a", "b", "c")
		a, b, c := n.nodes[0], n.nodes[1], n.nodes[2]
		n.mesh()
		kit := n.privateRoom(a, 0)
		u := kit.join(b)
		kit.join(c)
		n.run(3 * time.Second)
		u.write(1)
		n.run(time.Second)
		n.cut(n.between(b, c))
		n.cut(n.between(a, c))
		v := u.fork(c, 1)
		u.write(1)
		u.write(1)
		v.append(v.sign(1), v.sign(1))
		n.run(time.Second)
		stands := rivalTrims(kit, u, v, func() {
			if late {
				n.run(5 * time.Second)
			}
		})
		n.run(time.Second)
		n.mesh()
		n.run(time.Minute)
		check := func(when string) {
			t.Helper()
			n.inStep(t, u.room)
			for _, nd := range n.nodes {
				lg := nd.core.rooms[u.room].logs[stands.Log]
				if lg.floor != 2 || !lg.floorState.isAt(&stands) {
					t.Errorf("late %v, %s: %s begins at %d: %+v", late, when, nd.name, lg.floor, lg.floorState)
				}
			}
		}
		check("at first")
		for _, nd := range n.nodes {
			nd.crash()
			nd.start()
		}
		n.mesh()
		n.run(20 * time.Second)
		check("after a restart")
	}
}

func TestTheFloorThatALogWasTrimmedToIsFoundOutWhenItIsRead(t *testing.T) {
	n := newSim(t, 49, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	u := kit.join(b)
	n.run(3 * time.Second)
	u.write(1)
	v := u.fork(a, 1)
	for range 2 {
		u.write(1)
		v.sign(1)
	}
	n.run(time.Second)
	if floorAt(u.all[0], u.all[1]).Link.Compare(v.all[1].Hash) < 0 {
		t.Fatal("take another seed: the branch that is held is the one that stands")
	}
	n.cut(n.between(a, b))
	f := floorAt(u.all[0], u.all[1])
	first := kit.master.enter(func(at Place) (*Entry, error) { return NewTrim(kit.master.key, at, []Floor{f}) })
	n.mesh()
	n.run(5 * time.Second)
	b.crash()
	f = floorAt(v.all[0], v.all[1])
	second := kit.master.enter(func(at Place) (*Entry, error) { return NewTrim(kit.master.key, at, []Floor{f}) })
	// b's disk has got the second trim, and it was ended before it could do anything about it.
	b.store.room(u.room).records[recordKey(storeEntry, second.ID)] = store.Record{Room: u.room, Kind: storeEntry, ID: second.ID, Bytes: second.Raw}
	b.start()
	n.run(time.Second)
	n.mesh()
	n.run(time.Minute)
	n.inStep(t, u.room)
	if lg := b.core.rooms[u.room].logs[f.Log]; !lg.floorState.isAt(&f) || lg.durable != 2 {
		t.Errorf("the log counts up to %d from %+v, after trims %s and %s", lg.durable, lg.floorState, first.ID.Short(), second.ID.Short())
	}
	if told := u.notices(); len(told) != 1 || told[0].First != 3 || told[0].Last != 3 || told[0].Reason != uint64(ReasonTrimmedBranch) {
		t.Errorf("the author is told %+v", told)
	}
}

func TestOfTwoFloorsThatDifferInHeadsAloneTheSameStandsOnEveryPeer(t *testing.T) {
	n := newSim(t, 50, "a", "b", "c")
	n.mesh()
	kit := n.privateRoom(n.nodes[0], 0)
	u := kit.join(n.nodes[1])
	kit.join(n.nodes[2])
	n.run(3 * time.Second)
	for range 3 {
		u.write(1)
	}
	n.run(time.Second)
	f := floorAt(u.all[0], u.all[1])
	lie := f
	lie.FirstHeads = []wire.ID{{1}} // comes before any other
	n.nodes[2].crash()              // it gets both at once
	for _, f := range []Floor{f, lie} {
		kit.master.enter(func(at Place) (*Entry, error) { return NewTrim(kit.master.key, at, []Floor{f}) })
		n.run(2 * time.Second)
	}
	n.nodes[2].start()
	n.mesh()
	n.run(20 * time.Second)
	n.inStep(t, u.room)
	f = lie
	for _, nd := range n.nodes {
		if lg := nd.core.rooms[u.room].logs[f.Log]; !lg.floorState.isAt(&f) || !slices.Equal(lg.state.FirstHeads, f.FirstHeads) {
			t.Errorf("%s begins at %+v", nd.name, lg.floorState)
		}
	}
}
