package load

import (
	"runtime/metrics"
	"time"
)

// A schedLatency counts how long goroutines of this program waited for a processor,
// by the upper ends of buckets in seconds.
type schedLatency struct {
	counts []uint64
	upper  []float64
}

func schedulingLatency() schedLatency {
	sample := []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindFloat64Histogram {
		return schedLatency{}
	}
	h := sample[0].Value.Float64Histogram()
	return schedLatency{append([]uint64{}, h.Counts...), append([]float64{}, h.Buckets[1:]...)}
}

// since takes away what was counted before.
func (s schedLatency) since(before schedLatency) (counts []uint64, total uint64) {
	counts = append([]uint64{}, s.counts...)
	for i := range counts {
		if i < len(before.counts) {
			counts[i] -= before.counts[i]
		}
		total += counts[i]
	}
	return counts, total
}

// quantile is that of the waits since before.
func (s schedLatency) quantile(q float64, before schedLatency) time.Duration {
	counts, total := s.since(before)
	var below uint64
	for i, n := range counts {
		if below += n; below > 0 && float64(below) >= q*float64(total) {
			// The last bucket has no end.
			return time.Duration(min(s.upper[i], 1e6) * float64(time.Second))
		}
	}
	return 0
}
