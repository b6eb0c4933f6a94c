package sim

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/cryptotest"
	"time"

	"parley/handshake/identity"
	"parley/rooms"
	"parley/wire"
)

// epoch is when every run begins, by true time.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// maxSteps ends a world that never gets quiet: a run of 60 actions takes some 20,000.
const maxSteps = 1_500_000

// A World is everything that one seed sets in motion.
type World struct {
	seed    uint64
	rng     *rand.Rand // of delays, losses and disks
	now     time.Time  // true time; nobody in the world knows it
	queue   queue
	seq     uint64
	steps   int
	network identity.Network

	peers  []*Peer
	people []*Person
	conns  []*conn
	side   map[*Peer]int // of the partition; nil: there is none
	linked map[[2]*Peer]bool
	rooms  []wire.ID // private rooms, in the order of their making

	records *records
	history history
	totals  Totals
	failure *Failure
	plant   *plant
	keys    uint64 // sessions numbered so far
	reqs    rooms.ReqKey
	texts   int
	trace   func(format string, args ...any) // nil: silent
	wiretap bool                             // trace messages too
	dropped float64                          // part of the live pushes that find a full queue
	delay   time.Duration                    // longest of a message
}

// A Failure says which check failed, and how.
type Failure struct{ Check, Text string }

func (f *Failure) String() string { return f.Check + ": " + f.Text }

func newWorld(t *testing.T, seed uint64) *World {
	cryptotest.SetGlobalRandom(t, seed)
	return &World{
		seed: seed, rng: rand.New(rand.NewPCG(seed, 1)), now: epoch, delay: 3 * time.Millisecond,
		network: identity.Network{Name: "sim", Secret: make([]byte, identity.NetworkSecretSize)},
		records: newRecords(), history: newHistory(), linked: map[[2]*Peer]bool{},
	}
}

// fail notes the first failure.
func (w *World) fail(check, format string, args ...any) {
	if w.failure == nil {
		w.failure = &Failure{check, fmt.Sprintf(format, args...)}
	}
}

func (w *World) say(format string, args ...any) {
	if w.trace != nil {
		w.trace("%9s "+format, append([]any{w.now.Sub(epoch).Round(time.Millisecond)}, args...)...)
	}
}

type event struct {
	at  time.Time
	seq uint64
	f   func()
}

type queue []event

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at.Before(q[j].at) || q[i].at.Equal(q[j].at) && q[i].seq < q[j].seq
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(event)) }
func (q *queue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = event{}
	*q = old[:len(old)-1]
	return e
}

// after calls f when d has passed.
func (w *World) after(d time.Duration, f func()) {
	w.seq++
	heap.Push(&w.queue, event{w.now.Add(max(d, 0)), w.seq, f})
}

// pass lets d of time pass.
func (w *World) pass(d time.Duration) {
	end := w.now.Add(d)
	for len(w.queue) > 0 && !w.queue[0].at.After(end) && w.failure == nil {
		e := heap.Pop(&w.queue).(event)
		w.now = e.at
		e.f()
		if w.steps++; w.steps > maxSteps {
			w.fail("Quiescence", "more than %d events: something goes on for ever", maxSteps)
		}
	}
	w.now = end
}

// jitter is how long something takes on its way.
func (w *World) jitter() time.Duration {
	return time.Duration(w.rng.Int64N(int64(w.delay)+1)) + 50*time.Microsecond
}

func (w *World) request() rooms.ReqKey {
	w.reqs++
	return w.reqs
}
