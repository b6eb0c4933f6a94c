package transfer

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"parley/store"
	"parley/wire"
)

// A roomCopy is the copying of one room. What the destination holds are runs that the source has or had, each of
// those that the source still has up to the arrival number after.
type roomCopy struct {
	*copier
	room   wire.ID
	heads  []store.Head
	byLog  map[wire.ID]*store.Head
	held   map[wire.ID]store.Head // by the destination; what was looked at is taken out
	last   uint64                 // the source's last arrival number
	after  uint64                 // the destination's
	hollow []store.Head           // logs without runs that the destination lacks
}

func (r *roomCopy) read(ctx context.Context) (err error) {
	if r.heads, err = r.from.Heads(ctx, r.room); err == nil {
		r.last, err = r.from.LastArrival(ctx, r.room)
	}
	if err != nil {
		return fmt.Errorf("reading the source: %w", err)
	}
	held, err := r.to.Heads(ctx, r.room)
	if err == nil {
		r.after, err = r.to.LastArrival(ctx, r.room)
	}
	if err != nil {
		return fmt.Errorf("reading the destination: %w", err)
	}
	r.byLog, r.held = make(map[wire.ID]*store.Head, len(r.heads)), make(map[wire.ID]store.Head, len(held))
	for i := range r.heads {
		r.byLog[r.heads[i].Log] = &r.heads[i]
	}
	for i := range held {
		r.held[held[i].Log] = held[i]
	}
	return nil
}

// prune lets go of what the source has not any more of one of its logs.
func (r *roomCopy) prune(ctx context.Context, source *store.Head) error {
	held, there := r.held[source.Log]
	delete(r.held, source.Log)
	empty := source.Floor == source.Last
	if !there {
		if empty {
			r.hollow = append(r.hollow, *source)
		}
		return nil
	}
	if held == *source {
		r.done += source.Last - source.Floor
		return nil
	}
	var common store.Run // the last run that both have; of an empty log its place
	if empty {
		common = store.Run{Last: source.Last, Link: source.Link, Arrival: source.LastArrival}
		if common.Arrival > r.after || held.Last < source.Last {
			return r.dropLog(ctx, source)
		}
	} else {
		var err error
		if common, err = r.lastCommon(ctx, source); err != nil {
			return err
		}
		if common.Last == 0 { // trimmed beyond what was copied, or begun anew
			return r.dropLog(ctx, nil, source.Log)
		}
		r.done += common.Last - source.Floor
	}
	if source.Floor > held.Floor {
		r.batch.Trims = append(r.batch.Trims, store.Trim{Room: r.room, Log: source.Log, Floor: source.Floor})
	}
	if held.Last > common.Last {
		cut := store.Cut{Room: r.room, Log: source.Log, Head: held.Link, Last: common.Last, Link: common.Link}
		if common.Last == source.Last {
			cut.Note = source.Note
		}
		r.batch.Cuts = append(r.batch.Cuts, cut)
	}
	return r.grew(ctx, 0)
}

// dropLog lets the destination forget a log, which is copied anew.
func (r *roomCopy) dropLog(ctx context.Context, hollow *store.Head, log ...wire.ID) error {
	if hollow != nil {
		r.hollow = append(r.hollow, *hollow)
		log = append(log, hollow.Log)
	}
	for _, id := range log {
		r.batch.Trims = append(r.batch.Trims, store.Trim{Room: r.room, Log: id, Floor: store.TrimAll})
	}
	return r.grew(ctx, 0)
}

// lastCommon is the newest run of a log that the destination has too; Last 0: there is none.
func (r *roomCopy) lastCommon(ctx context.Context, source *store.Head) (store.Run, error) {
	for run, err := range r.from.RunsBack(ctx, r.room, source.Log, store.TrimAll) {
		if err != nil {
			return run, fmt.Errorf("reading the source: %w", err)
		}
		if run.Arrival <= r.after {
			return run, nil
		}
	}
	return store.Run{}, nil
}

// runs copies the runs above the last arrival that the destination has, and gives logs without runs their
// place. Such a log takes the arrival number of its last run, or of another that is gone; there is one for each.
func (r *roomCopy) runs(ctx context.Context) error {
	var placed, floating []store.Head
	for _, h := range r.hollow {
		if h.LastArrival > r.after {
			placed = append(placed, h)
		} else {
			floating = append(floating, h)
		}
	}
	slices.SortFunc(placed, func(a, b store.Head) int { return cmp.Compare(a.LastArrival, b.LastArrival) })
	next := r.after + 1
	reach := func(arrival uint64) error { // fills what is free below an arrival
		for ; len(floating) > 0 && next < arrival; next++ {
			if err := r.place(ctx, &floating[0], next); err != nil {
				return err
			}
			floating = floating[1:]
		}
		next = arrival + 1
		return nil
	}
	placeBelow := func(arrival uint64) error {
		for ; len(placed) > 0 && placed[0].LastArrival < arrival; placed = placed[1:] {
			if err := reach(placed[0].LastArrival); err != nil {
				return err
			}
			if err := r.place(ctx, &placed[0], placed[0].LastArrival); err != nil {
				return err
			}
		}
		return reach(arrival)
	}
	for run, err := range r.from.Arrivals(ctx, r.room, r.after) {
		if err != nil {
			return fmt.Errorf("reading the source: %w", err)
		}
		if err := placeBelow(run.Arrival); err != nil {
			return err
		}
		if h := r.byLog[run.Log]; h != nil && h.Last == run.Last {
			run.Note = h.Note
		}
		n := run.Last - run.First + 1
		r.done += n
		r.result.Copied += n
		r.batch.Runs = append(r.batch.Runs, run)
		if err := r.grew(ctx, len(run.Bytes)+len(run.Note)); err != nil {
			return err
		}
	}
	if err := placeBelow(r.last + 1); err != nil {
		return err
	}
	if err := r.flush(ctx); err != nil {
		return err
	}
	return r.reachLast(ctx)
}

// place makes a log without runs: by a run in the place of the next one, and a cut before it.
func (r *roomCopy) place(ctx context.Context, h *store.Head, arrival uint64) error {
	link := wire.Hash("transfer", h.Link[:])
	r.batch.Runs = append(r.batch.Runs, store.Run{
		Room: r.room, Log: h.Log, Author: h.Author, First: h.Last + 1, Last: h.Last + 1, Link: link, Arrival: arrival,
	})
	if err := r.flush(ctx); err != nil { // a batch cuts before it appends
		return err
	}
	r.batch.Cuts = []store.Cut{{Room: r.room, Log: h.Log, Head: link, Last: h.Last, Link: h.Link, Note: h.Note}}
	return r.flush(ctx)
}

// reachLast brings the room's last arrival number to that of the source: the run that had it may be gone,
// and a number is never given twice. A room that has nothing else comes into being so.
func (r *roomCopy) reachLast(ctx context.Context) error {
	now, err := r.to.LastArrival(ctx, r.room)
	if err != nil {
		return fmt.Errorf("reading the destination: %w", err)
	}
	if now >= r.last {
		return nil
	}
	log := wire.Hash("transfer", r.room[:])
	r.batch.Runs = []store.Run{{Room: r.room, Log: log, First: 1, Last: 1, Link: log, Arrival: r.last}}
	if err := r.flush(ctx); err != nil {
		return err
	}
	r.batch.Trims = []store.Trim{{Room: r.room, Log: log, Floor: store.TrimAll}}
	return r.flush(ctx)
}
