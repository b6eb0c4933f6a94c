package rooms

import (
	"fmt"
	"time"

	"parley/handshake/identity"
	"parley/wire"
)

// A simUser writes at a node, as package rooms/client does: one log, its head kept, what
// is not acknowledged sent again.
type simUser struct {
	n      *simNet
	node   *simNode
	key    *identity.Private
	room   wire.ID
	auth   *Authority // nil in open rooms
	epoch  wire.ID
	prev   *Run
	salt   byte
	acked  uint64
	all    []*Run
	req    ReqKey
	bodies int
	left   bool
}

func (n *simNet) user(nd *simNode, room wire.ID) *simUser {
	key, err := identity.Generate(identity.Ed25519, "user")
	if err != nil {
		n.t.Fatal(err)
	}
	return &simUser{n: n, node: nd, key: key, room: room}
}

func (n *simNet) lobby() wire.ID { return OpenRoomID(n.net, Lobby) }

// request sends a request and returns its number.
func (u *simUser) request(m wire.Message) ReqKey {
	u.n.reqs++
	u.node.step(UserMessage{Req: u.n.reqs, User: u.key.ID(), Msg: m})
	return u.n.reqs
}

// ask sends a request, lets time pass until it has ended, and returns the answers.
func (u *simUser) ask(m wire.Message) []Reply {
	u.n.t.Helper()
	req := u.request(m)
	return u.await(req)
}

func (u *simUser) await(req ReqKey) []Reply {
	u.n.t.Helper()
	for range 10000 {
		if r := u.node.replies[req]; len(r) > 0 && (r[len(r)-1].End || r[len(r)-1].Err != nil) {
			return r
		}
		u.n.run(10 * time.Millisecond)
	}
	u.n.t.Fatalf("request %d was not answered", req)
	return nil
}

// sign makes the next run of the user's log, of count messages.
func (u *simUser) sign(count int) *Run {
	d := &RunDraft{Room: u.room, First: 1, Clock: uint64(u.n.now.UnixMilli()) << 16}
	if u.auth != nil {
		var heads []wire.ID
		if u.prev != nil {
			heads = u.prev.Heads
		}
		d.Heads, d.Epoch = u.auth.Heads(u.key.ID(), heads), u.epoch
	}
	if u.prev != nil {
		d.First, d.Prev, d.Incarnation = u.prev.Last()+1, u.prev.Hash, u.prev.Incarnation
	} else {
		u.salt++
		d.Salt = make([]byte, 16)
		d.Salt[0] = u.salt
		d.Incarnation = NewIncarnation(u.room, u.key.ID(), d.Salt, d.Heads)
	}
	for range count {
		u.bodies++
		m := make([]byte, minMessageBin+16)
		copy(m, fmt.Sprint(u.bodies))
		d.Messages = append(d.Messages, m)
	}
	r, err := SignRun(u.key, d)
	if err != nil {
		u.n.t.Fatal(err)
	}
	u.prev = r
	u.all = append(u.all, r)
	return r
}

// write signs a run and hands it to the peer on the user's append stream.
func (u *simUser) write(count int) *Run {
	r := u.sign(count)
	u.append(r)
	return r
}

func (u *simUser) append(runs ...*Run) {
	if u.req == 0 {
		u.n.reqs++
		u.req = u.n.reqs
	}
	m := &wire.Append{Room: u.room}
	for _, r := range runs {
		m.Runs = append(m.Runs, r.Raw)
	}
	u.node.step(UserMessage{Req: u.req, User: u.key.ID(), Msg: m, Parts: &Parts{Runs: runs}})
}

// acknowledged reads the answers of the append stream: up to where the log is durable at the peer.
func (u *simUser) acknowledged() uint64 {
	for _, r := range u.node.replies[u.req] {
		if a, ok := r.Msg.(*wire.Appended); ok && u.prev != nil && a.Log == u.prev.Log {
			u.acked = max(u.acked, a.Last)
		}
	}
	return u.acked
}

// resend starts a new append stream after a crash and sends again what is not acknowledged.
func (u *simUser) resend() {
	u.acknowledged()
	u.req = 0
	var rest []*Run
	for _, r := range u.all {
		if r.Last() > u.acked {
			rest = append(rest, r)
		}
	}
	if len(rest) > 0 {
		u.append(rest...)
	}
}

// A simRoomKit makes a private room whose master is a user of a node.
type simRoomKit struct {
	n      *simNet
	master *simUser
	link   *Link
	invite *Entry
}

func (n *simNet) privateRoom(nd *simNode, uses uint64) *simRoomKit {
	n.t.Helper()
	u := n.user(nd, wire.ID{})
	check := func(err error) {
		n.t.Helper()
		if err != nil {
			n.t.Fatal(err)
		}
	}
	g, err := NewGenesis(u.key, Genesis{Nonce: make([]byte, 16), Name: "ops"}, Place{Time: n.now})
	check(err)
	u.room, u.auth = g.ID, NewAuthority(g.ID)
	entries := []*Entry{g}
	add := func(e *Entry, err error) *Entry {
		check(err)
		_, missing, err := u.auth.Add(e)
		check(err)
		if len(missing) > 0 {
			n.t.Fatal("an entry of the test's own lacks something")
		}
		return e
	}
	add(g, nil)
	next := func() Place {
		at, err := u.auth.NextOnChain(u.key.ID(), n.now)
		check(err)
		return at
	}
	key := [EpochKeySize]byte{7}
	epoch := add(NewEpoch(u.key, next(), make([]byte, 16), key))
	u.epoch = epoch.ID
	link, err := NewLink(g.ID, n.net.Name, []string{"192.0.2.1:19946"})
	check(err)
	invite := add(NewInvite(u.key, next(), link, uses, time.Time{}, RoleMember))
	entries = append(entries, epoch, invite)
	box, err := SealBox(u.key, epoch, u.key.ID(), u.key.Bundle().Sealing, key)
	check(err)
	linkBox, err := SealBox(u.key, epoch, invite.Invite().LinkID(), invite.Invite().LinkSealing, key)
	check(err)
	d, err := NewDelegation(u.key, g.ID, nd.id, 1)
	check(err)
	m := &wire.Submit{Room: g.ID, Delegation: d.Raw, Boxes: wire.List[wire.Bytes]{box.Raw, linkBox.Raw}}
	for _, e := range entries {
		m.Entries = append(m.Entries, e.Raw)
	}
	u.done(u.ask(m))
	return &simRoomKit{n: n, master: u, link: link, invite: invite}
}

func (u *simUser) done(replies []Reply) {
	u.n.t.Helper()
	last := replies[len(replies)-1]
	if last.Err != nil {
		u.n.t.Fatalf("refused: %v", last.Err)
	}
}

// join takes a newcomer in at a node by the link: the authority first, then the join, then
// the rest.
func (k *simRoomKit) join(nd *simNode) *simUser {
	n := k.n
	n.t.Helper()
	u := n.user(nd, k.link.Room)
	d, err := NewLinkDelegation(k.link, nd.id, 1)
	if err != nil {
		n.t.Fatal(err)
	}
	u.done(u.ask(&wire.Submit{Room: u.room, Delegation: d.Raw}))
	u.auth = NewAuthority(u.room)
	follow := u.request(&wire.AuthorityGet{Room: u.room, Follow: true})
	for i := 0; u.auth.Entry(k.invite.ID) == nil; i++ {
		if i > 1000 {
			n.t.Fatal("the joiner does not get the room's entries")
		}
		n.run(10 * time.Millisecond)
		u.learn(follow)
	}
	u.submitJoin(k, n.now)
	for _, e := range u.auth.Now().Epochs() {
		u.epoch = e.ID
	}
	return u
}

func (u *simUser) submitJoin(k *simRoomKit, now time.Time) {
	u.n.t.Helper()
	join, err := NewJoin(u.key, u.auth.NextBeside(u.key.ID(), now), k.link, k.invite.ID, make([]byte, 16))
	if err != nil {
		u.n.t.Fatal(err)
	}
	_, _, _ = u.auth.Add(join)
	d, err := NewDelegation(u.key, u.room, u.node.id, 1)
	if err != nil {
		u.n.t.Fatal(err)
	}
	u.done(u.ask(&wire.Submit{Room: u.room, Delegation: d.Raw, Entries: wire.List[wire.Bytes]{join.Raw}}))
}

func (u *simUser) learn(req ReqKey) {
	for _, r := range u.node.replies[req] {
		if m, ok := r.Msg.(*wire.Authority); ok {
			for _, raw := range m.Entries {
				e, err := ParseEntry(raw)
				if err != nil {
					u.n.t.Fatal(err)
				}
				_, _, _ = u.auth.Add(e)
			}
		}
	}
}

// refresh lets the user know the entries that its peer holds.
func (u *simUser) refresh() {
	u.n.t.Helper()
	for _, e := range u.node.core.rooms[u.room].auth.All() {
		if _, _, err := u.auth.Add(e); err != nil {
			u.n.t.Fatal(err)
		}
	}
	if epochs := u.auth.Now().Epochs(); len(epochs) > 0 {
		u.epoch = epochs[0].ID
	}
}

// enter makes a chained entry of the user's and hands it to its peer.
func (u *simUser) enter(make func(at Place) (*Entry, error)) *Entry {
	u.n.t.Helper()
	u.refresh()
	at, err := u.auth.NextOnChain(u.key.ID(), u.n.now)
	if err != nil {
		u.n.t.Fatal(err)
	}
	e, err := make(at)
	if err != nil {
		u.n.t.Fatal(err)
	}
	u.done(u.ask(&wire.Submit{Room: u.room, Entries: wire.List[wire.Bytes]{e.Raw}}))
	u.refresh()
	return e
}

// appoint makes an admin, of whom the master's chain is told before.
func (u *simUser) appoint(v *simUser) *Entry {
	u.enter(func(at Place) (*Entry, error) { return NewRevoke(u.key, at, nil) })
	return u.enter(func(at Place) (*Entry, error) { return NewAppoint(u.key, at, v.key.ID()) })
}

func (u *simUser) demote(appointment, cut wire.ID) *Entry {
	return u.enter(func(at Place) (*Entry, error) {
		return NewDemote(u.key, at, appointment, cut, make([]byte, 16), [EpochKeySize]byte{3})
	})
}

// remove stops a user, whose log counts up to a run; nil: no log is named.
func (u *simUser) remove(v *simUser, last *Run) *Entry {
	stop := Stop{Subject: v.key.ID(), Role: RoleNone}
	if last != nil {
		stop.Pins = []Pin{{Log: last.Log, Number: last.Last(), Link: last.Hash}}
	}
	return u.enter(func(at Place) (*Entry, error) {
		return NewStop(u.key, at, stop, make([]byte, 16), [EpochKeySize]byte{4})
	})
}

func (u *simUser) add(v *simUser, role Role) *Entry {
	return u.enter(func(at Place) (*Entry, error) { return NewAdd(u.key, at, v.key.Bundle(), role) })
}

// added makes a user at a peer whom the master adds.
func (k *simRoomKit) added(nd *simNode) *simUser {
	k.n.t.Helper()
	return k.admit(k.n.user(nd, k.link.Room))
}

// admit lets the master add a user, and the user hand the room to its peer.
func (k *simRoomKit) admit(u *simUser) *simUser {
	k.n.t.Helper()
	k.master.add(u, RoleMember)
	d, err := NewDelegation(u.key, u.room, u.node.id, 1)
	if err != nil {
		k.n.t.Fatal(err)
	}
	u.done(u.ask(&wire.Submit{Room: u.room, Delegation: d.Raw}))
	u.auth = NewAuthority(u.room)
	return u
}
