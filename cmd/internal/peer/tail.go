package peer

import (
	"context"
	"sync"
	"sync/atomic"

	"parley/session"
	"parley/store"
	"parley/wire"
)

// A hub hands new runs to the tails that follow a room, before they are
// durable, and holds those that are not durable yet for tails that start.
type hub struct {
	mu    sync.Mutex
	rooms map[wire.ID]*feed
}

// A feed is one room's part of the hub. It exists while there is anything to
// hand on or anybody to hand it to.
type feed struct {
	unsynced []wire.TailItem // shown, not yet in the store, ascending arrivals
	tails    map[*tail]struct{}
}

// A tail is one follower's place. Its pending items have ascending arrivals.
type tail struct {
	pending []wire.TailItem
	bytes   int
	lost    bool // pending overflowed: read the store again
	wake    chan struct{}
	doubted atomic.Bool // whether its user may still read is to be asked before anything more is sent
}

func newHub() *hub { return &hub{rooms: make(map[wire.ID]*feed)} }

func (h *hub) feed(room wire.ID) *feed {
	f := h.rooms[room]
	if f == nil {
		f = &feed{tails: make(map[*tail]struct{})}
		h.rooms[room] = f
	}
	return f
}

func (h *hub) tidy(room wire.ID, f *feed) {
	if len(f.unsynced) == 0 && len(f.tails) == 0 {
		delete(h.rooms, room)
	}
}

// show hands new runs to the room's tails.
func (h *hub) show(room wire.ID, items []wire.TailItem) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.feed(room)
	f.unsynced = append(f.unsynced, items...)
	for t := range f.tails {
		t.add(items)
	}
}

// doubt has the room's tails ask whether they may go on.
func (h *hub) doubt(room wire.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f := h.rooms[room]; f != nil {
		for t := range f.tails {
			t.doubted.Store(true)
			t.poke()
		}
	}
}

func (t *tail) add(items []wire.TailItem) {
	for _, it := range items {
		if t.lost {
			break
		}
		if t.bytes += len(it.Run); t.bytes > maxTailBuffer {
			t.pending, t.lost = nil, true
			break
		}
		t.pending = append(t.pending, it)
	}
	t.poke()
}

func (t *tail) poke() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// stored forgets the runs of a batch that the store now has, or that the
// store refused: those were shown, and will come again under new arrivals.
func (h *hub) stored(b *store.Batch) {
	upto := make(map[wire.ID]uint64)
	for i := range b.Runs {
		upto[b.Runs[i].Room] = max(upto[b.Runs[i].Room], b.Runs[i].Arrival)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for room, arrival := range upto {
		f := h.rooms[room]
		if f == nil {
			continue
		}
		n := 0
		for n < len(f.unsynced) && f.unsynced[n].Arrival <= arrival {
			n++
		}
		if f.unsynced = f.unsynced[n:]; len(f.unsynced) == 0 {
			f.unsynced = nil
		}
		for t := range f.tails {
			if t.lost {
				t.poke()
			}
		}
		h.tidy(room, f)
	}
}

func (h *hub) join(room wire.ID) *tail {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.feed(room)
	t := &tail{wake: make(chan struct{}, 1)}
	t.add(f.unsynced)
	f.tails[t] = struct{}{}
	return t
}

func (h *hub) leave(room wire.ID, t *tail) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f := h.rooms[room]; f != nil {
		delete(f.tails, t)
		h.tidy(room, f)
	}
}

// take returns what is pending, and whether something was lost before it. When
// it was, the tail starts again with what is not in the store yet.
func (h *hub) take(room wire.ID, t *tail) (items []wire.TailItem, lost bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	items, lost = t.pending, t.lost
	t.pending, t.bytes, t.lost = nil, 0, false
	if f := h.rooms[room]; lost && f != nil {
		t.add(f.unsynced)
	}
	return items, lost
}

// serveTail answers one Tail request until its history ends or, with Follow,
// until the stream or the user's right to read does.
func (p *Peer) serveTail(ctx context.Context, st *session.Stream, user wire.ID, req *wire.Tail) error {
	instance := p.store.Instance()
	var t *tail // of who follows
	s := &tailSender{ctx: ctx, stream: st, may: func() error {
		if t == nil || !t.doubted.Swap(false) {
			return nil
		}
		return p.mayRead(user, req.Room)
	}}
	if string(req.Instance) == string(instance[:]) {
		s.sent = req.After
	}
	if req.Follow {
		t = p.hub.join(req.Room)
		defer p.hub.leave(req.Room, t)
	}
	if err := p.mayRead(user, req.Room); err != nil { // asked behind join: what ends the right later is told to it
		return err
	}
	if req.Last > 0 {
		from, err := p.newest(ctx, req.Room, req.Last, s.sent)
		if err != nil {
			return err
		}
		s.sent = from
	}
	mark := &wire.TailMark{Instance: instance[:], Live: true}
	for lost, marked := true, false; ; {
		if lost {
			if err := p.sendStored(s, req.Room); err != nil {
				return err
			}
		}
		if t == nil {
			mark.Arrival = s.sent
			return st.Send(ctx, mark)
		}
		var items []wire.TailItem
		items, lost = p.hub.take(req.Room, t)
		for i := range items {
			if err := s.add(&items[i]); err != nil {
				return err
			}
		}
		if err := s.flush(); err != nil {
			return err
		}
		if !marked && !lost {
			marked = true
			mark.Arrival = s.sent
			if err := st.Send(ctx, mark); err != nil {
				return err
			}
		}
		select {
		case <-t.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := s.may(); err != nil {
			return err
		}
	}
}

// newest returns the arrival number behind which the newest n messages lie.
func (p *Peer) newest(ctx context.Context, room wire.ID, n, least uint64) (uint64, error) {
	last, err := p.store.LastArrival(ctx, room)
	if err != nil {
		return 0, err
	}
	for run, err := range p.store.ArrivalsBack(ctx, room, last+1) {
		if err != nil {
			return 0, err
		}
		if run.Arrival <= least {
			return least, nil
		}
		if count := run.Last - run.First + 1; count < n {
			n -= count
			continue
		}
		return run.Arrival - 1, nil
	}
	return least, nil
}

func (p *Peer) sendStored(s *tailSender, room wire.ID) error {
	for run, err := range p.store.Arrivals(s.ctx, room, s.sent) {
		if err != nil {
			return err
		}
		if err := s.add(&wire.TailItem{Arrival: run.Arrival, Received: uint64(run.Received), Run: run.Bytes}); err != nil {
			return err
		}
	}
	return s.flush()
}

// A tailSender gathers runs into frames.
type tailSender struct {
	ctx    context.Context
	stream *session.Stream
	frame  wire.TailRuns
	bytes  int
	sent   uint64       // arrival number of the newest run added
	may    func() error // asked before anything is sent
}

func (s *tailSender) add(it *wire.TailItem) error {
	if it.Arrival <= s.sent {
		return nil
	}
	if s.bytes > 0 && s.bytes+len(it.Run) > tailFrame {
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.sent = it.Arrival
	s.frame.Items = append(s.frame.Items, *it)
	s.bytes += len(it.Run) + 32
	return nil
}

func (s *tailSender) flush() error {
	if len(s.frame.Items) == 0 {
		return nil
	}
	if err := s.may(); err != nil {
		return err
	}
	err := s.stream.Send(s.ctx, &s.frame)
	s.frame.Items, s.bytes = nil, 0
	return err
}
