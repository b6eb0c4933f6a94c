package rooms

import (
	"slices"
	"time"

	"parley/wire"
)

// A walk compares the sets of a room with those of one session, in the order
// of walkSets, and learns what the other side has that is missing here.
type walk struct {
	set     int      // index into walkSets
	stack   [][]byte // prefixes that differ and were not asked about yet
	ids     []wire.ID
	found   bool // something was missing here
	stale   bool // the other side has told its digest since it began
	verify  *verifyPeer
	asked   time.Time // when the last answer came
	answers int
}

// walkSets is the order of comparison: what runs depend on comes before them.
func walkSets() [4]uint64 {
	return [4]uint64{wire.SetEntries, wire.SetBoxes, wire.SetProofs, wire.SetLogs}
}

// An ask is a Ranges or a Fetch that was sent. Answers come in the order of the questions.
type ask struct {
	fetch bool
	set   uint64
	nodes [][]byte // prefixes, of a Ranges
	left  int      // records that may still come, of a Fetch
	w     *walk    // nil: a Fetch of dependencies
}

// tree returns the set that is compared under a number, or nil.
func (r *room) tree(set uint64) *rangeTree {
	switch set {
	case wire.SetEntries:
		return &r.entries
	case wire.SetBoxes:
		return &r.boxes
	case wire.SetProofs:
		return &r.proofs
	case wire.SetLogs:
		return &r.logTree
	}
	return nil
}

// mayCompare reports whether a right extends to a set.
func mayCompare(right Sync, set uint64) bool {
	return right == SyncAll || right == SyncAuthority && (set == wire.SetEntries || set == wire.SetBoxes)
}

func (c *Core) startWalk(l *link) {
	c.stats.Walks++
	l.walk = &walk{set: -1, asked: c.now}
	c.nextSet(l, l.walk)
	c.watchWalk(l, l.walk, walkTimeout)
}

// watchWalk gives up on a walk whose answers do not come.
func (c *Core) watchWalk(l *link, w *walk, wait time.Duration) {
	c.after(wait, func() {
		if l.gone || l.walk != w {
			return
		}
		if left := w.asked.Add(walkTimeout).Sub(c.now); left > 0 {
			c.watchWalk(l, w, left)
			return
		}
		c.closeLink(l, wire.CodeTimeout)
	})
}

// nextSet goes on to the next set to compare, or ends the walk.
func (c *Core) nextSet(l *link, w *walk) {
	sets := walkSets()
	for w.set++; w.set < len(sets); w.set++ {
		if mayCompare(l.ourKind, sets[w.set]) {
			w.ids = nil
			w.stack = append(w.stack[:0], []byte{})
			c.askRanges(l, w)
			return
		}
	}
	c.walkDone(l, w)
}

func (c *Core) walkDone(l *link, w *walk) {
	if w.verify != nil {
		c.verifyDone(l, w)
		return
	}
	l.walk = nil
	r := l.r
	if !w.found && !w.stale {
		l.fruitless = [2]digest16{l.their, r.digest(l.ourKind)}
	}
	l.syncing = true
	c.finishSync(r)
	c.stateSoon(l, stateDelay)
	r.planDue = true
	c.touch(r)
}

// finishSync compares digests again on the links whose walks have brought all they
// were to bring: the step that finds what went wrong on the way.
func (c *Core) finishSync(r *room) {
	if r.failed || r.inFlight > 0 || len(r.wants) > 0 {
		return
	}
	for _, l := range r.links {
		if l.syncing {
			l.syncing = false
			c.tellState(l)
			c.compare(l)
		}
	}
}

// askRanges asks about the prefixes on the walk's stack, those on top first.
func (c *Core) askRanges(l *link, w *walk) {
	n := min(len(w.stack), maxRangeNodes)
	nodes := slices.Clone(w.stack[len(w.stack)-n:])
	w.stack = w.stack[:len(w.stack)-n]
	set := walkSets()[w.set]
	m := &wire.Ranges{Ref: l.ref, Set: set}
	for _, prefix := range nodes {
		h := l.r.tree(set).hashAt(prefix)
		m.Nodes = append(m.Nodes, wire.RangeNode{Prefix: prefix, Hash: slices.Clone(h[:])})
	}
	l.asks = append(l.asks, ask{set: set, nodes: nodes, w: w})
	c.do(Send{Peer: l.p.key, Msg: m})
}

// onRanges answers from the sets as they are: nothing is remembered between
// questions. What the asker has no right to is answered as equal.
func (c *Core) onRanges(l *link, m *wire.Ranges) {
	tree := l.r.tree(m.Set)
	if tree == nil || len(m.Nodes) > maxRangeNodes {
		c.offend(l.p, "a comparison out of bounds")
		return
	}
	if !c.answers(l) {
		return
	}
	reply := &wire.RangesReply{Ref: l.ref, Set: m.Set}
	for _, n := range m.Nodes {
		if !validPrefix(n.Prefix) || len(n.Hash) != 16 {
			c.offend(l.p, "a comparison out of bounds")
			return
		}
		// Also while the store has failed: an answer of nothing would mean that all is equal.
		if mayCompare(l.right, m.Set) {
			appendNode(reply, tree, n)
		}
	}
	c.do(Send{Peer: l.p.key, Msg: reply})
}

// appendNode answers for one node, if its hash differs.
func appendNode(reply *wire.RangesReply, tree *rangeTree, asked wire.RangeNode) {
	n := tree.at(asked.Prefix)
	if tree.sum(n) == digest16(asked.Hash) {
		return
	}
	if n.kids != nil {
		for i := range n.kids {
			if kid := &n.kids[i]; kid.count > 0 {
				h := tree.sum(kid)
				prefix := append(slices.Clone(asked.Prefix), byte(i))
				reply.Children = append(reply.Children, wire.RangeNode{Prefix: prefix, Hash: slices.Clone(h[:])})
			}
		}
		return
	}
	reply.Leaves = append(reply.Leaves, asked.Prefix)
	for i := range n.leaf {
		e := &n.leaf[i]
		if tree.heads {
			reply.Heads = append(reply.Heads, wire.Head{Log: e.key, Floor: e.floor, Last: e.last, Link: e.link})
		} else {
			reply.Keys = append(reply.Keys, e.key)
		}
	}
}

// answers takes one answer from the session's allowance.
func (c *Core) answers(l *link) bool {
	if l.p.requests.take(c.now, 1, maxPeerRequests, maxPeerRequestsBurst) {
		return true
	}
	c.offend(l.p, "too many questions")
	return false
}

// takeAsk returns the question that an answer belongs to.
func (l *link) takeAsk(fetch bool, set uint64) *ask {
	if len(l.asks) == 0 || l.asks[0].fetch != fetch || l.asks[0].set != set {
		return nil
	}
	return &l.asks[0]
}

func (c *Core) onRangesReply(l *link, m *wire.RangesReply) {
	a := l.takeAsk(false, m.Set)
	if a == nil || !fitsAsk(a, m) {
		c.offend(l.p, "an answer to no question")
		return
	}
	w, nodes := a.w, a.nodes
	l.asks = l.asks[1:]
	w.asked = c.now
	if w.answers++; w.answers > maxWalkAnswers {
		c.offend(l.p, "a comparison without end")
		return
	}
	c.compareNodes(l, w, m, nodes)
	if l.gone {
		return
	}
	if len(w.stack) > 0 {
		c.askRanges(l, w)
		return
	}
	if len(w.ids) > 0 && w.verify == nil {
		w.found = true
		c.fetch(l, w, m.Set, w.ids)
		w.ids = nil
		return
	}
	c.nextSet(l, w)
}

// fitsAsk checks that an answer speaks of nothing that was not asked.
func fitsAsk(a *ask, m *wire.RangesReply) bool {
	asked := make(map[string]bool, len(a.nodes))
	for _, p := range a.nodes {
		asked[string(p)] = true
	}
	for _, n := range m.Children {
		k := len(n.Prefix) - 1
		if len(n.Hash) != 16 || !validPrefix(n.Prefix) || k < 0 || !asked[string(n.Prefix[:k])] {
			return false
		}
	}
	leaves := make(map[string]bool, len(m.Leaves))
	for _, p := range m.Leaves {
		if !asked[string(p)] || leaves[string(p)] {
			return false
		}
		leaves[string(p)] = true
	}
	under := func(key *wire.ID) bool {
		for _, p := range m.Leaves {
			if hasPrefix(key, p, 0) {
				return true
			}
		}
		return false
	}
	for i := range m.Heads {
		if !under(&m.Heads[i].Log) || m.Heads[i].Last == 0 || m.Heads[i].Floor > m.Heads[i].Last {
			return false
		}
	}
	for i := range m.Keys {
		if !under(&m.Keys[i]) {
			return false
		}
	}
	return len(m.Heads)+len(m.Keys) <= rangeLeafMax*len(m.Leaves) && len(m.Children) <= 16*len(a.nodes)
}

// compareNodes goes through an answer: children that differ are asked about next,
// elements that are missing here are wanted.
func (c *Core) compareNodes(l *link, w *walk, m *wire.RangesReply, nodes [][]byte) {
	tree := l.r.tree(m.Set)
	for _, n := range m.Children {
		h := tree.hashAt(n.Prefix)
		if h != digest16(n.Hash) {
			w.stack = append(w.stack, n.Prefix)
		}
	}
	if w.verify != nil {
		c.verifyNodes(l, w, m, nodes)
		return
	}
	for _, id := range m.Keys {
		if !c.holds(l.r, m.Set, id) {
			w.ids = append(w.ids, id)
		}
	}
	for _, h := range m.Heads {
		if c.sawHead(l, h, true) {
			w.found = true
		}
	}
}

// holds reports whether a record is held, durably or not yet.
func (c *Core) holds(r *room, set uint64, id wire.ID) bool {
	switch set {
	case wire.SetEntries:
		return r.auth != nil && r.auth.Has(id)
	case wire.SetBoxes:
		return r.boxInfo[id] != nil
	case wire.SetProofs:
		_, held := r.proofs.get(id)
		return held
	}
	return false
}

// fetch asks for records.
func (c *Core) fetch(l *link, w *walk, set uint64, ids []wire.ID) {
	for len(ids) > 0 {
		n := min(len(ids), maxFetch)
		l.asks = append(l.asks, ask{fetch: true, set: set, left: n, w: w})
		c.do(Send{Peer: l.p.key, Msg: &wire.Fetch{Ref: l.ref, Set: set, IDs: slices.Clone(ids[:n])}})
		ids = ids[n:]
	}
}

func (c *Core) onFetch(l *link, m *wire.Fetch) {
	r := l.r
	if r.tree(m.Set) == nil || m.Set == wire.SetLogs || len(m.IDs) > maxFetch {
		c.offend(l.p, "a request for records out of bounds")
		return
	}
	if !c.answers(l) {
		return
	}
	var ids []wire.ID // held and durable
	all := mayCompare(l.right, m.Set)
	for _, id := range m.IDs {
		if r.failed || !all && (m.Set != wire.SetEntries || !l.mayFetchEntry(id)) {
			continue
		}
		if _, held := r.tree(m.Set).get(id); held {
			ids = append(ids, id)
		}
	}
	c.sendRecords(l, m.Set, ids, true)
}

// sendRecords sends records that are durable here, cut into frames. An answer
// has at least one frame.
func (c *Core) sendRecords(l *link, set uint64, ids []wire.ID, asked bool) {
	r := l.r
	if set == wire.SetBoxes {
		per := recordsFrame / MaxBox
		for {
			n := min(len(ids), per)
			part := ids[:n]
			ids = ids[n:]
			m := &wire.Records{Ref: l.ref, Set: set, Asked: asked, More: asked && len(ids) > 0}
			if n > 0 || asked {
				c.do(Send{Peer: l.p.key, Msg: m, Room: r.id, Fill: part})
			}
			if len(ids) == 0 {
				return
			}
		}
	}
	m := &wire.Records{Ref: l.ref, Set: set, Asked: asked}
	size := 0
	for _, id := range ids {
		raw := r.recordBytes(set, id)
		if size > 0 && size+len(raw) > recordsFrame {
			m.More = asked
			c.do(Send{Peer: l.p.key, Msg: m})
			m, size = &wire.Records{Ref: l.ref, Set: set, Asked: asked}, 0
		}
		m.Records = append(m.Records, raw)
		size += len(raw)
	}
	if asked || size > 0 {
		c.do(Send{Peer: l.p.key, Msg: m})
	}
}

func (r *room) recordBytes(set uint64, id wire.ID) []byte {
	if set == wire.SetProofs {
		return r.proofByID(id).Raw
	}
	return r.auth.Entry(id).Raw
}
