package sim

import (
	"slices"
	"time"

	"parley/rooms"
	"parley/wire"
)

// A secret is what an entry that begins an epoch is made with.
type secret struct {
	nonce []byte
	key   [rooms.EpochKeySize]byte
}

// chained makes a chained entry of a kind about subject and submits it, one that begins an
// epoch with its boxes. It returns nil if the rules, as the person knows the room, do not let it.
func (s *seat) chained(kind rooms.Kind, subject wire.ID, build func(at rooms.Place, fresh secret) (*rooms.Entry, error)) *rooms.Entry {
	if s.auth.MayWrite(s.me(), kind, subject) != rooms.ReasonNone || s.handingOver() {
		return nil
	}
	at, err := s.auth.NextOnChain(s.me(), s.u.now())
	if err != nil {
		return nil
	}
	fresh := secret{nonce(), freshKey()}
	e, err := build(at, fresh)
	if err != nil {
		return nil
	}
	var boxes []*rooms.Box
	if e.Epoch() != nil {
		s.keys[e.ID] = fresh.key
	}
	s.made(e)
	if e.Epoch() != nil {
		boxes = s.boxes(e, fresh.key)
	}
	s.submit([]*rooms.Entry{e}, boxes, nil)
	return e
}

// handingOver reports whether the person has offered the room and does not know yet that
// it was taken: what it writes meanwhile the handover will not have seen.
func (s *seat) handingOver() bool {
	if s.role() != rooms.RoleMaster {
		s.offers, s.given = false, false
	}
	return s.offers
}

// pins names the last run that counts of each of an author's logs (zero: of everybody's).
func (s *seat) pins(author wire.ID) (pins []rooms.Pin) {
	r := s.u.peer.disk.rooms[s.room]
	if r == nil {
		return nil
	}
	for _, log := range sortedIDs(r.heads) {
		if !author.IsZero() && r.heads[log].Author != author {
			continue
		}
		if m, ok := s.u.peer.direct(s.u, &wire.WriterGet{Room: s.room, Log: log}).(*wire.Writer); ok && m.Last > 0 {
			pins = append(pins, rooms.Pin{Log: log, Number: m.Last, Link: m.Link})
		}
	}
	return pins
}

// stop removes somebody, or makes it a reader or a relay. An admin is demoted first.
func (s *seat) stop(person wire.ID, role rooms.Role, ban bool) {
	if s.auth.Now().Role(person) == rooms.RoleAdmin {
		s.demote(person)
	}
	stop := rooms.Stop{Subject: person, Role: role, Ban: ban, Pins: s.pins(person)}
	s.chained(rooms.KindStop, person, func(at rooms.Place, fresh secret) (*rooms.Entry, error) {
		return rooms.NewStop(s.u.key, at, stop, fresh.nonce, fresh.key)
	})
}

// demote ends all of an admin's chains, each with its last entry that counts.
func (s *seat) demote(person wire.ID) {
	for _, a := range s.auth.Now().Admins() {
		if a.ID != person {
			continue
		}
		s.chained(rooms.KindDemote, person, func(at rooms.Place, fresh secret) (*rooms.Entry, error) {
			return rooms.NewDemote(s.u.key, at, a.Appointment.ID, a.Last.ID, fresh.nonce, fresh.key)
		})
	}
}

// appoint makes somebody an admin, after an entry that confirms the joins known, among
// them perhaps the subject's.
func (s *seat) appoint(person wire.ID) {
	if s.auth.MayWrite(s.me(), rooms.KindAppoint, person) != rooms.ReasonNone {
		return
	}
	s.revoke()
	s.chained(rooms.KindAppoint, person, func(at rooms.Place, _ secret) (*rooms.Entry, error) {
		return rooms.NewAppoint(s.u.key, at, person)
	})
}

// revoke ends invites and confirms the joins that are known.
func (s *seat) revoke(invites ...wire.ID) {
	s.chained(rooms.KindRevoke, wire.ID{}, func(at rooms.Place, _ secret) (*rooms.Entry, error) {
		return rooms.NewRevoke(s.u.key, at, invites)
	})
}

func (s *seat) lift(person wire.ID) {
	s.chained(rooms.KindLift, person, func(at rooms.Place, _ secret) (*rooms.Entry, error) {
		return rooms.NewLift(s.u.key, at, person)
	})
}

func (s *seat) add(u *Person, role rooms.Role) {
	s.chained(rooms.KindAdd, u.id(), func(at rooms.Place, _ secret) (*rooms.Entry, error) {
		return rooms.NewAdd(s.u.key, at, u.key.Bundle(), role)
	})
	s.tendSoon()
}

// policy sets how a room goes on: here the history that newcomers are given.
func (s *seat) policy(n uint64) {
	p := s.auth.Now().Policy()
	p.Topic, p.History = []string{"", "what is on fire", "quiet"}[n%3], rooms.History(n/3%2)
	s.chained(rooms.KindPolicy, wire.ID{}, func(at rooms.Place, _ secret) (*rooms.Entry, error) {
		return rooms.NewPolicy(s.u.key, at, p)
	})
}

// handOver offers the room to somebody, who accepts a little later if nothing has changed.
func (s *seat) handOver(to *seat) {
	if s.auth.MayWrite(s.me(), rooms.KindHandover, to.me()) != rooms.ReasonNone || s.auth.Now().Role(to.me()) == rooms.RoleNone {
		return
	}
	at, err := s.auth.NextOnChain(s.me(), s.u.now())
	if err != nil {
		return
	}
	offer := rooms.OfferHandover(s.u.key, at, to.u.key.Bundle())
	s.offers = true // and writes nothing on its chain until it knows what became of it
	s.u.w.after(2*time.Second, func() {
		if !s.given {
			s.offers = false
		}
	})
	to.u.inSession(300*time.Millisecond, func() {
		e, err := rooms.AcceptHandover(to.u.key, offer)
		if err != nil || to.left || to.auth.Now().Master() != e.Writer {
			return
		}
		if at, err := to.auth.NextOnChain(e.Writer, to.u.now()); err != nil || at.Prev != e.Prev || slices.ContainsFunc(e.Heads, func(id wire.ID) bool { return !to.auth.Has(id) }) {
			return
		}
		to.u.w.say("%s hands over to %s", s.u.name, to.u.name)
		s.given = true
		to.made(e)
		to.u.w.history.entry(s.u, e)
		to.submit([]*rooms.Entry{e}, nil, nil)
	})
}

// trim forgets the first run of a log, or of a few.
func (s *seat) trim(n uint64) {
	var floors []rooms.Floor
	r := s.u.peer.disk.rooms[s.room]
	if r == nil {
		return
	}
	for i, log := range sortedIDs(r.runs) {
		end, ok := s.u.peer.direct(s.u, &wire.WriterGet{Room: s.room, Log: log}).(*wire.Writer)
		first := s.u.peer.held(s.room, log, 1)
		if n>>(i%16)&1 == 0 || !ok || first == nil || end.Last <= first.Last() {
			continue
		}
		last := first
		if second := s.u.peer.held(s.room, log, first.Last()+1); n%3 == 0 && second != nil && end.Last >= second.Last() {
			last = second
		}
		floors = append(floors, rooms.Floor{Log: log, Number: last.Last(), Link: last.Hash, FirstHeads: first.Heads, Heads: last.Heads})
	}
	if len(floors) > 0 {
		s.chained(rooms.KindTrim, wire.ID{}, func(at rooms.Place, _ secret) (*rooms.Entry, error) {
			return rooms.NewTrim(s.u.key, at, floors)
		})
	}
}
