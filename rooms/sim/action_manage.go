package sim

import (
	"parley/rooms"
	"parley/wire"
)

// managing is the table of what masters, admins and pairs do.
func managing() []kind {
	return []kind{
		{"kick", 4, false, about(func(s, o *seat, _ uint64) { s.stop(o.me(), rooms.RoleNone, false) })},
		{"ban", 2, false, about(func(s, o *seat, _ uint64) { s.stop(o.me(), rooms.RoleNone, true) })},
		{"lower", 2, false, about(doLower)},
		{"lift", 3, false, about(func(s, o *seat, _ uint64) { s.lift(o.me()) })},
		{"add", 5, false, about(doAdd)},
		{"appoint", 6, false, about(func(s, o *seat, _ uint64) { s.appoint(o.me()) })},
		{"demote", 2, false, about(func(s, o *seat, _ uint64) { s.demote(o.me()) })},
		{"revoke", 3, false, byManager(func(s *seat, n uint64) {
			if live := s.auth.Now().Invites(); len(live) > 0 {
				s.revoke(live[n%uint64(len(live))].Entry.ID)
			}
		})},
		{"policy", 1, false, byManager(func(s *seat, n uint64) { s.policy(n) })},
		{"handover", 2, false, about(func(s, o *seat, _ uint64) { s.handOver(o) })},
		{"trim", 2, false, byManager(func(s *seat, n uint64) { s.trim(n) })},
		{"renew", 2, false, doRenew},
		{"pair", 2, false, doPair},
	}
}

// byManager lets an honest person who holds a chain act: A, or the next one who does.
func byManager(act func(s *seat, n uint64)) func(w *World, a Action) {
	return func(w *World, a Action) {
		for i := range w.people {
			if s := w.seatOf(a.A+i, a.N); s != nil && !s.u.evil && s.role() >= rooms.RoleAdmin {
				w.say("%s acts: %s", s.u.name, a.Kind)
				act(s, a.N)
				return
			}
		}
	}
}

// about lets such a person act upon another one who knows the room: B chooses whom.
func about(act func(s, other *seat, n uint64)) func(w *World, a Action) {
	return func(w *World, a Action) {
		byManager(func(s *seat, n uint64) {
			for i := range w.people {
				if o := w.personOf(a.B + i).seats[s.room]; o != nil && o != s && o.auth.Len() > 0 {
					act(s, o, n)
					return
				}
			}
		})(w, a)
	}
}

// doLower makes somebody a reader or a relay.
func doLower(s, o *seat, n uint64) {
	if role := rooms.RoleRelay + rooms.Role(n%2); s.auth.Now().Role(o.me()) > role {
		s.stop(o.me(), role, false)
	}
}

// doAdd takes somebody in or back in, or raises a role.
func doAdd(s, o *seat, n uint64) {
	role := rooms.RoleMember
	if n%4 == 0 {
		role = rooms.RoleReader
	}
	if s.auth.Now().Role(o.me()) < role {
		s.add(o.u, role)
	}
}

// doRenew changes a person's bundle and tells its rooms.
func doRenew(w *World, a Action) {
	s := w.seatOf(a.A, a.N)
	if s == nil || s.u.evil {
		return
	}
	if s.u.key.SetName(s.u.name+string(rune('a'+a.N%26))) != nil {
		return
	}
	for _, o := range s.u.order {
		m, known := o.auth.Now().Member(o.me())
		if o.belongs() && !o.left && known && (m.Bundle == nil || m.Bundle.Number < s.u.key.Bundle().Number) { // as the client sees to
			if e, err := rooms.NewRenew(s.u.key, o.auth.NextBeside(o.me(), s.u.now())); err == nil {
				o.made(e)
				o.submit([]*rooms.Entry{e}, nil, nil)
			}
		}
	}
}

// doPair begins the room of two of A and B: either of them does, or both at once.
func doPair(w *World, a Action) {
	x, y := w.personOf(a.A), w.personOf(a.B)
	if x == y || x.evil || y.evil || !x.peer.up() || !y.peer.up() || len(w.rooms) > 2 {
		return
	}
	root, err := rooms.NewPair(x.key.Public(), y.key.Public())
	if err != nil || x.seats[root.ID] != nil || y.seats[root.ID] != nil {
		return
	}
	w.say("%s and %s have a room of two", x.name, y.name)
	w.rooms = append(w.rooms, root.ID)
	for i, u := range []*Person{x, y} {
		s, other := u.seat(root.ID), []*Person{y, x}[i]
		s.pairWith = other
		s.made(root)
		d, err := rooms.NewDelegation(u.key, root.ID, u.peer.id, s.serial())
		if err != nil {
			continue
		}
		begins := a.N>>i&1 == 1 || i == 0
		u.ask(&wire.Submit{Room: root.ID, Delegation: d.Raw, Entries: wire.List[wire.Bytes]{root.Raw}}, func(*rooms.Reply) {
			s.following()
			if begins && len(s.auth.Now().AllEpochs()) == 0 {
				s.rotate()
			}
		})
	}
}
