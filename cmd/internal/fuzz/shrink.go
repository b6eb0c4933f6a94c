package fuzz

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// attribute looks for a script that alone brings a problem of the whole target
// about, each time with a target that was started anew, and cuts it down. Without
// a command it only reports what was played.
func (r *runner) attribute(ctx context.Context, p *Problem) error {
	suspects := r.suspects()
	r.mu.Lock()
	r.playing, r.recent = map[int]*Script{}, nil
	r.mu.Unlock()
	if r.met(p) {
		r.halt()
		return nil
	}
	f := Finding{Problem: *p, Script: suspects[0].with(suspects[0].Steps)}
	for _, s := range suspects[1:] {
		f.Script.Observed = append(f.Script.Observed, fmt.Sprintf("also played then: series %d as %s, %d episodes", s.Series, s.Role, len(s.Steps)))
	}
	if len(r.o.Command) == 0 {
		return r.report(f)
	}
	r.halt()
	if p.Kind == KindMemory { // it grows with what many do: nobody did it alone
		return r.report(f)
	}
	play := func(s *Script) (Outcome, error) { return r.afresh(ctx, s, p.Kind) }
	end := time.Now().Add(r.o.ShrinkTime)
	// The last episodes alone are played soon, and most often one of them it was.
	var last []*Script
	for _, s := range suspects {
		if n := len(s.Steps); n > 1 {
			last = append(last, s.with(s.Steps[n-1:]))
		}
	}
	for _, s := range append(last, suspects...) {
		if ctx.Err() != nil || time.Now().After(end) {
			break
		}
		if out, err := play(s); err == nil && out.Problem.same(p) {
			f = r.cut(ctx, s, out, play)
			break
		}
	}
	return r.report(f)
}

// afresh plays a script against a target that is started for it.
func (r *runner) afresh(ctx context.Context, s *Script, kind string) (out Outcome, err error) {
	r.mu.Lock()
	memory := r.watched
	r.mu.Unlock()
	if err := r.open(ctx); err != nil {
		return out, err
	}
	defer func() {
		r.halt()
		r.mu.Lock()
		r.watched = memory
		r.mu.Unlock()
	}()
	l := lane{target: &r.o.Target, count: &Counts{}, link: r.lane.link}
	out, err = l.play(ctx, s)
	if ctx.Err() != nil {
		return out, ctx.Err()
	}
	if p := r.whole(ctx); p != nil {
		out.Problem = p
		return out, nil
	}
	if err == nil && out.Problem == nil && kind == KindGoroutines {
		out.Problem = r.settled(ctx, r.watched.base+r.spare, shortSettle)
	}
	return out, err
}

const (
	// spareGoroutines is how many goroutines more than before a target that has played one script
	// may have, since those of the store come and go. A script is cut down by the larger number, so that it
	// is surely over the smaller one when it is played again.
	spareGoroutines     = 3
	spareWhileShrinking = 6

	// shortSettle is settleWithin where one script was played and many more are to be.
	shortSettle = 1500 * time.Millisecond
)

// cut cuts a script with a problem down to one from which nothing can be taken
// away without its being another problem or none: episodes, then steps in ever
// smaller parts, then what steps have beside their frame.
func (r *runner) cut(ctx context.Context, s *Script, out Outcome, play func(*Script) (Outcome, error)) Finding {
	want := out.Problem
	best := s.with(s.Steps)
	best.Observed = out.Observed
	f := Finding{Problem: *want, Script: best}
	end := time.Now().Add(r.o.ShrinkTime)
	plays := 0
	units, flat := s.Steps, out.Steps // what is cut: episodes, then steps
	fails := func(all []Step) bool {
		if plays >= shrinkPlays || time.Now().After(end) || ctx.Err() != nil || len(all) == 0 {
			return false
		}
		plays++
		got, err := play(s.with(all))
		if err != nil && got.Problem == nil || !got.Problem.same(want) {
			return false
		}
		f.Script = s.with(slices.Clone(all))
		f.Script.Observed = got.Observed
		f.Problem, f.Shrunk = *got.Problem, true
		if units, flat = all, got.Steps; all[0].Op != opEpisode {
			units = got.Steps // without what was not reached
		}
		return true
	}
	if s.Steps[0].Op == opEpisode {
		if last := s.Steps[len(s.Steps)-1:]; !fails(last) {
			if !fails(s.Steps) {
				return f // it does not happen again
			}
			cutSteps(&units, fails)
		}
	}
	if !fails(flat) {
		return f
	}
	for cutSteps(&units, fails) {
		continue
	}
	simplify(&units, fails)
	return f
}

// cutSteps takes steps away, in parts of half the script and less. fails leaves
// in steps what is left.
func cutSteps(steps *[]Step, fails func([]Step) bool) (cut bool) {
	for size := len(*steps) / 2; size > 0; size /= 2 {
		for at := len(*steps) - size; at >= 0; at -= size {
			if at+size > len(*steps) {
				continue
			}
			if fails(slices.Delete(slices.Clone(*steps), at, at+size)) {
				cut = true
			}
		}
	}
	return cut
}

// simplify takes edits and the like from steps.
func simplify(steps *[]Step, fails func([]Step) bool) {
	for i := 0; i < len(*steps); i++ {
		change := func(f func(*Step) bool) bool {
			all := slices.Clone(*steps)
			all[i].Edits = slices.Clone(all[i].Edits)
			return f(&all[i]) && fails(all)
		}
		for e := len((*steps)[i].Edits) - 1; e >= 0; e-- {
			change(func(s *Step) bool { s.Edits = slices.Delete(s.Edits, e, e+1); return true })
		}
		change(func(s *Step) bool { was := s.Parts; s.Parts = 0; return was > 0 && s.Total == 0 })
		change(func(s *Step) bool { was := s.Hold; s.Hold = false; return was })
		change(func(s *Step) bool { was := s.Wait; s.Wait /= 10; return was > 0 })
	}
}

// Replay plays a script, and returns its problem if it has one still.
func Replay(ctx context.Context, o Options, s *Script) (out Outcome, err error) {
	r := &runner{o: o, playing: map[int]*Script{}, spare: spareGoroutines}
	r.o.Seed, r.o.Clock = s.Seed, s.Clock
	r.lane = lane{target: &r.o.Target, count: &Counts{}}
	if len(o.Command) > 0 {
		return r.afresh(ctx, s, KindGoroutines)
	}
	if err := r.open(ctx); err != nil {
		return out, err
	}
	l := lane{target: &r.o.Target, count: &Counts{}, link: r.lane.link}
	out, err = l.play(ctx, s)
	if p := r.whole(ctx); p != nil {
		out.Problem, err = p, nil
	}
	return out, err
}
