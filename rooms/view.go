package rooms

import (
	"bytes"
	"slices"
	"time"

	"parley/handshake/identity"
	"parley/wire"
)

// A View is a room as the entries in one set tell it: what counts of what some
// writer had seen, or of everything held. It is valid until the next Add.
type View struct {
	a     *Authority
	seen  bitset // closure of the heads
	set   bitset // of seen, what counts
	roles map[wire.ID]Role
	top   []int // places of epochs, see maximalEpochs
	topOK bool
}

// A Member is a user who has a role in a room.
type Member struct {
	ID     wire.ID
	Bundle *identity.Bundle // as of the join or the genesis
	Role   Role
	Since  time.Time // of the entry that admitted it, by the writer's clock
	Entry  *Entry    // that admitted it
}

// An InviteView is an invite that counts.
type InviteView struct {
	Entry *Entry
	*Invite
	Joiners []wire.ID // who joined by it, ascending
}

// current brings what follows from the entries up to date with those held.
func (a *Authority) current() {
	if a.now != nil && a.known == len(a.nodes) {
		return
	}
	all := bitset{}
	for i := range a.nodes {
		all = all.with(i)
	}
	counts := a.counted(all)
	if !counts.samePrefix(a.counts, a.known) {
		clear(a.views) // something that counted does not any more, or the reverse
	}
	a.counts, a.known = counts, len(a.nodes)
	a.stops = map[wire.ID][]int{}
	counts.each(func(i int) bool {
		if e := a.nodes[i].entry; e.Kind == KindLeave {
			a.stops[e.Writer] = append(a.stops[e.Writer], i)
		}
		return true
	})
	a.now = a.newView(all)
}

func (a *Authority) newView(seen bitset) *View {
	return &View{a: a, seen: seen, set: seen.intersect(a.counts), roles: map[wire.ID]Role{}}
}

// Now is the room by everything held.
func (a *Authority) Now() *View {
	a.current()
	return a.now
}

// View is the room as whoever had seen heads knows it, as far as that counts.
// It returns nil if one of the heads is not held.
func (a *Authority) View(heads []wire.ID) *View {
	a.current()
	a.keyBuf = a.keyBuf[:0]
	for i := range heads {
		a.keyBuf = append(a.keyBuf, heads[i][:]...)
	}
	if v, ok := a.views[string(a.keyBuf)]; ok {
		return v
	}
	seen, _, ok := a.closure(heads)
	if !ok {
		return nil
	}
	if len(a.views) >= maxViews {
		clear(a.views)
	}
	v := a.newView(seen)
	a.views[string(a.keyBuf)] = v
	return v
}

// Role is what user may do.
func (v *View) Role(user wire.ID) Role {
	if r, ok := v.roles[user]; ok {
		return r
	}
	r := v.a.role(user, v.set)
	if len(v.roles) < MaxEntries {
		v.roles[user] = r
	}
	return r
}

// Master is who reigns, or zero while nothing is held.
func (v *View) Master() wire.ID {
	if !v.set.has(0) {
		return wire.ID{}
	}
	return v.a.master(v.set)
}

// Genesis is the body of the room's first entry, or nil while nothing is held.
func (v *View) Genesis() *Genesis {
	if !v.set.has(0) {
		return nil
	}
	return v.a.nodes[0].entry.Body.(*Genesis)
}

// Name is the room's name, or empty while nothing is held.
func (v *View) Name() string {
	if g := v.Genesis(); g != nil {
		return g.Name
	}
	return ""
}

// Topic is the room's topic.
func (v *View) Topic() string {
	if g := v.Genesis(); g != nil {
		return g.Topic
	}
	return ""
}

// History is the room's history policy.
func (v *View) History() History {
	if g := v.Genesis(); g != nil {
		return g.History
	}
	return HistoryAll
}

// Capacity is how many members the room takes, or 0 for any number.
func (v *View) Capacity() uint64 {
	if g := v.Genesis(); g != nil {
		return g.Capacity
	}
	return 0
}

// Member returns a user who has a role, or false. Of several admissions that
// decide together the entry with the lowest ID is named, and the bundle is that
// with the highest number.
func (v *View) Member(user wire.ID) (Member, bool) {
	m := Member{ID: user, Role: v.Role(user)}
	if m.Role == RoleNone {
		return m, false
	}
	if m.Role == RoleMaster {
		m.Entry, m.Bundle = v.a.nodes[0].entry, v.Genesis().Bundle
	} else {
		for _, i := range v.a.admissions(user, v.set) {
			e := v.a.nodes[i].entry
			if b := e.Join().Bundle; m.Bundle == nil || newerBundle(b, m.Bundle) {
				m.Bundle = b
			}
			if v.a.inviteOf(e).Role == m.Role && (m.Entry == nil || e.ID.Compare(m.Entry.ID) < 0) {
				m.Entry = e
			}
		}
	}
	m.Since = m.Entry.When()
	return m, true
}

// newerBundle reports whether x takes the place of y; of two with one number,
// which only a careless identity makes, the lower bytes do.
func newerBundle(x, y *identity.Bundle) bool {
	if x.Number != y.Number {
		return x.Number > y.Number
	}
	return bytes.Compare(x.Raw, y.Raw) < 0
}

// Members lists everybody who has a role, by ID.
func (v *View) Members() []Member {
	var users []wire.ID
	v.set.each(func(i int) bool {
		if e := v.a.nodes[i].entry; e.Kind == KindGenesis || e.Kind == KindJoin {
			users = append(users, e.Writer)
		}
		return true
	})
	slices.SortFunc(users, wire.ID.Compare)
	var members []Member
	for _, u := range slices.Compact(users) {
		if m, ok := v.Member(u); ok {
			members = append(members, m)
		}
	}
	return members
}

// Invites lists the invites that count, by ID; whether one is past its time is
// for the caller's clock to say.
func (v *View) Invites() []InviteView {
	joiners := map[wire.ID][]wire.ID{}
	var list []InviteView
	v.set.each(func(i int) bool {
		e := v.a.nodes[i].entry
		switch body := e.Body.(type) {
		case *Invite:
			list = append(list, InviteView{Entry: e, Invite: body})
		case *Join:
			joiners[body.Invite] = append(joiners[body.Invite], e.Writer)
		}
		return true
	})
	for i := range list {
		users := joiners[list[i].Entry.ID]
		slices.SortFunc(users, wire.ID.Compare)
		list[i].Joiners = slices.Compact(users)
	}
	slices.SortFunc(list, func(x, y InviteView) int { return x.Entry.ID.Compare(y.Entry.ID) })
	return list
}

// Epochs lists the epochs that a writer who has seen what the view has may
// write in, by ID: the causally maximal ones, as far as they count.
func (v *View) Epochs() []*Entry {
	var list []*Entry
	for _, i := range v.maximalEpochs() {
		if v.set.has(i) {
			list = append(list, v.a.nodes[i].entry)
		}
	}
	slices.SortFunc(list, func(x, y *Entry) int { return x.ID.Compare(y.ID) })
	return list
}

// Outsiders lists, by ID, who was given an epoch's key or may have been and has
// no right to the room's key now: those whose leave the epoch has not seen.
// While there are any, what is written in the epoch can be read by them.
func (v *View) Outsiders(epoch *Entry) []wire.ID {
	at, held := v.a.place[epoch.ID]
	if !held {
		return nil
	}
	var users []wire.ID
	v.set.each(func(i int) bool {
		e := v.a.nodes[i].entry
		if e.Kind == KindLeave && !v.a.nodes[at].closure.has(i) && !v.Role(e.Writer).HoldsKey() && v.a.onceHeldKey(e.Writer) == ReasonNone {
			users = append(users, e.Writer)
		}
		return true
	})
	slices.SortFunc(users, wire.ID.Compare)
	return slices.Compact(users)
}

// AllEpochs lists every epoch that counts in causal order: those whose keys a
// member may need.
func (v *View) AllEpochs() []*Entry {
	var list []*Entry
	v.set.each(func(i int) bool {
		if e := v.a.nodes[i].entry; e.Epoch() != nil {
			list = append(list, e)
		}
		return true
	})
	return list
}

// maximalEpochs are the causally maximal epochs of everything seen, whether
// they count or not: what a run was written under is judged by what its writer
// knew, which does not change.
func (v *View) maximalEpochs() []int {
	if !v.topOK {
		v.top, v.topOK = v.a.epochs(v.seen), true
	}
	return v.top
}
