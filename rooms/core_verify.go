package rooms

import (
	"slices"

	"parley/wire"
)

// A verifying is one VerifyGet: a full comparison of a room with each session
// that has it, without changing anything.
type verifying struct {
	q     *request
	r     *room
	peers []*verifyPeer
	done  bool
}

type verifyPeer struct {
	v      *verifying
	result wire.VerifiedPeer
	done   bool
	l      *link
	differ int // records that only one side has
}

func (c *Core) onVerifyGet(q *request, m *wire.VerifyGet) {
	r := c.roomToldTo(q, m.Room, func() { c.onVerifyGet(q, m) })
	if r == nil || q.verify != nil {
		return
	}
	if c.verifies >= maxVerifies {
		c.fail(q, wire.CodeBusy, "too many comparisons at once; try again in a moment")
		return
	}
	c.verifies++
	v := &verifying{q: q, r: r}
	q.verify = v
	for _, l := range r.links {
		known := slices.ContainsFunc(v.peers, func(o *verifyPeer) bool { return o.result.Peer == l.p.id })
		ended := l.right == SyncNone && len(l.former) > 0 // the peer of who is no member any more
		outside := ended || l.right == SyncNone && slices.ContainsFunc(l.theirs, func(d *Delegation) bool { return d.Link })
		if known || !m.Peer.IsZero() && m.Peer != l.p.id || m.Peer.IsZero() && outside {
			continue
		}
		vp := &verifyPeer{v: v, l: l, result: wire.VerifiedPeer{Peer: l.p.id, Name: l.p.name}}
		v.peers = append(v.peers, vp)
		switch {
		case r.failed:
			vp.done, vp.result.Problem = true, "this peer's store failed a moment ago"
		case ended:
			vp.done, vp.result.Problem = true, "its user is no member of the room any more"
		case !l.gives() || l.ourKind != SyncAll:
			vp.done, vp.result.Problem = true, "the peers have not yet shown each other their right to the room"
		}
	}
	if len(v.peers) == 0 && !m.Peer.IsZero() {
		v.peers = append(v.peers, &verifyPeer{v: v, done: true, result: wire.VerifiedPeer{
			Peer: m.Peer, Problem: "not connected, or it does not have the room",
		}})
	}
	for _, vp := range v.peers {
		if !vp.done {
			c.nextSet(vp.l, &walk{set: -1, verify: vp, asked: c.now})
		}
	}
	c.after(verifyTimeout, func() {
		for _, vp := range v.peers {
			if !v.done && !vp.done {
				vp.done, vp.result.Problem = true, "it did not answer in time"
			}
		}
		c.verified(v)
	})
	c.verified(v)
}

// verifyNodes compares an answer both ways.
func (c *Core) verifyNodes(l *link, w *walk, m *wire.RangesReply, nodes [][]byte) {
	vp, tree := w.verify, l.r.tree(m.Set)
	if vp.done {
		w.stack = nil
		return
	}
	listed := make(map[string]bool) // prefixes that the answer speaks of
	for _, n := range m.Children {
		listed[string(n.Prefix)] = true
		listed[string(n.Prefix[:len(n.Prefix)-1])] = true
	}
	for _, prefix := range nodes { // children that it does not list have nothing
		if !listed[string(prefix)] {
			continue
		}
		for i := range byte(16) {
			child := append(slices.Clone(prefix), i)
			if !listed[string(child)] {
				for _, e := range tree.at(child).elements(nil) {
					c.verifyOurs(vp, m.Set, &e)
				}
			}
		}
	}
	heads := make(map[wire.ID]wire.Head, len(m.Heads))
	for _, h := range m.Heads {
		heads[h.Log] = h
	}
	keys := make(map[wire.ID]bool, len(m.Keys))
	for _, k := range m.Keys {
		keys[k] = true
		if _, held := tree.get(k); !held {
			vp.differ++
		}
	}
	for _, prefix := range m.Leaves {
		for _, e := range tree.at(prefix).elements(nil) {
			h, both := heads[e.key]
			switch {
			case m.Set == wire.SetLogs && both:
				vp.compareHeads(&e, &h)
			case !both && !keys[e.key]:
				c.verifyOurs(vp, m.Set, &e)
			}
		}
	}
	for _, h := range m.Heads {
		if _, held := tree.get(h.Log); !held && !(l.r.openRoom && h.Last <= l.r.open.graves[h.Log]) {
			vp.hole(h.Log, h.Floor+1, h.Last, "here")
		}
	}
}

// verifyOurs notes an element that only this side has.
func (c *Core) verifyOurs(vp *verifyPeer, set uint64, e *element) {
	if set != wire.SetLogs {
		vp.differ++
		return
	}
	vp.hole(e.key, e.floor+1, e.last, "there")
}

func (vp *verifyPeer) compareHeads(ours *element, theirs *wire.Head) {
	switch {
	case ours.last == theirs.Last && ours.link != theirs.Link:
		vp.hole(ours.key, max(ours.floor, theirs.Floor)+1, ours.last, "differs")
	case ours.last < theirs.Last:
		vp.hole(ours.key, ours.last+1, theirs.Last, "here")
	case ours.last > theirs.Last:
		vp.hole(ours.key, theirs.Last+1, ours.last, "there")
	}
}

func (vp *verifyPeer) hole(log wire.ID, first, last uint64, side string) {
	vp.differ++
	if first <= last && len(vp.result.Holes) < maxHoles {
		vp.result.Holes = append(vp.result.Holes, wire.Hole{Log: log, First: first, Last: last, Side: side})
	}
}

// verifyDone is called when a comparison has gone through all sets.
func (c *Core) verifyDone(_ *link, w *walk) {
	vp := w.verify
	if vp.done {
		return
	}
	vp.done = true
	vp.result.Identical = vp.differ == 0
	if vp.differ > 0 && len(vp.result.Holes) == 0 {
		vp.result.Problem = "members, keys or proofs differ"
	}
	c.verified(vp.v)
}

func (c *Core) verifyFailed(w *walk, why string) {
	if vp := w.verify; !vp.done {
		vp.done, vp.result.Problem = true, why
		c.verified(vp.v)
	}
}

// verified answers when every session has been compared.
func (c *Core) verified(v *verifying) {
	if v.done || slices.ContainsFunc(v.peers, func(vp *verifyPeer) bool { return !vp.done }) {
		return
	}
	d := v.r.digest(SyncAll)
	m := &wire.Verified{Messages: v.r.messages, Digest: slices.Clone(d[:])}
	for _, vp := range v.peers {
		slices.SortFunc(vp.result.Holes, func(a, b wire.Hole) int { return a.Log.Compare(b.Log) })
		m.Peers = append(m.Peers, vp.result)
	}
	for _, log := range sortedIDs(v.r.proofByLog) {
		m.Forks = append(m.Forks, log)
	}
	c.finish(v.q, m)
}
