package rooms

import (
	"parley/handshake/identity"
	"parley/wire"
)

// The rules of a room's authority, one function a rule, named as in the package
// documentation: here those of refusal; what counts is in rules_counts.go, who
// may do what in rules_role.go. S is a causally closed set of entries held.

// A rule is a bit that names one rule, so that a test can leave it out and see
// which of its checks misses it. Nothing but a test sets Authority.omits.
type rule uint64

// applies reports whether a rule is kept, which it is but in a test of that rule.
func (a *Authority) applies(r rule) bool { return a.omits&r == 0 }

// The rules, in the order of the documentation.
const (
	ruleWriterHoldsChain rule = 1 << iota
	ruleContinuesChain
	ruleJoinByLink
	ruleLeaverKnown
	ruleMasterStays
	rulePairKinds
	ruleBeforeOwnHandover
	ruleSeenByHandover
	ruleWitnesses
	ruleWitnessNamesOne
	ruleWitnessAppointedBefore
	ruleWitnessNotDemoted
	ruleWitnessNoParty
	ruleLowerHash
	ruleAppointmentCounts
	ruleBeforeCut
	ruleBeforeOwnLeave
	ruleAdminKeepsRole
	ruleMasterKeepsReign
	ruleInviteCounts
	ruleRevokerSees
	ruleRevocation
	ruleRemovalRevokes
	ruleDemotionRevokes
	ruleAppointedIsAdmin
	ruleDemotionEndsAdmin
	ruleBan
	ruleCausallyLatest
	ruleRemovalFirst
	ruleLowerRole
	ruleChainedBeforeJoins
	ruleJoinAfterLift
	ruleLeaveEnds
	ruleStopCaps
	ruleHeadsOnly
	ruleMayWrite
	ruleMaximalEpoch
	ruleRemovalEpoch
	ruleDemotionEpoch
	ruleStopped
	ruleStopNamesLog
	ruleStopNumber
	ruleStopLink
	ruleStopsUnseenOnly
	ruleFloor
	ruleTrimmed
	ruleFork
	rulePinnedBranch
	ruleFirstPin
	ruleLowestPin
	ruleLaterPins
	ruleForkPending
	ruleEnd // no rule
)

// closure is all entries reachable from heads by what they name. ok
// is false, and missing says which, when one of the heads is not held.
func (a *Authority) closure(heads []wire.ID) (set bitset, missing []wire.ID, ok bool) {
	for _, id := range heads {
		i, held := a.place[id]
		if !held {
			missing = append(missing, id)
			continue
		}
		set = set.union(a.nodes[i].closure)
	}
	return set, missing, len(missing) == 0
}

// saw reports whether entry x has seen entry y: y is in closure(x).
func (a *Authority) saw(x, y int) bool { return a.nodes[x].closure.has(y) }

// admissible applies the rules by which an entry is refused for good. They
// depend on the entry and on seen, its closure, alone, so that every peer
// decides the same.
func (a *Authority) admissible(e *Entry, seen bitset) error {
	if !e.root() {
		if a.isPair() && !pairKind(e.Kind) && a.applies(rulePairKinds) {
			return refuse(ReasonPair, "%s", e.Kind)
		}
		if e.chained() {
			if err := a.onChain(e); err != nil {
				return err
			}
		}
	}
	return e.Body.admissible(a, e, seen)
}

// onChain: a chained entry continues an entry of the same chain, and is written
// by the chain's holder.
func (a *Authority) onChain(e *Entry) error {
	if e.Number > 1 && a.applies(ruleContinuesChain) {
		prev := a.Entry(e.Prev)
		if !prev.chained() || prev.Chain != e.Chain {
			return refuse(ReasonChain, "%s continues another chain", e.Kind)
		}
		if prev.Number+1 != e.Number {
			return refuse(ReasonNumber, "%s %d after %d", e.Kind, e.Number, prev.Number)
		}
	}
	return a.writerHolds(e)
}

// writerHolds: the master's chain is written by whoever reigns after the entry
// before, a room of two's by either user, another one by the admin whose
// appointment names it.
func (a *Authority) writerHolds(e *Entry) error {
	var holders []wire.ID
	if e.Chain.IsZero() {
		begin := a.nodes[a.reignAfter(a.place[e.Prev])].entry
		if users, ok := begin.Pair(); ok {
			holders = users[:]
		} else {
			holders = []wire.ID{reigns(begin)}
		}
	} else {
		appoint, ok := a.Entry(e.Chain).Body.(*Appoint)
		if !ok {
			return refuse(ReasonChain, "%s appoints nobody", e.Chain.Short())
		}
		holders = []wire.ID{appoint.Subject}
	}
	for _, holder := range holders {
		if holder == e.Writer {
			return nil
		}
	}
	if a.applies(ruleWriterHoldsChain) {
		return refuse(ReasonWriter, "%s by %s", e.Kind, e.Writer.Short())
	}
	return nil
}

// reignAfter is the entry that begins the reign in which what follows the entry
// at place prev, on the master's chain, is written.
func (a *Authority) reignAfter(prev int) int {
	if n := a.nodes[prev]; n.entry.Kind != KindHandover && n.reign >= 0 {
		return n.reign
	}
	return prev
}

// reigns is the master whose reign an entry begins: a genesis, or a handover.
func reigns(begin *Entry) wire.ID {
	if body, ok := begin.Body.(*Handover); ok {
		return body.Bundle.ID()
	}
	return begin.Writer
}

// isPair reports whether the room is one of two.
func (a *Authority) isPair() bool { return len(a.nodes) > 0 && a.nodes[0].entry.Kind == KindPair }

// areOf checks that entries which are held are of one kind.
func (a *Authority) areOf(ids []wire.ID, kind Kind) error {
	for _, id := range ids {
		if e := a.Entry(id); e.Kind != kind {
			return refuse(ReasonKind, "%s where there must be a %s", e.Kind, kind)
		}
	}
	return nil
}

// known reports whether an entry in seen gives the user's bundle: the room has
// known it at some time.
func (a *Authority) known(user wire.ID, seen bitset) bool {
	for _, i := range a.named[user] {
		e := a.nodes[i].entry
		if seen.has(i) && (e.Kind == KindPair || bundleOf(e, user) != nil) {
			return true
		}
	}
	return false
}

// everReigned reports whether an entry in seen made user master.
func (a *Authority) everReigned(user wire.ID, seen bitset) bool {
	for _, i := range a.named[user] {
		e := a.nodes[i].entry
		if seen.has(i) && (e.Kind == KindGenesis || e.Kind == KindHandover && reigns(e) == user) {
			return true
		}
	}
	return false
}

// bundle is a user's bundle with the highest number in seen, or nil. Bundles are
// signed by whose they are, so it does not matter whether the entry counts.
func (a *Authority) bundle(user wire.ID, seen bitset) (newest *identity.Bundle) {
	for _, i := range a.named[user] {
		if !seen.has(i) {
			continue
		}
		if b := bundleOf(a.nodes[i].entry, user); b != nil && (newest == nil || newerBundle(b, newest)) {
			newest = b
		}
	}
	return newest
}

// bundleOf is the bundle of user that an entry carries, or nil.
func bundleOf(e *Entry, user wire.ID) *identity.Bundle {
	var b *identity.Bundle
	switch body := e.Body.(type) {
	case *Genesis:
		b = body.Bundle
	case *Join:
		b = body.Bundle
	case *Add:
		b = body.Bundle
	case *Renew:
		b = body.Bundle
	case *Handover:
		b = body.Bundle
	}
	if b == nil || b.ID() != user {
		return nil
	}
	return b
}
