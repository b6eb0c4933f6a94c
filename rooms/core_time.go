package rooms

import (
	"container/heap"
	"time"
)

// A timer calls run at a time. Timers of one time run in the order in which
// they were set, so a core's behaviour is determined by its events.
type timer struct {
	at  time.Time
	seq uint64
	run func()
}

// timers is the heap of those that are set. Each user of it keeps at most one
// timer per object (a flag beside it), which bounds their number.
type timers struct {
	heap timerHeap
	seq  uint64
}

type timerHeap []timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}
func (h timerHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *timerHeap) Push(x any)   { *h = append(*h, x.(timer)) }
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = timer{}
	*h = old[:len(old)-1]
	return t
}

// after runs f when d has passed.
func (c *Core) after(d time.Duration, f func()) {
	c.timers.seq++
	heap.Push(&c.timers.heap, timer{at: c.now.Add(d), seq: c.timers.seq, run: f})
}

// run runs the timers whose time has come, and those that they set for now.
func (t *timers) run(c *Core) {
	for len(t.heap) > 0 && !t.heap[0].at.After(c.now) {
		next := heap.Pop(&t.heap).(timer)
		next.run()
	}
}

// wakeUp asks for a Tick when the next timer is due, if that changed.
func (c *Core) wakeUp() {
	var at time.Time
	if len(c.timers.heap) > 0 {
		at = c.timers.heap[0].at
	}
	if !at.Equal(c.wake) {
		c.wake = at
		c.do(Wake{At: at})
	}
}

// A bucket is a token bucket: it holds up to burst and gains rate a second.
type bucket struct {
	level float64
	last  time.Time
}

// take takes n, or nothing if there is less.
func (b *bucket) take(now time.Time, n, rate, burst float64) bool {
	if !b.has(now, n, rate, burst) {
		return false
	}
	b.level -= n
	return true
}

// has reports whether n could be taken. More than burst can be taken when the bucket is full.
func (b *bucket) has(now time.Time, n, rate, burst float64) bool {
	if b.last.IsZero() {
		b.level = burst
	} else {
		b.level = min(burst, b.level+rate*now.Sub(b.last).Seconds())
	}
	b.last = now
	return b.level >= min(n, burst)
}
