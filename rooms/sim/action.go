package sim

import (
	"maps"
	"slices"
	"time"

	"parley/rooms"
	"parley/wire"
)

// A kind is one sort of action: its weight in generated scripts, and what it
// does. A and B choose among the peers, people or links that there are; an action that
// cannot be done where its turn comes does nothing.
type kind struct {
	name   string
	weight int
	evil   bool
	do     func(w *World, a Action)
}

// kinds is the table of everything that can happen. Those of the dishonest are
// in adversaries.
func kinds() []kind {
	return append([]kind{
		// What people do.
		{"create", 1, false, doCreate},
		{"invite", 6, false, doInvite},
		{"join", 8, false, doJoin},
		{"leave", 3, false, doLeave},
		{"write", 40, false, doWrite},
		{"rotate", 4, false, doRotate},
		// What happens to them.
		{"pause", 6, false, func(w *World, a Action) { w.pass(time.Duration(a.N%5000) * time.Millisecond) }},
		{"crash", 8, false, doCrash},
		{"start", 8, false, doStart},
		{"kill", 3, false, doKill},
		{"disk-fault", 3, false, doDiskFault},
		{"cut", 5, false, doCut},
		{"partition", 4, false, doPartition},
		{"heal", 5, false, func(w *World, _ Action) { w.heal() }},
		{"clock", 2, false, doClock},
		{"backup", 3, false, func(w *World, a Action) { p := w.peerOf(a.A); p.backups = append(p.backups, p.disk.backup()) }},
		{"restore", 2, false, doRestore},
		{"home-backup", 4, false, doHomeBackup},
		{"home-restore", 3, false, doHomeRestore},
		{"machine-rollback", 1, false, doMachineRollback},
	}, append(managing(), adversaries()...)...)
}

func (w *World) peerOf(n int) *Peer { return w.peers[n%len(w.peers)] }

func (w *World) personOf(n int) *Person { return w.people[n%len(w.people)] }

// seatOf is a seat of a person in which it belongs to the room, or nil.
func (w *World) seatOf(person int, n uint64) *seat {
	u := w.personOf(person)
	var in []*seat
	for _, s := range u.order {
		if s.belongs() && !s.left {
			in = append(in, s)
		}
	}
	if len(in) == 0 || !u.peer.up() {
		return nil
	}
	return in[n%uint64(len(in))]
}

func doCreate(w *World, a Action) {
	if u := w.personOf(a.A); u.peer.up() && len(w.rooms) < 2 {
		u.create(rooms.History(a.N % 2))
	}
}

// doInvite makes a link by whoever may: B chooses the role, N the uses and how long it lasts.
func doInvite(w *World, a Action) {
	var s *seat
	for i := range w.people {
		if o := w.seatOf(a.A+i, a.N); o != nil && o.role() >= rooms.RoleAdmin && !o.u.evil {
			s = o
			break
		}
	}
	if s == nil {
		return
	}
	role := []rooms.Role{rooms.RoleMember, rooms.RoleMember, rooms.RoleMember, rooms.RoleReader, rooms.RoleRelay}[a.B%5]
	var lasts time.Duration
	if a.N%7 == 6 {
		lasts = 5 * time.Second
	}
	if link := s.invite([]uint64{0, 0, 1, 2}[a.N%4], lasts, role); link != nil {
		w.history.links = append(w.history.links, link)
	}
}

func doJoin(w *World, a Action) {
	links := w.history.links
	u := w.personOf(a.A)
	if len(links) == 0 || u.evil {
		return
	}
	link := links[len(links)-1-int(a.N%uint64(min(len(links), 3)))]
	s := u.seat(link.Room)
	if s.belongs() && !s.left {
		return
	}
	if s.left {
		s.left = false
	}
	s.link = link
	if u.peer.up() {
		s.knock()
	}
}

func doLeave(w *World, a Action) {
	if s := w.seatOf(a.A, a.N); s != nil {
		s.leave()
	}
}

func doWrite(w *World, a Action) {
	var s *seat
	for i := range w.people { // somebody who may
		o := w.seatOf(a.A+i, uint64(a.B))
		if o != nil && !o.leaves && !o.u.evil && o.role().MayWrite() {
			s = o
			break
		}
	}
	if s == nil {
		return
	}
	for range 1 + a.N%5 {
		w.texts++
		s.queue = append(s.queue, w.texts)
	}
	s.pump()
}

func doRotate(w *World, a Action) {
	if s := w.seatOf(a.A, a.N); s != nil && !s.u.evil {
		s.rotate()
	}
}

func doCrash(w *World, a Action) {
	if p := w.peerOf(a.A); p.up() {
		w.say("%s crashes", p.name)
		w.totals.fault("crashes", 1)
		p.crash()
	}
}

func doStart(w *World, a Action) {
	p := w.peerOf(a.A)
	for i := range w.peers { // one that is down, if there is one
		if q := w.peerOf(a.A + i); !q.up() {
			p = q
			break
		}
	}
	p.start()
}

// doKill ends a person's process and starts it again: of the outbox only the file is left.
func doKill(w *World, a Action) {
	u := w.personOf(a.A)
	w.totals.fault("clients killed", 1)
	u.offline()
	for _, s := range u.order {
		for i := range s.out.pending {
			s.out.pending[i].plain = false
		}
		s.queue = nil
		s.leaves = false
	}
	if u.peer.up() {
		u.online()
	}
}

func doDiskFault(w *World, a Action) {
	if p := w.peerOf(a.A); p.up() {
		p.disk.failing = 1 + int(a.N%2)
	}
}

func doCut(w *World, a Action) {
	if len(w.conns) > 0 {
		w.totals.fault("sessions cut", 1)
		w.cut(w.conns[a.N%uint64(len(w.conns))])
	}
}

// doPartition divides the peers in two by the bits of N.
func doPartition(w *World, a Action) {
	w.totals.fault("partitions", 1)
	w.side = map[*Peer]int{}
	for i, p := range w.peers {
		w.side[p] = int(a.N>>i) & 1
	}
	for _, c := range slices.Clone(w.conns) {
		if w.side[c.a.peer] != w.side[c.b.peer] {
			w.cut(c)
		}
	}
}

func (w *World) heal() {
	w.side = nil
	for i, a := range w.peers {
		for _, b := range w.peers[i+1:] {
			w.dialSoon(a, b)
		}
	}
}

// doClock starts a peer, and the people at it, again with clocks off by up to a year either way.
func doClock(w *World, a Action) {
	p := w.peerOf(a.A)
	if !p.up() {
		return
	}
	w.totals.fault("clocks set wrong", 1)
	p.crash()
	const year = 365 * 24 * time.Hour
	p.skew = time.Duration(a.N)*time.Second%(2*year) - year
	for _, u := range w.people {
		if u.peer == p {
			u.skew = p.skew
		}
	}
	p.start()
}

// doRestore sets a peer's disk back to a backup.
func doRestore(w *World, a Action) {
	p := w.peerOf(a.A)
	for i := range w.peers { // one that has a backup, if there is one
		if q := w.peerOf(a.A + i); len(q.backups) > 0 && len(p.backups) == 0 {
			p = q
		}
	}
	if len(p.backups) == 0 {
		return
	}
	w.say("%s is restored from a backup", p.name)
	w.totals.fault("peers restored from backups", 1)
	p.crash()
	p.disk = p.backups[a.N%uint64(len(p.backups))].backup()
	w.history.rolledBack(p)
	p.start()
}

func doHomeBackup(w *World, a Action) {
	u := w.personOf(a.A)
	var b homeBackup
	for _, s := range u.order {
		b.seats = append(b.seats, s.copy())
	}
	b.disk = u.peer.disk.backup()
	u.backups = append(u.backups, b)
}

// doHomeRestore copies a backup of a home back, to another place.
func doHomeRestore(w *World, a Action) {
	u := w.keeper(a.A)
	if u == nil {
		return
	}
	w.say("%s's home is restored from a backup", u.name)
	w.totals.fault("homes restored from backups", 1)
	u.setBack(u.backups[a.N%uint64(len(u.backups))])
	u.place++
	if u.peer.up() {
		u.online()
	}
}

// keeper is somebody who has a backup, or nil.
func (w *World) keeper(n int) *Person {
	for i := range w.people {
		if u := w.personOf(n + i); len(u.backups) > 0 {
			return u
		}
	}
	return nil
}

// setBack makes a home what a backup says. Rooms that the backup does not have are unknown again.
func (u *Person) setBack(b homeBackup) {
	u.offline()
	for _, req := range slices.Sorted(maps.Keys(u.peer.waiting)) { // the programs that ran on the home before
		if u.peer.waiting[req] != nil && u.peer.waiting[req].u == u {
			u.gone(req)
		}
	}
	u.seats, u.order = map[wire.ID]*seat{}, nil
	for _, s := range b.seats {
		c := s.copy()
		for i := range c.out.pending {
			c.out.pending[i].plain = false
		}
		c.queue = nil
		u.seats[c.room] = c
		u.order = append(u.order, c)
	}
}

// doMachineRollback sets a home and its peer back together, at one place: nothing tells
// the writer, which may fork its own log.
func doMachineRollback(w *World, a Action) {
	u := w.keeper(a.A)
	if u == nil {
		return
	}
	w.say("%s's whole machine is rolled back", u.name)
	w.totals.fault("whole machines rolled back", 1)
	b := u.backups[a.N%uint64(len(u.backups))]
	u.peer.crash()
	u.peer.disk = b.disk.backup()
	w.history.rolledBack(u.peer)
	u.setBack(b)
	u.blind = true
	u.peer.start()
}
