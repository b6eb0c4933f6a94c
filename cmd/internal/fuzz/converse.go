package fuzz

import (
	"fmt"

	"parley/cmd/internal/script"
	"parley/wire"
)

// converse makes the legal conversation of an episode: on one connection, or on
// two that take turns.
func (g *gen) converse() {
	if g.w.script.Role == roleMember && g.w.honest != nil && g.chance(50) {
		g.scenario()
		return
	}
	var speakers []func()
	for i := range 1 + g.n(2) {
		if g.chance(55) {
			speakers = append(speakers, g.peerOf(g.self(), i).peerPhrase)
		} else {
			speakers = append(speakers, g.userOf(g.self()).userPhrase)
		}
	}
	for range 2 + g.n(10) {
		speakers[g.n(len(speakers))]()
	}
}

// peerOf begins a session of a peer of somebody's, in which the lobby and the room
// are offered and opened.
func (g *gen) peerOf(self string, i int) *speaker {
	conn := g.dial(fmt.Sprintf("peer-%d.%d", g.episode, i), asPeer)
	const stream = script.Interactive
	lobby, room := tagMarker("lobby"), tagMarker("room")
	tags := append(append([]byte{}, lobby...), room...)
	var lobbyRef, ref uint64 = 0, 2
	switch g.n(8) {
	case 0: // a room nobody has, first
		tags = append(g.random(tagSize), tags...)
		lobbyRef, ref = 2, 4
	case 1: // the room twice
		tags = append(tags, room...)
	}
	if g.chance(25) { // the lobby alone: the peer then offers the room, if it keeps it
		g.send(conn, stream, &wire.Offer{Tags: lobby})
		g.await(conn, wire.TypeMatch)
		g.send(conn, stream, &wire.OpenRoom{State: script.EmptyState()})
		g.await(conn, wire.TypeOffer)
		g.answer(conn, &wire.Match{Unknown: wire.List[uint64]{0}, Tags: room})
		g.await(conn, wire.TypeOpenRoom)
		ref = 1 // of the first room that the peer offers
		g.send(conn, stream, &wire.OpenRoom{Ref: ref, Delegation: delegationMarker(self), Answer: true})
	} else {
		g.send(conn, stream, &wire.Offer{Tags: tags})
		g.await(conn, wire.TypeMatch)
		if g.chance(20) { // as if it had what the peer has
			g.send(conn, stream, &wire.InStep{Refs: wire.List[uint64]{lobbyRef}})
		} else {
			g.send(conn, stream, &wire.OpenRoom{Ref: lobbyRef, State: script.EmptyState()})
		}
		g.send(conn, stream, &wire.OpenRoom{Ref: ref, Delegation: delegationMarker(self)})
		g.await(conn, wire.TypeOpenRoom)
	}
	s := &speaker{g: g, conn: conn, ref: ref, lobby: lobbyRef, self: self}
	s.open(script.Interactive)
	return s
}

// userOf begins a session of a user.
func (g *gen) userOf(who string) *speaker {
	conn := g.dial(who, asUser)
	s := &speaker{g: g, conn: conn, self: who}
	if who == "stranger" || g.chance(70) {
		s.ask(&wire.Submit{Room: g.w.room, Delegation: delegationMarker(who)}, wire.TypeDone)
	}
	return s
}

// A speaker is one connection of an episode.
type speaker struct {
	g          *gen
	conn       int
	self       string
	ref, lobby uint64
	live       bool      // a live stream is open
	next       [4]uint32 // index of the next stream
}

func (s *speaker) open(class uint32) uint32 {
	n := script.Stream(class, s.next[class])
	s.next[class]++
	return n
}

// say sends messages on the interactive stream of a peer.
func (s *speaker) say(all ...wire.Message) {
	for _, m := range all {
		s.g.send(s.conn, script.Interactive, m)
	}
}

// push sends runs on the live stream.
func (s *speaker) push(ref uint64, runs ...[]byte) {
	if !s.live {
		s.open(script.Live)
		s.live = true
	}
	s.g.send(s.conn, script.Live, &wire.Push{Ref: ref, Runs: runs})
}

// room is a ref: of the room for the most part.
func (s *speaker) room() uint64 {
	if s.g.chance(15) {
		return s.lobby
	}
	return s.ref
}

// digest is the digest of a room's state: of nothing, or one that differs.
func (g *gen) digest() []byte {
	if g.chance(20) {
		return script.EmptyState()
	}
	return g.random(tagSize)
}

// peerPhrase is one thing that a peer says, or a question and its answer.
func (s *speaker) peerPhrase() {
	g, k := s.g, &s.g.w.known
	ref := s.room()
	set := uint64(1 + g.n(4))
	switch g.n(16) {
	case 0: // what leads to a comparison, which is then answered
		s.say(&wire.State{Ref: ref, Digest: g.digest()})
		for range 1 + g.n(3) {
			g.await(s.conn, wire.TypeRanges)
			g.answer(s.conn, s.reply(ref, set))
		}
		g.await(s.conn, wire.TypeFetch)
		g.answer(s.conn, s.records(ref, wire.SetEntries, true))
	case 1:
		s.say(&wire.Ranges{Ref: ref, Set: set, Nodes: s.nodes()})
		g.await(s.conn, wire.TypeRangesReply)
	case 2:
		m := &wire.Fetch{Ref: ref, Set: []uint64{1, 2, 4}[g.n(3)]}
		for range 1 + g.n(6) {
			m.IDs = append(m.IDs, g.id())
		}
		s.say(m)
		g.await(s.conn, wire.TypeRecords)
	case 3, 4:
		s.say(s.records(ref, wire.SetEntries, g.chance(10)))
	case 5:
		s.say(s.records(ref, set, g.chance(10)))
	case 6: // heads, which are then pulled
		s.say(&wire.Announce{Ref: ref, Heads: s.heads()})
		g.await(s.conn, wire.TypePull)
		g.answer(s.conn, &wire.Runs{Runs: s.runs(ref)})
		g.answer(s.conn, &wire.StreamEnd{})
	case 7, 8, 9:
		s.push(ref, s.runs(ref)...)
		if g.chance(40) {
			g.await(s.conn, wire.TypeAck)
		}
	case 10:
		n := s.open(script.Bulk)
		m := &wire.Pull{Ref: ref}
		for range 1 + g.n(4) {
			w := wire.Want{Log: g.id(), First: 1, Last: 1 << 40}
			if len(k.heads) > 0 && g.chance(70) {
				w.Log = k.heads[g.n(len(k.heads))].Log
			}
			if g.chance(20) {
				w.First, w.Last = g.bound(1), g.bound(1)
			}
			m.Wants = append(m.Wants, w)
		}
		g.send(s.conn, n, m)
		g.end(s.conn, n)
		g.await(s.conn, wire.TypeRuns)
	case 11:
		m := &wire.Ack{Ref: ref}
		for _, h := range s.heads() {
			m.Marks = append(m.Marks, wire.Ref{Log: h.Log, Number: h.Last})
		}
		s.say(m)
	case 12:
		s.say(&wire.InStep{Refs: wire.List[uint64]{ref}})
	case 13: // what the peer offers
		g.await(s.conn, wire.TypeOffer)
		g.answer(s.conn, &wire.Match{Unknown: wire.List[uint64]{0}, Tags: tagMarker(g.pick("room", "lobby"))})
	case 14:
		s.say(&wire.OpenRoom{Ref: ref, Delegation: delegationMarker(s.self), Answer: g.chance(30), State: g.digest()})
		g.await(s.conn, wire.TypeOpenRoom)
	default:
		s.say(&wire.RoomClose{Ref: ref, Code: wire.Code(g.n(18))})
		if g.chance(60) {
			s.say(&wire.OpenRoom{Ref: ref, Delegation: delegationMarker(s.self)})
		}
	}
}

// heads are heads of logs: known ones, of this episode, or of nothing.
func (s *speaker) heads() (all []wire.Head) {
	g := s.g
	for range 1 + g.n(4) {
		h := wire.Head{Log: g.id(), Last: 1 + uint64(g.n(5)), Link: g.id()}
		if k := g.w.known.heads; len(k) > 0 && g.chance(60) {
			h = k[g.n(len(k))]
			if g.chance(50) {
				h.Last += uint64(1 + g.n(3))
				h.Link = wire.ID(g.random(32))
			}
		}
		if len(g.own) > 0 && g.chance(30) {
			r := g.own[g.n(len(g.own))]
			h = wire.Head{Log: r.Log(), Last: r.First + uint64(len(r.Messages)) - 1, Link: r.Hash()}
		}
		if g.chance(8) {
			h.Floor = g.bound(h.Last)
		}
		all = append(all, h)
	}
	return all
}

// runs are runs of the room or, by the ref, of the lobby: new ones and known ones, in any order.
func (s *speaker) runs(ref uint64) (all [][]byte) {
	g := s.g
	for range 1 + g.n(5) {
		if k := g.w.known.runs; len(k) > 0 && g.chance(25) {
			all = append(all, k[g.n(len(k))])
			continue
		}
		raw, _ := g.run(ref == s.lobby && g.chance(90))
		all = append(all, raw)
	}
	if g.chance(15) {
		g.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	}
	return all
}

// records are records of a set.
func (s *speaker) records(ref, set uint64, asked bool) *wire.Records {
	g := s.g
	m := &wire.Records{Ref: ref, Set: set, Asked: asked, More: g.chance(10)}
	for range 1 + g.n(4) {
		m.Records = append(m.Records, g.record(set))
	}
	return m
}

// record is a record of a set, known or new, right or wrong.
func (g *gen) record(set uint64) wire.Bytes {
	switch set {
	case wire.SetEntries:
		if len(g.w.known.entries) > 0 && g.chance(20) {
			return g.of(g.w.known.entries, 300)
		}
		raw, _ := g.entry()
		return raw
	case wire.SetBoxes:
		if len(g.w.known.boxes) > 0 && g.chance(40) {
			return g.of(g.w.known.boxes, 1200)
		}
		return g.w.box(g.signer(), g.id(), g.id(), g.random(1168))
	case wire.SetProofs:
		return g.proof()
	default:
		return g.random(g.n(300))
	}
}

// nodes are nodes of a tree: the root, or some below it.
func (s *speaker) nodes() (all []wire.RangeNode) {
	g := s.g
	if g.chance(50) {
		return []wire.RangeNode{{Prefix: []byte{}, Hash: g.random(16)}}
	}
	for range 1 + g.n(16) {
		prefix := make([]byte, g.n(5))
		for i := range prefix {
			prefix[i] = byte(g.n(16))
		}
		all = append(all, wire.RangeNode{Prefix: prefix, Hash: g.random(16)})
	}
	return all
}

// reply answers a comparison, with true elements or others. Of keys and heads those
// stay that fit to the question.
func (s *speaker) reply(ref, set uint64) *wire.RangesReply {
	g := s.g
	m := &wire.RangesReply{Ref: ref, Set: set}
	switch g.n(4) {
	case 0:
	case 1:
		m.Children = s.nodes()
	default:
		m.Leaves = []wire.Bytes{{}}
		m.Heads = s.heads()
		for range g.n(6) {
			m.Keys = append(m.Keys, g.id())
		}
		m.Keys = script.Sorted(m.Keys...)
	}
	return m
}
