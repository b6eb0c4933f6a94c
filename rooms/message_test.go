package rooms

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"parley/handshake/identity"
	"parley/wire"
)

// sealedRun makes a run of messages in a room (zero epoch: an open one).
func sealedRun(t testing.TB, author *identity.Private, epoch wire.ID, messages ...Message) (*Run, *MessageCipher) {
	t.Helper()
	room, salt := wire.ID{1}, randomBytes(saltSize)
	var heads []wire.ID
	if !epoch.IsZero() {
		heads = []wire.ID{{3}}
	}
	inc := NewIncarnation(room, author.ID(), salt, heads)
	c := NewMessageCipher([EpochKeySize]byte{4}, room, epoch, author.ID(), inc)
	sealed, err := c.SealRun(1, wire.ID{}, messages)
	fatal(t, err)
	r, err := SignRun(author, &RunDraft{Room: room, Incarnation: inc, Salt: salt, First: 1, Epoch: epoch, Heads: heads, Messages: sealed})
	fatal(t, err)
	return r, c
}

func TestMessagesOpenToWhatWasSealed(t *testing.T) {
	author := newUser(t, "ada")
	var messages []Message
	for _, n := range []int{0, 1, 15, 16, 17, 255, 256, 65535, 65536, MaxMessage} {
		messages = append(messages, Message{Kind: uint64(n % 3), Data: randomBytes(n)})
	}
	for _, m := range messages {
		r, c := sealedRun(t, author, wire.ID{2}, m)
		got, err := c.Open([]byte("before"), r, 0)
		if err != nil || got.Kind != m.Kind || !bytes.Equal(got.Data, m.Data) {
			t.Fatalf("%d bytes: %v", len(m.Data), err)
		}
		if len(m.Data) > 0 && bytes.Contains(r.Raw, m.Data) && len(m.Data) > 8 {
			t.Fatalf("%d bytes stand in the clear", len(m.Data))
		}
	}
	_, c := sealedRun(t, author, wire.ID{2}, Message{})
	if _, err := c.SealRun(1, wire.ID{}, []Message{{Data: make([]byte, MaxMessage+1)}}); reasonOf(err) != ReasonBounds {
		t.Fatal(err)
	}
}

func TestAMessageOpensOnlyInItsOwnPlace(t *testing.T) {
	author := newUser(t, "ada")
	key := [EpochKeySize]byte{4}
	r, c := sealedRun(t, author, wire.ID{2}, Message{Data: []byte("one")}, Message{Data: []byte("two")})
	if _, err := c.Open(nil, r, 1); err != nil {
		t.Fatal(err)
	}
	wrong := map[string]func() (*Run, *MessageCipher){
		"number": func() (*Run, *MessageCipher) { x := *r; x.First = 2; return &x, c },
		"position": func() (*Run, *MessageCipher) {
			x := *r
			x.Messages = [][]byte{r.Messages[1], r.Messages[0]}
			return &x, c
		},
		"link": func() (*Run, *MessageCipher) { x := *r; x.Prev = wire.ID{9}; return &x, c },
		"key": func() (*Run, *MessageCipher) {
			return r, NewMessageCipher([32]byte{5}, r.Room, r.Epoch, r.Author, r.Incarnation)
		},
		"room": func() (*Run, *MessageCipher) {
			return r, NewMessageCipher(key, wire.ID{9}, r.Epoch, r.Author, r.Incarnation)
		},
		"epoch": func() (*Run, *MessageCipher) {
			return r, NewMessageCipher(key, r.Room, wire.ID{9}, r.Author, r.Incarnation)
		},
		"author": func() (*Run, *MessageCipher) {
			return r, NewMessageCipher(key, r.Room, r.Epoch, wire.ID{9}, r.Incarnation)
		},
		"incarnation": func() (*Run, *MessageCipher) { return r, NewMessageCipher(key, r.Room, r.Epoch, r.Author, wire.ID{9}) },
	}
	for name, f := range wrong {
		x, c := f()
		if _, err := c.Open(nil, x, 0); !errors.Is(err, ReasonCipher) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	for i := range r.Messages[0] {
		x := *r
		x.Messages = [][]byte{bytes.Clone(r.Messages[0])}
		x.Messages[0][i] ^= 1
		if _, err := c.Open(nil, &x, 0); !errors.Is(err, ReasonCipher) {
			t.Fatalf("byte %d altered: %v", i, err)
		}
	}
}

func TestANameTravelsInOpenRoomsOnly(t *testing.T) {
	author := newUser(t, "zoe")
	r, c := sealedRun(t, author, wire.ID{}, Message{Data: []byte("hi"), Name: "zoe"})
	if m, err := c.Open(nil, r, 0); err != nil || m.Name != "zoe" {
		t.Fatal(m, err)
	}
	for _, name := range []string{"a\nb", strings.Repeat("x", 65), "\u202eevil"} {
		if _, err := c.SealRun(1, wire.ID{}, []Message{{Name: name}}); reasonOf(err) != ReasonEncoding {
			t.Errorf("name %q: %v", name, err)
		}
	}
	_, private := sealedRun(t, author, wire.ID{2}, Message{})
	if _, err := private.SealRun(1, wire.ID{}, []Message{{Name: "zoe"}}); reasonOf(err) != ReasonEncoding {
		t.Fatal(err)
	}
	private.open = true // somebody who does not keep to it
	sealed, err := private.SealRun(1, wire.ID{}, []Message{{Name: "zoe"}})
	fatal(t, err)
	private.open = false
	if _, err := private.Open(nil, &Run{First: 1, Messages: sealed}, 0); reasonOf(err) != ReasonEncoding {
		t.Fatal(err)
	}
}

func TestSealingAndOpeningAllocateNothingPerMessage(t *testing.T) {
	r, c := sealedRun(t, newUser(t, "ada"), wire.ID{2}, Message{Data: make([]byte, 300)})
	buf, iv, m := make([]byte, 0, 1024), randomBytes(ivSize), Message{Data: make([]byte, 300)}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := c.Seal(buf, iv, 7, r.Hash, &m); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Open(buf, r, 0); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
	messages := make([]Message, MaxRunMessages)
	for i := range messages {
		messages[i].Data = make([]byte, 300)
	}
	if n := testing.AllocsPerRun(10, func() {
		if _, err := c.SealRun(1, wire.ID{}, messages); err != nil {
			t.Fatal(err)
		}
	}); n > 3 {
		t.Fatalf("%v allocations for a run", n)
	}
}

func TestParsingARunAllocatesLittle(t *testing.T) {
	author := newUser(t, "ada")
	one, _ := sealedRun(t, author, wire.ID{2}, Message{Data: make([]byte, 300)})
	many, _ := sealedRun(t, author, wire.ID{2}, make([]Message, MaxRunMessages)...)
	for _, c := range []struct {
		r    *Run
		most float64 // 1 and 2, and what the race detector's pools add
	}{{one, 8}, {many, 16}} {
		if n := testing.AllocsPerRun(100, func() {
			if _, err := ParseRun(c.r.Raw); err != nil {
				t.Fatal(err)
			}
		}); n > c.most {
			t.Errorf("a run of %d: %v allocations", c.r.Count(), n)
		}
	}
}

func TestHashesAreTheOnesSpecified(t *testing.T) {
	// Written out with wire.Hasher, which the specification is defined by.
	r, _ := sealedRun(t, newUser(t, "ada"), wire.ID{2}, Message{Data: []byte("one")}, Message{Data: make([]byte, 50_000)})
	h := wire.NewHasher("run")
	for _, id := range []wire.ID{r.Room, wire.ID(sha256.Sum256(r.Key)), r.Incarnation} {
		h.ID(id)
	}
	h.Uint(r.First)
	h.Uint(2)
	h.ID(r.Prev)
	h.ID(r.Epoch)
	h.IDs(r.Heads)
	h.Uint(r.Clock)
	h.Uint(0)
	for _, m := range r.Messages {
		h.ID(wire.Hash("msg", m[:16], m[16:len(m)-32], m[len(m)-32:]))
	}
	if h.Sum() != r.Hash {
		t.Error("run hash")
	}
	if r.Log != wire.Hash("log", r.Room[:], r.Author[:], r.Incarnation[:]) {
		t.Error("log")
	}
	h = wire.NewHasher("inc")
	h.ID(r.Room)
	h.ID(r.Author)
	h.Field(r.Salt)
	h.IDs(r.Heads)
	if h.Sum() != r.Incarnation {
		t.Error("incarnation")
	}
	h = wire.NewHasher("message")
	h.ID(r.Hash)
	h.Uint(1)
	if h.Sum() != r.MessageID(1) {
		t.Error("message")
	}
}

func TestABoxOpensForItsRecipientAndEpochOnly(t *testing.T) {
	tr := newTestRoom(t)
	bob, eve := tr.member("bob", RoleMember), tr.member("eve", RoleMember)
	inv := tr.invite(RoleReader)
	keys, err := tr.links[inv.ID].Keys()
	fatal(t, err)
	box, err := SealBox(tr.master, tr.epoch, bob.ID(), bob.Bundle().Sealing, tr.epochKey)
	fatal(t, err)
	if key, err := box.Open(tr.epoch, bob.Bundle().Sealing, bob.OpenSealed); err != nil || key != tr.epochKey {
		t.Fatal(err)
	}
	if _, err := box.Open(tr.epoch, eve.Bundle().Sealing, eve.OpenSealed); reasonOf(err) != ReasonCipher {
		t.Fatal(err)
	}
	second := tr.newEpoch()
	if _, err := box.Open(second, bob.Bundle().Sealing, bob.OpenSealed); reasonOf(err) != ReasonEpoch {
		t.Fatal(err)
	}
	link, err := SealBox(bob, tr.epoch, inv.Invite().LinkID(), inv.Invite().LinkSealing, tr.epochKey)
	fatal(t, err)
	if key, err := link.Open(tr.epoch, keys.Seal.Public(), keys.Seal.Open); err != nil || key != tr.epochKey {
		t.Fatal(err)
	}
	forged, err := SealBox(eve, tr.epoch, bob.ID(), bob.Bundle().Sealing, [EpochKeySize]byte{1})
	fatal(t, err)
	if _, err := forged.Open(tr.epoch, bob.Bundle().Sealing, bob.OpenSealed); reasonOf(err) != ReasonCommitment {
		t.Fatal(err)
	}
}

func TestABoxIsKeptForWhoMayHaveTheKey(t *testing.T) {
	tr := newTestRoom(t)
	bob, rex := tr.member("bob", RoleMember), tr.member("rex", RoleRelay)
	relayInvite, memberInvite := tr.invite(RoleRelay), tr.invite(RoleMember)
	eve := newUser(t, "eve")
	judge := func(a *Authority, sealer *identity.Private, epoch *Entry, to wire.ID, want Verdict, why Reason) {
		t.Helper()
		b, err := SealBox(sealer, epoch, to, bob.Bundle().Sealing, tr.epochKey)
		fatal(t, err)
		if v, reason := a.JudgeBox(b); v != want || reason != why {
			t.Fatalf("%v (%v), not %v (%v)", v, reason, want, why)
		}
	}
	judge(tr.Authority, tr.master, tr.epoch, bob.ID(), Valid, ReasonNone)
	judge(tr.Authority, bob, tr.epoch, bob.ID(), Valid, ReasonNone)
	judge(tr.Authority, bob, tr.epoch, memberInvite.Invite().LinkID(), Valid, ReasonNone)
	judge(tr.Authority, bob, tr.epoch, relayInvite.Invite().LinkID(), Pending, ReasonRecipient)
	judge(tr.Authority, bob, tr.epoch, rex.ID(), Pending, ReasonRelayKey)
	judge(tr.Authority, bob, tr.epoch, eve.ID(), Pending, ReasonRecipient)
	judge(tr.Authority, eve, tr.epoch, bob.ID(), Pending, ReasonNotMember)
	judge(tr.Authority, rex, tr.epoch, bob.ID(), Pending, ReasonRelayKey)
	judge(newTestRoom(t).Authority, bob, tr.epoch, bob.ID(), Reject, ReasonRoom)
	judge(NewAuthority(tr.Room()), bob, tr.epoch, bob.ID(), Pending, ReasonDependency)
	b, err := SealBox(tr.master, tr.epoch, bob.ID(), bob.Bundle().Sealing, tr.epochKey)
	fatal(t, err)
	b.Epoch = memberInvite.ID
	if v, why := tr.JudgeBox(b); v != Reject || why != ReasonEpoch {
		t.Fatal(v, why)
	}
	tr.leave(bob) // what he had stays kept: no peer must forget it to be in step
	judge(tr.Authority, bob, tr.epoch, bob.ID(), Valid, ReasonNone)
}
