package rooms

import (
	"slices"

	"parley/wire"
)

// A term is one master's reign, as far as it counts.
type term struct {
	begin  int // the entry that begins it
	end    int // the handover that ends it; -1: it goes on
	holder wire.ID
}

// counted is E(S): the entries of S that count.
func (a *Authority) counted(s bitset) bitset {
	m, terms := a.reign(s)
	e := m.clone()
	a.countAdmins(s, m, &e)
	a.dropUnseating(m, terms, &e)
	a.countJoins(s, &e)
	a.countOwn(s, &e)
	return e
}

// reign is M(S), and the terms in it: from the root, the reign's entries on any
// branch by its holder that have not seen the holder's own handover; if there
// are handovers, what the one that continues has seen, and so on from it.
func (a *Authority) reign(s bitset) (m bitset, terms []term) {
	if !s.has(0) {
		return nil, nil
	}
	for begin := 0; ; {
		var list, handovers []int
		for _, i := range a.reigns[begin] {
			if s.has(i) && a.beforeOwnHandover(i, begin) {
				list = append(list, i)
				if a.nodes[i].entry.Kind == KindHandover {
					handovers = append(handovers, i)
				}
			}
		}
		t := term{begin: begin, end: -1, holder: reigns(a.nodes[begin].entry)}
		if len(handovers) > 0 {
			t.end = a.continues(handovers, t, s, m, list)
		}
		for _, i := range list {
			if t.end < 0 || a.saw(t.end, i) || !a.applies(ruleSeenByHandover) && !slices.Contains(handovers, i) {
				m = m.with(i)
			}
		}
		terms = append(terms, t)
		if t.end < 0 {
			return m, terms
		}
		begin = t.end
		m = m.with(begin)
	}
}

// beforeOwnHandover: the entry has not seen another handover of its own reign.
func (a *Authority) beforeOwnHandover(i, begin int) bool {
	if !a.applies(ruleBeforeOwnHandover) {
		return true
	}
	return !slices.ContainsFunc(a.reigns[begin], func(h int) bool {
		return h != i && a.nodes[h].entry.Kind == KindHandover && a.saw(i, h)
	})
}

// continues picks, of the handovers of one reign, the one that continues: named
// by more witnesses, then with the lower hash. m is what counts of the reigns
// before, list the reign's own entries.
func (a *Authority) continues(handovers []int, t term, s, m bitset, list []int) int {
	votes := map[int]int{}
	if len(handovers) > 1 && a.applies(ruleWitnesses) {
		a.witness(handovers, t, s, m, list, votes)
	}
	return slices.MinFunc(handovers, func(x, y int) int {
		if c := votes[y] - votes[x]; c != 0 {
			return c
		}
		c := a.nodes[x].entry.ID.Compare(a.nodes[y].entry.ID)
		if !a.applies(ruleLowerHash) {
			return x - y
		}
		return c
	})
}

// witness counts, per handover, the admins appointed before all of them and not
// demoted there, none of them a party, whose chains name that one alone.
func (a *Authority) witness(handovers []int, t term, s, m bitset, list []int, votes map[int]int) {
	named := map[wire.ID]map[int]bool{} // by admin: the handovers that its chains name
	consider := func(i int) {
		body, ok := a.nodes[i].entry.Body.(*Appoint)
		if !ok || a.party(body.Subject, handovers, t) {
			return
		}
		for _, h := range handovers {
			if !a.saw(h, i) && a.applies(ruleWitnessAppointedBefore) {
				return
			}
			if a.demotedBy(i, a.nodes[h].closure) && a.applies(ruleWitnessNotDemoted) {
				return
			}
		}
		if named[body.Subject] == nil {
			named[body.Subject] = map[int]bool{}
		}
		for _, x := range a.chains[i] {
			for _, h := range handovers {
				if s.has(x) && a.saw(x, h) {
					named[body.Subject][h] = true
				}
			}
		}
	}
	m.each(func(i int) bool { consider(i); return true })
	for _, i := range list {
		consider(i)
	}
	for _, names := range named {
		if len(names) == 1 || !a.applies(ruleWitnessNamesOne) {
			for h := range names {
				votes[h]++
			}
		}
	}
}

// party reports whether user is the reign's holder or one of its successors.
func (a *Authority) party(user wire.ID, handovers []int, t term) bool {
	if !a.applies(ruleWitnessNoParty) {
		return false
	}
	return user == t.holder || slices.ContainsFunc(handovers, func(h int) bool { return reigns(a.nodes[h].entry) == user })
}

// demotedBy reports whether a demotion in set ends the appointment at place i.
func (a *Authority) demotedBy(i int, set bitset) bool {
	subject := a.nodes[i].entry.Body.(*Appoint).Subject
	return slices.ContainsFunc(a.named[subject], func(d int) bool { return set.has(d) && a.ends(d, i) })
}

// ends reports whether entry d is a demotion of the appointment at place i.
func (a *Authority) ends(d, i int) bool {
	body, ok := a.nodes[d].entry.Body.(*Demote)
	return ok && body.Appointment == a.nodes[i].entry.ID
}

// countAdmins adds, of each admin's chain whose appointment is in M(S), what is
// within the closure of the cut of every demotion of it in M(S), and of every
// leave by which the admin gave it up itself.
func (a *Authority) countAdmins(s, m bitset, e *bitset) {
	for appointment, chain := range a.chains {
		if !m.has(appointment) && a.applies(ruleAppointmentCounts) {
			continue
		}
		subject := a.nodes[appointment].entry.Body.(*Appoint).Subject
		var bounds []bitset
		for _, d := range a.named[subject] {
			switch body := a.nodes[d].entry.Body.(type) {
			case *Demote:
				if m.has(d) && a.ends(d, appointment) && a.applies(ruleBeforeCut) {
					bounds = append(bounds, a.nodes[a.place[body.Cut]].closure)
				}
			case *Leave:
				if s.has(d) && a.saw(d, appointment) && a.applies(ruleBeforeOwnLeave) {
					bounds = append(bounds, a.nodes[d].closure)
				}
			}
		}
		for _, i := range chain {
			if s.has(i) && !slices.ContainsFunc(bounds, func(b bitset) bool { return !b.has(i) }) {
				*e = e.with(i)
			}
		}
	}
}

// dropUnseating takes out the stops by admins on whoever is master or admin.
func (a *Authority) dropUnseating(m bitset, terms []term, e *bitset) {
	for _, chain := range a.chains {
		for _, i := range chain {
			if body, ok := a.nodes[i].entry.Body.(*Stop); ok && e.has(i) {
				if a.stopsAdmin(i, body.Subject, m) || a.stopsMaster(i, body.Subject, terms) {
					e.without(i)
				}
			}
		}
	}
}

// stopsAdmin: M(S) has an appointment of the subject that the stop does not
// precede, and whose end the stop has not seen.
func (a *Authority) stopsAdmin(stop int, subject wire.ID, m bitset) bool {
	return a.applies(ruleAdminKeepsRole) && slices.ContainsFunc(a.named[subject], func(i int) bool {
		if a.nodes[i].entry.Kind != KindAppoint || !m.has(i) || a.saw(i, stop) {
			return false
		}
		return !slices.ContainsFunc(a.named[subject], func(d int) bool {
			ended := m.has(d) && a.ends(d, i) || a.nodes[d].entry.Kind == KindLeave && a.saw(d, i)
			return ended && a.saw(stop, d)
		})
	})
}

// stopsMaster: the subject's reign does not follow the stop, and the stop has
// not seen its end.
func (a *Authority) stopsMaster(stop int, subject wire.ID, terms []term) bool {
	return a.applies(ruleMasterKeepsReign) && slices.ContainsFunc(terms, func(t term) bool {
		return t.holder == subject && !a.saw(t.begin, stop) && (t.end < 0 || !a.saw(stop, t.end))
	})
}

// revokers are the entries of a set that revoke invites.
type revokers struct {
	named map[int][]int // by invite: the revocations that name it
	all   []int         // removals and demotions: of every invite that has not seen them
	first map[int][]int // by invite: see of
}

func (a *Authority) revokersIn(e bitset) revokers {
	r := revokers{named: map[int][]int{}, first: map[int][]int{}}
	e.each(func(i int) bool {
		switch body := a.nodes[i].entry.Body.(type) {
		case *Revoke:
			for _, id := range body.Invites {
				if a.applies(ruleRevocation) {
					r.named[a.place[id]] = append(r.named[a.place[id]], i)
				}
			}
		case *Stop:
			if body.takesKey() && a.applies(ruleRemovalRevokes) {
				r.all = append(r.all, i)
			}
		case *Demote:
			if a.applies(ruleDemotionRevokes) {
				r.all = append(r.all, i)
			}
		}
		return true
	})
	return r
}

// of are the causally minimal revokers of an invite: what one of them has seen,
// those that have seen it have seen too.
func (r revokers) of(a *Authority, invite int) []int {
	first, ok := r.first[invite]
	if ok {
		return first
	}
	candidates := slices.Concat(r.named[invite], r.all)
	slices.Sort(candidates)
	for _, i := range candidates {
		unseen := !a.saw(invite, i) // else the invite was made by who knew of it
		if unseen && !slices.ContainsFunc(first, func(f int) bool { return a.saw(i, f) }) {
			first = append(first, i)
		}
	}
	r.first[invite] = first
	return first
}

// live reports whether an invite has no revoker.
func (r revokers) live(a *Authority, invite int) bool { return len(r.of(a, invite)) == 0 }

// keep reports whether every revoker of the invite has seen the join.
func (r revokers) keep(a *Authority, invite, join int) bool {
	return !slices.ContainsFunc(r.of(a, invite), func(i int) bool {
		return !a.saw(i, join) || !a.applies(ruleRevokerSees)
	})
}

// countJoins adds the joins whose invite counts and that every revoker of it
// has seen.
func (a *Authority) countJoins(s bitset, e *bitset) {
	r := a.revokersIn(*e)
	s.each(func(i int) bool {
		if j := a.nodes[i].entry.Join(); j != nil {
			invite := a.place[j.Invite]
			if (e.has(invite) || !a.applies(ruleInviteCounts)) && r.keep(a, invite, i) {
				*e = e.with(i)
			}
		}
		return true
	})
}

// countOwn adds leaves and renewals: each concerns its writer alone.
func (a *Authority) countOwn(s bitset, e *bitset) {
	s.each(func(i int) bool {
		if k := a.nodes[i].entry.Kind; k == KindLeave || k == KindRenew {
			*e = e.with(i)
		}
		return true
	})
}
