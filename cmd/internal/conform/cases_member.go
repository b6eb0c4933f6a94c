package conform

import (
	"bytes"
	"fmt"

	"parley/cmd/internal/script"
	"parley/wire"
)

const (
	sectionRights      = "rooms, Rights"
	sectionRefused     = "rooms, Which entries are refused"
	sectionValidity    = "rooms, Validity of runs"
	sectionDigests     = "rooms, Digests"
	sectionUsers       = "rooms, Requests"
	sectionDelegations = "rooms, Delegations"
)

// memberCases are the rules of rooms with members. They need a peer that serves users.
func memberCases() []Case {
	// unheld has a member's peer push a run that does not count.
	unheld := func(name string, f func(d *den) (r *script.Run, by *script.Identity)) Case {
		return Case{Name: name, Section: sectionValidity, Expect: "no Ack, and the run not held", run: func(t *T) {
			d := t.den()
			r, by := f(d)
			l, _ := d.opened(d.master)
			l.push(r.Bytes(by.Signer))
			l.unacked(r)
			d.holds(r.Log())
		}}
	}
	// shown shows a delegation, and wants the session ended.
	shown := func(name string, f func(d *den, l *lobby) []byte) Case {
		return Case{Name: name, Section: "rooms, Delegations", Expect: protocolError, run: func(t *T) {
			d := t.den()
			l := d.offered()
			l.say(&wire.OpenRoom{Delegation: f(d, l)})
			l.ends(wire.CodeProtocol)
		}}
	}
	// toldNothing opens the room without a right to it.
	toldNothing := func(name string, delegation func(d *den, l *lobby) []byte) Case {
		return Case{Name: name, Section: sectionRights, Expect: "no digest, no entry, no run", run: func(t *T) {
			d := t.den()
			r := d.first(d.member, "secret")
			m, _ := d.opened(d.member)
			m.push(r.Bytes(d.member.Signer))
			m.acked(r)
			l := d.offered()
			l.say(&wire.OpenRoom{Delegation: delegation(d, l)})
			l.nothing(d, r)
		}}
	}
	// refusedEntry submits an entry as a user, and wants it refused and not held.
	refusedEntry := func(name string, f func(d *den) (by *script.Identity, raw []byte)) Case {
		return Case{Name: name, Section: sectionRefused, Expect: "the stream ended with code 17 (invalid), and no more entries than before", run: func(t *T) {
			d := t.den()
			before := d.entries()
			by, raw := f(d)
			s := d.user
			m := &wire.Submit{Room: d.room, Entries: wire.List[wire.Bytes]{raw}}
			if by != d.master {
				s = t.user(by)
				m.Delegation = d.delegation(by, d.target)
			}
			s.streamEnds(s.ask(script.Interactive, m), wire.CodeInvalid)
			if n := d.entries(); n != before {
				t.fail(fmt.Sprintf("%d entries", n), "the peer holds another number of entries than the %d before", before)
			}
		}}
	}
	return append([]Case{
		{Name: "a member's run is stored, and served to another member's peer", Section: sectionValidity, Expect: "Ack, and the run byte for byte", run: func(t *T) {
			d := t.den()
			l, o := d.opened(d.member)
			if len(o.State) != 16 {
				t.fail(describe(script.Incoming{Message: o}, nil), "a member's peer is not told the digest")
			}
			first := d.first(d.member, "one")
			second := d.next(first, "two")
			l.push(first.Bytes(d.member.Signer), second.Bytes(d.member.Signer))
			l.acked(second)
			d.holds(first.Log(), first.Bytes(d.member.Signer), second.Bytes(d.member.Signer))
		}},
		toldNothing("a peer that shows no delegation is told nothing", func(*den, *lobby) []byte { return nil }),
		toldNothing("a peer with the delegation of a stranger is told nothing", func(d *den, l *lobby) []byte { return d.delegation(d.t.identity(), l.self.ID()) }),
		shown("a delegation for another peer", func(d *den, _ *lobby) []byte { return d.delegation(d.member, d.t.identity().ID()) }),
		shown("a delegation for another room", func(d *den, l *lobby) []byte { return script.Delegation(d.member.Signer, wire.ID{1}, l.self.ID(), 1) }),
		shown("a delegation with another's signature", func(d *den, l *lobby) []byte {
			b := bytes.Clone(d.delegation(d.member, l.self.ID()))
			return append(b[:len(b)-64], d.delegation(d.reader, l.self.ID())[len(b)-64:]...)
		}),
		shown("a delegation with a byte behind it", func(d *den, l *lobby) []byte { return append(d.delegation(d.member, l.self.ID()), 0) }),
		{Name: "a Match with a tag that shows no knowledge of the room", Section: sectionFinding, Expect: protocolError, run: func(t *T) {
			t.den()
			s, _ := t.theirOffer()
			s.send(script.Frame(script.Interactive, &wire.Match{Unknown: wire.List[uint64]{1}, Tags: t.random(16)}))
			s.ends(wire.CodeProtocol)
		}},
		{Name: "a Match with the peer's own tag echoed", Section: sectionFinding, Expect: protocolError, run: func(t *T) {
			t.den()
			s, o := t.theirOffer()
			s.send(script.Frame(script.Interactive, &wire.Match{Unknown: wire.List[uint64]{1}, Tags: o.Tags[:16]}))
			s.ends(wire.CodeProtocol)
		}},
		unheld("a run by a stranger", func(d *den) (*script.Run, *script.Identity) {
			eve := d.t.identity()
			return d.first(eve, "eve"), eve
		}),
		unheld("a run by a reader", func(d *den) (*script.Run, *script.Identity) { return d.first(d.reader, "reader"), d.reader }),
		unheld("a run by a member that has not seen what made it one", func(d *den) (*script.Run, *script.Identity) {
			r := d.first(d.member, "early")
			r.Heads = []wire.ID{d.epoch} // the add comes behind it
			r.Incarnate()
			r.Messages = nil
			d.seal(r, "early")
			return r, d.member
		}),
		unheld("a run in an epoch that its writer knew to be replaced", func(d *den) (*script.Run, *script.Identity) {
			old := d.epoch
			d.submit(d.user, nil, d.newEpoch())
			r := d.first(d.member, "old key")
			r.Epoch = old
			return r, d.member
		}),
		unheld("a run in an epoch that is no entry", func(d *den) (*script.Run, *script.Identity) {
			r := d.first(d.member, "no epoch")
			r.Epoch = wire.ID(d.t.random(32))
			return r, d.member
		}),
		unheld("a run with heads that are not held", func(d *den) (*script.Run, *script.Identity) {
			r := d.first(d.member, "unknown heads")
			r.Heads = []wire.ID{wire.ID(d.t.random(32))}
			r.Incarnate()
			return r, d.member
		}),
		{Name: "a run of one room replayed into another", Section: sectionValidity, Expect: protocolError + ", and the run not held there", run: func(t *T) {
			here, there := t.den(), t.den()
			r := here.first(here.member, "here")
			l, _ := there.opened(there.master)
			l.push(r.Bytes(here.member.Signer))
			l.ends(wire.CodeProtocol)
			there.holds(r.Log())
		}},
		{Name: "a later run that forgets what the one before it had seen", Section: sectionValidity, Expect: "no Ack, and the log as it was", run: func(t *T) {
			d := t.den()
			old := d.last.ID()
			oldEpoch := d.epoch
			d.submit(d.user, nil, d.newEpoch())
			l, _ := d.opened(d.member)
			first := d.first(d.member, "one")
			l.push(first.Bytes(d.member.Signer))
			l.acked(first)
			second := d.next(first, "two")
			second.Heads, second.Epoch = []wire.ID{old}, oldEpoch
			l.push(second.Bytes(d.member.Signer))
			l.unacked(second)
			d.holds(first.Log(), first.Bytes(d.member.Signer))
		}},
		{Name: "a run behind the pin of its author's removal", Section: sectionValidity, Expect: "no Ack, and the log up to the pin", run: func(t *T) {
			d := t.den()
			l, _ := d.opened(d.member)
			first := d.first(d.member, "counts")
			second := d.next(first, "does not")
			l.push(first.Bytes(d.member.Signer))
			l.acked(first)
			d.submit(d.user, nil, d.remove(d.member, script.Pin{Log: first.Log(), Number: 1, Link: first.Hash()}))
			m, _ := d.opened(d.master)
			m.push(second.Bytes(d.member.Signer))
			m.unacked(second)
			d.holds(first.Log(), first.Bytes(d.member.Signer))
		}},
		{Name: "a removed member's peer is told nothing more", Section: sectionRights, Expect: "no digest, no run", run: func(t *T) {
			d := t.den()
			d.submit(d.user, nil, d.remove(d.member))
			r := d.first(d.master, "after")
			m, _ := d.opened(d.master)
			m.push(r.Bytes(d.master.Signer))
			m.acked(r)
			l := d.offered()
			l.say(&wire.OpenRoom{Delegation: d.delegation(d.member, l.self.ID())})
			l.withoutRuns(r)
		}},
		{Name: "a removal ends what an open session of the member's peer is given", Section: sectionRights, Expect: "the right asked for again, and no run", run: func(t *T) {
			d := t.den()
			l, _ := d.opened(d.member)
			d.submit(d.user, nil, d.remove(d.member))
			r := d.first(d.master, "after")
			m, _ := d.opened(d.master)
			m.push(r.Bytes(d.master.Signer))
			m.acked(r)
			l.withoutRuns(r)
		}},
		refusedEntry("an epoch begun by a member", func(d *den) (*script.Identity, []byte) {
			forged := d.draft(script.KindEpoch, script.Epoch(d.newKey()))
			forged.Key = d.member.Public()
			return d.member, forged.Bytes(d.member.Signer)
		}),
		refusedEntry("a member that makes itself somebody it adds", func(d *den) (*script.Identity, []byte) {
			d.chain(script.KindAdd, script.Add(d.t.identity().Bundle, script.RoleMember))
			forged := *d.last
			forged.Key = d.member.Public()
			return d.member, forged.Bytes(d.member.Signer)
		}),
		refusedEntry("an entry on the master's chain whose number leaves one out", func(d *den) (*script.Identity, []byte) {
			d.chain(script.KindAdd, script.Add(d.t.identity().Bundle, script.RoleMember))
			d.last.Number++
			return d.master, d.last.Bytes(d.master.Signer)
		}),
		refusedEntry("an entry of another room", func(d *den) (*script.Identity, []byte) {
			d.chain(script.KindAdd, script.Add(d.t.identity().Bundle, script.RoleMember))
			d.last.Room = wire.ID{1}
			return d.master, d.last.Bytes(d.master.Signer)
		}),
		refusedEntry("an entry that gives a role that does not exist", func(d *den) (*script.Identity, []byte) {
			return d.master, d.chain(script.KindAdd, script.Add(d.t.identity().Bundle, 9))
		}),
		{Name: "an entry with another's signature, from a peer", Section: sectionRefused, Expect: protocolError + ", and no more entries than before", run: func(t *T) {
			d := t.den()
			before := d.entries()
			l, _ := d.opened(d.member)
			d.chain(script.KindAdd, script.Add(t.identity().Bundle, script.RoleMember))
			l.say(&wire.Records{Set: wire.SetEntries, Records: wire.List[wire.Bytes]{d.last.Bytes(d.member.Signer)}})
			l.ends(wire.CodeProtocol)
			if n := d.entries(); n != before {
				t.fail(fmt.Sprintf("%d entries", n), "a forged entry is held")
			}
		}},
		{Name: "more than 64 entries that break a rule, from a peer", Section: sectionBounds, Expect: protocolError, run: func(t *T) {
			d := t.den()
			l, _ := d.opened(d.member)
			m := &wire.Records{Set: wire.SetEntries}
			for range 70 {
				e := *d.last
				e.Number, e.Prev, e.Key = e.Number+1, d.last.ID(), d.member.Public()
				e.Heads, e.Kind, e.Body = []wire.ID{d.last.ID()}, script.KindEpoch, script.Epoch(t.random(16), wire.ID(t.random(32)))
				m.Records = append(m.Records, e.Bytes(d.member.Signer))
			}
			l.say(m)
			l.ends(wire.CodeProtocol)
		}},
		{Name: "a user that does not belong to a room is told nothing of it", Section: sectionUsers, Expect: "the streams ended with code 6 (not found), as for a room that is nowhere", run: func(t *T) {
			d := t.den()
			eve := t.user(t.identity())
			for _, m := range []wire.Message{
				&wire.Tail{Room: d.room}, &wire.AuthorityGet{Room: d.room}, &wire.WriterGet{Room: d.room}, &wire.VerifyGet{Room: d.room}, &wire.HeadsGet{Room: d.room, Most: 1},
				&wire.PlacedGet{Room: d.room}, &wire.RoomWatch{Room: d.room}, &wire.RoomsGet{Room: d.room}, &wire.SealedGet{Room: d.room}, &wire.Append{Room: d.room},
			} {
				eve.unanswered(m, wire.CodeNotFound) // another code would show that the room is kept for others
			}
		}},
		{Name: "a user that hands over another's delegation", Section: sectionUsers, Expect: "the stream ended with code 5 (refused)", run: func(t *T) {
			d := t.den()
			eve := t.user(t.identity())
			n := eve.ask(script.Interactive, &wire.Submit{Room: d.room, Delegation: d.delegation(d.member, d.target)})
			eve.streamEnds(n, wire.CodeRefused)
		}},
	}, liveCases()...)
}

// theirOffer is a session of a peer that keeps no room, and the peer's Offer.
func (t *T) theirOffer() (*session, *wire.Offer) {
	s := t.peer()
	o, ok := s.answer(s.ask(script.Interactive, &wire.Offer{})).(*wire.Offer)
	if !ok || len(o.Tags) < 16 {
		t.fail(describe(script.Incoming{Message: o}, nil), "the responder does not offer its rooms")
	}
	return s, o
}

// nothing asks for all that a room has, and wants none of it.
func (l *lobby) nothing(d *den, r *script.Run) {
	none := make([]byte, 16)
	other := bytes.Repeat([]byte{0xa5}, 16)
	for _, set := range []uint64{wire.SetEntries, wire.SetBoxes, wire.SetLogs, wire.SetProofs} {
		l.say(&wire.Ranges{Set: set, Nodes: wire.List[wire.RangeNode]{{Prefix: []byte{}, Hash: other}}})
	}
	l.say(&wire.Fetch{Set: wire.SetEntries, IDs: wire.List[wire.ID]{d.room}}, &wire.State{Digest: none})
	l.withoutRuns(r)
}

// withoutRuns asks for a run, and wants neither it nor a digest, a record or an
// element of a set.
func (l *lobby) withoutRuns(r *script.Run) {
	n := l.ask(script.Bulk, &wire.Pull{Wants: wire.List[wire.Want]{{Log: r.Log(), First: 1, Last: 1}}})
	ended := false
	for by := soon(); ; {
		in, err := l.Next(by)
		if ended {
			by = later(quiet)
		}
		if script.TimedOut(err) && ended {
			break
		}
		if err != nil {
			l.t.fail(describe(in, err), "a Pull without a right is not ended")
		}
		told := false
		switch m := in.Message.(type) {
		case *wire.Runs, *wire.Push, *wire.Announce, *wire.State:
			told = true
		case *wire.OpenRoom:
			told = len(m.State) > 0
		case *wire.RangesReply:
			told = len(m.Children)+len(m.Leaves)+len(m.Keys)+len(m.Heads) > 0
		case *wire.Records:
			told = m.Asked && len(m.Records) > 0
		case *wire.StreamEnd:
			ended = ended || m.Stream == n
			by = later(quiet)
		}
		if told {
			l.t.fail(describe(in, err), "something of the room is told without a right to it")
		}
	}
	l.alive()
}
