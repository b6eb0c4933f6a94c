package sim

import (
	"parley/rooms"
	"parley/wire"
)

// fork(L): the least first number, above every trim floor of the log, of two siblings that
// are held, both base VALID; none: zero.
func (o *oracle) fork(log wire.ID) (least uint64) {
	consider := func(a, b *rooms.Run) {
		for _, f := range o.floors(log) {
			if a.First <= f.Number {
				return
			}
		}
		if (least == 0 || a.First < least) && o.base(a).verdict == rooms.Valid && o.base(b).verdict == rooms.Valid {
			least = a.First
		}
	}
	for _, pair := range o.proved[log] {
		consider(pair[0], pair[1])
	}
	byPrev := map[wire.ID]*rooms.Run{}
	for _, hash := range sortedIDs(o.runs) {
		r := o.runs[hash]
		if r.Log != log {
			continue
		}
		if other := byPrev[r.Prev]; other != nil && other.First == r.First {
			consider(other, r)
		}
		byPrev[r.Prev] = r
	}
	return least
}

// A pinned run is what an epoch or a stop that counts says of a forked log.
type pinned struct {
	by  *fact
	pin rooms.Pin
}

// pins(L): those of the epochs and stops in E(S) that name the log at a number not below the fork.
func (o *oracle) pins(log wire.ID, fork uint64) (list []pinned) {
	for _, f := range o.order {
		if pin, ok := f.pins[log]; ok && o.counts()[f.id] && f.kind != rooms.KindLeave && pin.Number >= fork {
			list = append(list, pinned{f, pin})
		}
	}
	return list
}

// chain of a pin: the run with its hash, which must end with its number, and back by prev
// to the run that contains or follows the fork. held says whether all of it is.
func (o *oracle) chain(p rooms.Pin, fork uint64) (runs set, held bool) {
	runs = set{}
	r := o.runs[p.Link]
	if r != nil && (r.Last() != p.Number || r.Log != p.Log) {
		return runs, true // no run of that kind can ever be: the pin names nothing
	}
	for ; r != nil; r = o.runs[r.Prev] {
		runs[r.Hash] = true
		if r.First <= fork {
			return runs, true
		}
	}
	return runs, false
}

// firstPin is, of the pins, that of the entry with the lowest ID among the causally minimal ones.
func (o *oracle) firstPin(pins []pinned) (first *pinned) {
	for i := range pins {
		minimal := true
		for _, p := range pins {
			minimal = minimal && (p.by == pins[i].by || !o.seen(pins[i].by.id, p.by.id))
		}
		if minimal && (first == nil || pins[i].by.id.Compare(first.by.id) < 0) {
			first = &pins[i]
		}
	}
	return first
}

// forked judges a run that is otherwise valid by the lines about forks.
func (o *oracle) forked(r *rooms.Run) verdict {
	fork := o.fork(r.Log)
	if fork == 0 || r.Last() < fork {
		return verdict{rooms.Valid, lineValid}
	}
	pins := o.pins(r.Log, fork)
	first := o.firstPin(pins)
	if first == nil {
		return verdict{rooms.Void, lineForked}
	}
	runs, held := o.chain(first.pin, fork)
	switch {
	case runs[r.Hash]:
		return verdict{rooms.Valid, lineValid}
	case !held:
		return verdict{rooms.Pending, lineForked}
	}
	pending := false
	for _, p := range pins {
		later, held := o.chain(p.pin, fork)
		if later[r.Hash] && later[first.pin.Link] {
			return verdict{rooms.Valid, lineValid}
		}
		pending = pending || !held
	}
	if pending {
		return verdict{rooms.Pending, lineForked}
	}
	return verdict{rooms.Void, lineForked}
}
