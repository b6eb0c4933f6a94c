package fuzz

import (
	"context"
	"fmt"

	"parley/cmd/internal/script"
	"parley/handshake/identity"
	"parley/rooms"
	"parley/wire"
)

// layOut lays the den out: the master admits honest, member, removed, reader,
// relay and admin, appoints admin, and invites; removed writes; then the master
// removes it, and goes on. It returns removed's run and how many entries come before the removal.
func (w *world) layOut() (before *script.Run, removal int) {
	w.room = w.link(script.KindGenesis, script.GenesisBody{Nonce: w.bytes("genesis", 16), Name: "den", Bundle: w.who("master").Bundle}.Bytes()).ID()
	w.addEpoch()
	for _, who := range []string{"honest", "member", "removed", "admin"} {
		w.link(script.KindAdd, script.Add(w.who(who).Bundle, script.RoleMember))
	}
	w.link(script.KindAdd, script.Add(w.who("reader").Bundle, script.RoleReader))
	w.link(script.KindAdd, script.Add(w.who("relay").Bundle, script.RoleRelay))
	w.link(script.KindAppoint, script.Subject(w.who("admin").ID()))
	w.invite = w.link(script.KindInvite, w.inviteBody("link", 0, script.RoleMember)).ID()
	removal = len(w.chain)

	before = w.firstRun("removed", 1, "before")
	w.before = before.Hash()
	w.honest = &writer{w: w, who: "honest"}
	w.honest.sign()
	pin := script.Pin{Log: before.Log(), Number: 1, Link: before.Hash()}
	e := w.newEpoch()
	e.entry = w.link(script.KindStop, script.Stop{
		Subject: w.who("removed").ID(), Pins: []script.Pin{pin}, Nonce: e.nonce, Commitment: script.Commitment(e.nonce, w.room, e.key),
	}.Bytes()).ID()
	w.epochs = append(w.epochs, e)
	w.link(script.KindPolicy, script.Policy{Name: "den", Topic: "after"}.Bytes())
	w.honest.sign()
	w.tell(before, removal)
	return before, removal
}

// makeDen makes the den at the target.
func (w *world) makeDen(ctx context.Context) error {
	before, removal := w.layOut()
	if err := w.as(ctx, "master", func(k *talk) error { return w.submit(k, "master", w.chain[:removal], w.sealBoxes(w.epochs[0])) }); err != nil {
		return fmt.Errorf("the den cannot be made: %w", err)
	}
	err := w.as(ctx, "removed", func(k *talk) error {
		if err := w.submit(k, "removed", nil, nil); err != nil {
			return err
		}
		return w.appendRun(k, before.Bytes(w.who("removed").Signer))
	})
	if err == nil {
		err = w.honest.hand(ctx, 0)
	}
	if err != nil {
		return fmt.Errorf("the den's members cannot write: %w", err)
	}
	err = w.as(ctx, "master", func(k *talk) error { return w.submit(k, "", w.chain[removal:], w.sealBoxes(w.epochs[1])) })
	if err == nil {
		err = w.honest.hand(ctx, 1)
	}
	if err != nil {
		return fmt.Errorf("the den cannot go on: %w", err)
	}
	return nil
}

// tell divides what there is into what the one in the role knows and what may
// not be told to it.
func (w *world) tell(before *script.Run, removal int) {
	hide := func(what string, raw []byte) {
		w.secrets = append(w.secrets, secret{what, signature(raw)})
	}
	for _, e := range w.epochs {
		w.secrets = append(w.secrets, secret{what: "a room's key", bytes: e.key[:]})
	}
	belongs := w.script.Role == roleMember || w.script.Role == roleRelay
	for i, e := range w.chain {
		raw := e.Bytes(w.who("master").Signer)
		switch {
		case belongs, w.script.Role == roleRemoved && i <= removal:
			w.known.learn(e.ID(), raw)
		default:
			hide("an entry of a room", raw)
		}
	}
	w.tips = []wire.ID{wire.ID(w.bytes("no head", 32))}
	if n := len(w.known.entries); n > 0 {
		w.seen, w.tips = w.chain[:n], []wire.ID{w.chain[n-1].ID()}
	} else {
		w.invite = wire.ID(w.bytes("no invite", 32))
	}
	raw := before.Bytes(w.who("removed").Signer)
	if w.script.Role == roleOutsider {
		hide("a run of a room", raw)
	} else {
		w.known.run(before, raw)
	}
	for i, r := range w.honest.runs {
		switch {
		case belongs, w.script.Role == roleRemoved && i == 0:
			w.known.run(r, w.honest.raw[i])
		default:
			hide("a run of a room", w.honest.raw[i])
		}
	}
	if belongs {
		w.known.boxes = w.sealBoxes(w.epochs[0])
	}
}

func (p *pool) run(r *script.Run, raw []byte) {
	p.runs = append(p.runs, raw)
	p.heads = append(p.heads, wire.Head{Log: r.Log(), Last: r.First + uint64(len(r.Messages)) - 1, Link: r.Hash()})
}

func (w *world) newEpoch() epoch {
	label := fmt.Sprintf("epoch %d", len(w.epochs))
	return epoch{key: [32]byte(w.bytes(label+" key", 32)), nonce: w.bytes(label+" nonce", 16)}
}

func (w *world) addEpoch() {
	e := w.newEpoch()
	e.entry = w.link(script.KindEpoch, script.Epoch(e.nonce, script.Commitment(e.nonce, w.room, e.key))).ID()
	w.epochs = append(w.epochs, e)
}

// sealBoxes is a box for honest, as it looks to whoever has not its key: nobody here opens one.
func (w *world) sealBoxes(e epoch) [][]byte {
	sealed := w.bytes("box of "+e.entry.String(), identity.SealOverhead+len(e.key))
	return [][]byte{w.box("master", e.entry, w.who("honest").ID(), sealed)}
}

// box is any box, signed.
func (w *world) box(by string, epoch, recipient wire.ID, sealed []byte) []byte {
	s := w.who(by)
	box := script.Box{Room: w.room, Epoch: epoch, Recipient: recipient, Key: s.Public(), Sealed: sealed}
	return box.Bytes(s.Signer)
}

// as runs f in a session of a user of the den, which it then is at the peer.
func (w *world) as(ctx context.Context, who string, f func(*talk) error) error {
	k, err := w.target.talk(ctx, w.who(who))
	if err != nil {
		return err
	}
	defer k.close()
	return f(k)
}

// submit hands entries of the master's and boxes to the peer; with a name, also the room itself.
func (w *world) submit(k *talk, who string, entries []*script.Entry, boxes [][]byte) error {
	m := &wire.Submit{Room: w.room}
	if who != "" {
		m.Delegation = w.delegation(who, w.target.PeerID)
	}
	for _, e := range entries {
		m.Entries = append(m.Entries, e.Bytes(w.who("master").Signer))
	}
	for _, b := range boxes {
		m.Boxes = append(m.Boxes, b)
	}
	_, err := done[*wire.Done](k, m)
	return err
}

func (w *world) appendRun(k *talk, raw []byte) error {
	_, err := done[*wire.Appended](k, &wire.Append{Room: w.room, Runs: [][]byte{raw}})
	return err
}

// leaveDen lets the peer forget the den.
func (w *world) leaveDen(ctx context.Context) error {
	for _, who := range delegators { // episodes have made some of them users
		err := w.as(ctx, who, func(k *talk) error {
			_, err := done[*wire.Done](k, &wire.RoomDetach{Room: w.room, Forget: true})
			return err
		})
		if err != nil && !refusedWith(err, wire.CodeNotFound) {
			return fmt.Errorf("the den cannot be left: %w", err)
		}
	}
	return nil
}

// firstRun is the first run of a new log in an epoch, counted from 1, by what the chain is now.
func (w *world) firstRun(who string, epoch int, label string) *script.Run {
	r := &script.Run{
		Room: w.room, Key: w.who(who).Public(), Salt: w.bytes(label+" salt", 16), First: 1,
		Epoch: w.epochs[epoch-1].entry, Heads: []wire.ID{w.base}, Clock: w.hlc(),
	}
	r.Incarnate()
	w.seal(r, w.epochs[epoch-1].key, label)
	return r
}

// seal gives a run one more message.
func (w *world) seal(r *script.Run, key [32]byte, text string) {
	c := rooms.NewMessageCipher(key, r.Room, r.Epoch, r.Author(), r.Incarnation)
	m, err := c.Seal(nil, w.bytes("iv "+text, 16), r.First+uint64(len(r.Messages)), r.Prev, &rooms.Message{Data: []byte(text)})
	if err != nil {
		panic(err) // only for what is too large
	}
	r.Messages = append(r.Messages, m)
}
