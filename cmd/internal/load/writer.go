package load

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"parley/rooms/client"
)

// A pipe sends what a source gives until its end, as [client.Client.Pipe] does,
// and tells how many became durable, in order, and the last of them.
type pipe func(ctx context.Context, src client.Source, durable func(n int, last client.Result) error) error

// A writer is a user that writes in one room. Messages become due whether or not
// it gets rid of them, and wait in its queue.
type writer struct {
	index int
	run   uint64
	size  int
	rec   *recorder

	mu       sync.Mutex
	queue    []message // due, not taken by the pipe
	out      []message // taken, not acknowledged; oldest first
	unplaced []message // acknowledged, not known to be on as many peers as asked for
	last     client.Result
	count    uint64    // messages that became due
	upto     uint64    // the number behind the last acknowledged one
	failed   []numbers // below upto, and not acknowledged
	ended    bool      // nothing more becomes due
	replicas bool      // acknowledged messages go to unplaced
	wake     chan struct{}
	acks     chan struct{}
}

// A message has a number among its writer's and an intended moment.
type message struct {
	number uint64
	due    time.Duration
}

// numbers are those from first up to, and without, end.
type numbers struct{ first, end uint64 }

func newWriter(index int, run uint64, size int, rec *recorder) *writer {
	return &writer{index: index, run: run, size: size, rec: rec, wake: make(chan struct{}, 1), acks: make(chan struct{}, 1)}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// hand gives the writer a message that is due now, or was.
func (w *writer) hand(due time.Duration) {
	w.mu.Lock()
	w.queue = append(w.queue, message{w.count, due})
	w.count++
	w.mu.Unlock()
	poke(w.wake)
}

// end says that nothing more becomes due.
func (w *writer) end() {
	w.mu.Lock()
	w.ended = true
	w.mu.Unlock()
	poke(w.wake)
}

// waiting is how many messages are due and not taken.
func (w *writer) waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue)
}

// Next implements client.Source.
func (w *writer) Next(ctx context.Context, most int) ([][]byte, error) {
	for {
		w.mu.Lock()
		n := min(most, len(w.queue))
		taken := w.queue[:n:n]
		w.queue = w.queue[n:]
		w.out = append(w.out, taken...)
		ended := w.ended
		w.mu.Unlock()
		if n > 0 {
			texts := make([][]byte, n)
			for i, m := range taken {
				texts[i] = stamp{run: w.run, writer: w.index, number: m.number, due: m.due}.text(w.size)
			}
			return texts, nil
		}
		if ended {
			return nil, io.EOF
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

var errUnasked = errors.New("load: the peer acknowledges more than was sent")

// durable takes note that the n oldest messages on their way are.
func (w *writer) durable(n int, last client.Result) error {
	w.mu.Lock()
	if n > len(w.out) {
		w.mu.Unlock()
		return errUnasked
	}
	done := w.out[:n:n]
	w.out = w.out[n:]
	if n > 0 {
		w.upto, w.last = done[n-1].number+1, last
	}
	if w.replicas {
		w.unplaced = append(w.unplaced, done...)
	}
	w.mu.Unlock()
	w.rec.happened(acked, moments(done)...)
	poke(w.acks)
	return nil
}

func moments(list []message) []time.Duration {
	all := make([]time.Duration, len(list))
	for i, m := range list {
		all[i] = m.due
	}
	return all
}

// write sends through the pipe until everything that became due is durable, or
// ctx ends. A pipe that fails leaves what was on its way unacknowledged; failed is
// told how many, and the writer goes on, as a user would.
func (w *writer) write(ctx context.Context, p pipe, failed func(err error, messages int)) {
	for {
		err := p(ctx, w, w.durable)
		if err == nil {
			return
		}
		w.mu.Lock()
		n := len(w.out)
		if n > 0 {
			w.failed = append(w.failed, numbers{w.out[0].number, w.out[n-1].number + 1})
			w.out = nil
		}
		w.mu.Unlock()
		failed(err, n)
		select {
		case <-time.After(againAfter):
		case <-ctx.Done():
			return
		}
	}
}

// acknowledged tells whether a message was.
func (w *writer) acknowledged(number uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if number >= w.upto {
		return false
	}
	for _, f := range w.failed {
		if number >= f.first && number < f.end {
			return false
		}
	}
	return true
}

// reached is the number behind the last acknowledged message.
func (w *writer) reached() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.upto
}

// settled tells whether everything acknowledged is known to be where it was
// asked to be.
func (w *writer) settled() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.unplaced) == 0
}

// place asks, for the newest acknowledged message again and again, until it is
// on as many peers as asked for, and takes note that it and those before it are.
// ask is false when they are not yet there.
func (w *writer) place(ctx context.Context, ask func(ctx context.Context, last client.Result) bool) {
	for {
		select {
		case <-w.acks:
		case <-ctx.Done():
			return
		}
		for !w.settled() && ctx.Err() == nil {
			w.mu.Lock()
			n, last := len(w.unplaced), w.last
			w.mu.Unlock()
			if !ask(ctx, last) {
				select {
				case <-time.After(askAgain):
				case <-ctx.Done():
				}
				continue
			}
			w.mu.Lock()
			done := w.unplaced[:n:n]
			w.unplaced = w.unplaced[n:]
			w.mu.Unlock()
			w.rec.happened(placed, moments(done)...)
		}
	}
}
