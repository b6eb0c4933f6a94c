//go:build linux

package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"
)

func TestRoom3TwentyJoinByOneLinkAtOnceWithEveryAdminOffline(t *testing.T) {
	const newcomers = 20
	s := newSite(t, "admin", "member")
	s.room("ops")
	s.host(0).MustParley("send", "ops", "before from admin", "--replicas", "1")
	link := s.invite("ops", newcomers)
	Eventually(t, findWithin, "the member's daemon has the invite", func() error { return agree("ops", s.daemons...) })
	admin := s.daemons[0]
	admin.Quit()

	s.daemons = s.daemons[1:]
	for i := range newcomers {
		h := s.lab.Host(fmt.Sprintf("new-%d", i+1), HostOpts{})
		s.daemons = append(s.daemons, h.StartDaemon("--network-secret-file", s.secret))
	}
	for _, d := range s.daemons[1:] {
		d.AwaitReady()
	}
	all := s.daemons
	Eventually(t, crowdWithin, "each has found the member", func() error {
		for _, d := range all[1:] {
			if err := connected(all[0], d); err != nil {
				return err
			}
		}
		return nil
	})

	start := time.Now()
	atOnce(t, all[1:], func(*Daemon) []string { return []string{"room", "join", link, "--timeout", "60s"} })
	t.Logf("%d joins at once took %v", newcomers, time.Since(start))
	atOnce(t, all, func(d *Daemon) []string {
		return []string{"send", "ops", "hello from " + d.Host.Name, "--replicas", "1", "--timeout", "60s"}
	})
	want := []string{"before from admin"}
	for _, d := range all {
		want = append(want, "hello from "+d.Host.Name)
	}
	slices.Sort(want)
	reads := func(d *Daemon) error {
		said, err := d.Host.said("ops")
		if err != nil {
			return err
		}
		var got []string
		for _, m := range said {
			got = append(got, m.Text)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			return fmt.Errorf("%v shows %q, want %q", d, got, want)
		}
		return nil
	}
	for _, d := range all {
		Eventually(t, crowdWithin, "all is read by "+d.Host.Name, func() error { return reads(d) })
	}
	// The admin comes back, and finds them all.
	admin = admin.Again()
	all = append(all, admin)
	Eventually(t, crowdWithin, "the admin has it all", func() error { return reads(admin) })
	Eventually(t, crowdWithin, "one room on all hosts", func() error { return agree("ops", all...) })
	if state, err := admin.Host.info("ops"); err != nil || state.Members != newcomers+2 {
		t.Errorf("%d members, want %d: %v", state.Members, newcomers+2, err)
	}
	if r := admin.Host.Parley("room", "verify", "ops"); r.Code != 0 {
		t.Errorf("exit code %d: %s%s", r.Code, r.Out, r.Err)
	}
	// The link's uses are spent.
	late := s.add("late")
	Eventually(t, crowdWithin, "the late one connected", func() error { return connected(late, admin) })
	if r := late.Host.Parley("room", "join", link, "--timeout", "20s"); r.Code != 4 {
		t.Errorf("newcomer %s: exit code %d, want 4: %s", strconv.Itoa(newcomers+1), r.Code, r.Err)
	}
}

// crowdWithin is for what many processes do on the processors of one machine.
const crowdWithin = 60 * time.Second

// atOnce starts a command on every host before it waits for any. All have to succeed.
func atOnce(t *testing.T, daemons []*Daemon, args func(*Daemon) []string) {
	t.Helper()
	var running []*Process
	for _, d := range daemons {
		running = append(running, d.Host.SpawnParley(args(d)))
	}
	for _, p := range running {
		if code := p.Wait(CommandWithin); code != 0 {
			t.Errorf("%s: exit code %d: %s", p.name, code, p.Err.Tail(1<<10))
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}
