package rooms

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"parley/handshake/identity"
	"parley/wire"
)

// A sample is one valid record, and what accepts and encodes its kind: check
// returns the encoding of what it read, or why it refuses.
type sample struct {
	name  string
	raw   []byte
	check func(raw []byte) ([]byte, error)
}

func checkRun(raw []byte) ([]byte, error) {
	r, err := ParseRun(raw)
	if err != nil {
		return nil, err
	}
	if err := r.Verify(); err != nil {
		return nil, err
	}
	return encodeRun(r), nil
}

// encodeRun encodes a run's fields anew.
func encodeRun(r *Run) []byte {
	b := wire.AppendUint(wire.AppendArray(nil, 13), version)
	b = wire.AppendBin(wire.AppendID(b, r.Room), r.Key)
	b = wire.AppendBin(wire.AppendID(b, r.Incarnation), r.Salt)
	b = wire.AppendID(wire.AppendUint(b, r.First), r.Prev)
	b = appendIDs(wire.AppendID(b, r.Epoch), r.Heads)
	b = appendRefs(wire.AppendUint(b, r.Clock), r.Refs)
	b = wire.AppendArray(b, len(r.Messages))
	for _, m := range r.Messages {
		b = wire.AppendBin(b, m)
	}
	return wire.AppendBin(b, r.sig)
}

func checkEntry(raw []byte) ([]byte, error) {
	e, err := ParseEntry(raw)
	if err != nil {
		return nil, err
	}
	room := e.Room
	if e.root() {
		room = wire.ID{}
	}
	row, _ := kindOf(uint64(e.Kind))
	b := wire.AppendUint(wire.AppendArray(nil, entryFields+row.signatures()), version)
	b = wire.AppendUint(wire.AppendID(b, room), uint64(e.Kind))
	b = wire.AppendID(wire.AppendBin(b, e.Key), e.Chain)
	b = wire.AppendID(wire.AppendUint(b, e.Number), e.Prev)
	b = wire.AppendUint(appendIDs(b, e.Heads), e.Time)
	b = wire.AppendBin(b, e.Body.appendBody(nil))
	return append(b, raw[len(raw)-row.signatures()*(2+signatureSize):]...), nil
}

func checkBox(raw []byte) ([]byte, error) {
	x, err := ParseBox(raw)
	if err != nil {
		return nil, err
	}
	b := wire.AppendUint(wire.AppendArray(nil, 7), version)
	b = wire.AppendID(wire.AppendID(wire.AppendID(b, x.Room), x.Epoch), x.Recipient)
	b = wire.AppendBin(wire.AppendBin(b, x.Key), x.Sealed)
	return append(b, raw[len(raw)-2-signatureSize:]...), nil
}

func checkDelegation(raw []byte) ([]byte, error) {
	d, err := ParseDelegation(raw)
	if err != nil {
		return nil, err
	}
	kind := uint64(0)
	if d.Link {
		kind = 1
	}
	b := wire.AppendUint(wire.AppendArray(nil, 7), version)
	b = wire.AppendBin(wire.AppendID(wire.AppendID(b, d.Room), d.Peer), d.Key)
	b = wire.AppendUint(wire.AppendUint(b, kind), d.Serial)
	return append(b, raw[len(raw)-2-signatureSize:]...), nil
}

func checkProof(raw []byte) ([]byte, error) {
	p, err := ParseProof(raw)
	if err != nil {
		return nil, err
	}
	return p.Raw, nil // its sides are hashed, not kept
}

func checkLink(text []byte) ([]byte, error) {
	l, err := ParseLink(string(text))
	if err != nil {
		return nil, err
	}
	return []byte(l.Text()), nil
}

func checkMessage(plain []byte) ([]byte, error) {
	m, err := parseMessage(plain)
	if err != nil {
		return nil, err
	}
	b := wire.AppendUint(wire.AppendArray(nil, 3), m.Kind)
	return wire.AppendStr(wire.AppendBin(b, m.Data), m.Name), nil
}

// samples makes one valid record of every kind.
func samples(t testing.TB) []sample {
	tr := newTestRoom(t)
	bob := newUser(t, "bob")
	inv := tr.invite(RoleMember)
	join := tr.join(bob, inv)
	first := tr.write(bob, nil)
	draft := tr.draft(bob, first)
	draft.Messages = append(draft.Messages, randomBytes(minMessageBin+16), randomBytes(minMessageBin+32))
	draft.Refs = []wire.Ref{{Log: wire.ID{1}, Number: 7}, {Log: wire.ID{2}, Number: 300}}
	next := tr.sign(bob, draft)
	open := tr.sign(bob, openDraft(bob.ID(), wire.ID{8}, nil))
	leave := tr.leave(bob, next, open)
	box, err := SealBox(tr.master, tr.epoch, bob.ID(), bob.Bundle().Sealing, tr.epochKey)
	fatal(t, err)
	member, err := NewDelegation(bob, tr.Room(), wire.ID{5}, 3)
	fatal(t, err)
	link, err := NewLinkDelegation(tr.links[inv.ID], wire.ID{5}, 300)
	fatal(t, err)
	proof, err := NewProof(tr.write(bob, first), tr.write(bob, first))
	fatal(t, err)
	managed := tr.manage(bob, inv, first)
	message := wire.AppendStr(wire.AppendBin(wire.AppendUint(wire.AppendArray(nil, 3), 0), []byte("hello")), "bob")
	return []sample{
		{"run-first", first.Raw, checkRun},
		{"run-next", next.Raw, checkRun},
		{"run-open-room", open.Raw, checkRun},
		{"genesis", tr.genesis.Raw, checkEntry},
		{"epoch", tr.epoch.Raw, checkEntry},
		{"invite", inv.Raw, checkEntry},
		{"join", join.Raw, checkEntry},
		{"leave", leave.Raw, checkEntry},
		{"add", managed[KindAdd].Raw, checkEntry},
		{"stop", managed[KindStop].Raw, checkEntry},
		{"lift", managed[KindLift].Raw, checkEntry},
		{"appoint", managed[KindAppoint].Raw, checkEntry},
		{"demote", managed[KindDemote].Raw, checkEntry},
		{"policy", managed[KindPolicy].Raw, checkEntry},
		{"handover", managed[KindHandover].Raw, checkEntry},
		{"revoke", managed[KindRevoke].Raw, checkEntry},
		{"trim", managed[KindTrim].Raw, checkEntry},
		{"renew", managed[KindRenew].Raw, checkEntry},
		{"pair", managed[KindPair].Raw, checkEntry},
		{"box", box.Raw, checkBox},
		{"delegation-member", member.Raw, checkDelegation},
		{"delegation-link", link.Raw, checkDelegation},
		{"proof", proof.Raw, checkProof},
		{"link", []byte(tr.links[inv.ID].Text()), checkLink},
		{"message", message, checkMessage},
	}
}

// manage makes one entry of each kind by which a room is managed, in tr.
func (tr *testRoom) manage(bob *identity.Private, inv *Entry, run *Run) map[Kind]*Entry {
	tr.Helper()
	made := map[Kind]*Entry{}
	take := func(e *Entry, err error) *Entry {
		tr.Helper()
		made[e.Kind] = tr.add(e, err)
		return e
	}
	key, nonce := tr.epochKey, func() []byte { return randomBytes(nonceSize) }
	carl, dora := newUser(tr, "carl"), newUser(tr, "dora")
	take(NewAdd(tr.master, tr.next(), carl.Bundle(), RoleReader))
	tr.join(dora, inv)
	appoint := take(NewAppoint(tr.master, tr.next(), dora.ID()))
	at, err := tr.NextOnChain(dora.ID(), testTime())
	fatal(tr, err)
	stop := take(NewStop(dora, at, Stop{Subject: carl.ID(), Pins: []Pin{{Log: run.Log, Number: run.Last(), Link: run.Hash}}}, nonce(), key))
	at, err = tr.NextOnChain(dora.ID(), testTime())
	fatal(tr, err)
	take(NewLift(dora, at, carl.ID()))
	tr.join(newUser(tr, "eve"), inv)
	take(NewRevoke(tr.master, tr.next(), []wire.ID{inv.ID}))
	take(NewDemote(tr.master, tr.next(), appoint.ID, stop.ID, nonce(), key))
	take(NewPolicy(tr.master, tr.next(), Policy{Name: "ops", Topic: "calm", History: HistoryJoined, Capacity: 500, Retention: 24 * time.Hour, EpochAge: time.Hour}))
	take(NewTrim(tr.master, tr.next(), []Floor{{Log: run.Log, Number: run.Last(), Link: run.Hash, FirstHeads: run.Heads, Heads: run.Heads}}))
	fatal(tr, dora.SetName("dora the second"))
	take(NewRenew(dora, tr.NextBeside(dora.ID(), testTime())))
	take(AcceptHandover(bob, OfferHandover(tr.master, tr.next(), bob.Bundle())))
	pair, err := NewPair(bob.Public(), carl.Public())
	fatal(tr, err)
	made[KindPair] = pair
	return made
}

func fatal(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestEveryRecordEncodesBackToItself(t *testing.T) {
	for _, s := range samples(t) {
		again, err := s.check(s.raw)
		if err != nil || !bytes.Equal(again, s.raw) {
			t.Errorf("%s: %v\n%x\nnot\n%x", s.name, err, again, s.raw)
		}
	}
}

func TestEveryStrictPrefixAndEveryExtensionIsRefused(t *testing.T) {
	for _, s := range samples(t) {
		for i := range s.raw {
			if _, err := s.check(s.raw[:i:i]); err == nil {
				t.Errorf("%s: the first %d of %d bytes are accepted", s.name, i, len(s.raw))
			}
		}
		for _, tail := range []string{"\x00", "\xc0", "a"} {
			if _, err := s.check(append(bytes.Clone(s.raw), tail...)); err == nil {
				t.Errorf("%s: %q behind it is accepted", s.name, tail)
			}
		}
	}
}

func TestOneAlteredByteAnywhereIsRefused(t *testing.T) {
	for _, s := range samples(t) {
		if s.name == "message" {
			continue // sealed as a whole: see the tests of MessageCipher
		}
		if s.name == "pair" {
			continue // other keys are another room's first entry, which nobody signs
		}
		for i := range s.raw {
			altered := bytes.Clone(s.raw)
			altered[i] ^= 1 << smallNumber(8)
			if s.name == "link" && strings.EqualFold(string(altered), string(s.raw)) {
				continue // the same letter in the other case
			}
			if _, err := s.check(altered); err == nil {
				t.Errorf("%s: byte %d altered from %#x to %#x is accepted", s.name, i, s.raw[i], altered[i])
			}
		}
	}
}

func TestARefusalNamesItsReason(t *testing.T) {
	for _, s := range samples(t) {
		for i := range s.raw {
			altered := bytes.Clone(s.raw)
			altered[i] ^= 0x55
			if _, err := s.check(altered); err != nil && reasonOf(err) == ReasonNone {
				t.Fatalf("%s, byte %d: %v", s.name, i, err)
			}
		}
	}
}

func TestARecordOfANewerVersionIsRefusedAsSuch(t *testing.T) {
	for _, s := range samples(t) {
		if s.name == "link" || s.name == "message" {
			continue
		}
		newer := bytes.Clone(s.raw)
		newer[1] = 2
		if _, err := s.check(newer); reasonOf(err) != ReasonVersion {
			t.Errorf("%s: %v", s.name, err)
		}
	}
}

func TestAnUnknownAlgorithmIsRefused(t *testing.T) {
	for _, s := range samples(t) {
		i := bytes.Index(s.raw, []byte{0xc4, keySize, identity.Ed25519})
		if i < 0 {
			continue
		}
		other := bytes.Clone(s.raw)
		other[i+2] = identity.ECDSAP256
		if _, err := s.check(other); err == nil {
			t.Errorf("%s is accepted", s.name)
		}
	}
}

func TestAnEntryAtItsBoundsFits(t *testing.T) {
	bob := newUser(t, "bob")
	at := Place{Room: wire.ID{1}, Time: time.Unix(1<<40, 0)}
	for i := range MaxHeads {
		at.Heads = append(at.Heads, wire.ID{byte(i + 1)})
	}
	pins := make([]Pin, MaxPins)
	for i := range pins {
		_, _ = rand.Read(pins[i].Log[:])
		pins[i].Number, pins[i].Link = ^uint64(0)-uint64(i), wire.ID{1}
	}
	for i := range MaxJoins {
		at.Joins = append(at.Joins, wire.ID{byte(i>>8 + 1), byte(i)})
	}
	at.Number, at.Chain = 1, at.Heads[0]
	e, err := NewStop(bob, at, Stop{Subject: wire.ID{1}, Pins: pins}, randomBytes(nonceSize), [EpochKeySize]byte{})
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := pinOf(e.pins(), pins[77].Log); !ok || p != pins[77] {
		t.Fatalf("pin %+v", p)
	}
	if len(e.Raw) < MaxEntry*3/4 {
		t.Fatalf("%d bytes, far from the bound", len(e.Raw))
	}
	more := append(pins, Pin{Log: wire.ID{1}, Number: 1, Link: wire.ID{1}})
	if _, err := NewStop(bob, at, Stop{Subject: wire.ID{1}, Pins: more}, randomBytes(nonceSize), [EpochKeySize]byte{}); reasonOf(err) != ReasonEncoding {
		t.Fatal(err)
	}
	at.Unlisted = 1
	if _, err := NewStop(bob, at, Stop{Subject: wire.ID{1}}, randomBytes(nonceSize), [EpochKeySize]byte{}); reasonOf(err) != ReasonUnlisted {
		t.Fatal(err)
	}
}

func TestAProofAtItsBoundsFits(t *testing.T) {
	author := newUser(t, "ada")
	var runs [2]*Run
	for k := range runs {
		d := &RunDraft{Room: wire.ID{1}, First: 1 << 63, Prev: wire.ID{7}, Epoch: wire.ID{byte(k + 1)}, Incarnation: wire.ID{6}, Clock: 1 << 63}
		for i := range MaxHeads {
			d.Heads = append(d.Heads, wire.ID{byte(i + 1)})
		}
		for i := range wire.MaxRefs {
			d.Refs = append(d.Refs, wire.Ref{Log: wire.ID{byte(i)}, Number: 1 << 63})
		}
		for range MaxRunMessages {
			d.Messages = append(d.Messages, randomBytes(minMessageBin))
		}
		r, err := SignRun(author, d)
		fatal(t, err)
		runs[k] = r
	}
	p, err := NewProof(runs[0], runs[1])
	fatal(t, err)
	if len(p.Raw) > MaxProof || p.Log != runs[0].Log || p.First != 1<<63 {
		t.Fatalf("%d bytes", len(p.Raw))
	}
	other, err := NewProof(runs[1], runs[0])
	fatal(t, err)
	if other.ID != p.ID || !bytes.Equal(other.Raw, p.Raw) {
		t.Fatal("the proof depends on which run came first")
	}
}
