package fuzz

import (
	"fmt"

	"parley/cmd/internal/script"
	"parley/wire"
)

// A scenario is a conversation in a den of which each step has its reason in the
// ones before: somebody writes a log, which is then ended, forked or forgotten, and
// in some of them comes back. It is told by the den's master as a user, by the
// writer as another, and by the writer's peer.
type scenario struct {
	g       *gen
	master  *speaker
	user    *speaker
	peer    *speaker
	name    string // of the writer
	by      *script.Identity
	written []*script.Run // its log, as far as it counts
}

// scenario makes one.
func (g *gen) scenario() {
	s := &scenario{g: g, name: g.pick("member", "newcomer")}
	s.by = g.w.who(s.name)
	s.master = g.userOf("master")
	if s.name == "newcomer" {
		s.submit(g.next(script.KindAdd, script.Add(s.by.Bundle, script.RoleMember)))
	}
	s.user = g.userOf(s.name)
	s.write(2 + g.n(3))
	if g.chance(60) {
		s.peer = g.peerOf(s.name, g.n(100))
	}
	for range 1 + g.n(3) {
		[]func(){s.stopped, s.stoppedInVain, s.forked, s.trimmed, s.left, s.invited, s.renewed}[g.n(7)]()
		if g.chance(70) {
			s.write(1)
		}
		if s.peer != nil && g.chance(50) {
			s.peer.peerPhrase()
		}
	}
	s.user.ask(&wire.NoticesGet{}, wire.TypeNotices)
	s.user.ask(&wire.Tail{Room: g.w.room}, wire.TypeTailMark)
	s.master.ask(&wire.VerifyGet{Room: g.w.room}, wire.TypeVerified)
}

// next is the next entry of the master's chain, as far as the episode has made it longer.
func (g *gen) next(kind uint64, body []byte) *script.Entry {
	w := g.w
	before := g.tip
	if before == nil {
		before = w.seen[len(w.seen)-1]
	}
	g.tip = &script.Entry{
		Room: w.room, Kind: kind, Key: w.who("master").Public(), Number: before.Number + 1, Prev: before.ID(),
		Heads: []wire.ID{before.ID()}, Time: w.nanos(), Body: body,
	}
	return g.tip
}

// submit has the master hand over entries of its own chain, in order.
func (s *scenario) submit(entries ...*script.Entry) {
	m := &wire.Submit{Room: s.g.w.room}
	for _, e := range entries {
		m.Entries = append(m.Entries, e.Bytes(s.g.w.who("master").Signer))
	}
	s.master.ask(m, wire.TypeDone)
}

// raw has the master hand over records of others.
func (s *scenario) raw(records ...[]byte) {
	m := &wire.Submit{Room: s.g.w.room}
	for _, r := range records {
		m.Entries = append(m.Entries, r)
	}
	s.master.ask(m, wire.TypeDone)
}

// tip is the newest entry of the master's chain.
func (s *scenario) tip() wire.ID {
	if s.g.tip != nil {
		return s.g.tip.ID()
	}
	return s.g.w.base
}

// epoch is one that may be the newest.
func (s *scenario) epoch() wire.ID {
	if e := s.g.tip; e != nil && (e.Kind == script.KindEpoch || e.Kind == script.KindStop || e.Kind == script.KindDemote) {
		return e.ID()
	}
	return s.g.w.epochs[len(s.g.w.epochs)-1].entry
}

// write appends so many runs to the log, or to a new one, of which the peer may think what it likes.
func (s *scenario) write(n int) {
	g := s.g
	m := &wire.Append{Room: g.w.room}
	for range n {
		var r *script.Run
		if len(s.written) > 0 && g.chance(80) {
			r = s.written[len(s.written)-1].Next()
			if g.chance(40) {
				r.Heads, r.Epoch = []wire.ID{s.tip()}, s.epoch()
			}
		} else {
			r = &script.Run{
				Room: g.w.room, Key: s.by.Public(), Salt: g.random(16), First: 1, Epoch: s.epoch(), Heads: []wire.ID{s.tip()}, Clock: g.w.hlc(),
			}
			r.Incarnate()
			s.written = nil
		}
		for range 1 + g.n(2) {
			g.message(r)
		}
		s.written = append(s.written, r)
		g.own = append(g.own, r)
		m.Runs = append(m.Runs, r.Bytes(s.by.Signer))
	}
	s.user.ask(m, wire.TypeAppended)
}

// some is one of the runs written, and a pin of it.
func (s *scenario) some() (*script.Run, script.Pin) {
	r := s.written[s.g.n(len(s.written))]
	return r, script.Pin{Log: r.Log(), Number: r.First + uint64(len(r.Messages)) - 1, Link: r.Hash()}
}

// stop is the body of a stop on the writer: a removal, or a lower role.
func (s *scenario) stop() []byte {
	g := s.g
	body := script.Stop{Subject: s.by.ID(), Role: uint64(g.n(3))}
	if body.Role != script.RoleReader {
		body.Nonce, body.Commitment = g.random(16), wire.ID(g.random(32))
	}
	if g.chance(60) {
		_, pin := s.some()
		body.Pins = []script.Pin{pin}
	}
	return body.Bytes()
}

// stopped ends the log by the master's stop, and admits the writer again in some cases.
func (s *scenario) stopped() {
	s.submit(s.g.next(script.KindStop, s.stop()))
	if s.g.chance(60) {
		s.write(1)
		s.submit(s.g.next(script.KindAdd, script.Add(s.by.Bundle, script.RoleMember)))
	}
}

// stoppedInVain ends the log by a stop of an admin's, which then does not count any more.
func (s *scenario) stoppedInVain() {
	g := s.g
	chain := g.appointment()
	e := &script.Entry{
		Room: g.w.room, Kind: script.KindStop, Key: g.w.who("admin").Public(), Chain: chain, Number: 1, Time: g.w.nanos(),
		Heads: script.Sorted(chain, s.tip()), Body: s.stop(),
	}
	s.raw(e.Bytes(g.w.who("admin").Signer))
	s.write(1)
	s.submit(g.next(script.KindDemote, script.Demote(chain, chain, nil, g.random(16), wire.ID(g.random(32)))))
}

// forked shows another branch of the log, and a proof, and pins one of the branches.
func (s *scenario) forked() {
	g := s.g
	r, _ := s.some()
	sibling := *r
	sibling.Messages = nil
	g.message(&sibling)
	more := sibling.Next()
	g.message(more)
	branch := [][]byte{sibling.Bytes(s.by.Signer), more.Bytes(s.by.Signer)}
	if s.peer == nil {
		s.peer = g.peerOf(s.name, 100+g.n(100))
	}
	switch p := s.peer; g.n(3) {
	case 0:
		p.push(p.ref, branch...)
	case 1: // for the peer to find out
		p.say(&wire.Announce{Ref: p.ref, Heads: []wire.Head{{Log: r.Log(), Last: more.First, Link: more.Hash()}}})
		for range 3 {
			g.await(p.conn, wire.TypePull)
			g.answer(p.conn, &wire.Runs{Runs: branch})
			g.answer(p.conn, &wire.StreamEnd{})
		}
	default:
		p.say(&wire.Records{Ref: p.ref, Set: wire.SetProofs, Records: []wire.Bytes{script.ForkOf(r, &sibling, s.by.Signer).Bytes()}})
	}
	pinned := r
	if g.chance(50) {
		pinned = &sibling
	}
	pin := script.Pin{Log: r.Log(), Number: pinned.First + uint64(len(pinned.Messages)) - 1, Link: pinned.Hash()}
	s.submit(g.next(script.KindEpoch, script.Epoch(g.random(16), wire.ID(g.random(32)), pin)))
	if pinned == &sibling {
		s.peer.push(s.peer.ref, branch...)
		s.written = []*script.Run{&sibling, more}
	}
}

// trimmed forgets the beginning of the log.
func (s *scenario) trimmed() {
	r, pin := s.some()
	first := s.written[0]
	s.submit(s.g.next(script.KindTrim, script.Trim(script.Floor{Log: pin.Log, Number: pin.Number, Link: pin.Link, FirstHeads: first.Heads, Heads: r.Heads})))
}

// left has the writer leave, and come back by the den's link.
func (s *scenario) left() {
	g, w := s.g, s.g.w
	leave := &script.Entry{Room: w.room, Kind: script.KindLeave, Key: s.by.Public(), Heads: []wire.ID{s.tip()}, Time: w.nanos(), Body: script.Leave()}
	s.raw(leave.Bytes(s.by.Signer))
	s.write(1)
	if g.chance(50) {
		s.raw(s.join(w.invite, "link", leave.ID()))
	}
}

// join is a join of the writer's by a link.
func (s *scenario) join(invite wire.ID, label string, seen ...wire.ID) []byte {
	keys := s.g.w.linkKeys(label)
	e := &script.Entry{
		Room: s.g.w.room, Kind: script.KindJoin, Key: s.by.Public(), Heads: script.Sorted(append(seen, invite, s.tip())...), Time: s.g.w.nanos(),
		Body: script.Join(invite, keys.Sign.Public(), s.by.Bundle, s.g.random(16)),
	}
	return e.BothIn("join", s.by.Signer, "join-link", keys.Sign)
}

// invited makes an invite by which the writer joins once more, and revokes it.
func (s *scenario) invited() {
	g := s.g
	label := fmt.Sprintf("other %d", g.n(3))
	invite := g.next(script.KindInvite, g.w.inviteBody(label, uint64(g.n(3)), uint64(1+g.n(3))))
	s.submit(invite)
	s.raw(s.join(invite.ID(), label))
	s.write(1)
	s.submit(g.next(script.KindRevoke, script.Revoke([]wire.ID{invite.ID()}, nil)))
}

// renewed publishes a new bundle.
func (s *scenario) renewed() {
	e := &script.Entry{
		Room: s.g.w.room, Kind: script.KindRenew, Key: s.by.Public(), Heads: []wire.ID{s.tip()}, Time: s.g.w.nanos(), Body: script.OneBundle(s.g.bundle(s.by)),
	}
	s.raw(e.Bytes(s.by.Signer))
}
