package sim

import (
	"parley/rooms"
	"parley/wire"
)

// role(u, T) of a user by entries that count.
func (o *oracle) role(u wire.ID, t set) rooms.Role {
	if !t[o.room] {
		return rooms.RoleNone
	}
	if pair := o.facts[o.room].pair; pair != nil {
		if pair[0] == u || pair[1] == u {
			return rooms.RoleMember
		}
		return rooms.RoleNone
	}
	if o.reigns(o.lastReign(t)) == u {
		return rooms.RoleMaster
	}
	in := func(kind rooms.Kind) (list []*fact) {
		for _, f := range o.order {
			if t[f.id] && f.kind == kind {
				list = append(list, f)
			}
		}
		return list
	}
	var leaves []*fact
	for _, l := range in(rooms.KindLeave) {
		if l.writer == u {
			leaves = append(leaves, l)
		}
	}
	left := func(f *fact) bool { return o.anySaw(leaves, f) }
	var demotions []*fact
	for _, d := range in(rooms.KindDemote) {
		if o.facts[d.appointment].subject == u {
			demotions = append(demotions, d)
		}
	}
	for _, a := range in(rooms.KindAppoint) {
		demoted := false
		for _, d := range demotions {
			demoted = demoted || d.appointment == a.id
		}
		if a.subject == u && !demoted && !left(a) {
			return rooms.RoleAdmin
		}
	}
	about := demotions
	var lifts []*fact
	for _, f := range o.order {
		switch {
		case !t[f.id]:
		case f.kind == rooms.KindLift && f.subject == u:
			lifts = append(lifts, f)
			about = append(about, f)
		case (f.kind == rooms.KindAdd || f.kind == rooms.KindStop) && f.subject == u, f.kind == rooms.KindHandover && f.writer == u:
			about = append(about, f)
		}
	}
	for _, f := range about {
		if f.kind == rooms.KindStop && f.ban && !o.anySaw(lifts, f) && !o.anySaw(demotions, f) {
			return rooms.RoleNone
		}
	}
	d := o.latest(about)
	limit, role := rooms.RoleMaster, rooms.RoleNone
	for _, f := range d {
		if f.kind == rooms.KindStop {
			if f.role == rooms.RoleNone {
				return rooms.RoleNone
			}
			limit = min(limit, f.role)
		}
		if f.kind != rooms.KindLift && !left(f) && (role == rooms.RoleNone || f.role < role) {
			role = f.role
		}
	}
	if role != rooms.RoleNone {
		return min(role, limit)
	}
	var joins []*fact
	for _, j := range in(rooms.KindJoin) {
		all := j.writer == u && !left(j)
		for _, f := range d {
			all = all && o.seen(j.id, f.id)
		}
		if all {
			joins = append(joins, j)
		}
	}
	for _, j := range o.latest(joins) {
		if r := o.facts[j.invite].role; role == rooms.RoleNone || r < role {
			role = r
		}
	}
	return min(role, limit)
}

// lastReign is the entry that begins the last reign in T.
func (o *oracle) lastReign(t set) wire.ID {
	begin := o.room
	for moved := true; moved; {
		moved = false
		for _, f := range o.order {
			if t[f.id] && f.kind == rooms.KindHandover && o.reign(f) == begin {
				begin, moved = f.id, true
				break
			}
		}
	}
	return begin
}

// anySaw reports whether one of list has seen f.
func (o *oracle) anySaw(list []*fact, f *fact) bool {
	for _, l := range list {
		if o.seen(l.id, f.id) {
			return true
		}
	}
	return false
}

// latest are those of list that no other of it has seen.
func (o *oracle) latest(list []*fact) (out []*fact) {
	for _, f := range list {
		top := true
		for _, g := range list {
			top = top && (g == f || !o.seen(g.id, f.id))
		}
		if top {
			out = append(out, f)
		}
	}
	return out
}
