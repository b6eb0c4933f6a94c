package rooms

import (
	"fmt"
	"testing"
)

// A mutation is a rule that is left out, and the check that must miss it.
type mutation struct {
	rule  rule
	name  string
	check string
}

func TestMutationsOfTheRulesAreMissed(t *testing.T) {
	p := newPeople(t)
	byName := map[string]check{}
	for _, c := range checks() {
		byName[c.name] = c
	}
	var covered rule
	for _, m := range mutations() {
		covered |= m.rule
		t.Run(m.name, func(t *testing.T) {
			c, ok := byName[m.check]
			if !ok {
				t.Fatalf("there is no check %s", m.check)
			}
			err := runCheck(c, p, m.rule)
			if err == nil {
				t.Fatalf("%s holds without the rule", m.check)
			}
			t.Logf("missed by %s: %v", m.check, err)
		})
	}
	for r := rule(1); r != ruleEnd; r <<= 1 {
		if covered&r == 0 {
			t.Errorf("no mutation leaves out rule %b", r)
		}
	}
}

// runCheck is what a check finds; a panic is a finding too.
func runCheck(c check, p *people, omits rule) (err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = fmt.Errorf("panic: %v", broken)
		}
	}()
	return c.run(p, omits)
}

func mutations() []mutation {
	return []mutation{
		{ruleWriterHoldsChain, "a chain's writer is not its holder", "OnlyTheHolderWritesOnAChain"},
		{ruleContinuesChain, "numbers of a chain skip", "AChainHasNoGaps"},
		{ruleJoinByLink, "a join by another link", "JoinNeedsTheLink"},
		{ruleLeaverKnown, "strangers leave", "StrangersLeaveNothing"},
		{ruleMasterStays, "the master leaves", "MasterStays"},
		{rulePairKinds, "members are managed in a room of two", "NothingToManageInARoomOfTwo"},
		{ruleBeforeOwnHandover, "entries that have seen their writer's handover", "ExMasterHandsOverOnce"},
		{ruleSeenByHandover, "entries that the handover has not seen", "NothingOfAnExMasterUnseenByItsHandover"},
		{ruleWitnesses, "witnesses of a handover", "ExMasterCannotRewriteWitnessedHandover"},
		{ruleWitnessNamesOne, "a witness names only one", "AWitnessOfTwoCountsForNone"},
		{ruleWitnessAppointedBefore, "a witness is appointed before", "NoWitnessAppointedAfterwards"},
		{ruleWitnessNotDemoted, "a witness is not demoted", "NoWitnessWhoWasDemoted"},
		{ruleWitnessNoParty, "a witness is no party", "NoWitnessInItsOwnCause"},
		{ruleLowerHash, "the lower hash of handovers", "ConvergeAnyOrderOfRivals"},
		{ruleAppointmentCounts, "the appointment counts", "NoEntryOfAnAdminWhoWasNotAppointed"},
		{ruleBeforeCut, "the cut of a demotion", "NoEntryAfterDemotion"},
		{ruleBeforeOwnLeave, "an admin's own leave", "NoEntryAfterAnAdminLeft"},
		{ruleAdminKeepsRole, "stops by admins on admins", "AdminNotUnseatedByAdmin"},
		{ruleMasterKeepsReign, "stops by admins on the master", "MasterNotUnseated"},
		{ruleInviteCounts, "a join's invite counts", "JoinNeedsCountedInvite"},
		{ruleRevokerSees, "what a revoker has seen stays", "JoinsSeenByARevokerStay"},
		{ruleRevocation, "revocations", "NoJoinAfterRevocation"},
		{ruleRemovalRevokes, "removals revoke", "RemovalRevokesUnseenInvites"},
		{ruleDemotionRevokes, "demotions revoke", "DemotionRevokesUnseenInvites"},
		{ruleAppointedIsAdmin, "an appointment makes an admin", "AdminNotUnseatedByAdmin"},
		{ruleDemotionEndsAdmin, "a demotion makes a member", "NoEntryAfterDemotion"},
		{ruleBan, "bans", "BannedStayOut"},
		{ruleCausallyLatest, "the causally latest decides", "LaterEntryDecides"},
		{ruleRemovalFirst, "removal first", "NoReadmissionByJoin"},
		{ruleLowerRole, "the lower role", "ConcurrentLowerRoleDecides"},
		{ruleChainedBeforeJoins, "joins only where no chained entry names the subject", "ChainedBeforeJoins"},
		{ruleJoinAfterLift, "a join has seen the lift", "NoReadmissionByJoin"},
		{ruleLeaveEnds, "a leave ends admissions", "WhoLeftIsOut"},
		{ruleStopCaps, "a stop's role bounds later joins", "NoHigherRoleByLeavingAndJoining"},
		{ruleHeadsOnly, "heads do not go back", "NoForgetting"},
		{ruleMayWrite, "the role may write", "ReaderCannotSend"},
		{ruleMaximalEpoch, "a causally maximal epoch", "NoRunInAReplacedEpoch"},
		{ruleRemovalEpoch, "the epoch that a removal carries", "RemovedCannotOpenLater"},
		{ruleDemotionEpoch, "the epoch that a demotion carries", "DemotionChangesTheKey"},
		{ruleStopped, "stops of runs", "NoBackdatingAfterStop"},
		{ruleStopNamesLog, "a stop names the log", "NoBackdatingAfterStop"},
		{ruleStopNumber, "the number in a stop", "NoBackdatingAfterStop"},
		{ruleStopLink, "the link in a stop", "NoBackdatingAfterStop"},
		{ruleStopsUnseenOnly, "stops that a log's first run has seen", "NoBackdatingAfterStop"},
		{ruleFloor, "a trim floor begins a log", "TrimmedNeverComesBack"},
		{ruleTrimmed, "what is trimmed", "TrimmedNeverComesBack"},
		{ruleFork, "the fork line", "OneBranchPerLog"},
		{rulePinnedBranch, "the pinned branch", "ForkTouchesOnlyOwnLog"},
		{ruleFirstPin, "the first pin", "PinnedBranchNeverFlipsByLaterPin"},
		{ruleLowestPin, "the lowest of concurrent pins", "ConvergeAnyOrderOfPins"},
		{ruleLaterPins, "later pins on the branch", "LaterPinsOnTheBranchGoOn"},
		{ruleForkPending, "a fork waits for the pinned run", "AForkWaitsForThePinnedRun"},
	}
}
