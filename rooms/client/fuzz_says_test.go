package client

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/wire"
)

// FuzzPeerSays lets two users do what acts says at a peer that answers with what lies makes of the right answers: it
// leaves frames out, says them twice or in another's place, changes them, gives up. Whatever it says, no number is signed
// twice, and nothing is shown that its author did not write, or shown twice. When it is honest again, all goes well.
func FuzzPeerSays(f *testing.F) {
	f.Fuzz(func(t *testing.T, acts, lies []byte) {
		synctest.Test(t, func(t *testing.T) { newTalk(t, lies).play(acts) })
	})
}

// A talk is the users with their peer, and what they have said.
type talk struct {
	t     *testing.T
	p     *fakePeer
	users []*Client // of one room
	room  wire.ID
	links []string
	said  map[string]wire.ID // by text, its author

	mu     sync.Mutex
	lies   []byte // two bytes a frame; when they are spent the peer is honest
	honest bool
	past   []frame
}

func newTalk(t *testing.T, lies []byte) *talk {
	w := &talk{t: t, p: newFakePeer(t), said: map[string]wire.ID{}, honest: true, lies: lies}
	w.p.alter = w.alter
	for _, name := range []string{"ann", "bob"} {
		w.users = append(w.users, testClient(t, w.p, name, ""))
	}
	r, err := w.users[0].CreateRoom(t.Context(), CreateOptions{Name: "ops"})
	if err != nil {
		t.Fatal(err)
	}
	w.room = r.ID
	w.invite(t.Context())
	w.honest = false
	return w
}

// alter is what the peer says in the place of a frame.
func (w *talk) alter(f frame) []frame {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.past) < 100 {
		w.past = append(w.past, f)
	}
	if w.honest || len(w.lies) < 2 {
		return []frame{f}
	}
	what, arg := w.lies[0], int(w.lies[1])
	w.lies = w.lies[2:]
	switch what % 10 {
	case 0:
		return nil
	case 1:
		return []frame{f, f}
	case 2, 3, 4: // another byte
		if len(f.body) > 0 {
			f.body = slices.Clone(f.body)
			f.body[arg*len(f.body)/256] ^= 1 << (what >> 5)
		}
		return []frame{f}
	case 5: // something else
		return []frame{w.past[arg%len(w.past)]}
	case 6: // something else first
		return []frame{w.past[arg%len(w.past)], f}
	case 7:
		return []frame{{err: &wire.Error{Code: wire.Code(arg % 24), Text: "so says the peer", Remote: true}}}
	case 8: // cut short
		f.body = f.body[:arg*len(f.body)/256]
		return []frame{f}
	}
	return []frame{f}
}

func (w *talk) play(acts []byte) {
	for _, act := range acts[:min(len(acts), 24)] {
		w.act(act)
	}
	w.mu.Lock()
	w.honest = true
	w.mu.Unlock()
	w.p.cut()
	w.say(w.users[0], true)
	for _, c := range w.users {
		w.hear(c, c == w.users[0])
		c.Close()
	}
	w.p.cut()
}

// act lets a user do one thing, for a while at most.
func (w *talk) act(act byte) {
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	c := w.users[act>>4&1]
	switch act & 15 {
	case 0, 1, 2:
		w.say(c, false)
	case 3, 4:
		w.hear(c, false)
	case 5:
		list, _, err := c.Members(ctx, w.room)
		for _, m := range list {
			if m.ID != w.users[0].me && m.ID != w.users[1].me {
				w.t.Errorf("%s is a member (%v)", m.Name, err)
			}
		}
	case 6:
		w.invite(ctx)
	case 7, 8:
		_, _ = w.users[1].Join(ctx, w.links[int(act)%len(w.links)], JoinOptions{})
	case 9:
		_, _ = c.Notices(ctx, w.room, act > 127)
	case 10:
		_, _ = c.Rooms(ctx)
	case 11:
		w.p.cut()
	case 12:
		_, _ = c.Status(ctx)
	case 13:
		_, _ = c.Verify(ctx, w.room, wire.ID{})
	}
}

func (w *talk) invite(ctx context.Context) {
	if inv, err := w.users[0].Invite(ctx, w.room, InviteOptions{Uses: 100}); err == nil {
		w.links = append(w.links, inv.Link)
	} else if w.honest {
		w.t.Fatal(err)
	}
}

// say sends a text, of which there is no other. It must arrive at an honest peer.
func (w *talk) say(c *Client, must bool) {
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	text := fmt.Sprint("text ", len(w.said))
	w.said[text] = c.me
	if _, err := c.Send(ctx, w.room, []byte(text), SendOptions{}); err != nil && must {
		w.t.Errorf("to an honest peer: %v", err)
	}
}

// hear reads the room. Each text there is its author's, and comes once.
func (w *talk) hear(c *Client, must bool) {
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	var last string
	times := map[string]int{}
	for m, err := range c.Tail(ctx, w.room, TailOptions{Timeout: 5 * time.Second}) {
		if err != nil {
			if must {
				w.t.Errorf("from an honest peer: %v", err)
			}
			return
		}
		if m.Problem != nil {
			continue
		}
		last = string(m.Data)
		if author, ok := w.said[last]; !ok || author != m.Author {
			w.t.Errorf("%q of %s is shown", last, m.Name)
		}
		if times[last]++; times[last] > 1 {
			w.t.Errorf("%q is shown %d times", last, times[last])
		}
	}
	if want := fmt.Sprint("text ", len(w.said)-1); must && last != want {
		w.t.Errorf("the last that is read from an honest peer is %q, not %q", last, want)
	}
}
