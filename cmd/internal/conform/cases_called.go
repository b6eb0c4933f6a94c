package conform

import (
	"bytes"
	"fmt"

	"parley/cmd/internal/script"
	"parley/rooms"
	"parley/wire"
)

// calledCases are the rules of a session that the peer has opened, and of its end of the handshake.
func calledCases() []Case {
	// ends sends bytes in a session that the peer opened, and wants it ended.
	ends := func(name, section string, f func(s *session) []byte) Case {
		return Case{Name: name, Section: section, Expect: protocolError, run: func(t *T) {
			s := t.called()
			t.send(s.Wire, "bytes", f(s))
			s.ends(wire.CodeProtocol)
		}}
	}
	// says sends plaintexts in such a session.
	says := func(name, section string, plains ...[]byte) Case {
		return Case{Name: name, Section: section, Expect: protocolError, run: func(t *T) {
			s := t.called()
			s.send(plains...)
			s.ends(wire.CodeProtocol)
		}}
	}
	ping := script.Frame(0, &wire.Ping{Seq: 1})
	return []Case{
		{Name: "a refusal behind message 3", Section: sectionHS, Expect: "the end of the connection", run: func(t *T) {
			s := t.answered(t.identity())
			t.send(s.Wire, "refusal", script.Framed(script.Refusal()))
			s.gone()
		}},
		{Name: "a record that is sent before message 3 has come", Section: sectionHS, Expect: "message 3, then " + protocolError, run: func(t *T) {
			w, r := t.derived()
			early := script.Sealer{Traffic: script.NewTraffic(r.ES, script.ByResponder, r.TH2)}
			t.send(w, "message 2 and a record", append(script.Framed(r.Message2Proof(r.Proof())), early.Record(script.Frame(0, &wire.Hello{Role: wire.RolePeer}))...))
			t.message3(w, r)
			s := &session{Conn: script.NewAccepted(w, r), t: t}
			s.ends(wire.CodeProtocol)
		}},
		{Name: "message 2 a second time, behind message 3", Section: sectionHS, Expect: protocolError, run: func(t *T) {
			w, r := t.derived()
			m2 := script.Framed(r.Message2Proof(r.Proof()))
			t.send(w, "message 2", m2)
			t.message3(w, r)
			t.send(w, "message 2 again", m2)
			s := &session{Conn: script.NewAccepted(w, r), t: t}
			s.ends(wire.CodeProtocol)
		}},
		{Name: "no Hello of the responder's within 5 s", Section: sectionHello, Expect: "the end of the connection", run: func(t *T) {
			s := t.answered(t.identity())
			s.theirHello()
			s.gone()
		}},
		{Name: "a Ping of the responder's before Hello", Section: sectionHello, Expect: protocolError, run: func(t *T) {
			s := t.answered(t.identity())
			s.send(ping)
			s.ends(wire.CodeProtocol)
		}},
		ends("a responder's record with a bit of the tag altered", sectionRecords, func(s *session) []byte {
			b := s.Out.Record(ping)
			b[len(b)-1] ^= 1
			return b
		}),
		ends("a responder's record replayed", sectionRecords, func(s *session) []byte { b := s.Out.Record(ping); return append(b, b...) }),
		ends("a responder's record under the keys of the other direction", sectionRecords, func(s *session) []byte {
			s.Out.Counter++
			return script.SealRecord(&s.In.Keys, s.Out.Generation, s.Out.Counter-1, script.Pad(ping))
		}),
		{Name: "the initiator's own record sent back", Section: "session, Records (direction)", Expect: protocolError, run: func(t *T) {
			s := t.answered(t.identity())
			var theirs []byte
			note := s.Trace
			s.Trace = func(out bool, what string, b []byte) {
				if !out && what == "record" && theirs == nil {
					theirs = bytes.Clone(b)
				}
				note(out, what, b)
			}
			s.established()
			t.send(s.Wire, "the peer's record", theirs)
			s.ends(wire.CodeProtocol)
		}},
		says("a responder's second Hello", sectionHello, script.Frame(0, &wire.Hello{Role: wire.RolePeer})),
		says("a stream that the responder opens under the initiator's number", sectionStreams, script.Whole(dropped, script.Stream(script.Bulk, 7), []byte{1})),
		says("a stream of the responder's whose index leaves one out", sectionStreams, script.Whole(dropped, script.Stream(script.Live, 1)|script.Responders, []byte{1})),
		says("credit for a stream of the initiator's that was never opened", sectionCredit, script.Frame(0, &wire.Credit{Stream: script.Stream(script.Bulk, 99), Limit: 1 << 20})),
		says("an interactive stream of the responder's", sectionSync, script.Frame(script.Interactive|script.Responders, &wire.Offer{})),
		says("a request of a user's from a responder", sectionTypes, script.Frame(script.Interactive, &wire.StatusGet{})),
		{Name: "a responder's keys may be changed after each record", Section: sectionRekey, Expect: livesOn, run: func(t *T) {
			s := t.called()
			for range 3 {
				t.send(s.Wire, "rekeying", s.Out.Rekey())
				s.alive()
			}
		}},
	}
}

// The role bytes in the tags of a session that the peer opened.
const (
	byInitiator = 0 // the peer's
	byResponder = 1
)

// calledRooms are the rules of finding rooms where the peer is the initiator.
func calledRooms() []Case {
	// match answers the peer's first Offer with what f makes, and wants the session ended.
	match := func(name string, f func(s *session, o *wire.Offer) *wire.Match) Case {
		return Case{Name: name, Section: sectionFinding, Expect: protocolError, run: func(t *T) {
			t.den() // so that there is a room to match
			s := t.called()
			s.message(interactiveStream, f(s, s.theirRooms()))
			s.ends(wire.CodeProtocol)
		}}
	}
	none := make([]byte, 16)
	one := func(ref uint64) wire.List[uint64] { return wire.List[uint64]{ref} }
	return []Case{
		{Name: "the initiator offers what it keeps, from 0, under its own role", Section: sectionFinding, Expect: "an Offer with the lobby's tag", run: func(t *T) {
			s := t.called()
			s.refOf(s.theirRooms(), rooms.OpenRoomID(t.target.Network, rooms.Lobby))
		}},
		{Name: "an open room that the responder matches is opened", Section: sectionFinding, Expect: "OpenRoom with the digest and no delegation", run: func(t *T) {
			s := t.called()
			room := rooms.OpenRoomID(t.target.Network, rooms.Lobby)
			ref := s.refOf(s.theirRooms(), room)
			s.message(interactiveStream, &wire.Match{Known: one(ref), States: s.Tag("state", byResponder, room, script.EmptyState())})
			in := s.await("an OpenRoom", func(in script.Incoming) bool {
				m, ok := in.Message.(*wire.OpenRoom)
				if _, step := in.Message.(*wire.InStep); step { // a lobby that nobody has written to yet
					return true
				}
				return ok && m.Ref == ref
			})
			if m, ok := in.Message.(*wire.OpenRoom); ok && (m.Answer || len(m.State) != 16 || len(m.Delegation) > 0) {
				t.fail(describe(in, nil), "the OpenRoom of an open room is not one with the digest alone")
			}
		}},
		{Name: "a room whose delegation is to be shown is opened with it", Section: sectionFinding, Expect: "OpenRoom with a delegation for the peer's ID, and no digest", run: func(t *T) {
			d := t.den()
			s := t.called()
			ref := s.refOf(s.theirRooms(), d.room)
			s.message(interactiveStream, &wire.Match{Unknown: one(ref), Tags: s.Tag("offer", byResponder, d.room)})
			in := s.await("an OpenRoom", func(in script.Incoming) bool {
				m, ok := in.Message.(*wire.OpenRoom)
				return ok && m.Ref == ref
			})
			m := in.Message.(*wire.OpenRoom)
			if m.Answer || len(m.State) > 0 || !bytes.Contains(m.Delegation, d.target[:]) || !bytes.Contains(m.Delegation, d.master.Public()) {
				t.fail(describe(in, nil), "not the delegation by the room's user is shown, or a digest before this side's right is known")
			}
		}},
		{Name: "a room in step costs one InStep", Section: sectionFinding, Expect: "InStep with its ref, and anything about it answered", run: inStep},
		{Name: "a room that is not in step is not said to be", Section: sectionFinding, Expect: "OpenRoom without a delegation", run: func(t *T) {
			d, self := t.den(), t.identity()
			d.remembers(self)
			s := t.answered(self).established()
			ref := s.refOf(s.theirRooms(), d.room)
			s.message(interactiveStream, &wire.Match{Known: one(ref), States: s.Tag("state", byResponder, d.room, script.EmptyState())})
			in := s.await("an OpenRoom", func(in script.Incoming) bool {
				if m, ok := in.Message.(*wire.InStep); ok && len(m.Refs) > 0 {
					t.fail(describe(in, nil), "a room is said to be in step of which this side holds nothing")
				}
				m, ok := in.Message.(*wire.OpenRoom)
				return ok && m.Ref == ref
			})
			if m := in.Message.(*wire.OpenRoom); m.Answer || len(m.Delegation) > 0 {
				t.fail(describe(in, nil), "a delegation is shown that the other side has said it remembers")
			}
		}},
		match("a responder's Match whose tag is the peer's own, echoed", func(s *session, o *wire.Offer) *wire.Match {
			return &wire.Match{Unknown: one(0), Tags: o.Tags[:16]}
		}),
		match("a responder's Match whose tag shows no knowledge", func(s *session, _ *wire.Offer) *wire.Match {
			return &wire.Match{Unknown: one(0), Tags: s.t.random(16)}
		}),
		match("a responder's Match for a ref beyond those offered", func(_ *session, o *wire.Offer) *wire.Match {
			return &wire.Match{Known: one(uint64(2*len(o.Tags)/16) + 2000), States: none}
		}),
		match("a responder's Match for a ref of its own", func(*session, *wire.Offer) *wire.Match {
			return &wire.Match{Known: one(1), States: none}
		}),
		match("a responder's Match with fewer tags than refs", func(*session, *wire.Offer) *wire.Match { return &wire.Match{Unknown: one(0)} }),
		{Name: "a responder's Offer that does not start at 0", Section: sectionFinding, Expect: protocolError, run: func(t *T) {
			s := t.called()
			s.theirRooms()
			s.message(interactiveStream, &wire.Offer{Start: 1, Tags: none})
			s.ends(wire.CodeProtocol)
		}},
		{Name: "a responder's Offer is matched under its role, and not under the peer's", Section: sectionFinding, Expect: "Match of the ref 3 alone", run: func(t *T) {
			d := t.den()
			s := t.called()
			s.theirRooms()
			tags := append(s.Tag("offer", byInitiator, d.room), s.Tag("offer", byResponder, d.room)...)
			s.message(interactiveStream, &wire.Offer{Tags: tags})
			m, ok := s.await("a Match", func(in script.Incoming) bool { _, ok := in.Message.(*wire.Match); return ok }).Message.(*wire.Match)
			if !ok || len(m.Known) != 0 || len(m.Unknown) != 1 || m.Unknown[0] != 3 || !bytes.Equal(m.Tags, s.Tag("offer", byInitiator, d.room)) {
				t.fail(fmt.Sprintf("%+v", m), "not the one tag is matched that is under the responder's role, or not under the initiator's tag")
			}
		}},
		{Name: "a run that the responder pushes is stored", Section: sectionSync, Expect: "Ack", run: func(t *T) {
			d, self := t.den(), t.identity()
			d.remembers(self)
			l := d.calledBy(self)
			r := d.first(d.member, "from the responder")
			l.push(r.Bytes(d.member.Signer))
			l.acked(r)
		}},
	}
}

// remembers has the peer remember a delegation of the room for another, who is
// told the digest, and goes.
func (d *den) remembers(self *script.Identity) (digest []byte) {
	l := &lobby{session: d.t.open(self, false).established(), room: d.room, key: d.key}
	l.rooms = l.ask(script.Interactive, &wire.Offer{Tags: l.Tag("offer", mine, d.room)})
	l.answer(l.rooms)
	l.on = l.equal
	l.say(&wire.OpenRoom{Delegation: d.delegation(d.member, self.ID())})
	o := l.opening()
	if len(o.State) != 16 {
		d.t.fail(describe(script.Incoming{Message: o}, nil), "a member's peer is not told the digest")
	}
	l.send(script.Frame(0, &wire.Close{}))
	l.gone()
	return o.State
}

// calledBy is a session that the peer opens to one that it remembers, with the
// room opened, both sides' rights known.
func (d *den) calledBy(self *script.Identity) *lobby {
	s := d.t.answered(self).established()
	l := &lobby{session: s, room: d.room, key: d.key, rooms: interactiveStream}
	l.ref = s.refOf(s.theirRooms(), d.room)
	l.say(&wire.Match{Known: wire.List[uint64]{l.ref}, States: s.Tag("state", byResponder, d.room, script.EmptyState())})
	l.await("an OpenRoom", func(in script.Incoming) bool {
		m, ok := in.Message.(*wire.OpenRoom)
		return ok && m.Ref == l.ref
	})
	l.say(&wire.OpenRoom{Ref: l.ref, Answer: true, State: script.EmptyState()})
	l.on = l.equal
	return l
}

// inStep learns a room's digest on one session, and tells it on the next.
func inStep(t *T) {
	d, self := t.den(), t.identity()
	digest := d.remembers(self)
	s := t.answered(self).established()
	ref := s.refOf(s.theirRooms(), d.room)
	s.message(interactiveStream, &wire.Match{Known: wire.List[uint64]{ref}, States: s.Tag("state", byResponder, d.room, digest)})
	s.await("an InStep", func(in script.Incoming) bool {
		m, ok := in.Message.(*wire.InStep)
		return ok && len(m.Refs) == 1 && m.Refs[0] == ref
	})
	other := bytes.Repeat([]byte{0xa5}, 16)
	s.message(interactiveStream, &wire.Ranges{Ref: ref, Set: wire.SetEntries, Nodes: wire.List[wire.RangeNode]{{Prefix: []byte{}, Hash: other}}})
	s.await("RangesReply", func(in script.Incoming) bool {
		m, ok := in.Message.(*wire.RangesReply)
		return ok && len(m.Keys) > 0
	})
}
