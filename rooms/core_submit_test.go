package rooms

import (
	"bytes"
	"testing"

	"parley/wire"
)

func TestASubmitOfWhatIsNotKnownHereIsRefusedAndNotForgottenInSilence(t *testing.T) {
	n := newSim(t, 45, "a")
	m := n.privateRoom(n.nodes[0], 0).master
	at, err := m.auth.NextOnChain(m.key.ID(), n.now)
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewLift(m.key, at, wire.ID{1})
	if err != nil {
		t.Fatal(err)
	}
	newer := bytes.Clone(e.Raw)
	newer[1] = 2
	m.refused(wire.CodeInvalid, &wire.Submit{Room: m.room, Entries: wire.List[wire.Bytes]{newer}})
	unknown := bytes.Replace(e.Raw, append(append([]byte{0xc4, 32}, m.room[:]...), byte(KindLift)), append(append([]byte{0xc4, 32}, m.room[:]...), 99), 1)
	m.refused(wire.CodeInvalid, &wire.Submit{Room: m.room, Entries: wire.List[wire.Bytes]{unknown}})
	if parts, err := Prepare(&wire.Records{Set: wire.SetEntries, Records: wire.List[wire.Bytes]{newer, unknown, e.Raw}}); err != nil || len(parts.Entries) != 1 {
		t.Errorf("of a peer's records that are not known here not these alone are left out: %v", err)
	}
}

func TestAJoinThatIsNotKnownHereIsLeftOutOfAPeersOpenRoom(t *testing.T) {
	n := newSim(t, 47, "a")
	kit := n.privateRoom(n.nodes[0], 0)
	u := n.user(n.nodes[0], kit.link.Room)
	e, err := NewJoin(u.key, kit.master.auth.NextBeside(u.key.ID(), n.now), kit.link, kit.invite.ID, make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	newer := bytes.Clone(e.Raw)
	newer[1] = 2
	d, err := NewDelegation(u.key, u.room, wire.ID{1}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if parts, err := Prepare(&wire.OpenRoom{Delegation: d.Raw, Join: newer}); err != nil || parts.Delegation == nil || len(parts.Entries) != 0 {
		t.Errorf("an OpenRoom with a join of version 2: %+v, %v", parts, err)
	}
	if _, err := Prepare(&wire.Submit{Delegation: d.Raw, Join: newer}); err == nil {
		t.Error("a Submit with a join of version 2 is taken without it")
	}
	if _, err := Prepare(&wire.OpenRoom{Delegation: d.Raw, Join: kit.invite.Raw}); err == nil {
		t.Error("an invite is taken in the place of a join")
	}
}

func TestAJoinIsToldWhyItIsNotAdmitted(t *testing.T) {
	n := newSim(t, 46, "a")
	a := n.nodes[0]
	kit := n.privateRoom(a, 0)
	m := kit.master
	join := func(link *Link) []byte {
		u := n.user(a, m.room)
		e, err := NewJoin(u.key, m.auth.NextBeside(u.key.ID(), n.now), link, kit.invite.ID, make([]byte, 16))
		if err != nil {
			t.Fatal(err)
		}
		return e.Raw
	}
	other, err := NewLink(m.room, n.net.Name, nil)
	if err != nil {
		t.Fatal(err)
	}
	// What breaks a rule is told before what the peer's policy says.
	m.enter(func(at Place) (*Entry, error) { return NewRevoke(m.key, at, []wire.ID{kit.invite.ID}) })
	m.refused(wire.CodeInvalid, &wire.Submit{Room: m.room, Entries: wire.List[wire.Bytes]{join(other)}})
	m.refused(wire.CodeRevoked, &wire.Submit{Room: m.room, Entries: wire.List[wire.Bytes]{join(kit.link)}})
}
