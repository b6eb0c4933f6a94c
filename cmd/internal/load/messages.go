package load

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Messages plays one rate after another. least is the part of the messages due at a rate
// that must be acknowledged while it is played. The report is there, of what was done until
// then, also with an error.
func Messages(ctx context.Context, target Target, t Traffic, steps []Step, least float64) (rep *Report, err error) {
	var planned time.Duration
	for _, s := range steps {
		if s.Rate <= 0 || s.For <= 0 {
			return nil, errors.New("load: a rate, and how long it is kept, must be more than nothing")
		}
		planned += s.For
	}
	if len(steps) == 0 {
		return nil, errors.New("load: no rate is given")
	}
	r, err := setUp(ctx, target, t, planned)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	err = r.warmUp(ctx, steps[0].Rate)
	for _, s := range steps {
		if err == nil {
			r.Notice(fmt.Sprintf("%v messages/s for %v", s.Rate, s.For))
			err = r.gen.play(ctx, fmt.Sprintf("%v/s", s.Rate), s, nil)
		}
	}
	return r.report("messages", least), err
}
