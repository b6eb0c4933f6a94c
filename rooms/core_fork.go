package rooms

import (
	"parley/wire"
)

// A hunt searches for the first runs in which two branches of a log differ: by
// halving, with the other branch's runs pulled from a session and the own ones
// read from the store. What it finds is a proof.
type hunt struct {
	r      *room
	lg     *logState
	l      *link
	lo, hi uint64 // the branches agree up to lo, and differ at hi
	at     uint64 // the message being looked at
	theirs *Run
	steps  int
}

// hunt begins a search, unless one is under way or there is no session to search with.
// at is a message in which the branches differ. It reports whether it began.
func (c *Core) hunt(r *room, lg *logState, l *link, at uint64) bool {
	if l == nil || l.gone || !l.mayAsk || lg.hunting || lg.end != nil || r.hunts >= maxHunts || r.failed ||
		c.now.Before(lg.huntHold) || at <= lg.floor || at > lg.limit {
		return false
	}
	lg.hunting = true
	r.hunts++
	c.dropWant(r, lg.id)
	c.huntStep(&hunt{r: r, lg: lg, l: l, lo: lg.floor, hi: at, at: at})
	return true
}

// huntStep asks for the other branch's run at the message to look at.
func (c *Core) huntStep(h *hunt) {
	const maxSteps = 160 // halving takes 64, and a few at the ends of runs
	if h.steps++; h.steps > maxSteps || h.hi <= h.lo || h.l.gone {
		c.endHunt(h)
		return
	}
	h.theirs = nil
	m := &wire.Pull{Ref: h.l.ref, Wants: wire.List[wire.Want]{{Log: h.lg.id, First: h.at, Last: h.at}}}
	c.startPull(h.l, m, &pull{hunt: h})
}

// hunted takes the run that was asked for.
func (c *Core) hunted(h *hunt, run *Run) {
	if run.Log == h.lg.id && run.First <= h.at && h.at <= run.Last() {
		h.theirs = run
	}
}

// huntEnded goes on when the pull has ended: the own run is looked up.
func (c *Core) huntEnded(h *hunt) {
	if h.theirs == nil || h.r.logs[h.lg.id] != h.lg || h.r.failed {
		c.endHunt(h)
		return
	}
	c.find(h.r, h.lg.id, h.at, func(ours *Run) { c.huntCompare(h, ours) })
}

func (c *Core) huntCompare(h *hunt, ours *Run) {
	theirs := h.theirs
	if ours == nil || h.r.logs[h.lg.id] != h.lg || h.r.failed {
		c.endHunt(h)
		return
	}
	switch {
	case ours.Hash == theirs.Hash:
		h.lo = ours.Last()
	case Siblings(ours, theirs):
		proof, err := NewProof(ours, theirs)
		c.endHunt(h)
		if err == nil {
			c.takeProofs(h.r, nil, []*Proof{proof})
		}
		return
	default:
		if h.hi = min(ours.First, theirs.First); h.hi == h.at { // both begin here, after different ones
			h.hi--
		}
	}
	h.at = h.lo + (h.hi-h.lo+1)/2
	c.huntStep(h)
}

func (c *Core) endHunt(h *hunt) {
	h.lg.hunting = false
	h.lg.huntHold = c.now.Add(compareDelayMax)
	h.r.hunts = max(0, h.r.hunts-1) // 0 after the room was read anew
}

// placeForProof reports whether one more proof may be remembered. Few authors ever fork, so counting them is cheap.
func (r *room) placeForProof(p *Proof) bool {
	bytes, same := len(p.Raw), 0
	for _, o := range r.proofByLog {
		bytes += len(o.Raw)
		if o.Author == p.Author {
			same++
		}
	}
	return len(r.proofByLog) < maxProofs && bytes <= maxProofBytes && same < maxProofsPerAuthor
}

func (r *room) proofByID(id wire.ID) *Proof { return r.proofs2[id] }

// takeProofs stages proofs of forks. Of one log the one of the earliest fork is
// kept, of two such the one with the lower ID.
func (c *Core) takeProofs(r *room, from *link, proofs []*Proof) {
	for _, p := range proofs {
		if p.Room != r.id || !r.openRoom && len(r.auth.named[p.Author]) == 0 {
			c.refuseRecord(from)
			continue
		}
		held := r.proofByLog[p.Log]
		if held != nil && (held.First < p.First || held.First == p.First && held.ID.Compare(p.ID) <= 0) {
			continue
		}
		if held == nil && !r.placeForProof(p) {
			continue
		}
		f := c.fly(r)
		if held != nil {
			f.dropRecord(r, storeProof, held.ID)
			delete(r.proofs2, held.ID)
			r.proofs.drop(held.ID)
			r.digestsFresh = false
		}
		c.stats.Forks++
		c.do(Note{Room: r.id, Log: p.Log, Text: "an author has forked its log: it ends before the fork"})
		r.proofByLog[p.Log] = p
		r.proofs2[p.ID] = p
		f.addRecord(r, storeProof, p.ID, p.Raw)
		f.proofs = append(f.proofs, flightRecord{r, p.ID, from})
		if lg := r.logs[p.Log]; lg != nil {
			c.limitLog(r, lg)
		}
	}
}
