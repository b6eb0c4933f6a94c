package load

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/rooms/client"
	"parley/wire"
)

// Traffic is who writes what and who reads it.
type Traffic struct {
	Writers  int           // users that write
	Rooms    int           // private rooms, made for the run; writers are spread over them
	Lobby    bool          // the network's lobby instead
	Readers  int           // users that follow each room
	Size     int           // of a message in bytes, at least MinSize
	Even     bool          // equal gaps instead of a Poisson process
	Replicas int           // measure the time to so many other peers' disks, too
	Warmup   time.Duration // at the first rate, before anything is recorded
	Drain    time.Duration // how long nothing may arrive, when all was due, before the rest counts as lost
	Seed     uint64

	Notice func(text string) // what is being done; may be nil

	more int // readers beside those, of the rooms in turn
}

// A run is the users of a traffic at work.
type run struct {
	Traffic
	id    uint64
	crowd *crowd
	first []*user // one at each peer
	rec   *recorder
	gen   *generator
	alarm *alarm
	waits schedLatency // before the start
	rooms []wire.ID
	seats []seat // of the writers, by their index

	readers []*reader

	work   context.Context // of writers and readers: it outlasts an interrupt, so that what was sent is accounted for
	stop   context.CancelFunc
	pipes  sync.WaitGroup
	others sync.WaitGroup

	mu     sync.Mutex
	failed map[string]uint64 // messages not acknowledged, by code
}

// A seat is a user's place in a room that it writes in.
type seat struct {
	*writer
	user *user
	room int
}

// setUp makes users and rooms, and starts readers and writers. planned is how long
// the run will last.
func setUp(ctx context.Context, target Target, t Traffic, planned time.Duration) (*run, error) {
	if t.Lobby {
		t.Rooms = 1
	}
	switch {
	case t.Writers < 1 || t.Rooms < 1 || t.Readers < 0 || t.Replicas < 0:
		return nil, errors.New("load: there must be a writer and a room at least")
	case t.Size < MinSize:
		return nil, fmt.Errorf("load: a message has at least %d bytes", MinSize)
	}
	if t.Notice == nil {
		t.Notice = func(string) {}
	}
	r := &run{Traffic: t, id: freshRun(), failed: make(map[string]uint64)}
	r.work, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := r.setUp(ctx, target, planned); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *run) setUp(ctx context.Context, target Target, planned time.Duration) (err error) {
	if r.alarm, err = newAlarm(); err != nil {
		return err
	}
	if r.crowd, r.first, err = newCrowd(ctx, target); err != nil {
		return err
	}
	if err := r.users(ctx); err != nil {
		return err
	}
	r.rec = newRecorder(planned)
	r.gen = &generator{rec: r.rec, seed: r.Seed, even: r.Even, sleep: r.alarm.sleep}
	return r.begin(ctx)
}

// freshRun tells this run's messages from those of every other.
func freshRun() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:])
}

// users makes the users and has them join the rooms.
func (r *run) users(ctx context.Context) error {
	r.Notice(fmt.Sprintf("%s and %s of %s at %s are made, seed %d", plural(r.Writers, "writer"),
		plural(r.Readers*r.Rooms+r.more, "reader"), plural(r.Rooms, "room"), plural(len(r.first), "peer"), r.Seed))
	writers, err := r.crowd.crowdOf(ctx, r.Writers, 0)
	if err != nil {
		return err
	}
	members := make([][]*user, r.Rooms)
	for k := range max(r.Writers, r.Rooms) {
		u, room := writers[k%r.Writers], k%r.Rooms
		r.seats = append(r.seats, seat{user: u, room: room})
		members[room] = append(members[room], u)
	}
	// The first reader of a room is at another peer than most of its writers, if there is one.
	readers, err := r.crowd.crowdOf(ctx, r.Rooms*r.Readers+r.more, 1)
	if err != nil {
		return err
	}
	for i, u := range readers {
		room := i % r.Rooms
		r.readers = append(r.readers, &reader{user: u, room: room})
		members[room] = append(members[room], u)
	}
	if r.Lobby {
		r.rooms = []wire.ID{r.first[0].Lobby().ID}
		return nil
	}
	for n := range r.Rooms {
		id, link, err := r.room(ctx, "load-"+strconv.Itoa(n+1), len(members[n]))
		if err != nil {
			return fmt.Errorf("room %d of %d: %w", n+1, r.Rooms, err)
		}
		r.rooms = append(r.rooms, id)
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(setUpAtOnce)
		for _, u := range members[n] {
			g.Go(func() error { return u.join(ctx, link) })
		}
		if err := g.Wait(); err != nil {
			return fmt.Errorf("room %d of %d is not joined: %w", n+1, r.Rooms, err)
		}
	}
	return nil
}

// room makes a room at the first peer, and a link for so many.
func (r *run) room(ctx context.Context, name string, members int) (id wire.ID, link string, err error) {
	founder := r.first[0]
	room, err := founder.CreateRoom(ctx, client.CreateOptions{Name: name})
	if err != nil {
		return id, "", err
	}
	const most = 8 // addresses of a link
	addrs := r.crowd.target.Addrs
	invitation, err := founder.Invite(ctx, room.ID, client.InviteOptions{Uses: members, Addresses: addrs[:min(len(addrs), most)]})
	return room.ID, invitation.Link, err
}

// begin starts readers and writers, and returns when the readers follow.
func (r *run) begin(ctx context.Context) error {
	writersOf := make([][]int, r.Rooms)
	for i := range r.seats {
		s := &r.seats[i]
		s.writer = newWriter(i, r.id, r.Size, r.rec)
		s.replicas = r.Replicas > 0
		r.gen.writers = append(r.gen.writers, s.writer)
		writersOf[s.room] = append(writersOf[s.room], i)
	}
	for _, reader := range r.readers {
		reader.start(r.rooms[reader.room], r.id, r.rec, writersOf[reader.room])
		r.others.Go(func() { reader.read(r.work) })
		select {
		case <-reader.live:
		case <-reader.ended:
			return fmt.Errorf("a reader is not served: %w", reader.failed)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for i := range r.seats {
		s := &r.seats[i]
		room := r.rooms[s.room]
		r.pipes.Go(func() { s.write(r.work, s.pipe(room), r.sendFailed) })
		if s.replicas {
			r.others.Go(func() { s.place(r.work, s.asked(room, r.Replicas)) })
		}
	}
	r.waits = schedulingLatency()
	return nil
}

// pipe is the user's pipe into a room.
func (s *seat) pipe(room wire.ID) pipe {
	return func(ctx context.Context, src client.Source, durable func(int, client.Result) error) error {
		_, err := s.user.Pipe(ctx, room, src, client.PipeOptions{
			Results: func(list []client.Result) error { return durable(len(list), list[len(list)-1]) },
		})
		return err
	}
}

// asked asks whether a message is on so many other peers' disks.
func (s *seat) asked(room wire.ID, replicas int) func(context.Context, client.Result) bool {
	return func(ctx context.Context, last client.Result) bool {
		on, _, err := s.user.Placed(ctx, room, last, replicas, replicaSlice)
		return err == nil && on >= replicas
	}
}

func (r *run) sendFailed(err error, messages int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed[codeOf(err)] += uint64(messages)
}

// warmUp plays the first rate unrecorded.
func (r *run) warmUp(ctx context.Context, rate float64) error {
	if r.Warmup == 0 {
		return nil
	}
	return r.gen.play(ctx, "", Step{Rate: rate, For: r.Warmup}, nil)
}

// drain waits until everything that became due is acknowledged and given to
// every reader, or nothing has happened for a while.
func (r *run) drain() {
	for _, w := range r.gen.writers {
		w.end()
	}
	written := make(chan struct{})
	go func() {
		r.pipes.Wait()
		close(written)
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for r.rec.quiet() < r.Drain {
		select {
		case <-written:
			if r.complete() {
				return
			}
		default:
		}
		<-tick.C
	}
}

// complete tells whether every reader has what was acknowledged, and it is placed.
func (r *run) complete() bool {
	for _, w := range r.gen.writers {
		if !w.settled() {
			return false
		}
	}
	for _, reader := range r.readers {
		if !reader.complete(r.gen.writers) {
			return false
		}
	}
	return true
}

// close ends everything.
func (r *run) close() error {
	r.stop()
	r.pipes.Wait()
	r.others.Wait()
	var errs []error
	if r.alarm != nil {
		errs = append(errs, r.alarm.close())
	}
	if r.crowd != nil {
		errs = append(errs, r.crowd.close())
	}
	return errors.Join(errs...)
}
