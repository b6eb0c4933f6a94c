package sim

import (
	"slices"

	"parley/rooms"
	"parley/wire"
)

// chainAdversaries is the table of what the dishonest write on chains: of those who hold
// one, who held one once, and who never did.
func chainAdversaries() []kind {
	return []kind{
		{"chain-branch", 6, true, asEvil(chainBranch)},
		{"rival-handover", 3, true, asEvil(rivalHandover)},
		{"forged-entry", 2, true, asEvil(forgedEntry)},
		{"equivocate", 3, true, asEvil(equivocate)},
		{"backdate-join", 3, true, asEvil(backdateJoin)},
	}
}

// places are where the person could write on chains that it holds or has held, after any
// entry of them, as if it had seen nothing since.
func (s *seat) places() (list []rooms.Place) {
	for _, e := range s.auth.All() {
		at := rooms.Place{Room: s.room, Chain: e.Chain, Number: e.Number + 1, Prev: e.ID, Heads: []wire.ID{e.ID}, Time: s.u.now()}
		appoint, isAppoint := e.Body.(*rooms.Appoint)
		handover, isHandover := e.Body.(*rooms.Handover)
		switch {
		case isAppoint && appoint.Subject == s.me():
			at.Chain, at.Number, at.Prev = e.ID, 1, wire.ID{}
		case isHandover && handover.Bundle.ID() == s.me():
		case e.Number > 0 && e.Writer == s.me() && !isHandover:
		default:
			continue
		}
		list = append(list, at)
	}
	return list
}

// chainBranch continues an old place of a chain of its own with anything at all: a second
// branch, or what comes after a demotion or a handover that it pretends not to know.
func chainBranch(s *seat, n uint64) {
	places := s.places()
	if len(places) == 0 {
		backdateNewLog(s, n)
		return
	}
	at := places[n%uint64(len(places))]
	w := s.u.w
	victim := w.people[(n>>8)%uint64(len(w.people))]
	var e *rooms.Entry
	var err error
	switch n >> 4 % 7 {
	case 0:
		e, err = rooms.NewEpoch(s.u.key, at, nonce(), freshKey(), s.pins(wire.ID{})...)
	case 1:
		link, lerr := rooms.NewLink(s.room, w.network.Name, nil)
		if e, err = rooms.NewInvite(s.u.key, at, link, 0, s.u.now(), rooms.RoleMember); err == nil && lerr == nil {
			w.history.links = append(w.history.links, link)
		}
	case 2, 3:
		e, err = rooms.NewStop(s.u.key, at, rooms.Stop{Subject: victim.id(), Ban: n>>12%2 == 0}, nonce(), freshKey())
	case 4:
		e, err = rooms.NewAdd(s.u.key, at, victim.key.Bundle(), rooms.RoleMember)
	case 5:
		var invites []wire.ID
		for _, i := range s.auth.Now().Invites() {
			invites = append(invites, i.Entry.ID)
		}
		e, err = rooms.NewRevoke(s.u.key, at, invites)
	default:
		e, err = rooms.NewLift(s.u.key, at, victim.id())
	}
	if err == nil {
		s.slipEntries(n>>16, e)
	}
}

// rivalHandover hands a room that it reigns or has reigned over to somebody else as well.
func rivalHandover(s *seat, n uint64) {
	w := s.u.w
	to := w.people[(n>>8)%uint64(len(w.people))]
	places := slices.DeleteFunc(s.places(), func(at rooms.Place) bool { return !at.Chain.IsZero() })
	if len(places) == 0 || to == s.u {
		chainBranch(s, n)
		return
	}
	at := places[n%uint64(len(places))]
	e, err := rooms.AcceptHandover(to.key, rooms.OfferHandover(s.u.key, at, to.key.Bundle()))
	if err == nil {
		to.evil = true // it signed what it should not have
		s.slipEntries(n>>16, e)
	}
}

// backdateJoin joins, having been removed, by an old link, as if nothing had been seen since
// its invite; by one's own link, too, if one ever made one.
func backdateJoin(s *seat, n uint64) {
	links := s.u.w.history.links
	if len(links) == 0 {
		return
	}
	link := links[n%uint64(len(links))]
	keys, err := link.Keys()
	if err != nil || link.Room != s.room {
		return
	}
	for _, e := range s.auth.All() {
		if inv := e.Invite(); inv != nil && string(inv.LinkKey) == string(keys.Sign.Public()) {
			at := rooms.Place{Room: s.room, Heads: []wire.ID{e.ID}, Time: s.u.now()}
			if n%2 == 0 {
				at = s.auth.NextBeside(s.me(), s.u.now())
			}
			if join, err := rooms.NewJoin(s.u.key, at, link, e.ID, nonce()); err == nil {
				s.slipEntries(n>>4, join)
			}
		}
	}
}

// forgedEntry writes on a chain that is another's, or leaves where it never was.
func forgedEntry(s *seat, n uint64) {
	at, err := s.auth.NextOnChain(s.auth.Now().Master(), s.u.now())
	if err != nil || s.role() == rooms.RoleMaster {
		return
	}
	if e, err := rooms.NewEpoch(s.u.key, at, nonce(), freshKey()); err == nil {
		s.slipEntries(n|1, e)
	}
}

// equivocate writes two entries in one place of the own chain and tells each to others.
func equivocate(s *seat, n uint64) {
	at, err := s.auth.NextOnChain(s.me(), s.u.now())
	if err != nil {
		backdateNewLog(s, n)
		return
	}
	for i := range uint64(2) {
		if e, err := rooms.NewEpoch(s.u.key, at, nonce(), freshKey()); err == nil {
			s.slipEntries(n>>(4*i)|1, e)
		}
	}
}
