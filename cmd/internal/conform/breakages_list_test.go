package conform

import "slices"

// A breakage is one way to break the peer: a rule that is not checked any more.
// Each must make at least one of the cases fail that it names.
type breakage struct {
	name     string
	file     string // from the top of the module
	old, new string // old stands in the file exactly once
	cases    []string
}

// breakages lists them by layer. Those that CI runs come first: one a layer.
func breakages() []breakage {
	return slices.Concat(layerBreakages(), ruleBreakages(), recordBreakages(), dialBreakages(), moreBreakages(), readingBreakages())
}

// layerBreakages are the first that were made, of every layer.
func layerBreakages() []breakage {
	return []breakage{
		{
			"the mac of message 1 is not checked", "handshake/responder.go",
			"if !equal(authenticate(&key, m.signed), m.mac) {", "if false {",
			[]string{"a bit of the mac altered$", "under another secret"},
		},
		{
			"padding under a good tag is not checked", "wire/seal/seal.go",
			"if int(b) != p {", "if int(b) > 255 {",
			[]string{"padding of unlike bytes"},
		},
		{
			"credit is not checked", "session/receive.go",
			"if n > st.granted-st.received {", "if n > 1<<40 {",
			[]string{"more is sent than there is credit for"},
		},
		{
			"the role byte of an offered tag is not checked", "rooms/core_peer.go",
			"p.tags[p.tag(false, r.id)] = r\n\t\t}\n\t}\n\tif !p.tagsTimer", "p.tags[p.tag(false, r.id)], p.tags[p.tag(true, r.id)] = r, r\n\t\t}\n\t}\n\tif !p.tagsTimer",
			[]string{"echoed"},
		},
		{
			"a run's signature is not checked", "rooms/run.go",
			"if !identity.Verify(r.Key, contextRun, r.sig, r.Hash[:]) {", "if false {",
			[]string{"a run with another's signature"},
		},

		// The handshake.
		{
			"a stranger is answered with a refusal", "handshake/driver.go",
			"return nil, errors.Is(err, ErrKeyShare), err", "return nil, true, err",
			[]string{"a bit of the mac altered$", "message 1 of version 2"},
		},
		{
			"a bad encapsulation key is met with silence", "handshake/driver.go",
			"return nil, errors.Is(err, ErrKeyShare), err", "return nil, false, err",
			[]string{"an encapsulation key whose first coefficient is over"},
		},
		{
			"the version is not checked", "handshake/messages.go",
			"if version != Version {", "if version > 9 {",
			[]string{"message 1 of version 2"},
		},
		{
			"the bound of a message's length is forgotten", "handshake/driver.go",
			"if n == 0 || n > MaxMessage {", "if n == 0 || n > 1<<20 {",
			[]string{"a first message of 8,193 bytes"},
		},
		{
			"the confirmation is not checked", "handshake/messages.go",
			"if !equal(authenticate(&k.fin, th[:], p.who, p.evidence), p.confirm) {", "if false {",
			[]string{"another confirmation"},
		},
		{
			"a proof's padding may be anything", "handshake/messages.go",
			"if len(padding) != p.padding() || len(bytes.Trim(padding, \"\\x00\")) != 0 {", "if len(padding) != p.padding() {",
			[]string{"padding that is not zero"},
		},
		{
			"a proof's padding may have any length", "handshake/messages.go",
			"if len(padding) != p.padding() || len(bytes", "if len(bytes",
			[]string{"padding that is a byte short"},
		},
		{
			"the initiator's signature is not checked", "handshake/messages.go",
			"if !identity.Verify(bundle.Key, context, p.evidence, th[:], bundle.Raw) {", "if false {",
			[]string{"a signature by another key"},
		},
		{
			"a signature passes in the responder's context", "handshake/messages.go",
			"if !identity.Verify(bundle.Key, context, p.evidence, th[:], bundle.Raw) {",
			"if !identity.Verify(bundle.Key, context, p.evidence, th[:], bundle.Raw) && !identity.Verify(bundle.Key, ContextResponder, p.evidence, th[:], bundle.Raw) {",
			[]string{"a signature in the responder's context"},
		},
		{
			"a token's evidence is not checked", "handshake/responder.go",
			"if !equal(tokenProof(&key, &h.th3, user.ID(), h.own, p.who), p.evidence) {", "if false {",
			[]string{"a token with another key"},
		},
		{
			"the handshake has no deadline", "handshake/driver.go",
			"conn.SetDeadline(time.Now().Add(limit))", "conn.SetDeadline(time.Now().Add(20 * limit))",
			[]string{"a connection on which nothing is said"},
		},
		{
			"the responder's random is no random", "handshake/responder.go",
			"_, err = rand.Read(a.random[:])", "_, err = rand.Read(a.random[:0])",
			[]string{"ephemeral keys are fresh"},
		},
		{
			"a bundle's signature is not checked", "handshake/identity/bundle.go",
			"if verify && !Verify(b.Key, ContextBundle, sig, signed) {", "if verify && len(sig)+len(signed) == 0 {",
			[]string{"a bundle whose own signature is wrong", "another name than was signed"},
		},
		{
			"a name may hold any character", "handshake/identity/bundle.go",
			"if err := CheckName(b.Name); err != nil {", "if err := CheckName(\"\"); err != nil {",
			[]string{"a name that holds a line end"},
		},
		{
			"a bundle's number may be 0", "handshake/identity/bundle.go",
			"if b.Number == 0 {", "if b.Number == 1<<63 {",
			[]string{"a bundle of number 0"},
		},

		// Encodings.
		{
			"numbers in longer forms are accepted", "wire/reader.go",
			"if v < least {", "if v > v+least {",
			[]string{"in a longer form"},
		},
		{
			"texts that are not UTF-8 are accepted", "wire/reader.go",
			"if r.err == nil && !utf8.Valid(b) {", "if r.err == nil && !utf8.Valid(b) && len(b) > 1<<20 {",
			[]string{"a Hello with a text that is not UTF-8"},
		},
		{
			"bytes behind a value are accepted", "wire/reader.go",
			"if r.err == nil && r.off != len(r.buf) {", "if r.err == nil && r.off > len(r.buf) {",
			[]string{"with a byte behind it"},
		},
		{
			"a body need not be the shape of its type", "wire/registry.go",
			"if err != nil || !bytes.Equal(again, body) {", "if err != nil || !bytes.Equal(again[:0], body[:0]) {",
			[]string{"an Offer with a text for bytes"},
		},

		// Records.
		{
			"a record's tag is not checked", "wire/seal/record.go",
			"if !equal(o.mac.Sum(o.sum[:0]), tag) {", "if !equal(o.mac.Sum(o.sum[:0]), tag) && len(tag) == 0 {",
			[]string{"a bit of the tag altered", "last bit of the tag", "whose tag is zeros"},
		},
		{
			"the bound of a record's length is forgotten", "session/record.go",
			"case n > wire.MaxRecord-headerSize:", "case n > 1<<31:",
			[]string{"a length of 65,536"},
		},
		{
			"a length that is no multiple of a block is accepted", "session/record.go",
			"case n < minRecord || n%seal.BlockSize != 0:", "case n < minRecord:",
			[]string{"a length that is no multiple of 16"},
		},
		{
			"a generation may be empty", "session/record.go",
			"if h.used.counter == 1 {\n\t\treturn", "if h.used.counter == 0 {\n\t\treturn",
			[]string{"a generation of nothing", "a rekeying before anything"},
		},
		{
			"the bound of a generation is forgotten", "session/record.go",
			"if h.used.counter > MaxGenerationRecords ||", "if h.used.counter > 2*MaxGenerationRecords ||",
			[]string{"2.20 records"},
		},
		{
			"keys stay the same behind a rekeying", "session/record.go",
			"h.opener = seal.NewOpener(h.chain.advance())", "h.chain.advance()",
			[]string{"keys may be changed after each record"},
		},

		// Frames and streams.
		{
			"anything may come before Hello", "session/receive.go",
			"case row.Legal&legal == 0:", "case row.Legal&legal == 0 && s.established:",
			[]string{"a Ping before Hello"},
		},
		{
			"types of every direction are accepted", "session/session.go",
			"s.receives, s.sends = wire.LegalPeerToPeer, wire.LegalPeerToPeer", "s.receives, s.sends = wire.LegalSession|wire.LegalHello, wire.LegalPeerToPeer",
			[]string{"every type that is not legal from a peer, a byte over"},
		},
		{
			"a role that does not exist is a user's", "session/session.go",
			"case m.Role != wire.RolePeer && m.Role != wire.RoleUser, len(m.Software)", "case len(m.Software)",
			[]string{"a Hello of a role that does not exist"},
		},
		{
			"Hello has no deadline", "session/session.go",
			"context.WithTimeout(ctx, helloTimeout)", "context.WithTimeout(ctx, 20*helloTimeout)",
			[]string{"no Hello within 5 s"},
		},
		{
			"control types pass on streams", "session/receive.go",
			"case known && (f.typ < wire.FirstStreamType) != (f.stream == 0):", "case known && f.typ >= wire.FirstStreamType && f.stream == 0:",
			[]string{"a control type on a stream"},
		},
		{
			"the bound of a type's body is forgotten", "session/receive.go",
			"case f.total > uint64(row.Bound):", "case f.total > uint64(row.Bound)+1<<40:",
			[]string{"every type from a peer, a byte over"},
		},
		{
			"frames of one class mix", "session/receive.go",
			"if in.st != nil {\n\t\treturn", "if in.st == st {\n\t\treturn",
			[]string{"a frame inside another of its class"},
		},
		{
			"frames go on behind the end of a stream", "session/receive.go",
			"if st.remoteEnd {\n\t\treturn", "if st.remoteEnd && st.abandoned {\n\t\treturn",
			[]string{"a frame behind the end"},
		},
		{
			"a stream may end twice", "session/receive.go",
			"if st.remoteEnd || in.st == st {", "if in.st == st {",
			[]string{"two ends"},
		},
		{
			"more parts than the total are taken", "session/receive.go",
			"case n > in.total-in.have:", "case n > 1<<40:",
			[]string{"more parts than the total"},
		},
		{
			"the bound of open streams is forgotten", "session/receive.go",
			"if s.theirs.open >= MaxStreams {", "if s.theirs.open >= 8*MaxStreams {",
			[]string{"129 open streams"},
		},
		{
			"frames that are dropped are not credited again", "session/receive.go",
			"st.consumed += cost\n\ts.grant(st)", "_ = cost",
			[]string{"what is taken from a stream is credited again"},
		},
		{
			"an unfinished frame is not credited to its end", "session/receive.go",
			"if in := &s.in[st.class]; in.st == st && in.end > st.granted {", "if in := &s.in[st.class]; in.st == st && in.end > st.granted<<20 {",
			[]string{"a frame that was begun is credited"},
		},
		{
			"credit of the other side is not kept to", "session/send.go",
			"return st.limit - st.sent", "return 1 << 40",
			[]string{"the peer stops at the end of its credit"},
		},

		// Tokens, rooms and runs.
		{
			"sessions outlive the token that opened them", "cmd/internal/peer/users.go",
			"range p.live.sessions(token) {", "range p.live.sessions(token)[:0] {",
			[]string{"a revoked token proves nobody"},
		},
		{
			"anybody's token can be revoked", "session/token.go",
			"e == nil || e.user != user {", "e == nil || user == (wire.ID{}) {",
			[]string{"another's token cannot be revoked"},
		},
		{
			"an Offer may start anywhere", "rooms/core_peer.go",
			"n > maxTagsPerOffer || m.Start != p.count ||", "n > maxTagsPerOffer ||",
			[]string{"an Offer that does not start at 0"},
		},
		{
			"refs that were never given are ignored", "rooms/core_peer.go",
			"if ref/2 >= n {\n\t\treturn nil, false", "if ref/2 >= n {\n\t\treturn nil, true",
			[]string{"a State for a ref that was not given"},
		},
		{
			"the bound of a comparison is forgotten", "rooms/core_walk.go",
			"if tree == nil || len(m.Nodes) > maxRangeNodes {", "if tree == nil {",
			[]string{"a comparison of 129 nodes"},
		},
		{
			"a run of another room is taken", "rooms/core_runs.go",
			"if run.Room != r.id {", "if run.Room == (wire.ID{}) {",
			[]string{"a run of another room"},
		},
		{
			"a first run's incarnation is not checked", "rooms/run.go",
			"r.Incarnation != NewIncarnation(r.Room, r.Author, r.Salt, r.Heads) {", "r.Incarnation.IsZero() {",
			[]string{"a first run whose salt is another incarnation's"},
		},
		{
			"a run's numbers may overflow", "rooms/run.go",
			"case r.First == 0 || r.First+uint64(count)-1 < r.First:", "case r.First == 0:",
			[]string{"a run whose numbers go over 2.64"},
		},
		{
			"a run's references need no order", "rooms/run.go",
			"if r.Refs[i].Number == 0 || i > 0 && r.Refs[i-1].Log.Compare(r.Refs[i].Log) >= 0 {", "if r.Refs[i].Number == 0 {",
			[]string{"a run with references out of order"},
		},

		// Rooms with members.
		{
			"a delegation for another peer is taken", "rooms/core_state.go",
			"if r.openRoom || d.Room != r.id || d.Peer != l.p.id {", "if r.openRoom || d.Room != r.id {",
			[]string{"a delegation for another peer"},
		},
		{
			"a Match need not show that its sender knows the room", "rooms/core_peer.go",
			"!hmac.Equal(t[:], m.Tags[16*i:16*i+16])", "!hmac.Equal(t[:0], m.Tags[16*i:16*i])",
			[]string{"a Match with a tag that shows no knowledge", "a Match with the peer's own tag echoed"},
		},
		{
			"runs are served without a right to them", "rooms/core_pull.go",
			"if l == nil || l.right != SyncAll || l.r.failed {", "if l == nil || l.r.failed {",
			[]string{"a peer that shows no delegation", "a peer with the delegation of a stranger"},
		},
		{
			"readers and strangers may write", "rooms/judge.go",
			"if role.MayWrite() || !a.applies(ruleMayWrite) {", "if role.MayWrite() || r.First > 0 {",
			[]string{"a run by a stranger", "a run by a reader"},
		},
		{
			"a later run may forget what the one before it had seen", "rooms/judge.go",
			"if i, held := a.place[id]; !held || !view.seen.has(i) {\n\t\t\treturn ReasonHeadsBack", "if i, held := a.place[id]; !held && !view.seen.has(i) {\n\t\t\treturn ReasonHeadsBack",
			[]string{"a later run that forgets"},
		},
		{
			"a run may be in any epoch", "rooms/judge.go",
			"if a.nodes[i].entry.ID == r.Epoch {", "if a.nodes[i].entry.ID != (wire.ID{}) {",
			[]string{"its writer knew to be replaced", "an epoch that is no entry"},
		},
		{
			"runs go on behind the pin of a removal", "rooms/judge.go",
			"if a.within(r, pin, named) {", "if a.within(r, pin, named) || named {",
			[]string{"a run behind the pin of its author's removal"},
		},
		{
			"the bound of records that break a rule is forgotten", "rooms/core_records.go",
			"if l.p.refused++; l.p.refused > maxRecordsRefused {", "if l.p.refused++; l.p.refused > 1000*maxRecordsRefused {",
			[]string{"more than 64 entries that break a rule"},
		},

		// Discovery.
		{
			"a beacon's mac is not checked", "discovery/beacon.go",
			"if !hmac.Equal(mac[:], data[offMAC:]) {", "if !hmac.Equal(mac[:0], data[offMAC:offMAC]) {",
			[]string{"an announce with a bit of the mac altered"},
		},
		{
			"beacons of every kind are answered", "discovery/receive.go",
			"if newcomer && b.Kind == KindAnnounce {", "if newcomer {",
			[]string{"an answer is not answered", "a goodbye is not answered"},
		},
		{
			"beacons are taken in any order", "discovery/receive.go",
			"if known != nil && b.Counter <= known.counter {", "if known != nil && b.Counter == 0 {",
			[]string{"an announce replayed behind its sender's goodbye"},
		},
		{
			"beacons of any kind are beacons", "discovery/beacon.go",
			"if b.Kind < KindAnnounce || b.Kind > KindGoodbye {", "if b.Kind > 9 {",
			[]string{"an announce of kind 4", "an announce of kind 0"},
		},
	}
}
