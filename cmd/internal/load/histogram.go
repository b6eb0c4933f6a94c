package load

import (
	"math/bits"
	"time"
)

// The buckets of a histogram: below 2^subBits ns each value has its own, above
// it every octave is cut into 2^subBits equal parts.
const (
	subBits = 7
	octaves = 40 - subBits // up to 2^40 ns, 18 minutes

	// Precision is the relative error of a quantile: how much it may lie above
	// the exact one. It never lies below.
	Precision = 1.0 / (1 << subBits)
)

// A histogram counts durations in buckets whose width is a fixed part of their
// value. The zero value is empty. Durations below 0 count as 0, and those above
// 2^40 ns as that, except in the maximum, which is exact.
type histogram struct {
	buckets []uint32 // made by the first add
	count   uint64
	max     time.Duration
}

// add counts a duration.
func (h *histogram) add(d time.Duration) {
	if h.buckets == nil {
		h.buckets = make([]uint32, (octaves+1)<<subBits)
	}
	d = max(d, 0)
	h.buckets[bucketOf(d)]++
	h.count++
	h.max = max(h.max, d)
}

// bucketOf is the index of the bucket that a duration belongs to.
func bucketOf(d time.Duration) int {
	v := min(uint64(d), 1<<(subBits+octaves)-1)
	shift := max(bits.Len64(v)-subBits-1, 0)
	return shift<<subBits + int(v>>shift)
}

// upper is the largest duration of a bucket.
func upper(bucket int) time.Duration {
	if bucket < 2<<subBits {
		return time.Duration(bucket)
	}
	shift := bucket>>subBits - 1
	return time.Duration((uint64(bucket)-uint64(shift)<<subBits+1)<<shift - 1)
}

// quantile is the least duration that a part q of those counted do not exceed,
// or up to Precision more; 0 if none was counted.
func (h *histogram) quantile(q float64) time.Duration {
	var below uint64
	for i, n := range h.buckets {
		if below += uint64(n); below > 0 && float64(below) >= q*float64(h.count) {
			return min(upper(i), h.max)
		}
	}
	return h.max
}

// merge adds what another histogram counted.
func (h *histogram) merge(other *histogram) {
	if other.count == 0 {
		return
	}
	if h.buckets == nil {
		h.buckets = make([]uint32, len(other.buckets))
	}
	for i, n := range other.buckets {
		h.buckets[i] += n
	}
	h.count += other.count
	h.max = max(h.max, other.max)
}
