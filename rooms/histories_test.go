package rooms

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"parley/wire"
)

var moreHistories = flag.Int("histories", 1, "how many times as many random histories as the ordinary tests")

// A saga is what people did who each knew a part of it: some of them lie.
type saga struct {
	base    []*Entry // of the room at the start
	entries []*Entry
	runs    []sagaRun
	did     map[string]int
}

// A sagaRun is a run and those before it in its log.
type sagaRun struct {
	run    *Run
	before []*Run
	honest bool
	epoch  bool // its epoch was one of the newest by what its writer had seen
}

// A teller makes sagas.
type teller struct {
	*people
	rng   *rand.Rand
	views []*world        // one of each person, and of some who kept an old one
	logs  map[string]*Run // by honest author: its log's last run
	past  map[*Run][]*Run // by run: those before it
	saga  *saga
	invs  []*Entry
}

func names() []string { return []string{"ada", "bob", "kim", "rex", "eve", "zoe", "lux", "moe"} }

// tell plays steps steps from a small room.
func tell(p *people, rng *rand.Rand, steps int) *saga {
	w := newWorld(p, 0)
	t := &teller{people: p, rng: rng, logs: map[string]*Run{}, past: map[*Run][]*Run{}, saga: &saga{base: w.All(), did: map[string]int{}}}
	for range names() {
		t.views = append(t.views, w.split())
	}
	t.views = append(t.views, w.split(), w.split())
	for range steps {
		t.step()
	}
	return t.saga
}

func (t *teller) pick(list []string) string { return list[t.rng.IntN(len(list))] }

// step lets somebody learn something, do something, and write.
func (t *teller) step() {
	k := t.rng.IntN(len(t.views))
	w := t.views[k]
	honest := k < len(names())
	name := names()[k%len(names())]
	if !honest {
		name = t.pick(names())
	}
	for _, e := range t.saga.entries {
		if honest && t.rng.IntN(3) > 0 || t.rng.IntN(4) == 0 {
			w.take(e)
		}
	}
	w.err, w.made = nil, nil
	for try := 0; try < 6 && len(w.made) == 0; try++ {
		t.act(w, name, honest)
	}
	for _, e := range w.made {
		t.saga.entries = append(t.saga.entries, e)
		t.saga.did[e.Kind.String()]++
		if !w.Has(e.ID) {
			t.saga.did["refused"]++
		}
		if e.Invite() != nil {
			t.invs = append(t.invs, e)
		}
	}
	t.write(w, name, honest)
}

// act does one thing, if it may be done.
func (t *teller) act(w *world, name string, honest bool) {
	kinds := []Kind{
		KindEpoch, KindInvite, KindInvite, KindJoin, KindJoin, KindLeave, KindAdd, KindAdd, KindStop, KindStop, KindStop,
		KindLift, KindLift, KindAppoint, KindAppoint, KindDemote, KindDemote, KindPolicy, KindHandover, KindRevoke,
	}
	kind := kinds[t.rng.IntN(len(kinds))]
	other := t.pick(names())
	role := RoleRelay + Role(t.rng.IntN(3))
	if kind != KindJoin && w.MayWrite(w.id(name), kind, w.id(other)) != ReasonNone {
		if honest {
			return
		}
		t.lie(w, name)
		return
	}
	switch kind {
	case KindEpoch:
		w.epoch(name)
	case KindInvite:
		w.invite(name, role)
	case KindJoin:
		t.join(w, name)
	case KindLeave:
		if t.rng.IntN(3) == 0 {
			w.leave(name)
		}
	case KindAdd:
		w.addUser(name, other, role)
	case KindStop:
		t.stop(w, name, other)
	case KindLift:
		w.lift(name, other)
	case KindAppoint:
		w.appoint(name, other)
	case KindDemote:
		w.demote(name, other)
	case KindPolicy:
		w.must(name, KindPolicy, &Policy{Name: t.pick(names())})
	case KindHandover:
		w.handover(name, other)
	case KindRevoke:
		if live := w.Now().Invites(); len(live) > 0 {
			w.revoke(name, live[t.rng.IntN(len(live))].Entry)
		}
	}
}

// lie writes what its writer may not: on another's chain, or as a stranger.
func (t *teller) lie(w *world, name string) {
	if name == "lux" {
		return
	}
	at, err := w.NextOnChain(w.Now().Master(), testTime())
	if adm := w.Now().Admins(); len(adm) > 0 && t.rng.IntN(2) == 0 {
		at, err = w.NextOnChain(adm[0].ID, testTime())
	}
	if err == nil {
		w.at(name, at, KindAdd, &Add{Bundle: w.keys["lux"].Bundle(), Role: RoleMember})
	}
	if t.rng.IntN(8) == 0 {
		w.leave(name)
	}
}

func (t *teller) join(w *world, name string) {
	if len(t.invs) == 0 {
		return
	}
	if inv := t.invs[t.rng.IntN(len(t.invs))]; w.Has(inv.ID) {
		w.join(name, inv)
	}
}

func (t *teller) stop(w *world, name, other string) {
	if t.rng.IntN(4) == 0 {
		w.ban(name, other)
		return
	}
	var last []*Run
	if r := t.logs[other]; r != nil && t.rng.IntN(3) > 0 {
		last = append(last, r)
	}
	w.stop(name, other, Role(t.rng.IntN(3)), last...)
}

// write lets somebody write a run: an honest one goes on with its log when it can.
func (t *teller) write(w *world, name string, honest bool) {
	prev := t.logs[name]
	if !honest || prev == nil || t.rng.IntN(3) == 0 {
		prev = nil
	}
	r := w.run(name, prev)
	before := slices.Clone(t.past[prev])
	if prev != nil {
		before = append(before, prev)
	}
	t.past[r] = before
	if honest {
		t.logs[name] = r
	}
	view := w.View(r.Heads)
	top := view != nil && slices.ContainsFunc(view.maximalEpochs(), func(i int) bool { return w.nodes[i].entry.ID == r.Epoch })
	t.saga.runs = append(t.saga.runs, sagaRun{run: r, before: before, honest: honest, epoch: top})
}

// state is everything that follows from a set of entries, as text.
func state(p *people, a *Authority, runs []sagaRun) (lines []string) {
	v := a.Now()
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	d := a.Digest()
	add("digest %x", d)
	for _, m := range v.Members() {
		add("member %s %s %s", p.name(m.ID), m.Role, m.Entry.ID.Short())
	}
	for _, i := range v.Invites() {
		add("invite %s %d", i.Entry.ID.Short(), len(i.Joiners))
	}
	for _, e := range v.Epochs() {
		add("epoch %s", e.ID.Short())
		for _, id := range v.Outsiders(e) {
			add("outsider %s", p.name(id))
		}
	}
	for _, r := range v.Removed() {
		add("removed %s %v %s", p.name(r.ID), r.Ban, r.Entry.ID.Short())
	}
	for _, adm := range v.Admins() {
		add("admin %s to %s", p.name(adm.ID), adm.Last.ID.Short())
	}
	for _, c := range v.Contests() {
		add("contest %s %d", c.Continues.ID.Short(), len(c.Others))
	}
	pol := v.Policy()
	add("policy %+v", pol)
	for _, name := range names() {
		add("heads %s %s", name, ids(a.Heads(p.id(name), nil)))
	}
	for i := range runs {
		v, why := judgeSaga(a, &runs[i])
		add("run %d %s %s", i, v, why)
	}
	return lines
}

func judgeSaga(a *Authority, r *sagaRun) (Verdict, Reason) {
	var s *LogState
	for _, b := range r.before {
		s = b.Extend(s)
	}
	v, why, _ := a.Judge(r.run, s)
	return v, why
}

// hear makes the authority of who hears entries in an order, and asks now and then on the way.
func hear(room wire.ID, base, entries []*Entry, order []int, ask func(a *Authority, k int)) *Authority {
	a := NewAuthority(room)
	for _, e := range base {
		_, _, _ = a.Add(e)
	}
	for k, i := range order {
		_, _, _ = a.Add(entries[i])
		if ask != nil {
			ask(a, k)
		}
	}
	return a
}

func TestConvergeAnyOrderOfSmallHistories(t *testing.T) {
	p := newPeople(t)
	rng := rand.New(rand.NewPCG(3, 0))
	histories, orders := 0, 0
	for range 12 * *moreHistories {
		s := tell(p, rng, 12)
		n := 6
		if len(s.entries) < n {
			continue
		}
		histories++
		var want []string
		permute(n, func(order []int) {
			orders++
			a := hear(s.base[0].ID, s.base, s.entries[:n], order, nil)
			got := state(p, a, s.runs)
			if want == nil {
				want = got
			} else if !slices.Equal(got, want) {
				t.Fatalf("order %v:\n%s", order, firstDifference(got, want))
			}
		})
	}
	if histories == 0 || orders != 720*histories {
		t.Fatalf("%d orders of %d histories", orders, histories)
	}
	t.Logf("%d histories, %d orders", histories, orders)
}

func firstDifference(x, y []string) string {
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return x[i] + "\nnot\n" + y[i]
		}
	}
	return fmt.Sprintf("%d lines, not %d", len(x), len(y))
}

func TestConvergeAnyOrderOfRandomHistories(t *testing.T) {
	p := newPeople(t)
	did, verdicts := map[string]int{}, map[string]int{}
	histories := 4000 * *moreHistories
	for n := range histories {
		rng := rand.New(rand.NewPCG(uint64(n), 7))
		s := tell(p, rng, 14)
		room := s.base[0].ID
		var want []string
		for k := range 2 {
			all := slices.Concat(s.base, s.entries)
			ask := func(a *Authority, _ int) {
				if k == 1 && rng.IntN(8) == 0 { // fill the caches on the way
					judgeSaga(a, &s.runs[rng.IntN(len(s.runs))])
				}
			}
			a := hear(room, nil, all, rng.Perm(len(all)), ask)
			got := state(p, a, s.runs)
			if k == 0 {
				want = got
				sagaHolds(t, n, p, a, s, verdicts)
			} else if !slices.Equal(got, want) {
				t.Fatalf("history %d:\n%s", n, firstDifference(got, want))
			}
		}
		for kind, times := range s.did {
			did[kind] += times
		}
	}
	t.Logf("%d histories: %v\nverdicts: %v", histories, did, verdicts)
	for k := KindEpoch; k < KindTrim; k++ { // besides them, trims and renewals have their checks
		if did[k.String()] == 0 {
			t.Errorf("nobody ever made a %s: the test shows nothing about it", k)
		}
	}
	for _, why := range []Reason{ReasonNone, ReasonNotMember, ReasonReader, ReasonRelay, ReasonRemoved, ReasonLowered, ReasonLeft, ReasonRevoked} {
		if verdicts[why.String()] == 0 {
			t.Errorf("no run ever had %q: the test shows nothing about it", why)
		}
	}
}

// sagaHolds checks what must hold after any history, whoever lied in it.
func sagaHolds(t *testing.T, n int, p *people, a *Authority, s *saga, verdicts map[string]int) {
	t.Helper()
	v := a.Now()
	for i := range s.runs {
		r := &s.runs[i]
		_, why := judgeSaga(a, r)
		verdicts[why.String()]++
		if r.honest && why == ReasonHeadsBack {
			t.Fatalf("history %d, HonestNeverRefusedByMonotonicity: run %d", n, i)
		}
		if view := a.View(r.run.Heads); view != nil && r.epoch && a.inEpoch(r.run, nil, view) != ReasonNone {
			t.Fatalf("history %d, EpochVerdictNeverChanges: run %d", n, i)
		}
	}
	if masters := slices.DeleteFunc(v.Members(), func(m Member) bool { return m.Role != RoleMaster }); len(masters) != 1 {
		t.Fatalf("history %d: %d masters", n, len(masters))
	}
	for _, e := range a.All() {
		i := a.place[e.ID]
		switch body := e.Body.(type) {
		case *Join:
			a.joinHolds(t, n, i, body)
		case *Stop:
			if a.counts.has(i) && body.Role == RoleNone {
				a.removalHolds(t, n, i, body)
			}
		case *Appoint:
			a.appointmentHolds(t, n, i, body)
		}
	}
}

// joinHolds: a join that counts is by an invite that counts, and every removal,
// demotion and revocation that counts has seen it or was seen by the invite.
func (a *Authority) joinHolds(t *testing.T, n, i int, body *Join) {
	t.Helper()
	invite := a.place[body.Invite]
	if !a.counts.has(i) {
		return
	}
	if !a.counts.has(invite) {
		t.Fatalf("history %d, JoinNeedsCountedInvite", n)
	}
	a.counts.each(func(r int) bool {
		revokes := false
		switch b := a.nodes[r].entry.Body.(type) {
		case *Revoke:
			revokes = contains(b.Invites, body.Invite)
		case *Stop:
			revokes = b.Role < RoleReader && !a.saw(invite, r)
		case *Demote:
			revokes = !a.saw(invite, r)
		}
		if revokes && !a.saw(r, i) {
			t.Fatalf("history %d, RemovalRevokesUnseenInvites or NoJoinAfterRevocation: %s", n, a.nodes[r].entry.Kind)
		}
		return true
	})
}

// removalHolds: whoever was removed is out, unless a chained entry that has seen
// the removal says something else.
func (a *Authority) removalHolds(t *testing.T, n, i int, body *Stop) {
	t.Helper()
	if a.Now().Role(body.Subject) == RoleNone {
		return
	}
	for _, k := range a.named[body.Subject] {
		e := a.nodes[k].entry
		if a.counts.has(k) && e.chained() && (a.saw(k, i) || e.Kind == KindAppoint || e.Kind == KindHandover) {
			return
		}
	}
	t.Fatalf("history %d, NoReadmissionByJoin", n)
}

// appointmentHolds: an admin stays one until the master demotes it or it leaves.
func (a *Authority) appointmentHolds(t *testing.T, n, i int, body *Appoint) {
	t.Helper()
	if !a.counts.has(i) || a.Now().Role(body.Subject) >= RoleAdmin {
		return
	}
	for _, k := range a.named[body.Subject] {
		e := a.nodes[k].entry
		if a.counts.has(k) && (a.ends(k, i) || e.Kind == KindLeave) {
			return
		}
	}
	t.Fatalf("history %d, AdminNotUnseatedByAdmin", n)
}
