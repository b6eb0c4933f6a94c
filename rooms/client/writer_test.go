package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/rooms"
	"parley/wire"
)

// endless gives lines for as long as it is asked.
type endless struct{ batch [][]byte }

func (s *endless) Next(ctx context.Context, max int) ([][]byte, error) {
	for len(s.batch) < max {
		s.batch = append(s.batch, []byte("endless"))
	}
	return s.batch, ctx.Err()
}

func TestAnEndlessPipeBlocksNobody(t *testing.T) {
	p := newFakePeer(t)
	key, dir := newKey(t, "ann"), t.TempDir()
	pipe, line := testClientOf(t, p, key, dir), testClientOf(t, p, key, dir)
	lobby := pipe.Lobby().ID
	ctx, cancel := context.WithCancel(t.Context())
	moving := make(chan struct{})
	var once sync.Once
	piped := make(chan error, 1)
	go func() {
		_, err := pipe.Pipe(ctx, lobby, &endless{}, PipeOptions{
			Progress: func(uint64) { once.Do(func() { close(moving) }) },
		})
		piped <- err
	}()
	<-moving
	for i := range 5 {
		if _, err := line.Send(t.Context(), lobby, fmt.Appendf(nil, "line %d", i), SendOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-piped:
		t.Errorf("the pipe ended: %v", err)
	default:
	}
	cancel()
	if err := <-piped; !errors.Is(err, context.Canceled) {
		t.Errorf("the pipe ended with %v", err)
	}
	if logs := len(p.room(lobby).heads); logs != 1 {
		t.Errorf("%d logs: two writers of one home did not take turns", logs)
	}
}

func TestManyWritersOfOneProcessTakeTurns(t *testing.T) {
	p := newFakePeer(t)
	key, dir := newKey(t, "ann"), t.TempDir()
	c := testClientOf(t, p, key, dir)
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			for i := range 15 {
				if _, err := c.Send(t.Context(), c.Lobby().ID, fmt.Appendf(nil, "%d-%d", w, i), SendOptions{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got := texts(t, c, c.Lobby().ID)
	slices.Sort(got)
	if len(slices.Compact(got)) != 90 || len(p.room(c.Lobby().ID).heads) != 1 {
		t.Errorf("%d messages in %d logs", len(got), len(p.room(c.Lobby().ID).heads))
	}
}

// refusing makes p refuse the first n runs that it is offered with a code.
func (p *fakePeer) refusing(n int, code wire.Code) {
	p.refuse = func(*rooms.Run) wire.Code {
		if n--; n < 0 {
			return wire.CodeOK
		}
		return code
	}
}

func TestAPeerWithoutRoomJustNowIsAskedAgain(t *testing.T) {
	for _, code := range []wire.Code{wire.CodeBusy, wire.CodeRateLimited} {
		p := newFakePeer(t)
		c := testClient(t, p, "ann", "")
		p.refusing(2, code)
		batch := sliceSource{{[]byte("a")}, {[]byte("b")}, {[]byte("c")}}
		if _, err := c.Pipe(t.Context(), c.Lobby().ID, &batch, PipeOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := texts(t, c, c.Lobby().ID); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("%v: read %q", code, got)
		}
		if logs := len(p.room(c.Lobby().ID).heads); logs != 1 {
			t.Errorf("%v: %d logs", code, logs)
		}
	}
}

func TestAFullDiskIsReportedAndTheMessageIsSentFirstLater(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	lobby := c.Lobby().ID
	p.refusing(1, wire.CodeStorage)
	var we *wire.Error
	if _, err := c.Send(t.Context(), lobby, []byte("a"), SendOptions{Key: "a"}); !errors.As(err, &we) || we.Code != wire.CodeStorage {
		t.Fatalf("sent: %v", err)
	}
	if n, err := c.Pending(t.Context(), lobby); n != 1 || err != nil {
		t.Errorf("%d pending, %v", n, err)
	}
	sendAll(t, c, lobby, "b")
	if _, err := c.Send(t.Context(), lobby, []byte("a"), SendOptions{Key: "a"}); err != nil {
		t.Error(err)
	}
	if got := texts(t, c, lobby); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("read %q", got)
	}
}

func TestARunRefusedForGoodIsWrittenAnewInANewLog(t *testing.T) {
	for _, code := range []wire.Code{wire.CodeConflict, wire.CodeInvalid} {
		p := newFakePeer(t)
		c := testClient(t, p, "ann", "")
		lobby := c.Lobby().ID
		sendAll(t, c, lobby, "a")
		p.refusing(1, code)
		sendAll(t, c, lobby, "b", "c")
		if got := texts(t, c, lobby); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("%v: read %q", code, got)
		}
		if logs := len(p.room(lobby).heads); logs != 2 {
			t.Errorf("%v: %d logs", code, logs)
		}
	}
}

func TestWhatStandsBeforeARefusedRunIsNotSentTwice(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	lobby := c.Lobby().ID
	p.late = 2 // the second run is refused before the first is acknowledged
	once := true
	p.refuse = func(r *rooms.Run) wire.Code {
		if r.First == 2 && once {
			once = false
			return wire.CodeInvalid
		}
		return wire.CodeOK
	}
	var batch sliceSource
	var want []string
	for _, letter := range []string{"a", "b", "c"} {
		large := strings.Repeat(letter, maxRunBytes) // a run of its own
		batch, want = append(batch, [][]byte{[]byte(large)}), append(want, large)
	}
	if _, err := c.Pipe(t.Context(), lobby, &batch, PipeOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := texts(t, c, lobby); !slices.Equal(got, want) {
		t.Errorf("read %d messages", len(got))
	}
}

// The second of three runs in flight refers to what the peer does not have yet; so the third continues
// nothing. Both refusals come while the first run is not durable yet.
func TestRunsBehindOneThatIsRefusedAsPendingAreSentAgainWithItInTheSameLog(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	room := invited(t, c, CreateOptions{Name: "ops"})
	p.late = 3
	var codes []wire.Code
	p.refuse = func(r *rooms.Run) wire.Code {
		switch {
		case r.First == 2 && len(codes) == 0:
			codes = append(codes, wire.CodePending)
			return wire.CodePending
		case r.First == 3 && len(codes) == 1:
			codes = append(codes, wire.CodeConflict)
			return wire.CodeConflict
		}
		return wire.CodeOK
	}
	submits := p.asked(wire.TypeSubmit)
	var batch sliceSource
	var want []string
	for _, letter := range []string{"a", "b", "c"} {
		large := strings.Repeat(letter, maxRunBytes) // a run of its own
		batch, want = append(batch, [][]byte{[]byte(large)}), append(want, large)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // waiting for ever would be wrong too
	defer cancel()
	sum, err := c.Pipe(ctx, room.ID, &batch, PipeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if again := p.asked(wire.TypeSubmit) - submits; len(codes) != 2 || again == 0 {
		t.Errorf("refused with %v; %d times the peer was given what it lacks", codes, again)
	}
	if got := texts(t, c, room.ID); !slices.Equal(got, want) || sum.Messages != 3 {
		t.Errorf("read %d messages, %d are reported", len(got), sum.Messages)
	}
	if logs := len(p.room(room.ID).heads); logs != 1 {
		t.Errorf("%d logs", logs)
	}
}

func TestWhatIsRefusedInEveryLogIsAnError(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	p.refusing(100, wire.CodeInvalid)
	var we *wire.Error
	if _, err := c.Send(t.Context(), c.Lobby().ID, []byte("a"), SendOptions{}); !errors.As(err, &we) || we.Code != wire.CodeInvalid {
		t.Errorf("sent: %v", err)
	}
	p.refusing(0, 0)
	sendAll(t, c, c.Lobby().ID, "b")
	if got := texts(t, c, c.Lobby().ID); !slices.Equal(got, []string{"b"}) {
		t.Errorf("read %q", got)
	}
}

func TestAPipeAdoptsANewEpochWhileItRuns(t *testing.T) {
	p := newFakePeer(t)
	a := testClient(t, p, "ann", "")
	room := invited(t, a, CreateOptions{Name: "ops"})
	b := testClientOf(t, p, a.cfg.Identity, a.cfg.Dir) // another process of the same home
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	piped := make(chan error, 1)
	epochs := make(chan wire.ID)
	go func() {
		_, err := a.Pipe(ctx, room.ID, &endless{}, PipeOptions{Progress: func(uint64) {
			p.mu.Lock()
			items := p.room(room.ID).items
			last, _ := rooms.ParseRun(items[len(items)-1].Run)
			p.mu.Unlock()
			select {
			case epochs <- last.Epoch:
			default:
			}
		}})
		piped <- err
	}()
	old := <-epochs
	if err := b.Rotate(t.Context(), room.ID); err != nil {
		t.Fatal(err)
	}
	for late := time.After(20 * time.Second); ; {
		select {
		case epoch := <-epochs:
			if epoch == old {
				continue
			}
		case err := <-piped:
			t.Errorf("the pipe ended: %v", err)
		case <-late:
			t.Error("the pipe goes on under the old epoch")
		}
		break
	}
	cancel()
	<-piped
}

func TestAPipeWaitsForADaemonThatStopsWhileThereIsNothingToSend(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	src := make(chanSource)
	durable := make(chan uint64)
	piped := make(chan error, 1)
	go func() {
		_, err := c.Pipe(t.Context(), c.Lobby().ID, src, PipeOptions{Progress: func(n uint64) { durable <- n }})
		piped <- err
	}()
	src <- []byte("a")
	<-durable
	p.setDown(true)
	tried := make(chan struct{})
	var once sync.Once
	dial := c.dial
	c.dial = func(ctx context.Context) (*connection, error) {
		once.Do(func() { close(tried) })
		return dial(ctx)
	}
	src <- []byte("b")
	<-tried
	p.setDown(false)
	<-durable
	close(src)
	if err := <-piped; err != nil {
		t.Error(err)
	}
	if got := texts(t, c, c.Lobby().ID); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("read %q", got)
	}
}

func TestALogThatWasBegunAndNeverSentIsBegunAgain(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	room := invited(t, c, CreateOptions{Name: "ops"})
	ctx, cancel := context.WithCancel(t.Context())
	w := newWriter(c, mustRoom(t, c, room.ID), interactive, nil)
	w.queue = []outgoing{{data: []byte("x")}}
	w.step = func(int) (int, error) { cancel(); return 0, ctx.Err() }
	if err := w.window(ctx); err == nil {
		t.Fatal("sent")
	}
	w.step = nil
	f, err := openOutboxFile(w.room.file("outbox"))
	if err != nil {
		t.Fatal(err)
	}
	w.box.file = f
	if err := w.box.save(); err != nil { // as when the window ends between the two
		t.Fatal(err)
	}
	f.Close()
	sendAll(t, c, room.ID, "y")
	if got := texts(t, c, room.ID); !slices.Equal(got, []string{"y"}) {
		t.Errorf("read %q", got)
	}
}

func mustRoom(t *testing.T, c *Client, id wire.ID) *room {
	t.Helper()
	r, err := c.room(id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAUserOfAnotherDaemonTakesTheRoomThere(t *testing.T) {
	p, q := newFakePeer(t), newFakePeer(t)
	q.id = wire.Hash("another daemon")
	c := testClient(t, p, "ann", "")
	room := invited(t, c, CreateOptions{Name: "ops"})
	sendAll(t, c, room.ID, "here")
	c.Close()
	moved := testClientOf(t, q, c.cfg.Identity, c.cfg.Dir)
	sendAll(t, moved, room.ID, "there")
	if logs := len(q.room(room.ID).heads); logs != 1 {
		t.Errorf("%d logs", logs)
	}
	first, _ := rooms.ParseRun(p.room(room.ID).items[0].Run)
	second, _ := rooms.ParseRun(q.room(room.ID).items[0].Run)
	if first.Log == second.Log {
		t.Error("one log has two home peers")
	}
}

func TestABatchingSourceEndsWithItsError(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	broken := errors.New("broken pipe")
	sum, err := c.Pipe(t.Context(), c.Lobby().ID, &failing{err: broken}, PipeOptions{})
	if !errors.Is(err, broken) || sum.Messages != 1 {
		t.Errorf("%d messages, %v", sum.Messages, err)
	}
	if _, err := c.Pipe(t.Context(), c.Lobby().ID, &failing{err: io.EOF}, PipeOptions{}); err != nil {
		t.Error(err)
	}
}

// failing gives one message together with its end.
type failing struct {
	err  error
	gave bool
}

func (s *failing) Next(context.Context, int) ([][]byte, error) {
	if s.gave {
		return nil, s.err
	}
	s.gave = true
	return [][]byte{[]byte("last words")}, s.err
}

func TestALogThatHasSeenAnEpochWhichDoesNotCountAnyMoreIsFollowedByAnother(t *testing.T) {
	p := newFakePeer(t)
	a, b, c := testClient(t, p, "ann", ""), testClient(t, p, "bob", ""), testClient(t, p, "cy", "")
	room := invited(t, a, CreateOptions{Name: "ops"}, b, c)
	// The master signs a handover and, as if it had not, goes on with an epoch that the handover has not seen.
	r := p.room(room.ID)
	at, err := r.auth.NextOnChain(a.cfg.Identity.ID(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	handover, err := rooms.AcceptHandover(b.cfg.Identity, rooms.OfferHandover(a.cfg.Identity, at, b.cfg.Identity.Bundle()))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Rotate(t.Context(), room.ID); err != nil {
		t.Fatal(err)
	}
	sendAll(t, c, room.ID, "before")
	p.mu.Lock()
	_, _, err = r.auth.Add(handover)
	p.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	sendAll(t, c, room.ID, "after")
	last, err := rooms.ParseRun(r.items[len(r.items)-1].Run)
	if err != nil {
		t.Fatal(err)
	}
	if v, why, _ := r.auth.Judge(last, nil); v != rooms.Valid || len(r.items) != 2 {
		t.Errorf("of %d runs, the last is %v: %v", len(r.items), v, why)
	}
}

// What is under way waits for a daemon that comes back, as long as it is told to: for a send the limit is --timeout.
func TestWhatIsUnderWayWaitsForADaemonThatIsGoneAsLongAsToldTo(t *testing.T) {
	const told = 10 * time.Minute
	for name, away := range map[string]time.Duration{"back within the time": 9 * time.Minute, "gone for longer": 11 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newFakePeer(t)
				c := testClient(t, p, "ann", "")
				c.cfg.Patience = told
				if _, err := c.Send(t.Context(), c.Lobby().ID, []byte("before"), SendOptions{}); err != nil {
					t.Fatal(err)
				}
				p.setDown(true)
				back := time.AfterFunc(away, func() { p.setDown(false) })
				defer back.Stop()
				began := time.Now()
				_, sent := c.Send(t.Context(), c.Lobby().ID, []byte("meanwhile"), SendOptions{})
				took := time.Since(began)
				if away > told {
					if !errors.Is(sent, ErrNoDaemon) || took < told || took > away {
						t.Errorf("after %v: %v; want that no daemon answers, after %v", took, sent, told)
					}
					time.Sleep(away - took)
				} else if sent != nil || took < away {
					t.Errorf("after %v: %v; want success after %v", took, sent, away)
				}
				// A question waits as well, and what was signed is sent once.
				p.setDown(true)
				time.AfterFunc(told/2, func() { p.setDown(false) })
				if _, _, err := c.Placed(t.Context(), c.Lobby().ID, Result{}, 0, 0); err != nil {
					t.Errorf("a question: %v", err)
				}
				if _, err := c.Send(t.Context(), c.Lobby().ID, []byte("after"), SendOptions{}); err != nil {
					t.Fatal(err)
				}
				got := texts(t, c, c.Lobby().ID)
				if want := []string{"before", "meanwhile", "after"}; sent == nil && !slices.Equal(got, want) || sent != nil && len(got) < 2 {
					t.Errorf("read %q", got)
				}
			})
		})
	}
}
