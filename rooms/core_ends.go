package rooms

import (
	"slices"

	"parley/wire"
)

// What counts of a log is a part from its beginning, since a run that continues one that does not
// count does not count either. Where that part ends follows from the stops of its author,
// from forks, and from what its author might do by the entries that count; it is found
// again when the authority changes. What is held beyond goes to the hidden runs (core_hide.go).

// applyEnds looks again at the room's logs after its authority changed.
func (c *Core) applyEnds(r *room) {
	r.judging = true // else the first log that is done would be taken for the last
	flipped, all := c.countedChange(r)
	if all || len(flipped) > 0 {
		for _, id := range sortedIDs(r.logs) {
			if lg := r.logs[id]; lg != nil && (all || slices.ContainsFunc(r.auth.named[lg.author], func(i int) bool { return slices.Contains(flipped, i) })) {
				c.recheck(r, lg)
			}
		}
	}
	c.applyFloors(r)
	ends := len(r.auth.stops)+len(r.proofByLog) > 0 || r.stopped
	r.stopped = ends
	for _, id := range sortedIDs(r.logs) {
		// What is hidden may be so without any stop or fork, by its author's role alone.
		if lg := r.logs[id]; lg != nil && (len(lg.hidden) > 0 || lg.floor > 0 || ends && (lg.state != nil || lg.fork != nil)) {
			c.limitLog(r, lg)
		}
	}
	for _, id := range sortedIDs(r.logs) {
		if lg := r.logs[id]; lg != nil && len(lg.hidden) > 0 {
			c.revive(r, lg)
		}
	}
	r.judging = false
	c.markJudged(r)
}

// countedChange returns the entries that were held when the room was last judged and count now and did
// not then, or the reverse. Only these can change what a held run's author might do, since
// a run is judged by what it had seen. all says that it is not known how the room was judged.
func (c *Core) countedChange(r *room) (flipped []int, all bool) {
	r.auth.Now()
	all = !r.judgedAny
	if !all && !r.auth.counts.samePrefix(r.counted, r.countedOf) {
		for i := range r.countedOf {
			if r.counted.has(i) != r.auth.counts.has(i) {
				flipped = append(flipped, i)
			}
		}
	}
	r.counted, r.countedOf, r.judgedAny = r.auth.counts, r.auth.countedOf, true
	return flipped, all
}

// limitLog finds where a log ends: before the first fork that a proof shows, with what every stop
// names that counts and that the log's first run had not seen, and before the first run
// whose author might not write it.
func (c *Core) limitLog(r *room, lg *logState) {
	limit, why := Pin{Log: lg.id, Number: noLimit}, ReasonNone
	if fork, any := c.forkLimit(r, lg); any {
		limit, why = fork, ReasonFork
	}
	if r.floorGone(lg) {
		limit, why = Pin{Log: lg.id}, ReasonPrevious
	}
	if !r.openRoom && lg.state != nil {
		if start := r.auth.View(lg.state.FirstHeads); start != nil {
			for _, i := range r.auth.stops[lg.author] {
				if start.seen.has(i) {
					continue
				}
				e := r.auth.nodes[i].entry
				switch pin, _ := pinOf(e.pins(), lg.id); {
				case pin.Number < limit.Number:
					limit.Number, limit.Link, why = pin.Number, pin.Link, stopReason(e, false)
				case pin.Number == limit.Number && pin.Link != limit.Link:
					limit.Link = wire.ID{} // no run that ends there is within both
				}
			}
		}
	}
	if f := lg.fault; f != nil && lg.state != nil && f.at.Number < limit.Number { // else what is hidden is judged as it comes back
		limit, why = f.at, f.why
	}
	if lg.limit == limit.Number && lg.limitLink == limit.Link {
		return
	}
	lg.limit, lg.limitLink, lg.why, lg.end = limit.Number, limit.Link, why, nil
	c.cutLog(r, lg)
	r.setHead(lg)
}

// cutLog finds the end of what counts of a log that is held beyond its limit.
func (c *Core) cutLog(r *room, lg *logState) {
	limit, link := lg.limit, lg.limitLink
	if lg.cutting || lg.durable < limit || lg.durable == limit && (limit == 0 || lg.durLink == link) {
		return
	}
	cut := func(number uint64, link wire.ID) {
		lg.end = &Pin{Log: lg.id, Number: number, Link: link}
		c.dropWant(r, lg.id)
		c.dropParked(r, lg)
		r.setHead(lg)
		for _, l := range r.links {
			c.stateSoon(l, stateDelay)
		}
		c.note(r, nil, "messages beyond the end of a log do not count any more")
		c.hide(r, lg)
	}
	switch {
	case limit <= lg.floor && lg.floorState != nil && !r.floorGone(lg):
		cut(lg.floor, lg.floorState.Link) // what is forgotten counts
		return
	case limit <= lg.floor:
		cut(0, wire.ID{})
		return
	}
	lg.cutting = true
	c.find(r, lg.id, limit, func(run *Run) {
		lg.cutting = false
		switch {
		case r.logs[lg.id] != lg:
		case lg.limit != limit || lg.limitLink != link: // it changed meanwhile
			c.cutLog(r, lg)
		case run == nil || run.Last() < limit:
			cut(0, wire.ID{})
		case run.Last() == limit && run.Hash == link:
			cut(limit, link)
		default:
			cut(run.First-1, run.Prev)
		}
	})
}
