package rooms

import (
	"crypto/rand"
	"encoding/binary"
	"testing"
	"time"

	"parley/handshake/identity"
	"parley/wire"
)

// testTime is when everything in the tests was written.
func testTime() time.Time { return time.Unix(1_700_000_000, 0) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func newUser(t testing.TB, name string) *identity.Private {
	t.Helper()
	key, err := identity.Generate(identity.Ed25519, name)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// A testRoom is a room as one who has seen everything holds it.
type testRoom struct {
	testing.TB
	*Authority
	master   *identity.Private
	genesis  *Entry
	epoch    *Entry
	epochKey [EpochKeySize]byte
	links    map[wire.ID]*Link // by invite
}

// newTestRoom makes a room with its first epoch.
func newTestRoom(t testing.TB) *testRoom {
	t.Helper()
	tr := &testRoom{TB: t, master: newUser(t, "ada"), links: map[wire.ID]*Link{}}
	g, err := NewGenesis(tr.master, Genesis{Nonce: randomBytes(nonceSize), Name: "ops", Topic: "what is on fire"}, Place{Time: testTime()})
	if err != nil {
		t.Fatal(err)
	}
	tr.Authority = NewAuthority(g.ID)
	tr.genesis = tr.add(g, nil)
	tr.epochKey = [EpochKeySize]byte(randomBytes(EpochKeySize))
	tr.epoch = tr.newEpoch()
	return tr
}

// add adds an entry that must be held at once.
func (tr *testRoom) add(e *Entry, err error) *Entry {
	tr.Helper()
	if err != nil {
		tr.Fatal(err)
	}
	added, missing, err := tr.Add(e)
	if err != nil || len(missing) > 0 || len(added) == 0 {
		tr.Fatalf("%s: added %d, missing %v, %v", e.Kind, len(added), missing, err)
	}
	return e
}

// refused adds an entry that must be refused with a reason.
func (tr *testRoom) refused(want Reason, e *Entry, err error) {
	tr.Helper()
	if err == nil {
		_, _, err = tr.Add(e)
	}
	if reasonOf(err) != want {
		tr.Fatalf("refused with %v, not %v", err, want)
	}
}

// reasonOf is the Reason that an error wraps.
func reasonOf(err error) Reason {
	for r := range reasonCount {
		if wrapsReason(err, r) {
			return r
		}
	}
	return ReasonNone
}

func (tr *testRoom) next() Place {
	tr.Helper()
	at, err := tr.NextOnChain(tr.master.ID(), testTime())
	if err != nil {
		tr.Fatal(err)
	}
	return at
}

func (tr *testRoom) newEpoch() *Entry {
	tr.Helper()
	return tr.add(NewEpoch(tr.master, tr.next(), randomBytes(nonceSize), tr.epochKey))
}

func (tr *testRoom) link() *Link {
	tr.Helper()
	l, err := NewLink(tr.Room(), "home", []string{"10.0.0.1:19946", "[fe80::1%eth0]:19946"})
	if err != nil {
		tr.Fatal(err)
	}
	return l
}

func (tr *testRoom) invite(role Role) *Entry {
	tr.Helper()
	l := tr.link()
	e := tr.add(NewInvite(tr.master, tr.next(), l, 0, time.Time{}, role))
	tr.links[e.ID] = l
	return e
}

func (tr *testRoom) join(user *identity.Private, invite *Entry) *Entry {
	tr.Helper()
	return tr.add(NewJoin(user, tr.NextBeside(user.ID(), testTime()), tr.links[invite.ID], invite.ID, randomBytes(nonceSize)))
}

func (tr *testRoom) leave(user *identity.Private, last ...*Run) *Entry {
	tr.Helper()
	var pins []Pin
	for _, r := range last {
		pins = append(pins, Pin{Log: r.Log, Number: r.Last(), Link: r.Hash})
	}
	return tr.add(NewLeave(user, tr.NextBeside(user.ID(), testTime()), pins))
}

// member makes a user who has joined with role.
func (tr *testRoom) member(name string, role Role) *identity.Private {
	tr.Helper()
	user := newUser(tr, name)
	tr.join(user, tr.invite(role))
	return user
}

// draft is the next run after prev (nil: a new log) as an honest writer makes it.
func (tr *testRoom) draft(user *identity.Private, prev *Run) *RunDraft {
	tr.Helper()
	d := &RunDraft{Room: tr.Room(), Clock: NextClock(testTime(), 0, 0)}
	if prev == nil {
		d.First = 1
		d.Heads = tr.Heads(user.ID(), nil)
		d.Salt = randomBytes(saltSize)
		d.Incarnation = NewIncarnation(d.Room, user.ID(), d.Salt, d.Heads)
	} else {
		d.First, d.Prev, d.Incarnation = prev.Last()+1, prev.Hash, prev.Incarnation
		d.Heads = tr.Heads(user.ID(), prev.Heads)
		d.Clock = NextClock(testTime(), prev.Clock, 0)
	}
	if v := tr.View(d.Heads); len(v.Epochs()) > 0 {
		d.Epoch = v.Epochs()[0].ID
	}
	d.Messages = [][]byte{randomBytes(minMessageBin)}
	return d
}

// restart makes a draft the first of a new log, after its heads were changed.
func (d *RunDraft) restart(author wire.ID) *RunDraft {
	d.First, d.Prev, d.Salt = 1, wire.ID{}, randomBytes(saltSize)
	d.Incarnation = NewIncarnation(d.Room, author, d.Salt, d.Heads)
	return d
}

func (tr *testRoom) sign(user *identity.Private, d *RunDraft) *Run {
	tr.Helper()
	r, err := SignRun(user, d)
	if err != nil {
		tr.Fatal(err)
	}
	return r
}

func (tr *testRoom) write(user *identity.Private, prev *Run) *Run {
	tr.Helper()
	return tr.sign(user, tr.draft(user, prev))
}

// judged asserts what becomes of r, given the runs before it in its log.
func (tr *testRoom) judged(want Verdict, why Reason, r *Run, before ...*Run) {
	tr.Helper()
	var state *LogState
	for _, p := range before {
		state = p.Extend(state)
	}
	if v, reason, _ := tr.Judge(r, state); v != want || reason != why {
		tr.Fatalf("judged %v (%v), not %v (%v)", v, reason, want, why)
	}
}

// smallNumber is a cheap deterministic choice from random bytes.
func smallNumber(n int) int { return int(binary.BigEndian.Uint32(randomBytes(4)) % uint32(n)) }
