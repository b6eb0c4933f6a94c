package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"parley/cmd/internal/fuzz"
	"parley/rooms"
)

// fuzzCmd tries a peer with conversations that are almost right.
type fuzzCmd struct {
	target
	Args          []string      `arg:"" optional:"" help:"Where the peer listens; with --start, behind --, the command that starts it." placeholder:"HOST:PORT"`
	Start         bool          `help:"Start the peer, in a home of its own (PARLEY_HOME): its process, memory and log are watched too, and it is started anew to repeat what ended it."`
	Role          []string      `help:"Who to be: ${fuzz_roles}, or all; may be repeated (default: all)." placeholder:"ROLE"`
	Invite        string        `help:"Be the member in the room of this link, beside its other members (default: in a room of its own, also as its master and an admin)." placeholder:"LINK"`
	For           time.Duration `help:"How long (default: 1m, unless --count is given)." placeholder:"DURATION"`
	Count         uint64        `help:"How many episodes." placeholder:"N"`
	Seed          uint64        `help:"Of everything that is random (default: another each time, printed)."`
	Parallel      int           `help:"How many episodes at once." default:"4"`
	Rate          float64       `help:"Episodes a second at most (default: as fast as they go)." placeholder:"N"`
	Out           string        `help:"Folder for the scripts of findings." default:"." type:"path" placeholder:"DIR"`
	Replay        string        `help:"Play the script of a finding again, and nothing else." type:"existingfile" placeholder:"FILE"`
	ShrinkTime    time.Duration `help:"How long a finding is cut down at the most." default:"2m"`
	AnswerWithin  time.Duration `help:"How long the peer may take to answer." default:"10s"`
	MaxMemory     uint64        `help:"How much memory the peer may take at the most, in MiB: resident of one that was started, else as it says itself." default:"128" placeholder:"MIB"`
	MaxGoroutines uint64        `help:"How many goroutines more than at first the peer may have when all is over." default:"50" placeholder:"N"`
	JSON          bool          `name:"json" help:"Print a JSON object for each finding, and one for the summary."`
}

// Help is the long help.
func (c *fuzzCmd) Help() string {
	return `Completes handshakes and then holds conversations that are legal but for a few mutations, as an
outsider, a member of a room, a removed member, and a relay. The peer must let anyone of its
network be a user (parley daemon --users any). It is left with some messages in its network's lobby.

  parley-harness fuzz 127.0.0.1:19946 --network-secret-file net.secret --for 10m
  parley-harness fuzz --start --network lab --count 5000 -- parley daemon --listen 127.0.0.1:0 \
      --no-discovery --network lab --users any
  parley-harness fuzz 127.0.0.1:19946 --replay finding-1-code.txt

A finding is cut down to a short script and written to a file in --out, a step a line, which
--replay plays again. What ends the peer or leaves it silent can be repeated with --start alone.
Exit code 1: something was found (with --replay: it happens still).`
}

// defaultFor is how long a run lasts that is given neither a time nor a count.
const defaultFor = time.Minute

// Run implements the command.
func (c *fuzzCmd) Run(a *app) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	if c.Replay != "" {
		return c.replay(a, o)
	}
	if o.Seed == 0 {
		if o.Seed, err = freshSeed(); err != nil {
			return err
		}
	}
	o.Clock = uint64(time.Now().UnixMilli())
	out := &fuzzOutput{app: a, cmd: c}
	o.Found, o.Progress, o.Every = out.finding, out.progress, progressEvery
	what := "the target that is started"
	if !c.Start {
		what = o.Target.Addr
	}
	fmt.Fprintf(a.stderr, "parley-harness: fuzzing %s as %s, seed %d\n", what, strings.Join(o.Roles, ", "), o.Seed)
	s, err := fuzz.Run(a.ctx, o)
	if serr := out.summary(s); err == nil {
		err = serr
	}
	switch {
	case err != nil:
		return err
	case s.Findings > 0:
		return errFailed
	}
	return nil
}

// progressEvery is how often a line of progress is printed.
const progressEvery = 5 * time.Second

// options checks the flags.
func (c *fuzzCmd) options() (o fuzz.Options, err error) {
	o = fuzz.Options{
		Seed: c.Seed, For: c.For, Count: c.Count, Parallel: c.Parallel, Rate: c.Rate,
		MaxMemory: c.MaxMemory << 20, MaxGoroutines: c.MaxGoroutines, ShrinkTime: c.ShrinkTime,
	}
	o.Target.AnswerWithin = c.AnswerWithin
	if o.For == 0 && o.Count == 0 {
		o.For = defaultFor
	}
	switch {
	case c.Start && len(c.Args) == 0:
		return o, errors.New("--start needs the command that starts the peer: parley-harness fuzz --start -- parley daemon …")
	case c.Start && c.Invite != "":
		return o, errors.New("--invite needs a peer that runs already: leave --start out")
	case c.Start:
		o.Command = c.Args
	case len(c.Args) != 1:
		return o, errors.New("one peer is to be named: parley-harness fuzz HOST:PORT, or --start -- COMMAND")
	default:
		o.Target.Addr = c.Args[0]
	}
	if c.Invite != "" {
		if o.Link, err = rooms.ParseLink(c.Invite); err != nil {
			return o, fmt.Errorf("--invite: %w; give a link as parley room invite prints it", err)
		}
	}
	for _, role := range c.Role {
		switch {
		case role == "all":
			o.Roles = nil
		case slices.Contains(fuzz.Roles(), role):
			o.Roles = append(o.Roles, role)
			continue
		default:
			return o, fmt.Errorf("there is no role %q: they are %s, or all", role, strings.Join(fuzz.Roles(), ", "))
		}
		break
	}
	if len(o.Roles) == 0 {
		o.Roles = fuzz.Roles()
	}
	if o.Target.Network, err = c.network(); err != nil {
		return o, err
	}
	o.Target.PeerID, err = c.peer()
	return o, err
}

// replay plays one script.
func (c *fuzzCmd) replay(a *app, o fuzz.Options) error {
	text, err := os.ReadFile(c.Replay)
	if err != nil {
		return err
	}
	s, err := fuzz.ParseScript(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", c.Replay, err)
	}
	out, err := fuzz.Replay(a.ctx, o, s)
	if err != nil {
		return err
	}
	if out.Problem == nil {
		_, err = fmt.Fprintf(a.stdout, "%s: %d steps, and nothing is wrong\n", c.Replay, len(out.Steps))
		return err
	}
	if _, err := fmt.Fprintf(a.stdout, "%s: %s\n", c.Replay, out.Problem); err != nil {
		return err
	}
	for _, line := range out.Observed {
		fmt.Fprintf(a.stderr, "  %s\n", line)
	}
	return errFailed
}

// A fuzzOutput prints findings as they come, and the summary.
type fuzzOutput struct {
	app     *app
	cmd     *fuzzCmd
	written int
}

// finding writes the script of a finding and prints where it is.
func (f *fuzzOutput) finding(x fuzz.Finding) error {
	if err := os.MkdirAll(f.cmd.Out, 0o755); err != nil {
		return err
	}
	f.written++
	file := filepath.Join(f.cmd.Out, fmt.Sprintf("finding-%d-%s.txt", f.written, x.Problem.Kind))
	if err := os.WriteFile(file, []byte(x.Script.String()), 0o644); err != nil {
		return err
	}
	if f.cmd.JSON {
		return f.print(map[string]any{
			"finding": f.written, "kind": x.Problem.Kind, "problem": x.Problem.Text, "role": x.Script.Role, "seed": x.Script.Seed,
			"series": x.Script.Series, "steps": len(x.Script.Steps), "shrunk": x.Shrunk, "file": file,
		})
	}
	how := fmt.Sprintf("cut down to %d steps", len(x.Script.Steps))
	if !x.Shrunk {
		how = "not repeated"
	}
	_, err := fmt.Fprintf(f.app.stdout, "finding %d, as %s: %s\n  %s: %s\n", f.written, x.Script.Role, x.Problem.String(), how, file)
	return err
}

func (f *fuzzOutput) print(v any) error { return json.NewEncoder(f.app.stdout).Encode(v) }

func (f *fuzzOutput) progress(s fuzz.Summary) {
	fmt.Fprintf(f.app.stderr, "%4.0f s  %d episodes, %d sessions (%.0f/s), %d frames, %d findings; peer: %d MiB, %d goroutines\n",
		s.Took.Seconds(), s.Episodes, s.Sessions, float64(s.Sessions)/s.Took.Seconds(), s.Frames, s.Findings, s.Memory>>20, s.Goroutines)
}

func (f *fuzzOutput) summary(s fuzz.Summary) error {
	if f.cmd.JSON {
		return f.print(map[string]any{
			"episodes": s.Episodes, "sessions": s.Sessions, "frames": s.Frames, "findings": s.Findings, "again": s.Again,
			"seconds": s.Took.Seconds(), "memory": s.Memory, "goroutines": s.Goroutines, "slowest_ms": s.Slowest.Milliseconds(),
		})
	}
	_, err := fmt.Fprintf(f.app.stdout, "%d episodes, %d sessions, %d frames in %.0f s: %d findings; the peer took up to %d MiB and %d goroutines, and %d ms to answer\n",
		s.Episodes, s.Sessions, s.Frames, s.Took.Seconds(), s.Findings, s.Memory>>20, s.Goroutines, s.Slowest.Milliseconds())
	return err
}
