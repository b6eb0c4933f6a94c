package rooms

import (
	"cmp"
	"slices"
	"time"

	"parley/wire"
)

// A request is one stream of a user's session, from its first message to its end.
type request struct {
	key   ReqKey
	user  wire.ID
	r     *room // that it watches, follows, waits in or appends to
	ended bool  // the user has sent all of it
	gone  bool

	pending int // runs and messages not answered yet

	recipient wire.ID              // of AuthorityGet with Follow
	shown     digest16             // of the entries told to it last
	limited   bool                 // they were not all
	progress  wire.RoomProgress    // last told
	placed    wire.PlacedGet       // being waited for
	verify    *verifying           // being done
	notices   *wire.NoticesGet     // answered, and followed if it says so
	told      map[wire.ID]struct{} // logs refused because the store failed
}

func (c *Core) onUserMessage(ev *UserMessage) {
	q := c.reqs[ev.Req]
	if q == nil {
		if len(c.reqs) >= maxUserRequests {
			c.do(Reply{Req: ev.Req, Err: wire.Errorf(wire.CodeBusy, "the peer has too many requests open")})
			return
		}
		q = &request{key: ev.Req, user: ev.User}
		c.reqs[q.key] = q
	}
	parts := ev.Parts
	if parts == nil {
		var err error
		if parts, err = Prepare(ev.Msg); err != nil {
			c.fail(q, wire.CodeInvalid, err.Error())
			return
		}
	}
	switch m := ev.Msg.(type) {
	case *wire.Append:
		c.onAppend(q, m, parts.Runs)
	case *wire.Submit:
		c.onSubmit(q, m, parts)
	case *wire.RoomDetach:
		c.onRoomDetach(q, m)
	case *wire.AuthorityGet:
		c.onAuthorityGet(q, m)
	case *wire.RoomWatch:
		c.onRoomWatch(q, m)
	case *wire.RoomsGet:
		c.onRoomsGet(q, m)
	case *wire.NoticesGet:
		c.onNoticesGet(q, m)
	case *wire.WriterGet:
		c.onWriterGet(q, m)
	case *wire.PlacedGet:
		c.onPlacedGet(q, m)
	case *wire.VerifyGet:
		c.onVerifyGet(q, m)
	case *wire.SealedGet:
		c.onSealedGet(q, m)
	default:
		c.fail(q, wire.CodeProtocol, "a request of a type that has no place here")
	}
}

func (c *Core) onUserEnd(key ReqKey) {
	q := c.reqs[key]
	if q == nil {
		return
	}
	q.ended = true
	c.maybeEnd(q)
}

// maybeEnd ends an Append request that the user has ended, when all is answered.
func (c *Core) maybeEnd(q *request) {
	if !q.gone && q.ended && q.pending == 0 && !q.waits() {
		c.do(Reply{Req: q.key, End: true})
		c.endRequest(q)
	}
}

// waits reports whether a request goes on without more from the user.
func (q *request) waits() bool {
	if q.verify != nil || q.notices != nil && q.notices.Follow {
		return true
	}
	return q.r != nil && (slices.Contains(q.r.watchers, q) || slices.Contains(q.r.followers, q) || slices.Contains(q.r.placed, q))
}

// endRequest forgets a request.
func (c *Core) endRequest(q *request) {
	q.gone = true
	delete(c.reqs, q.key)
	if r := q.r; r != nil {
		other := func(o *request) bool { return o == q }
		r.watchers = slices.DeleteFunc(r.watchers, other)
		r.followers = slices.DeleteFunc(r.followers, other)
		r.placed = slices.DeleteFunc(r.placed, other)
	}
	c.noticed = slices.DeleteFunc(c.noticed, func(o *request) bool { return o == q })
	if q.verify != nil {
		q.verify.done = true
		c.verifies--
		q.verify = nil
	}
}

func (c *Core) answer(q *request, m wire.Message) {
	if !q.gone {
		c.do(Reply{Req: q.key, Msg: m})
	}
}

// finish answers a request and ends it.
func (c *Core) finish(q *request, m wire.Message) {
	if !q.gone {
		c.do(Reply{Req: q.key, Msg: m, End: true})
		c.endRequest(q)
	}
}

// fail ends a request with a code and a line for the user.
func (c *Core) fail(q *request, code wire.Code, text string) {
	if !q.gone {
		c.do(Reply{Req: q.key, Err: wire.Errorf(code, "%s", text)})
		c.endRequest(q)
	}
}

// failReason ends a request that was refused for a reason of the room's rules.
func (c *Core) failReason(q *request, code wire.Code, err error) {
	c.fail(q, code, err.Error())
}

// roomFor finds the room of a request, which the peer must keep for the user.
// It fails the request and returns nil when it does not. A room that is being
// read is not ready: again is called when it is.
func (c *Core) roomFor(q *request, id wire.ID, again func()) *room {
	r := c.rooms[id]
	switch {
	case r == nil || !r.openRoom && !r.users[q.user] && !r.loading:
		c.fail(q, wire.CodeNotFound, "this peer does not keep that room for you")
		return nil
	case r.loading:
		q.pending++
		r.afterLoad = append(r.afterLoad, func() {
			q.pending--
			if !q.gone {
				again()
			}
		})
		return nil
	}
	return r
}

// roomToldTo is roomFor for what is told only to those who have a right to the room.
func (c *Core) roomToldTo(q *request, id wire.ID, again func()) *room {
	r := c.roomFor(q, id, again)
	if r != nil && !c.entitled(r, q.user) {
		c.fail(q, wire.CodeNotFound, "this peer does not keep that room for you")
		return nil
	}
	return r
}

// whenDurable calls f when everything staged until now is answered by the store.
// An error is that of the last batch.
func (c *Core) whenDurable(f func(error)) {
	switch {
	case c.flight != nil:
		c.flight.after = append(c.flight.after, f)
	case len(c.flights) > 0:
		last := c.flights[len(c.flights)-1]
		last.after = append(last.after, f)
	default:
		f(nil)
	}
}

// whenRoomDurable is whenDurable for changes to one room: done is answered when they are on disk.
func (c *Core) whenRoomDurable(q *request, r *room, done wire.Message) {
	q.pending++
	c.whenDurable(func(err error) {
		q.pending--
		if err != nil || r.failed {
			c.fail(q, wire.CodeStorage, storageText(cmp.Or(err, r.failure)))
			return
		}
		c.finish(q, done)
	})
}

func (c *Core) onRoomWatch(q *request, m *wire.RoomWatch) {
	r := c.roomFor(q, m.Room, func() { c.onRoomWatch(q, m) })
	if r == nil || q.r != nil {
		return
	}
	q.r = r
	r.watchers = append(r.watchers, q)
	q.progress = c.progressTold(r, q.user)
	p := q.progress
	c.answer(q, &p)
}

func (r *room) progress() wire.RoomProgress {
	p := wire.RoomProgress{Messages: r.messages}
	if r.auth != nil {
		p.Entries = uint64(r.auth.Len())
	}
	for _, w := range r.wants {
		have := uint64(0)
		if lg := r.logs[w.log]; lg != nil {
			have = lg.durable
		}
		if w.target > have {
			p.Missing += w.target - have
		}
	}
	for _, l := range r.links {
		if l.usable() {
			p.Peers++
			if l.inStep() {
				p.InStep++
			}
		}
	}
	return p
}

// watchSoon tells those who watch a room about a change, not too often.
func (c *Core) watchSoon(r *room) {
	if r.watchTimer {
		return
	}
	r.watchTimer = true
	c.after(progressDelay, func() {
		r.watchTimer = false
		if len(r.watchers) == 0 {
			return
		}
		for _, q := range r.watchers {
			if now := c.progressTold(r, q.user); q.progress != now {
				q.progress = now
				p := now
				c.answer(q, &p)
			}
		}
	})
}

func (c *Core) onRoomsGet(q *request, m *wire.RoomsGet) {
	reply := &wire.Rooms{}
	for _, r := range c.roomList {
		if (r.openRoom || r.users[q.user]) && (m.Room.IsZero() || m.Room == r.id) {
			reply.Rooms = append(reply.Rooms, c.infoTold(r, q.user))
		}
	}
	if !m.Room.IsZero() && len(reply.Rooms) == 0 {
		c.fail(q, wire.CodeNotFound, "this peer does not keep that room for you")
		return
	}
	// A frame holds about 7,000; a user with more asks for them one by one.
	reply.Rooms = reply.Rooms[:min(len(reply.Rooms), maxRoomsPerReply)]
	c.finish(q, reply)
}

// infoTold is what a user is told of a room: all, or as progressTold.
func (c *Core) infoTold(r *room, user wire.ID) wire.RoomInfo {
	p := c.progressTold(r, user)
	if !c.entitled(r, user) {
		return wire.RoomInfo{Room: r.id, Entries: p.Entries, Peers: p.Peers, InStep: p.InStep}
	}
	return wire.RoomInfo{
		Room: r.id, Open: r.openRoom, Entries: p.Entries, Logs: uint64(r.logTree.len()),
		Messages: r.messages, Bytes: r.bytes, Peers: p.Peers, InStep: p.InStep,
		Arrival: r.arrival, LastReceived: uint64(max(r.lastReceived, 0)),
	}
}

func (c *Core) onWriterGet(q *request, m *wire.WriterGet) {
	r := c.roomFor(q, m.Room, func() { c.onWriterGet(q, m) })
	if r == nil {
		return
	}
	reply, all := &wire.Writer{Digest: make([]byte, 16)}, c.entitled(r, q.user)
	switch {
	case r.openRoom:
	case all:
		d := r.auth.Digest()
		reply.Digest = d[:]
	default:
		t := c.told(r, q.user)
		reply.Digest = t.digest[:]
	}
	if lg := r.logs[m.Log]; lg != nil && (all || lg.author == q.user) {
		head := lg.head()
		reply.Last, reply.Link = head.Number, head.Link
	}
	if all {
		reply.Clock = r.clock
	}
	for _, ref := range r.recent {
		if all && ref.Log != m.Log && len(reply.Refs) < wire.MaxRefs {
			reply.Refs = append(reply.Refs, ref)
		}
	}
	slices.SortFunc(reply.Refs, func(a, b wire.Ref) int { return a.Log.Compare(b.Log) })
	c.finish(q, reply)
}

// head is the last message that counts of a log as it is held, durable or not yet.
func (lg *logState) head() Pin {
	switch {
	case lg.state == nil:
		return Pin{Log: lg.id}
	case lg.end != nil && lg.end.Number < lg.state.Last:
		return *lg.end
	}
	return Pin{Log: lg.id, Number: lg.state.Last, Link: lg.state.Link}
}

// Head returns the last message that counts of a log, and the hash of its run; Number 0: none.
func (c *Core) Head(id, log wire.ID) Pin {
	if r := c.rooms[id]; r != nil && !r.loading && r.logs[log] != nil {
		return r.logs[log].head()
	}
	return Pin{Log: log}
}

func (c *Core) onPlacedGet(q *request, m *wire.PlacedGet) {
	r := c.roomFor(q, m.Room, func() { c.onPlacedGet(q, m) })
	if r == nil || q.r != nil {
		return
	}
	lg := r.logs[m.Log]
	if lg == nil || lg.state == nil || lg.state.Last < m.Number {
		c.fail(q, wire.CodeNotFound, "the message is not here")
		return
	}
	q.r, q.placed = r, *m
	if c.placedNow(q, false) {
		return
	}
	wait := min(time.Duration(min(m.Wait, uint64(maxPlacedWait.Milliseconds())))*time.Millisecond, maxPlacedWait)
	if wait == 0 {
		c.placedNow(q, true)
		return
	}
	r.placed = append(r.placed, q)
	c.after(wait, func() {
		if !q.gone {
			c.placedNow(q, true)
		}
	})
}

// placedNow answers a PlacedGet if it is satisfied, or is to be answered in any case.
func (c *Core) placedNow(q *request, anyway bool) bool {
	r := q.r
	lg := r.logs[q.placed.Log]
	reply := &wire.Placed{}
	var seen []wire.ID // a peer is counted once, whatever sessions it has
	for _, l := range r.links {
		if !l.gives() || slices.Contains(seen, l.p.id) {
			continue
		}
		seen = append(seen, l.p.id)
		reply.Of++
		if lg != nil && l.has(lg, q.placed.Number) {
			reply.On++
		}
	}
	durable := lg == nil || lg.durable >= q.placed.Number
	enough := durable && (reply.On >= q.placed.Replicas && q.placed.Replicas > 0 || q.placed.Replicas == 0 && reply.On == reply.Of)
	if !enough && !anyway {
		return false
	}
	c.finish(q, reply)
	return true
}

func (c *Core) answerPlaced(r *room) {
	for _, q := range slices.Clone(r.placed) {
		c.placedNow(q, false)
	}
}
