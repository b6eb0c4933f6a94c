package load

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A SlowReport compares honest readers without and with slow ones beside them.
type SlowReport struct {
	Readers  int     `json:"readers"` // slow ones, beside those of the traffic
	Pace     int     `json:"bytes_per_second"`
	Behind   uint64  `json:"behind"`    // messages that they had not read when they were let go on, all together
	CaughtUp float64 `json:"caught_up"` // seconds until they had, as fast as they could
	AckP99   float64 `json:"ack_p99_ratio"`
	ReadP99  float64 `json:"read_p99_ratio"` // of the others, with slow readers to without
}

// Slow plays a rate twice for a time: the second time so many readers, beside those of the
// traffic, read no more than pace bytes per second each. Then they catch up.
func Slow(ctx context.Context, target Target, t Traffic, slow, pace int, step Step, least float64) (rep *Report, err error) {
	if slow < 1 || pace < 1 || step.Rate <= 0 || step.For <= 0 {
		return nil, errors.New("load: slow readers must be one at least, and read something, at a rate and for a time")
	}
	t.more = slow
	r, err := setUp(ctx, target, t, 2*step.For)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	report := &SlowReport{Readers: slow, Pace: pace}
	if err = r.warmUp(ctx, step.Rate); err == nil {
		r.Notice(fmt.Sprintf("%v messages/s for %v, all readers at their own speed", step.Rate, step.For))
		err = r.gen.play(ctx, "all quick", step, nil)
	}
	if err == nil {
		r.Notice(fmt.Sprintf("%v messages/s for %v, %d readers at %d bytes/s", step.Rate, step.For, slow, pace))
		r.setPace(slow, int64(pace))
		err = r.gen.play(ctx, "some slow", step, nil)
	}
	report.Behind = r.behind()
	r.setPace(slow, 0)
	start := time.Now()
	rep = r.report("slow", least)
	report.CaughtUp = time.Since(start).Seconds()
	rep.Slow = report
	if p := rep.Phases; len(p) == 2 {
		report.AckP99, report.ReadP99 = ratio(p[1].ToAck.P99, p[0].ToAck.P99), ratio(p[1].ToRead.P99, p[0].ToRead.P99)
	}
	return rep, err
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// setPace makes those n readers slow that are beside the others, or lets them go on.
func (r *run) setPace(n int, pace int64) {
	for _, reader := range r.readers[len(r.readers)-n:] {
		reader.slow.Store(true)
		reader.pace.Store(pace)
		if pace == 0 {
			close(reader.hasten)
		}
	}
}

// behind is how many acknowledged messages readers were not given yet.
func (r *run) behind() (n uint64) {
	for _, reader := range r.readers {
		n += reader.lost(r.gen.writers)
	}
	return n
}
