package rooms

import (
	"crypto/hmac"
	"crypto/sha256"
	"slices"

	"parley/wire"
)

// The role bytes in tags and keyed states: of whose words they are.
const (
	roleInitiator = 0
	roleResponder = 1
)

func (c *Core) onPeerUp(ev *PeerUp) {
	p := &peer{
		key: ev.Peer, id: ev.ID, name: ev.Name, initiator: ev.Initiator,
		mac:  hmac.New(sha256.New, ev.Exporter[:]),
		refs: make(map[uint64]*link),
	}
	c.peers[p.key] = p
	c.peerList = append(c.peerList, p)
	if p.initiator {
		p.first = true
		c.offer(p, c.roomList, true)
	}
}

// dropPeer forgets a session, and lets what it was asked for be asked of others.
func (c *Core) dropPeer(p *peer) {
	p.gone = true
	delete(c.peers, p.key)
	c.peerList = slices.DeleteFunc(c.peerList, func(q *peer) bool { return q == p })
	for _, l := range p.links {
		c.dropLink(l)
	}
	p.links, p.refs, p.tags = nil, nil, nil
}

// offend ends a session whose peer broke the protocol.
func (c *Core) offend(p *peer, text string) {
	if p.gone {
		return
	}
	c.stats.Offenders++
	c.do(Offender{Peer: p.key, Err: wire.Errorf(wire.CodeProtocol, "%s", text)})
	for _, q := range c.pullsOf(p) {
		c.do(CancelPull{Peer: p.key, Pull: q.key})
	}
	c.dropPeer(p)
}

// keyed is HMAC-SHA-256 under the session's exporter over the length-prefixed
// fields label, the role byte of whose words it is, and the others; 16 bytes.
func (p *peer) keyed(label string, mine bool, room wire.ID, more ...[]byte) digest16 {
	role := byte(roleResponder)
	if mine == p.initiator {
		role = roleInitiator
	}
	var buf [160]byte
	b := fieldBuffer(buf[:0]).text(label).field([]byte{role}).id(&room)
	for _, f := range more {
		b = b.field(f)
	}
	p.mac.Reset()
	p.mac.Write(b)
	var sum [sha256.Size]byte
	return digest16(p.mac.Sum(sum[:0])[:16])
}

// tag is what a side offers a room as.
func (p *peer) tag(mine bool, room wire.ID) digest16 { return p.keyed("offer", mine, room) }

// keyedState is how a side tells the digest of a room without telling it.
func (p *peer) keyedState(mine bool, room wire.ID, d digest16) digest16 {
	return p.keyed("state", mine, room, d[:])
}

// side is the lowest bit of the refs of rooms that a side offered.
func (p *peer) side(mine bool) uint64 {
	if mine == p.initiator {
		return 0
	}
	return 1
}

// offer offers rooms that are not shared on the session yet. The first Offer
// of the initiator is sent even when it is empty: the other side waits for it.
func (c *Core) offer(p *peer, rooms []*room, always bool) {
	var tags []byte
	start := uint64(len(p.mine))
	send := func() {
		c.do(Send{Peer: p.key, Msg: &wire.Offer{Start: start, Tags: tags}})
		start, tags, always = uint64(len(p.mine)), nil, false
	}
	for _, r := range rooms {
		if r.linkOf(p) != nil || len(p.mine) >= maxOffered {
			continue
		}
		t := p.tag(true, r.id)
		tags = append(tags, t[:]...)
		p.mine = append(p.mine, r.id)
		if len(tags) == 16*maxTagsPerOffer {
			send()
		}
	}
	if always || len(tags) > 0 {
		send()
	}
}

// offerRoom offers a room that was just taken up to all sessions.
func (c *Core) offerRoom(r *room) {
	for _, p := range c.peerList {
		if p.tags != nil {
			p.tags[p.tag(false, r.id)] = r
		}
		if p.first {
			c.offer(p, []*room{r}, false)
		}
	}
}

// linkOf returns the room's link on a session, or nil.
func (r *room) linkOf(p *peer) *link {
	for _, l := range r.links {
		if l.p == p {
			return l
		}
	}
	return nil
}

// tagMap is the tags under which the other side offers this side's rooms. It is
// made for the first Offer and kept a little for the next.
func (c *Core) tagMap(p *peer) map[digest16]*room {
	if p.tags == nil {
		p.tags = make(map[digest16]*room, len(c.roomList))
		for _, r := range c.roomList {
			p.tags[p.tag(false, r.id)] = r
		}
	}
	if !p.tagsTimer {
		p.tagsTimer = true
		c.after(tagCacheTime, func() { p.tags, p.tagsTimer = nil, false })
	}
	return p.tags
}

func (c *Core) onOffer(p *peer, m *wire.Offer) {
	n := uint64(len(m.Tags) / 16)
	switch {
	case len(m.Tags)%16 != 0 || n > maxTagsPerOffer || m.Start != p.count || p.count+n > maxOffered:
		c.offend(p, "an offer out of bounds")
		return
	}
	p.count += n
	reply := &wire.Match{}
	if n > 0 {
		rooms := c.tagMap(p)
		for i := range n {
			r := rooms[digest16(m.Tags[16*i:16*i+16])]
			if r != nil && c.rooms[r.id] == r {
				c.match(p, r, 2*(m.Start+i)+p.side(false), reply)
			}
		}
	}
	if len(reply.Known)+len(reply.Unknown) > 0 {
		c.do(Send{Peer: p.key, Msg: reply})
	}
	if !p.first {
		p.first = true
		c.offer(p, c.roomList, false)
	}
}

// match adds a room that the other side offered to the answer.
func (c *Core) match(p *peer, r *room, ref uint64, reply *wire.Match) {
	l := c.linkFor(p, r, ref)
	if l == nil {
		return
	}
	l.right = c.bestRight(l)
	if l.right != SyncAll { // by a link, it may have a better one to show by now
		t := p.tag(true, r.id)
		reply.Unknown = append(reply.Unknown, ref)
		reply.Tags = append(reply.Tags, t[:]...)
		return
	}
	d := r.digest(l.right)
	k := p.keyedState(true, r.id, d)
	reply.Known = append(reply.Known, ref)
	reply.States = append(reply.States, k[:]...)
	l.told, l.toldAny = d, true
	l.tentative = true
}

// linkFor returns the link for a room that is now known by ref, or nil if there is to be none.
func (c *Core) linkFor(p *peer, r *room, ref uint64) *link {
	l := r.linkOf(p)
	if l == nil {
		l = &link{p: p, r: r, ref: ref, ours: r.own, ourKind: r.asks(r.own)}
		r.links = append(r.links, l)
		p.links = append(p.links, l)
		r.placedDue = true
		c.touch(r)
	}
	if p.refs[ref] != l {
		if len(l.refs) >= maxAliases {
			return nil
		}
		l.refs = append(l.refs, ref)
		p.refs[ref] = l
	}
	return l
}

// asks is what a delegation of this peer's for the room gives it elsewhere.
func (r *room) asks(d *Delegation) Sync {
	if r.openRoom || d != nil && !d.Link {
		return SyncAll
	}
	return SyncAuthority
}

// link finds the room that a ref of the other side's message means. Known is
// false for a ref that was never given, which no honest peer uses.
func (p *peer) link(ref uint64) (l *link, known bool) {
	n := p.count
	if ref&1 == p.side(true) {
		n = uint64(len(p.mine))
	}
	if ref/2 >= n {
		return nil, false
	}
	return p.refs[ref], true
}

func (c *Core) onMatch(p *peer, m *wire.Match) {
	if len(m.States) != 16*len(m.Known) || len(m.Tags) != 16*len(m.Unknown) ||
		len(m.Known)+len(m.Unknown) > maxTagsPerOffer {
		c.offend(p, "a match out of bounds")
		return
	}
	reply := &wire.InStep{}
	for i, ref := range m.Known {
		r, ok := c.matched(p, ref)
		if !ok {
			return
		}
		if r == nil {
			continue
		}
		l := c.linkFor(p, r, ref)
		if l == nil {
			continue
		}
		l.right = c.bestRight(l)
		state := digest16(m.States[16*i : 16*i+16])
		d := r.digest(SyncAll)
		if l.right == SyncAll && !r.failed && p.keyedState(false, r.id, d) == state {
			l.mayAsk = true
			l.told, l.their, l.toldAny, l.any = d, d, true, true
			reply.Refs = append(reply.Refs, ref)
			c.equal(l)
			continue
		}
		c.openLink(l, false, false)
	}
	if len(reply.Refs) > 0 {
		c.do(Send{Peer: p.key, Msg: reply})
	}
	for i, ref := range m.Unknown {
		r, ok := c.matched(p, ref)
		if !ok {
			return
		}
		if r == nil {
			continue
		}
		if t := p.tag(false, r.id); !hmac.Equal(t[:], m.Tags[16*i:16*i+16]) {
			c.offend(p, "a match without knowing the room")
			return
		}
		if l := c.linkFor(p, r, ref); l != nil {
			l.right = c.bestRight(l)
			c.openLink(l, true, false)
		}
	}
}

// matched returns the room that this side offered under ref, nil if it has been
// given up since. It is not ok when no such ref was given: the session is ended.
func (c *Core) matched(p *peer, ref uint64) (r *room, ok bool) {
	if ref&1 != p.side(true) || ref/2 >= uint64(len(p.mine)) {
		c.offend(p, "a match for what was not offered")
		return nil, false
	}
	r = c.rooms[p.mine[ref/2]]
	if r == nil {
		c.do(Send{Peer: p.key, Msg: &wire.RoomClose{Ref: ref, Code: wire.CodeNotFound}})
	}
	return r, true
}

func (c *Core) onInStep(p *peer, m *wire.InStep) {
	for _, ref := range m.Refs {
		l, known := p.link(ref)
		if !known {
			c.offend(p, "a room that was not offered")
			return
		}
		if l == nil || !l.tentative || l.right != SyncAll {
			continue
		}
		l.tentative, l.mayAsk = false, true
		l.their, l.any = l.told, true
		if l.told == l.r.digest(SyncAll) {
			c.equal(l)
		} else { // something became durable since the Match: it is in marks
			l.base = true
			c.announceSoon(l)
			c.stateSoon(l, stateDelay)
		}
	}
}

// onPeerMessage dispatches the messages of the interactive stream.
func (c *Core) onPeerMessage(ev *PeerMessage) {
	p := c.peers[ev.Peer]
	if p == nil {
		return
	}
	switch m := ev.Msg.(type) {
	case *wire.Offer:
		c.onOffer(p, m)
		return
	case *wire.Match:
		c.onMatch(p, m)
		return
	case *wire.InStep:
		c.onInStep(p, m)
		return
	}
	ref, ok := refOf(ev.Msg)
	if !ok {
		c.offend(p, "a message of a type that has no place here")
		return
	}
	l, known := p.link(ref)
	if !known {
		c.offend(p, "a room that was not offered")
		return
	}
	if l == nil {
		return // closed meanwhile
	}
	parts := ev.Parts
	if parts == nil {
		var err error
		if parts, err = Prepare(ev.Msg); err != nil {
			c.offend(p, err.Error())
			return
		}
	}
	switch m := ev.Msg.(type) {
	case *wire.OpenRoom:
		c.onOpenRoom(l, m, parts)
	case *wire.RoomClose:
		c.onRoomClose(l, m)
	case *wire.State:
		c.onState(l, m)
	case *wire.Ranges:
		c.onRanges(l, m)
	case *wire.RangesReply:
		c.onRangesReply(l, m)
	case *wire.Fetch:
		c.onFetch(l, m)
	case *wire.Records:
		c.onRecords(l, m, parts)
	case *wire.Announce:
		c.onAnnounce(l, m)
	case *wire.Ack:
		c.onAck(l, m)
	}
}

func refOf(m wire.Message) (uint64, bool) {
	switch m := m.(type) {
	case *wire.OpenRoom:
		return m.Ref, true
	case *wire.RoomClose:
		return m.Ref, true
	case *wire.State:
		return m.Ref, true
	case *wire.Ranges:
		return m.Ref, true
	case *wire.RangesReply:
		return m.Ref, true
	case *wire.Fetch:
		return m.Ref, true
	case *wire.Records:
		return m.Ref, true
	case *wire.Announce:
		return m.Ref, true
	case *wire.Ack:
		return m.Ref, true
	}
	return 0, false
}
