//go:build linux

package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// Two admins on the two sides of a partition each invite somebody, who joins and
// writes, and then remove a member who is on the other side. A removal revokes the
// invites that it has not seen: afterwards both removals count and neither
// newcomer is in, who is told why. The two epochs stand beside each other, each
// with a key that somebody has who is out: nobody writes in either until an
// admin's agent has merged them.
func TestRoom2TwoAdminsWhoActAtOnceInTwoPartitionsEndInOneRoom(t *testing.T) {
	s := newSite(t, "master", "x", "out-of-y", "member", "y", "out-of-x")
	s.room("ops")
	users := make(map[string]string)
	for _, d := range s.daemons {
		users[d.Host.Name] = d.Host.user()
	}
	for _, admin := range []string{"x", "y"} {
		s.host(0).MustParley("room", "role", "ops", users[admin], "admin")
	}
	Eventually(t, findWithin, "everybody knows the admins", func() error { return agree("ops", s.daemons...) })
	x, outOfY, member, y, outOfX := s.daemons[1], s.daemons[2], s.daemons[3], s.daemons[4], s.daemons[5]
	agents := []*Process{x.agent(), y.agent()}
	feeds := []*feed{member.Host.feed("ops"), y.Host.feed("ops")} // of one who cannot change the key, and of one who can
	for i, f := range feeds {
		if err := f.write(fmt.Sprintf("feed %d before", i)); err != nil {
			t.Fatal(err)
		}
	}

	newX, newY := s.add("new-by-x"), s.add("new-by-y")
	Eventually(t, findWithin, "the newcomers connected", func() error { return connected(s.daemons...) })
	s.split([]*Daemon{s.daemons[0], x, outOfY, member, newX}, []*Daemon{y, outOfX, newY})
	for _, side := range []struct {
		admin, newcomer *Daemon
		removes         string
	}{{x, newX, users["out-of-x"]}, {y, newY, users["out-of-y"]}} {
		link := side.admin.Host.MustParley("room", "invite", "ops")
		side.newcomer.Host.MustParley("room", "join", link)
		side.newcomer.Host.MustParley("send", "ops", side.newcomer.Host.Name+" is here", "--replicas", "2")
		side.admin.Host.MustParley("room", "kick", "ops", side.removes)
		side.admin.Host.MustParley("send", "ops", side.admin.Host.Name+" has done it")
	}
	for i, f := range feeds {
		if err := f.write(fmt.Sprintf("feed %d apart", i)); err != nil {
			t.Fatal(err)
		}
	}
	// On its own side each deed counts, before the other is heard of.
	for i, d := range []*Daemon{member, y} {
		newcomer := []*Daemon{newX, newY}[i].Host.user()
		Eventually(t, findWithin, "the side agrees with its admin", func() error {
			roles, err := d.Host.roles("ops")
			if err == nil && roles[newcomer] != "member" {
				err = fmt.Errorf("%v: %v", d, roles)
			}
			return err
		})
	}

	for _, d := range s.daemons {
		d.Host.Attach()
	}
	in := []*Daemon{s.daemons[0], x, member, y}
	Eventually(t, findWithin, "equal state on every host, and one key", func() error {
		if err := agree("ops", in...); err != nil {
			return err
		}
		state, err := x.Host.info("ops")
		if err == nil && (state.Beside > 1 || len(state.Outsiders) > 0) {
			err = fmt.Errorf("%d newest epochs, open to %q", state.Beside, state.Outsiders)
		}
		return err
	})
	roles, err := x.Host.roles("ops")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		users["master"]: "master", users["x"]: "admin", users["y"]: "admin", users["member"]: "member",
		users["out-of-x"]: "removed", users["out-of-y"]: "removed",
	}
	if fmt.Sprint(roles) != fmt.Sprint(want) {
		t.Errorf("the room has %v, want %v", roles, want)
	}

	// Sending goes on by itself, in both pipes that were open all the while.
	for i, f := range feeds {
		if err := f.write(fmt.Sprintf("feed %d after", i)); err != nil {
			t.Errorf("%s: %v: %s", f.name, err, f.Err)
		}
		f.finish()
	}
	Eventually(t, findWithin, "what was said on both sides on every host", func() error {
		if err := agree("ops", in...); err != nil {
			return err
		}
		if err := verified("ops", len(in)-1, in...); err != nil {
			return err
		}
		all, err := x.Host.History("ops")
		if err != nil {
			return err
		}
		for i := range feeds {
			for _, when := range []string{"before", "apart", "after"} {
				if text := fmt.Sprintf("feed %d %s", i, when); len(texts(all, text)) != 1 {
					return fmt.Errorf("%q is there %d times", text, len(texts(all, text)))
				}
			}
		}
		if n := len(texts(all, "x has done it")) + len(texts(all, "y has done it")); n != 2 {
			return fmt.Errorf("%d of the admins' messages are there", n)
		}
		return nil
	})
	all, err := x.Host.History("ops")
	if err != nil {
		t.Fatal(err)
	}
	epochs := make(map[string]string)
	for _, m := range all {
		epochs[m.Text] = m.Epoch
	}
	if epochs["feed 0 after"] != epochs["feed 1 after"] || epochs["feed 0 after"] == epochs["feed 0 apart"] || epochs["feed 0 apart"] == epochs["feed 1 apart"] {
		t.Errorf("the epochs are %v", epochs)
	}

	// Nobody's entry is lost without a report.
	for _, d := range []*Daemon{newX, newY} {
		var told string
		Eventually(t, findWithin, "the newcomer is told why it is out", func() error {
			r := d.Host.Parley("send", "ops", "am I in?", "--timeout", "5s")
			told += r.Err
			if r.Code != 4 || !strings.Contains(r.Err, "revoked") {
				return fmt.Errorf("%v: exit code %d: %s", d, r.Code, r.Err)
			}
			if !strings.Contains(told, "not seen by the others any more: ") {
				return fmt.Errorf("%v: %s", d, told)
			}
			return nil
		})
		t.Logf("%v: %s", d, told)
	}
	for _, d := range []*Daemon{outOfY, outOfX} {
		Eventually(t, findWithin, "who was removed is told so", func() error {
			r := d.Host.Parley("send", "ops", "am I in?", "--timeout", "5s")
			if r.Code != 4 || !strings.Contains(r.Err, "removed") {
				return fmt.Errorf("%v: exit code %d: %s", d, r.Code, r.Err)
			}
			return nil
		})
	}
	// An admin may take the newcomer in after all.
	x.Host.MustParley("room", "role", "ops", newY.Host.user(), "member")
	Eventually(t, findWithin, "the newcomer is in", func() error {
		r := newY.Host.Parley("send", "ops", "here I am", "--replicas", strconv.Itoa(len(in)), "--timeout", "5s")
		if r.Code != 0 {
			return fmt.Errorf("exit code %d: %s", r.Code, r.Err)
		}
		return nil
	})
	Eventually(t, findWithin, "equal state with the newcomer", func() error { return agree("ops", append(in, newY)...) })
	for _, p := range agents {
		if !p.Running() {
			t.Errorf("%s has ended: %s", p.name, p.Err)
		}
	}
}
