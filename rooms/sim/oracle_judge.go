package sim

import (
	"fmt"

	"parley/rooms"
	"parley/wire"
)

// A verdict is what judge says of a run, and by which line.
type verdict struct {
	verdict rooms.Verdict
	line    string
}

func (v verdict) String() string { return fmt.Sprintf("%v (%s)", v.verdict, v.line) }

const (
	lineValid      = "valid"
	linePrevious   = "the run before it"
	lineDependency = "its heads are not held"
	lineTrimmed    = "it was trimmed"
	lineHeads      = "it forgets what the run before it had seen"
	lineRole       = "its author may not write"
	lineEpoch      = "its epoch is not a causally maximal one"
	lineStopped    = "a stop of its author ends the log before it"
	lineForked     = "its author forked the log before its end"
)

// judge(r, S) for everything held.
func (o *oracle) judge(r *rooms.Run) verdict { return o.remember(o.verdicts, r, o.judge, true) }

// base(r): r judged without the lines about forks.
func (o *oracle) base(r *rooms.Run) verdict { return o.remember(o.bases, r, o.base, false) }

func (o *oracle) remember(known map[wire.ID]verdict, r *rooms.Run, before func(*rooms.Run) verdict, forks bool) verdict {
	v, ok := known[r.Hash]
	if !ok {
		if v = o.judgeAfter(r, before); v.verdict == rooms.Valid && forks {
			v = o.forked(r)
		}
		known[r.Hash] = v
	}
	return v
}

func (o *oracle) judgeAfter(r *rooms.Run, before func(*rooms.Run) verdict) verdict {
	for _, f := range o.floors(r.Log) {
		if r.First <= f.Number {
			return verdict{rooms.Void, lineTrimmed}
		}
	}
	prevHeads, start := []wire.ID(nil), r.Heads
	if r.First > 1 {
		v, heads, first := o.previous(r, before)
		if v.verdict != rooms.Valid {
			return v
		}
		prevHeads, start = heads, first
	}
	seen, whole := o.closure(r.Heads...)
	began, known := o.closure(start...)
	if !whole || !known {
		return verdict{rooms.Pending, lineDependency}
	}
	if earlier, _ := o.closure(prevHeads...); !earlier.within(seen) {
		return verdict{rooms.Void, lineHeads}
	}
	if !o.role(r.Author, o.countedOf(seen)).MayWrite() {
		return verdict{rooms.Void, lineRole}
	}
	if !o.maximal(r.Epoch, seen) {
		return verdict{rooms.Void, lineEpoch}
	}
	for _, f := range o.order {
		if !o.counts()[f.id] || !o.stops(f, r.Author) || began[f.id] {
			continue
		}
		pin, named := f.pins[r.Log]
		if !named || r.Last() > pin.Number || r.Last() == pin.Number && r.Hash != pin.Link {
			return verdict{rooms.Void, lineStopped}
		}
	}
	return verdict{rooms.Valid, lineValid}
}

// previous is what becomes of the run before r, its heads, and those of the log's first run.
func (o *oracle) previous(r *rooms.Run, before func(*rooms.Run) verdict) (v verdict, heads, first []wire.ID) {
	for _, f := range o.floors(r.Log) {
		if f.Link == r.Prev && f.Number+1 == r.First {
			return verdict{rooms.Valid, lineValid}, f.Heads, f.FirstHeads
		}
	}
	prev := o.runs[r.Prev]
	switch {
	case prev == nil:
		return verdict{rooms.Pending, linePrevious}, nil, nil
	case prev.Last()+1 != r.First || prev.Log != r.Log:
		return verdict{rooms.Reject, linePrevious}, nil, nil
	}
	switch v = before(prev); v.verdict {
	case rooms.Valid:
		return v, prev.Heads, o.firstHeads(prev)
	case rooms.Pending:
		return verdict{rooms.Pending, linePrevious}, nil, nil
	default:
		return verdict{rooms.Void, v.line}, nil, nil
	}
}

// firstHeads are the heads of the first run of a run's log, as far back as it is held.
func (o *oracle) firstHeads(r *rooms.Run) []wire.ID {
	for r.First > 1 {
		for _, f := range o.floors(r.Log) {
			if f.Link == r.Prev {
				return f.FirstHeads
			}
		}
		if r = o.runs[r.Prev]; r == nil {
			return nil
		}
	}
	return r.Heads
}

// floors are the trim floors in E(S) of a log.
func (o *oracle) floors(log wire.ID) (list []rooms.Floor) {
	for _, f := range o.order {
		if floor, ok := f.floors[log]; ok && o.counts()[f.id] {
			list = append(list, floor)
		}
	}
	return list
}

// countedOf is what counts of what was seen.
func (o *oracle) countedOf(seen set) set {
	t := set{}
	for id := range seen {
		if o.counts()[id] {
			t[id] = true
		}
	}
	return t
}

// maximal reports whether an epoch is a causally maximal one of those seen.
func (o *oracle) maximal(epoch wire.ID, seen set) bool {
	if f := o.facts[epoch]; f == nil || !f.epoch || !seen[epoch] {
		return false
	}
	for id := range seen {
		if id != epoch && o.facts[id].epoch && o.seen(id, epoch) {
			return false
		}
	}
	return true
}

// stops reports whether an entry is a stop of a user: one on it, or its leave.
func (o *oracle) stops(f *fact, user wire.ID) bool {
	return f.kind == rooms.KindLeave && f.writer == user || f.kind == rooms.KindStop && f.subject == user
}

// end is the last run of a log that counts, of the runs held; nil: none does.
func (o *oracle) end(runs []*rooms.Run) (last *rooms.Run) {
	for _, r := range runs {
		if o.judge(r).verdict == rooms.Valid && (last == nil || r.Last() > last.Last()) {
			last = r
		}
	}
	return last
}
