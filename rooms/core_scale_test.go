package rooms

import (
	"testing"
	"time"

	"parley/handshake/identity"
	"parley/store"
	"parley/wire"
)

func (n *simNet) sent() (bytes int) {
	for _, nd := range n.nodes {
		bytes += nd.stats.sent
	}
	return bytes
}

func (n *simNet) inStep(t *testing.T, room wire.ID) {
	t.Helper()
	for _, nd := range n.nodes {
		for _, l := range nd.core.rooms[room].links {
			if !l.inStep() {
				t.Errorf("%s is not in step with %s", nd.name, l.p.name)
			}
		}
	}
}

// longHistory gives the disks of stopped nodes logs of which only the heads are there, as if they had been
// in the room for long: what is compared is heads.
func longHistory(room wire.ID, like *Run, logs int, messages uint64, nodes ...*simNode) {
	state := like.Extend(nil)
	for i := range logs {
		h := store.Head{
			Log: wire.Hash("history", wire.AppendUint(nil, uint64(i))), Author: like.Author, Last: messages/uint64(logs) + uint64(i%7),
			Link: wire.Hash("link", wire.AppendUint(nil, uint64(i))), LastArrival: uint64(i + 1), Note: string(state.note()),
		}
		for _, nd := range nodes {
			nd.store.room(room).heads[h.Log] = h
		}
	}
}

func TestOneNewMessageInARoomOfAMillionCostsLittle(t *testing.T) {
	n := newSim(t, 70, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	first := kit.master.write(1)
	kit.join(b).write(1)
	n.run(5 * time.Second)
	for _, nd := range n.nodes {
		nd.crash()
	}
	longHistory(kit.link.Room, first, 298, 1_000_000, a, b)
	a.start()
	b.start()
	kit.master.req = 0
	run := kit.master.write(1)
	n.run(time.Second)
	if m := a.core.rooms[kit.link.Room].messages; m < 1_000_000 {
		t.Fatalf("the room has %d messages", m)
	}
	before := n.sent()
	n.mesh()
	n.run(20 * time.Second)
	cost := n.sent() - before
	n.inStep(t, kit.link.Room)
	if got := b.store.room(kit.link.Room).heads[run.Log].Last; got != 2 {
		t.Fatalf("the new message did not arrive: the log ends at %d", got)
	}
	t.Logf("one new message of %d bytes in a room of 1,000,000 messages from 300 logs: %d bytes", len(run.Raw), cost)
	if cost > 64<<10 {
		t.Errorf("%d bytes, want at most 64 KiB", cost)
	}
}

// manyRooms gives the disks of stopped nodes rooms of one user, whose peers they all are.
func (n *simNet) manyRooms(count int, nodes ...*simNode) (rooms []wire.ID, key *identity.Private) {
	n.t.Helper()
	key, err := identity.Generate(identity.Ed25519, "user")
	if err != nil {
		n.t.Fatal(err)
	}
	for range count {
		nonce := make([]byte, 16)
		for i := range nonce {
			nonce[i] = byte(n.rng.Uint32())
		}
		g, err := NewGenesis(key, Genesis{Nonce: nonce, Name: "room"}, Place{Time: n.now})
		if err != nil {
			n.t.Fatal(err)
		}
		rooms = append(rooms, g.ID)
		entry := store.Record{Room: g.ID, Kind: storeEntry, ID: g.ID, Bytes: g.Raw}
		for _, other := range nodes {
			d, err := NewDelegation(key, g.ID, other.id, 1)
			if err != nil {
				n.t.Fatal(err)
			}
			for _, nd := range nodes {
				r := nd.store.room(g.ID)
				r.records[recordKey(entry.Kind, entry.ID)] = entry
				r.records[recordKey(storeDelegation, d.Hash)] = store.Record{Room: g.ID, Kind: storeDelegation, ID: d.Hash, Bytes: d.Raw}
				if other == nd {
					nd.store.set(userValue(g.ID, key.ID(), d.Hash))
				}
			}
		}
	}
	return rooms, key
}

func TestOneOfTenThousandRoomsThatDiffersIsFoundCheaply(t *testing.T) {
	n := newSim(t, 71, "a", "b")
	n.codec = false
	a, b := n.nodes[0], n.nodes[1]
	a.crash()
	b.crash()
	const count = 10_000
	rooms, key := n.manyRooms(count, a, b)
	a.start()
	b.start()
	// One of them goes on at one peer while they are apart.
	auth := NewAuthority(rooms[4321])
	g, err := ParseEntry(a.store.room(rooms[4321]).records[recordKey(storeEntry, rooms[4321])].Bytes)
	if err != nil {
		t.Fatal(err)
	}
	_, _, _ = auth.Add(g)
	at, err := auth.NextOnChain(key.ID(), n.now)
	if err != nil {
		t.Fatal(err)
	}
	epoch, err := NewEpoch(key, at, make([]byte, 16), [EpochKeySize]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	_, _, _ = auth.Add(epoch)
	u := &simUser{n: n, node: a, key: key, room: rooms[4321], auth: auth, epoch: epoch.ID}
	u.done(u.ask(&wire.Submit{Room: u.room, Entries: wire.List[wire.Bytes]{epoch.Raw}}))
	u.write(1)
	n.run(time.Second)
	before := n.sent()
	n.mesh()
	n.run(20 * time.Second)
	cost := n.sent() - before
	if got := b.store.room(u.room).heads[u.prev.Log].Last; got != 1 {
		t.Fatalf("the message did not arrive: the log ends at %d", got)
	}
	t.Logf("a reconnect with %d rooms, one of which differs: %d bytes", count, cost)
	if cost > 1<<20 {
		t.Errorf("%d bytes, want at most 1 MiB", cost)
	}
	for _, id := range rooms {
		if l := b.core.rooms[id].links; len(l) != 1 || !l[0].inStep() {
			t.Fatalf("a room is not in step")
		}
	}
}

func TestAMemberThatWasAwayForAHundredEpochsCatchesUpInOneExchange(t *testing.T) {
	n := newSim(t, 72, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	u := kit.join(b)
	n.run(3 * time.Second)
	n.cut(n.between(a, b))
	m := kit.master
	for i := range 100 {
		at, err := m.auth.NextOnChain(m.key.ID(), n.now)
		if err != nil {
			t.Fatal(err)
		}
		key := [EpochKeySize]byte{9, byte(i)}
		epoch, err := NewEpoch(m.key, at, make([]byte, 16), key)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := m.auth.Add(epoch); err != nil {
			t.Fatal(err)
		}
		box, err := SealBox(m.key, epoch, u.key.ID(), u.key.Bundle().Sealing, key)
		if err != nil {
			t.Fatal(err)
		}
		m.done(m.ask(&wire.Submit{Room: m.room, Entries: wire.List[wire.Bytes]{epoch.Raw}, Boxes: wire.List[wire.Bytes]{box.Raw}}))
		m.epoch = epoch.ID
		m.write(1)
	}
	n.run(time.Second)
	walks := b.core.Stats().Walks
	n.mesh()
	n.run(10 * time.Second)
	n.inStep(t, m.room)
	if more := b.core.Stats().Walks - walks; more > 1 {
		t.Errorf("%d comparisons, want one", more)
	}
	var entries, boxes int
	for _, r := range u.ask(&wire.AuthorityGet{Room: m.room}) {
		if got, ok := r.Msg.(*wire.Authority); ok {
			entries += len(got.Entries)
			boxes += len(got.Boxes)
		}
	}
	if entries != 104 || boxes != 100 {
		t.Errorf("its user is given %d entries and %d boxes, want 104 and 100", entries, boxes)
	}
	if got := b.store.room(m.room).heads[m.prev.Log].Last; got != 100 {
		t.Errorf("%d messages arrived", got)
	}
}

func TestEachRunIsAskedForOnceAlsoWhenASourceFails(t *testing.T) {
	n := newSim(t, 73, "a", "b", "c")
	n.delay = 20 * time.Millisecond
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	var users []*simUser
	for i := range 200 {
		u := n.user(n.nodes[i%3], n.lobby())
		for range 20 {
			u.write(1)
		}
		users = append(users, u)
	}
	n.run(30 * time.Second)
	d := n.addNode("d", Config{})
	n.connect(d, a)
	n.connect(d, b)
	// The session with a ends while it delivers.
	for i := 0; d.core.Stats().Received < 100; i++ {
		if n.run(time.Millisecond); i > 60_000 {
			t.Fatal("nothing arrives")
		}
	}
	n.cut(n.between(d, a))
	n.run(30 * time.Second)
	for _, u := range users {
		if d.store.room(n.lobby()).heads[u.prev.Log].Last != 20 {
			t.Fatal("a log did not arrive whole")
		}
	}
	if dup := d.core.Stats().Duplicates; dup > 0 {
		t.Errorf("%d runs came twice", dup)
	}
	if b.byType[wire.TypeRuns] == 0 || a.byType[wire.TypeRuns] == 0 {
		t.Error("only one peer was asked")
	}
}
