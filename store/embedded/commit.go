package embedded

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"parley/store"
)

// A request is one call of Apply.
type request struct {
	batch    *store.Batch
	arrivals []uint64   // of the batch's runs; written while staging
	ignored  int        // runs that were held already
	adds     bool       // it takes space
	done     chan error // capacity 1

	mu   sync.Mutex // held while staging, which reads the batch
	gone bool       // the caller has left: do not touch the batch
}

// Apply implements store.Store.
func (s *Store) Apply(ctx context.Context, b *store.Batch) error {
	if err := b.Check(); err != nil {
		return err
	}
	l, _, err := s.alive(ctx, false)
	if err != nil {
		return err
	}
	if b.Empty() {
		return nil
	}
	r := &request{batch: b, arrivals: make([]uint64, len(b.Runs)), done: make(chan error, 1), adds: adds(b)}
	full, patience := l.disk.full(), time.Duration(fullPatience)
	if r.adds && l.disk.isFull() {
		return store.ErrFull
	}
	if !r.adds {
		patience = dropPatience
	}
	select {
	case s.queue <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return store.ErrClosed
	}
	return s.await(ctx, r, full, patience)
}

// await waits for a request's answer, or leaves it.
func (s *Store) await(ctx context.Context, r *request, full <-chan struct{}, patience time.Duration) error {
	var err error
	select {
	case err = <-r.done:
		return s.answered(r, err)
	case <-ctx.Done():
		err = ctx.Err()
	case <-full:
		// A group that was only behind the one that met the full disk may be through in a moment.
		select {
		case err = <-r.done:
			return s.answered(r, err)
		case <-time.After(patience):
			err = store.ErrFull
		case <-ctx.Done():
			err = ctx.Err()
		}
	case <-s.done:
		err = store.ErrClosed
	}
	r.mu.Lock()
	r.gone = true
	r.mu.Unlock()
	select {
	case answer := <-r.done:
		return s.answered(r, answer)
	default:
		return err
	}
}

func (s *Store) answered(r *request, err error) error {
	if err != nil {
		return err
	}
	for i, arrival := range r.arrivals {
		r.batch.Runs[i].Arrival = arrival
	}
	return nil
}

// adds reports whether a batch takes space, other than to say what is dropped.
func adds(b *store.Batch) bool {
	if len(b.Runs)+len(b.Records) > 0 {
		return true
	}
	for i := range b.Values {
		if b.Values[i].Value != nil {
			return true
		}
	}
	return false
}

// A group is what is handed to the write-ahead log at once.
type group struct {
	batch    *pebble.Batch
	view     *view
	requests []*request
}

// commitLoop stages, groups and hands over requests until the store is closed. It owns the
// lives of the database.
func (s *Store) commitLoop(l *life) {
	defer close(s.done)
	for l != nil {
		groups := make(chan *group, inFlight)
		spans := make(chan span, sweepQueue)
		ctx, stop := context.WithCancel(context.Background())
		var loops sync.WaitGroup
		loops.Go(func() { s.syncLoop(l, groups) })
		loops.Go(func() { sweepLoop(ctx, l, spans, s.log) })
		goesOn := s.commitLife(l, groups, spans)
		close(groups)
		stop()
		loops.Wait()
		if !goesOn {
			break
		}
		l = s.reopen(l)
	}
	s.end(l)
}

// commitLife serves one life. It returns false when the store is being closed, true when
// the disk became void.
func (s *Store) commitLife(l *life, groups chan<- *group, spans chan<- span) bool {
	st, err := newStager(l, space{fs: l.disk, path: s.folder.path, log: s.log, was: &s.lowSpace})
	if err != nil {
		l.disk.fail(err)
	}
	for {
		var first *request
		select {
		case first = <-s.queue:
		case <-s.voided:
		case <-s.closing:
			return false
		}
		if l.disk.isVoid() {
			if first != nil {
				first.done <- translate(l.disk.failed())
			}
			return true
		}
		if first == nil {
			continue // a signal of the life before
		}
		for r := first; r != nil; {
			var g *group
			g, r = s.gather(st, r)
			if len(g.requests) == 0 {
				_ = g.batch.Close()
				continue
			}
			if err := l.db.ApplyNoSyncWait(g.batch, pebble.Sync); err != nil {
				// The batch is not closed: the log may still hold it.
				l.disk.fail(err)
				g.answer(translate(err))
				continue
			}
			deleted := st.applied()
			g.view = l.newView()
			groups <- g
			for _, d := range deleted {
				select {
				case spans <- d:
				default:
				}
			}
		}
	}
}

// gather stages r and what else is queued into one group. It returns the request that must go into
// the next group, if any.
func (s *Store) gather(st *stager, r *request) (*group, *request) {
	g := &group{batch: st.life.db.NewBatch()}
	for {
		alone := len(g.requests) == 0
		err := st.stage(g.batch, r, alone)
		switch {
		case errors.Is(err, errAlone):
			return g, r
		case err != nil:
			if cause := st.life.disk.failed(); cause != nil {
				err = translate(cause) // what was read is not to be trusted
			}
			r.done <- err
		default:
			g.requests = append(g.requests, r)
		}
		if g.batch.Len() >= groupBytes || len(g.requests) >= groupRequests || st.crowded() {
			return g, nil
		}
		select {
		case r = <-s.queue:
		default:
			return g, nil
		}
	}
}

// syncLoop answers the requests of each group when it is durable.
func (s *Store) syncLoop(l *life, groups <-chan *group) {
	for g := range groups {
		err := g.batch.SyncWait()
		if err == nil {
			// A void disk reports success without having written.
			err = l.disk.failed()
		} else {
			l.disk.fail(err)
		}
		if err != nil {
			g.view.release()
			g.answer(translate(err))
			continue
		}
		s.publish(g.view)
		s.commits.Add(1)
		s.batches.Add(uint64(len(g.requests)))
		for _, r := range g.requests {
			s.runs.Add(uint64(len(r.arrivals) - r.ignored))
			s.ignored.Add(uint64(r.ignored))
		}
		g.answer(nil)
		_ = g.batch.Close()
	}
}

func (g *group) answer(err error) {
	for _, r := range g.requests {
		r.done <- err
	}
}

// refuse answers every request for a time with the reason why the store is down. It returns
// false when the store is being closed.
func (s *Store) refuse(wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-s.closing:
			for {
				select {
				case r := <-s.queue:
					r.done <- store.ErrClosed
				default:
					return false
				}
			}
		case r := <-s.queue:
			s.mu.Lock()
			cause := s.down
			s.mu.Unlock()
			r.done <- cause
		case <-timer.C:
			return true
		}
	}
}
