package rooms

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"parley/wire"
)

func TestPeersEndEqualWhileMembersComeWriteAndLeave(t *testing.T) {
	first, last := uint64(1), *simSeeds
	if *simSeed != 0 {
		first, last = *simSeed, *simSeed
	}
	for seed := first; seed <= last; seed++ {
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { membersRun(t, 1000+seed) }) {
			t.Fatalf("replay with: go test ./rooms -run TestPeersEndEqual -sim.seed=%d", seed)
		}
	}
}

// membersRun lets members join, write at once, and leave, over a network that is cut
// and joined; a run often arrives before the entry that its author joined by.
func membersRun(t *testing.T, seed uint64) {
	n := newSim(t, seed, "a", "b", "c", "d", "e")
	n.delay = time.Duration(1+seed%4*40) * time.Millisecond
	n.dropLive = float64(seed%2) * 0.3
	n.mesh()
	kit := n.privateRoom(n.nodes[0], 0)
	users := []*simUser{kit.master}
	for _, nd := range n.nodes[1:] {
		users = append(users, kit.join(nd))
	}
	n.run(2 * time.Second)
	for range 60 {
		switch p := n.rng.IntN(100); {
		case p < 20: // another member at a peer that has the room
			nd := n.nodes[n.rng.IntN(len(n.nodes))]
			u := kit.member(nd)
			u.write(1 + n.rng.IntN(3))
			users = append(users, u)
		case p < 70:
			u := users[n.rng.IntN(len(users))]
			if !u.left {
				u.write(1 + n.rng.IntN(3))
			}
		case p < 76:
			if u := users[n.rng.IntN(len(users))]; u != kit.master && !u.left && len(users) > 6 {
				u.leave()
			}
		case p < 86:
			if c := n.conns[n.rng.IntN(len(n.conns))]; c.up {
				n.cut(c)
			}
		case p < 93:
			n.mesh()
		case p < 96:
			nd := n.nodes[n.rng.IntN(len(n.nodes))]
			nd.crash()
			nd.start()
			for _, u := range users {
				if u.node == nd && !u.left {
					u.resend()
				}
			}
		default:
			n.run(time.Second)
		}
		n.run(time.Duration(n.rng.IntN(60)) * time.Millisecond)
	}
	n.mesh()
	n.run(5 * time.Second)
	for _, u := range users {
		if !u.left {
			u.resend()
		}
	}
	n.run(2 * time.Minute)
	first := n.nodes[0].core.rooms[kit.link.Room]
	for _, nd := range n.nodes {
		if !slices.ContainsFunc(users, func(u *simUser) bool { return u.node == nd && !u.left }) {
			continue // nobody there is a member any more
		}
		r := nd.core.rooms[kit.link.Room]
		if r.digest(SyncAll) != first.digest(SyncAll) {
			t.Errorf("%s and a hold different rooms: %d and %d entries, %d and %d logs", nd.name, r.entries.len(), first.entries.len(), r.logTree.len(), first.logTree.len())
		}
		if r.parkedCount != 0 || len(r.wants) != 0 {
			t.Errorf("%s: %d runs parked, %d wanted", nd.name, r.parkedCount, len(r.wants))
		}
		for _, u := range users {
			if u.left || u.prev == nil {
				continue
			}
			lg := r.logs[u.prev.Log]
			if lg == nil || lg.durable != u.prev.Last() {
				t.Errorf("%s lacks messages of a member at %s (%d)", nd.name, u.node.name, u.acknowledged())
			}
		}
	}
	if t.Failed() {
		for _, nd := range n.nodes {
			r := nd.core.rooms[kit.link.Room]
			t.Logf("%s own %v link %v", nd.name, r.own != nil, r.own != nil && r.own.Link)
			for _, l := range r.links {
				t.Logf("   to %s: right %d mayAsk %v ourKind %d theirs %v any %v eqAll %v eqAuth %v told %v delegs %d miss %d due %v walk %v fruitless %v", l.p.name, l.right, l.mayAsk, l.ourKind, len(l.theirs) > 0, l.any, l.their == r.digest(SyncAll), l.their == r.digest(SyncAuthority), l.told == r.digest(SyncAll), len(r.delegs[l.p.id]), l.misses, l.compareDue, l.walk != nil, l.fruitless == [2]digest16{l.their, r.digest(l.ourKind)})
			}
		}
	}
	steps := n.steps
	n.run(time.Minute)
	if n.steps-steps > 300 {
		t.Errorf("%d events in a quiet minute", n.steps-steps)
	}
}

// member makes a user who joins at a peer that has the room.
func (k *simRoomKit) member(nd *simNode) *simUser {
	n := k.n
	u := n.user(nd, k.link.Room)
	u.auth = NewAuthority(u.room)
	for _, e := range nd.core.rooms[u.room].auth.All() {
		_, _, _ = u.auth.Add(e)
	}
	u.submitJoin(k, n.now)
	for _, e := range u.auth.Now().Epochs() {
		u.epoch = e.ID
	}
	return u
}

// leave makes the user leave with what it has written and its peer acknowledged.
func (u *simUser) leave() {
	u.left = true
	var pins []Pin
	for _, r := range u.all {
		if r.Last() <= u.acknowledged() {
			pins = []Pin{{Log: r.Log, Number: r.Last(), Link: r.Hash}}
		}
	}
	e, err := NewLeave(u.key, u.auth.NextBeside(u.key.ID(), u.n.now), pins)
	if err != nil {
		u.n.t.Fatal(err)
	}
	u.request(&wire.Submit{Room: u.room, Entries: wire.List[wire.Bytes]{e.Raw}})
}

func TestManyLogsAreComparedByTheirDifferences(t *testing.T) {
	n := newSim(t, 60)
	n.codec = false
	limits := OpenLimits{LogMax: 1e6, LogRate: 1e6}
	a, b := n.addNode("a", Config{Open: limits}), n.addNode("b", Config{Open: limits})
	conn := n.connect(a, b)
	for i := range 3000 {
		n.user(n.nodes[i%2], n.lobby()).write(1)
	}
	n.run(20 * time.Second)
	n.wantEqual(n.lobby(), 3000, a, b)
	n.cut(conn)
	for i := range 40 {
		n.user(n.nodes[i%2], n.lobby()).write(1)
	}
	n.run(time.Second)
	before := a.stats.sent + b.stats.sent
	n.connect(a, b)
	n.run(5 * time.Second)
	cost := a.stats.sent + b.stats.sent - before
	n.wantEqual(n.lobby(), 3040, a, b)
	t.Logf("40 of 3,040 logs differ: %d bytes, of which the messages are about %d", cost, 40*360)
	if cost > 300_000 {
		t.Errorf("%d bytes for 40 logs that differ", cost)
	}
	// A newcomer gets them all, from both.
	c := n.addNode("c", Config{Open: limits})
	n.mesh()
	n.run(20 * time.Second)
	n.wantEqual(n.lobby(), 3040, a, b, c)
	if a.byType[wire.TypeRuns] == 0 || b.byType[wire.TypeRuns] == 0 {
		t.Error("the newcomer asks one peer only")
	}
	dup := c.core.Stats().Duplicates
	if dup > 100 {
		t.Errorf("%d runs came twice", dup)
	}
	v := n.user(c, n.lobby()).ask(&wire.VerifyGet{Room: n.lobby()})[0].Msg.(*wire.Verified)
	for _, p := range v.Peers {
		if !p.Identical {
			t.Errorf("%+v", p)
		}
	}
}
