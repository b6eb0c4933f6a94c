package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley/handshake/identity"
	"parley/rooms"
	"parley/wire"
)

var errKilled = errors.New("killed")

// A killer ends a sending process at one of its steps: before or within a
// write of the outbox, or around what reaches the peer.
type killer struct {
	mu    sync.Mutex
	at    int  // the step at which it ends
	torn  bool // a write at that step is cut in its middle
	steps int
	dead  bool
	stop  context.CancelFunc
}

func (k *killer) step() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dead {
		return errKilled
	}
	if k.steps++; k.steps > k.at {
		k.dead = true
		k.stop()
		return errKilled
	}
	return nil
}

func (k *killer) write(size int) (int, error) {
	k.mu.Lock()
	was := k.dead
	k.mu.Unlock()
	err := k.step()
	if err != nil && !was && k.torn {
		return size / 2, err
	}
	return 0, err
}

// process runs f with a client of the home in dir that k kills. It reports
// whether f ran to its end.
func (k *killer) process(t *testing.T, p *fakePeer, key *identity.Private, dir string, f func(ctx context.Context, c *Client)) bool {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	k.stop = cancel
	c := testClientOf(t, p, key, dir)
	c.step = k.write
	p.mu.Lock()
	p.before = func(wire.Message) error { return k.step() }
	p.after = k.step
	p.mu.Unlock()
	f(ctx, c)
	p.mu.Lock()
	p.before, p.after = nil, nil
	p.mu.Unlock()
	p.cut()
	c.Close()
	return !k.dead
}

func newKey(t *testing.T, name string) *identity.Private {
	t.Helper()
	key, err := identity.Generate(identity.Ed25519, name)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestASenderKilledAtAnyStepAndRunAgainWithItsKeysSendsEachMessageOnce(t *testing.T) {
	key := newKey(t, "ann")
	words := []string{"one", "two", "three"}
	for _, torn := range []bool{false, true} {
		for at := 0; ; at++ {
			p := newFakePeer(t)
			dir := t.TempDir()
			printed := make(map[string]Result)
			send := func(ctx context.Context, c *Client) {
				for _, w := range words {
					res, err := c.Send(ctx, c.Lobby().ID, []byte(w), SendOptions{Key: w})
					if err != nil {
						return
					}
					if old, ok := printed[w]; ok && old != res {
						t.Errorf("step %d: %s was %v and is now %v", at, w, old, res)
					}
					printed[w] = res
				}
			}
			whole := (&killer{at: at, torn: torn}).process(t, p, key, dir, send)
			c := testClientOf(t, p, key, dir)
			send(t.Context(), c)
			if got := texts(t, c, c.Lobby().ID); !slices.Equal(got, words) {
				t.Errorf("killed at step %d (torn %v): %q", at, torn, got)
			}
			c.Close()
			if whole {
				if at < 12 {
					t.Fatalf("only %d steps", at)
				}
				break
			}
		}
	}
}

func TestAPipeKilledAtAnyStepLosesNothingPrintedAndDoublesNothing(t *testing.T) {
	key := newKey(t, "ann")
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 25 {
		p := newFakePeer(t)
		dir := t.TempDir()
		const lines = 3000
		printed := make(map[wire.ID]string)
		var all []string
		for try := 0; len(all) < lines && try < 40; try++ {
			// Each run of the command gets lines nobody has given before.
			var in strings.Builder
			var mine []string
			for range 700 {
				line := fmt.Sprintf("line %d of try %d %s", len(mine), try, strings.Repeat("x", rnd.IntN(300)))
				mine = append(mine, line)
				in.WriteString(line + "\n")
			}
			n := 0
			k := &killer{at: rnd.IntN(60), torn: rnd.IntN(2) == 0}
			k.process(t, p, key, dir, func(ctx context.Context, c *Client) {
				_, err := c.Pipe(ctx, c.Lobby().ID, Lines(strings.NewReader(in.String()), '\n'), PipeOptions{
					Results: func(list []Result) error {
						for _, res := range list {
							printed[res.ID] = mine[n]
							n++
						}
						return nil
					},
				})
				if err == nil && n != len(mine) {
					t.Errorf("round %d: the pipe ended well with %d of %d", round, n, len(mine))
				}
			})
			all = append(all, mine...)
		}
		c := testClientOf(t, p, key, dir)
		if _, err := c.Send(t.Context(), c.Lobby().ID, []byte("end"), SendOptions{}); err != nil {
			t.Fatal(err)
		}
		seen := make(map[string]bool)
		for m, err := range c.Tail(t.Context(), c.Lobby().ID, TailOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			text := string(m.Data)
			if seen[text] {
				t.Errorf("round %d: doubled: %.30q", round, text)
			}
			seen[text] = true
			if line, ok := printed[m.ID]; ok {
				if line != text {
					t.Errorf("round %d: printed %.30q, read %.30q", round, line, text)
				}
				delete(printed, m.ID)
			}
		}
		if len(printed) > 0 {
			t.Errorf("round %d: %d printed messages are lost", round, len(printed))
		}
		c.Close()
	}
}

func TestACopiedHomeStartsALogOfItsOwn(t *testing.T) {
	p := newFakePeer(t)
	key := newKey(t, "ann")
	dir, copied := t.TempDir(), t.TempDir()
	a := testClientOf(t, p, key, dir)
	lobby := a.Lobby().ID
	first, err := a.Send(t.Context(), lobby, []byte("1"), SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	b := testClientOf(t, p, key, copied)
	for i, c := range []*Client{a, b, a, b} {
		res, err := c.Send(t.Context(), lobby, []byte(fmt.Sprint(i)), SendOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if (res.Log == first.Log) != (c == a) {
			t.Errorf("send %d went to log %s, the first one to %s", i, res.Log.Short(), first.Log.Short())
		}
	}
	if got := texts(t, a, lobby); len(got) != 5 {
		t.Errorf("read %q", got)
	}
}

func TestAHomePutBackToAnOlderStateStartsANewLog(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	lobby := c.Lobby().ID
	path := filepath.Join(c.roomDir(lobby), "outbox")
	var old []byte
	for i := range 3 {
		if _, err := c.Send(t.Context(), lobby, []byte(fmt.Sprint(i)), SendOptions{}); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			old, _ = os.ReadFile(path)
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0) // in place: the file keeps its identity
	if err != nil {
		t.Fatal(err)
	}
	f.WriteAt(old, 0)
	f.Close()
	for i := 3; i < 5; i++ {
		if _, err := c.Send(t.Context(), lobby, []byte(fmt.Sprint(i)), SendOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := texts(t, c, lobby); !slices.Equal(got, []string{"0", "1", "2", "3", "4"}) {
		t.Errorf("read %q", got)
	}
	if logs := len(p.room(lobby).heads); logs != 2 {
		t.Errorf("%d logs", logs)
	}
}

func TestAPeerThatLostWhatItAcknowledgedGetsANewLog(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	lobby := c.Lobby().ID
	for i := range 3 {
		if _, err := c.Send(t.Context(), lobby, []byte(fmt.Sprint(i)), SendOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	p.mu.Lock()
	r := p.room(lobby)
	kept, _ := rooms.ParseRun(r.items[0].Run)
	r.items = r.items[:1]
	r.heads[kept.Log] = wire.Ref{Log: kept.Log, Number: 1}
	r.links[kept.Log] = kept.Hash
	clear(r.hashes)
	p.mu.Unlock()
	for i := 3; i < 5; i++ {
		if _, err := c.Send(t.Context(), lobby, []byte(fmt.Sprint(i)), SendOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := texts(t, c, lobby); !slices.Equal(got, []string{"0", "3", "4"}) {
		t.Errorf("read %q", got)
	}
}
