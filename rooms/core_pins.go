package rooms

import (
	"cmp"
	"slices"

	"parley/store"
	"parley/wire"
)

// A forkState is what a peer knows of a log with a fork that entries have pinned. Which branch counts is decided by the
// chain that ends in the first pin: in what the peer has of the log, in what it has hidden, or in what it asks others for.
type forkState struct {
	first    uint64 // number of the fork
	pins     []Pin  // as Authority.Pins gives them
	deciding bool
	due      bool // it is to be found out when what is being moved is where it will be
	round    int  // of deciding: what an earlier one finds is out of date
	decided  bool
	to       Pin             // up to where the log goes on, when it is decided
	chain    []*hiddenBranch // that hold the chain; none: the log itself does
	staging  *hiddenBranch   // what came from others of a chain that is not whole yet
}

// last is the highest message that a pin names.
func (fs *forkState) last() (last uint64) {
	for _, pin := range fs.pins {
		last = max(last, pin.Number)
	}
	return last
}

// open reports whether more of a pinned chain may count: the first pin's is not held, or a later pin is beyond what is.
func (fs *forkState) open() bool {
	return fs != nil && len(fs.pins) > 0 && !fs.deciding && (!fs.decided || fs.last() > fs.to.Number)
}

// wants is up to where the chain is to be asked of a side with this head of the log; 0: not at all.
func (fs *forkState) wants(head uint64) uint64 {
	switch {
	case !fs.open() || head < fs.first:
		return 0
	case fs.decided && head <= fs.to.Number:
		return 0
	case fs.decided:
		return min(head, fs.last())
	}
	return fs.last() // it has the chain, whatever of it counts
}

// expects reports whether a run that ends with the number of a pin is the one pinned; ends says that no longer
// chain needs to be waited for.
func (fs *forkState) expects(run *Run) (pinned, ends bool) {
	if !fs.decided && run.Last() >= fs.pins[0].Number {
		return run.Last() == fs.pins[0].Number && run.Hash == fs.pins[0].Link, true
	}
	pinned = fs.decided && slices.Contains(fs.pins, Pin{Log: run.Log, Number: run.Last(), Link: run.Hash})
	return pinned, pinned || run.Last() >= fs.last()
}

// forkLimit is where a fork ends a log. It begins to find out what pins decide when these, or the fork, are others than before.
func (c *Core) forkLimit(r *room, lg *logState) (limit Pin, any bool) {
	p := r.proofByLog[lg.id]
	if p == nil || p.First <= lg.floor && !r.openRoom {
		lg.keepStaging()
		lg.fork = nil
		return limit, false
	}
	limit = Pin{Log: lg.id, Number: p.First - 1, Link: p.Prev}
	if r.openRoom {
		if lg.state != nil {
			lg.state.Fork = p.First
		}
		return limit, true
	}
	pins := r.auth.Pins(lg.id, p.First)
	fs := lg.fork
	if fs == nil || fs.first != p.First || !slices.Equal(fs.pins, pins) {
		lg.keepStaging()
		fs = &forkState{first: p.First, pins: pins}
		lg.fork = fs
		if len(pins) > 0 {
			c.decide(r, lg)
		}
	}
	switch {
	case fs.deciding:
		return limit, false // in a moment; until then nothing is given up
	case fs.decided:
		return fs.to, true
	}
	return limit, true
}

// keepStaging keeps what came of a chain that is not waited for any more among what is hidden.
func (lg *logState) keepStaging() {
	if lg.fork != nil && lg.fork.staging != nil {
		lg.hidden = append(lg.hidden, lg.fork.staging)
		lg.fork.staging = nil
	}
}

// decide looks for the chain of the first pin in what is held: the log itself, then what is hidden of it.
func (c *Core) decide(r *room, lg *logState) {
	fs := lg.fork
	fs.deciding, fs.decided, fs.chain = true, false, nil
	fs.round++
	if fs.due = lg.moving; fs.due {
		return // neither place shows it before the move is on the disk: see decideDue
	}
	round := fs.round
	done := func(to *Pin, chain []*hiddenBranch) {
		if r.logs[lg.id] != lg || r.failed || lg.fork != fs || fs.round != round {
			return
		}
		if fs.due = lg.moving; fs.due {
			return
		}
		fs.deciding = false
		if to != nil {
			fs.decided, fs.to, fs.chain = true, *to, chain
		}
		c.limitLog(r, lg)
		c.revive(r, lg)
		for _, l := range r.links {
			c.stateSoon(l, stateDelay)
		}
	}
	c.findPins(r, lg, r.id, lg.id, lg.floor, lg.durable, nil, func(to *Pin) {
		if to != nil {
			c.extend(r, lg, *to, slices.Clone(lg.hidden), done)
			return
		}
		c.decideHidden(r, lg, slices.Clone(lg.hidden), done)
	})
}

// decideDue decides what had to wait for a move, or what a move has changed.
func (c *Core) decideDue(r *room, lg *logState) {
	if fs := lg.fork; fs != nil && fs.due && !lg.moving {
		c.decide(r, lg)
	}
}

// findPins looks for the first pin among runs that are a chain, messages floor+1 to last of a log of the store, or, if to is
// given, for later pins beyond it. It returns the highest pin that is on the chain, or nil.
func (c *Core) findPins(r *room, lg *logState, room, log wire.ID, floor, last uint64, to *Pin, found func(*Pin)) {
	if lg.fork == nil || len(lg.fork.pins) == 0 {
		found(nil)
		return
	}
	pins := slices.Clone(lg.fork.pins)
	slices.SortStableFunc(pins[1:], func(a, b Pin) int { return cmp.Compare(a.Number, b.Number) })
	first := to == nil // the first pin is looked for
	var on *Pin
	var next func()
	next = func() {
		for len(pins) > 0 && !first && (pins[0].Number <= floor || pins[0].Number > last || to != nil && pins[0].Number <= to.Number) {
			pins = pins[1:]
		}
		if len(pins) == 0 || first && (pins[0].Number <= floor || pins[0].Number > last) {
			found(on)
			return
		}
		pin := pins[0]
		pins = pins[1:]
		c.findIn(room, log, pin.Number, func(run *Run) {
			if run != nil && run.Last() == pin.Number && run.Hash == pin.Link {
				on, to = &pin, &pin
			} else if first {
				found(nil)
				return
			}
			first = false
			next()
		})
	}
	next()
}

// extend looks for a later pin in the hidden branches that continue the log where the first pin's chain ends in it, at to.
func (c *Core) extend(r *room, lg *logState, to Pin, branches []*hiddenBranch, done func(*Pin, []*hiddenBranch)) {
	if len(branches) == 0 {
		done(&to, nil)
		return
	}
	b := branches[0]
	if b.floor != to.Number {
		c.extend(r, lg, to, branches[1:], done)
		return
	}
	c.findIn(HiddenRoom(r.id), b.id, b.floor+1, func(run *Run) {
		if run == nil || run.Prev != to.Link {
			c.extend(r, lg, to, branches[1:], done)
			return
		}
		c.findPins(r, lg, HiddenRoom(r.id), b.id, b.floor, b.last, &to, func(later *Pin) {
			if later == nil {
				c.extend(r, lg, to, branches[1:], done)
				return
			}
			done(later, []*hiddenBranch{b})
		})
	})
}

// decideHidden looks for the first pin in one hidden branch after another, and then for the branches before that, back to the fork.
func (c *Core) decideHidden(r *room, lg *logState, branches []*hiddenBranch, done func(*Pin, []*hiddenBranch)) {
	if len(branches) == 0 {
		done(nil, nil)
		return
	}
	b := branches[0]
	c.findPins(r, lg, HiddenRoom(r.id), b.id, b.floor, b.last, nil, func(to *Pin) {
		if to == nil {
			c.decideHidden(r, lg, branches[1:], done)
			return
		}
		c.chainBack(r, lg, []*hiddenBranch{b}, func(chain []*hiddenBranch) {
			if chain != nil {
				done(to, chain)
				return
			}
			c.decideHidden(r, lg, branches[1:], done)
		})
	})
}

// chainBack completes a chain of hidden branches back to the fork.
func (c *Core) chainBack(r *room, lg *logState, chain []*hiddenBranch, done func([]*hiddenBranch)) {
	fs, b := lg.fork, chain[0]
	c.findIn(HiddenRoom(r.id), b.id, b.floor+1, func(run *Run) {
		switch {
		case run == nil || fs == nil:
			done(nil)
		case run.First <= fs.first:
			done(chain)
		default:
			i := slices.IndexFunc(lg.hidden, func(o *hiddenBranch) bool { return o.last == b.floor && o.link == run.Prev && o != b })
			if i < 0 || len(chain) > len(lg.hidden) {
				done(nil)
				return
			}
			c.chainBack(r, lg, append([]*hiddenBranch{lg.hidden[i]}, chain...), done)
		}
	})
}

// judgeFork applies the rule of forks and pins to a run that is valid but for it: b is the hidden branch that it comes from, if it does.
func (lg *logState) judgeFork(run *Run, b *hiddenBranch) (Verdict, Reason) {
	fs := lg.fork
	switch {
	case fs == nil || run.Last() < fs.first:
		return Valid, ReasonNone
	case len(fs.pins) == 0:
		return Void, ReasonFork
	case !fs.decided:
		return Pending, ReasonPinned
	case run.Last() <= fs.to.Number && b != nil && slices.Contains(fs.chain, b):
		return Valid, ReasonNone
	}
	return Void, ReasonFork
}

// stagesNext reports whether a run is the next of a chain that is waited for.
func (lg *logState) stagesNext(run *Run) bool {
	if lg == nil || !lg.fork.open() || lg.moving || lg.end != nil || run.Last() < lg.fork.first || run.Last() > lg.fork.last() {
		return false
	}
	if st := lg.fork.staging; st != nil {
		return run.First == st.last+1 && run.Prev == st.link
	}
	return run.First == lg.lastStaged()+1 && (lg.state == nil || run.Prev == lg.state.Link)
}

// stagePinned keeps a run of a chain that is not whole yet, hidden; whether it counts is found out when it is.
func (c *Core) stagePinned(r *room, lg *logState, run *Run) {
	fs := lg.fork
	st := fs.staging
	if lg.author.IsZero() {
		lg.author = run.Author
	}
	if st == nil {
		r.arrival++
		st = &hiddenBranch{id: hiddenID(lg.id, r.arrival), floor: run.First - 1}
		fs.staging = st
	}
	f := c.fly(r)
	f.data.Runs = append(f.data.Runs, store.Run{
		Room: HiddenRoom(r.id), Log: st.id, Author: lg.author, First: run.First, Last: run.Last(),
		Link: run.Hash, Received: unix(c.now), Bytes: run.Raw, Note: hiddenNote(lg.id),
	})
	f.size += len(run.Raw) + 256
	st.last, st.link = run.Last(), run.Hash
	pinned, ends := fs.expects(run)
	if !ends {
		return
	}
	fs.staging = nil
	c.dropWant(r, lg.id)
	if pinned {
		lg.hidden = append(lg.hidden, st)
	}
	c.whenDurable(func(err error) {
		switch {
		case err != nil || r.failed || r.logs[lg.id] != lg:
		case !pinned:
			c.trimHidden(r, st, store.TrimAll)
		case lg.fork == fs:
			c.decide(r, lg)
		}
	})
}

// wantLimit is up to where more of a log is asked for.
func (lg *logState) wantLimit() uint64 {
	if lg.fork.open() {
		return max(lg.limit, lg.fork.last())
	}
	return lg.limit
}

// next is the message of a log that is asked for next.
func (lg *logState) next() uint64 {
	if lg.fork.open() && lg.fork.staging != nil {
		return lg.fork.staging.last + 1
	}
	return lg.lastStaged() + 1
}

// pinnedBeyond is what a peer has of a pinned chain beyond what counts of its log: it is served, so that others can decide.
func (lg *logState) pinnedBeyond(w wire.Want, last uint64) (more []wire.Want) {
	if lg.fork == nil || !lg.fork.decided {
		return nil
	}
	for _, b := range lg.hidden {
		if b.floor == last && w.Last > last && lg.fork.last() > last {
			more = append(more, wire.Want{Log: b.id, First: max(w.First, b.floor+1), Last: min(w.Last, b.last, lg.fork.last())})
		}
	}
	return more[:min(len(more), 1)]
}
