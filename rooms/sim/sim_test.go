package sim

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	simSeed    = flag.Uint64("sim.seed", 0, "play this seed only, and cut it down if it fails")
	simFirst   = flag.Uint64("sim.first", 1, "the first seed")
	simFor     = flag.Duration("sim.for", 10*time.Second, "how long seeds are played")
	simActions = flag.Int("sim.actions", 60, "actions of each seed")
	simScript  = flag.String("sim.script", "", "play the script in this file instead of seeds")
	simTrace   = flag.Bool("sim.trace", false, "tell everything that happens")
	simWire    = flag.Bool("sim.wire", false, "with -sim.trace, tell every message between peers")
	simShrink  = flag.Int("sim.shrink", 400, "how many scripts may be played to cut down one that fails")
)

func traced() Options {
	if !*simTrace {
		return Options{}
	}
	return Options{Wire: *simWire, Trace: func(format string, args ...any) { fmt.Printf(format+"\n", args...) }}
}

func TestSimulation(t *testing.T) {
	var totals Totals
	first, last := *simFirst, ^uint64(0)
	if *simSeed != 0 {
		first, last = *simSeed, *simSeed
	}
	began := time.Now()
	for seed := first; seed <= last && (seed == first || time.Since(began) < *simFor); seed++ {
		script := script(t, seed)
		r := Play(t, script, traced())
		totals.Add(&r.Totals)
		if r.Failure == nil {
			if *simScript != "" {
				break
			}
			continue
		}
		small := Shrink(t, script, Options{}, r.Failure.Check, *simShrink)
		t.Fatalf("seed %d fails %v\nreplay with: go test ./rooms/sim -run Simulation -sim.seed %d -sim.actions %d\nwhat is left of it, for a file and -sim.script (%v):\n%s",
			seed, r.Failure, seed, *simActions, Play(t, small, Options{}).Failure, small)
	}
	t.Log(totals.String())
}

// script is what is to be played: a seed's, or the one in a file.
func script(t *testing.T, seed uint64) *Script {
	if *simScript == "" {
		return Generate(seed, *simActions, seed%3 != 0)
	}
	text, err := os.ReadFile(*simScript)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseScript(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAScriptPlaysTheSameEachTimeAndAsText(t *testing.T) {
	script := Generate(11, 40, true)
	again, err := ParseScript(script.String())
	if err != nil || again.String() != script.String() {
		t.Fatalf("%v\n%s\nbecomes\n%s", err, script, again)
	}
	first, second := Play(t, script, Options{}), Play(t, again, Options{})
	if first.Hash != second.Hash || first.Totals.Messages != second.Totals.Messages || first.Totals.Messages == 0 {
		t.Errorf("%d messages with hash %s, then %d with %s", first.Totals.Messages, first.Hash, second.Totals.Messages, second.Hash)
	}
}

func TestScriptsThatFailedOnceHold(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts: ", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := ParseScript(string(text))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if r := Play(t, s, Options{}); r.Failure != nil {
			t.Errorf("%s: %v", file, r.Failure)
		}
	}
}

func TestAFailingScriptIsCutDown(t *testing.T) {
	var script *Script
	o, r := Options{plant: &plant{writer: forget}}, &Result{}
	for seed := uint64(1); seed <= 20 && r.Failure == nil; seed++ {
		script = Generate(seed, 40, false)
		r = Play(t, script, o)
	}
	if r.Failure == nil {
		t.Fatal("a writer that forgets what it had seen is not found")
	}
	small := Shrink(t, script, o, r.Failure.Check, 60)
	again := Play(t, small, o)
	if again.Failure == nil || again.Failure.Check != r.Failure.Check || len(small.Actions) > len(script.Actions)/4 {
		t.Errorf("%d of %d actions are left, which fail %v:\n%s", len(small.Actions), len(script.Actions), again.Failure, small)
	}
}

func TestWhatIsNoScriptIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "write 1 2 3 4ms", "world seed=1 peers=0 dropped=0 delay=1ms ring=true", "world seed=1 peers=2 dropped=0 delay=x ring=true",
		"world seed=1 peers=2 dropped=0 delay=1ms ring=false\nfly 1 2 3 4ms", "world seed=1 peers=2 dropped=0 delay=1ms ring=false\nwrite 1 2 3",
		"world seed=1 peers=2 dropped=0 delay=1ms ring=false\nwrite -1 2 3 1ms",
	} {
		if _, err := ParseScript(text); err == nil {
			t.Errorf("accepted: %q", text)
		}
	}
}

func TestSeedsOfManyKindsHappen(t *testing.T) {
	happens := map[string]bool{}
	for seed := range uint64(60) {
		for _, a := range Generate(seed, 60, true).Actions {
			happens[a.Kind] = true
		}
		for _, a := range Generate(seed, 60, false).Actions {
			if slices.ContainsFunc(adversaries(), func(k kind) bool { return k.name == a.Kind }) {
				t.Fatalf("an honest script has a %s", a.Kind)
			}
		}
	}
	for _, k := range kinds() {
		if !happens[k.name] {
			t.Errorf("no script has a %s", k.name)
		}
	}
	if strings.Contains(fmt.Sprint(kinds()[0].name), " ") {
		t.Error("a name with a space cannot stand in a script")
	}
}
