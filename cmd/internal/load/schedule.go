package load

import (
	"math/rand/v2"
	"time"
)

// A schedule gives the intended moments of one phase. They follow from the seed
// alone.
type schedule struct {
	rng     *rand.Rand
	gap     float64 // mean time between two messages, in ns
	even    bool    // equal gaps; else those of a Poisson process
	writers int
	at      float64 // ns since the start of the phase
	n       int
}

func newSchedule(seed uint64, phase int, rate float64, even bool, writers int) *schedule {
	return &schedule{
		rng: rand.New(rand.NewPCG(seed, uint64(phase))),
		gap: float64(time.Second) / rate, even: even, writers: writers,
	}
}

// next is the next message's moment, since the start of the phase, and its writer.
// Independent users make a Poisson process each, and together one from which each
// message is any one's; evenly spaced messages are the writers' in turn.
func (s *schedule) next() (at time.Duration, writer int) {
	if s.even {
		at, writer = time.Duration(s.gap*float64(s.n)), s.n%s.writers
		s.n++
		return at, writer
	}
	s.at += s.gap * s.rng.ExpFloat64()
	return time.Duration(s.at), s.rng.IntN(s.writers)
}
