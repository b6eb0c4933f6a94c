package load

import (
	"sync"
	"time"
)

// What can become of a message.
const (
	acked   = iota // its peer acknowledged it
	placed         // as many other peers as asked for have it on disk
	arrived        // a reader was given it; once for each reader
	events
)

// A recorder counts what becomes of messages, by the phase and the slot of the
// timeline in which they were due.
type recorder struct {
	start time.Time

	mu     sync.Mutex
	phases []phaseRecord // ascending
	slots  []slotRecord
	width  time.Duration // of a slot
	late   histogram     // how late the generator handed messages over
	counts [events]uint64
	moved  time.Duration // when anything last happened
}

// A phaseRecord is a time with a rate of its own. Latencies are of the messages
// that were due in it, counts of what happened while it lasted.
type phaseRecord struct {
	name     string
	rate     float64
	open     bool          // it lasts as long as something else does
	from, to time.Duration // to is 0 while it lasts
	due      uint64
	timely   uint64 // of those that were due, acknowledged while it lasted, or timely behind
	counts   [events]uint64
	latency  [events]histogram
}

// A slotRecord is the same for a line of the timeline.
type slotRecord struct {
	due     uint64
	counts  [events]uint64
	latency [events]histogram
}

// newRecorder makes the recorder of a run that is planned to last so long, warm-up apart.
func newRecorder(planned time.Duration) *recorder {
	width := time.Second
	for planned > maxSlots*width {
		width += time.Second
	}
	return &recorder{start: time.Now(), width: width}
}

// now is the time since the start of the run.
func (r *recorder) now() time.Duration { return time.Since(r.start) }

// begin starts a phase, which ends the one before, and returns when that was. What
// is due before the first is not recorded.
func (r *recorder) begin(name string, rate float64, open bool) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	r.endAt(now)
	r.phases = append(r.phases, phaseRecord{name: name, rate: rate, open: open, from: now})
	return now
}

// end ends the last phase.
func (r *recorder) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.endAt(r.now())
}

func (r *recorder) endAt(now time.Duration) {
	if n := len(r.phases); n > 0 && r.phases[n-1].to == 0 {
		r.phases[n-1].to = now
	}
}

// phaseAt is the phase of a moment, or nil before the first.
func (r *recorder) phaseAt(at time.Duration) *phaseRecord {
	for i := len(r.phases) - 1; i >= 0; i-- {
		if at >= r.phases[i].from {
			return &r.phases[i]
		}
	}
	return nil
}

// slotAt is the slot of a moment, or nil before the first phase.
func (r *recorder) slotAt(at time.Duration) *slotRecord {
	if len(r.phases) == 0 || at < r.phases[0].from {
		return nil
	}
	i := min(int((at-r.phases[0].from)/r.width), maxSlots-1)
	for len(r.slots) <= i {
		r.slots = append(r.slots, slotRecord{})
	}
	return &r.slots[i]
}

// handed takes note of a message that was due and is in its writer's hands now.
func (r *recorder) handed(due time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	r.moved = now
	if p := r.phaseAt(due); p != nil {
		p.due++
		r.slotAt(due).due++
		r.late.add(now - due)
	}
}

// happened takes note of what became, just now, of messages that were due.
func (r *recorder) happened(what int, due ...time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	r.moved = now
	r.counts[what] += uint64(len(due))
	for _, at := range due {
		p := r.phaseAt(at)
		if p == nil {
			continue
		}
		p.latency[what].add(now - at)
		if what == acked && (p.to == 0 || now < p.to+timely) {
			p.timely++
		}
		r.slotAt(at).latency[what].add(now - at)
		r.slotAt(now).counts[what]++
		if p = r.phaseAt(now); p.to == 0 || now < p.to {
			p.counts[what]++
		}
	}
}

// touch takes note that something happened that is not counted.
func (r *recorder) touch() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moved = r.now()
}

// quiet is how long nothing has happened.
func (r *recorder) quiet() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now() - r.moved
}

// acknowledged has the latencies to the acknowledgement of all phases together.
func (r *recorder) acknowledged() (all histogram) {
	for i := range r.phases {
		all.merge(&r.phases[i].latency[acked])
	}
	return all
}
