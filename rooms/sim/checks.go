package sim

import "parley/rooms"

// A check is one statement about a world that has healed. It returns what
// contradicts it, or an empty text.
type check struct {
	name  string
	holds func(w *World, rooms []*outcome) string
}

// checks is the table of what must hold after every run.
func checks() []check {
	return []check{
		{"BadSignatureNeverValid", badSignatureNeverValid},
		{"ConvergeAnyOrder", convergeAnyOrder},
		{"PeersEqualJudgeOverHeld", peersEqualJudgeOverHeld},
		{"OneBranchPerLog", oneBranchPerLog},
		{"EvidenceSurvivesVoid", evidenceSurvivesVoid},
		{"Quiescence", quiescence},
		{"NoBackdatingAfterStop", noBackdatingAfterStop},
		{"ReaderCannotSend", readerCannotSend},
		{"JoinNeedsCountedInvite", joinNeedsCountedInvite},
		{"RemovedCannotOpenLater", removedCannotOpenLater},
		{"NoEntryAfterDemotion", noEntryAfterDemotion},
		{"NoJoinAfterRevocation", noJoinAfterRevocation},
		{"RemovalRevokesUnseenInvites", removalRevokesUnseenInvites},
		{"NoReadmissionByJoin", noReadmissionByJoin},
		{"AdminNotUnseatedByAdmin", adminNotUnseatedByAdmin},
		{"MasterNotUnseated", masterNotUnseated},
		{"ExMasterCannotRewriteWitnessedHandover", exMasterCannotRewriteWitnessedHandover},
		{"PinnedBranchNeverFlipsByLaterPin", pinnedBranchNeverFlipsByLaterPin},
		{"ForkTouchesOnlyOwnLog", forkTouchesOnlyOwnLog},
		{"EpochVerdictNeverChanges", epochVerdictNeverChanges},
		{"HonestNeverRefusedByMonotonicity", honestNeverRefusedByMonotonicity},
		{"HonestNeverForks", honestNeverForks},
		{"AckedNeverLostOnRevival", ackedNeverLostOnRevival},
		{"AckedLossIsExplained", ackedLossIsExplained},
		{"NothingDoubled", nothingDoubled},
		{"HonestIsAnswered", honestIsAnswered},
		{"BoundsHold", boundsHold},
	}
}

// check applies all of them, or the one of a name, unless something failed on the way already.
func (w *World) check(only string) {
	if w.failure != nil {
		return
	}
	list := w.outcomes()
	for _, c := range checks() {
		if w.failure != nil {
			return
		}
		if only != "" && only != c.name {
			continue
		}
		if text := c.holds(w, list); text != "" {
			w.fail(c.name, "%s", text)
		}
	}
	for _, o := range list {
		if len(o.views) > 0 {
			o.views[0].eachCounted(func(r *rooms.Run) { w.totals.Counted += r.Count() })
		}
	}
}
