package peer

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"parley/rooms"
	"parley/session"
	"parley/store"
	"parley/wire"
)

// A link is one live session with another peer.
type link struct {
	key      rooms.PeerKey
	ctx      context.Context // ends with the session
	session  *session.Session
	id       wire.ID
	name     string
	instance [8]byte
	addr     string
	outbound bool
	since    time.Time
	lower    bool // opened by the lower of the two IDs: the one that both keep

	mu      sync.Mutex
	queue   []rooms.Send // room messages waiting to be sent, in order
	bytes   int
	pushes  *session.Stream // our live stream
	wake    chan struct{}
	serving int // pulls being served
}

// sessions is the table of live links: at most one for each remote peer.
type sessions struct {
	mu    sync.Mutex
	byKey map[rooms.PeerKey]*link
	byID  map[wire.ID]*link
	last  rooms.PeerKey
}

func newSessions() *sessions {
	return &sessions{byKey: make(map[rooms.PeerKey]*link), byID: make(map[wire.ID]*link)}
}

// connected reports whether a link stands with the peer of that ID or instance.
func (t *sessions) connected(id wire.ID, instance [8]byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID[id] != nil {
		return true
	}
	if instance == [8]byte{} {
		return false
	}
	for _, l := range t.byID {
		if l.instance == instance {
			return true
		}
	}
	return false
}

// admit decides between a new link and one that already stands with the same
// peer. When two peers dialled each other at once both keep the one opened by
// the lower ID; a daemon that restarted, or dialled again from the same side,
// has given up the old one itself. It returns the link to close, if any.
func (t *sessions) admit(l *link) (loser *link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.byID[l.id]
	if old != nil && old.instance == l.instance && old.lower && !l.lower {
		return l
	}
	t.last++
	l.key = t.last
	t.byID[l.id], t.byKey[l.key] = l, l
	return old
}

func (t *sessions) remove(l *link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byKey, l.key)
	if t.byID[l.id] == l {
		delete(t.byID, l.id)
	}
}

func (t *sessions) get(key rooms.PeerKey) *link {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byKey[key]
}

func (t *sessions) all() []*link {
	t.mu.Lock()
	defer t.mu.Unlock()
	links := make([]*link, 0, len(t.byKey))
	for _, l := range t.byKey {
		links = append(links, l)
	}
	return links
}

// send queues a room message. It never blocks; a link whose queue is full is
// closed, and syncs when it comes back.
func (l *link) send(e rooms.Send) {
	size := messageSize(e.Msg)
	l.mu.Lock()
	full := l.bytes+size > maxOutbox
	if !full {
		l.queue = append(l.queue, e)
		l.bytes += size
	}
	l.mu.Unlock()
	if full {
		l.session.Close(wire.CodeBusy, "it does not read what it is sent")
		return
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// pump sends what is queued on the room stream.
func (p *Peer) pump(ctx context.Context, l *link, st *session.Stream) error {
	for {
		l.mu.Lock()
		batch := l.queue
		l.queue, l.bytes = nil, 0
		l.mu.Unlock()
		for _, e := range batch {
			if m, ok := e.Msg.(*wire.Records); ok && len(e.Fill) > 0 {
				boxes, err := p.boxes(ctx, e.Room, e.Fill)
				if err != nil {
					return err
				}
				m.Records = append(m.Records, boxes...)
			}
			if err := st.Send(ctx, e.Msg); err != nil {
				return err
			}
		}
		if len(batch) > 0 {
			continue
		}
		select {
		case <-l.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// boxes reads boxes from the store, leaving out those no longer held.
func (p *Peer) boxes(ctx context.Context, room wire.ID, ids []wire.ID) ([]wire.Bytes, error) {
	var all []wire.Bytes
	for _, id := range ids {
		rec, err := p.store.Record(ctx, room, store.KindBox, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, rec.Bytes)
	}
	return all, nil
}

// runLink joins a link to the core until the session ends.
func (p *Peer) runLink(ctx context.Context, l *link) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	fail := func(err error) {
		var werr *wire.Error
		switch {
		case err == nil, errors.Is(err, context.Canceled):
		case errors.Is(err, io.EOF), errors.As(err, &werr) && werr.Remote: // nothing, if it was the session that ended
			l.session.Close(wire.CodeProtocol, "the stream of the rooms was ended")
		case errors.As(err, &werr) && !werr.Remote:
			p.offend(l.addr, err)
			l.session.Close(werr.Code, werr.Text)
		}
		cancel()
	}
	// Pushes and pulls that the other side ends or gives up end nothing but themselves.
	alone := func(err error) {
		var werr *wire.Error
		if errors.As(err, &werr) && !werr.Remote {
			fail(err)
		}
	}

	live, err := l.session.Open(session.Live)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.pushes = live
	l.mu.Unlock()
	result := l.session.Result()
	p.post(rooms.PeerUp{Peer: l.key, ID: l.id, Name: l.name, Initiator: result.Initiator, Exporter: result.Exporter})
	defer p.post(rooms.PeerDown{Peer: l.key})

	if result.Initiator {
		st, err := l.session.Open(session.Interactive)
		if err != nil {
			return err
		}
		wg.Go(func() { fail(p.pump(ctx, l, st)) })
		wg.Go(func() { fail(p.readRooms(ctx, l, st)) })
	}
	for first := true; ; {
		st, err := l.session.Accept(ctx)
		if err != nil {
			return err
		}
		switch class := st.Class(); {
		case class == session.Interactive && first && !result.Initiator:
			first = false
			wg.Go(func() { fail(p.pump(ctx, l, st)) })
			wg.Go(func() { fail(p.readRooms(ctx, l, st)) })
		case class == session.Live:
			wg.Go(func() { alone(p.readPushes(ctx, l, st)) })
		case class == session.Bulk:
			wg.Go(func() { alone(p.readPull(ctx, l, st)) })
		default:
			err := wire.Errorf(wire.CodeProtocol, "a stream that serves nothing was opened")
			fail(err)
			return err
		}
	}
}

// readRooms hands the room messages of a link to the core, in order.
func (p *Peer) readRooms(ctx context.Context, l *link, st *session.Stream) error {
	for {
		m, err := st.Recv(ctx)
		if err != nil {
			return err
		}
		parts, err := rooms.Prepare(m)
		if err != nil {
			return &wire.Error{Code: wire.CodeProtocol, Text: "a record is not valid", Cause: err}
		}
		if _, ok := m.(*wire.Records); ok && !p.persist.room() {
			return nil
		}
		p.post(rooms.PeerMessage{Peer: l.key, Msg: m, Parts: parts})
	}
}

// readPushes verifies the live runs of a link and hands them to the core.
func (p *Peer) readPushes(ctx context.Context, l *link, st *session.Stream) error {
	for {
		m, err := st.Recv(ctx)
		if err != nil {
			return err
		}
		push, ok := m.(*wire.Push)
		if !ok {
			return wire.Errorf(wire.CodeProtocol, "only pushes belong on a live stream")
		}
		runs, err := verifyRuns(push.Runs)
		if err != nil {
			return &wire.Error{Code: wire.CodeProtocol, Text: "a pushed run is not valid", Cause: err}
		}
		if !p.persist.room() {
			return nil
		}
		p.post(rooms.RunsIn{Peer: l.key, Ref: push.Ref, Runs: runs})
	}
}

// readPull takes the request off a bulk stream and hands it to the core, which
// decides whether it is served.
func (p *Peer) readPull(ctx context.Context, l *link, st *session.Stream) error {
	m, err := st.Recv(ctx)
	if err != nil {
		return err
	}
	pull, ok := m.(*wire.Pull)
	if !ok {
		return wire.Errorf(wire.CodeProtocol, "a bulk stream opens with a pull")
	}
	p.post(rooms.PullIn{Peer: l.key, Stream: st, Msg: pull})
	return nil
}
