package rooms

import (
	"fmt"
	"testing"
	"time"

	"parley/store"
	"parley/wire"
)

// A sharing is two nodes whose stores are in one database: each looks at what the other's disk has, and takes what its own
// lacks, as package peer does.
type sharing struct {
	a, b  *simNode
	floor map[string]store.Head // of each log at each node, the highest seen: a frontier never goes back; nil: it may
	runs  int                   // that were handed over
	late  bool                  // records are not there yet
}

func sharingOf(a, b *simNode) *sharing { return &sharing{a: a, b: b, floor: map[string]store.Head{}} }

// look hands nd what the other's disk has of the rooms that it keeps and its own lacks. At most some runs of each log come at once;
// what is on its way to nd's disk comes again.
func (s *sharing) look(nd *simNode, most int) {
	nd.n.t.Helper()
	if nd.core == nil {
		return
	}
	other := s.a
	if nd == s.a {
		other = s.b
	}
	for _, id := range nd.core.Kept() {
		theirs, mine := other.store.rooms[id], nd.store.room(id)
		if theirs == nil {
			continue
		}
		records := map[uint64]*wire.Records{}
		sets := map[store.Kind]uint64{store.KindEntry: wire.SetEntries, store.KindBox: wire.SetBoxes, store.KindProof: wire.SetProofs}
		for _, key := range sortedStrings(theirs.records) {
			rec := theirs.records[key]
			if set, ok := sets[rec.Kind]; ok && !s.late && mine.records[key].Bytes == nil {
				if records[set] == nil {
					records[set] = &wire.Records{Set: set}
				}
				records[set].Records = append(records[set].Records, rec.Bytes)
			}
		}
		parts := new(Parts)
		take := func(m wire.Message) {
			got, err := Prepare(m)
			if err != nil {
				nd.n.t.Fatal(err)
			}
			parts.Entries, parts.Boxes, parts.Proofs = append(parts.Entries, got.Entries...), append(parts.Boxes, got.Boxes...), append(parts.Proofs, got.Proofs...)
			parts.Runs = append(parts.Runs, got.Runs...)
		}
		for _, set := range []uint64{wire.SetEntries, wire.SetBoxes, wire.SetProofs} {
			if records[set] != nil {
				take(records[set])
			}
		}
		m := &wire.Runs{}
		for _, log := range sortedIDs(theirs.heads) {
			h := theirs.heads[log]
			runs := other.store.runsOf(id, log, max(mine.heads[log].Last, h.Floor)+1, h.Last)
			for _, run := range runs[:min(most, len(runs))] {
				m.Runs = append(m.Runs, run.Bytes)
			}
		}
		if len(m.Runs) > 0 {
			take(m)
			s.runs += len(m.Runs)
		}
		nd.step(SharedIn{Parts: parts})
	}
	s.watch()
}

// watch fails the test when a log at a node ends before where it ended.
func (s *sharing) watch() {
	for _, nd := range []*simNode{s.a, s.b} {
		for room, r := range nd.store.rooms {
			for log, h := range r.heads {
				key := fmt.Sprint(nd.name, room, log)
				if was := s.floor[key]; h.Last < was.Last {
					nd.n.t.Fatalf("%s: a log ended at message %d, now at %d", nd.name, was.Last, h.Last)
				}
				if s.floor != nil {
					s.floor[key] = h
				}
			}
		}
	}
}

// wantOnce fails the test when a node has other messages of a room than the users wrote, shows one twice, or says that a log is forked.
func (s *sharing) wantOnce(room wire.ID, users ...*simUser) {
	t := s.a.n.t
	t.Helper()
	for _, nd := range []*simNode{s.a, s.b} {
		r := nd.core.rooms[room]
		if len(r.proofByLog) > 0 {
			t.Errorf("%s: %d logs are forked; nobody forked any", nd.name, len(r.proofByLog))
		}
		shown := map[wire.ID]int{}
		for _, it := range nd.shown {
			run, err := ParseRun(it.Run)
			if err != nil {
				t.Fatal(err)
			}
			shown[run.Hash]++
		}
		for i, u := range users {
			if h := nd.store.room(room).heads[u.prev.Log]; h.Last != u.prev.Last() || h.Link != u.prev.Hash {
				t.Errorf("%s: the log of user %d ends at message %d of %d", nd.name, i, h.Last, u.prev.Last())
			}
			for _, run := range u.all {
				if n := shown[run.Hash]; n != 1 {
					t.Errorf("%s: the run of user %d that ends at message %d is shown %d times", nd.name, i, run.Last(), n)
				}
			}
		}
	}
}

// founded is a private room of two nodes, with a user at each.
func founded(n *simNet) (s *sharing, room wire.ID, u, v *simUser) {
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	u, v = kit.master, kit.join(b)
	n.run(2 * time.Second)
	return sharingOf(a, b), kit.link.Room, u, v
}

// What was broken once to see these tests fail, in core_shared.go: each kind of record left out; a run
// judged without the look whether it is the next, and taken without being judged; what waited behind it not drained; any run of a log of an
// open room may begin it.

func TestARoomIsKeptInStepOverASharedDatabaseAloneWhenAllSessionsAreCut(t *testing.T) {
	for seed := range uint64(6) {
		n := newSim(t, 600+seed, "a", "b")
		s, room, u, v := founded(n)
		w := n.user(s.b, n.lobby())
		n.cut(n.between(s.a, s.b))
		for range 60 {
			for _, writer := range []*simUser{u, v, w} {
				if n.rng.IntN(2) == 0 {
					writer.write(1 + n.rng.IntN(3))
				}
			}
			n.run(time.Duration(n.rng.IntN(5)) * time.Millisecond)
			for _, nd := range []*simNode{s.a, s.b} {
				// Often again before the disk has what came: then the same comes twice, and more behind it.
				for range n.rng.IntN(3) {
					s.look(nd, 1+n.rng.IntN(4))
				}
			}
		}
		for range 100 {
			n.run(20 * time.Millisecond)
			s.look(s.a, 1000)
			s.look(s.b, 1000)
		}
		s.wantOnce(room, u, v)
		s.wantOnce(n.lobby(), w)
		n.wantEqual(room, s.a.core.rooms[room].messages, s.a, s.b)
		n.wantEqual(n.lobby(), s.a.core.rooms[n.lobby()].messages, s.a, s.b)
		// The sessions, when they are back, find nothing that is missing.
		sent := s.a.stats.pulls + s.b.stats.pulls + s.a.stats.pushes + s.b.stats.pushes
		n.mesh()
		n.run(5 * time.Second)
		n.wantEqual(room, s.a.core.rooms[room].messages, s.a, s.b)
		if now := s.a.stats.pulls + s.b.stats.pulls + s.a.stats.pushes + s.b.stats.pushes; now != sent {
			t.Errorf("%d pulls and pushes of what both have", now-sent)
		}
		s.wantOnce(room, u, v)
	}
}

func TestWhatComesByASessionAndByTheSharedDatabaseIsTakenOnceAndPushedOnce(t *testing.T) {
	for seed := range uint64(6) {
		n := newSim(t, 700+seed, "a", "b")
		s, room, u, v := founded(n)
		n.delay = 40 * time.Millisecond // of sessions and disks: either way may be the faster one
		pushes := s.a.stats.pushes + s.b.stats.pushes
		written := 0
		for range 80 {
			for _, writer := range []*simUser{u, v} {
				if n.rng.IntN(2) == 0 {
					writer.write(1)
					written++
				}
			}
			n.run(time.Duration(n.rng.IntN(30)) * time.Millisecond)
			s.look(s.a, 1000)
			s.look(s.b, 1000)
		}
		n.run(10 * time.Second)
		s.wantOnce(room, u, v)
		n.wantEqual(room, s.a.core.rooms[room].messages, s.a, s.b)
		if s.runs == 0 {
			t.Error("no run came by the database: nothing was tested")
		}
		// The author's peer pushes each run to the other, which pushes none of them back.
		if n := s.a.stats.pushes + s.b.stats.pushes - pushes; n > written {
			t.Errorf("%d runs were written and %d pushed", written, n)
		}
		if p := s.a.stats.pulls + s.b.stats.pulls; p > 4 {
			t.Errorf("%d pulls of what was pushed or came by the database", p)
		}
	}
}

func TestThroughCrashesAFrontierNeverGoesBackAndNoForkIsInventedOverASharedDatabase(t *testing.T) {
	for seed := range uint64(8) {
		n := newSim(t, 800+seed, "a", "b")
		s, room, u, v := founded(n)
		users := []*simUser{u, v}
		crashes := 0
		for range 150 {
			switch nd := n.nodes[n.rng.IntN(2)]; n.rng.IntN(12) {
			case 0:
				if nd.core != nil {
					nd.crash()
					crashes++
				}
			case 1:
				if c := n.between(s.a, s.b); c != nil {
					n.cut(c)
				} else {
					n.mesh()
				}
			case 2, 3:
				s.look(nd, 1+n.rng.IntN(3))
			default:
				if w := users[n.rng.IntN(2)]; w.node.core != nil {
					w.write(1 + n.rng.IntN(2))
				}
			}
			n.run(time.Duration(n.rng.IntN(8)) * time.Millisecond)
			for _, w := range users {
				if nd := w.node; nd.core == nil && n.rng.IntN(4) == 0 {
					nd.start()
					w.resend()
				}
			}
			s.watch()
		}
		for _, w := range users {
			if w.node.core == nil {
				w.node.start()
			}
			w.resend()
		}
		n.run(time.Second)
		if c := n.between(s.a, s.b); c != nil {
			n.cut(c)
		}
		for range 100 {
			n.run(20 * time.Millisecond)
			s.look(s.a, 1000)
			s.look(s.b, 1000)
		}
		if crashes == 0 {
			t.Error("no node crashed: nothing was tested")
		}
		for _, nd := range n.nodes {
			if proofs := nd.core.rooms[room].proofByLog; len(proofs) > 0 {
				t.Errorf("seed %d, %s: %d logs are forked; nobody forked any", seed, nd.name, len(proofs))
			}
			for i, w := range users {
				if h := nd.store.room(room).heads[w.prev.Log]; h.Last != w.prev.Last() {
					t.Errorf("seed %d, %s: the log of user %d ends at message %d of %d", seed, nd.name, i, h.Last, w.prev.Last())
				}
			}
		}
		n.wantEqual(room, s.a.core.rooms[room].messages, s.a, s.b)
	}
}

func TestRecordsComeOverASharedDatabaseAndTheRunsThatWaitForThem(t *testing.T) {
	n := newSim(t, 910, "a", "b")
	s, room, u, v := founded(n)
	n.cut(n.between(s.a, s.b))
	key := [EpochKeySize]byte{9}
	epoch := u.enter(func(at Place) (*Entry, error) { return NewEpoch(u.key, at, make([]byte, 16), key) })
	box, err := SealBox(u.key, epoch, v.key.ID(), v.key.Bundle().Sealing, key)
	if err != nil {
		t.Fatal(err)
	}
	u.done(u.ask(&wire.Submit{Room: room, Boxes: wire.List[wire.Bytes]{box.Raw}}))
	u.write(1)
	n.run(time.Second)
	// The run comes first, and names an entry that is not there.
	s.late = true
	for range 3 {
		s.look(s.b, 1000)
		n.run(time.Second)
	}
	if h := s.b.store.room(room).heads[u.prev.Log]; h.Last != 0 {
		t.Errorf("the log ends at %d before its entries are there", h.Last)
	}
	s.late = false
	s.look(s.b, 1000)
	s.look(s.b, 1000) // before the disk has it
	n.run(time.Second)
	r := s.b.core.rooms[room]
	if !r.auth.Has(epoch.ID) || r.boxInfo[box.ID] == nil || s.b.store.room(room).records[recordKey(storeBox, box.ID)].Bytes == nil {
		t.Error("an entry or a box did not come")
	}
	if h := s.b.store.room(room).heads[u.prev.Log]; h.Last != 1 {
		t.Errorf("the log ends at %d, want 1", h.Last)
	}
	n.wantEqual(room, s.a.core.rooms[room].messages, s.a, s.b)
	before := s.b.core.stats
	s.look(s.b, 1000)
	if s.b.core.stats != before {
		t.Errorf("a look at what is held changes the counters from %+v to %+v", before, s.b.core.stats)
	}
}

// What waits for a run that a session lost goes on when the database brings that one.
func TestARunThatASessionLostComesOverASharedDatabaseAndWhatWaitedForItGoesOn(t *testing.T) {
	n := newSim(t, 920, "a", "b")
	s, room, u, _ := founded(n)
	u.write(1)
	n.run(time.Second)
	conn, r := n.between(s.a, s.b), s.b.core.rooms[room]
	u.sign(1)
	rest := []*Run{u.sign(1), u.sign(1)}
	s.b.step(RunsIn{Peer: conn.b.key, Ref: r.links[0].ref, Runs: rest})
	if k := len(r.logs[u.prev.Log].parked); k != len(rest) {
		t.Fatalf("%d runs wait, want %d", k, len(rest))
	}
	n.cut(conn)
	u.append(u.all[1])
	n.run(time.Second)
	s.look(s.b, 1000)
	n.run(time.Second)
	if h := s.b.store.room(room).heads[u.prev.Log]; h.Last != 4 {
		t.Errorf("the log ends at %d, want 4: the one that came, and the two that waited", h.Last)
	}
}

func TestARemovalOverASharedDatabaseEndsTheLogAtBothPeers(t *testing.T) {
	for seed := range uint64(6) {
		n := newSim(t, 930+seed, "a", "b")
		s, room, u, v := founded(n)
		for range 5 {
			v.write(1)
		}
		n.run(2 * time.Second)
		last := v.prev
		s.floor = nil // what does not count is hidden, and the log shorter
		n.cut(n.between(s.a, s.b))
		u.remove(v, last)
		for range 20 {
			if n.rng.IntN(2) == 0 {
				v.write(1)
			}
			u.write(1)
			n.run(time.Duration(n.rng.IntN(4)) * time.Millisecond)
			s.late = n.rng.IntN(3) == 0
			s.look(s.a, 1+n.rng.IntN(3))
			s.look(s.b, 1+n.rng.IntN(3))
		}
		s.late = false
		for range 50 {
			n.run(20 * time.Millisecond)
			s.look(s.a, 1000)
			s.look(s.b, 1000)
		}
		for _, nd := range n.nodes {
			if h := nd.store.room(room).heads[last.Log]; h.Last != last.Last() {
				t.Errorf("seed %d, %s: the log of who was removed ends at %d, want %d", seed, nd.name, h.Last, last.Last())
			}
			if h := nd.store.room(room).heads[u.prev.Log]; h.Last != u.prev.Last() {
				t.Errorf("seed %d, %s: the master's log ends at %d, want %d", seed, nd.name, h.Last, u.prev.Last())
			}
		}
		n.wantEqual(room, s.a.core.rooms[room].messages, s.a, s.b)
	}
}

// A fork that somebody did make is proved as over a session, and its branches do not overwrite each other.
func TestBranchesOfAForkInTwoPartsOfADatabaseAreKeptApartAndItsProofComesOverIt(t *testing.T) {
	n := newSim(t, 900, "a", "b", "c")
	a, b, c := n.nodes[0], n.nodes[1], n.nodes[2]
	n.mesh()
	s, room := sharingOf(a, b), n.lobby()
	u := n.user(a, room)
	for range 10 {
		u.write(1)
	}
	n.run(2 * time.Second)
	n.cut(n.between(a, b))
	n.cut(n.between(a, c))
	fork := u.fork(b, len(u.all))
	for range 3 {
		u.write(1)
	}
	for range 5 {
		fork.write(1)
	}
	look := func() {
		for range 100 {
			n.run(20 * time.Millisecond)
			s.look(a, 1000)
			s.look(b, 1000)
		}
	}
	look()
	for nd, end := range map[*simNode]*simUser{a: u, b: fork} {
		if h := nd.store.room(room).heads[u.prev.Log]; h.Last != end.prev.Last() || h.Link != end.prev.Hash {
			t.Errorf("%s: the log ends at %d, want %d: its own branch, as it was", nd.name, h.Last, end.prev.Last())
		}
	}
	// A third peer has the branch of b, and shows it to a, which proves the fork. To b the proof comes by the database alone.
	n.cut(n.between(b, c))
	n.connect(a, c)
	n.run(time.Minute)
	look()
	for _, nd := range n.nodes {
		r := nd.core.rooms[room]
		if p := r.proofByLog[u.prev.Log]; p == nil || p.First != 11 {
			t.Errorf("%s has no proof of the fork: %+v", nd.name, p)
		}
		if last, _ := r.logs[u.prev.Log].effective(); last != 10 {
			t.Errorf("%s: the log counts up to %d, want 10", nd.name, last)
		}
	}
}
