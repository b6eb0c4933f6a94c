package load

import (
	"fmt"
	"time"
)

// A Report is what a run found. Its JSON is printed with --json.
type Report struct {
	Mode     string   `json:"mode"` // messages, idle, storm or slow
	Peers    []string `json:"peers"`
	Seed     uint64   `json:"seed"`
	Problems []string `json:"problems"` // why the run failed; empty: it did not
	Warnings []string `json:"warnings"` // what to know before believing the figures

	Traffic   *TrafficReport    `json:"traffic,omitempty"`
	Phases    []Phase           `json:"phases,omitempty"`
	SlotWidth float64           `json:"slot_seconds,omitempty"`
	Timeline  []Slot            `json:"timeline,omitempty"`
	Idle      *IdleReport       `json:"idle,omitempty"`
	Storm     *StormReport      `json:"storm,omitempty"`
	Slow      *SlowReport       `json:"slow,omitempty"`
	Clients   map[string]uint64 `json:"clients,omitempty"` // what the users' clients logged, and how often
}

// A TrafficReport accounts for every message, those of the warm-up included.
type TrafficReport struct {
	Writers  int    `json:"writers"`
	Rooms    int    `json:"rooms"`
	Readers  int    `json:"readers"` // of all rooms together
	Size     int    `json:"size"`
	Arrivals string `json:"arrivals"`
	Replicas int    `json:"replicas,omitempty"`

	Due      uint64            `json:"due"`   // by the schedule
	Acked    uint64            `json:"acked"` // acknowledged
	Read     uint64            `json:"read"`  // by all readers together, each message once for each
	Unacked  uint64            `json:"unacknowledged"`
	Lost     uint64            `json:"lost"` // acknowledged, and not given to a reader
	Doubled  uint64            `json:"doubled"`
	Disorder uint64            `json:"out_of_order"`
	Errors   map[string]uint64 `json:"errors,omitempty"` // messages not acknowledged, by the code of the failure

	// How late messages were in their writers' hands, and how long what was
	// ready to run in this program waited for a processor.
	Lateness Quantiles `json:"lateness_ms"`
	Waits    Quantiles `json:"processor_wait_ms"`
	Late     bool      `json:"generator_late"` // the latencies are to a good part the generator's own
}

// A Phase is a time with one rate. Messages belong to that in which they were due.
type Phase struct {
	Name     string     `json:"name"`
	Rate     float64    `json:"rate"` // intended, per second
	Seconds  float64    `json:"seconds"`
	Open     bool       `json:"open,omitempty"` // it lasted as long as something else did: how much was achieved is not judged
	Due      uint64     `json:"due"`
	Acked    float64    `json:"acked_per_second"` // while it lasted
	Read     float64    `json:"read_per_second"`
	Achieved float64    `json:"achieved"` // part of the messages due in it that were acknowledged until its end
	ToAck    Quantiles  `json:"ack_ms"`
	ToPlaced *Quantiles `json:"placed_ms,omitempty"`
	ToRead   Quantiles  `json:"read_ms"`
}

// A Slot is a second of the timeline, or some.
type Slot struct {
	At    float64 `json:"at"` // seconds since the first phase began
	Due   uint64  `json:"due"`
	Acked uint64  `json:"acked"`
	Read  uint64  `json:"read"`
	// Of the messages due in it.
	P50Ack  float64 `json:"p50_ack_ms"`
	P99Ack  float64 `json:"p99_ack_ms"`
	P99Read float64 `json:"p99_read_ms"`
}

// Quantiles are of a histogram, in milliseconds, up to Precision above the exact ones.
type Quantiles struct {
	Count uint64  `json:"count"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p99_9"`
	Max   float64 `json:"max"`
}

func quantiles(h *histogram) Quantiles {
	return Quantiles{
		h.count, ms(h.quantile(0.5)), ms(h.quantile(0.9)), ms(h.quantile(0.99)), ms(h.quantile(0.999)), ms(h.max),
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// report ends the run and tells what it was. least is the part of what is due in a phase that has to be
// acknowledged while it lasts.
func (r *run) report(mode string, least float64) *Report {
	waits := schedulingLatency()
	r.drain()
	rep := &Report{Mode: mode, Peers: r.crowd.target.Addrs, Seed: r.Seed, Problems: []string{}, Warnings: []string{}}
	t := r.account()
	rep.Traffic = t
	rec := r.rec
	rec.mu.Lock()
	defer rec.mu.Unlock()
	ack := rec.acknowledged()
	t.Lateness = quantiles(&rec.late)
	t.Waits = r.processorWaits(waits)
	t.Late = isLate(&rec.late, &ack)
	for i := range rec.phases {
		rep.Phases = append(rep.Phases, rec.phases[i].report(r.Replicas > 0))
	}
	rep.SlotWidth = rec.width.Seconds()
	for i := range rec.slots {
		s := &rec.slots[i]
		rep.Timeline = append(rep.Timeline, Slot{
			At: float64(i) * rep.SlotWidth, Due: s.due, Acked: s.counts[acked], Read: s.counts[arrived],
			P50Ack: ms(s.latency[acked].quantile(0.5)), P99Ack: ms(s.latency[acked].quantile(0.99)),
			P99Read: ms(s.latency[arrived].quantile(0.99)),
		})
	}
	rep.Clients = r.crowd.notes.all()
	rep.judge(least)
	return rep
}

// isLate tells whether the generator's lateness is a good part of the latency.
func isLate(late, ack *histogram) bool {
	p99 := late.quantile(0.99)
	return p99 > lateLeast && float64(p99) > lateShare*float64(ack.quantile(0.99))
}

// account adds up what writers and readers know.
func (r *run) account() *TrafficReport {
	t := &TrafficReport{
		Writers: r.Writers, Rooms: r.Rooms, Readers: len(r.readers), Size: r.Size, Arrivals: "poisson", Replicas: r.Replicas,
	}
	if r.Even {
		t.Arrivals = "even"
	}
	for _, w := range r.gen.writers {
		w.mu.Lock()
		t.Due += w.count
		w.mu.Unlock()
	}
	r.mu.Lock()
	t.Errors = r.failed
	r.mu.Unlock()
	r.rec.mu.Lock()
	t.Acked = r.rec.counts[acked]
	r.rec.mu.Unlock()
	t.Unacked = t.Due - t.Acked
	for _, reader := range r.readers {
		t.Lost += reader.lost(r.gen.writers)
		reader.mu.Lock()
		t.Read += reader.ledger.given
		t.Doubled += reader.ledger.doubled
		t.Disorder += reader.ledger.disorder
		if reader.failed != nil {
			r.crowd.notes.add("a reader's reading ended: "+codeOf(reader.failed), 1)
		}
		reader.mu.Unlock()
	}
	return t
}

func (r *run) processorWaits(now schedLatency) Quantiles {
	at := func(q float64) float64 { return ms(now.quantile(q, r.waits)) }
	_, count := now.since(r.waits)
	return Quantiles{Count: count, P50: at(0.5), P90: at(0.9), P99: at(0.99), P999: at(0.999), Max: at(1)}
}

func (p *phaseRecord) report(replicas bool) Phase {
	length := (p.to - p.from).Seconds()
	out := Phase{
		Name: p.name, Rate: p.rate, Seconds: length, Open: p.open, Due: p.due,
		ToAck: quantiles(&p.latency[acked]), ToRead: quantiles(&p.latency[arrived]),
	}
	if length > 0 {
		out.Acked, out.Read = float64(p.counts[acked])/length, float64(p.counts[arrived])/length
	}
	if p.due > 0 {
		out.Achieved = float64(p.timely) / float64(p.due)
	}
	if replicas {
		q := quantiles(&p.latency[placed])
		out.ToPlaced = &q
	}
	return out
}

// judge says what is wrong.
func (r *Report) judge(least float64) {
	problem := func(format string, args ...any) { r.Problems = append(r.Problems, fmt.Sprintf(format, args...)) }
	t := r.Traffic
	if t.Lost > 0 {
		problem("%d messages were acknowledged and never given to a reader", t.Lost)
	}
	if t.Doubled > 0 {
		problem("%d messages were given twice", t.Doubled)
	}
	if t.Disorder > 0 {
		problem("%d messages were given out of their writer's order", t.Disorder)
	}
	if t.Unacked > 0 {
		problem("%d of %d messages were not acknowledged", t.Unacked, t.Due)
	}
	for _, p := range r.Phases {
		if p.Due > 0 && !p.Open && p.Achieved < least {
			problem("%s: %.1f%% of the messages due were acknowledged until its end, and %.1f%% must be", p.Name, 100*p.Achieved, 100*least)
		}
	}
	if t.Late {
		r.Warnings = append(r.Warnings, fmt.Sprintf(
			"the generator could not keep up: its own lateness has a p99 of %.2f ms; the latencies are to a good part its own, not the peers'", t.Lateness.P99))
	}
}
