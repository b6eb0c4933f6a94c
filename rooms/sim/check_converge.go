package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"parley/rooms"
	"parley/wire"
)

// badSignatureNeverValid: no peer stores a run, an entry, a box or a proof that does not
// parse and verify, whatever it was sent; and no honest peer is accused of sending one.
func badSignatureNeverValid(_ *World, list []*outcome) string {
	for _, o := range list {
		for _, h := range o.all {
			for _, log := range sortedIDs(h.runs) {
				for _, r := range h.runs[log] { // whose bytes were verified as they were read
					if r.Room != o.room || r.Log != log {
						return fmt.Sprintf("%s stores run %d of log %s, whose signature is wrong", h.peer.name, r.First, log.Short())
					}
				}
			}
		}
	}
	return ""
}

// convergeAnyOrder: the entries held give one room whatever order they come in, and with it
// one verdict on each run held.
func convergeAnyOrder(w *World, list []*outcome) string {
	rng := rand.New(rand.NewPCG(w.seed, 3))
	for _, o := range list {
		h := o.views[0]
		want := describe(h.auth, h)
		for range 3 {
			shuffled := slices.Clone(h.entries)
			rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			a := rooms.NewAuthority(o.room)
			for _, e := range shuffled {
				if _, _, err := a.Add(e); err != nil {
					return fmt.Sprintf("in another order the %s %s is refused: %v", e.Kind, e.ID.Short(), err)
				}
			}
			if got := describe(a, h); got != want {
				return fmt.Sprintf("in another order the room is another:\n%s\nand not\n%s", got, want)
			}
		}
	}
	return ""
}

// describe is everything that the product's authority says about a room and its runs.
func describe(a *rooms.Authority, h *held) (text string) {
	v := a.Now()
	text = fmt.Sprintf("digest %x, master %s\n", a.Digest(), v.Master().Short())
	for _, m := range v.Members() {
		text += fmt.Sprintf("%s %s by %s\n", m.ID.Short(), m.Role, m.Entry.ID.Short())
	}
	for _, i := range v.Invites() {
		text += fmt.Sprintf("invite %s %d\n", i.Entry.ID.Short(), len(i.Joiners))
	}
	for _, e := range v.Epochs() {
		text += fmt.Sprintf("epoch %s, %d outsiders\n", e.ID.Short(), len(v.Outsiders(e)))
	}
	for _, log := range sortedIDs(h.runs) {
		var state *rooms.LogState
		for _, r := range h.runs[log] {
			verdict, why, _ := a.Judge(r, state)
			text += fmt.Sprintf("%s %d: %s, %s\n", log.Short(), r.First, verdict, why)
			if verdict != rooms.Valid {
				break
			}
			state = r.Extend(state)
		}
	}
	return text
}

// peersEqualJudgeOverHeld: what counts at a peer is what the rules, evaluated over the
// entries, runs and proofs that it holds, say; all peers whose users belong to the room
// hold the same entries, boxes and proofs, and the same runs count at all of them.
func peersEqualJudgeOverHeld(_ *World, list []*outcome) string {
	for _, o := range list {
		for _, h := range o.all {
			if text := equalsOracle(h); text != "" {
				return text
			}
		}
		for _, h := range o.views[1:] {
			if text := difference(o.views[0], h); text != "" {
				return text
			}
		}
	}
	return ""
}

// equalsOracle compares what counts at a peer with what the oracle says of what it holds.
func equalsOracle(h *held) string {
	logs := map[wire.ID][]*rooms.Run{}
	for _, r := range h.oracle.runs {
		logs[r.Log] = append(logs[r.Log], r)
	}
	for _, log := range sortedIDs(logs) {
		want := h.oracle.end(logs[log])
		got, counts := h.ends[log]
		switch {
		case want == nil && counts:
			return fmt.Sprintf("%s counts log %s up to %d, of which nothing counts: %s", h.peer.name, log.Short(), got.Number, h.oracle.judge(logs[log][0]))
		case want != nil && (!counts || got.Number != want.Last() || got.Link != want.Hash):
			return fmt.Sprintf("%s counts log %s up to %d, and up to %d counts", h.peer.name, log.Short(), got.Number, want.Last())
		}
	}
	for _, u := range h.peer.w.people {
		if want, got := h.oracle.roleNow(u.id()), h.auth.Now().Role(u.id()); want != got {
			return fmt.Sprintf("%s holds %s for a %q, who is a %q", h.peer.name, u.name, got, want)
		}
	}
	return ""
}

// difference says what two peers do not have in common, or nothing.
func difference(a, b *held) string {
	for _, set := range []struct {
		what string
		a, b []wire.ID
	}{
		{"entries", entryIDs(a.entries), entryIDs(b.entries)},
		{"boxes", boxIDs(a.boxes), boxIDs(b.boxes)},
		{"proofs", proofIDs(a.proofs), proofIDs(b.proofs)},
	} {
		if !slices.Equal(set.a, set.b) {
			return fmt.Sprintf("%s holds %d %s and %s %d", a.peer.name, len(set.a), set.what, b.peer.name, len(set.b))
		}
	}
	logs := map[wire.ID]bool{}
	for log := range a.ends {
		logs[log] = true
	}
	for log := range b.ends {
		logs[log] = true
	}
	for _, log := range sortedIDs(logs) {
		if a.ends[log] != b.ends[log] {
			return fmt.Sprintf("log %s counts up to %d at %s and up to %d at %s", log.Short(), a.ends[log].Number, a.peer.name, b.ends[log].Number, b.peer.name)
		}
		if !slices.EqualFunc(a.counted(log), b.counted(log), func(x, y *rooms.Run) bool { return x.Hash == y.Hash }) {
			return fmt.Sprintf("log %s has other runs at %s than at %s", log.Short(), a.peer.name, b.peer.name)
		}
	}
	return ""
}

func entryIDs(list []*rooms.Entry) (ids []wire.ID) {
	for _, e := range list {
		ids = append(ids, e.ID)
	}
	return ids
}

func boxIDs(list []*rooms.Box) (ids []wire.ID) {
	for _, b := range list {
		ids = append(ids, b.ID)
	}
	return ids
}

func proofIDs(list []*rooms.Proof) (ids []wire.ID) {
	for _, p := range list {
		ids = append(ids, p.ID)
	}
	return ids
}

// oneBranchPerLog: of each log one chain counts, from its first message on without a gap
// or an overlap, at every peer.
func oneBranchPerLog(_ *World, list []*outcome) string {
	for _, o := range list {
		for _, h := range o.all {
			for _, log := range sortedIDs(h.runs) {
				next, prev := uint64(1), wire.ID{}
				for i, r := range h.counted(log) {
					for _, f := range h.oracle.floors(log) {
						if i == 0 && f.Link == r.Prev {
							next, prev = f.Number+1, f.Link
						}
					}
					if r.First != next || r.Prev != prev {
						return fmt.Sprintf("%s counts run %d of log %s after message %d, on another branch or behind a gap", h.peer.name, r.First, log.Short(), next-1)
					}
					next, prev = r.Last()+1, r.Hash
				}
			}
		}
	}
	return ""
}

// evidenceSurvivesVoid: when two honest peers whose users belong to the room were given
// two siblings, each valid but for the fork, all of them hold a proof, whether the runs count or not.
func evidenceSurvivesVoid(w *World, list []*outcome) string {
	for _, o := range list {
		stored := map[wire.ID][2]*rooms.Run{} // by the link and number that siblings share
		for _, h := range o.views {
			for _, log := range sortedIDs(h.runs) {
				for _, r := range append(slices.Clone(h.runs[log]), h.hidden[log]...) {
					place := wire.Hash("place", r.Log[:], r.Prev[:])
					pair := stored[place]
					switch {
					case pair[0] == nil:
						pair[0] = r
					case pair[0].Hash != r.Hash:
						pair[1] = r
					}
					stored[place] = pair
				}
			}
		}
		for _, place := range sortedIDs(stored) {
			pair := stored[place]
			if pair[1] == nil {
				continue
			}
			for _, h := range o.views {
				if _, proved := h.oracle.proved[pair[0].Log]; !proved {
					return fmt.Sprintf("%s has no proof of the fork of log %s at %d, though both branches are stored", h.peer.name, pair[0].Log.Short(), pair[0].First)
				}
			}
		}
	}
	return ""
}

// quiescence: in a minute in which nothing happens, nothing is sent: peers that are in
// step leave each other alone.
func quiescence(w *World, _ []*outcome) string {
	const few = 60 // a comparison that is made again, of each room on each session
	for _, p := range w.peers {
		if !p.evil && p.quiet > few {
			return fmt.Sprintf("%s sends %d messages in a minute in which nothing happens", p.name, p.quiet)
		}
	}
	return ""
}
