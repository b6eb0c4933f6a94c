package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A StormReport tells how cut sessions came back.
type StormReport struct {
	Sessions int       `json:"sessions"`
	Back     int       `json:"back"`
	Seconds  float64   `json:"seconds"` // until the last that came back was
	Each     Quantiles `json:"back_ms"` // from the cut to an answer in the new session
	Dials    int       `json:"dials"`   // after the cut
	Failed   int       `json:"failed"`  // dials that made no session
}

// Storm cuts so many sessions at once, whose users dial again at once and then as their clients do,
// while traffic of others goes on: for calm before and after, and meanwhile, for at most within.
func Storm(ctx context.Context, target Target, t Traffic, sessions int, rate float64, calm, within time.Duration, least float64) (rep *Report, err error) {
	if sessions < 1 || calm <= 0 || within <= 0 || rate <= 0 {
		return nil, errors.New("load: a storm needs sessions, a rate, and times that are more than nothing")
	}
	r, err := setUp(ctx, target, t, 2*calm+within)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	r.Notice(fmt.Sprintf("%s are made", plural(sessions, "session")))
	users, err := r.crowd.crowdOf(ctx, sessions, 0)
	if err != nil {
		return nil, fmt.Errorf("%d of %d sessions: %w", open(users), sessions, err)
	}
	var storm *StormReport
	if err = r.warmUp(ctx, rate); err == nil {
		err = r.gen.play(ctx, "before", Step{rate, calm}, nil)
	}
	if err == nil {
		r.Notice(fmt.Sprintf("%s are cut", plural(sessions, "session")))
		over := make(chan struct{})
		go func() {
			defer close(over)
			storm = cutAll(ctx, users, within)
		}()
		err = r.gen.play(ctx, "storm", Step{Rate: rate}, over)
		<-over
	}
	if err == nil {
		r.Notice(fmt.Sprintf("%d of them were back in %.1f s", storm.Back, storm.Seconds))
		err = r.gen.play(ctx, "after", Step{rate, calm}, nil)
	}
	rep = r.report("storm", least)
	rep.Storm = storm
	if storm != nil && storm.Back < sessions {
		rep.Problems = append(rep.Problems, fmt.Sprintf("%d of %d sessions did not come back within %v", sessions-storm.Back, sessions, within))
	}
	return rep, err
}

// cutAll cuts every user's connections and waits until each has an answer again, or
// not within that time.
func cutAll(ctx context.Context, users []*user, within time.Duration) *StormReport {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	before := dials(users)
	var mu sync.Mutex
	var back histogram
	var all sync.WaitGroup
	start := time.Now()
	for _, u := range users {
		u.wires.cut()
	}
	for _, u := range users {
		all.Go(func() {
			for u.connect(ctx) != nil {
				if hold(ctx, askAgain) != nil {
					return
				}
			}
			mu.Lock()
			defer mu.Unlock()
			back.add(time.Since(start))
		})
	}
	all.Wait()
	r := &StormReport{
		Sessions: len(users), Back: int(back.count), Seconds: back.max.Seconds(), Each: quantiles(&back), Dials: dials(users) - before,
	}
	r.Failed = r.Dials - r.Back
	return r
}

func dials(users []*user) (n int) {
	for _, u := range users {
		n += u.wires.tried()
	}
	return n
}
