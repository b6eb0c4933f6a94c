package peer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/rooms"
	"parley/session"
	"parley/store"
	"parley/wire"
)

// post hands an event to the core, waiting while too many wait already. It
// gives up when the core has ended.
func (p *Peer) post(ev rooms.Event) {
	select {
	case p.events <- ev:
	case <-p.coreDone:
	}
}

// ask runs f on the core's goroutine and waits for it, or for the core's end.
func (p *Peer) ask(f func(*rooms.Core)) bool {
	done := make(chan struct{})
	select {
	case p.asks <- func() { f(p.core); close(done) }:
	case <-p.coreDone:
		return false
	}
	select {
	case <-done:
		return true
	case <-p.coreDone:
		return false
	}
}

// runCore is the one goroutine that drives the core. It ends when ctx does.
func (p *Peer) runCore(ctx context.Context) {
	defer close(p.coreDone)
	p.wake = time.NewTimer(time.Hour)
	defer p.wake.Stop()
	for {
		var ev rooms.Event
		select {
		case <-ctx.Done():
			return
		case ev = <-p.events:
		case f := <-p.asks:
			f()
			continue
		case <-p.wake.C:
			ev = rooms.Tick{}
		}
		for _, effect := range p.core.Step(time.Now(), ev) {
			p.carryOut(ctx, effect)
		}
	}
}

// carryOut does what the core decided. Nothing here waits: what takes time
// goes to the persister, a link's queue, or a goroutine of its own.
func (p *Peer) carryOut(ctx context.Context, effect rooms.Effect) {
	switch e := effect.(type) {
	case rooms.Send:
		if l := p.sessions.get(e.Peer); l != nil {
			l.send(e)
		}
	case rooms.SendLive:
		p.push(e)
	case rooms.Persist:
		p.persist.add(e)
	case rooms.Show:
		p.hub.show(e.Room, e.Items)
	case rooms.Readers:
		p.hub.doubt(e.Room)
	case rooms.Serve:
		if l := p.sessions.get(e.Peer); l != nil {
			p.serve(l, e)
		}
	case rooms.Refuse:
		e.Stream.(*session.Stream).Reset(e.Err.Code, e.Err.Text)
	case rooms.StartPull:
		if l := p.sessions.get(e.Peer); l != nil {
			p.pull(l, e)
		}
	case rooms.CancelPull:
		p.cancelPull(e.Pull)
	case rooms.Reply:
		p.reply(e)
	case rooms.Find:
		p.finds.add(e)
	case rooms.Dial:
		p.wg.Go(func() { p.dialNames(ctx, e.Addresses) })
	case rooms.Offender:
		if l := p.sessions.get(e.Peer); l != nil {
			p.offend(l.addr, e.Err)
			l.session.Close(e.Err.Code, e.Err.Text)
		}
	case rooms.Reload:
		p.wg.Go(func() { p.reload(ctx, e.Room) })
	case rooms.Wake:
		if e.At.IsZero() {
			p.wake.Stop()
		} else {
			p.wake.Reset(time.Until(e.At))
		}
	case rooms.Note:
		attrs := []any{"room", e.Room}
		if l := p.sessions.get(e.Peer); l != nil {
			attrs = append(attrs, "peer", l.id)
		}
		if !e.Log.IsZero() {
			attrs = append(attrs, "log", e.Log)
		}
		p.log.Info(e.Text, attrs...)
	}
}

// push sends live runs, or tells the core that the link's queue is full.
func (p *Peer) push(e rooms.SendLive) {
	l := p.sessions.get(e.Peer)
	if l == nil {
		return
	}
	l.mu.Lock()
	live := l.pushes
	l.mu.Unlock()
	ok, err := false, error(nil)
	if live != nil {
		ok, err = live.TrySend(e.Msg)
	}
	if err == nil && !ok {
		p.wg.Go(func() { p.post(rooms.LiveDropped{Peer: e.Peer, Ref: e.Ref}) })
	}
}

// messageSize is about what a room message takes in memory and on the wire.
func messageSize(m wire.Message) int {
	const overhead = 256
	switch m := m.(type) {
	case *wire.Records:
		n := overhead
		for _, r := range m.Records {
			n += len(r)
		}
		return n
	case *wire.RangesReply:
		return overhead + 64*len(m.Children) + 32*len(m.Keys) + 96*len(m.Heads)
	case *wire.Announce:
		return overhead + 96*len(m.Heads)
	case *wire.Offer:
		return overhead + len(m.Tags)
	default:
		return overhead
	}
}

// load reads all rooms from the store for the core, some at a time: a room takes a dozen questions, each of which a database answers after a while.
func (p *Peer) load(ctx context.Context) error {
	var ids []wire.ID
	err := p.insist(ctx, func() (err error) {
		ids, err = p.store.Rooms(ctx)
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range p.core.OpenRooms() { // of one that the store has not got it tells where arrivals begin
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for part := range slices.Chunk(ids, loadPart) {
		data := make([]*rooms.RoomData, len(part))
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(loadAtOnce)
		for i, id := range part {
			g.Go(func() error {
				err := p.insist(ctx, func() (err error) {
					data[i], err = p.loadRoom(ctx, id)
					return err
				})
				if err != nil {
					return fmt.Errorf("room %s: %w", id, err)
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		p.post(rooms.Loaded{Rooms: data})
	}
	p.post(rooms.Loaded{All: true})
	return nil
}

// insist calls f, which reads from the store, until it succeeds, or has failed for loadPatience.
func (p *Peer) insist(ctx context.Context, f func() error) error {
	for end := time.Now().Add(loadPatience); ; {
		err := f()
		if !errors.Is(err, store.ErrUnavailable) || ctx.Err() != nil || time.Now().After(end) {
			return err
		}
		p.log.Warn("the store cannot be read; trying again", "error", err)
		select {
		case <-time.After(reloadEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// reload reads one room again after a commit that failed, until it succeeds:
// without its records the core cannot go on with the room.
func (p *Peer) reload(ctx context.Context, id wire.ID) {
	for {
		room, err := p.loadRoom(ctx, id)
		if err == nil {
			p.post(rooms.Loaded{Rooms: []*rooms.RoomData{room}})
			return
		}
		p.log.Error("a room cannot be read from the store", "room", id, "error", err)
		select {
		case <-time.After(reloadEvery):
		case <-ctx.Done():
			return
		}
	}
}

func (p *Peer) loadRoom(ctx context.Context, id wire.ID) (*rooms.RoomData, error) {
	data := &rooms.RoomData{Room: id}
	var err error
	if data.Heads, err = p.store.Heads(ctx, id); err != nil {
		return nil, err
	}
	if data.Hidden, err = p.store.Heads(ctx, rooms.HiddenRoom(id)); err != nil {
		return nil, err
	}
	next, err := p.store.NextArrival(ctx, id)
	if err != nil {
		return nil, err
	}
	data.LastArrival = next - 1
	for _, kind := range []store.Kind{store.KindEntry, store.KindBox, store.KindDelegation, store.KindProof} {
		for rec, err := range p.store.Records(ctx, id, kind) {
			if err != nil {
				return nil, err
			}
			data.Records = append(data.Records, rec)
		}
	}
	for v, err := range p.store.Values(ctx, rooms.RoomValues(id)) {
		if err != nil {
			return nil, err
		}
		data.Values = append(data.Values, v)
	}
	if p.core.IsOpen(id) {
		for run, err := range p.store.Arrivals(ctx, id, 0) {
			if err != nil {
				return nil, err
			}
			data.Index = append(data.Index, rooms.RunMeta{
				Log: run.Log, Last: run.Last, Size: uint64(len(run.Bytes)), Received: run.Received,
			})
		}
	}
	return data, nil
}

// A finder reads runs for the core, in the order in which it asked.
type finder struct {
	mu    sync.Mutex
	queue []rooms.Find
	wake  chan struct{}
}

func (f *finder) add(e rooms.Find) {
	f.mu.Lock()
	f.queue = append(f.queue, e)
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (p *Peer) runFinds(ctx context.Context) {
	f := &p.finds
	for {
		f.mu.Lock()
		batch := f.queue
		f.queue = nil
		f.mu.Unlock()
		for _, e := range batch {
			found := rooms.Found{Find: e.Find}
			stored, err := p.store.RunAt(ctx, e.Room, e.Log, e.Number)
			if err == nil {
				found.Run, err = rooms.ParseRun(stored.Bytes)
			}
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				p.log.Error("a run cannot be read from the store", "room", e.Room, "log", e.Log, "error", err)
			}
			p.post(found)
		}
		if len(batch) > 0 {
			continue
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
			return
		}
	}
}
