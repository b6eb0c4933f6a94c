package discovery

import "time"

// A rate is an allowance: burst at once, perSecond after that.
type rate struct{ burst, perSecond float64 }

// A bucket counts what is left of an allowance. The zero value is full.
type bucket struct {
	used float64 // tokens taken and not yet grown back
	last time.Time
}

// take takes one token if there is one.
func (b *bucket) take(now time.Time, r rate) bool {
	b.grow(now, r)
	if b.used+1 > r.burst {
		return false
	}
	b.used++
	return true
}

// ready returns when a token will be there: now, if one is.
func (b *bucket) ready(now time.Time, r rate) time.Time {
	b.grow(now, r)
	missing := b.used + 1 - r.burst
	if missing <= 0 {
		return now
	}
	// A microsecond more, so that rounding never makes the caller come too early.
	return now.Add(time.Duration(missing/r.perSecond*float64(time.Second)) + time.Microsecond)
}

func (b *bucket) grow(now time.Time, r rate) {
	if passed := now.Sub(b.last); passed > 0 {
		b.used = max(0, b.used-passed.Seconds()*r.perSecond)
		b.last = now
	}
}
