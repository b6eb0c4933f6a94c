package sim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"parley/rooms"
	"parley/store"
	"parley/wire"
)

const storeBox = store.KindBox

// A conn is a session between two peers: streams that are each in order and
// overtake one another.
type conn struct {
	a, b *end
	up   bool

	exporter [32]byte
	refs     map[wire.ID]uint64 // what the rooms are called on it, as a dishonest peer finds out
}

// An end is what one side has of a session.
type end struct {
	conn  *conn
	peer  *Peer
	other *end
	key   rooms.PeerKey
	last  map[string]time.Time // by stream: when its last message arrives
	said  []spoken             // by a dishonest peer that repeats itself
	kept  *spoken              // by one that changes the order
}

type spoken struct {
	stream string
	msg    wire.Message
}

// A bulk is a pull's stream.
type bulk struct {
	from *end // who asked
	pull rooms.PullKey
	name string
}

// link lets two peers dial each other.
func (w *World) link(a, b *Peer) {
	if a != b {
		w.linked[[2]*Peer{a, b}], w.linked[[2]*Peer{b, a}] = true, true
	}
}

// reachable reports whether a session between two peers may be.
func (w *World) reachable(a, b *Peer) bool {
	return a.up() && b.up() && w.linked[[2]*Peer{a, b}] && (w.side == nil || w.side[a] == w.side[b])
}

// dialSoon makes a session after a while, if there is none and one may be.
func (w *World) dialSoon(a, b *Peer) {
	if a == b || !w.linked[[2]*Peer{a, b}] {
		return
	}
	w.after(20*time.Millisecond+time.Duration(w.rng.Int64N(int64(300*time.Millisecond))), func() {
		if w.reachable(a, b) && w.between(a, b) == nil {
			w.connect(a, b)
		}
	})
}

func (w *World) between(a, b *Peer) *conn {
	for _, c := range w.conns {
		if c.a.peer == a && c.b.peer == b || c.a.peer == b && c.b.peer == a {
			return c
		}
	}
	return nil
}

func (w *World) connect(a, b *Peer) {
	w.keys += 2
	c := &conn{up: true, refs: map[wire.ID]uint64{}}
	c.a = &end{conn: c, peer: a, key: rooms.PeerKey(w.keys), last: map[string]time.Time{}}
	c.b = &end{conn: c, peer: b, key: rooms.PeerKey(w.keys + 1), last: map[string]time.Time{}}
	c.a.other, c.b.other = c.b, c.a
	w.conns = append(w.conns, c)
	binary.BigEndian.PutUint64(c.exporter[:], w.rng.Uint64())
	a.conns[c.a.key], b.conns[c.b.key] = c.a, c.b
	a.step(rooms.PeerUp{Peer: c.a.key, ID: b.id, Name: b.name, Initiator: true, Exporter: c.exporter})
	b.step(rooms.PeerUp{Peer: c.b.key, ID: a.id, Name: a.name, Exporter: c.exporter})
}

// cut ends a session. What is under way on it is lost. Both sides try again later.
func (w *World) cut(c *conn) {
	if !c.up {
		return
	}
	c.up = false
	w.conns = slices.DeleteFunc(w.conns, func(o *conn) bool { return o == c })
	for _, e := range []*end{c.a, c.b} {
		if e.peer.up() && e.peer.conns[e.key] == e {
			delete(e.peer.conns, e.key)
			e.peer.step(rooms.PeerDown{Peer: e.key})
		}
	}
	w.dialSoon(c.a.peer, c.b.peer)
}

// send sends a message on a stream of a session, as the peer's honesty allows.
func (p *Peer) send(key rooms.PeerKey, stream string, m wire.Message) {
	e := p.conns[key]
	if e == nil {
		return
	}
	out := []wire.Message{m}
	for _, l := range p.lies {
		var next []wire.Message
		for _, m := range out {
			next = append(next, l(p.w, e, stream, m)...)
		}
		out = next
	}
	for _, m := range out {
		e.deliver(stream, m)
	}
}

// deliver encodes a message, and lets the other side have it after a delay.
func (e *end) deliver(stream string, m wire.Message) {
	w := e.peer.w
	body, err := wire.AppendBody(nil, m)
	if err != nil {
		w.fail("BoundsHold", "%s sends what cannot be encoded: %v", e.peer.name, err)
		return
	}
	row, _ := wire.Lookup(m.MessageType())
	if len(body) > row.Bound {
		if !e.peer.evil {
			w.fail("BoundsHold", "%s sends %s of %d bytes, the bound is %d", e.peer.name, row.Name, len(body), row.Bound)
		}
		return
	}
	if o, ok := m.(*wire.Offer); ok {
		e.learn(o)
	}
	w.totals.Messages++
	if w.wiretap {
		w.say("%s > %s %s: %s %+v", e.peer.name, e.other.peer.name, stream, row.Name, m)
	}
	e.peer.quiet++
	w.history.sent(w, body)
	e.later(stream, func() {
		m, err := wire.DecodeBody(m.MessageType(), body)
		if err != nil {
			w.fail("BoundsHold", "%s sends what cannot be decoded: %v", e.peer.name, err)
			return
		}
		e.other.receive(stream, m)
	})
}

// learn finds out by what refs the rooms offered are known ("Finding the rooms in common").
func (e *end) learn(o *wire.Offer) {
	role := byte(1)
	if e == e.conn.a {
		role = 0
	}
	for _, room := range e.peer.w.rooms {
		mac := hmac.New(sha256.New, e.conn.exporter[:])
		for _, field := range [][]byte{[]byte("offer"), {role}, room[:]} {
			mac.Write(binary.BigEndian.AppendUint32(nil, uint32(len(field))))
			mac.Write(field)
		}
		tag := mac.Sum(nil)[:16]
		for i := 0; 16*i+16 <= len(o.Tags); i++ {
			if hmac.Equal(tag, o.Tags[16*i:16*i+16]) {
				e.conn.refs[room] = 2*(o.Start+uint64(i)) + uint64(role)
			}
		}
	}
}

// later does something for the other side in order with what is on the stream.
func (e *end) later(stream string, f func()) {
	w := e.peer.w
	at := w.now.Add(w.jitter())
	if last := e.last[stream]; at.Before(last) {
		at = last
	}
	e.last[stream] = at
	w.after(at.Sub(w.now), func() {
		if e.conn.up {
			f()
		}
	})
}

// receive turns a message into the core's event, as package peer does.
func (e *end) receive(stream string, m wire.Message) {
	p := e.peer
	parts, err := p.w.records.prepare(m)
	if err != nil {
		p.w.say("%s ends the session with %s: %v", p.name, e.other.peer.name, err)
		if !e.other.peer.evil {
			p.w.fail("BadSignatureNeverValid", "%s, which is honest, sent: %v", e.other.peer.name, err)
		}
		p.w.cut(e.conn)
		return
	}
	switch m := m.(type) {
	case *wire.Push:
		p.step(rooms.RunsIn{Peer: e.key, Ref: m.Ref, Runs: parts.Runs})
	case *wire.Pull:
		key, _ := pullOf(stream)
		p.step(rooms.PullIn{Peer: e.key, Stream: &bulk{from: e.other, pull: key, name: stream}, Msg: m})
	case *wire.Runs:
		key, _ := pullOf(stream)
		p.step(rooms.RunsIn{Peer: e.key, Pull: key, Runs: parts.Runs})
	default:
		p.step(rooms.PeerMessage{Peer: e.key, Msg: m, Parts: parts})
	}
}

func pullStream(k rooms.PullKey) string { return fmt.Sprint("pull ", uint64(k)) }

func pullOf(stream string) (k rooms.PullKey, err error) {
	_, err = fmt.Sscanf(stream, "pull %d", (*uint64)(&k))
	return k, err
}

func (p *Peer) startPull(e *rooms.StartPull) { p.send(e.Peer, pullStream(e.Pull), e.Msg) }

// finish ends a pull's stream.
func (b *bulk) finish(err error) {
	b.from.other.later(b.name, func() {
		delete(b.from.other.last, b.name)
		b.from.peer.step(rooms.PullEnd{Pull: b.pull, Err: err})
	})
}

// serve answers a pull from the disk, in frames of 16 KiB.
func (p *Peer) serve(e *rooms.Serve) {
	st := e.Stream.(*bulk)
	m, size := &wire.Runs{}, 0
	for _, run := range p.hoard { // of a dishonest peer: the branches that it spreads come first
		for _, want := range e.Wants {
			if want.Log == run.Log && run.Last() >= want.First && run.First <= want.Last {
				m.Runs = append(m.Runs, run.Raw)
				size += len(run.Raw)
			}
		}
	}
	for i, want := range append(slices.Clone(e.Wants), e.Hidden...) {
		room := e.Room
		if i >= len(e.Wants) {
			room = rooms.HiddenRoom(e.Room)
		}
		for _, run := range p.disk.runsOf(room, want.Log, want.First, want.Last) {
			if size > 0 && size+len(run.Bytes) > 16<<10 {
				p.send(e.Peer, st.name, m)
				m, size = &wire.Runs{}, 0
			}
			m.Runs = append(m.Runs, run.Bytes)
			size += len(run.Bytes)
		}
	}
	if size > 0 {
		p.send(e.Peer, st.name, m)
	}
	st.finish(nil)
}
