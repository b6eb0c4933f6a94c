package sim

import (
	"time"

	"parley/handshake/identity"
	"parley/rooms"
	"parley/wire"
)

// A Person writes and reads at a peer, with a home that package client would
// keep: of each room the entries, the keys and the outbox.
type Person struct {
	w     *World
	name  string
	key   *identity.Private
	peer  *Peer
	skew  time.Duration
	evil  bool
	place int  // of the home: another one after it was copied back
	blind bool // its whole machine was rolled back, which it cannot know

	session int // counts; requests of an earlier one are not answered
	seats   map[wire.ID]*seat
	order   []*seat
	backups []homeBackup
	serial  uint64
}

type homeBackup struct {
	seats []*seat
	disk  *disk // of the peer at the same time
}

// An ask is a request of a person on its way at a peer.
type ask struct {
	u    *Person
	last time.Time
	got  func(*rooms.Reply)
	gone bool // by who asked: what still comes is not taken
}

func (w *World) addPerson(name string, at *Peer) *Person {
	key, err := identity.Generate(identity.Ed25519, name)
	if err != nil {
		w.fail("BoundsHold", "no key for %s: %v", name, err)
	}
	u := &Person{w: w, name: name, key: key, peer: at, seats: map[wire.ID]*seat{}}
	w.people = append(w.people, u)
	return u
}

func (u *Person) id() wire.ID { return u.key.ID() }

func (u *Person) now() time.Time { return u.w.now.Add(u.skew) }

// seat is what the person keeps of a room.
func (u *Person) seat(room wire.ID) *seat {
	s := u.seats[room]
	if s == nil {
		s = &seat{u: u, room: room}
		s.clear()
		u.seats[room] = s
		u.order = append(u.order, s)
	}
	return s
}

// online: the person's peer runs, and has a session with it.
func (u *Person) online() {
	u.session++
	for _, s := range u.order {
		s.online()
	}
}

func (u *Person) offline() { u.session++ }

// inSession calls f after d, unless the session has ended by then.
func (u *Person) inSession(d time.Duration, f func()) {
	session := u.session
	u.w.after(d, func() {
		if u.session == session && u.peer.up() {
			f()
		}
	})
}

// ask sends a request; got is called with each answer. It returns the request's number.
func (u *Person) ask(m wire.Message, got func(*rooms.Reply)) rooms.ReqKey {
	req := u.w.request()
	u.peer.waiting[req] = &ask{u: u, got: got}
	u.tell(req, m)
	return req
}

// tell sends a message of a request, in order with those before.
func (u *Person) tell(req rooms.ReqKey, m wire.Message) {
	a := u.peer.waiting[req]
	if a == nil {
		return
	}
	at := u.w.now.Add(time.Duration(u.w.rng.Int64N(int64(time.Millisecond))))
	if at.Before(a.last) {
		at = a.last
	}
	a.last = at
	u.inSession(at.Sub(u.w.now), func() {
		parts, err := u.w.records.prepare(m)
		if err != nil {
			u.w.fail("BadSignatureNeverValid", "%s made a record that does not verify: %v", u.name, err)
			return
		}
		u.peer.step(rooms.UserMessage{Req: req, User: u.id(), Msg: m, Parts: parts})
	})
}

// gone ends a request. The peer learns of it after all that was told before.
func (u *Person) gone(req rooms.ReqKey) {
	a := u.peer.waiting[req]
	if a == nil {
		return
	}
	a.gone = true
	delete(u.peer.waiting, req)
	u.peer.later(max(0, a.last.Sub(u.w.now)), func() rooms.Event { return rooms.UserGone{Req: req} })
}

// answer brings a reply to who asked.
func (p *Peer) answer(e *rooms.Reply) {
	if m, ok := e.Msg.(*wire.Authority); ok {
		m.Boxes = append(m.Boxes, p.fill(e.Room, e.Fill)...)
	}
	a := p.waiting[e.Req]
	if a == nil {
		return
	}
	at := p.w.now.Add(time.Duration(p.w.rng.Int64N(int64(time.Millisecond))))
	if at.Before(a.last) {
		at = a.last
	}
	a.last = at
	if e.End || e.Err != nil {
		defer delete(p.waiting, e.Req)
	}
	if a.u == nil {
		a.got(e)
		return
	}
	a.u.inSession(at.Sub(p.w.now), func() {
		if !a.gone {
			a.got(e)
		}
	})
}

// codeOf is the code by which a reply refuses; CodeOK if it does not.
func codeOf(r *rooms.Reply) wire.Code {
	if r.Err == nil {
		return wire.CodeOK
	}
	return r.Err.Code
}
