package sim

import (
	"bytes"
	"crypto/rand"
	"slices"
	"time"

	"parley/rooms"
	"parley/wire"
)

func nonce() []byte {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return b
}

func freshKey() (key [rooms.EpochKeySize]byte) {
	_, _ = rand.Read(key[:])
	return key
}

// create founds a room.
func (u *Person) create(history rooms.History) {
	g, err := rooms.NewGenesis(u.key, rooms.Genesis{Nonce: nonce(), Name: "ops", History: history}, rooms.Place{Time: u.now()})
	if err != nil {
		return
	}
	s := u.seat(g.ID)
	s.made(g)
	entries := []*rooms.Entry{g}
	e, boxes := s.newEpoch()
	d, err := rooms.NewDelegation(u.key, g.ID, u.peer.id, s.serial())
	if e == nil || err != nil {
		return
	}
	entries = append(entries, e)
	m := &wire.Submit{Room: g.ID, Delegation: d.Raw}
	for _, e := range entries {
		m.Entries = append(m.Entries, e.Raw)
	}
	for _, b := range boxes {
		m.Boxes = append(m.Boxes, b.Raw)
	}
	u.w.rooms = append(u.w.rooms, g.ID)
	u.ask(m, func(r *rooms.Reply) {
		s.kept = true
		s.following()
	})
}

// made takes an entry of one's own.
func (s *seat) made(e *rooms.Entry) {
	s.u.w.history.entry(s.u, e)
	if p := s.u.w.records.record(wire.SetEntries, e.Raw); p.err == nil {
		e = p.parts.Entries[0]
	}
	if _, missing, err := s.auth.Add(e); (err != nil || len(missing) > 0) && !s.u.evil {
		s.u.w.fail("HonestNeverRefusedByMonotonicity", "%s makes a %s that its own authority refuses: %v, missing %d", s.u.name, e.Kind, err, len(missing))
	}
}

// knock asks the peer to find the room of a link under the link's own delegation.
func (s *seat) knock() {
	if s.link == nil { // it was let in meanwhile
		return
	}
	d, err := rooms.NewLinkDelegation(s.link, s.u.peer.id, s.serial())
	if err != nil {
		return
	}
	s.u.ask(&wire.Submit{Room: s.room, Delegation: d.Raw}, func(r *rooms.Reply) {
		switch {
		case codeOf(r) == wire.CodeOK:
			s.following()
		case s.link != nil && !s.belongs():
			s.u.inSession(2*time.Second, s.knock)
		}
	})
}

// inviteOf is the invite of a link by what is held and counts, or nil.
func (s *seat) inviteOf(link *rooms.Link) *rooms.Entry {
	keys, err := link.Keys()
	if err != nil {
		return nil
	}
	for _, i := range s.auth.Now().Invites() {
		if bytes.Equal(i.LinkKey, keys.Sign.Public()) {
			return i.Entry
		}
	}
	return nil
}

// enter joins once the invite and a newest key are held.
func (s *seat) enter() {
	invite := s.inviteOf(s.link)
	if invite == nil || s.attaching {
		return
	}
	v := s.auth.Now()
	reads := invite.Invite().Role.HoldsKey()
	if reads && !slices.ContainsFunc(v.Epochs(), func(e *rooms.Entry) bool { _, ok := s.keys[e.ID]; return ok }) {
		return
	}
	join, err := rooms.NewJoin(s.u.key, s.auth.NextBeside(s.me(), s.u.now()), s.link, invite.ID, nonce())
	d, derr := rooms.NewDelegation(s.u.key, s.room, s.u.peer.id, s.serial())
	if err != nil || derr != nil {
		return
	}
	m := &wire.Submit{Room: s.room, Delegation: d.Raw, Join: join.Raw, Entries: wire.List[wire.Bytes]{join.Raw}}
	for _, e := range v.AllEpochs() {
		if key, ok := s.keys[e.ID]; reads && ok {
			if b, err := rooms.SealBox(s.u.key, e, s.me(), s.u.key.Bundle().Sealing, key); err == nil {
				m.Boxes = append(m.Boxes, b.Raw)
			}
		}
	}
	s.attaching = true
	s.u.w.history.entry(s.u, join) // it may be stored, and its answer lost
	auth := s.auth
	s.u.ask(m, func(r *rooms.Reply) {
		if s.auth != auth {
			return // the room was left meanwhile
		}
		s.attaching = false
		switch codeOf(r) {
		case wire.CodeOK:
			s.made(join)
			s.left, s.kept = false, true
			if !s.belongs() { // removed, and not taken back by a join
				s.link = nil
			}
			s.following()
		case wire.CodeExpired, wire.CodeExhausted, wire.CodeRevoked, wire.CodeRefused, wire.CodeInvalid:
			s.u.w.say("%s is not let in: %v", s.u.name, r.Err)
			s.link = nil
			s.u.gone(s.follow)
		default:
			s.u.inSession(time.Second, s.enterAgain)
		}
	})
}

func (s *seat) enterAgain() {
	if s.link != nil && !s.belongs() {
		s.enter()
	}
}

// leave ends the membership, once what was written is answered.
func (s *seat) leave() {
	if role := s.role(); role == rooms.RoleNone || role == rooms.RoleMaster {
		s.leaves = false
		return
	}
	if s.role().MayWrite() && (len(s.out.pending) > 0 || len(s.queue) > 0) {
		s.leaves = true // pump comes back to it
		return
	}
	s.leaves = false
	e, err := rooms.NewLeave(s.u.key, s.auth.NextBeside(s.me(), s.u.now()), s.pins(s.me()))
	if err != nil {
		return
	}
	s.submit([]*rooms.Entry{e}, nil, func(code wire.Code) {
		if code != wire.CodeOK {
			s.u.inSession(time.Second, s.leave)
			return
		}
		s.u.w.history.entry(s.u, e)
		s.u.w.say("%s has left", s.u.name)
		s.left, s.link = true, nil
		s.u.gone(s.follow)
		s.u.gone(s.append)
		s.clear()
	})
}
