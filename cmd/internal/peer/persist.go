package peer

import (
	"context"
	"errors"
	"sync"

	"parley/rooms"
	"parley/store"
)

// A persister makes the core's batches durable in their order. What arrives
// while one commit runs goes into the next: that is the group commit.
type persister struct {
	store store.Store
	done  func(rooms.Persisted, *store.Batch) // called in order, from run's goroutine, with what was to be written

	mu      sync.Mutex
	changed *sync.Cond // queue or bytes changed
	queue   []rooms.Persist
	bytes   int // waiting or being written
	closed  bool
}

func newPersister(s store.Store, done func(rooms.Persisted, *store.Batch)) *persister {
	p := &persister{store: s, done: done}
	p.changed = sync.NewCond(&p.mu)
	return p
}

// add queues a batch. It never blocks: the core must not wait for the disk.
func (p *persister) add(b rooms.Persist) {
	p.mu.Lock()
	p.queue = append(p.queue, b)
	p.bytes += batchBytes(b.Data)
	p.changed.Broadcast()
	p.mu.Unlock()
}

// room waits until few enough bytes are waiting for the store that another
// frame of records may be taken in. It returns false when the persister ended.
func (p *persister) room() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.bytes > maxUnsynced && !p.closed {
		p.changed.Wait()
	}
	return !p.closed
}

func (p *persister) queued() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bytes
}

// close lets run return once the queue is empty.
func (p *persister) close() {
	p.mu.Lock()
	p.closed = true
	p.changed.Broadcast()
	p.mu.Unlock()
}

// run writes until close is called and everything queued is written.
func (p *persister) run(ctx context.Context) {
	for {
		p.mu.Lock()
		for len(p.queue) == 0 && !p.closed {
			p.changed.Wait()
		}
		n, size := 0, 0
		for n < len(p.queue) && (n == 0 || size < maxCommit && !drops(p.queue[n].Data)) {
			size += batchBytes(p.queue[n].Data)
			n++
		}
		group := p.queue[:n:n]
		p.queue = p.queue[n:]
		p.mu.Unlock()
		if n == 0 {
			return
		}
		p.commit(ctx, group)
		p.mu.Lock()
		p.bytes -= size
		p.changed.Broadcast()
		p.mu.Unlock()
	}
}

// commit writes a group as one batch. When the whole is refused for the sake
// of one, each is tried alone.
func (p *persister) commit(ctx context.Context, group []rooms.Persist) {
	all := group[0].Data
	if len(group) > 1 {
		all = new(store.Batch)
		for _, g := range group {
			all.Runs = append(all.Runs, g.Data.Runs...)
			all.Records = append(all.Records, g.Data.Records...)
			all.DropRecords = append(all.DropRecords, g.Data.DropRecords...)
			all.Values = append(all.Values, g.Data.Values...)
			all.Trims = append(all.Trims, g.Data.Trims...)
			all.Cuts = append(all.Cuts, g.Data.Cuts...)
			all.DropRooms = append(all.DropRooms, g.Data.DropRooms...)
		}
	}
	err := p.store.Apply(ctx, all)
	if len(group) == 1 || !refused(err) {
		p.done(rooms.Persisted{From: group[0].Batch, To: group[len(group)-1].Batch, Err: err}, all)
		return
	}
	for _, g := range group {
		err := p.store.Apply(ctx, g.Data)
		p.done(rooms.Persisted{From: g.Batch, To: g.Batch, Err: err}, g.Data)
	}
}

// refused reports whether the store has refused a batch for what it says. Any
// other failure is the store's own, and meets every batch.
func refused(err error) bool {
	return errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrInvalid) || errors.Is(err, store.ErrTooLarge)
}

// drops reports whether a batch drops what an earlier one may write: a batch
// drops before it writes, so such a one is not joined to those before it. (What is
// trimmed is durable, so trims may be joined.)
func drops(b *store.Batch) bool { return len(b.DropRooms)+len(b.Cuts)+len(b.DropRecords) > 0 }

func batchBytes(b *store.Batch) int {
	n := 0
	for i := range b.Runs {
		n += len(b.Runs[i].Bytes) + 256
	}
	for i := range b.Records {
		n += len(b.Records[i].Bytes) + 128
	}
	return n
}
