package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/cmd/internal/load"
)

// loadWithin bounds one run of `parley-harness load`, and what a test waits for in it.
const loadWithin = 90 * time.Second

// loaded is peers that serve any user of their network, and a host to put load on them from.
type loaded struct {
	*site
	from *Host
	temp string // the folder for what is kept while the load lasts
}

func newLoaded(t *testing.T, names ...string) *loaded {
	t.Helper()
	l := &loaded{site: &site{t: t, lab: New(t)}, temp: t.TempDir()}
	for _, name := range names {
		l.add(name, "--users", "any")
	}
	l.from = l.lab.Host("load", HostOpts{})
	return l
}

// load starts `parley-harness load` with a command's name or "", and flags.
func (l *loaded) load(command string, flags ...string) *Process {
	l.t.Helper()
	args := []string{Harness(l.t), "load"}
	if command != "" {
		args = append(args, command)
	}
	for _, d := range l.daemons {
		args = append(args, d.Endpoint())
	}
	return l.from.Spawn([]string{"TMPDIR=" + l.temp}, append(append(args, "--network-secret-file", l.secret, "--json"), flags...))
}

// reported waits for the end of a run and returns its report.
func (l *loaded) reported(p *Process, code int) (r load.Report) {
	l.t.Helper()
	got := p.Wait(loadWithin)
	if err := json.Unmarshal([]byte(p.Out.String()), &r); err != nil {
		l.t.Fatalf("exit code %d: %v: %q, %s", got, err, p.Out, p.Err)
	}
	if got != code {
		l.t.Errorf("exit code %d, want %d: %s", got, code, p.Err)
	}
	if left, err := os.ReadDir(l.temp); err != nil || len(left) > 0 {
		l.t.Errorf("left behind: %v, %v", left, err)
	}
	return r
}

// says waits until a run tells that it has come to something.
func (l *loaded) says(p *Process, what string) {
	l.t.Helper()
	Eventually(l.t, loadWithin, what, func() error {
		if !p.Err.Contains(what) {
			return fmt.Errorf("only %q", p.Err)
		}
		return nil
	})
}

// accounted wants everything that was due acknowledged, and given to each of the
// readers of its room once and in order.
func accounted(t *testing.T, r load.Report, readers uint64) {
	t.Helper()
	x := r.Traffic
	if x.Due == 0 || x.Acked != x.Due || x.Read != readers*x.Due || x.Unacked+x.Lost+x.Doubled+x.Disorder != 0 || len(r.Problems) != 0 {
		t.Errorf("%+v: %q", *x, r.Problems)
	}
}

// heldMessages is how many messages a daemon says that it holds.
func heldMessages(h *Host) (uint64, error) {
	var status struct {
		Counters map[string]uint64 `json:"counters"`
	}
	err := json.Unmarshal([]byte(h.MustParley("status", "--json")), &status)
	return status.Counters["messages_held"], err
}

func TestLoadCountsEveryMessageAtItsPeerAtAnotherAndAtTheReaders(t *testing.T) {
	t.Parallel()
	l := newLoaded(t, "a", "b")
	picture := filepath.Join(t.TempDir(), "load.svg")
	p := l.load("", "--rate", "40,80", "--for", "2s", "--warmup", "500ms", "--clients", "3", "--rooms", "2", "--readers", "2",
		"--arrivals", "even", "--replicas", "1", "--seed", "7", "--least", "0", "--svg", picture)
	r := l.reported(p, 0)
	accounted(t, r, 2)
	if len(r.Phases) != 2 || r.Traffic.Due != 20+80+160 {
		t.Fatalf("%d messages were due, in %+v", r.Traffic.Due, r.Phases)
	}
	for i, due := range []uint64{80, 160} {
		ph := r.Phases[i]
		if ph.Due != due || ph.ToAck.Count != due || ph.ToPlaced.Count != due || ph.ToRead.Count != 2*due {
			t.Errorf("of %d messages: %+v", due, ph)
		}
		if ph.ToPlaced.P50 <= ph.ToAck.P50 || ph.ToAck.P50 <= 0 || ph.ToAck.P50 > ph.ToAck.P99 || ph.ToAck.P99 > ph.ToAck.Max {
			t.Errorf("the latencies are not in order: %+v, then %+v", ph.ToAck, *ph.ToPlaced)
		}
	}
	var due, acked, read uint64
	for _, s := range r.Timeline {
		due, acked, read = due+s.Due, acked+s.Acked, read+s.Read
	}
	if due != 240 || acked < due || read < 2*due { // and some of the warm-up, perhaps
		t.Errorf("%d due, %d acknowledged and %d read in the timeline", due, acked, read)
	}
	for _, d := range l.daemons {
		Eventually(t, findWithin, "the peers hold what was sent", func() error {
			if held, err := heldMessages(d.Host); err != nil || held != r.Traffic.Due {
				return fmt.Errorf("%v holds %d messages of %d: %w", d, held, r.Traffic.Due, err)
			}
			return nil
		})
	}
	if text, err := os.ReadFile(picture); err != nil || !strings.HasPrefix(string(text), "<svg ") {
		t.Errorf("the picture: %v, %.40q", err, text)
	}
}

// The daemon is stopped, as by a disk that hangs, for a while in which messages
// become due. Those are a third of all, and not the few that were on their way.
func TestLoadShowsAPeerThatStandsStillInAllThatWasDueMeanwhile(t *testing.T) {
	t.Parallel()
	l := newLoaded(t, "a")
	p := l.load("messages", "--rate", "50", "--for", "4s", "--clients", "2", "--rooms", "1", "--arrivals", "even", "--least", "0")
	l.says(p, "50 messages/s for 4s")
	const still = 1500 * time.Millisecond
	l.daemons[0].Signal(syscall.SIGSTOP)
	<-time.After(still)
	l.daemons[0].Signal(syscall.SIGCONT)
	r := l.reported(p, 0)
	accounted(t, r, 1)
	// In a third of the time something was due that waited for up to 1.5 s.
	if x := r.Phases[0].ToAck; x.Count != 200 || x.P90 < 500 || x.Max < 1400 {
		t.Errorf("%+v", x)
	}
}

func TestLoadFailsWhenAReaderIsNotGivenWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	l := newLoaded(t, "a", "b")
	// The one writer is at the first peer, the one reader at the second.
	p := l.load("", "--rate", "50", "--for", "2s", "--clients", "1", "--rooms", "1", "--least", "0", "--drain", "3s")
	l.says(p, "50 messages/s for 2s")
	l.daemons[1].Kill()
	r := l.reported(p, 1)
	if x := r.Traffic; x.Acked != x.Due || x.Lost == 0 || x.Lost+x.Read != x.Acked || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "never given") {
		t.Errorf("%+v: %q", *x, r.Problems)
	}
}

func TestLoadHoldsIdleSessionsAndSaysWhichLived(t *testing.T) {
	t.Parallel()
	const sessions = 40
	l := newLoaded(t, "a")
	users := func() (status struct {
		Users int `json:"users"`
	},
	) {
		if err := json.Unmarshal([]byte(l.host(0).MustParley("status", "--json")), &status); err != nil {
			t.Fatal(err)
		}
		return status
	}
	p := l.load("idle", "--sessions", fmt.Sprint(sessions), "--for", "2s")
	Eventually(t, loadWithin, "the sessions are there", func() error {
		if n := users().Users; n < sessions {
			return fmt.Errorf("%d users", n)
		}
		return nil
	})
	r := l.reported(p, 0)
	if i := r.Idle; i.Sessions != sessions || i.Live != sessions || !i.Told || i.Goroutines < 1 || i.Goroutines > 20 || i.Before == 0 || i.Seconds < 2 {
		t.Errorf("%+v", *i)
	}
	p = l.load("idle", "--sessions", "5", "--for", "2s")
	l.says(p, "are held")
	l.daemons[0].Kill()
	if r := l.reported(p, 1); r.Idle.Live != 0 || r.Idle.Told || len(r.Problems) != 1 {
		t.Errorf("%+v: %q", *r.Idle, r.Problems)
	}
}

func TestLoadCutsSessionsThatComeBackWhileOthersLoseNothing(t *testing.T) {
	t.Parallel()
	const sessions = 40
	l := newLoaded(t, "a")
	r := l.reported(l.load("storm", "--sessions", fmt.Sprint(sessions), "--rate", "50", "--for", "1s", "--clients", "2", "--rooms", "1", "--least", "0"), 0)
	accounted(t, r, 1)
	if s := r.Storm; s.Sessions != sessions || s.Back != sessions || s.Dials < sessions || s.Failed != s.Dials-sessions || s.Seconds <= 0 || s.Each.Count != sessions {
		t.Errorf("%+v", *s)
	}
	if n := r.Clients["session ended"]; n < sessions {
		t.Errorf("%d sessions ended, by %v", n, r.Clients)
	}
	if len(r.Phases) != 3 || r.Phases[1].Name != "storm" {
		t.Errorf("%+v", r.Phases)
	}
}

func TestLoadHasSlowReadersFallBehindAndCatchUpWithoutALoss(t *testing.T) {
	t.Parallel()
	l := newLoaded(t, "a")
	r := l.reported(l.load("slow", "--slow", "2", "--pace", "500", "--rate", "100", "--for", "2s", "--clients", "2", "--rooms", "1",
		"--arrivals", "even", "--least", "0"), 0)
	accounted(t, r, 3)
	// Each has read one message of 4 KiB at most, of the 200 that were due meanwhile.
	if s := r.Slow; s.Readers != 2 || s.Behind < 2*150 || s.AckP99 <= 0 || s.ReadP99 <= 0 {
		t.Errorf("%+v", *s)
	}
	if n := r.Phases[1].ToRead.Count; n != 200 {
		t.Errorf("%d latencies of the reader that is not slow", n)
	}
}

func TestLoadThatIsInterruptedAccountsForWhatWasSent(t *testing.T) {
	t.Parallel()
	l := newLoaded(t, "a")
	p := l.load("", "--rate", "200", "--for", "1h", "--clients", "2", "--rooms", "1", "--warmup", "0s", "--least", "0")
	l.says(p, "200 messages/s for 1h")
	Eventually(t, loadWithin, "some messages are there", func() error {
		if n, err := heldMessages(l.host(0)); err != nil || n == 0 {
			return fmt.Errorf("%d messages: %w", n, err)
		}
		return nil
	})
	p.Signal(os.Interrupt)
	r := l.reported(p, 130)
	accounted(t, r, 1)
	if len(r.Phases) != 1 || r.Phases[0].Due != r.Traffic.Due || r.Phases[0].Seconds <= 0 {
		t.Errorf("%+v of %d messages", r.Phases, r.Traffic.Due)
	}
}

func TestLoadSaysHowAPeerIsStartedThatServesItsOwnUsersOnly(t *testing.T) {
	t.Parallel()
	l := newLoaded(t)
	l.add("a")
	p := l.load("", "--rate", "10")
	if code := p.Wait(loadWithin); code != 1 || !p.Err.Contains("--users any") || p.Out.String() != "" {
		t.Errorf("exit code %d: %q, %q", code, p.Out, p.Err)
	}
}
