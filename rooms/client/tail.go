package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"parley/rooms"
	"parley/wire"
)

// Tail reads a room. The sequence ends at the end of the history, or, with
// Follow, when ctx ends or the consumer stops. An error ends it. Messages are
// given in the order in which the peer stored them, but an answer waits a
// little for what it answers.
func (c *Client) Tail(ctx context.Context, id wire.ID, opts TailOptions) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		t, err := c.newTail(id, opts, func(m *Message) bool { return yield(m, nil) })
		if err == nil {
			err = t.run(ctx)
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, err)
		}
	}
}

// errStopped says that the consumer wants no more.
var errStopped = errors.New("client: stopped")

// A tail is one reading of a room.
type tail struct {
	c    *Client
	room *room
	opts TailOptions
	give func(*Message) bool

	cursor *cursor
	old    bool // the cursor's file existed
	dirty  bool // the cursor differs from its file
	saved  time.Time
	behind bool // messages were given since Flush
	moved  bool // something came over the present session

	live    bool                  // the end of the history was reached
	kept    []*Message            // history not given yet: with Last or Sorted
	held    []*opened             // waiting for what they answer
	release map[*opened]time.Time // when each of held waits no longer
	ciphers *ciphers
	names   map[nameOf]string
	asked   time.Time // when the room was last refreshed for a missing key

	askedHeads time.Time // likewise for missing entries
}

type nameOf struct {
	id    wire.ID
	claim string
}

func (c *Client) newTail(id wire.ID, opts TailOptions, give func(*Message) bool) (*tail, error) {
	r, err := c.room(id)
	if err != nil {
		return nil, err
	}
	t := &tail{
		c: c, room: r, opts: opts, give: give, cursor: newCursor(id),
		release: make(map[*opened]time.Time), ciphers: newCiphers(r), names: make(map[nameOf]string),
	}
	if opts.Cursor != "" {
		if t.cursor, t.old, err = loadCursor(opts.Cursor, id); err != nil {
			return nil, err
		}
	}
	if opts.Sorted && opts.Follow {
		return nil, errors.New("client: sorted reading has an end, following has none")
	}
	return t, nil
}

// run reads over as many sessions as it takes.
func (t *tail) run(ctx context.Context) error {
	pause := reconnectMin
	for first := true; ; first = false {
		err := t.session(ctx)
		again := cutOff(err) || errors.Is(err, ErrNoDaemon) && !first
		if !again || ctx.Err() != nil {
			return errors.Join(err, t.settle())
		}
		if err := t.settle(); err != nil {
			return err
		}
		patience := t.c.cfg.Patience
		if t.opts.Follow {
			patience = 1 << 62 // years: until ctx ends
			if (t.live || !first) && !errors.Is(err, errAgain) {
				t.c.notice("the daemon is gone; waiting for it")
			}
		}
		// A peer that ends every reading at once is not asked in a tight loop.
		if t.moved {
			pause = reconnectMin
		}
		t.moved = false
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, reconnectMax)
		if _, err := t.c.reconnect(ctx, patience); err != nil {
			return err
		}
	}
}

// session reads over one session until its end. nil: the reading is done.
func (t *tail) session(ctx context.Context) error {
	if err := t.prepare(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	p := bulk
	if t.opts.Follow {
		p = live
	}
	s, err := t.c.request(ctx, p, t.request())
	if err != nil {
		cancel()
		return err
	}
	t.kept, t.held = nil, nil
	clear(t.release)
	o := startOpeners(ctx, t.room, s)
	defer func() {
		cancel()
		s.Reset(wire.CodeOK, "")
		o.wait()
	}()
	err = t.consume(ctx, o.steps)
	if codeOf(err) == wire.CodeNotFound && !t.room.open {
		return t.ended(ctx, err)
	}
	return err
}

// ended finds out why the peer ended a reading that it had begun: it tells those who are no members any more what made them so.
func (t *tail) ended(ctx context.Context, err error) error {
	out, rerr := t.room.ousted(ctx)
	switch {
	case out != nil:
		return out
	case rerr != nil || !t.live: // the room was given up, by another program of this user's
		return err
	}
	return fmt.Errorf("%w: %w", errAgain, err) // it followed, and is back already
}

// prepare brings the room's entries and keys up to date.
func (t *tail) prepare(ctx context.Context) error {
	if t.room.open {
		return nil
	}
	known := t.room.digest()
	if t.room.lacksKey() {
		known = nil
	}
	err := t.room.refresh(ctx, known)
	if code := codeOf(err); code == wire.CodeNotFound || code == wire.CodeRefused {
		if aerr := t.c.attach(ctx, t.room); aerr != nil {
			return errors.Join(t.room.outside(), err, aerr)
		}
		err = nil
	}
	if err == nil {
		err = t.room.outside()
	}
	return err
}

func (t *tail) request() *wire.Tail {
	req := &wire.Tail{Room: t.room.id, Follow: t.opts.Follow}
	if t.cursor.instance != [16]byte{} {
		req.Instance, req.After = t.cursor.instance[:], t.cursor.arrival
		return req
	}
	if t.opts.Last != 0 && !t.opts.Sorted && t.opts.Since.IsZero() && !t.old {
		req.Last = uint64(max(t.opts.Last, 1)) // 0 would be all
	}
	return req
}

// consume takes the steps one after another.
func (t *tail) consume(ctx context.Context, steps <-chan tailStep) error {
	for {
		step, err := t.next(ctx, steps)
		if err != nil {
			return err
		}
		t.moved = true
		switch {
		case step.run != nil:
			err = t.take(ctx, step.run)
		case step.mark != nil:
			err = t.marked(ctx, step.mark)
		case errors.Is(step.err, io.EOF):
			// The end of a history, which its mark precedes.
			if t.live && !t.opts.Follow {
				return nil
			}
			err = step.err
		default:
			err = step.err
		}
		if err != nil {
			return err
		}
		if t.live && !t.opts.Follow {
			return nil
		}
		if t.dirty && time.Since(t.saved) > cursorEvery {
			if err := t.settle(); err != nil {
				return err
			}
		}
	}
}

// next returns the next step. Before it waits it flushes and saves.
func (t *tail) next(ctx context.Context, steps <-chan tailStep) (tailStep, error) {
	ready := func(s tailStep, ok bool) (tailStep, error) {
		if !ok {
			return s, cmp.Or(ctx.Err(), errLost)
		}
		if s.run != nil {
			<-s.run.done
		}
		return s, nil
	}
	select {
	case s, ok := <-steps:
		return ready(s, ok)
	default:
	}
	if err := t.settle(); err != nil {
		return tailStep{}, err
	}
	var idle <-chan time.Time
	if t.opts.Timeout > 0 && !t.live {
		timer := time.NewTimer(t.opts.Timeout)
		defer timer.Stop()
		idle = timer.C
	}
	for {
		due, stop := t.due()
		select {
		case s, ok := <-steps:
			stop()
			return ready(s, ok)
		case <-due:
			if err := t.letGo(t.c.cfg.Now()); err != nil {
				return tailStep{}, err
			}
			if err := t.settle(); err != nil {
				return tailStep{}, err
			}
		case <-idle:
			stop()
			return tailStep{}, ErrNoProgress
		case <-ctx.Done():
			stop()
			return tailStep{}, ctx.Err()
		}
		stop()
	}
}

// take handles one verified run.
func (t *tail) take(ctx context.Context, run *opened) error {
	if run.err == nil && !t.room.open {
		run.err = t.admit(ctx, run.run)
	}
	if run.err != nil {
		t.c.notice("the peer sent a run that does not belong here: %v", run.err)
		return nil
	}
	if run.noKey {
		if err := t.findKey(ctx); err != nil {
			return err
		}
		if t.ciphers.open(run); run.noKey {
			run.locked()
		}
	}
	received := time.Unix(0, int64(min(run.item.Received, 1<<63-1)))
	if err := t.letGo(received); err != nil {
		return err
	}
	if t.mustWait(run) {
		wait := received.Add(answerWait)
		if now := t.c.cfg.Now(); t.live || wait.After(now.Add(answerWait)) {
			wait = now.Add(answerWait)
		}
		t.held = append(t.held, run)
		t.release[run] = wait
		if len(t.held) > maxWaiting {
			return t.letGo(t.release[t.held[0]])
		}
		return nil
	}
	if err := t.show(run); err != nil {
		return err
	}
	return t.letGo(received)
}

// admit checks that a run's author may have written it, by the entries that
// it had seen. The peer has judged it; this is for peers that cannot be trusted.
func (t *tail) admit(ctx context.Context, run *rooms.Run) error {
	may, known := t.room.mayWrite(run)
	if now := time.Now(); !known && now.Sub(t.askedHeads) > time.Second {
		t.askedHeads = now
		if err := t.room.refresh(ctx, t.room.digest()); err != nil {
			return err
		}
		may, known = t.room.mayWrite(run)
	}
	// Of heads newer than any entry that we are told of, the key decides.
	if known && !may {
		return rooms.ReasonNotMember
	}
	return nil
}

// findKey asks for boxes, at most every answerWait.
func (t *tail) findKey(ctx context.Context) error {
	if now := time.Now(); now.Sub(t.asked) > answerWait {
		t.asked = now
		return t.room.refresh(ctx, nil)
	}
	return nil
}

// mustWait reports whether a run waits for messages that it answers, or for a
// run of its log that does.
func (t *tail) mustWait(run *opened) bool {
	if run.item.Waits && slices.ContainsFunc(run.run.Refs, t.unseen) {
		return true
	}
	return slices.ContainsFunc(t.held, func(h *opened) bool { return h.run.Log == run.run.Log })
}

func (t *tail) unseen(ref wire.Ref) bool { return !t.cursor.seen(ref.Log, ref.Number) }

// letGo shows the held runs that need not wait longer.
func (t *tail) letGo(now time.Time) error {
	for again := true; again; {
		again = false
		blocked := make(map[wire.ID]bool)
		for i, h := range t.held {
			expired := !now.Before(t.release[h])
			if blocked[h.run.Log] || !expired && slices.ContainsFunc(h.run.Refs, t.unseen) {
				blocked[h.run.Log] = true
				continue
			}
			t.held = slices.Delete(t.held, i, i+1)
			delete(t.release, h)
			if err := t.show(h); err != nil {
				return err
			}
			again = true
			break
		}
	}
	return nil
}

// due fires when the first held run has waited long enough.
func (t *tail) due() (<-chan time.Time, func()) {
	if len(t.held) == 0 {
		return nil, func() {}
	}
	first := t.release[t.held[0]]
	for _, h := range t.held {
		if t.release[h].Before(first) {
			first = t.release[h]
		}
	}
	timer := time.NewTimer(max(first.Sub(t.c.cfg.Now()), 0))
	return timer.C, func() { timer.Stop() }
}
