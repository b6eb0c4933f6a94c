package conform

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"parley/cmd/internal/e2e"
)

// breakagesFlag chooses the breakages that are built and run: so many, the
// first of the list; "N-M" or "N-", those from the Nth to the Mth, or on; "all";
// or those whose name contains the text.
var breakagesFlag = flag.String("breakages", "5", "which breakages of the peer to try: a number (the first so many), N-M or N- (from the Nth to the Mth, or on), a part of a name, or all")

const root = "../../.."

// mostInCI is how many breakages a number may ask for: each is a build and a daemon.
const mostInCI = 9

func chosen(t *testing.T) (list []breakage) {
	t.Helper()
	all, want := breakages(), *breakagesFlag
	if len(want) == 1 && want[0] > '0' && int(want[0]-'0') <= mostInCI {
		return all[:want[0]-'0']
	}
	if from, to, ok := strings.Cut(want, "-"); ok {
		n, err := strconv.Atoi(from)
		m := len(all)
		if to != "" && err == nil {
			m, err = strconv.Atoi(to)
		}
		if err == nil && 0 < n && n <= m && n <= len(all) {
			return all[n-1 : min(m, len(all))]
		}
	}
	for _, b := range all {
		if want == "all" || strings.Contains(b.name, want) {
			list = append(list, b)
		}
	}
	if len(list) == 0 {
		t.Fatalf("-breakages %q matches none", want)
	}
	return list
}

func TestLoopbackThereAreThirtyBreakagesAndEachAppliesExactlyOnce(t *testing.T) {
	if n := len(breakages()); n < 30 {
		t.Errorf("there are %d", n)
	}
	names := map[string]bool{}
	for _, b := range breakages() {
		if names[b.name] {
			t.Errorf("two are named %q", b.name)
		}
		names[b.name] = true
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(b.file)))
		if err != nil {
			t.Error(err)
			continue
		}
		if n := strings.Count(string(text), b.old); n != 1 {
			t.Errorf("%s: %q stands %d times in %s", b.name, b.old, n, b.file)
		}
		if cases, err := Select(Cases(), b.cases); err != nil || len(b.cases) == 0 || len(cases) == 0 {
			t.Errorf("%s: %v", b.name, err)
		}
	}
}

func TestLoopbackABrokenPeerFailsACaseThatIsNamed(t *testing.T) {
	for _, b := range chosen(t) {
		t.Run(b.name, func(t *testing.T) {
			t.Setenv("PARLEY_LAB_BINARY", e2e.BuildChanged(t, root, b.file, b.old, b.new))
			cases, err := Select(Cases(), b.cases)
			if err != nil {
				t.Fatal(err)
			}
			target := startFor(t, cases)
			bad := failures(t, target, cases)
			if len(bad) == 0 {
				t.Errorf("none of %d cases fails: %q", len(cases), b.cases)
			}
			for id, r := range bad {
				t.Logf("%s %s: %s", id, r.Name, r.Problem)
			}
		})
	}
}

// startFor starts the daemon with what the cases need.
func startFor(t *testing.T, cases []Case) Target {
	if !slices.ContainsFunc(cases, func(c Case) bool { return c.Part() == beaconPart }) {
		return start(t)
	}
	target := startWith(t, "--interface", loopbackName(t))
	target.Interface = loopbackName(t)
	return target
}
