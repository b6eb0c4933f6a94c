//go:build interop

package interop

import (
	"encoding/hex"

	"parley/rooms"
	"parley/wire"
)

// logs are runs that are held, and what is judged of them: what a peer keeps in
// its store, of the few runs of a test.
type logs struct {
	authority *rooms.Authority
	runs      map[wire.ID]*rooms.Run
	order     []*rooms.Run
	judged    map[wire.ID]judged
}

type judged struct {
	verdict rooms.Verdict
	why     rooms.Reason
	state   *rooms.LogState // with the run, if it is valid
}

func newLogs(a *rooms.Authority) *logs {
	return &logs{authority: a, runs: map[wire.ID]*rooms.Run{}, judged: map[wire.ID]judged{}}
}

func parseRun(text string) (*rooms.Run, error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, err
	}
	r, err := rooms.ParseRun(raw)
	if err != nil {
		return nil, err
	}
	return r, r.Verify()
}

func (l *logs) hold(r *rooms.Run) {
	l.runs[r.Hash] = r
	l.order = append(l.order, r)
}

// HeldRun is what rooms.HeldRuns asks.
func (l *logs) HeldRun(hash wire.ID) (rooms.HeldRun, bool) {
	r, ok := l.runs[hash]
	if !ok {
		return rooms.HeldRun{}, false
	}
	return rooms.HeldRun{First: r.First, Last: r.Last(), Prev: r.Prev}, true
}

// logRuns are the held runs of one log.
type logRuns struct {
	*logs
	log wire.ID
}

func (l logRuns) HeldRun(hash wire.ID) (rooms.HeldRun, bool) {
	if r, ok := l.runs[hash]; !ok || r.Log != l.log {
		return rooms.HeldRun{}, false
	}
	return l.logs.HeldRun(hash)
}

// fork is the least first number, above the log's floor, of two siblings.
func (l *logs) fork(log wire.ID) (least uint64) {
	for i, r := range l.order {
		for _, o := range l.order[i+1:] {
			if r.Log == log && rooms.Siblings(r, o) && r.First > l.authority.Floor(log) && (least == 0 || r.First < least) {
				least = r.First
			}
		}
	}
	return least
}

func (l *logs) judge(r *rooms.Run) (rooms.Verdict, rooms.Reason) {
	j, ok := l.judged[r.Hash]
	if !ok {
		j = l.judgeOnce(r)
		l.judged[r.Hash] = j
	}
	return j.verdict, j.why
}

// judgeOnce judges the run before r first: what follows a run that is not valid
// can only follow a floor.
func (l *logs) judgeOnce(r *rooms.Run) (j judged) {
	state := &rooms.LogState{Fork: l.fork(r.Log), Held: logRuns{l, r.Log}}
	before, held := l.runs[r.Prev]
	if held {
		l.judge(before)
		if b := l.judged[before.Hash]; b.state != nil {
			state = b.state
		}
	}
	j.verdict, j.why, _ = l.authority.Judge(r, state)
	if held && j.why == rooms.ReasonPrevious {
		switch b := l.judged[before.Hash]; {
		case before.Last()+1 != r.First:
			j.verdict, j.why = rooms.Reject, rooms.ReasonNumber
		case b.verdict == rooms.Pending:
			j.why = b.why
		default:
			j.verdict, j.why = rooms.Void, b.why
		}
	}
	if j.verdict == rooms.Valid {
		j.state = r.Extend(l.continued(r, state))
	}
	return j
}

// continued is the state from which r was judged: what is held, or the floor that r follows.
func (l *logs) continued(r *rooms.Run, state *rooms.LogState) *rooms.LogState {
	if state.Last > 0 || r.First == 1 {
		return state
	}
	for _, e := range l.authority.All() {
		trim, ok := e.Body.(*rooms.Trim)
		if !ok {
			continue
		}
		for _, f := range trim.Floors {
			if f.Log == r.Log && f.Link == r.Prev {
				s := f.State()
				s.Fork, s.Held = state.Fork, state.Held
				return s
			}
		}
	}
	return state
}
