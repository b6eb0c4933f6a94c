package fuzz

import (
	"parley/cmd/internal/script"
	"parley/wire"
)

// ask opens a stream with a request and looks for an answer.
func (s *speaker) ask(m wire.Message, answer wire.Type) (stream uint32) {
	class := uint32(script.Interactive)
	if s.g.chance(10) {
		class = uint32(1 + s.g.n(3))
	}
	stream = s.open(class)
	s.g.send(s.conn, stream, m)
	if s.g.chance(70) {
		s.g.end(s.conn, stream)
	}
	s.g.await(s.conn, answer)
	return stream
}

// userPhrase is one request of a user.
func (s *speaker) userPhrase() {
	g := s.g
	room := g.w.room
	if g.chance(15) {
		room = g.w.lobby
	}
	log := g.id()
	if k := g.w.known.heads; len(k) > 0 && g.chance(50) {
		log = k[g.n(len(k))].Log
	}
	switch g.n(20) {
	case 0:
		s.ask(&wire.StatusGet{}, wire.TypeStatus)
	case 1:
		s.ask(&wire.PeersGet{Watch: g.chance(30)}, wire.TypePeers)
	case 2:
		m := &wire.RoomsGet{}
		if g.chance(50) {
			m.Room = room
		}
		s.ask(m, wire.TypeRooms)
	case 3:
		s.ask(&wire.TokenRequest{}, wire.TypeTokenGrant)
		s.ask(&wire.TokenList{}, wire.TypeTokens)
		s.ask(&wire.TokenRevoke{ID: g.random(16)}, wire.TypeDone)
	case 4, 5:
		s.submit(room)
	case 6:
		s.ask(&wire.AuthorityGet{Room: room, Known: g.maybe(16), Recipient: g.id(), Follow: g.chance(20)}, wire.TypeAuthority)
	case 7:
		s.ask(&wire.RoomWatch{Room: room}, wire.TypeRoomProgress)
	case 8:
		s.ask(&wire.WriterGet{Room: room, Log: log, Known: g.maybe(16)}, wire.TypeWriter)
	case 9, 10, 11, 12:
		s.append(room)
	case 13:
		s.ask(&wire.PlacedGet{Room: room, Log: log, Number: uint64(g.n(3)), Replicas: uint64(g.n(4)), Wait: uint64(g.n(5000))}, wire.TypePlaced)
	case 14, 15:
		s.ask(&wire.Tail{Room: room, Instance: g.maybe(16), After: uint64(g.n(3)), Last: uint64(g.n(20)), Follow: g.chance(30)}, wire.TypeTailMark)
	case 16:
		s.ask(&wire.VerifyGet{Room: room, Peer: g.id()}, wire.TypeVerified)
	case 17:
		m := &wire.NoticesGet{Follow: g.chance(20)}
		for range g.n(3) {
			m.Seen = append(m.Seen, wire.Ref{Log: g.id(), Number: 1})
		}
		s.ask(m, wire.TypeNotices)
	case 18:
		s.ask(&wire.HeadsGet{Room: room, Author: g.id(), Most: uint64(g.n(100))}, wire.TypeTailRuns)
		s.ask(&wire.SealedGet{Room: room, Epoch: g.id()}, wire.TypeSealed)
	default:
		switch g.n(3) {
		case 0:
			s.ask(&wire.SnapshotGet{}, wire.TypeSnapshot)
		case 1:
			s.ask(&wire.DoctorGet{}, wire.TypeDoctor)
		default:
			if g.w.honest == nil {
				return // others play the same member
			}
			s.ask(&wire.RoomDetach{Room: g.w.room}, wire.TypeDone)
			s.ask(&wire.Submit{Room: g.w.room, Delegation: delegationMarker(s.self)}, wire.TypeDone)
		}
	}
}

// maybe is so many random bytes, or none.
func (g *gen) maybe(n int) []byte {
	if g.chance(50) {
		return nil
	}
	return g.random(n)
}

// submit hands over records.
func (s *speaker) submit(room wire.ID) {
	g := s.g
	m := &wire.Submit{Room: room}
	if g.chance(30) {
		m.Delegation = delegationMarker(s.self)
	}
	for range 1 + g.n(3) {
		m.Entries = append(m.Entries, g.record(wire.SetEntries))
	}
	if g.chance(30) {
		m.Boxes = append(m.Boxes, g.record(wire.SetBoxes))
	}
	s.ask(m, wire.TypeDone)
}

// append hands over runs, on a stream that may get more of them.
func (s *speaker) append(room wire.ID) {
	g := s.g
	stream := s.open(script.Interactive)
	for range 1 + g.n(3) {
		m := &wire.Append{Room: room}
		for range 1 + g.n(4) {
			raw, _ := g.run(room == g.w.lobby)
			m.Runs = append(m.Runs, raw)
		}
		g.send(s.conn, stream, m)
	}
	if g.chance(70) {
		g.end(s.conn, stream)
	}
	g.await(s.conn, wire.TypeAppended)
}
