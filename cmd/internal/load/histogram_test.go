package load

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// exact is the quantile as it is defined: the least of the values that a part q
// of them do not exceed.
func exact(sorted []time.Duration, q float64) time.Duration {
	return sorted[max(int(math.Ceil(q*float64(len(sorted)))), 1)-1]
}

func TestQuantilesAreExactUpToThePrecisionAndNeverBelow(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func() time.Duration{
		"exponential": func() time.Duration { return time.Duration(rng.ExpFloat64() * 1e6) },
		"octaves":     func() time.Duration { return time.Duration(rng.Uint64() >> (25 + rng.UintN(39))) },
		"small":       func() time.Duration { return time.Duration(rng.IntN(300)) },
		"two modes":   func() time.Duration { return []time.Duration{700 * time.Microsecond, 4 * time.Second}[rng.IntN(50)/49] },
	} {
		var h histogram
		all := make([]time.Duration, 20_001)
		for i := range all {
			all[i] = draw()
			h.add(all[i])
		}
		slices.Sort(all)
		for _, q := range []float64{0, 0.001, 0.5, 0.9, 0.99, 0.999, 0.9999, 1} {
			want, got := exact(all, q), h.quantile(q)
			if got < want || float64(got) > float64(want)*(1+Precision) {
				t.Errorf("%s: quantile %v is %v, exactly it is %v", name, q, got, want)
			}
		}
		if h.max != all[len(all)-1] || h.count != uint64(len(all)) {
			t.Errorf("%s: %d counted up to %v", name, h.count, h.max)
		}
	}
}

func TestEveryDurationIsInABucketNoWiderThanThePrecision(t *testing.T) {
	last := -1
	for v := time.Duration(0); v < 1<<40; v += 1 + v/1000 {
		b := bucketOf(v)
		if b < last || upper(b) < v || float64(upper(b)) > float64(v)*(1+Precision) {
			t.Fatalf("%d is in bucket %d, which ends at %d; the one before was in %d", v, b, upper(b), last)
		}
		last = b
	}
	if n := (octaves + 1) << subBits; last >= n || bucketOf(math.MaxInt64) != n-1 {
		t.Errorf("%d buckets, the last used is %d, and %d for what is above all", n, last, bucketOf(math.MaxInt64))
	}
}

func TestAnEmptyHistogramAndNegativeDurations(t *testing.T) {
	var h histogram
	if h.quantile(0.5) != 0 {
		t.Error("the median of nothing is not 0")
	}
	h.add(-time.Second)
	if h.quantile(1) != 0 || h.count != 1 {
		t.Errorf("a negative duration counts as %v", h.quantile(1))
	}
}
