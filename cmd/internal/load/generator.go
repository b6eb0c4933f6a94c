package load

import (
	"context"
	"fmt"
	"time"
)

// A generator hands messages to writers at their intended moments, and waits
// for nothing else.
type generator struct {
	rec     *recorder
	writers []*writer
	seed    uint64
	even    bool
	sleep   func(time.Duration) // for short waits, exactly
	played  int
}

// A Step is a rate that is kept for a time.
type Step struct {
	Rate float64 // messages per second of all writers together
	For  time.Duration
}

// play hands messages over at a rate, for the step's time or until the channel is closed,
// and returns early, with an error, if the writers are too far behind or ctx ends. The
// name is of the phase that is recorded; with "" none is.
func (g *generator) play(ctx context.Context, name string, s Step, until <-chan struct{}) error {
	plan := newSchedule(g.seed, g.played, s.Rate, g.even, len(g.writers))
	g.played++
	var from time.Duration
	if name == "" {
		from = g.rec.now()
	} else {
		from = g.rec.begin(name, s.Rate, until != nil)
		defer g.rec.end()
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := 0; ; n++ {
		at, to := plan.next()
		last := until == nil && at >= s.For
		if last {
			at = s.For
		}
		at += from
		if wait := at - g.rec.now(); wait > wakeEarly {
			timer.Reset(wait - wakeEarly)
			select {
			case <-timer.C:
			case <-until:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if wait := at - g.rec.now(); wait > 0 {
			g.sleep(wait)
		}
		select {
		case <-until:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		if last {
			return nil
		}
		g.writers[to].hand(at)
		g.rec.handed(at)
		if n%1024 == 0 {
			if behind := g.backlog(); behind > maxBacklog {
				return fmt.Errorf("the run was ended: %d messages were due and could not be sent", behind)
			}
		}
	}
}

// backlog is how many messages are due and not taken by their writers.
func (g *generator) backlog() (n int) {
	for _, w := range g.writers {
		n += w.waiting()
	}
	return n
}
