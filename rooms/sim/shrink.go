package sim

import (
	"slices"
	"testing"
)

// Shrink cuts a script that fails a check down to one from which nothing can be taken away
// without its passing that check: peers, delays, then actions in ever smaller parts, then the waits
// between them. It plays at most so many scripts.
func Shrink(t *testing.T, s *Script, o Options, name string, plays int) *Script {
	best := *s
	o.Trace = nil
	fails := func(c *Script) bool {
		if plays--; plays < 0 {
			return false
		}
		r := Play(t, c, o)
		if r.Failure == nil || r.Failure.Check != name {
			return false
		}
		best = *c
		return true
	}
	cutActions := func() (cut bool) {
		for size := len(best.Actions) / 2; size > 0; size /= 2 {
			for from := 0; from+size <= len(best.Actions) && plays > 0; {
				c := best
				c.Actions = slices.Delete(slices.Clone(best.Actions), from, from+size)
				if fails(&c) {
					cut = true
				} else {
					from += size
				}
			}
		}
		return cut
	}
	for plays > 0 && cutActions() {
		continue
	}
	for n := 2; n < best.Peers; n++ {
		c := best
		c.Peers = n
		if fails(&c) {
			break
		}
	}
	for _, simpler := range []func(*Script){
		func(c *Script) { c.Ring = false },
		func(c *Script) { c.Dropped = 0 },
	} {
		c := best
		if simpler(&c); c.Ring != best.Ring || c.Dropped != best.Dropped {
			fails(&c)
		}
	}
	for i := range best.Actions {
		if best.Actions[i].Wait == 0 {
			continue
		}
		c := best
		c.Actions = slices.Clone(best.Actions)
		c.Actions[i].Wait = 0
		fails(&c)
	}
	for plays > 0 && cutActions() {
		continue
	}
	return &best
}
