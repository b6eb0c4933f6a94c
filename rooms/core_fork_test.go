package rooms

import (
	"testing"
	"time"

	"parley/wire"
)

// fork makes a second branch of a user's log that begins after the first keep runs.
func (u *simUser) fork(node *simNode, keep int) *simUser {
	v := *u
	v.node, v.req, v.bodies = node, 0, 100000
	v.all = append([]*Run(nil), u.all[:keep]...)
	v.prev = nil
	if keep > 0 {
		v.prev = v.all[keep-1]
	}
	return &v
}

func TestAForkIsProvedAndTheLogEndsBeforeItOnEveryPeer(t *testing.T) {
	for _, live := range []bool{false, true} {
		n := newSim(t, 30, "a", "b", "c")
		a, b, c := n.nodes[0], n.nodes[1], n.nodes[2]
		n.mesh()
		u := n.user(a, n.lobby())
		for range 20 {
			u.write(2)
		}
		n.run(2 * time.Second)
		v := u.fork(b, len(u.all))
		w := n.user(b, n.lobby())
		if live { // both branches are written at once
			u.write(1)
			v.write(2)
		} else {
			n.cut(n.between(a, b))
			n.cut(n.between(a, c))
			for range 15 {
				u.write(3)
				v.write(2)
			}
			n.run(2 * time.Second)
			n.mesh()
		}
		w.write(1)
		n.run(2 * time.Minute)
		for _, nd := range n.nodes {
			r := nd.core.rooms[n.lobby()]
			lg := r.logs[u.prev.Log]
			if p := r.proofByLog[lg.id]; p == nil || p.First != 41 {
				t.Fatalf("%s has no proof of the fork: %+v", nd.name, p)
			}
			if last, link := lg.effective(); last != 40 || link != u.all[19].Hash {
				t.Errorf("%s: the log counts up to %d", nd.name, last)
			}
			for _, l := range r.links {
				if !l.inStep() {
					t.Errorf("%s is not in step with %s", nd.name, l.p.name)
				}
			}
			if nd.store.room(r.id).heads[w.prev.Log].Last != 1 {
				t.Errorf("%s: another log suffers", nd.name)
			}
		}
		u.write(1)
		n.run(time.Second)
		replies := a.replies[u.req]
		if m, ok := replies[len(replies)-1].Msg.(*wire.AppendRefused); !ok || m.Code != wire.CodeInvalid {
			t.Errorf("the forker's peer takes more of the log: %+v", replies[len(replies)-1].Msg)
		}
		// A restart keeps it, a newcomer learns it.
		c.crash()
		c.start()
		n.addNode("d", Config{})
		n.mesh()
		n.run(time.Minute)
		verified := n.user(n.nodes[3], n.lobby()).ask(&wire.VerifyGet{Room: n.lobby()})[0].Msg.(*wire.Verified)
		if len(verified.Forks) != 1 || verified.Forks[0] != u.prev.Log || verified.Messages != 41 || len(verified.Peers) != 3 {
			t.Errorf("verify says %+v", verified)
		}
		for _, p := range verified.Peers {
			if !p.Identical {
				t.Errorf("not identical with %s: %+v", p.Name, p)
			}
		}
	}
}

func TestALeaveEndsItsWritersLogsEverywhere(t *testing.T) {
	n := newSim(t, 31, "a", "b", "c")
	a, b, c := n.nodes[0], n.nodes[1], n.nodes[2]
	n.mesh()
	kit := n.privateRoom(a, 0)
	u := kit.join(b)
	kit.join(c)
	for range 10 {
		u.write(1)
	}
	n.run(3 * time.Second)
	// It leaves at c with 6 messages named, while b goes on writing without having seen that.
	n.cut(n.between(a, b))
	n.cut(n.between(b, c))
	leave, err := NewLeave(u.key, u.auth.NextBeside(u.key.ID(), n.now), []Pin{{Log: u.prev.Log, Number: 6, Link: u.all[5].Hash}})
	if err != nil {
		t.Fatal(err)
	}
	u.write(1)
	u.write(1)
	m := *kit.master
	m.done(m.ask(&wire.Submit{Room: kit.link.Room, Entries: wire.List[wire.Bytes]{leave.Raw}}))
	n.run(time.Second)
	n.mesh()
	n.run(30 * time.Second)
	for _, nd := range n.nodes {
		r := nd.core.rooms[kit.link.Room]
		if nd == b {
			continue
		}
		if last, _ := r.logs[u.prev.Log].effective(); last != 6 {
			t.Errorf("%s: the leaver's log counts up to %d", nd.name, last)
		}
	}
	kit.master.write(1)
	n.run(2 * time.Second)
	if b.store.room(kit.link.Room).heads[kit.master.prev.Log].Last != 0 {
		t.Error("who left still gets messages")
	}
	for _, l := range a.core.rooms[kit.link.Room].links {
		// Its peer still holds the link, and with it the right to the authority.
		if l.p.id == b.id && l.right != SyncAuthority || l.p.id == c.id && !l.inStep() {
			t.Errorf("%s has the right %d", l.p.name, l.right)
		}
	}
}
