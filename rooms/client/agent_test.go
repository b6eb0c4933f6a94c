package client_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"parley/handshake/identity"
	"parley/rooms"
	"parley/rooms/client"
	"parley/rooms/client/agent"
)

const epochAge = 5 * time.Hour

// withAgents runs f while an agent looks after each client's rooms.
func withAgents(t *testing.T, f func(), clients ...*client.Client) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	for _, c := range clients {
		a, err := agent.New(agent.Config{Client: c})
		if err != nil {
			t.Fatal(err)
		}
		go func() { done <- a.Run(ctx) }()
	}
	f()
	cancel()
	for range clients {
		if err := <-done; err != nil {
			t.Errorf("agent: %v", err)
		}
	}
}

func founded(t *testing.T, a *client.Client, others ...*client.Client) client.Room {
	t.Helper()
	room, err := a.CreateRoom(t.Context(), client.CreateOptions{Name: "ops"})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range others {
		inv, err := a.Invite(t.Context(), room.ID, client.InviteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Join(t.Context(), inv.Link, client.JoinOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return room
}

func TestAgentsSealForAMemberWhoLacksAKeyAndOnlyOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := client.NewFakePeer(t)
		a, b, c := p.Client(t, "ann"), p.Client(t, "bob"), p.Client(t, "cy")
		room := founded(t, a, b, c)
		if _, err := a.Send(t.Context(), room.ID, []byte("hello"), client.SendOptions{}); err != nil {
			t.Fatal(err)
		}
		p.LoseBoxes(room.ID, b.Me())
		lost := p.Again(t, b) // a home without keys
		read := func() (text string, problem error) {
			for m, err := range lost.Tail(t.Context(), room.ID, client.TailOptions{}) {
				if err != nil {
					t.Fatal(err)
				}
				text, problem = string(m.Data), m.Problem
			}
			return text, problem
		}
		if _, problem := read(); !errors.Is(problem, client.ErrNoKey) {
			t.Errorf("without a key: %v", problem)
		}
		withAgents(t, func() { time.Sleep(time.Minute) }, a, c)
		if n := p.Boxes(room.ID, b.Me()); n != 1 {
			t.Errorf("%d boxes", n)
		}
		if text, problem := read(); text != "hello" || problem != nil {
			t.Errorf("read %q, %v", text, problem)
		}
		for _, c := range []*client.Client{a, b, c, lost} {
			c.Close()
		}
		p.Cut()
	})
}

func TestTheMastersAgentChangesTheKeyWhenSomebodyLeftAndWhenItIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := client.NewFakePeer(t)
		a, b := p.Client(t, "ann"), p.Client(t, "bob")
		room := founded(t, a, b)
		if _, err := a.SetPolicy(t.Context(), room.ID, func(p *rooms.Policy) { p.EpochAge = epochAge }); err != nil {
			t.Fatal(err)
		}
		epochs := func(want int) {
			t.Helper()
			if info, err := a.Info(t.Context(), room.ID); err != nil || info.Epochs != want || info.Keys != want {
				t.Errorf("%d epochs, %d keys, not %d; %v", info.Epochs, info.Keys, want, err)
			}
		}
		withAgents(t, func() {
			time.Sleep(time.Minute)
			epochs(1)
			if err := b.Leave(t.Context(), room.ID); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			epochs(2)
			time.Sleep(epochAge + 2*time.Hour)
			epochs(3)
		}, a)
		a.Close()
		b.Close()
		p.Cut()
	})
}

// memoryKey is a key file in memory.
type memoryKey struct{ key *identity.Private }

func (k memoryKey) Load() (*identity.Private, error) { return k.key, nil }

func (k memoryKey) Change(_ context.Context, change func(*identity.Private) error) (*identity.Private, error) {
	return k.key, change(k.key)
}

func TestAnOlderSealingKeyIsForgottenOnceNothingNeedsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := client.NewFakePeer(t)
		a, b := p.Client(t, "ann"), p.Client(t, "bob")
		room := founded(t, a, b)
		key := client.UseKeyFile(b, func(k *identity.Private) client.KeyFile { return memoryKey{k} })
		if err := key.Renew(); err != nil {
			t.Fatal(err)
		}
		say := func(text string) {
			t.Helper()
			if _, err := a.Send(t.Context(), room.ID, []byte(text), client.SendOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		say("before")
		withAgents(t, func() {
			time.Sleep(5 * time.Minute)
			if n := len(key.Sealings()); n != 2 {
				t.Errorf("%d sealing keys after a moment", n)
			}
			if err := a.Rotate(t.Context(), room.ID); err != nil {
				t.Fatal(err)
			}
		}, a, b)
		time.Sleep(5 * 24 * time.Hour)
		withAgents(t, func() { time.Sleep(5 * time.Minute) }, a, b)
		if n := len(key.Sealings()); n != 1 {
			t.Errorf("%d sealing keys after five days", n)
		}
		say("after")
		lost := p.Again(t, b) // a home without keys: all boxes must be to the new one
		var got []string
		for m, err := range lost.Tail(t.Context(), room.ID, client.TailOptions{}) {
			if err != nil || m.Problem != nil {
				t.Fatal(err, m.Problem)
			}
			got = append(got, string(m.Data))
		}
		if !slices.Equal(got, []string{"before", "after"}) {
			t.Errorf("read %q", got)
		}
		for _, c := range []*client.Client{a, b, lost} {
			c.Close()
		}
		p.Cut()
	})
}
