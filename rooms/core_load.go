package rooms

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"parley/handshake/identity"
	"parley/store"
	"parley/wire"
)

// roomParts is what the records of a room say, parsed.
type roomParts struct {
	entries []*Entry // in causal order
	delegs  []*Delegation
	proofs  []*Proof
	boxes   []boxPart
	logs    []*logState
	users   map[wire.ID]wire.ID // to the hash of the user's delegation
	notices map[wire.ID]*notice
	judged  uint64 // entries by which the logs were judged
	err     error
}

type boxPart struct {
	id   wire.ID
	info heldBox
}

// Parse parses the room's records. It may be called from any goroutine before
// the data is given to the core, which otherwise does it itself. An error,
// which the core reports as a Note, leaves out the record that has it.
func (d *RoomData) Parse() error {
	if d.parts != nil {
		return d.parts.err
	}
	p := &roomParts{users: make(map[wire.ID]wire.ID), notices: make(map[wire.ID]*notice)}
	d.parts = p
	byID := make(map[wire.ID]*Entry)
	var order []wire.ID
	for _, rec := range d.Records {
		var err error
		switch rec.Kind {
		case store.KindEntry:
			var e *Entry
			if e, err = parseEntry(rec.Bytes, true); err == nil && e.ID != rec.ID {
				err = ReasonSignature // other bytes than those that were stored
			}
			if err == nil {
				byID[e.ID] = e
				order = append(order, e.ID)
			}
		case store.KindBox:
			var b boxPart
			if b, err = readBoxPart(rec); err == nil {
				p.boxes = append(p.boxes, b)
			}
		case store.KindDelegation:
			var dl *Delegation
			if dl, err = parseDelegation(rec.Bytes, true); err == nil && dl.Hash != rec.ID {
				err = ReasonSignature
			}
			if err == nil {
				p.delegs = append(p.delegs, dl)
			}
		case store.KindProof:
			var f *Proof
			if f, err = ParseProof(rec.Bytes); err == nil {
				p.proofs = append(p.proofs, f)
			}
		}
		if err != nil && p.err == nil {
			p.err = fmt.Errorf("rooms: record %s of kind %d: %w", rec.ID.Short(), rec.Kind, err)
		}
	}
	p.entries = causalOrder(byID, order)
	for _, v := range d.Values {
		if rest, ok := strings.CutPrefix(v.Key, RoomValues(d.Room)+"user/"); ok && len(v.Value) == wire.IDSize {
			if user, err := wire.ParseID(rest); err == nil {
				p.users[user] = wire.ID(v.Value)
			}
		}
		if log, n, ok := readNotice(d.Room, &v); ok {
			p.notices[log] = n
		}
		if v.Key == RoomValues(d.Room)+"judged" {
			p.judged, _ = binary.Uvarint(v.Value)
		}
	}
	for _, h := range d.Heads {
		lg := &logState{id: h.Log, author: h.Author, durable: h.Last, durLink: h.Link, floor: h.Floor, bytes: h.Bytes, limit: noLimit}
		state, err := readNote([]byte(h.Note), h.Last, h.Link)
		if err != nil && p.err == nil {
			p.err = err
		}
		if err == nil {
			lg.state = state
			p.logs = append(p.logs, lg)
		}
	}
	d.Records = nil
	return p.err
}

// causalOrder puts entries behind those that they name.
func causalOrder(byID map[wire.ID]*Entry, order []wire.ID) []*Entry {
	done := make(map[wire.ID]bool, len(byID))
	out := make([]*Entry, 0, len(byID))
	var visit func(id wire.ID)
	visit = func(id wire.ID) {
		e := byID[id]
		if e == nil || done[id] {
			return
		}
		done[id] = true
		dependencies(e, visit)
		out = append(out, e)
	}
	for _, id := range order {
		visit(id)
	}
	return out
}

// readBoxPart takes from a stored box what is kept in memory.
func readBoxPart(rec store.Record) (boxPart, error) {
	in := wire.NewReader(rec.Bytes)
	in.Array(7)
	in.Uint()
	in.ID()
	b := boxPart{id: rec.ID}
	b.info.epoch = in.ID()
	b.info.recipient = in.ID()
	b.info.sealer = identity.KeyID(in.BinSize(keySize))
	b.info.durable = true
	return b, in.Err()
}

func (c *Core) onLoaded(ev *Loaded) {
	for _, d := range ev.Rooms {
		c.loadRoom(d)
	}
	if !ev.All || c.ready {
		return
	}
	c.ready = true
	for _, id := range c.OpenRooms() {
		if c.rooms[id] == nil {
			c.newRoom(id, true).arrival = arrivalSkip
		}
	}
}

// OpenRooms are the open rooms that this core keeps, which the store need not have.
func (c *Core) OpenRooms() (ids []wire.ID) {
	for _, name := range c.cfg.OpenRooms {
		ids = append(ids, OpenRoomID(c.cfg.Network, name))
	}
	return ids
}

// IsOpen reports whether a room is one of the open rooms that this core keeps.
func (c *Core) IsOpen(room wire.ID) bool {
	return slices.Contains(c.OpenRooms(), room)
}

func (c *Core) newRoom(id wire.ID, open bool) *room {
	r := &room{id: id, openRoom: open}
	r.clear(c)
	r.users = make(map[wire.ID]bool)
	c.rooms[id] = r
	c.roomList = append(c.roomList, r)
	return r
}

// clear empties what the store says of a room.
func (r *room) clear(c *Core) {
	r.entries, r.boxes, r.proofs, r.logTree = rangeTree{}, rangeTree{}, rangeTree{}, rangeTree{heads: true}
	r.digestsFresh = false
	r.logs = make(map[wire.ID]*logState)
	r.boxInfo = make(map[wire.ID]*heldBox)
	r.boxPlaces = make(map[boxPlace][]wire.ID)
	r.boxesFor = make(map[wire.ID][]wire.ID)
	r.proofByLog = make(map[wire.ID]*Proof)
	r.proofs2 = make(map[wire.ID]*Proof)
	r.delegs, r.delegCount = make(map[wire.ID][]*Delegation), 0
	r.attachedAs, r.own = make(map[wire.ID]*Delegation), nil
	r.wants, r.wantQueue = make(map[wire.ID]*want), nil
	r.parkedCount, r.parkedBytes, r.blocked, r.hunts = 0, 0, nil, 0
	r.recent, r.messages, r.bytes, r.push = nil, 0, 0, nil
	r.counted, r.countedOf, r.judgedAny, r.judgedOn = nil, 0, false, 0
	r.notices = nil
	if r.openRoom {
		r.open = newOpenState(c.cfg.Open)
	} else {
		r.auth = NewAuthority(r.id)
	}
}

// loadRoom fills a room from the store: at the start, when it is taken up, and
// after a batch of it failed.
func (c *Core) loadRoom(d *RoomData) {
	if err := d.Parse(); err != nil {
		c.do(Note{Room: d.Room, Text: "the store has a record that cannot be read: " + err.Error()})
	}
	p := d.parts
	r := c.rooms[d.Room]
	switch {
	case r != nil && c.ready && !r.reloading, r != nil && !c.ready:
		return // not asked for
	case r == nil && c.ready:
		return // given up meanwhile
	case r == nil:
		open := c.IsOpen(d.Room)
		if len(p.users) == 0 && !open {
			return // kept for nobody: it stays in the store until somebody takes it up
		}
		r = c.newRoom(d.Room, open)
		r.arrival = arrivalSkip
		for user := range p.users {
			r.users[user] = true
			c.users[user]++
		}
	default:
		r.clear(c)
		r.arrival += arrivalSkip
	}
	r.arrival = max(r.arrival, d.LastArrival+arrivalSkip)
	taken := r.loading
	r.failed, r.loading, r.reloading = false, false, false
	c.loadRecords(r, p)
	c.loadLogs(r, d)
	c.loadJudged(r, d)
	c.roomReady(r, p, taken)
}

func (c *Core) loadRecords(r *room, p *roomParts) {
	for _, e := range p.entries {
		if r.openRoom {
			break
		}
		if added, _, err := r.auth.Add(e); err == nil {
			for _, a := range added {
				r.entries.set(element{key: a.ID})
			}
		}
	}
	for i := range p.boxes {
		b := &p.boxes[i]
		r.boxInfo[b.id] = &b.info
		r.boxPlaces[b.info.boxPlace] = append(r.boxPlaces[b.info.boxPlace], b.id)
		r.boxesFor[b.info.recipient] = append(r.boxesFor[b.info.recipient], b.id)
		r.boxes.set(element{key: b.id})
	}
	for _, f := range p.proofs {
		r.proofByLog[f.Log] = f
		r.proofs2[f.ID] = f
		r.proofs.set(element{key: f.ID})
	}
	for _, dl := range p.delegs {
		if dl.Peer != c.cfg.Self {
			r.delegs[dl.Peer] = append(r.delegs[dl.Peer], dl)
			r.delegCount++
			continue
		}
		for user, hash := range p.users {
			if hash == dl.Hash {
				r.attachedAs[user] = dl
			}
		}
	}
	c.chooseOwn(r)
}

func (c *Core) loadLogs(r *room, d *RoomData) {
	arrivals := make(map[wire.ID]uint64, len(d.Heads))
	for _, h := range d.Heads {
		arrivals[h.Log] = h.LastArrival
		r.lastReceived = max(r.lastReceived, h.LastReceived)
	}
	logs := d.parts.logs
	slices.SortFunc(logs, func(a, b *logState) int { return cmp.Compare(arrivals[a.id], arrivals[b.id]) })
	for _, lg := range logs {
		lg.state.Heads = r.internHeads(lg.state.Heads)
		r.logs[lg.id] = lg
		r.messages += lg.durable - lg.floor
		r.bytes += lg.bytes
		if clockPlausible(lg.state.Clock, c.now) {
			r.clock = max(r.clock, lg.state.Clock)
		}
		r.wrote(lg.id, lg.durable)
		r.setHead(lg)
	}
	if r.openRoom {
		for _, m := range d.Index {
			if lg := r.logs[m.Log]; lg != nil {
				r.open.add(lg, m.Last, m.Size, m.Received)
			}
		}
		c.openTimer(r)
	}
}

// loadJudged takes up what the store says of runs that do not count. Logs that were judged
// by fewer entries than are held, since the peer was stopped in between, are judged again.
func (c *Core) loadJudged(r *room, d *RoomData) {
	defer func() {
		for _, id := range sortedIDs(r.logs) {
			c.limitLog(r, r.logs[id])
		}
	}()
	if r.openRoom {
		return
	}
	r.auth.Now()
	for _, lg := range r.logs {
		r.readFloor(lg)
	}
	r.notices = d.parts.notices
	for _, h := range d.Hidden {
		log, err := readHiddenNote(h.Note)
		if err != nil || h.Floor >= h.Last {
			continue
		}
		lg := r.logs[log]
		if lg == nil {
			lg = r.newLog(log, h.Author)
		}
		lg.hidden = append(lg.hidden, &hiddenBranch{id: h.Log, floor: h.Floor, last: h.Last, link: h.Link})
	}
	if r.judgedOn = int(d.parts.judged); r.judgedOn == r.auth.Len() {
		r.auth.Now()
		r.counted, r.countedOf, r.judgedAny = r.auth.counts, r.auth.countedOf, true
	}
}

// roomReady goes on with a room that was read: what waited for it, and the sessions. taken says that it was taken up just now.
func (c *Core) roomReady(r *room, p *roomParts, taken bool) {
	if taken {
		for _, user := range sortedIDs(p.users) {
			if !r.users[user] {
				r.users[user] = true
				c.users[user]++
			}
		}
	}
	for _, l := range slices.Clone(r.links) {
		l.base, l.marks, l.ahead, l.announce, l.toldAny, l.syncing = false, nil, nil, nil, false, false
		l.fruitless = [2]digest16{}
		had := l.right
		if l.right = c.bestRight(l); l.right != SyncNone && l.mayAsk {
			c.tellState(l)
		}
		// What was the last word to this peer may be what was lost, or what gave the other side its right.
		if !taken && (!l.mayAsk || had != SyncNone && l.right == SyncNone) {
			c.openLink(l, true, false)
		}
		c.compare(l)
	}
	for _, q := range slices.Clone(r.followers) { // what became durable while the room rested was told to nobody
		c.tell(q, c.told(r, q.user), false)
	}
	waiting := r.afterLoad
	r.afterLoad = nil
	for _, f := range waiting {
		f()
	}
	if c.ready {
		c.offerRoom(r)
	}
	r.viewDue = true
	c.touch(r)
}
