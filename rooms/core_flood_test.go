package rooms

import (
	"testing"
	"time"

	"parley/wire"
)

func TestAFloodOfIdentitiesDoesNotPushOutEstablishedLogs(t *testing.T) {
	n := newSim(t, 80)
	n.codec = false
	limits := OpenLimits{Logs: 200, LogRate: 1000, LogMax: 1000}
	evil := n.addNode("evil", Config{Open: OpenLimits{Logs: 1 << 20}})
	a, b := n.addNode("a", Config{Open: limits}), n.addNode("b", Config{Open: limits})
	n.connect(a, b)
	var users []*simUser
	for range 80 {
		u := n.user(a, n.lobby())
		u.write(1)
		users = append(users, u)
	}
	n.run(2 * openNewcomer)
	n.mesh()
	for range 20 {
		for range 100 {
			n.user(evil, n.lobby()).write(1)
		}
		n.run(time.Second)
	}
	n.run(10 * time.Second)
	for _, u := range users {
		if b.store.room(n.lobby()).heads[u.prev.Log].Last != 1 {
			t.Fatal("a log that was here before the flood is let go of")
		}
	}
	if logs := len(b.core.rooms[n.lobby()].logs); logs > limits.Logs || logs < limits.Logs*8/10 {
		t.Errorf("%d logs are held", logs)
	}
}

func TestAFloodOfBoxesLeavesTheSameFewOnEveryPeer(t *testing.T) {
	n := newSim(t, 81, "a", "b", "c")
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	x, y := kit.join(b), kit.join(n.nodes[2])
	n.run(3 * time.Second)
	x.refresh()
	before := len(a.core.rooms[x.room].boxInfo)
	epoch := x.auth.Now().Epochs()[0]
	n.cut(n.between(a, b))
	for _, at := range []*simNode{a, b} { // by one sealer, apart
		m := *kit.master
		if at == b {
			m = *x
		}
		for range 40 {
			box, err := SealBox(x.key, epoch, y.key.ID(), y.key.Bundle().Sealing, [EpochKeySize]byte{7})
			if err != nil {
				t.Fatal(err)
			}
			m.ask(&wire.Submit{Room: x.room, Boxes: wire.List[wire.Bytes]{box.Raw}}) // taken or refused
		}
	}
	n.mesh()
	n.run(20 * time.Second)
	n.inStep(t, x.room)
	for _, nd := range n.nodes {
		r := nd.core.rooms[x.room]
		onDisk := 0
		for _, rec := range nd.store.room(x.room).records {
			if rec.Kind == storeBox {
				onDisk++
			}
		}
		if got := len(r.boxInfo) - before; got != maxBoxesPerPlace || onDisk != len(r.boxInfo) || r.boxes.len() != onDisk {
			t.Errorf("%s keeps %d boxes of the flood, and %d on disk for %d", nd.name, got, onDisk, len(r.boxInfo))
		}
	}
}

func TestAMemberWithManyPeersGivesUpItsOwnDelegationsOnly(t *testing.T) {
	n := newSim(t, 82, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	u := kit.join(b)
	n.run(3 * time.Second)
	r := a.core.rooms[u.room]
	honest := len(r.delegs[b.id])
	for i := range uint64(3 * maxDelegationsPerMember) {
		d, err := NewDelegation(kit.master.key, u.room, wire.ID{9, byte(i)}, i+2)
		if err != nil {
			t.Fatal(err)
		}
		a.core.rememberDelegation(r, d)
	}
	a.step(Tick{})
	n.run(time.Second)
	if len(r.delegs[b.id]) != honest || r.delegCount > maxDelegationsPerMember+honest {
		t.Errorf("%d delegations are remembered, %d of them of the other member's peer", r.delegCount, len(r.delegs[b.id]))
	}
	onDisk := 0
	for _, rec := range a.store.room(u.room).records {
		if rec.Kind == storeDelegation {
			onDisk++
		}
	}
	if onDisk != r.delegCount+1 { // and the one of its own user
		t.Errorf("%d delegations are on disk, %d in memory", onDisk, r.delegCount)
	}
}

func TestInventedLogsDoNotKeepAMembersRunsFromBeingWaitedFor(t *testing.T) {
	n := newSim(t, 83, "a", "b")
	n.meddled = true
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	u := kit.join(b)
	n.run(3 * time.Second)
	r := a.core.rooms[u.room]
	for i := range maxParkedRuns {
		s := n.user(b, u.room)
		d := &RunDraft{Room: u.room, First: 1, Epoch: wire.ID{1}, Heads: []wire.ID{{2}}, Salt: make([]byte, 16), Messages: [][]byte{make([]byte, minMessageBin)}}
		d.Salt[0], d.Salt[1] = byte(i), byte(i>>8)
		d.Incarnation = NewIncarnation(u.room, s.key.ID(), d.Salt, d.Heads)
		run, err := SignRun(s.key, d)
		if err != nil {
			t.Fatal(err)
		}
		a.core.receive(r, r.links[0], run, nil)
	}
	if r.parkedCount != maxParkedRuns {
		t.Fatalf("%d runs wait: this tests nothing", r.parkedCount)
	}
	u.sign(1)
	behind := u.sign(1) // its first comes later
	a.core.receive(r, r.links[0], behind, nil)
	if lg := r.logs[behind.Log]; lg == nil || len(lg.parked) != 1 || r.parkedCount > maxParkedRuns {
		t.Error("a member's run finds no place")
	}
}
