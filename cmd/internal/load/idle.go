package load

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// An IdleReport tells what sessions cost that do nothing. Of peers that do not
// tell their memory the costs are 0, and Told is false.
type IdleReport struct {
	Sessions  int     `json:"sessions"`
	Seconds   float64 `json:"seconds"`            // held
	Live      int     `json:"live"`               // at the end, without having been made again
	PerSecond float64 `json:"dialled_per_second"` // key, handshake and token of each

	Told       bool    `json:"told"`
	Before     uint64  `json:"memory_bytes_before"` // of all peers together
	After      uint64  `json:"memory_bytes_after"`
	Bytes      float64 `json:"memory_bytes_per_session"`
	Goroutines float64 `json:"goroutines_per_session"`
}

var errEnded = errors.New("sessions ended")

// Idle holds so many sessions of as many users for a time. The peers tell what
// memory they have before and after.
func Idle(ctx context.Context, target Target, sessions int, during time.Duration, notice func(string)) (rep *Report, err error) {
	if sessions < 1 || during <= 0 {
		return nil, errors.New("load: there must be a session and a time to hold it")
	}
	c, first, err := newCrowd(ctx, target)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	idle := &IdleReport{Sessions: sessions, Told: true}
	rep = &Report{Mode: "idle", Peers: target.Addrs, Problems: []string{}, Warnings: []string{}, Idle: idle}
	notice("the peers come to rest")
	before, err := settled(ctx, first, settleQuiet, settleMost)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		idle.Told = false
		rep.Warnings = append(rep.Warnings, fmt.Sprintf("the peers do not tell what memory they use: %v", err))
	}
	notice(fmt.Sprintf("%s are made", plural(sessions, "session")))
	start := time.Now()
	users, err := c.crowdOf(ctx, sessions, 0)
	if err != nil {
		return nil, fmt.Errorf("%d of %d sessions: %w", open(users), sessions, err)
	}
	idle.PerSecond = float64(sessions) / time.Since(start).Seconds()
	notice(fmt.Sprintf("%s are held for %v", plural(sessions, "session"), during))
	start = time.Now()
	err = hold(ctx, during/2)
	if err == nil && idle.Told {
		// A peer whose sessions ended may be gone, and is asked no more.
		after, failed := cost{}, errEnded
		if open(users) == sessions {
			after, failed = settled(ctx, first, during-during/2, during-during/2)
		}
		if idle.Told = failed == nil; idle.Told {
			idle.compare(before, after)
		} else if ctx.Err() == nil {
			rep.Warnings = append(rep.Warnings, fmt.Sprintf("what memory the peers use now is not known: %v", failed))
		}
	}
	if err == nil {
		err = hold(ctx, during-time.Since(start))
	}
	idle.Seconds, idle.Live = time.Since(start).Seconds(), open(users)
	if idle.Live < sessions {
		rep.Problems = append(rep.Problems, fmt.Sprintf("%d of %d sessions ended while they were held", sessions-idle.Live, sessions))
	}
	if idle.After < idle.Before {
		rep.Warnings = append(rep.Warnings, "the peers use less memory than before: hold more sessions, for longer, to see what they cost")
	}
	rep.Clients = c.notes.all()
	return rep, err
}

// compare puts all that is used more down to the sessions.
func (i *IdleReport) compare(before, after cost) {
	n := float64(i.Sessions)
	i.Before, i.After = before.memory, after.memory
	i.Bytes = (float64(after.memory) - float64(before.memory)) / n
	i.Goroutines = (float64(after.goroutines) - float64(before.goroutines)) / n
}
