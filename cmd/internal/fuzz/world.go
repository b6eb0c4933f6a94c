package fuzz

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"parley/cmd/internal/script"
	"parley/rooms"
	"parley/wire"
)

// A world is what the episodes of a series are made from: identities, and a room
// with what each of them knows of it. All of it follows from the seed, the
// series and the clock, and from the peer's ID.
type world struct {
	target *Target
	script *Script // seed, series, clock and role
	ids    map[string]*script.Identity

	lobby, room wire.ID
	lobbyKey    [32]byte
	epochs      []epoch
	chain       []*script.Entry // of the master
	base        wire.ID         // the end of the chain
	seen        []*script.Entry // of the chain, what the one who plays the role has seen
	tips        []wire.ID       // and the room's heads as it knows them, ascending
	invites     []invited
	invite      wire.ID
	before      wire.ID // the run of the one who was removed later

	known   pool     // to the one who plays the role
	secrets []secret // that may not be told to it
	honest  *writer  // nil in the room of a link, whose members look for themselves
}

type epoch struct {
	entry wire.ID
	key   [32]byte
	nonce []byte
}

// A pool is what somebody knows of a room: the material of its conversations.
type pool struct {
	entries  [][]byte
	entryIDs []wire.ID
	runs     [][]byte
	heads    []wire.Head // of logs
	boxes    [][]byte
}

// A secret may not be told.
type secret struct {
	what  string
	bytes []byte
}

func newWorld(t *Target, s *Script) *world {
	w := &world{
		target: t, script: s, ids: map[string]*script.Identity{},
		lobby: rooms.OpenRoomID(t.Network, rooms.Lobby),
	}
	w.lobbyKey = rooms.OpenRoomKey(t.Network, w.lobby)
	if t.Network.HasSecret() {
		psk := t.Network.PSK()
		w.secrets = append(w.secrets, secret{what: "the network's secret", bytes: t.Network.Secret}, secret{what: "the network's key", bytes: psk[:]})
	}
	return w
}

// bytes are n bytes that follow from the world and a label.
func (w *world) bytes(label string, n int) (out []byte) {
	for i := uint64(0); len(out) < n; i++ {
		h := sha256.Sum256(fmt.Appendf(nil, "%d/%d/%s/%d", w.script.Seed, w.script.Series, label, i))
		out = append(out, h[:]...)
	}
	return out[:n:n]
}

// who is the identity of a name.
func (w *world) who(name string) *script.Identity {
	id := w.ids[name]
	if id == nil {
		var err error
		if id, err = script.NewIdentity([32]byte(w.bytes("identity "+name, 32)), "fuzz"); err != nil {
			panic(err) // a seed of 32 bytes makes a key
		}
		w.ids[name] = id
	}
	return id
}

// mayWrite tells whether runs of an identity may be shown in the den. A member plays
// the master too, who may make anybody a member but the two that it never names.
func (w *world) mayWrite(author wire.ID) bool {
	if w.script.Role == roleMember {
		return author != w.who("stranger").ID() && author != w.who("removed").ID()
	}
	return author == w.who("honest").ID()
}

func (w *world) nanos() uint64 { return w.script.Clock * 1e6 }

// hlc is a hybrid logical clock of the world's time.
func (w *world) hlc() uint64 { return w.script.Clock << 16 }

// link is the next entry of the master's chain.
func (w *world) link(kind uint64, body []byte) *script.Entry {
	e := &script.Entry{Kind: kind, Key: w.who("master").Public(), Number: uint64(len(w.chain) + 1), Time: w.nanos(), Body: body}
	if len(w.chain) > 0 {
		e.Room, e.Prev, e.Heads = w.room, w.base, []wire.ID{w.base}
	}
	w.base = e.ID()
	w.chain = append(w.chain, e)
	return e
}

// learn puts an entry where all who belong to the room know it.
func (p *pool) learn(id wire.ID, raw []byte) {
	p.entries = append(p.entries, raw)
	p.entryIDs = append(p.entryIDs, id)
}

// signature is what of a signed record nobody guesses.
func signature(raw []byte) []byte { return raw[len(raw)-64:] }

// A marker is what stands in a script for bytes that the session decides, with
// their length: they follow from a name.
func marker(name string, n int) (out []byte) {
	for i := uint64(0); len(out) < n; i++ {
		h := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("marker "+name+" "), i))
		out = append(out, h[:]...)
	}
	return out[:n:n]
}

const (
	tagSize = 16

	// delegationSize is the size of every delegation by an Ed25519 key whose serial
	// is a time: array, version, room, peer, key, kind, serial, signature.
	delegationSize = 1 + 1 + 34 + 34 + 35 + 1 + 9 + 66
)

// delegators are the identities whose delegations scripts may contain.
var delegators = []string{"master", "honest", "member", "removed", "reader", "relay", "admin", "stranger"}

func tagMarker(room string) []byte { return marker("tag "+room, tagSize) }

func delegationMarker(who string) []byte { return marker("delegation "+who, delegationSize) }

// resolve puts into bytes what their markers stand for on a connection; peerID
// is the peer that delegations on it are for.
func (w *world) resolve(b []byte, c *script.Conn, peerID wire.ID) []byte {
	put := func(stands []byte, is func() []byte) {
		if bytes.Contains(b, stands) {
			b = bytes.ReplaceAll(b, stands, is())
		}
	}
	put(tagMarker("lobby"), func() []byte { return c.Tag("offer", script.Mine, w.lobby) })
	put(tagMarker("room"), func() []byte { return c.Tag("offer", script.Mine, w.room) })
	for _, name := range delegators {
		put(delegationMarker(name), func() []byte { return w.delegation(name, peerID) })
	}
	return b
}

func (w *world) delegation(who string, peerID wire.ID) []byte {
	return script.Delegation(w.who(who).Signer, w.room, peerID, w.script.Clock)
}
