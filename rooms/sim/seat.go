package sim

import (
	"maps"
	"slices"
	"time"

	"parley/rooms"
	"parley/wire"
)

// A seat is what a person keeps of one room, and what it is about to do there.
// It follows package client: the same requests, the same choices of epoch and heads.
type seat struct {
	u    *Person
	room wire.ID

	auth     *rooms.Authority
	keys     map[wire.ID][rooms.EpochKeySize]byte
	loose    []*rooms.Box // whose epoch is not held yet
	pairWith *Person      // of a room of two
	link     *rooms.Link  // by which the person wants in; nil: it does not

	out    outbox
	queue  []int // texts to be written
	gave   []int // texts given up, with a report
	left   bool
	leaves bool // has asked to
	offers bool // the room to a successor
	given  bool // who has accepted
	kept   bool // the peer has had the person's own delegation

	// Of this session.
	follow, append rooms.ReqKey
	refusal        *wire.AppendRefused // on the stream of appends: of the first run that was refused
	attaching      bool
	met, meeting   bool // the peer's head of the log is known
	behind         bool // what is pending must be answered before anything new
	attempts       int
	tending        bool
	asked          bool // a submission of what the peer lacks is under way
	sealed         map[[2]wire.ID]bool
}

func (s *seat) clear() {
	s.auth, s.keys = rooms.NewAuthority(s.room), map[wire.ID][rooms.EpochKeySize]byte{}
	s.loose, s.out, s.queue = nil, outbox{}, nil
	s.sealed = map[[2]wire.ID]bool{}
}

// copy is the seat as a backup of the home has it.
func (s *seat) copy() *seat {
	c := &seat{u: s.u, room: s.room, link: s.link, pairWith: s.pairWith, out: s.out, left: s.left, queue: slices.Clone(s.queue), loose: slices.Clone(s.loose)}
	c.keys, c.sealed = maps.Clone(s.keys), map[[2]wire.ID]bool{}
	c.out.pending = slices.Clone(s.out.pending)
	c.auth = rooms.NewAuthority(s.room)
	for _, e := range s.auth.All() {
		_, _, _ = c.auth.Add(e)
	}
	return c
}

func (s *seat) me() wire.ID { return s.u.id() }

func (s *seat) role() rooms.Role { return s.auth.Now().Role(s.me()) }

// belongs reports whether the person has a role by what it knows.
func (s *seat) belongs() bool { return s.role() != rooms.RoleNone }

// online begins a session.
func (s *seat) online() {
	s.follow, s.append, s.attaching, s.met, s.meeting, s.tending, s.asked, s.attempts = 0, 0, false, false, false, false, false, 0
	if s.link != nil && !s.belongs() {
		s.knock()
		return
	}
	if s.auth.Len() > 0 && !s.left {
		s.following()
	}
}

// serial ascends with the person's clock, and always.
func (s *seat) serial() uint64 {
	s.u.serial = max(s.u.serial+1, uint64(max(s.u.now().UnixMilli(), 1)))
	return s.u.serial
}

// following keeps entries and keys up to date with the peer's.
func (s *seat) following() {
	m := &wire.AuthorityGet{Room: s.room, Follow: true}
	if s.link != nil && !s.belongs() {
		m.Recipient = linkID(s.link)
	}
	s.u.gone(s.follow)
	s.follow = s.u.ask(m, func(r *rooms.Reply) {
		switch codeOf(r) {
		case wire.CodeOK:
		case wire.CodeNotFound, wire.CodeRefused, wire.CodePending:
			s.attach(s.following)
			return
		default:
			s.u.inSession(time.Second, s.following)
			return
		}
		a, ok := r.Msg.(*wire.Authority)
		if !ok {
			return
		}
		s.take(a.Entries, a.Boxes)
		if !a.More {
			s.changed(a.Digest)
		}
	})
}

// attach gives the peer the person's delegation and all entries held.
func (s *seat) attach(then func()) {
	if s.attaching || !s.belongs() {
		return
	}
	s.attaching = true
	d, err := rooms.NewDelegation(s.u.key, s.room, s.u.peer.id, s.serial())
	if err != nil {
		return
	}
	m := &wire.Submit{Room: s.room, Delegation: d.Raw}
	if member, ok := s.auth.Now().Member(s.me()); ok && member.Entry.Kind == rooms.KindJoin {
		m.Join = member.Entry.Raw
	}
	for _, e := range s.auth.All() {
		m.Entries = append(m.Entries, e.Raw)
	}
	s.u.ask(m, func(r *rooms.Reply) {
		s.attaching = false
		if codeOf(r) == wire.CodeOK {
			s.kept = true
			then()
			return
		}
		s.u.w.say("%s cannot attach: %v", s.u.name, r.Err)
		s.u.inSession(2*time.Second, then)
	})
}

// submit hands the peer records of the room.
func (s *seat) submit(entries []*rooms.Entry, boxes []*rooms.Box, then func(wire.Code)) {
	m := &wire.Submit{Room: s.room}
	for _, e := range entries {
		m.Entries = append(m.Entries, e.Raw)
	}
	for _, b := range boxes {
		m.Boxes = append(m.Boxes, b.Raw)
	}
	s.u.ask(m, func(r *rooms.Reply) {
		if code := codeOf(r); then != nil {
			then(code)
		} else if code != wire.CodeOK {
			s.u.w.say("%s: not taken: %v", s.u.name, r.Err)
		}
	})
}

// take adds entries and boxes that the peer gave.
func (s *seat) take(entries, boxes wire.List[wire.Bytes]) {
	for _, raw := range entries {
		if p := s.u.w.records.record(wire.SetEntries, raw); p.err == nil {
			for _, e := range p.parts.Entries {
				_, _, _ = s.auth.Add(e)
			}
		}
	}
	for _, raw := range boxes {
		if p := s.u.w.records.record(wire.SetBoxes, raw); p.err == nil {
			s.loose = append(s.loose, p.parts.Boxes...)
		}
	}
	s.loose = slices.DeleteFunc(s.loose, s.open)
}

// open takes the key out of a box. It reports whether the box is done with.
func (s *seat) open(b *rooms.Box) bool {
	if _, held := s.keys[b.Epoch]; held || b.Room != s.room {
		return true
	}
	e := s.auth.Entry(b.Epoch)
	if e == nil {
		return false
	}
	if key, ok := s.u.unseal(e, b, s.link); ok {
		s.keys[b.Epoch] = key
	}
	return true
}

// unseal opens a box that is sealed to a person, or to a link that it has.
func (u *Person) unseal(epoch *rooms.Entry, b *rooms.Box, link *rooms.Link) (key [rooms.EpochKeySize]byte, ok bool) {
	if b.Recipient == u.id() {
		key, err := b.Open(epoch, u.key.Bundle().Sealing, u.key.OpenSealed)
		return key, err == nil
	}
	if link == nil || b.Recipient != linkID(link) {
		return key, false
	}
	keys, err := link.Keys()
	if err != nil {
		return key, false
	}
	key, err = b.Open(epoch, keys.Seal.Public(), keys.Seal.Open)
	return key, err == nil
}

// linkID is the recipient of boxes that are sealed to a link.
func linkID(link *rooms.Link) wire.ID {
	keys, err := link.Keys()
	if err != nil {
		return wire.ID{}
	}
	return (&rooms.Invite{LinkSealing: keys.Seal.Public()}).LinkID()
}

// changed does what new entries and keys call for.
func (s *seat) changed(peers []byte) {
	if s.link != nil && !s.belongs() {
		s.enter()
		return
	}
	if s.belongs() && !s.kept && !s.asked { // taken in by an entry of others, before it could join
		s.asked = true
		s.attach(func() { s.asked = false })
	}
	if d := s.auth.Digest(); string(peers) != string(d[:]) && !s.asked && s.belongs() {
		// The peer lacks what is held here: its disk was set back, or failed.
		s.asked = true
		s.u.inSession(time.Second, func() {
			s.attach(func() { s.asked = false })
		})
	}
	s.tendSoon()
	s.pump()
}
