//go:build linux

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/handshake/identity"
	"parley/rooms"
	"parley/session"
	"parley/wire"
)

func TestPoint7AnInsiderWithAHundredThousandIdentitiesBloatsNobody(t *testing.T) {
	const (
		identities = 100_000
		sessions   = 10 // each with an allowance of its own
		perPush    = 50
		maxDisk    = 192 << 20 // three times what a peer keeps of an open room
		// A reader of the lobby reads the flood too, through the peer's own bounds.
		liveWithin = 5 * time.Second
	)
	s := newSite(t, "a", "b")
	tails := []*Process{s.host(0).follow("lobby"), s.host(1).follow("lobby")}
	feeds := []*feed{s.host(0).feed("lobby"), s.host(1).feed("lobby")}
	outside := s.lab.Host("insider", HostOpts{})
	secret := network(t, s.secret)
	lobby := rooms.OpenRoomID(secret, rooms.Lobby)

	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	var made atomic.Int64
	cutOff := make(chan error, sessions)
	var insiders sync.WaitGroup
	done := make(chan struct{})
	for range sessions {
		insiders.Go(func() {
			if err := flood(ctx, outside, s.daemons[0], secret, lobby, identities/sessions, perPush, &made); err != nil {
				cutOff <- err
			}
		})
	}
	go func() {
		insiders.Wait()
		close(cutOff)
		close(done)
	}()

	sent, slowest := 0, time.Duration(0)
	for flooding := true; flooding; {
		select {
		case <-done:
			flooding = false
		default:
		}
		sent++
		for i, f := range feeds {
			text := fmt.Sprintf("honest %s %d", s.host(i).Name, sent)
			if err := f.write(text); err != nil {
				t.Fatalf("%s: %v: %s", f.name, err, f.Err.Tail(1<<10))
			}
			slowest = max(slowest, Eventually(t, liveWithin, "an honest message beside the flood", func() error { return showsText(tails[1-i], text) }))
		}
	}
	for _, f := range feeds {
		f.finish()
	}
	for err := range cutOff {
		t.Logf("a session of the insider's ended early: %v", err)
	}
	t.Logf("%d identities spoke; %d honest messages each way, the slowest took %v", made.Load(), sent, slowest)
	if made.Load() == 0 {
		t.Error("the flood did not happen")
	}
	for _, d := range s.daemons {
		peak, disk := d.ResidentPeak(), size(t, d.Host.Folder("peer"))
		t.Logf("%v: %d KiB resident at the most, %d KiB on disk", d, peak>>10, disk>>10)
		if peak >= maxPeak {
			t.Errorf("%v had %d KiB resident, the bound is %d", d, peak>>10, maxPeak>>10)
		}
		if disk >= maxDisk {
			t.Errorf("%v has %d KiB on disk, the bound is %d", d, disk>>10, maxDisk>>10)
		}
	}
	// The board keeps its newest logs: an honest writer's older lines may have been
	// pushed out between two of them, the newest are there, without a hole.
	for _, d := range s.daemons {
		for i := range feeds {
			prefix := fmt.Sprintf("honest %s ", s.host(i).Name)
			Eventually(t, findWithin, "the honest messages", func() error {
				all, err := d.Host.History("lobby")
				if err != nil {
					return err
				}
				return isTail(texts(all, prefix), prefix, sent)
			})
		}
	}
}

// isTail is nil when the texts are prefixK, … to prefixlast, each once and in
// order, and there is at least one.
func isTail(found []string, prefix string, last int) error {
	if len(found) == 0 || len(found) > last {
		return fmt.Errorf("%d lines of %d", len(found), last)
	}
	for i, text := range found {
		if want := prefix + strconv.Itoa(last-len(found)+1+i); text != want {
			return fmt.Errorf("at place %d of %d there is %q, want %q", i+1, len(found), text, want)
		}
	}
	return nil
}

// flood pushes runs of so many new identities through one session, and does
// nothing that it is asked for.
func flood(ctx context.Context, from *Host, to *Daemon, network identity.Network, lobby wire.ID, n, perPush int, made *atomic.Int64) error {
	in, err := dialInsider(ctx, from, to, network, wire.RolePeer)
	if err != nil {
		return err
	}
	defer in.close()
	ref, err := in.openLobby(ctx)
	if err != nil {
		return err
	}
	// What the daemon says on the rooms' stream is read, or it would stop there.
	go func() {
		for {
			if _, err := in.rooms.Recv(ctx); err != nil {
				return
			}
		}
	}()
	live, err := in.session.Open(session.Live)
	if err != nil {
		return err
	}
	push := &wire.Push{Ref: ref}
	for i := range n {
		run, err := strangersRun(network, lobby, fmt.Sprintf("noise %d", i), rooms.NextClock(time.Now(), 0, 0))
		if err != nil {
			return err
		}
		if push.Runs = append(push.Runs, run); len(push.Runs) < perPush && i+1 < n {
			continue
		}
		if err := live.Send(ctx, push); err != nil {
			return err
		}
		made.Add(int64(len(push.Runs)))
		push.Runs = nil
	}
	return nil
}

// size is how many bytes are in the files of a folder, 0 if there is none.
func size(t testing.TB, folder string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a running store removes files
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
