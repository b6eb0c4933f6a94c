package rooms

import (
	"math/rand/v2"
	"slices"
	"time"

	"parley/wire"
)

// govern lets the master, or an admin, or a member who leaves, make an entry as an honest client does.
func (s *stage) govern(rng *rand.Rand) {
	u := s.users[rng.IntN(2)]
	if !u.knows() {
		return
	}
	at, err := u.auth.NextOnChain(u.key.ID(), s.now)
	if err != nil {
		if rng.IntN(4) == 0 && u.auth.Now().Role(u.key.ID()) == RoleMember {
			s.submit(u, func() (*Entry, error) {
				return NewLeave(u.key, u.auth.NextBeside(u.key.ID(), s.now), s.pins(rng, u.key.ID()))
			})
		}
		return
	}
	other := []*simUser{s.users[1], s.mallory, s.stranger}[rng.IntN(3)]
	if other == u {
		other = s.users[0]
	}
	s.submit(u, func() (*Entry, error) { return s.entry(rng, u, other, at) })
}

// knows brings what a user knows of its room up to date. It reports false when its peer cannot tell.
func (u *simUser) knows() bool {
	if u.node.core == nil {
		return false
	}
	r := u.node.core.rooms[u.room]
	if r == nil || r.openRoom || r.failed || r.loading {
		return false
	}
	u.refresh()
	return true
}

// submit hands an entry to its writer's peer, if it can be made. Whether it gets to the disk the writer does not wait to hear.
func (s *stage) submit(u *simUser, make func() (*Entry, error)) {
	if e, err := make(); err == nil {
		u.request(&wire.Submit{Room: u.room, Entries: wire.List[wire.Bytes]{e.Raw}})
	}
}

// entry makes an entry of any kind that stands on a chain, about another user where it is about one.
func (s *stage) entry(rng *rand.Rand, u, other *simUser, at Place) (*Entry, error) {
	key := [EpochKeySize]byte{byte(rng.IntN(256))}
	nonce := make([]byte, nonceSize)
	nonce[0] = byte(rng.IntN(256))
	kind, admins := rng.IntN(12), u.auth.Now().Admins()
	switch {
	case len(admins) == 0 || rng.IntN(2) == 0:
	case u == s.users[1]:
		kind = 2 // an admin removes somebody
	default:
		kind = 7 // and is demoted, perhaps so that the removal does not count
	}
	switch kind {
	case 0:
		return NewEpoch(u.key, at, nonce, key, s.pins(rng, other.key.ID())...)
	case 1:
		return NewAdd(u.key, at, other.key.Bundle(), []Role{RoleMember, RoleReader, RoleRelay}[rng.IntN(3)])
	case 2, 3:
		stop := Stop{Subject: other.key.ID(), Role: []Role{RoleNone, RoleReader, RoleRelay}[rng.IntN(3)], Pins: s.pins(rng, other.key.ID())}
		stop.Ban = stop.Role == RoleNone && rng.IntN(4) == 0
		return NewStop(u.key, at, stop, nonce, key)
	case 4:
		return NewLift(u.key, at, other.key.ID())
	case 5:
		return NewRevoke(u.key, at, []wire.ID{s.kit.invite.ID}[:rng.IntN(2)])
	case 6:
		if len(at.Joins) > 0 { // the chain is told of whom it appoints
			return NewRevoke(u.key, at, nil)
		}
		return NewAppoint(u.key, at, s.users[1].key.ID())
	case 7:
		if len(admins) == 0 {
			return NewRevoke(u.key, at, nil)
		}
		adm := admins[rng.IntN(len(admins))]
		return NewDemote(u.key, at, adm.Appointment.ID, []wire.ID{adm.Last.ID, adm.Appointment.ID}[rng.IntN(2)], nonce, key)
	case 8, 9:
		return NewTrim(u.key, at, s.floors(rng))
	case 10:
		return NewPolicy(u.key, at, Policy{Name: "ops", Retention: time.Duration(rng.IntN(3)) * time.Hour})
	default:
		return AcceptHandover(other.key, OfferHandover(u.key, at, other.key.Bundle()))
	}
}

// pins name logs of a user up to some run, not always the last, or leave them out.
func (s *stage) pins(rng *rand.Rand, author wire.ID) (pins []Pin) {
	named := map[wire.ID]bool{}
	for _, i := range rng.Perm(len(s.pool)) {
		r := s.pool[i]
		if r.Author == author && r.Room == s.kit.link.Room && !named[r.Log] && rng.IntN(5) > 0 {
			named[r.Log] = true
			pins = append(pins, Pin{Log: r.Log, Number: r.Last(), Link: r.Hash})
		}
	}
	return sortPins(pins)
}

// floors forget some of what was written.
func (s *stage) floors(rng *rand.Rand) (list []Floor) {
	firsts := map[wire.ID]*Run{}
	for _, r := range s.pool {
		if r.First == 1 && r.Room == s.kit.link.Room {
			firsts[r.Log] = r
		}
	}
	for _, i := range rng.Perm(len(s.pool)) {
		r := s.pool[i]
		if first := firsts[r.Log]; first != nil && rng.IntN(2) == 0 {
			list = append(list, floorAt(first, r))
			delete(firsts, r.Log)
		}
	}
	slices.SortFunc(list, func(a, b Floor) int { return a.Log.Compare(b.Log) })
	return list
}

// misgovern lets mallory make an entry, at any place, and gives it to some.
func (s *stage) misgovern(rng *rand.Rand) {
	u := s.mallory
	if rng.IntN(2) == 0 && !u.knows() {
		return
	}
	all := u.auth.All()
	at, err := u.auth.NextOnChain(u.key.ID(), s.now)
	if err != nil {
		at = u.auth.NextBeside(u.key.ID(), s.now)
		if rng.IntN(2) == 0 {
			at.Chain, at.Prev, at.Number = u.room, all[rng.IntN(len(all))].ID, uint64(2+rng.IntN(3))
		}
	}
	if rng.IntN(2) == 0 {
		at.Heads = []wire.ID{all[rng.IntN(len(all))].ID}
	}
	other := s.users[rng.IntN(2)]
	var e *Entry
	switch rng.IntN(4) {
	case 0:
		e, err = NewLeave(u.key, at, s.pins(rng, u.key.ID()))
	case 1:
		e, err = NewJoin(u.key, at, s.kit.link, s.kit.invite.ID, make([]byte, nonceSize))
	default:
		e, err = s.entry(rng, u, other, at)
	}
	if err != nil {
		return
	}
	m := wire.List[wire.Bytes]{e.Raw}
	if v := s.someVillain(rng); v != nil && rng.IntN(3) > 0 {
		for _, l := range v.end.node.core.peers[v.key].links {
			if l.r.id == u.room {
				s.tell(v, &wire.Records{Ref: l.ref, Set: wire.SetEntries, Records: m})
				break
			}
		}
	}
	if s.b.core != nil && rng.IntN(2) == 0 {
		u.request(&wire.Submit{Room: u.room, Entries: m})
	}
}
