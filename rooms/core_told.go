package rooms

import (
	"parley/wire"
)

// A user who has no right to a room any more, or never had one, is told of it what a peer that
// shows its delegation would be: the last word, and what that has seen.

// entitled reports whether a user has a right to be told of the room: by its role, or by the delegation of a link that it has shown.
func (c *Core) entitled(r *room, user wire.ID) bool {
	if r.openRoom || r.auth.Genesis() == nil || r.auth.Now().Role(user) != RoleNone {
		return true
	}
	for _, d := range []*Delegation{r.attachedAs[user], r.linkAs[user]} {
		if d != nil && d.Link {
			if s, _ := r.auth.MaySync(d, c.now); s != SyncNone {
				return true
			}
		}
	}
	return false
}

// A told is what of a room's entries a user is told.
type told struct {
	entries []*Entry // in causal order
	digest  digest16
	all     bool // they are all that are held
}

func (c *Core) told(r *room, user wire.ID) told {
	a := r.auth
	if c.entitled(r, user) {
		return told{a.All(), a.Digest(), true}
	}
	var seen bitset
	for _, id := range r.lastWords(user) {
		seen = seen.union(a.nodes[a.place[id]].closure)
	}
	for _, i := range a.named[user] {
		if a.nodes[i].entry.Kind == KindLeave {
			seen = seen.union(a.nodes[i].closure)
		}
	}
	var t told
	var ids []wire.ID
	seen.each(func(i int) bool {
		t.entries = append(t.entries, a.nodes[i].entry)
		ids = append(ids, a.nodes[i].entry.ID)
		return true
	})
	t.digest = entriesDigest(ids)
	return t
}

// progressTold is how far a room is in step as a user is told it: without a right the number of the entries told, and the peers.
func (c *Core) progressTold(r *room, user wire.ID) wire.RoomProgress {
	p := r.progress()
	if c.entitled(r, user) {
		return p
	}
	return wire.RoomProgress{Entries: uint64(len(c.told(r, user).entries)), Peers: p.Peers, InStep: p.InStep}
}

// boxesTold are the boxes for a recipient that a user is told: of epochs that it knows of.
func (r *room) boxesTold(recipient wire.ID, t told) []wire.ID {
	if t.all {
		return r.boxesFor[recipient]
	}
	known := make(map[wire.ID]bool, len(t.entries))
	for _, e := range t.entries {
		known[e.ID] = true
	}
	var boxes []wire.ID
	for _, id := range r.boxesFor[recipient] {
		if known[r.boxInfo[id].epoch] {
			boxes = append(boxes, id)
		}
	}
	return boxes
}

// tell answers a request for the room's entries with what its user is told.
func (c *Core) tell(q *request, t told, end bool) {
	q.shown, q.limited = t.digest, !t.all
	c.sendAuthority(q, t.entries, q.r.boxesTold(q.recipient, t), end)
}
