package embedded

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"parley/store"
)

// cut deletes the newest runs of a log. The group before it is applied (errAlone), so the database shows
// every run there is.
func (st *stager) cut(tx *transaction, c *store.Cut) error {
	room, err := st.room(tx, c.Room, false)
	if err != nil || room == nil {
		return err
	}
	log, err := st.log(tx, room, c.Log)
	if err != nil || log == nil || log.Link != c.Head || c.Last == log.Last {
		return err
	}
	if c.Last > log.Last || c.Last < log.Floor {
		return fmt.Errorf("%w: a cut to message %d of a log that holds %d to %d", store.ErrConflict, c.Last, log.Floor+1, log.Last)
	}
	if err := st.cutHead(room, log, c); err != nil {
		return err
	}
	return st.cutRuns(tx, room, log, c)
}

// cutHead makes the run that ends with the cut's Last the head.
func (st *stager) cutHead(room *roomState, log *logState, c *store.Cut) error {
	log.LastArrival, log.LastReceived = 0, 0
	if c.Last == log.Floor {
		return nil
	}
	it, err := st.life.db.NewIter(&pebble.IterOptions{
		LowerBound: appendRunKey(nil, room.number, log.number, log.Floor+1),
		UpperBound: appendRunKey(nil, room.number, log.number, c.Last+1),
	})
	if err != nil {
		return translate(err)
	}
	defer it.Close()
	if !it.Last() {
		if err := it.Error(); err != nil {
			return translate(err)
		}
		return corrupt(fmt.Errorf("no run holds message %d", c.Last))
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return translate(err)
	}
	var run store.Run
	if _, err := decodeRun(it.Key(), value, &run); err != nil {
		return corrupt(err)
	}
	if run.Last != c.Last || run.Link != c.Link {
		return fmt.Errorf("%w: message %d does not end a run of link %v", store.ErrConflict, c.Last, c.Link)
	}
	log.LastArrival, log.LastReceived = run.Arrival, run.Received
	return nil
}

// cutRuns deletes the runs behind the new head, and their arrivals.
func (st *stager) cutRuns(tx *transaction, room *roomState, log *logState, c *store.Cut) error {
	from := appendRunKey(nil, room.number, log.number, c.Last+1)
	to := successor(appendRunKey(nil, room.number, log.number, ^uint64(0)))
	_, arrivals, err := st.dropRuns(tx, room, log, from, to)
	if err != nil {
		return err
	}
	if err := arrivals.flush(); err != nil {
		return translate(err)
	}
	log.Last, log.Link, log.Note, log.changed = c.Last, c.Link, c.Note, true
	tx.spans = append(tx.spans, span{from, to})
	return translate(tx.batch.DeleteRange(from, to, nil))
}
