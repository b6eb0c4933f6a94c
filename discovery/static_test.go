package discovery

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// staticTest runs a Service with static peers only, whose names resolve by lookup.
func staticTest(t *testing.T, peers []string, lookup func(ctx context.Context, host string) ([]netip.Addr, error), f func(*testing.T, *running)) {
	synctest.Test(t, func(t *testing.T) {
		s := (&lan{}).host().service(t, Config{Port: 1001, Static: peers, NoMulticast: true})
		s.static.lookup = lookup
		r := start(t, s)
		f(t, r)
		r.stop(t)
	})
}

func noLookup(context.Context, string) ([]netip.Addr, error) {
	return nil, errors.New("no lookup is needed")
}

func TestStaticAddressesAreSightedAtOnceAndAgain(t *testing.T) {
	staticTest(t, []string{"192.0.2.5:19946", "[fe80::5%eth0]:2000"}, noLookup, func(t *testing.T, r *running) {
		wait(time.Second)
		for _, addr := range []string{"192.0.2.5:19946", "[fe80::5%eth0]:2000"} {
			if !r.sees(addr, time.Time{}) {
				t.Errorf("%s is not sighted", addr)
			}
		}
		if got := r.sightingsSoFar(); len(got) != 2 || !got[0].Static || got[0].Interface != "" {
			t.Errorf("sighted %+v", got)
		}
		wait(resolveInterval)
		if n := len(r.sightingsSoFar()); n != 4 {
			t.Errorf("%d sightings after one interval", n)
		}
	})
}

func TestANameIsResolvedAgainAndItsFailureIsReported(t *testing.T) {
	var mu sync.Mutex
	addrs, fail := []string{"192.0.2.5", "2001:db8::5"}, errors.New("no such host")
	lookup := func(_ context.Context, host string) ([]netip.Addr, error) {
		mu.Lock()
		defer mu.Unlock()
		if fail != nil {
			return nil, fail
		}
		var list []netip.Addr
		for _, a := range addrs {
			list = append(list, netip.MustParseAddr(a))
		}
		return list, nil
	}
	staticTest(t, []string{"peer.example:19946"}, lookup, func(t *testing.T, r *running) {
		wait(time.Second)
		if got := r.Report().Static; len(got) != 1 || got[0].Err != "no such host" || len(r.sightingsSoFar()) != 0 {
			t.Errorf("reported %+v", got)
		}
		mu.Lock()
		fail = nil
		mu.Unlock()
		wait(resolveRetry)
		if !r.sees("192.0.2.5:19946", time.Time{}) || !r.sees("[2001:db8::5]:19946", time.Time{}) || r.Report().Static[0].Err != "" {
			t.Errorf("sighted %v, reported %+v", r.sightingsSoFar(), r.Report().Static)
		}
		mu.Lock()
		addrs = []string{"192.0.2.6"}
		mu.Unlock()
		moved := time.Now()
		wait(resolveInterval)
		if !r.sees("192.0.2.6:19946", moved) || r.sees("192.0.2.5:19946", moved) {
			t.Errorf("after the name moved: %v", r.sightingsSoFar())
		}
		mu.Lock()
		fail = errors.New("resolver away")
		mu.Unlock()
		away := time.Now()
		wait(resolveInterval)
		if !r.sees("192.0.2.6:19946", away.Add(1)) {
			t.Error("while the resolver is away, the last address is not tried")
		}
	})
}

func TestASlowNameDoesNotHoldUpTheOthers(t *testing.T) {
	lookup := func(ctx context.Context, host string) ([]netip.Addr, error) {
		if host == "slow.example" {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return []netip.Addr{netip.MustParseAddr("192.0.2.5")}, nil
	}
	staticTest(t, []string{"slow.example:1", "fast.example:2"}, lookup, func(t *testing.T, r *running) {
		wait(100 * time.Millisecond)
		if !r.sees("192.0.2.5:2", time.Time{}) {
			t.Error("it does")
		}
		wait(resolveTimeout)
		if got := r.Report().Static[0]; got.Err == "" {
			t.Error("a lookup without end is not given up")
		}
	})
}

func TestSetStaticReplacesThePeersAtOnce(t *testing.T) {
	staticTest(t, []string{"192.0.2.5:1"}, noLookup, func(t *testing.T, r *running) {
		wait(time.Second)
		changed := time.Now()
		if err := r.SetStatic([]string{"192.0.2.6:1", "192.0.2.6:1"}); err != nil {
			t.Fatal(err)
		}
		wait(2 * resolveInterval)
		if !r.sees("192.0.2.6:1", changed) || r.sees("192.0.2.5:1", changed) {
			t.Errorf("sighted %v", r.sightingsSoFar())
		}
		if err := r.SetStatic([]string{"nonsense"}); !errors.Is(err, ErrConfig) || len(r.Report().Static) != 1 {
			t.Errorf("a peer that is none: %v, %+v", err, r.Report().Static)
		}
	})
}

func TestAStaticPeerIsHostAndPort(t *testing.T) {
	for _, bad := range []string{"", "host", "host:", ":19946", "host:0", "host:65536", "host:http", "fe80::1:19946", "[fe80::1]"} {
		if _, err := New(Config{Network: testNetwork(1), Static: []string{bad}}); !errors.Is(err, ErrConfig) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := New(Config{Network: testNetwork(1), Static: slices.Repeat([]string{"a:1"}, maxStatic+1)}); !errors.Is(err, ErrConfig) {
		t.Errorf("too many: %v", err)
	}
	if _, err := New(Config{}); !errors.Is(err, ErrConfig) {
		t.Errorf("no network: %v", err)
	}
}
