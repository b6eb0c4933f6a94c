package client

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"parley/rooms"
	"parley/wire"
)

// invited makes a room of a's and lets each of others join it.
func invited(t *testing.T, a *Client, opts CreateOptions, others ...*Client) Room {
	t.Helper()
	room, err := a.CreateRoom(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range others {
		inv, err := a.Invite(t.Context(), room.ID, InviteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		joined, err := b.Join(t.Context(), inv.Link, JoinOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if joined.ID != room.ID || joined.Name != opts.Name {
			t.Fatalf("joined %+v", joined)
		}
	}
	return room
}

func TestMembersOfAPrivateRoomReadEachOther(t *testing.T) {
	p := newFakePeer(t)
	a, b, c := testClient(t, p, "ann", ""), testClient(t, p, "bob", ""), testClient(t, p, "cy", "")
	room := invited(t, a, CreateOptions{Name: "ops", Topic: "the ship"}, b, c)
	for _, w := range []*Client{a, b, c} {
		if _, err := w.Send(t.Context(), room.ID, []byte("from "+w.cfg.Identity.Bundle().Name), SendOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range []*Client{a, b, c} {
		if got := texts(t, r, room.ID); !slices.Equal(got, []string{"from ann", "from bob", "from cy"}) {
			t.Errorf("read %q", got)
		}
	}
	members, invites, err := a.Members(t.Context(), room.ID)
	if err != nil || len(members) != 3 || len(invites) != 0 {
		t.Errorf("members %+v, invites %+v, %v", members, invites, err)
	}
	info, err := b.Info(t.Context(), room.ID)
	if err != nil || info.Role != "member" || info.Members != 3 || info.Topic != "the ship" || info.Keys != info.Epochs {
		t.Errorf("info %+v, %v", info, err)
	}
	// What each verdict is by the rules, not only by this client.
	r := p.room(room.ID)
	logs := make(map[wire.ID]*rooms.LogState)
	for _, item := range r.items {
		run, _ := rooms.ParseRun(item.Run)
		if v, why, _ := r.auth.Judge(run, logs[run.Log]); v != rooms.Valid {
			t.Errorf("run is %v: %v", v, why)
		}
		logs[run.Log] = run.Extend(logs[run.Log])
	}
}

func TestWhoIsNoMemberCanNeitherWriteNorRead(t *testing.T) {
	p := newFakePeer(t)
	a, eve := testClient(t, p, "ann", ""), testClient(t, p, "eve", "")
	room := invited(t, a, CreateOptions{Name: "ops"})
	if _, err := a.Send(t.Context(), room.ID, []byte("secret"), SendOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := eve.Send(t.Context(), room.ID, []byte("hi"), SendOptions{}); !errors.Is(err, ErrNotMember) {
		t.Errorf("send: %v", err)
	}
	for m, err := range eve.Tail(t.Context(), room.ID, TailOptions{}) {
		if err == nil && (!errors.Is(m.Problem, ErrNoKey) || len(m.Data) > 0) {
			t.Errorf("read %+v", m)
		}
	}
}

func TestAReaderReadsAndDoesNotWrite(t *testing.T) {
	p := newFakePeer(t)
	a, b := testClient(t, p, "ann", ""), testClient(t, p, "bob", "")
	room := invited(t, a, CreateOptions{Name: "news"})
	inv, err := a.Invite(t.Context(), room.ID, InviteOptions{Role: "reader"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Send(t.Context(), room.ID, []byte("today"), SendOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Join(t.Context(), inv.Link, JoinOptions{NoWait: true}); err != nil {
		t.Fatal(err)
	}
	if got := texts(t, b, room.ID); !slices.Equal(got, []string{"today"}) {
		t.Errorf("read %q", got)
	}
	if _, err := b.Send(t.Context(), room.ID, []byte("no"), SendOptions{}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("send: %v", err)
	}
}

func TestInARoomWithHistoryFromJoiningANewcomerReadsFromTheInviteOn(t *testing.T) {
	p := newFakePeer(t)
	a, b := testClient(t, p, "ann", ""), testClient(t, p, "bob", "")
	room := invited(t, a, CreateOptions{Name: "ops", JoinedOnly: true})
	send := func(text string) {
		t.Helper()
		if _, err := a.Send(t.Context(), room.ID, []byte(text), SendOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	send("before")
	inv, err := a.Invite(t.Context(), room.ID, InviteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	send("after")
	if _, err := b.Join(t.Context(), inv.Link, JoinOptions{}); err != nil {
		t.Fatal(err)
	}
	var got []string
	locked := 0
	for m, err := range b.Tail(t.Context(), room.ID, TailOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if errors.Is(m.Problem, ErrNoKey) {
			locked++
			continue
		}
		got = append(got, string(m.Data))
	}
	if !slices.Equal(got, []string{"after"}) || locked != 1 {
		t.Errorf("read %q, %d locked", got, locked)
	}
}

func TestLeavingEndsTheMembershipAndForgetsTheRoom(t *testing.T) {
	p := newFakePeer(t)
	a, b := testClient(t, p, "ann", ""), testClient(t, p, "bob", "")
	room := invited(t, a, CreateOptions{Name: "ops"}, b)
	if _, err := b.Send(t.Context(), room.ID, []byte("bye"), SendOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := b.Leave(t.Context(), room.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Resolve("ops"); !errors.Is(err, ErrNoRoom) {
		t.Errorf("still known: %v", err)
	}
	if _, err := os.Stat(filepath.Join(b.cfg.Dir, "rooms", room.ID.String())); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
	members, _, err := a.Members(t.Context(), room.ID)
	if err != nil || len(members) != 1 {
		t.Errorf("members %+v, %v", members, err)
	}
	// What was said stays, and who comes back starts a new log that counts.
	inv, err := a.Invite(t.Context(), room.ID, InviteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Join(t.Context(), inv.Link, JoinOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Send(t.Context(), room.ID, []byte("back"), SendOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := texts(t, a, room.ID); !slices.Equal(got, []string{"bye", "back"}) {
		t.Errorf("read %q", got)
	}
	if err := a.Leave(t.Context(), room.ID); !errors.Is(err, rooms.ReasonMasterLeaves) {
		t.Errorf("the master left: %v", err)
	}
}

func TestKeysAndStateAreReadableByTheUserAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // no such permissions
	}
	p := newFakePeer(t)
	a, b := testClient(t, p, "ann", ""), testClient(t, p, "bob", "")
	room := invited(t, a, CreateOptions{Name: "ops"}, b)
	if _, err := b.Send(t.Context(), room.ID, []byte("x"), SendOptions{Key: "k"}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range []*Client{a, b} {
		err := filepath.Walk(c.cfg.Dir, func(path string, info os.FileInfo, err error) error {
			if err != nil {
				return err
			}
			if n++; info.Mode().Perm()&0o077 != 0 && path != c.cfg.Dir {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n < 10 {
		t.Errorf("only %d files seen", n)
	}
}

func TestAnExpiredLinkIsRefusedBeforeJoining(t *testing.T) {
	p := newFakePeer(t)
	a, b := testClient(t, p, "ann", ""), testClient(t, p, "bob", "")
	room := invited(t, a, CreateOptions{Name: "ops"})
	inv, err := a.Invite(t.Context(), room.ID, InviteOptions{Expires: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	b.cfg.Now = func() time.Time { return time.Now().Add(time.Hour) }
	var we *wire.Error
	if _, err := b.Join(t.Context(), inv.Link, JoinOptions{}); !errors.As(err, &we) || we.Code != wire.CodeExpired {
		t.Errorf("joined: %v", err)
	}
}

func TestAJoinByAnInviteThatWasRevokedMeanwhileSaysSo(t *testing.T) {
	p := newFakePeer(t)
	a, b := testClient(t, p, "ann", ""), testClient(t, p, "bob", "")
	room := invited(t, a, CreateOptions{Name: "ops"})
	inv, err := a.Invite(t.Context(), room.ID, InviteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p.admit = func(*rooms.Entry) wire.Code { return wire.CodeRevoked }
	if _, err := b.Join(t.Context(), inv.Link, JoinOptions{}); !errors.Is(err, rooms.ReasonInviteRevoked) {
		t.Errorf("joined: %v", err)
	}
}

// Who was in the room before may know more than its peer has got again. A user that was banned, and let in by a new link after
// the ban was lifted, was told now and then that its join refers to what the peer does not have yet.
func TestAJoinThatNamesMoreThanThePeerHasBringsItAlong(t *testing.T) {
	p := newFakePeer(t)
	a, b := testClient(t, p, "ann", ""), testClient(t, p, "bob", "")
	room := invited(t, a, CreateOptions{Name: "ops"})
	inv, err := a.Invite(t.Context(), room.ID, InviteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var brought []int // entries, with each join
	p.before = func(m wire.Message) error {
		if sub, ok := m.(*wire.Submit); ok && len(sub.Join) > 0 {
			brought = append(brought, len(sub.Entries))
		}
		return nil
	}
	p.admit = func(*rooms.Entry) wire.Code {
		if brought[len(brought)-1] == 1 {
			return wire.CodePending
		}
		return wire.CodeOK
	}
	if _, err := b.Join(t.Context(), inv.Link, JoinOptions{}); err != nil {
		t.Fatal(err)
	}
	r, err := b.room(room.ID)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{1, len(r.entries())}; want[1] < 4 || !slices.Equal(brought, want) {
		t.Errorf("%d entries came with each join, want %d", brought, want)
	}
}

func TestRoomsOfOneNameAreToldApart(t *testing.T) {
	p := newFakePeer(t)
	a := testClient(t, p, "ann", "")
	one := invited(t, a, CreateOptions{Name: "ops"})
	two, err := a.CreateRoom(t.Context(), CreateOptions{Name: "ops"})
	if err != nil || two.Name != "ops-2" {
		t.Fatalf("%+v, %v", two, err)
	}
	for name, want := range map[string]wire.ID{"ops": one.ID, "ops-2": two.ID, two.ID.String()[:12]: two.ID, "lobby": a.Lobby().ID, "lobby@test": a.Lobby().ID} {
		if got, err := a.Resolve(name); err != nil || got.ID != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for _, name := range []string{"nope", "lobby@other", "ab", ""} {
		if got, err := a.Resolve(name); !errors.Is(err, ErrNoRoom) {
			t.Errorf("%q: %v, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "@x", "lobby", "Lobby", " x", "a\nb", one.ID.String(), "abcdefgh2345abcdefgh"} {
		if _, err := a.CreateRoom(t.Context(), CreateOptions{Name: name}); !errors.Is(err, ErrBadName) {
			t.Errorf("name %q: %v", name, err)
		}
	}
}
