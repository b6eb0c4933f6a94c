package sim

import (
	"time"

	"parley/rooms"
	"parley/wire"
)

// newEpoch begins an epoch, sealed to everybody who is to have it, and pins the heads of all logs.
func (s *seat) newEpoch() (*rooms.Entry, []*rooms.Box) {
	at, err := s.auth.NextOnChain(s.me(), s.u.now())
	if err != nil || s.handingOver() {
		return nil, nil
	}
	key := freshKey()
	e, err := rooms.NewEpoch(s.u.key, at, nonce(), key, s.pins(wire.ID{})...)
	if err != nil {
		return nil, nil
	}
	s.keys[e.ID] = key
	s.made(e)
	return e, s.boxes(e, key)
}

// boxes seals an epoch's key to its recipients.
func (s *seat) boxes(e *rooms.Entry, key [rooms.EpochKeySize]byte) (boxes []*rooms.Box) {
	seal := func(to wire.ID, sealing []byte) {
		if b, err := rooms.SealBox(s.u.key, e, to, sealing, key); err == nil {
			boxes = append(boxes, b)
		}
	}
	v := s.auth.Now()
	for _, m := range v.Members() {
		if sealing := s.sealing(m); sealing != nil {
			seal(m.ID, sealing)
		}
	}
	if w := s.u.w; w.plant != nil && w.plant.leaks {
		for _, u := range w.people {
			seal(u.id(), u.key.Bundle().Sealing)
		}
	}
	for _, i := range v.Invites() {
		if i.Role.HoldsKey() && s.usable(i) {
			seal(i.LinkID(), i.LinkSealing)
		}
	}
	return boxes
}

// sealing is the key to seal to for a member; nil if it holds no epoch's key. In a room
// of two another room has told it.
func (s *seat) sealing(m rooms.Member) []byte {
	switch {
	case !m.Role.HoldsKey():
		return nil
	case m.Bundle != nil:
		return m.Bundle.Sealing
	case m.ID == s.me():
		return s.u.key.Bundle().Sealing
	case s.pairWith != nil:
		return s.pairWith.key.Bundle().Sealing
	}
	return nil
}

// usable reports whether an invite still admits somebody, by the person's clock.
func (s *seat) usable(i rooms.InviteView) bool {
	return !i.Expired(s.u.now()) && (i.Uses == 0 || uint64(len(i.Joiners)) < i.Uses)
}

// rotate begins a new epoch.
func (s *seat) rotate() {
	if e, boxes := s.newEpoch(); e != nil {
		s.submit([]*rooms.Entry{e}, boxes, nil)
	}
}

// invite makes a link; nil if the person may not.
func (s *seat) invite(uses uint64, lasts time.Duration, role rooms.Role) *rooms.Link {
	at, err := s.auth.NextOnChain(s.me(), s.u.now())
	if err != nil || s.handingOver() {
		return nil
	}
	if s.auth.Now().History() == rooms.HistoryJoined && role.HoldsKey() {
		// The newcomer reads from here on: under a key that seals nothing older.
		s.rotate()
		if at, err = s.auth.NextOnChain(s.me(), s.u.now()); err != nil {
			return nil
		}
	}
	link, err := rooms.NewLink(s.room, s.u.w.network.Name, nil)
	if err != nil {
		return nil
	}
	var expiry time.Time
	if lasts > 0 {
		expiry = s.u.now().Add(lasts)
	}
	e, err := rooms.NewInvite(s.u.key, at, link, uses, expiry, role)
	if err != nil {
		return nil
	}
	s.made(e)
	var boxes []*rooms.Box
	if v := s.auth.Now(); role.HoldsKey() {
		epochs := v.AllEpochs()
		if v.History() == rooms.HistoryJoined {
			epochs = v.Epochs()
		}
		for _, ep := range epochs {
			if key, ok := s.keys[ep.ID]; ok {
				if b, err := rooms.SealBox(s.u.key, ep, e.Invite().LinkID(), e.Invite().LinkSealing, key); err == nil {
					boxes = append(boxes, b)
				}
			}
		}
	}
	s.submit([]*rooms.Entry{e}, boxes, nil)
	return link
}

// tendSoon does, after a while, what the person's agent does.
func (s *seat) tendSoon() {
	if s.tending || s.u.evil {
		return
	}
	s.tending = true
	rank, v := 0, s.auth.Now() // the master goes first, then admins, then members
	own := v.Role(s.me())
	for _, m := range v.Members() {
		if m.ID != s.me() && (m.Role > own || m.Role == own && m.ID.Compare(s.me()) < 0) {
			rank++
		}
	}
	s.u.inSession(time.Second+time.Duration(rank)*500*time.Millisecond, func() {
		s.tending = false
		s.tend()
	})
}

// tend begins an epoch when none may be written in safely, and seals keys for who lacks them.
func (s *seat) tend() {
	v := s.auth.Now()
	if s.left || !v.Role(s.me()).HoldsKey() {
		return
	}
	if v.Role(s.me()) >= rooms.RoleAdmin || s.pairWith != nil {
		epochs := v.Epochs()
		due := len(epochs) != 1
		for _, e := range epochs {
			due = due || len(v.Outsiders(e)) > 0
		}
		if due {
			s.u.w.say("%s begins an epoch", s.u.name)
			s.rotate()
			return
		}
	}
	for _, m := range v.Members() {
		if m.ID != s.me() && s.sealing(m) != nil {
			s.sealFor(m.ID)
		}
	}
}

// sealFor seals to a member the keys for which the peer holds no box.
func (s *seat) sealFor(member wire.ID) {
	due := s.due(member)
	if len(due) == 0 {
		return
	}
	have := map[wire.ID]bool{}
	s.u.ask(&wire.AuthorityGet{Room: s.room, Recipient: member}, func(r *rooms.Reply) {
		a, ok := r.Msg.(*wire.Authority)
		if !ok {
			return
		}
		for _, raw := range a.Boxes {
			if p := s.u.w.records.record(wire.SetBoxes, raw); p.err == nil {
				for _, b := range p.parts.Boxes {
					have[b.Epoch] = true
				}
			}
		}
		if a.More {
			return
		}
		var boxes []*rooms.Box
		m, ok := s.auth.Now().Member(member)
		sealing := s.sealing(m)
		if !ok || sealing == nil {
			return
		}
		for _, e := range due {
			key, held := s.keys[e.ID]
			s.sealed[[2]wire.ID{member, e.ID}] = true
			if have[e.ID] || !held {
				continue
			}
			if b, err := rooms.SealBox(s.u.key, e, member, sealing, key); err == nil {
				boxes = append(boxes, b)
			}
		}
		if len(boxes) > 0 {
			s.submit(nil, boxes, nil)
		}
	})
}

// due are the epochs whose keys a member is to have and that are not known to be there.
func (s *seat) due(member wire.ID) (list []*rooms.Entry) {
	v := s.auth.Now()
	m, _ := v.Member(member)
	newest := map[wire.ID]bool{}
	for _, e := range v.Epochs() {
		newest[e.ID] = true
	}
	for _, e := range v.AllEpochs() {
		if _, held := s.keys[e.ID]; !held || s.sealed[[2]wire.ID{member, e.ID}] {
			continue
		}
		if v.History() == rooms.HistoryAll || newest[e.ID] || e.When().After(m.Since) {
			list = append(list, e)
		}
	}
	return list
}
