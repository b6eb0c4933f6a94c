package conform

import (
	"time"

	"parley/cmd/internal/script"
	"parley/wire"
)

// draft is an entry that would be the next of the master's chain.
func (d *den) draft(kind uint64, body []byte) *script.Entry {
	prev := d.last.ID()
	return &script.Entry{
		Room: d.room, Kind: kind, Key: d.master.Public(), Number: d.last.Number + 1, Prev: prev,
		Heads: []wire.ID{prev}, Time: uint64(time.Now().UnixNano()), Body: body,
	}
}

// chain is the next entry of the master's chain. What is given it has seen besides the entry before it.
func (d *den) chain(kind uint64, body []byte, seen ...wire.ID) []byte {
	e := d.draft(kind, body)
	e.Heads = script.Sorted(append(seen, e.Prev)...)
	d.last = e
	return e.Bytes(d.master.Signer)
}

// newKey is what an entry says that begins an epoch. The den goes on with its key.
func (d *den) newKey() (nonce []byte, commitment wire.ID) {
	nonce, d.key = d.t.random(16), [32]byte(d.t.random(32))
	return nonce, script.Commitment(nonce, d.room, d.key)
}

// newEpoch is the next entry of the master's chain, which begins an epoch.
func (d *den) newEpoch(pins ...script.Pin) []byte {
	nonce, commitment := d.newKey()
	raw := d.chain(script.KindEpoch, script.Epoch(nonce, commitment, pins...))
	d.epoch = d.last.ID()
	return raw
}

// removal is the body of a stop that removes a user, whose logs count up to the pins.
func (d *den) removal(who *script.Identity, pins ...script.Pin) []byte {
	nonce, commitment := d.newKey()
	return script.Stop{Subject: who.ID(), Pins: pins, Nonce: nonce, Commitment: commitment}.Bytes()
}

// remove is the next entry of the master's chain, which removes a user.
func (d *den) remove(who *script.Identity, pins ...script.Pin) []byte {
	raw := d.chain(script.KindStop, d.removal(who, pins...))
	d.epoch = d.last.ID()
	return raw
}

// add is the next entry of the master's chain, which gives a role.
func (d *den) add(who *script.Identity, role uint64) []byte {
	return d.chain(script.KindAdd, script.Add(who.Bundle, role))
}

// An admin is an admin's chain as its holder writes it.
type admin struct {
	d     *den
	by    *script.Identity
	chain wire.ID
	last  *script.Entry // nil: none yet
}

// appoint is the next entry of the master's chain, which makes an admin.
func (d *den) appoint(who *script.Identity) (*admin, []byte) {
	raw := d.chain(script.KindAppoint, script.Subject(who.ID()))
	return &admin{d: d, by: who, chain: d.last.ID()}, raw
}

// admin appoints a new user.
func (d *den) admin() *admin {
	a, raw := d.appoint(d.t.identity())
	d.submit(d.user, nil, raw)
	return a
}

// draft is an entry that would be the next of the admin's chain. What is given it has seen besides.
func (a *admin) draft(kind uint64, body []byte, seen ...wire.ID) *script.Entry {
	e := &script.Entry{
		Room: a.d.room, Kind: kind, Key: a.by.Public(), Chain: a.chain, Number: 1,
		Heads: script.Sorted(append(seen, a.head())...), Time: uint64(time.Now().UnixNano()), Body: body,
	}
	if a.last != nil {
		e.Number, e.Prev = a.last.Number+1, a.last.ID()
	}
	return e
}

// entry is the next entry of the admin's chain.
func (a *admin) entry(kind uint64, body []byte, seen ...wire.ID) []byte {
	e := a.draft(kind, body, seen...)
	a.last = e
	return e.Bytes(a.by.Signer)
}

// head is the last entry of the chain, or the appointment.
func (a *admin) head() wire.ID {
	if a.last == nil {
		return a.chain
	}
	return a.last.ID()
}

// beside is an entry beside the chains, by a writer who has seen what is given, or the master's chain.
func (d *den) beside(kind uint64, by *script.Identity, body []byte, seen ...wire.ID) *script.Entry {
	if len(seen) == 0 {
		seen = []wire.ID{d.last.ID()}
	}
	return &script.Entry{
		Room: d.room, Kind: kind, Key: by.Public(), Heads: script.Sorted(seen...),
		Time: uint64(time.Now().UnixNano()), Body: body,
	}
}

// An invitation is an invite and the keys of its link.
type invitation struct {
	*script.Identity
	invite wire.ID
}

// inviteBody is the body of an invite by a link.
func inviteBody(l *invitation, uses, expiry, role uint64) []byte {
	return script.Invite(l.Public(), l.Sealing.Public(), uses, expiry, role)
}

// invite is an invite that is the next entry of the master's chain, submitted.
func (d *den) invite(uses, expiry, role uint64) *invitation {
	l := &invitation{Identity: d.t.identity()}
	d.submit(d.user, nil, d.chain(script.KindInvite, inviteBody(l, uses, expiry, role)))
	l.invite = d.last.ID()
	return l
}

// join is a join by a link's invite, of somebody who has seen what is given besides.
func (d *den) join(by *script.Identity, l *invitation, seen ...wire.ID) *script.Entry {
	return d.beside(script.KindJoin, by, script.Join(l.invite, l.Public(), by.Bundle, d.t.random(16)), append(seen, l.invite)...)
}

// joined submits a join, and returns its ID.
func (d *den) joined(by *script.Identity, l *invitation, seen ...wire.ID) wire.ID {
	e := d.join(by, l, seen...)
	d.submit(d.user, nil, e.Both(by.Signer, l.Signer))
	return e.ID()
}
