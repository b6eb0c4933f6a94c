package conform

import (
	"bytes"
	"fmt"
	"time"

	"parley/cmd/internal/script"
	"parley/wire"
)

const (
	sectionFinding   = "rooms, Finding the rooms in common"
	sectionComparing = "rooms, Comparing"
	sectionSync      = "rooms, Sync"
	sectionPulls     = "rooms, Runs (sync)"
	sectionBounds    = "rooms, Bounds"
)

// syncCases are the rules of finding rooms and comparing them.
func syncCases() []Case {
	// offer sends an Offer first, and wants the session ended.
	offer := func(name string, m func(t *T) *wire.Offer) Case {
		return Case{Name: name, Section: sectionFinding, Expect: protocolError, run: func(t *T) {
			s := t.peer()
			s.ask(script.Interactive, m(t))
			s.ends(wire.CodeProtocol)
		}}
	}
	// inLobby sends messages about the lobby, and wants the session ended.
	inLobby := func(name, section string, messages func(l *lobby) []wire.Message) Case {
		return Case{Name: name, Section: section, Expect: protocolError, run: func(t *T) {
			l := t.lobby()
			l.say(messages(l)...)
			l.ends(wire.CodeProtocol)
		}}
	}
	one := func(m wire.Message) func(*lobby) []wire.Message {
		return func(*lobby) []wire.Message { return []wire.Message{m} }
	}
	// roomsEnded ends the interactive stream.
	roomsEnded := func(name string, code wire.Code) Case {
		return Case{Name: name, Section: sectionSync, Expect: protocolError, run: func(t *T) {
			l := t.lobby()
			l.send(script.Frame(0, &wire.StreamEnd{Stream: l.rooms, Code: code}))
			l.ends(wire.CodeProtocol)
		}}
	}
	// onStream opens a stream of a class with a message that does not belong there.
	onStream := func(name string, class uint32, m wire.Message) Case {
		return Case{Name: name, Section: sectionSync, Expect: protocolError, run: func(t *T) {
			l := t.lobby()
			l.ask(class, m)
			l.ends(wire.CodeProtocol)
		}}
	}
	none := make([]byte, 16)
	return append([]Case{
		{Name: "the lobby is matched, and its state told under the peer's own role", Section: sectionFinding, Expect: "Match with a keyed state that fits the digest told later", run: keyedState},
		{Name: "a tag of no room is not matched", Section: sectionFinding, Expect: "no Match", run: func(t *T) {
			s := t.peer()
			s.ask(script.Interactive, &wire.Offer{Tags: t.random(16)})
			s.unmatched()
		}},
		{Name: "a tag under the peer's role, echoed, is not matched", Section: sectionFinding, Expect: "no Match", run: func(t *T) {
			l, _ := t.offered()
			other := t.peer()
			other.ask(script.Interactive, &wire.Offer{Tags: other.Tag("offer", theirs, l.room)})
			other.unmatched()
		}},
		{Name: "a tag of another session is not matched", Section: sectionFinding, Expect: "no Match", run: func(t *T) {
			l, _ := t.offered()
			other := t.peer()
			other.ask(script.Interactive, &wire.Offer{Tags: l.Tag("offer", mine, l.room)})
			other.unmatched()
		}},
		{Name: "rooms are found among 16,384 tags in one Offer", Section: sectionFinding, Expect: "Match of the one", run: func(t *T) {
			l, _ := t.offered()
			s := t.peer()
			tags := bytes.Clone(t.random(16 * 16383))
			n := s.ask(script.Interactive, &wire.Offer{Tags: append(tags, s.Tag("offer", mine, l.room)...)})
			m, ok := s.answer(n).(*wire.Match)
			if !ok || len(m.Known) != 1 || m.Known[0] != 2*16383 {
				t.fail(describe(script.Incoming{Message: m}, nil), "the last of the tags is not matched by its ref 32766")
			}
		}},
		offer("an Offer of 16,385 tags", func(t *T) *wire.Offer { return &wire.Offer{Tags: t.random(16 * 16385)} }),
		offer("an Offer with a tag of 15 bytes", func(t *T) *wire.Offer { return &wire.Offer{Tags: t.random(15)} }),
		offer("an Offer that does not start at 0", func(t *T) *wire.Offer { return &wire.Offer{Start: 1, Tags: t.random(16)} }),
		inLobby("a second Offer that starts where the first did", sectionFinding, one(&wire.Offer{Start: 0, Tags: none})),
		inLobby("a Match for a ref that was not offered", sectionFinding, one(&wire.Match{Known: wire.List[uint64]{1<<40 + 1}, States: none})),
		inLobby("a Match for one's own ref", sectionFinding, one(&wire.Match{Known: wire.List[uint64]{0}, States: none})),
		inLobby("a Match with fewer states than refs", sectionFinding, one(&wire.Match{Known: wire.List[uint64]{1}})),
		inLobby("an InStep for a ref that was not given", sectionFinding, one(&wire.InStep{Refs: wire.List[uint64]{1 << 40}})),
		inLobby("a State for a ref that was not given", sectionFinding, one(&wire.State{Ref: 1 << 40, Digest: none})),
		inLobby("a RoomClose for a ref that was not given", sectionFinding, one(&wire.RoomClose{Ref: 1 << 40})),
		inLobby("an Ack for a ref that was not given", sectionFinding, one(&wire.Ack{Ref: 1 << 40})),
		inLobby("a digest of 15 bytes", sectionSync, one(&wire.State{Digest: none[:15]})),
		inLobby("an OpenRoom with a digest of 17 bytes", sectionSync, one(&wire.OpenRoom{State: append(none, 0)})),
		inLobby("an OpenRoom with a delegation that is none", sectionSync, one(&wire.OpenRoom{Delegation: []byte{0x90}})),
		{Name: "a comparison is answered from the root down", Section: sectionComparing, Expect: "the log's head", run: func(t *T) {
			l := t.lobby()
			id := t.identity()
			r := l.first(id, "compared")
			l.push(r.Bytes(id.Signer))
			l.acked(r)
			if h := l.find(r.Log()); h.Last != 1 || h.Link != r.Hash() {
				t.fail(fmt.Sprintf("%+v", h), "the head of the log is not its last run")
			}
		}},
		{Name: "an equal node is answered by nothing", Section: sectionComparing, Expect: "no children, no elements", run: func(t *T) {
			l := t.lobby()
			l.say(&wire.Ranges{Set: wire.SetEntries, Nodes: wire.List[wire.RangeNode]{{Prefix: []byte{}, Hash: none}}})
			m := l.rangesReply()
			if len(m.Children)+len(m.Leaves)+len(m.Keys)+len(m.Heads) > 0 {
				t.fail(fmt.Sprintf("%+v", m), "an open room has entries")
			}
		}},
		inLobby("a comparison of 129 nodes", sectionComparing, func(*lobby) []wire.Message {
			m := &wire.Ranges{Set: wire.SetLogs}
			for range 129 {
				m.Nodes = append(m.Nodes, wire.RangeNode{Prefix: []byte{1}, Hash: none})
			}
			return []wire.Message{m}
		}),
		inLobby("a comparison of a set that does not exist", sectionComparing, one(&wire.Ranges{Set: 9})),
		inLobby("a prefix with a nibble of 16", sectionComparing, one(&wire.Ranges{Set: wire.SetLogs, Nodes: wire.List[wire.RangeNode]{{Prefix: []byte{16}, Hash: none}}})),
		inLobby("a prefix of 65 nibbles", sectionComparing, one(&wire.Ranges{Set: wire.SetLogs, Nodes: wire.List[wire.RangeNode]{{Prefix: make([]byte, 65), Hash: none}}})),
		inLobby("a node with a hash of 15 bytes", sectionComparing, one(&wire.Ranges{Set: wire.SetLogs, Nodes: wire.List[wire.RangeNode]{{Prefix: []byte{}, Hash: none[:15]}}})),
		inLobby("an answer to no question", sectionComparing, one(&wire.RangesReply{Set: wire.SetProofs})),
		inLobby("records that were not asked for, said to be", sectionComparing, one(&wire.Records{Set: wire.SetProofs, Asked: true})),
		inLobby("a Fetch of 1,025 records", sectionComparing, one(&wire.Fetch{Set: wire.SetProofs, IDs: make(wire.List[wire.ID], 1025)})),
		inLobby("a Fetch of logs", sectionComparing, one(&wire.Fetch{Set: wire.SetLogs, IDs: make(wire.List[wire.ID], 1)})),
		inLobby("a record of a proof that is none", sectionSync, one(&wire.Records{Set: wire.SetProofs, Records: wire.List[wire.Bytes]{{0x90}}})),
		inLobby("an Announce of a log whose last message is number 0", sectionSync, one(&wire.Announce{Heads: wire.List[wire.Head]{{Log: wire.ID{1}}}})),
		inLobby("an Announce of a floor above the last message", sectionSync, one(&wire.Announce{Heads: wire.List[wire.Head]{{Log: wire.ID{1}, Floor: 9, Last: 3, Link: wire.ID{1}}}})),
		onStream("a second interactive stream", script.Interactive, &wire.Offer{}),
		onStream("an Offer on a live stream", script.Live, &wire.Offer{}),
		onStream("a Push on a bulk stream", script.Bulk, &wire.Push{}),
		inLobby("a Push on the interactive stream", sectionSync, one(&wire.Push{})),
		inLobby("a Pull on the interactive stream", sectionSync, one(&wire.Pull{})),
		onStream("a Pull for a ref that was not given", script.Bulk, &wire.Pull{Ref: 1 << 40}),
		onStream("a Pull of 1,025 parts", script.Bulk, &wire.Pull{Wants: make(wire.List[wire.Want], 1025)}),
		{Name: "a Pull of what is not held ends in order", Section: sectionPulls, Expect: "no run, StreamEnd with code 0", run: func(t *T) {
			l := t.lobby()
			if runs := l.pull(wire.ID(t.random(32)), 1, 1<<62); len(runs) > 0 {
				t.fail(fmt.Sprintf("%d runs", len(runs)), "the peer serves a log that does not exist")
			}
		}},
		{Name: "a Pull that asks backwards, or from 0, is answered with nothing", Section: sectionPulls, Expect: "no run, StreamEnd with code 0", run: func(t *T) {
			l := t.lobby()
			id := t.identity()
			r := l.first(id, "backwards")
			l.push(r.Bytes(id.Signer))
			l.acked(r)
			for _, part := range [][2]uint64{{2, 1}, {0, 1}, {1<<64 - 1, 1}} {
				if runs := l.pull(r.Log(), part[0], part[1]); len(runs) > 0 {
					t.fail(fmt.Sprintf("%d runs", len(runs)), "messages %d to %d are served", part[0], part[1])
				}
			}
		}},
		{Name: "eight Pulls of one session are served at once", Section: sectionPulls, Expect: "eight answers", run: eightPulls},
		{Name: "after RoomClose nothing about the room is answered", Section: sectionFinding, Expect: livesOn, run: func(t *T) {
			l := t.lobby()
			l.say(&wire.RoomClose{}, &wire.Ranges{Set: wire.SetLogs, Nodes: wire.List[wire.RangeNode]{{Prefix: []byte{}, Hash: none}}})
			l.send(script.Frame(0, &wire.Ping{Seq: 77}))
			l.await("the answer to a ping", func(in script.Incoming) bool {
				if _, ok := in.Message.(*wire.RangesReply); ok {
					t.fail(describe(in, nil), "a closed room is answered for")
				}
				p, ok := in.Message.(*wire.Pong)
				return ok && p.Seq == 77
			})
		}},
		roomsEnded("this side's direction of the interactive stream ended", wire.CodeOK),
		roomsEnded("the interactive stream given up", wire.CodeShutdown),
	}, refCases()...)
}

// unmatched wants no Match of anything within a while, and the session alive.
func (s *session) unmatched() {
	for {
		in, err := s.Next(later(quiet))
		if script.TimedOut(err) {
			break
		}
		if m, ok := in.Message.(*wire.Match); err != nil || ok {
			s.t.fail(describe(in, err), "a tag is matched that is none of this side's (%+v)", m)
		}
	}
	s.alive()
}

func keyedState(t *T) {
	// The lobby may change between the state and the digest: then the next Offer shows.
	for by := soon(); ; {
		l, m := t.offered()
		if len(m.Known) != 1 || len(m.States) != 16 {
			t.fail(describe(script.Incoming{Message: m}, nil), "the lobby is not matched as known")
		}
		l.say(&wire.OpenRoom{State: script.EmptyState()})
		digest := l.opening().State
		if bytes.Equal(m.States, l.Tag("state", theirs, l.room, digest)) {
			return
		}
		if time.Now().After(by) {
			t.fail(fmt.Sprintf("%x for the digest %x", []byte(m.States), []byte(digest)), "the keyed state is not HMAC(exporter, \"state\", 1, room, digest)")
		}
	}
}

// rangesReply wants the answer to a question.
func (l *lobby) rangesReply() *wire.RangesReply {
	return l.await("RangesReply", func(in script.Incoming) bool {
		_, ok := in.Message.(*wire.RangesReply)
		return ok
	}).Message.(*wire.RangesReply)
}

// find walks down the tree over the peer's logs to one of them.
func (l *lobby) find(log wire.ID) wire.Head {
	other := bytes.Repeat([]byte{0xa5}, 16) // the hash of no node
	for depth := range 64 {
		prefix := make([]byte, depth)
		for i := range prefix {
			prefix[i] = log[i/2] >> (4 * (1 - i%2)) & 15
		}
		l.say(&wire.Ranges{Set: wire.SetLogs, Nodes: wire.List[wire.RangeNode]{{Prefix: prefix, Hash: other}}})
		m := l.rangesReply()
		for _, h := range m.Heads {
			if h.Log == log {
				return h
			}
		}
		if len(m.Children) == 0 {
			break
		}
	}
	l.t.fail("it is not there", "a log that was acknowledged is not in the peer's set of logs")
	return wire.Head{}
}

func eightPulls(t *T) {
	l := t.lobby()
	id := t.identity()
	r := l.first(id, "eight times")
	l.push(r.Bytes(id.Signer))
	l.acked(r)
	open := map[uint32]int{}
	for range 8 {
		n := l.ask(script.Bulk, &wire.Pull{Wants: wire.List[wire.Want]{{Log: r.Log(), First: 1, Last: 1}}})
		open[n] = 0
	}
	ended := 0
	l.await("the end of eight pulls", func(in script.Incoming) bool {
		if m, ok := in.Message.(*wire.Runs); ok {
			open[in.Stream] += len(m.Runs)
		}
		if end, ok := in.Message.(*wire.StreamEnd); ok {
			if got := open[end.Stream]; got != 1 || end.Code != wire.CodeOK {
				t.fail(describe(in, nil), "one of eight pulls is not served")
			}
			ended++
		}
		return ended == 8
	})
}
