// Package agent is the user's long-lived part: it follows the user's rooms,
// seals epoch keys for members and invites that lack one, begins new epochs and
// trims by policy in rooms where the user may, tells the rooms the user's new name and
// sealing key and forgets the old one when nothing needs it, has the user's peer keep
// the rooms of two, and logs which of the user's messages stopped counting.
package agent

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"parley/rooms/client"
	"parley/wire"
)

// Config is what an Agent needs.
type Config struct {
	Client *client.Client // stays the caller's: Run does not close it
	Logger *slog.Logger   // nil: silent
}

// An Agent looks after the rooms of one user.
type Agent struct {
	c   *client.Client
	log *slog.Logger
}

// New returns an Agent; it does nothing until Run.
func New(cfg Config) (*Agent, error) {
	if cfg.Client == nil {
		return nil, errors.New("agent: an agent needs a client")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Agent{c: cfg.Client, log: cfg.Logger}, nil
}

// Run looks after the user's rooms, those joined later included, until ctx
// ends. It returns nil then.
func (a *Agent) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wg.Go(func() { a.every(ctx, pairsEvery, "rooms of two not kept", a.c.KeepPairs) })
	wg.Go(func() { a.every(ctx, keyEvery, "key not looked after", a.lookAtKey) })
	running := make(map[wire.ID]context.CancelFunc)
	tick := time.NewTicker(roomsEvery)
	defer tick.Stop()
	for {
		list, err := a.c.LocalRooms()
		if err != nil {
			a.log.Warn("the list of rooms cannot be read", "error", err)
		}
		here := make(map[wire.ID]bool)
		for _, r := range list {
			here[r.ID] = true
			if r.Open || running[r.ID] != nil {
				continue
			}
			roomCtx, stop := context.WithCancel(ctx)
			running[r.ID] = stop
			wg.Go(func() { a.tend(roomCtx, r) })
		}
		maps.DeleteFunc(running, func(id wire.ID, stop context.CancelFunc) bool {
			if err == nil && !here[id] {
				stop() // the user has left
				return true
			}
			return false
		})
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// tend looks after one room until ctx ends.
func (a *Agent) tend(ctx context.Context, r client.Room) {
	t := &tending{agent: a, room: r, done: make(map[client.Sealing]bool), told: make(map[client.Notice]bool)}
	pause := retryMin
	for ctx.Err() == nil {
		began := time.Now()
		// Nothing changes when a key grows old: a look is due all the same.
		follow, cancel := context.WithTimeout(ctx, lookEvery)
		err := a.c.Follow(follow, r.ID, t.look)
		again := follow.Err() != nil
		cancel()
		if ctx.Err() != nil {
			return
		}
		if again {
			continue
		}
		if time.Since(began) > retryMax {
			pause = retryMin
		}
		if !client.CutOff(err) && !errors.Is(err, client.ErrNoDaemon) {
			a.log.Warn("room not looked after", "room", r.ID, "error", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, retryMax)
	}
}

// every calls f at first and from time to time, and logs what goes wrong.
func (a *Agent) every(ctx context.Context, period time.Duration, failed string, f func(context.Context) error) {
	for ctx.Err() == nil {
		if err := f(ctx); err != nil && ctx.Err() == nil && !client.CutOff(err) && !errors.Is(err, client.ErrNoDaemon) {
			a.log.Warn("agent", "failed", failed, "error", err)
		}
		if pause(ctx, period) != nil {
			return
		}
	}
}

// lookAtKey takes over a key that another process of the user renewed, and
// forgets older sealing keys that nothing needs.
func (a *Agent) lookAtKey(ctx context.Context) error {
	if _, err := a.c.Reload(); err != nil {
		return err
	}
	retired, err := a.c.RetireSealing(ctx)
	if retired {
		a.log.Info("older sealing keys forgotten: nothing needs them any more")
	}
	return err
}

// A tending is what an agent remembers of one room.
type tending struct {
	agent *Agent
	room  client.Room
	done  map[client.Sealing]bool // boxes known to be there
	told  map[client.Notice]bool  // notices that are in the log
}

// look does what a change of the room calls for.
func (t *tending) look(ctx context.Context) error {
	c, log := t.agent.c, t.agent.log
	if told, err := c.PublishBundle(ctx, t.room.ID); err != nil {
		return err
	} else if told {
		log.Info("told the room the name and sealing key", "room", t.room.ID)
	}
	if err := t.rotate(ctx); err != nil {
		return err
	}
	if err := t.notices(ctx); err != nil {
		return err
	}
	if n, err := c.TrimDue(ctx, t.room.ID); err != nil {
		return err
	} else if n > 0 {
		log.Info("old messages forgotten by the room's policy", "room", t.room.ID, "messages", n)
	}
	want, rank, err := c.Sealings(t.room.ID)
	if err != nil {
		return err
	}
	var missing []client.Sealing
	for _, s := range want {
		if !t.done[s] {
			missing = append(missing, s)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	// A newcomer seals for itself as it joins, and every member's agent sees
	// the same gap: the lower rank goes first, so that it is filled once.
	if err := pause(ctx, sealDelay+time.Duration(min(rank, maxRank))*rankDelay); err != nil {
		return err
	}
	n, err := c.SealMissing(ctx, t.room.ID, missing)
	if err != nil {
		return err
	}
	for _, s := range missing {
		t.done[s] = true
	}
	if n > 0 {
		log.Info("sealed keys for members", "room", t.room.ID, "boxes", n)
	}
	return nil
}

// rotate begins a new epoch if one is due. Those who may do it go one after
// another, the master first, so that it is done once.
func (t *tending) rotate(ctx context.Context) error {
	due, rank, err := t.agent.c.Rotation(t.room.ID)
	if err != nil || !due {
		return err
	}
	if err := pause(ctx, time.Duration(min(rank, maxRank))*rankDelay); err != nil {
		return err
	}
	rotated, err := t.agent.c.RotateDue(ctx, t.room.ID)
	if rotated {
		t.agent.log.Info("new epoch", "room", t.room.ID)
	}
	return err
}

// notices logs, once, which of the user's own messages stopped counting, and why.
func (t *tending) notices(ctx context.Context) error {
	list, err := t.agent.c.Notices(ctx, t.room.ID, false)
	for _, n := range list {
		if t.told[n] {
			continue
		}
		t.told[n] = true
		t.agent.log.Warn("own messages", "room", n.Room, "log", n.Log, "first", n.First, "last", n.Last, "count", n.Counts, "why", n.Why)
	}
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
