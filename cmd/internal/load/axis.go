package load

import (
	"math"
	"slices"
)

// An axis maps values to 0…1, and has ticks at round ones.
type axis struct {
	ticks []float64
	at    func(v float64) float64
}

// linear is an axis from 0 to above the largest value.
func linear(lines []line) axis {
	_, most := bounds(lines)
	ticks := linearTicks(most, 5)
	top := max(most, ticks[len(ticks)-1])
	return axis{ticks, func(v float64) float64 { return v / top }}
}

// logarithmic is an axis that holds every value above 0; others lie at its bottom.
func logarithmic(lines []line) axis {
	least, most := bounds(lines)
	var ticks []float64
	for exp := math.Floor(math.Log10(least)); ; exp++ {
		for _, digit := range []float64{1, 2, 5} {
			tick := digit * math.Pow(10, exp)
			if next := nextTick(tick); next <= least {
				continue
			}
			ticks = append(ticks, round(tick))
			if tick >= most {
				return thinned(ticks)
			}
		}
	}
}

// thinned is the axis between the outer ticks; of more than some decades only
// their beginnings have a tick.
func thinned(ticks []float64) axis {
	low, high := math.Log10(ticks[0]), math.Log10(ticks[len(ticks)-1])
	if low == high {
		high++
	}
	const most = 10
	if len(ticks) > most {
		ticks = slices.DeleteFunc(ticks, func(v float64) bool { return math.Abs(math.Log10(v)-math.Round(math.Log10(v))) > 1e-9 })
	}
	return axis{ticks, func(v float64) float64 {
		if v <= 0 {
			return 0
		}
		return min(max((math.Log10(v)-low)/(high-low), 0), 1)
	}}
}

// nextTick is the round number behind a round number: 1, 2, 5, 10, …
func nextTick(v float64) float64 {
	if digit := v / math.Pow(10, math.Floor(math.Log10(v)+1e-9)); digit > 1.5 && digit < 3 {
		return 2.5 * v
	}
	return 2 * v
}

// round takes away what binary fractions add to a decimal one.
func round(v float64) float64 { return math.Round(v*1e6) / 1e6 }

// bounds are the least value above 0, and the largest; 1 and 1 if there is none.
func bounds(lines []line) (least, most float64) {
	least, most = math.Inf(1), 0
	for _, l := range lines {
		for _, v := range l.values {
			if v > 0 {
				least, most = min(least, v), max(most, v)
			}
		}
	}
	if most == 0 {
		return 1, 1
	}
	return least, most
}

// linearTicks are round numbers from 0 on, some n of them, the last at most the top.
func linearTicks(top float64, n int) []float64 {
	step := math.Pow(10, math.Floor(math.Log10(top/float64(n))))
	for top/step > float64(n) {
		step = nextTick(round(step))
	}
	var ticks []float64
	for i := 0.0; i*step <= top*(1+1e-9); i++ {
		ticks = append(ticks, round(i*step))
	}
	return ticks
}
