package rooms

import (
	"slices"
	"time"

	"parley/store"
	"parley/wire"
)

// A flight is a batch from its filling to its answer, with what is to happen then.
type flight struct {
	n       uint64
	data    store.Batch
	size    int
	rooms   []*room
	runs    []flightRun
	entries []flightRecord
	boxes   []flightRecord
	proofs  []flightRecord
	after   []func(error) // requests that wait for it
}

type flightRun struct {
	r      *room
	lg     *logState
	last   uint64
	link   wire.ID
	size   int
	msgs   uint64
	raw    []byte // of runs written here: they are pushed; nil otherwise
	pulled bool   // came by a pull: while a room is caught up with, digests tell its sender
	from   *link  // nil: a user
	req    *request
}

type flightRecord struct {
	r    *room
	id   wire.ID
	from *link // nil: a user
}

// fly returns the batch being filled, for a change to r.
func (c *Core) fly(r *room) *flight {
	if c.flight != nil && (c.flight.size >= batchBytes || len(c.flight.runs) >= store.MaxBatchItems/2) {
		c.flush()
	}
	if c.flight == nil {
		c.lastBatch++
		c.flight = &flight{n: c.lastBatch}
	}
	f := c.flight
	for _, o := range f.rooms {
		if o == r {
			return f
		}
	}
	f.rooms = append(f.rooms, r)
	r.inFlight++
	return f
}

func (f *flight) addRecord(r *room, kind store.Kind, id wire.ID, raw []byte) {
	f.data.Records = append(f.data.Records, store.Record{Room: r.id, Kind: kind, ID: id, Bytes: raw})
	f.size += len(raw) + 128
}

// dropRecord drops a record, also one that this batch was to write: a batch drops before it writes.
func (f *flight) dropRecord(r *room, kind store.Kind, id wire.ID) {
	f.data.Records = slices.DeleteFunc(f.data.Records, func(rec store.Record) bool {
		return rec.Room == r.id && rec.Kind == kind && rec.ID == id
	})
	f.data.DropRecords = append(f.data.DropRecords, store.Record{Room: r.id, Kind: kind, ID: id})
	f.size += 128
}

// flush hands out the batch that was filled.
func (c *Core) flush() {
	f := c.flight
	if f == nil {
		return
	}
	c.flight = nil
	c.flights = append(c.flights, f)
	c.do(Persist{Batch: f.n, Data: &f.data})
}

func (c *Core) onPersisted(ev *Persisted) {
	n := 0
	for n < len(c.flights) && c.flights[n].n <= ev.To {
		n++
	}
	// They leave the list first: what is asked for below, to be told when all is
	// durable, must not be added to a flight that has landed.
	done := slices.Clone(c.flights[:n])
	clear(c.flights[:n])
	if c.flights = c.flights[n:]; len(c.flights) == 0 {
		c.flights = nil
	}
	for _, f := range done {
		for _, r := range f.rooms {
			r.inFlight--
		}
		if ev.Err != nil {
			c.flightFailed(f, ev.Err)
		}
	}
	if ev.Err == nil {
		c.flightsDurable(done)
	}
	for _, f := range done {
		for _, after := range f.after {
			after(ev.Err)
		}
	}
	for _, f := range done {
		for _, r := range f.rooms {
			c.settleStorage(r)
		}
	}
}

// flightFailed drops what is staged of the batch's rooms: they rest until the
// store has answered all of their batches, and are read anew.
func (c *Core) flightFailed(f *flight, err error) {
	c.stats.FailedBatches++
	for _, r := range f.rooms {
		r.failure = err
		if !r.failed {
			r.failed = true
			r.hold = min(max(storageHold, 2*r.hold), storageHoldMax)
			r.holdTill = c.now.Add(r.hold)
			c.note(r, nil, "the store failed: "+err.Error())
		}
	}
	c.failAppends(f, err)
}

// settleStorage goes on with a room when none of its batches is in flight.
func (c *Core) settleStorage(r *room) {
	if r.inFlight > 0 || c.rooms[r.id] != r {
		return
	}
	if !r.failed {
		r.hold = 0
		c.finishSync(r)
		return
	}
	if r.reloading {
		return
	}
	r.reloading = true
	wait := max(0, r.holdTill.Sub(c.now))
	c.after(wait, func() {
		if c.rooms[r.id] == r && r.reloading {
			c.do(Reload{Room: r.id})
		}
	})
}

// flightsDurable moves the durable frontiers on, and tells everybody.
func (c *Core) flightsDurable(done []*flight) {
	var rooms []*room
	var logs []*logState // changed, of all rooms; their rooms in logRooms
	var logRooms []*room
	for _, f := range done {
		for _, r := range f.rooms {
			if !r.durableMark {
				r.durableMark = true
				rooms = append(rooms, r)
			}
		}
		for i := range f.runs {
			fr := &f.runs[i]
			lg := fr.lg
			if fr.r.failed || fr.r.logs[lg.id] != lg {
				continue // the room is read anew
			}
			if !lg.listed {
				lg.listed = true
				lg.before = lg.durable
				logs, logRooms = append(logs, lg), append(logRooms, fr.r)
			}
			lg.durable, lg.durLink, lg.from = fr.last, fr.link, fr.from
			lg.bytes += uint64(fr.size)
			fr.r.bytes += uint64(fr.size)
			fr.r.messages += fr.msgs
			if fr.raw != nil {
				fr.r.push = append(fr.r.push, fr.raw)
			}
			for len(lg.staged) > 0 && lg.staged[0].last <= fr.last {
				lg.staged = lg.staged[1:]
			}
			if fr.from != nil && !fr.from.gone && (!fr.pulled || fr.from.base) {
				fr.from.ackLog(lg)
			}
		}
	}
	for i, lg := range logs {
		c.logDurable(logRooms[i], lg)
	}
	for _, r := range rooms {
		if r.failed {
			continue
		}
		for _, f := range done {
			c.recordsDurable(r, wire.SetEntries, f.entries)
			c.recordsDurable(r, wire.SetBoxes, f.boxes)
			c.recordsDurable(r, wire.SetProofs, f.proofs)
		}
	}
	c.answerAppends(done)
	for _, r := range rooms {
		r.durableMark = false
		if r.failed {
			continue
		}
		r.changed = c.now
		c.pushRuns(r)
		if r.openRoom {
			c.retain(r)
		}
		c.sendAcks(r)
		r.placedDue = true
		c.touch(r)
	}
	for _, lg := range logs {
		lg.listed = false
	}
}

// logDurable notes the new durable end of a log in the room's set and against
// each session.
func (c *Core) logDurable(r *room, lg *logState) {
	if len(lg.staged) == 0 && lg.recheckDue {
		c.recheck(r, lg)
	}
	if len(lg.staged) == 0 && lg.floorDue {
		c.applyFloor(r, lg)
	}
	if len(lg.hidden) > 0 && len(lg.staged) == 0 {
		c.revive(r, lg)
	}
	if lg.end != nil {
		c.hide(r, lg)
	} else if lg.durable > lg.limit {
		c.cutLog(r, lg)
	}
	r.setHead(lg)
	for _, l := range r.links {
		l.logDurable(c, lg)
	}
	if r.openRoom {
		c.retainAuthor(r, lg)
	}
}

// setHead puts a log's effective head into the set that is compared.
func (r *room) setHead(lg *logState) {
	r.digestsFresh = false
	last, link := lg.effective()
	if last == 0 {
		r.logTree.drop(lg.id)
		return
	}
	r.logTree.set(element{key: lg.id, last: last, link: link, floor: min(lg.floor, last)})
}

// effective is the last durable message that counts, and its link; 0: none does.
func (lg *logState) effective() (uint64, wire.ID) {
	if lg.end != nil && lg.end.Number < lg.durable {
		return lg.end.Number, lg.end.Link
	}
	return lg.durable, lg.durLink
}

// noLimit is the limit of a log that nothing ends.
const noLimit = ^uint64(0)

func unix(t time.Time) int64 { return t.UnixNano() }
