//go:build linux

package e2e

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// attackFor is how long all strangers are at it together.
	attackFor = 15 * time.Second

	// maxPeak is the promise: resident memory of a daemon under attack.
	maxPeak = 128 << 20

	// linesAnOffender bounds the lines in the log that name one offender's
	// address in that time: the one, and one more where the end of the attack
	// falls into the next period.
	linesAnOffender = 2

	// liveWithin bounds one message's way while the attack goes on: it flows.
	liveWithin = 2 * time.Second

	silentConnections = 500
)

// An attack is what one stranger does to a daemon, again and again until the
// context ends. Errors of its connections are the daemon's defence.
type attack struct {
	name string
	logs bool // the daemon has reason for a line about it
	run  func(ctx context.Context, h *Host, target string)
}

var attacks = []attack{
	{"garbage", true, func(ctx context.Context, h *Host, target string) {
		random := rand.NewChaCha8([32]byte{7})
		repeat(ctx, h, target, 10*time.Millisecond, func(conn net.Conn) {
			b := make([]byte, 64<<10)
			_, _ = random.Read(b)
			_, _ = conn.Write(b)
		})
	}},
	{"a frame without end", true, func(ctx context.Context, h *Host, target string) {
		repeat(ctx, h, target, 10*time.Millisecond, func(conn net.Conn) {
			// A length as a first message has, then bytes for as long as they
			// are taken.
			_, err := conn.Write(binary.BigEndian.AppendUint32(nil, 1400))
			for b := make([]byte, 64<<10); err == nil; {
				_, err = conn.Write(b)
			}
		})
	}},
	{"a length of 4 GiB", true, func(ctx context.Context, h *Host, target string) {
		repeat(ctx, h, target, 10*time.Millisecond, func(conn net.Conn) {
			_, err := conn.Write([]byte{0xff, 0xff, 0xff, 0xff})
			for b := make([]byte, 64<<10); err == nil; {
				_, err = conn.Write(b)
			}
		})
	}},
	{"500 silent connections", false, func(ctx context.Context, h *Host, target string) {
		var all sync.WaitGroup
		for range silentConnections {
			all.Go(func() {
				repeat(ctx, h, target, time.Second, func(conn net.Conn) {
					_, _ = io.Copy(io.Discard, conn) // until the daemon has enough of it
				})
			})
		}
		all.Wait()
	}},
	{"one byte a second", false, func(ctx context.Context, h *Host, target string) {
		repeat(ctx, h, target, 10*time.Millisecond, func(conn net.Conn) {
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for b := byte(0); ; <-tick.C {
				if _, err := conn.Write([]byte{b}); err != nil {
					return
				}
			}
		})
	}},
}

// repeat connects, attacks and hangs up until the context ends, at most once in
// each period.
func repeat(ctx context.Context, h *Host, target string, period time.Duration, with func(net.Conn)) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for ctx.Err() == nil {
		if conn, err := h.Dial(ctx, "tcp", target); err == nil {
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			with(conn)
			stop()
			conn.Close()
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func TestPoint7StrangersBytesNeitherBloatNorStopADaemon(t *testing.T) {
	s := newSite(t, "a", "b")
	s.room("ops")
	victim := s.daemons[0]
	tails := []*Process{s.host(0).follow("ops"), s.host(1).follow("ops")}
	feeds := []*feed{s.host(0).feed("ops"), s.host(1).feed("ops")}
	before := victim.Resident()

	ctx, cancel := context.WithTimeout(t.Context(), attackFor)
	defer cancel()
	var strangers sync.WaitGroup
	addresses := make(map[string]string)
	for _, a := range attacks {
		h := s.lab.Host("stranger", HostOpts{})
		addresses[a.name] = h.IPv4.String()
		strangers.Go(func() { a.run(ctx, h, victim.Endpoint()) })
	}
	noise := s.lab.Host("noise", HostOpts{})
	addresses["noise on the beacons' port"] = noise.IPv4.String()
	strangers.Go(func() { multicastNoise(ctx, noise) })

	// Meanwhile a message goes each way, again and again.
	var slowest time.Duration
	sent := 0
	for ctx.Err() == nil {
		sent++
		for i, f := range feeds {
			text := fmt.Sprintf("%s %d", s.host(i).Name, sent)
			if err := f.write(text); err != nil {
				t.Fatalf("%s: %v: %s", f.name, err, f.Err.Tail(1<<10))
			}
			took := Eventually(t, liveWithin, "a live message under attack", func() error { return showsText(tails[1-i], text) })
			slowest = max(slowest, took)
		}
	}
	strangers.Wait()
	for _, f := range feeds {
		f.finish()
	}
	t.Logf("%d messages each way, the slowest took %v; resident %d KiB before, %d KiB after, %d KiB at the most",
		sent, slowest, before>>10, victim.Resident()>>10, victim.ResidentPeak()>>10)
	if peak := victim.ResidentPeak(); peak >= maxPeak {
		t.Errorf("the daemon had %d KiB resident, the bound is %d", peak>>10, maxPeak>>10)
	}
	if err := connected(s.daemons...); err != nil {
		t.Errorf("after the attack: %v", err)
	}
	log := victim.Err.String()
	for _, a := range attacks {
		n := linesWith(log, addresses[a.name])
		if n > linesAnOffender || (a.logs && n == 0) {
			t.Errorf("%s: %d lines in the log about %s, want 1", a.name, n, addresses[a.name])
		}
	}
	if n := linesWith(log, noise.IPv4.String()); n > linesAnOffender {
		t.Errorf("noise on the beacons' port: %d lines in the log", n)
	}
}

// linesWith counts the lines of a log that name an address.
func linesWith(log, address string) (n int) {
	for line := range strings.Lines(log) {
		// Not the longer address that begins with it.
		if strings.Contains(line, address+":") || strings.Contains(line, address+`"`) {
			n++
		}
	}
	return n
}

// multicastNoise sends datagrams of every length to the beacons' group and port.
func multicastNoise(ctx context.Context, h *Host) {
	random := rand.NewChaCha8([32]byte{8})
	_ = h.Do(func() error {
		group := &net.UDPAddr{IP: net.IPv4(239, 192, 112, 108), Port: 19946}
		eth, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: h.IPv4.AsSlice()})
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := multicastFrom(conn, eth); err != nil {
			return err
		}
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for n := 0; ctx.Err() == nil; n = (n + 1) % 1400 {
			b := make([]byte, n)
			_, _ = random.Read(b)
			if _, err := conn.WriteTo(b, group); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				return err
			}
			<-tick.C
		}
		return nil
	})
}
