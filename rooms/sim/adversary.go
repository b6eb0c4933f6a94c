package sim

import (
	"bytes"
	"crypto/rand"
	"slices"

	"parley/handshake/identity"
	"parley/rooms"
	"parley/wire"
)

// adversaries is the table of what the dishonest do: people who sign what they must
// not, and a peer that lies about what it has. What people sign reaches others through their
// own peer, as far as that takes it, and through the dishonest peer, which takes anything.
func adversaries() []kind {
	return append(chainAdversaries(), []kind{
		{"lie", 6, true, doLie},
		{"fork", 5, true, asEvil(fork)},
		{"backdate", 4, true, asEvil(backdate)},
		{"backdate-new-log", 4, true, asEvil(backdateNewLog)},
		{"old-epoch", 3, true, asEvil(oldEpoch)},
		{"forget-heads", 2, true, asEvil(forgetHeads)},
		{"bad-signature", 2, true, asEvil(badSignature)},
		{"gap", 2, true, asEvil(gap)},
		{"link-holder", 3, true, doLinkHolder},
	}...)
}

// turn makes a person dishonest, unless too many are: a third at most.
func (w *World) turn(u *Person) bool {
	if u.evil {
		return true
	}
	bad := 0
	for _, o := range w.people {
		if o.evil {
			bad++
		}
	}
	if 3*(bad+1) > len(w.people) {
		return false
	}
	u.evil = true
	return true
}

// asEvil lets a person who has, or had, a place in a room act dishonestly there.
func asEvil(act func(s *seat, n uint64)) func(w *World, a Action) {
	return func(w *World, a Action) {
		u := w.personOf(a.A)
		var known []*seat
		for _, s := range u.order {
			if s.auth.Len() > 0 {
				known = append(known, s)
			}
		}
		if len(known) == 0 || !w.turn(u) {
			return
		}
		w.totals.fault("dishonest acts of people", 1)
		s := known[a.B%len(known)]
		w.say("%s: %s", u.name, a.Kind)
		act(s, a.N)
	}
}

// own are the runs that the person has signed in the room.
func (s *seat) own() (runs []*rooms.Run) {
	for _, h := range s.u.w.history.order {
		if h.by == s.u && h.run.Room == s.room {
			runs = append(runs, h.run)
		}
	}
	return runs
}

// sign signs whatever a draft says, with n messages.
func (s *seat) sign(d *rooms.RunDraft, n uint64) *rooms.Run {
	d.Room = s.room
	d.Messages = messages(make([]int, 1+n%3))
	if d.Clock == 0 {
		d.Clock = rooms.NextClock(s.u.now(), 0, 0)
	}
	if d.First == 0 {
		d.First, d.Salt = 1, make([]byte, 16)
		_, _ = rand.Read(d.Salt)
		d.Incarnation = rooms.NewIncarnation(s.room, s.me(), d.Salt, d.Heads)
	}
	r, err := rooms.SignRun(s.u.key, d)
	if err != nil {
		return nil
	}
	s.u.w.history.wrote(s.u, r, make([]int, r.Count()))
	return r
}

// after is a draft of what follows a run, written under the same.
func after(r *rooms.Run) *rooms.RunDraft {
	return &rooms.RunDraft{First: r.Last() + 1, Prev: r.Hash, Incarnation: r.Incarnation, Heads: r.Heads, Epoch: r.Epoch, Clock: r.Clock}
}

// slip gives runs to some of the peers: all that the bits of n choose, or all.
func (s *seat) slip(n uint64, runs ...*rooms.Run) {
	runs = slices.DeleteFunc(runs, func(r *rooms.Run) bool { return r == nil })
	if len(runs) == 0 {
		return
	}
	raws := make([][]byte, len(runs))
	for i, r := range runs {
		raws[i] = r.Raw
	}
	for i, e := range s.u.w.accomplices() {
		e.peer.hoard = append(e.peer.hoard, runs...)
		if n>>(i%16)&1 == 1 || n%16 == 0 {
			e.slip(s.room, raws...)
		}
	}
	if n%2 == 0 && s.u.peer.up() {
		s.u.ask(&wire.Append{Room: s.room, Runs: raws}, func(*rooms.Reply) {})
	}
}

// accomplices are the ends of the dishonest peers' sessions.
func (w *World) accomplices() (list []*end) {
	for _, c := range w.conns {
		for _, e := range []*end{c.a, c.b} {
			if e.peer.evil && !e.other.peer.evil {
				list = append(list, e)
			}
		}
	}
	return list
}

// slip pushes runs on a session, if the room has a name there.
func (e *end) slip(room wire.ID, raws ...[]byte) {
	if ref, ok := e.conn.refs[room]; ok {
		e.deliver("live", &wire.Push{Ref: ref, Runs: raws})
	}
}

// slipEntries gives entries to all through the dishonest peer, and to the own peer.
func (s *seat) slipEntries(n uint64, entries ...*rooms.Entry) {
	m := &wire.Submit{Room: s.room}
	for _, e := range entries {
		s.u.w.history.entry(s.u, e)
		m.Entries = append(m.Entries, e.Raw)
	}
	for i, e := range s.u.w.accomplices() {
		if ref, ok := e.conn.refs[s.room]; ok && (n>>(i%16)&1 == 1 || n%4 == 0) {
			e.deliver("interactive", &wire.Records{Ref: ref, Set: wire.SetEntries, Records: m.Entries})
		}
	}
	if n%3 != 0 && s.u.peer.up() {
		s.u.ask(m, func(*rooms.Reply) {})
	}
}

// fork signs another continuation of the own log, and a little on top of it.
func fork(s *seat, n uint64) {
	own := s.own()
	if len(own) == 0 {
		plainWrite(s)
		return
	}
	r := own[n%uint64(len(own))]
	d := &rooms.RunDraft{
		First: r.First, Prev: r.Prev, Incarnation: r.Incarnation, Salt: r.Salt,
		Heads: r.Heads, Epoch: r.Epoch, Clock: r.Clock,
	}
	runs := []*rooms.Run{s.sign(d, n)}
	for range n % 3 {
		if last := runs[len(runs)-1]; last != nil {
			runs = append(runs, s.sign(after(last), n))
		}
	}
	s.slip(n>>4, runs...)
}

// plainWrite writes as the honest do.
func plainWrite(s *seat) {
	if s.belongs() && s.role().MayWrite() {
		s.queue = append(s.queue, 0)
		s.pump()
	}
}

// backdate continues the last own log as if nothing had been seen since.
func backdate(s *seat, n uint64) {
	own := s.own()
	if len(own) == 0 {
		plainWrite(s)
		return
	}
	runs := []*rooms.Run{s.sign(after(own[len(own)-1]), n)}
	if n%2 == 0 && runs[0] != nil {
		runs = append(runs, s.sign(after(runs[0]), n))
	}
	s.slip(n>>4, runs...)
}

// backdateNewLog begins a log under heads of the past, in an epoch of the past.
func backdateNewLog(s *seat, n uint64) {
	all := s.auth.All()
	heads := []wire.ID{all[n%uint64(len(all))].ID}
	if own := s.own(); len(own) > 0 && n%2 == 0 {
		heads = own[n%uint64(len(own))].Heads
	}
	v := s.auth.View(heads)
	if v == nil || len(v.Epochs()) == 0 {
		return
	}
	first := s.sign(&rooms.RunDraft{Heads: heads, Epoch: v.Epochs()[0].ID}, n)
	if first == nil {
		return
	}
	s.slip(n>>4, first, s.sign(after(first), n))
}

// oldEpoch writes with present heads in an epoch that they replace.
func oldEpoch(s *seat, n uint64) {
	epochs := s.auth.Now().AllEpochs()
	if len(epochs) < 2 {
		plainWrite(s)
		return
	}
	s.slip(n>>4, s.sign(&rooms.RunDraft{Heads: s.auth.Heads(s.me(), nil), Epoch: epochs[n%uint64(len(epochs)-1)].ID}, n))
}

// forgetHeads continues the own log under heads that the run before had outgrown.
func forgetHeads(s *seat, n uint64) {
	own := s.own()
	if len(own) == 0 {
		plainWrite(s)
		return
	}
	d := after(own[len(own)-1])
	d.Heads = []wire.ID{s.room}
	s.slip(n>>4, s.sign(d, n))
}

// badSignature passes a run on of which one byte is another one.
func badSignature(s *seat, n uint64) {
	order := s.u.w.history.order
	if len(order) == 0 {
		return
	}
	raw := bytes.Clone(order[n%uint64(len(order))].run.Raw)
	raw[len(raw)-1-int(n>>8)%min(200, len(raw))] ^= 1 << (n % 8)
	for _, e := range s.u.w.accomplices() {
		e.slip(s.room, raw)
	}
}

// gap signs a run far above what there is of the log.
func gap(s *seat, n uint64) {
	own := s.own()
	if len(own) == 0 {
		plainWrite(s)
		return
	}
	d := after(own[len(own)-1])
	d.First += 1 + n%1000
	s.slip(n>>4, s.sign(d, n))
}

// doLinkHolder: somebody to whom a link was passed on joins by it at the dishonest
// peer, whatever the link's uses and time, under several names, and writes.
func doLinkHolder(w *World, a Action) {
	ends := w.accomplices()
	if len(ends) == 0 || len(w.history.links) == 0 {
		return
	}
	link := w.history.links[a.B%len(w.history.links)]
	var invite *rooms.Entry
	var by *seat
	for _, u := range w.people {
		if s := u.seats[link.Room]; s != nil && invite == nil {
			invite, by = s.inviteOf(link), s
		}
	}
	if invite == nil {
		return
	}
	w.totals.fault("dishonest acts of people", 1)
	key, err := identity.Generate(identity.Ed25519, "mallory")
	if err != nil {
		return
	}
	ghost := &Person{w: w, name: "mallory", key: key, peer: ends[0].peer, evil: true, seats: map[wire.ID]*seat{}}
	s := ghost.seat(link.Room)
	s.take(raws(by.auth.All()), nil)
	join, err := rooms.NewJoin(key, rooms.Place{Room: link.Room, Heads: []wire.ID{invite.ID}, Time: w.now}, link, invite.ID, nonce())
	if err != nil {
		return
	}
	s.slipEntries(3*a.N, join)
	_, _, _ = s.auth.Add(join)
	v := s.auth.View(s.auth.Heads(ghost.id(), nil))
	if v != nil && len(v.Epochs()) > 0 {
		s.slip(2*(a.N>>4)+1, s.sign(&rooms.RunDraft{Heads: s.auth.Heads(ghost.id(), nil), Epoch: v.Epochs()[0].ID}, a.N))
	}
}

func raws(entries []*rooms.Entry) (list wire.List[wire.Bytes]) {
	for _, e := range entries {
		list = append(list, e.Raw)
	}
	return list
}
