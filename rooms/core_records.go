package rooms

import (
	"slices"

	"parley/store"
	"parley/wire"
)

const (
	storeEntry      = store.KindEntry
	storeBox        = store.KindBox
	storeDelegation = store.KindDelegation
	storeProof      = store.KindProof
)

func (c *Core) onRecords(l *link, m *wire.Records, parts *Parts) {
	r := l.r
	var w *walk
	if m.Asked {
		a := l.takeAsk(true, m.Set)
		if a == nil || len(m.Records) > a.left {
			c.offend(l.p, "records that were not asked for")
			return
		}
		a.left -= len(m.Records)
		if w = a.w; w != nil {
			w.asked = c.now
		}
		if !m.More {
			l.asks = l.asks[1:]
		}
	}
	l.speaks = l.speaks || m.Set == wire.SetEntries
	if !r.failed {
		switch m.Set {
		case wire.SetEntries:
			c.takeEntries(r, l, parts.Entries)
		case wire.SetBoxes:
			c.takeBoxes(r, l, parts.Boxes)
		case wire.SetProofs:
			c.takeProofs(r, l, parts.Proofs)
		}
	}
	if l.gone || w == nil || m.More || slices.ContainsFunc(l.asks, func(a ask) bool { return a.w == w }) {
		return
	}
	c.nextSet(l, w)
}

// refuseRecord counts a record that breaks a rule against the session that sent it.
func (c *Core) refuseRecord(l *link) {
	if l == nil || l.gone {
		return
	}
	if l.p.refused++; l.p.refused > maxRecordsRefused {
		c.offend(l.p, "too many records that break a rule")
	}
}

// takeEntries adds entries to the room's authority and stages them. It returns
// the first refusal.
func (c *Core) takeEntries(r *room, from *link, entries []*Entry) error {
	if r.openRoom {
		if len(entries) > 0 && from != nil {
			c.offend(from.p, "an entry in an open room")
		}
		return nil
	}
	var first error
	var missing []wire.ID
	for _, e := range entries {
		if from != nil && from.gone {
			return first
		}
		added, lacks, err := r.auth.Add(e)
		if err != nil {
			if first == nil {
				first = err
			}
			c.refuseRecord(from)
			continue
		}
		missing = append(missing, lacks...)
		if len(added) > 0 {
			f := c.fly(r)
			for _, a := range added {
				f.addRecord(r, storeEntry, a.ID, a.Raw)
				f.entries = append(f.entries, flightRecord{r, a.ID, from})
			}
			r.viewDue = true
			c.touch(r)
		}
	}
	if from != nil && !from.gone && len(missing) > 0 {
		slices.SortFunc(missing, wire.ID.Compare)
		missing = slices.DeleteFunc(slices.Compact(missing), r.auth.Has)
		c.fetchDependencies(from, missing)
	}
	return first
}

// fetchDependencies asks for entries that others name, unless enough questions
// are open already: what is not asked for now is found by the next comparison.
func (c *Core) fetchDependencies(l *link, ids []wire.ID) {
	const maxOpen = 4
	open := 0
	for _, a := range l.asks {
		if a.fetch && a.w == nil {
			open++
		}
	}
	if len(ids) > 0 && open < maxOpen && (l.mayAsk || l.speaks) {
		c.fetch(l, nil, wire.SetEntries, ids[:min(len(ids), maxFetch)])
	}
}

// authorityChanged does what follows from new entries: rights, logs that ended,
// runs that waited.
func (c *Core) authorityChanged(r *room) {
	if r.failed || r.openRoom {
		return
	}
	r.rightsDue = true
	c.touch(r)
	own := r.own
	if c.chooseOwn(r); r.own != nil { // a joiner that became a member asks for more
		for _, l := range slices.Clone(r.links) {
			if l.ours != r.own && !slices.Contains(l.tried, r.own.Hash) {
				c.openLink(l, true, false)
			}
		}
	}
	if r.own != own { // where it was refused before
		c.offerRoom(r)
	}
	c.applyEnds(r)
	blocked := r.blocked
	r.blocked = nil
	for _, lg := range blocked {
		if lg.blocked {
			lg.blocked = false
			c.drain(r, lg)
		}
	}
}

// recordsDurable is told of records that are on disk now: they count in the
// digests, go to whoever follows the room's authority, and to the other sessions.
func (c *Core) recordsDurable(r *room, set uint64, recs []flightRecord) {
	tree := r.tree(set)
	var ids []wire.ID
	for _, rec := range recs {
		if rec.r != r || set == wire.SetProofs && r.proofs2[rec.id] == nil || set == wire.SetBoxes && r.boxInfo[rec.id] == nil { // replaced meanwhile
			continue
		}
		tree.set(element{key: rec.id})
		ids = append(ids, rec.id)
		if set == wire.SetBoxes {
			if b := r.boxInfo[rec.id]; b != nil {
				b.durable = true
				r.boxesFor[b.recipient] = append(r.boxesFor[b.recipient], rec.id)
			}
		}
	}
	if len(ids) == 0 {
		return
	}
	r.digestsFresh = false
	c.tellFollowers(r, set, ids)
	for _, l := range r.links {
		if l.right == SyncNone || !mayCompare(l.right, set) {
			continue
		}
		// Entries and proofs are few and urgent: they are sent on. Boxes are sent by the
		// peer to which they were given, and found by comparison where that did not reach.
		var send []wire.ID
		for _, rec := range recs {
			if rec.r == r && rec.from != l && (set != wire.SetProofs || r.proofs2[rec.id] != nil) && (set != wire.SetBoxes || rec.from == nil && r.boxInfo[rec.id] != nil) {
				send = append(send, rec.id)
			}
		}
		if len(send) > 0 && l.mayAsk {
			c.sendRecords(l, set, send, false)
		}
		l.records = true
		c.stateSoon(l, stateDelay)
	}
	if len(r.watchers) > 0 {
		c.touch(r)
	}
}
