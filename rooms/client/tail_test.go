package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"parley/rooms"
	"parley/wire"
)

func sendAll(t *testing.T, c *Client, room wire.ID, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if _, err := c.Send(t.Context(), room, []byte(text), SendOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// read takes up to n messages (0: all there are).
func read(t *testing.T, c *Client, room wire.ID, n int, opts TailOptions) []string {
	t.Helper()
	var list []string
	for m, err := range c.Tail(t.Context(), room, opts) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(m.Data))
		if len(list) == n {
			break
		}
	}
	return list
}

func TestTailGivesTheNewestMessagesWhateverTheirRuns(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	lobby := c.Lobby().ID
	batch := sliceSource{{[]byte("a"), []byte("b"), []byte("c"), []byte("d")}, {[]byte("e")}}
	if _, err := c.Pipe(t.Context(), lobby, &batch, PipeOptions{}); err != nil {
		t.Fatal(err)
	}
	sendAll(t, c, lobby, "f", "g")
	for n, want := range map[int]string{1: "g", 2: "fg", 4: "defg", 6: "bcdefg", 7: "abcdefg", 70: "abcdefg", 0: "abcdefg", -1: ""} {
		got := ""
		for _, s := range read(t, c, lobby, 0, TailOptions{Last: n}) {
			got += s
		}
		if got != want {
			t.Errorf("the last %d: %q, not %q", n, got, want)
		}
	}
}

// A sliceSource gives its batches one after another.
type sliceSource [][][]byte

func (s *sliceSource) Next(context.Context, int) ([][]byte, error) {
	if len(*s) == 0 {
		return nil, io.EOF
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return b, nil
}

func TestACursorGivesEachMessageOnceAcrossRunsAndStores(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	lobby := c.Lobby().ID
	file := filepath.Join(t.TempDir(), "cursor")
	opts := TailOptions{Cursor: file}
	expect := func(n int, want ...string) {
		t.Helper()
		if got := read(t, c, lobby, n, opts); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	batch := sliceSource{{[]byte("a"), []byte("b"), []byte("c")}}
	if _, err := c.Pipe(t.Context(), lobby, &batch, PipeOptions{}); err != nil {
		t.Fatal(err)
	}
	expect(2, "a", "b") // stops in the middle of a run
	expect(0, "c")
	expect(0)
	sendAll(t, c, lobby, "d")
	expect(1, "d")
	expect(0)
	// Another store (a restore, another daemon) numbers arrivals anew.
	p.mu.Lock()
	p.instance[0] = 9
	p.mu.Unlock()
	sendAll(t, c, lobby, "e")
	expect(0, "e")
	expect(0)
	if _, _, err := loadCursor(file, wire.Hash("another room")); !errors.Is(err, ErrCursor) {
		t.Errorf("a cursor of another room: %v", err)
	}
}

func TestAPeerWhoseStoreIsAnotherIsGivenTheDelegationAgain(t *testing.T) {
	p := newFakePeer(t)
	a, b := testClient(t, p, "ann", ""), testClient(t, p, "bob", "")
	room := invited(t, a, CreateOptions{Name: "ops"}, b)
	sendAll(t, a, room.ID, "a")
	given := 0
	p.before = func(m wire.Message) error {
		if sub, ok := m.(*wire.Submit); ok && len(sub.Delegation) > 0 && sub.Room == room.ID {
			given++
		}
		return nil
	}
	opts := TailOptions{Cursor: filepath.Join(t.TempDir(), "cursor")}
	for _, step := range []struct {
		instance byte
		want     int
	}{{1, 0}, {1, 0}, {9, 1}, {9, 1}} {
		p.mu.Lock()
		p.instance[0] = step.instance // another: the peer was restored, maybe from before it had the delegation
		p.mu.Unlock()
		read(t, b, room.ID, 0, opts)
		if given != step.want {
			t.Errorf("with store %d, the delegation was given %d times, want %d", step.instance, given, step.want)
		}
	}
}

func TestTheFirstRunWithACursorMayBeginNearTheEnd(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	lobby := c.Lobby().ID
	sendAll(t, c, lobby, "a", "b", "c")
	opts := TailOptions{Cursor: filepath.Join(t.TempDir(), "cursor"), Last: 1}
	if got := read(t, c, lobby, 0, opts); !slices.Equal(got, []string{"c"}) {
		t.Errorf("got %q", got)
	}
	sendAll(t, c, lobby, "d", "e")
	if got := read(t, c, lobby, 0, opts); !slices.Equal(got, []string{"d", "e"}) {
		t.Errorf("then %q", got)
	}
}

func TestTheCursorIsSavedOnlyAfterTheOutputWasFlushed(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	lobby := c.Lobby().ID
	sendAll(t, c, lobby, "a", "b")
	file := filepath.Join(t.TempDir(), "cursor")
	failed := errors.New("disk full")
	opts := TailOptions{Cursor: file, Flush: func() error { return failed }}
	var last error
	for _, err := range c.Tail(t.Context(), lobby, opts) {
		last = err
	}
	if !errors.Is(last, failed) {
		t.Errorf("ended with %v", last)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the cursor was saved")
	}
}

func TestSortedHistoryIsInCausalOrder(t *testing.T) {
	p := newFakePeer(t)
	a, b := testClient(t, p, "ann", ""), testClient(t, p, "bob", "")
	lobby := a.Lobby().ID
	b.cfg.Now = func() time.Time { return time.Now().Add(-time.Hour) } // a slow clock
	sendAll(t, a, lobby, "question")
	sendAll(t, b, lobby, "answer")
	sendAll(t, a, lobby, "thanks")
	p.mu.Lock()
	slices.Reverse(p.room(lobby).items) // as it may have come by sync
	p.mu.Unlock()
	if got := read(t, a, lobby, 0, TailOptions{Sorted: true}); !slices.Equal(got, []string{"question", "answer", "thanks"}) {
		t.Errorf("got %q", got)
	}
	if got := read(t, a, lobby, 0, TailOptions{Sorted: true, Last: 2}); !slices.Equal(got, []string{"answer", "thanks"}) {
		t.Errorf("got %q", got)
	}
}

func TestSinceLeavesOutWhatIsOlder(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	lobby := c.Lobby().ID
	now := time.Now()
	c.cfg.Now = func() time.Time { return now }
	sendAll(t, c, lobby, "old")
	now = now.Add(time.Hour)
	sendAll(t, c, lobby, "new")
	if got := read(t, c, lobby, 0, TailOptions{Since: now.Add(-time.Minute)}); !slices.Equal(got, []string{"new"}) {
		t.Errorf("got %q", got)
	}
}

// pair is a question and an answer to it, as runs of two authors.
func pair(t *testing.T) (question, answer []byte) {
	t.Helper()
	p := newFakePeer(t)
	a, b := testClient(t, p, "ann", ""), testClient(t, p, "bob", "")
	sendAll(t, a, a.Lobby().ID, "question")
	sendAll(t, b, a.Lobby().ID, "answer")
	items := p.room(a.Lobby().ID).items
	if run, _ := rooms.ParseRun(items[1].Run); len(run.Refs) != 1 {
		t.Fatal("the answer refers to nothing")
	}
	return items[0].Run, items[1].Run
}

func TestAnAnswerWaitsForItsQuestionAndNotForLong(t *testing.T) {
	question, answer := pair(t)
	synctest.Test(t, func(t *testing.T) {
		for _, late := range []time.Duration{time.Second, 10 * time.Second} {
			p := newFakePeer(t)
			c := testClient(t, p, "cy", "")
			lobby := c.Lobby().ID
			ctx, cancel := context.WithCancel(t.Context())
			start := time.Now()
			var got []string
			done := make(chan struct{})
			go func() {
				defer close(done)
				for m, err := range c.Tail(ctx, lobby, TailOptions{Follow: true}) {
					if err != nil {
						return
					}
					got = append(got, fmt.Sprintf("%s after %v", m.Data, time.Since(start)))
				}
			}()
			synctest.Wait()
			p.mu.Lock()
			p.room(lobby).arrive(answer, true)
			p.mu.Unlock()
			time.Sleep(late)
			p.mu.Lock()
			p.room(lobby).arrive(question, false)
			p.mu.Unlock()
			synctest.Wait()
			cancel()
			<-done
			want := []string{"question after 1s", "answer after 1s"}
			if late > answerWait {
				want = []string{"answer after 2s", "question after 10s"}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			c.Close()
			p.cut()
		}
	})
}

func TestAWaitingAnswerIsNotLostToTheCursor(t *testing.T) {
	_, answer := pair(t)
	p := newFakePeer(t)
	c := testClient(t, p, "cy", "")
	lobby := c.Lobby().ID
	sendAll(t, c, lobby, "first")
	p.mu.Lock()
	p.room(lobby).arrive(answer, true)
	p.mu.Unlock()
	opts := TailOptions{Cursor: filepath.Join(t.TempDir(), "cursor")}
	// The reader is ended after the peer's mark, while the answer waits.
	ctx, cancel := context.WithCancel(t.Context())
	following := opts
	following.Follow, following.Live = true, cancel
	n := 0
	for m, err := range c.Tail(ctx, lobby, following) {
		if err == nil && string(m.Data) != "first" {
			t.Errorf("got %q", m.Data)
		}
		n++
	}
	if n != 2 { // the message, and the end by ctx
		t.Errorf("%d steps", n)
	}
	if got := read(t, c, lobby, 0, opts); !slices.Equal(got, []string{"answer"}) {
		t.Errorf("then %q", got)
	}
}

func TestARunThatWasTamperedWithIsNotShown(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	lobby := c.Lobby().ID
	sendAll(t, c, lobby, "a", "b", "c")
	p.mu.Lock()
	raw := p.room(lobby).items[1].Run
	raw[len(raw)-70] ^= 1
	p.mu.Unlock()
	if got := read(t, c, lobby, 0, TailOptions{}); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("got %q", got)
	}
}

func TestARunOfSomebodyWhoWasNeverAMemberIsNotShown(t *testing.T) {
	p := newFakePeer(t)
	a, b := testClient(t, p, "ann", ""), testClient(t, p, "bob", "")
	room := invited(t, a, CreateOptions{Name: "ops"}, b)
	sendAll(t, a, room.ID, "true")
	// Eve has got hold of the key, and the peer passes on what she writes.
	eve := newKey(t, "eve")
	kept, _ := a.room(room.ID)
	w, err := kept.writing(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	salt := make([]byte, 16)
	inc := rooms.NewIncarnation(room.ID, eve.ID(), salt, w.heads)
	bins, err := rooms.NewMessageCipher(w.key, room.ID, w.epoch, eve.ID(), inc).SealRun(1, wire.ID{}, []rooms.Message{{Data: []byte("false")}})
	if err != nil {
		t.Fatal(err)
	}
	run, err := rooms.SignRun(eve, &rooms.RunDraft{Room: room.ID, Incarnation: inc, Salt: salt, First: 1, Epoch: w.epoch, Heads: w.heads, Clock: 1, Messages: bins})
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.room(room.ID).arrive(run.Raw, false)
	p.mu.Unlock()
	if got := texts(t, b, room.ID); !slices.Equal(got, []string{"true"}) {
		t.Errorf("read %q", got)
	}
}

func TestAReadingThatMakesNoProgressTimesOut(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	hold := make(chan struct{})
	defer close(hold)
	p.before = func(m wire.Message) error {
		if _, ok := m.(*wire.Tail); ok {
			<-hold
		}
		return nil
	}
	for _, err := range c.Tail(t.Context(), c.Lobby().ID, TailOptions{Timeout: 10 * time.Millisecond}) {
		if !errors.Is(err, ErrNoProgress) {
			t.Errorf("ended with %v", err)
		}
	}
}
