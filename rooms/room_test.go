package rooms

import (
	"testing"
	"time"

	"parley/handshake/identity"
	"parley/wire"
)

func TestARoomGoesFromGenesisToLeave(t *testing.T) {
	master, _ := identity.Generate(identity.Ed25519, "ada")
	bob, _ := identity.Generate(identity.Ed25519, "bob")
	at := Place{Time: time.Unix(1000, 0)}
	g, err := NewGenesis(master, Genesis{Nonce: make([]byte, 16), Name: "ops"}, at)
	if err != nil {
		t.Fatal(err)
	}
	a := NewAuthority(g.ID)
	must := func(e *Entry, err error) *Entry {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if _, miss, err := a.Add(e); err != nil || len(miss) > 0 {
			t.Fatal(err, miss)
		}
		return e
	}
	must(g, nil)
	next := func() Place {
		p, err := a.NextOnChain(master.ID(), time.Unix(2000, 0))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	key := [32]byte{1, 2, 3}
	ep := must(NewEpoch(master, next(), make([]byte, 16), key))
	link, _ := NewLink(g.ID, "home", []string{"10.0.0.1:19946"})
	if l2, err := ParseLink(link.Text()); err != nil || l2.Secret != link.Secret {
		t.Fatal(err)
	}
	inv := must(NewInvite(master, next(), link, 1, time.Time{}, RoleMember))
	must(NewJoin(bob, a.NextBeside(bob.ID(), time.Now()), link, inv.ID, make([]byte, 16)))
	if a.Now().Role(bob.ID()) != RoleMember || len(a.Now().Members()) != 2 {
		t.Fatal("role")
	}
	heads := a.Heads(bob.ID(), nil)
	salt := make([]byte, 16)
	inc := NewIncarnation(g.ID, bob.ID(), salt, heads)
	c := NewMessageCipher(key, g.ID, ep.ID, bob.ID(), inc)
	msgs, err := c.SealRun(1, wire.ID{}, []Message{{Data: []byte("hello")}, {Data: []byte("you")}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := SignRun(bob, &RunDraft{Room: g.ID, Incarnation: inc, Salt: salt, First: 1, Epoch: ep.ID, Heads: heads, Messages: msgs})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Verify(); err != nil {
		t.Fatal(err)
	}
	if v, why, _ := a.Judge(r, nil); v != Valid {
		t.Fatal(v, why)
	}
	m, err := c.Open(nil, r, 1)
	if err != nil || string(m.Data) != "you" {
		t.Fatal(err, m)
	}
	st := r.Extend(nil)
	b, err := SealBox(master, ep, bob.ID(), bob.Bundle().Sealing, key)
	if err != nil {
		t.Fatal(err)
	}
	if k, err := b.Open(ep, bob.Bundle().Sealing, bob.OpenSealed); err != nil || k != key {
		t.Fatal(err)
	}
	if v, why := a.JudgeBox(b); v != Valid {
		t.Fatal(v, why)
	}
	must(NewLeave(bob, a.NextBeside(bob.ID(), time.Now()), []Pin{{Log: r.Log, Number: r.Last(), Link: r.Hash}}))
	if a.Now().Role(bob.ID()) != RoleNone {
		t.Fatal("left")
	}
	if v, why, _ := a.Judge(r, nil); v != Valid {
		t.Fatal(v, why)
	}
	r2, err := SignRun(bob, &RunDraft{Room: g.ID, Incarnation: inc, Prev: r.Hash, First: 3, Epoch: ep.ID, Heads: heads, Messages: msgs})
	if err != nil {
		t.Fatal(err)
	}
	if v, why, _ := a.Judge(r2, st); v != Void || why != ReasonLeft {
		t.Fatal(v, why)
	}
}
