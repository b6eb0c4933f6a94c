package rooms

import "time"

// A hybrid logical clock is 48 bits of Unix milliseconds and 16 bits of a
// counter. It orders what its writer had seen before what it wrote, and
// otherwise by wall clocks. It shows an order to people; no rule of validity
// reads it.

const clockCounterBits = 16

// NextClock is the clock of a run written at now, by a writer whose log's last
// run has the clock own (0: none) and which has seen the clock seen in the
// room. A clock seen more than 26 hours ahead of now is taken for a lie and
// ignored; the own one never is.
func NextClock(now time.Time, own, seen uint64) uint64 {
	wall := wallClock(now)
	last := own
	if limit := wallClock(now.Add(maxClockAhead)); seen > last && seen <= limit {
		last = seen
	}
	if wall > last {
		return wall
	}
	if last == ^uint64(0) {
		return last
	}
	return last + 1
}

// ClockTime is the wall-clock part of a hybrid logical clock.
func ClockTime(clock uint64) time.Time { return time.UnixMilli(int64(clock >> clockCounterBits)) }

// wallClock is now as a hybrid logical clock with counter 0; years outside
// 1970 to 10889 are cut to the nearest in them.
func wallClock(now time.Time) uint64 {
	ms := min(max(now.UnixMilli(), 0), 1<<48-1)
	return uint64(ms) << clockCounterBits
}
