package rooms

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"testing/cryptotest"
	"time"

	"parley/handshake/identity"
	"parley/wire"
)

// A validityVector is a room's entries and what its rules make of runs and of people.
type validityVector struct {
	Room    string            `json:"room"`
	Entries []namedEntry      `json:"entries"` // to be added in this order
	Roles   map[string]string `json:"roles"`   // by user: with all entries held
	Runs    []judgedRun       `json:"runs"`    // with all entries held
	Name    string            `json:"name,omitempty"`
	Epochs  []string          `json:"epochs,omitempty"`  // that may be written in
	Invites []string          `json:"invites,omitempty"` // that are live
	Removed []string          `json:"removed,omitempty"` // users who are kept out
	Void    []string          `json:"void,omitempty"`    // entries that are held and do not count
}

type namedEntry struct {
	Name    string `json:"name"`
	Input   string `json:"input"`
	Refused string `json:"refused,omitempty"`
}

type judgedRun struct {
	Name    string   `json:"name"`
	Input   string   `json:"input"`
	Before  []string `json:"before"`         // names of the runs before it in its log
	Fork    uint64   `json:"fork,omitempty"` // least number of two siblings of its log, both base VALID
	Held    []string `json:"held,omitempty"` // names of the runs held beyond the fork
	Verdict string   `json:"verdict"`
	Reason  string   `json:"reason,omitempty"`
}

// A validityMaker records what it does in a room.
type validityMaker struct {
	*testRoom
	out   validityVector
	names map[*Run]string
}

func (m *validityMaker) entry(name string, e *Entry, err error) *Entry {
	m.Helper()
	fatal(m, err)
	v := namedEntry{Name: name, Input: hex.EncodeToString(e.Raw)}
	if _, _, err := m.Add(e); err != nil {
		v.Refused = reasonOf(err).String()
	}
	m.out.Entries = append(m.out.Entries, v)
	return e
}

func (m *validityMaker) run(name string, r *Run, before ...*Run) *Run {
	v := judgedRun{Name: name, Input: hex.EncodeToString(r.Raw), Before: []string{}}
	for _, b := range before {
		v.Before = append(v.Before, m.names[b])
	}
	m.names[r] = name
	m.out.Runs = append(m.out.Runs, v)
	return r
}

func makeValidity(t testing.TB) validityVector {
	m := &validityMaker{testRoom: newTestRoom(t), names: map[*Run]string{}}
	m.out.Room = hexID(m.Room())
	for _, e := range m.All() {
		m.out.Entries = append(m.out.Entries, namedEntry{Name: e.Kind.String(), Input: hex.EncodeToString(e.Raw)})
	}
	nonce := func() []byte { return randomBytes(nonceSize) }
	users := map[string]*identity.Private{"master": m.master}
	invites := map[Role]*Entry{}
	for _, role := range []Role{RoleMember, RoleReader, RoleRelay} {
		l := m.link()
		inv, err := NewInvite(m.master, m.next(), l, 0, time.Time{}, role)
		invites[role] = m.entry("invite-"+role.String(), inv, err)
		m.links[inv.ID] = l
		u := newUser(t, role.String())
		users[role.String()] = u
		j, err := NewJoin(u, m.NextBeside(u.ID(), testTime()), l, inv.ID, nonce())
		m.entry("join-"+role.String(), j, err)
	}
	bob, eve := users["member"], newUser(t, "eve")
	users["stranger"] = eve
	e, err := NewEpoch(bob, m.next(), nonce(), m.epochKey)
	m.entry("epoch-by-a-member", e, err)
	e, err = NewJoin(eve, m.NextBeside(eve.ID(), testTime()), m.link(), invites[RoleMember].ID, nonce())
	m.entry("join-by-another-link", e, err)
	e, err = NewLeave(eve, m.NextBeside(eve.ID(), testTime()), nil)
	m.entry("leave-by-a-stranger", e, err)
	e, err = NewLeave(m.master, m.NextBeside(m.master.ID(), testTime()), nil)
	m.entry("leave-by-the-master", e, err)

	first := m.run("first-of-a-log", m.write(bob, nil))
	m.run("by-a-reader", m.write(users["reader"], nil))
	m.run("by-a-relay", m.write(users["relay"], nil))
	m.run("by-a-stranger", m.write(eve, nil))
	hidden := m.draft(bob, nil)
	hidden.Heads = m.Heads(eve.ID(), nil)
	m.run("by-a-member-that-omits-its-join", m.sign(bob, hidden.restart(bob.ID())))
	backdated := m.draft(bob, nil)
	e, err = NewEpoch(m.master, m.next(), nonce(), m.epochKey)
	second := m.entry("second-epoch", e, err)
	m.run("in-the-old-epoch-with-old-heads", m.sign(bob, backdated))
	stale := m.draft(bob, nil)
	stale.Epoch = m.epoch.ID
	m.run("in-an-epoch-known-to-be-replaced", m.sign(bob, stale))
	next := m.run("next-of-a-log", m.write(bob, first), first)
	m.run("without-the-run-before-it", m.write(bob, next))
	forgets := m.draft(bob, next)
	forgets.Heads, forgets.Epoch = first.Heads, m.epoch.ID
	m.run("forgets-what-the-run-before-had-seen", m.sign(bob, forgets), first, next)
	skips := m.draft(bob, next)
	skips.First++
	m.run("skips-a-number", m.sign(bob, skips), first, next)
	unknown := m.draft(bob, nil)
	unknown.Heads = union(unknown.Heads, []wire.ID{{1}})
	m.run("names-an-entry-not-held", m.sign(bob, unknown.restart(bob.ID())))

	carl := newUser(t, "carl")
	users["left"] = carl
	j, err := NewJoin(carl, m.NextBeside(carl.ID(), testTime()), m.links[invites[RoleMember].ID], invites[RoleMember].ID, nonce())
	m.entry("join-carl", j, err)
	c1 := m.run("before-the-pin", m.write(carl, nil))
	c2 := m.run("at-the-pin", m.write(carl, c1), c1)
	fork := m.write(carl, c1)
	c3 := m.write(carl, c2)
	unnamed := m.write(carl, nil)
	l, err := NewLeave(carl, m.NextBeside(carl.ID(), testTime()), []Pin{{Log: c2.Log, Number: c2.Last(), Link: c2.Hash}})
	m.entry("leave-carl", l, err)
	m.run("after-the-pin", c3, c1, c2)
	m.run("with-the-pin's-number-and-another-link", fork, c1)
	m.run("of-a-log-that-the-leave-omits", unnamed)
	m.run("with-heads-that-have-seen-the-leave", m.write(carl, nil))

	dora := newUser(t, "dora")
	users["rejoined"] = dora
	j, err = NewJoin(dora, m.NextBeside(dora.ID(), testTime()), m.links[invites[RoleMember].ID], invites[RoleMember].ID, nonce())
	m.entry("join-dora", j, err)
	d1 := m.run("dora-before-leaving", m.write(dora, nil))
	l, err = NewLeave(dora, m.NextBeside(dora.ID(), testTime()), []Pin{{Log: d1.Log, Number: d1.Last(), Link: d1.Hash}})
	m.entry("leave-dora", l, err)
	j, err = NewJoin(dora, m.NextBeside(dora.ID(), testTime()), m.links[invites[RoleMember].ID], invites[RoleMember].ID, nonce())
	m.entry("join-dora-again", j, err)
	m.run("goes-on-with-a-log-from-before-leaving", m.write(dora, d1), d1)
	m.run("starts-a-log-after-rejoining", m.write(dora, nil))

	m.out.Roles = map[string]string{}
	for _, u := range users {
		m.out.Roles[hexID(u.ID())] = m.Now().Role(u.ID()).String()
	}
	if m.Now().Epochs()[0] != second {
		t.Fatal("not the newest epoch")
	}
	m.judgeAll()
	return m.out
}

func (m *validityMaker) judgeAll() {
	byName := map[string]*Run{}
	for i := range m.out.Runs {
		v := &m.out.Runs[i]
		verdict, why := judgeVector(m, m.Authority, v, byName)
		v.Verdict = verdict.String()
		if why != ReasonNone {
			v.Reason = why.String()
		}
	}
}

func judgeVector(t testing.TB, a *Authority, v *judgedRun, byName map[string]*Run) (Verdict, Reason) {
	t.Helper()
	raw, err := hex.DecodeString(v.Input)
	fatal(t, err)
	r, err := ParseRun(raw)
	fatal(t, err)
	fatal(t, r.Verify())
	byName[v.Name] = r
	var state *LogState
	for _, name := range v.Before {
		state = byName[name].Extend(state)
	}
	if v.Fork > 0 {
		runs := held{}
		for _, name := range v.Held {
			r := byName[name]
			runs[r.Hash] = HeldRun{First: r.First, Last: r.Last(), Prev: r.Prev}
		}
		if state == nil {
			state = &LogState{}
		}
		state.Fork, state.Held = v.Fork, runs
	}
	verdict, why, _ := a.Judge(r, state)
	return verdict, why
}

func TestVectorsOfValidityAreJudgedAsTheySay(t *testing.T) {
	if *update {
		cryptotest.SetGlobalRandom(t, 21)
		writeVectors(t, "validity", makeValidity(t))
	}
	var v validityVector
	readJSON(t, "validity", &v)
	verdicts := v.check(t)
	if len(verdicts) != 4 || len(v.Roles) < 6 {
		t.Fatalf("not every verdict occurs: %v", verdicts)
	}
}

// check judges what a vector holds, and counts the verdicts.
func (v *validityVector) check(t testing.TB) map[string]int {
	t.Helper()
	room, err := hex.DecodeString(v.Room)
	fatal(t, err)
	a := NewAuthority(wire.ID(room))
	for _, e := range v.Entries {
		raw, err := hex.DecodeString(e.Input)
		fatal(t, err)
		parsed, err := ParseEntry(raw)
		fatal(t, err)
		if _, _, err := a.Add(parsed); (err != nil) != (e.Refused != "") || err != nil && reasonOf(err).String() != e.Refused {
			t.Errorf("%s: %v, not %q", e.Name, err, e.Refused)
		}
	}
	for user, role := range v.Roles {
		if got := a.Now().Role(vectorID(t, user)); got.String() != role {
			t.Errorf("%s is %v, not %s", user, got, role)
		}
	}
	byName, verdicts := map[string]*Run{}, map[string]int{}
	for _, r := range v.Runs {
		verdict, why := judgeVector(t, a, &r, byName)
		if verdict.String() != r.Verdict || why != ReasonNone && why.String() != r.Reason {
			t.Errorf("%s: %v (%v), not %s (%s)", r.Name, verdict, why, r.Verdict, r.Reason)
		}
		verdicts[r.Verdict]++
	}
	v.checkState(t, a)
	return verdicts
}

func readJSON(t testing.TB, family string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(vectorDir, family+".json"))
	fatal(t, err)
	fatal(t, json.Unmarshal(raw, into))
}

// A keyVector says what follows from secrets.
type keyVector struct {
	OpenRooms []openRoomVector `json:"open-rooms"`
	Messages  []messageVector  `json:"messages"`
	Boxes     []boxVector      `json:"boxes"`
}

type openRoomVector struct {
	Network string `json:"network"`
	Secret  string `json:"secret"` // empty: a network without one
	Name    string `json:"name"`
	Room    string `json:"room"`
	Key     string `json:"key"`
}

type messageVector struct {
	Name        string `json:"name"`
	Key         string `json:"epoch-key"`
	Room        string `json:"room"`
	Epoch       string `json:"epoch"`
	Author      string `json:"author"`
	Incarnation string `json:"incarnation"`
	Number      uint64 `json:"number"`
	Prev        string `json:"prev"`
	IV          string `json:"iv"`
	Data        string `json:"data"`
	DisplayName string `json:"display-name"`
	Sealed      string `json:"sealed"`
	Refused     bool   `json:"refused,omitempty"`
}

type boxVector struct {
	Name    string `json:"name"`
	Link    string `json:"link"`  // whose sealing key opens the box
	Epoch   string `json:"epoch"` // the entry
	Box     string `json:"box"`
	Key     string `json:"key,omitempty"`
	Refused string `json:"refused,omitempty"`
}

func makeKeys(t testing.TB) (v keyVector) {
	secret := make([]byte, 32)
	secret[0] = 1
	for _, n := range []identity.Network{{Name: "home", Secret: secret}, {Name: "home"}} {
		for _, name := range []string{Lobby, "café"} {
			id := OpenRoomID(n, name)
			key := OpenRoomKey(n, id)
			v.OpenRooms = append(v.OpenRooms, openRoomVector{n.Name, hex.EncodeToString(n.Secret), name, hexID(id), hex.EncodeToString(key[:])})
		}
	}
	m := messageVector{Name: "in-a-room", Epoch: hexID(wire.ID{3}), Number: 7, Data: hex.EncodeToString([]byte("hello, world"))}
	m.Key, m.Room, m.Author = hexID(wire.ID{1}), hexID(wire.ID{2}), hexID(wire.ID{4})
	m.Incarnation, m.Prev, m.IV = hexID(wire.ID{5}), hexID(wire.ID{6}), hex.EncodeToString(randomBytes(ivSize))
	open := m
	open.Name, open.Epoch, open.DisplayName = "in-an-open-room", hexID(wire.ID{}), "zoe"
	for _, x := range []messageVector{m, open} {
		c, prev, iv := x.cipher(t)
		data, _ := hex.DecodeString(x.Data)
		sealed, err := c.Seal(nil, iv, x.Number, prev, &Message{Data: data, Name: x.DisplayName})
		fatal(t, err)
		x.Sealed = hex.EncodeToString(sealed)
		v.Messages = append(v.Messages, x)
	}
	moved := v.Messages[0]
	moved.Name, moved.Number, moved.Refused = "in-another-place", 8, true
	v.Messages = append(v.Messages, moved)

	tr := newTestRoom(t)
	inv := tr.invite(RoleMember)
	body := inv.Invite()
	add := func(name string, key [EpochKeySize]byte, link *Link) {
		box, err := SealBox(tr.master, tr.epoch, body.LinkID(), body.LinkSealing, key)
		fatal(t, err)
		b := boxVector{Name: name, Link: link.Text(), Epoch: hex.EncodeToString(tr.epoch.Raw), Box: hex.EncodeToString(box.Raw)}
		got, err := b.open(t)
		if b.Refused = reasonOf(err).String(); err == nil {
			b.Key, b.Refused = hex.EncodeToString(got[:]), ""
		}
		v.Boxes = append(v.Boxes, b)
	}
	add("sealed-to-a-link", tr.epochKey, tr.links[inv.ID])
	add("not-the-key-committed-to", [EpochKeySize]byte{1}, tr.links[inv.ID])
	add("opened-with-another-link", tr.epochKey, tr.link())
	return v
}

func vectorID(t testing.TB, s string) wire.ID {
	t.Helper()
	raw, err := hex.DecodeString(s)
	fatal(t, err)
	return wire.ID(raw)
}

func (v *messageVector) cipher(t testing.TB) (c *MessageCipher, prev wire.ID, iv []byte) {
	iv, err := hex.DecodeString(v.IV)
	fatal(t, err)
	c = NewMessageCipher(vectorID(t, v.Key), vectorID(t, v.Room), vectorID(t, v.Epoch), vectorID(t, v.Author), vectorID(t, v.Incarnation))
	return c, vectorID(t, v.Prev), iv
}

func (v *boxVector) open(t testing.TB) (key [EpochKeySize]byte, err error) {
	link, err := ParseLink(v.Link)
	fatal(t, err)
	keys, err := link.Keys()
	fatal(t, err)
	raw, err := hex.DecodeString(v.Epoch)
	fatal(t, err)
	epoch, err := ParseEntry(raw)
	fatal(t, err)
	raw, err = hex.DecodeString(v.Box)
	fatal(t, err)
	box, err := ParseBox(raw)
	fatal(t, err)
	return box.Open(epoch, keys.Seal.Public(), keys.Seal.Open)
}

func TestVectorsOfKeysFollowFromTheirSecrets(t *testing.T) {
	if *update {
		cryptotest.SetGlobalRandom(t, 22)
		writeVectors(t, "keys", makeKeys(t))
	}
	var v keyVector
	readJSON(t, "keys", &v)
	if len(v.OpenRooms) == 0 || len(v.Messages) == 0 || len(v.Boxes) == 0 {
		t.Fatal("a family is empty")
	}
	for _, o := range v.OpenRooms {
		n := identity.Network{Name: o.Network}
		if o.Secret != "" {
			n.Secret, _ = hex.DecodeString(o.Secret)
		}
		id := OpenRoomID(n, o.Name)
		if key := OpenRoomKey(n, id); hexID(id) != o.Room || hex.EncodeToString(key[:]) != o.Key {
			t.Errorf("%s of %s: %x, %x", o.Name, o.Network, id, key)
		}
	}
	for _, m := range v.Messages {
		c, prev, _ := m.cipher(t)
		sealed, err := hex.DecodeString(m.Sealed)
		fatal(t, err)
		got, err := c.Open(nil, &Run{First: m.Number, Prev: prev, Messages: [][]byte{sealed}}, 0)
		if (err != nil) != m.Refused || err == nil && (hex.EncodeToString(got.Data) != m.Data || got.Name != m.DisplayName) {
			t.Errorf("%s: %v, %q", m.Name, err, got.Data)
		}
	}
	for _, b := range v.Boxes {
		key, err := b.open(t)
		if (err == nil) != (b.Refused == "") || err != nil && reasonOf(err).String() != b.Refused || err == nil && hex.EncodeToString(key[:]) != b.Key {
			t.Errorf("%s: %v", b.Name, err)
		}
	}
}
