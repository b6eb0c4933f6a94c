package fuzz

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"parley/cmd/internal/e2e"
	"parley/handshake/identity"
)

func TestMain(m *testing.M) { e2e.Main(m) }

const root = "../../.."

// daemon is the command that starts a daemon on a free port of the loopback interface.
func daemon(binary string) []string {
	return []string{binary, "daemon", "--listen", "127.0.0.1:0", "--no-discovery", "--network", "lab", "--users", "any"}
}

// options are of a run against a daemon that is started.
func options(command []string) Options {
	o := Options{
		Command: command, Roles: Roles(), Seed: 1, Clock: uint64(time.Now().UnixMilli()), Parallel: 4,
		MaxMemory: 128 << 20, MaxGoroutines: 50, ShrinkTime: 20 * time.Second,
	}
	o.Target.Network = identity.Network{Name: "lab"}
	o.Target.AnswerWithin = 10 * time.Second
	return o
}

// run fuzzes, and returns what was found.
func run(t *testing.T, o Options) (found []Finding, s Summary) {
	t.Helper()
	o.Found = func(f Finding) error {
		found = append(found, f)
		return nil
	}
	s, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return found, s
}

func TestLoopbackTheDaemonHoldsOut(t *testing.T) {
	o := options(daemon(e2e.Binary(t)))
	o.Count = 10 * seriesLength
	found, s := run(t, o)
	for _, f := range found {
		t.Errorf("%s\n%s", &f.Problem, f.Script)
	}
	if s.Episodes != o.Count || s.Sessions < s.Episodes || s.Frames < 5*s.Episodes || s.Memory == 0 {
		t.Errorf("%+v", s)
	}
}

// The parts that a role plays are admitted and refused as they are to be: what is told to
// whom may not be is a secret only while the harness can tell.
func TestLoopbackWhatMayNotBeToldIsNoticed(t *testing.T) {
	for _, role := range []string{roleOutsider, roleRemoved} {
		w := offline(role, 1)
		if len(w.secrets) < 4 {
			t.Errorf("%d secrets are kept from the %s", len(w.secrets), role)
		}
		for _, s := range w.secrets {
			for _, raw := range append(append([][]byte{}, w.known.entries...), w.known.runs...) {
				if strings.Contains(string(raw), string(s.bytes)) {
					t.Errorf("%s is a secret to the %s, and known to it", s.what, role)
				}
			}
		}
	}
}

// breakagesFlag chooses the breakages that are built and run: so many, or all.
var breakagesFlag = flag.String("breakages", "1", "which ways to break the peer to try: 1 (the first), or all")

// A breakage is a fault planted in the peer.
type breakage struct {
	name, file, was, is string
	finds               string // the kind of problem
	change              func(*Options)
	steps               int // of the script that it is cut down to, at the most
}

var breakages = []breakage{
	{
		name: "a removed member goes on reading", file: "rooms/core.go",
		was: "return r.openRoom || r.users[user] && r.auth.Now().Role(user) != RoleNone", is: "return r.openRoom || r.users[user]",
		finds: KindTold, steps: 12,
		change: func(o *Options) { o.Roles = []string{roleRemoved} },
	},
	{
		name: "a removed member is told the entries that came later", file: "rooms/core_told.go",
		was: "r.auth.Genesis() == nil || r.auth.Now().Role(user) != RoleNone {", is: "len(user) > 0 {",
		finds: KindTold, steps: 12,
		change: func(o *Options) { o.Roles = []string{roleRemoved} },
	},
	{
		name: "a decoder panics", file: "wire/reader.go",
		was: `r.fail("text that is not UTF-8")`, is: `panic("planted")`,
		finds: KindEnded, steps: 3,
	},
	{
		name: "goroutines are left behind", file: "cmd/internal/peer/sessions.go",
		was: "p.offend(l.addr, err)", is: "p.offend(l.addr, err)\n\t\t\tgo func() { select {} }()",
		finds: KindGoroutines, steps: 60,
		change: func(o *Options) { o.MaxGoroutines, o.ShrinkTime = 5, time.Minute },
	},
	{
		name: "the core never comes back", file: "rooms/core_peer.go",
		was: "c.offend(p, \"an offer out of bounds\")", is: "for n < 1<<40 {\n\t\t}",
		finds: KindSilent, steps: 40,
		change: func(o *Options) { o.Target.AnswerWithin, o.ShrinkTime = 2*time.Second, time.Minute },
	},
	{
		name: "memory is kept for good", file: "cmd/internal/peer/serve.go",
		was:   "p.counters.offences.Add(1)\n}",
		is:    "p.counters.offences.Add(1)\n\tb := make([]byte, 4<<20)\n\tfor i := range b {\n\t\tb[i] = 1\n\t}\n\tleaked = append(leaked, b)\n}\n\nvar leaked [][]byte",
		finds: KindMemory, steps: seriesLength,
	},
	{
		name: "a removed member goes on writing", file: "rooms/judge.go",
		was: "if why = a.notStopped(r, view, start); why != ReasonNone {", is: "if why = a.notStopped(r, view, start); false {",
		finds: KindLost, steps: 12,
		change: func(o *Options) { o.Roles = []string{roleRemoved} },
	},
}

func TestLoopbackEachBreakageAppliesExactlyOnce(t *testing.T) {
	for _, b := range breakages {
		text, err := os.ReadFile(root + "/" + b.file)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), b.was); n != 1 {
			t.Errorf("%s: %q stands %d times in %s", b.name, b.was, n, b.file)
		}
	}
}

var errEnough = errors.New("one finding is enough")

// A fault is found within a bounded number of episodes, cut down to a script that
// brings it about again, as it is written to a file, and not in the peer as it is.
func TestLoopbackABrokenPeerIsFoundOut(t *testing.T) {
	chosen := breakages
	if *breakagesFlag != "all" {
		chosen = chosen[:1]
	}
	for _, b := range chosen {
		t.Run(b.name, func(t *testing.T) {
			o := options(daemon(e2e.BuildChanged(t, root, b.file, b.was, b.is)))
			o.Count = 60 * seriesLength
			if b.change != nil {
				b.change(&o)
			}
			ctx := t.Context()
			var f *Finding
			o.Found = func(x Finding) error {
				if f == nil {
					f = &x
				}
				return errEnough
			}
			s, err := Run(ctx, o)
			if f == nil {
				t.Fatalf("nothing is found in %d episodes: %v", s.Episodes, err)
			}
			t.Logf("found in %d episodes: %v; %d steps", s.Episodes, &f.Problem, len(f.Script.Steps))
			if f.Problem.Kind != b.finds || len(f.Script.Steps) > b.steps {
				t.Errorf("%s, by %d steps; want %s by %d at the most", &f.Problem, len(f.Script.Steps), b.finds, b.steps)
			}
			if b.finds == KindMemory {
				return // many have done it together
			}
			if !f.Shrunk {
				t.Fatal("it was not repeated alone")
			}
			read, err := ParseScript(f.Script.String())
			if err != nil {
				t.Fatal(err)
			}
			if out, err := Replay(ctx, o, read); err != nil || !out.Problem.same(&f.Problem) {
				t.Errorf("played again it brings about %v, %v", out.Problem, err)
			}
			o.Command = daemon(e2e.Binary(t))
			if out, err := Replay(ctx, o, read); err != nil || out.Problem != nil {
				t.Errorf("the peer as it is shows %v, %v", out.Problem, err)
			}
		})
	}
}
