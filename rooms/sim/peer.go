package sim

import (
	"slices"
	"time"

	"parley/rooms"
	"parley/wire"
)

// A Peer is one daemon: the real core, a modelled disk, a clock that may be wrong.
type Peer struct {
	w    *World
	name string
	id   wire.ID
	core *rooms.Core // nil: it does not run
	life int         // counts starts: what was meant for an earlier one is lost
	disk *disk
	skew time.Duration // how far its clock is ahead of true time

	syncing bool
	conns   map[rooms.PeerKey]*end
	waiting map[rooms.ReqKey]*ask
	wake    time.Time
	backups []*disk
	lies    []lie // of a dishonest peer
	evil    bool
	hoard   []*rooms.Run // what dishonest people gave a dishonest peer to spread
	quiet   int          // messages sent, for Quiescence
}

func (w *World) addPeer(name string) *Peer {
	p := &Peer{w: w, name: name, id: wire.Hash("sim-peer", []byte(name)), disk: newDisk(), waiting: map[rooms.ReqKey]*ask{}}
	w.peers = append(w.peers, p)
	return p
}

// now is what the peer's clock says.
func (p *Peer) now() time.Time { return p.w.now.Add(p.skew) }

func (p *Peer) up() bool { return p.core != nil }

// start starts the peer with what its disk holds.
func (p *Peer) start() {
	if p.up() {
		return
	}
	p.core = rooms.New(rooms.Config{Self: p.id, Network: p.w.network, OpenRooms: []string{}})
	p.life++
	p.conns = map[rooms.PeerKey]*end{}
	p.wake, p.syncing = time.Time{}, false
	ev := rooms.Loaded{All: true}
	for _, id := range sortedIDs(p.disk.rooms) {
		ev.Rooms = append(ev.Rooms, p.disk.data(id))
	}
	p.step(ev)
	for _, o := range p.w.peers {
		p.w.dialSoon(p, o)
	}
	for _, u := range p.w.people {
		if u.peer == p {
			u.online()
		}
	}
}

// crash ends the peer between two steps: its sessions break, its disk keeps what was synced.
func (p *Peer) crash() {
	if !p.up() {
		return
	}
	p.life++
	p.core = nil
	for _, c := range slices.Clone(p.w.conns) {
		if c.a.peer == p || c.b.peer == p {
			p.w.cut(c)
		}
	}
	p.w.totals.fault("writes lost in a crash", p.disk.crash(p.w.rng))
	for _, u := range p.w.people {
		if u.peer == p {
			u.offline()
		}
	}
	p.waiting = map[rooms.ReqKey]*ask{}
}

// step gives the core an event and carries out what it wants done.
func (p *Peer) step(ev rooms.Event) {
	if p.core == nil || p.w.plant != nil && p.w.plant.event != nil && !p.w.plant.event(p, ev) {
		return
	}
	todo := slices.Clone(p.core.Step(p.now(), ev))
	life := p.life
	for _, e := range todo {
		if p.life != life || p.w.failure != nil {
			return
		}
		p.carryOut(e)
	}
}

// later runs a step after d, unless the peer crashes before.
func (p *Peer) later(d time.Duration, ev func() rooms.Event) {
	life := p.life
	p.w.after(d, func() {
		if p.life == life {
			p.step(ev())
		}
	})
}

func (p *Peer) carryOut(e rooms.Effect) {
	w := p.w
	switch e := e.(type) {
	case rooms.Send:
		if m, ok := e.Msg.(*wire.Records); ok {
			m.Records = append(m.Records, p.fill(e.Room, e.Fill)...)
		}
		p.send(e.Peer, "interactive", e.Msg)
	case rooms.SendLive:
		if w.rng.Float64() < w.dropped {
			w.totals.fault("live pushes dropped", 1)
			p.later(0, func() rooms.Event { return rooms.LiveDropped{Peer: e.Peer, Ref: e.Ref} })
			return
		}
		p.send(e.Peer, "live", e.Msg)
	case rooms.StartPull:
		p.startPull(&e)
	case rooms.Serve:
		p.serve(&e)
	case rooms.Refuse:
		st := e.Stream.(*bulk)
		st.finish(e.Err)
	case rooms.Persist:
		p.disk.waiting = append(p.disk.waiting, e)
		p.syncSoon()
	case rooms.Reply:
		p.answer(&e)
	case rooms.Find:
		p.later(w.jitter(), func() rooms.Event { return rooms.Found{Find: e.Find, Run: p.held(e.Room, e.Log, e.Number)} })
	case rooms.Offender:
		p.accuse(&e)
	case rooms.Reload:
		p.later(w.jitter(), func() rooms.Event { return rooms.Loaded{Rooms: []*rooms.RoomData{p.disk.data(e.Room)}} })
	case rooms.Wake:
		p.wakeAt(e.At)
	case rooms.CancelPull, rooms.Show, rooms.Readers, rooms.Note, rooms.Dial:
	default:
		w.fail("BoundsHold", "unknown effect %T", e)
	}
}

func (p *Peer) wakeAt(at time.Time) {
	p.wake = at
	if at.IsZero() {
		return
	}
	life := p.life
	p.w.after(at.Sub(p.now()), func() {
		if p.life == life && p.wake.Equal(at) {
			p.step(rooms.Tick{})
		}
	})
}

// accuse ends a session whose other side broke the protocol. Nobody honest may be accused.
func (p *Peer) accuse(e *rooms.Offender) {
	other := p.conns[e.Peer]
	if other == nil {
		return
	}
	delete(p.conns, e.Peer)
	p.w.say("%s accuses %s: %v", p.name, other.other.peer.name, e.Err)
	if !other.other.peer.evil && !p.evil {
		p.w.fail("BadSignatureNeverValid", "%s accuses %s, which is honest: %v", p.name, other.other.peer.name, e.Err)
	}
	p.w.cut(other.conn)
}

// held returns the run of a log that contains a number, or nil.
func (p *Peer) held(room, log wire.ID, number uint64) *rooms.Run {
	found := p.disk.runsOf(room, log, number, number)
	if len(found) == 0 {
		return nil
	}
	run, err := p.w.records.run(found[0].Bytes)
	if err != nil {
		p.w.fail("BadSignatureNeverValid", "%s stores a run that does not parse: %v", p.name, err)
		return nil
	}
	return run
}

// fill reads boxes.
func (p *Peer) fill(room wire.ID, ids []wire.ID) (raws []wire.Bytes) {
	for _, id := range ids {
		if rec, ok := p.disk.room(room).records[recordKey{storeBox, id}]; ok {
			raws = append(raws, rec.Bytes)
		}
	}
	return raws
}

// syncSoon lets the disk take what waits, all at once, after a while.
func (p *Peer) syncSoon() {
	if p.syncing || len(p.disk.waiting) == 0 {
		return
	}
	p.syncing = true
	life := p.life
	const slow = 4 // of what a message takes: a disk that others use too
	p.w.after(slow*p.w.jitter(), func() {
		if p.life != life {
			return
		}
		p.syncing = false
		if p.disk.failing > 0 {
			p.w.totals.fault("disk writes failed", 1)
		}
		from, to, err := p.disk.sync(len(p.disk.waiting))
		p.step(rooms.Persisted{From: from, To: to, Err: err})
		if p.life == life {
			p.syncSoon()
		}
	})
}
