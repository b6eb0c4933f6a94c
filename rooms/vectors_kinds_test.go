package rooms

import (
	"bytes"
	"slices"

	"parley/handshake/identity"
	"parley/wire"
)

// entryKinds are the names of the kinds, which the samples of entries have too.
func entryKinds() (names []string) {
	for k := KindGenesis; k <= KindPair; k++ {
		names = append(names, k.String())
	}
	return names
}

// managing makes the vectors of refused entries of the kinds by which a room is
// managed: signed by the master, and each wrong in one thing.
func (v *vectorRoom) managing(broken func(name string, why Reason, kind Kind, at Place, body Body), at Place) {
	bob, nonce := v.bob.Bundle(), make([]byte, nonceSize)
	key := &EpochBody{Nonce: nonce, Commitment: wire.ID{1}}
	other := v.bob.ID()
	log := func(n byte) Pin { return Pin{Log: wire.ID{n}, Number: 1, Link: wire.ID{1}} }
	twoHeads := []wire.ID{{2}, {1}}

	broken("epoch-with-pins-out-of-order", ReasonBounds, KindEpoch, at, &EpochBody{Nonce: nonce, Pins: []Pin{log(2), log(1)}})
	broken("add-of-an-admin", ReasonRole, KindAdd, at, &Add{Bundle: bob, Role: RoleAdmin})
	broken("add-of-nobody", ReasonRole, KindAdd, at, &Add{Bundle: bob})
	broken("add-of-its-writer", ReasonSelf, KindAdd, at, &Add{Bundle: v.master.Bundle(), Role: RoleMember})
	spoiled := bytes.Clone(bob.Raw)
	spoiled[len(spoiled)-1] ^= 1
	broken("add-with-a-forged-bundle", ReasonSignature, KindAdd, at, &Add{Bundle: &identity.Bundle{Raw: spoiled}, Role: RoleMember})
	broken("stop-of-its-writer", ReasonSelf, KindStop, at, &Stop{Subject: v.master.ID(), Epoch: key})
	broken("stop-that-makes-a-member", ReasonRole, KindStop, at, &Stop{Subject: other, Role: RoleMember})
	broken("ban-of-a-reader", ReasonRole, KindStop, at, &Stop{Subject: other, Role: RoleReader, Ban: true})
	broken("removal-without-a-key", ReasonEpoch, KindStop, at, &Stop{Subject: other})
	broken("reader-with-a-new-key", ReasonEpoch, KindStop, at, &Stop{Subject: other, Role: RoleReader, Epoch: key})
	broken("removal-with-a-short-nonce", ReasonEpoch, KindStop, at, &Stop{Subject: other, Epoch: &EpochBody{Nonce: nonce[1:], Commitment: wire.ID{1}}})
	broken("stop-with-pins-out-of-order", ReasonBounds, KindStop, at, &Stop{Subject: other, Epoch: key, Pins: []Pin{log(2), log(1)}})
	broken("stop-with-a-pin-of-nothing", ReasonBounds, KindStop, at, &Stop{Subject: other, Epoch: key, Pins: []Pin{{Log: wire.ID{1}, Link: wire.ID{1}}}})
	broken("stop-with-joins-out-of-order", ReasonHeads, KindStop, at, &Stop{Subject: other, Epoch: key, Joins: twoHeads})
	broken("lift-of-its-writer", ReasonSelf, KindLift, at, &Lift{Subject: v.master.ID()})
	broken("appointment-of-its-writer", ReasonSelf, KindAppoint, at, &Appoint{Subject: v.master.ID()})
	admins := at
	admins.Chain, admins.Number, admins.Prev, admins.Heads = wire.ID{7}, 1, wire.ID{}, union(at.Heads, []wire.ID{{7}})
	broken("appointment-by-an-admin", ReasonMasterOnly, KindAppoint, admins, &Appoint{Subject: other})
	broken("policy-by-an-admin", ReasonMasterOnly, KindPolicy, admins, &Policy{Name: "x"})
	broken("trim-by-an-admin", ReasonMasterOnly, KindTrim, admins, &Trim{Floors: []Floor{{Log: wire.ID{1}, Number: 1, Link: wire.ID{1}, FirstHeads: at.Heads, Heads: at.Heads}}})
	broken("demotion-with-joins-out-of-order", ReasonHeads, KindDemote, at, &Demote{Appointment: wire.ID{1}, Cut: wire.ID{1}, Joins: twoHeads, Epoch: key})
	broken("policy-without-a-name", ReasonGenesis, KindPolicy, at, &Policy{})
	broken("handover-to-its-writer", ReasonSelf, KindHandover, at, &Handover{Bundle: v.master.Bundle()})
	broken("handover-that-the-successor-did-not-sign", ReasonSignature, KindHandover, at, &Handover{Bundle: bob})
	broken("revocation-of-nothing", ReasonInvite, KindRevoke, at, &Revoke{})
	broken("revocation-out-of-order", ReasonHeads, KindRevoke, at, &Revoke{Invites: twoHeads})
	broken("trim-of-nothing", ReasonBounds, KindTrim, at, &Trim{})
	floor := Floor{Log: wire.ID{1}, Number: 1, Link: wire.ID{1}, FirstHeads: at.Heads, Heads: at.Heads}
	broken("trim-of-one-log-twice", ReasonBounds, KindTrim, at, &Trim{Floors: []Floor{floor, floor}})
	floor.Heads = nil
	broken("trim-without-heads", ReasonHeads, KindTrim, at, &Trim{Floors: []Floor{floor}})
	broken("renewal-of-another-bundle", ReasonWriter, KindRenew, Place{Room: v.Room(), Heads: at.Heads}, &Renew{Bundle: bob})
	broken("renewal-on-a-chain", ReasonChain, KindRenew, at, &Renew{Bundle: v.master.Bundle()})
	higher := v.master.Public()
	if identity.KeyID(higher).Compare(other) < 0 { // the entry's key is always the master's
		broken("pair-that-names-a-room", ReasonGenesis, KindPair, Place{Room: v.Room(), Number: 1}, &Pair{Other: v.bob.Public()})
	} else {
		broken("pair-in-the-wrong-order", ReasonGenesis, KindPair, Place{Number: 1}, &Pair{Other: v.bob.Public()})
	}
	broken("pair-of-one", ReasonGenesis, KindPair, Place{Number: 1}, &Pair{Other: slices.Clone(higher)})
}
