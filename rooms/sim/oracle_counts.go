package sim

import (
	"parley/rooms"
	"parley/wire"
)

// reign of an entry on the master's chain: the last handover before it by prev, or the
// room's first entry, which began it.
func (o *oracle) reign(f *fact) wire.ID {
	for f.id != o.room {
		prev := o.facts[f.prev]
		if prev == nil {
			return wire.ID{}
		}
		if prev.kind == rooms.KindHandover {
			return prev.id
		}
		f = prev
	}
	return o.room
}

// reigns is who reigns after the entry that begins a reign.
func (o *oracle) reigns(begin wire.ID) wire.ID {
	if f := o.facts[begin]; f.kind == rooms.KindHandover {
		return f.subject
	}
	return o.facts[begin].writer
}

// M(S): from the first entry: the entries of its reign in S that have not seen another
// handover of that reign; if there are handovers among them, of the reign what the one that continues
// has seen, and so on from it with the successor. begins are the entries that begin the reigns.
func (o *oracle) M(s set) (m set, begins []wire.ID) {
	m = set{}
	if !s[o.room] {
		return m, nil
	}
	for begin := o.room; ; {
		begins = append(begins, begin)
		var ofReign, handovers []*fact
		for _, f := range o.order {
			if s[f.id] && f.chained() && f.chain.IsZero() && o.reign(f) == begin {
				ofReign = append(ofReign, f)
				if f.kind == rooms.KindHandover {
					handovers = append(handovers, f)
				}
			}
		}
		before := func(f *fact) bool {
			for _, h := range handovers {
				if h != f && o.seen(f.id, h.id) {
					return false
				}
			}
			return true
		}
		r, candidates := set{}, []*fact(nil)
		for _, f := range ofReign {
			if before(f) {
				r[f.id] = true
				if f.kind == rooms.KindHandover {
					candidates = append(candidates, f)
				}
			}
		}
		if len(candidates) == 0 {
			for id := range r {
				m[id] = true
			}
			return m, begins
		}
		next := o.continues(candidates, begin, s, m, r)
		for id := range r {
			if id == next.id || o.seen(next.id, id) {
				m[id] = true
			}
		}
		begin = next.id
	}
}

// continues: of several handovers of one reign the one with the most witnesses, then the lowest ID.
func (o *oracle) continues(handovers []*fact, begin wire.ID, s, m, reign set) (best *fact) {
	most := -1
	for _, h := range handovers {
		n := 0
		for _, user := range o.appointed(m, reign) {
			if o.witness(user, handovers, begin, s, m, reign) == h.id {
				n++
			}
		}
		if n > most || n == most && h.id.Compare(best.id) < 0 {
			most, best = n, h
		}
	}
	return best
}

func (o *oracle) appointed(sets ...set) (users []wire.ID) {
	found := set{}
	for _, f := range o.order {
		for _, in := range sets {
			if in[f.id] && f.kind == rooms.KindAppoint && !found[f.subject] {
				found[f.subject] = true
				users = append(users, f.subject)
			}
		}
	}
	return users
}

// witness is the handover for which a user counts as a witness, or zero.
func (o *oracle) witness(user wire.ID, handovers []*fact, begin wire.ID, s, m, reign set) wire.ID {
	if user == o.reigns(begin) {
		return wire.ID{}
	}
	for _, h := range handovers {
		if h.subject == user {
			return wire.ID{}
		}
	}
	chains := set{}
	for _, a := range o.order {
		if a.kind != rooms.KindAppoint || a.subject != user || !m[a.id] && !reign[a.id] {
			continue
		}
		standing := true
		for _, h := range handovers {
			standing = standing && o.seen(h.id, a.id)
			for _, d := range o.order {
				if d.kind == rooms.KindDemote && d.appointment == a.id && o.seen(h.id, d.id) {
					standing = false
				}
			}
		}
		if standing {
			chains[a.id] = true
		}
	}
	named := set{}
	for _, f := range o.order {
		if !s[f.id] || !f.chained() || !chains[f.chain] {
			continue
		}
		for _, h := range handovers {
			if o.seen(f.id, h.id) {
				named[h.id] = true
			}
		}
	}
	if len(named) != 1 {
		return wire.ID{}
	}
	for id := range named {
		return id
	}
	return wire.ID{}
}

// E(S): what counts of S.
func (o *oracle) E(s set) set {
	m, begins := o.M(s)
	e := set{}
	for id := range m {
		e[id] = true
	}
	if len(m) == 0 {
		return e
	}
	for _, f := range o.order {
		if s[f.id] && f.chained() && !f.chain.IsZero() && m[f.chain] && o.withinCuts(f, s, m) {
			e[f.id] = true
		}
	}
	for _, f := range o.order {
		if e[f.id] && f.kind == rooms.KindStop && !f.chain.IsZero() && (o.protectsAdmin(f, s, m) || o.protectsMaster(f, begins)) {
			delete(e, f.id)
		}
	}
	above := set{}
	for id := range e {
		above[id] = true
	}
	for _, f := range o.order {
		switch {
		case !s[f.id]:
		case f.kind == rooms.KindLeave, f.kind == rooms.KindRenew:
			e[f.id] = true
		case f.kind == rooms.KindJoin && above[f.invite] && o.seenByRevokers(f, above):
			e[f.id] = true
		}
	}
	return e
}

// withinCuts: an admin's entry lies within the cut of every demotion of its appointment in
// M(S), and within every leave of the admin that has seen the appointment.
func (o *oracle) withinCuts(f *fact, s, m set) bool {
	for _, d := range o.order {
		if m[d.id] && d.kind == rooms.KindDemote && d.appointment == f.chain && !o.seen(d.cut, f.id) {
			return false
		}
		if s[d.id] && d.kind == rooms.KindLeave && d.writer == o.facts[f.chain].subject && o.seen(d.id, f.chain) && !o.seen(d.id, f.id) {
			return false
		}
	}
	return true
}

// protectsAdmin: M(S) has an appointment of the stop's subject that has not seen the stop, and
// whose end the stop has not seen.
func (o *oracle) protectsAdmin(stop *fact, s, m set) bool {
	for _, a := range o.order {
		if !m[a.id] || a.kind != rooms.KindAppoint || a.subject != stop.subject || o.seen(a.id, stop.id) {
			continue
		}
		ended := false
		for _, d := range o.order {
			ends := m[d.id] && d.kind == rooms.KindDemote && d.appointment == a.id ||
				s[d.id] && d.kind == rooms.KindLeave && d.writer == a.subject && o.seen(d.id, a.id)
			ended = ended || ends && o.seen(stop.id, d.id)
		}
		if !ended {
			return true
		}
	}
	return false
}

// protectsMaster: likewise of a reign of the subject, which the handover that continues ends.
func (o *oracle) protectsMaster(stop *fact, begins []wire.ID) bool {
	for i, begin := range begins {
		if o.reigns(begin) != stop.subject || o.seen(begin, stop.id) {
			continue
		}
		if i+1 == len(begins) || !o.seen(stop.id, begins[i+1]) {
			return true
		}
	}
	return false
}

// seenByRevokers: every revoker of a join's invite has seen the join.
func (o *oracle) seenByRevokers(join *fact, above set) bool {
	for id := range above {
		if o.revokes(o.facts[id], join.invite) && !o.seen(id, join.id) {
			return false
		}
	}
	return true
}

// revokes: of invite i: a revocation that names it; a stop with role 0 or 1, or a demotion,
// that i has not seen.
func (o *oracle) revokes(f *fact, invite wire.ID) bool {
	switch f.kind {
	case rooms.KindRevoke:
		return f.revokes[invite]
	case rooms.KindStop:
		return f.role < rooms.RoleReader && !o.seen(invite, f.id)
	case rooms.KindDemote:
		return !o.seen(invite, f.id)
	}
	return false
}
