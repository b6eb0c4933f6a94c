package rooms

import (
	"slices"
	"time"

	"parley/wire"
)

// A Sync says how much of a room a peer may have.
type Sync uint8

// The rights to sync.
const (
	SyncNone      Sync = iota
	SyncAuthority      // entries and boxes
	SyncAll            // and runs
)

// MaySync says what a delegation lets its peer have, and if nothing, why. A
// member's or relay's, of whoever belongs to the room by what is held now,
// gives all; a link's, while its invite counts, is not revoked and not past its
// time by the clock now, gives the authority.
func (a *Authority) MaySync(d *Delegation, now time.Time) (Sync, Reason) {
	switch {
	case d.Room != a.room:
		return SyncNone, ReasonRoom
	case !d.Link:
		if a.Now().Role(d.Member) == RoleNone {
			return SyncNone, ReasonDelegation
		}
		return SyncAll, ReasonNone
	}
	a.current()
	why := ReasonDelegation
	revoked := a.revokersIn(a.counts)
	for _, i := range a.links[d.Member] {
		if !a.counts.has(i) {
			continue
		}
		if !revoked.live(a, i) {
			why = ReasonInviteRevoked
			continue
		}
		if !a.nodes[i].entry.Invite().Expired(now) {
			return SyncAuthority, ReasonNone
		}
		why = ReasonExpired
	}
	return SyncNone, why
}

// Admit is the policy of the peer at which a join is first stored, by its own
// clock: it returns why the join is not taken, or ReasonNone. Joins that come
// from other peers are taken without it. join is held or admissible.
func (a *Authority) Admit(join *Entry, now time.Time) Reason {
	a.current()
	body := join.Join()
	if body == nil {
		return ReasonKind
	}
	place, held := a.place[body.Invite]
	if !held || !a.counts.has(place) || a.nodes[place].entry.Invite() == nil {
		return ReasonInvite
	}
	inv := a.nodes[place].entry.Invite()
	if inv.Expired(now) {
		return ReasonExpired
	}
	if !a.revokersIn(a.counts).live(a, place) {
		return ReasonInviteRevoked
	}
	if r, out := a.now.removal(join.Writer); out {
		if r.Ban {
			return ReasonBanned
		}
		return ReasonWasRemoved
	}
	if inv.Uses > 0 && a.otherJoiners(join) >= inv.Uses {
		return ReasonExhausted
	}
	if c := a.now.Capacity(); c > 0 && inv.Role.HoldsKey() && !a.now.Role(join.Writer).HoldsKey() && a.readers() >= c {
		return ReasonCapacity
	}
	return ReasonNone
}

// otherJoiners counts who else has joined by the same invite.
func (a *Authority) otherJoiners(join *Entry) uint64 {
	var users []wire.ID
	a.counts.each(func(i int) bool {
		e := a.nodes[i].entry
		if j := e.Join(); j != nil && j.Invite == join.Join().Invite && e.Writer != join.Writer {
			users = append(users, e.Writer)
		}
		return true
	})
	slices.SortFunc(users, wire.ID.Compare)
	return uint64(len(slices.Compact(users)))
}

// readers counts who holds the room's key.
func (a *Authority) readers() (n uint64) {
	for _, m := range a.now.Members() {
		if m.Role.HoldsKey() {
			n++
		}
	}
	return n
}

// JudgeBox says whether a box is kept: Valid, Pending while what it names is
// not held, Reject when it never will be. It depends on the set of entries held
// and only ever turns from Pending to another verdict, so that peers with the
// same entries keep the same boxes: whoever was once given the key, or the
// right to it, may still be sealed to and seal; what it opens is no more than
// what the sealer could tell anyway.
func (a *Authority) JudgeBox(b *Box) (Verdict, Reason) {
	if b.Room != a.room {
		return Reject, ReasonRoom
	}
	epoch := a.Entry(b.Epoch)
	if epoch == nil {
		return Pending, ReasonDependency
	}
	if epoch.Epoch() == nil {
		return Reject, ReasonEpoch
	}
	if why := a.onceHeldKey(b.Sealer); why != ReasonNone {
		return Pending, why
	}
	if why := a.onceHeldKey(b.Recipient); why != ReasonNone && !a.keyedLink(b.Recipient) {
		if why == ReasonNotMember {
			why = ReasonRecipient
		}
		return Pending, why
	}
	return Valid, ReasonNone
}

// onceHeldKey returns why user never had the right to a key by any entry held,
// or ReasonNone.
func (a *Authority) onceHeldKey(user wire.ID) Reason {
	why := ReasonNotMember
	for _, i := range a.named[user] {
		e := a.nodes[i].entry
		switch e.Kind {
		case KindGenesis, KindPair, KindAppoint, KindHandover:
			return ReasonNone
		case KindJoin, KindAdd:
			if a.givenRole(i).HoldsKey() {
				return ReasonNone
			}
			why = ReasonRelayKey
		}
	}
	return why
}

// keyedLink reports whether id stands for the link of an invite whose joiners
// are given the key.
func (a *Authority) keyedLink(id wire.ID) bool {
	return slices.ContainsFunc(a.links[id], func(i int) bool {
		inv := a.nodes[i].entry.Invite()
		return inv.Role.HoldsKey() && inv.LinkID() == id
	})
}
