package conform

// omitted is a breakage that leaves out a rule of a room's authority or of its runs.
func omitted(name, file, rule string, cases ...string) breakage {
	return breakage{name, "rooms/" + file, "a.applies(" + rule + ")", "false", cases}
}

// ruleBreakages leave out the rules of what is refused and what counts, in their order.
func ruleBreakages() []breakage {
	return []breakage{
		omitted("anybody writes a chain", "rules.go", "ruleWriterHoldsChain", "an entry on the master's chain by a reader", "an entry on an admin's chain by a reader"),
		omitted("a chain may go on anywhere", "rules.go", "ruleContinuesChain", "an entry on an admin's chain behind one on another's", "an entry with the number of the one before it"),
		omitted("a join may be by another link", "entry_join.go", "ruleJoinByLink", "a join by the key of another link", "a join by a link of its writer's own"),
		omitted("a stranger may leave", "entry_leave.go", "ruleLeaverKnown", "a leave by somebody whom the room has not known"),
		omitted("the master may leave", "entry_leave.go", "ruleMasterStays", "a leave by the master"),
		omitted("a room of two takes every kind", "rules.go", "rulePairKinds", "a room of two refuses an add", "a room of two refuses a removal"),
		omitted("a handover that has seen another may continue", "rules_counts.go", "ruleBeforeOwnHandover", "a handover that has seen another"),
		omitted("what a handover has not seen counts", "rules_counts.go", "ruleSeenByHandover", "beside the handover"),
		omitted("no witness decides between handovers", "rules_counts.go", "ruleWitnesses", "which an admin witnesses"),
		omitted("who has seen several handovers witnesses each", "rules_counts.go", "ruleWitnessNamesOne", "of three, of which an admin has seen the others"),
		omitted("a witness may be appointed behind a handover", "rules_counts.go", "ruleWitnessAppointedBefore", "where the witness was appointed behind it"),
		omitted("a demoted admin witnesses", "rules_counts.go", "ruleWitnessNotDemoted", "which has seen the witness demoted"),
		omitted("a successor witnesses for itself", "rules_counts.go", "ruleWitnessNoParty", "where the witness is the other successor"),
		omitted("of two handovers the first that came continues", "rules_counts.go", "ruleLowerHash", "the handover with the lower ID, of two$", "the handover with the higher ID, of two$"),
		omitted("chains of appointments that do not count count", "rules_counts.go", "ruleAppointmentCounts", "whom the former master appointed beside"),
		omitted("an admin's chain counts beyond its cut", "rules_counts.go", "ruleBeforeCut", "behind the cut of its demotion$", "having seen its demotion"),
		omitted("an admin's chain counts beyond its own leave", "rules_counts.go", "ruleBeforeOwnLeave", "behind its own leave"),
		omitted("admins remove each other", "rules_counts.go", "ruleAdminKeepsRole", "an admin that another admin removes"),
		omitted("admins remove the master", "rules_counts.go", "ruleMasterKeepsReign", "the master, whom an admin removes"),
		omitted("joins by invites that do not count count", "rules_counts.go", "ruleInviteCounts", "which confirms it"),
		omitted("a revocation revokes what it confirms", "rules_counts.go", "ruleRevokerSees", "that the revocation names"),
		omitted("a revocation revokes nothing", "rules_counts.go", "ruleRevocation", "that the revocation has not seen"),
		omitted("a removal revokes no invite", "rules_counts.go", "ruleRemovalRevokes", "a removal of somebody else has not seen"),
		omitted("a demotion revokes no invite", "rules_counts.go", "ruleDemotionRevokes", "a join that a demotion has not seen"),
		omitted("a demoted admin is one still", "rules_role.go", "ruleDemotionEndsAdmin", "a demoted admin that is then removed"),
		omitted("a ban is a removal", "rules_role.go", "ruleBan", "a banned member that was added again"),
		omitted("the first word about a user decides", "rules_role.go", "ruleCausallyLatest", "a removed member that was added again", "that the master made a member"),
		omitted("a stop does not limit what a join gives", "rules_role.go", "ruleStopCaps", "more than the role to which a stop"),
		omitted("of two roles the higher counts", "rules_role.go", "ruleLowerRole", "whom one makes a member and another leaves a reader"),
		omitted("an old join lets a lifted user in", "rules_role.go", "ruleJoinAfterLift", "has not seen a lift"),
		omitted("a leave ends nothing", "rules_role.go", "ruleLeaveEnds", "a member that has left", "somebody who has left"),
		omitted("a removal begins no epoch", "rules_role.go", "ruleRemovalEpoch", "the epoch before a removal", "before a change to relay"),
		omitted("a demotion begins no epoch", "rules_role.go", "ruleDemotionEpoch", "the epoch before a demotion"),
		omitted("stops end no logs", "judge.go", "ruleStopped", "a run of a log that a removal does not name", "that has not seen it"),
		omitted("a stop ends logs that have seen it", "judge.go", "ruleStopsUnseenOnly", "begun having seen a stop"),
		omitted("a stop ends only the logs that it names", "judge.go", "ruleStopNamesLog", "does not name"),
		omitted("a pin's link is not looked at", "judge.go", "ruleStopLink", "and not the one"),
	}
}

// recordBreakages accept entries, boxes and delegations that break a rule of their form.
func recordBreakages() []breakage {
	return []breakage{
		{
			"an entry's signature is not checked", "rooms/entry.go",
			"if row.context != \"\" && !identity.Verify(e.Key, row.context, sig, signed) {", "if row.context != \"\" && len(sig) == 0 {",
			[]string{"an entry signed by another$", "a handover that the master did not sign", "a join for another"},
		},
		{
			"a second signature is not checked", "rooms/entry.go",
			"if row.cosigner != \"\" && !identity.Verify(e.cosigKey, row.cosigner, cosig, cosigned) {", "if row.cosigner != \"\" && len(cosig)+len(cosigned) == 0 {",
			[]string{"a join that the link did not sign", "a handover that the successor did not sign"},
		},
		{
			"a signature in the context of any entry passes", "rooms/entry.go",
			"if row.context != \"\" && !identity.Verify(e.Key, row.context, sig, signed) {",
			"if row.context != \"\" && !identity.Verify(e.Key, row.context, sig, signed) && !identity.Verify(e.Key, \"join\", sig, signed) && !identity.Verify(e.Key, \"entry\", sig, signed) {",
			[]string{"an entry signed in a join's context", "a join signed in the context of other entries"},
		},
		{
			"heads need no order", "rooms/entry.go",
			"if !ascending(e.Heads) {", "if len(e.Heads) > MaxHeads {",
			[]string{"an entry with heads out of order", "an entry with one head twice"},
		},
		{
			"65 heads are taken", "rooms/limits.go",
			"MaxHeads = 64", "MaxHeads = 65",
			[]string{"an entry with 65 heads", "a run with 65 heads"},
		},
		{
			"a room takes a few entries more", "rooms/limits.go",
			"MaxEntries      = 16 << 10", "MaxEntries      = 17 << 10",
			[]string{"a room of 16,384 entries takes no more"},
		},
		{
			"an entry may be of any size", "rooms/entry.go",
			"if len(raw) > MaxEntry {", "if len(raw) > 8*MaxEntry {",
			[]string{"an entry of over 98,304 bytes"},
		},
		{
			"an entry need not have seen the one before it", "rooms/entry.go",
			"if e.Prev.IsZero() || !e.names(e.Prev) {", "if e.Prev.IsZero() {",
			[]string{"an entry whose heads leave out the one before it"},
		},
		{
			"admins do what only the master does", "rooms/entry.go",
			"case row.stand == standMaster && !e.Chain.IsZero():", "case row.stand == standMaster && e.Number == 1<<40:",
			[]string{"a policy on an admin's chain", "an appointment on an admin's chain", "a trim on an admin's chain"},
		},
		{
			"what stands beside the chains may have a number", "rooms/entry.go",
			"if !e.Chain.IsZero() || e.Number != 0 || !e.Prev.IsZero() {", "if !e.Chain.IsZero() {",
			[]string{"a renewal with a number"},
		},
		{
			"who handed over goes on", "rooms/rules.go",
			"if n := a.nodes[prev]; n.entry.Kind != KindHandover && n.reign >= 0 {", "if n := a.nodes[prev]; n.reign >= 0 {",
			[]string{"by whoever was master"},
		},
		{
			"an add begins a chain", "rooms/rules.go",
			"		if !ok {\n			return refuse(ReasonChain, \"%s appoints nobody\"", "		if body, add := a.Entry(e.Chain).Body.(*Add); add {\n			appoint, ok = &Appoint{Subject: body.Bundle.ID()}, true\n		}\n		if !ok {\n			return refuse(ReasonChain, \"%s appoints nobody\"",
			[]string{"a chain that an add begins"},
		},
		{
			"pins need no order and no run", "rooms/pin.go",
			"if p.Number == 0 || p.Link.IsZero() || i > 0", "if i > MaxPins",
			[]string{"with pins out of order", "a pin at the number 0", "a pin to no run"},
		},
		{
			"a removal needs no new key", "rooms/entry_stop.go",
			"case (b.Epoch != nil) != b.takesKey(), b.Epoch", "case b.Epoch",
			[]string{"a removal that begins no epoch", "a change to reader that begins an epoch"},
		},
		{
			"what is named may be of any kind", "rooms/rules.go",
			"if e := a.Entry(id); e.Kind != kind {", "if e := a.Entry(id); e.Kind != kind && kind == KindAppoint {",
			[]string{"an add among its joins", "a revocation of an add", "confirms an invite as a join"},
		},
		{
			"a cut may be of any chain", "rooms/entry_admin.go",
			"if b.Cut != b.Appointment && a.Entry(b.Cut).Chain != b.Appointment {", "if a.Entry(b.Cut) == nil {",
			[]string{"a demotion whose cut is of another chain", "whose cut is another appointment"},
		},
		{
			"a trim need not say the heads", "rooms/entry_trim.go",
			"if len(f.FirstHeads) == 0 || len(f.Heads) == 0 || !ascending", "if !ascending",
			[]string{"a trim without the heads"},
		},
		{
			"an old bundle renews", "rooms/entry_renew.go",
			"old != nil && old.Number >= b.Bundle.Number {", "old != nil && old.Number == 0 {",
			[]string{"a renewal with the number that the room knows", "a renewal with a number below"},
		},
		{
			"the two of a room may stand in any order", "rooms/entry_pair.go",
			"if e.Time != 0 || e.Writer.Compare(b.other) >= 0 {", "if e.Time != 0 {",
			[]string{"a room of two whose keys are out of order", "a room of one and the same"},
		},
		{
			"a room's name may hold any character", "rooms/entry_genesis.go",
			"if g.Name == \"\" || !printable(g.Name)", "if g.Name == \"\"",
			[]string{"a genesis with a name that holds a line end"},
		},
		{
			"who submits what is not known here is not told", "rooms/prepare.go",
			"if err := p.record(wire.SetEntries, raw); err != nil {", "if err := p.record(wire.SetEntries, raw); err != nil && !newer(err) {",
			[]string{"an entry of kind 17", "an entry of version 2"},
		},
		{
			"a box's signature is not checked", "rooms/box.go",
			"if !identity.Verify(b.Key, contextBox, sig, signed) {", "if len(sig)+len(signed) == 0 {",
			[]string{"a box with another's signature$", "a box signed in the context of entries"},
		},
		{
			"anybody seals", "rooms/rights.go",
			"if why := a.onceHeldKey(b.Sealer); why != ReasonNone {", "if why := a.onceHeldKey(b.Sealer); why == ReasonKey {",
			[]string{"a box by an outsider", "a box by a relay"},
		},
		{
			"relays are sealed to", "rooms/rights.go",
			"			if a.givenRole(i).HoldsKey() {\n				return ReasonNone", "			if a.givenRole(i) != RoleNone {\n				return ReasonNone",
			[]string{"a box for a relay", "a box by a relay"},
		},
		{
			"a box may be of an entry that begins no epoch", "rooms/rights.go",
			"	if epoch.Epoch() == nil {\n		return Reject", "	if epoch.Kind == KindPair {\n		return Reject",
			[]string{"a box of an epoch that is an add", "a change to reader"},
		},
		{
			"nine boxes are kept", "rooms/limits_core.go",
			"maxBoxesPerPlace = 8", "maxBoxesPerPlace = 9",
			[]string{"the eight with the lowest IDs"},
		},
		{
			"the first boxes are kept", "rooms/core_boxes.go",
			"if id.Compare(highest) > 0 {", "if id != highest {",
			[]string{"the eight with the lowest IDs"},
		},
		{
			"a link's delegation gives everything", "rooms/rights.go",
			"			return SyncAuthority, ReasonNone", "			return SyncAll, ReasonNone",
			[]string{"a link's delegation gives the authority"},
		},
		{
			"a delegation's context is not told apart", "rooms/delegation.go",
			"if !verified && !identity.Verify(d.Key, d.context(), sig, signed) {", "if !verified && !identity.Verify(d.Key, contextDelegate, sig, signed) && !identity.Verify(d.Key, contextDelegateLink, sig, signed) {",
			[]string{"in the context of a user's", "in the context of a link's"},
		},
		{
			"links outlive their invites", "rooms/rights.go",
			"if !a.nodes[i].entry.Invite().Expired(now) {", "if now.IsZero() || a.nodes[i].entry.Invite() != nil {",
			[]string{"the delegation of a link whose invite is past its time", "code 5 \\(refused\\) for a dead one|served by it"},
		},
		{
			"invites outlive their time", "rooms/rights.go",
			"	if inv.Expired(now) {", "	if inv.Expired(now) && inv.Uses > 1<<40 {",
			[]string{"a join by an invite past its time"},
		},
		{
			"uses are not counted", "rooms/rights.go",
			"if inv.Uses > 0 && a.otherJoiners(join) >= inv.Uses {", "if inv.Uses > 1<<40 && a.otherJoiners(join) >= inv.Uses {",
			[]string{"whose uses are spent$"},
		},
		{
			"the removed are let in by their peer", "rooms/rights.go",
			"if r, out := a.now.removal(join.Writer); out {", "if r, out := a.now.removal(join.Writer); out && r.Ban && !out {",
			[]string{"a join of whoever was removed", "a join of whoever was banned$"},
		},
		{
			"a room is never full", "rooms/rights.go",
			"if c := a.now.Capacity(); c > 0 &&", "if c := a.now.Capacity(); c > 1<<40 &&",
			[]string{"a join to a room that is full"},
		},
		{
			"users write for each other", "rooms/core_append.go",
			"if run.Room != r.id || run.Author != q.user {", "if run.Room != r.id {",
			[]string{"a user's run by another"},
		},
		{
			"anybody appends", "rooms/core_append.go",
			"if r == nil || !r.openRoom && !r.users[q.user] {", "if r == nil {",
			[]string{"an Append by a user for whom the room is not kept"},
		},
		{
			"anybody submits", "rooms/core_submit.go",
			"if parts.Delegation == nil && !r.users[q.user] {", "if parts.Delegation == nil && q.gone {",
			[]string{"a Submit without a delegation by a user"},
		},
		{
			"a log's place is taken twice", "rooms/core_append.go",
			"done(run.Hash == lg.durLink)", "done(true)",
			[]string{"a user's run in the place of another"},
		},
	}
}

// moreBreakages are of forks, of what is sent on and of what a former member is told.
func moreBreakages() []breakage {
	return []breakage{
		{
			"no pin decides a fork", "rooms/core_pins.go",
			"pins := r.auth.Pins(lg.id, p.First)", "pins := r.auth.Pins(lg.id, p.First)[:0]",
			[]string{"the side of a fork"},
		},
		{
			"no log goes on from a floor", "rooms/core_floor.go",
			"	case lg.durable < f.Number:\n		c.beginAt(r, lg, f)", "	case lg.durable < f.Number:",
			[]string{"a log that never was here goes on", "is in the set of logs, with the floor"},
		},
		{
			"what a trim forgets is kept", "rooms/core_floor.go",
			"	default:\n			c.trimTo(r, lg, f)", "	default:",
			[]string{"what a trim forgets is not served any more"},
		},
		{
			"the sides of a proof need no order", "rooms/proof.go",
			"(p.First == 1) != p.Prev.IsZero() || p.Runs[0].Compare(p.Runs[1]) >= 0 {", "(p.First == 1) != p.Prev.IsZero() {",
			[]string{"a proof whose sides are out of order", "a proof of one run twice"},
		},
		{
			"a proof's signatures are not checked", "rooms/proof.go",
			"if !identity.Verify(shared.Key, contextRun, sig, p.Runs[i][:]) {", "if len(sig) == i {",
			[]string{"of which another has signed", "in whose side a bit is altered"},
		},
		{
			"of a proof only the first signature is checked", "rooms/proof.go",
			"if !identity.Verify(shared.Key, contextRun, sig, p.Runs[i][:]) {", "if i == 0 && !identity.Verify(shared.Key, contextRun, sig, p.Runs[i][:]) {",
			[]string{"signed the second side"},
		},
		{
			"the sides of a proof need not be runs", "rooms/proof.go",
			"return b.sum(), sig, side.checkPlace(len(leaves))", "return b.sum(), sig, nil",
			[]string{"a proof of a run"},
		},
		{
			"anybody is proved to have forked", "rooms/core_fork.go",
			"if p.Room != r.id || !r.openRoom && len(r.auth.named[p.Author]) == 0 {", "if p.Room != r.id {",
			[]string{"a proof against somebody whom the room does not know"},
		},
		{
			"a former member is told what came later", "rooms/core_lastword.go",
			"return a.saw(a.place[word], at)", "return at >= 0 && len(word) > 0",
			[]string{"told the last word"},
		},
		{
			"a former member is told nothing", "rooms/core_lastword.go",
			"	if len(words) == 0 {\n		return false", "	if len(words) >= 0 {\n		return false",
			[]string{"told the last word"},
		},
		{
			"any number of tags may be offered", "rooms/core_peer.go",
			" || p.count+n > maxOffered:", ":",
			[]string{"131,072 tags are taken in a session"},
		},
		{
			"a room has one ref", "rooms/core_peer.go",
			"if len(l.refs) >= maxAliases {", "if len(l.refs) >= 1 {",
			[]string{"a room that was offered twice"},
		},
		{
			"a link's holder is told the digest of everything", "rooms/core_digest.go",
			"r.digests[0] = stateHash(e, b, zero, zero)", "r.digests[0] = stateHash(e, b, p, l)\n		_ = zero",
			[]string{"the digest told to a link's holder"},
		},
		{
			"a digest leaves out the boxes", "rooms/core_digest.go",
			"r.digests[1] = stateHash(e, b, p, l)", "r.digests[1] = stateHash(e, zero, p, l)",
			[]string{"the digest of a room is that of its four sets"},
		},
		{
			"a room whose rights have ended stays open", "rooms/core_present.go",
			"case answer && l.revoked && l.opens == 0:", "case answer && l.revoked && l.opens > 1000:",
			[]string{"is told that the room has ended"},
		},
		{
			"a right that ends goes on", "rooms/core_state.go",
			"		if l.right < was { // it may have", "		if l.right < was && was == SyncAuthority { // it may have",
			[]string{"told the last word"},
		},
	}
}

// dialBreakages break the side that dials.
func dialBreakages() []breakage {
	return []breakage{
		{
			"a refusal is answered with one", "handshake/driver.go",
			"if tell && !errors.Is(err, ErrRefused) {", "if tell {",
			[]string{"a refusal in place of message 2"},
		},
		{
			"a bad message 2 is met with silence", "handshake/driver.go",
			"		if _, err := h.ReadMessage2(m2); err != nil {\n			return nil, true, err", "		if _, err := h.ReadMessage2(m2); err != nil {\n			return nil, false, err",
			[]string{"message 2 of version 2", "message 2 with a bit of the tag altered"},
		},
		{
			"the initiator's random is no random", "handshake/initiator.go",
			"_, err = rand.Read(o.random[:])", "_, err = rand.Read(o.random[:0])",
			[]string{"the initiator's ephemeral keys are fresh"},
		},
		{
			"a responder's signature is not checked", "handshake/messages.go",
			"if !identity.Verify(bundle.Key, context, p.evidence, th[:], bundle.Raw) {", "if context == ContextInitiator && !identity.Verify(bundle.Key, context, p.evidence, th[:], bundle.Raw) {",
			[]string{"a responder's signature by another key", "the dialling peer's own bundle", "no signature of the responder's"},
		},
		{
			"a responder's signature passes in the initiator's context", "handshake/messages.go",
			"if !identity.Verify(bundle.Key, context, p.evidence, th[:], bundle.Raw) {",
			"if !identity.Verify(bundle.Key, context, p.evidence, th[:], bundle.Raw) && !identity.Verify(bundle.Key, ContextInitiator, p.evidence, th[:], bundle.Raw) {",
			[]string{"a responder's signature in the initiator's context"},
		},
		{
			"message 2 may have bytes behind it", "handshake/messages.go",
			"	m.sealed = r.Bin(MaxMessage)\n	return m, malformed(r.Done())", "	m.sealed = r.Bin(MaxMessage)\n	return m, malformed(r.Err())",
			[]string{"message 2 with a byte behind it"},
		},
		{
			"a share of message 2 may have any size", "handshake/messages.go",
			"	m.share = r.BinSize(shareSize)\n	m.ciphertext", "	if m.share = r.Bin(64); len(m.share) > shareSize {\n		m.share = m.share[:shareSize]\n	}\n	m.ciphertext",
			[]string{"message 2 with a share of 33 bytes"},
		},
		{
			"the responder opens interactive streams, too", "cmd/internal/peer/sessions.go",
			"case class == session.Interactive && first && !result.Initiator:", "case class == session.Interactive && first:",
			[]string{"an interactive stream of the responder's"},
		},
		{
			"whatever a Match says is in step", "rooms/core_peer.go",
			"!r.failed && p.keyedState(false, r.id, d) == state {", "!r.failed && state != (digest16{1}) {",
			[]string{"a room that is not in step is not said to be"},
		},
		{
			"the initiator's first Offer does not come", "rooms/core_peer.go",
			"		p.first = true\n		c.offer(p, c.roomList, true)", "		p.first = true",
			[]string{"the initiator offers what it keeps"},
		},
		{
			"the initiator offers under the responder's role", "rooms/core_peer.go",
			"		t := p.tag(true, r.id)\n		tags = append", "		t := p.tag(false, r.id)\n		tags = append",
			[]string{"the initiator offers what it keeps"},
		},
		{
			"a ref of the other side's is a ref of one's own", "rooms/core_peer.go",
			"if ref&1 != p.side(true) || ref/2 >= uint64(len(p.mine)) {", "if ref/2 >= uint64(len(p.mine)) {",
			[]string{"a responder's Match for a ref of its own", "a Match for one's own ref"},
		},
	}
}

// readingBreakages are of what users are shown.
func readingBreakages() []breakage {
	return []breakage{
		{
			"who follows a room is not asked about again", "cmd/internal/peer/loop.go",
			"p.hub.doubt(e.Room)", "_ = e",
			[]string{"a removal ends what whoever it removes follows", "a leave ends what", "giving up a room ends what"},
		},
		{
			"whoever the room is kept for reads it", "rooms/core.go",
			"r.openRoom || r.users[user] && r.auth.Now().Role(user) != RoleNone", "r.openRoom || r.users[user]",
			[]string{"whoever was removed reads no more", "a removal ends what whoever it removes follows"},
		},
		{
			"a tail begins from the beginning", "cmd/internal/peer/tail.go",
			"s.sent = req.After", "s.sent = 0",
			[]string{"a history ends with its mark, behind which the next tail goes on"},
		},
		{
			"a place in any store is one", "cmd/internal/peer/tail.go",
			"if string(req.Instance) == string(instance[:]) {", "if len(req.Instance) > 0 {",
			[]string{"a place in another store is none"},
		},
		{
			"the newest messages are counted by runs", "cmd/internal/peer/tail.go",
			"run.Last - run.First + 1; count < n", "uint64(1); count < n",
			[]string{"come with the whole runs that hold them"},
		},
		{
			"HeadsGet gives the oldest first", "cmd/internal/peer/heads.go",
			"cmp.Compare(y.LastArrival, x.LastArrival)", "cmp.Compare(x.LastArrival, y.LastArrival)",
			[]string{"HeadsGet gives the last run of each log, the newest first"},
		},
		{
			"boxes of every epoch are told as of one", "rooms/core_sealed.go",
			"if b.epoch == m.Epoch {", "if !m.Epoch.IsZero() {",
			[]string{"SealedGet tells for whom a box of an epoch is held"},
		},
		{
			"who follows is given the boxes of all", "rooms/core_submit.go",
			"b != nil && b.recipient == q.recipient", "b != nil",
			[]string{"of boxes for its recipient"},
		},
		{
			"what was sent counts as on disk", "rooms/core_user.go",
			"if lg != nil && l.has(lg, q.placed.Number) {", "if lg != nil {",
			[]string{"when that peer has acknowledged it"},
		},
		{
			"what only this side has is no hole", "rooms/core_verify.go",
			"vp.hole(e.key, e.floor+1, e.last, \"there\")", "vp.differ++",
			[]string{"VerifyGet tells where both sides lack messages"},
		},
		{
			"whoever was removed is told all", "rooms/core_told.go",
			"if r.openRoom || r.auth.Genesis() == nil || r.auth.Now().Role(user) != RoleNone {", "if r.openRoom || len(user) > 0 {",
			[]string{"whoever was removed is told why, and nothing later", "a stranger who came before", "whoever has left is told", "is not told how the room goes on"},
		},
		{
			"who follows is not told that it is back", "rooms/core_submit.go",
			"t.all || t.digest != q.shown {", "!t.all && t.digest != q.shown {",
			[]string{"and all when it is back"},
		},
		{
			"a link gives a former member nothing", "rooms/core_told.go",
			"if d != nil && d.Link {", "if d != nil && d.Link && d == r.attachedAs[user] {",
			[]string{"a former member that shows a link"},
		},
		{
			"former members are told the heads of others", "rooms/core_user.go",
			" && (all || lg.author == q.user) {", " {",
			[]string{"is not told how the room goes on"},
		},
	}
}
