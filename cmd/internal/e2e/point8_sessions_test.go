//go:build linux

package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"parley/wire"
)

func TestPoint8AThousandIdleSessionsCostUnder48KiBEach(t *testing.T) {
	const (
		sessions  = 1000
		dialers   = 8 // at once
		idle      = 30 * time.Second
		each      = 48 << 10 // bytes of resident memory
		warmingUp = 20       // sessions, after which the goroutines are counted
	)
	s := &site{t: t, lab: New(t)}
	d := s.add("a")
	from := s.lab.Host("peers", HostOpts{})
	secret := network(t, s.secret)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()

	var mu sync.Mutex
	var open []*insider
	defer func() {
		for _, i := range open {
			if i != nil {
				i.close()
			}
		}
	}()
	dial := func(n int) {
		t.Helper()
		errs := make(chan error, dialers)
		for range dialers {
			go func() {
				for {
					mu.Lock()
					if len(open) >= n {
						mu.Unlock()
						errs <- nil
						return
					}
					place := len(open)
					open = append(open, nil)
					mu.Unlock()
					i, err := dialInsider(ctx, from, d, secret, wire.RolePeer)
					if err == nil {
						_, err = i.openLobby(ctx)
					}
					if err != nil {
						errs <- fmt.Errorf("session %d: %w", place+1, err)
						return
					}
					mu.Lock()
					open[place] = i
					mu.Unlock()
				}
			}()
		}
		var failed error
		for range dialers {
			if err := <-errs; err != nil {
				failed = err
			}
		}
		if failed != nil {
			t.Fatal(failed)
		}
	}
	// All that grows from here on is put down to the sessions: garbage of their
	// handshakes that is not yet collected too.
	before := settled(d)
	dial(warmingUp)
	routines := goroutines(t, d.Host)
	start := time.Now()
	dial(sessions)
	t.Logf("the last %d sessions took %v", sessions-warmingUp, time.Since(start))
	alive := func() error {
		for n, i := range open {
			if err := i.session.Err(); err != nil {
				return fmt.Errorf("session %d has ended: %w", n+1, err)
			}
		}
		return nil
	}
	Always(t, idle, "all sessions live while idle", alive)
	after := d.Resident()
	cost := (int64(after) - int64(before)) / sessions
	t.Logf("%d KiB resident without a session, %d KiB with %d: %d bytes each", before>>10, after>>10, sessions, cost)
	if cost >= each {
		t.Errorf("an idle session costs %d bytes of resident memory, the bound is %d", cost, each)
	}

	// All but the first end, and with them what ran for them.
	for _, i := range open[warmingUp:] {
		i.cancel()
	}
	Eventually(t, findWithin, "as many goroutines as before", func() error {
		if now := goroutines(t, d.Host); now > routines {
			return fmt.Errorf("%d goroutines, %d before", now, routines)
		}
		return nil
	})
}

// settled is a daemon's resident memory when the runtime has given back what the
// start needed: the least seen, when it has not become less for a while.
func settled(d *Daemon) uint64 {
	const quiet, most = 3 * time.Second, 20 * time.Second
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	least, since := d.Resident(), time.Now()
	for start := time.Now(); time.Since(since) < quiet && time.Since(start) < most; <-tick.C {
		if now := d.Resident(); now < least {
			least, since = now, time.Now()
		}
	}
	return least
}
