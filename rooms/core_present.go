package rooms

import (
	"cmp"
	"slices"

	"parley/wire"
)

// What a peer presents of its own: one delegation at a time, and the next one of its users' when that gives no right.

// chooseOwn chooses the delegation that this peer presents: the one in use while
// it gives all, else the one that gives most by the entries held here, a member's before
// a link's, of several that of the lowest user ID.
func (c *Core) chooseOwn(r *room) {
	if r.own != nil && slices.Contains(r.attachedList(), r.own) && c.worth(r, r.own) == 2*int(SyncAll)+1 {
		return
	}
	r.own = nil
	for _, d := range r.attachedList() {
		if r.own == nil || c.worth(r, d) > c.worth(r, r.own) {
			r.own = d
		}
	}
}

// attachedList is the delegations of this peer's users, by ascending user ID.
func (r *room) attachedList() (all []*Delegation) {
	for _, user := range sortedIDs(r.attachedAs) {
		all = append(all, r.attachedAs[user])
	}
	return all
}

// worth orders this peer's own delegations by what they give, as far as is known here.
func (c *Core) worth(r *room, d *Delegation) int {
	if d.Link {
		return 2 * int(c.gives(r, d))
	}
	return 2*int(c.gives(r, d)) + 1
}

// openLink sends OpenRoom: what gives this peer its right, if it is to be
// presented, and the state, if the other's right is checked.
func (c *Core) openLink(l *link, present, answer bool) {
	l.tried, l.ourKind = l.tried[:0], SyncNone
	if !answer {
		l.opens++
	}
	c.sendOpen(l, l.r.own, present, answer)
}

// presentNext presents the next of this peer's own delegations, since the other side gives nothing by those it was shown.
func (c *Core) presentNext(l *link) {
	if l.r.openRoom || len(l.tried) == 0 {
		return
	}
	rest := slices.DeleteFunc(l.r.attachedList(), func(d *Delegation) bool { return slices.Contains(l.tried, d.Hash) })
	slices.SortStableFunc(rest, func(a, b *Delegation) int { return cmp.Compare(c.worth(l.r, b), c.worth(l.r, a)) })
	switch {
	case len(rest) > 0 && len(l.tried) < maxDelegationsPerPeer:
		c.sendOpen(l, rest[0], true, true)
	case l.lost: // that was all
		l.lost = false
		c.sendOpen(l, l.ours, false, true)
	}
}

func (c *Core) sendOpen(l *link, d *Delegation, present, answer bool) {
	m := &wire.OpenRoom{Ref: l.ref, Answer: answer}
	if present && d != nil {
		l.tried = append(l.tried, d.Hash)
		m.Delegation = d.Raw
		if j := l.r.joinBy(d); j != nil {
			m.Join = j.Raw
		}
	}
	l.ours, l.ourKind = d, max(l.ourKind, l.r.asks(d))
	if (l.right == SyncAll || l.right != SyncNone && answer) && !l.r.failed {
		s := l.r.digest(l.right)
		m.State = slices.Clone(s[:])
		l.told, l.toldAny = s, true
	}
	c.do(Send{Peer: l.p.key, Msg: m})
}

// joinBy is the join entry of the member that delegated the room to this peer, nil for
// a founder's or when it is not held.
func (r *room) joinBy(d *Delegation) *Entry {
	if d.Link || r.auth == nil || r.auth.Genesis() == nil {
		return nil
	}
	m, ok := r.auth.Now().Member(d.Member)
	if !ok || m.Entry.Join() == nil {
		return nil
	}
	return m.Entry
}

// givesNothing does what follows when a side has no right by what it has shown. It reports whether nothing more is to be
// shown to it: it has been told the last word, or the room has ended on the session.
func (c *Core) givesNothing(l *link, answer bool, shown *Delegation) bool {
	told := shown != nil && !shown.Link && c.lastWord(l, shown.Member)
	switch {
	case answer && shown != nil: // it may have another
		c.do(Send{Peer: l.p.key, Msg: &wire.OpenRoom{Ref: l.ref, Answer: true}})
	case answer && l.revoked && l.opens == 0: // not the answer to what was sent before it was asked for another
		c.closeLink(l, wire.CodeRevoked)
		return true
	}
	return told
}
