package rooms

import (
	"math/rand/v2"
	"slices"
	"time"

	"parley/wire"
)

// intrude opens a session of a dishonest peer, whose manners are good enough to be talked with.
func (s *stage) intrude(rng *rand.Rand) {
	nd, evil := s.nodes[rng.IntN(2)], s.villains[rng.IntN(2)]
	if nd.core == nil || len(s.live()) >= 4 {
		return
	}
	var c *simConn
	v := &villain{id: evil.id}
	if rng.IntN(2) == 0 {
		c = s.connect(evil, nd)
		v.end, v.key = c.b, c.b.key
	} else {
		c = s.connect(nd, evil)
		v.end, v.key = c.a, c.a.key
	}
	s.sessions = append(s.sessions, v)
	p := nd.core.peers[v.key]
	know := []wire.ID{s.lobby(), s.kit.link.Room}[:1+rng.IntN(2)]
	offer := &wire.Offer{}
	if !p.initiator || rng.IntN(3) == 0 {
		for _, id := range know {
			tag := p.tag(false, id)
			offer.Tags = append(offer.Tags, tag[:]...)
		}
	}
	s.tell(v, offer)
	if p.initiator {
		match := &wire.Match{}
		for i, id := range p.mine {
			if slices.Contains(know, id) {
				tag := p.tag(false, id)
				match.Unknown = append(match.Unknown, uint64(2*i))
				match.Tags = append(match.Tags, tag[:]...)
			}
		}
		s.tell(v, match)
	}
	for ref := range uint64(4) {
		m := &wire.OpenRoom{Ref: ref, Answer: rng.IntN(2) == 0}
		if r := p.refs[ref]; r == nil || rng.IntN(4) == 0 {
			continue
		} else if !r.r.openRoom {
			m.Delegation, m.Join = s.delegation(rng, v.id)
		}
		if rng.IntN(2) == 0 {
			m.State = make([]byte, 16)
		}
		s.tell(v, m)
	}
}

// live are the sessions of dishonest peers that are not ended.
func (s *stage) live() (list []*villain) {
	for _, v := range s.sessions {
		if v.end.conn.up && v.end.node.core != nil && v.end.node.core.peers[v.key] != nil {
			list = append(list, v)
		}
	}
	return list
}

func (s *stage) someVillain(rng *rand.Rand) *villain {
	list := s.live()
	if len(list) == 0 {
		return nil
	}
	return list[rng.IntN(len(list))]
}

// delegation is one that a peer might show: a member's, the link's, a stranger's, or none.
func (s *stage) delegation(rng *rand.Rand, peer wire.ID) (raw, join []byte) {
	var d *Delegation
	var err error
	switch rng.IntN(6) {
	case 0:
		d, err = NewLinkDelegation(s.kit.link, peer, uint64(rng.IntN(3)))
	case 1:
		d, err = NewDelegation(s.stranger.key, s.kit.link.Room, peer, 1)
	case 2:
		return nil, nil
	default:
		d, err = NewDelegation(s.mallory.key, s.kit.link.Room, peer, uint64(rng.IntN(3)))
	}
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range s.mallory.auth.All() {
		if e.Join() != nil && e.Writer == s.mallory.key.ID() && rng.IntN(2) == 0 {
			return d.Raw, e.Raw
		}
	}
	return d.Raw, nil
}

// tell gives an honest peer a message of a dishonest one, as its session would.
func (s *stage) tell(v *villain, m wire.Message) {
	body, err := wire.AppendBody(nil, m)
	if err != nil {
		return
	}
	if row, _ := wire.Lookup(m.MessageType()); len(body) > row.Bound {
		return
	}
	if m, err = wire.DecodeBody(m.MessageType(), body); err != nil || v.end.node.core.peers[v.key] == nil {
		return
	}
	parts, err := Prepare(m)
	if err != nil {
		s.cut(v.end.conn)
		return
	}
	switch m := m.(type) {
	case *wire.Push:
		v.end.node.step(RunsIn{Peer: v.key, Ref: m.Ref, Runs: parts.Runs})
	case *wire.Runs:
	case *wire.Pull:
		v.end.node.step(PullIn{Peer: v.key, Stream: &simStream{from: v.end.other, pull: 1 << 40}, Msg: m})
	default:
		v.end.node.step(PeerMessage{Peer: v.key, Msg: m, Parts: parts})
	}
}

// noise sends messages of any type with anything in them.
func (s *stage) noise(rng *rand.Rand) {
	rows := legal(wire.LegalPeerToPeer)
	for range 1 + rng.IntN(4) {
		if v := s.someVillain(rng); v != nil {
			m := rows[rng.IntN(len(rows))].New()
			s.garble(rng, m, v.id)
			s.tell(v, m)
		}
	}
}

// replay sends what an honest peer told another, some of it with other bytes.
func (s *stage) replay(rng *rand.Rand) {
	for range 1 + rng.IntN(4) {
		v := s.someVillain(rng)
		if v == nil || len(s.tape) == 0 {
			return
		}
		m := s.tape[rng.IntN(len(s.tape))]
		body, err := wire.AppendBody(nil, m)
		if err != nil {
			s.t.Fatal(err)
		}
		for len(body) > 0 && rng.IntN(3) > 0 {
			i := rng.IntN(min(len(body), 200))
			body[i] ^= 1 << rng.IntN(8)
		}
		if m, err = wire.DecodeBody(m.MessageType(), body); err == nil {
			s.tell(v, m)
		}
	}
}

// reply answers what an honest peer asks of a dishonest one.
func (s *stage) reply(rng *rand.Rand) {
	v := s.someVillain(rng)
	if v == nil {
		return
	}
	for _, l := range slices.Clone(v.end.node.core.peers[v.key].links) {
		switch {
		case l.gone:
		case len(l.pulling) > 0:
			s.deliverRuns(rng, v, l.pulling[0])
		case len(l.asks) > 0:
			s.answer(rng, v, l)
		case rng.IntN(2) == 0:
			m := &wire.Announce{Ref: l.ref, Heads: s.heads(rng)}
			s.tell(v, m)
		default:
			s.tell(v, &wire.State{Ref: l.ref, Digest: make([]byte, 16)})
		}
	}
}

// deliverRuns answers a pull with runs, asked for or not, and may end it.
func (s *stage) deliverRuns(rng *rand.Rand, v *villain, q *pull) {
	var runs []*Run
	for _, run := range s.pool {
		wanted := slices.ContainsFunc(q.wants, func(w *want) bool { return w.log == run.Log }) || q.hunt != nil && q.hunt.lg.id == run.Log
		if wanted && rng.IntN(4) > 0 || rng.IntN(20) == 0 {
			runs = append(runs, run)
		}
	}
	nd, key := v.end.node, q.key
	if nd.step(RunsIn{Peer: v.key, Pull: key, Runs: runs}); rng.IntN(4) > 0 {
		end := PullEnd{Pull: key}
		if rng.IntN(3) == 0 {
			end.Err = errVillain
		}
		nd.step(end)
	}
}

var errVillain = wire.Errorf(wire.CodeBusy, "no")

// answer answers the oldest question that is open.
func (s *stage) answer(rng *rand.Rand, v *villain, l *link) {
	a := l.asks[0]
	if a.fetch {
		m := &wire.Records{Ref: l.ref, Set: a.set, Asked: true, More: rng.IntN(4) == 0}
		if a.set == wire.SetEntries {
			m.Records = s.entries(rng)
		}
		s.tell(v, m)
		return
	}
	m := &wire.RangesReply{Ref: l.ref, Set: a.set}
	if len(a.nodes) > 0 && rng.IntN(5) > 0 {
		m.Leaves = append(m.Leaves, a.nodes[0])
		switch {
		case a.set == wire.SetLogs:
			m.Heads = s.heads(rng)
		case a.set == wire.SetEntries:
			for _, e := range s.mallory.auth.All() {
				if rng.IntN(2) == 0 {
					m.Keys = append(m.Keys, e.ID)
				}
			}
		default:
			m.Keys = append(m.Keys, randomID(rng))
		}
		slices.SortFunc(m.Keys, wire.ID.Compare)
	}
	s.tell(v, m)
}

// heads are of logs that there are, and sometimes of others, or beyond their ends.
func (s *stage) heads(rng *rand.Rand) (list wire.List[wire.Head]) {
	for range rng.IntN(4) {
		run := s.pool[rng.IntN(len(s.pool))]
		h := wire.Head{Log: run.Log, Last: run.Last(), Link: run.Hash}
		switch rng.IntN(5) {
		case 0:
			h.Last += uint64(rng.IntN(1000))
		case 1:
			h.Link = randomID(rng)
		case 2:
			h.Floor = uint64(rng.IntN(int(h.Last + 1)))
		case 3:
			h.Log = randomID(rng)
		}
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b wire.Head) int { return a.Log.Compare(b.Log) })
	return slices.CompactFunc(list, func(a, b wire.Head) bool { return a.Log == b.Log })
}

// leak lets mallory sign a run that may break a rule, and gives it to some.
func (s *stage) leak(rng *rand.Rand) {
	var mine []*Run
	for _, run := range s.pool {
		if run.Author == s.mallory.key.ID() {
			mine = append(mine, run)
		}
	}
	last := mine[rng.IntN(len(mine))]
	all := s.mallory.auth.All()
	d := &RunDraft{Room: last.Room, First: last.Last() + 1, Prev: last.Hash, Incarnation: last.Incarnation, Heads: last.Heads, Epoch: last.Epoch, Clock: last.Clock + uint64(rng.IntN(3))}
	switch rng.IntN(6) {
	case 0:
		d.First += uint64(rng.IntN(3))
	case 1:
		d.Heads = []wire.ID{all[rng.IntN(len(all))].ID}
	case 2:
		d.Epoch = all[rng.IntN(len(all))].ID
	case 3: // a new log, perhaps under heads of the past
		d.First, d.Prev, d.Salt = 1, wire.ID{}, make([]byte, saltSize)
		d.Salt[0] = byte(rng.IntN(4))
		d.Incarnation = NewIncarnation(d.Room, s.mallory.key.ID(), d.Salt, d.Heads)
	case 4: // in the lobby
		d.Room, d.Heads, d.Epoch = s.lobby(), nil, wire.ID{}
		d.First, d.Prev, d.Salt = 1, wire.ID{}, make([]byte, saltSize)
		d.Incarnation = NewIncarnation(d.Room, s.mallory.key.ID(), d.Salt, nil)
	}
	for range 1 + rng.IntN(3) {
		d.Messages = append(d.Messages, make([]byte, minMessageBin+16*rng.IntN(3)))
	}
	run, err := SignRun(s.mallory.key, d)
	if err != nil {
		return
	}
	s.pool = append(s.pool, run)
	if v := s.someVillain(rng); v != nil && rng.IntN(3) > 0 {
		for _, l := range v.end.node.core.peers[v.key].links {
			if l.r.id == run.Room {
				s.tell(v, &wire.Push{Ref: l.ref, Runs: [][]byte{run.Raw}})
				break
			}
		}
	}
	if s.b.core != nil && rng.IntN(2) == 0 {
		s.mallory.request(&wire.Append{Room: run.Room, Runs: [][]byte{run.Raw}})
	}
}

// accuse tells of forks, as whoever has seen both branches does.
func (s *stage) accuse(rng *rand.Rand) {
	v := s.someVillain(rng)
	if v == nil {
		return
	}
	one := s.pool[rng.IntN(len(s.pool))]
	for _, other := range s.pool {
		p, err := NewProof(one, other)
		if err != nil {
			continue
		}
		for _, l := range v.end.node.core.peers[v.key].links {
			if l.r.id == one.Room {
				s.tell(v, &wire.Records{Ref: l.ref, Set: wire.SetProofs, Records: wire.List[wire.Bytes]{p.Raw}})
				return
			}
		}
	}
}

// pull asks for runs.
func (s *stage) pull(rng *rand.Rand) {
	v := s.someVillain(rng)
	if v == nil {
		return
	}
	m := &wire.Pull{Ref: uint64(rng.IntN(4))}
	for range rng.IntN(4) {
		run := s.pool[rng.IntN(len(s.pool))]
		m.Wants = append(m.Wants, wire.Want{Log: run.Log, First: uint64(rng.IntN(3)), Last: uint64(rng.IntN(9))})
	}
	s.tell(v, m)
}

// stale brings a peer events about what it does not know any more, or never did.
func (s *stage) stale(rng *rand.Rand) {
	nd := s.nodes[rng.IntN(2)]
	if nd.core == nil {
		return
	}
	key := PeerKey(rng.IntN(8))
	if v := s.someVillain(rng); v != nil {
		nd, key = v.end.node, v.key
	}
	run := s.pool[rng.IntN(len(s.pool))]
	switch rng.IntN(8) {
	case 0:
		nd.step(Found{Find: nd.core.lastFind + 1 + rng.Uint64N(9)})
	case 1:
		nd.step(PullEnd{Pull: PullKey(rng.IntN(40)) + nd.core.lastPull + 1, Err: errVillain})
	case 2:
		nd.step(LiveDropped{Peer: key, Ref: uint64(rng.IntN(5))})
	case 3:
		nd.step(Tick{})
	case 4: // from a database that several peers share
		nd.step(SharedIn{Parts: &Parts{Runs: []*Run{run}, Entries: s.mallory.auth.All()[:rng.IntN(s.mallory.auth.Len())]}})
	case 5:
		nd.step(RunsIn{Peer: key, Pull: PullKey(rng.IntN(40)) + nd.core.lastPull + 1, Runs: []*Run{run}})
	case 6:
		nd.step(UserGone{Req: ReqKey(rng.IntN(40)) + s.reqs + 1})
	default:
		nd.step(PeerDown{Peer: PeerKey(rng.IntN(9)) + PeerKey(s.keys) + 1})
	}
	s.simNet.run(time.Duration(rng.IntN(300)) * time.Millisecond)
}
