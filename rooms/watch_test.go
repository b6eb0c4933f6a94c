package rooms

import (
	"errors"
	"slices"

	"parley/store"
	"parley/wire"
)

// A watch looks at every step of the cores of a simNet: their books, what they send to whom, how they answer
// requests, and what becomes of what they acknowledged.
type watch struct {
	n      *simNet
	rights map[*link]Sync      // before the step, by the delegations held then
	refs   map[*peer]roomRefs  // before the step
	done   map[ReqKey]bool     // requests that are over
	acked  map[*simNode]ledger // what a node's users were told is durable
	seen   map[wire.ID]uint64  // logs of whose end their author has taken note, and up to where
	stats  map[*Core]CoreStats // also of cores that were ended
}

type roomRefs map[uint64]*link

// A ledger says of logs up to which of their runs was acknowledged.
type ledger map[wire.ID]acked

type acked struct {
	room, author, link wire.ID
	last               uint64
}

// maxStepEffects is more than any step of the small rooms here may ask for: a few for each session, log and record.
const maxStepEffects = 2000

func newWatch(n *simNet) *watch {
	w := &watch{n: n, done: map[ReqKey]bool{}, acked: map[*simNode]ledger{}, seen: map[wire.ID]uint64{}, stats: map[*Core]CoreStats{}}
	n.watch = w
	return w
}

// mayHave is what a session's other side may have of a room, reckoned anew from the delegations that the room remembers.
func (c *Core) mayHave(l *link) Sync {
	if l.r.openRoom {
		return SyncAll
	}
	best := SyncNone
	for _, d := range l.r.delegs[l.p.id] {
		s, _ := l.r.auth.MaySync(d, c.now)
		best = max(best, s)
	}
	return best
}

func (w *watch) before(nd *simNode) {
	w.rights, w.refs = map[*link]Sync{}, map[*peer]roomRefs{}
	for _, p := range nd.core.peerList {
		refs := roomRefs{}
		for ref, l := range p.refs {
			refs[ref] = l
		}
		w.refs[p] = refs
		for _, l := range p.links {
			w.rights[l] = nd.core.mayHave(l)
		}
	}
}

func (w *watch) after(nd *simNode, ev Event, effects []Effect) {
	t := w.n.t
	for _, text := range nd.core.books() {
		t.Errorf("%s, after %T: %s", nd.name, ev, text)
	}
	w.stats[nd.core] = nd.core.Stats()
	if len(effects) > maxStepEffects {
		t.Errorf("%s asks for %d effects after %T", nd.name, len(effects), ev)
	}
	for _, e := range effects {
		switch e := e.(type) {
		case Send:
			if w.sends(nd, e.Peer, e.Msg); len(e.Fill) > 0 {
				w.needs(nd, e.Peer, w.linkOf(nd, e.Peer, nil, e.Room), SyncAuthority, "boxes")
			}
		case SendLive:
			w.sends(nd, e.Peer, e.Msg)
		case Serve:
			if len(e.Wants)+len(e.Hidden) > 0 {
				w.needs(nd, e.Peer, w.linkOf(nd, e.Peer, nil, e.Room), SyncAll, "runs in answer to a pull")
			}
		case Persist:
			if err := e.Data.Check(); err != nil {
				t.Errorf("%s: batch %d: %v", nd.name, e.Batch, err)
			}
		case Reply:
			if w.done[e.Req] {
				t.Errorf("%s answers request %d, which is over, with %T %v", nd.name, e.Req, e.Msg, e.Err)
			}
			w.done[e.Req] = e.End || e.Err != nil
			if m, ok := e.Msg.(*wire.Appended); ok {
				w.acknowledged(nd, m)
			}
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// linkOf finds the room that a message on a session is about, as it was before the step or is now.
func (w *watch) linkOf(nd *simNode, key PeerKey, ref *uint64, room wire.ID) *link {
	for p, refs := range w.refs {
		if p.key != key {
			continue
		}
		for _, all := range []roomRefs{p.refs, refs} {
			for r, l := range all {
				if ref != nil && *ref == r || ref == nil && l.r.id == room {
					return l
				}
			}
		}
	}
	if p := nd.core.peers[key]; p != nil && ref != nil {
		return p.refs[*ref]
	}
	return nil
}

// needs is broken when something is given to a session without the right to it, before the step and after it.
func (w *watch) needs(nd *simNode, key PeerKey, l *link, right Sync, what string) {
	switch {
	case l == nil:
		w.n.t.Errorf("%s sends %s about a room that has no place on the session", nd.name, what)
	case max(nd.core.mayHave(l), w.rights[l]) < right:
		w.n.t.Errorf("%s sends %s to session %d, which has no right to that", nd.name, what, key)
	}
}

// sends checks that a session is told nothing of a room to which it has no right.
func (w *watch) sends(nd *simNode, key PeerKey, msg wire.Message) {
	about := func(ref uint64) *link { return w.linkOf(nd, key, &ref, wire.ID{}) }
	switch m := msg.(type) {
	case *wire.Match:
		for _, ref := range m.Known {
			w.needs(nd, key, about(ref), SyncAll, "a room's keyed state")
		}
	case *wire.InStep:
		for _, ref := range m.Refs {
			w.needs(nd, key, about(ref), SyncAll, "that a room is in step")
		}
	case *wire.OpenRoom:
		if len(m.State) > 0 {
			w.needs(nd, key, about(m.Ref), SyncAuthority, "a room's digest")
		}
	case *wire.State:
		w.needs(nd, key, about(m.Ref), SyncAuthority, "a room's digest")
	case *wire.Push:
		w.needs(nd, key, about(m.Ref), SyncAll, "runs")
	case *wire.Announce:
		w.needs(nd, key, about(m.Ref), SyncAll, "heads")
	case *wire.RangesReply:
		if len(m.Children)+len(m.Leaves)+len(m.Keys)+len(m.Heads) > 0 {
			w.needs(nd, key, about(m.Ref), setRight(m.Set), "what a set holds")
		}
	case *wire.Records:
		l := about(m.Ref)
		if l != nil && m.Set == wire.SetEntries && w.lastWords(l, m.Records) {
			return
		}
		if len(m.Records) > 0 {
			w.needs(nd, key, l, setRight(m.Set), "records")
		}
	}
}

func setRight(set uint64) Sync {
	if set == wire.SetEntries || set == wire.SetBoxes {
		return SyncAuthority
	}
	return SyncAll
}

// lastWords reports whether entries are what a former member, who has shown its delegation, may still be told.
func (w *watch) lastWords(l *link, raws []wire.Bytes) bool {
	return !slices.ContainsFunc(raws, func(raw wire.Bytes) bool {
		e, err := ParseEntry(raw)
		return err != nil || !l.mayFetchEntry(e.ID)
	})
}

func (w *watch) acknowledged(nd *simNode, m *wire.Appended) {
	for _, r := range nd.core.roomList {
		lg := r.logs[m.Log]
		if lg == nil {
			continue
		}
		if w.acked[nd] == nil {
			w.acked[nd] = ledger{}
		}
		if old := w.acked[nd][m.Log]; m.Last > old.last {
			w.acked[nd][m.Log] = acked{room: r.id, author: lg.author, link: m.Link, last: m.Last}
		}
	}
}

// noted is told that an author has taken note of what became of a log.
func (w *watch) noted(log wire.ID, last uint64) { w.seen[log] = max(w.seen[log], last) }

// promises checks, when nothing is under way, that what was acknowledged counts, was trimmed on purpose, or is what its
// author was told of; and that it is on the disk. Of logs that their authors forked in an open room nobody is told.
func (w *watch) promises(nd *simNode) {
	for _, log := range sortedIDs(w.acked[nd]) {
		a := w.acked[nd][log]
		r := nd.core.rooms[a.room]
		if r == nil || !r.openRoom && !r.users[a.author] {
			continue // given up by its user
		}
		last, floor := uint64(0), uint64(0)
		if lg := r.logs[log]; lg != nil {
			last, _ = lg.effective()
			floor = lg.floor
		}
		note := r.notices[log]
		switch {
		case floor >= a.last || r.openRoom && r.proofByLog[log] != nil:
			continue
		case last >= a.last:
			if !nd.store.has(a.room, log, a.link) {
				w.n.t.Errorf("%s has acknowledged message %d of log %s, and another run is in its place", nd.name, a.last, log.Short())
			}
			continue
		case note != nil && !note.counts && note.last >= a.last, w.seen[log] >= a.last:
		default:
			w.n.t.Errorf("%s has acknowledged message %d of log %s, which counts up to %d (from %d): its author is told %+v", nd.name, a.last, log.Short(), last, floor, note)
		}
	}
}

// has reports whether a run is on the disk, among what counts.
func (s *simStore) has(room, log, link wire.ID) bool {
	return slices.ContainsFunc(s.room(room).runs[log], func(run store.Run) bool { return run.Link == link })
}

// stored is told how a batch went. Whatever the network brings, no batch may contradict what is stored.
func (w *watch) stored(nd *simNode, err error) {
	if err != nil && !errors.Is(err, store.ErrFull) {
		w.n.t.Errorf("%v the store of %s refuses a batch: %v", w.n.now.Sub(simEpoch), nd.name, err)
	}
}
