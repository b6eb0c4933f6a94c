package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// user is the ID of the host's user.
func (h *Host) user() string {
	h.t.Helper()
	var id struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(h.MustParley("id", "--json")), &id); err != nil || id.ID == "" {
		h.t.Fatalf("%s: parley id: %v", h.Name, err)
	}
	return id.ID
}

// agent starts the agent of a daemon's user, a process of its own beside the daemon.
func (d *Daemon) agent() *Process {
	d.t.Helper()
	p := d.Host.SpawnParley([]string{"up", "--log-level", "info"})
	Eventually(d.t, ReadyWithin, "the agent of "+d.Host.Name, func() error {
		if !p.Out.Contains("starting the agent only") || !p.Out.Contains("\nyou ") {
			return fmt.Errorf("%s%s", p.Out, p.Err)
		}
		return nil
	})
	return p
}

// A rosterLine is one line of `room members --json`: a member, a live invite, or
// somebody who was removed. What only the asking user is told is left out.
type rosterLine struct {
	ID      string `json:"id"`
	Role    string `json:"role"`
	Since   string `json:"since"`
	Invite  string `json:"invite"`
	By      string `json:"by"`
	Used    int    `json:"used"`
	Removed string `json:"removed"`
	Ban     bool   `json:"ban"`
}

// A roomState is what `room info --json` says of the room itself, not of the
// asking user, its daemon and who is connected to it.
type roomState struct {
	ID        string   `json:"id"`
	Title     string   `json:"title"`
	Topic     string   `json:"topic"`
	History   string   `json:"history"`
	Members   int      `json:"members"`
	Capacity  uint64   `json:"capacity"`
	Created   string   `json:"created"`
	Epochs    int      `json:"epochs"`
	Messages  uint64   `json:"messages"`
	Bytes     uint64   `json:"bytes"`
	Logs      uint64   `json:"logs"`
	Retention float64  `json:"retention"`
	EpochAge  float64  `json:"epoch_age"`
	Beside    int      `json:"newest_epochs"`
	Outsiders []string `json:"outsiders"`
	Contests  []any    `json:"contests"`
}

// roster returns the lines of `room members --json`, in an order that does not
// depend on names.
func (h *Host) roster(room string) ([]rosterLine, error) {
	h.t.Helper()
	r := h.Parley("room", "members", room, "--json")
	if r.Code != 0 {
		return nil, fmt.Errorf("%s: room members: exit code %d: %s", h.Name, r.Code, tail(r.Err))
	}
	lines, err := Lines[rosterLine](r.Out)
	slices.SortFunc(lines, func(a, b rosterLine) int {
		return cmp.Or(strings.Compare(a.Invite, b.Invite), strings.Compare(a.Removed, b.Removed), strings.Compare(a.ID, b.ID))
	})
	return lines, err
}

// info returns what `room info --json` says of the room.
func (h *Host) info(room string) (state roomState, err error) {
	h.t.Helper()
	r := h.Parley("room", "info", room, "--json")
	if r.Code != 0 {
		return state, fmt.Errorf("%s: room info: exit code %d: %s", h.Name, r.Code, tail(r.Err))
	}
	err = json.Unmarshal([]byte(r.Out), &state)
	return state, err
}

// roles returns who is what, of those who belong to the room or were removed.
func (h *Host) roles(room string) (map[string]string, error) {
	h.t.Helper()
	lines, err := h.roster(room)
	roles := make(map[string]string)
	for _, l := range lines {
		switch {
		case l.ID != "":
			roles[l.ID] = l.Role
		case l.Ban:
			roles[l.Removed] = "banned"
		case l.Removed != "":
			roles[l.Removed] = "removed"
		}
	}
	return roles, err
}

// agree is nil when the hosts say the same of a room: who is in it and what it
// is, and, message for message, what was said.
func agree(room string, daemons ...*Daemon) error {
	first := daemons[0].Host
	roster, err := first.roster(room)
	if err != nil {
		return err
	}
	state, err := first.info(room)
	if err != nil {
		return err
	}
	said, err := first.said(room)
	if err != nil {
		return err
	}
	for _, d := range daemons[1:] {
		if other, err := d.Host.roster(room); err != nil {
			return err
		} else if !slices.Equal(other, roster) {
			return fmt.Errorf("members: %s says %+v, %s says %+v", first.Name, roster, d.Host.Name, other)
		}
		if other, err := d.Host.info(room); err != nil {
			return err
		} else if !reflect.DeepEqual(other, state) {
			return fmt.Errorf("info: %s says %+v, %s says %+v", first.Name, state, d.Host.Name, other)
		}
		other, err := d.Host.said(room)
		if err != nil {
			return err
		}
		if len(other) != len(said) {
			return fmt.Errorf("%s shows %d messages, %s shows %d", first.Name, len(said), d.Host.Name, len(other))
		}
		for i := range other {
			if !reflect.DeepEqual(other[i], said[i]) {
				return fmt.Errorf("%s shows %+v, %s shows %+v", first.Name, said[i], d.Host.Name, other[i])
			}
		}
	}
	return identical(room, daemons...)
}

// said is the room's history in an order that is the same on every host, without
// when each message came there.
func (h *Host) said(room string) ([]Message, error) {
	h.t.Helper()
	all, err := h.History(room)
	for i := range all {
		all[i].Received = ""
	}
	slices.SortFunc(all, func(a, b Message) int { return cmp.Or(strings.Compare(a.Log, b.Log), cmp.Compare(a.Seq, b.Seq)) })
	return all, err
}

// verified is nil when `room verify`, on each host, finds the room identical on so
// many other peers, with as many messages everywhere.
func verified(room string, others int, daemons ...*Daemon) error {
	type line struct {
		Identical bool     `json:"identical"`
		Messages  uint64   `json:"messages"`
		Problem   string   `json:"problem"`
		Forks     []string `json:"forks"`
	}
	var messages []uint64
	for _, d := range daemons {
		r := d.Host.Parley("room", "verify", room, "--json")
		lines, err := Lines[line](r.Out)
		if err != nil || r.Code != 0 || len(lines) != others {
			return fmt.Errorf("%s: room verify: exit code %d, %d peers of %d: %v %s%s", d.Host.Name, r.Code, len(lines), others, err, r.Out, r.Err)
		}
		for _, l := range lines {
			if !l.Identical || l.Problem != "" || len(l.Forks) > 0 {
				return fmt.Errorf("%s: room verify: %+v", d.Host.Name, l)
			}
			messages = append(messages, l.Messages)
		}
	}
	if slices.Min(messages) != slices.Max(messages) {
		return fmt.Errorf("room verify counts %v messages", messages)
	}
	return nil
}

// written returns the texts of an author in the order of its log, from a history.
func written(messages []Message, author string) (found []string) {
	own := slices.DeleteFunc(slices.Clone(messages), func(m Message) bool { return m.Author != author })
	slices.SortFunc(own, func(a, b Message) int { return cmp.Or(strings.Compare(a.Log, b.Log), cmp.Compare(a.Seq, b.Seq)) })
	for _, m := range own {
		found = append(found, m.Text)
	}
	return found
}

// split parts the site in two and waits until no session is left between them.
func (s *site) split(near, far []*Daemon) {
	s.t.Helper()
	hosts := make([]*Host, len(far))
	for i, d := range far {
		hosts[i] = d.Host
	}
	s.lab.Split(hosts...)
	Eventually(s.t, findWithin, "both sides have noticed", func() error {
		for _, d := range near {
			if err := disconnected(d, far...); err != nil {
				return err
			}
		}
		for _, d := range far {
			if err := disconnected(d, near...); err != nil {
				return err
			}
		}
		return nil
	})
}
