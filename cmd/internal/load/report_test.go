package load

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"parley/rooms/client"
	"parley/wire"
)

func TestAReportFailsForEachThingThatIsNotAsItMustBe(t *testing.T) {
	good := func() *Report {
		return &Report{
			Traffic: &TrafficReport{Due: 100, Acked: 100},
			Phases:  []Phase{{Name: "50/s", Due: 60, Achieved: 0.96}, {Name: "storm", Due: 40, Achieved: 0.1, Open: true}, {Name: "none due"}},
		}
	}
	for want, spoil := range map[string]func(*Report){
		"":                             func(*Report) {},
		"never given":                  func(r *Report) { r.Traffic.Lost = 1 },
		"twice":                        func(r *Report) { r.Traffic.Doubled = 1 },
		"order":                        func(r *Report) { r.Traffic.Disorder = 1 },
		"4 of 100 messages were not":   func(r *Report) { r.Traffic.Unacked = 4 },
		"50/s: 94.0% of the messages ": func(r *Report) { r.Phases[0].Achieved = 0.94 },
	} {
		r := good()
		spoil(r)
		r.judge(0.95)
		if want == "" && len(r.Problems) != 0 || want != "" && (len(r.Problems) != 1 || !strings.Contains(r.Problems[0], want)) {
			t.Errorf("%q: %q", want, r.Problems)
		}
		if len(r.Warnings) != 0 {
			t.Errorf("%q: warned of %q", want, r.Warnings)
		}
		var text strings.Builder
		if err := r.WriteText(&text); err != nil || strings.Contains(text.String(), "FAILED") != (want != "") {
			t.Errorf("%q: %v: %s", want, err, text.String())
		}
	}
	r := good()
	r.Traffic.Late = true
	if r.judge(0.95); len(r.Problems) != 0 || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "generator") {
		t.Errorf("a late generator: %q, %q", r.Problems, r.Warnings)
	}
}

func TestTheTextHasTheFiguresInColumns(t *testing.T) {
	q := Quantiles{Count: 9, P50: 0.71, P90: 12.34, P99: 123.4, P999: 1234, Max: 1234}
	r := &Report{
		Peers: []string{"a", "b"}, Seed: 7,
		Traffic:  &TrafficReport{Writers: 3, Rooms: 1, Readers: 2, Size: 256, Arrivals: "even", Replicas: 1, Due: 9, Errors: map[string]uint64{"busy": 2}},
		Phases:   []Phase{{Name: "3/s", Seconds: 3, Due: 9, Acked: 3, Read: 6, Achieved: 1, ToAck: q, ToPlaced: &q, ToRead: Quantiles{}}},
		Timeline: []Slot{{Due: 9, Acked: 8, Read: 7, P50Ack: 1, P99Ack: 2, P99Read: 3}},
		Clients:  map[string]uint64{"session ended": 4},
	}
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"3 writers in 1 room at 2 peers, 2 readers, messages of 256 bytes, even arrivals, seed 7\n",
		"     due/s  acked/s  read/s  in time   ms to   p50   p90  p99  p99.9   max\n",
		"3/s    3.0      3.0     6.0   100.0%     ack  0.71  12.3  123   1234  1234\n",
		"                                      1 more  0.71  12.3  123   1234  1234\n",
		"                                      reader\n",
		"0         9      8     7     1.00     2.00      3.00\n",
		"errors     busy (2)\n", "clients    session ended (4)\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

func TestTheGeneratorIsCalledLateByItsShareOfTheLatency(t *testing.T) {
	for _, c := range []struct {
		late, ack time.Duration
		want      bool
	}{
		{100 * time.Microsecond, 200 * time.Microsecond, false}, // little, whatever the share
		{time.Millisecond, 10 * time.Millisecond, false},
		{3 * time.Millisecond, 10 * time.Millisecond, true},
	} {
		var late, ack histogram
		for range 100 {
			late.add(c.late)
			ack.add(c.ack)
		}
		if got := isLate(&late, &ack); got != c.want {
			t.Errorf("%v late, %v to the acknowledgement: %v", c.late, c.ack, got)
		}
	}
}

func TestTheWaitForAProcessorIsThatSinceTheStart(t *testing.T) {
	before := schedLatency{[]uint64{1000, 0, 5}, []float64{0.001, 0.002, 0.5}}
	now := schedLatency{[]uint64{1000, 98, 7}, []float64{0.001, 0.002, 0.5}}
	if got := now.quantile(0.9, before); got != 2*time.Millisecond {
		t.Errorf("p90 is %v", got)
	}
	if got := now.quantile(1, before); got != 500*time.Millisecond {
		t.Errorf("the longest is %v", got)
	}
	if got := now.quantile(0.5, now); got != 0 {
		t.Errorf("of none it is %v", got)
	}
	if got := schedulingLatency(); len(got.counts) == 0 || len(got.counts) != len(got.upper) {
		t.Errorf("the runtime tells %d counts", len(got.counts))
	}
}

func TestNotesCountWhatClientsLogByMessageAndCode(t *testing.T) {
	n := newNotes()
	log := n.logger().With("user", 1)
	log.Debug("nothing")
	log.Info("run refused", "code", wire.CodeBusy, "first", 3)
	log.Info("run refused", "code", wire.CodeBusy, "first", 4)
	log.Warn("session ended", slog.String("error", "cut"))
	if got := n.all(); len(got) != 2 || got["run refused: busy"] != 2 || got["session ended"] != 1 {
		t.Errorf("%v", got)
	}
	for want, err := range map[string]error{
		"too fast": &wire.Error{Code: wire.CodeRateLimited, Remote: true}, "no connection": client.ErrNoDaemon,
		"timed out": context.DeadlineExceeded, "given up": context.Canceled, "other": errors.New("x"),
	} {
		if got := codeOf(err); got != want {
			t.Errorf("%v is %q", err, got)
		}
	}
}
