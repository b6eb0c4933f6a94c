package load

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"parley/rooms/client"
)

// slowPipe is a peer that takes a time for each batch, and stands still in between.
func slowPipe(each time.Duration, still func() time.Duration) pipe {
	return func(ctx context.Context, src client.Source, durable func(int, client.Result) error) error {
		for {
			batch, err := src.Next(ctx, 512)
			if err != nil {
				if errors.Is(err, io.EOF) {
					err = nil
				}
				return err
			}
			time.Sleep(each + still())
			if err := durable(len(batch), client.Result{}); err != nil {
				return err
			}
		}
	}
}

// played is a run of one writer against a pipe, at even gaps.
func played(t *testing.T, p func(*recorder) pipe, steps ...Step) *recorder {
	t.Helper()
	rec := newRecorder(time.Minute)
	w := newWriter(0, 1, MinSize, rec)
	g := &generator{rec: rec, writers: []*writer{w}, even: true, sleep: time.Sleep}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.write(t.Context(), p(rec), func(err error, n int) { t.Errorf("%d messages: %v", n, err) })
	}()
	for _, s := range steps {
		if err := g.play(t.Context(), "rate", s, nil); err != nil {
			t.Error(err)
		}
	}
	w.end()
	<-done
	return rec
}

// A closed loop would send nothing while the peer stands still, and so see one
// slow message. Here each that was due in that second has waited for its end.
func TestAPeerThatStandsStillShowsInEveryMessageThatWasDueMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const each = time.Millisecond
		rec := played(t, func(rec *recorder) pipe {
			stood := false
			return slowPipe(each, func() time.Duration {
				if stood || rec.now() < time.Second {
					return 0
				}
				stood = true
				return time.Second
			})
		}, Step{Rate: 100, For: 3 * time.Second})
		p := rec.phases[0]
		if p.due != 300 || p.latency[acked].count != 300 {
			t.Fatalf("%d due, %d acknowledged", p.due, p.latency[acked].count)
		}
		slow := 0
		for i, n := range p.latency[acked].buckets {
			if upper(i) > 100*time.Millisecond {
				slow += int(n)
			}
		}
		// Of those due in that second, one each 10 ms, only the last 9 or 10 waited for less than 100 ms.
		if slow < 89 || slow > 92 {
			t.Errorf("%d messages waited for more than 100 ms", slow)
		}
		if q := p.latency[acked].quantile(0.5); q < each || q > each+each/100 {
			t.Errorf("the median is %v", q)
		}
		if q := p.latency[acked].quantile(0.8); q < 350*time.Millisecond || q > 450*time.Millisecond {
			t.Errorf("the 80th percentile is %v", q)
		}
		if q := rec.late.max; q != 0 {
			t.Errorf("the generator was %v late", q)
		}
		// Due as ever, and nothing acknowledged, in the second that it stood still.
		var due, acks []uint64
		for _, s := range rec.slots {
			due, acks = append(due, s.due), append(acks, s.counts[acked])
		}
		if !slices.Equal(due, []uint64{100, 100, 100}) || acks[0] != 100 || acks[1] != 0 || acks[2] != 200 {
			t.Errorf("due by the second: %v, acknowledged: %v", due, acks)
		}
	})
}

func TestAPeerThatIsTooSlowIsMeasuredAtItsOwnRateAndLatencyGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := func(*recorder) pipe {
			return func(ctx context.Context, src client.Source, durable func(int, client.Result) error) error {
				return slowPipe(20*time.Millisecond, func() time.Duration { return 0 })(ctx, onePiece{src}, durable)
			}
		}
		rec := played(t, one, Step{Rate: 100, For: 4 * time.Second})
		p := rec.phases[0]
		// It can do 50/s: half of what is due, and the last one waits for 4 s.
		if p.due != 400 || p.counts[acked] < 195 || p.counts[acked] > 200 {
			t.Errorf("%d due, %d acknowledged while it lasted", p.due, p.counts[acked])
		}
		if q := p.latency[acked].max; q < 3900*time.Millisecond || q > 4100*time.Millisecond {
			t.Errorf("the last message took %v", q)
		}
	})
}

// onePiece gives one message at a time.
type onePiece struct{ client.Source }

func (s onePiece) Next(ctx context.Context, _ int) ([][]byte, error) { return s.Source.Next(ctx, 1) }

func TestAPipeThatFailsLeavesItsMessagesUnacknowledgedAndTheRestIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := newRecorder(time.Minute)
		w := newWriter(0, 1, MinSize, rec)
		for n := range 10 {
			w.hand(time.Duration(n))
		}
		w.end()
		broken := errors.New("broken")
		var lost int
		tries := 0
		w.write(t.Context(), func(ctx context.Context, src client.Source, durable func(int, client.Result) error) error {
			tries++
			for {
				batch, err := src.Next(ctx, 2)
				if err != nil {
					return nil
				}
				if tries == 1 && w.reached() == 4 {
					return broken
				}
				if err := durable(len(batch), client.Result{}); err != nil {
					return err
				}
			}
		}, func(err error, n int) {
			if !errors.Is(err, broken) {
				t.Error(err)
			}
			lost += n
		})
		for n := range uint64(12) {
			if want := n < 10 && n != 4 && n != 5; w.acknowledged(n) != want {
				t.Errorf("message %d: acknowledged is %v", n, !want)
			}
		}
		if lost != 2 || rec.counts[acked] != 8 {
			t.Errorf("%d lost, %d acknowledged", lost, rec.counts[acked])
		}
	})
}

func TestAPeerThatAcknowledgesMoreThanWasSentIsAnError(t *testing.T) {
	w := newWriter(0, 1, MinSize, newRecorder(time.Minute))
	if err := w.durable(1, client.Result{}); !errors.Is(err, errUnasked) {
		t.Error(err)
	}
}

func TestAPlayEndsWhenItIsToldTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := newRecorder(time.Minute)
		g := &generator{rec: rec, writers: []*writer{newWriter(0, 1, MinSize, rec)}, sleep: time.Sleep}
		until := make(chan struct{})
		go func() {
			time.Sleep(5 * time.Second)
			close(until)
		}()
		if err := g.play(t.Context(), "told", Step{Rate: 0.1}, until); err != nil {
			t.Error(err)
		}
		if p := rec.phases[0]; p.to-p.from != 5*time.Second {
			t.Errorf("it lasted %v", p.to-p.from)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := g.play(ctx, "ended", Step{Rate: 0.1, For: time.Hour}, nil); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestAScheduleFollowsFromItsSeedAndKeepsItsRate(t *testing.T) {
	const rate, n = 1000, 100_000
	for _, even := range []bool{true, false} {
		a, b := newSchedule(7, 1, rate, even, 4), newSchedule(7, 1, rate, even, 4)
		writers := make([]int, 4)
		var last, gaps, squares float64
		for range n {
			at, w := a.next()
			if again, other := b.next(); at != again || w != other {
				t.Fatalf("even=%v: %v of %d, and %v of %d", even, at, w, again, other)
			}
			gap := at.Seconds() - last
			last, gaps, squares = at.Seconds(), gaps+gap, squares+gap*gap
			writers[w]++
		}
		if got := n / last; got < 0.98*rate || got > 1.02*rate {
			t.Errorf("even=%v: %v messages/s", even, got)
		}
		for w, got := range writers {
			if got < n/4*95/100 || got > n/4*105/100 {
				t.Errorf("even=%v: %d messages of writer %d", even, got, w)
			}
		}
		// The variance of a Poisson process's gaps is their mean squared.
		mean := gaps / n
		spread := (squares/n - mean*mean) / (mean * mean)
		if even && spread > 0.01 || !even && (spread < 0.9 || spread > 1.1) {
			t.Errorf("even=%v: variance of the gaps is %v of the mean squared", even, spread)
		}
	}
}

func TestAPlayEndsWhenTheWritersAreTooFarBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := newRecorder(time.Minute)
		w := newWriter(0, 1, MinSize, rec) // whose pipe takes nothing
		g := &generator{rec: rec, writers: []*writer{w}, even: true, sleep: time.Sleep}
		err := g.play(t.Context(), "flood", Step{Rate: 1e12, For: time.Minute}, nil)
		if n := w.waiting(); err == nil || n <= maxBacklog || n > maxBacklog+2048 {
			t.Errorf("%d messages wait: %v", n, err)
		}
	})
}
