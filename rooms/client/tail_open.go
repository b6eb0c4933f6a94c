package client

import (
	"context"
	"runtime"
	"sync"
	"time"

	"parley/rooms"
	"parley/wire"
)

// opened is a run on its way through verification and decryption.
type opened struct {
	item     wire.TailItem
	run      *rooms.Run
	messages []Message // one for each of the run's; Problem says what is wrong with one
	kinds    []uint64
	err      error // the run itself is bad; it is not shown
	noKey    bool  // the epoch's key is missing: messages is empty
	done     chan struct{}
}

// A step of a tail is a run, or a mark.
type tailStep struct {
	run  *opened
	mark *wire.TailMark
	err  error // the stream's end; the last step
}

// openers verify and decrypt runs on all cores, handing them on in order.
type openers struct {
	room  *room
	work  chan *opened
	steps chan tailStep
	wg    sync.WaitGroup
}

// startOpeners starts receiving from s. They end, and steps is closed, with
// the stream or ctx; wait joins them.
func startOpeners(ctx context.Context, r *room, s stream) *openers {
	o := &openers{room: r, work: make(chan *opened), steps: make(chan tailStep, tailAhead)}
	for range runtime.GOMAXPROCS(0) {
		o.wg.Go(func() {
			ciphers := newCiphers(r)
			for job := range o.work {
				ciphers.open(job)
				close(job.done)
			}
		})
	}
	o.wg.Go(func() {
		defer close(o.steps)
		defer close(o.work)
		err := o.receive(ctx, s)
		select {
		case o.steps <- tailStep{err: err}:
		case <-ctx.Done():
		}
	})
	return o
}

func (o *openers) wait() { o.wg.Wait() }

func (o *openers) receive(ctx context.Context, s stream) error {
	here := newCiphers(o.room)
	for {
		m, err := s.Recv(ctx)
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *wire.TailRuns:
			for _, item := range m.Items {
				job := &opened{item: item, done: make(chan struct{})}
				// A lone message, for which the reader waits, changes hands once less.
				lone := len(m.Items) == 1 && len(item.Run) <= loneRun && len(o.steps) == 0
				if lone {
					here.open(job)
					close(job.done)
				}
				if err := o.pass(ctx, job, lone); err != nil {
					return err
				}
			}
		case *wire.TailMark:
			select {
			case o.steps <- tailStep{mark: m}:
			case <-ctx.Done():
				return ctx.Err()
			}
		default:
			return wire.Errorf(wire.CodeProtocol, "the peer answers %T to a tail", m)
		}
	}
}

// pass hands a run on, and to a worker unless it is open.
func (o *openers) pass(ctx context.Context, job *opened, open bool) error {
	if !open {
		select {
		case o.work <- job:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	select {
	case o.steps <- tailStep{run: job}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ciphers are one worker's message ciphers, which keep their state.
type ciphers struct {
	room *room
	of   map[cipherPlace]*rooms.MessageCipher
}

type cipherPlace struct{ epoch, author, incarnation wire.ID }

func newCiphers(r *room) *ciphers {
	return &ciphers{room: r, of: make(map[cipherPlace]*rooms.MessageCipher)}
}

// cipher returns the cipher for a run, or nil if its epoch's key is missing.
func (c *ciphers) cipher(r *rooms.Run) *rooms.MessageCipher {
	at := cipherPlace{r.Epoch, r.Author, r.Incarnation}
	if found := c.of[at]; found != nil {
		return found
	}
	key, ok := c.room.key(r.Epoch)
	if !ok {
		return nil
	}
	if len(c.of) >= maxCiphers {
		clear(c.of)
	}
	made := rooms.NewMessageCipher(key, r.Room, r.Epoch, r.Author, r.Incarnation)
	c.of[at] = made
	return made
}

// open verifies a run and decrypts its messages.
func (c *ciphers) open(job *opened) {
	if job.run == nil {
		run, err := rooms.ParseRun(job.item.Run)
		if err == nil && run.Room != c.room.id {
			err = rooms.ReasonRoom
		}
		if err == nil {
			err = run.Verify()
		}
		if err != nil {
			job.err = err
			return
		}
		job.run = run
	}
	run := job.run
	cipher := c.cipher(run)
	if job.noKey = cipher == nil; job.noKey {
		return
	}
	size := 0
	for _, m := range run.Messages {
		size += len(m)
	}
	buf := make([]byte, 0, size)
	job.messages = make([]Message, run.Count())
	job.kinds = make([]uint64, run.Count())
	for i := range run.Messages {
		at := len(buf)
		m, err := cipher.Open(buf[at:at:at+len(run.Messages[i])], run, i)
		buf = buf[:at+len(run.Messages[i])]
		job.kinds[i] = m.Kind
		job.messages[i] = message(job, i, m, err)
	}
}

// message is message i of an opened run, without the name to show.
func message(job *opened, i int, m rooms.Message, problem error) Message {
	run := job.run
	out := Message{
		Room: run.Room, ID: run.MessageID(i), Log: run.Log, Seq: run.First + uint64(i),
		Author: run.Author, Claim: m.Name, Time: rooms.ClockTime(run.Clock), Clock: run.Clock,
		Received: time.Unix(0, int64(min(job.item.Received, 1<<63-1))), Arrival: job.item.Arrival,
		Epoch: run.Epoch, Problem: problem,
	}
	if problem == nil {
		out.Data = m.Data
	}
	return out
}

// locked fills in the messages of a run whose key is missing.
func (job *opened) locked() {
	job.messages = make([]Message, job.run.Count())
	job.kinds = make([]uint64, job.run.Count())
	for i := range job.messages {
		job.messages[i] = message(job, i, rooms.Message{}, ErrNoKey)
	}
}
