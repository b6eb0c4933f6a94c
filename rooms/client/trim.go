package client

import (
	"context"
	"errors"
	"io"
	"time"

	"parley/rooms"
	"parley/wire"
)

// Trim has every peer of a room forget what came to the user's peer longer ago
// than age, by entries of the master's. It returns how many messages that are.
func (c *Client) Trim(ctx context.Context, id wire.ID, age time.Duration) (messages uint64, err error) {
	err = c.manage(ctx, id, func(r *room) error {
		r.mu.Lock()
		err := r.may(rooms.KindTrim, wire.ID{})
		r.mu.Unlock()
		if err != nil {
			return err
		}
		floors, n, err := c.floors(ctx, r, c.cfg.Now().Add(-age))
		if err != nil {
			return err
		}
		messages = n
		for len(floors) > 0 {
			some := floors[:min(len(floors), rooms.MaxFloors)]
			floors = floors[len(some):]
			err := c.write(ctx, r, rooms.KindTrim, wire.ID{}, func(at rooms.Place, _ secret) (*rooms.Entry, error) {
				return rooms.NewTrim(c.cfg.Identity, at, some)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return messages, err
}

// TrimDue is Trim by the room's policy, for the master, once the oldest message
// is a tenth older than what is kept: so that trims are few.
func (c *Client) TrimDue(ctx context.Context, id wire.ID) (messages uint64, err error) {
	r, err := c.room(id)
	if err != nil || r.open {
		return 0, err
	}
	var keep time.Duration
	r.view(func(a *rooms.Authority, v *rooms.View) {
		if a.MayWrite(c.me, rooms.KindTrim, wire.ID{}) == rooms.ReasonNone {
			keep = v.Policy().Retention
		}
	})
	if keep == 0 {
		return 0, nil
	}
	oldest, err := c.oldest(ctx, id)
	if err != nil || oldest.IsZero() || c.cfg.Now().Sub(oldest) < keep+keep/10 {
		return 0, err
	}
	return c.Trim(ctx, id, keep)
}

// errEnough ends a reading of old messages.
var errEnough = errors.New("client: enough was read")

// oldRuns calls f with the runs of a room that the peer holds, oldest first,
// until the end of the history or an error of f's.
func (c *Client) oldRuns(ctx context.Context, id wire.ID, f func(item *wire.TailItem) error) error {
	s, err := c.request(ctx, bulk, &wire.Tail{Room: id})
	if err != nil {
		return err
	}
	defer s.Reset(wire.CodeOK, "")
	for {
		m, err := s.Recv(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *wire.TailMark:
			if m.Live {
				return nil
			}
		case *wire.TailRuns:
			for i := range m.Items {
				if err := f(&m.Items[i]); err != nil {
					return err
				}
			}
		}
	}
}

// oldest is when the oldest message that the peer holds came to it; zero if it holds none.
func (c *Client) oldest(ctx context.Context, id wire.ID) (at time.Time, err error) {
	err = c.oldRuns(ctx, id, func(item *wire.TailItem) error {
		at = time.Unix(0, int64(min(item.Received, 1<<63-1)))
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return at, err
}

// floors names, of each log, the last run that came before a time, and how many
// messages are forgotten with them. A log of which the peer does not hold the first run
// any more has been trimmed before: that trim tells its first heads.
func (c *Client) floors(ctx context.Context, r *room, before time.Time) (floors []rooms.Floor, messages uint64, err error) {
	at := make(map[wire.ID]int)
	first := r.firstHeads()
	err = c.oldRuns(ctx, r.id, func(item *wire.TailItem) error {
		if !time.Unix(0, int64(min(item.Received, 1<<63-1))).Before(before) {
			return errEnough
		}
		run, err := rooms.ParseRun(item.Run)
		if err == nil {
			err = run.Verify()
		}
		if err != nil || run.Room != r.id {
			return wire.Errorf(wire.CodeProtocol, "the peer sends a run that does not belong to the room")
		}
		if run.First == 1 {
			first[run.Log] = run.Heads
		}
		heads, ok := first[run.Log]
		if !ok {
			return nil // what it begins with is not known here: it stays
		}
		i, known := at[run.Log]
		if !known {
			i = len(floors)
			at[run.Log] = i
			floors = append(floors, rooms.Floor{Log: run.Log, FirstHeads: heads})
		}
		messages += uint64(run.Count())
		floors[i].Number, floors[i].Link, floors[i].Heads = run.Last(), run.Hash, run.Heads
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return floors, messages, err
}

// firstHeads are the authority heads of the first runs of the logs that were trimmed.
func (r *room) firstHeads() map[wire.ID][]wire.ID {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := make(map[wire.ID][]wire.ID)
	for _, e := range r.auth.All() {
		if body, ok := e.Body.(*rooms.Trim); ok {
			for _, f := range body.Floors {
				first[f.Log] = f.FirstHeads
			}
		}
	}
	return first
}
