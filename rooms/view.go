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
	Bundle *identity.Bundle // the newest that the user signed
	Role   Role
	Since  time.Time // of Entry, by its writer's clock
	Entry  *Entry    // that gives the role
}

// An InviteView is an invite that counts and that nobody revoked.
type InviteView struct {
	Entry *Entry
	*Invite
	Joiners []wire.ID // who joined by it, ascending
}

// current brings what follows from the entries up to date with those held.
func (a *Authority) current() {
	if a.now != nil && a.countedOf == len(a.nodes) {
		return
	}
	all := bitset{}
	for i := range a.nodes {
		all = all.with(i)
	}
	counts := a.counted(all)
	if !counts.samePrefix(a.counts, a.countedOf) {
		clear(a.views) // something that counted does not any more, or the reverse
	}
	a.counts, a.countedOf = counts, len(a.nodes)
	a.stops, a.pinned, a.floors = map[wire.ID][]int{}, map[wire.ID][]int{}, map[wire.ID][]int{}
	counts.each(func(i int) bool {
		a.noteCounted(i)
		return true
	})
	for _, stops := range a.stops { // so that of several reasons all peers give the same
		slices.SortFunc(stops, func(x, y int) int { return a.nodes[x].entry.ID.Compare(a.nodes[y].entry.ID) })
	}
	a.now = a.newView(all)
}

// noteCounted notes what judging runs needs of an entry that counts.
func (a *Authority) noteCounted(i int) {
	e := a.nodes[i].entry
	switch body := e.Body.(type) {
	case *Leave:
		a.stops[e.Writer] = append(a.stops[e.Writer], i)
	case *Stop:
		a.stops[body.Subject] = append(a.stops[body.Subject], i)
	case *Trim:
		for k := range body.Floors {
			a.floors[body.Floors[k].Log] = append(a.floors[body.Floors[k].Log], i)
		}
	}
	if e.Kind == KindEpoch || e.Kind == KindStop {
		for _, pin := range e.pins() {
			a.pinned[pin.Log] = append(a.pinned[pin.Log], i)
		}
	}
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

// Master is who reigns, or zero while nothing is held and in a room of two.
func (v *View) Master() wire.ID {
	if !v.set.has(0) || v.a.isPair() {
		return wire.ID{}
	}
	return v.a.master(v.set)
}

// Genesis is the body of the room's first entry, or nil while nothing is held
// and in a room of two.
func (v *View) Genesis() *Genesis {
	if !v.set.has(0) {
		return nil
	}
	g, _ := v.a.nodes[0].entry.Body.(*Genesis)
	return g
}

// Policy is what the master decided last; of concurrent policies the one with
// the lowest ID. A room without any has its genesis's.
func (v *View) Policy() Policy {
	var policies []int
	v.set.each(func(i int) bool {
		if v.a.nodes[i].entry.Kind == KindPolicy {
			policies = append(policies, i)
		}
		return true
	})
	if policies = v.a.latest(policies); len(policies) > 0 {
		return *v.a.nodes[v.a.lowestID(policies)].entry.Body.(*Policy)
	}
	p := Policy{EpochAge: DefaultEpochAge}
	if g := v.Genesis(); g != nil {
		p.Name, p.Topic, p.History, p.Capacity = g.Name, g.Topic, g.History, g.Capacity
	}
	return p
}

// lowestID is the place with the lowest ID among those in list.
func (a *Authority) lowestID(list []int) int {
	return slices.MinFunc(list, func(x, y int) int { return a.nodes[x].entry.ID.Compare(a.nodes[y].entry.ID) })
}

// Name is the room's name, or empty while nothing is held and in a room of two.
func (v *View) Name() string { return v.Policy().Name }

// Topic is the room's topic.
func (v *View) Topic() string { return v.Policy().Topic }

// History is the room's history policy.
func (v *View) History() History { return v.Policy().History }

// Capacity is how many members the room takes, or 0 for any number.
func (v *View) Capacity() uint64 { return v.Policy().Capacity }

// Member returns a user who has a role, or false. Of several entries that
// decide together the one with the lowest ID is named. The bundle is the newest
// that the user has signed; nil in a room of two where the user has told none.
func (v *View) Member(user wire.ID) (Member, bool) {
	m := Member{ID: user, Role: v.Role(user)}
	if m.Role == RoleNone {
		return m, false
	}
	m.Bundle = v.a.bundle(user, v.seen)
	decide := []int{0}
	switch {
	case v.a.isPair():
	case m.Role == RoleMaster:
		decide = []int{v.a.lastReign(v.set)}
	case m.Role == RoleAdmin:
		decide = []int{v.a.appointment(user, v.set)}
	default:
		_, decide = v.a.subject(user, v.set)
	}
	m.Entry = v.a.nodes[v.a.lowestID(decide)].entry
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
	users := make([]wire.ID, 0, len(v.a.named))
	for user := range v.a.named {
		users = append(users, user)
	}
	slices.SortFunc(users, wire.ID.Compare)
	var members []Member
	for _, u := range users {
		if m, ok := v.Member(u); ok {
			members = append(members, m)
		}
	}
	return members
}

// Invites lists the invites that count and are not revoked, by ID; whether one
// is past its time is for the caller's clock to say.
func (v *View) Invites() []InviteView {
	joiners := map[wire.ID][]wire.ID{}
	r := v.a.revokersIn(v.set)
	var list []InviteView
	v.set.each(func(i int) bool {
		e := v.a.nodes[i].entry
		switch body := e.Body.(type) {
		case *Invite:
			if r.live(v.a, i) {
				list = append(list, InviteView{Entry: e, Invite: body})
			}
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

// Outsiders lists, by ID, who was given an epoch's key or may have been, even
// later, and has no right to the room's key now: everybody admitted at any time,
// but for whom the epoch has seen put out. While there are any, what is written
// in the epoch can be read by them.
func (v *View) Outsiders(epoch *Entry) []wire.ID {
	at, held := v.a.place[epoch.ID]
	if !held {
		return nil
	}
	then := v.a.keyed(v, v.a.nodes[at].closure.intersect(v.set))
	var users []wire.ID
	for user := range v.a.named {
		if !v.Role(user).HoldsKey() && v.a.role(user, then).HoldsKey() {
			users = append(users, user)
		}
	}
	slices.SortFunc(users, wire.ID.Compare)
	return users
}

// keyed is what counts, with every admission that ever may have counted, and
// without what puts somebody out, but for what known, a set of entries that
// count, says.
func (a *Authority) keyed(v *View, known bitset) bitset {
	set := v.set.clone()
	r := a.revokersIn(known)
	v.seen.each(func(i int) bool {
		e := a.nodes[i].entry
		switch body := e.Body.(type) {
		case *Join:
			if r.keep(a, a.place[body.Invite], i) {
				set = set.with(i)
			}
		case *Add, *Appoint:
			if !a.cutBy(e, known) {
				set = set.with(i)
			}
		case *Stop:
			if body.takesKey() && !known.has(i) {
				set.without(i)
			}
		case *Leave:
			if !known.has(i) {
				set.without(i)
			}
		}
		return true
	})
	return set
}

// cutBy reports whether the chain that an entry which does not count stands on
// was ended by what is known: then nobody was given a key by it.
func (a *Authority) cutBy(e *Entry, known bitset) bool {
	if i := a.place[e.ID]; a.counts.has(i) {
		return false
	}
	if !e.Chain.IsZero() {
		return a.demotedBy(a.place[e.Chain], known)
	}
	return slices.ContainsFunc(a.reigns[a.nodes[a.place[e.ID]].reign], func(h int) bool {
		return known.has(h) && a.nodes[h].entry.Kind == KindHandover
	})
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

// maximalEpochs are the causally maximal epochs of everything named, whether
// they count or not: what a run was written under is judged by what its writer
// knew, which does not change.
func (v *View) maximalEpochs() []int {
	if !v.topOK {
		v.top, v.topOK = v.a.epochs(v.named()), true
	}
	return v.top
}

// named is the closure of what a writer would name: the view's heads, or, by
// everything held, the chained entries that count. What is held and does not
// count has no say, or whoever was an admin once could keep others from writing.
func (v *View) named() bitset {
	if v != v.a.now {
		return v.seen
	}
	set := bitset{}
	for i := len(v.a.nodes) - 1; i >= 0; i-- {
		if n := &v.a.nodes[i]; v.set.has(i) && !set.has(i) && n.entry.chained() {
			set = set.union(n.closure)
		}
	}
	return set
}
