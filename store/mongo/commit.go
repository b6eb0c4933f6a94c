package mongo

import (
	"context"
	"errors"
	"sync"
	"time"

	"parley/store"
)

// A request is one call of Apply.
type request struct {
	batch    *store.Batch
	arrivals []uint64   // of the batch's runs; written while staging
	ignored  int        // runs that were held already
	done     chan error // capacity 1

	mu   sync.Mutex // held while staging, which reads the batch
	gone bool       // the caller has left: do not touch the batch
}

// Apply implements store.Store.
func (s *Store) Apply(ctx context.Context, b *store.Batch) error {
	if err := b.Check(); err != nil {
		return err
	}
	if err := s.alive(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.Empty() {
		return nil
	}
	r := &request{batch: b, arrivals: make([]uint64, len(b.Runs)), done: make(chan error, 1)}
	patience := time.NewTimer(s.opt.Patience)
	defer patience.Stop()
	select {
	case s.queue <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return store.ErrClosed
	case <-patience.C:
		return s.excuse()
	}
	answers, extended := s.answers.Load(), 0
	for {
		var err error
		select {
		case err = <-r.done:
			return answered(r, err)
		case <-ctx.Done():
			err = ctx.Err()
		case <-s.done:
			err = store.ErrClosed
			if ended := s.alive(); ended != nil {
				err = ended
			}
		case <-patience.C:
			if s.Health() == nil { // slow, not away
				patience.Reset(s.opt.Patience)
				continue
			}
			// A server that answers now and then gets there: whoever gave up and came again would begin anew each time.
			if now := s.answers.Load(); now != answers && extended < patienceMost && !s.full.Load() {
				answers = now
				extended++
				patience.Reset(s.opt.Patience)
				continue
			}
			err = s.excuse()
		}
		r.mu.Lock()
		r.gone = true
		r.mu.Unlock()
		select {
		case answer := <-r.done:
			return answered(r, answer)
		default:
			return err
		}
	}
}

func answered(r *request, err error) error {
	if err != nil {
		return err
	}
	for i, arrival := range r.arrivals {
		r.batch.Runs[i].Arrival = arrival
	}
	return nil
}

// excuse says why Apply does not come to an end.
func (s *Store) excuse() error {
	if err := s.Health(); err != nil {
		return err
	}
	return s.unavailable(errors.New("the database is too slow"))
}

// commitLoop stages, groups and commits requests until the store is closed or fenced off.
func (s *Store) commitLoop(st *stager) {
	ctx, stop := context.WithCancel(context.Background())
	var tending sync.WaitGroup
	tending.Go(func() { s.tend(ctx) })
	tending.Go(func() { s.hurry(ctx, stop) })
	clean := true
	for {
		var first *request
		select {
		case first = <-s.queue:
		case <-s.closing:
		}
		if first == nil {
			break
		}
		if clean = s.serve(ctx, st, first); !clean {
			break
		}
	}
	s.finish(st, clean)
	stop()
	tending.Wait()
	close(s.done)
}

// hurry ends what still goes on a while after Close was called.
func (s *Store) hurry(ctx context.Context, stop func()) {
	select {
	case <-ctx.Done():
		return
	case <-s.closing:
	}
	select {
	case <-ctx.Done():
	case <-time.After(closeTimeout):
		stop()
	}
}

// serve commits a request and what is queued behind it. It returns false when the committer must end with
// a commit undecided.
func (s *Store) serve(ctx context.Context, st *stager, r *request) bool {
	for r != nil {
		var group []*request
		if group, r = s.gather(ctx, st, r); len(group) == 0 {
			if s.alive() != nil && !s.closed() {
				return false
			}
			continue
		}
		if err := s.write(ctx, st); err != nil {
			for _, r := range group {
				r.done <- err
			}
			return false
		}
		s.batches.Add(uint64(len(group)))
		for _, r := range group {
			s.stats.runs.Add(uint64(len(r.arrivals) - r.ignored))
			s.ignored.Add(uint64(r.ignored))
			r.done <- nil
		}
		if err := s.tidy(ctx, st); err != nil {
			return true // closing: the next to open this view does the rest
		}
	}
	return true
}

func (s *Store) closed() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// gather stages r and what else is queued into one group. It returns the request that must go into
// the next group, if any.
func (s *Store) gather(ctx context.Context, st *stager, r *request) (group []*request, next *request) {
	st.clear()
	for {
		var err error
		_ = s.persevere(ctx, func(ctx context.Context) error {
			if err = st.stage(ctx, r); errors.Is(err, errAlone) || refused(err) {
				return nil
			}
			return err
		})
		switch {
		case errors.Is(err, errAlone):
			return group, r
		case err != nil:
			if !refused(err) {
				err = s.translate(err)
			}
			r.done <- err
			if final(err) {
				return group, nil
			}
		default:
			group = append(group, r)
		}
		if st.full() || len(group) >= groupRequests {
			return group, nil
		}
		select {
		case r = <-s.queue:
		default:
			return group, nil
		}
	}
}

// refused reports whether an error is the batch's own.
func refused(err error) bool {
	return errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrInvalid) || errors.Is(err, store.ErrTooLarge)
}

// persevere calls f until it succeeds or fails for good, the store being closed included. Whoever waits
// for an answer learns meanwhile what is wrong.
func (s *Store) persevere(ctx context.Context, f func(context.Context) error) error {
	for wait := retryFirst; ; wait = min(2*wait, retryMost) {
		answers := s.answers.Load()
		err := s.bounded(ctx, "told to store a commit", f)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return store.ErrClosed
		}
		if s.answers.Load() != answers {
			wait = retryFirst // the server is there, and f begins where it got to
		}
		err = s.translate(err)
		if s.note(err); final(err) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-s.closing:
			return store.ErrClosed
		}
	}
}

// note records whether the committer can go on: it can when a commit was made.
func (s *Store) note(err error) {
	s.mu.Lock()
	was := s.down
	s.down = err
	if errors.Is(err, store.ErrLocked) || errors.Is(err, store.ErrCorrupt) {
		s.ended = err
	}
	s.mu.Unlock()
	s.full.Store(errors.Is(err, store.ErrFull))
	switch {
	case err != nil && was == nil:
		s.log.Error("the database cannot be written to; trying again", "database", s.name, "error", err)
	case err == nil && was != nil:
		s.reopened.Add(1)
		s.log.Info("the database can be written to again", "database", s.name)
	}
}

// tend keeps the counters that must be asked for, once those who have waited for the store to open have had their answers.
func (s *Store) tend(ctx context.Context) {
	for wait := statsFirst; ; wait = statsEvery {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		_ = s.bounded(ctx, "asked for its size", s.measure)
	}
}

// finish answers who still waits and lets go of the view. clean: no commit is undecided.
func (s *Store) finish(st *stager, clean bool) {
	err := s.alive()
	if err == nil || s.closed() {
		err = store.ErrClosed
	}
	s.mu.Lock()
	if s.ended == nil {
		s.ended = err
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	for waits := true; waits; {
		select {
		case r := <-s.queue:
			r.done <- err
		default:
			waits = false
		}
	}
	if clean {
		s.release(ctx)
	}
	_ = s.client.Disconnect(ctx)
}
