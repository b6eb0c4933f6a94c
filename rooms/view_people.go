package rooms

import (
	"slices"

	"parley/wire"
)

// A Removal is somebody whom an admin or the master has put out.
type Removal struct {
	ID    wire.ID
	Entry *Entry // the stop; of several the one with the lowest ID
	Ban   bool   // stays out until it is lifted; else until it is added or lifted
}

// Removed lists who is kept out, by ID: a plain join does not admit them.
func (v *View) Removed() (list []Removal) {
	for user := range v.a.named {
		if r, ok := v.removal(user); ok {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(x, y Removal) int { return x.ID.Compare(y.ID) })
	return list
}

func (v *View) removal(user wire.ID) (Removal, bool) {
	if v.Role(user) != RoleNone {
		return Removal{}, false
	}
	_, decide := v.a.subject(user, v.set)
	if len(decide) == 0 {
		return Removal{}, false
	}
	e := v.a.nodes[v.a.lowestID(decide)].entry
	stop, ok := e.Body.(*Stop)
	return Removal{ID: user, Entry: e, Ban: ok && stop.Ban}, ok
}

// An Admin is somebody with an admin's chain.
type Admin struct {
	ID          wire.ID
	Appointment *Entry
	Last        *Entry // the last entry of the chain that counts; the appointment: none does yet
}

// Admins lists the admins, by ID. Whoever holds several appointments is listed
// with each, so that all of them can be ended.
func (v *View) Admins() (list []Admin) {
	v.set.each(func(i int) bool {
		e := v.a.nodes[i].entry
		if body, ok := e.Body.(*Appoint); ok && !v.a.demotedBy(i, v.set) && !v.a.left(i, body.Subject, v.set) {
			list = append(list, Admin{ID: body.Subject, Appointment: e, Last: v.a.lastOf(i, v.set)})
		}
		return true
	})
	slices.SortFunc(list, func(x, y Admin) int {
		if c := x.ID.Compare(y.ID); c != 0 {
			return c
		}
		return x.Appointment.ID.Compare(y.Appointment.ID)
	})
	return list
}

// lastOf is the last entry in set of the chain that an appointment began: the
// highest number, of several the lowest ID; the appointment if there is none.
func (a *Authority) lastOf(appointment int, set bitset) *Entry {
	last := a.nodes[appointment].entry
	for _, i := range a.chains[appointment] {
		if e := a.nodes[i].entry; set.has(i) && later(e, last, appointment, a) {
			last = e
		}
	}
	return last
}

func later(e, last *Entry, appointment int, a *Authority) bool {
	if last == a.nodes[appointment].entry {
		return true
	}
	return e.Number > last.Number || e.Number == last.Number && e.ID.Compare(last.ID) < 0
}

// A Contest is two or more handovers of one reign, which is a proof that their
// writer signed each.
type Contest struct {
	Holder    wire.ID  // who handed over
	Continues *Entry   // the handover that counts
	Others    []*Entry // those that do not, by ID
}

// Contests lists the reigns that were handed over more than once, oldest first.
func (v *View) Contests() (list []Contest) {
	_, terms := v.a.reign(v.seen)
	for _, t := range terms {
		if t.end < 0 {
			continue
		}
		c := Contest{Holder: t.holder, Continues: v.a.nodes[t.end].entry}
		for _, i := range v.a.reigns[t.begin] {
			if e := v.a.nodes[i].entry; i != t.end && e.Kind == KindHandover && v.seen.has(i) {
				c.Others = append(c.Others, e)
			}
		}
		if len(c.Others) > 0 {
			slices.SortFunc(c.Others, func(x, y *Entry) int { return x.ID.Compare(y.ID) })
			list = append(list, c)
		}
	}
	return list
}

// MayContest reports whether a handover now could be contested by its writer
// later: no admin other than it and the successor has been appointed who could witness it.
func (v *View) MayContest(successor wire.ID) bool {
	return !slices.ContainsFunc(v.Admins(), func(a Admin) bool { return a.ID != successor && a.ID != v.Master() })
}
