package sim

import (
	"fmt"

	"parley/rooms"
	"parley/wire"
)

// eachPeer applies a statement to what each honest peer holds of each room.
func eachPeer(list []*outcome, holds func(h *held, v *rooms.View) string) string {
	for _, o := range list {
		for _, h := range o.all {
			if h.auth.Len() == 0 {
				continue
			}
			if text := holds(h, h.auth.Now()); text != "" {
				return h.peer.name + ": " + text
			}
		}
	}
	return ""
}

// eachJoined applies a statement to everybody who belongs to a room by a join.
func eachJoined(list []*outcome, holds func(h *held, m rooms.Member, j *rooms.Join) string) string {
	return eachPeer(list, func(h *held, v *rooms.View) string {
		for _, m := range v.Members() {
			if j := m.Entry.Join(); j != nil {
				if text := holds(h, m, j); text != "" {
					return h.peer.w.nameOf(m.ID) + " is a " + m.Role.String() + text
				}
			}
		}
		return ""
	})
}

// joinNeedsCountedInvite: whoever belongs to the room by a join does so by an invite that
// counts, and signed with that invite's link.
func joinNeedsCountedInvite(_ *World, list []*outcome) string {
	return eachJoined(list, func(h *held, m rooms.Member, j *rooms.Join) string {
		inv := h.auth.Entry(j.Invite)
		if inv == nil || inv.Invite() == nil || !h.oracle.counts()[j.Invite] || string(inv.Invite().LinkKey) != string(j.LinkKey) {
			return " by an invite that does not count"
		}
		return ""
	})
}

// noJoinAfterRevocation: a join that a revocation of its invite had not seen admits nobody.
func noJoinAfterRevocation(_ *World, list []*outcome) string {
	return eachJoined(list, func(h *held, m rooms.Member, j *rooms.Join) string {
		for id := range h.oracle.counts() {
			if f := h.oracle.facts[id]; f.kind == rooms.KindRevoke && f.revokes[j.Invite] && !h.oracle.seen(id, m.Entry.ID) {
				return " by an invite that was revoked before the join was seen"
			}
		}
		return ""
	})
}

// removalRevokesUnseenInvites: an invite that has not seen a removal or a demotion is not
// live, and joins by it that the removal had not seen admit nobody.
func removalRevokesUnseenInvites(_ *World, list []*outcome) string {
	removes := func(f *fact) bool {
		return f.kind == rooms.KindDemote || f.kind == rooms.KindStop && f.role < rooms.RoleReader
	}
	text := eachPeer(list, func(h *held, v *rooms.View) string {
		for _, i := range v.Invites() {
			for id := range h.oracle.counts() {
				if removes(h.oracle.facts[id]) && !h.oracle.seen(i.Entry.ID, id) {
					return "invite " + i.Entry.ID.Short() + " is live after a removal that it has not seen"
				}
			}
		}
		return ""
	})
	if text != "" {
		return text
	}
	return eachJoined(list, func(h *held, m rooms.Member, j *rooms.Join) string {
		for id := range h.oracle.counts() {
			if removes(h.oracle.facts[id]) && !h.oracle.seen(j.Invite, id) && !h.oracle.seen(id, m.Entry.ID) {
				return " by an invite from before a removal that had not seen the join"
			}
		}
		return ""
	})
}

// noReadmissionByJoin: whoever was removed does not come back by a join, but for one that has
// seen a lift, or whatever else the master or an admin decided about it since.
func noReadmissionByJoin(_ *World, list []*outcome) string {
	return eachJoined(list, func(h *held, m rooms.Member, _ *rooms.Join) string {
		for id := range h.oracle.counts() {
			f := h.oracle.facts[id]
			if f.kind != rooms.KindStop || f.subject != m.ID || f.role != rooms.RoleNone {
				continue
			}
			back := false
			for l := range h.oracle.counts() {
				g := h.oracle.facts[l]
				about := g.subject == m.ID || g.kind == rooms.KindDemote && h.oracle.facts[g.appointment].subject == m.ID || g.kind == rooms.KindHandover && g.writer == m.ID
				back = back || about && l != id && h.oracle.seen(l, id) && h.oracle.seen(m.Entry.ID, l)
			}
			if !back {
				return " by a join, though removed"
			}
		}
		return ""
	})
}

// noEntryAfterDemotion: of an admin's chain nothing counts beyond the cut of its demotion: no
// invite, no epoch, nobody admitted.
func noEntryAfterDemotion(_ *World, list []*outcome) string {
	return eachPeer(list, func(h *held, v *rooms.View) string {
		m, _ := h.oracle.M(h.oracle.held())
		check := func(e *rooms.Entry) string {
			for id := range m {
				if d := h.oracle.facts[id]; d.kind == rooms.KindDemote && d.appointment == e.Chain && !h.oracle.seen(d.cut, e.ID) {
					return fmt.Sprintf("the %s %s counts beyond its writer's demotion", e.Kind, e.ID.Short())
				}
			}
			return ""
		}
		var counting []*rooms.Entry
		counting = append(counting, v.AllEpochs()...)
		for _, i := range v.Invites() {
			counting = append(counting, i.Entry)
		}
		for _, member := range v.Members() {
			counting = append(counting, member.Entry)
		}
		for _, e := range counting {
			if text := check(e); e.Number > 0 && text != "" {
				return text
			}
		}
		return ""
	})
}

// adminNotUnseatedByAdmin: whom the master has appointed, and not demoted, and who has not
// left, is an admin, whatever other admins sign.
func adminNotUnseatedByAdmin(_ *World, list []*outcome) string {
	return eachPeer(list, func(h *held, v *rooms.View) string {
		m, _ := h.oracle.M(h.oracle.held())
		for id := range m {
			a := h.oracle.facts[id]
			if a.kind != rooms.KindAppoint {
				continue
			}
			ended := false
			for _, f := range h.oracle.order {
				ended = ended || m[f.id] && f.kind == rooms.KindDemote && f.appointment == id ||
					f.kind == rooms.KindLeave && f.writer == a.subject && h.oracle.seen(f.id, id)
			}
			if role := v.Role(a.subject); !ended && role < rooms.RoleAdmin {
				return fmt.Sprintf("%s, an admin, is a %q", h.peer.w.nameOf(a.subject), role)
			}
		}
		return ""
	})
}

// masterNotUnseated: who reigns is the founder, or somebody to whom the room came by handovers
// that each were signed by who reigned; and who reigned and signed none still does.
func masterNotUnseated(_ *World, list []*outcome) string {
	return eachPeer(list, func(h *held, v *rooms.View) string {
		if h.oracle.facts[h.oracle.room].pair != nil {
			return ""
		}
		reach := map[wire.ID]bool{h.auth.Genesis().Writer: true}
		gave := map[wire.ID]bool{}
		for moved := true; moved; {
			moved = false
			for _, f := range h.oracle.order {
				if f.kind == rooms.KindHandover && reach[f.writer] {
					gave[f.writer] = true
					moved = moved || !reach[f.subject]
					reach[f.subject] = true
				}
			}
		}
		master := v.Master()
		switch founder := h.auth.Genesis().Writer; {
		case !reach[master], v.Role(master) != rooms.RoleMaster:
			return h.peer.w.nameOf(master) + " reigns, to whom the room was not handed over"
		case !gave[founder] && master != founder:
			return h.peer.w.nameOf(master) + " reigns, and the founder has signed no handover"
		}
		return ""
	})
}

// exMasterCannotRewriteWitnessedHandover: of two handovers of one reign the one that more
// admins appointed before them have named continues, whatever the former master signs later.
func exMasterCannotRewriteWitnessedHandover(_ *World, list []*outcome) string {
	return eachPeer(list, func(h *held, v *rooms.View) string {
		s := h.oracle.held()
		m, begins := h.oracle.M(s)
		if len(begins) == 0 || h.oracle.facts[h.oracle.room].pair != nil {
			return ""
		}
		if last := h.oracle.reigns(begins[len(begins)-1]); v.Master() != last {
			return fmt.Sprintf("%s reigns, and the handovers with the most witnesses lead to %s", h.peer.w.nameOf(v.Master()), h.peer.w.nameOf(last))
		}
		for i, begin := range begins[:len(begins)-1] {
			var rivals []*fact
			for _, f := range h.oracle.order {
				if f.kind == rooms.KindHandover && f.number > 0 && h.oracle.reign(f) == begin && !h.oracle.sawRival(f, begin) {
					rivals = append(rivals, f)
				}
			}
			votes := map[wire.ID]int{}
			for _, user := range h.oracle.appointed(m, s) {
				votes[h.oracle.witness(user, rivals, begin, s, m, s)]++
			}
			for _, f := range rivals {
				if votes[f.id] > votes[begins[i+1]] {
					return fmt.Sprintf("the handover %s continues with %d witnesses, and %s has %d", begins[i+1].Short(), votes[begins[i+1]], f.id.Short(), votes[f.id])
				}
			}
		}
		return ""
	})
}

// sawRival reports whether a handover has seen another one of its reign.
func (o *oracle) sawRival(h *fact, begin wire.ID) bool {
	for _, f := range o.order {
		if f != h && f.kind == rooms.KindHandover && o.reign(f) == begin && o.seen(h.id, f.id) {
			return true
		}
	}
	return false
}
