package fuzz

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"parley/rooms"
)

// Options say what to fuzz, and for how long.
type Options struct {
	Target  Target      // without Addr and PeerID when Command starts it
	Command []string    // starts the target, which prints `ready ADDR ID`; empty: it runs already
	Link    *rooms.Link // an invite to a room for the member; nil: its own den

	Roles    []string
	Seed     uint64
	Clock    uint64        // Unix milliseconds, of what is signed
	For      time.Duration // 0: no end
	Count    uint64        // of episodes; 0: no end
	Parallel int
	Rate     float64 // episodes a second, at most; 0: as fast as they go

	MaxMemory     uint64 // bytes: of a process that was started, resident; else what the target says
	MaxGoroutines uint64 // left behind by what has ended

	// ShrinkTime is how long a finding is cut down at the most.
	ShrinkTime time.Duration

	Found    func(Finding) error // called with each finding, cut down, one at a time
	Progress func(Summary)       // called each ProgressEvery
	Every    time.Duration
}

// A Finding is a problem, with a script by which it happens.
type Finding struct {
	Problem Problem
	Script  *Script
	Shrunk  bool // the script was played again, and cut down
}

// A Summary is what was done so far.
type Summary struct {
	Episodes, Sessions, Frames uint64
	Findings                   int // different ones
	Again                      int // times that one of them was met again
	Took                       time.Duration
	Memory, Goroutines         uint64        // of the target, at the most
	Slowest                    time.Duration // answer to the probe
}

// A runner is a run.
type runner struct {
	o     Options
	lane  lane
	start time.Time

	mu       sync.Mutex
	proc     *process
	taken    uint64 // series
	begun    int    // of the round
	left     uint64 // episodes still to be played, when counted
	next     time.Time
	playing  map[int]*Script // what each worker is at
	recent   []*Script       // series that ended lately
	findings []Problem
	again    int
	watched  watched
	spare    uint64    // goroutines
	told     time.Time // progress, last
	saving   sync.Mutex
}

// maxRecent is how many series make a round, behind which the target is looked at when nothing is played.
// So many are suspected of a problem of the whole target.
const maxRecent = 24

// Run fuzzes until the time is over, the count is reached, or the context ends;
// without a command also until the target fails for all.
func Run(ctx context.Context, o Options) (s Summary, err error) {
	r := &runner{o: o, start: time.Now(), told: time.Now(), spare: spareWhileShrinking, left: o.Count, playing: map[int]*Script{}}
	r.lane = lane{target: &r.o.Target, count: &Counts{}}
	if o.Count == 0 {
		r.left = 1 << 63
	}
	run := ctx
	if o.For > 0 {
		var cancel context.CancelFunc
		run, cancel = context.WithTimeout(ctx, o.For)
		defer cancel()
	}
	defer func() {
		if p := r.halt(); p != nil && err == nil {
			err = r.report(Finding{Problem: *p, Script: r.suspects()[0]})
		}
		s = r.summary()
	}()
	for run.Err() == nil && r.left > 0 {
		if err := r.open(ctx); err != nil {
			return s, err
		}
		problem, err := r.round(run)
		if err == nil && problem == nil && ctx.Err() == nil {
			problem = r.quiet(ctx)
		}
		if err != nil && run.Err() == nil || ctx.Err() != nil {
			return s, errors.Join(err, ctx.Err())
		}
		if problem == nil {
			continue
		}
		if err := r.attribute(ctx, problem); err != nil {
			return s, errors.Join(err, ctx.Err())
		}
		if len(o.Command) == 0 || len(r.findings) >= maxKinds {
			break
		}
	}
	return s, ctx.Err()
}

// open starts the target, if it is to be started, and has a first look at it.
func (r *runner) open(ctx context.Context) error {
	if len(r.o.Command) > 0 && r.proc == nil {
		p, err := start(ctx, r.o.Command)
		if err != nil {
			return err
		}
		r.mu.Lock()
		r.proc = p
		r.mu.Unlock()
		r.o.Target.Addr, r.o.Target.PeerID = p.addr, p.id
	}
	if err := r.first(ctx); err != nil {
		return err
	}
	if r.o.Link == nil || r.lane.link != nil {
		return nil
	}
	var err error
	r.lane.link, err = join(ctx, &r.o.Target, &Script{Seed: r.o.Seed, Clock: r.o.Clock, Role: roleMember}, r.o.Link)
	return err
}

// halt ends a target that was started.
func (r *runner) halt() *Problem {
	r.mu.Lock()
	p := r.proc
	r.proc = nil
	r.mu.Unlock()
	if p == nil {
		return nil
	}
	return p.stop()
}

// round plays series on all lanes until the end, or until the target as a whole
// shows a problem, which it returns.
func (r *runner) round(ctx context.Context) (*Problem, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.begun = 0
	var all sync.WaitGroup
	var once sync.Once
	var problem *Problem
	var failed error
	stop := func(p *Problem, err error) {
		once.Do(func() { problem, failed = p, err })
		cancel()
	}
	for n := range max(r.o.Parallel, 1) {
		all.Go(func() {
			for ctx.Err() == nil {
				s := r.take(n)
				if s == nil {
					return
				}
				if p, err := r.series(ctx, n, s); (p != nil || err != nil) && ctx.Err() == nil {
					stop(p, err)
				}
			}
		})
	}
	watching, unwatch := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if p := r.watch(watching); p != nil {
			stop(p, nil)
		}
	}()
	all.Wait()
	unwatch()
	<-done
	return problem, failed
}

// take is the next series for a worker, or nil when all is played.
func (r *runner) take(worker int) *Script {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := r.playing[worker]; old != nil {
		r.recent = append(r.recent, old)
		delete(r.playing, worker)
	}
	n := min(seriesLength, r.left)
	if n == 0 || r.begun == maxRecent {
		return nil
	}
	r.begun++
	r.left -= n
	s := &Script{Seed: r.o.Seed, Series: r.taken, Clock: r.o.Clock, Role: r.o.Roles[r.taken%uint64(len(r.o.Roles))]}
	r.taken++
	for i := range n {
		s.Steps = append(s.Steps, Step{Conn: 0, Op: opEpisode, N: i})
	}
	return s
}

// series plays one series. A problem that it meets on its own connections is cut
// down at once, and the rest of the series left out; one of the whole target is returned.
func (r *runner) series(ctx context.Context, worker int, s *Script) (*Problem, error) {
	l := r.lane
	l.begin = func(now *Script) {
		r.mu.Lock()
		r.playing[worker] = now
		wait := time.Duration(0)
		if r.o.Rate > 0 {
			at := time.Now()
			if r.next.After(at) {
				wait, at = r.next.Sub(at), r.next
			}
			r.next = at.Add(time.Duration(float64(time.Second) / r.o.Rate))
		}
		r.mu.Unlock()
		if wait > 0 {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
		}
	}
	out, err := l.play(ctx, s)
	if ctx.Err() != nil {
		return nil, nil
	}
	if err == nil && out.Problem == nil {
		return nil, nil
	}
	if p := r.whole(ctx); p != nil {
		return p, nil
	}
	if err != nil {
		return &Problem{KindSilent, fmt.Sprintf("an honest user is not served: %v", err)}, nil
	}
	if r.met(out.Problem) {
		return nil, nil
	}
	r.mu.Lock()
	now := r.playing[worker]
	r.mu.Unlock()
	play := lane{target: l.target, count: &Counts{}, link: l.link}
	f := r.cut(ctx, now, out, func(s *Script) (Outcome, error) { return play.play(ctx, s) })
	return nil, r.report(f)
}

// met tells whether a problem is one that was found before, and counts it.
func (r *runner) met(p *Problem) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.findings {
		if r.findings[i].same(p) {
			r.again++
			return true
		}
	}
	if len(r.findings) >= maxKinds {
		r.again++
		return true
	}
	r.findings = append(r.findings, *p)
	return false
}

// report hands a finding out.
func (r *runner) report(f Finding) error {
	r.saving.Lock()
	defer r.saving.Unlock()
	f.Script.Problem = f.Problem.String()
	return r.o.Found(f)
}

func (r *runner) summary() Summary {
	c := r.lane.count
	r.mu.Lock()
	defer r.mu.Unlock()
	return Summary{
		Episodes: c.Episodes.Load(), Sessions: c.Sessions.Load(), Frames: c.Frames.Load(), Findings: len(r.findings), Again: r.again,
		Took: time.Since(r.start), Memory: r.watched.memory, Goroutines: r.watched.goroutines, Slowest: r.watched.slowest,
	}
}

// suspects are the scripts that were played when the target as a whole showed a
// problem, and those shortly before, the newest first.
func (r *runner) suspects() (all []*Script) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.playing {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *Script) int { return int(b.Series) - int(a.Series) })
	for _, s := range slices.Backward(r.recent) {
		all = append(all, s)
	}
	if len(all) == 0 {
		all = append(all, &Script{Seed: r.o.Seed, Clock: r.o.Clock, Role: r.o.Roles[0]})
	}
	return all
}
