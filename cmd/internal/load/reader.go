package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"parley/rooms/client"
	"parley/wire"
)

// A reader is a user that follows a room and checks what it is given.
type reader struct {
	*user
	room int // its number in the run
	id   wire.ID
	run  uint64
	rec  *recorder

	live   chan struct{} // closed when it follows
	ended  chan struct{} // closed when it does not any more
	slow   atomic.Bool   // it is none of those whose latency counts
	pace   atomic.Int64  // bytes per second that it reads; 0: all there are
	hasten chan struct{} // closed when pace ends

	mu     sync.Mutex
	ledger *ledger
	failed error
}

// start makes a reader ready that has a user and a room.
func (r *reader) start(id wire.ID, run uint64, rec *recorder, writers []int) {
	r.id, r.run, r.rec, r.ledger = id, run, rec, newLedger(writers)
	r.live, r.ended, r.hasten = make(chan struct{}), make(chan struct{}), make(chan struct{})
}

// read follows the room until ctx ends.
func (r *reader) read(ctx context.Context) {
	defer close(r.ended)
	opts := client.TailOptions{Last: -1, Follow: true, Live: func() { close(r.live) }}
	for m, err := range r.Tail(ctx, r.id, opts) {
		if err != nil {
			if ctx.Err() == nil {
				r.mu.Lock()
				r.failed = err
				r.mu.Unlock()
			}
			return
		}
		r.take(m)
		if pace := r.pace.Load(); pace > 0 {
			select {
			case <-time.After(time.Duration(len(m.Data)) * time.Second / time.Duration(pace)):
			case <-r.hasten:
			case <-ctx.Done():
			}
		}
	}
}

// take takes one message. What others write in an open room is passed over, and
// what does not open is not given: the ledger misses it.
func (r *reader) take(m *client.Message) {
	s, ok := parseStamp(m.Data)
	if !ok || s.run != r.run {
		return
	}
	r.mu.Lock()
	fresh := r.ledger.add(s.writer, s.number)
	r.mu.Unlock()
	switch {
	case r.slow.Load():
		r.rec.touch()
	case fresh:
		r.rec.happened(arrived, s.due)
	}
}

// lost is how many of the acknowledged messages of its room it was not given.
func (r *reader) lost(writers []*writer) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ledger.lost(ackedOf(writers))
}

// complete tells whether that is none.
func (r *reader) complete(writers []*writer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ledger.complete(ackedOf(writers))
}

func ackedOf(writers []*writer) (acked func(messageKey) bool, upto func(int) uint64) {
	return func(at messageKey) bool { return writers[at.writer].acknowledged(at.number) },
		func(w int) uint64 { return writers[w].reached() }
}
