package fuzz

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// An Outcome is what came of a script.
type Outcome struct {
	Problem  *Problem
	Steps    []Step // those that were played, without episodes
	Observed []string
}

// A lane plays scripts, one after another. At says where it is, for when the
// target fails for all.
type lane struct {
	target *Target
	count  *Counts
	link   *membership // of the room of a link; nil: series have dens
	begin  func(*Script)
}

// play plays a script from its beginning: it makes the den, plays the steps, and
// looks whether all is well in the den. An error is one of the harness's own
// affairs, or of a target that is not there any more.
func (l *lane) play(ctx context.Context, s *Script) (out Outcome, err error) {
	w, err := l.world(ctx, s)
	defer func() {
		if w.honest != nil { // whatever came of it: the den may be made again
			leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
			defer cancel()
			if left := w.leaveDen(leaving); err == nil && out.Problem == nil {
				err = left
			}
		}
	}()
	if err != nil {
		return out, err
	}
	out.Observed = []string{fmt.Sprintf("the room is %v", w.room)}
	conns := 0
	var flat []Step // not played yet
	run := func(steps []Step) bool {
		for _, step := range steps {
			step.Conn += conns
			flat = append(flat, step)
		}
		if len(steps) == 0 {
			return true
		}
		out.Steps = append(out.Steps, flat...)
		p := w.play(ctx, l.count, flat)
		flat = nil
		out.Observed = append(out.Observed, p.observed...)
		out.Problem = p.problem
		for _, step := range out.Steps {
			conns = max(conns, step.Conn)
		}
		return p.problem == nil
	}
	for at := 0; at < len(s.Steps); {
		if s.Steps[at].Op != opEpisode {
			next := slices.IndexFunc(s.Steps[at:], func(s Step) bool { return s.Op == opEpisode })
			if next < 0 {
				next = len(s.Steps) - at
			}
			if !run(s.Steps[at : at+next]) {
				return out, nil
			}
			at += next
			continue
		}
		if l.begin != nil {
			l.begin(s.with(s.Steps[:at+1]))
		}
		if !run(generate(w, s.Steps[at].N)) {
			return out, nil
		}
		l.count.Episodes.Add(1)
		at++
		if out.Problem, err = w.between(ctx); err != nil || out.Problem != nil {
			return out, err
		}
	}
	if ctx.Err() != nil {
		return out, ctx.Err()
	}
	out.Problem, err = w.after(ctx)
	return out, err
}

// world makes a script's world at the target.
func (l *lane) world(ctx context.Context, s *Script) (*world, error) {
	w := newWorld(l.target, s)
	if l.link != nil && s.Role == roleMember {
		return w, w.enter(ctx, l.link)
	}
	return w, w.makeDen(ctx)
}

// between lets the honest member write.
func (w *world) between(ctx context.Context) (*Problem, error) {
	if w.honest == nil {
		return nil, nil
	}
	err := w.honest.writeMore(ctx)
	var r *refusal
	if errors.As(err, &r) {
		return &Problem{KindLost, fmt.Sprintf("an honest member cannot write: %v", r)}, nil
	}
	return nil, err
}

// after looks for all that the honest member wrote.
func (w *world) after(ctx context.Context) (*Problem, error) {
	if w.honest == nil {
		return nil, nil
	}
	problem, err := w.honest.check(ctx)
	if problem != "" {
		return &Problem{KindLost, problem}, nil
	}
	return nil, err
}
