package rooms

import (
	"cmp"
	"slices"
	"time"

	"parley/wire"
)

// usable reports whether both sides accepted the other's right.
func (l *link) usable() bool { return !l.gone && l.right != SyncNone && l.mayAsk }

// gives reports whether runs may be sent on the link.
func (l *link) gives() bool { return !l.gone && l.right == SyncAll && l.mayAsk }

// inStep reports whether the other side is known to hold the same.
func (l *link) inStep() bool {
	return l.usable() && l.base && len(l.marks) == 0 && len(l.ahead) == 0 && !l.records && !l.syncing && l.walk == nil
}

// bestRight is what the other side may have by the delegations remembered and presented.
func (c *Core) bestRight(l *link) Sync {
	if l.r.openRoom {
		return SyncAll
	}
	best := SyncNone
	for _, d := range l.r.delegs[l.p.id] {
		if s, _ := l.r.auth.MaySync(d, c.now); s > best {
			best = s
		}
	}
	return best
}

func (c *Core) onOpenRoom(l *link, m *wire.OpenRoom, parts *Parts) {
	r := l.r
	if len(m.State) != 0 && len(m.State) != 16 {
		c.offend(l.p, "a digest of another size")
		return
	}
	if d := parts.Delegation; d != nil {
		if r.openRoom || d.Room != r.id || d.Peer != l.p.id {
			c.offend(l.p, "a delegation of another room or peer")
			return
		}
		if len(parts.Entries) > 0 {
			c.takeEntries(r, l, parts.Entries)
		}
		if l.gone || r.failed {
			return
		}
		c.present(l, d)
	}
	l.tentative = false
	l.right = c.bestRight(l)
	if m.Answer {
		l.opens = max(0, l.opens-1)
	}
	if len(m.State) == 16 {
		l.mayAsk = true
		l.heard(digest16(m.State))
	} else if !m.Answer { // it gives nothing (any more), until it tells its state
		l.lost = l.lost || l.mayAsk
		l.mayAsk, l.any = false, false
		r.planDue = true // what was to be asked of it is asked of others, or not at all
	}
	r.placedDue = true
	c.touch(r)
	if !m.Answer {
		c.openLink(l, len(m.State) == 0, true)
	} else if l.right != SyncNone {
		l.revoked = false
		c.tellState(l)
	}
	told := l.right == SyncNone && c.givesNothing(l, m.Answer, parts.Delegation)
	if !told && m.Answer && len(m.State) == 0 && !l.mayAsk {
		c.presentNext(l)
	}
	c.compare(l) // also with whoever has no right: what takes its right away may not be the last that there is
}

// present takes a delegation that the other side showed: remembered if it gives a right
// now, else kept on the link until the entries it depends on are here.
func (c *Core) present(l *link, d *Delegation) {
	r := l.r
	l.theirs = slices.DeleteFunc(l.theirs, func(o *Delegation) bool { return o.Member == d.Member && o.Link == d.Link })
	if c.gives(r, d) == SyncNone {
		l.theirs = append(l.theirs[max(0, len(l.theirs)-maxDelegationsPerPeer+1):], d)
		return
	}
	c.rememberDelegation(r, d)
}

// rememberDelegation stores a delegation, in the place of one that it replaces.
func (c *Core) rememberDelegation(r *room, d *Delegation) {
	held := r.delegs[d.Peer]
	for i, old := range held {
		if old.Hash == d.Hash {
			return
		}
		if old.Member == d.Member && old.Link == d.Link {
			if d.Replaces(old) {
				c.fly(r).dropRecord(r, storeDelegation, old.Hash)
				held[i] = d
				c.fly(r).addRecord(r, storeDelegation, d.Hash, d.Raw)
			}
			return
		}
	}
	if len(held) >= maxDelegationsPerPeer {
		// the first one gives way that no longer gives a right, else the oldest
		c.forgetDelegation(r, held[max(0, slices.IndexFunc(held, func(old *Delegation) bool { return c.gives(r, old) == SyncNone }))])
	}
	if !c.placeForDelegation(r, d) {
		return
	}
	r.delegCount++
	r.delegs[d.Peer] = append(r.delegs[d.Peer], d)
	c.fly(r).addRecord(r, storeDelegation, d.Hash, d.Raw)
}

// gives is what a delegation gives now.
func (c *Core) gives(r *room, d *Delegation) Sync {
	s, _ := r.auth.MaySync(d, c.now)
	return s
}

func (c *Core) forgetDelegation(r *room, d *Delegation) {
	c.fly(r).dropRecord(r, storeDelegation, d.Hash)
	if r.delegs[d.Peer] = slices.DeleteFunc(r.delegs[d.Peer], func(o *Delegation) bool { return o == d }); len(r.delegs[d.Peer]) == 0 {
		delete(r.delegs, d.Peer)
	}
	r.delegCount--
}

// placeForDelegation makes place for one more: whoever signed many gives up its own, those of peers that are not here
// before others and the lowest serial first; of a room that is full, one goes that gives no right any more.
func (c *Core) placeForDelegation(r *room, d *Delegation) bool {
	var mine []*Delegation
	var worthless *Delegation
	for _, peer := range sortedIDs(r.delegs) {
		for _, old := range r.delegs[peer] {
			if old.Member == d.Member {
				mine = append(mine, old)
			}
			if worthless == nil && r.delegCount >= maxDelegations && c.gives(r, old) == SyncNone {
				worthless = old
			}
		}
	}
	bound := maxDelegationsPerMember
	if d.Link {
		bound = maxDelegationsPerLink
	}
	here := func(d *Delegation) int {
		if slices.ContainsFunc(r.links, func(l *link) bool { return l.p.id == d.Peer }) {
			return 1
		}
		return 0
	}
	switch {
	case len(mine) >= bound || r.delegCount >= maxDelegations && worthless == nil && len(mine) > 0:
		c.forgetDelegation(r, slices.MinFunc(mine, func(a, b *Delegation) int {
			return cmp.Or(cmp.Compare(here(a), here(b)), cmp.Compare(a.Serial, b.Serial))
		}))
	case r.delegCount >= maxDelegations && worthless != nil:
		c.forgetDelegation(r, worthless)
	}
	return r.delegCount < maxDelegations
}

func (c *Core) onRoomClose(l *link, _ *wire.RoomClose) { c.dropLink(l) }

// closeLink ends a room on a session from this side.
func (c *Core) closeLink(l *link, code wire.Code) {
	c.do(Send{Peer: l.p.key, Msg: &wire.RoomClose{Ref: l.ref, Code: code}})
	c.dropLink(l)
}

// dropLink forgets a room on a session.
func (c *Core) dropLink(l *link) {
	if l.gone {
		return
	}
	l.gone = true
	r := l.r
	r.links = slices.DeleteFunc(r.links, func(o *link) bool { return o == l })
	if !l.p.gone {
		l.p.links = slices.DeleteFunc(l.p.links, func(o *link) bool { return o == l })
		for _, ref := range l.refs {
			delete(l.p.refs, ref)
		}
	}
	if l.walk != nil && l.walk.verify != nil {
		c.verifyFailed(l.walk, "the session ended")
	}
	for _, a := range l.asks {
		if a.w != nil && a.w != l.walk && a.w.verify != nil {
			c.verifyFailed(a.w, "the session ended")
		}
	}
	l.walk, l.asks, l.marks, l.announce = nil, nil, nil, nil
	c.dropPulls(l)
	r.placedDue = true
	c.touch(r)
}

// checkRights looks again at who may have the room, after its authority changed.
func (c *Core) checkRights(r *room) {
	if r.openRoom || r.failed {
		return
	}
	for _, l := range slices.Clone(r.links) {
		if l.gone {
			continue
		}
		for _, d := range slices.Clone(l.theirs) {
			c.present(l, d)
		}
		was := l.right
		if l.right = c.bestRight(l); l.right == was {
			for _, d := range l.theirs {
				if l.right == SyncNone && !d.Link && !slices.Contains(l.former, d.Member) {
					c.lastWord(l, d.Member) // who came and went by entries that came since
				}
			}
			continue
		}
		l.toldAny = false
		if l.right < was { // it may have another member's word by now
			l.revoked = true
			c.openLink(l, false, false)
			continue
		}
		c.tellState(l)
	}
}

// tellState sends the digest of the durable state, if it is not what was sent last.
func (c *Core) tellState(l *link) {
	if l.right == SyncNone || l.r.failed {
		return
	}
	d := l.r.digest(l.right)
	if l.toldAny && l.told == d {
		return
	}
	l.told, l.toldAny = d, true
	c.do(Send{Peer: l.p.key, Msg: &wire.State{Ref: l.ref, Digest: slices.Clone(d[:])}})
}

func (c *Core) onState(l *link, m *wire.State) {
	if len(m.Digest) != 16 {
		c.offend(l.p, "a digest of another size")
		return
	}
	l.mayAsk = true
	l.tentative = false
	l.heard(digest16(m.Digest))
	c.compare(l)
}

// heard takes note of the other side's digest. If it is the one told before, the other side has read its room anew or has
// given back a right: what it answered meanwhile may not hold. The same goes for a comparison that is under way.
func (l *link) heard(d digest16) {
	if l.their == d {
		l.fruitless = [2]digest16{}
	}
	if l.walk != nil {
		l.walk.stale = true
	}
	l.their, l.any = d, true
}

// compare acts on the other side's digest.
func (c *Core) compare(l *link) {
	r := l.r
	if l.gone || !l.any || !l.mayAsk || r.failed {
		return
	}
	if l.right != SyncNone {
		defer c.tellState(l)
	}
	switch {
	case l.ourKind == SyncAll && l.their == r.digest(SyncAll):
		c.equal(l)
		return
	case l.their == r.digest(SyncAuthority): // they give us no more (yet)
		l.records, l.misses, l.syncing = false, 0, false
		return
	}
	c.compareSoon(l)
}

// equal notes that both sides hold the same.
func (c *Core) equal(l *link) {
	l.base, l.records, l.syncing = true, false, false
	l.misses = 0
	clear(l.marks)
	clear(l.ahead)
	l.announce = nil
	l.r.placedDue = true
	c.touch(l.r)
}

// compareSoon lets a walk begin: at once for the first, later for each that did not lead to equality.
func (c *Core) compareSoon(l *link) {
	r := l.r
	if l.compareDue || l.walk != nil || l.fruitless == [2]digest16{l.their, r.digest(l.ourKind)} {
		return
	}
	l.compareDue = true
	wait := time.Duration(0)
	if l.misses > 0 {
		wait = min(compareDelay<<min(l.misses-1, 16), compareDelayMax)
	}
	c.armCompare(l, wait)
}

func (c *Core) armCompare(l *link, wait time.Duration) {
	c.after(wait, func() {
		if l.gone || !l.compareDue {
			return
		}
		r := l.r
		busy := r.failed || c.now.Before(r.holdTill) || l.misses > 0 && (r.inFlight > 0 || len(r.wants) > 0)
		if busy || l.walk != nil {
			c.armCompare(l, compareDelay)
			return
		}
		l.compareDue = false
		if !l.any || !l.mayAsk || l.their == r.digest(l.ourKind) {
			c.compare(l)
			return
		}
		l.misses++
		c.startWalk(l)
	})
}

// stateSoon lets the digests be compared again when the room has been quiet for a while,
// unless both sides are known to be in step by then.
func (c *Core) stateSoon(l *link, wait time.Duration) {
	if l.stateTimer || l.gone {
		return
	}
	l.stateTimer = true
	c.armState(l, wait, c.now.Add(wait+stateDelayMax))
}

func (c *Core) armState(l *link, wait time.Duration, latest time.Time) {
	c.after(wait, func() {
		if l.gone || l.inStep() {
			l.stateTimer = false
			return
		}
		r := l.r
		busy := r.inFlight > 0 || len(r.wants) > 0 || c.now.Sub(r.changed) < stateDelay
		if r.failed || busy && c.now.Before(latest) {
			c.armState(l, stateDelay, latest)
			return
		}
		l.stateTimer, l.syncing = false, false
		c.tellState(l)
		if l.any {
			c.compare(l)
		}
	})
}
