package conform

import (
	"fmt"
	"time"

	"parley/cmd/internal/script"
	"parley/rooms"
	"parley/wire"
)

// A den is a room of the case's own, which the peer under test keeps for its
// master: one epoch, a member and a reader.
type den struct {
	t      *T
	target wire.ID // the peer under test
	user   *session
	room   wire.ID
	key    [32]byte // of the newest epoch
	epoch  wire.ID
	in     wire.ID       // the epoch of the run that a case is about; zero: the newest
	last   *script.Entry // of the master's chain

	master, member, reader *script.Identity
}

// den makes a room and hands it to the peer.
func (t *T) den() *den {
	d := &den{t: t, master: t.identity(), member: t.identity(), reader: t.identity()}
	d.target = t.remote(d.master)
	d.user = t.user(d.master)
	entries := [][]byte{d.genesis(), d.newEpoch()}
	entries = append(entries, d.chain(script.KindAdd, script.Add(d.member.Bundle, script.RoleMember)))
	entries = append(entries, d.chain(script.KindAdd, script.Add(d.reader.Bundle, script.RoleReader)))
	d.submit(d.user, d.delegation(d.master, d.target), entries...)
	return d
}

// genesis makes the room's first entry.
func (d *den) genesis() []byte {
	d.last = &script.Entry{
		Kind: script.KindGenesis, Key: d.master.Public(), Number: 1, Time: uint64(time.Now().UnixNano()),
		Body: script.GenesisBody{Nonce: d.t.random(16), Name: "den", Bundle: d.master.Bundle}.Bytes(),
	}
	d.room = d.last.ID()
	return d.last.Bytes(d.master.Signer)
}

func (d *den) delegation(by *script.Identity, peer wire.ID) []byte {
	return script.Delegation(by.Signer, d.room, peer, uint64(time.Now().UnixMilli()))
}

// submit hands entries to the peer as a user.
func (d *den) submit(s *session, delegation []byte, entries ...[]byte) {
	m := &wire.Submit{Room: d.room, Delegation: delegation}
	for _, e := range entries {
		m.Entries = append(m.Entries, e)
	}
	if done, ok := s.answer(s.ask(script.Interactive, m)).(*wire.Done); !ok {
		d.t.fail(describe(script.Incoming{Message: done}, nil), "the peer does not take what its user hands it")
	}
}

// entries is how many entries the peer tells the master that it holds.
func (d *den) entries() (n int) {
	stream := d.user.ask(script.Interactive, &wire.AuthorityGet{Room: d.room})
	for {
		m, ok := d.user.answer(stream).(*wire.Authority)
		if !ok {
			d.t.fail("another message", "AuthorityGet is not answered with Authority")
		}
		n += len(m.Entries)
		if !m.More {
			return n
		}
	}
}

// offered is a session of a new peer that knows the room and has shown nothing:
// the peer asks for its right.
func (d *den) offered() *lobby {
	l := &lobby{session: d.t.peer(), room: d.room, key: d.key}
	l.rooms = l.ask(script.Interactive, &wire.Offer{Tags: l.Tag("offer", mine, d.room)})
	m, ok := l.answer(l.rooms).(*wire.Match)
	if !ok || len(m.Known) != 0 || len(m.Unknown) != 1 || m.Unknown[0] != 0 || len(m.Tags) != 16 {
		d.t.fail(describe(script.Incoming{Message: m}, nil), "a room is not matched as one whose delegation is to be shown")
	}
	if string(m.Tags) != string(l.Tag("offer", theirs, d.room)) {
		d.t.fail(fmt.Sprintf("%x", []byte(m.Tags)), "the tag of a Match is not that under the peer's own role")
	}
	l.on = l.equal
	return l
}

// opened is a session of a new peer that syncs the room for a user, and what
// the peer answered.
func (d *den) opened(by *script.Identity) (*lobby, *wire.OpenRoom) {
	l := d.offered()
	l.say(&wire.OpenRoom{Delegation: d.delegation(by, l.self.ID())})
	return l, l.opening()
}

// opening wants the answer to an OpenRoom.
func (l *lobby) opening() *wire.OpenRoom {
	return l.await("OpenRoom in answer", func(in script.Incoming) bool {
		o, ok := in.Message.(*wire.OpenRoom)
		return ok && o.Answer
	}).Message.(*wire.OpenRoom)
}

// first is the first run of a new log in the room, by somebody who has seen
// what is given, or the master's chain.
func (d *den) first(by *script.Identity, text string, seen ...wire.ID) *script.Run {
	if len(seen) == 0 {
		seen = []wire.ID{d.last.ID()}
	}
	r := &script.Run{
		Room: d.room, Key: by.Public(), Salt: d.t.random(16), First: 1, Epoch: d.epoch, Heads: script.Sorted(seen...),
		Clock: uint64(time.Now().UnixMilli()) << 16,
	}
	r.Incarnate()
	d.seal(r, text)
	return r
}

// next is a run behind another, by what is known now.
func (d *den) next(before *script.Run, text string) *script.Run {
	r := before.Next()
	r.Epoch, r.Heads = d.epoch, []wire.ID{d.last.ID()}
	d.seal(r, text)
	return r
}

func (d *den) seal(r *script.Run, text string) {
	c := rooms.NewMessageCipher(d.key, d.room, r.Epoch, r.Author(), r.Incarnation)
	m, err := c.Seal(nil, d.t.random(16), r.First, r.Prev, &rooms.Message{Data: []byte(text)})
	if err != nil {
		d.t.fail("", "the harness cannot seal a message: %v", err)
	}
	r.Messages = append(r.Messages, m)
}

// holds wants exactly these runs in a log, as the master's peer is served them.
func (d *den) holds(log wire.ID, want ...[]byte) {
	l, _ := d.opened(d.master)
	got := l.pull(log, 1, 1<<62)
	if len(got) != len(want) {
		d.t.fail(fmt.Sprintf("%d runs", len(got)), "the peer serves %d runs of the log, not %d", len(got), len(want))
	}
	for i := range want {
		if string(got[i]) != string(want[i]) {
			d.t.fail(fmt.Sprintf("%x", got[i]), "run %d of the log is not the one that was sent", i)
		}
	}
}

// writes pushes a run, and wants it stored and served.
func (d *den) writes(r *script.Run, by *script.Identity) {
	l, _ := d.opened(d.master)
	l.push(r.Bytes(by.Signer))
	l.acked(r)
	if got := l.pull(r.Log(), r.First, r.First); len(got) != 1 || string(got[0]) != string(r.Bytes(by.Signer)) {
		d.t.fail(fmt.Sprintf("%d runs", len(got)), "a run that was acknowledged is not served")
	}
}

// unwritten pushes a run, and wants it neither acknowledged nor served. A run
// behind it that counts tells when the peer is through with it.
func (d *den) unwritten(r *script.Run, by *script.Identity) {
	l, _ := d.opened(d.master)
	l.push(r.Bytes(by.Signer))
	l.passedOver(d, r)
	if got := l.pull(r.Log(), r.First, 1<<62); len(got) > 0 {
		d.t.fail(fmt.Sprintf("%d runs", len(got)), "a run that does not count is served")
	}
}

// passedOver pushes a run of the master's, and wants it acknowledged while the other is not.
func (l *lobby) passedOver(d *den, r *script.Run) {
	good := d.first(d.master, "in order")
	l.push(good.Bytes(d.master.Signer))
	for done := false; !done; {
		in := l.await("an Ack of a run that counts", func(in script.Incoming) bool {
			_, ok := in.Message.(*wire.Ack)
			return ok
		})
		for _, m := range in.Message.(*wire.Ack).Marks {
			if m.Log == r.Log() && m.Number >= r.First {
				d.t.fail(describe(in, nil), "a run is acknowledged that does not count")
			}
			done = done || m.Log == good.Log()
		}
	}
}

func describeHead(h wire.Head) string { return fmt.Sprintf("%+v", h) }
