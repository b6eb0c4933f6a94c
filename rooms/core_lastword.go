package rooms

import (
	"slices"

	"parley/wire"
)

// Whoever loses its right to a room is told why, and its peer which of its runs still count: the entries that took
// the right away are sent to the peer that shows its delegation, and what these entries have seen
// may be fetched. Nothing later is told.

// lastWord sends what ended the right of a member whose delegation the other side has shown. It
// reports whether there is anything to tell.
func (c *Core) lastWord(l *link, member wire.ID) bool {
	r := l.r
	words := r.lastWords(member)
	if len(words) == 0 {
		return false
	}
	l.revoked = false
	if !slices.Contains(l.former, member) {
		l.former = append(l.former[max(0, len(l.former)-maxDelegationsPerPeer+1):], member)
	}
	c.whenDurable(func(err error) {
		if err != nil || l.gone || r.failed || !slices.Contains(l.former, member) || l.right != SyncNone {
			return
		}
		var ids []wire.ID
		for _, id := range r.lastWords(member) {
			if _, durable := r.entries.get(id); durable {
				ids = append(ids, id)
			}
		}
		c.sendRecords(l, wire.SetEntries, ids[max(0, len(ids)-maxLastWords):], false)
	})
	return true
}

// lastWords are the entries that count and by which a user who was known in the room has no role now: the stops on it;
// of one who was not stopped, what revoked the invites that it joined by, and what cut off the chain of
// the admin who had let it in.
func (r *room) lastWords(user wire.ID) (ids []wire.ID) {
	if r.openRoom || r.auth.Genesis() == nil || r.auth.Now().Role(user) != RoleNone {
		return nil
	}
	a := r.auth
	for _, i := range a.stops[user] {
		ids = append(ids, a.nodes[i].entry.ID)
	}
	if len(ids) > 0 {
		return ids
	}
	var chains, invites []int // by which it came in
	for _, i := range a.named[user] {
		at := i
		if j := a.nodes[i].entry.Join(); j != nil {
			at = a.place[j.Invite]
			invites = append(invites, at)
		}
		if e := a.nodes[at].entry; !e.Chain.IsZero() {
			chains = append(chains, a.place[e.Chain])
		}
	}
	a.counts.each(func(i int) bool {
		e := a.nodes[i].entry
		ends := false
		switch body := e.Body.(type) {
		case *Demote:
			ends = slices.ContainsFunc(chains, func(at int) bool { return a.nodes[at].entry.ID == body.Appointment }) || revokesOne(a, i, invites)
		case *Stop:
			ends = body.takesKey() && revokesOne(a, i, invites)
		case *Revoke:
			ends = slices.ContainsFunc(invites, func(at int) bool { return slices.Contains(body.Invites, a.nodes[at].entry.ID) })
		case *Handover:
			ends = len(ids) < maxLastWords
		}
		if ends {
			ids = append(ids, e.ID)
		}
		return true
	})
	return ids
}

// revokesOne reports whether one of the invites has not seen an entry which revokes such invites.
func revokesOne(a *Authority, i int, invites []int) bool {
	return slices.ContainsFunc(invites, func(at int) bool { return !a.saw(at, i) })
}

// mayFetchEntry reports whether an entry is one that a former member's peer may still have: what it was told last
// and everything before that.
func (l *link) mayFetchEntry(id wire.ID) bool {
	a := l.r.auth
	at, held := a.place[id]
	return held && slices.ContainsFunc(l.former, func(member wire.ID) bool {
		return slices.ContainsFunc(l.r.lastWords(member), func(word wire.ID) bool { return a.saw(a.place[word], at) })
	})
}
