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

// told returns the entries that a user is told, in causal order, and their digest; all says that they are all that are held.
func (c *Core) told(r *room, user wire.ID) (entries []*Entry, digest digest16, all bool) {
	if c.entitled(r, user) {
		return r.auth.All(), r.auth.Digest(), true
	}
	a := r.auth
	var seen bitset
	for _, id := range r.lastWords(user) {
		seen = seen.union(a.nodes[a.place[id]].closure)
	}
	for _, i := range a.named[user] {
		if e := a.nodes[i].entry; e.Kind == KindLeave {
			seen = seen.union(a.nodes[i].closure)
		}
	}
	var ids []wire.ID
	seen.each(func(i int) bool {
		entries = append(entries, a.nodes[i].entry)
		ids = append(ids, a.nodes[i].entry.ID)
		return true
	})
	return entries, entriesDigest(ids), false
}

// toldDigest is the digest of the entries that a user is told.
func (c *Core) toldDigest(r *room, user wire.ID) digest16 {
	if c.entitled(r, user) {
		return r.auth.Digest()
	}
	_, digest, _ := c.told(r, user)
	return digest
}

// progressTold is how far a room is in step as a user is told it: without a right the number of the entries told, and the peers.
func (c *Core) progressTold(r *room, user wire.ID) wire.RoomProgress {
	p := r.progress()
	if c.entitled(r, user) {
		return p
	}
	entries, _, _ := c.told(r, user)
	return wire.RoomProgress{Entries: uint64(len(entries)), Peers: p.Peers, InStep: p.InStep}
}

// boxesTold are the boxes for a recipient that a user is told: of epochs that it knows of.
func (c *Core) boxesTold(r *room, recipient wire.ID, entries []*Entry, all bool) []wire.ID {
	if all {
		return r.boxesFor[recipient]
	}
	known := make(map[wire.ID]bool, len(entries))
	for _, e := range entries {
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

// tellAll answers a request for the room's entries with what its user is told, unless it is known to have the same.
func (c *Core) tellAll(q *request, known []byte, end bool) {
	entries, digest, all := c.told(q.r, q.user)
	q.shown, q.limited = digest, !all
	if string(known) == string(digest[:]) {
		c.sendAuthority(q, nil, nil, end)
		return
	}
	c.sendAuthority(q, entries, c.boxesTold(q.r, q.recipient, entries, all), end)
}
