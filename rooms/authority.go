package rooms

import (
	"slices"

	"parley/wire"
)

// An Authority holds a room's entries and answers what follows from them. What
// it answers is a function of the set of entries held, whatever the order in
// which they came. It does no I/O and is used from one goroutine.
type Authority struct {
	room  wire.ID
	place map[wire.ID]int
	nodes []node // in causal order
	bytes int

	named  map[wire.ID][]int // by user: the entries that say something about it
	links  map[wire.ID][]int // by Invite.LinkID and by ID of the link key: the invites
	reigns map[int][]int     // by the entry that begins a reign: the master's chain in it
	chains map[int][]int     // by appointment: the admin's chain
	omits  rule              // rules left out, by a test that wants to see them missed
	parked parking
	digest [16]byte
	fresh  bool // digest is of the entries held

	// What follows from the entries; see current.
	counts    bitset            // E(S)
	countedOf int               // entries that counts was computed over
	stops     map[wire.ID][]int // by user: what ends its logs, in E(S)
	pinned    map[wire.ID][]int // by log: the epochs and stops that pin it, in E(S)
	floors    map[wire.ID][]int // by log: the trims that name it, in E(S)
	views     map[string]*View
	now       *View
	keyBuf    []byte
}

// A node is an entry that is held with everything that it names.
type node struct {
	entry   *Entry
	closure bitset // the entry itself and all it reaches by what it names
	reign   int    // on the master's chain: the entry that begins its reign; else -1
}

// NewAuthority returns the authority of a room of which nothing is held.
func NewAuthority(room wire.ID) *Authority {
	return &Authority{
		room:   room,
		place:  map[wire.ID]int{},
		named:  map[wire.ID][]int{},
		links:  map[wire.ID][]int{},
		reigns: map[int][]int{},
		chains: map[int][]int{},
		parked: newParking(),
		views:  map[string]*View{},
	}
}

// Room is the room's ID.
func (a *Authority) Room() wire.ID { return a.room }

// Len is the number of entries held.
func (a *Authority) Len() int { return len(a.nodes) }

// Has reports whether an entry is held.
func (a *Authority) Has(id wire.ID) bool { _, ok := a.place[id]; return ok }

// Entry returns an entry that is held, or nil.
func (a *Authority) Entry(id wire.ID) *Entry {
	i, ok := a.place[id]
	if !ok {
		return nil
	}
	return a.nodes[i].entry
}

// All returns the entries held in causal order: each after all it names.
func (a *Authority) All() []*Entry {
	all := make([]*Entry, len(a.nodes))
	for i := range a.nodes {
		all[i] = a.nodes[i].entry
	}
	return all
}

// Genesis returns the room's first entry, or nil while it is not held.
func (a *Authority) Genesis() *Entry { return a.Entry(a.room) }

// Digest names the set of entries held: the first 16 bytes of H("entries",
// their IDs in ascending order as a list).
func (a *Authority) Digest() [16]byte {
	if a.fresh {
		return a.digest
	}
	ids := make([]wire.ID, len(a.nodes))
	for i := range a.nodes {
		ids[i] = a.nodes[i].entry.ID
	}
	a.digest, a.fresh = entriesDigest(ids), true
	return a.digest
}

// entriesDigest is the digest of a set of entries, whose order it changes.
func entriesDigest(ids []wire.ID) [16]byte {
	slices.SortFunc(ids, wire.ID.Compare)
	h := wire.NewHasher("entries")
	h.IDs(ids)
	sum := h.Sum()
	return [16]byte(sum[:16])
}

// Add takes an entry that ParseEntry accepted. It returns the entries that are
// held now and were not before, in causal order: the entry, and parked ones
// that had waited for it. If the entry names others that are not held it is
// parked, and missing says which to fetch. An error wraps a Reason and is
// final: the entry breaks a rule whatever else is held (except ReasonFull). An
// entry that is held already changes nothing.
func (a *Authority) Add(e *Entry) (added []*Entry, missing []wire.ID, err error) {
	if e.Room != a.room {
		return nil, nil, refuse(ReasonRoom, "%s %s", e.Kind, e.ID.Short())
	}
	if a.Has(e.ID) {
		return nil, nil, nil
	}
	if missing = a.missing(e); len(missing) > 0 {
		a.parked.put(e, missing)
		return nil, missing, nil
	}
	if err := a.hold(e); err != nil {
		a.parked.drop(e.ID)
		return nil, nil, err
	}
	added = append(added, e)
	for next := 0; next < len(added); next++ {
		for _, waiting := range a.parked.free(added[next].ID) {
			if len(a.missing(waiting)) > 0 {
				continue
			}
			a.parked.remove(waiting)
			if a.hold(waiting) != nil {
				a.parked.drop(waiting.ID)
				continue
			}
			added = append(added, waiting)
		}
	}
	return added, nil, nil
}

// Missing returns what parked entries wait for, ascending, at most maxMissing.
func (a *Authority) Missing() []wire.ID { return a.parked.missing() }

// dependencies calls f for everything that must be held before e: what it names,
// some of it more than once.
func dependencies(e *Entry, f func(wire.ID)) {
	for _, id := range e.Heads {
		f(id)
	}
	if !e.Prev.IsZero() && !e.names(e.Prev) {
		f(e.Prev)
	}
	if !e.Chain.IsZero() && !e.names(e.Chain) {
		f(e.Chain)
	}
	if body, ok := e.Body.(interface{ names() []wire.ID }); ok {
		for _, id := range body.names() {
			f(id)
		}
	}
}

// Dependencies lists what must be held before the entry: all that it names, by
// heads, prev, chain and body; an ID may come twice.
func (e *Entry) Dependencies() (ids []wire.ID) {
	dependencies(e, func(id wire.ID) { ids = append(ids, id) })
	return ids
}

// missing is what e names and is not held, each once: heads and body may name the same.
func (a *Authority) missing(e *Entry) (ids []wire.ID) {
	dependencies(e, func(id wire.ID) {
		if !a.Has(id) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	})
	return ids
}

// seenBy is the closure of an entry whose dependencies are held, without itself.
func (a *Authority) seenBy(e *Entry) (seen bitset) {
	dependencies(e, func(id wire.ID) { seen = seen.union(a.nodes[a.place[id]].closure) })
	return seen
}

// mayHold reports whether an entry belongs to the room, is not held, and would be held as it comes.
func (a *Authority) mayHold(e *Entry) bool {
	return e.Room == a.room && !a.Has(e.ID) && len(a.missing(e)) == 0 && a.admissible(e, a.seenBy(e)) == nil
}

// hold checks an entry whose dependencies are held against the rules of
// refusal, and takes it.
func (a *Authority) hold(e *Entry) error {
	if len(a.nodes) >= MaxEntries || a.bytes+len(e.Raw) > MaxEntriesBytes {
		return refuse(ReasonFull, "%d entries", len(a.nodes))
	}
	seen := a.seenBy(e)
	if err := a.admissible(e, seen); err != nil {
		return err
	}
	i := len(a.nodes)
	a.nodes = append(a.nodes, node{entry: e, closure: seen.with(i), reign: -1})
	a.place[e.ID] = i
	a.bytes += len(e.Raw)
	a.fresh = false
	a.index(i)
	return nil
}

// index notes where an entry is found again.
func (a *Authority) index(i int) {
	e := a.nodes[i].entry
	for _, user := range a.subjects(e) {
		a.named[user] = append(a.named[user], i)
	}
	if inv := e.Invite(); inv != nil {
		for _, id := range []wire.ID{inv.LinkID(), inv.LinkKey.ID()} {
			a.links[id] = append(a.links[id], i)
		}
	}
	switch {
	case e.root():
		a.nodes[i].reign = i
		a.reigns[i] = append(a.reigns[i], i)
	case e.chained() && e.Chain.IsZero():
		begin := a.reignAfter(a.place[e.Prev])
		a.nodes[i].reign = begin
		a.reigns[begin] = append(a.reigns[begin], i)
	case e.chained():
		at := a.place[e.Chain]
		a.chains[at] = append(a.chains[at], i)
	}
}

// subjects are the users that an entry says something about, besides that they wrote it.
func (a *Authority) subjects(e *Entry) []wire.ID {
	switch body := e.Body.(type) {
	case *Genesis, *Join, *Leave, *Renew:
		return []wire.ID{e.Writer}
	case *Pair:
		return []wire.ID{e.Writer, body.other}
	case *Add:
		return []wire.ID{body.Bundle.ID()}
	case *Stop:
		return []wire.ID{body.Subject}
	case *Lift:
		return []wire.ID{body.Subject}
	case *Appoint:
		return []wire.ID{body.Subject}
	case *Demote:
		return []wire.ID{a.demoted(body)}
	case *Handover:
		return []wire.ID{e.Writer, body.Bundle.ID()}
	}
	return nil
}

// demoted is whose admin's chain a demotion that is held ends.
func (a *Authority) demoted(body *Demote) wire.ID {
	return a.Entry(body.Appointment).Body.(*Appoint).Subject
}
