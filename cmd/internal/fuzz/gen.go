package fuzz

import (
	"fmt"
	"math/rand/v2"

	"parley/cmd/internal/script"
	"parley/wire"
)

// A gen makes the steps of one episode. What it makes follows from the world and
// the episode's number.
type gen struct {
	w       *world
	rng     *rand.Rand
	raw     *rand.ChaCha8
	episode uint64
	steps   []Step
	conns   int
	tip     *script.Entry // of the master's chain, as far as this episode has made it longer
	own     []*script.Run // made in this episode, to be continued
}

// generate makes an episode.
func generate(w *world, episode uint64) []Step {
	g := newGen(w, episode)
	g.converse()
	return g.disturb(g.steps)
}

func newGen(w *world, episode uint64) *gen {
	seed := [32]byte{}
	copy(seed[:], w.bytes(fmt.Sprintf("episode %d", episode), 32))
	raw := rand.NewChaCha8(seed)
	return &gen{w: w, rng: rand.New(raw), raw: raw, episode: episode}
}

// n is a number below max.
func (g *gen) n(max int) int { return g.rng.IntN(max) }

// chance is true in so many of a hundred cases.
func (g *gen) chance(percent int) bool { return g.rng.IntN(100) < percent }

func (g *gen) random(n int) []byte {
	b := make([]byte, n)
	_, _ = g.raw.Read(b) // never fails
	return b
}

func (g *gen) pick(from ...string) string { return from[g.n(len(from))] }

// of picks one of a list, or random bytes of a size when it is empty.
func (g *gen) of(list [][]byte, size int) []byte {
	if len(list) == 0 {
		return g.random(size)
	}
	return list[g.n(len(list))]
}

// signer is an identity whose keys the one in the role may use.
func (g *gen) signer() string {
	switch g.w.script.Role {
	case roleMember:
		if g.w.honest == nil {
			return g.pick("member", "member", "member", "stranger")
		}
		return g.pick("member", "member", "member", "master", "master", "admin", "newcomer", "stranger")
	case roleRemoved:
		return "removed"
	case roleRelay:
		return g.pick("relay", "stranger")
	default:
		return "stranger"
	}
}

// self is who the role is to the room.
func (g *gen) self() string {
	switch g.w.script.Role {
	case roleMember:
		if g.w.honest == nil {
			return "member"
		}
		return g.pick("member", "member", "member", "member", "master", "admin")
	case roleOutsider:
		return "stranger"
	}
	return g.w.script.Role
}

// scratch is somebody about whom entries are written; never the honest member.
func (g *gen) scratch() string {
	return g.pick("member", "admin", "reader", "relay", "newcomer", "somebody", "another")
}

// id is an ID of the room, of an identity or of nothing; never one of the honest member's log.
func (g *gen) id() wire.ID {
	k := &g.w.known
	switch g.n(7) {
	case 0, 1:
		if len(k.entryIDs) > 0 {
			return k.entryIDs[g.n(len(k.entryIDs))]
		}
	case 2:
		if len(g.own) > 0 {
			r := g.own[g.n(len(g.own))]
			if g.chance(50) {
				return r.Hash()
			}
			return r.Log()
		}
	case 3:
		return g.w.who(g.scratch()).ID()
	case 4:
		return g.w.room
	case 5:
		return wire.ID{}
	}
	return wire.ID(g.random(32))
}

// add adds a step to the episode.
func (g *gen) add(s Step) { g.steps = append(g.steps, s) }

// dial begins a connection and exchanges Hello.
func (g *gen) dial(who, as string) (conn int) {
	g.conns++
	conn = g.conns
	g.add(Step{Conn: conn, Op: opDial, Who: who, Kind: as})
	role := wire.RolePeer
	if as == asUser {
		role = wire.RoleUser
	}
	g.send(conn, 0, hello(role, g.w.who(who)))
	g.await(conn, wire.TypeHello)
	return conn
}

// send adds a frame.
func (g *gen) send(conn int, stream uint32, m wire.Message) {
	g.add(Step{Conn: conn, Op: opSend, Stream: stream, Type: m.MessageType(), Body: script.Body(m)})
}

// answer adds a frame on the stream of the frame awaited last, or the end of that
// stream; it is left out when none came.
func (g *gen) answer(conn int, m wire.Message) {
	g.add(Step{Conn: conn, Op: opSend, Answer: true, Type: m.MessageType(), Body: script.Body(m)})
}

func (g *gen) await(conn int, t wire.Type) { g.add(Step{Conn: conn, Op: opAwait, Type: t}) }

// end ends this side's direction of a stream, or gives it up.
func (g *gen) end(conn int, stream uint32) {
	m := &wire.StreamEnd{Stream: stream}
	if g.chance(15) {
		m.Code = wire.Code(g.n(19))
	}
	g.send(conn, 0, m)
}
