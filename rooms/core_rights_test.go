package rooms

import (
	"slices"
	"testing"
	"time"

	"parley/wire"
)

// A stranger is a session driven by hand: what the node sends on it is kept.
type stranger struct {
	nd   *simNode
	p    *peer
	got  []wire.Message
	bad  bool
	serv []Serve
	ref  []Refuse
}

func (n *simNet) stranger(nd *simNode, id wire.ID, initiator bool) *stranger {
	s := &stranger{nd: nd}
	n.keys += 2
	key := PeerKey(n.keys)
	s.take(nd.core.Step(n.now, PeerUp{Peer: key, ID: id, Initiator: initiator}))
	s.p = nd.core.peers[key]
	return s
}

func (s *stranger) take(effects []Effect) {
	for _, e := range slices.Clone(effects) {
		switch e := e.(type) {
		case Send:
			if m, ok := e.Msg.(*wire.Records); ok {
				m.Records = append(m.Records, s.nd.fill(e.Room, e.Fill)...)
			}
			s.got = append(s.got, e.Msg)
		case Offender:
			s.bad = true
		case Serve:
			s.serv = append(s.serv, e)
		case Refuse:
			s.ref = append(s.ref, e)
		default:
			s.nd.carryOut(e)
		}
	}
}

func (s *stranger) say(m wire.Message) []wire.Message {
	s.got = nil
	s.take(s.nd.core.Step(s.nd.n.now, PeerMessage{Peer: s.p.key, Msg: m}))
	return s.got
}

func (s *stranger) pull(log wire.ID) {
	s.take(s.nd.core.Step(s.nd.n.now, PullIn{Peer: s.p.key, Stream: 1, Msg: &wire.Pull{
		Wants: wire.List[wire.Want]{{Log: log, First: 1, Last: 100}},
	}}))
}

// held asks for everything of a set and returns how many elements or children were told.
func (s *stranger) held(set uint64) (n int) {
	for _, m := range s.say(&wire.Ranges{Set: set, Nodes: []wire.RangeNode{{Hash: make([]byte, 16)}}}) {
		if r, ok := m.(*wire.RangesReply); ok {
			n += len(r.Keys) + len(r.Heads) + len(r.Children)
		}
	}
	return n
}

func TestWhoHasNoRightToARoomLearnsNothingOfIt(t *testing.T) {
	n := newSim(t, 70, "a")
	a := n.nodes[0]
	kit := n.privateRoom(a, 0)
	kit.master.write(3)
	n.run(time.Second)
	room := a.core.rooms[kit.link.Room]

	// It knows the room's ID, which is on every delegation, and no more.
	s := n.stranger(a, wire.ID{77}, false)
	tag := s.p.tag(false, room.id)
	answer := s.say(&wire.Offer{Tags: tag[:]})
	if m, ok := answer[0].(*wire.Match); !ok || len(m.Known) != 0 || len(m.Unknown) != 1 {
		t.Fatalf("the offer is answered with %+v", answer[0])
	}
	answer = s.say(&wire.OpenRoom{State: make([]byte, 16)})
	if m, ok := answer[0].(*wire.OpenRoom); !ok || len(m.State) != 0 {
		t.Errorf("a stranger is told a digest: %+v", answer)
	}
	if n := s.held(wire.SetEntries) + s.held(wire.SetBoxes) + s.held(wire.SetLogs) + s.held(wire.SetProofs); n != 0 {
		t.Errorf("a stranger is told of %d elements", n)
	}
	for _, m := range s.say(&wire.Fetch{Set: wire.SetEntries, IDs: wire.List[wire.ID]{room.id}}) {
		if r, ok := m.(*wire.Records); !ok || len(r.Records) != 0 {
			t.Errorf("a stranger is given %+v", m)
		}
	}
	if s.pull(kit.master.prev.Log); len(s.serv) != 0 || len(s.ref) != 1 {
		t.Error("a stranger is given runs")
	}
	s.got = nil
	kit.master.write(1)
	n.run(2 * time.Second)
	if len(s.got) != 0 || s.bad {
		t.Errorf("a stranger is told of new messages: %+v", s.got)
	}
	// With somebody else's delegation its session ends.
	other, _ := NewDelegation(kit.master.key, room.id, wire.ID{78}, 1)
	if s.say(&wire.OpenRoom{Delegation: other.Raw}); !s.bad {
		t.Error("a delegation of another peer is taken")
	}

	// The link's holder has entries and boxes, and no log.
	s = n.stranger(a, wire.ID{79}, false)
	tag = s.p.tag(false, room.id)
	s.say(&wire.Offer{Tags: tag[:]})
	d, _ := NewLinkDelegation(kit.link, wire.ID{79}, 1)
	answer = s.say(&wire.OpenRoom{Delegation: d.Raw})
	if m, ok := answer[0].(*wire.OpenRoom); !ok || digest16(m.State) != room.digest(SyncAuthority) || digest16(m.State) == room.digest(SyncAll) {
		t.Errorf("the link's holder is told %+v", answer)
	}
	if s.held(wire.SetEntries) != 3 || s.held(wire.SetBoxes) != 2 || s.held(wire.SetLogs) != 0 {
		t.Error("the link's holder is told too little or too much")
	}
	if s.pull(kit.master.prev.Log); len(s.serv) != 0 || len(s.ref) != 1 {
		t.Error("the link's holder is given runs")
	}
}

func TestWhoClaimsToKnowARoomLearnsNothingByIt(t *testing.T) {
	n := newSim(t, 71, "a")
	a := n.nodes[0]
	n.privateRoom(a, 0)
	s := n.stranger(a, wire.ID{77}, true)
	offer := s.got[0].(*wire.Offer)
	if len(offer.Tags) != 32 {
		t.Fatalf("%d bytes of tags for the lobby and a room", len(offer.Tags))
	}
	answer := s.say(&wire.Match{Known: wire.List[uint64]{0, 2}, States: make([]byte, 32)})
	for _, m := range answer {
		if o, ok := m.(*wire.OpenRoom); !ok || len(o.Delegation) != 0 || o.Ref == 2 && len(o.State) != 0 {
			t.Errorf("a liar is told %+v", m)
		}
	}
	if s.say(&wire.Match{Unknown: wire.List[uint64]{2}, Tags: make([]byte, 16)}); !s.bad || len(s.got) != 0 {
		t.Errorf("a liar is told %+v", s.got)
	}
}

func TestRunsAndEntriesPassAlongAChainSoon(t *testing.T) {
	n := newSim(t, 72, "a", "b", "c", "d")
	for i := range 3 {
		n.connect(n.nodes[i], n.nodes[i+1])
	}
	kit := n.privateRoom(n.nodes[0], 0)
	for _, nd := range n.nodes[1:] {
		kit.join(nd)
	}
	n.run(3 * time.Second)
	u := kit.member(n.nodes[0])
	n.run(60 * time.Millisecond)
	if !n.nodes[3].core.rooms[kit.link.Room].auth.Now().Role(u.key.ID()).MayWrite() {
		t.Error("a join takes longer than three round trips through three sessions")
	}
	u.write(1)
	n.run(2*announceDelay + 100*time.Millisecond)
	if n.nodes[3].store.room(u.room).heads[u.prev.Log].Last != 1 {
		t.Error("a message takes longer than two announcements through three sessions")
	}
}

func TestARunThatComesBeforeItsAuthorsJoinIsShownWithIt(t *testing.T) {
	n := newSim(t, 73, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	kit.join(b)
	n.run(2 * time.Second)
	u := n.user(a, kit.link.Room)
	u.auth = NewAuthority(u.room)
	for _, e := range kit.master.auth.All() {
		u.auth.Add(e)
	}
	u.epoch = kit.master.epoch
	join, err := NewJoin(u.key, u.auth.NextBeside(u.key.ID(), n.now), kit.link, kit.invite.ID, make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	u.auth.Add(join)
	l := b.core.rooms[u.room].links[0]
	b.step(RunsIn{Peer: l.p.key, Ref: l.ref, Runs: []*Run{u.sign(1), u.sign(1)}})
	r := b.core.rooms[u.room]
	if len(b.shown) != 0 || r.parkedCount != 2 || len(r.logs) != 1 {
		t.Fatalf("%d runs are shown, %d parked", len(b.shown), r.parkedCount)
	}
	b.step(PeerMessage{Peer: l.p.key, Msg: &wire.Records{Ref: l.ref, Set: wire.SetEntries, Records: wire.List[wire.Bytes]{join.Raw}}})
	if len(b.shown) != 2 || r.parkedCount != 0 || r.parkedBytes != 0 || len(r.blocked) != 0 {
		t.Errorf("%d runs are shown, %d parked", len(b.shown), r.parkedCount)
	}
}

func TestArrivalNumbersOfRunsThatWereShownAndLostAreNotGivenAgain(t *testing.T) {
	n := newSim(t, 74, "a")
	a := n.nodes[0]
	u := n.user(a, n.lobby())
	u.write(1)
	n.run(time.Second)
	lost := u.write(1)
	before := a.shown[len(a.shown)-1].Arrival
	a.store.waiting = nil
	a.crash()
	a.start()
	u.req = 0
	u.append(lost)
	if after := a.shown[len(a.shown)-1].Arrival; after <= before {
		t.Errorf("arrival %d after %d", after, before)
	}
}

func TestANoteBringsALogsStateBack(t *testing.T) {
	for _, first := range [][]wire.ID{{{1}}, {{2}, {3}}} {
		s := LogState{Last: 7, Link: wire.ID{9}, Heads: []wire.ID{{2}, {3}}, FirstHeads: first, Epoch: wire.ID{4}, Clock: 5}
		got, err := readNote(s.note(), 7, wire.ID{9})
		if err != nil || !slices.Equal(got.FirstHeads, first) || !slices.Equal(got.Heads, s.Heads) || got.Epoch != s.Epoch || got.Clock != 5 || got.Last != 7 || got.Link != s.Link {
			t.Errorf("%+v, %v", got, err)
		}
	}
}
