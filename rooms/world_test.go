package rooms

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"parley/handshake/identity"
	"parley/wire"
)

// people are the users of worlds, made once a test: their keys are what takes time.
type people struct {
	keys map[string]*identity.Private
	time uint64 // of the last entry, so that no two are the same

	told *telling // nil: what is made is not signed, and forgotten
}

func newPeople(t testing.TB) *people {
	p := &people{keys: map[string]*identity.Private{}}
	for _, name := range []string{"ada", "bob", "kim", "rex", "eve", "zoe", "lux", "moe"} {
		p.keys[name] = newUser(t, name)
	}
	return p
}

func (p *people) id(name string) wire.ID { return p.keys[name].ID() }

func (p *people) name(id wire.ID) string {
	for name, key := range p.keys {
		if key.ID() == id {
			return name
		}
	}
	return id.Short()
}

// A world is a room as somebody holds it, with entries and runs that nobody
// signed: the rules below the signatures are what is tested here. What breaks an
// expectation is kept in err.
type world struct {
	*people
	*Authority
	made []*Entry // here, whether they were taken or not
	err  error
}

// newWorld is a room of ada's, with bob and kim as admins, eve and zoe as members by a link,
// and rex as a member whom ada added.
func newWorld(p *people, omits rule) *world {
	w := newEmptyWorld(p, omits)
	w.epoch("ada")
	inv := w.invite("ada", RoleMember)
	for _, name := range []string{"eve", "zoe", "bob", "kim"} {
		w.join(name, inv)
	}
	w.must("ada", KindRevoke, &Revoke{Joins: w.place("ada").Joins})
	w.addUser("ada", "rex", RoleMember)
	w.appoint("ada", "bob")
	w.appoint("ada", "kim")
	return w
}

func newEmptyWorld(p *people, omits rule) *world {
	g := p.forge(p.keys["ada"], KindGenesis, Place{Number: 1}, 0, &Genesis{Nonce: make([]byte, nonceSize), Name: "ops", Bundle: p.keys["ada"].Bundle()})
	w := &world{people: p, Authority: NewAuthority(g.ID)}
	w.omits = omits
	w.take(g)
	p.tellOf(w)
	return w
}

// forge makes an entry, without signatures unless it is to be told.
func (p *people) forge(key *identity.Private, kind Kind, at Place, time uint64, body Body) *Entry {
	row, _ := kindOf(uint64(kind))
	e := &Entry{
		Room: at.Room, Kind: kind, Key: key.Public(), Writer: key.ID(), Chain: at.Chain, Number: at.Number,
		Prev: at.Prev, Heads: at.Heads, Time: time, Body: body,
	}
	at.Time = unixTime(time)
	e.Raw = encodeEntry(e.Key, row, at, body)
	if p.told != nil {
		return p.told.sign(p, key, row, e)
	}
	e.ID = wire.Hash("entry", e.Raw)
	if e.root() {
		e.Room = e.ID
	}
	return e
}

func unixTime(ns uint64) time.Time { return time.Unix(0, int64(ns)) }

func (w *world) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

// want records a broken expectation.
func (w *world) want(ok bool, format string, args ...any) {
	if !ok {
		w.fail(format, args...)
	}
}

// split is a copy of the world, in which others go on without knowing.
func (w *world) split() *world {
	o := &world{people: w.people, Authority: NewAuthority(w.room)}
	o.omits = w.omits
	o.take(w.All()...)
	return o
}

// take adds entries, which may be parked or refused.
func (w *world) take(entries ...*Entry) *world {
	for _, e := range entries {
		_, _, _ = w.Add(e)
	}
	return w
}

// merge adds what others hold.
func (w *world) merge(others ...*world) *world {
	for _, o := range others {
		w.take(o.All()...)
		if w.err == nil {
			w.err = o.err
		}
	}
	return w
}

func (w *world) place(name string) Place {
	at, err := w.NextOnChain(w.id(name), testTime())
	if err != nil {
		w.fail("%s has no chain: %v", name, err)
		return Place{Room: w.room, Number: 2, Prev: w.room, Heads: []wire.ID{w.room}}
	}
	return at
}

// at writes an entry at a place; it must be taken.
func (w *world) at(name string, at Place, kind Kind, body Body) *Entry {
	w.time++
	e := w.forge(w.keys[name], kind, at, w.time, body)
	w.made = append(w.made, e)
	if _, missing, err := w.Add(e); err != nil || len(missing) > 0 {
		w.fail("%s by %s: %v, %d missing", kind, name, err, len(missing))
	}
	return e
}

// refuses writes an entry that must be refused.
func (w *world) refuses(why Reason, name string, at Place, kind Kind, body Body) {
	w.time++
	e := w.forge(w.keys[name], kind, at, w.time, body)
	if w.told != nil {
		w.told.refused = append(w.told.refused, e)
	}
	if _, _, err := w.Add(e); reasonOf(err) != why {
		w.fail("%s by %s: refused with %v, not %v", kind, name, err, why)
	}
}

// must writes a chained entry by who holds a chain.
func (w *world) must(name string, kind Kind, body Body) *Entry {
	return w.at(name, w.place(name), kind, body)
}

// lower writes a chained entry whose ID is below another's, by trying times: what an
// author can do who wants a tie to go its way.
func (w *world) lower(than *Entry, name string, at Place, kind Kind, body Body) *Entry {
	for {
		w.time++
		if e := w.forge(w.keys[name], kind, at, w.time, body); e.ID.Compare(than.ID) < 0 {
			_, missing, err := w.Add(e)
			w.want(err == nil && len(missing) == 0, "%s by %s: %v, %d missing", kind, name, err, len(missing))
			return e
		}
	}
}

func (w *world) newKey() *EpochBody {
	w.time++
	nonce := wire.Hash("nonce", fmt.Append(nil, w.time))
	return &EpochBody{Nonce: nonce[:nonceSize], Commitment: nonce}
}

func (w *world) epoch(name string, pins ...Pin) *Entry {
	body := w.newKey()
	body.Pins = sortPins(pins)
	return w.must(name, KindEpoch, body)
}

func (w *world) inviteBody(role Role) *Invite {
	w.time++
	key := wire.Hash("link", fmt.Append(nil, w.time))
	if w.told != nil {
		return w.told.inviteBody(key, role)
	}
	return &Invite{LinkKey: append([]byte{identity.Ed25519}, key[:]...), LinkSealing: key[:], Role: role}
}

func (w *world) invite(name string, role Role) *Entry {
	return w.must(name, KindInvite, w.inviteBody(role))
}

func (w *world) joinBody(name string, inv *Entry) *Join {
	return &Join{Invite: inv.ID, LinkKey: inv.Invite().LinkKey, Bundle: w.keys[name].Bundle(), Nonce: make([]byte, nonceSize)}
}

func (w *world) join(name string, inv *Entry) *Entry {
	at := w.NextBeside(w.id(name), testTime())
	at.Heads = union(at.Heads, []wire.ID{inv.ID})
	return w.at(name, at, KindJoin, w.joinBody(name, inv))
}

func (w *world) leave(name string, last ...*Run) *Entry {
	return w.at(name, w.NextBeside(w.id(name), testTime()), KindLeave, &Leave{Pins: pinsAt(last...)})
}

func pinsAt(runs ...*Run) []Pin {
	var pins []Pin
	for _, r := range runs {
		pins = append(pins, Pin{Log: r.Log, Number: r.Last(), Link: r.Hash})
	}
	return sortPins(pins)
}

func (w *world) addUser(by, name string, role Role) *Entry {
	return w.must(by, KindAdd, &Add{Bundle: w.keys[name].Bundle(), Role: role})
}

func (w *world) stopBody(name string, role Role, last ...*Run) *Stop {
	body := &Stop{Subject: w.id(name), Role: role, Pins: pinsAt(last...)}
	if body.takesKey() {
		body.Epoch = w.newKey()
	}
	return body
}

func (w *world) stop(by, name string, role Role, last ...*Run) *Entry {
	at := w.place(by)
	body := w.stopBody(name, role, last...)
	body.Joins = at.Joins
	return w.at(by, at, KindStop, body)
}

func (w *world) ban(by, name string) *Entry {
	at := w.place(by)
	body := w.stopBody(name, RoleNone)
	body.Joins, body.Ban = at.Joins, true
	return w.at(by, at, KindStop, body)
}

func (w *world) lift(by, name string) *Entry { return w.must(by, KindLift, &Lift{Subject: w.id(name)}) }

func (w *world) appoint(by, name string) *Entry {
	return w.must(by, KindAppoint, &Appoint{Subject: w.id(name)})
}

// demote ends the appointment of an admin where the world sees its chain end.
func (w *world) demote(by, name string) *Entry {
	for _, adm := range w.Now().Admins() {
		if adm.ID == w.id(name) {
			at := w.place(by)
			return w.at(by, at, KindDemote, &Demote{Appointment: adm.Appointment.ID, Cut: adm.Last.ID, Joins: at.Joins, Epoch: w.newKey()})
		}
	}
	w.fail("%s is no admin", name)
	return nil
}

func (w *world) handover(by, to string) *Entry {
	return w.must(by, KindHandover, &Handover{Bundle: w.keys[to].Bundle()})
}

func (w *world) revoke(by string, invites ...*Entry) *Entry {
	at := w.place(by)
	body := &Revoke{Joins: at.Joins}
	for _, inv := range invites {
		body.Invites = append(body.Invites, inv.ID)
	}
	slices.SortFunc(body.Invites, wire.ID.Compare)
	return w.at(by, at, KindRevoke, body)
}

func (w *world) role(name string, want Role) {
	if got := w.Now().Role(w.id(name)); got != want {
		w.fail("%s is a %s, not a %s", name, got, want)
	}
}

// draft is the next run of an honest writer by what the world holds.
func (w *world) draft(name string, prev *Run) *Run {
	w.time++
	author := w.id(name)
	r := &Run{Room: w.room, Author: author, Clock: w.time, Messages: [][]byte{make([]byte, minMessageBin)}}
	if prev == nil {
		salt := wire.Hash("salt", fmt.Append(nil, w.time, name))
		r.First, r.Salt, r.Heads = 1, salt[:saltSize], w.Heads(author, nil)
		r.Incarnation = NewIncarnation(w.room, author, r.Salt, r.Heads)
	} else {
		r.First, r.Prev, r.Incarnation = prev.Last()+1, prev.Hash, prev.Incarnation
		r.Heads = w.Heads(author, prev.Heads)
	}
	if v := w.View(r.Heads); v != nil && len(v.Epochs()) > 0 {
		r.Epoch = v.Epochs()[0].ID
	}
	return r
}

// sealRun fixes a run's log and hash, as its author would by signing.
func sealRun(r *Run) *Run {
	r.Log = LogID(r.Room, r.Author, r.Incarnation)
	r.Hash = r.hash()
	return r
}

// run is an honest run after prev (nil: a new log).
func (w *world) run(name string, prev *Run) *Run { return sealRun(w.draft(name, prev)) }

// judge is what becomes of a run after those before it in its log.
func (w *world) judge(r *Run, before ...*Run) (Verdict, Reason) {
	var state *LogState
	for _, b := range before {
		state = b.Extend(state)
	}
	v, why, _ := w.Judge(r, state)
	return v, why
}

func (w *world) judged(what string, want Verdict, r *Run, before ...*Run) {
	w.tellRun(what, r, 0, nil, before)
	if v, why := w.judge(r, before...); v != want {
		w.fail("%s is %s (%s), not %s", what, v, why, want)
	}
}
