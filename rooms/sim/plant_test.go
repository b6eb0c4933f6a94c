package sim

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"parley/rooms"
	"parley/store"
	"parley/wire"
)

// Each row plants a fault in the simulated world, and names the check that must find it.
// A row without a check of its own kind of fault changes what is found at the end, as a core
// would leave it that skips a rule.
func plants() []struct {
	check, what string
	plant       plant
} {
	return []struct {
		check, what string
		plant       plant
	}{
		{"BadSignatureNeverValid", "a store that flips a bit of a run", plant{disk: flipBit}},
		{"AckedNeverLostOnRevival", "a store that loses what it acknowledged", plant{disk: loseRuns}},
		{"PeersEqualJudgeOverHeld", "a core that is not told of entries", plant{event: deaf}},
		{"Quiescence", "peers that repeat themselves", plant{idle: true}},
		{"BoundsHold", "requests that nobody ends", plant{asks: true}},
		{"HonestNeverForks", "a writer that signs a number twice", plant{writer: signTwice}},
		{"HonestNeverRefusedByMonotonicity", "a writer that forgets what it had seen", plant{writer: forget}},
		{"NothingDoubled", "a writer that writes again what was acknowledged", plant{repeats: true}},
		{"HonestIsAnswered", "a writer that does not send again", plant{silent: true}},
		{"RemovedCannotOpenLater", "epochs sealed to everybody who ever was there", plant{leaks: true}},

		{"ConvergeAnyOrder", "an authority that depends on the order", plant{outcome: forgetsLast}},
		{"OneBranchPerLog", "a core that counts runs behind a gap", plant{outcome: countsBehindGap}},
		{"EvidenceSurvivesVoid", "a core that drops proofs", plant{outcome: dropsProofs}},
		{"NoBackdatingAfterStop", "a judge without the line about stops", plant{outcome: countsVoid(lineStopped)}},
		{"ReaderCannotSend", "a judge without the line about roles", plant{outcome: countsVoid(lineRole)}},
		{"EpochVerdictNeverChanges", "a judge without the line about epochs", plant{outcome: countsVoid(lineEpoch)}},
		{"ForkTouchesOnlyOwnLog", "a core that ends another log for a fork", plant{outcome: endsAnother}},
		{"PinnedBranchNeverFlipsByLaterPin", "a core that leaves the pinned branch", plant{outcome: leavesPinned}},
		{"AckedLossIsExplained", "a rule that takes back an epoch", plant{outcome: takesBackEpoch}},

		{"JoinNeedsCountedInvite", "an authority that counts any invite", plant{outcome: invitesVoid}},
		{"NoJoinAfterRevocation", "an authority without revocations", plant{outcome: without(rooms.KindRevoke)}},
		{"RemovalRevokesUnseenInvites", "an authority without stops", plant{outcome: without(rooms.KindStop)}},
		{"NoReadmissionByJoin", "an authority without stops", plant{outcome: without(rooms.KindStop)}},
		{"NoEntryAfterDemotion", "an authority without demotions", plant{outcome: without(rooms.KindDemote)}},
		{"AdminNotUnseatedByAdmin", "an authority without appointments", plant{outcome: without(rooms.KindAppoint)}},
		{"MasterNotUnseated", "a handover that the master did not sign", plant{outcome: forgedHandover}},
		{"ExMasterCannotRewriteWitnessedHandover", "an authority without handovers", plant{outcome: without(rooms.KindHandover)}},
	}
}

func flipBit(b *store.Batch) *store.Batch {
	c := *b
	c.Runs = slices.Clone(b.Runs)
	for i := range c.Runs {
		c.Runs[i].Bytes = bytes.Clone(c.Runs[i].Bytes)
		c.Runs[i].Bytes[len(c.Runs[i].Bytes)-1] ^= 1
	}
	return &c
}

func loseRuns(b *store.Batch) *store.Batch {
	c := *b
	c.Runs = nil
	return &c
}

func deaf(p *Peer, ev rooms.Event) bool {
	m, ok := ev.(rooms.PeerMessage)
	if !ok || p != p.w.peers[len(p.w.peers)-1] {
		return true
	}
	r, ok := m.Msg.(*wire.Records)
	return !ok || r.Set != wire.SetEntries || p.w.now.Sub(epoch) < 5e9
}

func signTwice(s *seat, d *rooms.RunDraft) {
	if own := s.own(); len(own) > 0 && len(own)%5 == 0 && own[len(own)-1].First == 1 {
		last := own[len(own)-1]
		d.First, d.Prev, d.Salt, d.Incarnation, d.Heads = last.First, last.Prev, last.Salt, last.Incarnation, last.Heads
	}
}

func forget(s *seat, d *rooms.RunDraft) {
	if d.First > 1 {
		d.Heads = []wire.ID{s.room}
	}
}

func forgetsLast(_ *World, o *outcome) bool {
	h := o.views[0]
	h.auth = rooms.NewAuthority(o.room)
	for _, e := range h.entries[:len(h.entries)-1] {
		_, _, _ = h.auth.Add(e)
	}
	return true
}

func countsBehindGap(_ *World, o *outcome) bool {
	for _, log := range sortedIDs(o.views[0].ends) {
		if runs := o.views[0].counted(log); len(runs) > 2 {
			o.views[0].runs[log] = slices.Delete(slices.Clone(o.views[0].runs[log]), 1, 2)
			return true
		}
	}
	return false
}

// dropsProofs needs a fork of which both branches are stored.
func dropsProofs(w *World, o *outcome) bool {
	dropped := false
	for _, h := range o.views {
		for log := range h.oracle.proved {
			dropped = true
			delete(h.oracle.proved, log)
		}
	}
	return dropped && evidenceSurvivesVoid(w, []*outcome{o}) != ""
}

// countsVoid lets a peer count the runs that one line of judge makes void.
func countsVoid(line string) func(w *World, o *outcome) bool {
	return func(w *World, o *outcome) bool {
		h := o.views[0]
		for _, s := range w.history.order {
			r := s.run
			if r.Room != o.room || h.oracle.runs[r.Hash] != nil {
				continue
			}
			prev := h.counted(r.Log)
			if r.First > 1 && (len(prev) == 0 || prev[len(prev)-1].Hash != r.Prev) || r.First == 1 && len(prev) > 0 {
				continue
			}
			h.oracle.runs[r.Hash] = r
			if v := h.oracle.judge(r); v.verdict != rooms.Void || v.line != line {
				delete(h.oracle.runs, r.Hash)
				continue
			}
			h.runs[r.Log] = append(slices.Clone(prev), r)
			h.ends[r.Log] = rooms.Pin{Log: r.Log, Number: r.Last(), Link: r.Hash}
			return true
		}
		return false
	}
}

func endsAnother(_ *World, o *outcome) bool {
	h := o.views[0]
	for _, log := range sortedIDs(h.ends) {
		if len(h.oracle.proved[log]) == 0 && len(h.oracle.proved) > 0 {
			delete(h.ends, log)
			return true
		}
	}
	return false
}

func leavesPinned(_ *World, o *outcome) bool {
	h := o.views[0]
	for _, log := range sortedIDs(h.oracle.proved) {
		if fork := h.oracle.fork(log); fork > 0 && len(h.oracle.pins(log, fork)) > 0 {
			h.ends[log] = rooms.Pin{}
			return true
		}
	}
	return false
}

func takesBackEpoch(w *World, o *outcome) bool {
	for _, s := range w.history.order {
		if s.acked && s.run.Room == o.room && !s.by.evil && o.truth.runs[s.run.Hash] != nil && o.truth.judge(s.run).verdict == rooms.Valid {
			o.truth.facts[s.run.Epoch].epoch = false
			o.truth.verdicts = map[wire.ID]verdict{}
			return true
		}
	}
	return false
}

func invitesVoid(_ *World, o *outcome) bool {
	h := o.views[0]
	for _, m := range h.auth.Now().Members() {
		if j := m.Entry.Join(); j != nil {
			delete(h.oracle.counts(), j.Invite)
			return true
		}
	}
	return false
}

// without lets a peer's authority miss the last entry of a kind, and what names it.
func without(kind rooms.Kind) func(w *World, o *outcome) bool {
	return func(_ *World, o *outcome) bool {
		h := o.views[0]
		all := h.auth.All()
		for i, e := range slices.Backward(all) {
			if e.Kind != kind || !h.oracle.counts()[e.ID] {
				continue
			}
			less := rooms.NewAuthority(o.room)
			for k, other := range all {
				if k != i {
					_, _, _ = less.Add(other)
				}
			}
			h.auth = less
			return true
		}
		return false
	}
}

func forgedHandover(_ *World, o *outcome) bool {
	h := o.views[0]
	if h.oracle.facts[o.room].pair != nil || h.auth.Now().Master() == h.auth.Genesis().Writer {
		return false
	}
	h.oracle.order = slices.DeleteFunc(h.oracle.order, func(f *fact) bool { return f.kind == rooms.KindHandover })
	return true
}

// TestEachCheckCanFail plays seeds until each planted fault made the check fail that it must,
// on a seed on which the check holds without it.
func TestEachCheckCanFail(t *testing.T) {
	const seeds = 400 // a rare one needs some 160
	found := map[int]bool{}
	for seed := uint64(1); seed <= seeds && len(found) < len(plants()); seed++ {
		script := Generate(seed, 60, seed%3 != 0)
		plain := enact(t, script, Options{})
		for i, row := range plants() {
			if found[i] {
				continue
			}
			w := plain
			if row.plant.outcome == nil {
				w = enact(t, script, Options{plant: &row.plant})
				w.check(row.check)
				if w.failure != nil && w.failure.Check == row.check {
					plain.check(row.check)
					if plain.failure != nil {
						t.Fatalf("seed %d fails %v without a planted fault", seed, plain.failure)
					}
					found[i] = true
				}
				continue
			}
			if found[i] = failsAtTheEnd(t, w, row.check, row.plant.outcome); !found[i] {
				delete(found, i)
			}
		}
	}
	for i, row := range plants() {
		if !found[i] {
			t.Errorf("%s never fails with %s", row.check, row.what)
		}
	}
	named := map[string]bool{}
	for _, row := range plants() {
		named[row.check] = true
	}
	for _, c := range checks() {
		if !named[c.name] {
			t.Errorf("no planted fault shows that %s can fail", c.name)
		}
	}
}

// failsAtTheEnd changes what a world has come to, and reports whether the check finds it.
func failsAtTheEnd(t *testing.T, w *World, name string, change func(*World, *outcome) bool) bool {
	c := checks()[slices.IndexFunc(checks(), func(c check) bool { return c.name == name })]
	if list := w.outcomes(); w.failure != nil || c.holds(w, list) != "" {
		t.Fatalf("%s fails on seed %d without a planted fault: %s", name, w.seed, fmt.Sprint(w.failure, c.holds(w, list)))
	}
	list := w.outcomes()
	for _, o := range list {
		if change(w, o) && c.holds(w, list) != "" {
			return true
		}
	}
	return false
}
