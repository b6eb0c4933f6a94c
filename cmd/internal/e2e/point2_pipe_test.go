//go:build linux

package e2e

import (
	"fmt"
	"testing"
	"time"
)

func TestPoint2AHundredThousandLinesArriveOnTwoOtherHostsOnceAndInOrder(t *testing.T) {
	const lines = 100_000
	s := newSite(t, "a", "b", "c")
	s.room("ops")
	tails := []*Process{}
	for _, d := range s.daemons[1:] {
		tails = append(tails, d.Host.SpawnParley([]string{"tail", "ops", "--all", "-f", "--json", "--count", fmt.Sprint(lines), "--timeout", "60s"}))
	}
	start := time.Now()
	s.host(0).MustParleyInput(numbers("", 1, lines), "send", "ops", "--replicas", "2")
	t.Logf("%d lines sent and on two other disks after %v", lines, time.Since(start))
	for _, tail := range tails {
		if code := tail.Wait(CommandWithin); code != 0 {
			t.Fatalf("%s: exit code %d: %s", tail.name, code, tail.Err.Tail(4<<10))
		}
		t.Logf("%s: complete after %v", tail.name, time.Since(start))
		messages := MustLines[Message](t, tail.Out.String())
		if err := isSequence(texts(messages, ""), "", lines); err != nil {
			t.Errorf("%s: %v", tail.name, err)
		}
		for i, m := range messages {
			if m.Log != messages[0].Log || m.Seq != uint64(i+1) || m.Room != messages[0].Room {
				t.Fatalf("%s: message %d is number %d of log %s, the first is of log %s", tail.name, i+1, m.Seq, m.Log, messages[0].Log)
			}
		}
	}
	if err := identical("ops", s.daemons...); err != nil {
		t.Error(err)
	}
}

func TestPoint2ReplicasAreOnTheOthersDisksWhenSendReturns(t *testing.T) {
	const lines = 10_000
	s := newSite(t, "a", "b", "c")
	s.room("ops")
	s.host(0).MustParleyInput(numbers("", 1, lines), "send", "ops", "--replicas", "2")
	// Whatever was not on a disk is gone now, and nobody is there to ask again.
	for _, d := range s.daemons {
		d.Kill()
	}
	for _, d := range s.daemons[1:] {
		d.Host.Detach()
		again := d.Again()
		if err := has(again.Host, "ops", "", lines); err != nil {
			t.Errorf("%v, alone after kill -9: %v", again, err)
		}
	}
}

func TestPoint2ReplicasThatCannotBeHadTimeOutAndTheMessageStays(t *testing.T) {
	s := newSite(t, "a", "b", "c")
	s.room("ops")
	s.host(2).Detach()
	r := s.host(0).Parley("send", "ops", "--replicas", "2", "--timeout", "2s", "to two")
	if r.Code != 5 {
		t.Errorf("send --replicas 2 with one other host: exit code %d, want 5 (timed out): %s", r.Code, r.Err)
	}
	s.host(0).MustParley("send", "ops", "--replicas", "1", "to one")
	s.host(2).Attach()
	Eventually(t, findWithin, "both messages on the host that was away", func() error {
		if err := hasText(s.host(2), "ops", "to two"); err != nil {
			return err
		}
		return hasText(s.host(2), "ops", "to one")
	})
}
