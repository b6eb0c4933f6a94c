package sim

import (
	"fmt"

	"parley/rooms"
	"parley/wire"
)

// E(S): the entries of the master's chain by the master; joins whose invite is among
// these; leaves.
func (o *oracle) E(s set) set {
	e := set{}
	genesis := o.facts[o.room]
	if genesis == nil || !s[o.room] {
		return e
	}
	for id := range s {
		if f := o.facts[id]; f.number > 0 && f.chain.IsZero() && f.writer == genesis.writer {
			e[id] = true
		}
	}
	for id := range s {
		switch f := o.facts[id]; f.kind {
		case rooms.KindJoin:
			if e[f.invite] {
				e[id] = true
			}
		case rooms.KindLeave:
			e[id] = true
		}
	}
	return e
}

// role(u, T): master, if u wrote the genesis entry; else the lowest of the invites' roles
// of the causally latest of u's joins in T that no leave of u in T has seen.
func (o *oracle) role(u wire.ID, t set) rooms.Role {
	if g := o.facts[o.room]; g == nil || !t[o.room] {
		return rooms.RoleNone
	} else if g.writer == u {
		return rooms.RoleMaster
	}
	var standing []*fact
	for id := range t {
		f := o.facts[id]
		if f.kind != rooms.KindJoin || f.writer != u {
			continue
		}
		ended := false
		for l := range t {
			ended = ended || o.facts[l].kind == rooms.KindLeave && o.facts[l].writer == u && o.seen(l, id)
		}
		if !ended {
			standing = append(standing, f)
		}
	}
	role := rooms.RoleNone
	for _, f := range standing {
		latest := true
		for _, g := range standing {
			latest = latest && (g == f || !o.seen(g.id, f.id))
		}
		if r := o.facts[f.invite].role; latest && (role == rooms.RoleNone || r < role) {
			role = r
		}
	}
	return role
}

// A verdict is what judge says of a run, and by which line.
type verdict struct {
	verdict rooms.Verdict
	line    string
}

const (
	lineValid      = "valid"
	linePrevious   = "the run before it"
	lineDependency = "its heads are not held"
	lineHeads      = "it forgets what the run before it had seen"
	lineRole       = "its author may not write"
	lineEpoch      = "its epoch is not a causally maximal one"
	lineStopped    = "a stop of its author ends the log before it"
	lineForked     = "its author forked the log before its end"
)

// judge(r, S) for everything held.
func (o *oracle) judge(r *rooms.Run) verdict {
	if v, ok := o.verdicts[r.Hash]; ok {
		return v
	}
	v := o.judgeNow(r)
	o.verdicts[r.Hash] = v
	return v
}

func (o *oracle) judgeNow(r *rooms.Run) verdict {
	prev := o.runs[r.Prev]
	if r.First > 1 {
		switch {
		case prev == nil:
			return verdict{rooms.Pending, linePrevious}
		case prev.Last()+1 != r.First || prev.Log != r.Log:
			return verdict{rooms.Reject, linePrevious}
		}
		if v := o.judge(prev); v.verdict != rooms.Valid {
			if v.verdict == rooms.Pending {
				return verdict{rooms.Pending, linePrevious}
			}
			return verdict{rooms.Void, v.line}
		}
	}
	seen, whole := o.closure(r.Heads...)
	if !whole {
		return verdict{rooms.Pending, lineDependency}
	}
	for _, line := range []string{o.heads(r, prev, seen), o.mayWrite(r, seen), o.epoch(r, seen), o.stopped(r, seen), o.forked(r)} {
		if line != "" {
			return verdict{rooms.Void, line}
		}
	}
	return verdict{rooms.Valid, lineValid}
}

// closure(r.prev.auth) within closure(r.auth)
func (o *oracle) heads(_ *rooms.Run, prev *rooms.Run, seen set) string {
	if prev != nil {
		if before, _ := o.closure(prev.Heads...); !before.within(seen) {
			return lineHeads
		}
	}
	return ""
}

// role(author, closure(r.auth) ∩ E(S)) may write
func (o *oracle) mayWrite(r *rooms.Run, seen set) string {
	t := set{}
	for id := range seen {
		if o.counts()[id] {
			t[id] = true
		}
	}
	if role := o.role(r.Author, t); role == rooms.RoleMember || role > rooms.RoleMember {
		return ""
	}
	return lineRole
}

// r.epoch is a causally maximal epoch in closure(r.auth)
func (o *oracle) epoch(r *rooms.Run, seen set) string {
	if f := o.facts[r.Epoch]; f == nil || !f.epoch || !seen[r.Epoch] {
		return lineEpoch
	}
	for id := range seen {
		if id != r.Epoch && o.facts[id].epoch && o.seen(id, r.Epoch) {
			return lineEpoch
		}
	}
	return ""
}

// for each stop of author in E(S) not in closure(auth of L's first run): last[L] named,
// r.last ≤ its number, and if equal, r has its link
func (o *oracle) stopped(r *rooms.Run, _ set) string {
	first := r
	for first.First > 1 && o.runs[first.Prev] != nil {
		first = o.runs[first.Prev]
	}
	start, _ := o.closure(first.Heads...)
	for id := range o.counts() {
		f := o.facts[id]
		if !o.stops(f, r.Author) || start[id] {
			continue
		}
		pin, named := f.pins[r.Log]
		if !named || r.Last() > pin.Number || r.Last() == pin.Number && r.Hash != pin.Link {
			return lineStopped
		}
	}
	return ""
}

// stops reports whether an entry is a stop of a user.
func (o *oracle) stops(f *fact, user wire.ID) bool {
	return f.kind == rooms.KindLeave && f.writer == user
}

// r.last < fork(L)
func (o *oracle) forked(r *rooms.Run) string {
	if at, ok := o.forks[r.Log]; ok && r.Last() >= at {
		return lineForked
	}
	return ""
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

func (v verdict) String() string { return fmt.Sprintf("%v (%s)", v.verdict, v.line) }
