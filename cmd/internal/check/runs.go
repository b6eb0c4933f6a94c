package check

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"parley/rooms"
	"parley/store"
	"parley/wire"
)

// A chunk is consecutive runs of one log on their way from the store, through a worker that verifies them, to
// the goroutine that follows their chain.
type chunk struct {
	log    *log
	runs   []store.Run
	parsed []*rooms.Run // nil where problem has a text
	what   []string     // what is wrong with a run by itself
	done   chan struct{}
	bytes  int
	last   bool  // of its log
	err    error // of reading; the last of all
}

// A log is a log being checked.
type log struct {
	head  store.Head
	next  uint64 // the message number that has to come
	bytes uint64
	state *rooms.LogState
	last  store.Run
	runs  int
	sick  bool // its chain is broken: what comes behind is not judged
}

// logs verifies every run of the room, on all cores, and follows each log's chain.
func (r *room) logs(ctx context.Context) error {
	heads, err := r.store.Heads(ctx, r.id)
	if err != nil {
		if r.damaged(ctx, r.name+", its logs", adviseHere, err) {
			return nil
		}
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	work, ordered := make(chan *chunk, chunksAhead), make(chan *chunk, chunksAhead)
	workers := r.o.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	for range workers {
		all.Go(func() {
			for c := range work {
				r.verify(c)
				close(c.done)
			}
		})
	}
	all.Go(func() {
		defer close(ordered)
		defer close(work)
		r.read(ctx, heads, work, ordered)
	})
	for c := range ordered {
		<-c.done
		if err := r.follow(ctx, c); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// read hands out the runs of all logs in chunks, in order.
func (r *room) read(ctx context.Context, heads []store.Head, work, ordered chan<- *chunk) {
	hand := func(c *chunk) bool {
		c.done = make(chan struct{})
		for _, to := range []chan<- *chunk{work, ordered} {
			select {
			case to <- c:
			case <-ctx.Done():
				return false
			}
		}
		return true
	}
	for i := range heads {
		l := &log{head: heads[i], next: heads[i].Floor + 1}
		c := &chunk{log: l}
		for run, err := range r.store.Runs(ctx, r.id, l.head.Log, 0) {
			if c.err = err; err != nil {
				break
			}
			c.runs = append(c.runs, run)
			if c.bytes += len(run.Bytes); len(c.runs) < chunkRuns && c.bytes < chunkBytes {
				continue
			}
			if !hand(c) {
				return
			}
			c = &chunk{log: l}
		}
		c.last = true
		if !hand(c) {
			return
		}
	}
}

// verify checks each run of a chunk by itself.
func (r *room) verify(c *chunk) {
	c.parsed, c.what = make([]*rooms.Run, len(c.runs)), make([]string, len(c.runs))
	for i := range c.runs {
		held := &c.runs[i]
		run, err := rooms.ParseRun(held.Bytes)
		if err == nil {
			err = run.Verify()
		}
		switch {
		case err != nil:
			c.what[i] = err.Error()
		case run.Room != r.id || run.Log != held.Log:
			c.what[i] = fmt.Sprintf("it is of log %s of room %s", run.Log, run.Room)
		case run.Hash != held.Link:
			c.what[i] = fmt.Sprintf("its hash is %s, it is held as %s", run.Hash, held.Link)
		case run.First != held.First || run.Last() != held.Last:
			c.what[i] = fmt.Sprintf("it has messages %d to %d", run.First, run.Last())
		case run.Author != held.Author || run.Author != c.log.head.Author:
			c.what[i] = "it is of another author than its log"
		default:
			c.parsed[i] = run
		}
	}
}

func (r *room) run(run *store.Run, what string) {
	r.find(Finding{
		Where: fmt.Sprintf("%s, log %s, messages %d to %d", r.name, run.Log, run.First, run.Last),
		What:  what, Do: adviseFetch, Room: r.id.String(), Log: run.Log.String(), First: run.First, Last: run.Last,
	})
}

// follow checks how the runs of a chunk continue their log.
func (r *room) follow(ctx context.Context, c *chunk) error {
	l := c.log
	for i := range c.runs {
		held := &c.runs[i]
		r.report.Runs++
		r.report.Messages += held.Last - held.First + 1
		r.report.Bytes += uint64(len(held.Bytes))
		r.marks.add(held)
		if held.First != l.next {
			r.run(held, fmt.Sprintf("message %d comes before it", l.next-1))
			l.sick = true
		}
		l.next = held.Last + 1
		l.bytes += uint64(len(held.Bytes))
		l.last = *held
		l.last.Bytes = nil
		l.runs++
		if c.what[i] != "" {
			r.run(held, c.what[i])
			l.sick = true
			continue
		}
		r.judge(l, held, c.parsed[i])
	}
	r.tell("runs", r.report.Messages)
	if c.err != nil && !r.damaged(ctx, fmt.Sprintf("%s, log %s, from message %d on", r.name, l.head.Log, l.next), adviseFetch, c.err) {
		return c.err
	}
	if c.last {
		r.report.Logs++
		if c.err == nil {
			r.end(l)
		}
	}
	return nil
}

// judge checks a run against the one before it and against the room's rules.
func (r *room) judge(l *log, held *store.Run, run *rooms.Run) {
	if l.sick {
		return
	}
	state := l.state
	if state == nil && held.First > 1 {
		l.state = r.trimmed(l, run)
		return
	}
	if l.state = run.Extend(state); state == nil {
		if p := r.forks[held.Log]; p != nil {
			l.state.Fork = p.First
		}
	}
	if state != nil && run.Prev != state.Link {
		r.run(held, fmt.Sprintf("it continues run %s, the one before it is %s", run.Prev, state.Link))
		l.sick = true
		return
	}
	if r.open {
		if !run.Open() {
			r.run(held, "it names entries, of which the room has none")
		}
		return
	}
	switch v, why, missing := r.auth.Judge(run, state); {
	case v == rooms.Reject:
		r.run(held, why.Error())
	case v == rooms.Pending && len(missing) > 0:
		r.run(held, "it names entry "+missing[0].String()+", which is not held")
	case v == rooms.Void:
		r.report.Void += held.Last - held.First + 1
	}
}

// trimmed is the state of a log after the first run that is held of it: of the log's first run only the
// heads are known, by the note.
func (r *room) trimmed(l *log, run *rooms.Run) *rooms.LogState {
	state := run.Extend(nil)
	if noted, err := rooms.StoredState(&l.head); err == nil {
		state.FirstHeads = noted.FirstHeads
	}
	if p := r.forks[l.head.Log]; p != nil {
		state.Fork = p.First
	}
	return state
}

// end compares what was read of a log with its head.
func (r *room) end(l *log) {
	h := &l.head
	find := func(format string, args ...any) {
		r.find(Finding{
			Where: fmt.Sprintf("%s, the head of log %s", r.name, h.Log), What: fmt.Sprintf(format, args...),
			Do: adviseFetch, Room: r.id.String(), Log: h.Log.String(),
		})
	}
	switch {
	case h.Floor > h.Last:
		find("its floor is %d, its last message %d", h.Floor, h.Last)
	case l.next != h.Last+1:
		find("the log ends with message %d, the head says %d", l.next-1, h.Last)
	case l.bytes != h.Bytes:
		find("the log has %d bytes, the head says %d", l.bytes, h.Bytes)
	case l.runs > 0 && l.last.Link != h.Link:
		find("the last run is %s, the head says %s", l.last.Link, h.Link)
	case l.runs > 0 && (l.last.Arrival != h.LastArrival || l.last.Received != h.LastReceived):
		find("the last run arrived as %d, the head says %d", l.last.Arrival, h.LastArrival)
	case l.runs > 0 && !l.sick && l.state != nil && rooms.StoredNote(l.state) != h.Note:
		find("its note is not that of the last run")
	}
}

// marks are a sum over runs that does not depend on their order.
type marks struct {
	runs uint64
	sum  [4]uint64
}

func (m *marks) add(run *store.Run) {
	h := wire.NewHasher("run")
	h.ID(run.Log)
	h.Uint(run.First)
	h.Uint(run.Last)
	h.ID(run.Link)
	h.Uint(run.Arrival)
	sum := h.Sum()
	m.runs++
	for i := range m.sum {
		for j := range 8 {
			m.sum[i] += uint64(sum[8*i+j]) << (8 * j)
		}
	}
}
