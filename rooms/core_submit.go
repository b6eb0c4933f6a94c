package rooms

import (
	"errors"
	"slices"

	"parley/wire"
)

// onSubmit takes records from a user: checks, stores and forwards them, and
// with a delegation takes the room up for the user.
func (c *Core) onSubmit(q *request, m *wire.Submit, parts *Parts) {
	d := parts.Delegation
	if d != nil && (d.Room != m.Room || d.Peer != c.cfg.Self || !d.Link && d.Member != q.user) {
		c.fail(q, wire.CodeRefused, "the delegation is not for this room, peer and user")
		return
	}
	r := c.rooms[m.Room]
	if r == nil {
		if d == nil {
			c.fail(q, wire.CodeNotFound, "this peer does not keep that room for you")
			return
		}
		if c.users[q.user] >= maxRoomsPerUser {
			c.fail(q, wire.CodeBusy, "this peer keeps no more rooms for you")
			return
		}
		r = c.takeUp(m.Room)
	}
	if r.loading || r.failed {
		q.pending++
		r.afterLoad = append(r.afterLoad, func() {
			q.pending--
			if !q.gone {
				c.submit(q, r, m, parts)
			}
		})
		return
	}
	c.submit(q, r, m, parts)
}

// takeUp begins to keep a room. What the store may still have of it is read first.
func (c *Core) takeUp(id wire.ID) *room {
	r := c.newRoom(id, false)
	r.loading, r.failed, r.reloading = true, true, true
	c.whenDurable(func(error) { c.do(Reload{Room: id}) })
	return r
}

func (c *Core) submit(q *request, r *room, m *wire.Submit, parts *Parts) {
	if c.rooms[r.id] != r {
		c.fail(q, wire.CodeNotFound, "this peer does not keep that room any more")
		return
	}
	if r.openRoom {
		if len(parts.Entries)+len(parts.Boxes) > 0 || parts.Delegation != nil {
			c.fail(q, wire.CodeInvalid, "an open room has no members and no invites")
			return
		}
		c.finish(q, &wire.Done{})
		return
	}
	err := c.submitRecords(q, r, m, parts)
	if err == nil && parts.Delegation != nil {
		err = c.attach(q.user, r, parts.Delegation)
	}
	if err != nil {
		if len(r.users) == 0 && r.auth.Len() == 0 {
			c.dropRoom(r, wire.CodeNotFound)
		}
		var e *wire.Error
		if errors.As(err, &e) {
			c.fail(q, e.Code, e.Text)
		} else {
			c.failReason(q, wire.CodeInvalid, err)
		}
		return
	}
	if n := min(len(m.Addresses), maxDialAddresses); n > 0 {
		c.do(Dial{Addresses: slices.Clone([]string(m.Addresses[:n]))})
	}
	c.whenRoomDurable(q, r, &wire.Done{})
}

// submitRecords stages a user's entries and boxes.
func (c *Core) submitRecords(q *request, r *room, m *wire.Submit, parts *Parts) error {
	if parts.Delegation == nil && !r.users[q.user] {
		return wire.Errorf(wire.CodeNotFound, "this peer does not keep that room for you")
	}
	for i, e := range parts.Entries {
		if r.auth.Has(e.ID) {
			continue
		}
		presented := i == 0 && len(m.Join) > 0
		if e.Join() != nil && r.auth.mayHold(e) {
			if err := admission(r.auth.Admit(e, c.now)); err != nil {
				if presented {
					continue // the delegation is judged without it
				}
				return err
			}
		}
		if err := c.takeEntries(r, nil, []*Entry{e}); err != nil {
			return err
		}
		if !presented && !r.auth.Has(e.ID) {
			return wire.Errorf(wire.CodePending, "it refers to entries that this peer does not have yet")
		}
	}
	return c.takeBoxesOf(r, parts.Boxes)
}

func (c *Core) takeBoxesOf(r *room, boxes []*Box) error {
	err := c.takeBoxes(r, nil, boxes)
	if err == nil {
		for _, b := range boxes {
			if b.Room != r.id {
				return ReasonRoom
			}
		}
	}
	return err
}

// admission gives a reason not to take a join its code.
func admission(why Reason) error {
	switch why {
	case ReasonNone:
		return nil
	case ReasonExpired:
		return wire.Errorf(wire.CodeExpired, "%s", why)
	case ReasonExhausted:
		return wire.Errorf(wire.CodeExhausted, "%s", why)
	case ReasonInvite, ReasonInviteRevoked:
		return wire.Errorf(wire.CodeRevoked, "%s", why)
	}
	return wire.Errorf(wire.CodeRefused, "%s", why)
}

// attach keeps the room for a user by its delegation.
func (c *Core) attach(user wire.ID, r *room, d *Delegation) error {
	if r.auth.Genesis() != nil {
		if s, why := r.auth.MaySync(d, c.now); s == SyncNone {
			return wire.Errorf(wire.CodeRefused, "%s", why)
		}
	}
	if d.Link {
		if r.linkAs == nil {
			r.linkAs = make(map[wire.ID]*Delegation)
		}
		r.linkAs[user] = d
	}
	f := c.fly(r)
	if !r.users[user] {
		r.users[user] = true
		c.users[user]++
	}
	old := r.attachedAs[user]
	if old == nil || old.Link && !d.Link || d.Replaces(old) {
		r.attachedAs[user] = d
		f.data.Values = append(f.data.Values, userValue(r.id, user, d.Hash))
		if old != nil {
			f.dropRecord(r, storeDelegation, old.Hash)
		}
		f.addRecord(r, storeDelegation, d.Hash, d.Raw)
	}
	c.tellFollowers(r, wire.SetEntries, nil) // who is told more from now on
	c.chooseOwn(r)
	c.offerRoom(r)
	r.viewDue = true
	c.touch(r)
	return nil
}

func (c *Core) onRoomDetach(q *request, m *wire.RoomDetach) {
	r := c.roomFor(q, m.Room, func() { c.onRoomDetach(q, m) })
	if r == nil {
		return
	}
	if r.openRoom {
		c.finish(q, &wire.Done{})
		return
	}
	f := c.fly(r)
	v := userValue(r.id, q.user, wire.ID{})
	v.Value = nil
	f.data.Values = append(f.data.Values, v)
	if d := r.attachedAs[q.user]; d != nil {
		f.dropRecord(r, storeDelegation, d.Hash)
		delete(r.attachedAs, q.user)
	}
	delete(r.linkAs, q.user)
	delete(r.users, q.user)
	if c.users[q.user]--; c.users[q.user] <= 0 {
		delete(c.users, q.user)
	}
	c.do(Readers{Room: r.id})
	c.chooseOwn(r)
	if len(r.users) == 0 {
		if m.Forget {
			c.flush() // a batch drops rooms first: what is staged must be in an earlier one
			f = c.fly(r)
			f.data.DropRooms = append(f.data.DropRooms, r.id, HiddenRoom(r.id))
			c.arriveAbove(r)
		}
		c.dropRoom(r, wire.CodeOK)
	}
	c.whenRoomDurable(q, r, &wire.Done{})
}

// arriveAbove lets the arrivals of other rooms go on above those of a room that is dropped: of one that the
// store has nothing of it takes no others.
func (c *Core) arriveAbove(dropped *room) {
	for _, r := range c.roomList {
		r.arrival = max(r.arrival, dropped.arrival+arrivalSkip)
	}
}

// dropRoom stops keeping a room. Its data stays in the store.
func (c *Core) dropRoom(r *room, code wire.Code) {
	for _, l := range slices.Clone(r.links) {
		c.closeLink(l, code)
	}
	for _, q := range slices.Concat(slices.Clone(r.watchers), r.followers, r.placed) {
		c.fail(q, wire.CodeNotFound, "this peer does not keep that room any more")
	}
	delete(c.rooms, r.id)
	c.roomList = slices.DeleteFunc(c.roomList, func(o *room) bool { return o == r })
	for user := range r.users {
		if c.users[user]--; c.users[user] <= 0 {
			delete(c.users, user)
		}
	}
	for _, p := range c.peerList {
		if p.tags != nil {
			delete(p.tags, p.tag(false, r.id))
		}
	}
	for _, f := range r.afterLoad {
		f()
	}
	r.afterLoad = nil
}

func (c *Core) onAuthorityGet(q *request, m *wire.AuthorityGet) {
	r := c.roomFor(q, m.Room, func() { c.onAuthorityGet(q, m) })
	if r == nil || q.r != nil {
		return
	}
	if r.openRoom {
		c.fail(q, wire.CodeInvalid, "an open room has no members and no invites")
		return
	}
	q.r, q.recipient = r, m.Recipient
	if q.recipient.IsZero() {
		q.recipient = q.user
	}
	if m.Follow {
		r.followers = append(r.followers, q)
	}
	t := c.told(r, q.user)
	if string(m.Known) != string(t.digest[:]) {
		c.tell(q, t, !m.Follow)
		return
	}
	q.shown, q.limited = t.digest, !t.all
	c.sendAuthority(q, nil, nil, !m.Follow)
}

// sendAuthority answers with entries and boxes, cut into frames; there is at least one.
func (c *Core) sendAuthority(q *request, entries []*Entry, boxes []wire.ID, end bool) {
	r, digest := q.r, q.shown
	per := recordsFrame / MaxBox
	for {
		m := &wire.Authority{Digest: digest[:]}
		size := 0
		for len(entries) > 0 && (size == 0 || size+len(entries[0].Raw) <= recordsFrame) {
			m.Entries = append(m.Entries, entries[0].Raw)
			size += len(entries[0].Raw)
			entries = entries[1:]
		}
		var fill []wire.ID
		if len(entries) == 0 {
			n := min(per, len(boxes))
			fill, boxes = boxes[:n:n], boxes[n:]
		}
		m.More = len(entries)+len(boxes) > 0
		c.do(Reply{Req: q.key, Msg: m, Room: r.id, Fill: fill, End: end && !m.More})
		if !m.More {
			break
		}
	}
	if end {
		c.endRequest(q)
	}
}

// tellFollowers sends new records to those who follow the room's authority.
func (c *Core) tellFollowers(r *room, set uint64, ids []wire.ID) {
	for _, q := range slices.Clone(r.followers) {
		if q.limited || !c.entitled(r, q.user) {
			// What it has lost the right to, or has the right to again, is not in what is new alone.
			if t := c.told(r, q.user); t.all || t.digest != q.shown {
				c.tell(q, t, false)
			}
			continue
		}
		q.shown = r.auth.Digest()
		var entries []*Entry
		var boxes []wire.ID
		for _, id := range ids {
			switch set {
			case wire.SetEntries:
				entries = append(entries, r.auth.Entry(id))
			case wire.SetBoxes:
				if b := r.boxInfo[id]; b != nil && b.recipient == q.recipient {
					boxes = append(boxes, id)
				}
			}
		}
		if len(entries)+len(boxes) > 0 {
			c.sendAuthority(q, entries, boxes, false)
		}
	}
}
