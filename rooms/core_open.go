package rooms

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"parley/store"
	"parley/wire"
)

// OpenLimits is what a peer keeps of an open room and how fast it takes it:
// its own settings, which make no difference to what others keep. A zero field is its default.
type OpenLimits struct {
	Bytes uint64        // of runs; the oldest leave first
	Age   time.Duration // since a run was received
	Logs  int           // the least recently written leave first

	// One author may fill a part of Bytes, and write this many bytes a second on average
	// and at once. What is faster is taken later.
	AuthorBytes           uint64
	AuthorRate, AuthorMax float64

	// New logs taken from one session, a second on average and at once.
	LogRate, LogMax float64
}

// withDefaults fills in what is not set: small enough for any peer, large enough for a week of notices.
func (o OpenLimits) withDefaults() OpenLimits {
	o.Bytes = cmp.Or(o.Bytes, 64<<20)
	o.Age = cmp.Or(o.Age, 7*24*time.Hour)
	o.Logs = cmp.Or(o.Logs, 10000)
	o.AuthorBytes = cmp.Or(o.AuthorBytes, o.Bytes/4)
	o.AuthorMax = cmp.Or(o.AuthorMax, float64(o.AuthorBytes))
	o.AuthorRate = cmp.Or(o.AuthorRate, 1<<20)
	o.LogRate = cmp.Or(o.LogRate, 20)
	o.LogMax = cmp.Or(o.LogMax, 1000)
	return o
}

// openState is what retention knows of an open room.
type openState struct {
	limits  OpenLimits
	authors map[wire.ID]*openAuthor
	oldest  openHeap           // logs by their oldest run
	graves  map[wire.ID]uint64 // logs that were let go, and their last message
	order   []wire.ID          // of graves, oldest first
	bytes   uint64             // of all runs, staged ones included
	seq     uint64
	timer   bool
}

type openAuthor struct {
	bytes   uint64
	logs    []*logState
	rate    bucket
	limited time.Time // no more is asked for until then
}

// openLog is what retention knows of a log.
type openLog struct {
	author *openAuthor
	marks  []openMark // its runs, ascending
	index  int        // in the heap; -1: not there
	since  int64      // when its first run came, of those that are or were held since the start
	local  bool       // written at this peer
}

type openMark struct {
	seq, last, size uint64
	received        int64
}

type openHeap []*logState

func (h openHeap) Len() int           { return len(h) }
func (h openHeap) Less(i, j int) bool { return h[i].open.marks[0].seq < h[j].open.marks[0].seq }
func (h openHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].open.index, h[j].open.index = i, j
}

func (h *openHeap) Push(x any) {
	lg := x.(*logState)
	lg.open.index = len(*h)
	*h = append(*h, lg)
}

func (h *openHeap) Pop() any {
	old := *h
	lg := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	lg.open.index = -1
	return lg
}

func newOpenState(limits OpenLimits) *openState {
	return &openState{limits: limits, authors: map[wire.ID]*openAuthor{}, graves: map[wire.ID]uint64{}}
}

// startOf is where a log that is not held begins to be asked for.
func (o *openState) startOf(log wire.ID) uint64 { return o.graves[log] + 1 }

// mayStart reports whether a run, the first that came of its log in answer to a
// pull, may begin the log, or begin it again: what is between is below the floor of who was asked.
func (o *openState) mayStart(lg *logState, run *Run) bool {
	return lg == nil || lg.state == nil || run.First > lg.state.Last && len(lg.staged) == 0
}

// add counts a run.
func (o *openState) add(lg *logState, last, size uint64, received int64) {
	a := o.authors[lg.author]
	if a == nil {
		a = &openAuthor{}
		o.authors[lg.author] = a
	}
	if lg.open == nil {
		lg.open = &openLog{author: a, index: -1, since: received}
		a.logs = append(a.logs, lg)
	}
	o.seq++
	lg.open.marks = append(lg.open.marks, openMark{seq: o.seq, last: last, size: size, received: received})
	a.bytes += size
	o.bytes += size
	if lg.open.index < 0 {
		heap.Push(&o.oldest, lg)
	}
}

// removeFirst uncounts a log's oldest run.
func (o *openState) removeFirst(lg *logState) openMark {
	ol := lg.open
	m := ol.marks[0]
	ol.marks = ol.marks[1:]
	ol.author.bytes -= m.size
	o.bytes -= m.size
	if len(ol.marks) == 0 {
		heap.Remove(&o.oldest, ol.index)
		ol.marks = nil
	} else {
		heap.Fix(&o.oldest, ol.index)
	}
	return m
}

// removeLog uncounts a log.
func (o *openState) removeLog(lg *logState) {
	if lg.open == nil {
		return
	}
	for len(lg.open.marks) > 0 {
		o.removeFirst(lg)
	}
	a := lg.open.author
	a.logs = slices.DeleteFunc(a.logs, func(l *logState) bool { return l == lg })
	if len(a.logs) == 0 {
		delete(o.authors, lg.author)
	}
	lg.open = nil
}

// bury remembers where a log was let go, so that it is not asked for again.
func (o *openState) bury(log wire.ID, last uint64) {
	if _, there := o.graves[log]; !there {
		if len(o.order) >= maxGraves {
			delete(o.graves, o.order[0])
			o.order = o.order[1:]
		}
		o.order = append(o.order, log)
	}
	o.graves[log] = max(last, o.graves[log])
}

// wantsOpen decides whether more of a log is asked for, of which a session has told its head.
func (c *Core) wantsOpen(r *room, lg *logState, h *wire.Head, walked bool, l *link) bool {
	o := r.open
	if lg == nil || lg.open == nil {
		switch {
		case h.Last <= o.graves[h.Log]:
			return false
		case r.wants[h.Log] != nil:
			return true
		case walked && len(r.logs)+len(r.wants) >= o.limits.Logs:
			return false // full: only what is written now gets in
		case l.p.newLogs.take(c.now, 1, o.limits.LogRate, o.limits.LogMax):
			return true
		}
		c.stats.Limited++
		c.stateSoon(l, 4*stateDelay)
		return false
	}
	if a := lg.open.author; c.now.Before(a.limited) {
		c.stateSoon(l, a.limited.Sub(c.now)+stateDelay)
		return false
	}
	return true
}

// admitOpen decides whether a run of an open room is taken now.
func (c *Core) admitOpen(r *room, lg *logState, l *link, run *Run, q *pull) bool {
	o := r.open
	if lg == nil || lg.open == nil {
		if q != nil || lg != nil || r.wants[run.Log] != nil {
			return true
		}
		if run.Last() > o.graves[run.Log] && l.p.newLogs.take(c.now, 1, o.limits.LogRate, o.limits.LogMax) {
			return true
		}
		c.stats.Limited++
		c.stateSoon(l, 4*stateDelay)
		return false
	}
	a := lg.open.author
	if a.rate.take(c.now, float64(len(run.Raw)), o.limits.AuthorRate, o.limits.AuthorMax) {
		return true
	}
	a.limited = c.now.Add(limitedHold)
	c.stats.Limited++
	if q != nil { // asked for, before it was too much
		a.rate.level -= float64(len(run.Raw))
		return true
	}
	c.stateSoon(l, limitedHold+stateDelay)
	return false
}

// openStaged counts a run that is being staged, after letting go of what it takes the place of.
func (c *Core) openStaged(r *room, lg *logState, run *Run) {
	o := r.open
	if lg.state != nil && run.First > lg.state.Last+1 { // the log begins again at a later floor
		c.trim(r, lg, store.TrimAll)
		o.removeLog(lg)
		r.messages -= lg.durable - lg.floor
		r.bytes -= lg.bytes
		lg.bytes = 0
		lg.durable, lg.durLink, lg.state, lg.end = 0, wire.ID{}, nil, nil
		r.logTree.drop(lg.id)
	}
	if lg.state == nil {
		lg.floor = run.First - 1
		delete(o.graves, lg.id)
	}
	o.add(lg, run.Last(), uint64(len(run.Raw)), unix(c.now))
	c.openTimer(r)
}

// trim lets the store drop a log's oldest messages.
func (c *Core) trim(r *room, lg *logState, floor uint64) {
	f := c.fly(r)
	f.data.Trims = append(f.data.Trims, store.Trim{Room: r.id, Log: lg.id, Floor: floor})
	f.size += 128
}

// retain lets go of what is over the room's limits. It runs when runs became durable, and by the clock.
func (c *Core) retain(r *room) {
	o := r.open
	old := unix(c.now) - int64(o.limits.Age)
	for len(o.oldest) > 0 {
		lg := o.oldest[0]
		if o.bytes <= o.limits.Bytes && lg.open.marks[0].received >= old {
			break
		}
		if !c.letGo(r, lg) {
			break // not durable yet
		}
	}
	if len(o.oldest) > o.limits.Logs {
		c.retainLogs(r)
	}
}

// retainAuthor keeps an author within its part.
func (c *Core) retainAuthor(r *room, lg *logState) {
	o := r.open
	if lg.open == nil {
		return
	}
	a := lg.open.author
	for a.bytes > o.limits.AuthorBytes {
		var first *logState
		for _, l := range a.logs {
			if len(l.open.marks) > 0 && (first == nil || l.open.marks[0].seq < first.open.marks[0].seq) {
				first = l
			}
		}
		if first == nil || !c.letGo(r, first) {
			return
		}
	}
}

// retainLogs lets the least recently written logs go, those of this peer's own users last. Of the logs that came within openNewcomer,
// which anybody can make any number of, no more stay than half of what is kept, as long as there are others: a flood of new
// identities does not push out those that were here before it. (Who waits that long first does.)
// It goes a little below the limit, so that it need not be done for each.
func (c *Core) retainLogs(r *room) {
	o := r.open
	logs := slices.Clone(o.oldest)
	slices.SortFunc(logs, func(a, b *logState) int {
		if a.open.local != b.open.local {
			if a.open.local {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.open.marks[len(a.open.marks)-1].seq, b.open.marks[len(b.open.marks)-1].seq)
	})
	excess := len(logs) - o.limits.Logs + o.limits.Logs/64
	fresh := func(lg *logState) bool { return !lg.open.local && unix(c.now)-lg.open.since < int64(openNewcomer) }
	newcomers := 0
	for _, lg := range logs {
		if fresh(lg) {
			newcomers++
		}
	}
	for _, first := range []bool{true, false} { // of newcomers what is too much, then of all
		for _, lg := range logs {
			if excess <= 0 || first && newcomers <= o.limits.Logs/2 {
				break
			}
			if lg.open == nil || len(lg.staged) > 0 || first && !fresh(lg) {
				continue
			}
			if fresh(lg) {
				newcomers--
			}
			c.dropLog(r, lg)
			excess--
		}
	}
}

// letGo drops a log's oldest run, or the log with its last one. It reports false
// while that run is not durable.
func (c *Core) letGo(r *room, lg *logState) bool {
	m := lg.open.marks[0]
	if m.last > lg.durable || len(lg.open.marks) == 1 && len(lg.staged) > 0 {
		return false
	}
	if len(lg.open.marks) == 1 {
		c.dropLog(r, lg)
		return true
	}
	r.open.removeFirst(lg)
	r.messages -= m.last - lg.floor
	r.bytes -= m.size
	lg.bytes -= m.size
	lg.floor = m.last
	c.trim(r, lg, m.last)
	return true
}

// dropLog lets a log go, whole.
func (c *Core) dropLog(r *room, lg *logState) {
	c.trim(r, lg, store.TrimAll)
	r.open.bury(lg.id, lg.durable)
	r.messages -= lg.durable - lg.floor
	r.bytes -= lg.bytes
	r.open.removeLog(lg)
	c.dropWant(r, lg.id)
	c.dropParked(r, lg)
	delete(r.logs, lg.id)
	r.logTree.drop(lg.id)
	r.digestsFresh = false
	for _, l := range r.links {
		delete(l.marks, lg.id)
		delete(l.ahead, lg.id)
	}
}

// openTimer looks at the room's ages from time to time.
func (c *Core) openTimer(r *room) {
	if r.open.timer {
		return
	}
	r.open.timer = true
	c.after(max(time.Second, r.open.limits.Age/1024), func() {
		r.open.timer = false
		if c.rooms[r.id] != r {
			return
		}
		if !r.failed {
			c.retain(r)
		}
		if len(r.open.oldest) > 0 {
			c.openTimer(r)
		}
	})
}
