package conform

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"parley/cmd/internal/script"
	"parley/wire"
)

const sectionReading = "rooms, Reading"

// readingCases are the rules of the answers that show a user what its peer holds.
func readingCases() []Case {
	return slices.Concat(tailCases(), tailEndCases(), shownCases(), followCases(), placedCases(), verifyCases(), outsideCases())
}

// tailCases are the rules of Tail.
func tailCases() []Case {
	return []Case{
		{Name: "a history ends with its mark, behind which the next tail goes on", Section: sectionReading, Expect: "two runs and their mark, then the third alone", run: func(t *T) {
			d := t.den()
			first := d.first(d.member, "one")
			second := d.next(first, "two")
			third := d.next(second, "three")
			d.writes(first, d.member)
			d.writes(second, d.member)
			mark := d.tailIs(d.user, &wire.Tail{Room: d.room}, first, second)
			d.writes(third, d.member)
			d.tailIs(d.user, &wire.Tail{Room: d.room, Instance: mark.Instance, After: mark.Arrival}, third)
		}},
		{Name: "a place in another store is none in this one", Section: sectionReading, Expect: "the whole history", run: func(t *T) {
			d := t.den()
			r := d.first(d.member, "one")
			d.writes(r, d.member)
			mark := d.tailIs(d.user, &wire.Tail{Room: d.room}, r)
			d.tailIs(d.user, &wire.Tail{Room: d.room, Instance: t.random(16), After: mark.Arrival}, r)
		}},
		{Name: "the newest messages of a history come with the whole runs that hold them", Section: sectionReading, Expect: "as many runs as hold so many messages", run: func(t *T) {
			d := t.den()
			var runs []*script.Run
			for _, by := range []*script.Identity{d.member, d.master, d.member} {
				r := d.first(by, "one")
				d.seal(r, "two")
				d.writes(r, by)
				runs = append(runs, r)
			}
			for _, c := range []struct{ last, runs int }{{1, 1}, {2, 1}, {3, 2}, {6, 3}, {7, 3}} {
				d.tailIs(d.user, &wire.Tail{Room: d.room, Last: uint64(c.last)}, runs[3-c.runs:]...)
			}
		}},
		{Name: "who follows is given what arrives behind the mark", Section: sectionReading, Expect: "the mark of an empty history, then the run", run: func(t *T) {
			d := t.den()
			n := d.follows(d.user)
			r := d.first(d.member, "live")
			d.writes(r, d.member)
			m, ok := d.user.answer(n).(*wire.TailRuns)
			if !ok || len(m.Items) != 1 || !bytes.Equal(m.Items[0].Run, r.Bytes(d.member.Signer)) || m.Items[0].Arrival == 0 {
				t.fail(describe(script.Incoming{Message: m}, nil), "a run that arrives is not given to who follows")
			}
		}},
		{Name: "who gives up a tail is given no more", Section: sectionUsers, Expect: "nothing of a later run", run: func(t *T) {
			d := t.den()
			n := d.follows(d.user)
			d.user.send(script.Frame(0, &wire.StreamEnd{Stream: n, Code: wire.CodeShutdown}))
			d.user.alive()
			d.writes(d.first(d.member, "later"), d.member)
			d.user.nothingOn(n)
		}},
	}
}

// tailEndCases are about users who lose the right to read.
func tailEndCases() []Case {
	// ends has the member follow the room, and wants f to end that before the next run.
	ends := func(name string, f func(d *den, s *session)) Case {
		return Case{Name: name, Section: sectionUsers, Expect: "the stream ended with code 6 (not found), and no later run", run: func(t *T) {
			d := t.den()
			s := d.serve(d.member)
			n := d.follows(s)
			r := d.first(d.master, "before")
			d.writes(r, d.master)
			if m, ok := s.answer(n).(*wire.TailRuns); !ok {
				t.fail(describe(script.Incoming{Message: m}, nil), "a run that arrives is not given to who follows")
			}
			var got []script.Incoming
			s.on = func(in script.Incoming) { // while f waits for something else
				if about(n)(in) {
					got = append(got, in)
				}
			}
			f(d, s)
			d.writes(d.next(r, "behind it"), d.master)
			if len(got) == 0 {
				got = append(got, s.await("the end of a tail", about(n)))
			}
			if end, ok := got[0].Message.(*wire.StreamEnd); !ok || end.Code != wire.CodeNotFound {
				t.fail(describe(got[0], nil), "a tail is not ended with code %d (%v)", wire.CodeNotFound, wire.CodeNotFound)
			}
		}}
	}
	return []Case{
		ends("a removal ends what whoever it removes follows", func(d *den, _ *session) { d.submit(d.user, nil, d.remove(d.member)) }),
		ends("a leave ends what its writer follows", func(d *den, _ *session) {
			d.submit(d.user, nil, d.beside(script.KindLeave, d.member, script.Leave()).Bytes(d.member.Signer))
		}),
		ends("giving up a room ends what its user follows", func(d *den, s *session) {
			s.streamEnds(s.ask(script.Interactive, &wire.RoomDetach{Room: d.room}), wire.CodeOK)
		}),
		{Name: "whoever was removed reads no more", Section: sectionUsers, Expect: "the streams ended with code 6 (not found)", run: func(t *T) {
			d := t.den()
			s := d.serve(d.member)
			s.appended(d, d.first(d.member, "one"))
			d.submit(d.user, nil, d.remove(d.member))
			for _, m := range []wire.Message{&wire.Tail{Room: d.room}, &wire.Tail{Room: d.room, Follow: true}, &wire.HeadsGet{Room: d.room, Most: 9}} {
				s.unanswered(m, wire.CodeNotFound)
			}
		}},
	}
}

// shownCases are the rules of the answers that come at once and whole.
func shownCases() []Case {
	return []Case{
		{Name: "HeadsGet gives the last run of each log, the newest first", Section: sectionUsers, Expect: "the runs asked for, by author and number", run: func(t *T) {
			d := t.den()
			first := d.first(d.member, "one")
			second := d.next(first, "two")
			other := d.first(d.master, "another's")
			d.writes(first, d.member)
			d.writes(other, d.master)
			d.writes(second, d.member)
			for _, c := range []struct {
				author wire.ID
				most   uint64
				want   []*script.Run
			}{
				{wire.ID{}, 9, []*script.Run{second, other}},
				{wire.ID{}, 1, []*script.Run{second}},
				{d.master.ID(), 9, []*script.Run{other}},
				{d.reader.ID(), 9, nil},
				{wire.ID{}, 0, nil},
			} {
				n := d.user.ask(script.Interactive, &wire.HeadsGet{Room: d.room, Author: c.author, Most: c.most})
				d.runsAre(d.user.items(n, nil), c.want...)
			}
		}},
		{Name: "a log of which nothing counts is none to HeadsGet", Section: sectionUsers, Expect: "the last runs of the others", run: func(t *T) {
			d := t.den()
			gone, stays := d.first(d.member, "one"), d.first(d.master, "another's")
			d.writes(gone, d.member)
			d.writes(stays, d.master)
			d.submit(d.user, nil, d.remove(d.member))
			var got []wire.TailItem
			for by := soon(); time.Now().Before(by); { // until the run has been moved
				if got = d.user.items(d.user.ask(script.Interactive, &wire.HeadsGet{Room: d.room, Most: 9}), nil); len(got) == 1 {
					break
				}
			}
			d.runsAre(got, stays)
		}},
		{Name: "RoomsGet tells what is held of the rooms kept for the user", Section: sectionUsers, Expect: "the room and the lobby, or the room asked for", run: func(t *T) {
			d := t.den()
			d.writes(d.first(d.member, "one"), d.member)
			all := d.roomsInfo(wire.ID{})
			open := slices.ContainsFunc(all, func(r wire.RoomInfo) bool { return r.Open })
			here := slices.ContainsFunc(all, func(r wire.RoomInfo) bool { return r.Room == d.room && !r.Open })
			one := d.roomsInfo(d.room)
			if !open || !here || len(one) != 1 || one[0].Room != d.room {
				t.fail(fmt.Sprintf("%+v", all), "not the user's rooms are told")
			}
			if r := one[0]; r.Entries != 4 || r.Logs != 1 || r.Messages != 1 || r.Bytes == 0 || r.Arrival == 0 || r.LastReceived == 0 {
				t.fail(fmt.Sprintf("%+v", r), "not what is held of the room is told: 4 entries, a log, a message")
			}
			d.user.streamEnds(d.user.ask(script.Interactive, &wire.RoomsGet{Room: wire.ID(t.random(32))}), wire.CodeNotFound)
		}},
		{Name: "SealedGet tells for whom a box of an epoch is held", Section: sectionUsers, Expect: "the two recipients, ascending; of another epoch nobody", run: func(t *T) {
			d := t.den()
			old := d.epoch
			d.takes(d.member)
			d.takes(d.reader)
			d.submit(d.user, nil, d.newEpoch())
			for epoch, want := range map[wire.ID][]wire.ID{old: script.Sorted(d.member.ID(), d.reader.ID()), d.epoch: nil} {
				m, ok := d.user.answer(d.user.ask(script.Interactive, &wire.SealedGet{Room: d.room, Epoch: epoch})).(*wire.Sealed)
				if !ok || m.More || !slices.Equal(m.Recipients, want) {
					t.fail(describe(script.Incoming{Message: m}, nil), "not the %d recipients are told", len(want))
				}
			}
		}},
	}
}

// followCases are the rules of the other answers without an end.
func followCases() []Case {
	return []Case{
		{Name: "who follows a room's entries is told of new ones, and of boxes for its recipient", Section: sectionUsers, Expect: "the entry and the box, and no other's box", run: func(t *T) {
			d := t.den()
			s := d.serve(d.member)
			n := s.ask(script.Interactive, &wire.AuthorityGet{Room: d.room, Follow: true})
			s.told(n)
			raw := d.add(t.identity(), script.RoleReader)
			d.submit(d.user, nil, raw)
			if m, ok := s.answer(n).(*wire.Authority); !ok || len(m.Entries) != 1 || !bytes.Equal(m.Entries[0], raw) || len(m.Boxes) != 0 {
				t.fail(describe(script.Incoming{Message: m}, nil), "a new entry is not told to who follows")
			}
			d.takes(d.reader) // another's
			mine := d.takes(d.member)
			if m, ok := s.answer(n).(*wire.Authority); !ok || len(m.Boxes) != 1 || !bytes.Equal(m.Boxes[0], mine.Bytes(d.master.Signer)) {
				t.fail(describe(script.Incoming{Message: m}, nil), "not the box of its recipient is told to who follows")
			}
		}},
		{Name: "RoomWatch tells how far a room is at once, and at a change", Section: sectionUsers, Expect: "4 entries and no message, then one", run: func(t *T) {
			d := t.den()
			n := d.user.ask(script.Interactive, &wire.RoomWatch{Room: d.room})
			if m, ok := d.user.answer(n).(*wire.RoomProgress); !ok || *m != (wire.RoomProgress{Entries: 4}) {
				t.fail(describe(script.Incoming{Message: m}, nil), "not what is held is told")
			}
			d.serve(d.member).appended(d, d.first(d.member, "one"))
			if m, ok := d.user.answer(n).(*wire.RoomProgress); !ok || *m != (wire.RoomProgress{Entries: 4, Messages: 1}) {
				t.fail(describe(script.Incoming{Message: m}, nil), "a change is not told as it is")
			}
		}},
	}
}

// placedCases are the rules of PlacedGet.
func placedCases() []Case {
	return []Case{
		{Name: "a message is on a peer's disk when that peer has acknowledged it", Section: sectionUsers, Expect: "0 of 1, then 1 of 1", run: func(t *T) {
			d := t.den()
			l := d.ready(d.reader)
			l.rest()
			s := d.serve(d.member)
			r := d.first(d.member, "one")
			s.appended(d, r)
			l.await("a Push", func(in script.Incoming) bool { _, ok := in.Message.(*wire.Push); return ok })
			d.placed(s, &wire.PlacedGet{Room: d.room, Log: r.Log(), Number: 1}, wire.Placed{On: 0, Of: 1})
			n := s.ask(script.Interactive, &wire.PlacedGet{Room: d.room, Log: r.Log(), Number: 1, Replicas: 1, Wait: uint64(answerWithin.Milliseconds() / 2)})
			s.alive()
			l.say(&wire.Ack{Marks: wire.List[wire.Ref]{{Log: r.Log(), Number: 1}}})
			if m, ok := s.answer(n).(*wire.Placed); !ok || *m != (wire.Placed{On: 1, Of: 1}) {
				t.fail(describe(script.Incoming{Message: m}, nil), "a message that was acknowledged is not told to be there")
			}
		}},
		{Name: "PlacedGet waits no longer than it says", Section: sectionUsers, Expect: "what there is by then: 0 of 0", run: func(t *T) {
			d := t.den()
			r := d.first(d.member, "one")
			s := d.serve(d.member)
			s.appended(d, r)
			d.placed(s, &wire.PlacedGet{Room: d.room, Log: r.Log(), Number: 1, Replicas: 3, Wait: 200}, wire.Placed{})
		}},
		{Name: "a message that is not held is placed nowhere", Section: sectionUsers, Expect: "the streams ended with code 6 (not found)", run: func(t *T) {
			d := t.den()
			r := d.first(d.member, "one")
			d.writes(r, d.member)
			for _, m := range []*wire.PlacedGet{{Room: d.room, Log: r.Log(), Number: 2}, {Room: d.room, Log: wire.ID(t.random(32)), Number: 1}} {
				d.user.streamEnds(d.user.ask(script.Interactive, m), wire.CodeNotFound)
			}
		}},
	}
}

// verifyCases are the rules of VerifyGet.
func verifyCases() []Case {
	return []Case{
		{Name: "VerifyGet tells the state of a room, and its forks", Section: sectionUsers, Expect: "the digest that peers are told, and the forked log", run: func(t *T) {
			d, first, left, right := t.forkedDen()
			l, _ := d.opened(d.master)
			l.say(&wire.Records{Set: wire.SetProofs, Records: wire.List[wire.Bytes]{script.ForkOf(left, right, d.member.Signer).Bytes()}})
			l.headIs(d, first)
			_, o := d.opened(d.reader)
			m, ok := d.user.answer(d.user.ask(script.Interactive, &wire.VerifyGet{Room: d.room, Peer: wire.ID(t.random(32))})).(*wire.Verified)
			if !ok || !bytes.Equal(m.Digest, o.State) || !slices.Equal(m.Forks, []wire.ID{first.Log()}) {
				t.fail(describe(script.Incoming{Message: m}, nil), "not the digest %x and the one fork are told", []byte(o.State))
			}
			if len(m.Peers) != 1 || m.Peers[0].Identical || m.Peers[0].Problem == "" {
				t.fail(describe(script.Incoming{Message: m}, nil), "of a peer that is not there it is not told that it could not be compared")
			}
		}},
		{Name: "VerifyGet finds a peer that holds the same to be identical", Section: sectionUsers, Expect: "the peer, identical, without holes", run: func(t *T) {
			d := t.den()
			d.writes(d.first(d.member, "one"), d.member)
			l := d.ready(d.reader)
			l.rest()
			n := d.user.ask(script.Interactive, &wire.VerifyGet{Room: d.room, Peer: l.self.ID()})
			l.rest()
			m, ok := d.user.answer(n).(*wire.Verified)
			if !ok || m.Messages != 1 || len(m.Peers) != 1 || m.Peers[0].Peer != l.self.ID() || !m.Peers[0].Identical || len(m.Peers[0].Holes) != 0 || m.Peers[0].Problem != "" {
				t.fail(describe(script.Incoming{Message: m}, nil), "a peer in which nothing differs is not told to be identical")
			}
		}},
		{Name: "VerifyGet tells where both sides lack messages, and where they differ", Section: sectionUsers, Expect: "a hole here, one there, and one that differs", run: func(t *T) {
			d := t.den()
			ours, both := d.first(d.member, "ours"), d.first(d.master, "both's")
			d.writes(ours, d.member)
			d.writes(both, d.master)
			l := d.ready(d.reader)
			l.rest()
			theirs := wire.ID(t.random(32))
			heads := []wire.Head{{Log: theirs, Last: 3, Link: wire.ID(t.random(32))}, {Log: both.Log(), Last: 1, Link: wire.ID(t.random(32))}}
			slices.SortFunc(heads, func(a, b wire.Head) int { return a.Log.Compare(b.Log) })
			l.on = func(in script.Incoming) {
				if m, ok := in.Message.(*wire.Ranges); ok && m.Set == wire.SetLogs {
					l.say(&wire.RangesReply{Ref: m.Ref, Set: m.Set, Leaves: wire.List[wire.Bytes]{{}}, Heads: heads})
					return
				}
				l.equal(in)
			}
			n := d.user.ask(script.Interactive, &wire.VerifyGet{Room: d.room, Peer: l.self.ID()})
			l.rest()
			m, ok := d.user.answer(n).(*wire.Verified)
			if !ok || len(m.Peers) != 1 || m.Peers[0].Identical {
				t.fail(describe(script.Incoming{Message: m}, nil), "a peer that holds something else is not told of as such")
			}
			for _, want := range []wire.Hole{
				{Log: theirs, First: 1, Last: 3, Side: "here"}, {Log: ours.Log(), First: 1, Last: 1, Side: "there"}, {Log: both.Log(), First: 1, Last: 1, Side: "differs"},
			} {
				if len(m.Peers[0].Holes) != 3 || !slices.Contains(m.Peers[0].Holes, want) {
					t.fail(fmt.Sprintf("%+v", m.Peers[0].Holes), "the hole %+v is not told", want)
				}
			}
		}},
	}
}

// items are the runs that come on a stream until it ends in order; marks are shown to mark.
func (s *session) items(stream uint32, mark func(*wire.TailMark)) (all []wire.TailItem) {
	s.await("the end of an answer", func(in script.Incoming) bool {
		switch m := in.Message.(type) {
		case *wire.TailRuns:
			if in.Stream == stream {
				all = append(all, m.Items...)
			}
		case *wire.TailMark:
			if in.Stream == stream {
				mark(m)
			}
		case *wire.StreamEnd:
			if m.Stream == stream && m.Code != wire.CodeOK {
				s.t.fail(describe(in, nil), "a request is refused")
			}
			return m.Stream == stream
		}
		return false
	})
	return all
}

// unanswered wants a request's stream ended with the code, and nothing on it.
func (s *session) unanswered(m wire.Message, code wire.Code) {
	n := s.ask(script.Interactive, m)
	in := s.await("the end of a stream", about(n))
	if end, ok := in.Message.(*wire.StreamEnd); !ok || end.Code != code {
		s.t.fail(describe(in, nil), "a %T is answered, or its stream is not ended with code %d (%v)", m, code, code)
	}
}

// about tells whether a frame is on a stream, or ends it.
func about(stream uint32) func(script.Incoming) bool {
	return func(in script.Incoming) bool {
		end, ok := in.Message.(*wire.StreamEnd)
		return in.Stream == stream || ok && end.Stream == stream
	}
}

// tailIs wants a tail to give exactly these runs, one at least, in the order of their arrival, and its mark behind them.
func (d *den) tailIs(s *session, m *wire.Tail, want ...*script.Run) (mark *wire.TailMark) {
	got := s.items(s.ask(script.Interactive, m), func(m *wire.TailMark) { mark = m })
	d.runsAre(got, want...)
	last := uint64(0)
	for i := range got {
		if got[i].Arrival <= last {
			d.t.fail(fmt.Sprintf("%d behind %d", got[i].Arrival, last), "arrival numbers do not grow")
		}
		last = got[i].Arrival
	}
	if mark == nil || len(mark.Instance) != 16 || mark.Arrival != last || !mark.Live {
		d.t.fail(describe(script.Incoming{Message: mark}, nil), "the end of a history is not marked at the arrival %d", last)
	}
	return mark
}

// runsAre wants exactly these runs, each with when it came.
func (d *den) runsAre(got []wire.TailItem, want ...*script.Run) {
	signers := map[wire.ID]*script.Identity{d.master.ID(): d.master, d.member.ID(): d.member}
	if len(got) != len(want) {
		d.t.fail(fmt.Sprintf("%d runs", len(got)), "not the %d runs come", len(want))
	}
	for i, r := range want {
		if !bytes.Equal(got[i].Run, r.Bytes(signers[r.Author()].Signer)) || got[i].Arrival == 0 || got[i].Received == 0 {
			d.t.fail(fmt.Sprintf("%+v", got[i]), "the run at place %d is not the one that is due, with its arrival", i)
		}
	}
}

// follows opens a tail of an empty history, and wants its mark.
func (d *den) follows(s *session) (stream uint32) {
	stream = s.ask(script.Interactive, &wire.Tail{Room: d.room, Follow: true})
	if m, ok := s.answer(stream).(*wire.TailMark); !ok || !m.Live || len(m.Instance) != 16 {
		d.t.fail(describe(script.Incoming{Message: m}, nil), "the end of an empty history is not marked")
	}
	return stream
}

// nothingOn wants nothing but its end to come on a stream for a while.
func (s *session) nothingOn(stream uint32) {
	for by := later(quiet); ; {
		in, err := s.Next(by)
		if script.TimedOut(err) {
			return
		}
		if err != nil || in.Stream == stream {
			s.t.fail(describe(in, err), "something comes on a stream that was given up")
		}
	}
}

// placed wants an answer to PlacedGet.
func (d *den) placed(s *session, m *wire.PlacedGet, want wire.Placed) {
	if got, ok := s.answer(s.ask(script.Interactive, m)).(*wire.Placed); !ok || *got != want {
		d.t.fail(describe(script.Incoming{Message: got}, nil), "PlacedGet is not answered with %+v", want)
	}
}

// roomsInfo is what RoomsGet tells.
func (d *den) roomsInfo(room wire.ID) []wire.RoomInfo {
	m, ok := d.user.answer(d.user.ask(script.Interactive, &wire.RoomsGet{Room: room})).(*wire.Rooms)
	if !ok {
		d.t.fail("another message", "RoomsGet is not answered with Rooms")
	}
	return m.Rooms
}
