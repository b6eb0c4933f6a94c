package sim

import (
	"slices"

	"parley/rooms"
	"parley/wire"
)

// An oracle decides what counts by evaluating the rules of a room literally over sets of
// entries and runs: slowly, with no index, no memory but of closures, and none of the
// code of package rooms that does the same. The functions bear the names of the specification.
type oracle struct {
	room     wire.ID
	facts    map[wire.ID]*fact
	order    []*fact // in the order in which they were added
	closures map[wire.ID]set
	runs     map[wire.ID]*rooms.Run      // by hash
	proved   map[wire.ID][][2]*rooms.Run // by log: siblings of which a proof is held
	verdicts map[wire.ID]verdict
	bases    map[wire.ID]verdict
	counting set // E(S) of everything; nil: not evaluated
}

type set map[wire.ID]bool

func (s set) within(t set) bool {
	for id := range s {
		if !t[id] {
			return false
		}
	}
	return true
}

// A fact is an entry as the rules read it.
type fact struct {
	id, writer, chain, prev wire.ID
	kind                    rooms.Kind
	number                  uint64
	names                   []wire.ID               // heads, and what its body lists
	epoch                   bool                    // it begins one
	subject                 wire.ID                 // whom it concerns; of a handover the successor
	role                    rooms.Role              // that it gives; of a removal none
	ban                     bool                    // of a stop
	appointment, cut        wire.ID                 // of a demotion
	invite                  wire.ID                 // of a join
	revokes                 set                     // invites, of a revocation
	pins                    map[wire.ID]rooms.Pin   // by log
	floors                  map[wire.ID]rooms.Floor // by log
	pair                    []wire.ID               // of a room of two, its users
}

func (f *fact) chained() bool { return f.number > 0 }

// factOf reads an entry. A new kind has its place here, in the function of the rules that
// concern it, and nowhere else.
func factOf(e *rooms.Entry) *fact {
	f := &fact{
		id: e.ID, writer: e.Writer, chain: e.Chain, prev: e.Prev, kind: e.Kind, number: e.Number,
		names: slices.Clone(e.Heads), epoch: e.Epoch() != nil,
	}
	switch body := e.Body.(type) {
	case *rooms.EpochBody:
		f.pins = byLog(body.Pins)
	case *rooms.Invite:
		f.role = body.Role
	case *rooms.Join:
		f.invite = body.Invite
	case *rooms.Leave:
		f.pins = byLog(body.Pins)
	case *rooms.Add:
		f.subject, f.role = body.Bundle.ID(), body.Role
	case *rooms.Stop:
		f.subject, f.role, f.ban, f.pins = body.Subject, body.Role, body.Ban, byLog(body.Pins)
		f.names = append(f.names, body.Joins...)
	case *rooms.Lift:
		f.subject = body.Subject
	case *rooms.Appoint:
		f.subject = body.Subject
	case *rooms.Demote:
		f.appointment, f.cut, f.role = body.Appointment, body.Cut, rooms.RoleMember
		f.names = append(append(f.names, body.Joins...), body.Appointment, body.Cut)
	case *rooms.Handover:
		f.subject, f.role = body.Bundle.ID(), rooms.RoleMember
	case *rooms.Revoke:
		f.revokes = set{}
		for _, i := range body.Invites {
			f.revokes[i] = true
		}
		f.names = append(append(f.names, body.Joins...), body.Invites...)
	case *rooms.Trim:
		f.floors = map[wire.ID]rooms.Floor{}
		for _, floor := range body.Floors {
			f.floors[floor.Log] = floor
		}
	case *rooms.Pair:
		users, _ := e.Pair()
		f.pair = users[:]
	}
	return f
}

func byLog(pins []rooms.Pin) map[wire.ID]rooms.Pin {
	m := map[wire.ID]rooms.Pin{}
	for _, p := range pins {
		m[p.Log] = p
	}
	return m
}

func newOracle(room wire.ID) *oracle {
	return &oracle{
		room: room, facts: map[wire.ID]*fact{}, closures: map[wire.ID]set{}, runs: map[wire.ID]*rooms.Run{},
		proved: map[wire.ID][][2]*rooms.Run{}, verdicts: map[wire.ID]verdict{}, bases: map[wire.ID]verdict{},
	}
}

// addAll adds what a peer holds.
func (o *oracle) addAll(h *held) {
	for _, e := range h.entries {
		o.add(e)
	}
	for _, log := range sortedIDs(h.runs) {
		for _, r := range h.runs[log] {
			o.runs[r.Hash] = r
		}
	}
	for _, log := range sortedIDs(h.hidden) {
		for _, r := range h.hidden[log] {
			o.runs[r.Hash] = r
		}
	}
	for _, p := range h.proofs {
		if a, b := h.peer.w.history.runs[p.Runs[0]], h.peer.w.history.runs[p.Runs[1]]; a != nil && b != nil {
			o.proved[p.Log] = append(o.proved[p.Log], [2]*rooms.Run{a.run, b.run})
		}
	}
	o.counting, o.verdicts, o.bases, o.closures = nil, map[wire.ID]verdict{}, map[wire.ID]verdict{}, map[wire.ID]set{}
}

func (o *oracle) add(e *rooms.Entry) {
	if o.facts[e.ID] == nil {
		f := factOf(e)
		o.facts[e.ID] = f
		o.order = append(o.order, f)
	}
}

// closure(X): X and everything that it reaches by heads, previous and chain. ok says
// whether all of it is held.
func (o *oracle) closure(ids ...wire.ID) (all set, ok bool) {
	all, ok = set{}, true
	for _, id := range ids {
		one, held := o.closureOf(id)
		ok = ok && held
		for x := range one {
			all[x] = true
		}
	}
	return all, ok
}

func (o *oracle) closureOf(id wire.ID) (set, bool) {
	if c, known := o.closures[id]; known {
		return c, true
	}
	f := o.facts[id]
	if f == nil {
		return set{}, false
	}
	c, all := set{id: true}, true
	for _, next := range append([]wire.ID{f.prev, f.chain}, f.names...) {
		if next.IsZero() {
			continue
		}
		one, held := o.closureOf(next)
		all = all && held
		for x := range one {
			c[x] = true
		}
	}
	if all {
		o.closures[id] = c
	}
	return c, all
}

// seen reports whether x has seen y: y is in closure(x).
func (o *oracle) seen(x, y wire.ID) bool {
	c, _ := o.closureOf(x)
	return c[y]
}

// held are all entries.
func (o *oracle) held() set {
	all := set{}
	for _, f := range o.order {
		all[f.id] = true
	}
	return all
}

// counts is E(S) for everything held.
func (o *oracle) counts() set {
	if o.counting == nil {
		o.counting = o.E(o.held())
	}
	return o.counting
}

// roleNow is what a user may do by everything held.
func (o *oracle) roleNow(user wire.ID) rooms.Role { return o.role(user, o.counts()) }
