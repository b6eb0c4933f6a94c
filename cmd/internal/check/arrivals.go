package check

import (
	"context"
	"errors"
	"fmt"

	"parley/store"
)

// arrivals checks that the room's runs by arrival are the same as its runs by log.
func (r *room) arrivals(ctx context.Context) error {
	last, err := r.store.LastArrival(ctx, r.id)
	if err != nil {
		if r.damaged(ctx, r.name, adviseHere, err) {
			return nil
		}
		return err
	}
	var seen marks
	at := uint64(0)
	for run, err := range r.store.Arrivals(ctx, r.id, 0) {
		if err != nil {
			if r.damaged(ctx, fmt.Sprintf("%s, arrivals behind %d", r.name, at), adviseIndex, err) {
				break
			}
			return err
		}
		if run.Arrival <= at || run.Arrival > last {
			r.arrival(&run, fmt.Sprintf("it comes behind arrival %d, the room's last is %d", at, last))
		}
		at = run.Arrival
		seen.add(&run)
		if seen.runs%chunkRuns == 0 {
			r.tell("arrivals", r.report.Messages)
		}
	}
	if seen == r.marks {
		return nil
	}
	return r.compareArrivals(ctx)
}

func (r *room) arrival(run *store.Run, what string) {
	r.find(Finding{
		Where: fmt.Sprintf("%s, arrival %d", r.name, run.Arrival), What: what, Do: adviseIndex,
		Room: r.id.String(), Log: run.Log.String(), First: run.First, Last: run.Last,
	})
}

// compareArrivals finds out in what the two orders differ.
func (r *room) compareArrivals(ctx context.Context) error {
	before := r.report.Findings
	for run, err := range r.store.Arrivals(ctx, r.id, 0) {
		if err != nil {
			if isDamage(err) {
				break
			}
			return err
		}
		held, err := r.store.RunAt(ctx, r.id, run.Log, run.First)
		switch {
		case err != nil && !isDamage(err):
			return err
		case err != nil:
			r.arrival(&run, fmt.Sprintf("its run, messages %d to %d, is not in log %s", run.First, run.Last, run.Log))
		case held.Arrival != run.Arrival || held.Link != run.Link:
			r.arrival(&run, fmt.Sprintf("its run says that it arrived as %d", held.Arrival))
		}
	}
	heads, err := r.store.Heads(ctx, r.id)
	if err != nil {
		return err
	}
	for i := range heads {
		if err := r.compareLog(ctx, &heads[i]); err != nil {
			return err
		}
	}
	if r.report.Findings == before {
		r.find(Finding{Where: r.name, What: "its runs by arrival are not its runs by log", Do: adviseIndex, Room: r.id.String()})
	}
	return ctx.Err()
}

func (r *room) compareLog(ctx context.Context, head *store.Head) error {
	for run, err := range r.store.Runs(ctx, r.id, head.Log, 0) {
		if err != nil {
			if isDamage(err) {
				return nil // it was found when the log was read
			}
			return err
		}
		found, err := r.arrived(ctx, run.Arrival)
		if err != nil && !isDamage(err) {
			return err
		}
		if err != nil || found.Log != run.Log || found.First != run.First {
			r.run(&run, fmt.Sprintf("arrival %d, by which readers find it, does not lead to it", run.Arrival))
		}
	}
	return nil
}

// arrived is the run with an arrival number.
func (r *room) arrived(ctx context.Context, arrival uint64) (store.Run, error) {
	for run, err := range r.store.Arrivals(ctx, r.id, arrival-1) {
		if err == nil && run.Arrival != arrival {
			err = store.ErrNotFound
		}
		return run, err
	}
	return store.Run{}, errors.Join(ctx.Err(), store.ErrNotFound)
}
