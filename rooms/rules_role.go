package rooms

import (
	"slices"

	"parley/wire"
)

// role is what user may do by the entries in t, a set of entries that count.
func (a *Authority) role(user wire.ID, t bitset) Role {
	if len(a.nodes) == 0 || !t.has(0) {
		return RoleNone
	}
	if users, ok := a.nodes[0].entry.Pair(); ok {
		if slices.Contains(users[:], user) {
			return RoleMember
		}
		return RoleNone
	}
	if a.master(t) == user {
		return RoleMaster
	}
	if a.appointment(user, t) >= 0 && a.applies(ruleAppointedIsAdmin) {
		return RoleAdmin
	}
	role, _ := a.subject(user, t)
	return role
}

// master is who reigns by t: a genesis's writer, or the successor in the last handover.
func (a *Authority) master(t bitset) wire.ID { return reigns(a.nodes[a.lastReign(t)].entry) }

// lastReign is the entry in t that begins the reign of the master by t.
func (a *Authority) lastReign(t bitset) int {
	for begin := 0; ; {
		next := slices.IndexFunc(a.reigns[begin], func(i int) bool {
			return t.has(i) && a.nodes[i].entry.Kind == KindHandover
		})
		if next < 0 {
			return begin
		}
		begin = a.reigns[begin][next]
	}
}

// appointment is the place of an appointment of user in t that no demotion in t
// ends, and no leave of the user's own; of several the one with the lowest ID;
// -1: there is none.
func (a *Authority) appointment(user wire.ID, t bitset) int {
	best := -1
	for _, i := range a.named[user] {
		if a.nodes[i].entry.Kind != KindAppoint || !t.has(i) {
			continue
		}
		if a.demotedBy(i, t) && a.applies(ruleDemotionEndsAdmin) || a.left(i, user, t) {
			continue
		}
		if best < 0 || a.nodes[i].entry.ID.Compare(a.nodes[best].entry.ID) < 0 {
			best = i
		}
	}
	return best
}

// left reports whether a leave of user in t has seen entry i.
func (a *Authority) left(i int, user wire.ID, t bitset) bool {
	return a.applies(ruleLeaveEnds) && slices.ContainsFunc(a.named[user], func(l int) bool {
		return t.has(l) && a.nodes[l].entry.Kind == KindLeave && a.saw(l, i)
	})
}

// subject is the per-subject rule, for who neither reigns nor is an admin: the
// role, and the entries that decide it. The causally latest chained entries that
// name the user decide, a removal first, then the lower role; joins decide where
// there is none, and beside a lift or what a leave has ended.
func (a *Authority) subject(user wire.ID, t bitset) (Role, []int) {
	latest := a.chainedAbout(user, t)
	if ban := a.banned(user, t); ban >= 0 {
		return RoleNone, []int{ban}
	}
	if a.applies(ruleCausallyLatest) {
		latest = a.latest(latest)
	}
	limit := RoleMember
	var removals, standing []int
	for _, i := range latest {
		role, ok := givenRole(a.nodes[i].entry)
		if ok && role == RoleNone && a.applies(ruleRemovalFirst) {
			removals = append(removals, i)
		}
		if a.nodes[i].entry.Kind == KindStop && a.applies(ruleStopCaps) {
			limit = min(limit, role)
		}
		if ok && !a.left(i, user, t) {
			standing = append(standing, i)
		}
	}
	if len(removals) > 0 {
		return RoleNone, removals
	}
	if len(standing) == 0 || !a.applies(ruleChainedBeforeJoins) {
		standing = a.admissions(user, t, latest)
	}
	if len(standing) == 0 {
		return RoleNone, nil
	}
	return a.lowest(standing, limit)
}

// lowest is the lowest role that the entries give, not above limit, and those
// of them that give no more.
func (a *Authority) lowest(list []int, limit Role) (Role, []int) {
	roles := make([]Role, len(list))
	for k, i := range list {
		roles[k] = a.givenRole(i)
	}
	low := slices.Min(roles)
	if !a.applies(ruleLowerRole) {
		low = slices.Max(roles)
	}
	var decide []int
	for k, i := range list {
		if roles[k] == low {
			decide = append(decide, i)
		}
	}
	return min(low, limit), decide
}

// chainedAbout are the chained entries in t that name user: adds, stops, lifts,
// the ends of its own appointments and of its own reign.
func (a *Authority) chainedAbout(user wire.ID, t bitset) (list []int) {
	for _, i := range a.named[user] {
		e := a.nodes[i].entry
		if !t.has(i) || !e.chained() {
			continue
		}
		switch e.Kind {
		case KindAdd, KindStop, KindLift, KindDemote:
			list = append(list, i)
		case KindHandover:
			if e.Writer == user {
				list = append(list, i)
			}
		}
	}
	return list
}

// banned is a ban of user in t that no lift in t has seen, with the lowest ID;
// -1: there is none. A demotion makes a member of who was banned before it.
func (a *Authority) banned(user wire.ID, t bitset) int {
	found := -1
	for _, i := range a.named[user] {
		body, ok := a.nodes[i].entry.Body.(*Stop)
		if !ok || !body.Ban || !t.has(i) || !a.applies(ruleBan) {
			continue
		}
		over := slices.ContainsFunc(a.named[user], func(l int) bool {
			k := a.nodes[l].entry.Kind
			return (k == KindLift || k == KindDemote) && t.has(l) && a.saw(l, i)
		})
		if !over && (found < 0 || a.nodes[i].entry.ID.Compare(a.nodes[found].entry.ID) < 0) {
			found = i
		}
	}
	return found
}

// givenRole is the role that a chained entry gives to the user it names; ok is
// false for a lift, which gives none itself.
func givenRole(e *Entry) (role Role, ok bool) {
	switch body := e.Body.(type) {
	case *Add:
		return body.Role, true
	case *Stop:
		return body.Role, true
	case *Demote, *Handover:
		return RoleMember, true
	}
	return RoleNone, false
}

// givenRole is the role that an entry gives: a join its invite's.
func (a *Authority) givenRole(i int) Role {
	if e := a.nodes[i].entry; e.Join() != nil {
		return a.inviteOf(e).Role
	}
	role, _ := givenRole(a.nodes[i].entry)
	return role
}

// admissions are the joins of user in t that have seen all of the chained
// entries in after and that no leave of it in t has ended, and of these the
// causally latest. Among several the lowest role decides.
func (a *Authority) admissions(user wire.ID, t bitset, after []int) []int {
	var standing []int
	for _, i := range a.named[user] {
		if !t.has(i) || a.nodes[i].entry.Kind != KindJoin || a.left(i, user, t) {
			continue
		}
		if a.applies(ruleJoinAfterLift) && slices.ContainsFunc(after, func(d int) bool { return !a.saw(i, d) }) {
			continue
		}
		standing = append(standing, i)
	}
	return a.latest(standing)
}

// latest returns those of list, which ascends, that no other of it has seen.
func (a *Authority) latest(list []int) []int {
	var covered bitset
	var out []int
	for _, i := range slices.Backward(list) {
		if !covered.has(i) {
			out = append(out, i)
			covered = covered.union(a.nodes[i].closure)
		}
	}
	slices.Reverse(out)
	return out
}

// epochs are the causally maximal entries of s that begin an epoch.
func (a *Authority) epochs(s bitset) []int {
	var all []int
	s.each(func(i int) bool {
		if a.beginsEpoch(a.nodes[i].entry) {
			all = append(all, i)
		}
		return true
	})
	return a.latest(all)
}

// beginsEpoch: an entry of kind epoch does, and a removal and a demotion.
func (a *Authority) beginsEpoch(e *Entry) bool {
	switch e.Kind {
	case KindStop:
		return e.Epoch() != nil && a.applies(ruleRemovalEpoch)
	case KindDemote:
		return a.applies(ruleDemotionEpoch)
	}
	return e.Kind == KindEpoch
}

// inviteOf is the invite by which a join that is held was made.
func (a *Authority) inviteOf(join *Entry) *Invite {
	return a.Entry(join.Join().Invite).Invite()
}
