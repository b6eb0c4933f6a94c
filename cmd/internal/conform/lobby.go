package conform

import (
	"crypto/sha256"
	"fmt"
	"time"

	"parley/cmd/internal/script"
	"parley/rooms"
	"parley/wire"
)

// A lobby is a session of a new peer that has opened the network's lobby with
// the peer under test, as a room of which it holds nothing.
type lobby struct {
	*session
	room  wire.ID
	key   [32]byte
	ref   uint64
	rooms uint32 // the interactive stream
	live  uint32
}

// The role bytes of the two sides in tags.
const (
	mine   = script.Mine
	theirs = script.Theirs
)

// offered is a session that has offered the lobby and has got the answer.
func (t *T) offered() (*lobby, *wire.Match) {
	l := &lobby{session: t.peer(), room: rooms.OpenRoomID(t.target.Network, rooms.Lobby)}
	l.key = rooms.OpenRoomKey(t.target.Network, l.room)
	l.rooms = l.ask(script.Interactive, &wire.Offer{Tags: l.Tag("offer", mine, l.room)})
	m, ok := l.answer(l.rooms).(*wire.Match)
	if !ok {
		t.fail(describe(script.Incoming{Message: m}, nil), "an Offer of the lobby is not answered with a Match")
	}
	return l, m
}

// lobby opens the network's lobby.
func (t *T) lobby() *lobby {
	l, m := t.offered()
	if len(m.Known) != 1 || m.Known[0] != 0 || len(m.States) != 16 || len(m.Unknown) != 0 {
		t.fail(describe(script.Incoming{Message: m}, nil), "the lobby is not matched as known by the ref 0")
	}
	l.say(&wire.OpenRoom{State: script.EmptyState()})
	l.await("OpenRoom in answer", func(in script.Incoming) bool {
		o, ok := in.Message.(*wire.OpenRoom)
		return ok && o.Answer && len(o.State) == 16
	})
	l.on = l.equal
	return l
}

// say sends messages on the interactive stream.
func (l *lobby) say(messages ...wire.Message) {
	for _, m := range messages {
		l.message(l.rooms, m)
	}
}

// equal answers what the peer asks while a case waits for something else: that
// nothing differs.
func (l *lobby) equal(in script.Incoming) {
	if m, ok := in.Message.(*wire.Ranges); ok {
		l.say(&wire.RangesReply{Ref: m.Ref, Set: m.Set})
	}
}

// first is the first run of a new log of the identity, with a message.
func (l *lobby) first(id *script.Identity, text string) *script.Run {
	now := time.Now()
	salt := sha256.Sum256(fmt.Appendf(l.t.random(16), "%d", now.UnixNano())) // so that it is a new log when a seed is used again
	r := &script.Run{Room: l.room, Key: id.Public(), Salt: salt[:16], First: 1, Clock: uint64(now.UnixMilli()) << 16}
	r.Incarnate()
	l.seal(r, text)
	return r
}

// next is a run behind another.
func (l *lobby) next(before *script.Run, text string) *script.Run {
	r := before.Next()
	l.seal(r, text)
	return r
}

// seal gives a run a message, as a reader of the lobby can open it.
func (l *lobby) seal(r *script.Run, text string) {
	c := rooms.NewMessageCipher(l.key, l.room, wire.ID{}, r.Author(), r.Incarnation)
	m, err := c.Seal(nil, l.t.random(16), r.First, r.Prev, &rooms.Message{Data: []byte(text), Name: "parley-harness"})
	if err != nil {
		l.t.fail("", "the harness cannot seal a message: %v", err)
	}
	r.Messages = append(r.Messages, m)
}

// push sends encoded runs on the live stream.
func (l *lobby) push(runs ...[]byte) {
	if l.live == 0 {
		l.live = l.stream(script.Live)
	}
	l.message(l.live, &wire.Push{Ref: l.ref, Runs: runs})
}

// acked wants an Ack of a run.
func (l *lobby) acked(r *script.Run) {
	last := r.First + uint64(len(r.Messages)) - 1
	l.await("an Ack", func(in script.Incoming) bool {
		a, ok := in.Message.(*wire.Ack)
		if !ok {
			return false
		}
		for _, m := range a.Marks {
			if m.Log == r.Log() && m.Number >= last {
				return true
			}
		}
		return false
	})
}

// pull asks for a part of a log and returns the runs that come.
func (l *lobby) pull(log wire.ID, first, last uint64) (runs [][]byte) {
	n := l.stream(script.Bulk)
	l.send(script.Frame(n, &wire.Pull{Ref: l.ref, Wants: wire.List[wire.Want]{{Log: log, First: first, Last: last}}}), script.Frame(0, &wire.StreamEnd{Stream: n}))
	l.await("the end of a pull", func(in script.Incoming) bool {
		if m, ok := in.Message.(*wire.Runs); ok && in.Stream == n {
			runs = append(runs, m.Runs...)
		}
		end, ok := in.Message.(*wire.StreamEnd)
		return ok && end.Stream == n && end.Code == wire.CodeOK
	})
	return runs
}

// holds wants exactly these runs in a log, as another peer is served them.
func (t *T) holds(log wire.ID, want ...[]byte) {
	got := t.lobby().pull(log, 1, 1<<62)
	if len(got) != len(want) {
		t.fail(fmt.Sprintf("%d runs", len(got)), "the peer serves %d runs of the log, not %d", len(got), len(want))
	}
	for i := range want {
		if string(got[i]) != string(want[i]) {
			t.fail(fmt.Sprintf("%x", got[i]), "run %d of the log is not the one that was sent", i)
		}
	}
}

// through waits until the peer is through with what was said: it answers in order.
func (l *lobby) through() {
	l.say(&wire.Ranges{Ref: l.ref, Set: wire.SetEntries, Nodes: wire.List[wire.RangeNode]{{Prefix: []byte{}, Hash: make([]byte, 16)}}})
	l.rangesReply()
}

// fillLobby leaves so many runs of so many bytes in the lobby.
func (l *lobby) fillLobby(runs, size int) {
	id := l.t.identity()
	r := l.first(id, string(make([]byte, size)))
	for i := range runs {
		if i > 0 {
			r = l.next(r, string(make([]byte, size)))
		}
		l.push(r.Bytes(id.Signer))
		l.acked(r)
	}
}
