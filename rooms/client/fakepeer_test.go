package client

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/handshake/identity"
	"parley/rooms"
	"parley/wire"
)

// A fakePeer answers a client's requests as a peer does, from memory. It
// checks runs as a peer's core would: signature, link, number.
type fakePeer struct {
	t        testing.TB
	id       wire.ID
	instance [16]byte

	mu       sync.Mutex
	rooms    map[wire.ID]*fakeRoom
	sessions []*fakeSession
	down     bool
	signed   map[string]wire.ID // log and number: the run it was first seen in
	// before is called with every message from a client; an error cuts the session.
	before func(m wire.Message) error
	// refuse, when it returns a code, refuses a run.
	refuse func(r *rooms.Run) wire.Code
	// admit, when it returns a code, refuses a join.
	admit func(join *rooms.Entry) wire.Code
	// late holds back what is answered to so many runs; then refusals come before acknowledgements.
	late int
	held []wire.Message
	// alter, when set, may change what the peer answers; see fakeStream.
	alter func(frame) []frame
	// after is called when a run was taken, before it is acknowledged.
	after    func() error
	requests map[wire.Type]int
}

type fakeRoom struct {
	auth    *rooms.Authority
	boxes   []*rooms.Box
	items   []wire.TailItem
	heads   map[wire.ID]wire.Ref
	links   map[wire.ID]wire.ID
	hashes  map[wire.ID]bool
	clock   uint64
	changed chan struct{} // closed at every change
}

func newFakePeer(t testing.TB) *fakePeer {
	p := &fakePeer{
		t: t, id: wire.Hash("fake peer", []byte(t.Name())), rooms: make(map[wire.ID]*fakeRoom),
		signed: make(map[string]wire.ID), requests: make(map[wire.Type]int),
	}
	p.instance[0] = 1
	return p
}

func (p *fakePeer) room(id wire.ID) *fakeRoom {
	r := p.rooms[id]
	if r == nil {
		r = &fakeRoom{
			auth: rooms.NewAuthority(id), heads: make(map[wire.ID]wire.Ref), links: make(map[wire.ID]wire.ID),
			hashes: make(map[wire.ID]bool), changed: make(chan struct{}),
		}
		p.rooms[id] = r
	}
	return r
}

// dial opens a session, as Client.dial does.
func (p *fakePeer) dial(context.Context) (*connection, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return nil, ErrNoDaemon
	}
	s := &fakeSession{peer: p, done: make(chan struct{})}
	p.sessions = append(p.sessions, s)
	none := make(chan struct{})
	close(none)
	return &connection{transport: s, peer: p.id, name: "fake", token: none}, nil
}

// cut ends all sessions, as kill -9 of the daemon does.
func (p *fakePeer) cut() {
	p.mu.Lock()
	sessions := p.sessions
	p.sessions = nil
	p.mu.Unlock()
	for _, s := range sessions {
		s.end()
	}
}

// asked tells how many messages of a type have come.
func (p *fakePeer) asked(t wire.Type) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests[t]
}

func (p *fakePeer) setDown(down bool) {
	p.mu.Lock()
	p.down = down
	p.mu.Unlock()
	if down {
		p.cut()
	}
}

// serve answers the requests of one stream.
func (p *fakePeer) serve(s stream) error {
	ctx := context.Background()
	for {
		m, err := s.Recv(ctx)
		if err != nil {
			return errCut
		}
		p.mu.Lock()
		before := p.before
		p.requests[m.MessageType()]++
		p.mu.Unlock()
		if before != nil {
			if err := before(m); err != nil {
				p.cut()
				return errCut
			}
		}
		if err := p.answer(ctx, s, m); err != nil {
			return err
		}
	}
}

func (p *fakePeer) answer(ctx context.Context, s stream, m wire.Message) error {
	switch m := m.(type) {
	case *wire.WriterGet:
		return p.writer(ctx, s, m)
	case *wire.Append:
		for _, raw := range m.Runs {
			if err := p.append(ctx, s, m.Room, raw); err != nil {
				return err
			}
		}
		return nil
	case *wire.Tail:
		return p.tail(ctx, s, m)
	case *wire.HeadsGet:
		return p.lastRuns(ctx, s, m)
	case *wire.SealedGet:
		out := &wire.Sealed{}
		p.mu.Lock()
		for _, b := range p.room(m.Room).boxes {
			if b.Epoch == m.Epoch {
				out.Recipients = append(out.Recipients, b.Recipient)
			}
		}
		p.mu.Unlock()
		return s.Send(ctx, out)
	case *wire.AuthorityGet:
		return p.authority(ctx, s, m)
	case *wire.Submit:
		return p.submit(ctx, s, m)
	case *wire.StatusGet:
		return s.Send(ctx, &wire.Status{Peer: p.id, Addresses: wire.List[string]{"192.0.2.1:19946"}})
	case *wire.RoomWatch:
		return s.Send(ctx, &wire.RoomProgress{Peers: 1, InStep: 1})
	case *wire.RoomDetach:
		return s.Send(ctx, &wire.Done{})
	case *wire.RoomsGet:
		out := &wire.Rooms{}
		p.mu.Lock()
		for _, id := range sortedIDs(p.rooms) {
			out.Rooms = append(out.Rooms, wire.RoomInfo{Room: id, Entries: uint64(p.rooms[id].auth.Len())})
		}
		p.mu.Unlock()
		return s.Send(ctx, out)
	case *wire.NoticesGet:
		if err := s.Send(ctx, &wire.Notices{}); err != nil {
			return err
		}
		s.(*fakeStream).end()
		return nil
	case *wire.PlacedGet:
		return s.Send(ctx, &wire.Placed{On: 1, Of: 2})
	}
	return fmt.Errorf("the fake peer does not know %T", m)
}

func (p *fakePeer) writer(ctx context.Context, s stream, m *wire.WriterGet) error {
	p.mu.Lock()
	r := p.room(m.Room)
	out := &wire.Writer{Last: r.heads[m.Log].Number, Link: r.links[m.Log], Clock: r.clock}
	if r.auth.Len() > 0 {
		d := r.auth.Digest()
		out.Digest = d[:]
	}
	if n := len(r.items); n > 0 {
		if run, err := rooms.ParseRun(r.items[n-1].Run); err == nil {
			out.Refs = wire.List[wire.Ref]{{Log: run.Log, Number: run.Last()}}
		}
	}
	p.mu.Unlock()
	return s.Send(ctx, out)
}

func (p *fakePeer) append(ctx context.Context, s stream, id wire.ID, raw []byte) error {
	run, err := rooms.ParseRun(raw)
	if err == nil {
		err = run.Verify()
	}
	if err != nil {
		return wire.Errorf(wire.CodeProtocol, "%v", err)
	}
	answer := p.take(id, run)
	p.mu.Lock()
	after := p.after
	p.mu.Unlock()
	if after != nil {
		if err := after(); err != nil {
			p.cut()
			return errCut
		}
	}
	p.mu.Lock()
	p.held, p.late = append(p.held, answer), max(0, p.late-1)
	var answers []wire.Message
	if p.late == 0 {
		answers, p.held = p.held, nil
		slices.SortStableFunc(answers, func(a, b wire.Message) int { return cmp.Compare(b.MessageType(), a.MessageType()) })
	}
	p.mu.Unlock()
	for _, m := range answers {
		if err := s.Send(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (p *fakePeer) take(id wire.ID, run *rooms.Run) wire.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := run.First; n <= run.Last(); n++ {
		at := fmt.Sprintf("%s/%d", run.Log, n)
		if first, ok := p.signed[at]; ok && first != run.Hash {
			p.t.Errorf("number %d of log %s was signed twice", n, run.Log.Short())
		}
		p.signed[at] = run.Hash
	}
	r := p.room(id)
	head := r.heads[run.Log]
	refuse := func(code wire.Code) wire.Message {
		return &wire.AppendRefused{Log: run.Log, Code: code, Text: "refused by the test", First: run.First, Last: head.Number, Link: r.links[run.Log]}
	}
	if p.refuse != nil {
		if code := p.refuse(run); code != wire.CodeOK {
			return refuse(code)
		}
	}
	ack := &wire.Appended{Log: run.Log, Last: run.Last(), Link: run.Hash}
	switch {
	case r.hashes[run.Hash]:
	case run.First != head.Number+1 || run.Prev != r.links[run.Log]:
		return refuse(wire.CodeConflict)
	default:
		r.hashes[run.Hash] = true
		r.heads[run.Log] = wire.Ref{Log: run.Log, Number: run.Last()}
		r.links[run.Log] = run.Hash
		r.clock = max(r.clock, run.Clock)
		r.arrive(run.Raw, false)
	}
	return ack
}

// arrive stores a run at the end of the room.
func (r *fakeRoom) arrive(raw []byte, waits bool) {
	r.items = append(r.items, wire.TailItem{
		Arrival: uint64(len(r.items)) + 1, Received: uint64(time.Now().UnixNano()), Waits: waits,
		Run: append([]byte(nil), raw...),
	})
	close(r.changed)
	r.changed = make(chan struct{})
}

func (p *fakePeer) tail(ctx context.Context, s stream, m *wire.Tail) error {
	after := uint64(0)
	p.mu.Lock()
	instance := p.instance // a test puts in another
	if string(m.Instance) == string(instance[:]) {
		after = m.After
	}
	items := p.room(m.Room).items
	if m.Last > 0 {
		have := uint64(0)
		start := len(items)
		for start > 0 && have < m.Last {
			start--
			run, _ := rooms.ParseRun(items[start].Run)
			have += uint64(run.Count())
		}
		after = uint64(start)
	}
	p.mu.Unlock()
	for first := true; ; first = false {
		p.mu.Lock()
		r := p.room(m.Room)
		items, changed := r.items[min(after, uint64(len(r.items))):], r.changed
		p.mu.Unlock()
		for len(items) > 0 {
			n := min(len(items), 8)
			if err := s.Send(ctx, &wire.TailRuns{Items: items[:n]}); err != nil {
				return err
			}
			after += uint64(n)
			items = items[n:]
		}
		if err := s.Send(ctx, &wire.TailMark{Instance: instance[:], Arrival: after, Live: first}); err != nil {
			return err
		}
		if !m.Follow {
			return nil
		}
		if err := awaitChange(ctx, s, changed); err != nil {
			return err
		}
	}
}

// awaitChange waits until a room has changed, or the stream is over.
func awaitChange(ctx context.Context, s stream, changed <-chan struct{}) error {
	var ended, done <-chan struct{}
	if fs, ok := s.(*fakeStream); ok {
		ended, done = fs.ended, fs.session.done
	}
	select {
	case <-changed:
		return nil
	case <-ended:
	case <-done:
	case <-ctx.Done():
	}
	return errCut
}

func (p *fakePeer) lastRuns(ctx context.Context, s stream, m *wire.HeadsGet) error {
	p.mu.Lock()
	out := &wire.TailRuns{}
	r := p.room(m.Room)
	for _, it := range r.items {
		run, err := rooms.ParseRun(it.Run)
		if err == nil && r.links[run.Log] == run.Hash && (m.Author.IsZero() || run.Author == m.Author) {
			out.Items = append(out.Items, it)
		}
	}
	p.mu.Unlock()
	if len(out.Items) > 0 {
		if err := s.Send(ctx, out); err != nil {
			return err
		}
	}
	s.(*fakeStream).end()
	return nil
}

func (p *fakePeer) authority(ctx context.Context, s stream, m *wire.AuthorityGet) error {
	for known, boxes, first := string(m.Known), 0, true; ; first = false {
		p.mu.Lock()
		r := p.room(m.Room)
		if r.auth.Len() == 0 {
			p.mu.Unlock()
			return wire.Errorf(wire.CodeNotFound, "no such room")
		}
		digest, changed := r.auth.Digest(), r.changed
		out := &wire.Authority{Digest: digest[:]}
		if known != string(digest[:]) {
			for _, e := range r.auth.All() {
				out.Entries = append(out.Entries, e.Raw)
			}
		}
		if len(out.Entries) > 0 || !first {
			for _, b := range r.boxes[min(boxes, len(r.boxes)):] {
				if b.Recipient == m.Recipient || m.Recipient.IsZero() {
					out.Boxes = append(out.Boxes, b.Raw)
				}
			}
		}
		known, boxes = string(digest[:]), len(r.boxes)
		p.mu.Unlock()
		if first || len(out.Entries)+len(out.Boxes) > 0 {
			if err := s.Send(ctx, out); err != nil {
				return err
			}
		}
		if !m.Follow {
			return nil
		}
		if err := awaitChange(ctx, s, changed); err != nil {
			return err
		}
	}
}

func (p *fakePeer) submit(ctx context.Context, s stream, m *wire.Submit) error {
	p.mu.Lock()
	r := p.room(m.Room)
	for _, raw := range m.Entries {
		e, err := rooms.ParseEntry(raw)
		if err == nil && e.Join() != nil && p.admit != nil {
			if code := p.admit(e); code != wire.CodeOK {
				p.mu.Unlock()
				return wire.Errorf(code, "not admitted")
			}
		}
		if err == nil {
			_, _, err = r.auth.Add(e)
		}
		if err != nil {
			p.mu.Unlock()
			return wire.Errorf(wire.CodeInvalid, "%v", err)
		}
	}
	for _, raw := range m.Boxes {
		b, err := rooms.ParseBox(raw)
		if err != nil {
			p.mu.Unlock()
			return wire.Errorf(wire.CodeInvalid, "%v", err)
		}
		if v, why := r.auth.JudgeBox(b); v != rooms.Valid {
			p.t.Errorf("box is %v: %v", v, why)
		}
		r.boxes = append(r.boxes, b)
	}
	close(r.changed)
	r.changed = make(chan struct{})
	p.mu.Unlock()
	return s.Send(ctx, &wire.Done{})
}

// testClient returns a client of p with its home in dir ("": a fresh one).
func testClient(t testing.TB, p *fakePeer, name, dir string) *Client {
	t.Helper()
	key, err := identity.Generate(identity.Ed25519, name)
	if err != nil {
		t.Fatal(err)
	}
	return testClientOf(t, p, key, dir)
}

func testClientOf(t testing.TB, p *fakePeer, key *identity.Private, dir string) *Client {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
	c, err := Open(Config{
		Identity: key, Network: identity.Network{Name: "test"}, Dir: dir,
		Notice: func(s string) { t.Logf("notice: %s", s) },
	})
	if err != nil {
		t.Fatal(err)
	}
	c.dial = p.dial
	t.Cleanup(func() { c.Close() })
	return c
}

// texts reads the whole room.
func texts(t testing.TB, c *Client, room wire.ID) []string {
	t.Helper()
	var list []string
	for m, err := range c.Tail(t.Context(), room, TailOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Problem != nil {
			t.Fatalf("message %d of log %s: %v", m.Seq, m.Log.Short(), m.Problem)
		}
		list = append(list, string(m.Data))
	}
	return list
}
