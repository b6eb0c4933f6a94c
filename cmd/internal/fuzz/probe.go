package fuzz

import (
	"context"
	"fmt"
	"time"

	"parley/wire"
)

// watched is what the probe has seen of the target.
type watched struct {
	memory, goroutines uint64 // at the most
	slowest            time.Duration
	base               uint64 // goroutines before anything was played
}

const (
	// probeEvery is how often the target is asked how it is.
	probeEvery = 250 * time.Millisecond

	// settleWithin is how long the target has to end what has ended.
	settleWithin = 15 * time.Second
)

// probe asks the target how it is.
func (t *Target) probe(ctx context.Context, w *world) (st *wire.Status, took time.Duration, err error) {
	start := time.Now()
	err = w.as(ctx, "probe", func(k *talk) error {
		st, err = done[*wire.Status](k, &wire.StatusGet{})
		return err
	})
	return st, time.Since(start), err
}

// prober is a world for probes alone.
func (r *runner) prober() *world {
	return newWorld(&r.o.Target, &Script{Seed: r.o.Seed, Clock: r.o.Clock, Role: roleOutsider})
}

// first has a first look at the target.
func (r *runner) first(ctx context.Context) error {
	st, _, err := r.o.Target.probe(ctx, r.prober())
	if err != nil {
		if refusedWith(err, wire.CodeRefused) {
			return fmt.Errorf("the peer does not serve the harness's users: %w; start it so that it does (parley daemon --users any)", err)
		}
		return fmt.Errorf("the peer does not answer: %w", err)
	}
	r.o.Target.PeerID = st.Peer
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watched.base = st.Goroutines
	return nil
}

// watch looks at the target again and again, until it shows a problem.
func (r *runner) watch(ctx context.Context) *Problem {
	w := r.prober()
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if p := r.look(ctx, w); p != nil {
			return p
		}
		if r.o.Progress != nil && time.Since(r.told) >= r.o.Every {
			r.told = time.Now()
			r.o.Progress(r.summary())
		}
	}
}

// whole is look, for who has met a problem and wants to know whether it is the
// target's as a whole.
func (r *runner) whole(ctx context.Context) *Problem {
	r.mu.Lock()
	p := r.proc
	r.mu.Unlock()
	if p != nil {
		p.ends(4 * awaitWithin) // its end comes a little behind that of its connections
	}
	return r.look(ctx, r.prober())
}

// look asks the target how it is, and looks at its process.
func (r *runner) look(ctx context.Context, w *world) *Problem {
	r.mu.Lock()
	proc := r.proc
	r.mu.Unlock()
	if proc != nil {
		if p := proc.problem(); p != nil {
			return p
		}
	}
	st, took, err := r.o.Target.probe(ctx, w)
	if err != nil && ctx.Err() == nil && (proc == nil || proc.alive()) {
		st, took, err = r.o.Target.probe(ctx, w) // the machine may have stood still
	}
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return r.silent(err)
	case proc != nil && !proc.alive():
		return proc.problem()
	}
	memory := st.MemoryBytes
	if proc != nil {
		if _, most, ok := proc.resident(); ok {
			memory = most
		}
	}
	r.mu.Lock()
	r.watched.memory = max(r.watched.memory, memory)
	r.watched.goroutines = max(r.watched.goroutines, st.Goroutines)
	r.watched.slowest = max(r.watched.slowest, took)
	r.mu.Unlock()
	if memory > r.o.MaxMemory {
		return &Problem{KindMemory, fmt.Sprintf("the target takes %d KiB of memory, the bound is %d", memory>>10, r.o.MaxMemory>>10)}
	}
	return nil
}

// silent is the problem of a target that did not answer: that its process has ended, where it has.
func (r *runner) silent(err error) *Problem {
	r.mu.Lock()
	proc := r.proc
	r.mu.Unlock()
	if proc != nil && proc.ends(diesWithin) {
		return proc.problem()
	}
	return &Problem{KindSilent, fmt.Sprintf("the target does not answer an honest user: %v", err)}
}

// quiet waits, when nothing is played, until the target's goroutines are back to
// what they were, within the bound. Then nothing is suspected any more.
func (r *runner) quiet(ctx context.Context) *Problem {
	p := r.settled(ctx, r.watched.base+r.o.MaxGoroutines, settleWithin)
	if p == nil {
		r.mu.Lock()
		r.playing, r.recent = map[int]*Script{}, nil
		r.mu.Unlock()
	}
	return p
}

// settled waits until the target has no more goroutines than these.
func (r *runner) settled(ctx context.Context, most uint64, within time.Duration) *Problem {
	w := r.prober()
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for by := time.Now().Add(within); ; {
		st, _, err := r.o.Target.probe(ctx, w)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return r.silent(err)
		case st.Goroutines <= most:
			return nil
		case time.Now().After(by):
			return &Problem{KindGoroutines, fmt.Sprintf("the target has %d goroutines %v after all was over, and should have no more than %d", st.Goroutines, within, most)}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}
