package sim

import (
	"fmt"
	"slices"
	"strings"

	"parley/rooms"
	"parley/wire"
)

// epochVerdictNeverChanges: whether a run was written in an epoch that its writer might
// write in depends on what it had seen and on nothing that comes later.
func epochVerdictNeverChanges(_ *World, list []*outcome) string {
	for _, o := range list {
		h := o.views[0]
		for _, log := range sortedIDs(h.runs) {
			for _, r := range h.counted(log) {
				seen, whole := h.oracle.closure(r.Heads...)
				if !whole {
					continue
				}
				a := rooms.NewAuthority(o.room) // of what the writer had seen, and no more
				for _, e := range h.auth.All() {
					if seen[e.ID] {
						_, _, _ = a.Add(e)
					}
				}
				var state *rooms.LogState
				if r.First > 1 {
					state = &rooms.LogState{Last: r.First - 1, Link: r.Prev, Heads: r.Heads, FirstHeads: r.Heads}
				}
				if v, why, _ := a.Judge(r, state); v == rooms.Void && why == rooms.ReasonEpoch {
					return fmt.Sprintf("run %d of log %s counts, and to its writer its epoch was a replaced one", r.First, log.Short())
				}
			}
		}
	}
	return ""
}

// honestNeverRefusedByMonotonicity: an honest writer never names less than it did before,
// and never writes in an epoch that it knows to be replaced: nothing of it is refused for that.
func honestNeverRefusedByMonotonicity(w *World, list []*outcome) string {
	for _, r := range w.history.refused {
		for _, why := range []rooms.Reason{rooms.ReasonHeadsBack, rooms.ReasonEpoch, rooms.ReasonIncarnation, rooms.ReasonNumber, rooms.ReasonHeads} {
			if !r.by.evil && strings.Contains(r.text, why.String()) {
				return fmt.Sprintf("%s's run %d is refused: %s", r.by.name, r.run.run.First, r.text)
			}
		}
	}
	for _, o := range list {
		for _, s := range w.history.order {
			if s.by.evil || s.run.Room != o.room || o.truth.runs[s.run.Hash] == nil {
				continue
			}
			if v := o.truth.judge(s.run); v.line == lineHeads || v.line == lineEpoch {
				return fmt.Sprintf("%s's run %d does not count: %s", s.by.name, s.run.First, v)
			}
		}
	}
	return ""
}

// honestNeverForks: no honest writer signs one number twice, through kills, restored homes
// and restored peers. A whole machine that was rolled back cannot know.
func honestNeverForks(w *World, _ []*outcome) string {
	type place struct {
		log    wire.ID
		number uint64
	}
	signed := map[place]*rooms.Run{}
	for _, s := range w.history.order {
		if s.by.evil || s.by.blind {
			continue
		}
		for n := s.run.First; n <= s.run.Last(); n++ {
			if other := signed[place{s.run.Log, n}]; other != nil && other.Hash != s.run.Hash {
				return fmt.Sprintf("%s has signed message %d of log %s twice", s.by.name, n, s.run.Log.Short())
			}
			signed[place{s.run.Log, n}] = s.run
		}
	}
	return ""
}

// ackedNeverLostOnRevival: an acknowledged run that counts by everything held is there and
// counts at every honest peer, however often it did not count in between: none is lost but with a
// disk that was set back.
func ackedNeverLostOnRevival(w *World, list []*outcome) string {
	for _, o := range list {
		for _, s := range w.history.order {
			if !s.acked || s.by.evil || s.lost || s.by.peer.evil || s.run.Room != o.room || !o.reached(s) {
				continue
			}
			if o.trimmed(s.run) {
				continue
			}
			if o.truth.runs[s.run.Hash] == nil {
				if o.onceTrimmed(s.run) {
					continue
				}
				return fmt.Sprintf("run %d of log %s of %s, acknowledged, is on no disk", s.run.First, s.run.Log.Short(), s.by.name)
			}
			if o.truth.judge(s.run).verdict != rooms.Valid {
				continue
			}
			for _, h := range o.views {
				if !slices.ContainsFunc(h.counted(s.run.Log), func(r *rooms.Run) bool { return r.Hash == s.run.Hash }) {
					return fmt.Sprintf("run %d of log %s of %s, acknowledged, counts and is missing at %s", s.run.First, s.run.Log.Short(), s.by.name, h.peer.name)
				}
			}
		}
	}
	return ""
}

// trimmed reports whether a run was forgotten on purpose.
func (o *outcome) trimmed(r *rooms.Run) bool {
	return slices.ContainsFunc(o.truth.floors(r.Log), func(f rooms.Floor) bool { return r.First <= f.Number })
}

// onceTrimmed reports whether a run was forgotten by a trim that counted by what it had seen, and does not any more.
func (o *outcome) onceTrimmed(r *rooms.Run) bool {
	return slices.ContainsFunc(o.truth.order, func(f *fact) bool {
		floor, ok := f.floors[r.Log]
		seen, held := o.truth.closureOf(f.id)
		return ok && held && r.First <= floor.Number && o.truth.E(seen)[f.id]
	})
}

// reached reports whether the peer that acknowledged a run is one of those that must end
// equal: what only the peer of a removed member has, the others may never get.
func (o *outcome) reached(s *signed) bool {
	return slices.ContainsFunc(o.views, func(h *held) bool { return h.peer == s.at })
}

// ackedLossIsExplained: an acknowledged run of an honest writer that does not count at
// the end was ended by a stop, by the end of its author's right to write, or by its author's own
// fork: nothing else takes back what was promised.
func ackedLossIsExplained(w *World, list []*outcome) string {
	for _, o := range list {
		for _, s := range w.history.order {
			if !s.acked || s.by.evil || s.run.Room != o.room || o.truth.runs[s.run.Hash] == nil {
				continue
			}
			switch v := o.truth.judge(s.run); {
			case v.verdict == rooms.Valid, v.line == lineStopped, v.line == lineRole, v.line == lineTrimmed:
			case v.line == lineForked && s.by.blind:
			case v.line == linePrevious && (s.lost || w.lostBefore(s)):
			default:
				return fmt.Sprintf("run %d of log %s of %s was acknowledged and does not count: %s", s.run.First, s.run.Log.Short(), s.by.name, v)
			}
		}
	}
	return ""
}

// lostBefore reports whether an earlier run of the same log was lost with a disk that was set back.
func (w *World) lostBefore(s *signed) bool {
	return slices.ContainsFunc(w.history.order, func(o *signed) bool { return o.lost && o.run.Log == s.run.Log })
}

// nothingDoubled: no text counts twice, through acknowledgements that were lost, kills and
// new incarnations. Of what was under way when its writer's peer was set back the writer cannot tell.
func nothingDoubled(w *World, list []*outcome) string {
	for _, o := range list {
		for _, h := range o.views {
			times := map[int]int{}
			h.eachCounted(func(r *rooms.Run) {
				for _, text := range w.history.runs[r.Hash].texts {
					times[text]++
				}
			})
			for text, n := range times {
				if text > 0 && n > 1 && !w.history.twice[text] {
					return fmt.Sprintf("text %d counts %d times at %s", text, n, h.peer.name)
				}
			}
		}
	}
	return ""
}

// honestIsAnswered: when the world has healed, an honest member who holds a key has nothing
// under way: everything was acknowledged or refused.
func honestIsAnswered(w *World, list []*outcome) string {
	for _, o := range list {
		for _, u := range w.people {
			s := u.seats[o.room]
			if s == nil || u.evil || u.peer.evil || s.left || !o.truth.roleNow(u.id()).MayWrite() || !s.role().MayWrite() {
				continue
			}
			if _, ok := s.epochToWrite(s.auth.Heads(s.me(), nil)); ok && len(s.out.pending)+len(s.queue) > 0 {
				return fmt.Sprintf("%s waits for %d runs and has %d texts queued", u.name, len(s.out.pending), len(s.queue))
			}
		}
	}
	return ""
}

// boundsHold: no run names more heads than may be, no peer has requests or sessions that
// nobody waits for, no room more entries than the bound, and every message was within its own.
func boundsHold(w *World, list []*outcome) string {
	for _, o := range list {
		for _, h := range o.all {
			stats := h.peer.core.Stats()
			switch {
			case len(h.entries) > rooms.MaxEntries:
				return fmt.Sprintf("%s holds %d entries", h.peer.name, len(h.entries))
			case stats.Requests > 16*len(w.people)*len(w.rooms):
				return fmt.Sprintf("%s has %d requests open", h.peer.name, stats.Requests)
			case stats.Peers > len(w.peers):
				return fmt.Sprintf("%s has %d sessions", h.peer.name, stats.Peers)
			}
		}
	}
	return ""
}
