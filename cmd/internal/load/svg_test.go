package load

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
)

// drawn is the picture of a report, which must be XML without a number that is none.
func drawn(t *testing.T, r *Report) string {
	t.Helper()
	var b strings.Builder
	if err := r.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v: %s", err, b.String())
		}
	}
	for _, bad := range []string{"NaN", "Inf", "%!"} {
		if strings.Contains(b.String(), bad) {
			t.Errorf("%s in %s", bad, b.String())
		}
	}
	return b.String()
}

func TestThePictureHasAxesWithUnitsAndALineForEachFigure(t *testing.T) {
	r := &Report{
		Peers: []string{"a"}, Traffic: &TrafficReport{Writers: 2, Rooms: 1, Readers: 1, Size: 256}, SlotWidth: 1,
		Phases: []Phase{{Name: "a & b", Seconds: 2.001}, {Name: "50/s", Seconds: 1.999}},
		Timeline: []Slot{
			{At: 0, Due: 10, Acked: 9, Read: 10, P50Ack: 0.7, P99Ack: 3, P99Read: 2},
			{At: 1, Due: 12, Acked: 13, Read: 12, P50Ack: 0.7, P99Ack: 3},
			{At: 2, Due: 50, Acked: 50, Read: 50, P99Ack: 70},
			{At: 3, Due: 50, Acked: 50, Read: 50, P99Ack: 70},
			{At: 4, Due: 3},
		},
	}
	svg := drawn(t, r)
	for _, want := range []string{
		"messages per second", "ms from the intended moment", ">seconds<", ">due<", ">acknowledged<", "read, by all readers",
		"p99 to the acknowledgement", ">p50<", "p99 to the reader", "a &amp; b", ">50/s<", "2 writers in 1 room at 1 peer, 1 reader, messages of 256 bytes",
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("%q is not in the picture", want)
		}
	}
	// Six lines of data with four whole seconds each; the fifth is no whole one.
	if n := strings.Count(svg, `stroke-width="2" stroke-linejoin`); n != 6 {
		t.Errorf("%d lines", n)
	}
	if n := strings.Count(svg, "L"); n != 6*3 {
		t.Errorf("%d parts of lines", n)
	}
	r.Traffic.Readers = 0
	if svg := drawn(t, r); strings.Contains(svg, "reader<") || strings.Contains(svg, "read, by") {
		t.Error("without readers there is a line of what they read")
	}
}

func TestAPictureOfNothingIsRefusedAndOneOfASecondIsDrawn(t *testing.T) {
	r := &Report{Peers: []string{"a"}, Traffic: &TrafficReport{}, SlotWidth: 1, Phases: []Phase{{Seconds: 0.5}}, Timeline: []Slot{{Due: 1}}}
	if err := r.WriteSVG(io.Discard); err == nil {
		t.Error("it is drawn")
	}
	r.Phases[0].Seconds = 1
	r.Timeline[0] = Slot{}
	drawn(t, r)
}

func TestTicksAreRoundAndHoldEveryValue(t *testing.T) {
	for _, top := range []float64{0.3, 1, 3, 7, 20, 655, 1e6} {
		ticks := linearTicks(top, 5)
		if len(ticks) < 3 || len(ticks) > 7 || ticks[0] != 0 || ticks[len(ticks)-1] > top*1.000001 || ticks[len(ticks)-1] < top*0.6 {
			t.Errorf("up to %v: %v", top, ticks)
		}
	}
	for _, c := range []struct{ least, most float64 }{{0.7, 3}, {0.05, 5000}, {1, 1}, {2, 2}, {0.3, 0.4}, {9.9, 10.1}} {
		a := logarithmic([]line{{values: []float64{0, c.least, c.most}}})
		if low, high := a.at(c.least), a.at(c.most); low < 0 || high > 1 || low > high || a.at(0) != 0 || c.least < c.most && low == high {
			t.Errorf("%v to %v lie at %v to %v", c.least, c.most, low, high)
		}
		// Of many decades only the beginnings have a tick, not the ends of the axis.
		few := c.most/c.least < 1000
		if len(a.ticks) < 1 || len(a.ticks) > 10 || !slices.IsSorted(a.ticks) || few && (a.ticks[0] > c.least || a.ticks[len(a.ticks)-1] < c.most) {
			t.Errorf("%v to %v: ticks %v", c.least, c.most, a.ticks)
		}
	}
	for v, want := range map[float64]float64{1: 2, 2: 5, 5: 10, 0.2: 0.5, 0.05: 0.1, 2000: 5000} {
		if got := nextTick(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("behind %v comes %v", v, got)
		}
	}
}
