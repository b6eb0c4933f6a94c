package peer

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"parley/session"
	"parley/store"
	"parley/wire"
)

// serveHeads answers a HeadsGet with the last run of each log, as the store has it.
func (p *Peer) serveHeads(ctx context.Context, st *session.Stream, req *wire.HeadsGet) error {
	heads, err := p.store.Heads(ctx, req.Room)
	if err != nil {
		return err
	}
	heads = slices.DeleteFunc(heads, func(h store.Head) bool {
		return h.Floor == h.Last || !req.Author.IsZero() && h.Author != req.Author
	})
	slices.SortFunc(heads, func(x, y store.Head) int { return cmp.Compare(y.LastArrival, x.LastArrival) })
	heads = heads[:min(uint64(len(heads)), req.Most)]
	frame := &wire.TailRuns{}
	size := 0
	for _, h := range heads {
		run, err := p.store.RunAt(ctx, req.Room, h.Log, h.Last)
		if errors.Is(err, store.ErrNotFound) {
			continue // trimmed or cut meanwhile
		}
		if err != nil {
			return err
		}
		if len(frame.Items) > 0 && size+len(run.Bytes) > tailFrame {
			if err := st.Send(ctx, frame); err != nil {
				return err
			}
			frame, size = &wire.TailRuns{}, 0
		}
		frame.Items = append(frame.Items, wire.TailItem{Arrival: run.Arrival, Received: uint64(run.Received), Run: run.Bytes})
		size += len(run.Bytes)
	}
	if len(frame.Items) == 0 {
		return nil
	}
	return st.Send(ctx, frame)
}
