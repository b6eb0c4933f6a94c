package rooms

import (
	"testing"
	"time"

	"parley/wire"
)

func TestPlacedWaitsForTheDisksOfOthers(t *testing.T) {
	n := newSim(t, 40, "a", "b", "c")
	a := n.nodes[0]
	kit := n.privateRoom(a, 0)
	r := kit.master.write(1)
	n.run(time.Second)
	get := &wire.PlacedGet{Room: r.Room, Log: r.Log, Number: 1, Replicas: 2, Wait: 60_000}
	req := kit.master.request(get)
	if p := kit.master.ask(&wire.PlacedGet{Room: r.Room, Log: r.Log, Number: 1})[0].Msg.(*wire.Placed); p.On != 0 || p.Of != 0 {
		t.Errorf("alone, but %+v", p)
	}
	n.mesh()
	kit.join(n.nodes[1])
	n.run(2 * time.Second)
	if len(a.replies[req]) != 0 {
		t.Error("one other disk is not two")
	}
	kit.join(n.nodes[2])
	n.run(2 * time.Second)
	if got := a.replies[req]; len(got) != 1 || *got[0].Msg.(*wire.Placed) != (wire.Placed{On: 2, Of: 2}) {
		t.Errorf("on two disks, but %+v", got)
	}
	r = kit.master.write(1)
	p := kit.master.ask(&wire.PlacedGet{Room: r.Room, Log: r.Log, Number: 2, Wait: 5000})[0].Msg.(*wire.Placed)
	if p.On != 2 {
		t.Errorf("a live message is on %+v", p)
	}
	n.nodes[1].crash()
	late := n.now
	p = kit.master.ask(&wire.PlacedGet{Room: r.Room, Log: r.Log, Number: 2, Replicas: 2, Wait: 300})[0].Msg.(*wire.Placed)
	if p.On != 1 || n.now.Sub(late) < 300*time.Millisecond {
		t.Errorf("after a crash: %+v", p)
	}
}

func TestProgressCountsWhatIsMissing(t *testing.T) {
	n := newSim(t, 41, "a", "b")
	kit := n.privateRoom(n.nodes[0], 0)
	conn := n.connect(n.nodes[0], n.nodes[1])
	u := kit.join(n.nodes[1])
	n.cut(conn)
	for range 300 {
		kit.master.write(512)
	}
	n.run(time.Second)
	n.mesh()
	n.delay = 200 * time.Millisecond
	req := u.request(&wire.RoomWatch{Room: u.room})
	n.run(20 * time.Second)
	missing, end := uint64(0), wire.RoomProgress{}
	for _, r := range n.nodes[1].replies[req] {
		end = *r.Msg.(*wire.RoomProgress)
		missing = max(missing, end.Missing)
	}
	if missing < 50_000 || end != (wire.RoomProgress{Entries: 4, Messages: 153600, Peers: 1, InStep: 1}) {
		t.Errorf("at most %d were missing, and at the end %+v", missing, end)
	}
}

func TestVerifyLeavesOutThePeerOfWhoWasRemoved(t *testing.T) {
	n := newSim(t, 43, "a", "b", "c")
	a, b, c := n.nodes[0], n.nodes[1], n.nodes[2]
	n.mesh()
	kit := n.privateRoom(a, 0)
	u := kit.join(b)
	kit.join(c).write(1)
	u.write(1)
	n.run(3 * time.Second)
	kit.master.remove(u, u.all[0])
	n.run(3 * time.Second)
	v := kit.master.ask(&wire.VerifyGet{Room: u.room})[0].Msg.(*wire.Verified)
	if len(v.Peers) != 1 || v.Peers[0].Peer != c.id || !v.Peers[0].Identical || v.Peers[0].Problem != "" {
		t.Errorf("with all: %+v", v.Peers)
	}
	v = kit.master.ask(&wire.VerifyGet{Room: u.room, Peer: b.id})[0].Msg.(*wire.Verified)
	if len(v.Peers) != 1 || v.Peers[0].Problem != "its user is no member of the room any more" {
		t.Errorf("by name: %+v", v.Peers)
	}
	// Nor does who comes with a link that was revoked by it.
	d := n.addNode("d", Config{})
	n.connect(a, d)
	dead, err := NewLinkDelegation(kit.link, d.id, 1)
	if err != nil {
		t.Fatal(err)
	}
	stranger := n.user(d, u.room)
	stranger.done(stranger.ask(&wire.Submit{Room: u.room, Delegation: dead.Raw}))
	n.run(3 * time.Second)
	v = kit.master.ask(&wire.VerifyGet{Room: u.room})[0].Msg.(*wire.Verified)
	if len(a.core.rooms[u.room].links) != 3 || len(v.Peers) != 1 || v.Peers[0].Peer != c.id {
		t.Errorf("with the holder of a dead link, of %d links: %+v", len(a.core.rooms[u.room].links), v.Peers)
	}
}

func TestWhoCameAndWentBeforeAPeerHeardOfItIsToldByThatPeer(t *testing.T) {
	n := newSim(t, 44, "a", "b", "c")
	a, b, c := n.nodes[0], n.nodes[1], n.nodes[2]
	n.connect(a, b)
	kit := n.privateRoom(a, 0)
	admin, other := kit.join(b), kit.join(b)
	n.run(3 * time.Second)
	kit.master.appoint(admin)
	n.run(3 * time.Second)
	n.cut(n.between(a, b))
	// On the far side an admin lets somebody in; on the near side a removal revokes that.
	n.connect(b, c)
	link, err := NewLink(kit.link.Room, n.net.Name, nil)
	if err != nil {
		t.Fatal(err)
	}
	invite := admin.enter(func(at Place) (*Entry, error) { return NewInvite(admin.key, at, link, 0, time.Time{}, RoleMember) })
	u := (&simRoomKit{n: n, master: admin, link: link, invite: invite}).join(c)
	run := u.write(1)
	stop := kit.master.remove(other, nil)
	n.cut(n.between(b, c))
	n.connect(a, c)
	n.connect(a, b)
	n.run(10 * time.Second)
	far := c.core.rooms[u.room]
	if !far.auth.Has(stop.ID) || far.auth.Now().Role(u.key.ID()) != RoleNone {
		t.Errorf("the newcomer's peer has the removal: %v, and its user is %v", far.auth.Has(stop.ID), far.auth.Now().Role(u.key.ID()))
	}
	notices := u.ask(&wire.NoticesGet{Room: u.room})
	if got, ok := notices[0].Msg.(*wire.Notices); !ok || len(got.Notices) != 1 || got.Notices[0].Log != run.Log || got.Notices[0].Counts {
		t.Errorf("%+v", notices[0])
	}
}

func TestVerifyNamesHolesOnBothSides(t *testing.T) {
	n := newSim(t, 42, "a", "b")
	n.meddled = true
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	u := kit.join(b)
	for range 5 {
		kit.master.write(2)
		u.write(1)
	}
	n.run(3 * time.Second)
	v := kit.master.ask(&wire.VerifyGet{Room: u.room})[0].Msg.(*wire.Verified)
	if v.Messages != 15 || len(v.Peers) != 1 || !v.Peers[0].Identical || v.Peers[0].Peer != b.id {
		t.Fatalf("in step, but %+v", v)
	}
	// Holes, made behind the cores' backs.
	ra, rb := a.core.rooms[u.room], b.core.rooms[u.room]
	la := ra.logs[u.prev.Log]
	la.durable, la.durLink = 3, u.all[2].Hash
	ra.setHead(la)
	rb.logTree.drop(kit.master.prev.Log)
	rb.digestsFresh = false
	v = kit.master.ask(&wire.VerifyGet{Room: u.room, Peer: b.id})[0].Msg.(*wire.Verified)
	holes := map[wire.ID]wire.Hole{}
	for _, h := range v.Peers[0].Holes {
		holes[h.Log] = h
	}
	if v.Peers[0].Identical || holes[u.prev.Log] != (wire.Hole{Log: u.prev.Log, First: 4, Last: 5, Side: "here"}) ||
		holes[kit.master.prev.Log] != (wire.Hole{Log: kit.master.prev.Log, First: 1, Last: 10, Side: "there"}) {
		t.Errorf("the holes are %+v", v.Peers[0])
	}
	v = kit.master.ask(&wire.VerifyGet{Room: u.room, Peer: wire.ID{1}})[0].Msg.(*wire.Verified)
	if len(v.Peers) != 1 || v.Peers[0].Problem == "" {
		t.Errorf("a peer that is not there: %+v", v.Peers)
	}
}

func (u *simUser) refused(code wire.Code, m wire.Message) {
	u.n.t.Helper()
	r := u.ask(m)
	if err := r[len(r)-1].Err; err == nil || err.Code != code {
		u.n.t.Errorf("%T: %v, not %v", m, err, code)
	}
}

func TestAnInviteAdmitsAsManyAsItSaysAndNoLonger(t *testing.T) {
	n := newSim(t, 43, "a", "b")
	a := n.nodes[0]
	n.mesh()
	kit := n.privateRoom(a, 1)
	kit.join(n.nodes[1])
	n.run(time.Second)
	u := n.user(a, kit.link.Room)
	u.auth = kit.master.auth
	join, err := NewJoin(u.key, u.auth.NextBeside(u.key.ID(), n.now), kit.link, kit.invite.ID, make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	d, _ := NewDelegation(u.key, u.room, a.id, 1)
	u.refused(wire.CodeExhausted, &wire.Submit{Room: u.room, Delegation: d.Raw, Entries: wire.List[wire.Bytes]{join.Raw}})
	u.refused(wire.CodeExhausted, &wire.Submit{Room: u.room, Delegation: d.Raw, Join: join.Raw, Entries: wire.List[wire.Bytes]{join.Raw}})
	u.refused(wire.CodeRefused, &wire.Submit{Room: u.room, Delegation: d.Raw})
	u.refused(wire.CodeNotFound, &wire.AuthorityGet{Room: u.room})
	u.refused(wire.CodeNotFound, &wire.WriterGet{Room: u.room})
	u.refused(wire.CodeNotFound, &wire.Append{Room: u.room})
	if a.core.MayRead(u.key.ID(), u.room) || !a.core.MayRead(kit.master.key.ID(), u.room) || !a.core.MayRead(u.key.ID(), n.lobby()) {
		t.Error("the wrong users may read")
	}
	u.epoch = kit.master.epoch
	u.auth.Add(join)
	run := u.sign(1)
	kit.master.append(run)
	last := a.replies[kit.master.req]
	if last[len(last)-1].Err == nil || last[len(last)-1].Err.Code != wire.CodeRefused {
		t.Error("a run of another author is taken")
	}
}

func TestARoomCanBeGivenUpTakenUpAgainAndForgotten(t *testing.T) {
	n := newSim(t, 44, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	kit.master.write(3)
	u := kit.join(b)
	u.write(2)
	n.run(2 * time.Second)
	u.done(u.ask(&wire.RoomDetach{Room: u.room}))
	kit.master.write(1)
	n.run(time.Second)
	if b.core.rooms[u.room] != nil || len(a.core.rooms[u.room].links) != 0 || len(b.store.room(u.room).heads) != 2 {
		t.Fatal("a room that was given up is still there, or its data is not")
	}
	b.crash()
	b.start()
	n.mesh()
	d, _ := NewDelegation(u.key, u.room, b.id, 2)
	u.done(u.ask(&wire.Submit{Room: u.room, Delegation: d.Raw}))
	n.run(2 * time.Second)
	n.wantEqual(u.room, 6, a, b)
	u.req = 0
	u.write(1)
	n.run(2 * time.Second)
	n.wantEqual(u.room, 7, a, b)
	b.crash()
	b.start()
	n.mesh()
	n.run(2 * time.Second)
	n.wantEqual(u.room, 7, a, b)
	u.done(u.ask(&wire.RoomDetach{Room: u.room, Forget: true}))
	if b.store.rooms[u.room] != nil && len(b.store.rooms[u.room].heads)+len(b.store.rooms[u.room].records) > 0 {
		t.Error("a forgotten room is on the disk")
	}
	d, _ = NewDelegation(u.key, u.room, b.id, 3)
	join := kit.master.joinOf(u)
	u.done(u.ask(&wire.Submit{Room: u.room, Delegation: d.Raw, Join: join.Raw}))
	n.run(2 * time.Second)
	n.wantEqual(u.room, 7, a, b)
}

// A store gives a room that it has not got no arrival number below those of rooms that were dropped. The first run in a
// room that was made after another was forgotten was refused by the store, and so was the first in an open room.
func TestWhatIsWrittenFirstAfterARoomWasForgottenIsStored(t *testing.T) {
	n := newSim(t, 46, "a")
	a := n.nodes[0]
	kit := n.privateRoom(a, 0)
	kit.master.write(3)
	n.run(time.Second)
	kit.master.done(kit.master.ask(&wire.RoomDetach{Room: kit.master.room, Forget: true}))
	first := func() {
		n.user(a, n.lobby()).write(1)
		n.privateRoom(a, 0).master.write(1)
		n.run(time.Second)
		if failed := a.core.Stats().FailedBatches; failed > 0 {
			t.Errorf("the store has refused %d batches", failed)
		}
	}
	first()
	a.crash()
	a.start()
	first()
}

// joinOf finds a user's join entry at this user's peer.
func (u *simUser) joinOf(v *simUser) *Entry {
	for _, e := range u.node.core.rooms[u.room].auth.All() {
		if e.Join() != nil && e.Writer == v.key.ID() {
			return e
		}
	}
	return nil
}

func TestAppendingAgainIsAnsweredAndAppendingOtherwiseRefused(t *testing.T) {
	n := newSim(t, 45, "a")
	a := n.nodes[0]
	u := n.user(a, n.lobby())
	var runs []*Run
	for range 5 {
		runs = append(runs, u.write(2))
	}
	n.run(time.Second)
	for i, r := range runs {
		u.req = 0
		u.append(r)
		n.run(time.Second)
		if got := a.replies[u.req]; len(got) != 1 || *got[0].Msg.(*wire.Appended) != (wire.Appended{Log: r.Log, Last: r.Last(), Link: r.Hash}) {
			t.Errorf("run %d again: %+v", i, got)
		}
	}
	other := u.fork(a, 2)
	other.append(other.sign(2), other.sign(2))
	n.run(time.Second)
	if got := a.replies[other.req]; len(got) != 2 || got[0].Msg.(*wire.AppendRefused).Code != wire.CodeConflict {
		t.Errorf("another branch: %+v", got)
	}
	gap := u.fork(a, 5)
	gap.sign(1)
	gap.append(gap.sign(1))
	n.run(time.Second)
	m := a.replies[gap.req][0].Msg.(*wire.AppendRefused)
	if m.Code != wire.CodeConflict || m.Last != 10 || m.Link != runs[4].Hash || m.First != 12 {
		t.Errorf("behind a gap: %+v", m)
	}
	u.req = 0
	r := u.write(1)
	a.step(UserEnd{Req: u.req})
	n.run(time.Second)
	if got := a.replies[u.req]; len(got) != 2 || got[0].Msg.(*wire.Appended).Last != r.Last() || !got[1].End {
		t.Errorf("an ended pipe: %+v", got)
	}
	w := u.ask(&wire.WriterGet{Room: u.room, Log: u.prev.Log})[0].Msg.(*wire.Writer)
	if w.Last != 11 || w.Link != r.Hash || w.Clock != r.Clock || len(w.Refs) != 0 {
		t.Errorf("the writer is told %+v", w)
	}
	if a.core.Stats().Requests != 8 { // each append stream that the user has not ended
		t.Errorf("%d requests are open", a.core.Stats().Requests)
	}
}
