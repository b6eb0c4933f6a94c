package client

import (
	"context"
	"errors"
	"slices"
	"time"

	"parley/rooms"
	"parley/wire"
)

// loop sends and takes acknowledgements until the window is over.
func (w *writer) loop(ctx context.Context, refresh *refresher) error {
	for {
		if err := w.settleAcks(ctx); err != nil {
			return err
		}
		idle := len(w.box.pending) == 0
		if idle {
			done, err := w.advance()
			if done || err != nil {
				return err
			}
		} else {
			w.busy = time.Now()
		}
		if w.feed != nil && !w.drain && w.turn.contended(time.Now()) {
			w.drain = true
		}
		switch {
		case w.maySend():
			if err := w.send(ctx); err != nil {
				return err
			}
			continue
		case idle && (w.drain || len(w.queue) == 0 && !w.poll() && !w.lingers()):
			return nil
		case idle && len(w.queue) > 0:
			continue
		}
		if err := w.await(ctx, refresh); err != nil {
			return err
		}
	}
}

// lingers reports whether a window with nothing left to send stays open: what
// comes soon then goes out without a question to the peer before it.
func (w *writer) lingers() bool { return w.feed != nil && time.Since(w.busy) < turnLinger }

// advance does what has to wait until nothing is pending: a new incarnation,
// and the look whether a named message was sent before. done ends the window.
func (w *writer) advance() (done bool, err error) {
	w.behind = false
	if w.queue, err = w.dropSent(w.queue); err != nil {
		return false, err
	}
	if w.renew && len(w.queue) > 0 {
		return false, w.begin()
	}
	return false, nil
}

// dropSent takes named messages out of the queue that the key table has.
func (w *writer) dropSent(queue []outgoing) ([]outgoing, error) {
	var failed error
	return slices.DeleteFunc(queue, func(m outgoing) bool {
		if m.name.IsZero() || failed != nil {
			return false
		}
		res, ok, err := findKey(w.room.file("keys"), m.name)
		if err != nil {
			failed = err
			return false
		}
		if ok && w.results != nil {
			failed = w.results([]Result{res})
		}
		return ok
	}), failed
}

func (w *writer) maySend() bool {
	return len(w.queue) > 0 && w.bytes < maxInFlight && !w.behind && !w.renew && !w.drain
}

// send brings what is written under up to date, and sends a run. A log's first
// run is written under what its incarnation is bound to.
func (w *writer) send(ctx context.Context) error {
	if now := w.room.changes(); w.box.state.signed > 0 && (now != w.version || w.writing.heads == nil) {
		wr, err := w.room.writing(w.box.state.heads, w.anyway)
		if waits(err) || errors.Is(err, errStaleAuthority) {
			return errAgain // a new session of the window waits, or begins another log
		}
		if err != nil {
			return err
		}
		w.writing, w.version = wr, now
	}
	// What is there now goes into the same run; nothing is waited for.
	for len(w.queue) < rooms.MaxRunMessages && w.poll() {
		continue
	}
	return w.next(ctx)
}

// poll takes a batch of the feed if one is there.
func (w *writer) poll() bool {
	if w.feed == nil || w.drain {
		return false
	}
	select {
	case batch, ok := <-w.feed.batches:
		if !ok {
			return false
		}
		w.enqueue(batch)
		return true
	default:
		return false
	}
}

// await waits until something changes.
func (w *writer) await(ctx context.Context, refresh *refresher) error {
	var batches chan [][]byte
	if w.feed != nil && !w.drain && len(w.queue) == 0 && !w.behind && !w.renew {
		batches = w.feed.batches
	}
	select {
	case <-w.acks.bell:
	case batch, ok := <-batches:
		if !ok {
			w.drain = true // the feed is at its end: what is pending is the rest
			return nil
		}
		w.enqueue(batch)
	case <-refresh.tick.C:
		refresh.start()
	case head := <-refresh.fresh:
		w.clock, w.refs = max(w.clock, head.Clock), head.Refs
	case <-time.After(turnProbe):
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// settleAcks takes what the peer has answered.
func (w *writer) settleAcks(ctx context.Context) error {
	log, last, link, fresh, refused, err := w.acks.take()
	if fresh && log == w.box.state.log() {
		done := w.box.acked(last)
		if n := len(done); n > 0 && done[n-1].run.Last() == last && done[n-1].run.Hash != link {
			return wire.Errorf(wire.CodeProtocol, "the peer acknowledges a run that was not sent")
		}
		if err := w.durable(done); err != nil {
			return err
		}
	}
	if refused != nil && refused.Log == w.box.state.log() && len(w.box.pending) > 0 {
		if w.box.pending[0].run.First < refused.First {
			w.behind = true // what came before it may still be acknowledged
		} else {
			return w.refused(ctx, refused)
		}
	}
	if err != nil && (len(w.box.pending) > 0 || len(w.queue) > 0) {
		if codeOf(err) != wire.CodeOK && !cutOff(err) {
			if err := w.retryAttached(ctx, err); err != nil {
				return err
			}
			return errAgain
		}
		return err
	}
	return nil
}

// errAgain ends a session of the window without ending the window: what is
// pending is sent again.
var errAgain = errors.New("client: send again")

// refused decides what becomes of runs that the peer did not take.
func (w *writer) refused(ctx context.Context, r *wire.AppendRefused) error {
	cause := &wire.Error{Code: r.Code, Remote: true, Text: r.Text}
	w.c.cfg.Logger.Info("run refused", "room", w.room.id, "log", r.Log, "first", r.First, "code", r.Code, "text", r.Text, "held", r.Last)
	switch r.Code {
	case wire.CodeBusy, wire.CodeRateLimited:
		return errAgain // no room just now; the window pauses before it tries again
	case wire.CodePending, wire.CodeNotFound:
		if w.attempts++; w.attempts > maxAttempts || w.room.open {
			if w.renew {
				return w.giveUpLog(r, cause) // another peer's log, which this one cannot go on with
			}
			return cause
		}
		if err := w.c.attach(ctx, w.room); err != nil {
			return errors.Join(cause, err)
		}
		return errAgain
	case wire.CodeConflict, wire.CodeInvalid, wire.CodeRefused, wire.CodeProtocol, wire.CodeTooLarge:
		w.attempts++
		return w.giveUpLog(r, cause)
	default: // storage, internal, shutdown: nothing is wrong with the run
		return cause
	}
}

// giveUpLog drops the runs that were refused for good. Their numbers are not
// signed again: what this writer has the text of is sent in a new log.
func (w *writer) giveUpLog(r *wire.AppendRefused, cause error) error {
	dropped := w.box.drop()
	if err := w.box.save(); err != nil {
		return err
	}
	var again []outgoing
	lost := 0
	for _, p := range dropped {
		if p.plain == nil {
			lost += p.run.Count()
			continue
		}
		for i, data := range p.plain {
			m := outgoing{data: data}
			for _, n := range p.names {
				if n.index == i {
					m.name = n.name
				}
			}
			again = append(again, m)
		}
	}
	w.queue = append(again, w.queue...)
	w.bytes = 0
	if lost > 0 {
		w.c.notice("%s from before, never acknowledged, cannot be sent: %s", count(lost, "message"), cause)
	}
	if r.Code != wire.CodeConflict && w.attempts >= 2 || w.attempts > maxAttempts {
		return cause // a new log was refused as well
	}
	return errAgain
}

func sortRefs(refs []wire.Ref) {
	slices.SortFunc(refs, func(a, b wire.Ref) int { return a.Log.Compare(b.Log) })
}
