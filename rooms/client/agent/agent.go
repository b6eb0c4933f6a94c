// Package agent is the user's long-lived part: it follows the user's rooms,
// seals epoch keys for members who lack one, begins new epochs in rooms whose
// master the user is, and sees to it that the user's peer keeps the rooms.
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
	// EpochAge is the age from which an epoch is replaced; 0: DefaultEpochAge.
	EpochAge time.Duration
}

// An Agent looks after the rooms of one user.
type Agent struct {
	c   *client.Client
	log *slog.Logger
	age time.Duration
}

// New returns an Agent; it does nothing until Run.
func New(cfg Config) (*Agent, error) {
	if cfg.Client == nil {
		return nil, errors.New("agent: an agent needs a client")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.EpochAge == 0 {
		cfg.EpochAge = DefaultEpochAge
	}
	return &Agent{c: cfg.Client, log: cfg.Logger, age: cfg.EpochAge}, nil
}

// Run looks after the user's rooms, those joined later included, until ctx
// ends. It returns nil then.
func (a *Agent) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
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
	t := &tending{agent: a, room: r, done: make(map[client.Sealing]bool)}
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

// A tending is what an agent remembers of one room.
type tending struct {
	agent *Agent
	room  client.Room
	done  map[client.Sealing]bool // boxes known to be there
}

// look does what a change of the room calls for.
func (t *tending) look(ctx context.Context) error {
	c, log := t.agent.c, t.agent.log
	if err := t.rotate(ctx); err != nil {
		return err
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
	due, rank, err := t.agent.c.Rotation(t.room.ID, t.agent.age)
	if err != nil || !due {
		return err
	}
	if err := pause(ctx, time.Duration(min(rank, maxRank))*rankDelay); err != nil {
		return err
	}
	rotated, err := t.agent.c.RotateDue(ctx, t.room.ID, t.agent.age)
	if rotated {
		t.agent.log.Info("new epoch", "room", t.room.ID)
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
