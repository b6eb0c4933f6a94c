package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"parley/rooms"
	"parley/wire"
)

// A writer sends messages in one room, in windows: in each it holds the
// room's turn, brings the outbox and the peer in step, and sends what there is
// until nothing is left or another writer waits.
type writer struct {
	c        *Client
	room     *room
	priority priority
	results  func([]Result) error
	progress func(uint64)
	feed     *feed // nil: only the queue is sent
	anyway   bool  // write though somebody who is no member could read it
	summary  Summary

	queue []outgoing // to be sent, in order
	step  stepHook

	// In a window.
	turn     *turn
	box      *outbox
	at       place
	attempts int       // at things that should help the first time
	pauses   int       // sessions since anything became durable
	moved    time.Time // when something last did
	busy     time.Time // when something was last in flight
	drain    bool      // take nothing new: another writer waits, or the feed is at its end

	// In one session of a window.
	stream  stream
	acks    *acks
	writing writing
	version uint64 // of the room's entries and keys that writing follows from
	cipher  *rooms.MessageCipher
	sealed  [2]wire.ID // epoch and incarnation of cipher
	clock   uint64     // newest seen in the room
	refs    []wire.Ref // for the next run
	bytes   int        // in flight
	behind  bool       // what is pending must be acknowledged or refused before anything new
	renew   bool       // then a new incarnation begins
}

// outgoing is a message to be sent; name is zero or its keyName.
type outgoing struct {
	data []byte
	name wire.ID
}

func newWriter(c *Client, r *room, p priority, results func([]Result) error) *writer {
	return &writer{c: c, room: r, priority: p, results: results, step: c.step}
}

// window sends what is queued, and what the feed has meanwhile, under one turn.
func (w *writer) window(ctx context.Context) (err error) {
	if w.turn, err = takeTurn(ctx, w.room.dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.turn.release()) }()
	f, err := w.openBox()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w.attempts, w.drain, w.moved = 0, false, time.Now()
	for {
		err := w.session(ctx)
		if err == nil || !cutOff(err) || ctx.Err() != nil || time.Since(w.moved) > w.c.cfg.Patience {
			return errors.Join(err, w.box.settle())
		}
		w.c.cfg.Logger.Info("sending again", "room", w.room.id, "error", err)
		pause := min(refusedPauseMin<<min(w.pauses, 8), refusedPauseMax)
		if w.pauses++; w.pauses > 1 {
			err = sleep(ctx, pause)
		} else {
			err = nil
		}
		if err == nil {
			_, err = w.c.reconnect(ctx, w.c.cfg.Patience)
		}
		if err != nil {
			return errors.Join(err, w.box.settle())
		}
	}
}

// openBox reads the room's outbox and finds out where this writer is.
func (w *writer) openBox() (outboxFile, error) {
	f, err := openOutboxFile(w.room.file("outbox"))
	if err != nil {
		return nil, err
	}
	w.at, err = placeOf(f)
	if err == nil {
		w.box, err = readOutbox(w.step.file(f))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func placeOf(f *os.File) (p place, err error) {
	p.machine, p.boot = machineIDs()
	p.machine, p.boot = clip(p.machine), clip(p.boot)
	p.device, p.inode, err = fileIdentity(f)
	return p, err
}

func clip(s string) string { return s[:min(len(s), maxPlaceText)] }

// session sends over one session with the peer. It returns nil when the window
// is over.
func (w *writer) session(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, conn, err := w.c.open(ctx, w.priority)
	if err != nil {
		return err
	}
	w.stream, w.at.peer = s, conn.peer
	w.acks = &acks{bell: make(chan struct{}, 1)}
	received := make(chan struct{})
	go func() {
		defer close(received)
		w.acks.receive(ctx, s)
	}()
	refresh := newRefresher(ctx, w)
	defer func() {
		cancel()
		s.Reset(wire.CodeOK, "")
		<-received
		refresh.stop()
	}()
	head, err := w.meet(ctx)
	if err != nil {
		return err
	}
	w.compare(head)
	if err := w.resend(ctx); err != nil {
		return err
	}
	return w.loop(ctx, refresh)
}

// meet asks the peer for the head of the log, and brings the authority up to date.
func (w *writer) meet(ctx context.Context) (*wire.Writer, error) {
	for {
		head, err := askOnce[*wire.Writer](ctx, w.c, w.writerGet())
		if err == nil && !w.room.open {
			err = w.catchUp(ctx, head)
		}
		if err == nil {
			w.clock, w.refs = head.Clock, head.Refs
			return head, nil
		}
		if err := w.retryAttached(ctx, err); err != nil {
			return nil, err
		}
	}
}

func (w *writer) writerGet() *wire.WriterGet {
	return &wire.WriterGet{Room: w.room.id, Log: w.box.state.log(), Known: w.room.digest()}
}

// catchUp fetches entries and boxes if the peer has others than we.
func (w *writer) catchUp(ctx context.Context, head *wire.Writer) error {
	known := w.room.digest()
	if string(known) != string(head.Digest) {
		if err := w.room.refresh(ctx, known); err != nil {
			return err
		}
	}
	_, err := w.room.writing(w.box.state.heads, w.anyway)
	if errors.Is(err, ErrNoKey) || errors.Is(err, errStaleAuthority) || errors.Is(err, ErrNotMember) {
		// A box, or an entry that the digest does not tell of, may be there by now.
		if err := w.room.refresh(ctx, nil); err != nil {
			return err
		}
		_, err = w.room.writing(w.box.state.heads, w.anyway)
	}
	if waits(err) && (len(w.queue) > 0 || w.feed != nil) {
		return w.awaitEpoch(ctx, err)
	}
	if errors.Is(err, errStaleAuthority) {
		w.renew, err = true, nil // of the old log only what is pending can still be sent
		w.box.state.heads = nil
	}
	return err
}

// retryAttached returns nil if err said that the peer does not have the room
// for this user, and the peer has taken it up now.
func (w *writer) retryAttached(ctx context.Context, err error) error {
	code := codeOf(err)
	if w.room.open || code != wire.CodeNotFound && code != wire.CodeRefused && code != wire.CodePending {
		return err
	}
	if w.attempts++; w.attempts > maxAttempts {
		return err
	}
	if aerr := w.c.attach(ctx, w.room); aerr != nil {
		return errors.Join(err, aerr)
	}
	return nil
}

// compare decides from the peer's head how the log goes on.
func (w *writer) compare(head *wire.Writer) {
	st := &w.box.state
	w.behind = len(w.box.pending) > 0 && w.box.pending[0].plain == nil
	switch {
	case st.signed == 0, w.box.damaged, st.room != w.room.id, st.author != w.c.me:
		w.renew = true
	case w.at != st.place:
		w.c.cfg.Logger.Info("writer state was made elsewhere: a new log begins", "room", w.room.id)
		w.renew = true
	case !w.follows(head):
		w.renew = true
		if head.Last < st.acked && !w.room.open {
			w.c.notice("the peer has lost messages of yours that it had acknowledged (%d, now %d); they come back from other peers that have them", st.acked, head.Last)
		} else {
			w.c.cfg.Logger.Warn("the peer holds another head of this log: a new log begins", "room", w.room.id, "held", head.Last, "signed", st.signed)
		}
	}
}

// follows reports whether the peer's head is one that this writer's log has
// had since its last acknowledgement.
func (w *writer) follows(head *wire.Writer) bool {
	st := &w.box.state
	if head.Last == st.acked && (st.acked == 0 || head.Link == st.ackedLink) {
		return true
	}
	for _, p := range w.box.pending {
		if p.run.Last() == head.Last {
			return p.run.Hash == head.Link
		}
	}
	return false
}

// resend sends again what is pending. Runs that the peer has are acknowledged again.
func (w *writer) resend(ctx context.Context) error {
	w.bytes = 0
	for _, p := range w.box.pending {
		w.bytes += len(p.run.Raw)
		if err := w.append(ctx, p.run); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) append(ctx context.Context, run *rooms.Run) error {
	return w.stream.Send(ctx, &wire.Append{Room: w.room.id, Runs: [][]byte{run.Raw}})
}

// begin starts a new log. Nothing is pending.
func (w *writer) begin() error {
	wr, err := w.room.writing(w.box.state.heads, w.anyway)
	if waits(err) {
		return errAgain
	}
	if err != nil {
		return err
	}
	salt := make([]byte, maxSaltSize)
	if _, err := rand.Read(salt); err != nil {
		return err
	}
	w.writing, w.version = wr, w.room.changes()
	w.box.begin(w.at, w.room.id, w.c.me, salt, rooms.NewIncarnation(w.room.id, w.c.me, salt, wr.heads))
	w.renew, w.behind = false, false
	return nil
}

// next signs and sends the next run: as many queued messages as fit.
func (w *writer) next(ctx context.Context) error {
	st := &w.box.state
	name := ""
	if w.room.open {
		name = w.c.cfg.Identity.Bundle().Name
	}
	n, size := 0, 0
	for ; n < len(w.queue) && n < rooms.MaxRunMessages; n++ {
		if size += len(w.queue[n].data) + len(name) + sealedCost; n > 0 && size > maxRunBytes {
			break
		}
	}
	p := pending{plain: make([][]byte, n)}
	messages := make([]rooms.Message, n)
	for i, m := range w.queue[:n] {
		messages[i] = rooms.Message{Data: m.data, Name: name}
		p.plain[i] = m.data
		if !m.name.IsZero() {
			p.names = append(p.names, named{i, m.name})
		}
	}
	if sealed := [2]wire.ID{w.writing.epoch, st.incarnation}; w.cipher == nil || w.sealed != sealed {
		w.cipher = rooms.NewMessageCipher(w.writing.key, w.room.id, w.writing.epoch, w.c.me, st.incarnation)
		w.sealed = sealed
	}
	bins, err := w.cipher.SealRun(st.signed+1, st.link, messages)
	if err != nil {
		return err
	}
	draft := &rooms.RunDraft{
		Room: w.room.id, Incarnation: st.incarnation,
		First: st.signed + 1, Prev: st.link, Epoch: w.writing.epoch, Heads: w.writing.heads,
		Clock: rooms.NextClock(w.c.cfg.Now(), st.clock, w.clock), Refs: w.takeRefs(), Messages: bins,
	}
	if draft.First == 1 {
		draft.Salt = st.salt
	}
	if p.run, err = rooms.SignRun(w.c.cfg.Identity, draft); err != nil {
		return err
	}
	if err := w.box.add(p); err != nil {
		return err
	}
	w.queue = w.queue[n:]
	w.bytes += len(p.run.Raw)
	return w.append(ctx, p.run)
}

// takeRefs returns what the next run refers to: the newest messages of others,
// once for each time that the peer was asked for them.
func (w *writer) takeRefs() []wire.Ref {
	own := w.box.state.log()
	refs := make([]wire.Ref, 0, len(w.refs))
	for _, r := range w.refs {
		if r.Log != own && r.Number > 0 && len(refs) < wire.MaxRefs {
			refs = append(refs, r)
		}
	}
	sortRefs(refs)
	w.refs = nil
	return refs
}

// durable takes note of runs that the peer has made durable.
func (w *writer) durable(done []pending) error {
	var keys []byte
	old := 0
	var results []Result
	if len(done) > 0 {
		w.pauses, w.moved = 0, time.Now()
	}
	for _, p := range done {
		w.bytes -= len(p.run.Raw)
		for _, n := range p.names {
			if n.index < p.run.Count() {
				keys = appendKey(keys, n.name, resultOf(p.run, n.index))
			}
		}
		if p.plain == nil {
			old += p.run.Count()
			continue
		}
		w.summary.Messages += uint64(p.run.Count())
		w.summary.Last = resultOf(p.run, p.run.Count()-1)
		if w.results != nil {
			for i := range p.run.Count() {
				results = append(results, resultOf(p.run, i))
			}
		}
	}
	if len(keys) > 0 {
		if err := addKeys(w.room.file("keys"), keys); err != nil {
			return err
		}
	}
	if old > 0 {
		w.c.notice("sent first what was still unacknowledged from before: %s", count(old, "message"))
	}
	if w.progress != nil && len(done) > 0 {
		w.progress(w.summary.Messages)
	}
	if len(results) > 0 {
		return w.results(results)
	}
	return nil
}

func resultOf(run *rooms.Run, i int) Result {
	return Result{ID: run.MessageID(i), Log: run.Log, Seq: run.First + uint64(i)}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
