package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"parley/store"
	"parley/wire"
)

// dropRoom makes a room not be there. What has its number is unreachable then.
func (st *stager) dropRoom(ctx context.Context, id wire.ID) error {
	room, err := st.room(ctx, id, false)
	if err != nil || room == nil {
		return err
	}
	st.tx.arrivals = max(st.tx.arrivals, room.now.Arrival)
	st.tx.spans = append(st.tx.spans, span{In: inRoom(st.s.view, room.now.Number)})
	room.set(nil)
	return nil
}

// trim raises the floor of a log, or drops it.
func (st *stager) trim(ctx context.Context, t *store.Trim) error {
	room, err := st.room(ctx, t.Room, false)
	if err != nil || room == nil {
		return err
	}
	in := inRoom(st.s.view, room.now.Number)
	head, err := st.head(ctx, t.Room, room.now.Number, t.Log)
	if err != nil || head.now == nil {
		return err
	}
	h := *head.now
	if t.Floor == store.TrimAll {
		if h.Floor != h.Last {
			st.tx.spans = append(st.tx.spans, span{In: in, Log: h.Number, Upto: h.Last})
		}
		head.set(nil)
		return nil
	}
	if t.Floor <= uint64(h.Floor) {
		return nil
	}
	if t.Floor > uint64(h.Last) {
		return fmt.Errorf("%w: a trim at %d above the last message, %d", store.ErrConflict, t.Floor, uint64(h.Last))
	}
	end, gone := false, int64(0)
	if t.Floor == uint64(h.Last) {
		end, gone = true, h.Bytes
	} else if end, gone, err = st.below(ctx, in, &h, t.Floor); err != nil {
		return err
	}
	if !end {
		return fmt.Errorf("%w: a trim at %d, where no run ends", store.ErrConflict, t.Floor)
	}
	h.Floor = int64(t.Floor)
	h.Bytes -= gone
	head.set(&h)
	st.tx.spans = append(st.tx.spans, span{In: in, Log: h.Number, Upto: h.Floor})
	return nil
}

// below finds out whether a run ends at a floor, and the bytes of the runs from the log's floor up to it.
func (st *stager) below(ctx context.Context, in string, h *headState, floor uint64) (end bool, size int64, err error) {
	d, err := st.ending(ctx, in, h, floor)
	if err != nil || d == nil {
		return false, 0, err
	}
	size, err = st.sizeOf(ctx, in, h.Number, uint64(h.Floor), floor)
	return true, size, err
}

// spanFilter selects the runs of a log whose last message is above one number and not above another. What may follow the
// number in an _id sorts below a slash.
func spanFilter(in string, log int64, above, upto uint64) bson.D {
	return bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: runKey(in, log, above) + "/"}, {Key: "$lt", Value: runKey(in, log, upto) + "/"}}}}
}

// sweep deletes what a commit made unreachable.
func (s *Store) sweep(ctx context.Context, spans []span) error {
	for _, sp := range spans {
		filter := prefixed(sp.In + "/")
		switch {
		case sp.Before != 0:
			filter = append(spanFilter(sp.In, sp.Log, uint64(sp.Upto), store.TrimAll), bson.E{Key: "commit", Value: bson.D{{Key: "$lt", Value: sp.Before}}})
		case sp.Log != 0:
			filter = spanFilter(sp.In, sp.Log, 0, uint64(sp.Upto))
		}
		if _, err := s.db.runs.DeleteMany(ctx, filter); err != nil {
			return err
		}
		if sp.Log != 0 {
			continue
		}
		for _, c := range []*mongo.Collection{s.db.heads, s.db.records} {
			if _, err := c.DeleteMany(ctx, filter); err != nil {
				return err
			}
		}
	}
	return nil
}
