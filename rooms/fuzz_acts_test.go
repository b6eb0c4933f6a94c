package rooms

import (
	"math/rand/v2"
	"reflect"
	"time"

	"parley/wire"
)

// acts is the table of what can happen to a stage. An act that has nothing to work on does nothing.
func acts() []func(s *stage, rng *rand.Rand) {
	return []func(s *stage, rng *rand.Rand){
		func(s *stage, rng *rand.Rand) { s.write(s.users[rng.IntN(len(s.users))], rng) },
		func(s *stage, rng *rand.Rand) { s.write(s.users[rng.IntN(len(s.users))], rng) },
		func(s *stage, rng *rand.Rand) { s.simNet.run(time.Duration(rng.IntN(20_000)) * time.Microsecond) },
		func(s *stage, rng *rand.Rand) { s.simNet.run(time.Duration(rng.IntN(6000)) * time.Millisecond) },
		(*stage).parting, (*stage).crashing, (*stage).request, (*stage).hostileRequest, (*stage).govern, (*stage).govern,
		func(s *stage, rng *rand.Rand) { s.nodes[rng.IntN(2)].store.fail = 1 + rng.IntN(2) },
		func(s *stage, rng *rand.Rand) { s.dropLive = float64(rng.IntN(3)) / 2 },
		(*stage).intrude, (*stage).intrude, (*stage).noise, (*stage).replay, (*stage).replay, (*stage).reply, (*stage).reply,
		(*stage).leak, (*stage).leak, (*stage).misgovern, (*stage).pull, (*stage).stale, (*stage).accuse,
	}
}

// write lets a user write some runs at once.
func (s *stage) write(u *simUser, rng *rand.Rand) {
	if u.node.core == nil || u.left {
		return
	}
	u.startAnew()
	var runs []*Run
	for range 1 + rng.IntN(3) {
		if u.auth != nil {
			if r := u.node.core.rooms[u.room]; r == nil || r.loading || r.failed {
				return
			}
			u.refresh()
			if !u.auth.View(u.auth.Heads(u.key.ID(), u.heads())).Role(u.key.ID()).MayWrite() {
				return
			}
		}
		runs = append(runs, u.sign(1+rng.IntN(4)))
	}
	s.pool = append(s.pool, runs...)
	u.append(runs...)
}

// startAnew begins a new log when the peer has refused one, or has told that it ended.
func (u *simUser) startAnew() {
	refused := false
	for _, r := range u.node.replies[u.req] {
		m, ok := r.Msg.(*wire.AppendRefused)
		refused = refused || r.Err != nil || ok && m.Log == u.logOf()
	}
	if r := u.node.core.rooms[u.room]; r != nil && r.notices[u.logOf()] != nil {
		refused = true
	}
	if refused {
		u.prev, u.all, u.acked, u.req = nil, nil, 0, 0
	}
}

func (u *simUser) heads() []wire.ID {
	if u.prev == nil {
		return nil
	}
	return u.prev.Heads
}

// parting cuts the session between the honest peers, or makes one.
func (s *stage) parting(*rand.Rand) {
	switch c := s.between(s.a, s.b); {
	case c != nil:
		s.cut(c)
	case s.a.core != nil && s.b.core != nil:
		s.connect(s.a, s.b)
	}
}

// crashing ends a peer, or starts it again; what its users were not told is durable they send again.
func (s *stage) crashing(rng *rand.Rand) {
	nd := s.nodes[rng.IntN(2)]
	if nd.core != nil {
		nd.crash()
		return
	}
	nd.start()
	for _, u := range append(s.users, s.mallory) {
		if u.node == nd {
			u.resend()
		}
	}
}

// request lets an honest user ask for something.
func (s *stage) request(rng *rand.Rand) {
	u := s.users[rng.IntN(len(s.users))]
	if u.node.core == nil {
		return
	}
	var m wire.Message
	switch rng.IntN(10) {
	case 0:
		m = &wire.WriterGet{Room: u.room, Log: u.logOf()}
	case 1:
		m = &wire.PlacedGet{Room: u.room, Log: u.logOf(), Number: uint64(rng.IntN(5)), Replicas: uint64(rng.IntN(3)), Wait: uint64(rng.IntN(3000))}
	case 2:
		m = &wire.VerifyGet{Room: u.room}
	case 3:
		m = &wire.RoomWatch{Room: u.room}
	case 4:
		m = &wire.AuthorityGet{Room: u.room, Follow: rng.IntN(2) == 0}
	case 5:
		m = &wire.RoomsGet{}
	case 6:
		m = &wire.SealedGet{Room: u.room, Epoch: u.epoch}
	case 7:
		m = &wire.NoticesGet{Follow: true}
	case 8: // takes note of all there is
		get := &wire.NoticesGet{Room: u.room}
		if r := u.node.core.rooms[u.room]; r != nil && !r.failed {
			for _, n := range r.noticesOf(u.key.ID()) {
				get.Seen = append(get.Seen, wire.Ref{Log: n.Log, Number: n.Last})
				if !n.Counts {
					s.noted(n.Log, n.Last)
				}
			}
		}
		m = get
	default:
		if len(s.open) > 0 {
			req := s.open[rng.IntN(len(s.open))]
			u.node.step([]Event{UserEnd{Req: req}, UserGone{Req: req}}[rng.IntN(2)])
		}
		return
	}
	s.open = append(s.open, u.request(m))
}

func (u *simUser) logOf() wire.ID {
	if u.prev == nil {
		return wire.ID{}
	}
	return u.prev.Log
}

// hostileRequest lets mallory send its peer any message that users send, more than one on a request.
func (s *stage) hostileRequest(rng *rand.Rand) {
	nd := s.nodes[rng.IntN(2)]
	if nd.core == nil {
		return
	}
	rows := legal(wire.LegalUserToPeer)
	s.reqs++
	for range 1 + rng.IntN(3) {
		m := rows[rng.IntN(len(rows))].New()
		s.garble(rng, m, s.b.id)
		if d, ok := m.(*wire.RoomDetach); ok {
			d.Forget = false
		}
		nd.step(UserMessage{Req: s.reqs, User: s.mallory.key.ID(), Msg: m})
		if s.done[s.reqs] {
			return
		}
	}
}

func legal(way wire.Legal) (rows []wire.Row) {
	for _, row := range wire.Rows() {
		if row.Legal&way != 0 && row.Type >= wire.FirstStreamType {
			rows = append(rows, row)
		}
	}
	return rows
}

// garble fills a message with values that are often plausible: of this stage, and records that somebody signed.
func (s *stage) garble(rng *rand.Rand, m wire.Message, as wire.ID) {
	ids := []wire.ID{s.kit.link.Room, s.lobby(), s.kit.invite.ID, s.mallory.key.ID(), s.a.id, s.b.id}
	for range 4 {
		r := s.pool[rng.IntN(len(s.pool))]
		ids = append(ids, r.Log, r.Hash)
	}
	hostile(rng, reflect.ValueOf(m), ids)
	if ref := reflect.ValueOf(m).Elem().FieldByName("Ref"); ref.IsValid() && rng.IntN(8) > 0 {
		ref.SetUint(uint64(rng.IntN(4)))
	}
	raws := func() (list [][]byte) {
		for range rng.IntN(4) {
			list = append(list, s.pool[rng.IntN(len(s.pool))].Raw)
		}
		return list
	}
	switch m := m.(type) {
	case *wire.Push:
		m.Runs = raws()
	case *wire.Append:
		m.Runs = raws()
	case *wire.Submit:
		m.Delegation, m.Join, m.Entries, m.Boxes = nil, nil, s.entries(rng), nil
	case *wire.OpenRoom:
		m.Delegation, m.Join = s.delegation(rng, as)
	case *wire.Records:
		m.Records = nil
		if m.Set = uint64(1 + rng.IntN(4)); m.Set == wire.SetEntries {
			m.Records = s.entries(rng)
		}
	}
}

// entries are some of the room's, as mallory has seen it.
func (s *stage) entries(rng *rand.Rand) (raws wire.List[wire.Bytes]) {
	all := s.mallory.auth.All()
	for range rng.IntN(4) {
		raws = append(raws, all[rng.IntN(len(all))].Raw)
	}
	return raws
}
