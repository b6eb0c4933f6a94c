package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"parley/store"
)

// cut drops the newest runs of a log. What it drops stays where it is until the commit is made; what the log goes on
// with has other _ids (branchKey).
func (st *stager) cut(ctx context.Context, c *store.Cut) error {
	room, err := st.room(ctx, c.Room, false)
	if err != nil || room == nil {
		return err
	}
	in := inRoom(st.s.view, room.now.Number)
	head, err := st.head(ctx, c.Room, room.now.Number, c.Log)
	if err != nil || head.now == nil || head.now.Link != c.Head.String() || uint64(head.now.Last) == c.Last {
		return err
	}
	h := *head.now
	if c.Last > uint64(h.Last) || c.Last < uint64(h.Floor) {
		return fmt.Errorf("%w: a cut to message %d of a log that holds %d to %d", store.ErrConflict, c.Last, uint64(h.Floor)+1, uint64(h.Last))
	}
	h.Arrival = 0
	h.Received, h.Nanos = split(0)
	if c.Last > uint64(h.Floor) {
		end, err := st.ending(ctx, in, &h, c.Last)
		if err != nil {
			return err
		}
		if end == nil || end.Link != c.Link.String() {
			return fmt.Errorf("%w: message %d does not end a run of link %v", store.ErrConflict, c.Last, c.Link)
		}
		h.Arrival, h.Received, h.Nanos = end.Arrival, end.Received, end.Nanos
	}
	gone, err := st.sizeOf(ctx, in, h.Number, c.Last, uint64(h.Last))
	if err != nil {
		return err
	}
	h.Bytes -= gone
	h.Last, h.Link, h.Note = int64(c.Last), c.Link.String(), []byte(c.Note)
	h.Cut, h.Since = h.Last, st.s.commit+1
	head.set(&h)
	st.tx.size += len(c.Note)
	st.tx.spans = append(st.tx.spans, span{In: in, Log: h.Number, Upto: h.Cut, Before: h.Since})
	return nil
}

// ending reads the run of a log that ends with a message, without its bytes, nil when there is none.
func (st *stager) ending(ctx context.Context, in string, h *headState, last uint64) (*runDoc, error) {
	counts := func(d *runDoc) bool { return st.s.visible(d.Commit, st.s.commit) && !st.isDead(d) }
	bare := bson.D{{Key: "bytes", Value: 0}}
	if h.Since == 0 {
		var d runDoc
		err := st.s.db.runs.FindOne(ctx, byID(runKey(in, h.Number, last)), options.FindOne().SetProjection(bare)).Decode(&d)
		if errors.Is(err, mongo.ErrNoDocuments) || err == nil && !counts(&d) {
			return nil, nil
		}
		return &d, err
	}
	docs, err := all[runDoc](ctx, st.s.db.runs, spanFilter(in, h.Number, last-1, last), options.Find().SetProjection(bare))
	if err != nil {
		return nil, err
	}
	for i := range docs {
		if counts(&docs[i]) {
			return &docs[i], nil
		}
	}
	return nil, nil
}

// sizeOf is the sum of the bytes of a log's runs that end above a message and not above another.
func (st *stager) sizeOf(ctx context.Context, in string, log int64, above, upto uint64) (size int64, err error) {
	wanted := options.Find().SetProjection(bson.D{{Key: "in", Value: 1}, {Key: "number", Value: 1}, {Key: "last", Value: 1}, {Key: "commit", Value: 1}, {Key: "size", Value: 1}})
	cur, err := st.s.db.runs.Find(ctx, spanFilter(in, log, above, upto), wanted)
	if err != nil {
		return 0, err
	}
	defer cur.Close(ctx)
	for cur.Next(ctx) {
		var d runDoc
		if err := cur.Decode(&d); err != nil {
			return 0, err
		}
		if st.s.visible(d.Commit, st.s.commit) && !st.isDead(&d) {
			size += d.Size
		}
	}
	return size, cur.Err()
}

// isDead reports whether a request of the group drops a run.
func (st *stager) isDead(d *runDoc) bool { return covered(st.tx.spans, d) || covered(st.spans, d) }

// covered reports whether a run is in one of some spans.
func covered(spans []span, d *runDoc) bool {
	for i := range spans {
		if spans[i].covers(d) {
			return true
		}
	}
	return false
}

func (sp *span) covers(d *runDoc) bool {
	switch {
	case sp.In != d.In || sp.Log != 0 && sp.Log != d.Number:
		return false
	case sp.Before != 0:
		return uint64(d.Last) > uint64(sp.Upto) && d.Commit < sp.Before
	}
	return sp.Log == 0 || uint64(d.Last) <= uint64(sp.Upto)
}

// cutAway reports whether a cut of the run's log, as its head tells, dropped a run that is not deleted yet.
func (h *headState) cutAway(d *runDoc) bool {
	return h.Since != 0 && uint64(d.Last) > uint64(h.Cut) && d.Commit < h.Since
}
