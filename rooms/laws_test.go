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
	room, signatures := e.Room, 1
	if e.Kind == KindGenesis {
		room = wire.ID{}
	}
	if e.Kind == KindJoin {
		signatures = 2
	}
	b := wire.AppendUint(wire.AppendArray(nil, 10+signatures), version)
	b = wire.AppendUint(wire.AppendID(b, room), uint64(e.Kind))
	b = wire.AppendID(wire.AppendBin(b, e.Key), e.Chain)
	b = wire.AppendID(wire.AppendUint(b, e.Number), e.Prev)
	b = wire.AppendUint(appendIDs(b, e.Heads), e.Time)
	b = wire.AppendBin(b, e.Body.appendBody(nil))
	return append(b, raw[len(raw)-signatures*(2+signatureSize):]...), nil
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
		{"box", box.Raw, checkBox},
		{"delegation-member", member.Raw, checkDelegation},
		{"delegation-link", link.Raw, checkDelegation},
		{"proof", proof.Raw, checkProof},
		{"link", []byte(tr.links[inv.ID].Text()), checkLink},
		{"message", message, checkMessage},
	}
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

func TestRunsThatBreakARuleAreRefusedWithItsName(t *testing.T) {
	author := newUser(t, "ada")
	epoch := wire.ID{2}
	draft := func(change func(*RunDraft)) *RunDraft {
		d := &RunDraft{
			Room: wire.ID{1}, First: 5, Prev: wire.ID{7}, Epoch: epoch, Heads: []wire.ID{{3}, {4}},
			Incarnation: wire.ID{6}, Messages: [][]byte{randomBytes(minMessageBin)},
		}
		change(d)
		return d
	}
	many := make([][]byte, MaxRunMessages+1)
	for i := range many {
		many[i] = randomBytes(minMessageBin)
	}
	heads := make([]wire.ID, MaxHeads+1)
	for i := range heads {
		heads[i] = wire.ID{byte(i + 1)}
	}
	for name, c := range map[string]struct {
		why    Reason
		change func(*RunDraft)
	}{
		"nothing wrong":                  {ReasonNone, func(*RunDraft) {}},
		"number 0":                       {ReasonNumber, func(d *RunDraft) { d.First = 0 }},
		"numbers overflow":               {ReasonNumber, func(d *RunDraft) { d.First, d.Messages = ^uint64(0), many[:3] }},
		"no messages":                    {ReasonBounds, func(d *RunDraft) { d.Messages = nil }},
		"513 messages":                   {ReasonEncoding, func(d *RunDraft) { d.Messages = many }},
		"512 messages":                   {ReasonNone, func(d *RunDraft) { d.Messages = many[1:] }},
		"message without a block":        {ReasonBounds, func(d *RunDraft) { d.Messages[0] = randomBytes(48) }},
		"message of no whole blocks":     {ReasonBounds, func(d *RunDraft) { d.Messages[0] = randomBytes(65) }},
		"empty message":                  {ReasonBounds, func(d *RunDraft) { d.Messages[0] = nil }},
		"run over its bound":             {ReasonBounds, func(d *RunDraft) { d.Messages[0] = randomBytes(wire.MaxRun + 16 - wire.MaxRun%16) }},
		"heads out of order":             {ReasonHeads, func(d *RunDraft) { d.Heads[0], d.Heads[1] = d.Heads[1], d.Heads[0] }},
		"a head twice":                   {ReasonHeads, func(d *RunDraft) { d.Heads[0] = d.Heads[1] }},
		"65 heads":                       {ReasonEncoding, func(d *RunDraft) { d.Heads = heads }},
		"64 heads":                       {ReasonNone, func(d *RunDraft) { d.Heads = heads[1:] }},
		"epoch without heads":            {ReasonHeads, func(d *RunDraft) { d.Heads = nil }},
		"heads without an epoch":         {ReasonHeads, func(d *RunDraft) { d.Epoch = wire.ID{} }},
		"reference to number 0":          {ReasonBounds, func(d *RunDraft) { d.Refs = []wire.Ref{{Log: wire.ID{1}}} }},
		"references out of order":        {ReasonBounds, func(d *RunDraft) { d.Refs = []wire.Ref{{Log: wire.ID{2}, Number: 1}, {Log: wire.ID{1}, Number: 1}} }},
		"a log referred to twice":        {ReasonBounds, func(d *RunDraft) { d.Refs = []wire.Ref{{Log: wire.ID{2}, Number: 1}, {Log: wire.ID{2}, Number: 2}} }},
		"four references":                {ReasonEncoding, func(d *RunDraft) { d.Refs = make([]wire.Ref, 4) }},
		"later run without a link":       {ReasonIncarnation, func(d *RunDraft) { d.Prev = wire.ID{} }},
		"later run with a salt":          {ReasonIncarnation, func(d *RunDraft) { d.Salt = randomBytes(saltSize) }},
		"first run":                      {ReasonNone, func(d *RunDraft) { d.restart(author.ID()) }},
		"first run without a salt":       {ReasonIncarnation, func(d *RunDraft) { d.restart(author.ID()).Salt = nil }},
		"first run with another salt":    {ReasonIncarnation, func(d *RunDraft) { d.restart(author.ID()).Salt = randomBytes(saltSize) }},
		"first run with a short salt":    {ReasonIncarnation, func(d *RunDraft) { d.restart(author.ID()).Salt = randomBytes(8) }},
		"first run with a link":          {ReasonIncarnation, func(d *RunDraft) { d.restart(author.ID()).Prev = wire.ID{7} }},
		"first run with other heads":     {ReasonIncarnation, func(d *RunDraft) { d.restart(author.ID()).Heads = heads[:5] }},
		"first run of somebody else's":   {ReasonIncarnation, func(d *RunDraft) { d.restart(wire.ID{9}) }},
		"first run made in another room": {ReasonIncarnation, func(d *RunDraft) { d.restart(author.ID()).Room = wire.ID{9} }},
	} {
		r, err := SignRun(author, draft(c.change))
		if reasonOf(err) != c.why {
			t.Errorf("%s: %v, not %v", name, err, c.why)
		}
		if err == nil && r.Verify() != nil {
			t.Errorf("%s: the signature is wrong", name)
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

func TestALinkIsReadInEitherCaseAndHidesItsSecret(t *testing.T) {
	tr := newTestRoom(t)
	l := tr.link()
	for _, text := range []string{l.Text(), strings.ToUpper(l.Text()), "  " + l.Text() + "\n"} {
		back, err := ParseLink(text)
		if err != nil || back.Text() != l.Text() {
			t.Fatalf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", "parley:", "parley", l.Text()[7:], "http://" + l.Text(), l.Text() + "=", strings.Replace(l.Text(), "parley", "Parley", 1)} {
		if _, err := ParseLink(text); reasonOf(err) != ReasonLink {
			t.Errorf("%q: %v", text, err)
		}
	}
	if s := l.String(); strings.Contains(l.Text(), s) || len(s) > 30 {
		t.Errorf("shown as %q", s)
	}
	for range maxLinkAddresses {
		l.Addresses = append(l.Addresses, "10.0.0.1:1")
	}
	if l.check() == nil {
		t.Error("ten addresses are accepted")
	}
	long := strings.Repeat("a", maxLinkAddress-3) + ":80"
	l.Addresses = []string{long, long, long, long}
	if err := l.check(); err != nil {
		t.Error(err)
	}
	if _, err := ParseLink(l.Text()); err != nil {
		t.Error(err)
	}
	l.Addresses = append(l.Addresses, long)
	if l.check() == nil {
		t.Error("a link of more characters than are read is made")
	}
}

func TestALinkHasOneTextInEitherCase(t *testing.T) {
	l := newTestRoom(t).link()
	for n := range 5 { // every number of bits that base32 leaves over
		l.Addresses = []string{strings.Repeat("a", n+1)}
		text := l.Text()
		for _, c := range "abcdefghijklmnopqrstuvwxyz234567" {
			other := text[:len(text)-1] + string(c)
			if _, err := ParseLink(other); (err == nil) != (other == text) {
				t.Errorf("last letter %c for %c: %v", c, text[len(text)-1], err)
			}
		}
	}
}

func TestOpenRoomsDifferByNetworkSecretAndName(t *testing.T) {
	home, err := identity.NewNetwork("home")
	fatal(t, err)
	other, err := identity.NewNetwork("home")
	fatal(t, err)
	seen := map[wire.ID]bool{}
	keys := map[[32]byte]bool{}
	for _, n := range []identity.Network{home, other, {Name: "home"}, {Name: "home2"}} {
		for _, name := range []string{Lobby, "ops"} {
			id := OpenRoomID(n, name)
			seen[id] = true
			keys[OpenRoomKey(n, id)] = true
		}
	}
	if len(seen) != 8 || len(keys) != 8 {
		t.Fatalf("%d rooms, %d keys", len(seen), len(keys))
	}
	if OpenRoomID(home, Lobby) != OpenRoomID(home, Lobby) {
		t.Fatal("not the same twice")
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
	e, err := NewLeave(bob, at, pins)
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := e.Body.(*Leave).Pin(pins[77].Log); !ok || p != pins[77] {
		t.Fatalf("pin %+v", p)
	}
	if len(e.Raw) < MaxEntry/2 {
		t.Fatalf("%d bytes, far from the bound", len(e.Raw))
	}
	if _, err := NewLeave(bob, at, append(pins, Pin{Log: wire.ID{1}, Number: 1, Link: wire.ID{1}})); reasonOf(err) != ReasonEncoding {
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
