package rooms

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"parley/wire"
)

// hostile fills a message with values that are often plausible.
func hostile(rng *rand.Rand, v reflect.Value, ids []wire.ID) {
	switch v.Kind() {
	case reflect.Pointer:
		hostile(rng, v.Elem(), ids)
	case reflect.Struct:
		for i := range v.NumField() {
			hostile(rng, v.Field(i), ids)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b := make([]byte, []int{0, 1, 16, 16, 16, 32, 64}[rng.IntN(7)])
			for i := range b {
				b[i] = byte(rng.Uint32()) & []byte{15, 255}[rng.IntN(2)]
			}
			v.SetBytes(b)
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), rng.IntN(6), 6))
		for i := range v.Len() {
			hostile(rng, v.Index(i), ids)
		}
	case reflect.Array:
		id := ids[rng.IntN(len(ids))]
		if rng.IntN(3) == 0 {
			id = randomID(rng)
		}
		reflect.Copy(v, reflect.ValueOf(id[:]))
	case reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	case reflect.String:
	default:
		n := []uint64{0, 1, 2, 3, 4, 5, uint64(rng.IntN(100)), rng.Uint64(), ^uint64(0)}[rng.IntN(9)]
		v.SetUint(n)
	}
}

func TestAHostilePeerCannotHarmAnybody(t *testing.T) {
	n := newSim(t, 50, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	u := kit.join(b)
	w := n.user(a, n.lobby())
	for range 5 {
		kit.master.write(1)
		w.write(1)
	}
	n.run(2 * time.Second)
	ids := []wire.ID{kit.link.Room, n.lobby(), w.prev.Log, kit.master.prev.Log, w.prev.Hash, w.prev.Author, kit.invite.ID}
	var types []wire.Row
	for _, row := range wire.Rows() {
		if row.Legal == wire.LegalPeerToPeer {
			types = append(types, row)
		}
	}
	offenders := 0
	rng := rand.New(rand.NewPCG(5, 6))
	for session := range 1500 {
		evil := PeerKey(1_000_000 + session)
		a.step(PeerUp{Peer: evil, ID: randomID(rng), Initiator: session%2 == 0})
		p := a.core.peers[evil]
		if session%3 > 0 { // it knows the lobby, and sometimes the private room
			tag := p.tag(false, n.lobby())
			offer := &wire.Offer{Tags: tag[:]}
			if session%3 == 2 {
				other := p.tag(false, kit.link.Room)
				offer.Tags = append(offer.Tags, other[:]...)
			}
			a.core.Step(n.now, PeerMessage{Peer: evil, Msg: offer})
		}
		for range 60 {
			if a.core.peers[evil] == nil {
				offenders++
				break
			}
			m := types[rng.IntN(len(types))].New()
			hostile(rng, reflect.ValueOf(m), ids)
			if ref := reflect.ValueOf(m).Elem().FieldByName("Ref"); ref.IsValid() && rng.IntN(8) > 0 {
				ref.SetUint(uint64(rng.IntN(4)))
			}
			switch m := m.(type) {
			case *wire.Push:
				a.hostileStep(RunsIn{Peer: evil, Ref: m.Ref, Runs: []*Run{w.all[rng.IntN(5)], kit.master.all[rng.IntN(5)]}[:rng.IntN(3)]})
			case *wire.Runs:
				a.hostileStep(RunsIn{Peer: evil, Pull: PullKey(rng.IntN(40)), Runs: w.all[:rng.IntN(3)]})
				a.hostileStep(PullEnd{Pull: PullKey(rng.IntN(40))})
			case *wire.Pull:
				a.hostileStep(PullIn{Peer: evil, Msg: m})
			default:
				a.hostileStep(PeerMessage{Peer: evil, Msg: m})
			}
		}
		if session%5 > 0 {
			a.step(PeerDown{Peer: evil})
		}
	}
	if offenders < 500 {
		t.Errorf("only %d of the sessions are ended", offenders)
	}
	n.maxSteps = n.steps + 200_000
	kit.master.write(1)
	u.write(1)
	w.write(1)
	n.run(30 * time.Second)
	r := b.store.room(kit.link.Room)
	if r.heads[kit.master.prev.Log].Last != 6 || r.heads[u.prev.Log].Last != 1 || b.store.room(n.lobby()).heads[w.prev.Log].Last != 6 {
		t.Error("messages do not flow between the honest any more")
	}
	for _, room := range a.core.roomList {
		if len(room.wants) > 300 || room.parkedCount > 300 || len(room.logs) > 300 {
			t.Errorf("%d wants, %d parked runs, %d logs remain", len(room.wants), room.parkedCount, len(room.logs))
		}
	}
	if msgs, _ := a.diskMessages(kit.link.Room); msgs != 7 {
		t.Errorf("%d messages on the disk", msgs)
	}
}

// hostileStep takes a step whose effects towards the hostile session go nowhere.
func (nd *simNode) hostileStep(ev Event) {
	for _, e := range append([]Effect(nil), nd.core.Step(nd.n.now, ev)...) {
		if s, ok := e.(Serve); ok && s.Stream == nil {
			continue
		}
		if s, ok := e.(Refuse); ok && s.Stream == nil {
			continue
		}
		if o, ok := e.(Offender); ok && o.Peer >= 1_000_000 {
			continue
		}
		nd.carryOut(e)
	}
}

func TestAFloodOfQuestionsEndsTheSession(t *testing.T) {
	n := newSim(t, 51, "a")
	a := n.nodes[0]
	a.step(PeerUp{Peer: 9, ID: wire.ID{9}})
	tag := a.core.peers[9].tag(false, n.lobby())
	a.step(PeerMessage{Peer: 9, Msg: &wire.Offer{Tags: tag[:]}})
	asked := 0
	for a.core.peers[9] != nil && asked < 100_000 {
		a.hostileAs(&wire.Ranges{Set: wire.SetLogs, Nodes: []wire.RangeNode{{Hash: make([]byte, 16)}}})
		asked++
	}
	if asked > 2*maxPeerRequestsBurst {
		t.Errorf("%d questions are answered", asked)
	}
	if a.core.Stats().Offenders != 1 {
		t.Error("the offender is not named")
	}
}

func (nd *simNode) hostileAs(m wire.Message) {
	nd.core.Step(nd.n.now, PeerMessage{Peer: 9, Msg: m})
}

func TestASessionThatDeliversNothingDoesNotKeepARoomWaiting(t *testing.T) {
	n := newSim(t, 52, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	w := n.user(b, n.lobby())
	for range 30 {
		w.write(1)
	}
	n.run(time.Second)
	// The first session tells the truth about heads, and then gives nothing.
	a.step(PeerUp{Peer: 9, ID: wire.ID{9}})
	tag := a.core.peers[9].tag(false, n.lobby())
	a.step(PeerMessage{Peer: 9, Msg: &wire.Offer{Tags: tag[:]}})
	a.step(PeerMessage{Peer: 9, Msg: &wire.OpenRoom{State: make([]byte, 16)}})
	a.step(PeerMessage{Peer: 9, Msg: &wire.Announce{Heads: []wire.Head{{Log: w.prev.Log, Last: 30, Link: w.prev.Hash}}}})
	if a.core.Stats().Pulls != 1 {
		t.Fatal("nothing was asked of it")
	}
	n.mesh()
	n.run(40 * time.Second)
	if a.store.room(n.lobby()).heads[w.prev.Log].Last != 30 {
		t.Error("the messages were not asked of the other session")
	}
}

func TestAnotherBranchIsNotAskedForAgainAndAgain(t *testing.T) {
	n := newSim(t, 53, "a")
	a := n.nodes[0]
	u := n.user(a, n.lobby())
	for range 3 {
		u.write(1)
	}
	n.run(time.Second)
	v := u.fork(a, 2)
	v.sign(1)
	other := v.sign(1)
	a.step(PeerUp{Peer: 9, ID: wire.ID{9}})
	tag := a.core.peers[9].tag(false, n.lobby())
	a.hostileAs(&wire.Offer{Tags: tag[:]})
	a.hostileAs(&wire.OpenRoom{State: make([]byte, 16)})
	for i := range 1000 { // it delivers what does not fit, and no run that would show where the branches part
		if i%200 == 0 {
			a.hostileAs(&wire.Announce{Heads: []wire.Head{{Log: other.Log, Last: other.Last(), Link: other.Hash}}})
		}
		for key, q := range a.core.pulls {
			if q.hunt == nil {
				a.hostileStep(RunsIn{Peer: 9, Pull: key, Runs: []*Run{other}})
			}
			a.hostileStep(PullEnd{Pull: key})
			break
		}
		n.run(10 * time.Millisecond)
	}
	if pulls := a.core.Stats().Pulls; pulls == 0 || pulls > 20 {
		t.Errorf("asked %d times in 10 seconds", pulls)
	}
}
