package rooms

import (
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/cryptotest"
	"time"

	"parley/handshake/identity"
	"parley/wire"
)

// A simNet runs cores with one event queue and one seed: sessions with delays,
// streams that overtake each other, live queues that overflow, disks that lose
// what was not synced.
type simNet struct {
	t     testing.TB
	rng   *rand.Rand
	now   time.Time
	queue simQueue
	seq   uint64
	nodes []*simNode
	conns []*simConn
	net   identity.Network

	steps, maxSteps int
	delay           time.Duration // longest of a message
	dropLive        float64
	codec           bool // encode and decode every message
	expectOffence   bool
	meddled         bool // with what a core holds: its books are not right
	keys            uint64
	reqs            ReqKey
	trace           hash.Hash // of all that was sent
	watch           *watch    // looks at every step; nil: nobody does
	tap             func(from *simEnd, m wire.Message)
}

type simEvent struct {
	at  time.Time
	seq uint64
	f   func()
}

type simQueue []simEvent

func (q simQueue) Len() int { return len(q) }
func (q simQueue) Less(i, j int) bool {
	return q[i].at.Before(q[j].at) || q[i].at.Equal(q[j].at) && q[i].seq < q[j].seq
}
func (q simQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *simQueue) Push(x any)   { *q = append(*q, x.(simEvent)) }
func (q *simQueue) Pop() any {
	old := *q
	e := old[len(old)-1]
	*q = old[:len(old)-1]
	return e
}

type simNode struct {
	n       *simNet
	name    string
	id      wire.ID
	cfg     Config
	core    *Core
	life    int // counts restarts: what was meant for an earlier one is lost
	evil    bool
	store   *simStore
	syncing bool
	slow    time.Duration // of the disk, beside the jitter
	conns   map[PeerKey]*simEnd
	replies map[ReqKey][]Reply
	wake    time.Time
	shown   []wire.TailItem
	stats   struct{ sent, pushes, pulls, msgs int }
	byType  map[wire.Type]int
}

// A simConn is a session; a simEnd is what one side has of it.
type simConn struct {
	a, b *simEnd
	up   bool
}

type simEnd struct {
	conn  *simConn
	node  *simNode
	other *simEnd
	key   PeerKey
	last  map[string]time.Time // by stream: when its last message arrives
}

type simStream struct {
	from *simEnd // who asked
	pull PullKey
}

var simEpoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newSim(t testing.TB, seed uint64, names ...string) *simNet {
	if t, ok := t.(*testing.T); ok { // in a benchmark, keys may be others each time
		cryptotest.SetGlobalRandom(t, seed)
	}
	n := &simNet{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), now: simEpoch, delay: 3 * time.Millisecond,
		maxSteps: 3_000_000, codec: true, trace: sha256.New(),
		net: identity.Network{Name: "sim", Secret: make([]byte, identity.NetworkSecretSize)},
	}
	for _, name := range names {
		n.addNode(name, Config{})
	}
	t.Cleanup(n.checkBooks)
	return n
}

func (n *simNet) addNode(name string, cfg Config) *simNode {
	id := wire.Hash("sim-peer", []byte(name))
	cfg.Self, cfg.Network = id, n.net
	nd := &simNode{
		n: n, name: name, id: id, cfg: cfg, store: newSimStore(),
		replies: map[ReqKey][]Reply{}, byType: map[wire.Type]int{},
	}
	n.nodes = append(n.nodes, nd)
	nd.start()
	return nd
}

func (n *simNet) at(d time.Duration, f func()) {
	n.seq++
	heap.Push(&n.queue, simEvent{n.now.Add(d), n.seq, f})
}

// run lets d of time pass.
func (n *simNet) run(d time.Duration) {
	n.t.Helper()
	end := n.now.Add(d)
	for len(n.queue) > 0 && !n.queue[0].at.After(end) {
		e := heap.Pop(&n.queue).(simEvent)
		n.now = e.at
		e.f()
		if n.steps++; n.steps > n.maxSteps {
			n.t.Fatalf("more than %d steps: something goes on for ever", n.maxSteps)
		}
	}
	n.now = end
}

func (n *simNet) jitter() time.Duration {
	return time.Duration(n.rng.Int64N(int64(n.delay)+1)) + 50*time.Microsecond
}

func (nd *simNode) start() {
	nd.core = New(nd.cfg)
	nd.life++
	nd.conns = map[PeerKey]*simEnd{}
	nd.wake, nd.syncing = time.Time{}, false
	ev := Loaded{All: true}
	ids := map[wire.ID]bool{}
	for id := range nd.store.rooms {
		ids[id] = true
	}
	for _, id := range sortedIDs(ids) {
		ev.Rooms = append(ev.Rooms, nd.store.data(id, nd.core.IsOpen(id)))
	}
	nd.step(ev)
}

// crash ends a node between two steps: its sessions break, its disk keeps what was synced.
func (nd *simNode) crash() {
	nd.life++
	for _, c := range nd.n.conns {
		if c.up && (c.a.node == nd || c.b.node == nd) {
			nd.n.cut(c)
		}
	}
	nd.core = nil
	nd.store.crash(nd.n.rng)
}

func (n *simNet) connect(a, b *simNode) *simConn {
	n.keys += 2
	c := &simConn{up: true}
	c.a = &simEnd{conn: c, node: a, key: PeerKey(n.keys), last: map[string]time.Time{}}
	c.b = &simEnd{conn: c, node: b, key: PeerKey(n.keys + 1), last: map[string]time.Time{}}
	c.a.other, c.b.other = c.b, c.a
	n.conns = append(n.conns, c)
	var exporter [32]byte
	binary.BigEndian.PutUint64(exporter[:], n.rng.Uint64())
	a.conns[c.a.key], b.conns[c.b.key] = c.a, c.b
	a.step(PeerUp{Peer: c.a.key, ID: b.id, Name: b.name, Initiator: true, Exporter: exporter})
	b.step(PeerUp{Peer: c.b.key, ID: a.id, Name: a.name, Exporter: exporter})
	return c
}

func (n *simNet) cut(c *simConn) {
	if !c.up {
		return
	}
	c.up = false
	for _, e := range []*simEnd{c.a, c.b} {
		if e.node.core != nil && e.node.conns[e.key] == e {
			delete(e.node.conns, e.key)
			e.node.step(PeerDown{Peer: e.key})
		}
	}
}

func (n *simNet) mesh() {
	for i, a := range n.nodes {
		for _, b := range n.nodes[i+1:] {
			if a.core != nil && b.core != nil && n.between(a, b) == nil {
				n.connect(a, b)
			}
		}
	}
}

func (n *simNet) between(a, b *simNode) *simConn {
	for _, c := range n.conns {
		if c.up && (c.a.node == a && c.b.node == b || c.a.node == b && c.b.node == a) {
			return c
		}
	}
	return nil
}

// deliver sends a message on a stream of a session: in order on the stream, after a
// delay, unless the session is gone by then.
func (e *simEnd) deliver(stream string, m wire.Message, f func(wire.Message)) {
	n := e.node.n
	body, err := wire.AppendBody(nil, m)
	if err != nil {
		n.t.Fatal(err)
	}
	row, _ := wire.Lookup(m.MessageType())
	if len(body) > row.Bound {
		n.t.Fatalf("%s of %d bytes is over its bound of %d", row.Name, len(body), row.Bound)
	}
	n.trace.Write(body)
	if n.tap != nil {
		n.tap(e, m)
	}
	e.node.stats.sent += len(body)
	e.node.stats.msgs++
	e.node.byType[m.MessageType()] += len(body)
	if n.codec {
		if m, err = wire.DecodeBody(m.MessageType(), body); err != nil {
			n.t.Fatal(err)
		}
	}
	e.later(stream, func() { f(m) })
}

func (e *simEnd) later(stream string, f func()) {
	n := e.node.n
	at := n.now.Add(n.jitter())
	if last := e.last[stream]; at.Before(last) {
		at = last
	}
	e.last[stream] = at
	life, other := e.other.node.life, e.other.node
	n.at(at.Sub(n.now), func() {
		if e.conn.up && other.life == life && other.core != nil {
			f()
		}
	})
}

func (nd *simNode) step(ev Event) {
	if nd.core == nil {
		return
	}
	if w := nd.n.watch; w != nil {
		w.before(nd)
	}
	todo := slices.Clone(nd.core.Step(nd.n.now, ev))
	if w := nd.n.watch; w != nil {
		w.after(nd, ev, todo)
	}
	life := nd.life
	for _, e := range todo {
		if nd.life != life {
			return
		}
		nd.carryOut(e)
	}
}

// later runs a step of this node's own, unless it crashes before.
func (nd *simNode) later(d time.Duration, ev func() Event) {
	life := nd.life
	nd.n.at(d, func() {
		if nd.life == life {
			nd.step(ev())
		}
	})
}

func (nd *simNode) fill(room wire.ID, ids []wire.ID) (raws []wire.Bytes) {
	for _, id := range ids {
		if rec, ok := nd.store.room(room).records[recordKey(storeBox, id)]; ok {
			raws = append(raws, rec.Bytes)
		}
	}
	return raws
}

func (nd *simNode) carryOut(e Effect) {
	n := nd.n
	switch e := e.(type) {
	case Send:
		end := nd.conns[e.Peer]
		if end == nil {
			return
		}
		if m, ok := e.Msg.(*wire.Records); ok {
			m.Records = append(m.Records, nd.fill(e.Room, e.Fill)...)
		}
		end.deliver("interactive", e.Msg, func(m wire.Message) {
			end.other.node.step(PeerMessage{Peer: end.other.key, Msg: m})
		})
	case SendLive:
		end := nd.conns[e.Peer]
		if end == nil {
			return
		}
		nd.stats.pushes++
		if n.rng.Float64() < n.dropLive {
			nd.later(0, func() Event { return LiveDropped{Peer: e.Peer, Ref: e.Ref} })
			return
		}
		end.deliver("live", e.Msg, func(m wire.Message) {
			end.other.node.step(RunsIn{Peer: end.other.key, Ref: m.(*wire.Push).Ref, Runs: n.parse(m.(*wire.Push).Runs)})
		})
	case StartPull:
		end := nd.conns[e.Peer]
		if end == nil {
			return
		}
		nd.stats.pulls++
		st := &simStream{from: end, pull: e.Pull}
		end.deliver(fmt.Sprint("pull", e.Pull), e.Msg, func(m wire.Message) {
			end.other.node.step(PullIn{Peer: end.other.key, Stream: st, Msg: m.(*wire.Pull)})
		})
	case Serve:
		nd.serve(&e)
	case Refuse:
		st := e.Stream.(*simStream)
		st.from.other.later(fmt.Sprint("pull", st.pull), func() {
			st.from.node.step(PullEnd{Pull: st.pull, Err: e.Err})
		})
	case CancelPull, Readers:
	case Persist:
		nd.store.waiting = append(nd.store.waiting, e)
		nd.syncSoon()
	case Show:
		nd.shown = append(nd.shown, e.Items...)
	case Reply:
		if m, ok := e.Msg.(*wire.Authority); ok {
			m.Boxes = append(m.Boxes, nd.fill(e.Room, e.Fill)...)
		}
		nd.replies[e.Req] = append(nd.replies[e.Req], e)
	case Find:
		nd.later(n.jitter(), func() Event {
			found := nd.store.runsOf(e.Room, e.Log, e.Number, e.Number)
			if len(found) == 0 {
				return Found{Find: e.Find}
			}
			r, err := ParseRun(found[0].Bytes)
			if err != nil {
				n.t.Fatal(err)
			}
			return Found{Find: e.Find, Run: r}
		})
	case Offender:
		end := nd.conns[e.Peer]
		if !n.expectOffence && (end == nil || !end.other.node.evil) {
			n.t.Fatalf("%s accuses a peer: %v", nd.name, e.Err)
		}
		if end != nil {
			delete(nd.conns, e.Peer)
			n.cut(end.conn)
		}
	case Reload:
		nd.later(n.jitter(), func() Event {
			return Loaded{Rooms: []*RoomData{nd.store.data(e.Room, nd.core.IsOpen(e.Room))}}
		})
	case Wake:
		nd.wake = e.At
		if !e.At.IsZero() {
			at, life := e.At, nd.life
			n.at(max(0, at.Sub(n.now)), func() {
				if nd.life == life && nd.wake.Equal(at) {
					nd.step(Tick{})
				}
			})
		}
	case Note, Dial:
	default:
		n.t.Fatalf("unknown effect %T", e)
	}
}

func (n *simNet) parse(raws [][]byte) []*Run {
	runs := make([]*Run, len(raws))
	for i, raw := range raws {
		r, err := ParseRun(raw)
		if err != nil {
			n.t.Fatal(err)
		}
		runs[i] = r
	}
	return runs
}

func (nd *simNode) serve(e *Serve) {
	st := e.Stream.(*simStream)
	stream := fmt.Sprint("pull", st.pull)
	back := st.from.other
	m, size := &wire.Runs{}, 0
	send := func() {
		back.deliver(stream, m, func(m wire.Message) {
			st.from.node.step(RunsIn{Peer: st.from.key, Pull: st.pull, Runs: nd.n.parse(m.(*wire.Runs).Runs)})
		})
		m, size = &wire.Runs{}, 0
	}
	for i, w := range append(append([]wire.Want(nil), e.Wants...), e.Hidden...) {
		room := e.Room
		if i >= len(e.Wants) {
			room = HiddenRoom(e.Room)
		}
		for _, run := range nd.store.runsOf(room, w.Log, w.First, w.Last) {
			if size > 0 && size+len(run.Bytes) > 64<<10 {
				send()
			}
			m.Runs = append(m.Runs, run.Bytes)
			size += len(run.Bytes)
		}
	}
	if size > 0 {
		send()
	}
	back.later(stream, func() { st.from.node.step(PullEnd{Pull: st.pull}) })
}

// syncSoon lets the disk take what waits, all at once, after a while.
func (nd *simNode) syncSoon() {
	if nd.syncing || len(nd.store.waiting) == 0 {
		return
	}
	nd.syncing = true
	life := nd.life
	nd.n.at(nd.n.jitter()+nd.slow, func() {
		if nd.life != life {
			return
		}
		nd.syncing = false
		from, to, err := nd.store.sync(len(nd.store.waiting))
		if w := nd.n.watch; w != nil {
			w.stored(nd, err)
		}
		nd.step(Persisted{From: from, To: to, Err: err})
		if nd.life == life {
			nd.syncSoon()
		}
	})
}

// stateOf is a hash of what a node's disk holds of a room, for comparisons.
func (nd *simNode) stateOf(room wire.ID) wire.ID {
	h := sha256.New()
	if r := nd.store.rooms[room]; r != nil {
		for _, log := range sortedIDs(r.heads) {
			hd := r.heads[log]
			fmt.Fprint(h, log, hd.Last, hd.Link, ";")
			for _, run := range r.runs[log] {
				h.Write(run.Link[:])
			}
		}
	}
	return wire.ID(h.Sum(nil))
}
